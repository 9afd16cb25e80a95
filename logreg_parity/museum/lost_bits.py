"""The room of lost bits: what changes the last digits of right programs, and none of exact arithmetic.

A cause is shown by one operation on the same numbers in every way that the frameworks here have to compute (those of
the passport, ``machine/probes.py``), and by steps in exact arithmetic on data that meet the same cause. Each result is
a hash: where a cause is at work, native results have several, exact ones have one.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.generator import gaussian
from ..data.history import Recorder
from ..machine.probes import Bench
from ..solvers.blocks import BlockPlace
from ..solvers.solve import IN_NUMPY
from ..truth import exact
from ..truth.exact import ExactMeans, ExactSums, SignedRows
from ..twins import Setting, load_part, load_twin

SHARDS = (1, 900, 3, 77, 1019)  # rows of each, unequal
STEPS = 12
DATASET = gaussian(60, 2)
NUMPY: dict[str, Callable[..., np.ndarray]] = {
    "product_sum": lambda a, b, c: a * b + c,
    "scale": lambda x, s: x * s,
    "thousandth": lambda x: x / x.dtype.type(1000),
    "there_and_back": lambda x: (x + x.dtype.type(3)) - x.dtype.type(3),
    "total": np.sum,
    "matmul": np.matmul,
}


class Way(NamedTuple):
    """One way to compute: (operation, arrays, dtype) natively, exact steps, exact passes, and a switch for threads."""

    name: str
    ask: Callable[..., np.ndarray]
    means: ExactMeans
    place: BlockPlace
    threads: Callable[..., int | None]


class LostBits(NamedTuple):
    """What one way computed under one cause: hashes."""

    way: str
    native: str
    exact: str


def ways() -> list[Way]:
    """NumPy, and each way of each framework that is installed, on the CPU."""
    found = [Way("NumPy", _numpy, exact.IN_NUMPY, IN_NUMPY, lambda count=None: None)]
    for name in ("logreg_torch", "logreg_jax"):
        try:
            twin, probes = load_twin(name), load_part(name, "bridge.probes")
        except ValueError:  # its framework is not installed
            continue
        engines, place = load_part(name, "speed.engines"), load_part(name, "speed.fit").place("cpu")
        for mode in probes.MODES:
            ask = lambda *asked, dtype, mode=mode, twin=twin, probes=probes: Bench(  # noqa: E731
                twin, probes, dtype, mode=mode
            )(*asked)
            way = mode if mode in engines.WAYS else "op by op"
            found.append(Way(f"{name}, {mode}", ask, engines.exact("cpu", way), place, probes.threads))
    return found


def _numpy(operation: str, *arrays: Any, dtype: str) -> np.ndarray:
    return np.asarray(NUMPY[operation](*(np.asarray(array, dtype) for array in arrays)), np.float64)


def steps(way: Way, dataset: Dataset, dtype: str = "float64", start: Parameters | None = None) -> np.ndarray:
    """Some steps down the mean in exact arithmetic: the points and the losses."""
    start = Parameters(np.linspace(-0.5, 0.75, dataset.n_features), 0.25) if start is None else start
    begin = Parameters(np.asarray(start.weight, dtype), np.dtype(dtype).type(start.bias))
    recorder = Recorder(
        begin, Setting(steps=STEPS, learning_rate=0.5), keep=range(STEPS + 1), name="lost bits", engine="exact"
    )
    history = exact.descend(way.means, dataset, None, recorder, dtype)
    return np.concatenate([history.weights.ravel(), history.biases, history.losses])


# -- the causes -------------------------------------------------------------------------------------------------------


def melted(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A product and a sum after it melted into one rounding (an fma)."""
    a, b, c = (_normal(1000, seed) for seed in range(3))
    yield "", way.ask("product_sum", a, b, c, dtype="float64"), steps(way, DATASET)


def reciprocal(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A division by a number that stays the same, computed as a product with its reciprocal."""
    yield "", way.ask("thousandth", _normal(1000), dtype="float32"), steps(way, DATASET, "float32")


def simplified(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(x + 3) - 3 simplified to x."""
    yield "", way.ask("there_and_back", _normal(1000), dtype="float64"), steps(way, DATASET)


def flushed(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A number below the normal ones taken for 0."""
    tiny = Dataset(DATASET.X * [1e-39, 1.0], DATASET.y, "a feature of subnormal numbers")
    start = Parameters(np.array([1e38, 1e-39]), 1e-44)
    x = np.full(9, np.finfo(np.float32).tiny)
    yield "", way.ask("scale", x, 0.5, dtype="float32"), steps(way, tiny, "float32", start)


def reordered(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A sum whose terms are added in another order: each library has its own."""
    yield "", way.ask("total", _normal(1000), dtype="float32"), steps(way, DATASET, "float32")


def threads(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """One thread, or two that share the rows; only where there is a switch for that."""
    before = way.threads()
    if before is None:
        return
    many = gaussian(40_000, 2)
    try:
        for count in (1, 2):
            way.threads(count)
            r = _normal(100_000)
            native = np.append(way.ask("total", r, dtype="float64"), way.ask("matmul", r, r, dtype="float64"))
            yield f", threads: {count}", native, steps(way, many)
    finally:
        way.threads(before)


def shards(way: Way) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The rows in unequal shards, each added up by itself, or all at once."""
    add = cast(Callable[..., ExactSums], way.place.exact)
    dataset, theta = gaussian(sum(SHARDS), 2), np.array([0.5, -1.0, 0.25])
    whole = SignedRows.of(dataset, "float64").whole("sum")
    for cuts in ((), tuple(np.cumsum(SHARDS)[:-1])):
        parts = np.split(np.arange(dataset.n_rows), cuts)
        native, halves = np.zeros(()), np.zeros((2, 3), np.int64)
        for part in parts:
            native = native + way.ask("total", dataset.X[part, 0], dtype="float64")
            shard = whole.blocks(partial(np.take, indices=part, axis=-1))
            with way.place.within():
                found = add(shard.mapped(lambda array: way.place.put(np.asarray(array))), theta, None)
            halves += exact.halves(found.gradient)
        yield f", shards: {len(parts)}", native, exact.number_of(halves, whole.top)


def _normal(count: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(count)


CAUSES: tuple[Callable[[Way], Iterator[tuple[str, np.ndarray, np.ndarray]]], ...] = (
    melted,
    reciprocal,
    simplified,
    flushed,
    reordered,
    threads,
    shards,
)


def lost_bits() -> Iterator[tuple[str, list[LostBits]]]:
    """Every cause in words, with what each way computed under it."""
    every = ways()
    for cause in CAUSES:
        rows = [
            LostBits(f"{way.name}{how}", exact.digest(native, "float64"), exact.digest(found, "float64"))
            for way in every
            for how, native, found in cause(way)
        ]
        yield " ".join((cause.__doc__ or "").split()), rows
