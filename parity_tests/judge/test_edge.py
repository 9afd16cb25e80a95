"""The judge near its threshold: what is just outside is rejected, what is just inside is not, and NaN never passes."""

import numpy as np
import pytest

from logreg_parity import Dataset, Parameters
from logreg_parity.judge.compare import FORMAT, compare, judged
from logreg_parity.judge.problem import Problem, Quantity
from logreg_parity.judge.report import summary
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import DATASET, START
from logreg_parity.truth import oracle, reference
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.ulp import FORMATS, is_held, round_to
from logreg_parity.twins import Setting
from parity_tests.cases import CASES

QUANTITIES = (
    "start: logits",
    "start: row losses",
    "start: loss",
    "start: gradient",
    "every point",
    "every loss",
    "end: parameters",
    "end: probabilities",
)
SHORT = Setting(steps=6, learning_rate=2.0**-8, l2=0.25, reduction="sum")


@pytest.fixture(scope="module", params=["float64", "float32", "float16"])
def made(request):
    """A problem and a correct run of it."""
    case = CASES["one-row"] if request.param == "float16" else (DATASET, START)  # few rows: where a bound is finite
    problem = Problem(*case, SHORT, request.param, exact_steps=SHORT.steps)
    return problem, list(problem.quantities(problem.run("by hand", ByHand(), "cpu")))


def moved(quantity: Quantity, times: float, place: int) -> Quantity:
    """The exact values, one of them so many bounds off."""
    values = np.array(np.asarray(quantity.exact), dtype=np.float64)
    step = np.zeros_like(values)
    step[place] = times * np.asarray(quantity.bound, np.float64)[place]
    if values.ndim == 2:
        step[place] /= np.sqrt(values.shape[1])
    return quantity._replace(values=values + step)


def row_of(dtype, quantities, name):
    """What is said of one quantity of one twin, or of a pair."""
    rows = judged(dtype, quantities, "cpu")
    return next(row for row in rows if (row.quantity, len(row.subject)) == (name, len(quantities)))


def named(made, name):
    problem, quantities = made
    (quantity,) = [q for q in quantities if q.name == name]
    return problem.dtype, quantity


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize(("times", "verdict"), [(0.5, "within"), (1.5, "OUTSIDE"), (3.0, "OUTSIDE")])
def test_the_threshold_is_the_bound(made, name, times, verdict):
    """In every place: the error is told there, and its share."""
    dtype, quantity = named(made, name)
    for place in np.flatnonzero(quantity.bound):  # the start itself has none
        row = row_of(dtype, {"planted": [moved(quantity, times, place)]}, name)
        assert row.verdict == verdict
        half_an_ulp = np.spacing(np.abs(np.asarray(quantity.values[place], np.float64)).max()) / quantity.bound[place]
        assert abs(row.share - times) <= 2.0**-20 * times + half_an_ulp


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [*QUANTITIES, "end: classes"])
def test_what_is_not_finite_is_outside_in_every_place(made, name, value):
    dtype, quantity = named(made, name)
    for place in range(len(quantity.values)):
        values = np.array(quantity.values, np.float64)
        values[place] = value
        row = row_of(dtype, {"planted": [quantity._replace(values=values)]}, name)
        assert row.verdict == "OUTSIDE" and row.share == np.inf and np.isposinf(row.error)


def test_a_class_that_is_certain_may_not_be_another(made):
    dtype, quantity = named(made, "end: classes")
    sure = int(np.argmin(quantity.bound))
    values = np.array(quantity.values, np.float64)
    values[sure] = 1 - values[sure]
    assert quantity.bound[sure] == 0
    assert row_of(dtype, {"planted": [quantity._replace(values=values)]}, quantity.name).verdict == "OUTSIDE"


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize(("times", "verdict"), [(0.9, "within"), (1.1, "OUTSIDE")])
def test_two_twins_are_allowed_the_sum_of_their_bounds_and_no_more(made, name, times, verdict):
    dtype, quantity = named(made, name)
    place = int(np.argmax(quantity.bound))
    sides = {side: [moved(quantity, sign * times, place)] for side, sign in (("a", 1), ("b", -1))}
    assert row_of(dtype, sides, name).verdict == verdict


