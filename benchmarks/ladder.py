"""What a step costs, from un-jitted JAX to the loop in C: the lesson's 100 rows, full-batch gradient descent."""

import jax
import numpy as np
import torch

import logreg_jax
import logreg_torch
from logreg_jax.convert import data_from_numpy, model_from_numpy
from logreg_jax.loss import objective
from logreg_jax.sgd import sgd
from logreg_parity.data.dataset import Parameters
from logreg_parity.data.generator import published_2021
from logreg_parity.truth.reference import evaluate

from .peers import loop, numpy_by_hand, torch_by_hand
from .timing import digits, interleaved, shown

QUESTION = "what does a step cost, and what does compiling it?"
SIZES = {"full": (5000, 15), "tiny": (20, 2)}  # steps, rounds
RATE = 1e-4  # the lesson's, down the sum of the losses
SLOW = 100
"""Un-jitted JAX takes milliseconds a step: so many fewer steps are timed."""

TWINS = {"PyTorch": logreg_torch, "JAX": logreg_jax}
ENGINES = ("eager", "inplace", "compiled", "auto")


def run(size: str, notify) -> list[dict]:
    """One row a way to take the steps: microseconds a step, and where the steps led."""
    steps, rounds = SIZES[size]
    dataset, _ = published_2021()
    start = Parameters(np.zeros(1), 0.0)
    X, y = dataset.X.astype(np.float32), dataset.y.astype(np.float32)
    ends: dict[str, Parameters] = {}

    def taken(name, walk):
        return lambda: ends.__setitem__(name, Parameters(*walk()[:2]))

    def twin(module, **options):
        options = {"steps": steps, "learning_rate": RATE, "reduction": "sum", "record": "before", **options}
        return lambda: module.train(dataset, start, **options).parameters

    walks = {"JAX, no jit": lambda: _without_jit(dataset, start, max(1, steps // SLOW))}
    for framework, module in TWINS.items():
        walks |= {f"{framework}, {engine}": twin(module, engine=engine) for engine in ENGINES}
        for device in module.devices()[1:]:
            fast = ("inplace", "compiled")
            walks |= {f"{framework}, {engine}, {device}": twin(module, engine=engine, device=device) for engine in fast}
    walks |= {
        "PyTorch, inplace, no losses": twin(logreg_torch, engine="inplace", record="none"),
        "PyTorch, compiled, no losses": twin(logreg_torch, engine="compiled", record="none"),
        "JAX, compiled, no losses": twin(logreg_jax, engine="compiled", record="none"),
        "PyTorch by hand": lambda: torch_by_hand(torch.from_numpy(X), torch.from_numpy(y), steps, RATE),
        "NumPy by hand": lambda: numpy_by_hand(X, y, steps, RATE),
        "numba, one loop": lambda: loop(X, y, steps, RATE),
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a hundred rows are no work for two
    notify(f"ladder: {len(walks)} ways to take {steps} steps")
    candidates = {name: taken(name, walk) for name, walk in walks.items()}
    timings = interleaved(candidates, rounds=rounds, budget=240.0, turn=0.05)
    torch.set_num_threads(threads)
    counts = {name: max(1, steps // SLOW) if name == "JAX, no jit" else steps for name in walks}
    return [
        {
            "candidate": name,
            "data": "published",
            "n_rows": dataset.n_rows,
            "n_features": 1,
            "dtype": "float32",
            "device": "cuda" if name.endswith("cuda") else "cpu",
            "steps": counts[name],
            "seconds": timing._asdict(),
            "microseconds_a_step": 1e6 * timing.median / counts[name],
            "objective": evaluate(dataset, ends[name], reduction="sum", dtype="float64").objective,
        }
        for name, timing in timings.items()
    ]


def _without_jit(dataset, start, steps):
    data, model = data_from_numpy(dataset, "float32", "cpu"), model_from_numpy(start, "float32", "cpu")
    optimizer = sgd(model, RATE)
    for _ in range(steps):
        value, gradient = jax.value_and_grad(objective.__wrapped__)(model, **data, reduction="sum")
        model, _ = optimizer(model, gradient)
        value.item()
    return np.asarray(model.weight), np.asarray(model.bias)


def tables(rows: list[dict]) -> dict[str, list[tuple[str, ...]]]:
    """Heading and rows, the dearest step first."""
    slowest = max(row["microseconds_a_step"] for row in rows)
    ranked = sorted(rows, key=lambda row: -row["microseconds_a_step"])
    lines = [
        (
            row["candidate"],
            shown(row["seconds"], 1e-6 * row["steps"]),
            f"{slowest / row['microseconds_a_step']:.0f}",
            digits(row["seconds"]["first"]),
            f"{row['objective']:.5f}",
        )
        for row in ranked
    ]
    return {
        f"{max(row['steps'] for row in rows):,} steps on 100 rows": [
            ("way to take a step", "µs a step", "times as fast", "first run, s", "loss at the end"),
            *lines,
        ]
    }


def figure(rows: list[dict]):
    """Bars on a logarithmic scale, one colour a framework."""
    from .plot import bars

    ranked = sorted(rows, key=lambda row: row["microseconds_a_step"])
    return bars(
        [row["candidate"] for row in ranked],
        [row["microseconds_a_step"] for row in ranked],
        "microseconds a step",
        "One step of gradient descent on the lesson's data",
    )
