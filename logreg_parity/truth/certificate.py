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

**Rounding.** A logit is off by Δ ≤ γ_{D+2} max|x̃|·|θ|. σ and σ' then are by a factor within e^{±2Δ}, and what is
added up, in k steps, by γ_k of the sizes: for signed rows (``solvers/blocks.py``) the size of a row's slope, σ, is at
most its loss, so that the gradient is off by (γ_k + e^{2Δ} - 1) min(1, f) max|x̃_j| + γ_3 l2 |w_j|. H_S is off by
(γ_k + e^{4Δ} - 1) of the sizes of its terms, whose sum is at most H_jj on the diagonal; with u_j = √H_jj and P_F the
Frobenius norm of diag(u) P, PᵀH_S P is therefore off by at most (D + 1) P_F² times that, and Pᵀx̃ by γ_k P_F ‖x̃ / u‖, at
most that of max|x̃|.
Every bound is enlarged as those of ``bounds.py`` are.
"""

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


class Certificate(NamedTuple):
    """The objective is at most ``gap`` above its minimum, parameter j at most ``distance[j]`` from the optimum."""

    gap: float
    distance: np.ndarray  # (D + 1,), the bias last


def gradient_error(
    theta: np.ndarray, value: float, largest: np.ndarray, *, longest_sum: int, penalty: np.ndarray
) -> np.ndarray:
    """How far the gradient (D + 1,) of the mean, computed in float64 from signed rows, can be from exact.

    penalty (D + 1,): l2 of the mean for a weight, 0 for the bias.
    """
    steps = _gamma(longest_sum + 2 * FUNCTION_ULPS + 12)
    with np.errstate(over="ignore"):
        change = (1 + steps) * np.exp(2 * _logit_error(theta, largest)) - 1
    penalty = _gamma(3) * penalty * np.abs(theta)
    return ENLARGED * (change * min(1.0, 2 * value) * largest + penalty + 8 * _FLOAT64.smallest_normal * (largest + 1))


def value_error(
    theta: np.ndarray, value: float, largest: np.ndarray, *, longest_sum: int, penalty: np.ndarray
) -> float:
    """How far the mean objective, computed in float64, can be from exact; arguments are those of ``gradient_error``.

    A loss moves with its logit by at most the size of its slope, which is no larger than the loss, and the functions
    and sums round as they do in the gradient.
    """
    steps = _gamma(longest_sum + 2 * FUNCTION_ULPS + 12)
    with np.errstate(over="ignore"):
        change = (1 + steps) * np.exp(2 * _logit_error(theta, largest)) - 1
    penalised = _gamma(len(theta) + 4) * float((penalty * np.abs(theta)) @ np.abs(theta))
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
) -> Certificate | None:
    """The certificate of a point (D + 1,) of the mean with its gradient, known to within error; None if there is none.

    The data set may be part of what the mean is over, whose Σ ω is total_weight. X counts as rounded to dtype, largest
    (D + 1,) is max |x̃| of each column, penalty (D + 1,) l2 of the mean for a weight and 0 for the bias. A point of D
    numbers is one of a model without a bias, where x̃ = x.
    """
    rows, most = max(FEWEST_ROWS, 10 * len(theta)), max(FEWEST_ROWS, MOST_NUMBERS // len(theta))
    while True:
        step = max(1, dataset.n_rows // rows)
        X = dataset.X[::step].astype(dtype, copy=False)
        X = (reference.with_ones(X) if len(theta) > dataset.n_features else X).astype(np.float64, copy=False)
        weight = np.ones(len(X)) if dataset.sample_weight is None else dataset.sample_weight[::step]
        found = _proof(X, weight / total_weight, theta, gradient, error, largest, penalty)
        if found is not None or step == 1 or rows == most:
            return found
        rows = min(8 * rows, most)


def whitening(hessian: np.ndarray) -> np.ndarray:
    """P with PᵀHP near 1: (k, k) by Cholesky's factor, (k, rank) where H is singular to working precision.

    P Pᵀ then is an inverse of H on as much of the space as H is definite on. All is done with H scaled to a diagonal
    of ones, so that the units of the features do not matter.
    """
    diagonal = np.diag(hessian)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)), 0)
    scaled = scale[:, None] * hessian * scale
    try:
        return scale[:, None] * lapack.dtrtri(np.linalg.cholesky(scaled).T)[0]
    except np.linalg.LinAlgError:
        eigenvalues, vectors = np.linalg.eigh(scaled)
        sound = eigenvalues > len(scaled) * 2 * _FLOAT64.unit_roundoff * eigenvalues[-1]
        return scale[:, None] * vectors[:, sound] / np.sqrt(eigenvalues[sound])


def _proof(
    X: np.ndarray,
    share: np.ndarray,
    theta: np.ndarray,
    gradient: np.ndarray,
    error: np.ndarray,
    largest: np.ndarray,
    penalty: np.ndarray,
) -> Certificate | None:
    """By the rows X (m, D + 1), of which each counts as share (m,)."""
    m, k = X.shape
    z = X @ theta
    root = np.sqrt(share * reference.sigmoid(z) * reference.sigmoid(-z))[:, None] * X
    H = root.T @ root + np.diag(penalty)
    P = whitening(H)
    if P.shape[1] < k:
        return None
    unit = np.sqrt(np.diag(H))
    size = np.linalg.norm(unit[:, None] * P)
    steps = _gamma(m + 4 * k + 4 * FUNCTION_ULPS + 12)
    with np.errstate(over="ignore"):
        change = (1 + steps) * np.exp(4 * _logit_error(theta, largest)) - 1
    epsilon = ENLARGED * (np.linalg.norm(P.T @ H @ P - np.eye(k)) + 2 * change * k * size**2)
    nu = ENLARGED * (np.linalg.norm(P.T @ gradient) + np.linalg.norm(np.abs(P).T @ (error + steps * np.abs(gradient))))
    images = X @ P
    longest = float(np.sqrt(np.einsum("ij,ij->i", images, images).max()))
    radius = ENLARGED * (longest + steps * size * float(np.linalg.norm(largest / unit)))
    tau = ENLARGED * radius * nu / (1 - epsilon)
    if not (epsilon <= 0.5 and tau <= 0.5):  # neither is true of NaN
        return None
    distance = ENLARGED * -np.log1p(-tau) / radius * np.linalg.norm(P, axis=1)
    return Certificate(float(ENLARGED * nu**2 / (2 * (1 - epsilon) * (1 - tau))), distance)


def _logit_error(theta: np.ndarray, largest: np.ndarray) -> float:
    """Δ = γ_{D+2} max|x̃|·|θ|, the penalty of adding up a logit in any order."""
    return float(ENLARGED * _gamma(len(theta) + 1) * (largest @ np.abs(theta)))


def _gamma(k: int) -> float:
    u = _FLOAT64.unit_roundoff
    return k * u / (1 - k * u)
