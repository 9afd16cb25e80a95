"""Every door refuses the same: arrays that are no plain real numbers, rows that are none, numbers out of range."""

import importlib
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import logreg_jax
import logreg_torch
from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.data.dataset import batch_index, row_numbers
from logreg_parity.data.generator import initial_parameters, lesson, moons, xor
from logreg_parity.explain.trace import record
from logreg_parity.judge.compare import compare
from logreg_parity.judge.problem import rounded_inputs
from logreg_parity.machine.hashes import run_hashes
from logreg_parity.solvers.stream import Stream
from logreg_parity.truth import reference
from logreg_parity.twins import Setting

ROOT = Path(__file__).parents[2]
DATASET, START = gaussian(30, 3), Parameters(np.array([0.5, -1.0, 2.0]), 0.25)
TWINS = {"torch": logreg_torch, "jax": logreg_jax, "reference": reference}
PLAIN = {"steps": 2, "learning_rate": 0.1}


def said(call) -> str:
    """What it is refused with."""
    with pytest.raises(ValueError, match="give") as error:
        call()
    return str(error.value)


# -- rows of a mini-batch ----------------------------------------------------------------------------------------------

NO_ROWS = {
    "one past the last": np.array([29, 30]),
    "far past the last": np.array([99]),
    "from the end": np.array([-1]),
    "small and negative": np.array([0, -2], np.int8),
    "beyond int64": np.array([2**63 + 1], np.uint64),
    "a fraction": np.array([0.5]),
    "whole, as floats": np.array([1.0, 2.0]),
    "a mask": np.zeros(30, bool),
    "a list of truth values": [True, False],
    "two dimensions": np.array([[0, 1], [2, 3]]),
    "none at all": np.array([], int),
    "an empty list": [],
    "one number": 3,
    "a number without dimension": np.array(3),
    "nothing": None,
    "a text": "012",
    "texts": np.array(["0", "1"]),
    "objects": np.array([0, 1], object),
    "masked": np.ma.masked_array([0, 1], [False, True]),
    "complex": np.array([1 + 0j]),
    "dates": np.array([0, 1], "M8[D]"),
    "of several lengths": [[0, 1], [2]],
}


@pytest.mark.parametrize("rows", NO_ROWS.values(), ids=NO_ROWS)
def test_what_is_no_row_is_refused_by_every_engine_in_the_same_words(rows):
    batches = [np.array([0, 1]), rows]
    words = {
        said(lambda twin=twin, more=more: twin.train(DATASET, START, **PLAIN, batches=batches, **more))
        for twin, more in (
            (logreg_torch, {}),
            (logreg_jax, {}),
            (reference, {}),
            (logreg_torch, {"engine": "fast"}),
            (logreg_jax, {"engine": "fast"}),
        )
    }
    assert words == {said(lambda: batch_index(batches, 2, 30))}
    assert re.match(r"the batch of step 2 (is|names row) .*; give (row numbers|a NumPy array)", words.pop())


GOOD = [0, 7, 29, 7]
SAME_ROWS = {
    "a list": list(GOOD),
    "a tuple": tuple(GOOD),
    **{kind: np.array(GOOD, kind) for kind in ("uint8", "int8", "uint16", "int32", "uint32", "uint64", ">i4")},
    "every other": np.repeat(GOOD, 2)[::2],
    "backwards": np.array(GOOD[::-1])[::-1],
    "a tensor": torch.tensor(GOOD),
}


@pytest.mark.parametrize("engine", ["eager", "fast"])
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_rows_of_any_whole_type_are_the_same_rows(name, engine):
    """Bytes among them, which PyTorch alone would take for a mask."""
    ends = set()
    for rows in ([np.array(GOOD)], *([rows] for rows in SAME_ROWS.values())):
        run = TWINS[name].train(DATASET, START, steps=1, learning_rate=0.1, batches=rows, engine=engine)
        ends.add(run.weights.tobytes() + run.losses.tobytes())
    assert len(ends) == 1


