"""The processes of one job: who has which blocks, and how their sums become those of one process, to the last bit.

Every rank adds up its blocks as far as the tree of ``blocks.add_up`` allows, the few sums that are left are gathered,
and every rank climbs on from them: the bits of one process, whatever the number of ranks. A framework's own runtime
carries them (``logreg_torch/speed/ranks.py``, ``logreg_jax/speed/ranks.py``). What a rank asks for rides along, so that
ranks that have come apart are told; and so does a rank's error, so that none waits for one that has given up.
"""

import atexit
import ctypes
import json
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from .._version import __version__
from ..data.archive import read_arrays
from ..twins import check_name, load_part
from .blocks import Sums, add_up

RUNTIMES = {"torch": "logreg_torch", "jax": "logreg_jax"}
"""The twin that knows how to join a job, by the name of its framework."""

FRAME = 2**14  # bytes: of every exchange the first; longer ones have a second, once all are known to want the same
HEAD = 2**8  # of them, for what is asked for
FAILED = HEAD - 1  # the byte that says that an error follows
BEAT = 0.25  # seconds between two signs of life
SILENT = 1.5  # after so many a rank without one counts as gone
PATIENCE = 600.0  # seconds that a rank waits for another
PORT = 29500  # where a launcher names none; torchrun's own default

LAUNCHERS = {
    "torchrun": ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE"),
    "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    "Slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_NTASKS_PER_NODE"),
}
"""The variables for size, rank and the number of ranks on this machine; processes started by hand set torchrun's."""


class ToldError(ValueError):
    """What is wrong, said by every rank in the same words."""


class Job(NamedTuple):
    """What the launcher has told this process."""

    rank: int
    size: int
    local: int  # ranks on this machine
    host: str  # of rank 0
    port: int
    restarts: int  # of all ranks so far, by torchrun


def find_job(environment: Mapping[str, str] | None = None) -> Job | None:
    """The job that this process was started in by torchrun, Open MPI, Slurm or by hand; None where it is alone.

    Args:
        environment: variables by name; None for those of this process.

    Raises:
        ValueError: for variables that contradict each other, and several processes without an address to meet at.
    """
    given = os.environ if environment is None else environment
    names = next((names for names in LAUNCHERS.values() if names[0] in given and names[1] in given), None)
    if names is None:
        return None
    size, rank = _whole(given, names[0]), _whole(given, names[1])
    if rank >= size:
        raise ValueError(f"{names[1]} is {rank} and {names[0]} is {size}; give ranks from 0 to {size - 1}")
    local = _whole(given, names[2]) if names[2] in given else size
    host = given.get("MASTER_ADDR") or ("127.0.0.1" if local >= size else "")
    if not host:
        raise ValueError(f"{size} processes on several machines and no MASTER_ADDR; set it to the machine of rank 0")
    port = _whole(given, "MASTER_PORT") if "MASTER_PORT" in given else PORT
    restarts = _whole(given, "TORCHELASTIC_RESTART_COUNT") if "TORCHELASTIC_RESTART_COUNT" in given else 0
    return Job(rank, size, max(1, min(local, size)), host, port, restarts)


def _whole(given: Mapping[str, str], name: str) -> int:
    if not (given[name].isascii() and given[name].isdigit()):
        raise ValueError(f"{name} is {given[name]!r}; set it to a whole number, or start the job by torchrun")
    return int(given[name])


