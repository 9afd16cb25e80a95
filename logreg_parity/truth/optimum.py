"""Whether the data has an optimum, where it is, and the proof: floating point proposes, exact numbers and balls decide.

**No optimum.** ``separation.py`` proposes directions along which the loss falls for ever, and proves them. Where
there is none and X̃ = [X, 1] has full rank, there is one optimum. With l2 > 0 only the bias can run off, and does
where there is one class.

**An optimum.** Let F be the objective, g and H its derivatives at θ, and P any square matrix, with
ν = ‖Pᵀg‖, R = max ‖Pᵀx̃‖ over the rows and PᵀHP ⪰ 1 - ε, ε < 1. A step δ = Pφ with ‖φ‖ = ρ moves no logit by
more than Rρ, and |σ''| ≤ σ', so H(θ + tδ) ⪰ exp(-t Rρ) H on the way (the penalty is constant, which only
helps). The slope of F along the step, at its end, is therefore

    δ·∇F(θ + δ) = δ·g + ∫₀¹ δᵀH(θ + tδ)δ dt ≥ -ρν + (1 - ε) ρ² (1 - exp(-Rρ)) / (Rρ),

positive for ρ > -log(1 - τ) / R, τ = Rν / (1 - ε) < 1. A convex function that rises outwards all over an
ellipsoid has a minimum inside; ε < 1 makes H, and by the same inequality every Hessian of F, definite, so
there is no other. Hence |θ* - θ|_j ≤ ρ ‖P_j‖, P_j a row of P. This is Proposition 2 of Bach (Electronic
Journal of Statistics 4, 2010) with P for H^(-1/2), and needs no eigenvalue: P is made to have PᵀHP nearly 1,
but the proof takes the P at hand, however it came about, and ε = ‖PᵀHP - 1‖ (Frobenius).

**Rounding.** All this is computed in Arb's balls, which hold the exact value whatever is rounded (``oracle.py``); the
bound is the upper end of the last one. θ and P are exact: the midpoints of what Newton's method came to.
"""

from fractions import Fraction
from typing import Any, Literal, NamedTuple

import numpy as np
from flint import arb, arb_mat

from ..data.dataset import Dataset, Parameters
from ..twins import Reduction
from . import reference
from .certificate import whitening
from .oracle import ExactObjective, as_balls, middle, precision, without_radius
from .separation import counted_rows, directions, independent_columns, margins, rational, separation

PRECISIONS = (256, 1024, 4096)  # bits; the higher ones for curvatures hundreds of orders of magnitude apart
MAX_STEPS = 200  # of Newton's method at one precision; it takes about ten
LARGEST_MOVE = 2**2100  # of a logit: a product of two float64 is smaller

MAX_FLOAT_STEPS = 30  # in float64, where what takes more does not converge

_largest = np.frompyfunc(arb.abs_upper, 1, 1)


class Optimum(NamedTuple):
    """The verdict and its proof.

    status: "finite", one optimum; "separable" and "quasi-separable", none, because ``direction`` (bias last)
    separates all rows, or some while the others lie on the boundary; "not unique", the columns of X̃ depend on
    each other and only the probabilities are unique; "undecided", nothing was proved.
    parameters: the optimum, rounded (where not unique, the one with weight 0 on each column that depends on
    the bias and earlier columns); radius: the exact one is no further off, in the 2-norm. Both are None where
    float64 cannot hold the optimum. value: the objective there, or its infimum; None if the boundary rows are
    undecided, in which case alone better directions may exist than a quasi-separable one.
    """

    status: Literal["finite", "separable", "quasi-separable", "not unique", "undecided"]
    parameters: Parameters | None = None
    value: float | None = None
    radius: float | None = None
    direction: tuple[Fraction, ...] | None = None


