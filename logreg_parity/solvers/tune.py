"""Which blocks suit the products of a framework on this processor: measured, when the user asks for it.

Small blocks cost calls, large ones leave the caches, and where the best size lies depends on the processor and on the
framework. A measurement is never the same twice, and blocks decide the last digits of a fit: so nothing here runs by
itself, and what is found is kept in a file that every later fit reads (``processor.py``).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import geometric_mean, median
from time import perf_counter

import numpy as np

from ..data.dataset import Dataset
from ..data.files import write_whole
from ..processor import FORMAT, kept_blocks
from ..show import as_json
from ..twins import load_part
from .blocks import BLOCK_BYTES, BlockPlace, Blocks

SIZES = tuple(2**power for power in range(19, 24))  # bytes of a block; a larger one has copies of no size for a cache
FEATURES = (28, 100, 1000)
KINDS = (("float32", "float32"), ("float32", "float64"), ("float64", "float64"))  # of rows and arithmetic, in a fit
ROUNDS = 12
SURE = 10  # rounds of ROUNDS: so many are won by chance once in 50


def tune(name: str, mebibytes: int, notify: Callable[[str], None]) -> dict[int, float]:
    """How long passes take by the products of a twin on a CPU, by the bytes of a block.

    Args:
        name: of the twin's module.
        mebibytes: of X: more than the processor's caches keep.
        notify: is told what is measured, in words.

    Returns:
        How many times as long as with the usual size, over all FEATURES and KINDS, by size: the one to keep is the
        first.

    Raises:
        ValueError: for a twin that has no passes.
    """
    try:
        place = load_part(name, "speed.fit").place("cpu")
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name} has no passes to measure ({error}); leave it out of --twins") from error
    measured = []
    for features in FEATURES:
        notify(f"{name}: {len(SIZES)} sizes of blocks, {features} features")
        measured += [_seconds(place, features, *kind, mebibytes * 2**20) for kind in KINDS]
    return choice(measured)


def choice(measured: list[dict[int, list[float]]]) -> dict[int, float]:
    """What ``tune`` returns, from the seconds of every round by size, of one case after the other.

    Another size than the usual one is kept if it is faster over all cases in SURE rounds at least, and slower in so
    many in none of them; of several the fastest.
    """
    usual, kept = [of[BLOCK_BYTES] for of in measured], BLOCK_BYTES
    times = {BLOCK_BYTES: 1.0}
    for size in measured[0]:
        ratios = np.divide([of[size] for of in measured], usual)  # (case, round)
        times[size] = geometric_mean(map(median, ratios.tolist()))
        faster = np.sum(np.log(ratios).sum(axis=0) < 0) >= SURE and (np.sum(ratios > 1, axis=1) < SURE).all()
        kept = size if faster and times[size] < times[kept] else kept
    return {kept: times[kept], **times}


def _seconds(place: BlockPlace, features: int, dtype: str, arithmetic: str, x_bytes: int) -> dict[int, list[float]]:
    """Of every round one pass by size, all sizes in turn; and one pass before, which is not counted."""
    rows = x_bytes // (np.dtype(dtype).itemsize * features)
    draw = np.random.RandomState(0)
    dataset = Dataset(
        draw.standard_normal((rows, features)), (draw.random_sample(rows) < 0.5).astype(float), "a measurement"
    )
    theta = draw.standard_normal(features + 1) / np.sqrt(features)
    packed = {size: Blocks.of(dataset, dtype, place._replace(named=size)) for size in SIZES}
    taken: dict[int, list[float]] = {size: [] for size in SIZES}
    for number in range(ROUNDS + 1):
        for size in (*SIZES[number % len(SIZES) :], *SIZES[: number % len(SIZES)]):
            start = perf_counter()
            packed[size].sums(theta, arithmetic=arithmetic)
            taken[size].append(perf_counter() - start)
    return {size: seconds[1:] for size, seconds in taken.items()}


def save(path: Path, found: Mapping[str, Mapping[int, float]]) -> None:
    """Keep what ``tune`` found, by twin, beside what the file holds of other twins; whole or not at all.

    Args:
        path: of the file, whose folder is made.
        found: by twin's module.

    Raises:
        ValueError: for a file there that is none of ours.
    """
    times = json.loads(path.read_text(encoding="utf-8"))["times"] if kept_blocks(path) else {}
    blocks = {**kept_blocks(path), **{name: next(iter(sizes)) for name, sizes in found.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, as_json({**FORMAT, "blocks": blocks, "times": {**times, **found}}))
    kept_blocks.cache_clear()
