"""The rows of a block in memory: one tile for a framework's products, many for the CPU's kernel, one after another.

In a tile the numbers of a feature lie together. Those of the kernel have as many rows as a processor computes on at
once, several times over, and lane i of tile t of T holds row i T + t of the block: a tile is a sample of its block, as
a block is of the data set. Lanes beyond the last row hold zeros.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import prod

import numpy as np

TILE = 64  # rows: some vectors' worth, and so few that 1000 features of them stay in a core's second cache
LINE = 64  # bytes of a cache's line: a vector written or read across two of them takes twice as long


def fill(tiles: np.ndarray, X: np.ndarray, sign: np.ndarray) -> None:
    """Write rows (R, D), and a column of ones where there is room for one, times their signs (R,), into (T, D + 1, L).

    Values too large for the dtype become infinite.
    """
    rows = len(X)
    full, rest = divmod(rows, len(tiles))  # lanes that hold a row in every tile, rows in one lane more
    _write(tiles[..., :full], X[: rows - rest], sign[: rows - rest])
    if rest:
        _write(tiles[:rest, :, full : full + 1], X[rows - rest :], sign[rows - rest :])


def rows_in(tiles: int, rows: int, step: int) -> int:
    """How many of the rows are in every ``step``-th of so many tiles, from the first on."""
    each, more = divmod(rows, tiles)
    return each * len(range(0, tiles, step)) + len(range(0, more, step))


def aligned(shapes: Sequence[tuple[int, ...]], dtype: np.dtype) -> list[np.ndarray]:
    """Zeros of these shapes, each beginning where a line begins, in one piece: a large one is held in large pages."""
    line = LINE // dtype.itemsize
    starts = [0, *accumulate(-(-prod(shape) // line) * line for shape in shapes)]
    piece = np.zeros(starts[-1] + line, dtype)
    piece = piece[-piece.ctypes.data % LINE // dtype.itemsize :]
    return [piece[start:][: prod(shape)].reshape(shape) for start, shape in zip(starts, shapes, strict=False)]


def _write(lanes: np.ndarray, X: np.ndarray, sign: np.ndarray) -> None:
    """Into lanes (T, D + 1, L) of the tiles: rows (L T, D), and their signs into what is left of the columns."""
    tiles, _, count = lanes.shape
    d = X.shape[1]
    signs = sign.reshape(count, tiles).T[:, None]
    with np.errstate(over="ignore"):
        np.multiply(X.reshape(count, tiles, d).transpose(1, 2, 0), signs, out=lanes[:, :d], casting="same_kind")
    lanes[:, d:] = signs
