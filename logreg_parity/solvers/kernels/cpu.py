"""The sums of one pass on a CPU, compiled by numba: X is read from memory once, tile after tile.

Read beside ``gpu.py``; what a tile is, ``solvers/tiles.py`` says. A framework's products go over a block several
times and stop at half the speed of memory. Here a tile gives its logits and then, still in a core's cache, its part of
the gradient; all loops over its lanes become vectors.
"""

from collections.abc import Sequence
from functools import cache
from math import factorial, log

import numba
import numpy as np

from ..blocks import Block, Sums, add_up
from ..threads import one_blas_thread
from ..tiles import TILE, aligned

TILES = 64  # whose 1 + exp(-|m|), none above 2, are multiplied before one logarithm is taken
LEAST = {4: -87.0, 8: -708.0}  # where exp still is a normal number
LOG2 = {4: (0.693359375, -2.1219444005469058e-4), 8: (float.fromhex("0x1.62e42fee00000p-1"), 1.9082149292705878e-10)}
"""log 2 in two parts, so that whole multiples of the first are exact."""
DEGREE = {4: 7, 8: 13}  # of exp's Taylor polynomial, whose next term is below half an ulp where |x| <= log(2) / 2

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
"""NaN stays NaN."""


def add_share(share: Sequence[Block], theta: np.ndarray, hessian: bool, fused: bool = True) -> Sums:
    """The Sums of some blocks, of one at least: ``add`` of a BlockPlace that needs no framework."""
    (scratch,) = aligned([(3, TILE)], theta.dtype)
    return add_up((_sums(block, theta, scratch, hessian=hessian) for block in share), len(share))


def _sums(block: Block, theta: np.ndarray, scratch: np.ndarray, *, hessian: bool) -> Sums:
    """Of a block in tiles and theta (k,): losses, gradient and, if asked, Hessian.

    Losses and gradient are computed in the dtype of theta, and what a tile gives is added in float64. The Hessian is a
    product of rows, times the roots of their curvatures, with themselves, of which BLAS computes one half.
    """
    X, weight, rows = block
    gradient, (m, grown, power) = np.zeros(len(theta)), scratch
    bits = power.view(f"i{theta.itemsize}")
    curvature = np.zeros((len(X), TILE), theta.dtype) if hessian else None
    value = _add_tiles(X, weight, rows, theta, gradient, curvature, m, grown, power, bits, *_constants(theta.dtype))
    if curvature is None:
        return Sums(value, gradient, None)
    half = np.empty((len(theta), *curvature.shape), theta.dtype)
    np.multiply(np.moveaxis(X, 1, 0), np.sqrt(curvature), out=half)
    half = half.reshape(len(theta), -1)
    with one_blas_thread:
        return Sums(value, gradient, half @ half.T)


@cache
def _constants(dtype: np.dtype) -> tuple:
    """The coefficients of exp's polynomial, LEAST, 1 / log 2 and both parts of log 2."""
    size, real = dtype.itemsize, dtype.type
    series = tuple(real(1 / factorial(k)) for k in range(DEGREE[size], -1, -1))
    return series, *(real(number) for number in (LEAST[size], 1 / log(2), *LOG2[size]))


@_compiled
def _add_tiles(
    X: np.ndarray,
    weight: np.ndarray | None,
    rows: int,
    theta: np.ndarray,
    gradient: np.ndarray,
    curvature: np.ndarray | None,
    m: np.ndarray,
    grown: np.ndarray,
    power: np.ndarray,
    bits: np.ndarray,
    series: tuple[np.floating, ...],
    least: np.floating,
    per_log2: np.floating,
    high: np.floating,
    low: np.floating,
) -> float:
    """The loss. Gradient and curvature are written into; grown is zeros, before and after; bits is power's bits.

    m, grown and power (TILE,) are scratch.
    """
    zero, half, one = theta.dtype.type(0), theta.dtype.type(0.5), theta.dtype.type(1)
    fraction = 23 if theta.itemsize == 4 else 52
    bias = 127 if theta.itemsize == 4 else 1023
    tiles, k, _ = X.shape
    value = 0.0
    for t in range(tiles):
        n = (rows - t + tiles - 1) // tiles  # lanes that hold a row
        m[:] = zero
        for j in range(k):
            for i in range(TILE):
                m[i] += theta[j] * X[t, j, i]
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
                curvature[t, i] = p / ((one + p) * (one + p))
            m[i] = (one if m[i] >= 0 else p) / (one + p)
            if weight is None:
                losses += loss
                grown[i] += p + grown[i] * p  # a product less 1: small losses keep their digits
            else:
                share = theta.dtype.type(weight[t, i])
                losses += share * (loss + np.log1p(p))
                m[i] *= share
                if curvature is not None:
                    curvature[t, i] *= share
        value += losses
        for j in range(k):
            slope = zero
            for i in range(TILE):
                slope += m[i] * X[t, j, i]
            gradient[j] += slope
        if t == tiles - 1 or t % TILES == TILES - 1:
            value += np.log1p(grown).sum()
            grown[:] = zero
    return value
