"""More exhibits: what goes wrong in the loop around the formula, in the labels, the batches and the penalty."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..data.dataset import Parameters
from ..data.history import History
from ..truth import reference
from ..twins import Reduction
from .by_hand import ByHand, Converted
from .exhibit import BATCHED, MEAN, SUM, Exhibit

FULL = 16
"""Rows of a whole mini-batch here: 40 rows make two of them and one of 8."""


class TextbookLoss(ByHand):
    """-(y log p + (1 - y) log(1 - p)): it loses digits as p nears 1, and is not finite once p rounds to it."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return reference.textbook_loss(z, y)


class LossInBits(ByHand):
    """The loss by log2, in bits where nats are meant."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return super().losses(z, y) / np.log(2).astype(z.dtype)


class LikelihoodForLoss(ByHand):
    """The log-likelihood without its minus: the descent climbs."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return -super().losses(z, y)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        slope, penalty = super().gradient(theta, X, y, l2, reduction), l2 * theta.weight
        return Parameters(2 * penalty - slope.weight, -slope.bias)


class LinearAboveFifteen(ByHand):
    """A softplus that is its argument above 15, for speed."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        t = (1 - 2 * y) * z
        return np.where(t > 15, t, super().losses(z, y))


class SignedLabels(ByHand):
    """Labels -1 and 1 in the loss for 0 and 1."""

    def convert(self, X: np.ndarray, y: np.ndarray, theta: Parameters, dtype: str) -> Converted:
        return super().convert(X, 2 * y - 1, theta, dtype)


class SignedLoss(ByHand):
    """softplus(-y z), the loss for labels -1 and 1, with 0 and 1."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return reference.softplus(-y * z)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        r = -y * reference.sigmoid(-y * self.logits(theta, X)) / self.divisor(y, reduction)
        return Parameters(X.T @ r + l2 * theta.weight, r.sum())


class MeanOfBatchMeans(ByHand):
    """The loss of all rows as the mean over mini-batches of their means, though the last one is smaller."""

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> float:
        losses = self.losses(self.logits(theta, X), y)
        means = [losses[k : k + FULL].mean() for k in range(0, len(y), FULL)]
        return np.mean(means) + (l2 / 2 * theta.weight * theta.weight).sum()


class UnequalShares(ByHand):
    """The gradient as the mean over three processes of their means, though the first has a row more."""

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        shares = np.array_split(np.arange(len(y)), 3)
        slopes = [super(UnequalShares, self).gradient(theta, X[rows], y[rows], l2, reduction) for rows in shares]
        return Parameters(*(np.mean(parts, axis=0, dtype=X.dtype) for parts in zip(*slopes, strict=True)))


class PenaltyWithoutHalf(ByHand):
    """The penalty l2 ‖w‖² where l2 / 2 ‖w‖² is meant: a weight decay twice as strong."""

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> float:
        return super().value(theta, X, y, 2 * l2, reduction)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        return super().gradient(theta, X, y, 2 * l2, reduction)


class PenaltyHalved(ByHand):
    """The gradient of the penalty as l2 / 2 times the weight: the 2 of the square forgotten."""

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        return super().gradient(theta, X, y, l2 / 2, reduction)


class PenaltyInTheMean(ByHand):
    """The penalty added before the sum is divided by N."""

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> float:
        return super().value(theta, X, y, l2 / len(y), reduction)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        return super().gradient(theta, X, y, l2 / len(y), reduction)


class RateOverRows(ByHand):
    """The learning rate divided by the number of rows, on top of a mean."""

    def step(self, theta: Parameters, rate: float, X: np.ndarray, y: np.ndarray, *rest: Any) -> Parameters:
        return super().step(theta, rate / len(y), X, y, *rest)


class BiasLeftOut(ByHand):
    """The bias is not among the parameters that are trained."""

    def step(self, theta: Parameters, *arguments: Any) -> Parameters:
        return Parameters(super().step(theta, *arguments).weight, theta.bias)


class LastBatchDropped(ByHand):
    """The last mini-batch of a pass is skipped where it is smaller than the others."""

    def step(self, theta: Parameters, rate: float, X: np.ndarray, *rest: Any) -> Parameters:
        return super().step(theta, rate, X, *rest) if len(X) >= FULL else theta


