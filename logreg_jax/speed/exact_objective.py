"""Exact arithmetic at work: the objective, its gradient by autograd and in closed form, and the step.

Read beside ``logreg_torch/speed/exact_objective.py``. A row enters as in ``rows.py``, sums over rows are those of
``exact.py``. Autograd and the closed form give the same bits: a residual has its row's share in the
objective before it is multiplied with features, in both.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.history import Evaluation
from logreg_parity.truth import exact as constants
from logreg_parity.truth.exact import ExactRows, ExactRule, looked_at
from logreg_parity.twins import Reduction

from ..convert import arithmetic, find_device, to_numpy
from .exact import bits, counted, joined, kept, rounded, sigmoid, softplus, stored, total

_UNROLLED = 64  # features: beyond, they are added in a loop, or the code would grow with them


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def logits(theta: Array, rows: ExactRows, dtype: str) -> Array:
    """t = Σ θ_j x_j (..., K, B), added in the order of the features, the bias last.

    Args:
        theta: points (..., D + 1).
        rows: with their columns.
        dtype: "float64" or "float32".
    """

    def term(x: Array, w: Array) -> Array:
        return rounded(x.astype(jnp.float64) * w[..., None, None], w[..., None, None], dtype)

    def add(j: Array, t: Array) -> Array:
        return t + term(lax.dynamic_index_in_dim(rows.columns, j, -3, False), theta[..., j])

    unrolled = min(theta.shape[-1], _UNROLLED)
    t = term(rows.columns[..., 0, :, :], theta[..., 0])
    for j in range(1, unrolled):
        t = t + term(rows.columns[..., j, :, :], theta[..., j])
    if unrolled < theta.shape[-1]:
        t = lax.fori_loop(unrolled, theta.shape[-1], add, t)
    return kept(t, dtype)


def _logits_backward(dtype: str, given: tuple[Array, ExactRows], r: Array) -> tuple[Array, None]:
    theta, rows = given
    within = (jnp.abs(r) <= rows.factor).all()  # what the scale is made for
    top = jnp.where(within, grid(theta, rows), jnp.nan)
    return joined(counts(rows.columns, r, top, dtype), top), None


logits.defvjp(lambda theta, rows, dtype: (logits(theta, rows, dtype), (theta, rows)), _logits_backward)


def counts(columns: Array, r: Array, top: Array, dtype: str) -> Array:
    """The sums Σ x_j r of a gradient over the rows of each block, as integers (D + 1, K) that count top 2^-51.

    Args:
        columns: x_j (D + 1, K, B).
        r: (K, B).
        top: powers of two (D + 1,) above every product.
        dtype: "float64" or "float32".
    """
    if len(top) > _UNROLLED:
        return counted(rounded(columns * r, top[:, None, None], dtype), top)
    M = 3 * top
    terms = tuple(bits(rounded(x * r, m, dtype) + m) for x, m in zip(columns, M, strict=True))
    sums = lax.reduce(terms, (np.int64(0),) * len(terms), lambda a, b: tuple(map(jnp.add, a, b)), (1,))  # one loop
    return jnp.stack(sums) - bits(M)[:, None] * r.shape[-1]


def residuals(t: Array, rows: ExactRows, dtype: str) -> Array:
    """The derivative (..., K, B) of every row's loss by its t, the factors included.

    Args:
        t: the logits.
        rows: with their factors.
        dtype: "float64" or "float32".
    """
    r, q = sigmoid(t, dtype), None if rows.down is None else sigmoid(-t, dtype)
    r = r if rows.up is None else kept(rounded(rows.up * r, r, dtype), dtype)
    return r if q is None else kept(r - kept(rounded(rows.down * q, q, dtype), dtype), dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def losses(t: Array, rows: ExactRows, dtype: str) -> Array:
    """Every row's loss (..., K, B), the factors included.

    Args:
        t: the logits.
        rows: with their factors.
        dtype: "float64" or "float32".
    """
    terms = softplus(t, dtype)
    terms = terms if rows.up is None else kept(rounded(rows.up * terms, t, dtype), dtype)
    return (
        terms
        if rows.down is None
        else kept(terms + kept(rounded(rows.down * softplus(-t, dtype), t, dtype), dtype), dtype)
    )


def _losses_backward(dtype: str, given: tuple[Array, ExactRows], slope: Array) -> tuple[Array, None]:
    return rounded(slope * residuals(*given, dtype), given[0]), None


losses.defvjp(lambda t, rows, dtype: (losses(t, rows, dtype), (t, rows)), _losses_backward)


@jax.custom_vjp
def levy(theta: Array, penalty: Array) -> Array:
    """The penalty Σ (l2 / 2) w² (...,).

    Args:
        theta: points (..., D + 1).
        penalty: l2 (D + 1,), 0 for the bias.
    """
    return total(rounded(0.5 * penalty * theta * theta, theta)[..., None, :])


def _levy_backward(given: tuple[Array, Array], slope: Array) -> tuple[Array, None]:
    theta, penalty = given
    return rounded(slope * (penalty * theta), theta), None


levy.defvjp(lambda *given: (levy(*given), given), _levy_backward)


def grid(theta: Array, rows: ExactRows) -> Array:
    """The tops (D + 1,) of a gradient's sums; NaN where a logit could overflow, as integers cannot say it.

    Args:
        theta: a point (D + 1,).
        rows: with tops.
    """
    return jnp.where((rows.largest * jnp.abs(theta) < constants.LARGEST_LOGIT).all(), rows.top, jnp.nan)


def objective(theta: Array, rows: ExactRows, penalty: Array, dtype: str) -> Array:
    """The objective (...,) at points (..., D + 1), in float64; ``kept`` makes it a number of the format.

    Args:
        theta: the points, the bias last.
        rows: for all of them, or for each.
        penalty: l2 (D + 1,), 0 for the bias.
        dtype: "float64" or "float32".
    """
    return total(losses(logits(theta, rows, dtype), rows, dtype)) + levy(theta, penalty)


def gradient(theta: Array, rows: ExactRows, penalty: Array, dtype: str) -> Array:
    """The gradient (D + 1,) of the objective at one point, in closed form, block by block.

    Args:
        theta, rows, penalty, dtype: those of ``objective``.
    """
    top = grid(theta, rows)

    def found(block: ExactRows) -> Array:
        return counts(block.columns, residuals(logits(theta, block, dtype), block, dtype), top, dtype)

    def cut(k: Array) -> Array:
        take = partial(lax.dynamic_slice_in_dim, start_index=k, slice_size=1, axis=-2)
        return found(rows.blocks(take))[:, 0]

    blocks = rows.columns.shape[1]
    every = found(rows) if blocks == 1 else lax.map(cut, jnp.arange(blocks)).T
    return stored(joined(every, top) + rounded(penalty * theta, theta, dtype), dtype)


def step(theta: Array, velocity: Array, rows: ExactRows, penalty: Array, rule: ExactRule) -> tuple[Array, Array]:
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


@partial(jax.jit, static_argnames="dtype")
def _looked(theta: Array, rows: ExactRows, penalty: Array, plain: Array, dtype: str) -> tuple[Array, ...]:
    value, slope = jax.value_and_grad(objective)(theta, rows, penalty, dtype)
    z = logits(theta, rows._replace(columns=plain), dtype)
    return kept(value, dtype), stored(slope, dtype), z, sigmoid(z, dtype), softplus(z, dtype), softplus(-z, dtype)


@arithmetic("float64")
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
    given = looked_at(dataset, parameters, l2, reduction, dtype).mapped(partial(jax.device_put, device=place))
    return given.evaluation(*map(to_numpy, _looked(given.theta, given.rows, given.penalty, given.plain, dtype)))
