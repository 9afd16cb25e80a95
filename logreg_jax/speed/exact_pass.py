"""One pass in exact arithmetic, for a fit: the same bits from everybody, on any number of threads.

Read beside ``logreg_torch/speed/exact_pass.py``; what is made of the integers is said in
``logreg_parity.solvers.exact``.
"""

import jax
import numpy as np
from jax import Array, lax

from logreg_parity.truth.exact import ExactRows, ExactSums

from ..convert import arithmetic, to_numpy
from .exact import sigmoid
from .exact_objective import counts, logits, losses, residuals


def bend(t: Array, rows: ExactRows) -> Array:
    """The second derivative (..., K, B) of every row's loss by its t, the factors included: at most half of max f.

    Args:
        t: the logits.
        rows: with their factors.
    """
    h = sigmoid(t, "float64") * sigmoid(-t, "float64")
    weight = rows.up if rows.down is None else rows.up + rows.down
    return h if weight is None else weight * h


@jax.jit
def _sums(rows: ExactRows, theta: Array, tops: Array | None) -> tuple[Array, Array, Array | None]:
    t = logits(theta, rows, "float64")
    r, bends = residuals(t, rows, "float64"), None
    slopes = counts(rows.columns, r, rows.top, "float64")[:, 0]
    if tops is not None:
        X, h = rows.columns, bend(t, rows)
        bends = lax.map(lambda own: counts(X, own[0] * h, own[1], "float64")[:, 0], (X, tops)).T
    return losses(t, rows, "float64"), slopes, bends


@arithmetic("float64")  # of every thread
def add_exactly(rows: ExactRows, theta: np.ndarray, tops: np.ndarray | None) -> ExactSums:
    """The losses of one block of rows, and what they add to the derivatives of the sum of the losses, in NumPy.

    Args:
        rows: K = 1 block.
        theta: the point (D + 1,), the bias last.
        tops: powers of two (D + 1, D + 1) above max |x_i| max |x_j| max f, where the second derivative is asked for.

    Returns:
        The ExactSums: all but the losses are integers.
    """
    per_row, slopes, bends = _sums(rows, theta, tops)
    return ExactSums(to_numpy(per_row), to_numpy(slopes), None if bends is None else to_numpy(bends))