class Ranks:
    """The processes of a job, of which this is one.

    Args:
        rank: which one this is.
        size: how many there are.
        exchange: from bytes (n,) of this rank to those of all, (size, n), which may be written over by the next one;
            RuntimeError where a rank is gone.
        local: how many there are on this machine.
        versions: of the framework that carries the bytes.
        board: what ranks write and read signs of life on, if any.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        exchange: Callable[[np.ndarray], np.ndarray],
        *,
        local: int = 1,
        versions: Mapping[str, str] | None = None,
        board: "Board | None" = None,
    ):
        self.rank, self.size, self.local = rank, size, local
        self._exchange, self._versions, self._board = exchange, dict(versions or {}), board

    def share(self, count: int) -> range:
        """The blocks of this rank, of so many."""
        return self.shares(count)[self.rank]

    def shares(self, count: int) -> list[range]:
        """Those of every rank, in one piece each; some may be empty."""
        return [range(count * r // self.size, count * (r + 1) // self.size) for r in range(self.size)]

    def gathered(self, what: str, make: Callable[[], Any], rows: Sequence[int], width: int) -> np.ndarray:
        """Rows of float64 of every rank, in the order of the ranks, on every rank.

        Args:
            what: is asked for, in words; all ranks have to ask for the same.
            make: gives the rows of this rank, (rows[rank], width).
            rows: how many every rank has.
            width: numbers in a row.

        Returns:
            (Σ rows, width).

        Raises:
            ToldError: on every rank where one asks for something else, or its ``make`` has failed; the rank that has
                failed by another error than a ValueError raises that.
            ConnectionError: where a rank is gone.
        """
        if self.size == 1:
            return np.asarray(make(), np.float64).reshape(rows[0], width)
        length = FRAME - HEAD, 8 * width * max(rows)
        sent = np.zeros(HEAD + max(length), np.uint8)
        _write(sent[:FAILED], what)
        failure: Exception | None = None
        try:
            own = np.ascontiguousarray(make(), np.float64).reshape(rows[self.rank], width)
            sent[HEAD : HEAD + own.nbytes] = own.reshape(-1).view(np.uint8)
        except Exception as error:
            failure, sent[FAILED] = error, 1
            named = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
            _write(sent[HEAD:FRAME], f"{named}{error}")
        first = self._all(sent[:FRAME])
        if (first[:, :HEAD] != first[0, :HEAD]).any() or first[0, FAILED]:
            self._check(first, failure)
        if sum(rows) * width == 0:
            return np.zeros((sum(rows), width))
        came = first[:, HEAD:]
        if len(sent) > FRAME:
            came = np.concatenate([came.copy(), self._all(sent[FRAME:])], axis=1)
        parts = [part[: 8 * n * width].view(np.float64) for part, n in zip(came, rows, strict=True)]
        return np.concatenate(parts).reshape(sum(rows), width)

    def _all(self, sent: np.ndarray) -> np.ndarray:
        try:
            return self._exchange(sent)
        except (RuntimeError, ValueError) as error:  # JAX raises either
            gone = self._board.gone(self.rank, self.size) if self._board else []
            who = f"rank {' and rank '.join(map(str, gone))}" if gone else "another rank"
            why = str(error).strip().splitlines()[0][:200]
            raise ConnectionError(
                f"rank {self.rank}: {who} no longer answers, so the job cannot go on ({why}); start it again, and with "
                f"a checkpoint it goes on from there"
            ) from error

    def _check(self, frames: np.ndarray, failure: Exception | None) -> None:
        failed = np.flatnonzero(frames[:, FAILED])
        if len(failed):
            if failure is not None and not isinstance(failure, ValueError | OSError):
                raise failure
            told = [f"rank {rank}: {_read(frames[rank, HEAD:])}" for rank in failed]
            raise ToldError("; ".join(told[:3] + ([f"and {len(told) - 3} more"] if len(told) > 3 else []))) from failure
        heads = [_read(frame[:FAILED]) for frame in frames]
        usual = max(heads, key=heads.count)
        apart = [rank for rank, head in enumerate(heads) if head != usual]
        if apart:
            raise ToldError(
                f"rank {' and rank '.join(map(str, apart))} came apart from the others: {heads[apart[0]]}, where the "
                f"others have {usual}; give every rank the same command, versions and kind of processor"
            )

    def together(self, what: str, make: Callable[[], Any]) -> Any:
        """What this rank has made, once every rank has; ToldError on all where one has failed, as ``gathered``."""
        made = []

        def own() -> np.ndarray:
            made.append(make())
            return np.empty(0)

        self.gathered(what, own, [0] * self.size, 1)
        return made[0]

    def by_first(self, what: str, make: Callable[[], Any]) -> None:
        """Rank 0 does it, and no rank goes on before. Raises on every rank where it fails, as ``gathered``."""
        self.together(what, (lambda: None) if self.rank else make)

    def agree(self, about: Mapping[str, Any]) -> None:
        """Raise ToldError, with what differs and the rank, unless all ranks have the same version and setting."""
        if self.size == 1:
            return
        text = json.dumps({"logreg_parity": __version__, "numpy": np.__version__, **self._versions, **about}).encode()
        lengths = self.gathered("the length of the setting", lambda: [len(text)], [1] * self.size, 1)[:, 0].astype(int)
        width = -(-int(lengths.max()) // 8)

        def padded() -> np.ndarray:
            return np.frombuffer(text.ljust(8 * width), np.float64)

        rows = self.gathered("the setting", padded, [1] * self.size, width)
        settings = [json.loads(row.tobytes()) for row in rows]
        for rank, setting in enumerate(settings):
            apart = [name for name in {**settings[0], **setting} if settings[0].get(name) != setting.get(name)]
            if apart:
                told = "; ".join(
                    f"{name} {setting.get(name)} there, {settings[0].get(name)} here" for name in apart[:3]
                )
                raise ToldError(f"rank {rank} is of another run than rank 0 ({told}); give every rank the same command")

    def from_first(self, what: str, make: Callable[[], bytes]) -> bytes:
        """The bytes that rank 0 has made, on every rank; the others make none. Raises as ``gathered``."""
        if self.size == 1:
            return make()
        one: list[int] = [1] + [0] * (self.size - 1)
        made: list[bytes] = []

        def length() -> list[int]:
            made.extend(() if self.rank else (make(),))
            return [len(content) for content in made]

        count = int(self.gathered(f"the length of {what}", length, one, 1)[0, 0])
        if count == 0:
            return b""
        width = -(-count // 8)

        def content() -> np.ndarray:
            return np.frombuffer(b"".join(made).ljust(8 * width * len(made), b"\0"), np.float64)

        return self.gathered(what, content, one, width).tobytes()[:count]

    def state(self, load: Callable[[], dict[str, np.ndarray] | None]) -> dict[str, np.ndarray] | None:
        """What rank 0 has loaded, on every rank, None for nothing: no other rank looks at the file. As ``gathered``."""

        def packed() -> bytes:
            state, file = load(), BytesIO()
            if state is not None:
                np.savez(file, allow_pickle=False, **state)  # type: ignore[arg-type]
            return file.getvalue()

        if self.size == 1:
            return load()
        content = self.from_first("the checkpoint", packed)
        return read_arrays(content) if content else None

    def add(self, what: str, parts: Iterator[Sums], count: int, size: int, *, hessian: bool = False) -> Sums:
        """The sum over all blocks of all ranks: what ``add_up`` makes of them in one process, to the last bit.

        Args:
            what: is asked for, in words.
            parts: the Sums of this rank's blocks, in their order.
            count: of all blocks.
            size: numbers in a gradient.
            hessian: whether the parts have one.

        Raises:
            ToldError, ConnectionError: as ``gathered``.
        """
        nodes = [_nodes(count, share) for share in self.shares(count)]

        def own() -> list[np.ndarray]:
            return [_flat(add_up(parts, len(node))) for node in nodes[self.rank]]

        if self.size == 1:
            return add_up(parts, count)
        width = 1 + size + size**2 * hessian
        rows = self.gathered(what, own, [len(some) for some in nodes], width)
        sums = (_sums(row, size, hessian) for row in rows)
        return _climb(sums, {node for some in nodes for node in some}, range(count))


def _nodes(count: int, share: range) -> list[range]:
    """The largest parts of the tree of ``add_up`` over so many blocks that lie within a share of them."""

    def within(node: range) -> list[range]:
        if node.start >= share.stop or node.stop <= share.start:
            return []
        if share.start <= node.start and node.stop <= share.stop:
            return [node]
        left, right = _halves(node)
        return within(left) + within(right)

    return within(range(count))


def _halves(node: range) -> tuple[range, range]:
    middle = node.start + len(node) // 2
    return range(node.start, middle), range(middle, node.stop)


def _climb(sums: Iterator[Sums], known: set[range], node: range) -> Sums:
    """The sum of a part of the tree, from the sums of the known parts in their order."""
    if node in known:
        return next(sums)
    left, right = _halves(node)
    return _climb(sums, known, left).plus(_climb(sums, known, right))


def _flat(sums: Sums) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in sums if part is not None])


def _sums(row: np.ndarray, size: int, hessian: bool) -> Sums:
    return Sums(row[0], row[1 : 1 + size], row[1 + size :].reshape(size, size) if hessian else None)


def _write(place: np.ndarray, text: str) -> None:
    """Text into bytes, as far as they reach."""
    line = text.encode()[: len(place)]
    place[: len(line)] = np.frombuffer(line, np.uint8)


def _read(place: np.ndarray) -> str:
    return place.tobytes().rstrip(b"\0").decode(errors="replace")


ALONE = Ranks(0, 1, lambda sent: sent[None])
"""One process that shares with nobody."""


class Board:
    """Signs of life: each rank writes one four times a second, and after a failure the silent ones are known.

    A rank that computes for long is not silent: a thread of its own writes.

    Args:
        write: puts a text under a name, for all ranks to read.
        read: gives the text under a name, "" where there is none.
        leave: is called once a rank is gone, where the runtime would hold the others up.
    """

    def __init__(
        self,
        write: Callable[[str, str], Any],
        read: Callable[[str], str],
        *,
        leave: Callable[[], None] = lambda: None,
    ):
        self._write, self._read, self._leave = write, read, leave

    def begin(self, rank: int) -> "Board":
        """Write until the process ends; call it once the runtime has registered its own end, which comes after."""
        ended = threading.Event()

        def beat() -> None:
            for count in range(2**62):
                try:
                    self._write(f"beat {rank}", str(count))
                except Exception:  # the job ends, or rank 0 is gone: whoever waits for it will know
                    return
                if ended.wait(BEAT):
                    return

        def end() -> None:  # a thread that is in the runtime while the interpreter ends would abort the process
            ended.set()
            thread.join(SILENT)

        thread = threading.Thread(target=beat, daemon=True, name="signs of life")
        thread.start()
        atexit.register(end)
        return self

    def gone(self, rank: int, size: int) -> list[int]:
        """Of the others those without a sign of life for SILENT seconds; without a board rank 0, which keeps it.

        For after a failure: the runtime is left, it is of no use any more.
        """
        others = [other for other in range(size) if other != rank]
        try:
            before = {other: self._read(f"beat {other}") for other in others}
            time.sleep(SILENT)
            return [other for other in others if self._read(f"beat {other}") == before[other]]
        except Exception:
            return [0]
        finally:
            self._leave()


def wait_for(host: str, port: int, seconds: float) -> None:
    """Return once somebody listens there. Raises ConnectionError where nobody does in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), timeout=max(0.1, end - time.monotonic())).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise ConnectionError(
                    f"nobody answers at {host}:{port} for {seconds:g} s ({error}); start rank 0 there, or set "
                    f"MASTER_ADDR and MASTER_PORT to where it is"
                ) from error
            time.sleep(0.1)


