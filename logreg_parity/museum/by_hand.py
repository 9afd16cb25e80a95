"""A correct twin in plain NumPy, one method a stage: what the faults are planted in, and what they are held to."""

from collections.abc import Collection, Iterable
from itertools import islice, repeat
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.history import Evaluation, History
from ..truth import reference
from ..twins import Record, Reduction

Converted = tuple[np.ndarray, np.ndarray, Parameters]
"""X (N, D), y (N,) and a point, in the numbers of a format."""


class ByHand:
    """A twin (twins.Twin) with one method a stage; row weights are left to the real twins."""

    def devices(self) -> tuple[str, ...]:
        return ("cpu",)

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def evaluate(
        self,
        dataset: Dataset,
        parameters: Parameters,
        *,
        l2: float = 0.0,
        reduction: Reduction = "mean",
        dtype: str = "float64",
        device: str = "cpu",
    ) -> Evaluation:
        X, y, theta = self.convert(dataset.X, dataset.y, parameters, dtype)
        z = self.logits(theta, X)
        p = reference.sigmoid(z)
        value, slope = self.value(theta, X, y, l2, reduction), self.gradient(theta, X, y, l2, reduction)
        return Evaluation(z, self.losses(z, y), value, slope, p, (p > 0.5).astype(int))

    def train(
        self,
        dataset: Dataset,
        start: Parameters,
        *,
        steps: int,
        learning_rate: float,
        batches: Iterable[np.ndarray] | None = None,
        record: Record = "after",
        keep: Collection[int] | None = None,
        l2: float = 0.0,
        reduction: Reduction = "mean",
        dtype: str = "float64",
        device: str = "cpu",
    ) -> History:
        X, y, theta = self.convert(dataset.X, dataset.y, start, dtype)
        points, losses = [theta], []
        chosen: Iterable[Any] = repeat(slice(None)) if batches is None else batches
        for rows in islice(chosen, steps):
            batch, rate = (X[rows], y[rows], l2, reduction), X.dtype.type(learning_rate)
            before, old = self.value(theta, *batch), theta
            theta = self.step(theta, rate, *batch)
            points.append(theta)
            losses.append(self.recorded(record, before, old, theta, batch))
        weights, biases = (np.array(part) for part in zip(*points, strict=True))
        return History(np.array(losses), record, np.arange(steps + 1), weights, biases)

    def convert(self, X: np.ndarray, y: np.ndarray, theta: Parameters, dtype: str) -> Converted:
        kind = np.dtype(dtype).type
        return X.astype(dtype), y.astype(dtype), Parameters(theta.weight.astype(dtype), kind(theta.bias))

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return X @ theta.weight + theta.bias

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return reference.stable_loss(z, y)

    def divisor(self, y: np.ndarray, reduction: Reduction) -> int:
        return len(y) if reduction == "mean" else 1

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> float:
        losses = self.losses(self.logits(theta, X), y)
        return losses.sum() / self.divisor(y, reduction) + (l2 / 2 * theta.weight * theta.weight).sum()

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        r = reference.residual(self.logits(theta, X), y) / self.divisor(y, reduction)
        return Parameters(X.T @ r + l2 * theta.weight, r.sum())

    def step(
        self, theta: Parameters, rate: float, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction
    ) -> Parameters:
        slope = self.gradient(theta, X, y, l2, reduction)
        return Parameters(theta.weight - rate * slope.weight, theta.bias - rate * slope.bias)

    def recorded(self, record: Record, before: float, old: Parameters, new: Parameters, batch: Any) -> float:
        return before if record == "before" else self.value(new, *batch)
