"""Ten minutes on a GPU: ``python -m benchmarks.cuda`` checks and measures everything there, the most valuable first.

Every part runs in a process of its own and has its limit; one that fails is recorded with its traceback, and the next
one runs. After each, ``results/cuda/`` holds all that is known: PART.json, and ``results.md`` as a page. The sentences
about CUDA in the README are made of them by ``--write-readme``: until a GPU was at hand they say so.
"""

import argparse
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from logreg_parity.data.files import write_whole
from logreg_parity.show import as_json, machine

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "cuda"
TWINS = {"PyTorch": "logreg_torch", "JAX": "logreg_jax"}
OPTIONAL = ("flint", "gmpy2", "jax_triton", "numba", "optax", "sklearn", "sklearnex", "triton")
READMES = {"README.md": "en", "README.zh-CN.md": "zh"}
START, END = "<!-- cuda: made by benchmarks/cuda.py -->", "<!-- /cuda -->"
Table = list[tuple[str, ...]]  # the heading, then the rows
Tables = dict[str, Table]
Call = Callable[[], object]


class Part(NamedTuple):
    """Something to check or to measure: tables as they grow, on a device, at "full" or "tiny" size."""

    run: Callable[[str, str, Path], Iterator[Tables]]
    seconds: float  # at most


class FailedError(Exception):
    """A command of a part ended otherwise than it should: what it said."""


# -- what is checked ---------------------------------------------------------------------------------------------------