def absent(job: Job, ranks: Sequence[int], port: int, seconds: float) -> ConnectionError:
    """What a rank raises where others have not come to the job's host in so many seconds."""
    return ConnectionError(
        f"rank {job.rank}: rank {' and rank '.join(map(str, ranks))} did not come to {job.host}:{port} in "
        f"{seconds:g} s; start all {job.size} with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE"
    )


def roll_call(job: Job, port: int, seconds: float) -> None:
    """Return once every rank has called, for a runtime that would abort where one does not come.

    Rank 0 opens the door, which is shut when this returns; the others come to it, and are told who has not.

    Args:
        job: of which this process is a rank.
        port: of rank 0's machine.
        seconds: how long a rank waits for the others.

    Raises:
        ConnectionError: on every rank, where one has not come, and where rank 0 is not there or cannot open.
    """
    if job.rank:
        wait_for(job.host, port, seconds)
        said = "?"
        with suppress(OSError), socket.create_connection((job.host, port), seconds) as door:
            door.settimeout(seconds + 10)
            door.sendall(f"{job.rank}".encode())
            said = door.recv(2**16).decode()
        if said == "?":
            raise ConnectionError(f"rank {job.rank}: rank 0 at {job.host}:{port} no longer answers; start all ranks")
    else:
        said = _called(job, port, seconds)
    if said != "all":
        raise absent(job, [int(rank) for rank in said.split()], port, seconds)


