"""A correct twin in plain NumPy, one method a stage: what the faults are planted in, and what they are held to."""

import numpy as np

from ..data.dataset import Parameters
from ..data.history import Evaluation, History
from ..truth import reference


class ByHand:
    """A twin (twins.Twin) with one method a stage; row weights are left to the real twins."""

    def devices(self):
        return ("cpu",)

    def versions(self):
        return {"numpy": np.__version__}

    def evaluate(self, dataset, parameters, *, l2=0.0, reduction="mean", dtype="float64", device="cpu"):
        X, y, theta = self.convert(dataset.X, dataset.y, parameters, dtype)
        z = self.logits(theta, X)
        p = reference.sigmoid(z)
        value, slope = self.value(theta, X, y, l2, reduction), self.gradient(theta, X, y, l2, reduction)
        return Evaluation(z, self.losses(z, y), value, slope, p, (p > 0.5).astype(int))

    def train(
        self,
        dataset,
        start,
        *,
        steps,
        learning_rate,
        batches=None,
        record="after",
        keep=None,
        l2=0.0,
        reduction="mean",
        dtype="float64",
        device="cpu",
    ):
        X, y, theta = self.convert(dataset.X, dataset.y, start, dtype)
        points, losses = [theta], []
        for step in range(steps):
            rows = slice(None) if batches is None else batches[step]
            batch, rate = (X[rows], y[rows], l2, reduction), X.dtype.type(learning_rate)
            before, old = self.value(theta, *batch), theta
            theta = self.step(theta, rate, *batch)
            points.append(theta)
            losses.append(self.recorded(record, before, old, theta, batch))
        weights, biases = (np.array(part) for part in zip(*points, strict=True))
        return History(np.array(losses), record, np.arange(steps + 1), weights, biases)

    def convert(self, X, y, theta, dtype):
        kind = np.dtype(dtype).type
        return X.astype(dtype), y.astype(dtype), Parameters(theta.weight.astype(dtype), kind(theta.bias))

    def logits(self, theta, X):
        return X @ theta.weight + theta.bias

    def losses(self, z, y):
        return reference.stable_loss(z, y)

    def divisor(self, y, reduction):
        return len(y) if reduction == "mean" else 1

    def value(self, theta, X, y, l2, reduction):
        losses = self.losses(self.logits(theta, X), y)
        return losses.sum() / self.divisor(y, reduction) + l2 / 2 * (theta.weight**2).sum()

    def gradient(self, theta, X, y, l2, reduction):
        r = reference.residual(self.logits(theta, X), y) / self.divisor(y, reduction)
        return Parameters(X.T @ r + l2 * theta.weight, r.sum())

    def step(self, theta, rate, X, y, l2, reduction):
        slope = self.gradient(theta, X, y, l2, reduction)
        return Parameters(theta.weight - rate * slope.weight, theta.bias - rate * slope.bias)

    def recorded(self, record, before, old, new, batch):
        return before if record == "before" else self.value(new, *batch)
