"""The last digits of an optimum: one step of Newton's method from a float64 point, with the gradient in Arb's balls.

Let θ be the point, g the exact gradient of the summed objective there, P with ‖PᵀHP - 1‖ ≤ ε in float64
(``likelihood.py``), v = Pᵀg, ν = ‖v‖ and R = max ‖Pᵀx̃‖. After the step δ = -Pv the gradient is, in the coordinates P,

    ‖Pᵀ∇F(θ + δ)‖ ≤ ν₁ = ν (ε + (1 + ε) (exp(Rν) - 1 - Rν) / (Rν)) ≤ ν (ε + (1 + ε) Rν)   for Rν ≤ 1,

for the curvature moves by a factor within exp(±Rν) at most, and PᵀH(θ + δ)P ⪰ (1 - ε) exp(-Rν). As in
``certificate.py`` follows |θ* - θ - δ|_j ≤ ‖P_j‖ (-log(1 - τ)) / R with τ = Rν₁ / ((1 - ε) exp(-Rν)): of a float64 fit,
where ν and ε are some 10⁻¹², that leaves 10⁻²⁴. What a float64 holds of θ + δ then is right to half an ulp.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat

from ..data.dataset import Dataset, Parameters
from ..data.inference import Proved
from ..twins import Reduction
from . import reference
from .bounds import ENLARGED
from .likelihood import Likelihood
from .oracle import ExactObjective, as_balls, precision

BITS = 128


class Refined(NamedTuple):
    """The optimum (k,), rounded once, and how far it may be from exact; the standard errors, where they are wanted."""

    estimate: Proved
    errors: Proved | None


def refined(
    dataset: Dataset,
    parameters: Parameters,
    *,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    intercept: bool = True,
    errors: bool = False,
) -> Refined | None:
    """The optimum near a point.

    Args:
        dataset: N rows of D features, none of weight zero.
        parameters: a point so near that a step of Newton's method is all that is missing.
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean" or "sum", of the losses.
        intercept: whether there is a bias.
        errors: whether standard errors are wanted too, which take a Hessian in balls.

    Returns:
        The Refined; None where nothing is proved.
    """
    k = dataset.n_features + intercept
    theta = reference.flatten(parameters)[:k]
    weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
    penalty = np.append(np.full(dataset.n_features, l2 * (1 if reduction == "sum" else weight.sum())), 0.0)[:k]
    likelihood = Likelihood(dataset, intercept=intercept, penalty=penalty)
    found = likelihood.curvature(theta)
    if found is None:
        return None
    with precision(BITS):
        f = ExactObjective(dataset, l2, reduction, slice(k))
        P = as_balls(found.P)
        v = P.T @ (f.value_and_slope(as_balls(theta))[1] * f.count)
        move, _ = after_step(v, found.epsilon, found.longest)
        if not np.isfinite(move):
            return None
        away = ENLARGED * np.linalg.norm(found.P, axis=1) * move / found.longest
        best = as_balls(theta) - P @ v
        rounded, off = nearest(best)
        estimate = Proved(rounded, ENLARGED * (off + away))
        if not errors:
            return Refined(estimate, None)
        middle = np.array([x.mid() for x in best], dtype=object)
        reached = np.array([upper(x - y) for x, y in zip(best, middle, strict=True)])
        return Refined(estimate, _errors(f, middle, move + likelihood.largest_move(reached)))


def after_step(v: np.ndarray, epsilon: float, longest: float) -> tuple[float, float]:
    """How far a logit of the optimum may be from that of the point after the step -Pv, and F from its minimum there.

    Args:
        v: Pᵀg in balls.
        epsilon: no less than ‖PᵀHP - 1‖.
        longest: R.

    Returns:
        -log(1 - τ) and ν₁² / (2 (1 - ε) exp(-Rν) (1 - τ)); infinite where nothing is proved.
    """
    nu = ENLARGED * upper((v**2).sum().sqrt())
    t = ENLARGED * longest * nu
    if not t <= 0.5:
        return np.inf, np.inf
    left = ENLARGED * nu * (epsilon + (1 + epsilon) * t)
    least = (1 - epsilon) * math.exp(-t)
    tau = ENLARGED * longest * left / least
    if not tau <= 0.5:
        return np.inf, np.inf
    return ENLARGED * -math.log1p(-tau), ENLARGED * left**2 / (2 * least * (1 - tau))


def _errors(f: ExactObjective, middle: np.ndarray, move: float) -> Proved | None:
    """Standard errors at a point from which no logit moves by more than move on the way to the optimum."""
    H = arb_mat((f.slope_and_hessian(middle)[1] * f.count).tolist())
    try:
        inverse = H.inv()
    except ZeroDivisionError:
        return None
    wide = 1 + arb(0, upper(arb(move / 2).expm1()))
    balls = [inverse[j, j].sqrt() * wide for j in range(len(middle))]
    if not all(ball.is_finite() for ball in balls):
        return None
    return nearest(balls)


def upper(ball: arb) -> float:
    """No less than the size of what a ball holds."""
    return math.nextafter(float(ball.abs_upper()), math.inf)


@partial(np.frompyfunc, nin=1, nout=2)
def _nearest(ball: arb) -> tuple[float, float]:
    middle = float(ball.mid())
    return middle, upper(ball - arb(middle)) if math.isfinite(middle) else math.inf


def nearest(balls: Any) -> Proved:
    """The float64 next to the middle of each ball, and how far what it holds may be from that."""
    value, bound = _nearest(balls)
    return Proved(np.asarray(value, float), np.asarray(bound, float))
