"""One run at one step: the numbers of each stage, what they should be, and how far off they may be.

Two questions, two answers. ``at_own_point``: the stage's value at the run's own parameters, in float64, and the bound
of all rounding since. ``from_own_inputs``: its exact value from the stage's own stored inputs, and the bound of that
stage alone. A stage that is off the first but not the second inherited its error.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..judge.problem import check_given, rounded_inputs
from ..truth import oracle, reference
from ..truth.bounds import PointBounds, stacks
from ..truth.momentum import Velocity
from ..truth.ulp import format_of, is_held
from . import stages
from .trace import Trace

STAGES = ("start", "logits", "row losses", "loss", "residuals", "gradient", "update", "recorded loss")
"""In the order in which a step computes them. Residuals are a branch of their own: no other stage is fed with them."""


class Expected(NamedTuple):
    """What a stage should give (K,), and how far a correct program may be from it."""

    value: np.ndarray
    bound: np.ndarray


class TracedRun:
    """A trace with the problem as its program got it."""

    def __init__(self, trace: Trace, dataset: Dataset):
        self.trace, self.dtype = trace, trace.ran.dtype
        given = rounded_inputs(dataset, trace.start, trace.setting, self.dtype)
        check_given(given, dataset, trace.start, trace.setting, self.dtype)
        self.dataset, self.start, self.setting, self.batches = given
        # the steps' own arithmetic (S, D + 1): how far each point is from where its gradient and velocity lead
        self.miss = trace.points[1:] - (trace.points[:-1] - self.setting.learning_rate * self.directions)

    @cached_property
    def astray(self) -> np.ndarray:
        """At which steps (S,) a number that is stored of every step is off by itself, whatever another run has there.

        Twice the bound, for what it is held to is computed in float64. Or it is no number of the format.
        """
        trace, s, found = self.trace, self.setting, np.zeros(self.trace.steps, bool)
        held = [is_held(array, self.dtype) for array in (trace.points[1:], trace.gradients)]
        found |= ~np.logical_and(*held).all(axis=1) | ~is_held([trace.before, trace.losses], self.dtype).all(axis=0)
        batches = None if self.batches is None else self.batches[: trace.steps]
        for chosen, rows in stacks(self.dataset, batches, trace.steps):
            here, there = (Parameters(trace.points[chosen + k, :-1], trace.points[chosen + k, -1]) for k in (0, 1))
            words: dict[str, Any] = {"l2": s.l2, "reduction": s.reduction, "engine": trace.engine}
            at, after = (PointBounds(rows, p, dtype=self.dtype, **words) for p in (here, there))
            recorded = after if s.record == "after" else at
            off = np.abs(trace.gradients[chosen] - at.slope) > 2 * at.gradient
            found[chosen] |= off.any(axis=1) | (np.abs(trace.before[chosen] - at.value) > 2 * at.objective)
            found[chosen] |= np.abs(trace.losses[chosen] - recorded.value) > 2 * recorded.objective
            if not s.momentum:
                limit = stages.update_bound(at, s.learning_rate, there)
                found[chosen] |= (np.abs(self.miss[chosen]) > limit).any(axis=1)
        return found

    @cached_property
    def directions(self) -> np.ndarray:
        """What each step should walk along (S, D + 1), from the stored gradients."""
        walked, velocity, s = [], np.zeros_like(self.trace.gradients[0]), self.setting
        for slope in self.trace.gradients:
            direction, velocity = reference.sgd_step(0.0, slope, velocity, -1.0, s.momentum, s.nesterov)
            walked.append(direction)
        return np.array(walked)

    @cached_property
    def direction_bounds(self) -> np.ndarray:
        """How far the direction of each step may be from that (S, D + 1): each gradient is Δg from the exact one."""
        limits, velocity = [], Velocity(self.trace.points.shape[1], self.setting, self.dtype)
        for step, slope in enumerate(self.trace.gradients, start=1):
            limits.append(velocity.add(slope, 2 * Look(self, step).limits.gradient)[0])
        return np.array(limits)


class Look:
    """A run at a step."""

    def __init__(self, side: TracedRun, step: int):
        trace, rows = side.trace, None if side.batches is None else side.batches[step - 1]
        self.side, self.step = side, step
        self.rows = side.dataset if rows is None else side.dataset.take(rows)
        self.row_names = np.arange(self.rows.n_rows) if rows is None else rows
        self.theta, self.slope, self.reached = trace.points[step - 1], trace.gradients[step - 1], trace.points[step]
        self.here, self.there = (Parameters(t[:-1], float(t[-1])) for t in (self.theta, self.reached))
        self.limits = self.bounds_at(self.here)

    def bounds_at(self, point: Parameters, rows: Dataset | None = None) -> PointBounds:
        """The bounds at a point, on the step's rows or others."""
        rows, s = self.rows if rows is None else rows, self.side.setting
        engine = self.side.trace.engine
        return PointBounds(rows, point, dtype=self.side.dtype, l2=s.l2, reduction=s.reduction, engine=engine)

    def value_and_slope_at(self, point: Parameters, rows: Dataset | None = None) -> tuple[np.floating, np.ndarray]:
        """The objective and its gradient (D + 1,) at a point in float64, on the step's rows or others."""
        rows, s = self.rows if rows is None else rows, self.side.setting
        value, slope = reference.value_and_grad(
            point, rows.X, rows.y, sample_weight=rows.sample_weight, l2=s.l2, reduction=s.reduction
        )
        return value, reference.flatten(slope)

    def objective_at(self, point: Parameters, rows: Dataset | None = None) -> Expected:
        """The objective (1,) at a point, and its bound."""
        value, _ = self.value_and_slope_at(point, rows)
        return Expected(np.atleast_1d(value), np.atleast_1d(self.bounds_at(point, rows).objective))

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """What the trace holds of this step, every stage as (K,)."""
        trace, t = self.side.trace, self.step - 1
        values = {"start": self.theta} if t == 0 else {}
        where = np.flatnonzero(trace.detail == self.step)
        if len(where):
            kept = (trace.logits, trace.row_losses, trace.residuals)
            rows = [array[where[0], : self.rows.n_rows] for array in kept]
            values |= dict(zip(("logits", "row losses", "residuals"), rows, strict=True))
        values |= {"loss": trace.before[[t]], "gradient": self.slope, "update": self.reached}
        return values | {"recorded loss": trace.losses[[t]]}

    @cached_property
    def logits(self) -> np.ndarray:
        """The run's own logits where they are stored and finite, else what they should be."""
        stored = self.values.get("logits")
        computed = reference.logits(self.here, self.rows.X)
        return computed if stored is None or not np.isfinite(stored).all() else stored

    @cached_property
    def at_own_point(self) -> dict[str, Expected]:
        """Every stage at the run's own parameters; the update, from its own stored gradient too."""
        limits, side = self.limits, self.side
        z = reference.logits(self.here, self.rows.X)
        value, slope = self.value_and_slope_at(self.here)
        expected = {
            "start": (reference.flatten(side.start), np.zeros(len(self.theta))),
            "logits": (z, limits.logit),
            "row losses": (reference.stable_loss(z, self.rows.y), limits.loss),
            "loss": (value, limits.objective),
            "residuals": (limits.residuals, stages.residual_bound(limits, limits.residuals)),
            "gradient": (slope, limits.gradient),
            "update": (self.theta - side.setting.learning_rate * side.directions[self.step - 1], self._update_bound),
            "recorded loss": (value, limits.objective),
        }
        if side.setting.record == "after":
            expected["recorded loss"] = self.objective_at(self.there)
        return _arrays(expected)

    @cached_property
    def from_own_inputs(self) -> dict[str, Expected]:
        """Every stage from its own stored inputs: exact values (MPFR), and the bound of that stage alone."""
        limits, side, s = self.limits, self.side, self.side.setting
        at = oracle.evaluate(self.rows, self.here, l2=s.l2, reduction=s.reduction)
        expected = {
            "start": (reference.flatten(side.start), np.zeros(len(self.theta))),
            "logits": (at.logits, limits.logit),
            "loss": (at.objective, limits.objective),
            "gradient": (reference.flatten(at.gradient), limits.gradient),
            "update": (stages.update(self.theta, side.directions[self.step - 1], s.learning_rate), self._update_bound),
            "recorded loss": (at.objective, limits.objective),
        }
        if "logits" in self.values and self.logits is self.values["logits"]:
            losses, residuals = stages.given_logits(self.logits, self.rows.y)
            given = stages.GivenLogits(self.rows, self.here, self.logits, s, side.dtype, side.trace.engine)
            expected["row losses"] = (losses, given.loss)
            expected["residuals"] = (residuals, stages.residual_bound(given, residuals.astype(np.float64)))
            slope = stages.gradient(self.logits, self.rows, self.here, s)
            expected["gradient"] = (slope, given.gradient)
            own = self.values["row losses"]
            if np.isfinite(own).all():
                value = stages.objective(own, self.rows, self.here, s)
                limit = stages.GivenLosses(self.rows, self.here, own, s, side.dtype, side.trace.engine).objective
                expected["loss"] = (value, limit)
        if s.record == "after" and np.isfinite(self.reached).all():
            there = oracle.evaluate(self.rows, self.there, l2=s.l2, reduction=s.reduction)
            expected["recorded loss"] = (there.objective, self.bounds_at(self.there).objective)
        return _arrays(expected)

    @property
    def _update_bound(self) -> np.ndarray:
        side, rate = self.side, self.side.setting.learning_rate
        if not side.setting.momentum:
            return stages.update_bound(self.limits, rate, self.there)
        return stages.moved_bound(side.direction_bounds[self.step - 1], rate, self.there, side.dtype)

    def strays(self, stage: str) -> bool:
        """Whether the stage is off, whatever another run has there: twice its bound at the run's own point.

        The residuals are made by the trace, in float64.
        """
        value, bound = self.at_own_point[stage]
        held = stage == "residuals" or is_held(self.values[stage], self.side.dtype).all()
        return not held or bool((np.abs(self.values[stage] - value) > 2 * bound).any())

    def creates(self, stage: str) -> bool:
        """Whether the stage is off its own bound given its own inputs, or no number of the format."""
        if stage not in self.from_own_inputs:
            return False
        expected = self.from_own_inputs[stage]
        if not is_held(self.values[stage], self.side.dtype).all() and stage != "residuals":
            return True
        return bool((oracle.distance(self.values[stage], expected.value) > expected.bound).any())


