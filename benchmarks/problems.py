"""The data of the benchmarks, by the one generator or from it but for one real table, and the exact answer to each."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.generator import gaussian
from logreg_parity.truth.reference import residual, sigmoid, softplus

BLOCK = 8192  # rows looked at together, so that no copy of X is made


def well_conditioned(n_rows: int, n_features: int) -> Dataset:
    """Independent features of one size."""
    return gaussian(n_rows, n_features, seed=1)


def ill_conditioned(n_rows: int, n_features: int) -> Dataset:
    """Features rotated, of sizes 1 to 10^-2.5, with means far from 0: the Hessian's condition is about 10^6."""
    made = gaussian(n_rows, n_features, scale=tuple(np.logspace(0, -2.5, n_features)), seed=2)
    random = np.random.RandomState(3)
    turn, _ = np.linalg.qr(random.standard_normal((n_features, n_features)))
    return Dataset(made.X @ turn + random.standard_normal(n_features), made.y, f"{made.source}, rotated and shifted")


def separable(n_rows: int, n_features: int) -> Dataset:
    """Labels by the sign of a linear function, as benchopt has them: only a penalty bounds the fit."""
    made = gaussian(n_rows, n_features, seed=4)
    side = made.X @ np.random.RandomState(5).standard_normal(n_features) > 0
    return Dataset(made.X, side, f"{made.source}, y by the sign of a linear function")


def real_table() -> Dataset:
    """Wisconsin breast cancer, 569 × 30, which scikit-learn brings along; every feature in its own unit.

    Their spreads are from 0.003 to 570, none is standardised, and the Hessian's condition at the minimum is above 10^9.
    """
    table = load_breast_cancer()
    return Dataset(table.data, table.target, "sklearn.datasets.load_breast_cancer()")


def float32_rows(n: int, d: int) -> Dataset:
    """Labels drawn at the probabilities of a model, and rows in float32: 10⁹ numbers in some seconds."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    w = rng.standard_normal(d, dtype=np.float32) / np.float32(np.sqrt(d))
    y = rng.random(n) < 1 / (1 + np.exp(-(X @ w)))
    return Dataset(X, y.astype(float), f"{n} normal rows of {d} features, seed 0")


class Answer(NamedTuple):
    """The minimiser of the mean loss and (l2 / 2) ‖w‖², and the minimum, in float64."""

    parameters: np.ndarray  # (D + 1,), the bias last
    value: float
    start_gradient: float  # ‖∇f(0)‖, against which gradients are measured


class Reached(NamedTuple):
    """How far a point is from the answer."""

    gap: float  # (f - f*) / f*
    gradient: float  # ‖∇f‖ / ‖∇f(0)‖
    distance: float  # ‖θ - θ*‖ / ‖θ*‖


def answer(dataset: Dataset, l2: float) -> Answer:
    """By Newton's method in float64 with halved steps, block by block, until the gradient no longer falls."""
    theta = np.zeros(dataset.n_features + 1)
    value, slope, H = derivatives(dataset, theta, l2)
    start = norm = np.linalg.norm(slope)
    while True:
        step, rate = np.linalg.solve(H, slope), 1.0
        while (found := derivatives(dataset, theta - rate * step, l2))[0] > value * (1 + 1e-13) and rate > 1e-6:
            rate /= 2
        if np.linalg.norm(found[1]) >= norm / 2 and norm < 1e-9 * start:
            return Answer(theta, value, start)
        theta, (value, slope, H) = theta - rate * step, found
        norm = np.linalg.norm(slope)


def derivatives(
    dataset: Dataset, theta: np.ndarray, l2: float, *, hessian: bool = True
) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient (D + 1,) and Hessian (D + 1, D + 1), of the penalty alone unless asked for, in float64."""
    value, slope, H = 0.0, np.zeros_like(theta), np.zeros((len(theta),) * 2)
    for first in range(0, dataset.n_rows, BLOCK):
        X, y = dataset.X[first : first + BLOCK], dataset.y[first : first + BLOCK]
        X = np.column_stack([X, np.ones(len(y))])
        z = X @ theta
        value += (y * softplus(-z) + (1 - y) * softplus(z)).sum()
        slope += X.T @ residual(z, y)
        if hessian:
            H += X.T @ (X * (sigmoid(z) * sigmoid(-z))[:, None])
    penalty = np.append(np.full(len(theta) - 1, l2), 0.0)
    n = dataset.n_rows
    return value / n + (penalty * theta**2).sum() / 2, slope / n + penalty * theta, H / n + np.diag(penalty)


def reached(dataset: Dataset, l2: float, parameters: Parameters, target: Answer) -> Reached:
    """How far a solver got, judged in float64 by neither framework."""
    theta = np.append(np.asarray(parameters.weight, float), float(parameters.bias))
    value, slope, _ = derivatives(dataset, theta, l2, hessian=False)
    distance = np.linalg.norm(theta - target.parameters) / np.linalg.norm(target.parameters)
    return Reached(value / target.value - 1, float(np.linalg.norm(slope) / target.start_gradient), float(distance))
