"""K classes: a twin's training and its fit, on the value and gradient that the framework gives.

The passes are the framework's, by its own differentiation. What proves a fit is ``truth/multiclass.py``, from the rows.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np

from ..data.dataset import Parameters
from ..data.history import Fit, History, Recorder, Status
from ..data.inference import Inference
from ..data.multiclass import (
    SUM_TO_ZERO,
    MulticlassDataset,
    check_multiclass,
    check_multiclass_point,
    reference_class,
)
from ..truth.certificate import Certificate
from ..truth.columns import obstacles
from ..truth.multiclass import MulticlassPoint, MulticlassRows, losses_and_slopes, parameters_of, separated
from ..truth.multiclass_likelihood import optimum_near
from ..truth.ulp import format_of
from ..twins import Record, Reduction, Setting, check_flag, check_name, check_number, check_objective, check_whole
from .inference import NO_DIGITS, SHARP_SIZE, TOO_FEW_DIGITS, check_digits, check_no_penalty
from .multiclass_inference import fit_point, infer_classes
from .newton import newton
from .objective import Objective, Point
from .stop import CAUSES, COLUMNS, CONVERGED, DIVERGED, PATIENCE, SEPARABLE, UNFINISHED, UNPROVED, WRONG

FORMATS = ("float64", "float32")
LAST_STEPS = 8  # of Newton's method with the rows' own gradient; where the curvature is all of a few rows, five
EVERY_DIGIT = 1e-8  # a tolerance that asks for as many as there are


class MulticlassTwin(NamedTuple):
    """What a framework gives: value_and_grad(weight, bias, X, y, sample_weight=, l2=, reduction=) of its own arrays."""

    name: str
    value_and_grad: Callable[..., tuple[Any, tuple[Any, Any]]]
    from_numpy: Callable[[Any, str, str], Any]
    to_numpy: Callable[[Any], np.ndarray]
    arithmetic: Callable[[str], AbstractContextManager]

    def train(
        self,
        dataset: MulticlassDataset,
        start: Parameters,
        *,
        steps: int,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        batches: Iterable[np.ndarray] | None = None,
        record: Record = "after",
        keep: Collection[int] | None = None,
        l2: float = 0.0,
        reduction: Reduction = "mean",
        dtype: str = "float32",
        device: str = "cpu",
    ) -> History:
        """Gradient descent of K classes, as ``train`` is of two.

        Args:
            dataset: a MulticlassDataset.
            start: weight (K, D) and bias (K,).
            steps, learning_rate, momentum, nesterov, record, l2, reduction: those of ``logreg_parity.twins.Setting``.
            batches: the rows (B,) of each step, or None for all rows.
            keep: the steps whose points are kept, beside the start and the end.
            dtype: "float64" or "float32".
            device: "cpu", "cuda" or "auto".

        Returns:
            The History, its weights (S, K, D) and biases (S, K).

        Raises:
            ValueError: for values outside their range, unknown names, and a start that does not fit the data.
        """
        how: dict[str, Any] = {"momentum": momentum, "nesterov": nesterov, "record": record}
        setting = Setting(steps=steps, learning_rate=learning_rate, reduction=reduction, l2=l2, **how)
        check_multiclass(dataset)
        check_multiclass_point(dataset, start, "start")
        check_name("dtype", dtype, FORMATS, "give float64 or float32")
        words = {"l2": setting.l2, "reduction": reduction}
        with self.arithmetic(dtype):
            W, b = (self.from_numpy(part, dtype, device) for part in start)
            data = self._data(dataset.X, dataset, dtype, device)
            recorder = Recorder(self._point(W, b), setting, keep=keep, name=self.name)
            velocity = [0 * W, 0 * b]
            for step, rows in recorder.steps(batches, dataset.n_rows):
                batch = data if rows is None else {name: array[rows] for name, array in data.items()}
                value, slopes = self.value_and_grad(W, b, **batch, **words)
                velocity = [setting.momentum * v + g for v, g in zip(velocity, slopes, strict=True)]
                ahead = [g + setting.momentum * v for v, g in zip(velocity, slopes, strict=True)]
                of_W, of_b = ahead if setting.nesterov else velocity
                W, b = W - setting.learning_rate * of_W, b - setting.learning_rate * of_b
                if record == "after":
                    value = self.value_and_grad(W, b, **batch, **words)[0]
                recorder.add(step, None if record == "none" else float(value), self._point(W, b))
        return recorder.history()

    def fit(
        self,
        dataset: MulticlassDataset,
        *,
        l2: float = 0.0,
        reduction: str = "mean",
        identified: str = SUM_TO_ZERO,
        tolerance: float = 1e-8,
        max_iterations: int = 1000,
        dtype: str = "float64",
        device: str = "cpu",
        intercept: bool = True,
        digits: int | None = None,
        solver: str = "auto",
    ) -> Fit:
        """The optimum of K classes by Newton's method, and how near it is proved to be.

        Args:
            dataset: a MulticlassDataset.
            l2: of the penalty (l2 / 2) ‖W‖² on the weights of all K classes.
            reduction: "mean" or "sum", of the losses.
            identified: "sum-to-zero", or the name of the reference class: its row is 0, and every other is the
                difference from it. Under a penalty, which is on the rows that sum to zero, it is what is printed.
            tolerance: what the proved gap may be, relative to the objective.
            max_iterations: points at most.
            dtype: how X is held: "float64", or "float32"; the passes compute in float64 either way.
            device: "cpu", "cuda" or "auto".
            intercept: whether the model has a bias.
            digits: how many decimal digits of every parameter are to be proved, 1 to 15; interval arithmetic then
                proves as many as float64 holds.
            solver: "newton", or "auto", which is the same.

        Returns:
            The Fit: parameters weight (K, D) and bias (K,), distance (K, D + 1).

        Raises:
            ValueError: for what is no MulticlassDataset, an unknown name, and a number that makes no sense.
        """
        check_multiclass(dataset)
        check_objective(l2, reduction)
        base = reference_class(dataset, identified)
        check_number("tolerance", tolerance, lambda value: 0 < value < 1, "give a number between 0 and 1")
        check_whole("max_iterations", max_iterations)
        check_name("dtype", dtype, FORMATS, "a fit takes float64 or float32")
        check_flag("intercept", intercept)
        check_name("solver", solver, ("auto", "newton"), "K classes are fitted by newton, or auto")
        if digits is not None:
            check_digits(digits)
        rows = MulticlassRows(dataset, l2=l2, reduction=reduction, intercept=intercept, dtype=dtype)
        with self.arithmetic("float64"):
            fit = _Search(_Passes(self, rows, device), dataset, l2, base, tolerance, max_iterations).fit(dtype)
        return fit if digits is None or fit.status != "converged" else to_digits(rows, fit, base, digits)

    def infer(
        self,
        dataset: MulticlassDataset,
        *,
        level: float = 0.95,
        profile: bool = True,
        fit: Fit | None = None,
        identified: str = SUM_TO_ZERO,
        dtype: str = "float64",
        device: str = "cpu",
        intercept: bool = True,
        **options: Any,
    ) -> Inference:
        """Standard errors, tests, intervals at the optimum of the likelihood, each with the bound that is proved of it.

        Args:
            dataset: a MulticlassDataset; row weights count as frequencies.
            level: of the intervals.
            profile: whether profile intervals are wanted too, which take some 20 passes an end.
            fit: the fit of these data with these options, where it is there already.
            identified: what an estimate is: "sum-to-zero", beside the mean of all classes' coefficients, or beside
                those of the class of that name, which then are not in the table.
            dtype, device, intercept, options: those of ``fit``; with ``digits`` the standard errors have as many too.

        Returns:
            The Inference, its names "CLASS: FEATURE", and in it the Fit.

        Raises:
            ValueError: for a penalty, a fit that has not converged, and what ``fit`` refuses.
        """
        check_no_penalty(options.get("l2", 0.0))
        check_multiclass(dataset)
        base = reference_class(dataset, identified)
        where: dict[str, Any] = {"dtype": dtype, "device": device, "intercept": intercept}
        if fit is None:
            fit = self.fit(dataset, identified=identified, **where, **options)
        rows = MulticlassRows(dataset, intercept=intercept, dtype=dtype, pinned=False)
        sharp = options.get("digits") is not None or rows.X.size * rows.K <= SHARP_SIZE
        with self.arithmetic("float64"):
            passes = _Passes(self, rows, device)
            return infer_classes(passes, dataset, fit, base, level=level, profile=profile, sharp=sharp)

    def _data(self, X: np.ndarray, rows: Any, dtype: str, device: str, weight: Any = None) -> dict[str, Any]:
        weight = getattr(rows, "sample_weight", weight)
        arrays = {"X": X, "y": rows.y, "sample_weight": weight}
        return {name: self.from_numpy(array, dtype, device) for name, array in arrays.items() if array is not None}

    def _point(self, W: Any, b: Any) -> Parameters:
        return Parameters(self.to_numpy(W), self.to_numpy(b))


def to_digits(rows: MulticlassRows, fit: Fit, base: int | None, digits: int) -> Fit:
    """A converged fit with the last digits of every parameter proved, or not converged where fewer are than asked for.

    Args:
        rows: the fit's.
        fit: a fit that has converged.
        base: the reference class, or None for rows that sum to zero.
        digits: how many of every parameter, in its natural size: moved by as much it doubles or moves a logit by 1.
    """
    found = optimum_near(rows, fit_point(rows, fit), base, in_balls=True)
    if found is None:
        return replace(fit, status="not converged", reason=NO_DIGITS.format(digits))
    theta, away = (part.reshape(rows.K, rows.k) for part in found.estimate)
    largest = rows.largest * rows.unit
    size = np.maximum(np.abs(theta), 1 / np.where(largest > 0, largest, 1))
    known = float((-np.log10(np.maximum(away, np.finfo(float).tiny) / size)).min())
    d = int(rows.weights.sum())
    return replace(
        fit,
        parameters=Parameters(*parameters_of(theta, d)),
        distance=np.column_stack(parameters_of(away, d)),
        status="converged" if known >= digits else "not converged",
        reason=fit.reason if known >= digits else TOO_FEW_DIGITS.format(digits, known),
    )


class _Passes:
    """F as the solver sees it: the framework's value and gradient, vectors θ (K k,); what is added to it is ours."""

    def __init__(self, twin: MulticlassTwin, rows: MulticlassRows, device: str):
        self.rows, self.passes, self._twin, self._device = rows, 0.0, twin, device
        X = rows.X[:, rows.weights]
        self._data = twin._data(X, rows, "float64", device, rows.weight)

    def at(self, theta: np.ndarray, *, hessian: bool = False, arithmetic: str = "float64") -> Point:
        """One pass."""
        self.passes += 1
        rows, here = self.rows, theta.reshape(self.rows.K, self.rows.k)
        point = (
            self._twin.from_numpy(part, arithmetic, self._device) for part in parameters_of(here, rows.weights.sum())
        )
        value, slopes = self._twin.value_and_grad(*point, **self._data, l2=0.0, reduction="mean")
        of_W, of_b = (self._twin.to_numpy(slope) for slope in slopes)
        slope = np.column_stack([of_W, of_b])[:, : rows.k]
        added = (rows.penalty * here**2).sum() / 2 + (rows.gauge * here.sum(axis=0) ** 2).sum() / 2
        slope = slope + rows.penalty * here + rows.gauge * here.sum(axis=0)
        H = rows.hessian(losses_and_slopes(rows.X @ here.T, rows.y)[2]) if hessian else None
        return Point(theta, float(self._twin.to_numpy(value)) + float(added), slope.ravel(), H, arithmetic)


