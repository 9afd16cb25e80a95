"""What a step costs, from un-jitted JAX to the loop in C: the lesson's 100 rows, full-batch gradient descent."""

from collections.abc import Iterator
from functools import cache, partial

import jax
import numpy as np
import optax
import torch
from torch import Tensor

import logreg_jax
import logreg_torch
from logreg_jax.convert import data_from_numpy, model_from_numpy
from logreg_jax.loss import objective
from logreg_jax.sgd import sgd
from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.generator import published_2021
from logreg_parity.truth.reference import evaluate, flatten
from logreg_torch.speed.rows import losses, signed_rows

from .peers import loop, numpy_by_hand, torch_by_hand
from .timing import digits, interleaved, shown

QUESTION = "what does a step cost, and what does compiling it?"
SIZES = {"full": (5000, 15), "tiny": (20, 2)}  # steps, rounds
RATE = 1e-4  # the lesson's, down the sum of the losses
SLOW = 100
"""Un-jitted JAX takes milliseconds a step: so many fewer steps are timed."""
STEPS_A_TURN = 10
"""Of PyTorch's compiled loop: a turn costs as much as two of them, and every step takes a second to compile."""

TWINS = {"PyTorch": logreg_torch, "JAX": logreg_jax}


def run(size: str, notify) -> Iterator[list[dict]]:
    """One row a way to take the steps: microseconds a step, and where the steps led."""
    steps, rounds = SIZES[size]
    dataset, _ = published_2021()
    start = Parameters(np.zeros(1), 0.0)
    X, y = dataset.X.astype(np.float32), dataset.y.astype(np.float32)
    ends: dict[str, Parameters] = {}

    def taken(name, walk):
        return lambda: ends.__setitem__(name, Parameters(*walk()[:2]))

    def twin(module, engine, record="before", device="cpu"):
        options = {"engine": engine, "record": record, "device": device, "reduction": "sum"}
        return lambda: module.train(dataset, start, steps=steps, learning_rate=RATE, **options).parameters

    walks = {"JAX, no jit": lambda: _without_jit(dataset, start, max(1, steps // SLOW))}
    for framework, module in TWINS.items():
        walks |= {f"{framework}, {engine}": twin(module, engine) for engine in ("eager", "fast")}
        walks[f"{framework}, fast, no losses"] = twin(module, "fast", record="none")
        for device in module.devices()[1:]:
            walks[f"{framework}, fast, {device}"] = twin(module, "fast", device=device)
    walks |= {
        "PyTorch, compiled scan": lambda: compiled_scan(dataset, start, steps),
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
    yield [
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


def _without_jit(dataset: Dataset, start: Parameters, steps: int) -> Parameters:
    data, model = data_from_numpy(dataset, "float32", "cpu"), model_from_numpy(start, "float32", "cpu")
    optimizer = sgd(model, RATE)
    for _ in range(steps):
        value, gradient = jax.value_and_grad(objective.__wrapped__)(model, **data, reduction="sum")
        model = optax.apply_updates(model, optimizer(gradient)[0])
        value.item()
    return Parameters(np.asarray(model.weight), np.asarray(model.bias))


@torch.inference_mode()
def compiled_scan(dataset: Dataset, start: Parameters, steps: int) -> Parameters:
    """Down the sum of the losses by PyTorch's prototype of ``jax.lax.scan``, compiled, every loss before its update.

    The prototype is private, which is why no engine of the twin is made of it; it takes a multiple of STEPS_A_TURN.
    """
    X, y = (torch.tensor(array, dtype=torch.float32) for array in (dataset.X, dataset.y))
    theta, turns = torch.tensor(flatten(start), dtype=torch.float32), torch.zeros(steps // STEPS_A_TURN)
    torch._dynamo.maybe_mark_dynamic(turns, 0)  # compiled once for every number of turns
    rows = signed_rows(X, y)
    points = torch.cat([theta[None], _turns()(theta, turns, rows.columns)])
    losses(points[:-1], rows, torch.ones(steps), 0.0).tolist()
    *weight, bias = points[-1].tolist()
    return Parameters(np.array(weight), bias)


@cache
def _turns():
    from torch._higher_order_ops.scan import scan

    def turn(columns: Tensor, theta: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        """STEPS_A_TURN steps, unrolled: where they lead, and the points."""
        points = []
        for _ in range(STEPS_A_TURN):
            r = torch.sigmoid((columns * theta[:, None]).sum(0))
            theta = theta - RATE * (columns * r).sum(1)
            points.append(theta)
        return theta.clone(), torch.stack(points)

    def turns(theta: Tensor, turns: Tensor, columns: Tensor) -> Tensor:
        return scan(partial(turn, columns), theta, turns)[1].flatten(0, 1)

    in_cpp = torch.__version__ >= (2, 13)  # PyTorch 2.11 compiles no scan that way
    return torch.compile(turns, dynamic=False, fullgraph=True, options={"cpp_wrapper": in_cpp})


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
