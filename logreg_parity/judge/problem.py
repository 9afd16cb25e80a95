"""What is compared: every quantity of a run, beside its exact value, its bound and its natural size.

A ``Problem`` is the comparison in one format. It rounds the inputs once, so that the twins and the oracle start
from the very same numbers and nothing a comparison shows is the fault of the input.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters, batches
from ..data.history import Evaluation, History
from ..truth import bounds, oracle, reference
from ..truth.momentum import trajectory
from ..truth.ulp import round_dataset, round_parameters, round_setting
from ..twins import Program, Setting, Twin


class Run(NamedTuple):
    """What one twin did, padded with NaN where it stopped early, and how far it may be from the exact run."""

    start: Evaluation
    points: np.ndarray  # (T + 1, D + 1), the bias last
    losses: np.ndarray  # (T,)
    end: Evaluation | None  # None where the run did not reach its end
    bounds: bounds.TrajectoryBounds
    stop_reason: str | None
    engine: str  # by whose arithmetic: that of the bounds


class Quantity(NamedTuple):
    """K numbers (or K vectors, measured in the 2-norm) of one run."""

    name: str
    values: np.ndarray  # (K,) or (K, D + 1)
    exact: np.ndarray | None  # the first of them, as far as they are known
    bound: np.ndarray  # (K,), absolute
    size: np.ndarray  # (K,), in whose ulps an error is told: what a value is a sum of, not what cancellation leaves
    first_step: int | None = None  # where the K places are steps, the first of them


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
        ValueError: for numbers that are too large for the format, a batch_size that is larger than N, and a mini-batch
            whose rows all have weight 0.
    """
    rows = None
    if setting.batch_size is not None:
        rows = list(batches(dataset.n_rows, setting.batch_size, setting.steps, seed=setting.seed))
        weight = dataset.sample_weight
        if weight is not None and not all(weight[chosen].any() for chosen in rows):
            raise ValueError("some mini-batch holds rows of weight 0 only; take a larger batch_size")
    rounded = round_dataset(dataset, dtype), round_parameters(start, dtype), round_setting(setting, dtype)
    return Inputs(*rounded, rows)


class Problem:
    """A data set, a start and a setting in one format, with everything exact that they lead to.

    Args:
        dataset, start, setting, dtype: those of ``rounded_inputs``.
        exact_steps: of the exact run; the exact end is known where these are all steps of the setting.
    """

    def __init__(self, dataset: Dataset, start: Parameters, setting: Setting, dtype: str, *, exact_steps: int):
        self.dtype = dtype
        self.dataset, self.start, self.setting, self.batches = rounded_inputs(dataset, start, setting, dtype)
        self.exact_start = self._exact_at(self.start)
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
            ValueError: where it returns a wrong shape, or has no argument for something that is asked of it.
        """
        program, steps = Program(name, twin, self.dtype, device), self.setting.steps
        start = program.evaluate(self.dataset, self.start, self.setting)
        keep = range(steps + 1)
        history = program.train(self.dataset, self.start, self.setting, batches=self.batches, keep=keep)
        _check_shapes(name, self.dataset, start, history)
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
        )

    def _exact_at(self, point: Parameters) -> Evaluation:
        return oracle.evaluate(self.dataset, point, l2=self.setting.l2, reduction=self.setting.reduction)

    def _bounds_at(self, point: Parameters, engine: str) -> bounds.PointBounds:
        l2, reduction = self.setting.l2, self.setting.reduction
        return bounds.PointBounds(self.dataset, point, dtype=self.dtype, l2=l2, reduction=reduction, engine=engine)

    def quantities(self, run: Run) -> Iterator[Quantity]:
        """The rows of a comparison, in the order in which a reader meets them."""
        yield from self._at_the_start(run)
        exact_points = np.column_stack([self.exact_run.weights, self.exact_run.biases])
        distance_from_origin = np.linalg.norm(run.points, axis=1)
        limit, size = run.bounds.parameters, distance_from_origin
        yield Quantity("every point", run.points, exact_points, limit, size, first_step=0)
        size = np.abs(run.losses)
        yield Quantity("every loss", run.losses, self.exact_run.losses, run.bounds.losses, size, first_step=1)
        if run.end is not None:
            exact = None if self.exact_end is None else exact_points[-1:]
            yield Quantity("end: parameters", run.points[-1:], exact, limit[-1:], distance_from_origin[-1:])
            yield from self._at_the_end(run, run.end)

    def _at_the_start(self, run: Run) -> Iterator[Quantity]:
        start, limits = run.start, self._bounds_at(self.start, run.engine)
        exact, weight = self.exact_start, np.abs(self.start.weight)
        size = np.abs(self.dataset.X) @ weight + abs(self.start.bias)
        yield Quantity("start: logits", start.logits, exact.logits, limits.logit, size)
        size = exact.losses.astype(np.float64)
        yield Quantity("start: row losses", start.losses, exact.losses, limits.loss, size)
        value, exact_value = np.atleast_1d(start.objective), np.atleast_1d(exact.objective)
        limit, size = np.atleast_1d(limits.objective), exact_value.astype(np.float64)
        yield Quantity("start: loss", value, exact_value, limit, size)
        slope, exact_slope = reference.flatten(start.gradient), reference.flatten(exact.gradient)
        yield Quantity("start: gradient", slope, exact_slope, limits.gradient, limits.gradient_scale)

    def _at_the_end(self, run: Run, end: Evaluation) -> Iterator[Quantity]:
        point = Parameters(run.points[-1, :-1], run.points[-1, -1])
        limits = self._bounds_at(point, run.engine)
        drift = np.linalg.norm(reference.with_ones(self.dataset.X), axis=1) * run.bounds.parameters[-1]
        exact = self.exact_end and self.exact_end.probabilities
        limit = limits.probability + limits.change_of_probability(drift)
        yield Quantity("end: probabilities", end.probabilities, exact, limit, end.probabilities)
        # A row whose logit is nearer to 0 than the bound can tell may fall on either side.
        certain = np.abs(reference.logits(point, self.dataset.X)) > 2 * (limits.logit + drift)
        exact = self.exact_end and self.exact_end.classes
        ones = np.ones(len(certain))
        yield Quantity("end: classes", end.classes, exact, np.where(certain, 0.0, 1.0), ones)


def _padded(array: np.ndarray, length: int, value: float) -> np.ndarray:
    return np.concatenate([array, np.full((length - len(array), *array.shape[1:]), value)])


def _check_shapes(name: str, dataset: Dataset, start: Evaluation, history: History) -> None:
    n, d = dataset.X.shape
    kept = len(history.steps)
    for what, value, wanted in (
        ("evaluate: logits", start.logits, (n,)),
        ("evaluate: losses", start.losses, (n,)),
        ("evaluate: objective", start.objective, ()),
        ("evaluate: gradient.weight", start.gradient.weight, (d,)),
        ("evaluate: gradient.bias", start.gradient.bias, ()),
        ("evaluate: probabilities", start.probabilities, (n,)),
        ("evaluate: classes", start.classes, (n,)),
        ("train: weights", history.weights, (kept, d)),
        ("train: biases", history.biases, (kept,)),
        ("train: losses", history.losses, (kept - 1,)),
    ):
        if np.shape(value) != wanted:
            raise ValueError(f"{name}.{what} has shape {np.shape(value)}; it must be {wanted} for X {dataset.X.shape}")
