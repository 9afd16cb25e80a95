"""The rows of a block in memory: one tile for a framework's products, many for the CPU's kernel, one after another.

In a tile the numbers of a feature lie together. Those of the kernel have as many rows as a processor computes on at
once, several times over, and lane i of tile t of T holds row i T + t of the block: a tile is a sample of its block, as
a block is of the data set. Lanes beyond the last row hold zeros.
"""

from math import prod

import numpy as np

TILE = 64  # rows: some vectors' worth, and so few that 1000 features of them stay in a core's second cache
LINE = 64  # bytes of a cache's line: a vector written or read across two of them takes twice as long


def signed_tiles(
    X: np.ndarray, sign: np.ndarray, dtype: str, *, intercept: bool = False, tile: int | None
) -> np.ndarray:
    """Rows (R, D) and a last column of ones, times their signs (R,), as (T, D + 1, tile); as (1, D + 1, R) for None.

    Values too large for the dtype become infinite.
    """
    rows, d = X.shape
    tiles = 1 if tile is None else -(-rows // tile)
    full = rows // tiles  # lanes that hold a row in every tile
    found = aligned((tiles, d + intercept, tile or rows), np.dtype(dtype))
    _write(found[..., :full], X[: full * tiles], sign[: full * tiles])
    rest = rows - full * tiles
    if rest:
        _write(found[:rest, :, full : full + 1], X[full * tiles :], sign[full * tiles :])
    return found


def rows_in(tiles: int, rows: int, step: int) -> int:
    """How many of the rows are in every ``step``-th of so many tiles, from the first on."""
    each, more = divmod(rows, tiles)
    return each * len(range(0, tiles, step)) + len(range(0, more, step))


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros that begin where a line begins."""
    size = prod(shape)
    room = np.zeros(size + LINE // dtype.itemsize, dtype)
    return room[-room.ctypes.data % LINE // dtype.itemsize :][:size].reshape(shape)


def _write(lanes: np.ndarray, X: np.ndarray, sign: np.ndarray) -> None:
    """Into lanes (T, D + 1, L) of the tiles: rows (L T, D), and their signs into what is left of the columns."""
    tiles, _, count = lanes.shape
    d = X.shape[1]
    signs = sign.reshape(count, tiles).T[:, None]
    with np.errstate(over="ignore"):
        np.multiply(X.reshape(count, tiles, d).transpose(1, 2, 0), signs, out=lanes[:, :d], casting="same_kind")
    lanes[:, d:] = signs
