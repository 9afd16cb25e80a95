"""The engines: the steps of the loop in ``train.py``, taken faster.

Read beside ``logreg_jax/speed/engines.py``. ``loops.py`` takes steps in chunks and hands back their points; the losses
of a chunk are computed from its points afterwards, all at once.
"""

import numpy as np
import torch

from logreg_parity.data.dataset import batch_counts, batch_index

from ..convert import find_dtype, from_numpy, model_to_numpy, to_numpy
from .loops import STEPS_A_GRAPH, compiled, inplace
from .rows import losses, signed_rows, take_rows, with_spare_row

ENGINES = ("eager", "inplace", "compiled")
LARGEST_CHUNK = 2**18
"""What C steps may have, a MiB in float32: logits (C N), points (C (D + 1)) where no losses ask for
logits, or numbers of mini-batches (C B (D + 1))."""


def choose_engine(engine, dataset, *, steps, loss, momentum):
    """The engine of that name; "auto" chooses from the sizes. ValueError for others, and for what one cannot do."""
    if engine not in (*ENGINES, "auto"):
        raise ValueError(f"engine is {engine!r}; give one of {', '.join(ENGINES)}, or 'auto'")
    if loss != "stable" and engine not in ("eager", "auto"):
        raise ValueError(f"loss is {loss!r}, and engine {engine!r} knows 'stable' only; give engine='eager'")
    if momentum and engine not in ("eager", "auto"):
        raise ValueError(f"momentum is {momentum}, and engine {engine!r} takes plain steps only; give engine='eager'")
    if engine != "auto":
        return engine
    return "eager" if loss != "stable" or momentum else _fastest(dataset.X.size, steps)


def _fastest(size, steps):
    """torch.compile takes 10 s and more and saves 3 µs a step on small data; on large data next to nothing."""
    return "compiled" if steps >= 5_000_000 and size <= 10_000 else "inplace"


def descend(
    engine, recorder, dataset, data, model, *, steps, learning_rate, batches, record, l2, reduction, dtype, device
):
    """Take the steps from the model on, on the Dataset as ``data_from_numpy`` gives it, and book them."""
    theta, rows = np.append(*model_to_numpy(model)), signed_rows(**data)
    data.clear()  # X lives on, signed, in the rows
    index = None if batches is None else batch_index(batches, steps, dataset.n_rows)
    every = rows if index is None else with_spare_row(rows)
    counts = batch_counts(dataset, index, steps, reduction)
    if counts.max() > torch.finfo(find_dtype(dtype)).max:
        raise ValueError(f"{counts.max():g} rows in a mean are more than {dtype} can count; give engine='eager'")
    walk = {"inplace": inplace, "compiled": compiled}[engine]
    logits = len(theta) if record == "none" else dataset.n_rows  # those of all points are there for the losses alone
    size = _chunk_size(engine, steps, logits if index is None else index.shape[1] * len(theta))
    for chunk in recorder.chunks(size):
        taken = np.arange(chunk.start - 1, chunk.start - 1 + size).clip(max=steps - 1)  # as many in the last chunk
        rows = every if index is None else take_rows(every, index[taken])
        divisors = from_numpy(counts[taken], dtype, device)
        points = walk(from_numpy(theta, dtype, device), rows, divisors, learning_rate, l2)
        values = None
        if record != "none":
            seen = points[1:] if record == "after" else points[:-1]
            values = to_numpy(losses(seen, rows, divisors, l2))
        numbers = to_numpy(points)
        recorder.extend(chunk, values, numbers[1:])
        theta = numbers[-1]


def _chunk_size(engine, steps, width):
    """As many steps as are booked at once: chunks of one size, which is compiled once, with few steps too many."""
    largest = max(8, LARGEST_CHUNK // width)
    size = -(-steps // -(-steps // largest))
    return -(-size // STEPS_A_GRAPH) * STEPS_A_GRAPH if engine == "compiled" else size
