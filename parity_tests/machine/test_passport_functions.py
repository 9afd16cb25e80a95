"""The table of the frameworks' functions: its exact values, and that what is off is found."""

import math
from itertools import product

import mpmath
import numpy as np
import pytest

from logreg_parity.judge.figures import png
from logreg_parity.machine import functions
from logreg_parity.machine.functions import EDGES, FUNCTIONS, exact
from logreg_parity.machine.maxima import load
from logreg_parity.twins import load_part
from parity_tests.pages import ROOT

BRIDGES = [load_part(twin, "bridge.functions") for twin in ("logreg_torch", "logreg_jax")]
POINT = {"acosh": 1.7, "atanh": 0.3, "asin": 0.3, "acos": 0.3, "erfinv": 0.3, "ndtri": 0.3, "logit": 0.3}


def test_both_frameworks_have_the_table():
    assert all(list(bridge.FUNCTIONS) == list(BRIDGES[0].FUNCTIONS) for bridge in BRIDGES)
    assert set(FUNCTIONS) == set(BRIDGES[0].FUNCTIONS) and len(FUNCTIONS) >= 55


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_derivative_is_that_of_its_function(name):
    """The central difference at h = 1e-20 in 50 digits is off by h²."""
    x = mpmath.mpf(POINT.get(name, 0.7))
    with mpmath.workdps(90):
        h = mpmath.mpf(10) ** -20
        functions.flint.ctx.prec = 400
        values = [FUNCTIONS[name].value(functions.Ball(mpmath.nstr(x + s * h, 60))) for s in (1, -1)]
        one, two = (mpmath.mpf(value.str(60, radius=False)) for value in values)
        slope = exact(name, float(x), derivative=True)
        assert abs((one - two) / (2 * h) - mpmath.mpf(slope.str(60, radius=False))) < mpmath.mpf(10) ** -15


@pytest.mark.parametrize(("name", "derivative"), [("exp", False), ("lgamma", False), ("i0e", True)])
def test_the_frameworks_compute_what_the_table_says(name, derivative):
    x = np.array([0.4, 0.7, 3.0])
    for bridge in BRIDGES:
        got = bridge.computed(name, x, "float64", "cpu", derivative)
        assert functions.errors(name, x, got, "float64", derivative).ulps.max() < 100


def test_an_error_is_found_and_climbed_to():
    """Three ulps of float64 in one narrow place."""

    def ask(x):
        right = np.array([float(exact("exp", value).mid()) for value in x])
        return np.where(np.abs(x - 1.25) < 0.05, right + 3 * np.spacing(right), right)

    found = functions._searched(ask, "exp", "float64", False)
    assert abs(found["at"] - 1.25) < 0.05 and 2.9 < found["largest"] < 3.6


def test_a_sweep_finds_one_float32_that_is_off():
    block = functions.BLOCK
    bits = np.float32(1.0).view(np.uint32)
    off = np.float32(1.0000001192092896)

    def wide(x):
        return np.exp(x)

    def ask(x):
        right = np.exp(x).astype(np.float32)
        return np.where(x == off, np.nextafter(right, np.float32(9e9)), right).astype(np.float64)

    blocks = range(int(bits) // block, int(bits) // block + 1)
    start = {"inputs": 0, "largest": 0.0, "at": 0.0}
    found = functions._swept(ask, wide, start, "exp", False, blocks, print)
    assert found["at"] == float(off) and found["largest"] > 0.9 and found["inputs"] == 2 * block


def test_the_kept_rows_are_of_the_table():
    rows = load(functions.KEPT)
    assert {row.function.rstrip("'") for row in rows} == set(FUNCTIONS)
    assert {(row.framework, row.dtype) for row in rows} == set(product(("torch", "jax"), ("float32", "float64")))


def test_the_picture_shows_every_row_and_keeps_within_its_edges():
    rows = load(functions.KEPT)
    figure = functions.picture(rows)
    drawn = [dots.get_offsets()[:, 0] for axis in figure.axes for dots in axis.collections]
    wanted = [
        [row.largest for row in rows if row.function.endswith("'") == slope and (row.framework, row.dtype) == kind]
        for slope in (False, True)
        for kind in product(("jax", "torch"), ("float32", "float64"))
    ]
    assert [sorted(x) for x in drawn] == [sorted(np.clip(x, *EDGES)) for x in wanted]
    assert np.isinf(max(map(max, wanted))) and png(figure).startswith(b"\x89PNG")


erf, erfc = (np.vectorize(f, otypes=[float]) for f in (math.erf, math.erfc))
CAUSES = {  # of the largest errors: a formula that has them, and one of the same format that has not
    ("cosh", "float64"): (lambda x: np.exp(x) / 2, lambda x: np.exp(x / 2) * (np.exp(x / 2) / 2)),
    ("exp2'", "float32"): (
        lambda x: np.float32(math.log(2)) * np.exp2(x),
        lambda x: np.float32(math.log(2)) * np.exp2(x / 2) * np.exp2(x / 2),
    ),
    ("rsqrt'", "float32"): (lambda x: -((1 / np.sqrt(x)) ** 3) / 2, lambda x: -1 / (2 * np.sqrt(x)) / x),
    ("reciprocal'", "float32"): (lambda x: -1 / np.where(x * x < 2.0**-126, 0, x * x), lambda x: -1 / x / x),
    ("sinc'", "float64"): (
        lambda x: (np.cos(np.pi * x) * x * np.pi - np.sin(np.pi * x)) / (np.pi * x * x),
        lambda x: -(np.pi**2) * x / 3,
    ),
    ("softsign'", "float64"): (
        lambda x: 1 / (1 + abs(x)) - abs(x) / (1 + abs(x)) ** 2,
        lambda x: 1 / (1 + abs(x)) / (1 + abs(x)),
    ),
    ("tanh'", "float64"): (lambda x: 1 - np.tanh(x) ** 2, lambda x: 1 / np.cosh(x) ** 2),
    ("gelu", "float64"): (lambda x: x / 2 * (1 + erf(x / np.sqrt(2))), lambda x: x / 2 * erfc(-x / np.sqrt(2))),
    ("asinh'", "float64"): (lambda x: 1 / np.sqrt(x * x + 1), lambda x: 1 / np.hypot(x, 1)),
    ("expm1'", "float64"): (lambda x: np.expm1(x) + 1, np.exp),
}


@pytest.mark.parametrize(("name", "dtype"), CAUSES)
def test_the_largest_errors_have_the_cause_that_the_page_names(name, dtype):
    """At the place of every kept row beyond 2^20 ulps the formula has such an error, and the other keeps its digits."""
    rows = [row for row in load(functions.KEPT) if (row.function, row.dtype) == (name, dtype) and row.largest > 2**20]
    assert rows and f"\n| {name}" in (ROOT / "docs" / "passport.md").read_text(encoding="utf-8")
    x = np.array([row.at for row in rows], dtype)
    with np.errstate(all="ignore"):
        off, near = (
            functions.errors(name.rstrip("'"), x.astype(float), f(x).astype(float), dtype, name.endswith("'")).ulps
            for f in CAUSES[name, dtype]
        )
    assert off.min() > 2**20 and near.max() < 2**10
