"""Gradients held to the oracle, there too where finite differences are blind: at saturation and near an optimum.

Every way to a gradient (each twin's ``evaluate``, its closed form, a complex step in NumPy) is measured at four points
against the exact gradient and its bound. Then the twins' gradients are planted wrong: all rows, or those of class 1,
count 1 + e times in the gradient, and once in the loss. Who notices: the bound, or the frameworks' own checkers at
their defaults, which compare with finite differences and a tolerance?
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.generator import gaussian, initial_parameters
from ..truth import oracle, reference
from ..truth.bounds import PointBounds
from ..truth.optimum import find_optimum
from ..truth.ulp import round_dataset, round_parameters, ulp
from ..twins import load_part, load_twin

ERRORS = (0.0, 0.001, 0.1, 1.0)
JUDGE = "logreg-parity"
PLACES = ("start", "saturated", "near the optimum", "optimum")
PLANTED = (
    ("start", "all rows"),
    ("saturated", "all rows"),
    ("near the optimum", "all rows"),
    ("start", "class 1"),
    ("optimum", "class 1"),
)
"""Where which rows are planted wrong. At the optimum itself 1 + e times the whole gradient is 0 still."""


class GradientPlace(NamedTuple):
    """A point of a data set at which gradients are looked at."""

    name: str
    dataset: Dataset
    parameters: Parameters


class Distance(NamedTuple):
    """How far a gradient is from the exact one, at its worst coordinate."""

    dtype: str
    place: str
    way: str
    ulps: float  # of the natural size, mean |x| |r|
    share: float  # of the bound


class Opinion(NamedTuple):
    """Whether someone notices that a gradient is planted wrong; with error 0, that it is flagged though it is right."""

    dtype: str
    place: str
    rows: str
    error: float
    checker: str
    noticed: bool


def places() -> tuple[GradientPlace, ...]:
    """An ordinary start, a point where every row is right and sure, an optimum with three decimals, and in full."""
    dataset, start = gaussian(100, 3, seed=0), initial_parameters(3, seed=0)
    optimum = find_optimum(dataset).parameters
    assert optimum is not None
    unit = np.ones(3) / np.sqrt(3)
    along = dataset.X @ unit
    apart = Dataset(dataset.X + 3 * np.sign(along)[:, None] * unit, along > 0, "gaussian(100, 3), pulled apart by 6")
    near = Parameters(np.round(optimum.weight, 3), round(float(optimum.bias), 3))
    at = ((dataset, start), (apart, Parameters(8 * unit, 0.0)), (dataset, near), (dataset, optimum))
    return tuple(GradientPlace(name, *case) for name, case in zip(PLACES, at, strict=True))


def distances(names: list[str], dtype: str) -> list[Distance]:
    """Every twin by every way it has, at every place.

    Args:
        names: of the twins' modules.
        dtype: the format that they compute in.

    Raises:
        ValueError: where a twin cannot be imported.
    """
    found = []
    for place, dataset, at in _rounded(dtype):
        ways = {name: reference.flatten(load_twin(name).evaluate(dataset, at, dtype=dtype).gradient) for name in names}
        for name in names:
            if (module := checkers(name)) is not None:
                ways[f"{name}, closed form"] = module.by_hand(dataset, at, dtype=dtype)
        ways["NumPy, complex step"] = complex_step(dataset, at).astype(dtype)
        exact, limits = _truth(dataset, at, dtype)
        for way, slope in ways.items():
            error = oracle.distance(slope, exact)
            in_ulps = float((error / ulp(limits.gradient_scale, dtype)).max())
            found.append(Distance(dtype, place, way, in_ulps, float((error / limits.gradient).max())))
    return found


def opinions(names: list[str], dtype: str) -> list[Opinion]:
    """What the judge and each twin's own checker say of right and planted gradients, at every place.

    Args:
        names: of the twins' modules; one without checkers is left out.
        dtype: the format that they compute in.
    """
    found, known = [], {place: (dataset, at) for place, dataset, at in _rounded(dtype)}
    modules = [(name, module) for name in names if (module := checkers(name)) is not None]
    for place, rows in PLANTED:
        dataset, at = known[place]
        exact, limits = _truth(dataset, at, dtype)
        counted = dataset.y if rows == "class 1" else np.ones(dataset.n_rows)
        for (name, module), error in product(modules, ERRORS):
            slope = module.planted_gradient(dataset, at, counted, error, dtype=dtype)
            outside = bool((oracle.distance(slope, exact) > limits.gradient).any())
            found.append(Opinion(dtype, place, rows, error, f"{JUDGE} of {name}", outside))
            noticed = not module.approves(dataset, at, counted, error, dtype=dtype)
            found.append(Opinion(dtype, place, rows, error, module.NAME, noticed))
    return found


def checkers(name: str) -> Any:
    """The twin's module ``checkers``; None where it has none, as a user's own twin."""
    try:
        return load_part(name, "bridge.checkers")
    except ModuleNotFoundError:
        return None


def complex_step(dataset: Dataset, parameters: Parameters, *, step: float = 2.0**-333) -> np.ndarray:
    """The gradient of the mean loss as Im f(θ + i h e) / h, in float64: no difference, so nothing cancels.

    Squire and Trapp, SIAM Review 40, 1998. h is so small that h² vanishes beside everything, and is a power of two.

    Args:
        dataset: N rows of D features, without row weights.
        parameters: θ, weight (D,) and bias ().
        step: h.

    Returns:
        ∇f (D + 1,), the bias last.
    """
    X1, θ = reference.with_ones(dataset.X), reference.flatten(parameters)
    z = X1 @ (θ[:, None] + 1j * step * np.eye(len(θ)))  # (N, D + 1): a column for each direction
    return (_loss(z, dataset.y[:, None]).imag / step).mean(axis=0)


def _loss(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``reference.stable_loss`` without its |z|, which is no analytic function."""

    def softplus(z: np.ndarray) -> np.ndarray:
        side = np.sign(z.real)
        return np.where(side > 0, z, 0) + np.log1p(np.exp(np.where(side > 0, -z, z)))

    return y * softplus(-z) + (1 - y) * softplus(z)


def _rounded(dtype: str) -> Iterator[tuple[str, Dataset, Parameters]]:
    for place, dataset, at in places():
        yield place, round_dataset(dataset, dtype), round_parameters(at, dtype)


def _truth(dataset: Dataset, at: Parameters, dtype: str) -> tuple[np.ndarray, PointBounds]:
    return reference.flatten(oracle.evaluate(dataset, at).gradient), PointBounds(dataset, at, dtype=dtype)
