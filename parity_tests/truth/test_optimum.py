"""Optima and separations against certified ones: the lesson, the hard cases, real data; and their relations."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from logreg_parity.data.dataset import Parameters
from logreg_parity.data.generator import lesson, lesson_datasets
from logreg_parity.truth import optimum
from logreg_parity.truth.optimum import distance_bound, find_optimum
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.separation import rational, separation
from logreg_parity.truth.ulp import ulp, ulp_distance
from parity_tests.certified import (
    CERTIFIED,
    FALL,
    HARD,
    HARD_DATA,
    HARD_TRUTH,
    OVERLAP,
    RISE,
    STEP_LABELS,
    STEPS,
    SUITE,
    SUITE_TRUTH,
    WORDS,
    assert_nearest,
    assert_same_optimum,
    assert_separated,
    assert_within,
    bias_last,
    certified,
    dataset,
    margins,
    reference,
    squared,
)

LESSON = {p["pattern"]: p for p in reference("lesson_data_all_32")["patterns"]}
LESSON_DATA = {d.source.split()[2]: d for d, _ in lesson_datasets()}


@pytest.mark.parametrize("pattern", LESSON)
def test_lesson(pattern):
    data, truth = LESSON_DATA[pattern], LESSON[pattern]
    found = find_optimum(data)
    if truth["separable"]:
        assert_separated(data, found, "separable")
        assert found.value == 0
    else:
        printed = [truth["w_str"], truth["b_str"]]
        assert found.status == "finite"
        assert_nearest(found.parameters, printed)
        assert_within(found.parameters, found.radius, printed)


def test_lesson_is_complete():
    assert sorted(LESSON) == sorted(LESSON_DATA)
    assert sum(p["separable"] for p in LESSON.values()) == 6  # and with 59 % of the probability


def test_lesson_with_soft_labels_is_recovered():
    """The labels are rounded, so the optimum is not (2, 1) but within the proved distance of it."""
    data = lesson(labels="soft")
    found, bound = find_optimum(data), distance_bound(data, data.true_parameters)
    gap = flatten(found.parameters) - flatten(data.true_parameters)
    assert found.status == "finite"
    assert squared(gap) <= (Fraction(bound) + Fraction(found.radius)) ** 2
    assert bound < np.inf


@pytest.mark.parametrize("name", HARD_TRUTH)
def test_hard_case(name):
    data, truth, status = HARD_DATA[name], HARD_TRUTH[name], HARD[name][3]
    found = find_optimum(data, reduction="sum")
    assert found.status == status
    assert WORDS[truth["status_computed"].split(" ")[0]] in (
        status,
        "finite" if status == "not unique" else None,
    )
    if found.direction is not None:
        assert_separated(data, found, status)
    if "mle" in truth:
        printed = bias_last(truth["mle"]["coef"])
        assert_nearest(found.parameters, printed)
        assert_within(found.parameters, found.radius, printed)
        assert ulp_distance(found.value, float(truth["mle"]["sum_nll"]), "float64") == 0


def test_hard_cases_with_closed_forms():
    """log is within 1 ulp of exact, a difference of two adds half an ulp and what cancels: 4 ulp in all."""
    bias = find_optimum(HARD_DATA["all_rows_identical"])
    assert ulp_distance(bias.parameters.bias, np.log(2), "float64") <= 1
    assert (bias.parameters.weight == 0).all()
    quasi = find_optimum(HARD_DATA["duplicates_opposite_labels_still_quasi"])
    assert ulp_distance(quasi.value, np.log(2) / 3, "float64") <= 2  # the mean of six: two rows keep log 2
    dummies = find_optimum(HARD_DATA["dummy_trap"]).parameters
    wanted = np.log([4 / 6, 7 / 5, 3 / 6])
    got = dummies.weight + dummies.bias
    assert ulp_distance(got, wanted, "float64").max() <= 4


@pytest.mark.parametrize("gap", [1e-9, 1e-12, 1e-300])
def test_one_feature_is_decided_by_comparing_floats(gap, monkeypatch):
    """No linear program sees such a gap between the classes, and none is asked."""
    monkeypatch.setattr("logreg_parity.truth.separation._program", None)
    x = np.concatenate([FALL, RISE, [-gap, gap]])
    y = np.concatenate([np.zeros(9), np.ones(9), [0, 1]])
    separated = dataset(x, y)
    found = find_optimum(separated)
    assert_separated(separated, found, "separable")
    assert found.direction == (1, 0)  # the middle of the gap
    assert find_optimum(dataset(x, np.concatenate([y[:18], [1, 0]]))).status == "finite"


@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_fit(name):
    truth, found = reference(name), find_optimum(certified(name), reduction="sum")
    printed = bias_last(truth["fit_float64_inputs"]["coef"])
    assert truth["certificate"]["proved"]
    assert found.status == "finite"
    assert_nearest(found.parameters, printed)
    assert_within(found.parameters, found.radius, printed)
    # Each parameter is rounded once, by half an ulp at most, which is all of the radius but its own rounding.
    half_ulps = [Fraction(float(spacing)) / 2 for spacing in ulp(flatten(found.parameters), "float64")]
    assert Fraction(np.nextafter(np.nextafter(found.radius, 0), 0)) ** 2 <= squared(half_ulps)


@pytest.mark.parametrize("name", SUITE)
def test_real_design(name):
    data, truth = SUITE[name], SUITE_TRUTH[name]
    found = find_optimum(data)
    assert (data.n_rows, data.n_features + 1) == (truth["n"], truth["p"])
    if truth["status"] == "overlap":
        assert found.status == "finite"
        assert_nearest(found.parameters, bias_last(truth["mle"]))
        assert_within(found.parameters, found.radius, bias_last(truth["mle"]))
    else:
        assert_separated(data, found, WORDS[truth["status"]])


def test_weights_are_repeated_rows():
    weight = np.random.RandomState(0).randint(0, 4, OVERLAP.n_rows)
    weighted = replace(OVERLAP, sample_weight=weight)
    repeated = OVERLAP.take(np.repeat(np.arange(OVERLAP.n_rows), weight))
    assert_same_optimum(find_optimum(weighted), find_optimum(repeated))


def test_rows_of_weight_zero_do_not_count():
    """The rows that overlap have weight zero: what is left separates."""
    x, y, weight = [0, 1, 2, 3, 5, -5], [0, 0, 1, 1, 0, 1], [1, 1, 1, 1, 0, 0]
    assert find_optimum(dataset(x, y)).status == "finite"
    found = find_optimum(dataset(x, y, weight))
    assert found.status == separation(dataset(x, y, weight), found.direction) == "separable"
    assert separation(dataset(x, y), found.direction) is None
    assert find_optimum(dataset(x, y, [1, 1, 0, 0, 1, 0])).status == "separable"  # one class only


def test_soft_labels_are_rows_of_both_labels():
    y = np.random.RandomState(0).randint(0, 5, OVERLAP.n_rows) / 4
    both = dataset(np.tile(OVERLAP.X, (2, 1)), np.repeat([1, 0], len(y)), np.concatenate([y, 1 - y]))
    assert_same_optimum(find_optimum(replace(OVERLAP, y=y)), find_optimum(both))


def test_soft_labels_must_lie_on_the_boundary():
    one = find_optimum(dataset([-1, 0.5, 1], [0, 0.5, 1]), reduction="sum")
    assert (one.status, one.parameters) == ("quasi-separable", None)
    assert separation(dataset([-1, 0.5, 1], [0, 0.5, 1]), one.direction) == "quasi-separable"
    assert ulp_distance(one.value, np.log(2), "float64") <= 1  # of NumPy's log
    assert find_optimum(dataset([-1, -0.5, 0.5, 1], [0, 0.5, 0.5, 1])).status == "finite"
    assert find_optimum(dataset([0, 1], [1, 0.5])).status == "quasi-separable"


def test_labels_and_signs_flip_together():
    found, flipped = find_optimum(OVERLAP), find_optimum(replace(OVERLAP, y=1 - OVERLAP.y))
    wanted = Parameters(-found.parameters.weight, -found.parameters.bias)
    assert_same_optimum(flipped, found._replace(parameters=wanted))


def test_columns_scale_by_powers_of_two():
    scale = np.array([2.0**300, 2.0**-300])
    found, scaled = find_optimum(OVERLAP), find_optimum(replace(OVERLAP, X=OVERLAP.X * scale))
    wanted = Parameters(found.parameters.weight / scale, found.parameters.bias)
    assert_same_optimum(scaled, found._replace(parameters=wanted))


def test_symmetric_data_has_bias_zero():
    """Every row has its mirror image with the other label: b = 0, and not some last rounding."""
    mirrored = dataset(np.concatenate([OVERLAP.X, -OVERLAP.X]), np.concatenate([OVERLAP.y, 1 - OVERLAP.y]))
    assert find_optimum(mirrored).parameters.bias == 0


def test_newton_does_not_overshoot():
    """Full steps from zero end on this flat stretch: it is why long ones are halved."""
    found = find_optimum(dataset([-3, 5, -3, 5, 1000, 1], [0, 0, 1, 1, 0, 1], [1, 30, 1000, 30, 30, 5]))
    assert found.status == "finite"


@pytest.mark.parametrize("offset", [0, 2.0**20, 2.0**30, 2.0**50])
def test_quasi_separation_far_from_zero(offset):
    """One unit in the last place, or nearly, is all that the columns vary by; the infimum does not change."""
    near, far = (dataset(np.column_stack([STEPS + at, [1, 0, 1, 0, 2, 1, 0, 2]]), STEP_LABELS) for at in (0, offset))
    found = find_optimum(far)
    assert_separated(far, found, "quasi-separable")
    assert ulp_distance(found.value, find_optimum(near).value, "float64") == 0


def test_column_near_overflow():
    assert find_optimum(dataset(STEPS * 2.0**1022, STEP_LABELS)).status == "finite"


def test_optimum_that_float64_cannot_hold_is_not_given():
    found = find_optimum(dataset(STEPS * 2.0**-1074, STEP_LABELS))
    assert (found.status, found.parameters, found.radius) == ("finite", None, None)


def test_outliers_on_the_right_side_do_not_count():
    """Their loss is below exp(-100) with x = ±100 as with x = ±1e10, where MPFR's usual exponents end."""
    found, far = (
        find_optimum(dataset([-x, -2, -1, 0, 0, 1, 2, 3, x], [0, 0, 1, 0, 1, 0, 1, 1, 1])) for x in (100, 1e10)
    )
    assert_same_optimum(far, found)


