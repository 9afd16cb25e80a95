"""One reading of X by one kernel: on a CPU by numba, on a GPU by Triton. Both are optional.

On a CPU the kernel is NumPy's from end to end, and no twin has a part in it; on a GPU the twin launches it.
"""

import warnings
from importlib.util import find_spec

import numpy as np

from ...processor import named_blocks
from ...twins import check_name
from ..blocks import BlockPlace

FALLBACK = {"fused": "plain", "exact-fused": "exact"}
KERNELS = ("auto", "plain", "fused", "exact", "exact-fused")


def choose(kernel: str, place: BlockPlace) -> BlockPlace:
    """The place where "fused", a kernel, "plain", the framework's products, or "exact" arithmetic read X.

    "exact-fused" is exact arithmetic by a kernel of the CPU: the bits of "exact".

    "auto" is the kernel on a GPU where it runs. On a CPU the framework's products take the blocks that the user has
    named; for the kernel, which reads tiles, their size makes no difference. Raises ValueError for another name, for a
    kernel that is not installed, and for blocks that are named wrongly.
    """
    check_name("kernel", kernel, KERNELS, f"give {', '.join(KERNELS)}")
    on_gpu = place.workers is None
    if kernel == "exact":
        return place
    if kernel == "plain" or (kernel == "auto" and not on_gpu):  # without a look at what is installed, which takes time
        return place if on_gpu else place._replace(named=named_blocks(place.twin))
    if kernel == "exact-fused" and on_gpu:
        raise ValueError("kernel is 'exact-fused', which computes on a CPU; give 'exact', whose bits are the same")
    module = place.launcher if on_gpu else "numba"
    installed = find_spec(module) is not None
    if kernel in FALLBACK and not installed:
        needs = f"kernel={kernel!r} needs {module} on this device, which is not installed"
        raise ValueError(f"{needs}; give kernel={FALLBACK[kernel]!r}")
    if kernel == "exact-fused":
        from ...truth.exact_numba import add_exactly

        return place._replace(put=np.asarray, exact=add_exactly)
    if kernel == "auto" and not (installed and _runs(place)):
        return place
    if on_gpu:
        return place._replace(fused=True)
    from .cpu import add_share

    return place._replace(put=np.asarray, add=add_share, fused=True)


def _runs(place: BlockPlace) -> bool:
    """Whether the GPU's kernel reads a block of one number; where not, a warning says why."""
    try:
        with place.within():
            place.add([place.block(np.ones((1, 1)), None, 1)], theta=np.ones(1), hessian=False, fused=True)
    except Exception as error:  # of whatever kind: there are the framework, the launcher, the compiler and the driver
        what = f"{place.twin} reads X by plain products, for the kernel does not run here: {error}"
        warnings.warn(what, stacklevel=2)
        return False
    return True
