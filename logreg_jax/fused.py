"""A block's sums on a GPU: one launch of a Triton kernel, which reads X once.

Read beside ``logreg_torch/fused.py``; the kernel, which both launch, is ``logreg_parity/solvers/kernel.py``.
"""

from importlib.util import find_spec

import jax
import jax.numpy as jnp

from logreg_parity.data.blocks import Sums

WIDEST = 1024
"""How many parameters the kernel takes; with more, a tile has too few rows to be read at full speed."""


def covers(device, parameters, hessian):
    """Whether the kernel does a pass: without a Hessian, on a GPU, and where what launches it is installed."""
    installed = find_spec("jax_triton") is not None
    return device.platform == "gpu" and parameters <= WIDEST and not hessian and installed


@jax.jit
def add_block(total, X, weight, theta):
    """What ``blocked.add_block`` does, without a Hessian."""
    import jax_triton

    from logreg_parity.solvers import kernel

    k, n = X.shape
    programs, warps, constants = kernel.launch(k, n, weighted=weight is not None)
    parts = jax_triton.triton_call(
        X,
        theta,
        theta if weight is None else weight,
        n,
        k,
        kernel=kernel.add_tiles,
        out_type=jax.ShapeDtypeStruct((programs, k + 1), jnp.float64),
        grid=(programs,),
        num_warps=warps,
        **constants,
    )
    found = parts.sum(axis=0)
    return Sums(total.value + found[-1], total.gradient + found[:-1], None)
