"""Several processes: the framework's own runtime carries bytes from every rank to every rank.

Read beside ``logreg_torch/speed/ranks.py``. Who adds what is ``logreg_parity.solvers.ranks``; the sums are made on a
CPU or GPU and gathered by one compiled function.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax._src.distributed import global_state
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from logreg_parity.solvers.ranks import Board, Job, Ranks, wait_for, within

from ..convert import versions

_HEARTBEAT = 10  # seconds after which JAX takes a silent rank for dead; 100 by default


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
    board = None
    with _stdout_kept():
        if not jax.distributed.is_initialized():
            port = (
                job.port + 1 + job.restarts
            )  # MASTER_PORT is torchrun's, and the port of a rank 0 that died is in use
            if job.rank:
                wait_for(job.host, port, min(patience, 60))
            try:
                jax.distributed.initialize(
                    f"{job.host}:{port}",
                    job.size,
                    job.rank,
                    cluster_detection_method="deactivate",
                    initialization_timeout=int(min(patience, 60)),
                    heartbeat_timeout_seconds=_HEARTBEAT,
                    shutdown_timeout_seconds=_HEARTBEAT,
                )
            except RuntimeError as error:
                if "before any JAX calls" in str(error):
                    raise ValueError(f"{error}; call fit(..., ranks='jax') first") from error
                raise ConnectionError(f"the ranks did not meet at {job.host}:{port} ({error}); start all") from error
            signs: Any = global_state.client
            board = Board(
                lambda name, text: signs.key_value_set(name, text, allow_overwrite=True), signs.key_value_try_get
            )
            board.begin(job.rank)
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

        def exchange(sent: np.ndarray) -> np.ndarray:
            parts = jax.make_array_from_process_local_data(cut, sent[None], (size, len(sent)))
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
