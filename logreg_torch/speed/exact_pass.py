"""One pass in exact arithmetic, for a fit: the same bits from everybody, on any number of threads.

Read beside ``logreg_jax/speed/exact_pass.py``; what is made of the integers is said in
``logreg_parity.solvers.exact``. And the steps of the eager engine, whose passes are prepared: ``engines.py``.
"""

from itertools import repeat
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from logreg_parity.truth import exact as constants
from logreg_parity.truth.exact import ExactRows, ExactRule, ExactSums

from ..convert import one_thread, to_numpy
from .exact import bits, kept, sigmoid, stored
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


@torch.inference_mode()
def _exact_walk(
    theta: Tensor, velocity: Tensor, rows: ExactRows, penalty: Tensor, rule: ExactRule, steps: int
) -> tuple[Tensor, Tensor]:
    """C times ``exact_objective.step``, for rows of one block: what each does alike is prepared.

    Whether a logit could overflow is asked at the end: from that step on there are no numbers.
    """
    rate, momentum, nesterov, dtype = rule
    each, levied = rows.columns.ndim == 4, bool(penalty.any())
    points = torch.cat([theta[None], theta.new_empty(steps, len(theta))])
    move, M, unit = theta.new_tensor(rate), 3 * rows.top[..., None, None], rows.top * constants.UNIT
    base = (bits(M) * rows.columns.shape[-1])[..., 0, 0]
    columns = rows.columns.double()
    given = [part.unbind() if each else repeat(part) for part in (columns, M, unit, base)]
    products = columns.new_empty(columns.shape[-3:])
    terms, count = products.unbind(), bits(products)[:, 0]
    own = (rows.mapped(itemgetter(k)) for k in range(steps)) if each else repeat(rows)
    every = zip(points.unbind(), points[1:].unbind(), points[..., None, None].unbind(), own, *given, strict=False)
    for here, reached, wide, block, X, large, u, b in every:
        torch.mul(X, wide, out=products)
        for term in terms[1:]:
            terms[0].add_(term)
        r = residuals(kept(terms[0], dtype), block, dtype)
        if dtype == "float32":  # whose products are exact, melted with a sum or not
            torch.addcmul(large, X, r, out=products)
        else:
            torch.mul(X, r, out=products).add_(large)
        g = count.sum(-1).sub_(b) * u
        g = stored(g.add_(penalty * here) if levied else g, dtype)
        velocity = stored((momentum * velocity).add_(g), dtype) if momentum else g
        along = stored((momentum * velocity).add_(g), dtype) if nesterov else velocity
        reached.copy_(stored(torch.sub(here, along * move), dtype))
    fits = (rows.largest * torch.abs(points[:-1]) < constants.LARGEST_LOGIT).all(-1)
    lost = (~fits).cumsum(0) > 0
    points[1:][lost] = torch.nan
    return points, torch.where(lost[-1], torch.nan, velocity)
