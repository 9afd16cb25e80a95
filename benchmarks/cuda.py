"""Ten minutes on a GPU: ``python -m benchmarks.cuda`` checks and measures everything there, the most valuable first.

Every part of ``cuda_parts.py`` runs in a process of its own and has its limit; one that fails is recorded with its
traceback, and the next one runs. After each, ``results/cuda/`` holds all that is known: PART.json, and ``results.md``
as a page. The sentence about CUDA in docs/performance.md is made of them by ``--write-docs``; until a GPU was at hand
it says so.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from logreg_parity.data.files import write_whole
from logreg_parity.show import as_json, machine

from .cuda_parts import PARTS, ROOT, TWINS, FailedError
from .results import tables

RESULTS = Path(__file__).parent / "results" / "cuda"
OPTIONAL = ("flint", "gmpy2", "jax_triton", "numba", "optax", "sklearn", "sklearnex", "triton")
PAGE = ROOT / "docs" / "performance.md"
START, END = "<!-- cuda: made by benchmarks/cuda.py -->", "<!-- /cuda -->"


def run_part(name: str, size: str, device: str, folder: Path) -> dict[str, Any]:
    """One part, here; written as far as it has come whenever a table has grown."""
    found = nothing(name, size, device)
    try:
        for grown in PARTS[name].run(size, device, folder):
            found["tables"] |= grown
            write_whole(folder / f"{name}.json", as_json(found))
        found["status"] = "done"
    except NotImplementedError as error:
        found |= {"status": "left out", "why": str(error)}
    except FailedError as error:
        found |= {"status": "failed", "why": str(error)}
    except Exception:
        found |= {"status": "failed", "why": traceback.format_exc()}
    write_whole(folder / f"{name}.json", as_json(found))
    return found


def run_all(names: list[str], size: str, device: str, folder: Path, minutes: float) -> list[dict[str, Any]]:
    """Every part in a process of its own, until the minutes are over; the page is written after each."""
    folder.mkdir(parents=True, exist_ok=True)
    deadline, results = perf_counter() + 60 * minutes, []
    for number, name in enumerate(names, 1):
        left = deadline - perf_counter()
        print(f"· {name} ({number} of {len(names)}), {left / 60:.1f} min left", file=sys.stderr, flush=True)
        results.append(_in_process(name, size, device, folder, min(left, PARTS[name].seconds)))
        print(f"  {results[-1]['status']}", file=sys.stderr, flush=True)
        write_whole(folder / "results.md", page(results))
    return results


def nothing(name: str, size: str, device: str) -> dict[str, Any]:
    """The result of a part that has found nothing yet."""
    import torch

    about = machine(torch.cuda.get_device_name() if device == "cuda" else device)
    return {
        "machine": about,
        "part": name,
        "device": device,
        "size": size,
        "status": "running",
        "tables": {},
        "why": "",
    }


def ended(command: list[str], environment: dict[str, str], seconds: float) -> tuple[int | None, str]:
    """The status of a command, None where it took longer, and what it said; nothing that it started outlives it."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _, said = process.communicate(timeout=seconds)
        return process.returncode, said
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None, process.communicate()[1]


def _in_process(name: str, size: str, device: str, folder: Path, seconds: float) -> dict[str, Any]:
    path = folder / f"{name}.json"
    path.unlink(missing_ok=True)
    if seconds <= 0:
        return nothing(name, size, device) | {"status": "out of time", "why": "the minutes were over"}
    arguments = ["--only", name, "--size", size, "--device", device, "--out", str(folder)]
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    environment |= {"OMP_WAIT_POLICY": "PASSIVE", "SCIPY_ARRAY_API": "1"}
    status, said = ended([sys.executable, "-m", "benchmarks.cuda", *arguments], environment, seconds)
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else nothing(name, size, device)
    if found["status"] == "running":
        how = f"it took more than {seconds:.0f} s" if status is None else f"the process ended with status {status}"
        found |= {"status": "out of time" if status is None else "failed", "why": f"{how}\n{said[-3000:]}"}
    write_whole(path, as_json(found))
    return found


