"""Standard errors, tests and intervals at the optimum of a likelihood, each with the bound that is proved of it.

The twin's passes find the points: the optimum, and for profile intervals the optima with one parameter held (Venzon &
Moolgavkar, Applied Statistics 37, 1988). What is said of these points is ``logreg_parity/truth/likelihood.py``'s, in
NumPy, and what follows from numbers that are known to within a bound is computed in Arb's balls.

**The end of a profile interval.** F_j(v), the least Σ ω ℓ with parameter j at v, is convex and least at θ*_j. It
reaches T = F* + q² / 2 at the end e. At v beyond θ*_j let s = (F_j(v) - F*) / |v - θ*_j|. From v outwards F_j rises by
at least s a unit, and from θ*_j to v it lies below that chord: so |e - v| ≤ |F_j(v) - T| / s.
"""

import math
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from flint import arb

from ..data.dataset import Dataset
from ..data.history import Fit
from ..data.inference import Inference, Proved
from ..truth.bounds import ENLARGED
from ..truth.certificate import whitening
from ..truth.likelihood import Likelihood
from ..truth.oracle import precision
from ..truth.reference import flatten
from ..truth.refined import Refined, nearest, refined
from ..truth.separation import counted_rows
from ..truth.ulp import format_of, round_dataset
from ..twins import check_flag, check_number
from .blocks import Blocks
from .newton import newton
from .objective import Objective, Point
from .streamed import Streamed

BITS = 128
SHARP_SIZE = 6 * 10**4  # N (D + 1): up to it balls take less than a second for all digits of estimates and errors
SEARCHES = 40  # of an end; Newton's method takes five
STEPS = 30  # with one parameter held
TOGETHER = 12  # steps for both conditions of an end; five are usual
NO_DIGITS = "{} digits are asked for, and no more are proved than of distance; scale or centre the features"
TOO_FEW_DIGITS = "{} digits are asked for and {:.1f} are proved"
FLAT = (
    "nothing is proved of the curvature at this point: columns of X depend on each other or differ in size beyond "
    "float64, or the point is not the optimum; leave columns out, or scale them"
)
_U = format_of("float64").unit_roundoff

_ball = np.frompyfunc(arb, 2, 1)
_exp = np.frompyfunc(arb.exp, 1, 1)
_erfc = np.frompyfunc(arb.erfc, 1, 1)


class Best(NamedTuple):
    """The optimum θ (k,): of θ the distance and the errors, of F the value, how much less and more F* may be."""

    theta: np.ndarray
    distance: np.ndarray
    errors: Proved
    value: float
    below: float
    above: float


class _Held:
    """The mean loss with one parameter held, in the units of an objective."""

    def __init__(self, objective: Any, j: int, value: float):
        self._objective, self._j, self._value = objective, j, value

    def at(self, theta: np.ndarray, **options: Any) -> Point:
        """One pass there, θ (k - 1,) and all derivatives by the parameters that are free."""
        here, drop = self.whole(theta, **options), partial(np.delete, obj=self._j)
        hessian = None if here.hessian is None else drop(drop(here.hessian, axis=0), axis=1)
        return Point(theta, here.value, drop(here.gradient), hessian, here.arithmetic)

    def whole(self, theta: np.ndarray, **options: Any) -> Point:
        """The same point among all parameters."""
        return self._objective.at(np.insert(theta, self._j, self._value), **options)


def checked(blocks: Blocks | Streamed, digits: int) -> Dataset:
    """The rows that count, for a proof of so many digits. Raises ValueError for a stream and for other digits."""
    if isinstance(blocks, Streamed):
        raise ValueError(f"digits={digits} is asked for of a stream, of which no copy is kept; give a Dataset")
    check_digits(digits)
    return counted_rows(round_dataset(blocks.dataset, blocks.dtype))


def check_digits(digits: Any) -> None:
    """Raises ValueError for what is no whole number from 1 to 15."""
    if not (isinstance(digits, int) and 1 <= digits <= 15):
        raise ValueError(f"digits is {digits!r}; give a whole number from 1 to 15, which is what float64 holds")


