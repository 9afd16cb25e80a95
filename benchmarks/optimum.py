"""Time to the optimum: seconds until the objective is within 10^-9 of its minimum and the gradient has fallen a million
times, judged in float64 by neither framework. A peer that gets there with no setting it was given has no time."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import logreg_jax
import logreg_torch
from logreg_parity.data.dataset import Dataset

from .problems import answer, ill_conditioned, separable, well_conditioned

QUESTION = "how long is the way to the optimum?"
GAP, GRADIENT = 1e-9, 1e-6  # the target: (f - f*) / f*, and ‖∇f‖ / ‖∇f(0)‖
PATIENCE = 45.0
"""Seconds. A peer whose first run takes longer is run once and not again."""
TABLE = Path(__file__).parents[1] / "parity_tests" / "references" / "penguins.csv"
TWINS = {"PyTorch": logreg_torch, "JAX": logreg_jax}


def problems(size: str) -> dict[str, Callable[[], Dataset]]:
    """The data sets by name, made when asked for."""
    if size == "tiny":
        return {"well-conditioned": lambda: well_conditioned(300, 3), "separable": lambda: separable(200, 4)}
    return {
        "10^6 × 28, well-conditioned": lambda: well_conditioned(1_000_000, 28),
        "10^6 × 28, ill-conditioned": lambda: ill_conditioned(1_000_000, 28),
        "10^5 × 200, well-conditioned": lambda: well_conditioned(100_000, 200),
        "10^5 × 200, ill-conditioned": lambda: ill_conditioned(100_000, 200),
        "10^5 × 400, separable": lambda: separable(100_000, 400),
        "10^4 × 20, well-conditioned": lambda: well_conditioned(10_000, 20),
    }


def run(size: str, notify) -> list[dict]:
    """One row a data set and solver."""
    found = []
    for name, make in problems(size).items():
        notify(f"optimum: {name}")
        dataset = make()
        found += _race(name, dataset, 1 / dataset.n_rows, 2 if size == "tiny" else 7, notify)
    return found


def _race(data: str, dataset: Dataset, l2: float, rounds: int, notify) -> list[dict]:
    answer(dataset, l2)
    for _framework, twin in TWINS.items():
        perf_counter()
        twin.pack(dataset, dtype="float32")