def test_dependent_columns_change_no_probability():
    """A column and its double: the one optimum that is given leaves the later column out."""
    X = np.column_stack([OVERLAP.X, 2 * OVERLAP.X[:, 0], np.full(OVERLAP.n_rows, 0.3)])
    found, wanted = find_optimum(replace(OVERLAP, X=X, feature_names=())), find_optimum(OVERLAP)
    assert found.status == "not unique"
    assert_nearest(
        Parameters(found.parameters.weight[:2], found.parameters.bias),
        [repr(float(v)) for v in flatten(wanted.parameters)],
    )
    assert (found.parameters.weight[2:] == 0).all()
    assert find_optimum(replace(OVERLAP, X=X, feature_names=()), l2=0.5).status == "finite"


def test_quasi_separation_along_a_line_of_ugly_numbers():
    """The boundary goes through two points, each with both labels; no small fraction describes it."""
    p, q = np.array([0.1, 0.7]), np.array([1.3, 0.2])
    across = np.array([q[1] - p[1], p[0] - q[0]])
    sides = [p + across, q + 2 * across, p - across, q - 3 * across]
    data = dataset([p, p, q, q, *sides], [0, 1, 0, 1, 1, 1, 0, 0])
    found = find_optimum(data, reduction="sum")
    assert_separated(data, found, "quasi-separable")
    assert margins(data, found.direction)[:4] == [0] * 4
    assert ulp_distance(found.value, 4 * np.log(2), "float64") <= 1


def test_a_direction_that_leaves_rows_over_is_improved():
    data = dataset([[-1, 100], [1, -100], [0, -1], [0, 1]], [0, 1, 0, 1])
    poor = rational(np.array([1, 0, 0]))
    assert separation(data, poor) == "quasi-separable"
    assert_separated(data, optimum._separated(data, poor, 4.0), "separable")
