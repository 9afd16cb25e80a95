"""The fast engine takes the steps of the eager loop: the judge certifies every point, and the books are the same."""

import importlib

import numpy as np
import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.data.dataset import batches
from logreg_parity.data.history import Recorder
from logreg_parity.judge.compare import compare
from logreg_parity.truth.bounds import PointBounds, largest_curvature
from logreg_parity.truth.reference import flatten
from logreg_parity.twins import OnEngine, Setting, load_twin
from parity_tests.cases import CASES
from parity_tests.conftest import TWINS

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]

EAGER, FAST = ([(name, engine) for name in TWINS] for engine in ("eager", "fast"))
DATASET, START = gaussian(30, 2, seed=1), Parameters(np.array([0.5, -1.0]), 0.25)
DESCENT = {"steps": 20, "learning_rate": 0.125}
PENALISED = {"batch_size": 7, "l2": 0.125}
SUMMED = {**PENALISED, "reduction": "sum", "record": "before"}


@pytest.fixture(autouse=True)
def few_prepared_points(monkeypatch):
    """So that PyTorch's are written again and again."""
    monkeypatch.setattr("logreg_torch.speed.engines._PREPARED", 3)


@pytest.fixture
def short_chunks(monkeypatch):
    """Chunks of 7 steps."""
    for name in TWINS:
        monkeypatch.setattr(f"{name}.speed.engines.LARGEST", 1)


def judged(engines, case, dtype, device="cpu", **setting):
    """The rows outside their bounds, or without one: every engine against the exact run and against every other."""
    options = {name: setting[name] for name in ("l2", "reduction") if name in setting}
    rate = 0.5 / largest_curvature(CASES[case].dataset, **options)
    subjects = {f"{name} {engine}": OnEngine(name, load_twin(name), engine) for name, engine in engines}
    setting = Setting(steps=20, learning_rate=rate, **setting)
    comparison = compare(subjects, *CASES[case], setting, dtypes=[dtype], devices=[device])
    return [row for row in comparison.rows if row.verdict != "within"]


@pytest.mark.parametrize(
    ("case", "dtype", "setting"),
    [
        ("published", "float32", {}),
        ("published", "float64", {"record": "before"}),
        ("published", "float32", {"batch_size": 30}),  # of 100 rows: every fourth batch is filled up
        ("correlated", "float64", PENALISED),
        ("weighted", "float32", SUMMED),
        ("weighted", "float64", {"l2": 0.125}),
        ("soft", "float32", PENALISED),
        ("soft", "float64", {"reduction": "sum"}),
        ("saturated", "float32", {}),
        ("saturated", "float64", {}),
    ],
    ids=str,
)
def test_every_engine_walks_the_certified_path(case, dtype, setting, device):
    assert not judged([*EAGER, *FAST], case, dtype, device, **setting)


@pytest.mark.parametrize("setting", [{}, PENALISED], ids=["all rows", "batches"])
def test_chunks_join(short_chunks, setting):
    assert not judged(FAST, "correlated", "float64", **setting)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_never_leaves_its_bound(dtype):
    assert not [row for row in judged(FAST, "weighted", dtype) if row.verdict == "OUTSIDE"]


@pytest.mark.parametrize("name", TWINS)
def test_a_step_of_half_precision_is_not_lost_in_its_factor(name):
    """η / N is below every number of float16, and the sums, 8000 and 1000, and their means are numbers of it."""
    rate, dataset = 2.0**-15, Dataset(np.full((2000, 1), 8.0), np.zeros(2000), "equal rows")
    options = {"steps": 1, "learning_rate": rate, "dtype": "float16", "engine": "fast"}
    reached = load_twin(name).train(dataset, Parameters(np.zeros(1), 0.0), **options).parameters
    assert np.array_equal(flatten(reached), [-4 * rate, -rate / 2])


