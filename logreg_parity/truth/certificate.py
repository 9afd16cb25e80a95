"""How far a point is from the optimum, proved in float64 from one accurate gradient and some of the rows.

Let f be the objective as a mean, g its gradient at θ, and S some of the rows. Every row's loss is convex, so leaving
rows out of the second derivative can only make it smaller: with P any square matrix, H_S the share of S in the
Hessian at θ (divided by Σ ω of all rows, the penalty in full), R = max ‖Pᵀx̃‖ over S and PᵀH_S P ⪰ 1 - ε,

    f(θ + Pφ) ≥ f(θ) + g·Pφ + (1 - ε) (exp(-Rρ) - 1 + Rρ) / R²,   ρ = ‖φ‖,

for no logit of S moves by more than Rρ and |σ''| ≤ σ' (Bach, Electronic Journal of Statistics 4, 2010; see
``optimum.py``, where the derivation is for all rows and arbitrary precision). With ν = ‖Pᵀg‖ and
τ = Rν / (1 - ε) < 1 the right side is lowest at Rρ = -log(1 - τ), and minimising over ρ gives

    f(θ) - f* ≤ (1 - ε) (τ + (1 - τ) log(1 - τ)) / R² ≤ ν² / (2 (1 - ε) (1 - τ)),
    |θ* - θ|_j ≤ ‖P_j‖ (-log(1 - τ)) / R,             P_j a row of P,

and that there is an optimum at all. With N/m times fewer rows the gap is overestimated some N/m times; the true gap
falls with the square of the gradient, so a few thousand rows prove what is needed, and more are taken if not.

Where S is all rows, ‖PᵀHP - 1‖ ≤ ε says more: v̂ = Pᵀg as computed, off by at most e, gives Newton's step δ = -Pv̂, and
after it Pᵀ∇f is at most ν₁ = e + ‖v̂‖ (ε + (1 + ε) t), t = R‖v̂‖ ≤ 1 (see ``refined.py``). So θ* is as near to θ + δ as
τ₁ = Rν₁ / ((1 - ε) e^{-t}) says, and |θ* - θ|_j ≤ |δ_j| + ‖P_j‖ (-log(1 - τ₁)) / R: one coordinate need not answer for
what is left in the others. The point after the step, rounded to float64 by r, is known as well: in the coordinates P
that is ‖P⁻¹r‖ ≤ Σ √H_jj |r_j| / √(1 - ε), and adds to ν₁ no more than (1 + ε) e^t of that.

**Rounding.** A logit is off by Δ ≤ γ_{D+2} max|x̃|·|θ|. σ and σ' then are by a factor within e^{±2Δ}, and what is
added up, in k steps, by γ_k of the sizes: for signed rows (``solvers/blocks.py``) the size of a row's slope, σ, is at
most its loss, so that the gradient is off by (γ_k + e^{2Δ} - 1) min(1, f) max|x̃_j| + γ_3 l2 |w_j|. PᵀH_S P is taken as
the square of A, whose rows are √share σ' Pᵀx̃ and those of the penalty: what σ' is off by scales a row's part of it, and
costs no digits of what cancels. An entry of A is off by γ_{D+4} of the sizes of its terms, which with u_j = √H_jj and
P_F the Frobenius norm of diag(u) P make at most √(D + 1) P_F together, and ‖AᵀA - ÂᵀÂ‖ ≤ (2 ‖Â‖ + ‖A - Â‖) ‖A - Â‖.
Pᵀx̃ is off by γ_{D+4} P_F ‖x̃ / u‖, at most that of max|x̃|. Columns of which one nearly is a sum of others so cost the
root of what they would if PᵀHP were computed.
Every bound is enlarged as those of ``bounds.py`` are.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from ..data.dataset import Dataset
from . import reference
from .bounds import ENLARGED, FUNCTION_ULPS
from .ulp import format_of

_FLOAT64 = format_of("float64")
FEWEST_ROWS = 1024
MOST_NUMBERS = 2**22  # of X̃ to look at: 32 MiB
SURELY = 2.0**-10  # of a bound for rounding, of which there is less by far
REFINEMENTS = 3  # of P: each leaves the square of what PᵀHP was off by
STRAIGHT = 2.0**-40  # of the trace of PᵀHP, which is D + 1: a row with less is left out, if the proof then is one
SHARP_WORK = 10**7  # N (D + 1)²: up to it all rows are looked at within milliseconds


class Certificate(NamedTuple):
    """The objective is at most ``gap`` above its minimum, parameter j at most ``distance[j]`` from the optimum."""

    gap: float
    distance: np.ndarray  # (D + 1,), the bias last
    step: np.ndarray  # (D + 1,), of Newton's method from here, by the rows looked at
    after: "Stepped | None" = None


class Stepped(NamedTuple):
    """What is known of the point after the step, rounded to float64, without a further look at the rows."""

    gap: float
    distance: np.ndarray
    final: bool  # whether a further step would gain nothing: rounding is most of what is left


class Whitened(NamedTuple):
    """P (k, m) with ‖PᵀHP - 1‖ ≤ epsilon, if whole, else PᵀHP ⪰ 1 - epsilon, and no ‖Pᵀx̃‖ above radius.

    theta (k,) is the point, unit (k,) the root of the diagonal of H.
    """

    theta: np.ndarray
    unit: np.ndarray
    P: np.ndarray
    epsilon: float
    radius: float
    whole: bool

    def certificate(
        self,
        gradient: np.ndarray,
        error: np.ndarray,
        roundings: float,
        of: np.ndarray | None = None,
        beside: float = 0.0,
    ) -> Certificate | None:
        """What follows of a gradient (k,) known to within error (k,), whose sums with P are so many γ off.

        beside: what Pᵀ times the gradient is off by beside that. of (j, k): the combinations of parameters that the
        distances are wanted of; None for each parameter.
        """
        P, rows = self.P, self.P if of is None else of @ self.P
        v = P.T @ gradient
        sums = _length(np.abs(P).T @ (error + roundings * np.abs(gradient)))
        off = ENLARGED * (sums + beside)
        size = ENLARGED * _length(v)
        nu = ENLARGED * (size + off)
        tau = ENLARGED * self.radius * nu / (1 - self.epsilon)
        if not (self.epsilon <= 0.5 and tau <= 0.5):  # neither is true of NaN
            return None
        lengths, step = np.sqrt(rows * rows @ np.ones(len(v))) / self.radius, -(rows @ v)
        distance = ENLARGED * -np.log1p(-tau) * lengths
        gap = float(ENLARGED * nu**2 / (2 * (1 - self.epsilon) * (1 - tau)))
        if not self.whole:
            return Certificate(gap, distance, step)
        t = ENLARGED * self.radius * size
        curved = ENLARGED * size * (self.epsilon + (1 + self.epsilon) * t)
        least = (1 - self.epsilon) * math.exp(-t)
        tau_left = ENLARGED * self.radius * (off + curved) / least
        if not tau_left <= 0.5:
            return Certificate(gap, distance, step)
        left = -np.log1p(-tau_left) * lengths + roundings * (np.abs(rows) @ np.abs(v))
        distance = np.minimum(distance, ENLARGED * (np.abs(step) + left))
        u = _FLOAT64.unit_roundoff * (1 + 2**-20)
        moved = self.theta - P @ v
        kept = u * np.abs(moved)  # what is lost where the point after the step is rounded
        lost = ENLARGED * float(self.unit @ kept) / math.sqrt(1 - self.epsilon)
        last = ENLARGED * (off + curved + (1 + self.epsilon) * math.exp(t + self.radius * lost) * lost)
        tau_last = ENLARGED * self.radius * last / (least * math.exp(-self.radius * lost))
        if not tau_last <= 0.5:
            return Certificate(gap, distance, step)
        end = ENLARGED * last**2 / (2 * least * math.exp(-self.radius * lost) * (1 - tau_last))
        wide = ENLARGED * (left + (kept if of is None else np.abs(of) @ kept))
        return Certificate(gap, distance, step, Stepped(float(end), wide, bool(curved <= max(off * SURELY, lost))))


def gradient_error(
    theta: np.ndarray,
    value: float,
    largest: np.ndarray,
    *,
    longest_sum: int,
    penalty: np.ndarray,
    roundoff: float = _FLOAT64.unit_roundoff,
) -> np.ndarray:
    """How far the gradient (D + 1,) of the mean, computed from signed rows, can be from exact.

    penalty (D + 1,): l2 of the mean for a weight, 0 for the bias. roundoff: of the arithmetic, float64 or wider.
    """
    summed, change = gradient_errors(theta, value, largest, longest_sum=longest_sum, penalty=penalty, roundoff=roundoff)
    return ENLARGED * (summed + change * min(1.0, 2 * value) * largest)


def gradient_errors(
    theta: np.ndarray,
    value: float,
    largest: np.ndarray,
    *,
    longest_sum: int,
    penalty: np.ndarray,
    roundoff: float = _FLOAT64.unit_roundoff,
) -> tuple[np.ndarray, float]:
    """The same in its parts: what the sums (D + 1,) are off by, and the residual of a signed row, relative."""
    change = relative(gamma(2 * FUNCTION_ULPS + 8, roundoff), 2 * _logit_error(theta, largest, roundoff))
    sums = gamma(longest_sum + 4, roundoff) * (1 + change) * min(1.0, 2 * value) * largest
    penalised = gamma(4, roundoff) * penalty * np.abs(theta)
    return ENLARGED * (sums + penalised + 8 * _FLOAT64.smallest_normal * (largest + 1)), change


def value_error(
    theta: np.ndarray, value: float, largest: np.ndarray, *, longest_sum: int, penalty: np.ndarray
) -> float:
    """How far the mean objective, computed in float64, can be from exact; arguments are those of ``gradient_error``.

    A loss moves with its logit by at most the size of its slope, which is no larger than the loss, and the functions
    and sums round as they do in the gradient.
    """
    steps = gamma(longest_sum + 2 * FUNCTION_ULPS + 12)
    change = relative(steps, 2 * _logit_error(theta, largest))
    penalised = gamma(len(theta) + 4) * float((penalty * np.abs(theta)) @ np.abs(theta))
    return float(ENLARGED * (change * min(1.0, 2 * value) + steps * value + penalised + 8 * _FLOAT64.smallest_normal))


def certify(
    dataset: Dataset,
    theta: np.ndarray,
    gradient: np.ndarray,
    error: np.ndarray,
    largest: np.ndarray,
    *,
    total_weight: float,
    dtype: str,
    penalty: np.ndarray,
    whole: bool = False,
    held: np.ndarray | None = None,
    residuals: np.ndarray | None = None,
) -> Certificate | None:
    """The certificate of a point (D + 1,) of the mean with its gradient, known to within error; None if there is none.

    The data set may be part of what the mean is over, whose Σ ω is total_weight. X counts as rounded to dtype, largest
    (D + 1,) is max |x̃| of each column, penalty (D + 1,) l2 of the mean for a weight and 0 for the bias. A point of D
    numbers is one of a model without a bias, where x̃ = x. whole: the data set is all that the mean is over, and where
    they are not too many all rows are to be looked at, for the distances' sake.
    held (N, D + 1): the rows where they are at hand, each x̃ or -x̃, for nothing depends on their signs. residuals
    (N,): what those of the rows, each times its share, are off by, beside error.
    """
    rows, most = max(FEWEST_ROWS, 10 * len(theta)), max(FEWEST_ROWS, MOST_NUMBERS // len(theta))
    rows = dataset.n_rows if whole and dataset.n_rows * len(theta) ** 2 <= SHARP_WORK else rows
    while True:
        step = max(1, dataset.n_rows // rows)
        if held is None:
            X = dataset.X[::step].astype(dtype, copy=False)
            X = (reference.with_ones(X) if len(theta) > dataset.n_features else X).astype(np.float64, copy=False)
        else:
            X = held[::step]
        weight = np.ones(len(X)) if dataset.sample_weight is None else dataset.sample_weight[::step]
        off = error
        if residuals is not None and step > 1:  # nobody looks at how long the images of all rows are
            off = ENLARGED * (error + residuals.sum() * largest)
        of_rows = None if step > 1 else residuals
        own = weight / total_weight, theta, gradient, off, of_rows, largest, penalty
        found = _proof(X, *own, whole=whole and step == 1)
        if found is not None or step == 1 or rows == most:
            return found
        rows = min(8 * rows, most)


def whitening(hessian: np.ndarray) -> np.ndarray:
    """P with PᵀHP near 1: (k, k) by Cholesky's factor, (k, rank) where H is singular to working precision.

    P Pᵀ then is an inverse of H on as much of the space as H is definite on. All is done with H scaled to a diagonal
    of ones, so that the units of the features do not matter.
    """
    diagonal = hessian.diagonal()
    if (diagonal > 0).all():
        scale = 1 / np.sqrt(diagonal)
    else:
        scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)), 0)
    scaled = scale[:, None] * hessian * scale
    factor, singular = lapack.dpotrf(scaled)
    if not singular:
        return scale[:, None] * lapack.dtrtri(factor)[0]
    eigenvalues, vectors = np.linalg.eigh(scaled)
    sound = eigenvalues > len(scaled) * 2 * _FLOAT64.unit_roundoff * eigenvalues[-1]
    return scale[:, None] * vectors[:, sound] / np.sqrt(eigenvalues[sound])


def _proof(
    X: np.ndarray,
    share: np.ndarray,
    theta: np.ndarray,
    gradient: np.ndarray,
    error: np.ndarray,
    residuals: np.ndarray | None,
    largest: np.ndarray,
    penalty: np.ndarray,
    *,
    whole: bool,
) -> Certificate | None:
    """By the rows X (m, D + 1), of which each counts as share (m,)."""
    m, k = X.shape
    e = np.exp(-np.abs(X @ theta))  # of whose sign σ' does not depend
    root = (np.sqrt(share * e) / (1 + e))[:, None]
    rows = root * X
    H = rows.T @ rows
    penalised = penalty.any()
    if penalised:
        H += np.diag(penalty)
    unit = np.sqrt(H.diagonal())
    P = whitening(H)
    if P.shape[1] < k:  # to working precision; its root may have twice the digits
        P = by_rows(np.concatenate([rows, np.diag(np.sqrt(penalty))]), unit)
    for _ in range(REFINEMENTS):
        if P.shape[1] < k:
            return None
        images = X @ P
        A = root * images
        G = A.T @ A + (P.T * penalty) @ P if penalised else A.T @ A
        total = math.sqrt(G.trace())
        size = _length((unit[:, None] * P).ravel())
        entries = gamma(2 * k + 8) * math.sqrt(k) * size + 4 * A.size * _FLOAT64.smallest_normal
        change = relative(gamma(4 * FUNCTION_ULPS + 12), 4 * _logit_error(theta, largest))
        off = gamma(m + k + 4) * total**2 + (2 * total + entries) * entries + change * (total + entries) ** 2
        epsilon = ENLARGED * (_length((G - np.eye(k)).ravel()) + off)
        if epsilon <= 0.5:
            break
        P = P @ whitening(G) if np.isfinite(G).all() else P[:, :0]
    else:
        return None
    lengths, wide = np.sqrt(images * images @ np.ones(k)), gamma(k + 4) * size * _length(largest / unit)
    beside = 0.0 if residuals is None else ENLARGED * float(residuals @ lengths + wide * residuals.sum())
    known = gradient, error, gamma(4 * k + 12), None, beside
    radius = ENLARGED * (float(lengths.max()) + wide)
    found = Whitened(theta, unit, P, float(epsilon), radius, whole).certificate(*known)
    straight = np.zeros(m, bool) if found is not None else A * A @ np.ones(k) <= STRAIGHT
    if straight.any() and not straight.all():
        radius = ENLARGED * (float(lengths[~straight].max()) + wide)
        epsilon += ENLARGED * (1 + change) * (np.linalg.norm(A[straight]) + entries) ** 2
        found = Whitened(theta, unit, P, float(epsilon), radius, False).certificate(*known)
    return found


def _length(v: np.ndarray) -> float:
    return math.sqrt(v @ v)


def by_rows(rows: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """P as ``whitening`` makes it of the squares of rows (m, k), by their QR factorisation, which does not square them.

    unit (k,): the lengths of the columns. (k, 0) where one is 0 or depends on others to working precision.
    """
    k = len(unit)
    if not (unit > 0).all():
        return np.zeros((k, 0))
    inverse, singular = lapack.dtrtri(np.linalg.qr(rows / unit, mode="r"))
    return np.zeros((k, 0)) if singular else inverse / unit[:, None]


def relative(steps: float, moved: float) -> float:
    """What is off, relative, by so many roundings and a logit that has moved: infinite where that overflows."""
    try:
        return steps + (1 + steps) * math.expm1(moved)
    except OverflowError:
        return math.inf


def _logit_error(theta: np.ndarray, largest: np.ndarray, roundoff: float = _FLOAT64.unit_roundoff) -> float:
    """Δ = γ_{D+2} max|x̃|·|θ|, the penalty of adding up a logit in any order."""
    return float(ENLARGED * gamma(len(theta) + 1, roundoff) * (largest @ np.abs(theta)))


def gamma(k: int, u: float = _FLOAT64.unit_roundoff) -> float:
    """γ_k = k u / (1 - k u): what k roundings do to a number at most, relative."""
    return k * u / (1 - k * u)
