"""The sums of one pass on a CPU, compiled by numba: X is read from memory once, row after row.

Read beside ``fused_gpu.py``. A framework's products go over a block several times and stop at half the speed of memory.
Here a few rows give their logits and then, still in a core's first cache, their part of the gradient.
"""

from collections.abc import Iterable
from functools import cache, reduce
from math import factorial, log

import numba
import numpy as np

from ..data.blocks import Sums

TILE = 32  # rows, a multiple of four: enough for the vectors that exp is computed on, few enough to stay in cache
TILES = 64  # whose 1 + exp(-|m|), none above 2, are multiplied before one logarithm is taken
LANES = 8  # a row is read as a multiple of so many numbers, for a vector's worth costs as much as one of them
LINE = 64  # bytes of a cache's line: a vector written across two of them is slow to read again
LEAST = {4: -87.0, 8: -708.0}  # where exp still is a normal number
LOG2 = {4: (0.693359375, -2.1219444005469058e-4), 8: (float.fromhex("0x1.62e42fee00000p-1"), 1.9082149292705878e-10)}
"""log 2 in two parts, so that whole multiples of the first are exact."""
DEGREE = {4: 7, 8: 13}  # of exp's Taylor polynomial, whose next term is below half an ulp where |x| <= log(2) / 2

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
"""NaN stays NaN."""


def add_share(theta: np.ndarray, hessian: bool, share: Iterable[tuple[np.ndarray, np.ndarray | None]]) -> Sums:
    """The Sums of some blocks, of one at least."""
    return reduce(Sums.plus, (add_up(X, weight, theta, hessian=hessian) for X, weight in share))


def add_up(X: np.ndarray, weight: np.ndarray | None, theta: np.ndarray, *, hessian: bool = False) -> Sums:
    """Of X (k, R), the numbers of a row together, weight (R,) and theta (k,): losses, gradient and, if asked, Hessian.

    Losses and gradient are computed in the dtype of theta, and what a tile gives is added in float64. The Hessian is a
    product of rows, times the roots of their curvatures, with themselves, of which BLAS computes one half.
    """
    k = len(theta)
    padded = np.zeros(-(-k // LANES) * LANES, theta.dtype)
    padded[:k] = theta
    slope, bits = np.zeros(len(padded)), np.empty(TILE, f"i{theta.itemsize}")
    curvature = np.empty(X.shape[1], theta.dtype) if hessian else None
    value = _add_rows(X.T.reshape(-1), weight, k, padded, slope, curvature, bits, *_constants(theta.dtype))
    if curvature is None:
        return Sums(value, slope[:k], None)
    half = X * np.sqrt(curvature)
    return Sums(value, slope[:k], half @ half.T)


@cache
def _constants(dtype: np.dtype) -> tuple:
    """The coefficients of exp's polynomial, LEAST, 1 / log 2 and both parts of log 2."""
    size, real = dtype.itemsize, dtype.type
    series = tuple(real(1 / factorial(k)) for k in range(DEGREE[size], -1, -1))
    return series, *(real(number) for number in (LEAST[size], 1 / log(2), *LOG2[size]))


@_compiled
def _add_rows(X, weight, k, theta, gradient, curvature, bits, *constants):
    """A row is read into the next one, times zeros of theta; the last rows, where none is next, from a copy."""
    rows = len(X) // k
    followed = max(0, rows + 1 - -(-len(theta) // k))
    last = np.zeros((rows - followed) * k + len(theta), X.dtype)
    last[: (rows - followed) * k] = X[followed * k :]
    value = _add_tiles(X, weight, 0, followed, k, theta, gradient, curvature, bits, *constants)
    return value + _add_tiles(last, weight, followed, rows - followed, k, theta, gradient, curvature, bits, *constants)


@_compiled
def _add_tiles(X, weight, skipped, rows, k, theta, gradient, curvature, bits, series, least, per_log2, high, low):
    """``weight`` and ``curvature`` have ``skipped`` rows before the first of X."""
    zero, half, one = theta.dtype.type(0), theta.dtype.type(0.5), theta.dtype.type(1)
    fraction = 23 if bits.itemsize == 4 else 52
    bias = 127 if bits.itemsize == 4 else 1023
    logits, grown, slope = _zeros(TILE, theta), _zeros(TILE, theta), _zeros(len(theta), theta)
    power, value = bits.view(theta.dtype), 0.0
    for first in range(0, rows, TILE):
        n = min(TILE, rows - first)
        m = logits[:n]
        for i in range(n):  # one by one: memory is read ahead along one row better than along four
            x, z = X[(first + i) * k :], zero
            for j in range(len(theta)):
                z += x[j] * theta[j]
            m[i] = z
        for i in range(n):  # 2^e, for exp(x) = 2^e exp(x - e log 2)
            e = np.floor(max(-abs(m[i]), least) * per_log2 + half)
            bits[i] = (bits.dtype.type(e) + bits.dtype.type(bias)) << bits.dtype.type(fraction)
        losses = zero
        for i in range(n):
            x = max(-abs(m[i]), least)
            e = np.floor(x * per_log2 + half)
            f = x - e * high - e * low
            p = zero
            for coefficient in series:
                p = p * f + coefficient
            p *= power[i]
            loss = max(m[i], zero)
            if curvature is not None:
                curvature[skipped + first + i] = p / ((one + p) * (one + p))
            m[i] = (one if m[i] >= 0 else p) / (one + p)
            if weight is None:
                losses += loss
                grown[i] += p + grown[i] * p  # a product less 1: small losses keep their digits
            else:
                share = theta.dtype.type(weight[skipped + first + i])
                losses += share * (loss + np.log1p(p))
                m[i] *= share
                if curvature is not None:
                    curvature[skipped + first + i] *= share
        value += losses
        logits[n:] = 0
        for i in range(0, n, 4):
            a, b, c, d = i, min(i + 1, n - 1), min(i + 2, n - 1), min(i + 3, n - 1)
            A, B, C, D = X[(first + a) * k :], X[(first + b) * k :], X[(first + c) * k :], X[(first + d) * k :]
            for j in range(len(theta)):
                slope[j] += A[j] * logits[i] + B[j] * logits[i + 1] + C[j] * logits[i + 2] + D[j] * logits[i + 3]
        if first + TILE >= rows or (first // TILE) % TILES == TILES - 1:
            value += np.log1p(grown).sum()
            grown[:] = 0
        for j in range(len(theta)):
            gradient[j] += slope[j]
            slope[j] = 0
    return value


@_compiled
def _zeros(count, like):
    """So many zeros of that dtype, the first at the start of a line."""
    room = np.zeros(count + LINE // like.itemsize, like.dtype)
    return room[-room.ctypes.data % LINE // like.itemsize :][:count]
