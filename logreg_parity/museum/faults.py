"""The exhibits: one planted fault each, with where it comes from and what the judge has to say of it.

Each is one a person makes: most are a line long, and most survive ``allclose`` at its defaults. Those of
the loop around the formula, the labels, the batches and the penalty are in ``habits.py``, those of its rows, step sizes
and formats in ``loops.py``.
"""

from typing import Any

import numpy as np

from ..data.dataset import Parameters
from ..truth import reference
from ..truth.ulp import round_to
from ..twins import Record, Reduction
from .by_hand import ByHand, Converted
from .exhibit import MEAN, SUM, Exhibit
from .habits import HABITS
from .loops import LOOPS


class OneRowForgotten(ByHand):
    """The last row is left out of the loss and the gradient."""

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, *rest: Any) -> float:
        return super().value(theta, X[:-1], y[:-1], *rest)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, *rest: Any) -> Parameters:
        return super().gradient(theta, X[:-1], y[:-1], *rest)


class OneLessThanN(ByHand):
    """The mean is divided by N - 1."""

    def divisor(self, y: np.ndarray, reduction: Reduction) -> int:
        return len(y) - 1 if reduction == "mean" else 1


class OneLabelFlipped(ByHand):
    """One label is read as its opposite."""

    def convert(self, X: np.ndarray, y: np.ndarray, theta: Parameters, dtype: str) -> Converted:
        y = y.copy()
        y[len(y) // 2] = 1 - y[len(y) // 2]
        return super().convert(X, y, theta, dtype)


class GradientScaled(ByHand):
    """The gradient times 1.0001."""

    def gradient(self, *arguments: Any) -> Parameters:
        slope = super().gradient(*arguments)
        return Parameters(slope.weight * 1.0001, slope.bias * 1.0001)


class SilentlyFloat32(ByHand):
    """float32 numbers in a run that says float64."""

    def convert(self, X: np.ndarray, y: np.ndarray, theta: Parameters, dtype: str) -> Converted:
        return super().convert(X, y, theta, "float32")


class BFloat16Logits(ByHand):
    """Logits rounded to bfloat16."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return round_to(super().logits(theta, X), "bfloat16").astype(X.dtype)


class TransposedWeights(ByHand):
    """The features filled in column by column where they were meant row by row: a (D, N) reshape for a transpose."""

    def convert(self, X: np.ndarray, y: np.ndarray, theta: Parameters, dtype: str) -> Converted:
        return super().convert(np.reshape(X, X.shape, order="F").reshape(X.shape[::-1]).T, y, theta, dtype)


class BiasBeforeWeight(ByHand):
    """The weight's gradient is taken after the bias has moved."""

    def step(self, theta: Parameters, rate: float, *batch: Any) -> Parameters:
        moved = Parameters(theta.weight, theta.bias - rate * self.gradient(theta, *batch).bias)
        return Parameters(theta.weight - rate * self.gradient(moved, *batch).weight, moved.bias)


class FactorTwo(ByHand):
    """The square's derivative without its half."""

    def gradient(self, *arguments: Any) -> Parameters:
        slope = super().gradient(*arguments)
        return Parameters(2 * slope.weight, 2 * slope.bias)


class LossOneStepLate(ByHand):
    """The recorded loss is that of the other side of the update."""

    def recorded(self, record: Record, before: float, old: Parameters, new: Parameters, batch: Any) -> float:
        return self.value(old if record == "after" else new, *batch)


class MeanForSum(ByHand):
    """The mean of the losses where their sum is meant."""

    def divisor(self, y: np.ndarray, reduction: Reduction) -> int:
        return len(y)


class PenalisedIntercept(ByHand):
    """The penalty's gradient holds the bias too."""

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        slope = super().gradient(theta, X, y, l2, reduction)
        return Parameters(slope.weight, slope.bias + l2 * theta.bias)


class ClampedLog(ByHand):
    """log(p + 1e-12), the usual guard against log(0)."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        p, q = reference.sigmoid(z), reference.sigmoid(-z)
        return -(y * np.log(p + 1e-12) + (1 - y) * np.log(q + 1e-12))


class CancellingLogits(ByHand):
    """(1 - y) z + softplus(-z): two numbers near z and -z whose sum should be tiny."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (1 - y) * z + reference.softplus(-z)


class RoundedToFourDecimals(ByHand):
    """Parameters rounded to four decimals at every step."""

    def step(self, *arguments: Any) -> Parameters:
        return Parameters(*(np.round(part, 4) for part in super().step(*arguments)))


class GradientOverFeatures(ByHand):
    """The gradient of a mean, divided by the number of features where the number of rows is meant."""

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        slope = super().gradient(theta, X, y, 0.0, "sum")
        return Parameters(slope.weight / X.shape[1] + l2 * theta.weight, slope.bias / X.shape[1])


class ClampedLoss(ByHand):
    """The loss of max(p, 1e-7), with the gradient of p."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        p, q = (np.maximum(reference.sigmoid(t), 1e-7) for t in (z, -z))
        return -(y * np.log(p) + (1 - y) * np.log(q))


class TF32Products(ByHand):
    """Features and weights rounded to TF32's 10 stored bits before they are multiplied."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        X, w = (self.rounded(a) for a in (X, theta.weight))
        return X @ w + theta.bias

    @staticmethod
    def rounded(a: np.ndarray) -> np.ndarray:
        mantissa, exponent = np.frexp(a)
        return np.ldexp(np.rint(mantissa * 2**11), exponent - 11)


class ColumnAgainstRow(ByHand):
    """Logits (N, 1) against labels (N,): the mean is over all N x N pairs of a logit and a label."""

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> float:
        losses = self.losses(self.logits(theta, X)[:, None], y)
        return losses.sum() / losses.size + (l2 / 2 * theta.weight * theta.weight).sum()

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        r = reference.residual(self.logits(theta, X)[:, None], y).mean(axis=1) / len(y)
        return Parameters(X.T @ r + l2 * theta.weight, r.sum())


_EXHIBITS = (
    Exhibit(OneRowForgotten(), "common: an off-by-one slice", SUM, "loss", "row 39 left out"),
    Exhibit(OneLessThanN(), "common: the N - 1 of a sample variance", MEAN, "loss", "divided by N - 1"),
    Exhibit(OneLabelFlipped(), "common", SUM, "row losses", "opposite label in row 20: flipped"),
    Exhibit(
        GradientScaled(),
        "made up: well within torch.autograd.gradcheck's default of 1e-3",
        SUM,
        "gradient",
        "1.0001 times what it should be: a constant factor",
    ),
    Exhibit(
        SilentlyFloat32(), "JAX without x64: jnp.array makes float64 arrays float32", SUM, "logits", "a float32 number"
    ),
    Exhibit(
        BFloat16Logits(),
        "MaxText #4310: a parity test's reference, always loaded in bfloat16",
        SUM,
        "logits",
        "a bfloat16 number",
    ),
    Exhibit(TransposedWeights(), "common", SUM, "logits", "reshaped to (D, N) and transposed"),
    Exhibit(BiasBeforeWeight(), "common: parameters updated one by one", SUM, "update", "the bias is updated first"),
    Exhibit(FactorTwo(), "common", SUM, "gradient", "twice what it should be"),
    Exhibit(
        LossOneStepLate(),
        "common: the workshop's loop records after the update, most loops before it",
        SUM,
        "recorded loss",
        "that before the update",
    ),
    Exhibit(
        MeanForSum(),
        "the workshop: a mean in its notebook of 2018, a sum since 2020",
        SUM,
        "loss",
        "a mean where a sum is meant",
    ),
    Exhibit(
        PenalisedIntercept(),
        "LIBLINEAR, where the intercept is one more weight",
        SUM,
        "gradient",
        "the intercept is penalised",
    ),
    Exhibit(ClampedLog(), "common", SUM, "row losses", "log(p + 1e-12)"),
    Exhibit(
        CancellingLogits(),
        "torch binary_cross_entropy_with_logits, where y = 0",
        SUM,
        "row losses",
        "z and softplus(-z) are added where they cancel",
    ),
    Exhibit(RoundedToFourDecimals(), "common: parameters copied from a print", SUM, "update", "at most 4 decimals"),
    Exhibit(GradientOverFeatures(), "common", MEAN, "gradient", "13.3333 times what it should be"),
    Exhibit(
        ClampedLoss(),
        "torch.nn.BCELoss, which clamps the logarithm at -100 (pytorch #103316)",
        SUM,
        "row losses",
        "Large losses stop near -log 1e-07",
    ),
    Exhibit(
        TF32Products(),
        "JAX's default for float32 products on recent NVIDIA GPUs",
        SUM,
        "logits",
        "TF32 products (10 stored bits)",
    ),
    Exhibit(
        ColumnAgainstRow(),
        "optax's sigmoid_binary_cross_entropy accepts the shapes; tensorflow #1343",
        MEAN,
        "loss",
        "every logit meets every label",
    ),
)
EXHIBITS = {exhibit.name: exhibit for exhibit in (*_EXHIBITS, *HABITS, *LOOPS)}
