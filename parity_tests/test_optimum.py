"""Optima and separations against certified ones, against exact fractions, and against planted faults.

Every comparison is exact: printed digits are read as fractions, distances are compared as squared fractions,
and a bound is either the certified radius itself or a whole number of ulp.
"""

import csv
import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.generator import gaussian, lesson, lesson_datasets
from logreg_parity.truth import optimum, oracle
from logreg_parity.truth.optimum import distance_bound, find_optimum
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.separation import rational, separation
from logreg_parity.truth.ulp import ulp, ulp_distance

REFERENCES = Path(__file__).parent / "references"


def reference(name):
    return json.loads((REFERENCES / f"{name}.json").read_text())


def table(name):
    """The columns of a CSV, as text."""
    with (REFERENCES / "data" / f"{name}.csv").open() as file:
        header, *rows = csv.reader(file)
    return {column: np.array(values) for column, values in zip(header, zip(*rows, strict=True), strict=True)}


def dataset(X, y, weight=None):
    return Dataset(np.asarray(X, dtype=float).reshape(len(y), -1), y, "test_optimum", sample_weight=weight)


def bias_last(printed):
    """Coefficients printed with the constant first, in our order."""
    return [*printed[1:], printed[0]]


def squared(values) -> Fraction:
    return sum((Fraction(v) ** 2 for v in values), Fraction(0))


def assert_within(parameters, radius, printed):
    """‖θ - printed‖ ≤ radius, exactly; printed digits stand for all within half a unit of the last."""
    half_units = [Fraction(10) ** Decimal(text).as_tuple().exponent / 2 for text in printed]
    gaps = [
        max(abs(Fraction(float(t)) - Fraction(text)) - half, 0)
        for t, text, half in zip(flatten(parameters), printed, half_units, strict=True)
    ]
    assert squared(gaps) <= Fraction(radius) ** 2, (parameters, radius, printed)


def assert_nearest(parameters, printed, ulps=0):
    """Every parameter is the float64 nearest to the printed number, or so many ulp from it."""
    wanted = np.array([float(text) for text in printed])  # Python rounds decimals correctly
    assert ulp_distance(flatten(parameters), wanted, "float64").max() <= ulps, (parameters, printed)


def margins(data, direction):
    """(2y - 1) x̃·d of rows with hard labels, in fractions and without the module's help."""
    rows = [[Fraction(float(x)) for x in row] + [Fraction(1)] for row in data.X]
    z = [sum(x * d for x, d in zip(row, direction, strict=True)) for row in rows]
    return [value if label == 1 else -value for value, label in zip(z, data.y, strict=True)]


def assert_separated(data, found, status):
    """The status, no numbers that could be taken for an optimum, and a direction that proves it."""
    assert (found.status, found.parameters, found.radius) == (status, None, None)
    assert all(type(d) is Fraction for d in found.direction)
    proof = margins(data, found.direction)
    assert min(proof) > 0 if status == "separable" else min(proof) == 0 < max(proof)
    assert separation(data, found.direction) == status


# -- the lesson ----------------------------------------------------------------------------------------------

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


# -- hard cases ----------------------------------------------------------------------------------------------

_GRID = [[int(digit) - 3 for digit in row] for row in (
    "5116024140362415524660600411313143641324",
    "0154033150233456144206226435042046142551",
)]  # fmt: skip
GRID = np.array(_GRID, dtype=float).T
GRID_LABELS = [int(digit) for digit in "1111010110110100111110100110110011100110"]
RISE, FALL = np.linspace(0.1, 1, 9), np.linspace(-1, -0.1, 9)
STEPS, STEP_LABELS = np.array([0.0, 1, 2, 3, 0, 1, 2, 3]), [0, 0, 1, 1, 0, 1, 0, 1]
COMBINED = [[0, 3], [1, 1.5], [3, 0], [2, 1.4], [1, 3.5], [2, 2.5], [3.5, 1], [4, 0.5]]

HARD = {  # name in hardcases.json: X, y, row weights, status
    "complete_1d": (np.linspace(-3, 3, 20), np.linspace(-3, 3, 20) > 0.1, None, "separable"),
    "duplicates_opposite_labels_still_quasi": (
        [-1, -1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1], None, "quasi-separable",
    ),
    "two_by_two_closed_form": (
        np.repeat([0, 0, 1, 1], [12, 8, 5, 15]), np.repeat([0, 1, 0, 1], [12, 8, 5, 15]), None, "finite",
    ),
    "separable_only_in_combination": (COMBINED, [0, 0, 0, 0, 1, 1, 1, 1], None, "separable"),
    "inversion_1e-9_overlap": (
        np.concatenate([FALL, [1e-9], RISE, [-1e-9]]), np.repeat([0, 1], 10), None, "finite",
    ),
    "p_ge_n": (np.random.RandomState(0).standard_normal((10, 30)), [0, 1] * 5, None, "separable"),
    "base_for_duplicate_column": (GRID, GRID_LABELS, None, "finite"),
    "dummy_trap": (
        np.eye(3)[np.repeat([0, 1, 2], [10, 12, 9])],
        np.repeat([1, 0, 1, 0, 1, 0], [4, 6, 7, 5, 3, 6]), None, "not unique",
    ),
    "scale_1e-10": (GRID * [1e-10, 1], GRID_LABELS, None, "finite"),
    "scale_1e-150": (GRID * [1e-150, 1], GRID_LABELS, None, "finite"),
    "offset_16777216_float32": (16777216 + STEPS, STEP_LABELS, None, "finite"),
    "newton_diverges_35_rows": (
        np.repeat([100, -1, 0, 1], [5, 28, 1, 1]), np.repeat([0, 1, 0, 1], [5, 28, 1, 1]), None, "finite",
    ),
    "glm_start_5": (np.zeros((15, 0)), np.repeat([1, 0], [10, 5]), None, "finite"),
    "rare_event_intercept_only": (np.zeros((4, 0)), [0, 0, 0, 1], [333333, 333333, 333333, 1], "finite"),
    "fractional_weights": ([0, 1, 0, 1], [0, 0, 1, 1], [0.25, 1.5, 0.75, 0.125], "finite"),
    "all_rows_identical": (np.ones((6, 2)), [0, 1, 1, 0, 1, 1], None, "not unique"),
}  # fmt: skip
HARD_DATA = {name: dataset(*case[:3]) for name, case in HARD.items()}
HARD_TRUTH = {case["name"]: case for case in reference("hardcases")["cases"]}
WORDS = {"complete": "separable", "quasi-complete": "quasi-separable", "overlap": "finite"}


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