class Difference(NamedTuple):
    """How far two runs are apart in a stage, at the place where that is the largest share of what is allowed."""

    stage: str
    error: float
    bound: float
    where: int
    outside: bool  # of what is allowed, or by itself in either run
    alike: bool  # whether the two are no further apart than is allowed


def differences(a: Look, b: Look) -> list[Difference]:
    """Every stage of a step that both traces hold.

    Allowed is each run's bound at its own point, and what its own inputs make of the stage: the distance between the
    float64 reference values at the two points. In float64 those are themselves off by as much as the bound again,
    unless the inputs are the same; in narrower formats the bounds' own enlargement covers it.
    """
    rows = []
    for stage in (name for name in STAGES if name in a.values and name in b.values):
        (one, limit), (other, other_limit) = a.at_own_point[stage], b.at_own_point[stage]
        shift = np.abs(one - other)
        twice = 2 if "float64" in (a.side.dtype, b.side.dtype) and shift.any() else 1
        error = np.abs(a.values[stage] - b.values[stage])
        bound = twice * (limit + other_limit) + shift
        error = np.where(np.isnan(error), np.inf, error)
        bound = np.where(np.isnan(bound), np.inf, bound)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(error > 0, error / bound, 0.0)
        share = np.where(np.isnan(share), np.inf, share)
        k = int(np.argmax(share))
        alike = not (error > bound).any()
        outside = not alike or a.strays(stage) or b.strays(stage)
        rows.append(Difference(stage, float(error[k]), float(bound[k]), k, outside, alike))
    return rows


