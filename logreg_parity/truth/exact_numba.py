"""Exact arithmetic compiled by numba, which is optional: the bits of ``exact.py``, X is read once; also a twin.

Read beside ``exact.py``: the same operations in the same order, row by row. A tile of rows gives its logits and
residuals and then, still in a core's cache, its part of every sum. numba keeps a product and a sum apart, and no sum of
floats in another order, as long as nothing is said to it of fast mathematics; sums of integers become vectors anyway.
"""

from functools import partial
from typing import Any

import numba
import numpy as np

from . import exact
from .exact import EXPONENT, LARGEST_LOGIT, LEAST_POWER, LOW, MAGNITUDE, ExactMeans, ExactRows, ExactRule, ExactSums
from .exact import devices as devices
from .exact import evaluate as evaluate
from .exact import versions as versions

TILE = 256  # rows
WHOLE = 3 * 2.0**51  # x + WHOLE has the whole number next to x in its last bits

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


def _constants() -> tuple:
    """EXP and LOG, the highest power first, and the others: arguments, as numba's cache would not see them change."""
    return tuple(exact.EXP[::-1]), tuple(exact.LOG[::-1]), tuple(exact.CONSTANTS.values())


@_compiled
def _bits(x: float) -> Any:
    return np.float64(x).view(np.int64)


@_compiled
def _number(b: Any) -> float:
    return np.int64(b).view(np.float64)


@_compiled
def _kept(x: float, single: float | None) -> float:
    """What float32 stores of x, if single is the least number of float32."""
    if single is None:
        return x
    return 0.0 if abs(x) < single else np.float64(np.float32(x))


@_compiled
def _stored(x: float, least: float, single: float | None) -> float:
    return _kept(0.0 if abs(x) < least else x, single)


@_compiled
def _exp_minus_abs(t: float, constants: tuple) -> float:
    per_log2, high, low, _, _, lowest = constants[2]
    x = -abs(t)
    x = lowest if x < lowest else x  # NaN stays
    whole = x * per_log2 + WHOLE
    k = whole - WHOLE
    r = (x - k * high) - k * low
    c9, c8, c7, c6, c5, c4, c3, c2, c1, c0 = constants[0]  # a loop over them would keep rows from being vectors
    q = ((((((((c9 * r + c8) * r + c7) * r + c6) * r + c5) * r + c4) * r + c3) * r + c2) * r + c1) * r + c0
    return (1 + (r + r * r * q)) * _number((_bits(whole) + 1023) << 52)


@_compiled
def _sigmoid(t: float, single: float | None, constants: tuple) -> float:
    e = _exp_minus_abs(t, constants)
    return _kept((1.0 if t >= 0 else e) / (1 + e), single)


@_compiled
def _softplus(t: float, single: float | None, constants: tuple) -> float:
    _, _, _, log2, most, _ = constants[2]
    e = _exp_minus_abs(t, constants)
    big = e > most
    f = (e - 1) * 0.5 if big else e
    s = f / (2 + f)
    u = s * s
    c6, c5, c4, c3, c2, c1, c0 = constants[1]
    p = (((((c6 * u + c5) * u + c4) * u + c3) * u + c2) * u + c1) * u + c0
    log = f - s * (f - u * p)
    return _kept((0.0 if t < 0 else t) + ((log2 if big else 0.0) + log), single)


@_compiled
def _residuals(t: np.ndarray, up: np.ndarray, down: np.ndarray | None, single: float | None, constants: tuple) -> None:
    """In place of the logits."""
    for i in range(len(t)):
        z = _kept(t[i], single)
        t[i] = _kept(up[i] * _sigmoid(z, single, constants), single)
        if down is not None:
            t[i] = _kept(t[i] - _kept(down[i] * _sigmoid(-z, single, constants), single), single)


@_compiled
def _losses(t: np.ndarray, up: np.ndarray, down: np.ndarray | None, single: float | None, constants: tuple) -> None:
    """In place of the logits."""
    for i in range(len(t)):
        z = _kept(t[i], single)
        t[i] = _kept(up[i] * _softplus(z, single, constants), single)
        if down is not None:
            t[i] = _kept(t[i] + _kept(down[i] * _softplus(-z, single, constants), single), single)


