"""THE generator: the only source of made-up data in the repository.

Random numbers come from ``numpy.random.RandomState``, whose streams NumPy has frozen for good: a seed names the
same data on every version. (``default_rng`` makes no such promise.)
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from ..twins import check_name, check_number, check_seed, check_whole
from ..users import shortly
from .dataset import Dataset, Parameters, check_memory, real_numbers

PUBLISHED_START = Parameters(np.array([1.0922641774757724]), -0.1883343121604675)


def lesson(
    n_points: int = 100,
    *,
    w: float = 2.0,
    b: float = 1.0,
    noise: Literal["uniform", "normal", "none"] = "uniform",
    noise_level: float = 1.0,
    labels: Literal["rounded", "bernoulli", "soft"] = "rounded",
    seed: int = 0,
) -> Dataset:
    """The workshop's data: points on a line from -5 to 5, labelled through the logistic of w x + b.

    labels="rounded" (the workshop's): noise is added to the logit and the logistic rounded, so the labels are a
    hard threshold. "uniform" noise is drawn from [0, noise_level), "normal" has that standard deviation.
    labels="bernoulli": y is 1 with probability σ(w x + b), the honest draw; labels="soft": y is that probability.
    Neither knows noise on the logit. With the defaults, seed 0 gives the labels of the page published in 2021.
    """
    _one_of("labels", labels, ("rounded", "bernoulli", "soft"))
    _one_of("noise", noise, ("uniform", "normal", "none"))
    check_seed(seed)
    w, b = _finite("w", w), _finite("b", b)
    check_number("noise_level", noise_level, lambda level: 0 <= level < np.inf, "give 0 or more")
    noise_level = float(noise_level)
    x = _lesson_grid(n_points)
    recipe = f"lesson(n_points={n_points}, w={w!r}, b={b!r}, "
    if labels == "rounded":
        z = w * x + b + _noise(noise, noise_level, n_points, seed)
        y = np.round(_logistic(z))
        recipe += f"noise={noise!r}, noise_level={noise_level!r}, seed={seed})"
    else:
        y = _draw(_logistic(w * x + b), labels, seed)
        recipe += f"labels={labels!r}" + (f", seed={seed})" if labels == "bernoulli" else ")")
    return Dataset(x[:, None], y, recipe, ("x",), true_parameters=Parameters(np.array([w]), b))


def lesson_datasets() -> list[tuple[Dataset, float]]:
    """All 32 data sets the workshop's generator can produce, each with its probability.

    The noise lies in [0, 1), so only points with -1 < 2x + 1 < 0 can fall on either side: grid points 40 to 44.
    A point at logit z gets label 1 exactly when z + noise > 0, which has probability 1 + z.
    """
    x = _lesson_grid(100)
    z = 2.0 * x + 1.0
    uncertain = np.flatnonzero((z > -1) & (z < 0))
    datasets = []
    for pattern in range(2 ** len(uncertain)):
        bits = f"{pattern:0{len(uncertain)}b}"
        y = (z > 0).astype(float)
        y[uncertain] = [int(bit) for bit in bits]
        chance = np.where(y[uncertain] == 1, 1 + z[uncertain], -z[uncertain]).prod()
        truth = Parameters(np.array([2.0]), 1.0)
        source = f"lesson_datasets()[{pattern}], labels {bits} at points 40 to 44"
        datasets.append((Dataset(x[:, None], y, source, ("x",), true_parameters=truth), float(chance)))
    return datasets


def published_2021() -> tuple[Dataset, Parameters]:
    """The data set and the starting point behind the page printed in 2021.

    The page printed its starting point and its result (w 2.5260236, b 1.4088745 after 5000 steps of 1e-4 on the
    summed loss, in float32), not its labels. Of the 32 possible data sets exactly one leads from one to the other.
    """
    dataset, _ = lesson_datasets()[0b00101]
    return replace(dataset, source="published_2021(), the lesson's page of 2021"), PUBLISHED_START


def gaussian(
    n_rows: int = 200,
    n_features: int = 2,
    *,
    correlation: float = 0.0,
    scale: float | tuple[float, ...] = 1.0,
    class_balance: float = 0.5,
    labels: Literal["bernoulli", "soft"] = "bernoulli",
    seed: int = 0,
) -> Dataset:
    """Normal features, any number of them, with labels drawn through a true weight and bias.

    correlation: ρ in (-1, 1), features j and k correlated as ρ^|j - k|; scale: one standard deviation for all
    features or one each; class_balance: the mean probability of class 1, met exactly by the true bias.
    """
    _one_of("labels", labels, ("bernoulli", "soft"))
    check_whole("n_rows", n_rows)
    check_whole("n_features", n_features)
    check_seed(seed)
    check_memory(2 * n_rows * n_features, f"a data set of {n_rows} rows and {n_features} features")
    scales = real_numbers(scale, "scale")
    if scales.shape not in ((), (n_features,)) or scales.min() <= 0:
        raise ValueError(f"scale is {shortly(scale)}; give a number above 0, or {n_features} of them")
    check_number("correlation", correlation, lambda value: -1 < value < 1, "give a number between -1 and 1")
    check_number("class_balance", class_balance, lambda value: 0 < value < 1, "give a number between 0 and 1")
    random = np.random.RandomState(seed)
    X = random.standard_normal((n_rows, n_features))
    for j in range(1, n_features):
        X[:, j] = correlation * X[:, j - 1] + np.sqrt(1 - correlation**2) * X[:, j]
    X = X * scales
    w = random.standard_normal(n_features) / scales
    b = _bias_for_balance(X @ w, class_balance)
    recipe = (
        f"gaussian({n_rows}, {n_features}, correlation={float(correlation)!r}, scale={scales.tolist()!r}, "
        f"class_balance={float(class_balance)!r}, labels={labels!r}, seed={seed})"
    )
    y = _draw(_logistic(X @ w + b), labels, seed + 1)
    return Dataset(X, y, recipe, true_parameters=Parameters(w, b))


def plane(n_points: int = 100, *, w: tuple[float, float] = (2.0, -1.0), b: float = 1.0, seed: int = 0) -> Dataset:
    """Two features, uniform over the square from -5 to 5, with labels drawn through a true line.

    Only uniform numbers, products and sums, as in the three that follow: the explorer's page makes the same data, bit
    for bit, in JavaScript.
    """
    w, b = (float(w[0]), float(w[1])), float(b)
    X, y = _over_square(n_points, 5, seed, lambda x1, x2: w[0] * x1 + w[1] * x2 + b)
    recipe = f"plane(n_points={n_points}, w={w!r}, b={b!r}, seed={seed})"
    return Dataset(X, y, recipe, true_parameters=Parameters(np.array(w), b))


def xor(n_points: int = 100, *, w: float = 2.0, seed: int = 0) -> Dataset:
    """Two features over the square from -2 to 2; y is 1 with probability σ(w x1 x2): where they have the same sign."""
    w = float(w)
    X, y = _over_square(n_points, 2, seed, lambda x1, x2: w * x1 * x2)
    return Dataset(X, y, f"xor(n_points={n_points}, w={w!r}, seed={seed})")


def circles(n_points: int = 100, *, w: float = 2.0, seed: int = 0) -> Dataset:
    """Two features over the square from -2 to 2; y is 1 with probability σ(w (2 - x1² - x2²)): within a circle."""
    w = float(w)
    X, y = _over_square(n_points, 2, seed, lambda x1, x2: w * (2 - x1 * x1 - x2 * x2))
    return Dataset(X, y, f"circles(n_points={n_points}, w={w!r}, seed={seed})")


def moons(n_points: int = 100, *, seed: int = 0) -> Dataset:
    """Two half rings, radius 0.65 to 1.35, one into the other; their points by turns, drawn by rejection."""
    _two_points(n_points)
    random = np.random.RandomState(seed)
    X, y = np.zeros((n_points, 2)), np.arange(n_points) % 2.0
    for row in range(n_points):
        u = v = 0.0
        while not 0.4225 <= u * u + v * v <= 1.8225:
            u, v = 3 * random.random_sample() - 1.5, 1.5 * random.random_sample()
        X[row] = (u - 0.5, v - 0.25) if y[row] == 0 else (0.5 - u, 0.25 - v)
    return Dataset(X, y, f"moons(n_points={n_points}, seed={seed})")


def initial_parameters(n_features: int = 1, *, seed: int = 0) -> Parameters:
    """A starting point drawn as the workshop draws it: standard normal, the weight first, then the bias."""
    check_whole("n_features", n_features)
    check_seed(seed)
    check_memory(n_features, f"a point of {n_features} features")
    draw = np.random.RandomState(seed).standard_normal(n_features + 1)
    return Parameters(draw[:-1], float(draw[-1]))


def _over_square(n_points: int, side: int, seed: int, logit: Callable) -> tuple[np.ndarray, np.ndarray]:
    """X (N, 2) uniform over the square from -side to side; y (N,) drawn with the probability of a logit of both."""
    _two_points(n_points)
    random = np.random.RandomState(seed)
    X = 2 * side * random.random_sample((n_points, 2)) - side
    return X, (random.random_sample(n_points) < _logistic(logit(*X.T))).astype(float)


def _two_points(n_points: int) -> None:
    check_whole("n_points", n_points, least=2)
    check_memory(4 * n_points, f"a data set of {n_points} points")


def _lesson_grid(n_points: int) -> np.ndarray:
    _two_points(n_points)
    return np.linspace(-5, 5, n_points)


def _logistic(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -z))  # 1 / (1 + exp(-z)) without its overflow


def _noise(kind: str, level: float, n_points: int, seed: int) -> np.ndarray:
    random = np.random.RandomState(seed)
    if kind == "none":
        return np.zeros(n_points)
    return level * (random.random_sample(n_points) if kind == "uniform" else random.standard_normal(n_points))


def _draw(p: np.ndarray, labels: str, seed: int) -> np.ndarray:
    return p if labels == "soft" else (np.random.RandomState(seed).random_sample(p.shape) < p).astype(float)


def _bias_for_balance(z: np.ndarray, balance: float) -> float:
    """The bias at which the mean of σ(z + bias) is the balance, by bisection: the mean rises with the bias."""
    low, high = -np.abs(z).max() - 40, np.abs(z).max() + 40
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _logistic(z + middle).mean() < balance else (low, middle)
    return float(low)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    check_name(name, value, choices, f"give one of {', '.join(choices)}")


def _finite(name: str, value: float) -> float:
    check_number(name, value, math.isfinite, "give a finite number")
    return float(value)
