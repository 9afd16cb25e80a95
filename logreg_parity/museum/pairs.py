"""Random pairs of correct programs: the judge must not reject one, whatever their data, format and threads."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset
from ..data.generator import gaussian, initial_parameters, lesson
from ..data.history import Evaluation, History
from ..truth import reference
from ..truth.bounds import largest_curvature
from ..twins import Record, Reduction, Setting, load_part, load_twin
from .by_hand import ByHand
from .rewrites import REWRITES
from .score import DTYPES, Trial, trial

LARGE = 40_000  # rows, enough for PyTorch to share them out to threads
GROUP = 50
"""So many seeds, one after another, share shapes, format and setting: what a framework compiles for one serves all."""
SELDOM = 200
"""One of so many pairs is that large: what is exact of it takes seconds."""
FRAMEWORKS = {"logreg_torch": (1, 2), "logreg_jax": (None,)}
"""Twins that are loaded by name, each with the numbers of threads it is run with."""
FORMATS = (*DTYPES, "bfloat16", "float16")


class WithThreads:
    """A twin that computes with so many threads, and puts the number back."""

    def __init__(self, name: str, count: int):
        self._twin, self._probes, self._count = load_twin(name), load_part(name, "bridge.probes"), count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._twin, name)

    def evaluate(self, *arguments: Any, **options: Any) -> Evaluation:
        """The twin's."""
        return self._threaded(self._twin.evaluate, *arguments, **options)

    def train(self, *arguments: Any, **options: Any) -> History:
        """The twin's."""
        return self._threaded(self._twin.train, *arguments, **options)

    def _threaded(self, function: Callable, *arguments: Any, **options: Any) -> Any:
        before = self._probes.threads()
        try:
            self._probes.threads(self._count)
            return function(*arguments, **options)
        finally:
            self._probes.threads(before)


@cache
def programs() -> dict[str, Any]:
    """Correct programs by name: the rewrites, the reference, and the twins whose framework is installed."""
    found: dict[str, Any] = {"ByHand": ByHand(), **REWRITES, "reference": reference}
    for name, counts in FRAMEWORKS.items():
        try:
            twin = load_twin(name)
        except ValueError:  # its framework is not installed
            continue
        for count in counts:
            threaded = twin if count is None else WithThreads(name, count)
            found[name if count is None else f"{name}, threads: {count}"] = threaded
    return found


@cache
def computes(name: str, dtype: str) -> bool:
    """Whether a twin has that format here: XLA compiles no float16 for a processor without F16C."""
    try:
        programs()[name].evaluate(gaussian(2, 1), initial_parameters(1), dtype=dtype)
    except RuntimeError:
        return False
    return True


class Alike(NamedTuple):
    """What the pairs of a group have in common."""

    kind: str  # of data: a name of KINDS
    n_rows: int
    n_features: int
    scale: float  # of the features
    weighted: bool  # rows with weights
    soft: bool  # labels between 0 and 1
    dtype: str
    batch_size: int | None
    momentum: float
    nesterov: bool
    reduction: Reduction
    record: Record
    steps: int

    @property
    def plain(self) -> bool:
        """Whether every program here can do it, and not only the reference and the twins."""
        return not (self.weighted or self.soft or self.momentum) and self.dtype in DTYPES


