"""How far a learner's right answer may be from the exact one: the bounds of formulas as textbooks print them.

``truth.bounds`` is for programs that keep their digits. A textbook's formula loses some by way of 1 - p and is right
all the same, so its bounds are wider, and infinite where p or 1 - p is lost. Same model of rounding, same notation.
"""

from functools import cached_property
from itertools import pairwise

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import oracle, reference
from ..truth.bounds import ENLARGED, FUNCTION_ULPS, PointBounds, largest_curvature
from ..truth.ulp import format_of
from ..twins import Reduction

DTYPE = "float64"
"""Of every call of the grader: float64 proves what a program means."""

U = format_of(DTYPE).unit_roundoff
TAU = format_of(DTYPE).smallest_normal


def gamma(k: int) -> float:
    """γ_k = k u / (1 - k u) of float64."""
    return k * U / (1 - k * U)


class ByProbability(PointBounds):
    """Of loss and gradient computed from p and 1 - p, by hand or by differentiating the textbook's loss."""

    def __init__(self, dataset: Dataset, parameters: Parameters, *, reduction: Reduction = "sum"):
        super().__init__(dataset, parameters, dtype=DTYPE, reduction=reduction)

    @cached_property
    def probability(self) -> np.ndarray:
        """Δp (N,) = γ_{4A+4} e^{2Δz} p + (what the logit's error moves) + u; A = FUNCTION_ULPS, of exp here.

        1 / (1 + e) takes one exponential and two roundings, e / (1 + e) two and two; u is for (1 + tanh) / 2.
        """
        own = gamma(4 * FUNCTION_ULPS + 4) * np.exp(np.minimum(2 * self.logit, 1)) * self._p
        return ENLARGED * (own + self._moved + U + TAU)

    @cached_property
    def _relative(self) -> tuple[np.ndarray, np.ndarray]:
        """The relative errors a of p and b of 1 - p as computed, in log and quotient alike; infinite once lost."""
        off_p, off_q = self.probability, self.probability + U
        with np.errstate(divide="ignore", invalid="ignore"):
            a = np.where(self._p > off_p, off_p / (self._p - off_p), np.inf)
            b = np.where(self._q > off_q, off_q / (self._q - off_q), np.inf)
        return a, b

    @cached_property
    def loss(self) -> np.ndarray:
        """E (N,) = m + γ_{2A+3} (ℓ + m) + 4τ, with m = y a + (1 - y) b: |log p̂ - log p| ≤ |p̂ - p| / min(p̂, p)."""
        a, b = self._relative
        with np.errstate(invalid="ignore"):  # 0 · ∞, which where drops
            moved = np.where(self._y > 0, self._y * a, 0) + np.where(self._y < 1, (1 - self._y) * b, 0)
        return ENLARGED * (moved + gamma(2 * FUNCTION_ULPS + 3) * (self._losses + moved) + 4 * TAU)

    @cached_property
    def residual(self) -> np.ndarray:
        """ρ (N,) = s ((1 + a)² (1 + b)² (1 + γ_k) - 1) + g s + 4τ, k = 8A + 12, s = (1 - y) p + y (1 - p).

        The chain rule multiplies y / p or (1 - y) / (1 - p) by p (1 - p): each factor may be off by its a or b
        twice. Its two halves may be summed apart, hence g s with g = γ_{N+5}. p - y at once is off by less.
        """
        a, b = self._relative
        size = (1 - self._y) * self._p + self._y * self._q
        factor = (1 + a) ** 2 * (1 + b) ** 2 * (1 + gamma(8 * FUNCTION_ULPS + 12)) - 1 + gamma(self._roundings + 2)
        with np.errstate(invalid="ignore"):
            return ENLARGED * (np.where(np.isfinite(factor), size * factor, np.inf) + 4 * TAU)


class ByLogit(ByProbability):
    """Of loss and gradient computed from the logit, finite everywhere: z may be added and taken away again."""

    @cached_property
    def loss(self) -> np.ndarray:
        """E (N,) = Δz + γ_{2A+4} (2 |z| + ℓ) + 4τ: max(z, 0) - z y + log(1 + e^{-|z|}) is a sum of such sizes."""
        z = np.abs(reference.logits(self._point, self._X))
        return ENLARGED * (self.logit + gamma(2 * FUNCTION_ULPS + 4) * (2 * z + self._losses) + 4 * TAU)

    @cached_property
    def residual(self) -> np.ndarray:
        """ρ (N,) = Δp + u: p and y as they are, and their difference."""
        return ENLARGED * (self.probability + U)


def descent(dataset: Dataset, start: Parameters, run: oracle.ExactTrajectory, rate: float) -> tuple[np.ndarray, float]:
    """Bounds of the losses (T,) and of the last point of an exact run, for steps of this size on the summed loss.

    E_{t+1} = max(1, |1 - η L|) E_t + 2 ‖step bound‖, as every Hessian lies between 0 and L; a loss is within
    2 objective + ‖g‖ E + L E² / 2. Twice each bound of a point: it is taken where the exact run is, E away.
    """
    steepest = largest_curvature(dataset, reduction="sum")
    points = [Parameters(w.astype(float), float(b)) for w, b in zip(run.weights, run.biases, strict=True)]
    error, losses = 0.0, []
    for here, there in pairwise(points):
        step = ByProbability(dataset, here).step(abs(rate), there)
        error = max(1.0, abs(1 - rate * steepest)) * error + 2 * float(np.linalg.norm(step))
        after = ByProbability(dataset, there)
        moved = float(np.linalg.norm(after.gradient_scale)) * error + steepest * error**2 / 2
        losses.append(2 * after.objective + moved)
    return np.array(losses), error
