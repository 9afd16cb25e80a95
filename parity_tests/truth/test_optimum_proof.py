"""What the proofs of an optimum rest on: penalty and edge cases, and planted faults that they must reject."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from logreg_parity.data.dataset import Parameters
from logreg_parity.truth import optimum, oracle
from logreg_parity.truth.optimum import distance_bound, find_optimum
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.separation import rational, separation
from logreg_parity.truth.ulp import ulp_distance
from parity_tests.certified import (
    HARD_DATA,
    OVERLAP,
    SEPARATED,
    assert_same_optimum,
    assert_separated,
    dataset,
    squared,
)


def gradient(data, parameters, **options):
    return flatten(oracle.evaluate(data, parameters, **options).gradient)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("l2", [0.25, 1e-300])
def test_penalty_makes_separable_data_finite(l2, reduction):
    """By symmetry b = 0; w is where the exact slope changes its sign between neighbouring numbers."""
    data = dataset([-1, 1], [0, 1])
    found = find_optimum(data, l2=l2, reduction=reduction)
    w, b = found.parameters.weight[0], found.parameters.bias
    slopes = [
        gradient(data, Parameters(np.array([at]), 0.0), l2=l2, reduction=reduction)[0]
        for at in (np.nextafter(w, -np.inf), np.nextafter(w, np.inf))
    ]
    assert find_optimum(data).status == "separable"
    assert found.status == "finite"
    assert b == 0
    assert slopes[0] < 0 < slopes[1]


def test_penalty_of_the_mean_counts_rows():
    assert_same_optimum(
        find_optimum(OVERLAP, l2=0.25), find_optimum(OVERLAP, l2=0.25 * OVERLAP.n_rows, reduction="sum")
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_value_is_the_objective(reduction):
    """The oracle's value at the rounded point differs by the square of the rounding: not in float64."""
    options = {"l2": 0.25, "reduction": reduction}
    found = find_optimum(OVERLAP, **options)
    exact = oracle.evaluate(OVERLAP, found.parameters, **options).objective
    assert ulp_distance(found.value, float(exact), "float64") <= 1


@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class(label, l2):
    data = replace(OVERLAP, y=np.full(OVERLAP.n_rows, label))
    found = find_optimum(data, l2=l2)
    assert_separated(data, found, "separable")
    assert found.direction == (0, 0, 2 * label - 1)
    assert found.value == 0


@pytest.mark.parametrize("options", [{"l2": -0.5}, {"l2": np.nan}, {"reduction": "max"}])
def test_refused(options):
    with pytest.raises(ValueError, match=f"is {next(iter(options.values()))!r}; give"):
        find_optimum(OVERLAP, **options)


@pytest.mark.parametrize("at", range(3))
def test_direction_with_one_wrong_sign_is_rejected(at):
    direction = list(find_optimum(SEPARATED).direction)
    direction[at] = -direction[at]
    assert separation(SEPARATED, direction) is None


@pytest.mark.parametrize("row", range(SEPARATED.n_rows))
def test_direction_with_one_label_changed_is_rejected(row):
    y = SEPARATED.y.copy()
    direction = find_optimum(SEPARATED).direction
    for label in (1 - y[row], 0.5):
        y[row] = label
        assert separation(replace(SEPARATED, y=y), direction) is None


def test_direction_off_by_less_than_a_float_is_rejected():
    data = HARD_DATA["duplicates_opposite_labels_still_quasi"]
    assert separation(data, (Fraction(1), Fraction(0))) == "quasi-separable"
    assert separation(data, (Fraction(1), Fraction(1, 10**400))) is None
    assert separation(data, (Fraction(0), Fraction(0))) is None


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("moved", [1e-3, -1e-3, 1e-9])
def test_bound_at_a_moved_point_still_holds_the_optimum(moved, at):
    found = find_optimum(OVERLAP)
    theta = flatten(found.parameters)
    theta[at] += moved
    bound = distance_bound(OVERLAP, Parameters(theta[:-1], theta[-1]))
    distance = squared(theta - flatten(found.parameters))
    assert (Fraction(bound) + Fraction(found.radius)) ** 2 >= distance
    assert np.isfinite(bound)