def surely_within(a: Look, b: TracedRun) -> bool:
    """A quick look at a step: whether all that is stored of every step differs by less than a part of one run's bound.

    That is, for the data, more than N u times what the gradient or the loss is a sum of; for the penalty, more than 3 u
    and (D + 2) u times its own size; for the update, η times the gradient's and u |θ|.
    """
    t, one, other = a.step - 1, a.side.trace, b.trace
    u, l2 = format_of(a.side.dtype).unit_roundoff, a.side.setting.l2
    n = 1 if one.engine == "exact" else a.rows.n_rows  # whose bounds do not count the rows
    penalty = l2 * np.append(np.abs(a.here.weight), 0.0)
    slope = u * (n * (a.limits.gradient_scale - penalty) + 3 * penalty)

    def loss_slack(value: float, w: np.ndarray) -> float:
        penalty = (l2 / 2 * w) @ w
        return u * (n * (abs(value) - penalty) + (len(w) + 2) * penalty)

    recorded_at = a.there if a.side.setting.record == "after" else a.here
    pairs = (
        (one.gradients[t], other.gradients[t], slope),
        (one.before[t], other.before[t], loss_slack(other.before[t], a.here.weight)),
        (one.losses[t], other.losses[t], loss_slack(other.losses[t], recorded_at.weight)),
        (a.side.miss[t], b.miss[t], a.side.setting.learning_rate * slope + u * np.abs(a.reached)),
    )
    return all((np.abs(x - y) <= allowed).all() for x, y, allowed in pairs)


def _arrays(expected: dict) -> dict[str, Expected]:
    return {name: Expected(np.atleast_1d(value), np.atleast_1d(bound)) for name, (value, bound) in expected.items()}
