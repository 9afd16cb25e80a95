"""Random pairs of correct programs: the judge must not reject one, whatever their data, format and threads."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..data.dataset import Dataset
from ..data.generator import gaussian, initial_parameters, lesson
from ..data.history import Evaluation, History
from ..truth import reference
from ..truth.bounds import largest_curvature
from ..twins import Setting, load_part, load_twin
from .by_hand import ByHand
from .rewrites import REWRITES
from .score import DTYPES, Trial, trial

LARGE = 40_000  # rows, enough for PyTorch to share them out to threads
FRAMEWORKS = {"logreg_torch": (1, 2), "logreg_jax": (None,)}
"""Twins that are loaded by name, each with the numbers of threads it is run with."""


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


def random_pair(seed: int) -> Trial:
    """Two correct programs on a random problem: data, shape, scale, start, setting and format from the seed."""
    random = np.random.RandomState(seed)

    def draw(*choices: Any) -> Any:
        return choices[random.randint(len(choices))]

    known = programs()
    one, other = (list(known)[k] for k in random.permutation(len(known))[:2])
    large = random.randint(100) == 0
    dataset = _large(random) if large else draw(_gaussian, _gaussian, _lesson, _repeated)(random, draw)
    start = initial_parameters(dataset.n_features, seed=random.randint(2**31))
    l2, reduction = draw(0.0, 0.25), draw("sum", "mean")
    rate = 1 / largest_curvature(dataset, l2=l2, reduction=reduction)
    batch = None if large else draw(None, max(1, dataset.n_rows // 2), 7 if dataset.n_rows > 7 else None)
    steps, how = 1 if large else 20, draw("before", "after")
    setting = Setting(
        steps=steps, learning_rate=rate, batch_size=batch, seed=seed, reduction=reduction, l2=l2, record=how
    )
    return trial(known[other], setting, draw(*DTYPES), right=known[one], name=other, dataset=dataset, start=start)


def _gaussian(random: np.random.RandomState, draw: Callable) -> Dataset:
    n, d, correlation, scale = random.randint(2, 61), random.randint(1, 7), random.uniform(-0.9, 0.9), draw(0.1, 1, 10)
    balance, seed = draw(0.1, 0.5, 0.9), random.randint(2**31 - 1)
    return gaussian(n, d, correlation=correlation, scale=scale, class_balance=balance, seed=seed)


def _lesson(random: np.random.RandomState, draw: Callable) -> Dataset:
    labels, seed = draw("rounded", "bernoulli"), random.randint(2**31 - 1)
    return lesson(random.randint(2, 101), w=random.uniform(-4, 4), b=random.uniform(-2, 2), labels=labels, seed=seed)


def _repeated(random: np.random.RandomState, draw: Callable) -> Dataset:
    """Rows that stand there several times, in any order."""
    dataset = _gaussian(random, draw)
    return dataset.take(random.randint(0, dataset.n_rows, dataset.n_rows + 10))


def _large(random: np.random.RandomState) -> Dataset:
    return gaussian(LARGE, 1, seed=random.randint(2**31 - 1))
