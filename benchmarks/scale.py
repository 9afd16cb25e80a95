"""Time and peak memory against N, and for data larger than memory. Every measurement is a process of its own.

Peak memory is the most that was resident while the twin worked, less what was resident before it: the data set, if any.
``python -m benchmarks.scale digests logreg_torch 160000 25`` measures what a pass over a stream takes for its digests,
``python -m benchmarks.scale shared logreg_torch 50000000 1`` what two ranks take that share a stream, and with 4 behind
it while each keeps as many GiB of packed rows.
"""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from .problems import well_conditioned
from .timing import Timing, digits, shown

QUESTION = "how do time and memory grow with the rows?"
FEATURES, STREAMED_FEATURES = 10, 100
SIZES = {"full": [10**n for n in (3, 4, 5, 6, 7)], "tiny": [100, 200]}
STREAMED = {"full": 50_000_000, "tiny": 20_000}  # rows of 400 bytes: 20 GB, which are never written
ROUNDS = {"full": 3, "tiny": 1}
TWINS = {"PyTorch": "logreg_torch", "JAX": "logreg_jax"}
PEAK = Path("/proc/self/clear_refs")  # Linux forgets the peak where a 5 is written there


def run(size: str, notify) -> Iterator[list[dict]]:
    """One row a twin and N, and one a twin for a stream. ValueError where memory cannot be told."""
    if not PEAK.exists():
        raise ValueError("scale takes memory from /proc, which this system does not have; name the other benchmarks")
    for n in SIZES[size]:
        for name, module in TWINS.items():
            notify(f"scale: {n:,} × {FEATURES}, {name}")
            yield [_row(name, "held", n, FEATURES, _in_process("held", module, n, ROUNDS[size]))]
    for name, module in TWINS.items():
        n = STREAMED[size]
        notify(f"scale: a stream of {n:,} × {STREAMED_FEATURES}, {name}")
        yield [_row(name, "stream", n, STREAMED_FEATURES, _in_process("stream", module, n, 1))]


def _row(candidate: str, data: str, n: int, d: int, measured: dict) -> dict:
    about = {"candidate": candidate, "data": data, "n_rows": n, "n_features": d, "dtype": "float32", "device": "cpu"}
    timing = Timing.of(measured["seconds"][0], measured["seconds"][1:] or measured["seconds"])
    return about | {"seconds": timing._asdict(), "bytes": measured["bytes"], "objective": measured["objective"]}


