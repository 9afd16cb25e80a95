"""How far a correct program of a loss that goes through p may be from the exact value.

``truth/bounds.py`` has the bounds of the stable form; the explorer also offers three forms that first round p and then
take a logarithm. To first order, with u the roundoff, A ulp of error in exp and log (``FUNCTION_ULPS``, 2A u in all)
and Δz the error of the logit: e = exp(-z) is off by a relative Δz + 2A u, p = 1 / (1 + e) by (1 - p)(Δz + 2A u) + 2u,
so 1 - p by that times p, and u of itself. A logarithm of a number a that is off by δ moves by at most -log(1 - δ / a),
and by anything where δ ≥ a: nothing is promised of log 0. The slope is -y p²e / a + (1 - y) p²e / b, a and b what
stands in the two logarithms, with the relative errors of its factors added up: δ / a, twice that of p, that of e, and
ten u for the products, however they are ordered. First order is enough: every bound is doubled.
"""

import numpy as np

from logreg_parity.truth import reference
from logreg_parity.truth.bounds import FUNCTION_ULPS, PointBounds
from logreg_parity.truth.ulp import format_of

EPSILON = 1e-7


def twice(error):
    """The factor that pays for what first order leaves out; no promise stays none."""
    return np.where(np.isnan(error), np.inf, 2 * error)


def objective_and_gradient(form, dataset, parameters, *, dtype, l2, reduction):
    """Bounds of the objective () and of its gradient (D + 1,), the bias last; infinite where nothing is promised."""
    limits = PointBounds(dataset, parameters, dtype=dtype, l2=l2, reduction=reduction)
    if form == "logits":
        return limits.objective, limits.gradient
    u, y, z = format_of(dtype).unit_roundoff, dataset.y, reference.logits(parameters, dataset.X)
    row, slope, loss, residual = _rows(form, y, z, limits.logit, u)
    share = 1 / reference.count(y, None, reduction)
    sums = (len(y) + 4) * u  # as in PointBounds.objective: the sum, the division, the penalty's sum
    penalty = l2 / 2 * (parameters.weight @ parameters.weight)
    objective = np.sum(share * (row + sums * loss)) + 8 * u * penalty
    size = np.abs(reference.with_ones(dataset.X)) * share
    gradient = size.T @ (slope + sums * np.abs(residual)) + 4 * u * l2 * np.append(np.abs(parameters.weight), 0)
    return float(twice(objective)), twice(gradient)


def _rows(form, y, z, moved, u):
    """Of every row (N,): the errors of loss and slope, and their sizes."""
    function = 2 * FUNCTION_ULPS * u
    p, q = reference.sigmoid(z), reference.sigmoid(-z)
    by_e = moved + function
    by_p = q * by_e + 2 * u
    delta_p, delta_q = p * by_p, p * by_p + u * q
    pq = p * q  # p² e
    if form == "textbook":
        a, b, delta_a, delta_b = p, q, delta_p, delta_q
    elif form == "epsilon":
        a, b = p + EPSILON, q + EPSILON
        delta_a, delta_b = delta_p + u * (a + EPSILON), delta_q + u * (b + EPSILON)
    else:
        a = np.clip(p, EPSILON, 1 - EPSILON)
        b = 1 - a
        delta_a = delta_b = delta_p + 2 * u
        edge = np.minimum(np.abs(p - EPSILON), np.abs(q - EPSILON)) <= 2 * (delta_p + u)  # the slope jumps there
        pq = np.where((p > EPSILON) & (q > EPSILON), pq, 0) + np.where(edge, np.inf, 0)
    losses = [_log(x, delta, function) for x, delta in ((a, delta_a), (b, delta_b))]
    with np.errstate(invalid="ignore", divide="ignore"):
        row = sum(
            _times(share, error + 3 * u * np.abs(np.log(x)))
            for share, error, x in ((y, losses[0], a), (1 - y, losses[1], b))
        )
        loss = -(y * np.log(a) + (1 - y) * np.log(b))
        slopes = [
            _relative(_times(share, pq / x), delta / x + 2 * by_p + by_e + 10 * u)
            for share, x, delta in ((y, a, delta_a), (1 - y, b, delta_b))
        ]
    residual = _times(y, pq / a) + _times(1 - y, pq / b)
    return row, slopes[0] + slopes[1], loss, residual


def _log(x, delta, function):
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(delta < x, -np.log1p(-np.minimum(delta / x, 1)), np.inf)
    return moved + function * np.abs(np.log(x))


def _relative(size, error):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size == 0, 0, np.where(error < 1, size * error / (1 - error), np.inf))


def _times(share, values):
    """A term of weight 0 is 0 whatever it is a term of."""
    with np.errstate(invalid="ignore"):
        return np.where(share == 0, 0, share * values)
