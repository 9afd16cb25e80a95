"""What is proved of the log-likelihood at a point in float64: its value, its curvature, what is least with one held.

Let F = Σ ω ℓ, H its second derivative at θ, P any square matrix and G = PᵀHP. With ε ≥ ‖G - 1‖ the covariance
H⁻¹ = P G⁻¹ Pᵀ has on its diagonal, P_j a row of P,

    ‖P_j‖² / (1 + ε) ≤ (H⁻¹)_jj ≤ ‖P_j‖² / (1 - ε).

At another point the curvature of each row, and with it H, is by a factor within e^{±m} if no logit is further than m
from its own here, for |σ''| ≤ σ' (Bach, Electronic Journal of Statistics 4, 2010), and so is the square of a standard
error.

**Rounding.** A logit is off by Δ ≤ γ_{D+2} |x̃|·|θ|, a row's curvature then by a factor within e^{±Δ} and 1 ± γ_{4A+4}.
That scales the row's share of G: it costs no digits of what cancels. G is the square of A = √curvature X̃P, of which
each entry is off by γ_{D+4} √curvature |x̃|·|P_j|, and a square is added up TREE terms at a time, level after level, so
that TREE times the levels stands in γ for the number of rows. ‖AᵀA - ÂᵀÂ‖ ≤ 2 ‖Â‖ ‖A - Â‖ + ‖A - Â‖².
Every bound is enlarged as those of ``bounds.py`` are.
"""

import math
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from . import reference
from .bounds import ENLARGED, FUNCTION_ULPS, PointBounds
from .certificate import whitening
from .ulp import format_of

_FLOAT64 = format_of("float64")
TREE = 64  # rows, or sums of them, that are added up one after the other
REFINEMENTS = 3  # of P: each leaves the square of what G was off by, until rounding is all of it


class Curvature(NamedTuple):
    """P (k, k) with ‖PᵀHP - 1‖ ≤ epsilon for the curvature H of Σ ω ℓ, and longest ≥ ‖Pᵀx̃‖ over all rows."""

    P: np.ndarray
    epsilon: float
    longest: float


