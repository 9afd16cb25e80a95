"""``logreg-parity hash``: one run in exact arithmetic by every backend at hand, and whether all have the same bits."""

import argparse
import sys
from typing import TYPE_CHECKING

from .problem import add_problem, problem

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..machine.hashes import RunHash

DESCRIPTION = """\
Train with engine "exact" by NumPy, by numba where it is installed, by PyTorch and JAX in
every way they can run it, by C where there is a compiler, by JavaScript where there is
node, on every device they see.
Prints the SHA-256 of all points and of all losses that each computed (the first 16
digits), and whether it is one hash. Two machines compare by that string. With --fit:
the optimum by fit(kernel="exact"), and the hash of its parameters and objective.

Without options: the run published in 2021, in float64 and float32."""

EPILOG = """\
exit status: 0 one hash a format; 1 some backend computed other bits; 2 the input or an
option is wrong.

examples:
  logreg-parity hash
  logreg-parity hash --steps 100 --batch-size 32 --momentum 0.9 --reduction mean
  logreg-parity hash --backends numpy c --json
  logreg-parity hash --fit --data bernoulli --l2 0.01"""

NAMES = ("numpy", "numba", "torch", "jax", "c", "node")


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity hash", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    add_problem(top)
    run = top.add_argument_group("the hash")
    formats = ("float64", "float32")
    run.add_argument("--dtype", nargs="+", choices=formats, default=formats, help="one or both (float64 float32)")
    run.add_argument("--backends", nargs="+", choices=NAMES, default=NAMES, help=f"({' '.join(NAMES)})")
    run.add_argument("--fit", action="store_true", help="of the optimum instead of a run; --dtype is what X is held in")
    run.add_argument("--json", action="store_true", help="print JSON: the machine, every hash in full, the verdict")
    return top


def run(options: argparse.Namespace) -> int:
    """Run, hash, print; the exit status."""
    from ..machine.hashes import fit_hashes, run_hashes
    from ..show import as_json
    from ..solvers.solve import fit_by

    dataset, start, setting = problem(options)
    if options.fit:
        _check_fit(options)

    def say(message: str) -> None:
        print(f"· {message}", file=sys.stderr, flush=True)

    found: list[RunHash] = []
    if not options.json:
        print(f"data: {dataset.source}")
    words = {"dtypes": list(dict.fromkeys(options.dtype)), "names": options.backends, "notify": say}
    rows = (
        fit_hashes(dataset, fit_by, l2=setting.l2, reduction=setting.reduction, **words)  # type: ignore[arg-type]
        if options.fit
        else run_hashes(dataset, start, setting, **words)  # type: ignore[arg-type]
    )
    for row in rows:
        if not options.json:
            if not found or found[-1].dtype != row.dtype:
                print(f"\n{row.dtype:41}{'parameters        objective' if options.fit else 'points            losses'}")
            print(_line(row), flush=True)
        found.append(row)
    computed = [row for row in found if row.same is not None]
    if not computed:
        raise ValueError(f"no backend of {' '.join(options.backends)} is here; name another with --backends")
    one = all(row.same for row in computed)
    whole = {row.dtype: row for row in computed if row.same and (options.fit or row.steps == setting.steps)}
    names = ("parameters", "objective") if options.fit else ("points", "losses")
    digests = {dtype: dict(zip(names, (row.points, row.losses), strict=True)) for dtype, row in whole.items()}
    if options.json:
        every = [row._asdict() for row in found]
        print(as_json({"data": dataset.sha256, "one hash": one, "digest": digests, "backends": every}), end="")
    else:
        apart = ", ".join(f"{row.backend} in {row.dtype}" for row in computed if not row.same)
        others = f"Not one hash: {apart} computed other bits than NumPy."
        what = "fits" if options.fit else "runs"
        print(f"\n{f'one hash: {len(computed)} {what}, the same bits.' if one else others}")
    return 0 if one else 1


def _check_fit(options: argparse.Namespace) -> None:
    """Raises ValueError for options of a run, which a fit has no use for."""
    plain = parser().parse_args([])
    names = ("steps", "step_size", "momentum", "nesterov", "batch_size", "record")
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) != getattr(plain, name)]
    if given:
        raise ValueError(f"{', '.join(given)} is for a run, and --fit finds the optimum; leave one of them out")


def _line(row: "RunHash") -> str:
    if row.same is None:
        return f"  {row.backend:38} left out: {row.reason}"
    few = f" ({row.steps} steps)" if "op by op" in row.backend else ""
    return f"  {row.backend:38} {row.points[:16]}  {row.losses[:16]}{few}{'' if row.same else '  OTHER BITS'}"
