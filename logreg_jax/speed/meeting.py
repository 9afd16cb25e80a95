"""Where the processes of a job meet, and show that they are alive.

Read beside ``logreg_torch/speed/meeting.py``.
"""

import atexit
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import Any

import jax
from jax._src.distributed import global_state

from logreg_parity.solvers.ranks import Board, Job, wait_for

_LAST = 10  # seconds that a rank which has come to its end waits for the others, and the coordinator for all
_COORDINATOR = """\
import signal, sys, time
from jaxlib import _jax

signal.signal(signal.SIGINT, signal.SIG_IGN)
port, size, silence, last = map(int, sys.argv[1:])
try:
    service = _jax.get_distributed_runtime_service(
        f"[::]:{port}", size, heartbeat_timeout=silence, shutdown_timeout=last
    )
except Exception as error:
    print(str(error).splitlines()[0], flush=True)
else:
    print("ready", flush=True)
    time.sleep(1 if sys.stdin.readline() else last)
"""
"""JAX aborts every rank in the moment its coordinator is gone, so that is a process of its own and no rank: when rank 0
is killed the others have that long to say which rank it was."""


def meet(job: Job, patience: float) -> Board:
    """Meet the other ranks in the framework's runtime.

    Args:
        job: what the launcher has told this process.
        patience: seconds to wait for another rank, now and in every exchange.

    Returns:
        Where the ranks write and read signs of life; they have begun.

    Raises:
        ConnectionError: where the others are not there in time.
        ValueError: where JAX has computed in this process before.
    """
    port = job.port + 1 + job.restarts  # MASTER_PORT is torchrun's, and that of the job before may be in use
    silence = int(patience) + 60  # JAX would end all ranks where one is silent; the exchange gives up first
    coordinator = _coordinator(port, job.size, silence) if job.rank == 0 else None
    if job.rank:
        wait_for(job.host, port, min(patience, 60))
    try:
        jax.distributed.initialize(
            f"{job.host}:{port}",
            job.size,
            job.rank,
            cluster_detection_method="deactivate",
            initialization_timeout=int(min(patience, 60)),
            coordinator_bind_address="127.0.0.1:0",  # rank 0's own one, which nobody asks
            heartbeat_timeout_seconds=silence,
            shutdown_timeout_seconds=_LAST,
        )
    except RuntimeError as error:
        if "before any JAX calls" in str(error):
            raise ValueError(f"{error}; call fit(..., ranks='jax') first") from error
        raise ConnectionError(f"the ranks did not meet at {job.host}:{port} ({error}); start all") from error
    signs: Any = global_state.client
    atexit.register(_end, signs, job, coordinator)
    write = partial(signs.key_value_set, allow_overwrite=True)
    return Board(write, signs.key_value_try_get, leave=_leave).begin(job.rank)


def _coordinator(port: int, size: int, silence: int) -> subprocess.Popen:
    """Start it. Raises ConnectionError where it cannot begin."""
    command = [sys.executable, "-P", "-c", _COORDINATOR, *map(str, (port, size, silence, _LAST))]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    if said != "ready":
        raise ConnectionError(
            f"the ranks cannot meet at port {port} ({said or 'nothing said'}); give another MASTER_PORT: JAX takes the "
            f"one after it"
        )
    return process


def _end(signs: Any, job: Job, coordinator: subprocess.Popen | None) -> None:
    """Before JAX's own end, in which a rank that does not come makes it abort the others: go without them then."""
    names = [f"end {rank}" for rank in range(job.size)]
    try:
        if global_state.client is None:  # a rank is gone
            return
        signs.key_value_set(names[job.rank], "waits", allow_overwrite=True)
        for name in names:
            if signs.blocking_key_value_get(name, 1000 * _LAST) != "waits":
                raise RuntimeError(f"{name}: left")
        jax.distributed.shutdown()
        if coordinator is not None:
            print("the end", file=coordinator.stdin, flush=True)
    except (RuntimeError, OSError):
        with suppress(RuntimeError):
            signs.key_value_set(names[job.rank], "left", allow_overwrite=True)
        _leave()


def _leave() -> None:
    """From here on without JAX's runtime."""
    global_state.client = None