# -- certified fits of real data -----------------------------------------------------------------------------


def certified(name):
    """A data set of the reference; groups of trials become two weighted rows, which is exact."""
    truth = reference(name)
    columns = {key: text.astype(float) for key, text in table(Path(truth["data"]["csv"]).stem).items()}
    X = np.column_stack([columns[column] for column in truth["model"]["columns"][1:]])
    response = truth["model"]["response"]
    if " / " in response:
        hits, trials = (columns[part] for part in response.split(" / "))
        y = np.repeat([1.0, 0.0], len(X))
        return dataset(np.concatenate([X, X]), y, np.concatenate([hits, trials - hits]))
    if response == "species==2":
        kept = columns["species"] > 0
        return dataset(X[kept], columns["species"][kept] == 2)
    weight = columns["freq"] if truth["model"]["weights"] == "freq" else None
    return dataset(X, columns[response], weight)


CERTIFIED = (
    "mtcars_am_wt",
    "challenger_any_damage",
    "beetles_bliss1935",
    "menarche_milicer1965",
    "titanic_freq_weights",
    "iris_versicolor_virginica",
)


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


def suite():
    """Designs of separation_suite.json whose tables are here: data set and status, certificates apart."""
    iris, cars, birds = (table(name) for name in ("iris_sklearn", "mtcars_am", "penguins_cc0"))
    measures = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    flowers = np.column_stack([iris[name] for name in measures]).astype(float)
    motors = np.column_stack([cars[name] for name in ("wt", "hp", "qsec")]).astype(float)
    measures = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    whole = np.all([birds[name] != "" for name in (*measures, "sex")], axis=0)
    bodies = np.column_stack([birds[name][whole] for name in measures]).astype(float)
    species, sex = birds["species"][whole], birds["sex"][whole]
    two, manual = species != "Gentoo", cars["am"].astype(float)
    return {
        "iris setosa vs rest (4 features)": dataset(flowers, iris["species"] == "0"),
        "iris versicolor vs virginica (4 features)": certified("iris_versicolor_virginica"),
        "mtcars am ~ wt": dataset(motors[:, 0], manual),
        "mtcars am ~ wt + hp": dataset(motors[:, :2], manual),
        "mtcars am ~ wt + hp + qsec": dataset(motors, manual),
        "penguins Adelie vs Chinstrap (4 measurements)": dataset(bodies[two], species[two] == "Adelie"),
        "penguins sex (4 measurements)": dataset(bodies, sex == "male"),
        "win-vector 2x2": dataset(np.repeat([1, 1, 0], [24, 176, 25]), np.repeat([1, 0, 1], [24, 176, 25])),
    }


SUITE = suite()
SUITE_TRUTH = {case["name"]: case for case in reference("separation_suite")["cases"]}


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


# -- relations -----------------------------------------------------------------------------------------------

OVERLAP = gaussian(40, 2, seed=3)
SEPARATED = HARD_DATA["separable_only_in_combination"]


def assert_same_optimum(found, wanted):
    """The same exact optimum rounds to the same numbers; the radius is the rounding and far less."""
    assert found.status == wanted.status == "finite"
    assert_nearest(found.parameters, [repr(float(v)) for v in flatten(wanted.parameters)])


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


# -- penalty, one class --------------------------------------------------------------------------------------


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


# -- planted faults ------------------------------------------------------------------------------------------


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


def test_radius_is_not_believed_at_low_precision(monkeypatch):
    """With fewer bits than its own rounding errors need, the proof must fail instead of promising."""
    there = find_optimum(OVERLAP).parameters
    monkeypatch.setattr(optimum, "PRECISIONS", (24,))
    assert find_optimum(OVERLAP) == ("undecided", None, None, None, None)
    assert distance_bound(OVERLAP, there) == np.inf


def test_proposals_are_not_believed(monkeypatch):
    """No direction gets through that does not separate, whoever proposes it; Newton's method finds one."""
    wrong = [rational(np.array(d)) for d in ([1, 0, 0], [0, 0, 0], [-1, 2, 3])]
    monkeypatch.setattr(optimum, "directions", lambda rows, l2: iter(wrong))
    assert find_optimum(OVERLAP).status == "finite"
    assert_separated(SEPARATED, find_optimum(SEPARATED), "separable")
