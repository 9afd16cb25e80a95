"""One pass in exact arithmetic, for a fit: the same bits from everybody, on any number of threads.

Read beside ``logreg_jax/speed/exact_pass.py``; what is made of the integers is said in
``logreg_parity.solvers.exact``.
"""

import numpy as np
import torch
from torch import Tensor

from logreg_parity.truth.exact import ExactRows, ExactSums

from ..convert import one_thread, to_numpy
from .exact import sigmoid
from .exact_objective import counts, logits, losses, residuals


def bend(t: Tensor, rows: ExactRows) -> Tensor:
    """The second derivative (..., K, B) of every row's loss by its t, the factors included: at most half of max f.

    Args:
        t: the logits.
        rows: with their factors.
    """
    h = sigmoid(t, "float64") * sigmoid(-t, "float64")
    weight = rows.up if rows.down is None else rows.up + rows.down
    return h if weight is None else weight * h


@torch.inference_mode()
@one_thread()  # the workers are the threads there are
def add_exactly(rows: ExactRows, theta: np.ndarray, tops: np.ndarray | None) -> ExactSums:
    """The losses of one block of rows, and what they add to the derivatives of the sum of the losses, in NumPy.

    Args:
        rows: K = 1 block.
        theta: the point (D + 1,), the bias last.
        tops: powers of two (D + 1, D + 1) above max |x_i| max |x_j| max f, where the second derivative is asked for.

    Returns:
        The ExactSums: all but the losses are integers.
    """
    place = rows.columns.device
    t = logits(torch.from_numpy(theta).to(place), rows, "float64")
    r, bends = residuals(t, rows, "float64"), None
    slopes = counts(rows.columns, r, rows.top, "float64")[:, 0]
    if tops is not None:
        X, h, each = rows.columns, bend(t, rows), torch.from_numpy(tops).to(place)
        bends = torch.zeros_like(each, dtype=torch.int64)
        for j, x in enumerate(X):
            bends[j:, j] = counts(X[j:], x * h, each[j:, j], "float64")[:, 0]
    found = to_numpy(losses(t, rows, "float64")), to_numpy(slopes)
    return ExactSums(*found, None if bends is None else to_numpy(bends))
