"""The sweep: its reference, its coverage, planted errors, and the kept maxima against the frameworks that are here."""

import dataclasses
import json
from math import ceil, inf

import numpy as np
import pytest

from logreg_parity.cli import main
from logreg_parity.machine import maxima, sweep
from logreg_parity.machine.maxima import ALLOWED, complaint, nearest
from logreg_parity.machine.probes import exact_functions
from logreg_parity.machine.sweep import FUNCTIONS, Exact, Worst
from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import FUNCTION_ULPS
from parity_tests.conftest import TWINS

KEPT = maxima.load()
SMALL = ["passport", "sweep", "--functions", "loss", "--sample", "1000", "--dtypes", "float32", "--twins"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_reference_is_within_16_u(function):
    """Of exact, wherever the exact value is a float32 number or more; the module's docstring derives it."""
    blocks, _ = sweep.sampled_float32(6000)
    z = np.concatenate([*blocks, np.array([0.0, -0.0], np.float32)])
    exact = exact_functions(z.astype(np.float64), np.zeros(len(z)))[function]
    error, size = oracle.distance(sweep.near_exact(z)[function], exact), np.abs(exact).astype(np.float64)
    there = size >= 2.0**-149
    assert (error[there] <= 16 * 2.0**-53 * size[there]).all() and there.sum() > 4000


def test_every_number_is_looked_at_once(monkeypatch):
    assert 2 * sweep.INFINITY == 2 * (254 * 2**23 + 2**23)  # 254 binades, the subnormal numbers and 0; both signs
    monkeypatch.setattr(sweep, "INFINITY", 1000)
    monkeypatch.setattr(sweep, "BLOCK", 300)
    blocks, total = sweep.every_float32()
    bits = np.concatenate(list(blocks)).view(np.uint32)
    assert total == len(bits) and set(bits) == {sign << 31 | k for sign in (0, 1) for k in range(1000)}


def test_a_sample_is_about_as_large_as_asked_and_bends_are_dense():
    blocks, total = sweep.sampled_float32(10_000)
    z = np.abs(np.concatenate(list(blocks)))
    assert total == len(z) and abs(total - 10_000) <= 4
    low, high = sweep.BENDS
    assert ((z >= low) & (z < high)).mean() > 7 / 8


def looked_at(change):
    """The Worst of σ at three logits whose values were changed: -100 has a subnormal result, -200 one that vanishes."""
    z = np.array([1.0, -100.0, -200.0])
    values = sweep.near_exact(z)["sigmoid"]
    worst = Worst()
    worst.add(z, change(values.astype(np.float32).astype(np.float64)), Exact(values, "float32"))
    return worst


def test_what_is_right_is_off_by_half_an_ulp_at_most():
    worst = looked_at(lambda values: values)
    assert (worst.inputs, worst.subnormal, worst.flushed) == (3, 1, 0)
    assert 0 < worst.largest <= 0.5 and worst.at == 1.0 and worst.below <= 2.0**-24


def test_planted_errors_are_found():
    three_ulps = looked_at(lambda values: values + np.array([3 * 2.0**-24, 0, 0]))
    flushed = looked_at(lambda values: np.where(values < 2.0**-126, 0, values))
    too_large = looked_at(lambda values: values + np.array([0, 0, 2.0**-125]))
    lost = looked_at(lambda values: values * np.array([np.nan, 1, 1]))
    assert 2.5 <= three_ulps.largest <= 3.5 and three_ulps.at == 1.0
    assert flushed.flushed == 1 and flushed.largest <= 0.5 and 0 < flushed.below < 1
    assert too_large.below == 2.0 and lost.largest == inf


def test_climbing_finds_a_peak_that_the_sample_misses():
    """Errors that rise to 8 ulp at 1.1: less than 1 at the nearest point of the sample."""
    start = np.array([-3.0, 1.0, 2.0])

    def place(function, z):
        right = exact_functions(z, np.zeros(len(z)))[function].astype(np.float64)
        return right + np.rint(8 * np.maximum(0, 1 - np.abs(z - 1.1) / 0.11)) * 2.0**-53

    exact = exact_functions(start, np.zeros(3))["sigmoid"]
    assert Worst().add(start, place("sigmoid", start), Exact(exact, "float64")).max() <= 1.5
    found = sweep.climb(place, "sigmoid", start, exact)
    assert found.largest > 7 and abs(found.at - 1.1) < 0.02


# -- the kept rows -----------------------------------------------------------------------------------------------------


def test_every_function_of_both_twins_is_kept_in_both_formats():
    kept = {(row.function, row.framework, row.dtype) for row in KEPT}
    assert kept == {
        (f, framework, d) for f in FUNCTIONS for framework in ("torch", "jax") for d in ("float32", "float64")
    }
    kinds = {"float32": ("exhaustive", 2 * sweep.INFINITY), "float64": ("searched", None)}
    for row in KEPT:
        kind, inputs = kinds[row.dtype]
        assert row.kind == kind and row.inputs == (inputs or row.inputs)


@pytest.mark.parametrize("number", range(len(KEPT)))
def test_a_kept_row_is_within_what_the_bounds_allow(number):
    assert complaint(KEPT[number], KEPT) is None
    assert ALLOWED.get(KEPT[number].function, inf) >= KEPT[number].largest


def test_the_bounds_allow_no_more_than_the_rows_need():
    assert ceil(max(row.largest for row in KEPT if ALLOWED.get(row.function) == FUNCTION_ULPS)) == FUNCTION_ULPS


def measured(name, dtype, mode):
    """Rows of a twin as it is here: a sample, and the worst inputs of every kept row, 64 times for whole vectors."""
    (place,) = sweep.places([name], list(FUNCTIONS), dtype)
    place = dataclasses.replace(place, bench=dataclasses.replace(place.bench, mode=mode))
    worst = {(place, function): Worst() for function in FUNCTIONS}
    known = np.repeat([row.at for row in KEPT if row.dtype == dtype], 64)
    if dtype == "float32":
        for z in (*sweep.sampled_float32(40_000)[0], known.astype(np.float32)):
            sweep.look(worst, z)
    else:
        z = np.concatenate([sweep.starting_points()[::10], known])
        exact = exact_functions(z, np.zeros(len(z)))
        for function in FUNCTIONS:
            worst[place, function].add(z, place(function, z), Exact(exact[function], dtype))
    return [sweep._row(*key, so_far, "sampled") for key, so_far in worst.items()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "mode"), [("logreg_torch", "eager"), ("logreg_jax", "jit"), ("logreg_jax", "eager")])
