"""Several processes: the framework's own runtime carries bytes from every rank to every rank.

Read beside ``logreg_jax/speed/ranks.py``. Who adds what is ``logreg_parity.solvers.ranks``; the sums are made on a CPU
or GPU and gathered on the CPU: they are small.
"""

import atexit
import os
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from logreg_parity.solvers.ranks import Board, Job, Ranks, wait_for

from ..convert import versions


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
    board = None
    if not dist.is_initialized():
        agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # torchrun keeps the store, and outlives ranks
        if agent or job.rank:
            wait_for(job.host, job.port, min(patience, 60))
        wait = timedelta(seconds=patience)
        try:
            master = job.rank == 0 and not agent
            store = dist.TCPStore(job.host, job.port, job.size, master, wait, wait_for_workers=False)
            own = dist.PrefixStore(f"logreg_parity {job.restarts}", store)
            dist.init_process_group("gloo", store=own, rank=job.rank, world_size=job.size, timeout=wait)
        except RuntimeError as error:
            raise ConnectionError(f"the ranks did not meet at {job.host}:{job.port} ({error}); start all") from error
        atexit.register(dist.destroy_process_group)
        signs = dist.PrefixStore("signs of life", own)
        board = Board(signs.set, lambda name: signs.get(name).decode() if signs.check([name]) else "").begin(job.rank)
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
