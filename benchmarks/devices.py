"""CPU against GPU: one value and gradient at every size on every device, with transfer and compiling apart.

Beside plain code stands the twins' one pass, on a GPU by the kernel where that is installed, and all are compared with
one reading of X by PyTorch. On a machine without CUDA there are CPU rows only. On CUDA, float32 products are timed in
full and, labelled, as each framework's defaults have them: JAX may multiply float32 numbers as TF32 there.
"""

from collections.abc import Callable, Iterator
from time import perf_counter

import jax
import numpy as np
import torch

import logreg_jax.speed.fit
import logreg_torch.speed.fit
from logreg_jax import gradient as jax_gradient
from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.generator import initial_parameters
from logreg_parity.solvers.objective import Objective
from logreg_torch import gradient as torch_gradient

from .problems import well_conditioned
from .timing import digits, interleaved, reading, shown

QUESTION = "from how many rows does a GPU pay?"
SIZES = {
    "full": [(n, d) for d in (1, 28, 100) for n in (100, 1000, 10_000, 100_000, 1_000_000)],
    "tiny": [(100, 1), (1000, 2)],
}
LARGEST = (10_000_000, 100)  # where there is a GPU
ROUNDS = {"full": 20, "tiny": 2}
IN_CACHE = 2**26
"""Bytes of X. Below, a GPU reads from its cache as well, and a fraction of one reading says nothing about memory."""


def run(size: str, notify) -> Iterator[list[dict]]:
    """One row a shape, framework, device and precision, shape by shape."""
    largest = [LARGEST] if size == "full" and len(logreg_torch.devices()) > 1 else []
    for n, d in SIZES[size] + largest:
        notify(f"devices: {n:,} × {d}")
        yield _measure(well_conditioned(n, d), ROUNDS[size])


def _measure(dataset: Dataset, rounds: int) -> list[dict]:
    point = initial_parameters(dataset.n_features)
    prepared = {}
    for device in logreg_torch.devices():
        prepared["PyTorch eager", device, "full"] = _torch(dataset, point, device)
        prepared["PyTorch, one pass", device, "full"] = _one_pass(logreg_torch.speed.fit, dataset, point, device)
    for device in logreg_jax.devices():
        prepared["JAX, one pass", device, "full"] = _one_pass(logreg_jax.speed.fit, dataset, point, device)
        prepared["JAX jit", device, "full"] = _jax(dataset, point, device, "highest")
        if device != "cpu":
            prepared["JAX jit", device, "default"] = _jax(dataset, point, device, "default")
    readings = {("", device, ""): _reading(dataset, device) for device in logreg_torch.devices()}
    calls = {key: call for key, (_, call) in prepared.items()}
    timings = interleaved({**readings, **calls}, rounds=rounds, budget=30.0, turn=0.05)
    once = {key[1]: timings.pop(key).median for key in readings}
    return [
        {
            "candidate": candidate if precision == "full" else f"{candidate}, default products",
            "data": "normal",
            "n_rows": dataset.n_rows,
            "n_features": dataset.n_features,
            "dtype": "float32",
            "device": device,
            "transfer": prepared[candidate, device, precision][0],
            "seconds": timing._asdict(),
            "fraction": once[device] / timing.median if device in once and 4 * dataset.X.size > IN_CACHE else None,
            "objective": prepared[candidate, device, precision][1](),
        }
        for (candidate, device, precision), timing in timings.items()
    ]


def _torch(dataset: Dataset, point: Parameters, device: str) -> tuple[float, Callable[[], float]]:
    """Seconds of the transfer, and a call that waits because it brings the value back."""
    convert = logreg_torch.convert
    begun = perf_counter()
    data = convert.data_from_numpy(dataset, "float32", device)
    if device == "cuda":
        torch.cuda.synchronize()
    transfer = perf_counter() - begun
    model = convert.model_from_numpy(point, "float32", device)

    def call() -> float:
        value, slope = torch_gradient.value_and_grad(model, **data)
        return value.item() + 0 * slope.bias.item()

    return transfer, call


