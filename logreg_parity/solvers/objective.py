"""The objective as the solvers see it: float64 vectors θ = (w, b) of D + 1 numbers, and a price in passes.

Without an intercept θ = w: D numbers.
"""

from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Parameters
from ..truth.certificate import Certificate, certify, gradient_error
from ..truth.reference import flatten
from ..twins import check_reduction
from .blocks import Blocks
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

    reduction="sum" is the same problem with the penalty divided by Σ ω; ``scale`` leads back. Raises ValueError for a
    penalty that is negative or not finite and an unknown reduction.
    """

    def __init__(self, blocks: Blocks | Streamed, *, l2: float = 0.0, reduction: str = "mean"):
        if not 0 <= l2 < np.inf:
            raise ValueError(f"l2 is {l2}; give a finite number, 0 or more")
        check_reduction(reduction)
        self.blocks = blocks
        self.scale = 1.0 if reduction == "mean" else blocks.total_weight
        self.l2 = l2 / self.scale
        self._penalty = np.append(np.full(blocks.dataset.n_features, self.l2), [0.0] * blocks.intercept)
        self.passes = 0.0

    @property
    def gradient_at_zero(self) -> np.ndarray:
        """(D + 1,), known from packing."""
        return self.blocks.signed_sum / (2 * self.blocks.total_weight)

    def at(self, theta: np.ndarray, *, arithmetic: str = "float64", hessian: bool = False) -> Point:
        """One pass at that point."""
        self.passes += 1
        total = self.blocks.total_weight
        loss, slope, curvature = self.blocks.sums(theta, arithmetic=arithmetic, hessian=hessian)
        value = float(loss / total + (self._penalty * theta) @ theta / 2)
        if curvature is not None:
            curvature = curvature / total + np.diag(self._penalty)
        return Point(theta, value, slope / total + self._penalty * theta, curvature, arithmetic)

    def value_and_grad(self, parameters: Parameters, arithmetic: str = "float64") -> tuple[float, Parameters]:
        """The objective, as a mean or a sum, and its gradient. Raises ValueError for a bias that the model lacks."""
        theta = flatten(parameters).astype(np.float64)
        if not self.blocks.intercept and theta[-1] != 0:
            raise ValueError(f"the bias is {theta[-1]}, but the data are packed without an intercept; give 0")
        here = self.at(theta if self.blocks.intercept else theta[:-1], arithmetic=arithmetic)
        return self.scale * here.value, self.parameters(self.scale * here.gradient)

    def parameters(self, theta: np.ndarray) -> Parameters:
        """A vector as weight and bias, which is 0 without an intercept."""
        d = self.blocks.dataset.n_features
        return Parameters(theta[:d], theta[d:].sum())

    def sample(self, rows: int) -> "Objective":
        """The objective of at least so many rows, spread over the data; it counts its own passes."""
        return Objective(self.blocks.sample(rows), l2=self.l2)

    def charge(self, sample: "Objective") -> None:
        """Count what a sample has read, as the part of a pass that it is."""
        self.passes += sample.passes * sample.blocks.n_rows / self.blocks.n_rows

    def certify(self, here: Point) -> Certificate | None:
        """What is proved of a point of float64 arithmetic, in units of the mean."""
        blocks, error = self.blocks, self.gradient_error(here)
        point = (here.theta, here.gradient, error, blocks.largest)
        total = blocks.total_weight
        return certify(blocks.dataset, *point, total_weight=total, dtype=blocks.dtype, penalty=self._penalty)

    def gradient_error(self, here: Point) -> np.ndarray:
        """How far the gradient of a point of float64 arithmetic can be from exact."""
        blocks = self.blocks
        sizes = here.theta, here.value, blocks.largest
        return gradient_error(*sizes, longest_sum=blocks.longest_sum, penalty=self._penalty)


def search(objective: Objective, here: Point, direction: np.ndarray, **options) -> Point | None:
    """A point along a descent direction that is lower; None where rounding leaves none.

    The step is 1, or less: f is convex, so a slope still negative at its end says that nothing was overshot, and one
    that is positive says where the minimum is. There, at most half the slope and no higher value are accepted.
    """
    slope, step = here.gradient @ direction, 1.0
    if not slope < 0:
        return None
    while step > 2.0**-40:
        there = objective.at(here.theta + step * direction, **options)
        end = there.gradient @ direction
        highest = here.value + ROUNDING[there.arithmetic] * abs(here.value)
        if end <= 0 or (end <= -slope / 2 and there.value <= highest):
            return there
        step *= np.clip(slope / (slope - end), 0.1, 0.5) if np.isfinite(end) else 0.1
    return None