def check_no_penalty(l2: Any) -> None:
    """Raises ValueError where an inference is asked for with a penalty."""
    if l2:
        raise ValueError(
            f"l2 is {l2}: a penalty pulls the estimates away from those of the likelihood, and the curvature there is "
            "no covariance; give l2=0 for standard errors, tests and intervals"
        )


def to_digits(objective: Objective, rows: Dataset, fit: Fit, digits: int, found: Refined | None) -> Fit:
    """A converged fit with the last digits of every parameter proved, or not converged where fewer are than asked for.

    Args:
        objective: the fit's.
        rows: what ``checked`` gave.
        fit: a fit that has converged.
        digits: how many of every parameter, in its natural size: moved by as much it doubles or moves a logit by 1.
        found: what ``refined`` has made of it.
    """
    k = len(objective.unit)
    if found is None:
        return replace(fit, status="not converged", reason=NO_DIGITS.format(digits))
    theta, away = found.estimate
    size = np.maximum(np.abs(theta), 1 / np.where(objective.blocks.largest > 0, objective.blocks.largest, 1))
    here = objective.at(theta)
    proof = objective.recount(here).certificate()
    known = float((-np.log10(away / size)).min())
    enough = known >= digits
    reason = fit.reason if enough else TOO_FEW_DIGITS.format(digits, known)
    return replace(
        fit,
        parameters=objective.parameters(theta),
        distance=np.append(away, np.zeros(rows.n_features + 1 - k)),
        status="converged" if enough else "not converged",
        reason=reason,
        objective=objective.scale * here.value,
        gradient_norm=objective.scale * float(np.linalg.norm(here.gradient)),
        gap=fit.gap if proof is None else objective.scale * proof.gap,
        passes=fit.passes + 1,
    )


def check_wanted(fit: Any, level: Any, profile: Any) -> None:
    """Raises ValueError for a level or flag that is none, and for a fit that has not converged."""
    check_number("level", level, lambda value: 0 < value < 1, "give a number between 0 and 1, such as 0.95")
    check_flag("profile", profile)
    if not isinstance(fit, Fit):
        raise ValueError(f"fit is a {type(fit).__name__}; give the Fit of these data, or None")
    if fit.status != "converged":
        raise ValueError(f"there are no standard errors of a fit that has {fit.status}: {fit.reason}")


def infer(blocks: Blocks, fit: Fit, *, level: float, profile: bool, digits: int | None = None) -> Inference:
    """The Inference at a fit of packed data.

    Args:
        blocks: the data.
        fit: their optimum without a penalty.
        level: of the intervals, between 0 and 1.
        profile: whether profile intervals are wanted, which take some 20 passes an end.
        digits: how many of estimates and standard errors are to be proved in interval arithmetic; None for all that
            there are where the data are small, and what float64 arithmetic proves where they are not.

    Raises:
        ValueError: for another level, a fit that has not converged, and where nothing is proved of the curvature.
    """
    check_wanted(fit, level, profile)
    rows = counted_rows(round_dataset(blocks.dataset, blocks.dtype)) if digits is None else checked(blocks, digits)
    k = rows.n_features + blocks.intercept
    quick = digits is not None or rows.n_rows * k <= SHARP_SIZE
    sharp = refined(rows, fit.parameters, intercept=blocks.intercept, errors=True) if quick else None
    if digits is not None:
        fit = to_digits(Objective(blocks), rows, fit, digits, sharp)
    objective = Objective(blocks).scaled()
    likelihood, theta = Likelihood(rows, intercept=blocks.intercept), flatten(fit.parameters)[:k]
    proof = objective.recount(objective.at(theta * objective.unit)).certificate()
    found = None if proof is None else likelihood.standard_errors(theta, likelihood.largest_move(proof.distance))
    if proof is None or found is None:
        raise ValueError(FLAT)
    value, error = likelihood.value(theta)
    below = ENLARGED * (error + proof.gap * blocks.total_weight)
    distance, errors = proof.distance, Proved(*found)
    if sharp is not None and sharp.errors is not None:
        theta, distance, errors = *sharp.estimate, sharp.errors
    best = Best(theta, distance, errors, value, below, error)
    with precision(BITS):
        q = normal_quantile(level)
        ends = None
        if profile:
            unit, total, width = objective.unit, blocks.total_weight, float(q)
            found_at = partial(find_end, objective, best.theta * unit, total)
            sides = [
                [how_far(likelihood, best, found_at(j, side, width) / unit, j, width) for side in (-1, 1)]
                for j in range(k)
            ]
            ends = Proved(*np.moveaxis(np.array(sides), -1, 0))
        names = (*rows.feature_names, *["bias"] * blocks.intercept)
        weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
        saturated = added_up(weight * (_minus_xlogx(rows.y) + _minus_xlogx(1 - rows.y)), 8)
        counts = [added_up(weight * rows.y, 2), added_up(weight * (1 - rows.y), 3)]
        null = null_loss(counts, added_up(weight, 1), intercept=blocks.intercept)
        freedom = {"degrees": rows.n_features, "parameters": k}
        return table(fit, names, level, best, q, ends, null=null, saturated=saturated, **freedom)


