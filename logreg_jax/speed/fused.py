"""A block's sums on a GPU by one kernel that reads X once, in place of the framework's products.

Read beside ``logreg_torch/speed/fused.py``. The kernel is the same for both twins, in Triton:
``logreg_parity/solvers/kernels/gpu.py``. Here it is launched.
"""

import jax
import jax.numpy as jnp
from jax import Array


@jax.jit
def add_block(X: Array, weight: Array | None, theta: Array) -> Array:
    """What ``blocked.add_block`` does, on a GPU and without a Hessian.

    Args:
        X: signed rows (D + 1, R), the bias's last.
        weight: of the rows (R,), or None for all 1.
        theta: the point (D + 1,), the bias last; its dtype is that of the arithmetic.

    Returns:
        The sums in float64, (D + 2,), as ``Sums.of`` takes them.
    """
    from jax_triton import triton_call

    from logreg_parity.solvers.kernels.gpu import add_tiles, launch  # Triton may not be there

    k, n = X.shape
    programs, warps, constants = launch(k, n, weighted=weight is not None)
    parts = triton_call(
        X,
        theta,
        theta if weight is None else weight,
        n,
        k,
        kernel=add_tiles,
        out_type=jax.ShapeDtypeStruct((programs, k + 1), jnp.float64),
        grid=(programs,),
        num_warps=warps,
        **constants,
    )
    return parts.sum(axis=0)
