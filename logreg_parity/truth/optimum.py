"""Whether the data has an optimum, where it is, and the proof: floating point proposes, exact numbers decide.

**No optimum.** ``separation.py`` proposes directions along which the loss falls for ever, and proves them. Where
there is none and X̃ = [X, 1] has full rank, there is one optimum. With l2 > 0 only the bias can run off, and does
where there is one class.

**An optimum.** Let F be the summed objective, g and H its derivatives at θ, and P any square matrix, with
ν = ‖Pᵀg‖, R = max ‖Pᵀx̃‖ over the rows and PᵀHP ⪰ 1 - ε, ε < 1. A step δ = Pφ with ‖φ‖ = ρ moves no logit by
more than Rρ, and |σ''| ≤ σ', so H(θ + tδ) ⪰ exp(-t Rρ) H on the way (the penalty is constant, which only
helps). The slope of F along the step, at its end, is therefore

    δ·∇F(θ + δ) = δ·g + ∫₀¹ δᵀH(θ + tδ)δ dt ≥ -ρν + (1 - ε) ρ² (1 - exp(-Rρ)) / (Rρ),

positive for ρ > -log(1 - τ) / R, τ = Rν / (1 - ε) < 1. A convex function that rises outwards all over an
ellipsoid has a minimum inside; ε < 1 makes H, and by the same inequality every Hessian of F, definite, so
there is no other. Hence |θ* - θ|_j ≤ ρ ‖P_j‖, P_j a row of P. This is Proposition 2 of Bach (Electronic
Journal of Statistics 4, 2010) with P for H^(-1/2), and needs no eigenvalue: P is made to have PᵀHP nearly 1,
but the proof takes the P at hand, however it came about, and ε = ‖PᵀHP - 1‖ (Frobenius).

**Rounding.** With N rows, k columns and operations rounded to u = 2^-bits, a logit is off by γ_k s, where
s = |x̃|·|θ|. log σ has slope at most 1, so σ is off by a relative γ_3 + 2γ_k s, and every entry above, a sum
of products, by fewer than N + 3k + 4ks + 16 times u of the summed sizes of its terms. κ is four times that;
each entry is taken at its worst. Where κ > 2^-30 nothing is proved, and a higher precision is tried; what
κ ≤ 2^-30 can do to the norms and, for τ ≤ 1/2, to the logarithm is far less than the factor ``ENLARGED``.
What underflows, below 2^-2^30, is less than κ times the 2^-2^29 of each row weight that the sizes include.
"""

from fractions import Fraction
from typing import Any, Literal, NamedTuple

import gmpy2
import numpy as np

from ..data.dataset import Dataset, Parameters
from ..twins import Reduction
from . import oracle, reference
from .bounds import ENLARGED
from .separation import counted_rows, directions, independent_columns, margins, rational, separation

PRECISIONS = (256, 1024, 4096)  # bits; the higher ones for curvatures hundreds of orders of magnitude apart
MAX_STEPS = 200  # of Newton's method at one precision; it takes about ten

_mpfr = np.frompyfunc(gmpy2.mpfr, 1, 1)


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
    for direction in directions(rows, l2):
        if separation(rows, direction):
            return _separated(rows, direction, count)
    columns = np.arange(rows.n_features + 1) if l2 > 0 else independent_columns(rows.X)
    theta, direction = np.zeros(len(columns)), rational(np.zeros(rows.n_features + 1))
    for bits in PRECISIONS:
        with gmpy2.context(precision=bits), np.errstate(all="ignore"):
            objective = _Summed.of(rows, columns, l2, reduction)
            theta = objective.minimise(_mpfr(theta), bits)
            bound = objective.distances(theta, bits)
            if bound is not None:
                unique, value = len(columns) == rows.n_features + 1, float(objective.value(theta) / count)
                parameters, radius = _rounded(theta, bound, columns, rows.n_features)
                return Optimum("finite" if unique else "not unique", parameters, value, radius)
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
        with gmpy2.context(precision=bits), np.errstate(all="ignore"):
            objective = _Summed.of(rows, np.arange(rows.n_features + 1), l2, reduction)
            bound = objective.distances(_mpfr(reference.flatten(parameters)), bits)
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