@pytest.mark.parametrize("name", ["offset_16777216_float32", "inversion_1e-9_overlap", "scale_1e-10"])
def test_bound_of_ill_conditioned_data_holds_the_optimum(name):
    found = find_optimum(HARD_DATA[name])
    theta = flatten(found.parameters) * (1 + 2.0**-40)
    bound = distance_bound(HARD_DATA[name], Parameters(theta[:-1], theta[-1]))
    distance = squared(theta - flatten(found.parameters))
    assert (Fraction(bound) + Fraction(found.radius)) ** 2 >= distance


@pytest.mark.parametrize("moved", [2.0**-40, 2.0**-10, 2.0**-1, -(2.0**-2), -(2.0**-10)])
def test_bound_where_the_proof_is_tight(moved):
    """One event in 4096 rows at x = 0: F'' is nearly proportional to exp z, the most that |σ''| ≤ σ' permits.

    The many rows at x = 1 reach less far in the norm of H; their logit stays where it is.
    """
    data = dataset([0, 0, 1, 1], [0, 1, 0, 1], [4095, 1, 2**20, 2**20])
    found = find_optimum(data)
    w, b = found.parameters.weight[0] - moved, found.parameters.bias + moved
    bound = distance_bound(data, Parameters(np.array([w]), b))
    distance = squared(np.array([w, b]) - flatten(found.parameters))
    assert distance <= (Fraction(bound) + Fraction(found.radius)) ** 2
    # Were F'' = exp, the bound would be x above the optimum, and -log(2 - exp(x)) < 2x at x ≤ 1/4 below it.
    assert Fraction(bound) ** 2 < 4 * distance


def test_bound_counts_its_own_rounding(monkeypatch):
    """In 40 bits, at 40-bit numbers about the optimum -log 3: where the computed g is 0, the exact is not."""
    data = dataset(np.zeros((2, 0)), [0, 1], [3, 1])
    found = find_optimum(data)
    monkeypatch.setattr(optimum, "PRECISIONS", (40,))
    for b in np.round(found.parameters.bias * 2.0**39 + np.arange(-50, 50)) / 2.0**39:
        bound = distance_bound(data, Parameters(np.zeros(0), b))
        assert abs(Fraction(b) - Fraction(found.parameters.bias)) <= Fraction(bound) + Fraction(found.radius)
        assert bound < np.inf


def test_no_bound_far_from_the_optimum():
    assert distance_bound(OVERLAP, Parameters(np.array([30.0, -30.0]), 0.0)) == np.inf


@pytest.mark.parametrize("size", [0.0, 1.0, 100.0, 1e4])
def test_no_bound_where_there_is_no_optimum(size):
    """Along the separating direction the gradient vanishes; the curvature does so too, and faster."""
    direction = np.array([float(d) for d in find_optimum(SEPARATED).direction])
    assert distance_bound(SEPARATED, Parameters(size * direction[:-1], size * direction[-1])) == np.inf
    dependent = HARD_DATA["dummy_trap"]
    assert distance_bound(dependent, Parameters(np.full(3, size), -size)) == np.inf


@pytest.mark.parametrize("bits", [8, 12, 16, 24, 40])
def test_with_few_bits_little_is_promised_and_kept(bits, monkeypatch):
    best = find_optimum(OVERLAP)
    monkeypatch.setattr(optimum, "PRECISIONS", (bits,))
    found = find_optimum(OVERLAP)
    distance = squared(flatten(found.parameters) - flatten(best.parameters))
    assert 0 < distance <= (Fraction(found.radius) + Fraction(best.radius)) ** 2
    assert distance_bound(OVERLAP, best.parameters) > 2.0**-bits


def test_with_too_few_bits_nothing_is_promised(monkeypatch):
    """With fewer bits than its own rounding errors need, the proof must fail."""
    there = find_optimum(OVERLAP).parameters
    monkeypatch.setattr(optimum, "PRECISIONS", (4,))
    assert find_optimum(OVERLAP) == ("undecided", None, None, None, None)
    assert distance_bound(OVERLAP, there) == np.inf


def test_proposals_are_not_believed(monkeypatch):
    """No direction gets through that does not separate, whoever proposes it; Newton's method finds one."""
    wrong = [rational(np.array(d)) for d in ([1, 0, 0], [0, 0, 0], [-1, 2, 3])]
    monkeypatch.setattr(optimum, "directions", lambda rows, l2: iter(wrong))
    assert find_optimum(OVERLAP).status == "finite"
    assert_separated(SEPARATED, find_optimum(SEPARATED), "separable")