LATE = np.array([0, *range(19)])
BOOKS = "logreg_parity.solvers.descent"
FAULTS = {
    "labels swapped": ("signed_rows", lambda own: lambda **data: own(**data)._replace(columns=-own(**data).columns)),
    "N - 1": ("batch_counts", lambda own: lambda *given: own(*given) - 1),
    "a spare row that counts": ("with_spare_row", lambda own: lambda rows: own(rows)._replace(up=own(rows).up + 1)),
    "losses one step late": (
        "losses",
        lambda own: lambda points, *given: own(points[LATE], *given),
    ),
    "another penalty": ("losses", lambda own: lambda points, rows, counts, l2: own(points, rows, counts, 2 * l2)),
}


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_rejected(monkeypatch, fault, name):
    place, plant = FAULTS[fault]
    module = importlib.import_module(BOOKS if place == "batch_counts" else f"{name}.speed.engines")
    monkeypatch.setattr(module, place, plant(getattr(module, place)))
    assert judged([(name, "fast")], "published", "float32", batch_size=30, l2=0.125)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(("case", "reduction"), [*((c, "mean") for c in CASES), ("weighted", "sum"), ("far", "sum")])
def test_the_closed_form_is_what_autograd_finds(name, case, reduction):
    """A step of size 1 with either gradient: no further apart than both may be from the exact one.

    A sum differs from a mean by one factor, whatever the data.
    """
    case = CASES[case]
    point, options = Parameters(case.start.weight, float(case.start.bias)), {"l2": 0.125, "reduction": reduction}
    found = load_twin(name).evaluate(case.dataset, point, dtype="float64", **options).gradient
    step = {"steps": 1, "learning_rate": 1.0, "dtype": "float64", "engine": "fast", **options}
    reached = load_twin(name).train(case.dataset, point, **step).parameters
    limits = PointBounds(case.dataset, point, dtype="float64", **options)
    apart = np.abs(flatten(reached) - (flatten(point) - flatten(found)))
    rounded = np.finfo(float).eps * np.abs(flatten(reached))  # the subtraction above, which this test makes itself
    assert (apart <= limits.step(1.0, reached) + limits.gradient + rounded).all()


@pytest.mark.parametrize("name", TWINS)
def test_the_books_are_those_of_the_eager_loop(short_chunks, name):
    train = load_twin(name).train
    kept = train(DATASET, START, keep=[0, 3, 9], engine="fast", **DESCENT)
    every = train(DATASET, START, keep=range(21), record="before", engine="fast", **DESCENT)
    plain = train(DATASET, START, keep=[0, 3, 9], **DESCENT)
    assert (kept.engine, kept.stop_reason, plain.engine) == ("fast", None, "eager")
    assert kept.steps.tolist() == plain.steps.tolist() and np.array_equal(kept.weights, every.weights[kept.steps])
    assert np.array_equal(kept.biases, every.biases[kept.steps]) and kept.weights.dtype == plain.weights.dtype
    assert kept.losses.shape == every.losses.shape == (20,) and kept.losses.dtype == plain.losses.dtype


@pytest.mark.parametrize(("name", "engine"), [*EAGER, *FAST], ids=map(" ".join, [*EAGER, *FAST]))
def test_without_losses_the_points_are_the_same(name, engine):
    with_losses, without = (
        load_twin(name).train(DATASET, START, record=record, engine=engine, **DESCENT) for record in ("after", "none")
    )
    assert without.losses.shape == (0,) and np.array_equal(without.weights, with_losses.weights)


@pytest.mark.parametrize("record", ["before", "after", "none"])
@pytest.mark.parametrize("name", TWINS)
def test_a_loss_that_is_not_finite_ends_every_run_at_the_same_step(short_chunks, name, record):
    """A penalty so large that every step makes the weight ten times larger: in float32 the 39th cannot be told."""
    growing = {"steps": 60, "learning_rate": 11.0, "l2": 1.0, "record": record, "keep": range(61)}
    wanted, history = (load_twin(name).train(DATASET, START, engine=e, **growing) for e in ("eager", "fast"))
    assert wanted.stop_reason == history.stop_reason is not None
    assert 7 < history.steps[-1] < 60 and np.array_equal(history.steps, np.arange(len(history.steps)))
    assert np.array_equal(history.steps, wanted.steps) and len(history.losses) == len(wanted.losses)
    assert history.weights.shape == wanted.weights.shape