def find_optimum(dataset: Dataset, *, l2: float = 0.0, reduction: Reduction = "mean") -> Optimum:
    """The optimum of the objective, or the proof that there is none.

    Args:
        dataset: N rows of D features; those of weight zero do not count.
        l2: of the penalty (l2 / 2) ‖w‖², at least 0, finite.
        reduction: "mean" or "sum", of the losses.

    Raises:
        ValueError: for another l2 or reduction.
    """
    rows, count = _counted(dataset, l2, reduction)
    columns, theta = np.arange(rows.n_features + 1), _resting_point(rows, l2, reduction)
    found = None if theta is None else _proved(rows, columns, theta, PRECISIONS[0], l2, reduction)[0]
    if found is not None:  # the usual case, without a search for what separates
        return found
    for direction in directions(rows, l2):
        if separation(rows, direction):
            return _separated(rows, direction, count)
    columns = columns if l2 > 0 else independent_columns(rows.X)
    theta, direction = np.zeros(len(columns)), rational(np.zeros(rows.n_features + 1))
    for bits in PRECISIONS:
        found, theta = _proved(rows, columns, theta, bits, l2, reduction)
        if found is not None:
            return found
        direction[columns] = rational(theta)
        if l2 == 0 and separation(rows, direction):  # where there is no optimum, Newton's method runs off
            return _separated(rows, direction, count)
    return Optimum("undecided")


def distance_bound(
    dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: Reduction = "mean"
) -> float:
    """How far the optimum is from a point at most.

    Args:
        dataset: N rows of D features; those of weight zero do not count.
        parameters: the point, weight (D,) and bias ().
        l2: of the penalty (l2 / 2) ‖w‖², at least 0, finite.
        reduction: "mean" or "sum", of the losses.

    Returns:
        A bound of the 2-norm of the distance; infinite where no optimum is proved near the point.

    Raises:
        ValueError: for another l2 or reduction.
    """
    rows, _ = _counted(dataset, l2, reduction)
    for bits in PRECISIONS:
        with precision(bits):
            bound = _distances(ExactObjective(rows, l2, reduction), as_balls(reference.flatten(parameters)))
            if bound is not None:
                return _up(_norm(bound))
    return np.inf


def _separated(rows: Dataset, direction: np.ndarray, count: float) -> Optimum:
    """The verdict on a proved direction: the losses off its boundary go to 0, the rest is the infimum."""
    found = margins(rows, direction)
    proof = tuple(Fraction(int(x.numerator), int(x.denominator)) for x in direction)
    if (found > 0).all():
        return Optimum("separable", value=0.0, direction=proof)
    boundary = find_optimum(rows.take(np.flatnonzero(found == 0)), reduction="sum")
    if boundary.direction is None:
        value = None if boundary.value is None else boundary.value / count
        return Optimum("quasi-separable", value=value, direction=proof)
    further = rational(np.array(boundary.direction, dtype=object))
    enough = 1 + max(np.abs(margins(rows, further))) / min(found[found > 0])  # to keep these above 0
    return _separated(rows, enough * direction + further, count)


def _counted(dataset: Dataset, l2: float, reduction: Reduction) -> tuple[Dataset, float]:
    """The rows whose weight is not zero, and what the summed objective is divided by."""
    if not 0 <= l2 < np.inf:
        raise ValueError(f"l2 is {l2}; give a finite number, 0 or more")
    rows = counted_rows(dataset)
    return rows, float(reference.count(rows.y, rows.sample_weight, reduction))


def _resting_point(rows: Dataset, l2: float, reduction: Reduction) -> np.ndarray | None:
    """Where Newton's method in float64 comes to rest (D + 1,), if it does: near an optimum, as is to be proved."""
    theta, X1 = np.zeros(rows.n_features + 1), reference.with_ones(rows.X)
    given: dict[str, Any] = {"sample_weight": rows.sample_weight, "l2": l2, "reduction": reduction}
    with np.errstate(all="ignore"):
        for _ in range(MAX_FLOAT_STEPS):
            point = Parameters(theta[:-1], theta[-1])
            slope = reference.flatten(reference.value_and_grad(point, rows.X, rows.y, **given)[1])
            H = reference.hessian(point, rows.X, rows.y, **given)
            if not np.isfinite(H).all():
                return None
            P = whitening(H)
            step = P @ (P.T @ slope)
            theta = theta - step
            if np.max(np.abs(X1 @ step)) < 2.0**-20:
                return theta
    return None


