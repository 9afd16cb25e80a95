"""A block's sums by one kernel that reads X once, in place of the framework's products.

Read beside ``logreg_torch/speed/fused.py``. The kernels are the same for both twins: on a CPU
``logreg_parity/solvers/kernels/cpu.py``, by numba, on a GPU ``logreg_parity/solvers/kernels/gpu.py``, by Triton.
"""

import warnings
from functools import cache
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import numpy as np

from logreg_parity.solvers.blocks import Sums


def is_fused(kernel, device):
    """Whether a kernel reads the blocks on that device: "fused", "plain", or "auto": on a GPU where it runs.

    Raises ValueError for another name, and for a kernel that is not installed.
    """
    if kernel not in ("auto", "plain", "fused"):
        raise ValueError(f"kernel is {kernel!r}; give 'auto', 'plain' or 'fused'")
    on_gpu = device.platform == "gpu"
    module = "jax_triton" if on_gpu else "numba"
    installed = find_spec(module) is not None
    if kernel == "fused" and not installed:
        raise ValueError(f"kernel='fused' needs {module} on this device, which is not installed; give kernel='plain'")
    return kernel == "fused" or (kernel == "auto" and on_gpu and installed and _runs(device))


@cache
def _runs(device):
    """Whether the GPU's kernel reads a block of one number; where not, a warning says why."""
    try:
        with jax.enable_x64(True):
            one = jax.device_put(np.ones((1, 1)), device)
            _on_gpu(one, None, one[0])[0].item()
    except Exception as error:
        warnings.warn(f"JAX reads X by plain products, for the kernel does not run here: {error}", stacklevel=2)
        return False
    return True


def add_share(theta, hessian, share):
    """The Sums of some blocks by the CPU's kernel, in NumPy: theta (D + 1,) in the arithmetic."""
    from logreg_parity.solvers.kernels.cpu import add_share

    return add_share(theta, hessian, share)


def add_block(total, X, weight, theta):
    """What ``blocked.add_block`` does, on a GPU and without a Hessian."""
    value, gradient = _on_gpu(X, weight, theta)
    return Sums(total.value + value, total.gradient + gradient, None)


@jax.jit
def _on_gpu(X, weight, theta):
    from jax_triton import triton_call

    from logreg_parity.solvers.kernels.gpu import add_tiles, launch

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
    found = parts.sum(axis=0)
    return found[-1], found[:-1]
