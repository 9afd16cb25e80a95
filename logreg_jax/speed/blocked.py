"""One pass: value, gradient and, when asked, Hessian from a single reading of X, block by block.

Read beside ``logreg_torch/speed/blocked.py``; what a block holds, and who adds up which, is said in
``logreg_parity.solvers.blocks``. Plain code reads X twice, for Xw and for Xᵀr. Here a block is still in cache when it
is needed again, and several threads share the blocks; a kernel does the same at one go (``fused.py``). Each block's
sums are added in float64, so that float32 arithmetic loses fewer digits than plain code does; float64 arithmetic on
float32 rows reads no more memory than float32 does.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from logreg_parity.solvers.blocks import Block, Sums, add_up, ahead

from ..convert import _ONE_ORDER
from . import fused as kernel


@partial(jax.jit, static_argnames="hessian", compiler_options=_ONE_ORDER)
def add_block(X: Array, weight: Array | None, theta: Array, hessian: bool) -> Array:
    """The Sums of one block in one array, as ``Sums.of`` takes them: X (D + 1, R), weight (R,) or None.

    Args:
        X: signed rows (D + 1, R), the bias's last.
        weight: of the rows (R,), or None for all 1.
        theta: the point (D + 1,), the bias last; its dtype is that of the arithmetic.
        hessian: whether the second derivative is asked for too.

    Returns:
        The sums in float64, (D + 2,) or, with the Hessian, (D + 2 + (D + 1)²,).
    """
    X = X.astype(theta.dtype)
    m = theta @ X
    p = jax.nn.sigmoid(m)
    losses = jnp.maximum(m, 0) + jnp.log1p(jnp.exp(-jnp.abs(m)))
    h = p * jax.nn.sigmoid(-m) if hessian else None
    if weight is not None:
        weight = weight.astype(theta.dtype)
        losses, p, h = weight * losses, weight * p, None if h is None else weight * h
    sums = X @ p, losses.sum(), None if h is None else (X * h) @ X.T
    return jnp.concatenate([part.astype(jnp.float64).ravel() for part in sums if part is not None])


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
    add = kernel.add_block if fused else partial(add_block, hessian=hessian)
    if len(share) == 1:
        return Sums.of(np.asarray(add(share[0].X, share[0].weight, theta)), len(theta))
    parts = ahead((add(X, weight, theta) for X, weight, _ in share), len(theta) ** (2 if hessian else 1))
    return add_up((Sums.of(np.asarray(sums), len(theta)) for sums in parts), len(share))
