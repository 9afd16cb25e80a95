"""Certified fits, hard cases and real designs from references/, as data sets; and what can be asked of an optimum.

Every comparison is exact: printed digits are read as fractions, distances are compared as squared fractions,
and a bound is either the certified radius itself or a whole number of ulp.
"""

import csv
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from logreg_parity.data import certified as collection
from logreg_parity.data.dataset import Dataset
from logreg_parity.data.generator import gaussian
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.separation import separation
from logreg_parity.truth.ulp import ulp_distance

REFERENCES = (Path(__file__).parent / "references", collection.FOLDER)


def reference(name):
    return json.loads(_file(f"{name}.json").read_text())


def _file(name):
    """Of the package's collection, or of the tests' own."""
    return next(folder / name for folder in REFERENCES if (folder / name).exists())


def table(name):
    """The columns of a CSV, as text."""
    with _file(f"data/{name}.csv").open() as file:
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


def assert_same_optimum(found, wanted):
    """The same exact optimum rounds to the same numbers; the radius is the rounding and far less."""
    assert found.status == wanted.status == "finite"
    assert_nearest(found.parameters, [repr(float(v)) for v in flatten(wanted.parameters)])


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


def certified(name):
    """A data set of the collection."""
    return collection.certified(name)[0]


CERTIFIED = (
    "mtcars_am_wt",
    "challenger_any_damage",
    "beetles_bliss1935",
    "menarche_milicer1965",
    "titanic_freq_weights",
    "iris_versicolor_virginica",
)


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


OVERLAP = gaussian(40, 2, seed=3)
SEPARATED = HARD_DATA["separable_only_in_combination"]
