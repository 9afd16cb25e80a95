"""What the framework's own gradient checker says, at its defaults, of gradients that are right or planted wrong.

Read beside ``logreg_torch/bridge/checkers.py``; ``logreg_parity.judge.gradients`` asks, and holds the same gradients to
the oracle. ``rows`` (N,), 0 or 1, are those that count as 1 + ``error`` rows in the gradient, and as one in the loss.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.test_util import check_grads

from logreg_parity.data.dataset import Dataset, Parameters

from ..convert import arithmetic, data_from_numpy, from_numpy, model_from_numpy, to_numpy
from ..gradient import closed_form_gradient
from ..loss import stable_loss

NAME = "jax.test_util.check_grads"


def planted_loss(weight: Array, bias: Array, X: Array, y: Array, rows: Array, error: float) -> Array:
    """The mean loss, whose gradient, and not whose value, counts some rows (N,), 0 or 1, as 1 + error rows.

    Args:
        weight, bias: the point, (D,) and ().
        X, y: features (N, D) and labels (N,).
        rows: (N,), 0 or 1.
        error: what the rows are counted too much.

    Returns:
        The loss ().
    """
    losses = stable_loss(X @ weight + bias, y)
    return (losses + error * rows * (losses - jax.lax.stop_gradient(losses))).mean()


def planted_gradient(
    dataset: Dataset, parameters: Parameters, rows: np.ndarray, error: float, *, dtype: str
) -> np.ndarray:
    """The gradient of the planted loss (D + 1,), the bias last, by automatic differentiation; in NumPy.

    Args:
        dataset: X (N, D) and y (N,).
        parameters: the point, weight (D,) and bias ().
        rows: (N,), 0 or 1.
        error: what the rows are counted too much.
        dtype: by name.
    """
    with arithmetic(dtype):
        loss, point = _problem(dataset, parameters, rows, error, dtype)
        return to_numpy(jnp.append(*jax.grad(loss, argnums=(0, 1))(*point)))


def by_hand(dataset: Dataset, parameters: Parameters, *, dtype: str) -> np.ndarray:
    """The gradient of the mean loss by its closed form (D + 1,), the bias last; in NumPy.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        parameters: the point, weight (D,) and bias ().
        dtype: by name.
    """
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, "cpu"), model_from_numpy(parameters, dtype, "cpu")
        return to_numpy(jnp.append(*closed_form_gradient(model, **data)))


def approves(dataset: Dataset, parameters: Parameters, rows: np.ndarray, error: float, *, dtype: str) -> bool:
    """Whether the framework's checker takes the gradient of the planted loss for right.

    Args:
        dataset: X (N, D) and y (N,).
        parameters: the point, weight (D,) and bias ().
        rows: (N,), 0 or 1.
        error: what the rows are counted too much.
        dtype: by name.
    """
    with arithmetic(dtype):
        try:
            check_grads(*_problem(dataset, parameters, rows, error, dtype), order=1)
        except AssertionError:
            return False
        return True


def _problem(
    dataset: Dataset, parameters: Parameters, rows: np.ndarray, error: float, dtype: str
) -> tuple[Callable[..., Array], tuple[Array, ...]]:
    """The planted loss as a function of weight and bias, and both."""
    X, y, counted = (from_numpy(array, dtype, "cpu") for array in (dataset.X, dataset.y, rows))
    point = tuple(from_numpy(part, dtype, "cpu") for part in parameters)
    return lambda weight, bias: planted_loss(weight, bias, X, y, counted, error), point
