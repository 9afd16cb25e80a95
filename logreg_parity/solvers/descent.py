"""Gradient descent beyond the lesson's loop: by an engine that takes many steps at once, and over a stream.

What a framework does there is the twin's part; here are the chunks, the mini-batches and the books.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ..data.dataset import Dataset, Parameters, batch_counts, batch_index
from ..data.history import History, Recorder
from ..truth.reference import flatten
from ..truth.ulp import format_of
from ..twins import Setting, Twin, check_learning_rate, check_name, check_objective, check_whole
from .blocks import DTYPES, Sums
from .checkpoint import Checkpoint
from .ranks import Ranks, join, named
from .stream import Stream, digest

PARTS = 8  # of a mini-batch that ranks share: any number of ranks up to it has work
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


class Slopes(NamedTuple):
    """A twin's means to take the gradient of some rows: what its modules ``convert`` and ``gradient`` define.

    put(rows, dtype, device), rows having X (B, D), y (B,) and sample_weight (B,) or None, and point(parameters, dtype,
    device) bring those to the device, slope(point, **rows, l2, reduction, loss) gives the objective () and its gradient
    there, and fetch(gradient) brings that back. The caller is within the twin's ``arithmetic``.
    """

    put: Callable[[Any, str, str], dict[str, Any]]
    point: Callable[[Parameters, str, str], Any]
    slope: Callable[..., tuple[Any, Any]]
    fetch: Callable[[Any], Parameters]


class _Rows(NamedTuple):
    """Some rows of a Dataset, of which nothing is checked anew."""

    X: np.ndarray  # (B, D)
    y: np.ndarray  # (B,)
    sample_weight: np.ndarray | None  # (B,)


def check_engine(engine: str, loss: str, momentum: float = 0.0, ranks: str | Ranks | None = None) -> None:
    """Raises ValueError for an engine there is not, and for a run that an engine cannot make."""
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; give one of {', '.join(ENGINES)}")
    if engine != "eager" and loss != "stable":
        raise ValueError(f"loss is {loss!r}, and engine {engine!r} knows 'stable' only; give engine='eager'")
    if engine != "eager" and ranks is not None:
        raise ValueError(f"engine is {engine!r}, and ranks share the steps of 'eager' only; leave one of them out")
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


def descend_together(
    twin: Slopes,
    name: str,
    dataset: Dataset,
    start: Parameters,
    setting: Setting,
    ranks: str | Ranks,
    batches: Iterable[np.ndarray] | None,
    keep: Collection[int] | None,
    *,
    dtype: str,
    device: str,
) -> History:
    """The steps of one process by several: the rows of a step are cut into PARTS slices, and each rank sums its share.

    The slices, the order in which their sums are added, and the one rounding of θ in a step do not depend on the number
    of ranks: their steps have the bits of one rank's. All ranks have the whole data set and the same batches.

    Args:
        twin: its means, which give the sums of a slice.
        name: of the twin.
        dataset: N rows of D features.
        start: weight (D,) and bias ().
        setting: of the run.
        ranks: who share the steps, as ``Fitter.pack`` takes them.
        batches: the rows (B,) of each step, or None for all rows at every step.
        keep: the steps whose points are kept, beside the start and the end.
        dtype: "float64" or "float32".
        device: by name.

    Returns:
        The History, on every rank.

    Raises:
        ValueError: for another dtype, and ranks of another run, data or batches.
        ConnectionError: where a rank is gone.
    """
    check_name("dtype", dtype, DTYPES, f"give {' or '.join(DTYPES)}")
    group = join(ranks)
    here, velocity = _moved(start, np.zeros(len(flatten(start))), dtype), np.zeros(len(flatten(start)))
    recorder = Recorder(here, setting, keep=keep, name=name, silent=group.rank > 0)
    about = {"twin": name, "data": dataset.sha256[:16], "start": digest(flatten(here)), "dtype": dtype}
    group.agree({**asdict(setting), **about, "device": device, "batches": batches is not None})
    weight, every = dataset.sample_weight, np.arange(dataset.n_rows)
    words = {"l2": 0.0, "reduction": "sum", "loss": setting.loss}

    def counted(rows: np.ndarray) -> float:
        return float(len(rows) if weight is None else weight[rows].sum())

    def put(rows: np.ndarray) -> dict[str, Any] | None:
        """On the device; None for rows that count nothing."""
        own = _Rows(dataset.X[rows], dataset.y[rows], None if weight is None else weight[rows])
        return twin.put(own, dtype, device) if counted(rows) else None

    def cut(rows: np.ndarray) -> tuple[int, list[dict[str, Any] | None]]:
        """How many slices a step of these rows has, and those of this rank."""
        slices = np.array_split(rows, min(PARTS, len(rows)))
        return len(slices), [put(slices[k]) for k in group.share(len(slices))]

    def objective(what: str, count: float, slices: int, own: list[dict[str, Any] | None]) -> tuple[float, np.ndarray]:
        def sums() -> Iterator[Sums]:
            model = twin.point(here, dtype, device)
            found = [None if rows is None else twin.slope(model, **rows, **words) for rows in own]
            for one in found:  # all have begun, which is as far as JAX has waited
                if one is None:
                    yield Sums(0.0, np.zeros_like(velocity), None)
                else:
                    yield Sums(one[0].item(), flatten(twin.fetch(one[1])).astype(np.float64), None)

        asked = f"{what} at {named(*here)}" if group.size > 1 else ""
        return _objective(here, group.add(asked, sums(), slices, len(velocity)), count, setting.l2)

    whole, known = cut(every) if batches is None else None, None
    for step, chosen in recorder.steps(batches, dataset.n_rows):
        rows = every if chosen is None else chosen
        which = "all rows" if chosen is None else f"rows {named(rows)}"
        count = 1.0 if setting.reduction == "sum" else counted(rows)
        slices = whole or cut(rows)
        value, slope = known or objective(f"step {step} of {which}", count, *slices)
        with np.errstate(all="ignore"):  # as in ``_objective``
            velocity = setting.momentum * velocity + slope
            move = slope + setting.momentum * velocity if setting.nesterov else velocity
        here = _moved(here, setting.learning_rate * move, dtype)
        if setting.record == "after":
            value, slope = objective(f"the loss after step {step} of {which}", count, *slices)
            known = (value, slope) if whole else None  # the next step begins there, with the same rows
        recorder.add(step, None if setting.record == "none" else _rounded(value, dtype), here)
    return recorder.history()


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
    blocks_per_step: int | None = None,
    ranks: str | Ranks | None = None,
) -> History:
    """Mini-batch descent over data larger than memory: every block of the stream is the mini-batch of one step.

    Or several blocks are: then the twin gives the sums of each, they are added as halves of halves, and θ is rounded
    once a step. So several processes that share the blocks of every step take the steps of one, to the last bit. The
    optimum of such data is found by ``fit``, which takes a Stream as well.

    Args:
        twin: the module that takes the steps, ``logreg_torch`` for one.
        stream: N rows of D features, read in the same order in every epoch.
        start: weight (D,) and bias ().
        epochs: how often the stream is read.
        learning_rate, l2, dtype, device: as the twin's ``train`` takes them.
        checkpoint: a file that keeps the state every half minute, from which a killed run goes on to the same bits.
        blocks_per_step: how many blocks are one mini-batch; None for one, or for 8 where ranks share them.
        ranks: the processes that share them, as ``Fitter.pack`` takes them; None for one.

    Returns:
        The start and the end, and the mean loss of every block before its update. A loss that is not finite ends the
        run, with the reason.

    Raises:
        ValueError: for a checkpoint of another run, data that change meanwhile, and ranks of another run.
        ConnectionError: where a rank is gone.
    """
    group = join(ranks)
    if ranks is not None and blocks_per_step is None:
        blocks_per_step = PARTS
    check_whole("blocks_per_step", 1 if blocks_per_step is None else blocks_per_step)
    if blocks_per_step is not None:
        check_name("dtype", dtype, DTYPES, f"give {' or '.join(DTYPES)}")
        check_objective(l2, "mean")
        check_learning_rate(learning_rate)
    count = blocks_per_step or 1
    turns = [range(k, min(k + count, stream.n_blocks)) for k in range(0, stream.n_blocks, count)]
    name, steps = getattr(twin, "__name__", type(twin).__name__), epochs * len(turns)
    run: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate, "l2": l2, "dtype": dtype, "device": device}
    run |= {"twin": name, "start": digest(flatten(start).astype(np.float64)), **stream.identity}
    run |= {} if blocks_per_step is None else {"blocks_per_step": count}
    group.agree({**run, "checkpoint": checkpoint is not None})
    shapes = {"weight": (stream.n_features,), "bias": (), "losses": (None,), "digests": (None,)}
    kept = None if checkpoint is None else Checkpoint(checkpoint, run, shapes)
    loaded = None if kept is None else group.state(kept.load)
    begun = loaded or {**start._asdict(), "losses": np.empty(0)}
    if kept is not None and loaded is not None:  # what was read then is read again, and has to be the same
        group.together("the rows that were read before", partial(_check_again, kept, stream, loaded["digests"], group))
    here, losses = Parameters(begun["weight"], begun["bias"]), list(begun["losses"])
    silent = True if group.rank else None
    bar = tqdm(total=steps, initial=len(losses), unit="step", desc=name, disable=silent, delay=1, leave=False)
    words: dict[str, Any] = {"dtype": dtype, "device": device}
    while len(losses) < steps and np.isfinite(losses[-1:]).all():
        turn, due = turns[len(losses) % len(turns)], kept is not None and kept.due
        if blocks_per_step is None:
            block = Dataset(*stream.block(turn[0]), stream.source)
            step = twin.train(block, here, steps=1, learning_rate=learning_rate, record="before", l2=l2, **words)
            here, loss = step.parameters, step.losses[0]
        else:
            own = _sums(twin, stream, here, [turn[k] for k in group.share(len(turn))], due, words)
            what = f"step {len(losses)} at {named(*here)}"
            sums = group.add(what, own, len(turn), stream.n_features + 2)
            rows = len(range(*stream.span(turn)))
            loss, slope = _objective(here, Sums(sums.value, sums.gradient[:-1], None), rows, l2)
            here, loss = _moved(here, learning_rate * slope, dtype), _rounded(loss, dtype)
            due = sums.gradient[-1] > 0  # on one rank, whose clock it is: all have to know
        losses.append(loss)
        bar.update()
        if kept and (due or len(losses) == steps):
            stream.share_digests(group)
            state = {"weight": here.weight, "bias": np.asarray(here.bias), "losses": np.array(losses)}
            state["digests"] = np.array(stream.digests)
            group.by_first("the checkpoint", partial(kept.save, state, now=True))
            kept.wait()
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


def _check_again(kept: Checkpoint, stream: Stream, digests: np.ndarray, ranks: Ranks) -> None:
    """Read a share of the blocks that a run had read, and refuse those that are others now."""
    pairs = ((k, str(digests[k]), stream.digest(k)) for k in range(ranks.rank, len(digests), ranks.size))
    kept.refuse((stream.rows(k), there, here) for k, there, here in pairs if there != here)


def _sums(
    twin: Twin, stream: Stream, here: Parameters, blocks: Iterable[int], due: bool, words: dict[str, Any]
) -> Iterator[Sums]:
    """Of every block the sum of the losses and its gradient (D + 2,); the last number is whether to write."""
    for k in blocks:
        found = twin.evaluate(Dataset(*stream.block(k), stream.source), here, l2=0.0, reduction="sum", **words)
        yield Sums(float(found.objective), np.append(flatten(found.gradient).astype(np.float64), float(due)), None)


@np.errstate(all="ignore")  # what is not finite ends the run, with the reason
def _objective(here: Parameters, sums: Sums, count: float, l2: float) -> tuple[float, np.ndarray]:
    """The sums over rows by their count, and the penalty: a value, and a gradient (D + 1,)."""
    weight = np.asarray(here.weight, np.float64)
    value = sums.value / np.float64(count) + l2 / 2 * (weight @ weight)
    return float(value), sums.gradient / count + l2 * np.append(weight, 0.0)


@np.errstate(all="ignore")
def _moved(here: Parameters, move: np.ndarray, dtype: str) -> Parameters:
    """The point less a move (D + 1,), rounded once."""
    theta = (flatten(here).astype(np.float64) - move).astype(dtype)
    return Parameters(theta[:-1], theta[-1])


@np.errstate(all="ignore")
def _rounded(value: float, dtype: str) -> float:
    return float(np.float64(value).astype(dtype))
