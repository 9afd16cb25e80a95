"""Gradient descent beyond the lesson's loop: by an engine that takes many steps at once, and over a stream.

What a framework does there is the twin's part; here are the chunks, the mini-batches and the books.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ..data.dataset import Dataset, Parameters, batch_counts, batch_index
from ..data.history import History, Recorder
from ..truth.reference import flatten
from ..truth.ulp import format_of
from ..twins import Twin
from .checkpoint import Checkpoint
from .stream import Stream, digest

ENGINES = ("eager", "fast", "exact")


class Engine(NamedTuple):
    """A twin's means to take C steps at once on one data set, in one dtype on one device.

    rows: all rows, as the other functions want them. take_rows(with_spare_row(rows), index) gives the rows of C steps,
    which index (C, B) names; the spare one counts nothing. walk(theta, rows, counts, learning_rate, l2), with theta
    (D + 1,), the bias last, and what the sums of each step are divided by, counts (C,), gives points (C + 1, D + 1),
    theta being the first. losses(points, rows, counts, l2) gives (C,), of one point for each step. put and fetch bring
    an array to the device and back. largest: numbers that C steps may take: more do not stay in a cache.
    """

    dtype: str
    rows: Any
    with_spare_row: Callable[[Any], Any]
    take_rows: Callable[[Any, np.ndarray], Any]
    walk: Callable[[Any, Any, Any, float, float], Any]
    losses: Callable[[Any, Any, Any, float], Any]
    put: Callable[[np.ndarray], Any]
    fetch: Callable[[Any], np.ndarray]
    largest: int


def check_engine(engine: str, loss: str, momentum: float = 0.0) -> None:
    """Raises ValueError for an engine there is not, and for a run that an engine cannot make."""
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; give one of {', '.join(ENGINES)}")
    if engine != "eager" and loss != "stable":
        raise ValueError(f"loss is {loss!r}, and engine {engine!r} knows 'stable' only; give engine='eager'")
    if engine == "fast" and momentum:
        raise ValueError(f"momentum is {momentum}, and engine 'fast' takes plain steps only; give 'eager' or 'exact'")


def descend(engine: Engine, dataset: Dataset, batches: Iterable[np.ndarray] | None, recorder: Recorder) -> History:
    """Take all steps of the recorder's run and book them.

    Args:
        engine: the twin's means, on this data set.
        dataset: N rows of D features.
        batches: the rows (B,) of each step, or None for all rows at every step.
        recorder: of the run; it knows the start and the setting.

    Returns:
        The History.

    Raises:
        ValueError: for batches that end early or name rows there are not, and for more rows than the dtype can count.
    """
    setting, theta = recorder.setting, flatten(recorder.start)
    index = None if batches is None else batch_index(batches, setting.steps, dataset.n_rows)
    counts = batch_counts(dataset, index, setting.steps, setting.reduction)
    if counts.max() > format_of(engine.dtype).largest:
        raise ValueError(f"{counts.max():g} rows in a mean are more than {engine.dtype} can count; give engine='eager'")
    every = engine.rows if index is None else engine.with_spare_row(engine.rows)
    # Logits (C, N), or points (C, D + 1) where no losses ask for the logits of all, or mini-batches (C, B, D + 1).
    width = len(theta) if setting.record == "none" else dataset.n_rows
    size = _chunk_size(setting.steps, engine.largest // (width if index is None else index.shape[1] * len(theta)))
    for chunk in recorder.chunks(size):
        taken = np.arange(chunk.start - 1, chunk.start - 1 + size).clip(max=setting.steps - 1)  # as many in the last
        rows = every if index is None else engine.take_rows(every, index[taken])
        divisors = engine.put(counts[taken])
        points = engine.walk(engine.put(theta), rows, divisors, setting.learning_rate, setting.l2)
        values = None
        if setting.record != "none":
            seen = points[1:] if setting.record == "after" else points[:-1]
            values = engine.fetch(engine.losses(seen, rows, divisors, setting.l2))
        numbers = engine.fetch(points)
        recorder.extend(chunk, values, numbers[1:])
        theta = numbers[-1]
    return recorder.history()


def _chunk_size(steps: int, largest: int) -> int:
    """As many steps as are booked at once: chunks of one size, which is compiled once, with few steps too many."""
    return -(-steps // -(-steps // max(8, largest)))


def train_stream(
    twin: Twin,
    stream: Stream,
    start: Parameters,
    *,
    epochs: int,
    learning_rate: float,
    l2: float = 0.0,
    dtype: str = "float32",
    device: str = "cpu",
    checkpoint: Path | str | None = None,
) -> History:
    """Mini-batch descent over data larger than memory: every block of the stream is the mini-batch of one step.

    The optimum of such data is found by ``fit``, which takes a Stream as well.

    Args:
        twin: the module that takes the steps, ``logreg_torch`` for one.
        stream: N rows of D features, read in the same order in every epoch.
        start: weight (D,) and bias ().
        epochs: how often the stream is read.
        learning_rate, l2, dtype, device: as the twin's ``train`` takes them.
        checkpoint: a file that keeps the state every half minute, from which a killed run goes on to the same bits.

    Returns:
        The start and the end, and the mean loss of every block before its update. A loss that is not finite ends the
        run, with the reason.

    Raises:
        ValueError: for a checkpoint of another run, and data that change meanwhile.
    """
    name, steps = getattr(twin, "__name__", type(twin).__name__), epochs * stream.n_blocks
    run: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate, "l2": l2, "dtype": dtype, "device": device}
    run |= {"twin": name, "start": digest(flatten(start).astype(np.float64)), **stream.identity}
    shapes = {"weight": (stream.n_features,), "bias": (), "losses": (None,), "digests": (None,)}
    kept = None if checkpoint is None else Checkpoint(checkpoint, run, shapes)
    loaded = None if kept is None else kept.load()
    begun = loaded or {**start._asdict(), "losses": np.empty(0)}
    if kept is not None and loaded is not None:  # what was read then is read again, and has to be the same
        pairs = ((k, str(there), stream.digest(k)) for k, there in enumerate(loaded["digests"]))
        kept.refuse((stream.rows(k), there, here) for k, there, here in pairs if there != here)
    here, losses = Parameters(begun["weight"], begun["bias"]), list(begun["losses"])
    bar = tqdm(total=steps, initial=len(losses), unit="step", desc=name, disable=None, delay=1, leave=False)
    while len(losses) < steps and np.isfinite(losses[-1:]).all():
        block = Dataset(*stream.block(len(losses) % stream.n_blocks), stream.source)
        step = twin.train(
            block, here, steps=1, learning_rate=learning_rate, record="before", l2=l2, dtype=dtype, device=device
        )
        here = step.parameters
        losses.append(step.losses[0])
        bar.update()
        if kept:
            state = {"weight": here.weight, "bias": np.asarray(here.bias), "losses": np.array(losses)}
            state["digests"] = np.array(stream.digests)
            kept.save(state, now=len(losses) == steps)
    bar.close()
    stopped = f"the loss of step {len(losses)} is {losses[-1]}; give a smaller step size"
    weights, biases = (np.array([first, last]) for first, last in zip(start, here, strict=True))
    return History(
        np.array(losses),
        "before",
        np.array([0, len(losses)]),
        weights,
        biases,
        stopped if len(losses) < steps else None,
    )
