"""Every rank of a job killed in every pass, rank 0 too, and in every writing of the checkpoint, by both runtimes.

``python -m parity_tests.deaths [COUNT] [TWIN ...]``: of a twin's job so many deaths of rank 0, of the other ranks and
while the checkpoint is written, drawn by a seed; all without COUNT. The others have to end with status 2 and name the
rank in time, and one process has to go on to the bits of a job that nobody has killed, without more of its passes than
must be. A rank is a fork of this process, in which no framework has computed, so that none is imported anew.
"""

import atexit
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from logreg_parity.data.generator import gaussian
from logreg_parity.solvers.jobs import free_port
from logreg_parity.solvers.shards import write_shards
from logreg_parity.solvers.stream import Stream
from parity_tests import faulty

SIZE = 3
FIRST, OTHERS = range(1), range(1, SIZE)
RUNTIME = {"logreg_torch": "torch", "logreg_jax": "jax"}
WITHIN = {"torch": 2.0, "jax": 15.0}  # seconds from a death until every other rank has named the rank
LIMIT = 120.0  # seconds, after which a job counts as one that hangs
NOBODY = (-1, 0, "SIGKILL")


class Ended(NamedTuple):
    """How a job has ended, rank by rank."""

    statuses: list[int]
    told: list[float]  # seconds from the first end of a process until a rank has said that one is gone; inf: never
    passes: list[int]  # that each has begun; 0 for a rank that was killed
    err: list[str]


def run(folder: Path, twin: str, size: int, fault: tuple[int, int, str]) -> Ended:
    """The fit by so many ranks, of which one dies; TimeoutError, once all are killed, where it does not end."""
    port, ranks = free_port(), range(size)
    err, counted = [[folder / f"{name} {rank}" for rank in ranks] for name in ("err", "passes")]
    for file in (*err, *counted):
        file.write_text("")
    children = [_fork(folder, twin, rank, size, port, fault, err[rank], counted[rank]) for rank in ranks]
    statuses: list[int | None] = [None] * size
    told, first, limit = [float("inf")] * size, None, time.monotonic() + LIMIT
    while None in statuses:
        for rank, child in enumerate(children):
            done, status = os.waitpid(child, os.WNOHANG) if statuses[rank] is None else (0, 0)
            if done:
                statuses[rank] = os.waitstatus_to_exitcode(status)
                first = first or time.monotonic()
            if told[rank] == float("inf") and "no longer answers" in err[rank].read_text(errors="replace"):
                told[rank] = time.monotonic() - first if first else 0.0
        if time.monotonic() > limit:
            for rank in (rank for rank in ranks if statuses[rank] is None):
                os.kill(children[rank], signal.SIGKILL)
                os.waitpid(children[rank], 0)
            raise TimeoutError(f"rank {[rank for rank in ranks if statuses[rank] is None]} hangs")
        time.sleep(0.01)
    passes = [int(file.read_text() or 0) for file in counted]
    return Ended([status or 0 for status in statuses], told, passes, [file.read_text(errors="replace") for file in err])


def _fork(folder: Path, twin: str, rank: int, size: int, port: int, fault: tuple, err: Path, counted: Path) -> int:
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        with err.open("w") as said:
            os.dup2(said.fileno(), 2)
            os.dup2(said.fileno(), 1)
        os.chdir(folder)
        told = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
        os.environ |= {name: str(value) for name, value in told.items()} | {"MASTER_ADDR": "127.0.0.1"}
        faulty.plant(*fault)
        own = ["--twins", twin, "--ranks", RUNTIME[twin], "--l2", "1e-3", "--solver", "newton"]
        status = faulty.main(["fit", "--stream", "shards", *own, "--checkpoint", "state", "--out", "fit.json"])
        counted.write_text(str(len(faulty.PASSES)))
        atexit._run_exitfuncs()
    finally:
        os._exit(status)


def found(folder: Path) -> dict:
    """What a fit has written of itself, but for the passes of its last process."""
    (fit,) = json.loads((folder / "fit.json").read_text())["fits"].values()
    return {name: value for name, value in fit.items() if name != "passes"}


def die(folder: Path, twin: str, fault: tuple[int, int, str], whole: Ended, right: dict) -> tuple[str, list[str]]:
    """One death and what comes after: a line about it, and complaints."""
    rank, at, what = fault
    for name in ("fit.json", f"state/{twin}.npz"):
        (folder / name).unlink(missing_ok=True)
    job = run(folder, twin, SIZE, fault)
    others = [other for other in range(SIZE) if other != rank]
    told, bad = max(job.told[other] for other in others), []
    if job.statuses[rank] != -signal.SIGKILL:
        bad.append(f"rank {rank} was not killed: {job.statuses}")
    for other in others:
        if f"rank {other}: rank {rank} no longer answers" not in job.err[other] or job.statuses[other] != 2:
            bad.append(f"rank {other} ends with {job.statuses[other]} and says {job.err[other][-1000:]}")
    if told > WITHIN[RUNTIME[twin]]:
        bad.append(f"told after {told:.1f} s")
    again = run(folder, twin, 1, NOBODY)
    if again.statuses != [0] or found(folder) != right:
        bad.append(f"it does not go on to the same bits: {again.statuses} {again.err[0][-1000:]}")
    begun = at - 1 + (what == "write")  # whole passes before the death
    repeated = max(0, begun - 1) + again.passes[0] - whole.passes[0]  # the first one is made by every process
    if repeated > (what == "write"):  # the one that was not kept
        bad.append(f"{repeated} whole passes are made twice")
    name = {"write": "writing after pass"}.get(what, "pass")
    return f"{twin}: rank {rank}, {name} {at}: told in {told:.2f} s, {repeated} of its whole passes made twice", bad


def main(arguments: list[str]) -> int:
    """Every death of each twin's job, or so many of them; 1 if one is not as it must be."""
    count = int(arguments[0]) if arguments else 0
    complaints, place = 0, Path(tempfile.mkdtemp())  # an object with a finalizer would be finalized by every fork
    try:
        rows = gaussian(2000, 3, seed=1)
        write_shards(Stream(rows.X, rows.y, "made", 200), place / "shards")
        for twin in arguments[1:] or RUNTIME:
            whole = run(place, twin, SIZE, NOBODY)
            right, passes = found(place), whole.passes[0]
            deaths = [
                [(rank, at, "SIGKILL") for at in range(1, passes + 1) for rank in some] for some in (FIRST, OTHERS)
            ]
            deaths.append([(0, at, "write") for at in range(2, passes)])
            for fault in (fault for kind in deaths for fault in (random.Random(0).sample(kind, count or len(kind)))):
                line, bad = die(place, twin, fault, whole, right)
                complaints += len(bad)
                print(line, *bad, sep="\n  ", flush=True)
    finally:
        shutil.rmtree(place)
    print(f"{complaints} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    import logreg_torch.speed.ranks  # noqa: F401

    sys.exit(main(sys.argv[1:]))
