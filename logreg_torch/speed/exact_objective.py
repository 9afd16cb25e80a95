"""Exact arithmetic at work: the objective, its gradient by autograd and in closed form, and the step.

Read beside ``logreg_jax/speed/exact_objective.py``. A row enters as in ``rows.py``, sums over rows are those of
``exact.py``. Autograd and the closed form give the same bits: a residual has its row's share in the
objective before it is multiplied with features, in both.
"""

from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.history import Evaluation
from logreg_parity.truth import exact as constants
from logreg_parity.truth.exact import ExactRows, ExactRule, looked_at
from logreg_parity.twins import Reduction

from ..convert import find_device, to_numpy
from .exact import counted, joined, kept, rounded, sigmoid, softplus, stored, total


def _added(theta: Tensor, rows: ExactRows, dtype: str) -> Tensor:
    pairs = zip(rows.columns.unbind(-3), theta[..., None, None].unbind(-3), strict=True)
    return kept(reduce(torch.add, (rounded(x * w, w, dtype) for x, w in pairs)), dtype)


class _Logits(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, theta: Tensor, rows: ExactRows, dtype: str) -> Tensor:
        ctx.given = theta, rows, dtype
        return _added(theta, rows, dtype)

    @staticmethod
    def backward(ctx: Any, r: Tensor) -> tuple[Tensor, None, None]:
        theta, rows, dtype = ctx.given
        within = (torch.abs(r) <= rows.factor).all()  # what the scale is made for
        top = torch.where(within, grid(theta, rows), torch.nan)
        return joined(counts(rows.columns, r, top, dtype), top), None, None


def logits(theta: Tensor, rows: ExactRows, dtype: str) -> Tensor:
    """t = Σ θ_j x_j (..., K, B), added in the order of the features, the bias last.

    Args:
        theta: points (..., D + 1).
        rows: with their columns.
        dtype: "float64" or "float32".
    """
    return _Logits.apply(theta, rows, dtype)


def counts(columns: Tensor, r: Tensor, top: Tensor, dtype: str) -> Tensor:
    """The sums Σ x_j r of a gradient over the rows of each block, as integers (D + 1, K) that count top 2^-51.

    Args:
        columns: x_j (D + 1, K, B).
        r: (K, B).
        top: powers of two (D + 1,) above every product.
        dtype: "float64" or "float32".
    """
    return counted(rounded(columns * r, top[:, None, None], dtype), top)


def residuals(t: Tensor, rows: ExactRows, dtype: str) -> Tensor:
    """The derivative (..., K, B) of every row's loss by its t, the factors included.

    Args:
        t: the logits.
        rows: with their factors.
        dtype: "float64" or "float32".
    """
    r, q = sigmoid(t, dtype), None if rows.down is None else sigmoid(-t, dtype)
    r = r if rows.up is None else kept(rounded(rows.up * r, r, dtype), dtype)
    return r if q is None else kept(r - kept(rounded(rows.down * q, q, dtype), dtype), dtype)


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, t: Tensor, rows: ExactRows, dtype: str) -> Tensor:
        ctx.given = t, rows, dtype
        terms = softplus(t, dtype)
        terms = terms if rows.up is None else kept(rounded(rows.up * terms, t, dtype), dtype)
        if rows.down is None:
            return terms
        return kept(terms + kept(rounded(rows.down * softplus(-t, dtype), t, dtype), dtype), dtype)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        return slope * residuals(*ctx.given), None, None


def losses(t: Tensor, rows: ExactRows, dtype: str) -> Tensor:
    """Every row's loss (..., K, B), the factors included.

    Args:
        t: the logits.
        rows: with their factors.
        dtype: "float64" or "float32".
    """
    return _Losses.apply(t, rows, dtype)


class _Levy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, theta: Tensor, penalty: Tensor) -> Tensor:
        ctx.given = theta, penalty
        return total(rounded(0.5 * penalty * theta * theta, theta)[..., None, :])

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        theta, penalty = ctx.given
        return rounded(slope * (penalty * theta), theta), None