def table(
    fit: Fit,
    names: tuple[str, ...],
    level: float,
    best: Best,
    q: arb,
    profile: Proved | None,
    *,
    null: arb,
    saturated: arb,
    degrees: int,
    parameters: int,
) -> Inference:
    """What follows, in balls.

    Args:
        fit, names, level, profile: of the Inference.
        best: the optimum, k parameters.
        q: the normal quantile of the level.
        null, saturated: the least Σ ω ℓ with the biases alone, and what none is below.
        degrees: how many parameters the null model lacks.
        parameters: how many are free.
    """
    theta, errors = _ball(best.theta, best.distance), _ball(*best.errors)
    z = theta / errors
    half = (best.above + best.below) / 2 + 2 * _U * best.value
    least = arb(best.value + (best.above - best.below) / 2, ENLARGED * half)
    ratio = 2 * (null - least)
    return Inference(
        fit=fit,
        names=names,
        level=level,
        estimate=Proved(best.theta, best.distance),
        standard_error=best.errors,
        z=_proved(z),
        p=_proved(_erfc(abs(z) / arb(2).sqrt())),
        odds_ratio=_proved(_exp(theta)),
        wald=_proved(np.column_stack([theta - q * errors, theta + q * errors])),
        profile=profile,
        deviance=_proved(2 * (least - saturated)),
        null_deviance=_proved(2 * (null - saturated)),
        likelihood_ratio=_proved(ratio),
        likelihood_ratio_p=_proved(_chance(ratio, degrees)),
        degrees=degrees,
        aic=_proved(2 * (least + parameters)),
    )


def _chance(ratio: arb, degrees: int) -> arb:
    """P(χ² > ratio), of a ball; the part of it below 0, which no ratio is, counts as 0."""
    if not degrees:
        return arb(1)
    if ratio > 0:
        return (ratio / 2).gamma_upper(arb(degrees) / 2, regularized=1)
    return arb(1).union((ratio.upper().max(arb(0)) / 2).gamma_upper(arb(degrees) / 2, regularized=1))


def find_end(objective: Any, best: np.ndarray, total: float, j: int, side: int, q: float) -> np.ndarray:
    """Where the profile interval of a parameter ends on one side, as a point (k,): found, and not yet proved.

    Args:
        objective: whose ``at`` gives the mean loss, as that of an Objective.
        best: its optimum (k,).
        total: Σ ω, of which it is the mean.
        j: the parameter.
        side: -1 or 1.
        q: the normal quantile of the level.
    """
    free = np.arange(len(best)) != j
    here = objective.at(best, hessian=True)
    P = whitening(here.hessian)
    along = P @ P[j]  # how the others move with parameter j where F is a parabola
    optimum, start, inside, outside = here, here.theta[j], here.theta[j], side * np.inf
    v, before = start + side * q * math.sqrt(along[j] / total), np.inf
    theta = here.theta + along / along[j] * (v - start)
    quick = _at_once(objective, theta, optimum, total, j, q)
    if quick is not None:
        return quick
    for _ in range(SEARCHES):
        here = _least(_Held(objective, j, v), theta[free])
        excess = math.sqrt(max(2 * total * (here.value - optimum.value), 0.0))
        inside, outside = (v, outside) if excess < q else (inside, v)
        step = (q - excess) * excess / (total * here.gradient[j]) if excess > 0 else v - start
        if _last(step, before, v - start):
            break
        before = step
        new = v + step if side * step > -np.inf else v
        if not min(inside, outside) < new < max(inside, outside):
            new = (inside + outside) / 2 if np.isfinite(outside) else 2 * v - start
        theta, v = here.theta + along / along[j] * (new - v), new
    return here.theta


