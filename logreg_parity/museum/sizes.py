"""The exhibits at other sizes: bounds grow with rows and features, and may hide what they catch on few rows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.generator import gaussian
from ..judge.compare import judged
from ..judge.problem import Problem, Quantity, Run
from ..truth.bounds import largest_curvature
from ..twins import Setting
from .by_hand import ByHand
from .exhibit import DATASET, START, Exhibit
from .faults import EXHIBITS
from .loops import HeavyBall

ROWS, FEATURES = (10, 1000, 100_000), (1, 30, 1000)
LARGEST = 5 * 10**6
"""Numbers of X: with more, what is exact takes minutes for every setting, and gigabytes."""
STEPS = 12
"""Of a run with many rows or features: all that these exhibits do has begun by then."""
NEEDS = {
    "ColumnAgainstRow": lambda n, d: n <= 10**4,  # it has N x N numbers
    "OneFeatureInBFloat16": lambda n, d: d > 1,
    "FeatureTwice": lambda n, d: d > 1,
    "MeanOfBatchMeans": lambda n, d: n % 16 > 0,  # else no batch is smaller
    **{
        name: lambda n, d: d < 1000 for name in ("Dampened", "OtherMomentum", "NesterovAsPrinted")
    },  # the bound is O(D³)
}
"""Exhibits that cannot be planted at every size."""


class Planted(NamedTuple):
    """An exhibit at one size."""

    name: str
    rejected: bool  # some quantity is outside
    suspected: bool  # some error is beyond what is likely
    where: str  # the quantity in which it differs most from a correct run, as a share of the bound
    difference: float
    bound: float


SIZES = [(n, d) for n in ROWS for d in FEATURES if n * d <= LARGEST]
"""Rows and features of every problem that exact arithmetic can hold."""


def problem(n: int, d: int) -> tuple[Dataset, Parameters]:
    """Logits as wide as those of the museum's data, whatever the numbers of rows and features."""
    base = gaussian(n, d, seed=1)
    random, size = np.random.RandomState(1), np.linalg.norm(START.weight)
    w = random.standard_normal(d)
    largest = np.abs(DATASET.X).max() / 4
    return Dataset(largest * base.X, base.y, f"{n} rows of {d} features"), Parameters(
        size * w / np.linalg.norm(w), float(START.bias)
    )


def planted(n: int, d: int, dtype: str) -> Iterator[Planted]:
    """Every exhibit that changes some number of that format at that size.

    Args:
        n: rows.
        d: features.
        dtype: the format.
    """
    dataset, start = problem(n, d)
    settings: dict[Setting, list[Exhibit]] = {}
    for name, exhibit in EXHIBITS.items():
        if name not in NEEDS or NEEDS[name](n, d):
            settings.setdefault(exhibit.setting, []).append(exhibit)
    for setting, exhibits in settings.items():
        rate = 1 / largest_curvature(dataset, l2=setting.l2, reduction=setting.reduction)
        batch = None if setting.batch_size is None else max(1, setting.batch_size * n // DATASET.n_rows)
        steps = setting.steps if n * d < 10**5 else STEPS
        taken = replace(setting, learning_rate=rate, batch_size=batch, steps=steps)
        here = Problem(dataset, start, taken, dtype, exact_steps=1)
        right = here.run("right", HeavyBall() if setting.momentum else ByHand(), "cpu")
        rightly = {quantity.name: quantity for quantity in here.quantities(right)}
        for exhibit in exhibits:
            with np.errstate(all="ignore"):  # a fault may lose its numbers
                run = here.run(exhibit.name, exhibit.program, "cpu")
            if not _same(run, right):
                yield _judged(here, run, exhibit.name, rightly)


def _same(run: Run, right: Run) -> bool:
    """Whether no number differs."""
    pairs = [(run.points, right.points), (run.losses, right.losses)]
    for one, other in ((run.start, right.start), (run.end, right.end)):
        pairs += [] if one is None or other is None else list(zip(_numbers(one), _numbers(other), strict=True))
    return run.stop_reason == right.stop_reason and all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _numbers(evaluation: object) -> list[np.ndarray]:
    flat = []
    for part in evaluation:  # type: ignore[attr-defined]
        flat += [np.asarray(each) for each in (part if isinstance(part, Parameters) else (part,))]
    return flat


def _judged(here: Problem, run: Run, name: str, rightly: dict[str, Quantity]) -> Planted:
    quantities = list(here.quantities(run))
    rows = list(judged(here.dtype, {name: quantities}, "cpu"))
    suspected = any(row.likely is not None and row.likely < row.error for row in rows)
    largest = max((_difference(q, rightly[q.name]) for q in quantities if q.name in rightly), key=lambda d: d[0])
    return Planted(name, any(row.verdict == "OUTSIDE" for row in rows), suspected, *largest[1:])


def _difference(wrong: Quantity, right: Quantity) -> tuple[float, str, float, float]:
    """The largest difference as a share of the bound, and where: the quantity, the difference, the bound."""
    apart = np.abs(np.asarray(wrong.values, np.float64) - np.asarray(right.values, np.float64))
    apart = np.linalg.norm(apart, axis=1) if apart.ndim == 2 else apart
    bound = np.asarray(wrong.bound, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(apart > 0, apart / bound, 0)
    k = int(np.argmax(share))
    return float(share[k]), wrong.name, float(apart[k]), float(bound[k])