def test_no_function_exceeds_its_row(name, mode, dtype):
    """An installed release that does is named with the row and the command that measures it anew."""
    kept_mode = {"logreg_torch": "eager", "logreg_jax": "jit"}[name]
    found = [complaint(row._replace(mode=kept_mode), KEPT) for row in measured(name, dtype, mode)]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("function", ["loss", "loss_slope", "loss_curvature"])
def test_label_1_is_label_0_at_the_opposite_logit(name, function):
    """To the last bit: the rows of label 0 stand for both."""
    (place,) = sweep.places([name], [function], "float32")
    (z,) = sweep.sampled_float32(20_000)[0]
    sign = -1 if function == "loss_slope" else 1
    assert np.array_equal(place.bench(function, -z, np.ones_like(z)), sign * place(function, z))


@pytest.mark.parametrize("name", TWINS)
def test_odd_ends_of_vectors_go_the_road_of_numbers_apart(name):
    """What sigmoid_apart measures is what the last few numbers of a vector get."""
    (place,) = sweep.places([name], ["sigmoid"], "float32")
    z = np.concatenate([*sweep.sampled_float32(300)[0]])
    apart, alone = place("sigmoid_apart", z), np.concatenate([place("sigmoid", z[k : k + 1]) for k in range(len(z))])
    assert np.array_equal(apart, alone)


# -- what a row is held to ---------------------------------------------------------------------------------------------

ROW = next(row for row in KEPT if row.function == "loss")._replace(largest=2.5)


def test_a_release_that_exceeds_its_row_is_told_so():
    worse = ROW._replace(version="99", largest=ROW.largest + 0.01, kind="sampled")
    words = complaint(worse, [ROW])
    assert "99" in words and str(ROW) in words and "logreg-parity passport sweep" in words
    assert complaint(worse._replace(largest=ROW.largest), [ROW]) is None


def test_another_instruction_set_is_held_to_the_bounds_only():
    elsewhere = ROW._replace(instructions="another", largest=ROW.largest + 0.01)
    assert nearest(elsewhere, [ROW]) is None and complaint(elsewhere, [ROW]) is None
    assert "the bounds allow 3" in complaint(elsewhere._replace(largest=3.01), [ROW])
    assert "below the normal numbers" in complaint(ROW._replace(below=1.5), [ROW])


def test_a_version_of_its_own_goes_before_others():
    old, new = ROW._replace(version="1", largest=2.0), ROW._replace(version="2", largest=1.0)
    assert nearest(new, [old, new]) is new
    assert nearest(ROW._replace(version="3"), [new, old]) is old


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_adds_rows_to_a_file(tmp_path, capsys):
    file = tmp_path / "maxima.json"
    for name in TWINS:
        assert main([*SMALL, name, "--out", str(file)]) == 0
    rows = maxima.load(file)
    assert [(row.framework, row.kind, row.function) for row in rows] == [
        (f, "sampled", "loss") for f in ("jax", "torch")
    ]
    assert all(0.5 < row.largest <= FUNCTION_ULPS for row in rows)
    assert "largest errors in ulps" in capsys.readouterr().out and list(tmp_path.iterdir()) == [file]


def test_the_command_says_what_exceeds_the_kept_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(maxima, "load", lambda path=None: [row._replace(largest=0.6) for row in KEPT])
    same_machine = any(row.instructions == sweep.instructions() for row in KEPT)
    assert main([*SMALL, "logreg_jax", "--out", str(tmp_path / "new.json")]) == (1 if same_machine else 0)
    assert ("the kept row says" in capsys.readouterr().out) == same_machine


def test_interrupted_it_writes_nothing(tmp_path, monkeypatch, capsys):
    file = tmp_path / "maxima.json"
    sweep.save([ROW], file)
    before = file.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "look", interrupt)
    assert main([*SMALL, "logreg_torch", "--out", str(file)]) == 130
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--functions", "cosine"], "'cosine'"), (["--twins", "logreg_parity.truth.reference"], "probes")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_swept(tmp_path, options, word, capsys):
    assert main(["passport", "sweep", "--out", str(tmp_path / "new.json"), *options]) == 2
    assert word in capsys.readouterr().err and not any(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "[]", '{"format": "x"}', json.dumps({"format": maxima.FORMAT, "rows": [{}]})])
def test_a_file_of_something_else_is_left_alone(tmp_path, content, capsys):
    file = tmp_path / "other.json"
    file.write_text(content)
    assert main([*SMALL, "logreg_torch", "--out", str(file)]) == 2
    assert "other.json" in capsys.readouterr().err and file.read_text() == content
