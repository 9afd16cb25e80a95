"""Several processes: the framework's own runtime carries bytes from every rank to every rank.

Read beside ``logreg_torch/speed/ranks.py``. Who adds what is ``logreg_parity.solvers.ranks``; the sums are made on a
CPU or GPU and gathered by one compiled function.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from logreg_parity.solvers.ranks import Job, Ranks, within

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
        ValueError: where JAX has computed in this process before.
    """
    with _stdout_kept():
        board = None if jax.distributed.is_initialized() else meet(job, patience)
        rank, size = jax.process_index(), jax.process_count()
        devices = [next(device for device in jax.devices() if device.process_index == r) for r in range(size)]
        mesh = Mesh(np.array(devices), ("rank",))
        cut, whole = NamedSharding(mesh, PartitionSpec("rank")), PartitionSpec()
        gather = jax.jit(
            jax.shard_map(
                lambda own: jax.lax.all_gather(own[0], "rank"),
                mesh=mesh,
                in_specs=PartitionSpec("rank"),
                out_specs=whole,
                check_vma=False,
            )
        )

        put = jax.jit(
            lambda own: own[None]
        )  # device_put and make_array_from_process_local_data take three times as long

        def exchange(sent: np.ndarray) -> np.ndarray:
            parts = jax.make_array_from_single_device_arrays((size, len(sent)), cut, [put(sent)])
            return np.asarray(gather(parts).addressable_data(0))

        exchange(np.zeros(1, np.uint8))
    return Ranks(rank, size, within(exchange, patience), local=job.local, versions=versions(), board=board)


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Within it standard output goes to standard error: JAX's gloo says there that it is connected."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
