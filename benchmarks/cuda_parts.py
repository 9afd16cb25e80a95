"""What ``benchmarks/cuda.py`` runs on a GPU, part by part: each yields its tables whenever one has grown.

Frameworks are imported within the parts: what one cannot import is that part's failure, and no other's.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
TWINS = {"PyTorch": "logreg_torch", "JAX": "logreg_jax"}
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
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
        raise FailedError(f"logreg-parity {' '.join(arguments)} ends with status {done.returncode}:\n{said}")
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
    closing = said.split("Written:")[0].strip().split("\n\n")[-1]
    yield {"The main job": [("it says",), (" ".join(closing.split()),)]}


def explain(size: str, device: str, folder: Path) -> Iterator[Tables]:
    """Runs recorded on the CPU and there, held against each other."""
    steps = ("--steps", "20" if size == "tiny" else "1000")
    table: Table = [("runs", "what explain says")]
    traces = folder / "traces"
    traces.mkdir(exist_ok=True)
    for twin in TWINS.values():
        for place in dict.fromkeys(("cpu", device)):
            file = str(traces / f"{twin}-{place}.npz")
            command("record", "--twin", twin, "--device", place, *steps, "--out", file)
    pairs = [(f"{twin}-cpu", f"{twin}-{device}") for twin in TWINS.values()]
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
    few = ("--steps", "20") if size == "tiny" else ("--steps", "1000")
    said = [line for line in command("hash", *few).splitlines() if line]
    yield {"Exact digests": [("logreg-parity hash says",), *((line,) for line in said)]}


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
    from .problems import float32_rows
    from .timing import paired, seconds, shown

    for n, d in [(300, 5)] if size == "tiny" else [(1_000_000, 28), (10_000_000, 100)]:
        notify(f"{n:,} × {d}")
        reading, candidates, left = gradients(float32_rows(n, d), device)
        timings = paired(reading, candidates, rounds=2 if size == "tiny" else 20, budget=20.0, turn=0.0)
        table: Table = [("candidate", "of one reading", "milliseconds")]
        table += [(name, f"{share[1]:.2f}", shown(t._asdict(), 1e-3)) for name, (t, share) in timings.items()]
        table += [(name, "", reason) for name, reason in left.items()]
        speed = 4 * n * d / min(seconds(reading) for _ in range(5)) / 1e9
        yield {f"{n:,} × {d}, float32; X is read at {speed:,.0f} GB/s": table}


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
    found: dict[str, Call] = {
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
    from .problems import answer, float32_rows
    from .timing import seconds

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
                again = f"{seconds(partial(solve, tolerance)):.3g}" if good(end) else "not reached"
                table.append((name, f"{first:.3g}", again, f"{packing:.3g}", f"{max(end.gap, 0):.0e}"))
            except Exception as error:  # a peer's fault is not the end of the table
                table.append((name, "", f"{type(error).__name__}: {str(error).splitlines()[0][:80]}", "", ""))
            yield {title: table}


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

    from .problems import float32_rows

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
    "digests": Part(digests, 120),
    "ports": Part(ports, 60),
    "devices": Part(devices, 60),
    "memory": Part(memory, 60),
}
"""The most valuable first."""


def notify(message: str) -> None:
    """A line of progress."""
    print(f"  {message}", file=sys.stderr, flush=True)


def _fits() -> dict[str, Any]:
    """What packs and solves, by framework."""
    return {name: import_module(f"{twin}.speed.fit") for name, twin in TWINS.items()}
