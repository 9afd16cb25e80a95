"""One pass: value, gradient and, when asked, Hessian from a single reading of X, block by block.

Read beside ``logreg_torch/speed/blocked.py``; what a block holds is said in ``logreg_parity.solvers.blocks``. Plain
code reads X twice, for Xw and for Xᵀr. Here a block is still in cache when it is needed again, and several threads
share the blocks; a kernel does the same at one go (``fused.py``). Each block's sums are added in float64, so that
float32 arithmetic loses fewer digits than plain code does; float64 arithmetic on float32 rows reads no more memory than
float32 does.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from logreg_parity.solvers.blocks import Blocks, Place, Sums, processors
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.stream import Stream
from logreg_parity.solvers.streamed import Streamed

from ..convert import arithmetic as precision
from ..convert import find_device, to_numpy
from . import fused


def pack(dataset, *, dtype="float64", device="cpu", intercept=True, kernel="auto"):
    """The data set on the device, as Blocks, the one copy of X there is; of a Stream, as Streamed, no copy is kept.

    intercept: whether the model has a bias; without one the bias of every point and gradient is 0. kernel: what reads
    the blocks: "plain", the framework's products; "fused", a kernel of ``fused.py``; or "auto", on a CPU the former.
    """
    to = find_device(device)
    workers = processors() if to.platform == "cpu" else None
    place = Place(partial(jax.device_put, device=to), workers, fused.is_fused(kernel, to))
    place = place._replace(put=np.asarray) if place.in_tiles else place  # that kernel knows no framework
    packed = Streamed if isinstance(dataset, Stream) else Blocks.of
    with precision("float64"):
        return packed(dataset, dtype, place, intercept=intercept)


@jax.jit
def add_block(total, X, weight, theta):
    """The Sums so far and those of one block: X (D + 1, R), weight (R,) or None, in the arithmetic of theta."""
    X = X.astype(theta.dtype)
    m = theta @ X
    p = jax.nn.sigmoid(m)
    losses = jnp.maximum(m, 0) + jnp.log1p(jnp.exp(-jnp.abs(m)))
    h = None if total.hessian is None else p * jax.nn.sigmoid(-m)
    if weight is not None:
        weight = weight.astype(theta.dtype)
        losses, p, h = weight * losses, weight * p, None if h is None else weight * h
    hessian = None if h is None else total.hessian + (X * h) @ X.T
    return Sums(total.value + losses.sum(), total.gradient + X @ p, hessian)


def sums(blocks, theta, *, arithmetic="float64", hessian=False):
    """The Sums over all rows at theta (D + 1,), NumPy in and out: one pass, in that arithmetic."""
    with precision("float64"):  # of this thread, which packs where the blocks are streamed
        if blocks.place.in_tiles:
            return blocks.add_up(partial(fused.add_share, theta.astype(arithmetic), hessian), _threads())
        return blocks.add_up(partial(_add_share, blocks.place, theta, arithmetic, hessian), _threads())


def value_and_grad(blocks, parameters, *, l2=0.0, reduction="mean", arithmetic="float64"):
    """The objective and its gradient, as Parameters, in one pass over packed data."""
    return Objective(blocks, sums, l2=l2, reduction=reduction).value_and_grad(parameters, arithmetic)


@precision("float64")  # of every thread: float32 arithmetic is that of theta's dtype
def _add_share(place, theta, arithmetic, hessian, share):
    size, theta = len(theta), theta.astype(arithmetic)
    total = Sums(np.zeros(()), np.zeros(size), np.zeros((size, size)) if hessian else None)
    add = fused.add_block if place.has_kernel(size, hessian=hessian) else add_block
    for X, weight, _ in share:
        total = add(total, X, weight, theta)
    return Sums(*(None if part is None else to_numpy(part) for part in total))


@cache
def _threads():
    """The workers' threads."""
    return ThreadPoolExecutor(processors())