@pytest.mark.parametrize("record", ["after", "none"])
def test_steps_beyond_the_last_are_not_looked_at(record):
    recorder = Recorder(START, Setting(steps=2, learning_rate=1.0, record=record), keep=None, name="two steps")
    losses, points = np.array([1, 2, np.nan]), np.array([[1.0] * 3, [2.0] * 3, [np.nan] * 3])
    recorder.extend(range(1, 3), None if record == "none" else losses, points)
    history = recorder.history()
    assert history.stop_reason is None and history.steps.tolist() == [0, 2]


REFUSED = {
    "engine is 'quick'; give one of eager, fast": {"engine": "quick"},
    "loss is 'textbook', and engine": {"loss": "textbook"},
    "momentum is 0.9, and engine": {"momentum": 0.9},
    "momentum is 1.0; give a number from 0 to less than 1": {"momentum": 1.0},
    "nesterov is asked for with momentum 0": {"nesterov": True},
    "learning_rate is 0": {"learning_rate": 0.0},
    "l2 is -1": {"l2": -1.0},
    "reduction is 'total'": {"reduction": "total"},
    "record is 'during'": {"record": "during"},
    "steps is 0": {"steps": 0},
    "batches end after 1 of 20 steps": {"batches": [np.array([0])]},
    r"the batch of step 1 names row -1; give row numbers from 0 to 29": {"batches": [np.array([-1])] * 20},
    r"the batch of step 1 names row 30": {"batches": [np.array([30])] * 20},
    r"the batch of step 1 is array\(\[ True": {"batches": [np.ones(30, bool)] * 20},
}


@pytest.mark.parametrize("message", REFUSED, ids=[str(list(given)) for given in REFUSED.values()])
@pytest.mark.parametrize("name", TWINS)
def test_bad_arguments_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        load_twin(name).train(DATASET, START, **{"engine": "fast", **DESCENT, **REFUSED[message]})


@pytest.mark.parametrize("name", TWINS)
def test_more_rows_than_the_format_can_count_are_refused(name):
    large = Dataset(np.zeros((70_000, 1)), np.zeros(70_000), "many rows")
    with pytest.raises(ValueError, match="70000 rows in a mean are more than float16 can count; give engine='eager'"):
        load_twin(name).train(large, Parameters(np.zeros(1), 0.0), engine="fast", dtype="float16", **DESCENT)


@pytest.mark.parametrize("name", TWINS)
def test_batches_may_come_one_by_one(name):
    rows = list(batches(30, 8, 20, seed=1))
    one, other = (
        load_twin(name).train(DATASET, START, engine="fast", batches=given, **DESCENT) for given in (rows, iter(rows))
    )
    assert np.array_equal(one.weights, other.weights)


class Counting(TorchDispatchMode):
    """Counts the operations that PyTorch starts."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.count += 1
        return function(*arguments, **(options or {}))


def test_a_prepared_step_of_torch_is_four_operations(monkeypatch):
    monkeypatch.setattr("logreg_torch.speed.engines._PREPARED", 20)  # points are copied once in so many steps
    counts = []
    for steps in (10, 20):
        with Counting() as counting:
            load_twin("logreg_torch").train(DATASET, START, steps=steps, learning_rate=0.125, engine="fast")
        counts.append(counting.count)
    assert counts[1] - counts[0] == 4 * 10


def test_jax_compiles_a_run_once_for_the_same_sizes():
    """The last chunk is as long as the others; another step size is no other program."""
    engine, train = importlib.import_module("logreg_jax.speed.engines"), load_twin("logreg_jax").train
    engine.walk.clear_cache()
    for rate in (0.125, 0.25):
        train(DATASET, START, steps=20, learning_rate=rate, engine="fast")
    assert engine.walk._cache_size() == 1
