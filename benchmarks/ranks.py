"""What several processes cost and bring: an exchange by its bytes, a pass over as many rows a rank, and as many in all.

Every job is one of processes on this machine, so more ranks than processors share them: what is measured there is what
an exchange costs, not what more machines bring. Its processes have the machine's memory in common too: what that leaves
each of them is measured beside it, by processes that share nothing. More machines are a model: seconds of a pass are
those of a rank's own rows, and (k - 1) (α + β bytes) for the exchange of k ranks, with α, β and the seconds a byte
fitted to what was measured.
"""

import json
import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np

from .scale import Repeated
from .timing import Timing, digits, shown

QUESTION = "what do several processes cost, and what do they bring?"
FEATURES = 100
ROWS = {"full": 250_000, "tiny": 2000}  # a rank: 100 MB in float32
SIZES = {"full": [256, 8192, 2**17, 2**22], "tiny": [256, 2**17]}  # bytes of an exchange
RANKS = {"full": [1, 2, 3], "tiny": [1, 2]}
REPEATS = {"full": 5, "tiny": 2}
TWINS = {"PyTorch": ("logreg_torch", "torch"), "JAX": ("logreg_jax", "jax")}
MODEL = [1, 10, 100, 1000]


def run(size: str, notify) -> Iterator[list[dict]]:
    """The rows of one twin after the other."""
    from logreg_parity.solvers.jobs import run_job

    for name, (module, runtime) in TWINS.items():
        rows = []
        for k in RANKS[size]:
            notify(f"ranks: {k} of {name}")
            ended = run_job(["-m", "benchmarks.ranks", module, runtime, size], k)
            bad = [rank for rank, end in enumerate(ended) if end.status]
            if bad:
                raise ValueError(
                    f"rank {bad[0]} of {k} of {name} ended with {ended[bad[0]].status}: {ended[bad[0]].err}"
                )
            rows += [
                {"candidate": name, "dtype": "float32", "device": "cpu", **row} for row in json.loads(ended[0].out)
            ]
        yield rows