def _in_process(kind: str, module: str, n: int, rounds: int) -> dict:
    command = [sys.executable, "-m", "benchmarks.scale", kind, module, str(n), str(rounds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Repeated:
    """Rows that are made when asked for: one block of them over and over, as long as one likes."""

    def __init__(self, block: np.ndarray, n_rows: int):
        self._block, self.shape, self.dtype = block, (n_rows, *block.shape[1:]), block.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.resize(self._block, (rows.stop - rows.start, *self.shape[1:]))


def held(fit, n: int, rounds: int) -> dict:
    """Fits of rows in memory; the first one has packing and compiling in it."""
    dataset = well_conditioned(n, FEATURES)
    before = _resident()
    seconds, found = [], None
    for _ in range(rounds + 1):
        begun = perf_counter()
        found = fit.fit(dataset, l2=1 / n, dtype="float32")
        seconds.append(perf_counter() - begun)
    return {"seconds": seconds, "bytes": _peak() - before, "objective": found.objective}


def stream(fit, n: int, rounds: int, keep: float = 0.0) -> dict:
    """Passes over a stream: the one that every fit of a stream begins with, and one value and gradient.

    In a job of several processes they share it, and this one tells of itself.
    """
    from logreg_parity.data.dataset import Parameters
    from logreg_parity.solvers.objective import Objective
    from logreg_parity.solvers.ranks import RUNTIMES, find_job, join
    from logreg_parity.solvers.stream import Stream

    small = well_conditioned(10_000, STREAMED_FEATURES)
    X, y = small.X.astype(np.float32), small.y.astype(np.float32)
    runtime = next(name for name, module in RUNTIMES.items() if fit.__name__.startswith(module))
    ranks = join(runtime) if find_job() else None
    before, begun = _resident(), perf_counter()
    rows = Stream(Repeated(X, n), Repeated(y, n), "rows again and again")
    blocks = fit.pack(rows, dtype="float32", ranks=ranks, keep=keep)
    seconds = [perf_counter() - begun]
    for _ in range(rounds):
        begun = perf_counter()
        objective = Objective(blocks).value_and_grad(Parameters(np.zeros(STREAMED_FEATURES), 0.0))[0]
        seconds.append(perf_counter() - begun)
    return {"seconds": seconds, "bytes": _peak() - before, "objective": objective}


def shared(fit, n: int, rounds: int, keep: float = 0.0) -> list[dict]:
    """What each of two ranks takes for the passes of ``stream``. Raises RuntimeError where one fails."""
    from logreg_parity.solvers.jobs import run_job

    module = fit.__name__.partition(".")[0]
    ended = run_job(["-m", "benchmarks.scale", "stream", module, *map(str, (n, rounds, keep))], 2, 3600)
    for end in ended:
        if end.status:
            raise RuntimeError(end.err)
    return [json.loads(end.out) for end in ended]


def digests(fit, n: int, rounds: int) -> dict:
    """What a pass over a stream takes of the processor for the digests of its blocks, turn by turn with and without."""
    from logreg_parity.solvers import stream as module

    small, known = well_conditioned(10_000, STREAMED_FEATURES), module.digest
    X, y = small.X.astype(np.float32), small.y.astype(np.float32)
    theta, taken = np.full(STREAMED_FEATURES + 1, 0.01), {"with": [], "without": []}
    blocks = {}
    for way, digest in {"with": known, "without": lambda *arrays: "0"}.items():
        module.digest = digest
        rows = module.Stream(Repeated(X, n), Repeated(y, n), "rows again and again")
        blocks[way] = digest, fit.pack(rows, dtype="float32")
    for _ in range(rounds):
        for way, (digest, packed) in blocks.items():
            module.digest = digest
            begun = process_time()
            packed.sums(theta, arithmetic="float32")
            taken[way].append(process_time() - begun)
    module.digest = known
    ratios = [a / b for a, b in zip(*taken.values(), strict=True)]
    return {way: median(seconds) for way, seconds in taken.items()} | {"ratio": median(ratios)}


def _resident() -> int:
    """Bytes that are resident now, from where ``_peak`` counts anew: what made the data has given its memory back."""
    PEAK.write_text("5")
    return _kernel("VmRSS")


def _peak() -> int:
    """The most bytes that were resident since ``_resident``."""
    return _kernel("VmHWM")


def _kernel(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def exponents(rows: list[dict]) -> dict[str, float]:
    """By candidate of two sizes or more: the exponent of N that the times of the largest three follow."""
    found = {}
    for name in TWINS:
        own = [row for row in rows if row["candidate"] == name and row["data"] == "held"][-3:]
        if len(own) > 1:
            x = [math.log(row["n_rows"]) for row in own]
            found[name] = float(np.polyfit(x, [math.log(row["seconds"]["median"]) for row in own], 1)[0])
    return found


def tables(rows: list[dict]) -> dict[str, list[tuple[str, ...]]]:
    """Heading and rows, then the exponents."""
    lines = [
        (
            row["candidate"],
            "a fit" if row["data"] == "held" else "a pass",
            f"{row['n_rows']:,} × {row['n_features']}",
            digits(row["seconds"]["first"]),
            shown(row["seconds"]),
            digits(row["bytes"] / 2**20),
            digits(4 * row["n_rows"] * row["n_features"] / 2**20),
        )
        for row in rows
    ]
    lines += [(name, "a fit", "grows as", "", f"N^{power:.2f}", "", "") for name, power in exponents(rows).items()]
    heading = ("twin", "what", "N × D", "first, s", "seconds", "peak MiB more", "X, MiB")
    return {"float32": [heading, *lines]}


def figure(rows: list[dict]):
    """Seconds and peak memory over N."""
    from .plot import lines

    panels: dict[str, dict[str, tuple[list[float], list[float]]]] = {"seconds": {}, "GiB beside the data set": {}}
    for row in rows:
        if row["data"] == "held":
            values = (row["seconds"]["median"], max(row["bytes"], 2**20) / 2**30)
            for series, value in zip(panels.values(), values, strict=True):
                xs, ys = series.setdefault(row["candidate"], ([], []))
                xs.append(row["n_rows"])
                ys.append(value)
    return lines(panels, "rows N", "A fit to the optimum, 10 features")


if __name__ == "__main__":
    import importlib

    kind, module, n, rounds, *keep = sys.argv[1:]
    fit = importlib.import_module(f"{module}.speed.fit")
    kinds = {"held": held, "stream": stream, "shared": shared, "digests": digests}
    print(json.dumps(kinds[kind](fit, int(n), int(rounds), *map(float, keep))))
