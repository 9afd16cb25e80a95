"""The data as the engines read it: signed once, so that a step is two products and one sigmoid.

Read beside ``logreg_jax/speed/rows.py``. For y in {0, 1} and s = 1 - 2y the loss of a row is softplus(s z) and its
residual s σ(s z). With s multiplied into the row, which is exact, the product is t = s z and no label is needed again.
Soft labels need both terms, (1 - y) σ(t) - y σ(-t), and keep t = z.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Rows(NamedTuple):
    """M rows for all steps, or B rows for each of C steps, which then lead every shape."""

    columns: Tensor  # (D + 1, M): the features and 1, times s where labels are hard
    up: Tensor | None  # (M,), the factor of σ(t) and softplus(t), row weights included; None for all 1
    down: Tensor | None  # (M,), that of σ(-t) and softplus(-t); None where labels are hard


def signed_rows(X: Tensor, y: Tensor, sample_weight: Tensor | None = None) -> Rows:
    """The Rows of a data set: X (N, D), y (N,), sample_weight (N,) or None.

    Args:
        X: features (N, D).
        y: labels (N,).
        sample_weight: ω (N,), or None for all 1.

    Returns:
        N Rows for all steps.
    """
    columns = torch.cat([X.T, torch.ones_like(y)[None]])
    if ((y == 0) | (y == 1)).all():
        columns *= 1 - 2 * y
        return Rows(columns, sample_weight, None)
    weight = 1 if sample_weight is None else sample_weight
    return Rows(columns, weight * (1 - y), weight * y)


def with_spare_row(rows: Rows) -> Rows:
    """The same Rows and, after the last, one that counts nothing: it fills up batches that are shorter than others."""
    add_zero = partial(torch.nn.functional.pad, pad=(0, 1))
    up = torch.ones_like(rows.columns[0]) if rows.up is None else rows.up
    return Rows(add_zero(rows.columns), add_zero(up), None if rows.down is None else add_zero(rows.down))


def take_rows(rows: Rows, index: np.ndarray) -> Rows:
    """The Rows of C steps, those that index (C, B) names, of Rows with a spare one.

    Args:
        rows: N and a spare one.
        index: row numbers from 0 to N, N being the spare one.

    Returns:
        B Rows for each of C steps.
    """
    columns, *factors = rows
    at = torch.as_tensor(index, device=columns.device)
    return Rows(columns[:, at].movedim(1, 0), *(None if factor is None else factor[at] for factor in factors))


def losses(points: Tensor, rows: Rows, counts: Tensor, l2: float) -> Tensor:
    """The objective (C,) at points (C, D + 1), each on the rows of its step.

    Args:
        points: one a step, the bias last.
        rows: all, or those of each step.
        counts: (C,), what the sums are divided by.
        l2: of the penalty.
    """
    columns, up, down = rows
    t = points @ columns if columns.ndim == 2 else (points[:, None] @ columns)[:, 0]
    terms = _softplus(t) if up is None else _softplus(t) * up
    terms = terms if down is None else terms + _softplus(-t) * down
    weight = points[:, :-1]
    return terms.sum(1) / counts + (l2 / 2 * weight * weight).sum(1)  # as in ``loss.objective``


def _softplus(t: Tensor) -> Tensor:
    """In one pass, without the default threshold of 20, which costs float64 digits: from 40 on log1p(exp(t)) is t."""
    return torch.nn.functional.softplus(t, threshold=40)
