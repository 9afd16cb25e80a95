"""A job of several processes on this machine, to compare with one. For work there are torchrun, mpirun and srun."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple


class RankEnd(NamedTuple):
    """How a rank has ended."""

    status: int  # minus the signal that ended it
    out: str
    err: str
    seconds: float  # since the first rank of the job ended


class RankProcess(NamedTuple):
    """A rank at work, and the files that hold what it says."""

    process: subprocess.Popen
    out: Path
    err: Path


@contextmanager
def started(arguments: Sequence[str], size: int) -> Iterator[list[RankProcess]]:
    """``python`` with these arguments as so many ranks, which do not outlive the block.

    Args:
        arguments: what follows ``python``; those of module -m logreg_parity for one.
        size: how many processes.
    """
    port = free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ranks: list[RankProcess] = []
        stack.callback(_end, ranks)
        for rank in range(size):
            files = folder / f"out {rank}", folder / f"err {rank}"
            told = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
            environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", **{name: str(it) for name, it in told.items()}}
            with files[0].open("wb") as out, files[1].open("wb") as err:
                process = subprocess.Popen(
                    [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
                )
            ranks.append(RankProcess(process, *files))
        yield ranks


def ends(ranks: Sequence[RankProcess], seconds: float) -> list[RankEnd]:
    """How the ranks of a job end.

    Args:
        ranks: from ``started``.
        seconds: how long that may take.

    Raises:
        TimeoutError: where some are still at work then.
    """
    last, at = time.monotonic() + seconds, dict[int, float]()
    while len(at) < len(ranks):
        at |= {r: time.monotonic() for r, one in enumerate(ranks) if r not in at and one.process.poll() is not None}
        if time.monotonic() > last:
            left = [rank for rank in range(len(ranks)) if rank not in at]
            raise TimeoutError(f"rank {' and rank '.join(map(str, left))} did not end in {seconds:g} s")
        time.sleep(0.02)
    first = min(at.values())
    return [
        RankEnd(process.returncode, out.read_text(errors="replace"), err.read_text(errors="replace"), at[rank] - first)
        for rank, (process, out, err) in enumerate(ranks)
    ]


def run_job(arguments: Sequence[str], size: int, seconds: float = 600.0) -> list[RankEnd]:
    """Start, wait, and say how each rank has ended: ``started`` and ``ends``."""
    with started(arguments, size) as ranks:
        return ends(ranks, seconds)


def _end(ranks: Sequence[RankProcess]) -> None:
    for one in ranks:
        one.process.kill()
    for one in ranks:
        one.process.wait()


def free_port() -> int:
    """A port that is free, and the next one, where JAX meets: below those that a system hands out by itself."""
    for port in random.sample(range(20000, 32000, 2), 100):
        with ExitStack() as stack:
            try:
                for number in (port, port + 1):
                    stack.enter_context(socket.socket()).bind(("", number))
            except OSError:
                continue
            return port
    raise OSError("no free port was found between 20000 and 32000")