def command(*arguments: str, well: tuple[int, ...] = (0,)) -> str:
    """What ``logreg-parity`` prints with these arguments. FailedError where its status is not one of ``well``."""
    done = subprocess.run([sys.executable, "-m", "logreg_parity", *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in well:
        said = (done.stdout + done.stderr).strip().splitlines()[-40:]
        raise FailedError(
            f"logreg-parity {' '.join(arguments)} ends with status {done.returncode}:\n" + "\n".join(said)
        )
    return done.stdout


def passport(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """How both frameworks compute there, and what products of float32 lose with TF32 on and off."""
    command("passport", "--device", device, "--out", str(folder / "passport"))
    yield {"Passport": [("written",), ("passport/passport.md",)]}
    import jax
    import numpy as np
    import torch

    from logreg_jax.convert import find_device

    A, B = np.random.RandomState(0).standard_normal((2, 256, 256)).astype(np.float32)
    exact = A.astype(float) @ B.astype(float)
    table: Table = [("framework", "TF32", "largest error of a product, relative")]
    on_torch = [torch.from_numpy(M).to(device) for M in (A, B)]
    on_jax = [jax.device_put(M, find_device(device)) for M in (A, B)]

    def add(name: str, switch: str, found: Any) -> None:
        error = np.max(np.abs(np.asarray(found, float) - exact)) / np.max(np.abs(exact))
        table.append((name, switch, f"{error:.1e}"))

    before = torch.backends.cuda.matmul.fp32_precision
    for switch, torch_word, jax_word in (("off", "ieee", "highest"), ("on", "tf32", "tensorfloat32")):
        torch.backends.cuda.matmul.fp32_precision = torch_word
        add("PyTorch", switch, (on_torch[0] @ on_torch[1]).cpu())
        with jax.default_matmul_precision(jax_word):
            add("JAX", switch, on_jax[0] @ on_jax[1])
    torch.backends.cuda.matmul.fp32_precision = before
    yield {"TF32": table}


def compare(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """The default run on both devices: every number within its bound, or not."""
    few = ("--steps", "50") if size == "tiny" else ()
    said = command("--device", *dict.fromkeys(("cpu", device)), *few, "--out", str(folder / "compare"), well=(0, 3))
    paragraphs = said.split("Written:")[0].strip().split("\n\n")[-2:]
    yield {"The main job": [("it says",), *((" ".join(part.split()),) for part in paragraphs)]}


def explain(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """Runs recorded on the CPU and there, held against each other."""
    steps = ("--steps", "20" if size == "tiny" else "1000")
    table: Table = [("runs", "what explain says")]
    traces = folder / "traces"
    traces.mkdir(exist_ok=True)
    for twin in ("logreg_torch", "logreg_jax"):
        for place in dict.fromkeys(("cpu", device)):
            file = str(traces / f"{twin}-{place}.npz")
            command("record", "--twin", twin, "--device", place, *steps, "--out", file)
    pairs = [(f"{twin}-cpu", f"{twin}-{device}") for twin in ("logreg_torch", "logreg_jax")]
    for one, other in [*pairs, (f"logreg_torch-{device}", f"logreg_jax-{device}")]:
        said = command("explain", str(traces / f"{one}.npz"), str(traces / f"{other}.npz"), well=(0, 1, 3))
        table.append((f"{one} and {other}", " ".join(said.split("\n\n")[-1].split())))
        yield {"Traces": table}


def tests(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """The tests that are marked cuda; with a pretended device they are only collected."""
    only = [] if device == "cuda" else ["--collect-only", "-q"]
    arguments = ["-m", "pytest", "-m", "cuda", "-q", "-r", "fE", "--no-header", "-p", "no:cacheprovider", *only]
    done = subprocess.run([sys.executable, *arguments, "parity_tests"], capture_output=True, text=True, cwd=ROOT)
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    last = lines[-1] if lines else done.stderr[-200:]
    yield {"Tests marked cuda": [("pytest says",), (last,), *((line,) for line in failed)]}
    if done.returncode:
        raise FailedError("\n".join(lines[-60:]) + done.stderr[-2000:])


def digests(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """One hash for every backend of the exact engine."""
    if find_spec("logreg_parity.truth.exact") is None:
        raise NotImplementedError("this version has no exact engine")
    yield {"Exact digests": [("logreg-parity hash says",), *((line,) for line in command("hash").splitlines())]}


def ports(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """Three models in both frameworks there, held together by ``check``."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import torch

    from logreg_parity import check

    def dense(p: Any, x: Any) -> Any:
        return x @ p["weight"].T + p["bias"]

    def convolved(p: Any, x: Any) -> Any:
        z = jax.lax.conv_general_dilated(x, p["weight"], (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
        return z + p["bias"][:, None, None]

    torch.manual_seed(0)
    linear = torch.nn.Linear(5, 3)
    deep = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    conv = torch.nn.Conv2d(1, 2, 3)
    rng = np.random.RandomState(0)
    rows, images = {"x": rng.standard_normal((6, 5))}, {"x": rng.standard_normal((2, 1, 6, 6))}
    models = {
        "a linear layer": (linear, lambda p, b: (dense(p, b["x"]) ** 2).mean(), rows),
        "a network": (deep, lambda p, b: (dense(p["2"], jnp.tanh(dense(p["0"], b["x"]))) ** 2).mean(), rows),
        "a convolution": (conv, lambda p, b: (convolved(p, b["x"]) ** 2).mean(), images),
    }
    table: Table = [("model", "verdict")]
    for name, (model, loss, batch) in models.items():
        squared = lambda m, b: (m(b["x"]) ** 2).mean()  # noqa: E731
        report = check(model, loss, batch, torch_loss=squared, device=device, steps=1, samples=4)
        table.append((name, report.verdict))
        yield {f"check on {device}": table}


# -- what is measured --------------------------------------------------------------------------------------------------


def ladder(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """What a step of the lesson costs."""
    from . import ladder as benchmark

    for rows in benchmark.run(size, notify):
        yield benchmark.tables(rows)


def gradient(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """One value and gradient in float32 against one reading of X there, by products and by the kernel."""
    from .timing import paired, shown

    found: Tables = {}
    for n, d in [(300, 5)] if size == "tiny" else [(1_000_000, 28), (10_000_000, 100)]:
        notify(f"{n:,} × {d}")
        reading, candidates, left = gradients(float32_rows(n, d), device)
        timings = paired(reading, candidates, rounds=2 if size == "tiny" else 20, budget=20.0)
        table: Table = [("candidate", "of one reading", "milliseconds")]
        table += [(name, f"{share[1]:.2f}", shown(t._asdict(), 1e-3)) for name, (t, share) in timings.items()]
        table += [(name, "", reason) for name, reason in left.items()]
        speed = 4 * n * d / min(_seconds(reading) for _ in range(5)) / 1e9
        found = {**found, f"{n:,} × {d}, float32; X is read at {speed:,.0f} GB/s": table}
        yield found


def gradients(dataset: Any, device: str) -> tuple[Call, dict[str, Call], dict[str, str]]:
    """One reading of X there, ways to a float32 value and gradient that wait for it, and why another does not run."""
    import jax
    import numpy as np
    import torch

    from logreg_jax.convert import find_device
    from logreg_parity.data.dataset import Parameters
    from logreg_parity.solvers.objective import Objective

    from .peers import jax_gradient, torch_gradient

    d = dataset.n_features
    point = Parameters(np.full(d, 0.01, np.float32), np.float32(0.1))
    parts = [np.array(part, np.float32) for part in (dataset.X, dataset.y, *point)]
    tensors = [torch.from_numpy(part).to(device) for part in parts]
    arrays = [jax.device_put(part, find_device(device)) for part in parts]
    found: dict[str, Callable[[], object]] = {
        "PyTorch eager": lambda: [part.sum().item() for part in torch_gradient(*tensors)],
        "JAX jit": lambda: jax.block_until_ready(jax_gradient(*arrays)),
    }
    left: dict[str, str] = {}
    for name, fits in _fits().items():
        for kernel, title in (("plain", "one pass"), ("fused", "kernel")):
            try:
                packed = Objective(fits.pack(dataset, dtype="float32", kernel=kernel, device=device))
                call = partial(packed.value_and_grad, point, "float32")
                call()
                found[f"{name}, {title}"] = call
            except Exception as error:  # the kernel needs a package, and of a version that fits the framework's
                left[f"{name}, {title}"] = f"does not run: {str(error).splitlines()[0][:120]}"
    return lambda: tensors[0].sum().item(), found, left


def optimum(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """Seconds to the optimum there and by scikit-learn on the CPU, judged in float64 by neither framework."""
    from .optimum import good, loosest
    from .problems import answer

    found: Tables = {}
    for n, d in [(300, 3)] if size == "tiny" else [(1_000_000, 200), (10_000_000, 28)]:
        dataset, l2, title = float32_rows(n, d), 1 / n, f"To the optimum, {n:,} × {d}"
        target = answer(dataset, l2)
        table: Table = [("solver", "first, s", "again, s", "packing, s", "gap")]
        for name, make in solvers(dataset, l2, device).items():
            notify(f"{title}: {name}")
            try:
                begun = perf_counter()
                solve = make()
                packing = perf_counter() - begun
                tolerance, first, end = loosest(solve, dataset, l2, target)
                again = f"{_seconds(partial(solve, tolerance)):.3g}" if good(end) else "not reached"
                table.append((name, f"{first:.3g}", again, f"{packing:.3g}", f"{max(end.gap, 0):.0e}"))
            except Exception as error:  # a peer's fault is not the end of the table
                table.append((name, "", f"{type(error).__name__}: {str(error).splitlines()[0][:80]}", "", ""))
            found = {**found, title: table}
            yield found


def solvers(dataset: Any, l2: float, device: str) -> dict[str, Callable[[], Callable[[float], Any]]]:
    """By name: what prepares the data there and gives a function from a tolerance to where it leads."""
    import jax
    import jax.numpy as jnp
    import torch

    from logreg_jax.convert import find_device

    from .peers import optax_lbfgs, sklearn_fit, torch_lbfgs

    def twin(fits: Any) -> Callable[[float], Any]:
        packed = fits.pack(dataset, dtype="float32", device=device)
        return lambda tolerance: fits.solve(packed, l2=l2, tolerance=tolerance).parameters

    def tensors() -> list[torch.Tensor]:
        return [torch.tensor(part, dtype=torch.float64).to(device) for part in (dataset.X, dataset.y)]

    def by_torch() -> Callable[[float], Any]:
        there = tensors()
        return lambda tolerance: torch_lbfgs(*there, l2, tolerance)

    def by_optax() -> Callable[[float], Any]:
        with jax.enable_x64(True):
            parts = (jnp.asarray(part, jnp.float64) for part in (dataset.X, dataset.y))
            there = [jax.device_put(part, find_device(device)) for part in parts]

        def solve(tolerance: float) -> Any:
            with jax.enable_x64(True):
                return optax_lbfgs(*there, l2, tolerance)

        return solve

    def by_sklearn_on_tensors() -> Callable[[float], Any]:
        from sklearn import config_context

        there = tensors()

        def solve(tolerance: float) -> Any:
            with config_context(array_api_dispatch=True):
                found = sklearn_fit(*there, l2, "lbfgs", tolerance)
                return type(found)(*(torch.as_tensor(part).cpu().numpy() for part in found))

        return solve

    return {
        **{name: partial(twin, fits) for name, fits in _fits().items()},
        "scikit-learn newton-cholesky, CPU": lambda: partial(sklearn_fit, dataset.X, dataset.y, l2, "newton-cholesky"),
        "torch.optim.LBFGS": by_torch,
        "optax.lbfgs": by_optax,
        "scikit-learn lbfgs, torch tensors": by_sklearn_on_tensors,
    }


def devices(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """Transfer, compiling, dispatch and computing apart, and from how many rows the GPU pays."""
    from . import devices as benchmark

    rows: list[dict] = []
    for more in benchmark.run(size, notify):
        rows += more
        yield benchmark.tables(rows)


def memory(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """The most memory of the device that a fit holds beside X."""
    import torch

    from logreg_jax.convert import find_device

    n, d = (300, 3) if size == "tiny" else (1_000_000, 100)
    dataset = float32_rows(n, d)
    table: Table = [("twin", "peak, MiB", "X, MiB")]
    for name, fits in _fits().items():
        fits.fit(dataset, dtype="float32", device=device)
        if name == "PyTorch":
            peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
        else:
            peak = (find_device(device).memory_stats() or {}).get("peak_bytes_in_use")
        said = "the device does not tell" if peak is None else f"{peak / 2**20:,.0f}"
        table.append((name, said, f"{4 * n * d / 2**20:,.0f}"))
        yield {f"Memory of a fit, {n:,} × {d}": table}


PARTS = {
    "passport": Part(passport, 120),
    "compare": Part(compare, 120),
    "explain": Part(explain, 90),
    "tests": Part(tests, 120),
    "gradient": Part(gradient, 120),
    "ladder": Part(ladder, 60),
    "optimum": Part(optimum, 120),
    "digests": Part(digests, 60),
    "ports": Part(ports, 60),
    "devices": Part(devices, 60),
    "memory": Part(memory, 60),
}
"""The most valuable first."""


def float32_rows(n: int, d: int) -> Any:
    """Labels drawn at the probabilities of a model, and rows in float32: 10⁹ numbers in some seconds."""
    import numpy as np

    from logreg_parity.data.dataset import Dataset

    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    w = rng.standard_normal(d, dtype=np.float32) / np.float32(np.sqrt(d))
    y = rng.random(n) < 1 / (1 + np.exp(-(X @ w)))
    return Dataset(X, y.astype(float), f"{n} normal rows of {d} features, seed 0")


def notify(message: str) -> None:
    """A line of progress."""
    print(f"  {message}", file=sys.stderr, flush=True)


def _fits() -> dict[str, Any]:
    """What packs and solves, by framework."""
    return {name: import_module(f"{twin}.speed.fit") for name, twin in TWINS.items()}


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


# -- the parts, one after another --------------------------------------------------------------------------------------


def run_part(name: str, size: str, device: str, folder: Path) -> dict[str, Any]:
    """One part, here; written as far as it has come whenever a table has grown."""
    about = {"machine": machine(_device_name(device)), "part": name, "device": device, "size": size}
    found: dict[str, Any] = about | {"status": "running", "tables": {}, "why": ""}
    try:
        for tables in PARTS[name].run(size, device, folder):
            found["tables"] |= tables
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


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else device


def _in_process(name: str, size: str, device: str, folder: Path, seconds: float) -> dict[str, Any]:
    path, about = folder / f"{name}.json", {"part": name, "device": device, "size": size, "tables": {}}
    path.unlink(missing_ok=True)
    if seconds <= 0:
        return about | {"status": "out of time", "why": "the minutes were over"}
    arguments = ["--only", name, "--size", size, "--device", device, "--out", str(folder)]
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    environment |= {"OMP_WAIT_POLICY": "PASSIVE", "SCIPY_ARRAY_API": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.cuda", *arguments],
            cwd=ROOT, env=environment, timeout=seconds, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        ended, said = f"the process ended with status {done.returncode}", done.stderr
    except subprocess.TimeoutExpired as error:
        ended, said = f"it took more than {seconds:.0f} s", (error.stderr or b"").decode(errors="replace")
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else about
    if found.get("status") not in ("done", "failed", "left out"):
        late = ended.startswith("it took")
        found |= {"status": "out of time" if late else "failed", "why": f"{ended}\n{said[-3000:]}"}
    write_whole(path, as_json(found))
    return found


def page(results: list[dict[str, Any]]) -> str:
    """All parts as one Markdown page."""
    about = next((result["machine"] for result in results if "machine" in result), machine())
    where = f"{about['processor']}, {about['cores']} cores; device {about['device']}; {about['date']}"
    lines = ["# On a GPU", "", "Built by `python -m benchmarks.cuda`; no table is typed by hand.", "", where, ""]
    lines += ["| part | it ended |", "|---|---|"]
    lines += [f"| {result['part']} | {result['status']} |" for result in results]
    for result in results:
        lines += ["", f"## {result['part'].capitalize()}: {result['status']}", ""]
        if result["why"]:
            lines += ["```", result["why"].strip(), "```", ""]
        for title, (heading, *rows) in result["tables"].items():
            cells = [[str(cell).replace("|", "\\|") for cell in row] for row in (heading, *rows)]
            lines += [f"**{title}**", "", f"| {' | '.join(cells[0])} |", "|" + "---|" * len(heading)]
            lines += [*(f"| {' | '.join(row)} |" for row in cells[1:]), ""]
    return "\n".join(lines).rstrip() + "\n"


def sentence(folder: Path, language: str) -> str:
    """What the README says of CUDA: of the results in a folder, or that there are none."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    ran = [part for part in parts if part["device"] == "cuda" and part["size"] == "full"]
    if not ran:
        return {
            "en": "**Not checked so far: this version has been run on CPUs only.** `make cuda` takes eight minutes.",
            "zh": "**尚未检验：这个版本只在 CPU 上运行过。** `make cuda` 用八分钟完成检验。",
        }[language]
    about, link = ran[0]["machine"], "(benchmarks/results/cuda/results.md)"
    done, rest = ([part["part"] for part in ran if (part["status"] == "done") == well] for well in (True, False))
    date, device = about["date"][:10], about["device"]
    if language == "zh":
        missing = f"；未完成：{'、'.join(rest)}" if rest else ""
        return f"`make cuda` 于 {date} 在 {device} 上完成：{'、'.join(done)}{missing}（[结果]{link}）。"
    missing = f"; not done: {', '.join(rest)}" if rest else ""
    return f"`make cuda` on {date}, {device}: {', '.join(done)} done{missing} ([results]{link})."


def write_readme() -> None:
    """The sentences, into both READMEs."""
    for name, language in READMES.items():
        path = ROOT / name
        before, _, rest = path.read_text(encoding="utf-8").partition(START)
        write_whole(path, f"{before}{START}\n{sentence(RESULTS, language)}\n{END}{rest.partition(END)[2]}")


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
    top.add_argument("--write-readme", action="store_true", help="put what the results say into the READMEs, no more")
    top.add_argument("--only", choices=PARTS, help=argparse.SUPPRESS)
    options = top.parse_args(arguments)
    if options.write_readme:
        write_readme()
        return 0
    if unknown := set(options.parts) - PARTS.keys():
        top.error(f"there is no part {', '.join(sorted(unknown))}; give {', '.join(PARTS)}")
    if options.only:
        return 0 if run_part(options.only, options.size, options.device, options.out)["status"] == "done" else 1
    from logreg_parity.twins import load_twin

    blind = [name for name in ("logreg_torch", "logreg_jax") if options.device not in load_twin(name).devices()]
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