@_compiled
def _add_products(x: np.ndarray, w: float, t: np.ndarray) -> None:
    """Add x w to t."""
    for i in range(len(t)):
        t[i] += x[i] * w


@_compiled
def _counted(x: np.ndarray, r: np.ndarray, M: float) -> Any:
    """The bits of x r + M, added up; what overflows comes back when those of M are taken off."""
    count = np.int64(0)
    for i in range(len(r)):
        count += _bits(x[i] * r[i] + M)
    return count


@_compiled
def _total(terms: np.ndarray) -> float:
    """The sum of numbers (K, B) that are not negative."""
    most: Any = np.int64(LEAST_POWER)
    for block in terms:
        for term in block:
            most = max(most, _bits(term) & MAGNITUDE)
    top = _number((most & EXPONENT) + (1 << 52)) if most < EXPONENT else np.nan
    M, high, low = 3 * top, np.int64(0), np.int64(0)
    for block in terms:
        count = np.int64(0)
        for term in block:
            count += _bits(term + M) - _bits(M)
        high, low = high + (count >> 32), low + (count & LOW)
    return (high * 2.0**32 + low) * (top * exact.UNIT)


@_compiled
def _walk(
    points: np.ndarray,
    velocity: np.ndarray,
    columns: np.ndarray,
    up: np.ndarray,
    down: np.ndarray | None,
    top: np.ndarray,
    largest: np.ndarray,
    penalty: np.ndarray,
    rule: tuple[float, float, bool],
    least: float,
    single: float | None,
    constants: tuple,
) -> None:
    """The points (C + 1, D + 1) after the first; rows are (C or 1, D + 1, K, B)."""
    rate, momentum, nesterov = rule
    rows, features, larger = columns.shape[3], len(velocity), 3 * top
    r, (counts, high, low) = np.empty(rows), np.empty((3, features), np.int64)
    for c in range(len(points) - 1):
        own, theta = c % len(columns), points[c]
        M = larger[own]
        high[:] = low[:] = 0
        for k in range(columns.shape[2]):
            counts[:] = 0
            for first in range(0, rows, TILE):
                stop = min(first + TILE, rows)
                t = r[first:stop]
                t[:] = 0
                for j in range(features):
                    _add_products(columns[own, j, k, first:stop], theta[j], t)
                less = None if down is None else down[own, k, first:stop]
                _residuals(t, up[own, k, first:stop], less, single, constants)
                for j in range(features):
                    counts[j] += _counted(columns[own, j, k, first:stop], t, M[j])
            for j in range(features):
                count = counts[j] - rows * _bits(M[j])
                high[j] += count >> 32
                low[j] += count & LOW
        fits = True
        for j in range(features):
            fits = fits and largest[own, j] * abs(theta[j]) < LARGEST_LOGIT
        for j in range(features):
            g = (high[j] * 2.0**32 + low[j]) * (top[own, j] * exact.UNIT if fits else np.nan)
            g = _stored(g + penalty[j] * theta[j], least, single)
            velocity[j] = _stored(momentum * velocity[j] + g, least, single)
            along = _stored(g + momentum * velocity[j], least, single) if nesterov else velocity[j]
            points[c + 1, j] = _stored(theta[j] - rate * along, least, single)


@_compiled
def _objectives(
    points: np.ndarray,
    columns: np.ndarray,
    up: np.ndarray,
    down: np.ndarray | None,
    penalty: np.ndarray,
    single: float | None,
    constants: tuple,
    values: np.ndarray,
) -> None:
    """At points (C, D + 1), into values (C,); rows are (C or 1, D + 1, K, B)."""
    terms = np.empty(columns.shape[2:])
    for c in range(len(points)):
        own, theta = c % len(columns), points[c]
        terms[:] = 0
        for k in range(len(terms)):
            t = terms[k]
            for j in range(len(theta)):
                _add_products(columns[own, j, k], theta[j], t)
            _losses(t, up[own, k], None if down is None else down[own, k], single, constants)
        squares = 0.5 * penalty * theta * theta
        values[c] = _kept(_total(terms) + _total(squares.reshape(1, -1)), single)