def _proved(
    rows: Dataset, columns: np.ndarray, theta: np.ndarray, bits: int, l2: float, reduction: Reduction
) -> tuple[Optimum | None, np.ndarray]:
    """The optimum in those columns of X̃ if it is proved, and where Newton's method has come to from theta."""
    with precision(bits):
        f = ExactObjective(rows, l2, reduction, columns)
        theta = _minimised(f, as_balls(theta), bits)
        bound = _distances(f, theta)
        if bound is None:
            return None, middle(theta)
        unique, value = len(columns) == rows.n_features + 1, float(f.value(theta))
        parameters, radius = _rounded(theta, bound, columns, rows.n_features)
        return Optimum("finite" if unique else "not unique", parameters, value, radius), middle(theta)


def _minimised(f: ExactObjective, theta: np.ndarray, bits: int) -> np.ndarray:
    """θ by Newton's method: a long step is halved until F falls by enough, or doubled while F falls on.

    Where no logit moves by more than 1, F falls by at least (3 - e) ν²; where none by √u, it is the last.
    """
    for _ in range(MAX_STEPS):
        g, H = f.slope_and_hessian(theta)
        P = _whitening(H)
        step = without_radius(P @ -(P.T @ g))
        moved, t = max(without_radius(np.abs(f.logits(step)))), arb(1)
        if not moved < LARGEST_MOVE:  # H is singular at this precision, or all but
            break
        if moved > 1:
            here = f.value(theta)
            while t * moved > 1 and not f.value(theta + t * step) < here + t / 4 * (g @ step):
                t /= 2
            # where the classes are separable F falls for ever: Arb's exponents have no end that would stop it
            while t * moved < LARGEST_MOVE and f.value(theta + 2 * t * step) < f.value(theta + t * step):
                t *= 2
        theta = without_radius(theta + t * step)
        if moved < arb((1, 20 - bits // 2)):
            break
    return theta


def _distances(f: ExactObjective, theta: np.ndarray) -> np.ndarray | None:
    """Bounds (k,) of |θ* - θ|, by the proof at the head of this file; None where it fails."""
    g, H = f.slope_and_hessian(theta)
    P = _whitening(H)
    images = np.array((f.rows * arb_mat(P.tolist())).tolist())
    nu, R, epsilon = _norm(P.T @ g), max(_norm(images)), _norm((P.T @ H @ P - np.eye(len(H))).ravel())
    tau = R * nu / (1 - epsilon)
    if epsilon <= 0.5 and tau <= 0.5:  # neither is true of what is not a number
        return _norm(P) * -(-tau).log1p() / R
    return None


def _whitening(H: np.ndarray) -> np.ndarray:
    """P (k, k), exact, with PᵀHP near 1: Gram-Schmidt on the unit vectors, with H for the inner product."""
    H, P = without_radius(H), as_balls(np.eye(len(H)))
    for j in range(len(H)):
        v = P[:, j] - P[:, :j] @ (P[:, :j].T @ H[:, j])
        P[:, j] = without_radius(v / (v @ H @ v).sqrt())
    return P


def _rounded(
    theta: np.ndarray, bound: np.ndarray, columns: np.ndarray, n_features: int
) -> tuple[Parameters, float] | tuple[None, None]:
    """θ in float64, 0 where the bounds do not exclude that, and how far the exact optimum is at most."""
    rounded = np.zeros(n_features + 1)
    rounded[columns] = np.where(np.abs(theta) > bound, theta, 0)
    if not np.isfinite(rounded).all():
        return None, None
    radius = _norm(np.abs(theta - rounded[columns]) + bound)
    return Parameters(rounded[:-1], float(rounded[-1])), _up(radius)


def _norm(v: np.ndarray) -> Any:
    """The 2-norm along the last axis, or a little more: an exact number."""
    return _largest(np.sqrt((_largest(v) ** 2).sum(axis=-1)))


def _up(ball: arb) -> float:
    """No less than what the ball holds, in float64."""
    return float(np.nextafter(float(ball.upper()), np.inf))