class _Search:
    """Newton's points until one is proved good enough, and what is known of the last."""

    def __init__(
        self,
        passes: _Passes,
        dataset: MulticlassDataset,
        l2: float,
        base: int | None,
        tolerance: float,
        most: int,
    ):
        self._passes, self._rows, self._dataset, self._l2 = passes, passes.rows, dataset, l2
        self._base, self._tolerance, self._most = base, tolerance, most
        self._status: Status = "not converged"
        self._reason = UNFINISHED
        self._iterations = self._unproved = 0
        self._target = 0.0

    def fit(self, dtype: str) -> Fit:
        """The Fit in the user's units."""
        rows, proof, point = self._rows, None, None
        for here in newton(cast(Objective, self._passes), np.zeros(rows.K * rows.k)):
            self._iterations += 1
            point = self._read(here.theta.reshape(rows.K, rows.k))
            if self._iterations == 1:
                self._target = self._tolerance * float(np.linalg.norm(here.gradient))
            proof = self._look(here, point)
            if self._status != "not converged" or self._iterations >= self._most or self._unproved == PATIENCE:
                break
        assert point is not None
        if self._status == "converged" and proof is not None and self._tolerance <= EVERY_DIGIT:
            point, proof = self._last_digits(point, proof)
        proved = None if proof is None or self._status == "wrong sums" else rows.certificate(point, self._base)
        return self._made(point, proved, dtype)

    def _look(self, here: Point, point: MulticlassPoint) -> Certificate | None:
        """What is proved of a point, and the status that it leads to."""
        rows = self._rows
        if not (np.isfinite(here.value) and np.isfinite(here.gradient).all()):
            self._status, self._reason = "diverged", DIVERGED
            return None
        if wrong := _contradiction(rows, here, point):
            self._status, self._reason = "wrong sums", WRONG.format(wrong)
            return None
        proof = rows.certificate(point)
        if proof is not None and proof.gap <= self._tolerance * point.value:
            self._status, self._reason = "converged", CONVERGED
        elif self._l2 == 0 and rows.all_right(point):
            self._status, self._reason = "no finite optimum", SEPARABLE.format("separable")
            self._separation()
        elif np.linalg.norm(here.gradient) <= self._target:
            self._unproved, self._reason = self._unproved + 1, UNPROVED
            if proof is None and self._l2 == 0 and self._unproved == 1:
                self._separation()
        return proof

    def _last_digits(self, point: MulticlassPoint, proof: Certificate) -> tuple[MulticlassPoint, Certificate]:
        """Newton's steps with the rows' own gradient, to where rounding is all that is left."""
        for _ in range(min(LAST_STEPS, self._most - self._iterations)):
            there = self._read(point.theta + proof.step.reshape(point.theta.shape))
            found = self._rows.certificate(there)
            if found is None or found.gap >= proof.gap:
                break
            self._iterations += 1
            last = found.gap > proof.gap / 16
            point, proof = there, found
            if last:
                break
        return point, proof

    def _read(self, theta: np.ndarray) -> MulticlassPoint:
        """The same point by the rows as they came, which is one more reading."""
        self._passes.passes += 1
        return self._rows.at(theta)

    def _separation(self) -> None:
        found = separated(self._dataset, intercept=self._rows.k > self._dataset.n_features)
        if found is not None:
            status, direction = found
            self._status = "no finite optimum"
            self._reason = f"the data are {status}: {told(self._dataset, direction)}; give l2 > 0"

    def _made(self, point: MulticlassPoint, proof: Certificate | None, dtype: str) -> Fit:
        rows, theta = self._rows, point.theta / self._rows.unit
        scale = rows.scale
        distance = np.full((rows.K, self._dataset.n_features + 1), np.inf)
        if self._base is not None:
            theta = theta - theta[self._base]
        if proof is not None:
            off = proof.distance.reshape(rows.K, rows.k) / rows.unit
            off = off + (0 if self._base is None else format_of("float64").unit_roundoff * np.abs(theta))
            distance = np.column_stack([*parameters_of(off, self._dataset.n_features)])
        said = self._reason
        if said in CAUSES:
            found = obstacles(
                self._dataset.one_against_the_rest, l2=self._l2, intercept=rows.k > self._dataset.n_features
            )
            said = f"{said}: {'; '.join(found[:COLUMNS]) or CAUSES[said]}"
        return Fit(
            parameters=Parameters(*parameters_of(theta, self._dataset.n_features)),
            status=self._status,
            reason=said,
            solver="newton",
            dtype=dtype,
            objective=scale * point.value,
            gradient_norm=scale * float(np.linalg.norm(point.gradient * rows.unit)),
            gap=np.inf if proof is None else scale * proof.gap,
            distance=distance,
            iterations=self._iterations,
            passes=self._passes.passes,
        )


