"""One pass: value, gradient and, when asked, Hessian from a single reading of X, block by block.

Read beside ``logreg_jax/speed/blocked.py``; what a block holds is said in ``logreg_parity.solvers.blocks``. Plain code
reads X twice, for Xw and for Xᵀr. Here a block is still in cache when it is needed again, and several threads share the
blocks; a kernel does the same at one go (``fused.py``). Each block's sums are added in float64, so that float32
arithmetic loses fewer digits than plain code does; float64 arithmetic on float32 rows reads no more memory than float32
does.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
import torch

from logreg_parity.solvers.blocks import Blocks, Place, Sums, processors
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.stream import Stream
from logreg_parity.solvers.streamed import Streamed

from ..convert import arithmetic as precision
from ..convert import find_device, find_dtype, to_numpy
from . import fused


def pack(dataset, *, dtype="float64", device="cpu", intercept=True, kernel="auto"):
    """The data set on the device, as Blocks, the one copy of X there is; of a Stream, as Streamed, no copy is kept.

    intercept: whether the model has a bias; without one the bias of every point and gradient is 0. kernel: what reads
    the blocks: "plain", the framework's products; "fused", a kernel of ``fused.py``; or "auto", on a CPU the former.
    """
    to = find_device(device)
    workers = processors() if to.type == "cpu" else None
    place = Place(lambda array: torch.from_numpy(array).to(to), workers, fused.is_fused(kernel, to))
    place = place._replace(put=np.asarray) if place.in_tiles else place  # that kernel knows no framework
    packed = Streamed if isinstance(dataset, Stream) else Blocks.of
    return packed(dataset, dtype, place, intercept=intercept)


def add_block(total, X, weight, theta):
    """The Sums so far and those of one block: X (D + 1, R), weight (R,) or None, in the arithmetic of theta."""
    X = X.to(theta.dtype)
    m = theta @ X
    losses = torch.nn.functional.softplus(m, threshold=40)  # log1p(exp(m)), and m where they are the same float64
    h = None if total.hessian is None else torch.sigmoid(m) * torch.sigmoid(-m)
    p = m.sigmoid_()  # in place: no new memory
    if weight is not None:
        weight = weight.to(theta.dtype)
        losses, p, h = weight * losses, weight * p, None if h is None else weight * h
    hessian = None if h is None else total.hessian + (X * h) @ X.T
    return Sums(total.value + losses.sum(), total.gradient + X @ p, hessian)


def sums(blocks, theta, *, arithmetic="float64", hessian=False):
    """The Sums over all rows at theta (D + 1,), NumPy in and out: one pass, in that arithmetic."""
    with precision(arithmetic):
        if blocks.place.in_tiles:
            return blocks.add_up(partial(fused.add_share, theta.astype(arithmetic), hessian), _threads())
        return blocks.add_up(partial(_add_share, blocks.place, theta, arithmetic, hessian), _threads())


def value_and_grad(blocks, parameters, *, l2=0.0, reduction="mean", arithmetic="float64"):
    """The objective and its gradient, as Parameters, in one pass over packed data."""
    return Objective(blocks, sums, l2=l2, reduction=reduction).value_and_grad(parameters, arithmetic)


@contextmanager
def _one_thread():
    """PyTorch's own in this thread: the workers are the threads there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
@_one_thread()
def _add_share(place, theta, arithmetic, hessian, share):
    device = place.put(np.zeros(0)).device
    zeros = partial(torch.zeros, dtype=torch.float64, device=device)
    total = Sums(zeros(()), zeros(len(theta)), zeros((len(theta), len(theta))) if hessian else None)
    theta = torch.tensor(theta, dtype=find_dtype(arithmetic), device=device)
    add = fused.add_block if place.has_kernel(len(theta), hessian=hessian) else add_block
    for X, weight, _ in share:
        total = add(total, X, weight, theta)
    return Sums(*(None if part is None else to_numpy(part) for part in total))


@cache
def _threads():
    """The workers' threads."""
    return ThreadPoolExecutor(processors())
