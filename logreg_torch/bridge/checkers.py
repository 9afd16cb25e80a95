"""What the framework's own gradient checker says, at its defaults, of gradients that are right or planted wrong.

Read beside ``logreg_jax/bridge/checkers.py``; ``logreg_parity.judge.gradients`` asks, and holds the same gradients to
the oracle.
"""

import warnings

import torch

from ..convert import arithmetic, data_from_numpy, from_numpy, model_from_numpy, to_numpy
from ..gradient import closed_form_gradient
from ..loss import stable_loss

NAME = "torch.autograd.gradcheck"


def planted_loss(weight, bias, X, y, rows, error):
    """The mean loss, whose gradient, and not whose value, counts some rows (N,), 0 or 1, as 1 + error rows."""
    losses = stable_loss(X @ weight + bias, y)
    return (losses + error * rows * (losses - losses.detach())).mean()


def planted_gradient(dataset, parameters, rows, error, *, dtype="float64", device="cpu"):
    """The gradient of the planted loss (D + 1,), the bias last, by automatic differentiation; in NumPy."""
    with arithmetic(dtype):
        loss, point = _problem(dataset, parameters, rows, error, dtype, device)
        weight, bias = torch.autograd.grad(loss(*point), point)
        return to_numpy(torch.cat([weight, bias[None]]))


def by_hand(dataset, parameters, *, dtype="float64", device="cpu"):
    """The gradient of the mean loss by its closed form (D + 1,), the bias last; in NumPy."""
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, device), model_from_numpy(parameters, dtype, device)
        gradient = closed_form_gradient(model, **data)
        return to_numpy(torch.cat([gradient.weight, gradient.bias[None]]))


def approves(dataset, parameters, rows, error, *, dtype="float64", device="cpu"):
    """Whether the framework's checker takes the gradient of the planted loss for right."""
    with arithmetic(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is not made for float32; its answer shows it
        return torch.autograd.gradcheck(
            *_problem(dataset, parameters, rows, error, dtype, device), raise_exception=False
        )


def _problem(dataset, parameters, rows, error, dtype, device):
    """The planted loss as a function of weight and bias, and both."""
    X, y, rows = (from_numpy(array, dtype, device) for array in (dataset.X, dataset.y, rows))
    point = tuple(from_numpy(part, dtype, device).requires_grad_() for part in parameters)
    return lambda weight, bias: planted_loss(weight, bias, X, y, rows, error), point