def page(results: list[dict[str, Any]]) -> str:
    """All parts as one Markdown page."""
    about = results[0]["machine"]
    where = f"{about['processor']}, {about['cores']} cores; device {about['device']}; {about['date']}"
    lines = ["# On a GPU", "", "Built by `python -m benchmarks.cuda`; no table is typed by hand.", "", where, ""]
    lines += ["| part | it ended |", "|---|---|"]
    lines += [f"| {result['part']} | {result['status']} |" for result in results]
    lines.append("")
    for result in results:
        lines += [f"## {result['part'].capitalize()}: {result['status']}", ""]
        if result["why"]:
            lines += ["```", result["why"].strip(), "```", ""]
        lines += tables(result["tables"])
    return "\n".join(lines).rstrip() + "\n"


def sentence(folder: Path) -> str:
    """What the docs say of CUDA: of the results in a folder, or that there are none."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    ran = [part for part in parts if part["device"] == "cuda" and part["size"] == "full"]
    if not ran:
        return (
            "**Not checked so far: this version has been run on CPUs only.** `make cuda` takes eight minutes at most."
        )
    about, link = ran[0]["machine"], "(../benchmarks/results/cuda/results.md)"
    done, rest = ([part["part"] for part in ran if (part["status"] == "done") == well] for well in (True, False))
    missing = f"; not done: {', '.join(rest)}" if rest else ""
    return f"`make cuda` on {about['date'][:10]}, {about['device']}: {', '.join(done)} done{missing} ([results]{link})."


def write_docs() -> None:
    """The sentence, into its page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    write_whole(PAGE, f"{before}{START}\n{sentence(RESULTS)}\n{END}{rest.partition(END)[2]}")


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 where every part is done or left out, 1 where one failed or had no time, 2 without a device."""
    top = argparse.ArgumentParser(
        "python -m benchmarks.cuda",
        description="Check and measure everything on a GPU, the most valuable first, each part on its own.",
        epilog="exit status: 0 all is done, or left out for a reason; 1 a part failed or had no time; "
        "2 an option is wrong, or there is no CUDA device.",
    )
    top.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    top.add_argument("--minutes", type=float, default=8.0, metavar="M", help="for all of them (8)")
    top.add_argument("--device", default="cuda", help="cuda; cpu only pretends, to see that everything runs (cuda)")
    top.add_argument("--size", choices=("full", "tiny"), default="full", help="tiny shows only that it runs (full)")
    top.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER", help="(benchmarks/results/cuda/)")
    top.add_argument("--write-docs", action="store_true", help="put what the results say into docs/, no more")
    top.add_argument("--only", choices=PARTS, help=argparse.SUPPRESS)
    options = top.parse_args(arguments)
    if options.write_docs:
        write_docs()
        return 0
    if unknown := set(options.parts) - PARTS.keys():
        top.error(f"there is no part {', '.join(sorted(unknown))}; give {', '.join(PARTS)}")
    if options.only:
        return 0 if run_part(options.only, options.size, options.device, options.out)["status"] == "done" else 1
    from logreg_parity.twins import load_twin

    blind = [name for name in TWINS.values() if options.device not in load_twin(name).devices()]
    if blind:
        top.error(f"no {options.device} device is visible to {' and '.join(blind)}; there is nothing to check")
    missing = [name for name in OPTIONAL if find_spec(name) is None]
    if missing:
        print(f"· not installed, and what needs it is left out: {', '.join(missing)}", file=sys.stderr)
    names = list(dict.fromkeys(options.parts)) or list(PARTS)
    results = run_all(names, options.size, options.device, options.out, options.minutes)
    for result in results:
        print(f"{result['part']:10} {result['status']}")
    print(f"\nWritten: {options.out / 'results.md'} and a JSON file for every part")
    return 0 if all(result["status"] in ("done", "left out") for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
