"""What statistics asks of the optimum of K classes: estimates, standard errors and the least loss, each with its bound.

The optimum is that of ``multiclass.py``, whose rows sum to zero; what is wanted are contrasts c·θ: θ less the row of a
reference class, or less the mean of its rows. c takes what is the same in every row to 0, and H, the second derivative
of F, is the gauge there: so c·H⁻¹c / Σ ω is the variance of c·θ, whatever the gauge, and the bounds of
``likelihood.py`` and ``refined.py`` hold word for word with P_c = c P for P_j.

Where the data are small the last step is in Arb's balls: it leaves half an ulp.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat

from ..data.inference import Proved
from .bounds import ENLARGED
from .certificate import Whitened
from .multiclass import MulticlassRows, combined, exact_gradient, exact_powers, on_grid
from .oracle import as_balls, precision
from .refined import after_step, upper
from .ulp import format_of

BITS = 128
_U = format_of("float64").unit_roundoff


class MulticlassOptimum(NamedTuple):
    """Contrasts (K k,) in the user's units, their standard errors (None under a penalty), and the least Σ ω ℓ.

    That is at most so much below the value, or above.
    """

    estimate: Proved
    errors: Proved | None
    value: float
    below: float
    above: float


def optimum_near(
    rows: MulticlassRows, theta: np.ndarray, base: int | None, *, in_balls: bool
) -> MulticlassOptimum | None:
    """What is known of the optimum near a point.

    Args:
        rows: pinned.
        theta: the point (K, k), whose rows sum to zero, in the units of the rows.
        base: the reference class, or None for rows that sum to zero.
        in_balls: whether the last digits are wanted too, which take a Hessian in balls.

    Returns:
        The MulticlassOptimum; None where nothing is proved.
    """
    point = rows.at(theta)
    found = rows.whitened(point)
    if found is None:
        return None
    return _in_balls(rows, found, base) if in_balls else _in_floats(rows, point, found, base)


def _in_floats(rows: MulticlassRows, point: Any, found: Whitened, base: int | None) -> MulticlassOptimum | None:
    of, by = rows.contrasts(base)
    proof, proof_of = rows.certificate(point), rows.certificate(point, base)
    if proof is None or proof_of is None:
        return None
    distance = proof.distance.reshape(rows.K, rows.k)
    move = ENLARGED * 2 * float((np.abs(rows.X) @ distance.T).max())
    wide, unit, total = of @ found.P / by, np.tile(rows.unit, rows.K), float(rows.total)
    errors = np.linalg.norm(wide, axis=1) / math.sqrt(total)
    lost = 2 * len(of) * _U * np.linalg.norm(np.abs(of) @ np.abs(found.P), axis=1) / (by * math.sqrt(total))
    with np.errstate(over="ignore"):
        factor = np.exp(move / 2) / math.sqrt(1 - found.epsilon)
    bound = ENLARGED * (errors * (factor - 1 + 2 * len(of) * _U) + factor * lost)
    theta = (of @ point.theta.ravel()) / by
    rounded = 2 * rows.K * _U * (np.abs(of) @ np.abs(point.theta.ravel())) / by
    estimate = Proved(theta / unit, ENLARGED * (proof_of.distance + rounded) / unit)
    value, error = point.value * total, ENLARGED * (point.value_error + 4 * _U * point.value) * total
    return MulticlassOptimum(
        estimate, Proved(errors / unit, bound / unit), value, error + ENLARGED * proof.gap * total, error
    )


def _in_balls(rows: MulticlassRows, found: Whitened, base: int | None) -> MulticlassOptimum | None:
    """By one step of Newton's method from there, and at its end."""
    K, k = rows.K, rows.k
    whole, by = rows.contrasts(base)
    with precision(BITS):
        P, start, total = as_balls(found.P), as_balls(found.theta), as_balls(rows.weight).sum()
        v = P.T @ exact_gradient(rows, start.reshape(K, k)).ravel()
        move, gap = after_step(v, found.epsilon, found.radius)
        if not np.isfinite(move):
            return None
        best = start - P @ v
        middle = np.array([x.mid() for x in best], dtype=object)
        reached = np.array([upper(x - y) for x, y in zip(best, middle, strict=True)]).reshape(K, k)
        nearby = ENLARGED * 2 * float((np.abs(rows.X) @ reached.T).max())
        unit = np.tile(rows.unit, K)
        theta = np.array((arb_mat(whole.tolist()) * arb_mat([[x] for x in best])).tolist())[:, 0] / by / as_balls(unit)
        lengths = np.linalg.norm(whole @ found.P, axis=1)
        lengths += 2 * len(whole) * _U * np.linalg.norm(np.abs(whole) @ np.abs(found.P), axis=1)
        away = ENLARGED * lengths / by * move / found.radius / unit
        estimate = _rounded(theta, away)
        powers = exact_powers(rows, middle.reshape(K, k))
        sums = powers.sum(axis=1)
        value = (as_balls(rows.weight) * np.array([x.log() for x in sums], dtype=object)).sum()
        least, off = float(value.mid()), upper(value - arb(float(value.mid())))
        more = ENLARGED * 2 * nearby * float(total.mid())
        errors = None if rows.penalty.any() else _errors(rows, powers / sums[:, None], whole, by, move + nearby)
        below = ENLARGED * (off + more + gap * float(total.mid()))
        return MulticlassOptimum(estimate, errors, least, below, ENLARGED * (off + more))


