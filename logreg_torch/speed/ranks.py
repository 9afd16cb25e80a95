"""Several processes: the framework's own runtime carries bytes from every rank to every rank.

Read beside ``logreg_jax/speed/ranks.py``. Who adds what is ``logreg_parity.solvers.ranks``; the sums are made on a CPU
or GPU and gathered on the CPU: they are small.
"""

import numpy as np
import torch
import torch.distributed as dist

from logreg_parity.solvers.ranks import Job, Ranks

from ..convert import versions
from .meeting import meet


def join(job: Job, patience: float) -> Ranks:
    """Meet the other ranks; where the program has joined a job before, that is used as it is.

    Args:
        job: what the launcher has told this process.
        patience: seconds to wait for another rank, now and in every exchange.

    Returns:
        The Ranks.

    Raises:
        ConnectionError: where they are not there in time.
    """
    board = None if dist.is_initialized() else meet(job, patience)
    if torch.cuda.is_available():
        torch.cuda.set_device(job.rank % job.local % torch.cuda.device_count())
    group = None if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")
    rank, size = dist.get_rank(), dist.get_world_size()

    def exchange(sent: np.ndarray) -> np.ndarray:
        own, found = torch.from_numpy(sent), torch.empty(size, len(sent), dtype=torch.uint8)
        found[rank] = own
        others = [(rank + step) % size for step in range(1, size)]
        work = [dist.isend(own, other, group) for other in others]  # all_gather hands over to a thread and takes longer
        work += [dist.irecv(found[other], other, group) for other in others]
        for one in filter(None, work):
            one.wait()
        return found.numpy()

    return Ranks(rank, size, exchange, local=job.local, versions=versions(), board=board)
