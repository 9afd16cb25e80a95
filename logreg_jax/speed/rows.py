"""The data as the engines read it: signed once, so that a step is two products and one sigmoid.

Read beside ``logreg_torch/speed/rows.py``. For y in {0, 1} and s = 1 - 2y the loss of a row is softplus(s z) and its
residual s σ(s z). With s multiplied into the row, which is exact, the product is t = s z and no label is needed again.
Soft labels need both terms, (1 - y) σ(t) - y σ(-t), and keep t = z.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..convert import _ONE_ORDER
from ..loss import softplus


class Rows(NamedTuple):
    """M rows for all steps, or B rows for each of C steps, which then lead every shape."""

    columns: Array  # (D + 1, M): the features and 1, times s where labels are hard
    up: Array | None  # (M,), the factor of σ(t) and softplus(t), row weights included; None for all 1
    down: Array | None  # (M,), that of σ(-t) and softplus(-t); None where labels are hard


def signed_rows(X: Array, y: Array, sample_weight: Array | None = None) -> Rows:
    """The Rows of a data set: X (N, D), y (N,), sample_weight (N,) or None.

    Args:
        X: features (N, D).
        y: labels (N,).
        sample_weight: ω (N,), or None for all 1.

    Returns:
        N Rows for all steps.
    """
    return _signed_rows(X, y, sample_weight, hard=bool(_are_hard(y)))


@jax.jit
def _are_hard(y: Array) -> Array:
    return ((y == 0) | (y == 1)).all()


@partial(jax.jit, static_argnames="hard")
def _signed_rows(X: Array, y: Array, sample_weight: Array | None, hard: bool) -> Rows:
    columns = jnp.concatenate([X.T, jnp.ones_like(y)[None]])
    if hard:
        columns *= 1 - 2 * y
        return Rows(columns, sample_weight, None)
    weight = 1 if sample_weight is None else sample_weight
    return Rows(columns, weight * (1 - y), weight * y)


def with_spare_row(rows: Rows) -> Rows:
    """The same Rows and, after the last, one that counts nothing: it fills up batches that are shorter than others."""
    up = jnp.ones_like(rows.columns[0]) if rows.up is None else rows.up
    return jax.tree.map(lambda part: jnp.append(part, jnp.zeros_like(part[..., :1]), axis=-1), rows._replace(up=up))


@jax.jit
def take_rows(rows: Rows, index: np.ndarray) -> Rows:
    """The Rows of C steps, those that index (C, B) names, of Rows with a spare one.

    Args:
        rows: N and a spare one.
        index: row numbers from 0 to N, N being the spare one.

    Returns:
        B Rows for each of C steps.
    """
    columns, *factors = rows
    return Rows(
        jnp.moveaxis(columns[:, index], 1, 0), *(None if factor is None else factor[index] for factor in factors)
    )


@partial(jax.jit, compiler_options=_ONE_ORDER)
def losses(points: Array, rows: Rows, counts: Array, l2: float) -> Array:
    """The objective (C,) at points (C, D + 1), each on the rows of its step.

    Args:
        points: one a step, the bias last.
        rows: all, or those of each step.
        counts: (C,), what the sums are divided by.
        l2: of the penalty.
    """
    columns, up, down = rows
    t = points @ columns if columns.ndim == 2 else (points[:, None] @ columns)[:, 0]
    terms = softplus(t) if up is None else softplus(t) * up
    terms = terms if down is None else terms + softplus(-t) * down
    weight = points[:, :-1]
    return terms.sum(1) / counts + (l2 / 2 * weight * weight).sum(1)  # as in ``loss.objective``
