"""Separated classes told in full: the exact direction, which coefficients run off which way, and the others' limits."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from logreg_parity import Dataset, MulticlassDataset
from logreg_parity.truth.multiclass_infinite import runaway_classes
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import flatten, with_ones
from parity_tests.solvers.test_multiclass_inference import DIGITS, Exact

X = np.array([[0.0], [1], [2], [3], [4], [5]])
APART = MulticlassDataset(X, [0, 0, 1, 2, 1, 2], "one apart", ("size",), ("a", "b", "c"))
IN_ORDER = MulticlassDataset(X, [0, 0, 1, 1, 2, 2], "in order", ("size",), ("a", "b", "c"))
OVERLAP = MulticlassDataset(X, [0, 1, 2, 0, 1, 2], "overlap", ("size",), ("a", "b", "c"))
# the second column is 0 for all but one class, that alone runs off; and a copy of the first is nobody's to decide
SPARSE = MulticlassDataset(
    np.column_stack([np.tile(X, (2, 1)), np.tile([0.0, 0, 1, 0, 0, 1], 2)]), np.tile([0, 1, 2, 1, 0, 2], 2), "sparse"
)
COPIED = MulticlassDataset(X[:, [0, 0]], [0, 0, 1, 2, 1, 2], "copied", ("one", "two"), ("a", "b", "c"))
FOUR = MulticlassDataset(
    np.column_stack([np.resize([0.0, 1, 2, 3, 4], 20), np.repeat([0.0, 1], 10)]),
    np.append(np.resize([0, 1, 1, 0, 1, 0, 0], 10), np.resize([2, 3, 3, 2, 2, 3, 2], 10)),
    "two and two",
)


def told(dataset, **options):
    found = runaway_classes(dataset, **options)
    return {name: (goes, limit) for name, goes, limit in zip(found.names, found.goes, found.limits, strict=True)}


@pytest.mark.parametrize("data", [APART, IN_ORDER, SPARSE, COPIED, FOUR], ids=lambda data: data.source)
@pytest.mark.parametrize("identified", [0, 1, None])
def test_the_direction_separates_exactly(data, identified):
    """In every row no other class gains on the row's own, in rational numbers, and some lose."""
    name = "sum-to-zero" if identified is None else data.class_names[identified]
    found = runaway_classes(data, identified=name)
    k = data.n_features + 1
    rows = [list(found.direction[n * k : n * k + k]) for n in range(len(found.names) // k)]
    if identified is not None:
        rows.insert(identified, [Fraction(0)] * k)
    if identified is None:
        first = [Fraction(0)] * k + list(runaway_classes(data, identified=data.class_names[0]).direction)
        mean = [sum(first[j::k]) / len(rows) for j in range(k)]
        assert [d for row in rows for d in row] == [d - mean[n % k] for n, d in enumerate(first)]
    gains = []
    for x, y in zip(with_ones(data.X), data.y, strict=True):
        z = [sum(Fraction(float(v)) * d for v, d in zip(x, row, strict=True)) for row in rows]
        gains += [z[y] - other for n, other in enumerate(z) if n != y]
    assert min(gains) >= 0 and max(gains) > 0
    assert found.status == ("separable" if min(gains) > 0 else "quasi-separable")
    for d, goes in zip(found.direction, found.goes, strict=True):
        assert (goes == "+inf") == (d > 0) and (goes == "-inf") == (d < 0)


def test_what_is_left_has_the_limits_of_a_fit_of_two_classes():
    """One class is apart; the others' rows choose between two."""
    rows = Dataset(X[2:], APART.y[2:] == 2, "left")
    slope, bias = flatten(find_optimum(rows).parameters)
    found = told(APART, identified="b")
    assert found["a: size"][0] == "-inf" and found["a: bias"][0] == "+inf"
    for name, wanted in (("c: size", slope), ("c: bias", bias)):
        assert found[name][0] == "finite" and abs(found[name][1] - wanted) <= 1e-9 * max(1, abs(wanted))
    assert abs(runaway_classes(APART).infimum - 4 / 6 * find_optimum(rows).value) <= 8 * np.finfo(float).eps
    assert "c: size to 0.908184263" in str(runaway_classes(APART, identified="b"))


def test_a_column_of_one_class_alone_and_a_copy():
    found = told(SPARSE, identified="0")
    assert [found[f"2: {name}"][0] for name in ("x2", "bias")] == ["+inf", "-inf"]
    assert found["1: x1"][0] == found["1: bias"][0] == "finite" and found["1: x2"][0] != "finite"
    copied = told(COPIED, identified="b")
    assert copied["c: one"][0] == copied["c: two"][0] == "any" and copied["c: bias"][0] == "finite"


class Penalised(Exact):
    """With l2 ‖θ‖² / 2 of what is beside the first class: an optimum that goes where the likelihood's would."""

    l2 = mpmath.mpf(0)

    def at(self, theta):
        value, g, H = super().at(theta)
        return value, g + self.l2 * mpmath.matrix(theta), H + self.l2 * mpmath.eye(len(theta))


@pytest.mark.slow
@pytest.mark.parametrize("data", [APART, SPARSE, FOUR], ids=lambda data: data.source)
def test_penalised_optima_go_where_it_says(data):
    """As the penalty falls a thousandfold, finite coefficients come nearer by a hundred, and the others run off."""
    found, exact = runaway_classes(data, identified=data.class_names[0]), Penalised(data)
    with mpmath.workdps(DIGITS):
        theta, before = mpmath.zeros(len(found.names), 1), None
        for power in range(2, 13):
            exact.l2 = mpmath.mpf(10) ** -power
            theta = exact.least(theta)[0]
            if power % 3 == 0 and power > 3:
                off = [abs(t - float(limit)) for t, limit in zip(theta, found.limits, strict=True)]
                for n, goes in enumerate(found.goes):
                    assert goes != "+inf" or theta[n] > 0
                    assert goes != "-inf" or theta[n] < 0
                    known = 1e-9 * max(1, abs(found.limits[n]))
                    assert goes != "finite" or before is None or off[n] <= max(before[n] / 100, known)
                before = off


def test_where_there_is_an_optimum_or_too_many_rows_nothing_is_told():
    assert runaway_classes(OVERLAP) is None
    many = MulticlassDataset(np.tile(X, (2000, 1)), np.tile(APART.y, 2000), "many")
    assert runaway_classes(many) is None