class _Summed(NamedTuple):
    """F = Σ (a softplus(z) + c softplus(-z)) + ½ Σ λ θ², z = X̃θ, in MPFR at the precision of the context."""

    X: np.ndarray  # (N, k), columns of X̃
    a: np.ndarray  # (N,), ω (1 - y)
    c: np.ndarray  # (N,), ω y
    penalty: np.ndarray  # (k,), λ: l2 or, for the mean, l2 Σ ω; 0 for the bias

    @classmethod
    def of(cls, rows: Dataset, columns: np.ndarray, l2: float, reduction: Reduction) -> "_Summed":
        X, y = _mpfr(reference.with_ones(rows.X)[:, columns]), _mpfr(rows.y)
        weight = _mpfr(np.ones(len(y)) if rows.sample_weight is None else rows.sample_weight)
        penalty = gmpy2.mpfr(l2) * (weight.sum() if reduction == "mean" else 1)
        return cls(X, weight * (1 - y), weight * y, penalty * _mpfr(columns < rows.n_features))

    def value(self, theta: np.ndarray) -> gmpy2.mpfr:
        z = self.X @ theta  # softplus(z) = max(z, 0) + softplus(-|z|), where no exp overflows
        losses = self.a * np.maximum(z, 0) + self.c * np.maximum(-z, 0)
        losses = losses + (self.a + self.c) * oracle.softplus(-np.abs(z))
        return losses.sum() + (self.penalty * theta * theta).sum() / 2

    def derivatives(self, theta: np.ndarray, *, sizes: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The gradient (k,) and the Hessian (k, k), or the summed sizes of the terms of both."""
        z = self.X @ theta
        p, q = oracle.sigmoid(z), oracle.sigmoid(-z)
        X, w, r, h = self.X, theta, self.a * p - self.c * q, (self.a + self.c) * p * q
        if sizes:
            underflow = (self.a + self.c) * gmpy2.exp2(-(2**29))
            X, w, r, h = np.abs(X), np.abs(w), self.a * p + self.c * q + underflow, h + underflow
        return r @ X + self.penalty * w, (X.T * h) @ X + np.diag(self.penalty)

    def minimise(self, theta: np.ndarray, bits: int) -> np.ndarray:
        """θ by Newton's method: a long step is halved until F falls by enough, or doubled while F falls on.

        Where no logit moves by more than 1, F falls by at least (3 - e) ν²; where none by √u, it is the last.
        """
        for _ in range(MAX_STEPS):
            g, H = self.derivatives(theta)
            P = _whitening(H)
            step = P @ -(P.T @ g)
            moved, t = max(np.abs(self.X @ step)), gmpy2.mpfr(1)
            if not moved < np.inf:  # H is singular at this precision
                break
            if moved > 1:
                here = self.value(theta)
                while t * moved > 1 and not self.value(theta + t * step) < here + t / 4 * (g @ step):
                    t /= 2
                while self.value(theta + 2 * t * step) < self.value(theta + t * step):
                    t *= 2
            theta = theta + t * step
            if moved < gmpy2.exp2(20 - bits // 2):
                break
        return theta

    def distances(self, theta: np.ndarray, bits: int) -> np.ndarray | None:
        """Bounds (k,) of |θ* - θ|, by the proof at the head of this file; None where it fails."""
        (n, k), A = self.X.shape, np.abs(self.X)
        kappa = 4 * (n + 3 * k + 4 * k * max(A @ np.abs(theta)) + 16) * gmpy2.exp2(-bits)
        (g, H), (g_size, H_size) = self.derivatives(theta), self.derivatives(theta, sizes=True)
        P = _whitening(H)
        Q = np.abs(P)
        nu = _norm(np.abs(P.T @ g) + kappa * (Q.T @ g_size))
        R = max(_norm(np.abs(self.X @ P) + kappa * (A @ Q)))
        epsilon = _norm((np.abs(P.T @ H @ P - np.eye(k)) + kappa * (Q.T @ H_size @ Q)).ravel())
        tau = ENLARGED * R * nu / (1 - epsilon)
        if kappa <= 2.0**-30 and epsilon <= 0.5 and tau <= 0.5:  # none is true of NaN
            return _norm(Q) * ENLARGED * -gmpy2.log1p(-tau) / R
        return None


def _whitening(H: np.ndarray) -> np.ndarray:
    """P (k, k) with PᵀHP = 1: Gram-Schmidt on the unit vectors, with H for the inner product."""
    P = _mpfr(np.eye(len(H)))
    for j in range(len(H)):
        v = P[:, j] - P[:, :j] @ (P[:, :j].T @ H[:, j])
        P[:, j] = v / gmpy2.sqrt(v @ H @ v)
    return P


def _rounded(
    theta: np.ndarray, bound: np.ndarray, columns: np.ndarray, n_features: int
) -> tuple[Parameters, float] | tuple[None, None]:
    """θ in float64, 0 where the bounds do not exclude that, and how far the exact optimum is at most."""
    rounded = np.zeros(n_features + 1)
    rounded[columns] = np.where(np.abs(theta) > bound, theta, 0)
    if not np.isfinite(rounded).all():
        return None, None
    radius = _norm(np.abs(theta - _mpfr(rounded[columns])) + bound)
    return Parameters(rounded[:-1], float(rounded[-1])), _up(radius)


def _norm(v: np.ndarray) -> Any:
    """The 2-norm along the last axis."""
    return (v * v).sum(axis=-1) ** 0.5


def _up(x: Any) -> float:
    """As float64, not rounded down."""
    return float(np.nextafter(float(x), np.inf))
