"""What is right: the exact answer to an exercise's question, by the oracle, and how far off each number may be."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gmpy2
import numpy as np
from numpy.typing import ArrayLike

from ..data.dataset import Dataset, Parameters
from ..truth import oracle
from ..truth.bounds import FUNCTION_ULPS
from ..twins import Record, Setting
from .allowed import TAU, ByLogit, ByProbability, U, descent, gamma

Theta = Mapping[str, float]  # the lesson's: {"w": 1.0, "b": 0.0}


class Wanted(NamedTuple):
    """What is right, part by part, and how far off each number may be; one part named "" if it is one array."""

    parts: dict[str, np.ndarray]
    allowed: dict[str, np.ndarray]

    def map(self, change: Callable[[np.ndarray], np.ndarray], growth: float = 1.0) -> "Wanted":
        """Every part changed, by a function that makes an error at most growth times larger, with two roundings."""
        parts = {name: change(part) for name, part in self.parts.items()}
        allowed = {name: growth * bound + 2 * U * np.abs(parts[name]) for name, bound in self.allowed.items()}
        return Wanted(parts, allowed)

    def part(self, name: str) -> "Wanted":
        """One part of it alone."""
        return Wanted({name: self.parts[name]}, {name: self.allowed[name]})

    def times(self, factor: float) -> "Wanted":
        """The answer times a factor."""
        return self.map(lambda part: factor * part, abs(factor))


def one(values: ArrayLike, allowed: ArrayLike) -> Wanted:
    """An answer that is one array, or one number."""
    return Wanted({"": np.asarray(values, dtype=np.float64)}, {"": np.asarray(allowed, dtype=np.float64)})


def problem(theta: Theta, x: np.ndarray, y: np.ndarray | None = None) -> tuple[Dataset, Parameters]:
    """The lesson's theta, x (N,) and y (N,) as the oracle takes them."""
    y = np.zeros(len(x)) if y is None else y
    return Dataset(x[:, None], y, "an exercise"), Parameters(np.array([float(theta["w"])]), float(theta["b"]))


def midpoint(w: float, b: float) -> Wanted:
    """-b / w: one rounding."""
    return one(-b / w, 2 * U * abs(b / w))


def upside_down(w: float, b: float) -> Wanted:
    """-w / b."""
    return midpoint(b, w)


def logistic(x: np.ndarray) -> Wanted:
    """σ(x), one number a row."""
    return logistic_model({"w": 1.0, "b": 0.0}, x)


def logit(x: np.ndarray) -> Wanted:
    """x itself."""
    return logits({"w": 1.0, "b": 0.0}, x)


def logistic_model(theta: Theta, x: np.ndarray) -> Wanted:
    """σ(w x + b), one number a row."""
    dataset, point = problem(theta, x)
    return one(oracle.evaluate(dataset, point).probabilities, ByProbability(dataset, point).probability)


def logits(theta: Theta, x: np.ndarray) -> Wanted:
    """w x + b, one number a row."""
    dataset, point = problem(theta, x)
    return one(oracle.evaluate(dataset, point).logits, ByProbability(dataset, point).logit)


def noise_free_labels(x: np.ndarray, w: float, b: float) -> Wanted:
    """σ(w x + b): neither noise nor rounding."""
    return logistic_model({"w": w, "b": b}, x)


def noise_free_logits(x: np.ndarray, w: float, b: float) -> Wanted:
    """w x + b."""
    return logits({"w": w, "b": b}, x)


def log_likelihood(y_true: np.ndarray, y_preds: np.ndarray) -> Wanted:
    """Σ y log p + (1 - y) log(1 - p), and γ_{N+2A+3} of its size; the rounding of 1 - p moves its logarithm by u."""
    with gmpy2.context(precision=256):
        pairs = zip(oracle.as_exact(y_true), oracle.as_exact(y_preds), strict=True)
        terms = [_times_log(y, p) + _times_log(1 - y, 1 - p) for y, p in pairs]
        total, size = float(sum(terms)), float(sum(map(abs, terms)))
    return one(total, gamma(len(y_true) + 2 * FUNCTION_ULPS + 3) * size + gamma(1) * len(y_true) + TAU)


def _times_log(share: Any, p: Any) -> Any:
    """share log p, and 0 where the share is 0, whatever p: the limit, which 0 · log 0 is not."""
    return share * gmpy2.log(p) if share else share


def logistic_loss(
    params: Theta, x: np.ndarray, y: np.ndarray, model: Any = None, *, bounds: Any = ByProbability
) -> Wanted:
    """Minus the log-likelihood of the lesson's model, summed."""
    dataset, point = problem(params, x, y)
    return one(oracle.evaluate(dataset, point, reduction="sum").objective, bounds(dataset, point).objective)


def stable_loss(z: np.ndarray, y: np.ndarray) -> Wanted:
    """The loss of every row from its logit."""
    dataset, point = problem({"w": 1.0, "b": 0.0}, z, y)
    return one(oracle.evaluate(dataset, point).losses, ByLogit(dataset, point).loss)


def dlogistic_loss(
    params: Theta, x: np.ndarray, y: np.ndarray, model: Any = None, *, bounds: Any = ByProbability
) -> Wanted:
    """The slopes of the summed loss."""
    dataset, point = problem(params, x, y)
    slope, allowed = oracle.evaluate(dataset, point, reduction="sum").gradient, bounds(dataset, point).gradient
    values = {"w": slope.weight[0], "b": slope.bias}
    return Wanted({k: np.array(float(v)) for k, v in values.items()}, dict(zip("wb", allowed, strict=True)))


def model_optimization_loop(
    theta: Theta,
    x: np.ndarray,
    y: np.ndarray,
    n_steps: int,
    step_size: float,
    model: Any = None,
    loss: Any = None,
    *,
    record: Record = "after",
) -> Wanted:
    """The losses of an exact run of gradient descent, and where it ends."""
    dataset, start = problem(theta, x, y)
    setting = Setting(steps=n_steps, learning_rate=abs(step_size), reduction="sum", record=record)
    run = oracle.trajectory(dataset, start, setting, uphill=step_size < 0)
    losses, end = descent(dataset, start, run, step_size)
    parts = {"losses": run.losses.astype(float), "w": run.weights[-1, 0], "b": run.biases[-1]}
    parts = {name: np.asarray(part, dtype=np.float64) for name, part in parts.items()}
    return Wanted(parts, {"losses": losses, "w": np.array(end), "b": np.array(end)})


def standstill(theta: Theta, x: np.ndarray, y: np.ndarray, n_steps: int, **rest: Any) -> Wanted:
    """A loop that stays where it starts."""
    loss = logistic_loss(theta, x, y)
    parts = {"losses": np.full(n_steps, loss.parts[""]), **{name: np.asarray(part) for name, part in theta.items()}}
    return Wanted(parts, {"losses": np.full(n_steps, loss.allowed[""]), "w": np.array(TAU), "b": np.array(TAU)})
