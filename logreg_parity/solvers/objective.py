"""The objective as the solvers see it: float64 vectors θ = (w, b) of D + 1 numbers, and a price in passes.

Without an intercept θ = w: D numbers. A solver may be given θ in other units than the user's: see ``Objective.scaled``.
"""

import math
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Parameters
from ..truth.certificate import FEWEST_ROWS, SHARP_WORK, Certificate, certify, gamma, gradient_error, value_error
from ..truth.recount import CHUNK, FewRows, Recount, recount
from ..truth.reference import flatten
from ..twins import check_objective
from .blocks import Blocks
from .exact import ExactBlocks, inner
from .streamed import Streamed

ROUNDING = {"float64": 2.0**-44, "float32": 2.0**-18}
"""What two values of one arithmetic may differ by, relative, and still pass for the same in a line search."""


class Point(NamedTuple):
    """The mean objective at theta (D + 1,) with its derivatives; hessian is None where it was not asked for."""

    theta: np.ndarray
    value: float
    gradient: np.ndarray
    hessian: Any
    arithmetic: str


class Objective:
    """The mean loss of packed data and its penalty; ``passes`` counts what was read.

    reduction="sum" is the same problem with the penalty divided by Σ ω; ``scale`` leads back. unit (D + 1,): points are
    in the user's parameters times it. Raises ValueError for a penalty that is negative or not finite and an unknown
    reduction.
    """

    def __init__(self, blocks: Blocks | Streamed, *, l2: float = 0.0, reduction: str = "mean"):
        check_objective(l2, reduction)
        self.scale = 1.0 if reduction == "mean" else blocks.total_weight
        self._asked: dict[str, Any] = {"l2": l2, "reduction": reduction}
        self.l2 = l2 / self.scale
        self._penalty = np.full(blocks.dataset.n_features + blocks.intercept, self.l2)
        self._penalty[blocks.dataset.n_features :] = 0.0
        self._begin(blocks, np.ones(len(self._penalty)))

    def _begin(self, blocks: Blocks | Streamed, unit: np.ndarray) -> None:
        """Data and units, and what is asked of both at every point."""
        self.blocks, self.unit, self.passes = blocks, unit, 0.0
        self._few: FewRows | None = None
        self._total_units, self._reach = blocks.total_weight * unit, blocks.largest / unit

    @property
    def gradient_at_zero(self) -> np.ndarray:
        """(D + 1,), known from packing."""
        return self.blocks.signed_sum / (2 * self.blocks.total_weight) / self.unit

    def at(self, theta: np.ndarray, *, arithmetic: str = "float64", hessian: bool = False) -> Point:
        """One pass at that point."""
        self.passes += 1
        own = theta / self.unit
        loss, slope, curvature = self.blocks.sums(own, arithmetic=arithmetic, hessian=hessian)
        value, total = float(loss) / self.blocks.total_weight, self._total_units
        if curvature is not None:
            curvature = curvature / total / self.unit[:, None]
        if not self.l2:
            return Point(theta, value, slope / total, curvature, arithmetic)
        if curvature is not None:
            curvature += np.diag(self._penalty / self.unit / self.unit)
        value += inner(self._penalty * own, own) / 2
        return Point(theta, value, slope / total + self._penalty * own / self.unit, curvature, arithmetic)

    def value_and_grad(self, parameters: Parameters, arithmetic: str = "float64") -> tuple[float, Parameters]:
        """The objective, as a mean or a sum, and its gradient. Raises ValueError for a bias that the model lacks."""
        theta = flatten(parameters).astype(np.float64)
        if not self.blocks.intercept and theta[-1] != 0:
            raise ValueError(f"the bias is {theta[-1]}, but the data are packed without an intercept; give 0")
        here = self.at(theta[: len(self.unit)] * self.unit, arithmetic=arithmetic)
        return self.scale * here.value, self.parameters(self.scale * here.gradient * self.unit)

    def parameters(self, theta: np.ndarray) -> Parameters:
        """A vector as weight and bias, which is 0 without an intercept."""
        d = self.blocks.dataset.n_features
        return Parameters(theta[:d], theta[d:].sum())

    @property
    def small(self) -> bool:
        """Whether the rows are at hand and so few that a proof looks at all of them."""
        blocks = self.blocks
        return not isinstance(blocks, Streamed) and blocks.n_rows * len(self.unit) ** 2 <= SHARP_WORK

    def sample(self, rows: int) -> "Objective":
        """The objective of at least so many rows, spread over the data; it counts its own passes."""
        return self._alike(self.blocks.sample(rows), self.unit)

    def scaled(self) -> "Objective":
        """The same objective in units in which it bends alike along every parameter at θ = 0; it counts its own passes.

        They are powers of two, so that nothing is rounded, near the root of each column's mean square, to which a
        penalty adds 4 l2. A solver that starts from a multiple of the identity, its step sizes and the norm of a
        gradient then depend on the user's units no more.
        """
        X, largest = self.blocks.dataset.X, np.ldexp(0.5, np.frexp(self.blocks.largest)[1])
        share = X[:: max(1, len(X) // FEWEST_ROWS)] / largest[: X.shape[1]]
        mean = np.ones(len(largest))
        mean[: X.shape[1]] = np.add.reduce(share**2, axis=0) / len(share)
        size = np.hypot(largest * np.sqrt(mean), 2 * np.sqrt(self._penalty))
        return self._alike(self.blocks, np.exp2(np.rint(np.log2(np.where(size > 0, size, largest)))))

    def _alike(self, blocks: Blocks | Streamed, unit: np.ndarray) -> "Objective":
        alike = copy(self)
        alike._begin(blocks, unit)
        return alike

    def charge(self, sample: "Objective") -> None:
        """Count what a sample has read, as the part of a pass that it is."""
        self.passes += sample.passes * sample.blocks.n_rows / self.blocks.n_rows

    def certify(self, here: Point) -> Certificate | None:
        """What is proved of a point of float64 arithmetic: the gap of the mean, the distance in the user's units."""
        blocks, error = self.blocks, self.gradient_error(here) * self.unit
        point = (here.theta / self.unit, here.gradient * self.unit, error, blocks.largest)
        total = blocks.total_weight
        return certify(blocks.dataset, *point, total_weight=total, dtype=blocks.dtype, penalty=self._penalty)

    def recount(self, here: Point) -> Recount:
        """The same point by one reading of the rows as the user gave them, in the user's units."""
        return self.recounted(here.theta / self.unit)

    def recounted(self, theta: np.ndarray, *, wide: bool = True) -> Recount:
        """A point in the user's units by one reading of the rows as they came. wide: see ``FewRows``."""
        self.passes += 1
        blocks, asked = self.blocks, {**self._asked, "dtype": self.blocks.dtype}
        if isinstance(blocks, Streamed):
            return recount(blocks.stream, theta, **asked, readers=blocks.ranks)
        if blocks.n_rows * len(theta) > CHUNK:
            return recount(blocks.dataset, theta, **asked)
        self._few = self._few or FewRows(blocks.dataset, len(theta), **asked)
        return self._few.at(theta, wide=wide)

    def contradiction(self, here: Point, own: Recount) -> str:
        """In what the sums of a point of float64 arithmetic are not those of the rows, in words; "" if in nothing."""
        blocks, theta = self.blocks, here.theta / self.unit
        if own.rows != blocks.n_rows:
            return f"{blocks.n_rows} rows are counted and {own.rows} came"
        if abs(own.total_weight - blocks.total_weight) > own.rows * np.spacing(own.total_weight):
            return f"the row weights add up to {own.total_weight:.17g} and are counted as {blocks.total_weight:.17g}"
        slope, rounding = here.gradient * self.unit, gamma(blocks.longest_sum)
        near = np.abs(own.gradient - slope) <= rounding * min(1.0, 2 * here.value) * blocks.largest
        if near.all() and abs(own.value - here.value) <= rounding * here.value:
            return ""  # seen at once: both limits are wider than that
        sizes = (theta, here.value, blocks.largest)
        allowed = own.value_error + value_error(*sizes, longest_sum=blocks.longest_sum, penalty=self._penalty)
        if isinstance(blocks, ExactBlocks):
            allowed += blocks.unit_error(theta)[0] / blocks.total_weight
        if not abs(own.value - here.value) <= allowed:
            return _apart("the objective", here.value, own.value, allowed)
        limit = own.error + self.gradient_error(here) * self.unit
        off = np.flatnonzero(~(np.abs(own.gradient - slope) <= limit))
        if len(off):
            what = "the bias" if off[0] == blocks.dataset.n_features else f"weight {off[0]}"
            return _apart(f"the gradient of {what}", slope[off[0]], own.gradient[off[0]], limit[off[0]])
        return ""

    def is_rounding(self, here: Point, size: float) -> bool:
        """Whether a gradient of float64 arithmetic, of that 2-norm, is nothing but what its error may be."""
        if not self.l2 and not isinstance(self.blocks, ExactBlocks):
            moved = gamma(len(self._reach) + 1) * float(self._reach @ np.abs(here.theta))
            if moved < 2.0**-5 and size > 4 * (gamma(self.blocks.longest_sum + 64) + 4 * moved) * self._reach.sum():
                return False  # more than twice that error: seen at once
        return size <= math.hypot(*self.gradient_error(here))

    def gradient_error(self, here: Point) -> np.ndarray:
        """How far the gradient of a point of float64 arithmetic can be from exact."""
        blocks = self.blocks
        sizes = here.theta / self.unit, here.value, blocks.largest
        error = gradient_error(*sizes, longest_sum=blocks.longest_sum, penalty=self._penalty)
        if isinstance(blocks, ExactBlocks):
            error += blocks.unit_error(sizes[0])[1] / blocks.total_weight
        return error / self.unit


def _apart(what: str, passes: float, rows: float, allowed: float) -> str:
    return f"{what} is {passes:.6g} by the passes and {rows:.6g} by the rows, where rounding allows {allowed:.1e}"


def rise(here: Point, there: Point) -> float:
    """How much higher the objective is there: by the values, or by the slopes where the values differ by rounding only.

    Near an optimum a step changes the value by less than its last digit, and a search that compares values decides by
    rounding, on each processor its own way. The mean of the slopes at both ends, times the step, is the change to
    within the step's third power, and has digits for as long as the gradient has.
    """
    by_value = there.value - here.value
    if abs(by_value) > ROUNDING[there.arithmetic] * abs(here.value):
        return by_value
    return inner(here.gradient + there.gradient, there.theta - here.theta) / 2


def search(objective: Objective, here: Point, direction: np.ndarray, **options: Any) -> Point | None:
    """A point along a descent direction that is lower; None where rounding leaves none.

    The step is 1, or less: f is convex, so a slope still negative at its end says that nothing was overshot, and one
    that is positive says where the minimum is. There, at most half the slope and no higher value are accepted.
    """
    slope, step = inner(here.gradient, direction), 1.0
    if not slope < 0:
        return None
    while step > 2.0**-40:
        there = objective.at(here.theta + step * direction, **options)
        end = inner(there.gradient, direction)
        if end <= 0 or (end <= -slope / 2 and rise(here, there) <= 0):
            return there
        step *= np.clip(slope / (slope - end), 0.1, 0.5) if np.isfinite(end) else 0.1
    return None
