"""A block's sums on a GPU by one kernel that reads X once, in place of the framework's products.

Read beside ``logreg_jax/speed/fused.py``. The kernel is the same for both twins, in Triton:
``logreg_parity/solvers/kernels/gpu.py``. Here it is launched.
"""

import torch
from torch import Tensor


def add_block(X: Tensor, weight: Tensor | None, theta: Tensor) -> Tensor:
    """What ``blocked.add_block`` does, on a GPU and without a Hessian.

    Args:
        X: signed rows (D + 1, R), the bias's last.
        weight: of the rows (R,), or None for all 1.
        theta: the point (D + 1,), the bias last; its dtype is that of the arithmetic.

    Returns:
        The sums in float64, (D + 2,), as ``Sums.of`` takes them.
    """
    from logreg_parity.solvers.kernels.gpu import add_tiles, launch  # Triton may not be there

    k, n = X.shape
    programs, warps, constants = launch(k, n, weighted=weight is not None)
    parts = torch.empty(programs, k + 1, dtype=torch.float64, device=X.device)
    with torch.cuda.device_of(X):
        add_tiles[programs,](X, theta, theta if weight is None else weight, n, k, parts, **constants, num_warps=warps)
    return parts.sum(dim=0)