def _called(job: Job, port: int, seconds: float) -> str:
    """Rank 0's part: who has not come, or "all"."""
    end, came, both = time.monotonic() + seconds, dict[str, socket.socket](), socket.has_dualstack_ipv6()
    wanted = [str(rank) for rank in range(1, job.size)]
    try:
        door = socket.create_server(("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both)
    except OSError as error:
        raise ConnectionError(
            f"the ranks cannot meet at port {port} ({error}); give another MASTER_PORT: JAX takes the one after it"
        ) from error
    with door:
        while len(came) < len(wanted) and time.monotonic() < end:
            with suppress(OSError):  # whoever looks whether the door is open says nothing
                door.settimeout(max(0.1, end - time.monotonic()))
                one, _ = door.accept()
                one.settimeout(1)
                name = one.recv(99).decode(errors="replace")
                if name in wanted:
                    came[name] = one
    said = " ".join(name for name in wanted if name not in came) or "all"
    for one in came.values():
        with suppress(OSError), one:
            one.sendall(said.encode())
    return said


def say_why(job: Job, port: int) -> None:
    """Where a runtime aborts this process since the one that all met at is gone: say so, and end with status 2.

    Args:
        job: of which this process is a rank.
        port: of rank 0's machine, where that process listens.
    """
    what = "the process that this rank has started for all to meet at no longer answers"
    if job.rank:
        what = "rank 0 no longer answers, or the process that it has started for all to meet at"
    after = "start it again, and with a checkpoint it goes on from there"
    text = f"logreg-parity: rank {job.rank}: {what}, so the job cannot go on; {after}\n".encode()

    def aborted(number: int) -> None:
        for _ in range(20):  # of a process that ends the connections may be closed before the door is
            try:
                socket.create_connection((job.host, port), 1).close()
            except OSError:
                os.write(2, text)
                os._exit(2)
            time.sleep(0.05)

    _handlers.append(ctypes.CFUNCTYPE(None, ctypes.c_int)(aborted))
    ctypes.CDLL(None).signal(signal.SIGABRT, _handlers[-1])  # Python's own handlers run too late for an abort


_handlers: list[Any] = []  # they must not be collected


def within(exchange: Callable[[np.ndarray], np.ndarray], seconds: float) -> Callable[[np.ndarray], np.ndarray]:
    """The same exchange, of a runtime that would wait for ever: RuntimeError after so many seconds."""
    asked: queue.SimpleQueue = queue.SimpleQueue()
    came: queue.SimpleQueue = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                came.put(exchange(asked.get()))
            except Exception as error:
                came.put(error)

    def ask(sent: np.ndarray) -> np.ndarray:
        asked.put(sent)
        try:
            found = came.get(timeout=seconds)
        except queue.Empty as error:
            raise RuntimeError(f"nothing came for {seconds:g} s") from error
        if isinstance(found, Exception):
            raise found
        return found

    threading.Thread(target=work, daemon=True, name="exchange").start()  # it may wait where the process ends
    return ask


_joined: dict[str, Ranks] = {}


def join(ranks: "str | Ranks | None", *, patience: float = PATIENCE) -> Ranks:
    """The ranks of the job that this process was started in; joined once in a process.

    Args:
        ranks: "torch" or "jax", whose runtime carries the sums; Ranks, which are given back; or None: alone.
        patience: seconds to wait for another rank.

    Raises:
        ValueError: for another name, and a process that was not started in a job.
        ConnectionError: where the other ranks are not there.
    """
    if ranks is None:
        return ALONE
    if isinstance(ranks, Ranks):
        return ranks
    check_name("ranks", ranks, tuple(RUNTIMES), f"give {' or '.join(RUNTIMES)}, or None for one process")
    if ranks not in _joined:
        job = find_job()
        if job is None:
            raise ValueError(
                f"ranks is {ranks!r}, and this process was not started in a job; start it by torchrun, mpirun or srun, "
                f"or set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT"
            )
        _joined[ranks] = ALONE if job.size == 1 else load_part(RUNTIMES[ranks], "speed.ranks").join(job, patience)
    return _joined[ranks]


def named(*parts: Any) -> str:
    """What arrays and words are known by: 16 hexadecimal digits."""
    found = sha256()
    for part in parts:
        found.update(part.tobytes() if isinstance(part, np.ndarray) else str(part).encode())
    return found.hexdigest()[:16]
