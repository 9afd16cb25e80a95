"""``logreg-parity ranks``: the same fit by one process and by several, and whether they have the same bits."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .problem import not_negative, positive

DESCRIPTION = """\
Fit the same rows by jobs of one, two and more processes on this machine, each twin by its
own framework's runtime, and compare: the SHA-256 of the point, objective and what is proved
of them (the first 16 digits), and how far the optimum is at most. Several processes promise
the bits of one."""

EPILOG = """\
exit status: 0 the same bits by any number of processes, and the twins agree; 1 they are
not, or do not; 2 the input or an option is wrong; 3 a fit ended without a proof.

examples:
  logreg-parity ranks
  logreg-parity ranks --processes 1 2 3 4 --dtype float32
  logreg-parity ranks --stream shards/ --l2 1e-6"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity ranks", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("--processes", nargs="+", type=positive(int), default=[1, 2], metavar="K", help="of a job (1 2)")
    top.add_argument("--stream", nargs="+", metavar="FILE", help="as fit takes it (20 000 rows of 8 features, made)")
    top.add_argument("--twins", nargs="+", metavar="MODULE", default=["logreg_torch", "logreg_jax"])
    top.add_argument("--solver", default="auto", metavar="NAME", help="newton, progressive or auto (auto)")
    top.add_argument("--l2", type=not_negative, default=1e-4, metavar="L", help="penalty L/2 |w|^2 (1e-4)")
    top.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="X is held in (float64)")
    return top


def run(options: argparse.Namespace) -> int:
    """Fit, compare, print; the exit status."""
    from ..solvers.ranks import RUNTIMES

    runtimes = {twin: runtime for runtime, twin in RUNTIMES.items()}
    found: dict[str, dict[int, Any]] = {name: {} for name in options.twins}
    with tempfile.TemporaryDirectory() as folder:
        stream = options.stream or [_made(Path(folder))]
        print(f"data: {' '.join(options.stream or ['20 000 rows of 8 features, seed 0, in 10 shards'])}\n", flush=True)
        for name in options.twins:
            for size in dict.fromkeys(options.processes):
                command = ["--stream", *stream, "--twins", name, "--ranks", runtimes.get(name, "torch")]
                command += ["--solver", options.solver, "--l2", str(options.l2), "--dtype", options.dtype]
                fit = found[name][size] = _fit(command, size, Path(folder) / "fit.json")
                about = f"{fit['status']}, optimum within {max(fit['distance'] or [float('inf')]):.1e}"
                few = f"{size} process{'es' * (size > 1)}"
                print(f"  {name:14} {few:12} {digest(fit)}  {about}", flush=True)
    apart = [name for name, fits in found.items() if len(set(map(digest, fits.values()))) > 1]
    if apart:
        print(f"\nNot the same bits: {' and '.join(apart)} depends on the number of processes.")
    else:
        print("\nThe same bits by any number of processes.")
    statuses = {fit["exit status"] for fits in found.values() for fit in fits.values()}
    return 1 if apart or not _near(found) else max(statuses)


def digest(fit: dict[str, Any]) -> str:
    """What the numbers of a fit are known by, as they stand in its file: 16 hexadecimal digits."""
    from ..solvers.ranks import named

    return named(*(fit[name] for name in ("parameters", "objective", "gradient_norm", "gap", "distance", "passes")))


def _made(folder: Path) -> str:
    from ..data.generator import gaussian
    from ..solvers.shards import write_shards
    from ..solvers.stream import Stream

    rows = gaussian(20_000, 8, seed=0)
    write_shards(Stream(rows.X, rows.y, rows.source, 2000), folder / "shards")
    return str(folder / "shards")


def _fit(options: list[str], size: int, file: Path) -> dict[str, Any]:
    """What rank 0 of a job has written of its one fit. Raises ValueError, with what the rank said, for none."""
    from ..solvers.jobs import run_job

    file.unlink(missing_ok=True)
    ended = run_job(["-P", "-m", "logreg_parity", "fit", *options, "--out", str(file)], size)
    bad = [rank for rank, end in enumerate(ended) if end.status not in (0, 1, 3)]
    if bad or not file.exists():
        rank = bad[0] if bad else 0
        said = [line for line in ended[rank].err.splitlines() if line.startswith("logreg-parity: ")]
        print(ended[rank].err, file=sys.stderr, end="" if said else "\n")
        raise ValueError(f"rank {rank} of {size} ended with status {ended[rank].status}; see above")
    (fit,) = json.loads(file.read_text(encoding="utf-8"))["fits"].values()
    return {**fit, "exit status": ended[0].status}


def _near(found: dict[str, dict[int, Any]]) -> bool:
    """Whether all fits lie no further apart than is proved of each; says so where they do not."""
    import numpy as np

    proved = [fit for fits in found.values() for fit in fits.values() if fit["status"] == "converged"]
    ends = [(np.append(*fit["parameters"].values()), np.array(fit["distance"])) for fit in proved]
    near = all((abs(a - b) <= p + q).all() for a, p in ends for b, q in ends)
    print("The twins agree within what is proved of each." if near else "The twins DISAGREE: one proof is wrong.")
    return near