def _at_once(objective: Any, theta: np.ndarray, optimum: Point, total: float, j: int, q: float) -> np.ndarray | None:
    """The same by Newton's method for both conditions, that of the level and the others' minimum; None if it strays."""
    free, start, before = np.arange(len(theta)) != j, optimum.theta[j], np.inf
    for _ in range(TOGETHER):
        here = objective.at(theta, hessian=True)
        P = whitening(here.hessian[np.ix_(free, free)]) if free.any() else np.zeros((0, 0))
        left = P.T @ here.gradient[free]
        others = np.insert(-P @ left, j, 0.0)
        along = np.insert(-P @ (P.T @ here.hessian[free, j]), j, 1.0)
        rise, slope = here.value + here.gradient @ others / 2 - optimum.value, total * (here.gradient @ along)
        excess = math.sqrt(max(2 * total * rise, 0.0))
        if not (np.isfinite(theta).all() and slope * (theta[j] - start) > 0 and excess > 0):
            return None
        step = (q - excess) * excess / slope
        theta = theta + others + along * step
        if np.linalg.norm(left) <= 2.0**-36 and _last(step, before, theta[j] - start):
            return theta
        before = step
    return None


def _last(step: float, before: float, way: float) -> bool:
    """Whether a step of Newton's method, on such a way, is one of rounding: it halves the one before no more."""
    return bool(abs(step) <= 2.0**-46 * abs(way) or abs(before) / 2 < abs(step) <= 2.0**-24 * abs(way))


def _least(held: _Held, theta: np.ndarray) -> Point:
    """The minimum over the free parameters, by Newton's method until rounding is all that is left."""
    here: Any = held.at(theta, hessian=True)
    for here in islice(newton(held, theta), STEPS) if len(theta) else ():  # type: ignore[arg-type]
        P = whitening(here.hessian)
        if np.linalg.norm(P.T @ here.gradient) <= 2.0**-36:
            here = here._replace(theta=here.theta - P @ (P.T @ here.gradient))
            break
    return held.whole(here.theta)


def how_far(likelihood: Any, best: Best, theta: np.ndarray, j: int, q: float) -> tuple[float, float]:
    """The end found, and |F_j(v) - T| / s, from bounds of F there and of F*: see the head of this file.

    Args:
        likelihood: whose ``value`` and ``gap`` bound Σ ω ℓ, as those of a Likelihood.
        best: the optimum.
        theta: the end found (k,).
        j: the parameter.
        q: the normal quantile of the level.
    """
    free = np.arange(len(theta)) != j
    value, error = likelihood.value(theta)
    gap = likelihood.gap(theta, free) if free.any() else 0.0
    rise, rounded = value - best.value, 4 * _U * (value + q * q)
    least, most = rise - error - gap - best.above - rounded, rise + error + best.below + rounded
    steepness = least / (abs(theta[j] - best.theta[j]) + best.distance[j])
    miss = max(abs(least - q * q / 2), abs(most - q * q / 2))
    return float(theta[j]), float(ENLARGED * miss / steepness) if steepness > 0 else np.inf


def normal_quantile(level: float) -> arb:
    """How many standard errors an interval reaches to either side."""
    return arb(2).sqrt() * (1 - arb(level)).erfcinv()


def null_loss(counts: list[arb], total: arb, *, intercept: bool) -> arb:
    """The least Σ ω ℓ of classes that count so much, with biases alone, or with nothing at all."""
    if not intercept:
        return total * arb(len(counts)).log()
    return sum((-part * (part / total).log() for part in counts), arb(0))


def _minus_xlogx(x: np.ndarray) -> np.ndarray:
    return -x * np.log(np.where(x > 0, x, 1))


def added_up(terms: np.ndarray, roundings: int) -> arb:
    """Their sum, of terms not negative that are each so many roundings off."""
    total = math.fsum(terms)
    return arb(total, 2 * (roundings + 1) * _U * total)


def _proved(balls: Any) -> Proved:
    value, bound = nearest(balls)
    return Proved(value, ENLARGED * bound)
