"""How far every point of a run with momentum can be from the run without rounding.

Momentum makes a step of two vectors, θ and the velocity v (``reference.sgd_step``), and the Euclidean norm of the two
may grow for a while in a run that converges, so the recursion of ``bounds.trajectory`` has no such factor to work
with. Instead the errors are kept in an ellipsoid that the steps themselves turn and squeeze.

Let e = θ̂ - θ and f = v̂ - v be the distances of a computed run from the exact one, s = (e, η f). One step takes

    s⁺ = M s + G P e + (what the step rounds),   M = [[1, -c], [0, μ]] ⊗ I + G H [1, 0],   G = η (-a, 1) ⊗ I,

with a = 1, c = μ for momentum and a = 1 + μ, c = μ² for Nesterov's, H = H(θ̂) the Hessian at the computed point and
H + P the mean Hessian between θ̂ and θ. σ'(z + x̃·e) is within e^{±|x̃·e|} σ'(z) (|σ''| ≤ σ'), and on average over the
way within 1 ± ρ, ρ = (C / 2) e^C, where C is the largest |x̃·e| of a row. So -ρH ⪯ P ⪯ ρH, and P e = H^{1/2} k with
‖k‖ ≤ ρ ‖H^{1/2} e‖. The step itself rounds, coordinate by coordinate,

    Δg from the gradient, through G;   ε = γ_3 (μ |v̂| + |ĝ|) in the new velocity, through η (-μ or -1, 1) ⊗ I;
    δ = η γ_4 |direction| + u |θ̂⁺| in the new point, through (1, 0) ⊗ I.

(γ_3, so that v ← μ v + η ∇f, the other way to write the same, is held to the same bound.) v̂ is not among the numbers of
a run; ``Velocity`` bounds its size.

If s is in the ellipsoid {Q}, M s is in {M Q Mᵀ}; a box is the sum of its edges' ellipsoids; and of all ellipsoids
{(Σ 1/p_i) Σ p_i Q_i} around a sum of ellipsoids {Q_i}, the one with p_i ∝ 1 / √trace Q_i has the least trace (Durieu,
Walter, Polyak, Journal of Optimization Theory and Applications 111, 2001). The trace of that sum is the square of the
sum of the √trace Q_i: nothing is lost to their number. What float64 rounds in all this is covered by 2^-40 of the
trace in every direction, and by (N + 64) 2^-52 trace H in the Hessian, which are far more than it is.

Where C passes 1, H no longer says anything about the exact run: from there on nothing is promised. That is how a run
past the edge of stability, whose M Q Mᵀ grows without limit, ends.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..twins import Setting
from . import bounds, reference
from .bounds import ENLARGED, PointBounds, TrajectoryBounds
from .ulp import format_of


def trajectory(
    dataset: Dataset,
    weights: np.ndarray,
    biases: np.ndarray,
    setting: Setting,
    *,
    dtype: str,
    batches: Sequence[np.ndarray] | None = None,
    engine: str = "eager",
) -> TrajectoryBounds:
    """Bounds along a run of gradient descent, with momentum or (``bounds.trajectory``) without.

    A loss f(θ̂) is within its own bound, |∇f·e| and (e^C / 2) e·H e of the exact run's.

    Args:
        dataset: N rows of D features, as the program saw them.
        weights: of the computed points (T + 1, D), the start included; a run that stopped early has fewer.
        biases: of the computed points (T + 1,).
        setting: what the run was, in numbers of the format.
        dtype: the format that the program computed in.
        batches: the rows (B,) of every step, or None for all rows.
        engine: that of ``bounds.PointBounds``.
    """
    if not setting.momentum:
        return bounds.trajectory(dataset, weights, biases, setting, dtype=dtype, batches=batches, engine=engine)
    steps = len(weights) - 1
    errors, losses = np.full(steps + 1, np.inf), np.full(steps, np.inf)
    errors[0] = 0.0
    run, points = Errors(weights.shape[1] + 1, setting, dtype), np.column_stack([weights, biases])
    point = None
    for t in range(steps):
        rows = dataset if batches is None else dataset.take(batches[t])
        if point is None or batches is not None:
            point = ComputedPoint(rows, points[t], setting, dtype, engine)
        after = ComputedPoint(rows, points[t + 1], setting, dtype, engine)
        change = run.change_of_value(point) if setting.record == "before" else None
        run.step(point, points[t + 1])
        if not run.promising(after):
            break
        errors[t + 1] = run.distance
        recorded = after if change is None else point
        losses[t] = recorded.limits.objective + (run.change_of_value(after) if change is None else change)
        point = after
    return TrajectoryBounds(errors, losses)


class ComputedPoint:
    """A computed point: the gradient there, its bound, and the Hessian."""

    def __init__(self, rows: Dataset, theta: np.ndarray, setting: Setting, dtype: str, engine: str = "eager"):
        self.rows, self.theta, self._setting = rows, theta, setting
        self.parameters = Parameters(theta[:-1], float(theta[-1]))
        l2, reduction = setting.l2, setting.reduction
        self.limits = PointBounds(rows, self.parameters, dtype=dtype, l2=l2, reduction=reduction, engine=engine)
        self._X1 = reference.with_ones(rows.X)

    @cached_property
    def slope(self) -> np.ndarray:
        """∇f (D + 1,), in float64."""
        X, y, weight, s = self.rows.X, self.rows.y, self.rows.sample_weight, self._setting
        _, slope = reference.value_and_grad(self.parameters, X, y, sample_weight=weight, l2=s.l2, reduction=s.reduction)
        return reference.flatten(slope)

    @cached_property
    def hessian(self) -> np.ndarray:
        """H (D + 1, D + 1), in float64."""
        X, y, weight, s = self.rows.X, self.rows.y, self.rows.sample_weight, self._setting
        return reference.hessian(self.parameters, X, y, sample_weight=weight, l2=s.l2, reduction=s.reduction)

    def largest_change(self, Q: np.ndarray) -> float:
        """C: how far a logit can move while θ moves within the ellipsoid {Q}, Q (D + 1, D + 1)."""
        return ENLARGED * float(np.sqrt(np.max(np.sum((self._X1 @ Q) * self._X1, axis=1), initial=0.0)))


class Velocity:
    """The velocity ṽ of known gradients, and how far the velocity v̂ of a run may be from it.

    One step takes d to d⁺ = μ d + (how far the run's gradient may be from the known one) + 2 ε, once for v̂ and once for
    ṽ in float64.
    """

    def __init__(self, size: int, setting: Setting, dtype: str):
        self._format, self._momentum, self._nesterov = format_of(dtype), setting.momentum, setting.nesterov
        self.value, self.astray = np.zeros(size), np.zeros(size)  # ṽ and d
        self.direction = np.zeros(size)  # that the last step walked along

    def add(
        self, slope: np.ndarray, limit: np.ndarray, smallest: float | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take a step's gradient, known to a limit.

        Args:
            slope: the known gradient (D + 1,).
            limit: how far the run's gradient may be from it (D + 1,).
            smallest: τ, below which a result may be 0; None for the smallest normal number.

        Returns:
            How far the run's direction may be from ours, ε, and γ_4 |direction|, all (D + 1,).
        """
        gradient, tau = np.abs(slope) + limit, 3 * (smallest or self._format.smallest_normal)
        rounded = self._gamma(3) * (self._momentum * self.size + gradient) + tau
        self.direction, self.value = reference.sgd_step(0.0, slope, self.value, -1.0, self._momentum, self._nesterov)
        self.astray = ENLARGED * (self._momentum * self.astray + limit + 2 * rounded)
        size = gradient + self._momentum * self.size if self._nesterov else self.size
        off = limit + self._momentum * self.astray if self._nesterov else self.astray
        turned = self._gamma(4) * size + tau
        return ENLARGED * (off + turned), rounded, turned

    @property
    def size(self) -> np.ndarray:
        """|v̂| (D + 1,) at most."""
        return np.abs(self.value) + self.astray

    def _gamma(self, k: int) -> float:
        return k * self._format.unit_roundoff / (1 - k * self._format.unit_roundoff)


class Errors:
    """The ellipsoid {Q} of (e, η f) along a run."""

    def __init__(self, size: int, setting: Setting, dtype: str):
        rate, momentum, nesterov = setting.learning_rate, setting.momentum, setting.nesterov
        self._format, self._rate, self._velocity = format_of(dtype), rate, Velocity(size, setting, dtype)
        self._identity, self._Q = np.eye(size), np.zeros((2 * size, 2 * size))
        through, carried = (1 + momentum, momentum**2) if nesterov else (1.0, momentum)
        self._of_gradient = rate * self._columns(-through, 1)  # G
        self._of_velocity = rate * self._columns(-momentum if nesterov else -1, 1)
        self._free = np.hstack([self._columns(1, 0), self._columns(-carried, momentum)])  # M without the Hessian

    def _columns(self, above: float, below: float) -> np.ndarray:
        return np.vstack([above * self._identity, below * self._identity])

    @property
    def _points(self) -> np.ndarray:
        """The ellipsoid's part of e."""
        n = len(self._identity)
        return self._Q[:n, :n]

    @property
    def distance(self) -> float:
        """The largest ‖e‖."""
        return float(np.sqrt(np.linalg.eigvalsh(self._points)[-1])) * ENLARGED

    def promising(self, point: ComputedPoint) -> bool:
        """Whether the ellipsoid is small enough for the Hessian to mean something."""
        return bool(np.isfinite(self._Q).all() and point.largest_change(self._points) <= 1)

    def change_of_value(self, point: ComputedPoint) -> float:
        """How far f can be from its value at the exact run's point."""
        Q, slope = self._points, point.slope
        steep = np.sqrt(slope @ Q @ slope) + np.linalg.norm(point.limits.gradient) * np.sqrt(np.trace(Q))
        curved = np.exp(point.largest_change(Q)) / 2 * np.sum(point.hessian * Q)
        return ENLARGED * float(steep + curved)

    def step(self, point: ComputedPoint, reached: np.ndarray) -> None:
        """Carry the ellipsoid through the step from a point to the computed one."""
        H, Q = point.hessian, self._points
        change = point.largest_change(Q)
        slack = change / 2 * np.exp(change)  # ρ
        unsure = (point.rows.n_rows + 64) * 2.0**-52 * np.trace(H)
        M = self._free.copy()
        M[:, : len(H)] += self._of_gradient @ H
        shapes = [M @ self._Q @ M.T, self._rounded(point, reached)]
        for shape in (slack**2 * np.sum(H * Q) * H, unsure**2 * np.trace(Q) * self._identity):
            shapes.append(self._of_gradient @ shape @ self._of_gradient.T)
        self._Q = _around_sum(shapes)

    def _rounded(self, point: ComputedPoint, reached: np.ndarray) -> np.ndarray:
        """The ellipsoid of what the step rounds."""
        limit, tau = point.limits.gradient, point.limits.smallest
        _, velocity, direction = self._velocity.add(point.slope, 2 * limit, tau)  # the slope has an error of its own
        there = self._format.unit_roundoff * np.abs(reached) + 2 * tau
        position = self._rate * direction + there
        edges = (self._of_gradient * limit, self._of_velocity * velocity, self._columns(1, 0) * position)
        return _around_box(ENLARGED * np.hstack(edges))


def _around_box(edges: np.ndarray) -> np.ndarray:
    """The ellipsoid of least trace, of its kind, around a box whose edges are the columns."""
    lengths = np.linalg.norm(edges, axis=0)
    return lengths.sum() * (edges / np.where(lengths > 0, lengths, 1)) @ edges.T


def _around_sum(shapes: Sequence[np.ndarray]) -> np.ndarray:
    """The same around a sum of ellipsoids, and what float64 may have rounded in them."""
    sizes = [np.sqrt(np.trace(shape)) for shape in shapes]
    total = sum(sizes) * sum(shape / size for shape, size in zip(shapes, sizes, strict=True) if size > 0)
    return total + 2.0**-40 * np.trace(total) * np.eye(len(total))
