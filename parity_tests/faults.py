"""A correct twin in plain NumPy whose every stage can be replaced, and the planted faults that replace one.

Each fault is one a person makes: most are a line long, and most survive ``allclose`` at its defaults. The judge has
to reject every one, and must never reject ``ByHand`` itself.
"""

import numpy as np

from logreg_parity import Evaluation, History, Parameters
from logreg_parity.truth import reference
from logreg_parity.truth.ulp import round_to


class ByHand:
    """A twin (judge.twin.Twin) with one method a stage; row weights are left to the real twins."""

    def devices(self):
        return ("cpu",)

    def versions(self):
        return {"numpy": np.__version__}

    def evaluate(self, dataset, parameters, *, l2, reduction, dtype, device):
        X, y, theta = self.convert(dataset.X, dataset.y, parameters, dtype)
        z = self.logits(theta, X)
        p = reference.sigmoid(z)
        value, slope = self.value(theta, X, y, l2, reduction), self.gradient(theta, X, y, l2, reduction)
        return Evaluation(z, self.losses(z, y), value, slope, p, (p > 0.5).astype(int))

    def train(self, dataset, start, *, steps, learning_rate, batches, record, keep, l2, reduction, dtype, device):
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


class OneRowForgotten(ByHand):
    def value(self, theta, X, y, *rest):
        return super().value(theta, X[:-1], y[:-1], *rest)

    def gradient(self, theta, X, y, *rest):
        return super().gradient(theta, X[:-1], y[:-1], *rest)


class OneLessThanN(ByHand):
    def divisor(self, y, reduction):
        return len(y) - 1 if reduction == "mean" else 1


class OneLabelFlipped(ByHand):
    def convert(self, X, y, theta, dtype):
        y = y.copy()
        y[len(y) // 2] = 1 - y[len(y) // 2]
        return super().convert(X, y, theta, dtype)


class GradientScaled(ByHand):
    """By 1.0001."""

    def gradient(self, *arguments):
        slope = super().gradient(*arguments)
        return Parameters(slope.weight * 1.0001, slope.bias * 1.0001)


class SilentlyFloat32(ByHand):
    def convert(self, X, y, theta, dtype):
        return super().convert(X, y, theta, "float32")


class BFloat16Logits(ByHand):
    def logits(self, theta, X):
        return round_to(super().logits(theta, X), "bfloat16").astype(X.dtype)


class TransposedWeights(ByHand):
    """The features filled in column by column where they were meant row by row: a (D, N) reshape for a transpose."""

    def convert(self, X, y, theta, dtype):
        return super().convert(np.reshape(X, X.shape, order="F").reshape(X.shape[::-1]).T, y, theta, dtype)


class BiasBeforeWeight(ByHand):
    """The weight's gradient is taken after the bias has moved."""

    def step(self, theta, rate, *batch):
        moved = Parameters(theta.weight, theta.bias - rate * self.gradient(theta, *batch).bias)
        return Parameters(theta.weight - rate * self.gradient(moved, *batch).weight, moved.bias)


class FactorTwo(ByHand):
    """The square's derivative without its half."""

    def gradient(self, *arguments):
        slope = super().gradient(*arguments)
        return Parameters(2 * slope.weight, 2 * slope.bias)


class LossOneStepLate(ByHand):
    def recorded(self, record, before, old, new, batch):
        return self.value(old if record == "after" else new, *batch)


class MeanForSum(ByHand):
    def divisor(self, y, reduction):
        return len(y)


class PenalisedIntercept(ByHand):
    def gradient(self, theta, X, y, l2, reduction):
        slope = super().gradient(theta, X, y, l2, reduction)
        return Parameters(slope.weight, slope.bias + l2 * theta.bias)


class ClampedLog(ByHand):
    """log(p + 1e-12), the usual guard against log(0)."""

    def losses(self, z, y):
        p, q = reference.sigmoid(z), reference.sigmoid(-z)
        return -(y * np.log(p + 1e-12) + (1 - y) * np.log(q + 1e-12))


class CancellingLogits(ByHand):
    """(1 - y) z + softplus(-z): two numbers near z and -z whose sum should be tiny. BCEWithLogits computes so."""

    def losses(self, z, y):
        return (1 - y) * z + reference.softplus(-z)


class RoundedToFourDecimals(ByHand):
    def step(self, *arguments):
        return Parameters(*(np.round(part, 4) for part in super().step(*arguments)))


FAULTS = {
    fault.__name__: fault()
    for fault in (
        OneRowForgotten,
        OneLessThanN,
        OneLabelFlipped,
        GradientScaled,
        SilentlyFloat32,
        BFloat16Logits,
        TransposedWeights,
        BiasBeforeWeight,
        FactorTwo,
        LossOneStepLate,
        MeanForSum,
        PenalisedIntercept,
        ClampedLog,
        CancellingLogits,
        RoundedToFourDecimals,
    )
}
