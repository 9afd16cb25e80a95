"""The same mathematics written in other ways, each as good as ``ByHand``: a judge that rejects one cries wolf.

Labels are 0 and 1. Each ends in other bits than ``ByHand``: a rewrite that computes the same would prove nothing.
"""

from typing import Any

import numpy as np

from ..data.dataset import Parameters
from ..truth import reference
from ..twins import Reduction
from .by_hand import ByHand


class ReversedRows(ByHand):
    """The rows summed from the last to the first."""

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, *rest: Any) -> float:
        return super().value(theta, X[::-1], y[::-1], *rest)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, *rest: Any) -> Parameters:
        return super().gradient(theta, X[::-1], y[::-1], *rest)


class RunningSum(ByHand):
    """One row after the other, added up as running totals."""

    def total(self, terms: np.ndarray) -> Any:
        return np.cumsum(terms, axis=0)[-1]

    def value(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> float:
        losses = self.losses(self.logits(theta, X), y)
        return self.total(losses) / self.divisor(y, reduction) + (l2 / 2 * theta.weight * theta.weight).sum()

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        r = reference.residual(self.logits(theta, X), y) / self.divisor(y, reduction)
        return Parameters(self.total(X * r[:, None]) + l2 * theta.weight, self.total(r))


class PairwiseHalves(RunningSum):
    """The sum of each half, halved again down to one row."""

    def total(self, terms: np.ndarray) -> Any:
        half = len(terms) // 2
        return self.total(terms[:half]) + self.total(terms[half:]) if half else terms[0]


class CompensatedSum(RunningSum):
    """Kahan's sum, which carries along what each addition has lost."""

    def total(self, terms: np.ndarray) -> Any:
        total, lost = terms[0], 0 * terms[0]
        for term in terms[1:]:
            term = term - lost
            longer = total + term
            total, lost = longer, (longer - total) - term
        return total


class RowBlocks(RunningSum):
    """Blocks of up to eight rows, each summed by itself, as a larger data set is read."""

    def total(self, terms: np.ndarray) -> Any:
        return sum(terms[k : k + 8].sum(axis=0) for k in range(0, len(terms), 8))


class LogAddExp(ByHand):
    """The loss by NumPy's logaddexp."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)


class LossBySign(ByHand):
    """The loss by max and log1p of the smaller probability: max(s z, 0) - log1p(-σ(-|z|)), s = 1 - 2y."""

    def losses(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.maximum((1 - 2 * y) * z, 0) - np.log1p(-reference.sigmoid(-np.abs(z)))


class ResidualBySign(ByHand):
    """The residual as s σ(s z), s = 1 - 2y, with the textbook's σ, whose overflow ends in the right 0."""

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        s = 1 - 2 * y
        with np.errstate(over="ignore"):
            r = s / (1 + np.exp(-s * self.logits(theta, X))) / self.divisor(y, reduction)
        return Parameters(X.T @ r + l2 * theta.weight, r.sum())


class ColumnOfOnes(ByHand):
    """The bias as the weight of a column of ones."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return reference.with_ones(X) @ reference.flatten(theta)

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        r = reference.residual(self.logits(theta, X), y) / self.divisor(y, reduction)
        slope = reference.with_ones(X).T @ r
        return Parameters(slope[:-1] + l2 * theta.weight, slope[-1])


REWRITES = {
    rewrite.__name__: rewrite()
    for rewrite in (
        ReversedRows,
        RunningSum,
        PairwiseHalves,
        CompensatedSum,
        RowBlocks,
        LogAddExp,
        LossBySign,
        ResidualBySign,
        ColumnOfOnes,
    )
}
