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
from jax._src.xla_bridge import backends_are_initialized
from jaxlib import _jax

from logreg_parity.solvers.ranks import Board, Job, roll_call, say_why, wait_for

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
    if backends_are_initialized():
        raise ValueError("JAX has computed in this process before; call fit(..., ranks='jax') first")
    port = job.port + 1 + job.restarts  # MASTER_PORT is torchrun's, and that of the job before may be in use
    wait, silence = min(patience, 60), int(patience) + 60  # no rank counts as silent before the exchange has given up
    roll_call(job, port, wait)
    coordinator = _coordinator(port, job.size, silence) if job.rank == 0 else None
    if job.rank:
        wait_for(job.host, port, wait)
    try:
        client: Any = _jax.get_distributed_runtime_client(
            f"{job.host}:{port}",
            job.rank,
            init_timeout=int(wait) + 1,
            heartbeat_timeout=silence,
            shutdown_timeout=_LAST,
            missed_heartbeat_callback=print,  # or JAX aborts where it could raise an error; it is never called
            shutdown_on_destruction=False,
            use_compression=True,
        )
        client.connect()
    except RuntimeError as error:  # of which nothing is told but that the callback was not called
        raise ConnectionError(
            f"rank {job.rank}: what rank 0 has started to meet at {job.host}:{port} no longer answers; start all"
        ) from error
    global_state.client, global_state.coordinator_address = client, f"{job.host}:{port}"
    global_state.process_id, global_state.num_processes = job.rank, job.size
    say_why(job, port)
    atexit.register(_end, client, job, coordinator)
    write = partial(client.key_value_set, allow_overwrite=True)
    return Board(write, client.key_value_try_get, leave=_leave).begin(job.rank)


def _coordinator(port: int, size: int, silence: int) -> subprocess.Popen:
    """Start it. Raises ConnectionError where it cannot begin."""
    command = [sys.executable, "-P", "-c", _COORDINATOR, *map(str, (port, size, silence, _LAST))]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    if said != "ready":
        raise ConnectionError(f"the ranks cannot meet at port {port} ({said or 'nothing said'}); start all")
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