def work(module: str, runtime: str, size: str) -> list[dict]:
    """What one rank of a job measures; all ranks do the same."""
    import importlib

    from logreg_parity.solvers.ranks import ALONE, Ranks, join
    from logreg_parity.solvers.stream import Stream

    from .problems import well_conditioned

    ranks = join(runtime)
    fit = importlib.import_module(f"{module}.speed.fit")
    small = well_conditioned(10_000, FEATURES)
    X, y = small.X.astype(np.float32), small.y.astype(np.float32)
    rows, k = [], ranks.size
    for count in SIZES[size] if k > 1 else ():
        own = np.zeros(count // 8)
        timing = _timed(lambda own=own: ranks.gathered("numbers", lambda: own, [1] * k, len(own)), REPEATS[size] * 10)
        about = {"data": f"an exchange of {count:,} bytes by {k}", "ranks": k, "bytes": count}
        rows.append(about | {"n_rows": 0, "n_features": 0} | timing)

    def packed(n: int, own: Ranks) -> Any:
        stream = Stream(Repeated(X, n), Repeated(y, n), "rows again and again", max(1, ROWS[size] // 24))
        return fit.pack(stream, dtype="float32", ranks=own)

    mine = packed(ROWS[size], Ranks(0, 1, ALONE._exchange, local=ranks.local))
    passes = {
        f"a pass by {k}, as many a rank": packed(ROWS[size] * k, ranks),
        f"a pass by {k}, as many in all": packed(ROWS[size], ranks),
        f"a pass by one of {k}, the others idle": None if ranks.rank else mine,
        f"a pass by {k} at once, nothing shared": mine,
    }
    seconds: dict[str, list[float]] = {what: [] for what in list(passes)[: 4 if k > 1 else 2]}
    for _ in range(REPEATS[size] + 1):  # turn by turn, since what a virtual machine gets changes
        for what, own in seconds.items():
            ranks.together("the next pass", lambda: None)
            begun = perf_counter()
            if passes[what] is not None:
                passes[what].sums(np.zeros(FEATURES + 1), arithmetic="float32")
            taken = perf_counter() - begun
            own.append(float(ranks.gathered("seconds", lambda taken=taken: [taken], [1] * k, 1).max()))
    for what, own in seconds.items():
        n = ROWS[size] * (k if what.endswith("as many a rank") else 1)
        each = n if passes[what] in (mine, None) else n // k
        about = {"data": what, "ranks": k, "bytes": 4 * each * FEATURES, "n_rows": n, "n_features": FEATURES}
        rows.append(about | {"seconds": Timing.of(own[0], own[1:])._asdict()})
    return rows


def _timed(call, repeats: int) -> dict:
    seconds = []
    for _ in range(repeats + 2):
        begun = perf_counter()
        call()
        seconds.append(perf_counter() - begun)
    return {"seconds": Timing.of(seconds[0], seconds[2:])._asdict()}


def model(rows: list[dict]) -> dict[str, tuple[float, float, float]]:
    """By candidate α (seconds), β (seconds a byte) and c (seconds a byte of X), by least squares of relative errors."""
    found = {}
    for name in TWINS:
        own = [row for row in rows if row["candidate"] == name]
        exchanges = [row for row in own if row["data"].startswith("an exchange")]
        alone = [row for row in own if row["data"] == "a pass by 1, as many a rank"]
        if exchanges and alone:
            seconds = np.array([row["seconds"]["median"] for row in exchanges])
            terms = np.array([[row["ranks"] - 1, (row["ranks"] - 1) * row["bytes"]] for row in exchanges])
            alpha, beta = np.linalg.lstsq(terms / seconds[:, None], np.ones(len(seconds)), rcond=None)[0]
            found[name] = float(alpha), float(beta), alone[0]["seconds"]["median"] / alone[0]["bytes"]
    return found


def predicted(alpha: float, beta: float, per_byte: float, k: int, bytes_a_rank: float = 1e8) -> float:
    """Seconds of a pass by k ranks, each with as many bytes of X."""
    from logreg_parity.solvers.ranks import FRAME

    return per_byte * bytes_a_rank + (k - 1) * (alpha + beta * max(FRAME, 8 * (FEATURES + 2)))


def tables(rows: list[dict]) -> dict[str, list[tuple[str, ...]]]:
    """One a twin, and the model."""
    found = {}
    for name in dict.fromkeys(row["candidate"] for row in rows):
        own = [row for row in rows if row["candidate"] == name]
        sizes = [f"{row['n_rows']:,} × {row['n_features']}" if row["n_rows"] else "" for row in own]
        times = [f"{digits(1e3 * row['seconds']['best'])} best, {shown(row['seconds'], 1e-3)}" for row in own]
        whats = [row["data"] for row in own]
        found[name] = [("what", "N × D", "milliseconds"), *zip(whats, sizes, times, strict=True)]
    idle = [(row["candidate"], row["ranks"]) for row in rows if row["data"].endswith("the others idle")]
    shares = [(name, str(k), *(f"{100 * ratio:.0f} %" for ratio in weak(rows, name, k))) for name, k in idle]
    if shares:
        heading = ("twin", "ranks", "of a pass that is alone", "the machine's limit", "of that")
        found["weak scaling"] = [heading, *shares]
    lines = [
        (name, digits(1e6 * fitted[0]), digits(1e9 * fitted[1]), *(digits(predicted(*fitted, k)) for k in MODEL))
        for name, fitted in model(rows).items()
    ]
    heading = ("twin", "α, µs", "β, ns a byte", *(f"{k} rank{'s' * (k > 1)}, s" for k in MODEL))
    return found | ({"a model of a pass, 100 MB a rank": [heading, *lines]} if lines else {})


def weak(rows: list[dict], name: str, k: int) -> tuple[float, float, float]:
    """The speed of k ranks that share their passes, by that of one with as many threads while the others are idle.

    Then that of k processes which share nothing, the most that there is on this machine, and the one by the other.
    """
    own = {row["data"]: row["seconds"]["median"] for row in rows if (row["candidate"], row["ranks"]) == (name, k)}
    shared, alone = own[f"a pass by {k}, as many a rank"], own[f"a pass by one of {k}, the others idle"]
    apart = own[f"a pass by {k} at once, nothing shared"]
    return alone / shared, alone / apart, apart / shared


def figure(rows: list[dict]):
    """What was measured of as many rows a rank, and what the model says of more ranks."""
    from .plot import lines

    measured: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        if row["data"].endswith("as many a rank"):
            xs, ys = measured.setdefault(row["candidate"], ([], []))
            xs.append(row["ranks"])
            ys.append(row["seconds"]["median"])
    told = {name: ([float(k) for k in MODEL], [predicted(*own, k) for k in MODEL]) for name, own in model(rows).items()}
    panels = {"seconds of a pass, measured": measured, "seconds of a pass, a MODEL": told}
    return lines(
        panels, "ranks, each with as many rows", "A pass by several processes of this machine, and a model of more"
    )


if __name__ == "__main__":
    from logreg_parity.solvers.ranks import find_job

    found = work(*sys.argv[1:])
    job = find_job()
    if job is None or job.rank == 0:
        print(json.dumps(found))
