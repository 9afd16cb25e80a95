"""The fit: the optimum by the fastest way there is, with a proof of how near it is.

Read beside ``logreg_jax/speed/fit.py``. The solvers are ``logreg_parity.solvers``, which knows no framework; the
passes over the data, in which the time goes, are ``blocked.py``; and L-BFGS is the framework's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from logreg_parity.solvers.blocks import BlockPlace, processors
from logreg_parity.solvers.solve import Fitter

from ..convert import arithmetic, find_device, one_thread
from .blocked import add_share
from .exact_pass import add_exactly
from .lbfgs import lbfgs


@contextmanager
def within() -> Iterator[None]:
    """Full float64, on one thread: the workers are the threads there are."""
    with arithmetic("float64"), one_thread():
        yield


def place(device: str) -> BlockPlace:
    """What a fit has to know of a device: how blocks get there, and what adds them up.

    Args:
        device: "cpu", "cuda" or "auto".

    Returns:
        The BlockPlace: on a CPU every processor takes a share of the blocks, a GPU shares each among its cores itself.

    Raises:
        ValueError: for a device there is not.
    """
    to = find_device(device)
    workers = processors() if to.type == "cpu" else None
    put = lambda array: torch.from_numpy(array).to(to)  # noqa: E731
    return BlockPlace(put, add_share, workers, within, "logreg_torch", "triton", exact=add_exactly)


FITTER = Fitter(place, lbfgs)
fit = FITTER.fit
infer = FITTER.infer
pack = FITTER.pack
solve = FITTER.solve