def levy(theta: Tensor, penalty: Tensor) -> Tensor:
    """The penalty Σ (l2 / 2) w² (...,).

    Args:
        theta: points (..., D + 1).
        penalty: l2 (D + 1,), 0 for the bias.
    """
    return _Levy.apply(theta, penalty)


def grid(theta: Tensor, rows: ExactRows) -> Tensor:
    """The tops (D + 1,) of a gradient's sums; NaN where a logit could overflow, as integers cannot say it.

    Args:
        theta: a point (D + 1,).
        rows: with tops.
    """
    return torch.where((rows.largest * torch.abs(theta) < constants.LARGEST_LOGIT).all(), rows.top, torch.nan)


def objective(theta: Tensor, rows: ExactRows, penalty: Tensor, dtype: str) -> Tensor:
    """The objective (...,) at points (..., D + 1), in float64; ``kept`` makes it a number of the format.

    Args:
        theta: the points, the bias last.
        rows: for all of them, or for each.
        penalty: l2 (D + 1,), 0 for the bias.
        dtype: "float64" or "float32".
    """
    return total(losses(logits(theta, rows, dtype), rows, dtype)) + levy(theta, penalty)


def gradient(theta: Tensor, rows: ExactRows, penalty: Tensor, dtype: str) -> Tensor:
    """The gradient (D + 1,) of the objective at one point, in closed form, block by block.

    Args:
        theta, rows, penalty, dtype: those of ``objective``.
    """
    top, found = grid(theta, rows), []
    for k in range(rows.columns.shape[1]):
        block = rows.blocks(partial(torch.narrow, dim=-2, start=k, length=1))
        found.append(counts(block.columns, residuals(_added(theta, block, dtype), block, dtype), top, dtype))
    every = torch.cat(found, dim=-1)
    return stored(joined(every, top) + rounded(penalty * theta, theta, dtype), dtype)


def step(theta: Tensor, velocity: Tensor, rows: ExactRows, penalty: Tensor, rule: ExactRule) -> tuple[Tensor, Tensor]:
    """One step of ``torch.optim.SGD``: the next point and velocity (D + 1,).

    Args:
        theta: the point (D + 1,), the bias last.
        velocity: 0 before the first step.
        rows, penalty: those of ``objective``.
        rule: learning rate, momentum, Nesterov's or not, format.
    """
    rate, momentum, nesterov, dtype = rule
    g = gradient(theta, rows, penalty, dtype)
    velocity = stored(rounded(momentum * velocity, theta, dtype) + g, dtype)
    direction = stored(g + rounded(momentum * velocity, theta, dtype), dtype) if nesterov else velocity
    return stored(theta - rounded(rate * direction, theta, dtype), dtype), velocity


def evaluate_exactly(
    dataset: Dataset, parameters: Parameters, *, l2: float, reduction: Reduction, dtype: str, device: str
) -> Evaluation:
    """What ``evaluation.evaluate`` returns, by this arithmetic; the gradient by autograd.

    Args:
        dataset, parameters, l2, reduction, dtype, device: those of ``evaluation.evaluate``.

    Returns:
        The Evaluation.

    Raises:
        ValueError: for a dtype or a device there is not, and numbers that are too large for the dtype.
    """
    place = find_device(device)
    given = looked_at(dataset, parameters, l2, reduction, dtype).mapped(lambda part: torch.tensor(part, device=place))
    theta = given.theta.requires_grad_()
    value = objective(theta, given.rows, given.penalty, dtype)
    (slope,) = torch.autograd.grad(value, theta)
    z = logits(theta, given.rows._replace(columns=given.plain), dtype).detach()
    numbers = kept(value, dtype), stored(slope, dtype), z, sigmoid(z, dtype), softplus(z, dtype), softplus(-z, dtype)
    return given.evaluation(*map(to_numpy, numbers))
