"""The problems every check runs on: data sets and points, each with the reason it is here."""

from typing import NamedTuple

import numpy as np

from logreg_parity import Dataset, Parameters, gaussian, lesson, published_2021


class Case(NamedTuple):
    """A data set and the point where it is looked at and from where training starts."""

    dataset: Dataset
    start: Parameters


def _zero(dataset: Dataset) -> Case:
    return Case(dataset, Parameters(np.zeros(dataset.n_features), 0.0))


def _saturated() -> Case:
    """Logits from -10 000 to 10 000 with both labels everywhere: every overflow, underflow and cancellation."""
    z = np.array([0.0, 1e-30, 0.3, 5, 10, 16.7, 17, 20, 36.8, 40, 87.4, 90, 104, 710, 746, 1e4])
    z = np.concatenate([z, -z])
    X, y = np.repeat(z, 2)[:, None], np.tile([0.0, 1.0], len(z))
    return Case(Dataset(X, y, "saturated logits"), Parameters(np.array([1.0]), 0.0))


def _weighted(seed: int) -> Case:
    base = gaussian(60, 3, seed=seed)
    weight = np.random.RandomState(seed).randint(0, 4, base.n_rows).astype(float)
    dataset = Dataset(base.X, base.y, "whole row weights, some zero", sample_weight=weight)
    return Case(dataset, Parameters(np.array([0.5, -1.0, 2.0]), 0.25))


def _one_row() -> Case:
    return Case(Dataset([[0.75, -1.5]], [1.0], "one row"), Parameters(np.array([1.0, 0.5]), -0.25))


def _far(n: int, d: int, size: float, *, tiny: bool = False) -> Case:
    """Odd numbers of rows and features, a start in saturation, and fractional row weights over six orders."""
    base, random = gaussian(n, d, seed=7), np.random.RandomState(7)
    weight = 10.0 ** random.uniform(-6, 0, n) if tiny else None
    dataset = Dataset(base.X, base.y, f"{n} rows of {d} features", sample_weight=weight)
    w = random.standard_normal(d)
    return Case(dataset, Parameters(size * w / np.linalg.norm(w), -size / 4))


CASES = {
    "published": Case(*published_2021()),  # the lesson
    "bernoulli": _zero(lesson(labels="bernoulli")),  # the lesson made honest; the point where σ' is largest
    "soft": Case(lesson(labels="soft"), Parameters(np.array([1.5]), 0.5)),
    "correlated": Case(gaussian(80, 5, correlation=0.9), Parameters(np.array([1.0, -2.0, 0.5, 0.0, 3.0]), -0.5)),
    "scaled": _zero(gaussian(50, 3, scale=(1.0, 32.0, 0.03125))),
    "rare": Case(gaussian(150, 2, class_balance=0.05), Parameters(np.array([-0.5, 0.5]), -3.0)),
    "weighted": _weighted(4),
    "saturated": _saturated(),
    "one-row": _one_row(),
    "one-class": _zero(Dataset(gaussian(20, 2).X, np.ones(20), "one class only")),
    "constant-feature": _zero(Dataset(np.column_stack([lesson(30).X, np.ones(30)]), lesson(30).y, "constant feature")),
    "far": _far(65, 17, 16.0),  # logits to 40 and beyond, one row and one feature more than a block of many kernels
    "tiny-weights": _far(63, 3, 1.0, tiny=True),
    "wide": _far(31, 40, 0.5),  # more features than rows
    "repeated-rows": Case(gaussian(20, 2).take([0] * 10 + list(range(10))), Parameters(np.array([0.1, -0.2]), 0.3)),
}
