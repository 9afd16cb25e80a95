"""The sums of one pass on a GPU, in Triton, which both frameworks can launch: every number of X is read once.

Plain products read X twice. Here a program holds a tile of X in its registers, takes from it the logits of some rows
and then their part of the gradient, and goes on to its next tile. Tiles are summed in the arithmetic of theta, and the
sums of a program's tiles in float64.
"""

from typing import Any, NamedTuple

import triton
import triton.language as tl

TILE = 2**12  # numbers of X a program holds, unless that were fewer rows than fill a sector of memory
A_WARP = 2**10  # of them: 32 a thread, so that none leaves the registers
FEWEST_ROWS = 8
PROGRAMS = 2**11  # at most: some rounds on the largest GPUs, and partial sums that weigh nothing beside a block


@triton.jit
def add_tiles(
    X: Any,
    theta: Any,
    weight: Any,
    n: Any,
    k: Any,
    parts: Any,
    ROWS: tl.constexpr,
    FEATURES: tl.constexpr,
    WEIGHTED: tl.constexpr,
) -> None:
    """Of X (k, n), theta (k,) and weight (n,): each program's sums, parts (programs, k + 1), the losses' last."""
    feature = tl.arange(0, FEATURES)
    own = feature < k
    point = tl.load(theta + feature, mask=own, other=0.0)
    value = tl.zeros((1,), tl.float64)
    gradient = tl.zeros((FEATURES,), tl.float64)
    line = X + feature[:, None].to(tl.int64) * n
    start = tl.program_id(0) * ROWS
    while start < n:
        row = start + tl.arange(0, ROWS)
        there = row < n
        tile = tl.load(line + row[None, :], mask=own[:, None] & there[None, :], other=0.0).to(point.dtype)
        m = tl.sum(tile * point[:, None], axis=0)
        e = tl.exp(-tl.abs(m))
        up = 1 + e
        log1p = tl.where(up == 1, e, tl.log(up) * (e / (up - 1)))  # Kahan's: what up lost is put back
        loss = tl.where(there, tl.maximum(m, 0) + log1p, 0.0)
        p = tl.where(m >= 0, 1, e) / up
        if WEIGHTED:
            share = tl.load(weight + row, mask=there, other=0.0).to(point.dtype)
            loss *= share
            p *= share
        value += tl.sum(loss, axis=0).to(tl.float64)
        gradient += tl.sum(tile * p[None, :], axis=1).to(tl.float64)
        start += tl.num_programs(0) * ROWS
    part = parts + tl.program_id(0) * (k + 1)
    tl.store(part + feature, gradient, mask=own)
    tl.store(part + k + tl.arange(0, 1), value)


class Launch(NamedTuple):
    """How many programs, of how many warps each, and what the kernel is compiled for."""

    programs: int
    warps: int
    constants: dict[str, int | bool]


def launch(k: int, n: int, *, weighted: bool) -> Launch:
    """Of a block X (k, n)."""
    features = triton.next_power_of_2(k)
    rows = max(FEWEST_ROWS, TILE // features)
    constants = {"ROWS": rows, "FEATURES": features, "WEIGHTED": weighted}
    return Launch(min(PROGRAMS, triton.cdiv(n, rows)), max(1, rows * features // A_WARP), constants)