def _jax(dataset: Dataset, point: Parameters, device: str, precision: str) -> tuple[float, Callable[[], float]]:
    """Seconds of the transfer, and a call that waits for value and gradient."""
    convert = logreg_jax.convert
    begun = perf_counter()
    data = jax.block_until_ready(convert.data_from_numpy(dataset, "float32", device))
    transfer = perf_counter() - begun
    model = convert.model_from_numpy(point, "float32", device)
    compiled = jax.jit(lambda model, data: jax_gradient.value_and_grad(model, **data))

    def call() -> float:
        with jax.default_matmul_precision(precision):
            value, _ = jax.block_until_ready(compiled(model, data))
        return value.item()

    return transfer, call


def _one_pass(fits, dataset: Dataset, point: Parameters, device: str) -> tuple[float, Callable[[], float]]:
    """Seconds of packing there, and the twin's one pass, which brings its sums back."""
    begun = perf_counter()
    objective = Objective(fits.pack(dataset, dtype="float32", device=device))
    transfer = perf_counter() - begun
    return transfer, lambda: objective.value_and_grad(point, "float32")[0]


def _reading(dataset: Dataset, device: str) -> Callable[[], object]:
    """One reading of X in float32."""
    X = dataset.X.astype(np.float32)
    if device == "cpu":
        return reading(X)
    there = torch.from_numpy(X).to(device)
    return lambda: there.sum().item()


def crossovers(rows: list[dict]) -> dict[tuple[str, int], int | None]:
    """The fewest rows from which the GPU is faster at every larger size, by framework and D; None where it never is."""
    found = {}
    for candidate, d in dict.fromkeys((row["candidate"], row["n_features"]) for row in rows if row["device"] != "cpu"):
        framework = candidate.removesuffix(", default products")
        cpu, gpu = _medians(rows, framework, "cpu", d), _medians(rows, candidate, "cuda", d)
        sizes = sorted(gpu)
        paying = [n for n in sizes if all(gpu[m] < cpu[m] for m in sizes if m >= n)]
        found[candidate, d] = paying[0] if paying else None
    return found


def _medians(rows: list[dict], candidate: str, device: str, d: int) -> dict[int, float]:
    """Median seconds by N."""
    return {
        row["n_rows"]: row["seconds"]["median"]
        for row in rows
        if (row["candidate"], row["device"], row["n_features"]) == (candidate, device, d)
    }


def tables(rows: list[dict]) -> dict[str, list[tuple[str, ...]]]:
    """Heading and rows; where there is a GPU, the crossovers after them."""
    lines = [
        (
            row["candidate"],
            row["device"],
            f"{row['n_rows']:,} × {row['n_features']}",
            digits(1e6 * row["transfer"]),
            digits(1e3 * row["seconds"]["first"]),
            shown(row["seconds"], 1e-6),
            f"{row['fraction']:.2f}" if row["fraction"] else "",
        )
        for row in rows
    ]
    for (candidate, d), n in crossovers(rows).items():
        lines.append((candidate, "cuda pays", f"{f'from {n:,}' if n else 'never'} × {d}", "", "", "", ""))
    heading = ("candidate", "device", "N × D", "transfer, µs", "first call, ms", "call, µs", "of one reading")
    return {"float32": [heading, *lines]}


def figure(rows: list[dict]):
    """Microseconds a call over N at the largest D, one line a candidate and device."""
    from .plot import lines

    widest = max(row["n_features"] for row in rows)
    series: dict[str, tuple[list[float], list[float]]] = {}
    for row in sorted(rows, key=lambda row: row["n_rows"]):
        if row["n_features"] == widest:
            xs, ys = series.setdefault(f"{row['candidate']}, {row['device']}", ([], []))
            xs.append(row["n_rows"])
            ys.append(1e6 * row["seconds"]["median"])
    return lines({"microseconds": series}, "rows N", f"One value and gradient, {widest} features")