def alike(group: int) -> Alike:
    """The settings of a group of pairs, by its number."""
    draw = Draw((0, group))
    kind = draw.one("gaussian", "gaussian", "lesson", "repeated")
    n, d = draw.one(2, 3, 5, 8, 17, 33, 60, 100), draw.one(1, 2, 3, 5, 6, 17)
    momentum = draw.one(0.0, 0.0, 0.5, 0.875)
    return Alike(
        kind,
        n,
        1 if kind == "lesson" else d,
        draw.one(2.0**-4, 1.0, 8.0),
        not draw.below(4),
        kind == "gaussian" and not draw.below(6),
        draw.one(*DTYPES, *DTYPES, *FORMATS),
        draw.one(None, max(1, n // 2), 7 if n > 7 else None),
        momentum,
        bool(momentum) and bool(draw.below(2)),
        draw.one("sum", "mean"),
        draw.one("before", "after"),
        draw.one(3, 8),
    )


def random_pair(seed: int) -> Trial:
    """Two correct programs on a random problem, by its number.

    Data, row weights, start, penalty and programs are its own; shapes, format and setting those of its group, and the
    step size, a power of two, mostly is. One of the programs is a framework's, where one is installed.
    """
    common, draw = alike(seed // GROUP), Draw((1, seed))
    if seed % SELDOM == SELDOM - 1:
        common = common._replace(kind="gaussian", n_rows=LARGE, n_features=1, weighted=False, batch_size=None, steps=1)
    known = programs()
    own = [name for name in known if name.startswith("logreg_") and computes(name, common.dtype)]
    every = list(known) if common.plain else [*own, *["reference"] * (common.dtype != "bfloat16")]
    if len(every) < 2:  # no framework is installed
        common = common._replace(weighted=False, soft=False, momentum=0.0, nesterov=False, dtype=DTYPES[0])
        every = list(known)
    one = draw.one(*(own or every))
    other = draw.one(*(name for name in every if name != one))
    dataset = KINDS[common.kind](common, draw)
    if common.weighted:
        weight = 10.0 ** draw.random.uniform(-3, 1, dataset.n_rows)
        dataset = replace(dataset, sample_weight=weight, source=f"{dataset.source}, weighted")
    start = initial_parameters(dataset.n_features, seed=draw.below(2**31 - 1))
    l2 = draw.one(0.0, 0.25, 10.0 ** draw.random.uniform(-4, 0))
    curvature = largest_curvature(dataset, l2=l2, reduction=common.reduction)
    setting = Setting(
        steps=common.steps,
        learning_rate=2.0 ** np.floor(-np.log2(curvature)),
        momentum=common.momentum,
        nesterov=common.nesterov,
        batch_size=common.batch_size,
        seed=seed,
        reduction=common.reduction,
        l2=l2,
        record=common.record,
    )
    return trial(known[other], setting, common.dtype, right=known[one], name=other, dataset=dataset, start=start)


class Draw:
    """Chance from a seed."""

    def __init__(self, seed: tuple[int, int]):
        self.random = np.random.RandomState(seed)

    def one(self, *choices: Any) -> Any:
        """One of them."""
        return choices[self.below(len(choices))]

    def below(self, count: int) -> int:
        """A whole number from 0 on."""
        return int(self.random.randint(count))


def _gaussian(common: Alike, draw: Draw) -> Dataset:
    correlation, balance = draw.random.uniform(-0.9, 0.9), draw.one(0.1, 0.5, 0.9)
    return gaussian(
        common.n_rows,
        common.n_features,
        correlation=correlation,
        scale=common.scale * draw.random.uniform(0.75, 1.25),
        class_balance=balance,
        labels="soft" if common.soft else "bernoulli",
        seed=draw.below(2**31 - 1),
    )


def _lesson(common: Alike, draw: Draw) -> Dataset:
    w, b = draw.random.uniform(-4, 4), draw.random.uniform(-2, 2)
    labels = draw.one("rounded", "bernoulli")
    return lesson(common.n_rows, w=w, b=b, labels=labels, seed=draw.below(2**31 - 1))


def _repeated(common: Alike, draw: Draw) -> Dataset:
    """Rows that stand there several times, in any order."""
    return _gaussian(common, draw).take(draw.random.randint(0, common.n_rows, common.n_rows))


KINDS: dict[str, Callable[[Alike, Draw], Dataset]] = {
    "gaussian": _gaussian,
    "lesson": _lesson,
    "repeated": _repeated,
}
