"""What is compared: every quantity of a run, beside its exact value, its bound and its natural size.

A ``Problem`` is the comparison in one format. It rounds the inputs once, so that the twins and the oracle start
from the very same numbers and nothing a comparison shows is the fault of the input.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters, batches, check_memory
from ..data.history import Evaluation
from ..truth import bounds, oracle, reference
from ..truth.momentum import Velocity, trajectory
from ..truth.ulp import format_of, round_dataset, round_parameters, round_setting, round_to
from ..twins import Program, Setting, Twin

CHANCE = 1e-9
"""That a number of a correct program leaves its likely bound (``truth/bounds.py``)."""


TOGETHER = "start: logits, root mean square"
SATURATED = 40.0
"""The largest logit of a second look: σ of it is 1 in float64, and σ of its opposite 4e-18."""

STEPS_TOGETHER = "every step, root mean square"
"""Quantities that are no numbers of a twin, but how far many of them are off together."""

OWN_STEP, OWN_LOSS = "every step", "every loss, at its own point"
"""Quantities that are no numbers either, but how far each is off what it should be where the run itself stands."""

WITNESS_ROUNDINGS = 2 * 10**7
WITNESS_TERMS = 10**4
"""So many roundings, in so many terms, a witness (``_plain_sums``) may take: it looks at some rows or steps only."""


class Run(NamedTuple):
    """What one twin did, padded with NaN where it stopped early, and how far it may be from the exact run."""

    start: Evaluation
    points: np.ndarray  # (T + 1, D + 1), the bias last
    losses: np.ndarray  # (T,)
    end: Evaluation | None  # None where the run did not reach its end
    bounds: bounds.TrajectoryBounds
    stop_reason: str | None
    engine: str  # by whose arithmetic: that of the bounds
    far: Evaluation | None = None  # in saturation; None where that is nowhere, or the start is there


class Quantity(NamedTuple):
    """K numbers (or K vectors, measured in the 2-norm) of one run."""

    name: str
    values: np.ndarray  # (K,) or (K, D + 1)
    exact: np.ndarray | None  # the first of them, as far as they are known
    bound: np.ndarray  # (K,), absolute
    size: np.ndarray  # (K,), in whose ulps an error is told: what a value is a sum of, not what cancellation leaves
    first_step: int | None = None  # where the K places are steps, the first of them
    likely: np.ndarray | None = None  # (K,), the bound that is left with CHANCE only, were roundings independent


KEPT = 4
"""Numbers that a coordinate takes at every step: the point, its gradient, their copies."""


class Inputs(NamedTuple):
    """What a twin is given in one format, rounded once."""

    dataset: Dataset
    start: Parameters
    setting: Setting
    batches: list[np.ndarray] | None  # the rows of every step; None for all


def rounded_inputs(dataset: Dataset, start: Parameters, setting: Setting, dtype: str) -> Inputs:
    """The problem as a program of that precision gets it.

    Args:
        dataset: N rows of D features.
        start: weight (D,) and bias ().
        setting: the run.
        dtype: the format.

    Raises:
        ValueError: for numbers that are too large for the format, a batch_size that is larger than N, a mini-batch
            whose rows all have weight 0, and more steps than there is memory for.
    """
    rows, d = None, dataset.n_features
    points = setting.steps * (KEPT * (d + 1) + (setting.batch_size or 0))
    check_memory(points, f"a run of {setting.steps} steps, whose every point is kept,", "give fewer steps")
    if setting.batch_size is not None:
        rows = list(batches(dataset.n_rows, setting.batch_size, setting.steps, seed=setting.seed))
        weight = dataset.sample_weight
        if weight is not None and not all(weight[chosen].any() for chosen in rows):
            raise ValueError("some mini-batch holds rows of weight 0 only; take a larger batch_size")
    rounded = round_dataset(dataset, dtype), round_parameters(start, dtype), round_setting(setting, dtype)
    return Inputs(*rounded, rows)


def check_given(given: Inputs, dataset: Dataset, start: Parameters, setting: Setting, dtype: str) -> None:
    """Hold what programs are given to what the user gave: every number within its rounding, every row in its batch.

    All that is compared begins with these numbers, the exact run as well: a fault in them would show nowhere else.

    Raises:
        AssertionError: where they differ, which is a fault of ours.
    """
    format, has_weights = format_of(dtype), dataset.sample_weight is not None
    pairs: dict[str, tuple[Any, Any]] = {"X": (given.dataset.X, dataset.X), "y": (given.dataset.y, dataset.y)}
    if has_weights or given.dataset.sample_weight is not None:
        pairs["sample_weight"] = given.dataset.sample_weight, dataset.sample_weight
    pairs["start"] = reference.flatten(given.start), reference.flatten(start)
    words = ("steps", "batch_size", "seed", "nesterov", "reduction", "record", "loss")
    numbers = ("learning_rate", "momentum", "l2")
    pairs["setting"] = (
        [getattr(given.setting, name) for name in numbers],
        [getattr(setting, name) for name in numbers],
    )
    for name, (ours, theirs) in pairs.items():
        a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        smallest = 2.0 ** (format.min_exponent - format.precision)  # half of the smallest spacing
        same = a.shape == b.shape and (np.abs(a - b) <= np.maximum(format.unit_roundoff * np.abs(b), smallest)).all()
        assert same, f"{name} is not what was given, rounded to {dtype}; please report this"
    kept = all(getattr(given.setting, name) == getattr(setting, name) for name in words)
    assert kept, "the setting is not the one that was given; please report this"
    if setting.batch_size is None:
        assert given.batches is None, "batches came where all rows were asked for; please report this"
        return
    random, n, size = np.random.RandomState(setting.seed), dataset.n_rows, setting.batch_size
    passes = range(-(-setting.steps // -(-n // size)))
    wanted = [order[k : k + size] for order in (random.permutation(n) for _ in passes) for k in range(0, n, size)]
    found = given.batches or []
    right = len(found) == setting.steps and all(map(np.array_equal, found, wanted))
    assert right, "a mini-batch does not hold the rows that batch_size and seed name; please report this"


class Problem:
    """A data set, a start and a setting in one format, with everything exact that they lead to.

    Args:
        dataset, start, setting, dtype: those of ``rounded_inputs``.
        exact_steps: of the exact run; the exact end is known where these are all steps of the setting.
    """

    def __init__(self, dataset: Dataset, start: Parameters, setting: Setting, dtype: str, *, exact_steps: int):
        self.dtype = dtype
        given = rounded_inputs(dataset, start, setting, dtype)
        check_given(given, dataset, start, setting, dtype)
        self.dataset, self.start, self.setting, self.batches = given
        self.exact_start = self._exact_at(self.start)
        self.far = saturated(self.dataset, self.start, dtype)
        self.exact_far = None if self.far is None else self._exact_at(self.far)
        walked = replace(self.setting, steps=exact_steps)
        self.exact_run = oracle.trajectory(self.dataset, self.start, walked, batches=self.batches)
        self.exact_end = None
        if exact_steps == setting.steps:
            self.exact_end = self._exact_at(Parameters(self.exact_run.weights[-1], self.exact_run.biases[-1]))

    def run(self, name: str, twin: Twin, device: str) -> Run:
        """Let a twin do all of it: look at the start, train, look at the end.

        Args:
            name: of the twin, for messages.
            twin: any module with the functions of ``twins.Twin``.
            device: where it computes.

        Raises:
            ValueError: where it has no argument for something that is asked of it.
            UserError: where it returns a wrong shape.
        """
        program, steps = Program(name, twin, self.dtype, device), self.setting.steps
        start = program.evaluate(self.dataset, self.start, self.setting)
        far = None if self.far is None else program.evaluate(self.dataset, self.far, self.setting)
        keep = range(steps + 1)
        history = program.train(self.dataset, self.start, self.setting, batches=self.batches, keep=keep)
        points = np.column_stack([history.weights, history.biases]).astype(np.float64)
        finite = len(points) if np.isfinite(points).all() else int(np.argmin(np.isfinite(points).all(axis=1)))
        known = points[:finite, :-1], points[:finite, -1]
        limits = trajectory(
            self.dataset, *known, self.setting, dtype=self.dtype, batches=self.batches, engine=history.engine
        )
        end = None
        if finite == steps + 1:
            end = program.evaluate(self.dataset, history.parameters, self.setting)
        return Run(
            start,
            _padded(points, steps + 1, np.nan),
            _padded(np.asarray(history.losses, dtype=np.float64), steps, np.nan),
            end,
            # a run that stopped early is held to the exact run by the last bound it had
            bounds.TrajectoryBounds(
                _padded(limits.parameters, steps + 1, limits.parameters[-1]),
                _padded(limits.losses, steps, limits.losses[-1] if len(limits.losses) else np.inf),
            ),
            history.stop_reason,
            history.engine,
            far,
        )

    def _exact_at(self, point: Parameters) -> Evaluation:
        return oracle.evaluate(self.dataset, point, l2=self.setting.l2, reduction=self.setting.reduction)

    def _bounds_at(self, point: Parameters, engine: str, chance: float | None = None) -> bounds.PointBounds:
        words: dict[str, Any] = {"l2": self.setting.l2, "reduction": self.setting.reduction, "engine": engine}
        return bounds.PointBounds(self.dataset, point, dtype=self.dtype, chance=chance, **words)

    def quantities(self, run: Run) -> Iterator[Quantity]:
        """The rows of a comparison, in the order in which a reader meets them."""
        yield from self._at_the_start(run)
        if self.far is not None and self.exact_far is not None and run.far is not None:
            there = self._at("saturated", self.far, self.exact_far, run.far, run.engine)
            yield from (quantity for quantity in there if _is_off(quantity))
        exact_points = np.column_stack([self.exact_run.weights, self.exact_run.biases])
        distance_from_origin = np.linalg.norm(run.points, axis=1)
        limit, size = run.bounds.parameters, distance_from_origin
        yield Quantity("every point", run.points, exact_points, limit, size, first_step=0)
        size = np.abs(run.losses)
        yield Quantity("every loss", run.losses, self.exact_run.losses, run.bounds.losses, size, first_step=1)
        yield from self._strange_steps(run.points, run.losses, run.engine)
        if run.end is not None:
            exact = None if self.exact_end is None else exact_points[-1:]
            yield Quantity("end: parameters", run.points[-1:], exact, limit[-1:], distance_from_origin[-1:])
            yield from self._at_the_end(run, run.end)

    def _strange_steps(self, points: np.ndarray, losses: np.ndarray, engine: str) -> Iterator[Quantity]:
        """Where a step does not lead where it should from where the run itself stands, coordinate by coordinate.

        The norm of a point hides what happens to a small coordinate beside a large one, and the bound of a whole run
        ends where rounding may grow without limit. A step by itself has a bound in every coordinate, and always. So has
        the loss that is recorded of it, however far the exact run was walked.
        """
        finite = np.isfinite(points).all(axis=1)
        steps = len(points) - 1 if finite.all() else int(np.argmin(finite)) - 1
        if steps < 1:
            return
        s, batches = self.setting, None if self.batches is None else self.batches[:steps]
        slopes, limits, fixed, deviation = np.empty((4, steps, points.shape[1]))
        values, allowed = np.empty((2, steps))
        for chosen, rows in bounds.stacks(self.dataset, batches, steps):
            here = Parameters(points[chosen, :-1], points[chosen, -1])
            with np.errstate(over="ignore", invalid="ignore"):
                words: dict[str, Any] = {"l2": s.l2, "reduction": s.reduction, "engine": engine}
                at = bounds.PointBounds(rows, here, dtype=self.dtype, **words)
                slopes[chosen], limits[chosen] = at.slope, at.gradient
                fixed[chosen], deviation[chosen] = at.gradient_parts
                if s.record == "after":
                    there = Parameters(points[chosen + 1, :-1], points[chosen + 1, -1])
                    at = bounds.PointBounds(rows, there, dtype=self.dtype, **words)
                values[chosen], allowed[chosen] = at.value, 2 * at.objective  # the value has an error of its own
        off = np.abs(losses[:steps] - values)
        if (off > allowed).any():
            none, size = oracle.as_exact(np.zeros(steps)), np.abs(values)
            yield Quantity(OWN_LOSS, off, none, allowed, size, first_step=1)
        velocity, format = Velocity(points.shape[1], s, self.dtype), format_of(self.dtype)
        error, bound = np.empty((2, steps, points.shape[1]))
        for t, (slope, limit) in enumerate(zip(slopes, limits, strict=True)):
            with np.errstate(over="ignore", invalid="ignore"):  # a step that is lost has no bound
                off, *_ = velocity.add(slope, 2 * limit)  # the slope has an error of its own
                rounded = 2 * format.unit_roundoff * np.abs(points[t + 1]) + 4 * at.smallest
                error[t] = np.abs(points[t + 1] - (points[t] - s.learning_rate * velocity.direction))
                bound[t] = bounds.ENLARGED * (s.learning_rate * off + rounded)
        bound = np.where(np.isnan(bound), np.inf, bound)
        if (error > bound).any():
            worst = np.argmax(np.where(bound > 0, error / np.where(bound > 0, bound, 1), 0), axis=1)
            place = np.arange(steps), worst
            none, size = oracle.as_exact(np.zeros(steps)), np.abs(points[1 : steps + 1])[place]
            yield Quantity(OWN_STEP, error[place], none, bound[place], size, first_step=1)
        elif not s.momentum and engine != "exact" and np.isfinite(bound).all():
            rate = 2 * s.learning_rate  # the slope has an error of its own here too
            yield from self._steps_together(points, error, bound, bound - rate * (limits - fixed), rate * deviation)

    def _steps_together(
        self, points: np.ndarray, error: np.ndarray, bound: np.ndarray, fixed: np.ndarray, deviation: np.ndarray
    ) -> Iterator[Quantity]:
        """The same of all steps (T, D + 1), in the root mean square; those from one point are taken to round alike."""
        steps, k = error.shape
        _, which = np.unique(points[:steps], axis=0, return_inverse=True)
        groups = np.repeat(which.reshape(-1), k)
        found, certain = map(bounds.root_mean_square, (error, bound))
        allowed = bounds.likely_mean_square(fixed.ravel(), deviation.ravel(), groups, CHANCE)
        if not allowed < found <= certain:
            return
        n, usual = self.setting.batch_size or self.dataset.n_rows, True
        for t in range(0, steps, max(1, -(-steps * n // WITNESS_TERMS))):
            rows = self.dataset if self.batches is None else self.dataset.take(self.batches[t])
            share = 1 / reference.count(rows.y, rows.sample_weight, self.setting.reduction)
            share = share if rows.sample_weight is None else share * rows.sample_weight
            X1 = reference.with_ones(rows.X)
            r = share * reference.residual(X1 @ points[t], rows.y)
            for z in _plain_sums(X1, points[t], self.dtype):
                plain = round_to(share * reference.residual(z, rows.y), self.dtype)
                for total in _plain_sums(X1.T, plain, self.dtype):
                    off = self.setting.learning_rate * np.abs(total - r @ X1)
                    usual = usual and bounds.root_mean_square(off) <= allowed
        yield _together(STEPS_TOGETHER, found, allowed, certain, bool(usual))

    def _at_the_start(self, run: Run) -> Iterator[Quantity]:
        for quantity in self._at("start", self.start, self.exact_start, run.start, run.engine):
            if quantity.name not in ("start: probabilities", "start: classes") or _is_off(quantity):
                yield quantity
            if quantity.name == "start: logits":
                yield from self._logits_together(run.start, self._bounds_at(self.start, run.engine))

    def _at(
        self, place: str, point: Parameters, exact: Evaluation, found: Evaluation, engine: str
    ) -> Iterator[Quantity]:
        """All that is computed at one point."""
        limits, likely = (self._bounds_at(point, engine, chance) for chance in (None, CHANCE))
        size = limits.logit_scale
        yield Quantity(f"{place}: logits", found.logits, exact.logits, limits.logit, size, likely=likely.logit)
        size = exact.losses.astype(np.float64)
        yield Quantity(f"{place}: row losses", found.losses, exact.losses, limits.loss, size, likely=likely.loss)
        value, exact_value = np.atleast_1d(found.objective), np.atleast_1d(exact.objective)
        limit, size = np.atleast_1d(limits.objective), exact_value.astype(np.float64)
        seldom = np.atleast_1d(likely.objective)
        yield Quantity(f"{place}: loss", value, exact_value, limit, size, likely=seldom)
        slope, exact_slope = reference.flatten(found.gradient), reference.flatten(exact.gradient)
        size, seldom = limits.gradient_scale, likely.gradient
        yield Quantity(f"{place}: gradient", slope, exact_slope, limits.gradient, size, likely=seldom)
        size = exact.probabilities.astype(np.float64)
        yield Quantity(f"{place}: probabilities", found.probabilities, exact.probabilities, limits.probability, size)
        allowed = _either_class(exact.logits.astype(np.float64), limits.logit, limits.probability)
        yield Quantity(f"{place}: classes", found.classes, exact.classes, allowed, np.ones(len(allowed)))

    def _logits_together(self, start: Evaluation, limits: bounds.PointBounds) -> Iterator[Quantity]:
        """Where many small errors show a lower precision, none of which is too large by itself.

        Rows with logits of one size are taken to round alike.
        """
        exact = self.exact_start.logits
        found = bounds.root_mean_square(oracle.distance(start.logits, exact))
        _, groups = np.unique(np.abs(exact.astype(np.float64)), return_inverse=True)
        fixed = limits.logit - limits.logit_rounded
        allowed = bounds.likely_mean_square(fixed, limits.logit_deviation, groups, CHANCE)
        certain = bounds.root_mean_square(limits.logit)
        if allowed < found <= certain < np.inf:
            X1, theta = reference.with_ones(self.dataset.X), reference.flatten(self.start)
            some = slice(None, None, -(-X1.size // WITNESS_ROUNDINGS))
            errors = (oracle.distance(z, exact[some]) for z in _plain_sums(X1[some], theta, self.dtype))
            usual = all(bounds.root_mean_square(error) <= allowed for error in errors)
            yield _together(TOGETHER, found, allowed, certain, usual)

    def _at_the_end(self, run: Run, end: Evaluation) -> Iterator[Quantity]:
        point = Parameters(run.points[-1, :-1], run.points[-1, -1])
        limits = self._bounds_at(point, run.engine)
        drift = np.linalg.norm(reference.with_ones(self.dataset.X), axis=1) * run.bounds.parameters[-1]
        exact = self.exact_end and self.exact_end.probabilities
        limit = limits.probability + limits.change_of_probability(drift)
        yield Quantity("end: probabilities", end.probabilities, exact, limit, end.probabilities)
        exact = self.exact_end and self.exact_end.classes
        allowed = _either_class(reference.logits(point, self.dataset.X), limits.logit + drift, limit)
        yield Quantity("end: classes", end.classes, exact, allowed, np.ones(len(allowed)))


def saturated(dataset: Dataset, start: Parameters, dtype: str) -> Parameters | None:
    """The start, or the features by turns for and against where that is 0, so far out that a logit is SATURATED.

    None where the start is out there itself, where every logit is 0, and where the format has no such numbers.
    """
    weight, bias = start
    if not np.any(reference.logits(start, dataset.X)):
        largest = np.abs(dataset.X).max(axis=0)
        weight = (-1.0) ** np.arange(dataset.n_features) / np.where(largest > 0, largest, 1)
    largest = float(np.abs(reference.logits(Parameters(weight, bias), dataset.X)).max())
    if not 0 < largest < SATURATED:
        return None
    try:
        return round_parameters(Parameters(weight * (SATURATED / largest), bias * (SATURATED / largest)), dtype)
    except ValueError:
        return None


def _either_class(z: np.ndarray, logit: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """1 for a row (N,) that may fall on either side, else 0.

    There its logit is nearer to 0, or its probability to 1/2, than the bound can tell: a program goes by either.
    """
    certain = (np.abs(z) > 2 * logit) & (np.abs(np.tanh(z / 2)) / 2 > probability)
    return np.where(certain, 0.0, 1.0)


def _is_off(quantity: Quantity) -> bool:
    """Whether some number is beyond its bound, or is none."""
    off = oracle.distance(quantity.values, np.asarray(quantity.exact))
    return bool(~(off <= np.where(np.isnan(quantity.bound), np.inf, quantity.bound)).all())


def _together(name: str, found: float, allowed: float, certain: float, usual: bool) -> Quantity:
    """A root mean square that independent roundings leave with CHANCE only.

    It is outside if plain sums are as usual on these numbers: their roundings do not conspire, nor would others. Else
    nothing can be promised.
    """
    one = (np.array([each]) for each in (found, allowed if usual else certain, found, allowed))
    value, limit, size, likely = one
    return Quantity(name, value, oracle.as_exact(np.zeros(1)), limit, size, likely=likely)


def _plain_sums(X: np.ndarray, factors: np.ndarray, dtype: str) -> Iterator[np.ndarray]:
    """Xw (N,) in the format, the terms of each sum one after another, from the first on and from the last.

    The plainest correct program there is. Its partial sums are the largest: where equal numbers round alike, it shows.
    """
    columns = np.ascontiguousarray(X.T)
    for order in (range(len(factors)), reversed(range(len(factors)))):
        total = np.zeros(len(X))
        try:
            for j in order:
                total = round_to(total + round_to(columns[j] * factors[j], dtype), dtype)
        except ValueError:  # it is beyond the format
            total = np.full(len(X), np.inf)
        yield total


def _padded(array: np.ndarray, length: int, value: float) -> np.ndarray:
    return np.concatenate([array, np.full((length - len(array), *array.shape[1:]), value)])
