"""One value and gradient, as a fraction of the time to read the data once: nothing that reads it can be faster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import torch
from sklearn._loss import HalfBinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss

import logreg_jax.speed.fit
import logreg_torch.speed.fit
from logreg_jax.convert import arithmetic
from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.solvers.blocks import processors
from logreg_parity.solvers.objective import Objective, Point
from logreg_parity.truth.reference import flatten

from .peers import fused_gradient, jax_gradient, torch_gradient
from .problems import derivatives, well_conditioned
from .timing import paired, reading, shown

QUESTION = "how close does one value and gradient come to one reading of the data?"
THREADS = processors()
SIZES = {
    "full": [(100, 1), (10_000, 28), (1_000_000, 28), (1_000_000, 100), (200_000, 1000)],
    "tiny": [(100, 1), (1000, 5)],
}  # rows, features
ROUNDS = {"full": (24, 0.005), "tiny": (2, 0.0)}  # and the least seconds a turn
IN_CACHE = 2**25
"""Bytes. Below, a second reading of X comes from the cache, and the fraction says nothing about memory."""


def run(size: str, notify) -> Iterator[list[dict]]:
    """One row a shape, dtype and candidate, shape by shape."""
    for n, d in SIZES[size]:
        for dtype in ("float32", "float64"):
            notify(f"gradient: {n:,} × {d}, {dtype}")
            yield _measure(n, d, dtype, *ROUNDS[size])


def _measure(n: int, d: int, dtype: str, rounds: int, turn: float) -> list[dict]:
    held, point = problem(n, d, dtype)
    X, y = held.X.astype(dtype), held.y.astype(dtype)
    exact = derivatives(held, np.append(point.weight, point.bias).astype(float), l2=0.0, hessian=False)[1]
    with arithmetic(dtype):
        candidates = _candidates(held, X, y, point, dtype)
        errors = {name: _error(candidate(), exact) for name, candidate in candidates.items()}
        timings = paired(reading(X), candidates, rounds=rounds, budget=20.0, turn=turn)
    return [
        {
            "candidate": name,
            "data": "normal",
            "n_rows": n,
            "n_features": d,
            "dtype": dtype,
            "device": "cpu",
            "bytes": X.nbytes,
            "seconds": timing._asdict(),
            "fraction": fraction,
            "relative_error": errors[name],
        }
        for name, (timing, fraction) in timings.items()
    ]


def problem(n: int, d: int, dtype: str) -> tuple[Dataset, Parameters]:
    """The data, rounded to the dtype as the candidates are given them, and the point."""
    dataset = well_conditioned(n, d)
    w = np.random.RandomState(1).standard_normal(d) / np.sqrt(d)
    held = Dataset(dataset.X.astype(dtype), dataset.y, dataset.source)
    return held, Parameters(w.astype(dtype), np.dtype(dtype).type(0.1))


def _candidates(dataset: Dataset, X, y, point: Parameters, dtype: str) -> dict[str, Callable]:
    """Functions that give (value, gradient of w, of b), or a Point, from NumPy and in NumPy: so a solver asks."""
    found: dict[str, Callable] = {}
    for name, fits in {"PyTorch": logreg_torch.speed.fit, "JAX": logreg_jax.speed.fit}.items():
        for kernel, title in {"plain": "one pass", "fused": "fused"}.items():
            objective = Objective(fits.pack(dataset, dtype=dtype, kernel=kernel))
            found[f"{name}, {title}"] = OnePass(objective, point, dtype)
            if dtype == "float32":
                found[f"{name}, {title}, float64 arithmetic"] = OnePass(objective, point, "float64")
    tensors, arrays = [torch.from_numpy(part) for part in (X, y)], [jnp.asarray(part) for part in (X, y)]
    parts = [np.asarray(part) for part in point]
    sklearn_loss = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True)
    coefficients = np.append(*point).astype(dtype)

    def sklearn():
        value, slope = sklearn_loss.loss_gradient(coefficients, X, y, n_threads=THREADS)
        return value, slope[:-1], slope[-1]

    return found | {
        "PyTorch eager": lambda: [part.numpy() for part in torch_gradient(*tensors, *map(torch.from_numpy, parts))],
        "JAX jit": lambda: [np.asarray(part) for part in jax_gradient(*arrays, *parts)],
        "scikit-learn": sklearn,
        "numba by hand": lambda: fused_gradient(X, y, *point),
    }


class OnePass:
    """A pass of a fit."""

    def __init__(self, objective: Objective, point: Parameters, arithmetic_of: str):
        self._objective, self._theta, self._arithmetic = objective, flatten(point).astype(float), arithmetic_of

    def __call__(self) -> Point:
        """Value and gradient, of w and b in one."""
        return self._objective.at(self._theta, arithmetic=self._arithmetic)

    @contextmanager
    def within(self) -> Iterator[None]:
        """What a fit enters once, and not at every pass."""
        blocks = self._objective.blocks
        with blocks.place.within():
            self._objective.blocks = replace(blocks, place=blocks.place._replace(entered=True))
            yield
        self._objective.blocks = blocks


def _error(found, exact: np.ndarray) -> float:
    """‖g - exact‖ / ‖exact‖."""
    slope = found.gradient if isinstance(found, Point) else np.append(found[1], found[2]).astype(float)
    return float(np.linalg.norm(slope - exact) / np.linalg.norm(exact))


def tables(rows: list[dict]) -> dict[str, list[tuple[str, ...]]]:
    """By shape and dtype: heading and rows."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        in_cache = "" if row["bytes"] > IN_CACHE else " (in cache: a fraction says nothing of memory)"
        title = f"{row['n_rows']:,} × {row['n_features']}, {row['dtype']}{in_cache}"
        lines = found.setdefault(title, [("candidate", "of one reading", "milliseconds", "relative error")])
        share, error = f"{row['fraction'][1]:.2f}", f"{row['relative_error']:.0e}"
        lines.append((row["candidate"], share, shown(row["seconds"], 1e-3), error))
    return found


PLAIN = {"PyTorch": "PyTorch eager", "JAX": "JAX jit"}


def against_plain(by_processor: dict[str, list[dict]]) -> list[tuple[str, ...]]:
    """Heading and rows: by shape and dtype how many times as fast as plain code ours is, on every processor."""
    found = {}
    for name, rows in by_processor.items():
        for row in rows:
            place = f"{row['n_rows']:,} × {row['n_features']}, {row['dtype']}", name, row["candidate"]
            found[place] = row["fraction"][1]
    columns = [(name, framework) for name in by_processor for framework in PLAIN]
    lines = [("rows × features", *(f"{framework}, {name}" for name, framework in columns))]
    for case in dict.fromkeys(case for case, _, _ in found):
        cells = []
        for name, framework in columns:
            plain = found.get((case, name, PLAIN[framework]))
            own = (found.get((case, name, f"{framework}, {kind}")) for kind in ("one pass", "fused"))
            cells.append("" if plain is None else " / ".join(f"{share / plain:.1f}" for share in own if share))
        lines.append((case, *cells))
    return lines


def figure(rows: list[dict]):
    """Bars of the float32 fractions at the largest shapes."""
    from .plot import grouped_bars

    large = [row for row in rows if row["dtype"] == "float32" and row["bytes"] > IN_CACHE] or rows
    groups: dict[str, dict[str, float]] = {}
    for row in large:
        shape = f"{row['n_rows']:,} × {row['n_features']}"
        groups.setdefault(row["candidate"], {})[shape] = row["fraction"][1]
    return grouped_bars(groups, "fraction of one reading of X", "One value and gradient in float32, by N × D")