def _errors(rows: MulticlassRows, p: np.ndarray, whole: np.ndarray, by: int, move: float) -> Proved | None:
    """√(c·H⁻¹c / Σ ω) in the user's units, from probabilities (N, K) in balls, no logit further off than by move."""
    K, k = rows.K, rows.k
    X, weight = as_balls(rows.X), as_balls(rows.weight)
    total, across = weight.sum(), arb_mat(rows.X.T.tolist())
    H = np.empty((K, k, K, k), dtype=object)
    for a in range(K):
        for b in range(a + 1):
            bend = weight * p[:, a] * ((1 - p[:, a]) if a == b else -p[:, b]) / total
            block = np.array((across * arb_mat((X * bend[:, None]).tolist())).tolist())
            H[a, :, b], H[b, :, a] = block, block.T
    for j in range(k):
        H[:, j, :, j] = H[:, j, :, j] + arb(float(rows.gauge[j]))
    try:
        inverse = arb_mat(H.reshape(K * k, K * k).tolist()).inv()
    except ZeroDivisionError:
        return None
    C = arb_mat(whole.tolist())
    images = np.array((C * inverse).tolist())
    variance = (images * as_balls(whole)).sum(axis=1) / total / by**2
    wide = 1 + arb(0, upper(arb(move / 2).expm1()))
    unit, balls = np.tile(rows.unit, K), np.full(K * k, arb(0), dtype=object)
    for n in np.flatnonzero(whole.any(axis=1)):  # of the reference class it is 0, exactly
        balls[n] = variance[n].sqrt() * wide / arb(float(unit[n]))
    return _rounded(balls, np.zeros(K * k)) if all(ball.is_finite() for ball in balls) else None


def _rounded(balls: np.ndarray, away: np.ndarray) -> Proved:
    value = np.array([float(ball.mid()) for ball in balls])
    off = np.array([float((ball - arb(x)).abs_upper()) for ball, x in zip(balls, value, strict=True)])
    return Proved(value, ENLARGED * (off + away))


class HeldContrast:
    """Σ ω ℓ of K classes by one contrast, which comes first, and by what then is free: (m + 1,) numbers φ, θ = T φ.

    One class's row is 0 throughout. T is of small whole numbers, and φ and P are kept on a grid where sums of them are
    exact: what is bounded is the least loss at this very value of the contrast.

    Args:
        rows: not pinned.
        base: the reference class, or None for rows that sum to zero.
        at: the class and the column of the parameter.
    """

    def __init__(self, rows: MulticlassRows, base: int | None, at: tuple[int, int]):
        (a, j), K, k = at, rows.K, rows.k
        self.rows, self.zero = rows, a if base is None else base
        index = np.arange(K * k).reshape(K, k)
        last = index[a, j] if base is not None else index[(a + 1) % K, j]
        self.kept = np.setdiff1d(np.delete(index, self.zero, axis=0), last)
        T = np.eye(K * k)[:, np.concatenate([[last], self.kept])]
        if base is None:  # -K times the contrast is the sum of the other rows
            T[last, 0] = -K
            T[last, 1:][np.isin(self.kept, index[:, j])] = -1
        self.T = T

    def coordinates(self, theta: np.ndarray, contrast: float) -> np.ndarray:
        """φ of a point (K, k) with this contrast."""
        return np.concatenate([[contrast], (theta - theta[self.zero]).ravel()[self.kept]])

    def value(self, phi: np.ndarray) -> tuple[float, float]:
        """Σ ω ℓ at φ on the grid, and how far that may be from exact."""
        point, total = self.rows.at(self.point(phi)), float(self.rows.total)
        return point.value * total, ENLARGED * (point.value_error + 4 * _U * point.value) * total

    def gap(self, phi: np.ndarray, free: np.ndarray) -> float:
        """How far Σ ω ℓ at φ on the grid is at most above its minimum over the φ that are free."""
        point = self.rows.at(self.point(phi))
        found = self.rows.whitened(point, self.T[:, free])
        proof = None if found is None else self.rows.proof(found, point)
        return np.inf if proof is None else ENLARGED * proof.gap * float(self.rows.total)

    def on_grid(self, phi: np.ndarray) -> np.ndarray:
        """φ where T φ needs no rounding."""
        return on_grid(self.T, phi)

    def point(self, phi: np.ndarray) -> np.ndarray:
        """θ (K, k) of φ."""
        return combined(self.T, phi).reshape(self.rows.K, self.rows.k)
