"""Time to the optimum: seconds until the objective is within 10^-9 of its minimum and the gradient has fallen a million
times, judged in float64 by neither framework. A peer that gets there with no setting it was given has no time."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

import logreg_jax
import logreg_torch
from logreg_parity import certified
from logreg_parity.data.dataset import Dataset, Parameters

from .peers import (
    SKLEARN_SOLVERS,
    TOLERANCES,
    accelerated,
    optax_lbfgs,
    sklearn_fit,
    sklearnex_fit,
    statsmodels_fit,
    torch_lbfgs,
)
from .problems import Answer, Reached, answer, ill_conditioned, reached, real_table, separable, well_conditioned
from .timing import digits, interleaved, reading, settle, shown

QUESTION = "how long is the way to the optimum?"
GAP, GRADIENT = 1e-9, 1e-6  # the target: (f - f*) / f*, and ‖∇f‖ / ‖∇f(0)‖
ROUNDS = {"full": (7, 0.25), "tiny": (2, 0.0)}  # and the least seconds a turn
PATIENCE = 15.0
"""Seconds. A peer that takes longer with one tolerance is not tried with a tighter one, and not timed again."""
FRAMEWORKS = {"PyTorch": logreg_torch, "JAX": logreg_jax}
WAYS = {"": ("plain", "cpu"), ", fused": ("fused", "cpu"), ", cuda": ("auto", "cuda")}  # what reads X, and where
TWINS = {
    f"{framework}{way}": (import_module(f"{module.__name__}.speed.fit"), kernel, device)
    for way, (kernel, device) in WAYS.items()
    for framework, module in FRAMEWORKS.items()
    if device in module.devices()
}
"""By name: the module that packs and solves, what reads X, and where."""
PLAIN = tuple(FRAMEWORKS)
Solve = Callable[[Any], Parameters]  # from a tolerance, or None for the solver's own


def problems(size: str) -> dict[str, Callable[[], Dataset]]:
    """The data sets by name, made when asked for."""
    if size == "tiny":
        return {
            "well-conditioned": lambda: well_conditioned(300, 3),
            "separable": lambda: separable(200, 4),
            "a real table": real_table,
        }
    return {
        "well-conditioned": lambda: well_conditioned(1_000_000, 28),
        "ill-conditioned": lambda: ill_conditioned(1_000_000, 28),
        "wide, well-conditioned": lambda: well_conditioned(100_000, 200),
        "wide, ill-conditioned": lambda: ill_conditioned(100_000, 200),
        "separable": lambda: separable(100_000, 400),
        "small": lambda: well_conditioned(10_000, 20),
        "a real table": real_table,
    }


def small_tables(size: str) -> dict[str, Callable[[], Dataset]]:
    """Tables as statisticians have them, of which a whole fit is timed, at default settings, without a penalty."""
    found = {"whole fit, spector_mazzeo": lambda: certified("spector_mazzeo")[0]}
    if size == "tiny":
        return found
    made = {"whole fit, well-conditioned": lambda: well_conditioned(753, 7)}
    return found | made | {"whole fit, fair_affairs_6366": lambda: certified("fair_affairs_6366")[0]}


def run(size: str, notify) -> Iterator[list[dict]]:
    """One row a data set and solver, data set by data set."""
    if not accelerated():
        notify("optimum: scikit-learn-intelex is not installed; the tables are without it")
    for name, make in problems(size).items():
        dataset = make()
        dataset = Dataset(dataset.X.astype(np.float32), dataset.y, dataset.source)  # so that all solve one problem
        yield _race(name, dataset, 1 / dataset.n_rows, *ROUNDS[size], notify)
    for name, make in small_tables(size).items():
        yield _race(name, make(), 0.0, *ROUNDS[size], notify, whole=True)


def _race(
    data: str, dataset: Dataset, l2: float, rounds: int, turn: float, notify, *, whole: bool = False
) -> list[dict]:
    """whole: the time of a fit is that of everything it does, packing and proof included, at default settings."""
    target, rows, going = answer(dataset, l2), {}, {}
    for name, (packing, solve) in (whole_fits(dataset) if whole else contestants(dataset, l2)).items():
        notify(f"optimum: {data}, {name}")
        tolerance, first, end = loosest(solve, dataset, l2, target, (None,) if whole else TOLERANCES)
        rows[name] = {
            "candidate": name,
            "data": data,
            "n_rows": dataset.n_rows,
            "n_features": dataset.n_features,
            "dtype": "float32 and float64" if name in PLAIN and not whole else "float64",
            "device": "cuda" if name.endswith("cuda") else "cpu",
            "l2": l2,
            "tolerance": tolerance,
            "packing": packing,
            "first": first,
            "reached": good(end),
            **end._asdict(),
        }
        if good(end) and first < PATIENCE:
            going[name] = lambda solve=solve, tolerance=tolerance: solve(tolerance)
    notify(f"optimum: {data}, those that reach it in turn: {', '.join(going)}")
    timings = interleaved({"": reading(dataset.X.astype(np.float32)), **going}, rounds=rounds, budget=40.0, turn=turn)
    once = timings.pop("").median
    for name, timing in timings.items():
        rows[name] |= {"seconds": timing._asdict(), "readings": timing.median / once}
    return list(rows.values())


def contestants(dataset: Dataset, l2: float) -> dict[str, tuple[float, Solve]]:
    """By name: seconds to prepare the data, and a function from a tolerance to where it leads."""
    found: dict[str, tuple[float, Solve]] = {}
    for name, (fit, kernel, device) in TWINS.items():
        begun = perf_counter()
        packed = fit.pack(dataset, dtype="float32", kernel=kernel, device=device)
        found[name] = perf_counter() - begun, _twin(fit, packed, l2)
    X, y = dataset.X, dataset.y
    for solver in SKLEARN_SOLVERS:
        found[f"scikit-learn {solver}"] = 0.0, lambda tolerance, s=solver: sklearn_fit(X, y, l2, s, tolerance)
    if accelerated():
        found["scikit-learn-intelex lbfgs"] = 0.0, lambda tolerance: sklearnex_fit(X, y, l2, "lbfgs", tolerance)
    tensors = torch.tensor(X), torch.tensor(y)
    found["torch.optim.LBFGS"] = 0.0, lambda tolerance: torch_lbfgs(*tensors, l2, tolerance)
    with jax.enable_x64(True):
        arrays = jnp.array(X), jnp.array(y)

    def optax(tolerance: float) -> Parameters:
        with jax.enable_x64(True):
            return optax_lbfgs(*arrays, l2, tolerance)

    return found | {"optax.lbfgs": (0.0, optax)}


def whole_fits(dataset: Dataset) -> dict[str, tuple[float, Solve]]:
    """By name: nothing is prepared, and a fit by the defaults, which takes no tolerance."""
    found: dict[str, tuple[float, Solve]] = {
        name: (0.0, lambda _, fit=module.fit: fit(dataset).parameters) for name, module in FRAMEWORKS.items()
    }
    return found | {"statsmodels Logit": (0.0, lambda _: statsmodels_fit(dataset.X, dataset.y))}


def _twin(fit, packed, l2: float) -> Solve:
    return lambda tolerance: fit.solve(packed, l2=l2, tolerance=tolerance).parameters


def loosest(
    solve: Solve, dataset: Dataset, l2: float, target: Answer, tolerances: Sequence[Any] = TOLERANCES
) -> tuple[Any, float, Reached]:
    """The loosest tolerance with which a solver reaches the target, or the last tried; its first run; where it led."""
    for tolerance in tolerances:
        settle()
        begun = perf_counter()
        parameters = solve(tolerance)
        first = perf_counter() - begun
        end = reached(dataset, l2, parameters, target)
        if good(end) or first > PATIENCE:
            break
    return tolerance, first, end


def good(end: Reached) -> bool:
    """Whether the target is reached; a value below the minimum by rounding alone is."""
    return bool(end.gap <= GAP and end.gradient <= GRADIENT)


def tables(rows: list[dict]) -> dict[str, list[tuple[str, ...]]]:
    """By data set: heading and rows; how many times as long is against the faster plain twin."""
    by_data: dict[str, list[dict]] = {}
    for row in rows:
        by_data.setdefault(f"{row['data']}, {row['n_rows']:,} × {row['n_features']}", []).append(row)
    heading = ("solver", "seconds", "× faster plain twin", "readings of X", "first, s", "packing, s", "gap")
    return {title: [heading, *_lines(own)] for title, own in by_data.items()}


def _lines(rows: list[dict]) -> list[tuple[str, ...]]:
    plain = [row["seconds"]["median"] for row in rows if row["candidate"] in PLAIN and "seconds" in row]
    fastest = min(plain, default=np.nan)
    lines = []
    for row in rows:
        timed, took = "seconds" in row, row["seconds"]["median"] if "seconds" in row else row["first"]
        lines.append(
            (
                row["candidate"],
                shown(row["seconds"]) if timed else "once" if row["reached"] else "not reached",
                f"{took / fastest:.1f}" if row["reached"] and plain else "",
                digits(row["readings"]) if timed else "",
                digits(row["first"]),
                digits(row["packing"]) if row["packing"] else "",
                f"{max(row['gap'], 0):.0e}",
            )
        )
    return lines


def figure(rows: list[dict]):
    """Seconds by solver, one panel a data set."""
    from .plot import grouped_bars

    groups: dict[str, dict[str, float]] = {}
    for row in rows:
        if "seconds" in row:
            groups.setdefault(row["candidate"], {})[row["data"]] = row["seconds"]["median"]
    return grouped_bars(groups, "seconds", "Seconds to a relative gap of 10⁻⁹, by data set", logarithmic=True)