def told(dataset: MulticlassDataset, direction: np.ndarray) -> str:
    """Which coefficients of which classes run off beside the first class's, along an exact direction (K, k)."""
    names, parts = (*dataset.feature_names, "bias"), []
    for name, row in zip(dataset.class_names, direction, strict=True):
        ends = [f"{n} {d}" for n, d in zip(names, row, strict=False) if d]
        parts += [f"of {name!r} by {', '.join(ends)}"] if ends else []
    return f"beside class {dataset.class_names[0]!r} the coefficients run off along {'; '.join(parts)}"


def _contradiction(rows: MulticlassRows, here: Point, point: MulticlassPoint) -> str:
    """In what the framework's sums are not those of the rows, in words; "" if in nothing."""
    arithmetic: dict[str, Any] = {
        "longest_sum": len(rows.X) + 8,
        "roundoff": format_of("float64").unit_roundoff,
    }
    allowed = (
        point.value_error + rows.value_error(point.theta, point.losses, **arithmetic) + 8 * np.spacing(point.value)
    )
    if not abs(here.value - point.value) <= allowed:
        return f"the objective is {here.value:.6g} by the passes and {point.value:.6g} by the rows"
    added = (rows.penalty + rows.gauge) * np.abs(point.theta).sum(axis=0)
    limit = rows.slope_error(point.theta, point.slopes, **arithmetic) + point.error
    limit = limit + (rows.K + 8) * format_of("float64").unit_roundoff * (np.abs(point.gradient) + added)
    if not (np.abs(here.gradient.reshape(limit.shape) - point.gradient) <= limit).all():
        return "the gradient by the passes is not that of the rows"
    return ""
