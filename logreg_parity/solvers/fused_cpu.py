"""The sums of one pass on a CPU, compiled by numba: X is read from memory once, and no core waits for another.

Read beside ``fused_gpu.py``. A framework's products go over a block several times and stop at half the speed of memory.
Here a tile of rows gives its logits and then its part of the gradient while it is in cache, and float64 arithmetic on
float32 rows takes hardly longer than float32 does.
"""

from math import factorial, log

import numba
import numpy as np

TILE_BYTES = 2**20  # fit into a core's own cache
TILE_ROWS = (2**8, 2**11)  # at least, for memory is read in runs of so many numbers, and at most
TILES = 64  # whose 1 + exp(-|m|), none above 2, are multiplied before one logarithm is taken
LEAST = {4: -87.0, 8: -708.0}  # where exp still is a normal number
LOG2 = {4: (0.693359375, -2.1219444005469058e-4), 8: (float.fromhex("0x1.62e42fee00000p-1"), 1.9082149292705878e-10)}
"""log 2 in two parts, so that whole multiples of the first are exact."""
DEGREE = {4: 7, 8: 13}  # of exp's Taylor polynomial, whose next term is below half an ulp where |x| <= log(2) / 2


def add_up(X: np.ndarray, weight: np.ndarray | None, theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Of X (k, R), weight (R,) and theta (k,), the sum of the losses and the gradient (k,), in the dtype of theta.

    The sums of tiles are added in float64.
    """
    size, real = theta.itemsize, theta.dtype.type
    padded = np.append(theta, np.zeros(-len(theta) % 4, real))
    tile = int(np.clip(TILE_BYTES // (len(X) * X.itemsize), *TILE_ROWS))
    gradient, bits = np.zeros(len(padded)), np.empty(tile, f"i{size}")
    series = tuple(real(1 / factorial(k)) for k in range(DEGREE[size], -1, -1))
    constants = (real(number) for number in (LEAST[size], 1 / log(2), *LOG2[size]))
    value = _add_tiles(X, weight, padded, gradient, bits, bits.view(real), series, *constants)
    return value, gradient[: len(theta)]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})  # NaN stays NaN
def _add_tiles(X, weight, theta, gradient, bits, power, series, least, per_log2, high, low):
    (k, rows), tile = X.shape, len(bits)
    zero, half, one = theta.dtype.type(0), theta.dtype.type(0.5), theta.dtype.type(1)
    fraction = 23 if bits.itemsize == 4 else 52
    bias = 127 if bits.itemsize == 4 else 1023
    logits, grown, value = np.empty(tile, theta.dtype), np.zeros(tile, theta.dtype), 0.0
    for first in range(0, rows, tile):
        n = min(tile, rows - first)
        m = logits[:n]
        m[:] = 0
        for j in range(0, len(theta), 4):
            a, b, c, d = X[j], X[min(j + 1, k - 1)], X[min(j + 2, k - 1)], X[min(j + 3, k - 1)]
            a, b, c, d = a[first:][:n], b[first:][:n], c[first:][:n], d[first:][:n]
            for i in range(n):
                m[i] += a[i] * theta[j] + b[i] * theta[j + 1] + c[i] * theta[j + 2] + d[i] * theta[j + 3]
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
            m[i] = (one if m[i] >= 0 else p) / (one + p)
            if weight is None:
                losses += loss
                grown[i] += p + grown[i] * p  # a product less 1: small losses keep their digits
            else:
                share = theta.dtype.type(weight[first + i])
                losses += share * (loss + np.log1p(p))
                m[i] *= share
        value += losses
        if first + tile >= rows or (first // tile) % TILES == TILES - 1:
            value += np.log1p(grown).sum()
            grown[:] = 0
        for j in range(0, len(theta), 4):
            a, b, c, d = X[j], X[min(j + 1, k - 1)], X[min(j + 2, k - 1)], X[min(j + 3, k - 1)]
            a, b, c, d = a[first:][:n], b[first:][:n], c[first:][:n], d[first:][:n]
            sa = sb = sc = sd = zero
            for i in range(n):
                sa += a[i] * m[i]
                sb += b[i] * m[i]
                sc += c[i] * m[i]
                sd += d[i] * m[i]
            gradient[j] += sa
            gradient[j + 1] += sb
            gradient[j + 2] += sc
            gradient[j + 3] += sd
    return value