class Remembering(ByHand):
    """A loop that keeps the gradients it has seen; ``direction`` makes a step of them and the new one."""

    def train(self, *arguments: Any, **options: Any) -> History:
        self.seen: list[Parameters] = []
        return super().train(*arguments, **options)

    def direction(self, new: Parameters) -> Parameters:
        raise NotImplementedError

    def step(self, theta: Parameters, rate: float, *batch: Any) -> Parameters:
        new = self.gradient(theta, *batch)
        along = self.direction(new)
        self.seen.append(new)
        return Parameters(theta.weight - rate * along.weight, theta.bias - rate * along.bias)


class ForgottenZeroGrad(Remembering):
    """Gradients added up from step to step, never set back to zero."""

    def direction(self, new: Parameters) -> Parameters:
        return Parameters(*(sum(parts) for parts in zip(*self.seen, new, strict=True)))


class StaleGradient(Remembering):
    """Each step takes the gradient of the step before."""

    def direction(self, new: Parameters) -> Parameters:
        return self.seen[-1] if self.seen else new


class MomentumLeftOn(Remembering):
    """A momentum of 0.9 in a run that is to have none."""

    def direction(self, new: Parameters) -> Parameters:
        velocity = (0 * new.weight, 0 * new.bias)
        for slope in (*self.seen, new):
            velocity = tuple(slope.weight.dtype.type(0.9) * v + g for v, g in zip(velocity, slope, strict=True))
        return Parameters(*velocity)


PARTIAL = replace(BATCHED, batch_size=FULL)

HABITS = (
    Exhibit(TextbookLoss(), "the workshop, and most textbooks", SUM, "row losses", "log(1 - p) of a p near 1"),
    Exhibit(LossInBits(), "common: log2 for log", SUM, "row losses", "bits where nats are meant"),
    Exhibit(
        LikelihoodForLoss(),
        "the workshop's binary_cross_entropy, which has no minus sign, taken for the loss",
        SUM,
        "row losses",
        "-1 times what it should be",
    ),
    Exhibit(
        LinearAboveFifteen(),
        "torch.nn.Softplus, with its threshold at 20",
        SUM,
        "row losses",
        "the loss is the logit itself",
    ),
    Exhibit(SignedLabels(), "common: labels as SVMs want them", SUM, "row losses", "labels -1 and 1"),
    Exhibit(SignedLoss(), "common: the other textbook's loss", SUM, "row losses", "every row of label 0 is log 2"),
    Exhibit(MeanOfBatchMeans(), "common: evaluation loops", MEAN, "loss", "means of batches of 16 rows"),
    Exhibit(PenaltyWithoutHalf(), "keras.regularizers.L2, which has no half", SUM, "loss", "with twice the penalty"),
    Exhibit(PenaltyHalved(), "common", SUM, "gradient", "with half the penalty"),
    Exhibit(PenaltyInTheMean(), "common: C and alpha differ by N from tool to tool", MEAN, "loss", "divided by N"),
    Exhibit(RateOverRows(), "common", MEAN, "update", "the step size is divided by the number of rows"),
    Exhibit(BiasLeftOut(), "common: optimizer built from the weights only", SUM, "update", "The bias did not move"),
    Exhibit(
        LastBatchDropped(),
        "torch.utils.data.DataLoader(drop_last=True) and tf.data's drop_remainder",
        PARTIAL,
        "update",
        "a smaller batch that is dropped",
    ),
    Exhibit(
        ForgottenZeroGrad(),
        "PyTorch without optimizer.zero_grad(): .grad accumulates",
        SUM,
        "update",
        "the sum of all gradients so far",
    ),
    Exhibit(StaleGradient(), "common: asynchronous training", SUM, "update", "the gradient of the step before"),
    Exhibit(MomentumLeftOn(), "common: an optimizer's settings copied", SUM, "update", "a momentum of 0.9"),
    Exhibit(UnequalShares(), "PyTorch's DDP, issue 67253", MEAN, "gradient", "means of 3 shares of 13 to 14 rows"),
)
