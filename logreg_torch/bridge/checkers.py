"""What the framework's own gradient checker says, at its defaults, of gradients that are right or planted wrong.

Read beside ``logreg_jax/bridge/checkers.py``; ``logreg_parity.judge.gradients`` asks, and holds the same gradients to
the oracle. ``rows`` (N,), 0 or 1, are those that count as 1 + ``error`` rows in the gradient, and as one in the loss.
"""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from logreg_parity.data.dataset import Dataset, Parameters

from ..convert import arithmetic, data_from_numpy, from_numpy, model_from_numpy, to_numpy
from ..gradient import closed_form_gradient
from ..loss import stable_loss

NAME = "torch.autograd.gradcheck"


def planted_loss(weight: Tensor, bias: Tensor, X: Tensor, y: Tensor, rows: Tensor, error: float) -> Tensor:
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
    return (losses + error * rows * (losses - losses.detach())).mean()


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
        weight, bias = torch.autograd.grad(loss(*point), point)
        return to_numpy(torch.cat([weight, bias[None]]))


def by_hand(dataset: Dataset, parameters: Parameters, *, dtype: str) -> np.ndarray:
    """The gradient of the mean loss by its closed form (D + 1,), the bias last; in NumPy.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        parameters: the point, weight (D,) and bias ().
        dtype: by name.
    """
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, "cpu"), model_from_numpy(parameters, dtype, "cpu")
        gradient = closed_form_gradient(model, **data)
        return to_numpy(torch.cat([gradient.weight, gradient.bias[None]]))


def approves(dataset: Dataset, parameters: Parameters, rows: np.ndarray, error: float, *, dtype: str) -> bool:
    """Whether the framework's checker takes the gradient of the planted loss for right.

    Args:
        dataset: X (N, D) and y (N,).
        parameters: the point, weight (D,) and bias ().
        rows: (N,), 0 or 1.
        error: what the rows are counted too much.
        dtype: by name.
    """
    with arithmetic(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is not made for float32; its answer shows it
        return torch.autograd.gradcheck(*_problem(dataset, parameters, rows, error, dtype), raise_exception=False)


def _problem(
    dataset: Dataset, parameters: Parameters, rows: np.ndarray, error: float, dtype: str
) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """The planted loss as a function of weight and bias, and both."""
    X, y, counted = (from_numpy(array, dtype, "cpu") for array in (dataset.X, dataset.y, rows))
    point = tuple(from_numpy(part, dtype, "cpu").requires_grad_() for part in parameters)
    return lambda weight, bias: planted_loss(weight, bias, X, y, counted, error), point
