"""Several processes: the framework's own runtime carries bytes from every rank to every rank.

Read beside ``logreg_jax/speed/ranks.py``. Who adds what is ``logreg_parity.solvers.ranks``; the sums are made on a CPU
or GPU and gathered on the CPU: they are small.
"""

import numpy as np
import torch
import torch.distributed as dist

from logreg_parity.solvers.ranks import FRAME, Job, Ranks

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
    group = dist.group.WORLD if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")
    assert group is not None
    rank, size = dist.get_rank(), dist.get_world_size()
    others = [(rank + step) % size for step in range(1, size)]

    def places(count: int) -> tuple[np.ndarray, list[list[torch.Tensor]]]:
        found = np.empty((size, count), np.uint8)
        return found, [[row] for row in torch.from_numpy(found)]

    frame = places(FRAME)  # most exchanges are of this length

    def exchange(sent: np.ndarray) -> np.ndarray:
        found, rows = frame if len(sent) == FRAME else places(len(sent))
        found[rank] = sent
        # The group's own functions: torch.distributed's take as long again, and all_gather hands over to a thread.
        work = [group.recv(rows[other], other, 0) for other in others]
        work += [group.send(rows[rank], other, 0) for other in others]
        for one in work:
            one.wait()
        return found

    return Ranks(rank, size, exchange, local=job.local, versions=versions(), board=board)
