"""Where the processes of a job meet, and show that they are alive.

Read beside ``logreg_jax/speed/meeting.py``.
"""

import atexit
import os
from datetime import timedelta

import torch.distributed as dist

from logreg_parity.solvers.ranks import Board, Job, absent, wait_for


def meet(job: Job, patience: float) -> Board:
    """Meet the other ranks in the framework's runtime.

    Args:
        job: what the launcher has told this process.
        patience: seconds to wait for another rank, now and in every exchange.

    Returns:
        Where the ranks write and read signs of life; they have begun.

    Raises:
        ConnectionError: where the others are not there in time.
    """
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # torchrun keeps the store, and outlives ranks
    if agent or job.rank:
        wait_for(job.host, job.port, min(patience, 60))
    wait, here = timedelta(seconds=patience), {rank: f"here {rank}" for rank in range(job.size)}
    try:
        master = job.rank == 0 and not agent
        store = dist.TCPStore(job.host, job.port, job.size, master, wait, wait_for_workers=False)
        own = dist.PrefixStore(f"logreg_parity {job.restarts}", store)
        own.set(here[job.rank], "")
        try:
            dist.init_process_group("gloo", store=own, rank=job.rank, world_size=job.size, timeout=wait)
        except RuntimeError as error:
            missing = [rank for rank, name in here.items() if not own.check([name])]
            if missing:
                raise absent(job, missing, job.port, patience) from error
            raise
    except RuntimeError as error:
        raise ConnectionError(f"the ranks did not meet at {job.host}:{job.port} ({error}); start all") from error
    atexit.register(dist.destroy_process_group)
    signs = dist.PrefixStore("signs of life", own)
    return Board(signs.set, lambda name: signs.get(name).decode() if signs.check([name]) else "").begin(job.rank)