def test_rows_are_looked_at_before_a_step_is_taken_on_them(monkeypatch):
    """Not the framework finds out: the step that would have used them is never asked for."""
    taken = []
    module = importlib.import_module("logreg_torch.train")  # the package has a function of that name
    monkeypatch.setattr(module, "sgd_step", lambda *given, **words: taken.append(words["y"]) or given[:2])
    with pytest.raises(ValueError, match="the batch of step 1 names row 30; give row numbers from 0 to 29"):
        logreg_torch.train(DATASET, START, **PLAIN, batches=[np.array([30])] * 2)
    assert taken == []


@pytest.mark.parametrize("batches", [3, 0.5, object()], ids=["3", "0.5", "object"])
def test_batches_that_are_none_are_refused(batches):
    words = {said(lambda t=t: t.train(DATASET, START, **PLAIN, batches=batches)) for t in TWINS.values()}
    assert len(words) == 1 and "batches is" in words.pop()


def test_row_numbers_are_a_copy():
    rows = np.array([3, 1])
    made = row_numbers(rows, 4, 1)
    rows[0] = 0
    assert made.tolist() == [3, 1] and made.dtype == np.int64


# -- arrays ------------------------------------------------------------------------------------------------------------


class Odd:
    """Something that cannot become an array."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("detach it first")


def spoiled(kind: str, shape: tuple[int, ...]):
    """Ones of a shape, spoiled in the last place."""
    ones, last = np.ones(shape), tuple(n - 1 for n in shape)
    where = np.zeros(shape, bool)
    where[last] = True
    large = np.ones(shape, np.int64)
    large[last] = 2**53
    if kind == "masked":
        return np.ma.masked_array(ones, where)
    if kind == "masked, though nothing is":
        return np.ma.masked_array(ones)
    if kind == "masked rows in a list":
        return list(np.ma.masked_array(ones, where)) if len(shape) > 1 else np.ma.masked_array(ones, where)
    if kind in ("2^53", "-2^53", "2^53 unsigned", "2^53 in a list", "beyond 64 bits", "2^53 among floats"):
        signed = {"-2^53": -large, "2^53 unsigned": large.astype(np.uint64)}.get(kind, large).astype(object)
        if kind == "beyond 64 bits":
            signed[last] = 2**70
        if kind == "2^53 among floats":
            signed.flat[0], signed[last] = 0.5, 2**53 + 1
        plain = {"-2^53": np.int64, "2^53": np.int64, "2^53 unsigned": np.uint64}.get(kind)
        return signed.tolist() if plain is None else signed.astype(plain)
    if kind == "nan":
        return np.where(where, np.nan, ones)
    if kind == "of several lengths":
        return [[1.0, 2.0], [1.0]] if len(shape) > 1 else [1.0, [2.0]]
    if kind == "no array":
        return Odd()
    if kind == "a tensor that learns":
        return torch.ones(shape, requires_grad=True)
    if kind in ("nothing", "a dict", "a set"):
        return {"nothing": None, "a dict": {}, "a set": {1.0}}[kind]
    if kind == "objects":
        mixed = ones.astype(object)
        mixed[last] = None
        return mixed
    dtypes = {"float128": np.longdouble, "complex": complex, "texts": str, "bytes": "S3", "dates": "M8[D]"}
    return ones.astype(int).astype(dtypes[kind])


ARRAYS = {
    "masked": "masked{place}; drop what is masked or fill it in, and give a plain array",
    "masked, though nothing is": "is masked; drop",
    "masked rows in a list": "masked{place}; drop",
    "2^53": "{place} is 9007199254740992, an integer too large for float64 to keep; give floats, or smaller ones",
    "-2^53": "{place} is -9007199254740992, an integer too large",
    "2^53 unsigned": "{place} is 9007199254740992, an integer too large",
    "2^53 in a list": "{place} is 9007199254740992, an integer too large",
    "2^53 among floats": "{place} is 9007199254740993, an integer too large",
    "beyond 64 bits": "; give",
    "float128": "holds float128 values, which float64 would round; give float64, if it is meant",
    "complex": "holds complex128 values; give real numbers",
    "texts": "values; give real numbers",
    "bytes": "values; give real numbers",
    "dates": "holds datetime64[D] values; give real numbers",
    "objects": "holds object values, None at {place} for one; give real numbers",
    "nothing": "holds object values, None for one; give real numbers",
    "a dict": "holds object values",
    "a set": "holds object values",
    "of several lengths": "is no array (",
    "no array": "is no array (detach it first); give a NumPy array",
    "a tensor that learns": "is no array (",
    "nan": "{place} is nan; give finite numbers only",
}


class Sliced:
    """Rows that are made when they are asked for."""

    def __init__(self, rows, shape):
        self.rows, self.shape, self.dtype = rows, shape, np.dtype(float)

    def __getitem__(self, rows):
        return self.rows


DOORS = {
    "X": ((2, 3), lambda bad: Dataset(bad, [0, 1], "")),
    "X, streamed": ((2, 3), lambda bad: Stream(Sliced(bad, (2, 3)), np.array([0, 1]), "").block(0)),
    "y, streamed": ((2,), lambda bad: Stream(np.ones((2, 3)), Sliced(bad, (2,)), "").block(0)),
    "y": ((2,), lambda bad: Dataset(np.ones((2, 3)), bad, "")),
    "sample_weight": ((2,), lambda bad: Dataset(np.ones((2, 3)), [0, 1], "", sample_weight=bad)),
    "start.weight torch": ((3,), lambda bad: logreg_torch.train(DATASET, Parameters(bad, 0.0), **PLAIN)),
    "start.weight jax": ((3,), lambda bad: logreg_jax.train(DATASET, Parameters(bad, 0.0), **PLAIN)),
    "start.weight reference": ((3,), lambda bad: reference.train(DATASET, Parameters(bad, 0.0), **PLAIN)),
    "point.weight torch": ((3,), lambda bad: logreg_torch.evaluate(DATASET, Parameters(bad, 0.0))),
    "point.weight jax": ((3,), lambda bad: logreg_jax.evaluate(DATASET, Parameters(bad, 0.0))),
    "point.weight reference": ((3,), lambda bad: reference.evaluate(DATASET, Parameters(bad, 0.0))),
}


# A point may be lost, and the run says so; a stream has words of its own for what is not finite.
APPLIES = [
    (door, kind)
    for door in DOORS
    for kind in ARRAYS
    if not (kind == "nan" and ("." in door or "streamed" in door))
    and not (kind == "nothing" and door == "sample_weight")  # all 1
]


@pytest.mark.parametrize(("door", "kind"), APPLIES)
def test_an_array_that_would_change_is_refused_by_every_door(door, kind):
    shape, call = DOORS[door]
    if kind == "float128" and np.can_cast(np.longdouble, np.float64):
        pytest.skip("long double is float64 on this platform")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's own, of an __array__ that raises
        message = said(lambda: call(spoiled(kind, shape)))
    place = str([n - 1 for n in shape])
    assert message.startswith(door.split()[0])
    assert ARRAYS[kind].replace("{place}", place) in message, message


KEPT = {
    "the largest whole number": np.array([[2**53 - 1, -(2**53) + 1]]),
    "floats above it": np.array([[2.0**60, -1e300]]),
    "a list of floats above it": [[2.0**60, -1e300]],
    "small whole numbers": np.array([[127, -128]], np.int8),
    "truth values": np.array([[True, False]]),
    "halves": np.array([[0.5, -0.25]], np.float16),
    "a tensor": torch.tensor([[0.5, -0.25]]),
}


@pytest.mark.parametrize("values", KEPT.values(), ids=KEPT)
def test_what_float64_holds_is_kept(values):
    assert Dataset(values, [1], "").X.tolist() == [[float(x) for x in np.asarray(values)[0]]]


POINTS = {
    "too long": (Parameters(np.ones(4), 0.0), "has weight (4,) and bias (); give weight (3,) and bias ()"),
    "too short": (Parameters(np.ones(2), 0.0), "has weight (2,)"),
    "a column": (Parameters(np.ones((3, 1)), 0.0), "has weight (3, 1)"),
    "a number": (Parameters(1.0, 0.0), "has weight ()"),
    "a bias in a list": (Parameters(np.ones(3), [0.0]), "and bias (1,)"),
    "an array": (np.ones(4), "give logreg_parity.Parameters(weight, bias)"),
    "a list": ([np.ones(3), 0.0], "give logreg_parity.Parameters(weight, bias)"),
    "nothing": (None, "give logreg_parity.Parameters(weight, bias)"),
}


@pytest.mark.parametrize(("point", "words"), POINTS.values(), ids=POINTS)
def test_a_point_of_another_size_is_refused_before_the_framework_sees_it(point, words):
    for name, call in (
        ("start", lambda twin: twin.train(DATASET, point, **PLAIN)),
        ("point", lambda twin: twin.evaluate(DATASET, point)),
    ):
        came = {said(lambda twin=twin, call=call: call(twin)) for twin in TWINS.values()}
        assert len(came) == 1 and words in (message := came.pop()) and message.startswith(f"the {name} ")


@pytest.mark.parametrize("data", [DATASET.X, (DATASET.X, DATASET.y), None, "published"], ids=lambda d: type(d).__name__)
def test_arrays_in_the_place_of_a_dataset_are_refused(data):
    came = {said(lambda t=t: t.train(data, START, **PLAIN)) for t in TWINS.values()}
    came |= {said(lambda t=t: t.evaluate(data, START)) for t in TWINS.values()}
    assert came == {f"the data set is a {type(data).__name__}; give a logreg_parity.Dataset(X, y, source)"}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_in_the_place_of_a_dataset_are_told_of_from_frame(library):
    make = getattr(pytest.importorskip(library), "table" if library == "pyarrow" else "DataFrame")
    frame = make({"x1": [0.5, 1.0], "y": [0.0, 1.0]})
    came = {said(lambda t=t: t.train(frame, START, **PLAIN)) for t in TWINS.values()}
    came |= {said(lambda t=t: t.fit(frame)).removesuffix(", or a Stream") for t in (logreg_torch, logreg_jax)}
    wanted = f"the data set is a {type(frame).__name__}; give a logreg_parity.Dataset.from_frame(frame, label)"
    assert came == {wanted}


# -- numbers -----------------------------------------------------------------------------------------------------------

NO_NUMBER = [np.nan, np.inf, -np.inf, -1.0, "0.1", None, True, 1j, [0.1], np.array([0.1]), 10**400, {}]
NUMBERS = {
    "learning_rate": ([0.0, -0.0, *NO_NUMBER], "give a number above 0"),
    "l2": ([-1e-300, *NO_NUMBER], "give 0 or a number above it"),
    "momentum": ([1.0, 1.5, *NO_NUMBER], "give a number from 0 to less than 1"),
    "steps": ([0, -3, 2.0, 2.5, "2", None, True, [2]], "; give"),
    "nesterov": (["yes", 1, None], "; give True or False"),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (values, _) in NUMBERS.items() for value in values], ids=repr
)
def test_a_number_out_of_range_is_refused_everywhere_in_the_same_words(name, value):
    wrong = {**PLAIN, name: value}
    came = {said(lambda: Setting(**wrong))}
    came |= {said(lambda t=t: t.train(DATASET, START, **wrong)) for t in TWINS.values()}
    if name == "l2":
        came |= {said(lambda t=t: t.evaluate(DATASET, START, l2=value)) for t in TWINS.values()}
        came |= {said(lambda t=t: t.fit(DATASET, l2=value)) for t in (logreg_torch, logreg_jax)}
    assert len(came) == 1 and came.pop().startswith(f"{name} is ")


def test_the_remedy_names_the_range():
    for name, (values, remedy) in NUMBERS.items():
        assert remedy in said(lambda name=name, values=values: Setting(**{**PLAIN, name: values[0]}))


@pytest.mark.skipif(np.can_cast(np.longdouble, np.float64), reason="long double is float64 on this platform")
def test_a_number_that_float64_would_round_is_refused():
    with pytest.raises(ValueError, match=r"l2 is 0\.1.*, which float64 would round to 0\.1; give that"):
        Setting(**PLAIN, l2=np.longdouble("0.1"))


SEEDS = [-1, 2**32, 0.5, "1", None, True]


@pytest.mark.parametrize("seed", SEEDS, ids=repr)
def test_a_seed_that_no_generator_takes_is_refused_at_once(seed):
    assert said(lambda: Setting(**PLAIN, seed=seed)).startswith("seed is ")


# -- memory ------------------------------------------------------------------------------------------------------------

LARGE = {
    "lesson": (lambda: lesson(10**15), "a data set of 1000000000000000 points takes 2.98e+07 GiB of memory, and"),
    "gaussian": (lambda: gaussian(10**9, 10**6), "a data set of 1000000000 rows and 1000000 features takes"),
    "xor": (lambda: xor(10**15), "a data set of 1000000000000000 points takes"),
    "moons": (lambda: moons(10**15), "a data set of 1000000000000000 points takes"),
    "start": (lambda: initial_parameters(10**15), "a point of 1000000000000000 features takes"),
    "record": (
        lambda: record("it", reference, DATASET, START, Setting(steps=10**14, learning_rate=0.1), dtype="float64"),
        "a run of 100000000000000 steps, whose every point is kept, takes 1.19e+07 GiB of memory, and",
    ),
    "compare": (
        lambda: compare({"it": reference}, DATASET, START, Setting(steps=10**14, learning_rate=0.1), exact_steps=1),
        "a run of 100000000000000 steps, whose every point is kept, takes",
    ),
    "train": (
        lambda: reference.train(DATASET, START, steps=10**13, learning_rate=0.1, keep=range(10**13)),
        "a run of which 10000000000000 points are kept takes",
    ),
    "hash": (
        lambda: next(run_hashes(DATASET, START, Setting(steps=10**13, learning_rate=1), dtypes=["float64"])),
        "a run of which 10000000000001 points are kept takes",
    ),
    "batches": (
        lambda: rounded_inputs(DATASET, START, Setting(steps=10**13, learning_rate=1, batch_size=20), "float64"),
        "a run of 10000000000000 steps, whose every point is kept, takes 2.68e+06 GiB",
    ),
}


@pytest.mark.parametrize(("call", "words"), LARGE.values(), ids=LARGE)
def test_what_needs_more_memory_than_there_is_is_said_before_it_starts(call, words, monkeypatch):
    if sys.platform != "linux":
        monkeypatch.setattr("logreg_parity.data.dataset._free_memory", lambda: 2.0**33)  # no other system tells
    assert words in (message := said(call)) and "GiB are free; give fewer" in message


def test_the_memory_asked_for_is_what_is_free(monkeypatch):
    monkeypatch.setattr("logreg_parity.data.dataset._free_memory", lambda: 8.0 * 4 * 99)
    assert lesson(99).n_rows == 99
    assert "takes 2.98e-06 GiB of memory, and 2.95e-06 GiB are free" in said(lambda: lesson(100))


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells")
def test_a_limit_of_the_process_counts():
    code = "import resource; from logreg_parity.data.dataset import _free_memory as free; resource.setrlimit("
    code += "resource.RLIMIT_AS, (2**33, 2**33)); print(free() < 2**33)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "True\n"
