"""One pass: value, gradient and, when asked, Hessian from a single reading of X, block by block.

Read beside ``logreg_jax/speed/blocked.py``; what a block holds, and who adds up which, is said in
``logreg_parity.solvers.blocks``. Plain code reads X twice, for Xw and for Xᵀr. Here a block is still in cache when it
is needed again, and several threads share the blocks; a kernel does the same at one go (``fused.py``). Each block's
sums are added in float64, so that float32 arithmetic loses fewer digits than plain code does; float64 arithmetic on
float32 rows reads no more memory than float32 does.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from logreg_parity.solvers.blocks import Block, Sums, add_up, ahead

from . import fused as kernel


def add_block(X: Tensor, weight: Tensor | None, theta: Tensor, hessian: bool) -> Tensor:
    """The Sums of one block in one array, as ``Sums.of`` takes them: X (D + 1, R), weight (R,) or None.

    Args:
        X: signed rows (D + 1, R), the bias's last.
        weight: of the rows (R,), or None for all 1.
        theta: the point (D + 1,), the bias last; its dtype is that of the arithmetic.
        hessian: whether the second derivative is asked for too.

    Returns:
        The sums in float64, (D + 2,) or, with the Hessian, (D + 2 + (D + 1)²,).
    """
    X = X.to(theta.dtype)
    m = theta @ X
    losses = torch.nn.functional.softplus(m, threshold=40)  # log1p(exp(m)), and m where they are the same float64
    h = (-m).sigmoid_() if hessian else None
    p = m.sigmoid_()  # in place: no new memory
    h = None if h is None else h.mul_(p)
    if weight is not None:
        weight = weight.to(theta.dtype)
        losses, p, h = weight * losses, weight * p, None if h is None else weight * h
    bend = [] if h is None else [((X * h) @ X.T).flatten()]
    return torch.cat([X @ p, losses.sum(0, keepdim=True), *bend]).double()


def add_share(share: Sequence[Block], theta: np.ndarray, hessian: bool, fused: bool) -> Sums:
    """The Sums of some blocks at theta (D + 1,), in its arithmetic, by the kernel where ``fused``; in NumPy.

    Args:
        share: one block at least.
        theta: the point (D + 1,), the bias last; its dtype is that of the arithmetic.
        hessian: whether the second derivative is asked for too.
        fused: whether the GPU's kernel makes the sums.

    Returns:
        The Sums: (), (D + 1,) and (D + 1, D + 1) or None, in float64.
    """
    point = torch.from_numpy(theta).to(share[0].X.device)
    add = kernel.add_block if fused else partial(add_block, hessian=hessian)
    if len(share) == 1:
        return Sums.of(add(share[0].X, share[0].weight, point).cpu().numpy(), len(theta))
    parts = ahead((add(X, weight, point) for X, weight, _ in share), len(theta) ** (2 if hessian else 1))
    return add_up((Sums.of(sums.cpu().numpy(), len(theta)) for sums in parts), len(share))