@_compiled
def _add(
    columns: np.ndarray,
    up: np.ndarray,
    down: np.ndarray | None,
    theta: np.ndarray,
    top: np.ndarray,
    tops: np.ndarray | None,
    constants: tuple,
    losses: np.ndarray,
    slopes: np.ndarray,
    bends: np.ndarray,
) -> None:
    """One block (D + 1, B) of a fit: what ``exact.add_exactly`` finds, into losses, slopes and bends."""
    rows, M, features = len(up), 3 * top, len(theta)
    t, r = np.zeros(rows), np.empty(rows)
    slopes[:] = -rows * M.view(np.int64)
    if tops is not None:
        bends[:] = -rows * (3 * tops).view(np.int64)
    for first in range(0, rows, TILE):
        stop = min(first + TILE, rows)
        z, x, less = t[first:stop], r[first:stop], None if down is None else down[first:stop]
        for j in range(features):
            _add_products(columns[j, first:stop], theta[j], z)
        losses[first:stop], x[:] = z, z
        _losses(losses[first:stop], up[first:stop], less, None, constants)
        _residuals(x, up[first:stop], less, None, constants)
        for j in range(features):
            slopes[j] += _counted(columns[j, first:stop], x, M[j])
        if tops is not None:
            for i in range(len(z)):
                weight = up[first + i] if less is None else up[first + i] + less[i]
                z[i] = weight * (_sigmoid(z[i], None, constants) * _sigmoid(-z[i], None, constants))
            for j in range(features):
                x[:] = columns[j, first:stop] * z
                for i in range(j, features):
                    bends[i, j] += _counted(columns[i, first:stop], x, 3 * tops[i, j])


def _given(rows: ExactRows) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The columns, up, which is 1 where there is none, and down, each step's or one for all."""
    each = rows.columns.ndim == 4
    up = np.ones(rows.columns.shape[-2:]) if rows.up is None else rows.up
    columns, up, down = (part if each or part is None else part[None] for part in (rows.columns, up, rows.down))
    return columns, np.broadcast_to(up, (len(columns), *up.shape[-2:])).copy(), down


def walk(
    theta: np.ndarray, velocity: np.ndarray, rows: ExactRows, penalty: np.ndarray, rule: ExactRule, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """``exact.walk``: C steps, the points and the velocity after the last."""
    points, speed = np.empty((steps + 1, len(theta))), velocity.copy()
    points[0] = theta
    units = (np.atleast_2d(rows.top), np.atleast_2d(rows.largest))
    kind = exact.LEAST[rule.dtype], _single(rule.dtype)
    _walk(
        points,
        speed,
        *_given(rows),
        *units,
        penalty,
        (rule.learning_rate, rule.momentum, rule.nesterov),
        *kind,
        _constants(),
    )
    return points, speed


def objectives(points: np.ndarray, rows: ExactRows, penalty: np.ndarray, dtype: str) -> np.ndarray:
    """``exact.objective`` at points (C, D + 1)."""
    values = np.empty(len(points))
    _objectives(np.ascontiguousarray(points), *_given(rows), penalty, _single(dtype), _constants(), values)
    return values


def add_exactly(rows: ExactRows, theta: np.ndarray, tops: np.ndarray | None) -> ExactSums:
    """``exact.add_exactly``: one block of a fit."""
    k, (columns, up, down) = len(theta), _given(rows)
    losses, slopes, bends = np.empty(up.shape[1:]), np.empty(k, np.int64), np.zeros((k, k), np.int64)
    parts = columns[0, :, 0], up[0, 0], None if down is None else down[0, 0]
    _add(*parts, theta, rows.top, tops, _constants(), losses[0], slopes, bends)
    return ExactSums(losses, slopes, None if tops is None else bends)


def _single(dtype: str) -> float | None:
    return exact.LEAST["float32"] if dtype == "float32" else None


IN_NUMBA = ExactMeans(np.asarray, np.asarray, walk, objectives, add_exactly)
train = partial(exact.train, means=IN_NUMBA)