def of_error(error, bound):
    """One quantity of so large errors and bounds."""
    size = np.ones(len(error))
    quantity = Quantity("x", np.array(error), oracle.as_exact(np.zeros(len(error))), np.array(bound), size)
    return row_of("float64", {"a": [quantity]}, "x")


def test_a_bound_that_is_not_a_number_promises_nothing():
    assert of_error([0.0, 1.0], [1.0, np.nan]).verdict == "no promise"
    assert of_error([2.0, 1.0], [1.0, np.nan]).verdict == "OUTSIDE"


def test_a_run_that_is_lost_where_nothing_was_promised_is_not_said_to_be_0_percent_off():
    row = of_error([0.0, np.nan], [1.0, np.inf])
    assert (row.verdict, row.share, row.where) == ("no promise", np.inf, "[1]")


# -- the format -------------------------------------------------------------------------------------------------------


class Elsewhere(ByHand):
    """A run that says one format and computes in another."""

    def __init__(self, dtype: str):
        self.actual = dtype

    def convert(self, X, y, theta, dtype):
        return super().convert(X, y, theta, self.actual)


@pytest.mark.parametrize(("said", "actual"), [("bfloat16", "float16"), ("float16", "float32"), ("float32", "float64")])
def test_another_format_is_seen_though_its_errors_are_smaller(said, actual):
    comparison = compare({"planted": Elsewhere(actual)}, DATASET, START, SHORT, dtypes=[said])
    rows = [row for row in comparison.rows if row.quantity == FORMAT]
    assert [row.verdict for row in rows] == ["OUTSIDE"] and rows[0].where.startswith("start: logits [")
    assert f"planted computes in another format: {rows[0].where} is no {said} number" in summary(comparison)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", FORMATS)
def test_the_twins_give_numbers_of_the_format(twins, dtype):
    comparison = compare(twins, DATASET, START, SHORT, dtypes=[dtype], exact_steps=1, devices=["cpu"])
    assert not [row for row in comparison.rows if row.quantity == FORMAT]


@pytest.mark.parametrize("dtype", FORMATS)
def test_what_is_held_is_what_rounding_leaves_alone(dtype):
    x = np.random.RandomState(0).standard_normal(200) * 2.0 ** np.arange(-100, 100).clip(-20, 14)
    rounded = round_to(x, dtype)
    assert is_held(rounded, dtype).all() and np.array_equal(is_held(x, dtype), rounded == x)
    assert is_held([np.nan, np.inf, -np.inf, 0.0], dtype).all()
    assert dtype == "float64" or not is_held(2 * FORMATS[dtype].largest, dtype)


# -- the penalty of nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "size"), [("float16", 300.0), ("float32", 2.0**65), ("float64", 2.0**520)])
@pytest.mark.parametrize("l2", [0.0, "tiny"])
def test_a_large_weight_without_a_penalty_is_no_nan(twin, dtype, size, l2):
    """And with one so small that it is finite, though the square of the weight is not."""
    l2 = 2.0**-8 / size if l2 else 0.0
    dataset, at = Dataset([[1 / size], [-1 / size]], [1.0, 0.0], "tiny units"), Parameters(np.array([size]), 0.0)
    if dtype == "float16":
        l2 = 2.0**-12 if l2 else 0.0
    setting = Setting(steps=3, learning_rate=0.5, l2=l2)
    for engine in ("eager", "fast"):
        run = twin.train(dataset, at, steps=3, learning_rate=0.5, l2=l2, dtype=dtype, engine=engine)
        assert np.isfinite(run.losses).all() and run.stop_reason is None
    if dtype != "float64":  # where the judge's own float64 squares it
        comparison = compare({"twin": twin}, dataset, at, setting, dtypes=[dtype], devices=["cpu"])
        assert not [row for row in comparison.rows if row.verdict == "OUTSIDE"]


def test_the_reference_and_the_bounds_take_a_large_weight():
    dataset, at = Dataset([[2.0**-520]], [1.0], "tiny units"), Parameters(np.array([2.0**520]), 0.0)
    assert np.isfinite(reference.objective(at, dataset.X, dataset.y))
    assert np.isfinite(PointBounds(dataset, at, dtype="float64").objective)
