"""A block's sums on a GPU: one launch of a Triton kernel, which reads X once.

Read beside ``logreg_jax/fused.py``; the kernel, which both launch, is ``logreg_parity/solvers/kernel.py``.
"""

from importlib.util import find_spec

import torch

from logreg_parity.data.blocks import Sums

WIDEST = 1024
"""How many parameters the kernel takes; with more, a tile has too few rows to be read at full speed."""


def covers(device, parameters, hessian):
    """Whether the kernel does a pass: without a Hessian, on a GPU, and where what launches it is installed."""
    installed = find_spec("triton") is not None
    return device.type == "cuda" and parameters <= WIDEST and not hessian and installed


def add_block(total, X, weight, theta):
    """What ``blocked.add_block`` does, without a Hessian."""
    from logreg_parity.solvers import kernel

    k, n = X.shape
    programs, warps, constants = kernel.launch(k, n, weighted=weight is not None)
    parts = torch.empty(programs, k + 1, dtype=torch.float64, device=X.device)
    with torch.cuda.device_of(X):
        kernel.add_tiles[programs,](
            X, theta, theta if weight is None else weight, n, k, parts, **constants, num_warps=warps
        )
    found = parts.sum(dim=0)
    return Sums(total.value + found[-1], total.gradient + found[:-1], None)