class Likelihood:
    """Σ ω ℓ of a data set as a function of θ (k,), k = D + 1, or D without an intercept.

    Args:
        dataset: N rows, none of weight zero, in the numbers that are fitted.
        intercept: whether there is a bias, which then is last.
        penalty: λ (k,) of Σ λ θ² / 2, which the curvature then counts too: as rows √λ_j e_j of curvature 1.
    """

    def __init__(self, dataset: Dataset, *, intercept: bool, penalty: np.ndarray | None = None):
        self._dataset, self._intercept = dataset, intercept
        self._X = reference.with_ones(dataset.X) if intercept else dataset.X
        weight = dataset.sample_weight
        self._weight = np.ones(dataset.n_rows) if weight is None else weight
        self._penalised = None if penalty is None or not penalty.any() else np.diag(np.sqrt(penalty))

    def value(self, theta: np.ndarray) -> tuple[float, float]:
        """Σ ω ℓ at theta, and how far that may be from exact: what the losses are off by, and one rounding each."""
        parameters = self._parameters(theta)
        losses = reference.stable_loss(reference.logits(parameters, self._dataset.X), self._dataset.y)
        value, error = (math.fsum(self._weight * x) for x in (losses, self._bounds(parameters).loss))
        return value, ENLARGED * (error + _gamma(3) * value)

    def gradient(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gradient (k,) of Σ ω ℓ, and how far it may be from exact."""
        parameters, data, k = self._parameters(theta), self._dataset, len(theta)
        weight = data.sample_weight
        slope = reference.value_and_grad(parameters, data.X, data.y, sample_weight=weight, reduction="sum")[1]
        return reference.flatten(slope)[:k], self._bounds(parameters).gradient[:k]

    def largest_move(self, distance: np.ndarray) -> float:
        """How far a logit may move at most where no parameter moves further than distance (k,)."""
        return float(ENLARGED * (np.abs(self._X) @ distance).max())

    def curvature(self, theta: np.ndarray, free: np.ndarray | slice = slice(None)) -> Curvature | None:
        """The curvature by the parameters that are free; None where it is singular, or may be by what is proved."""
        X, z = self._X[:, free], self._X @ theta
        n, k = X.shape
        moved = _gamma(len(theta) + 1) * (np.abs(self._X) @ np.abs(theta))
        root = np.sqrt(self._weight * reference.sigmoid(z) * reference.sigmoid(-z))[:, None]
        if self._penalised is not None:
            X, root = np.vstack([X, self._penalised[:, free]]), np.vstack([root, np.ones((len(theta), 1))])
            moved = np.append(moved, np.zeros(len(theta)))
        P, found = whitening((root * X).T @ (root * X)), None
        for _ in range(REFINEMENTS if P.shape[1] == k else 0):
            images, sizes = X @ P, np.abs(X) @ np.abs(P)
            A = root * images
            G = _gram(A)
            with np.errstate(over="ignore"):
                factor = (1 + _gamma(4 * FUNCTION_ULPS + 4)) * np.exp(moved) - 1
            rows = np.einsum("ij,ij->i", A, A)
            entries = _gamma(k + 4) * float(np.linalg.norm(root * sizes)) + A.size * 4 * _FLOAT64.smallest_normal
            squared = _gamma(TREE * _levels(len(X)) + 2) * rows.sum() + (2 * math.sqrt(rows.sum()) + entries) * entries
            epsilon = ENLARGED * (np.linalg.norm(G - np.eye(k)) + squared + (1 + entries) * (factor @ rows))
            longest = np.linalg.norm(images[:n], axis=1) + _gamma(k + 4) * np.linalg.norm(sizes[:n], axis=1)
            if not epsilon <= 0.5 or (found is not None and epsilon >= found.epsilon / 2):
                break
            found = Curvature(P, float(epsilon), float(ENLARGED * longest.max()))
            P = P @ whitening(G)
        return found

    def standard_errors(self, theta: np.ndarray, move: float) -> tuple[np.ndarray, np.ndarray] | None:
        """√(H⁻¹)_jj (k,) at theta, and how far those are that belong to a point to which no logit moves more than move.

        None where nothing is proved.
        """
        found = self.curvature(theta)
        if found is None:
            return None
        errors = np.linalg.norm(found.P, axis=1)
        with np.errstate(over="ignore"):
            share = np.exp(move / 2) * (1 + _gamma(len(theta) + 4)) / np.sqrt(1 - found.epsilon) - 1
        return errors, ENLARGED * errors * share

    def gap(self, theta: np.ndarray, free: np.ndarray) -> float:
        """How far Σ ω ℓ at theta is at most above its minimum over the free parameters (see ``certificate.py``)."""
        found = self.curvature(theta, free)
        if found is None:
            return np.inf
        slope, error = (part[free] for part in self.gradient(theta))
        rounded = error + _gamma(len(slope) + 2) * np.abs(slope)
        nu = ENLARGED * (np.linalg.norm(found.P.T @ slope) + np.linalg.norm(np.abs(found.P).T @ rounded))
        tau = ENLARGED * found.longest * nu / (1 - found.epsilon)
        return float(ENLARGED * nu**2 / (2 * (1 - found.epsilon) * (1 - tau))) if tau <= 0.5 else np.inf

    def _parameters(self, theta: np.ndarray) -> Parameters:
        d = self._dataset.n_features
        return Parameters(theta[:d], theta[d:].sum())

    def _bounds(self, parameters: Parameters) -> PointBounds:
        return PointBounds(self._dataset, parameters, dtype="float64", reduction="sum")


def _levels(rows: int) -> int:
    return 1 if rows <= TREE else 1 + _levels(-(-rows // TREE))


def _gram(A: np.ndarray) -> np.ndarray:
    """AᵀA (k, k) of A (N, k): TREE rows at a time, then as many of the sums at a time, and so on."""
    rows, k = A.shape
    parts = np.pad(A, ((0, -rows % TREE), (0, 0))).reshape(-1, TREE, k)
    sums = parts.swapaxes(1, 2) @ parts
    while len(sums) > 1:
        sums = np.pad(sums, ((0, -len(sums) % TREE), (0, 0), (0, 0))).reshape(-1, TREE, k, k).sum(axis=1)
    return sums[0]


def _gamma(k: int) -> float:
    u = _FLOAT64.unit_roundoff
    return k * u / (1 - k * u)
