"""Derivatives of the objective, by autograd and by hand.

Read beside ``logreg_jax/gradient.py``. A gradient is a point in the model's own space, with the names of the model's
parameters. ``terms`` are the keywords of ``loss.objective``: sample_weight, l2, reduction, loss.
"""

from typing import Unpack

import torch
from torch import Tensor

from logreg_parity.twins import Loss, Reduction, check_reduction

from .loss import LOSSES, Terms, objective
from .model import Gradient, LogisticRegression, sigmoid


@torch.enable_grad()  # within no_grad too
def value_and_grad(model: LogisticRegression, X: Tensor, y: Tensor, **terms: Unpack[Terms]) -> tuple[Tensor, Gradient]:
    """The objective and its gradient, by automatic differentiation.

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).
        terms: those of ``loss.objective``: sample_weight, l2, reduction, loss.

    Returns:
        The value (), and a Gradient: weight (D,), bias ().
    """
    value = objective(model, X, y, **terms)
    # The value still holds the record of how it was made, which is walked backwards here and then let go.
    return value.detach(), Gradient(*torch.autograd.grad(value, (model.weight, model.bias)))


@torch.no_grad()  # nothing is differentiated here, so nothing need be recorded
def closed_form_gradient(
    model: LogisticRegression,
    X: Tensor,
    y: Tensor,
    *,
    sample_weight: Tensor | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
) -> Gradient:
    """The gradient by hand: Xᵀ(ω r) / Σ ω + l2 w and Σ ω r / Σ ω, with r = (1 - y) σ(z) - y σ(-z).

    Args:
        model, X, y, sample_weight, l2, reduction: those of ``loss.objective``.

    Returns:
        A Gradient: weight (D,), bias ().

    Raises:
        ValueError: for another reduction than "mean" and "sum".
    """
    check_reduction(reduction)
    z = model(X)
    r = (1 - y) * sigmoid(z) - y * sigmoid(-z)  # p - y, with all its digits where p is close to y
    r = r if sample_weight is None else sample_weight * r
    count = 1 if reduction == "sum" else len(y) if sample_weight is None else sample_weight.sum()
    return Gradient(r @ X / count + l2 * model.weight, r.sum() / count)  # summed first, divided once


def per_example_gradients(model: LogisticRegression, X: Tensor, y: Tensor, *, loss: Loss = "stable") -> Gradient:
    """The gradient of each row's loss: weight (N, D), bias (N,).

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).
        loss: the name of one of LOSSES.

    Returns:
        A Gradient with a row in each place: weight (N, D), bias (N,).
    """

    def row_loss(parameters: dict[str, Tensor], x: Tensor, label: Tensor) -> Tensor:
        # A module's parameters sit inside it; functional_call runs it with those that come from outside.
        return LOSSES[loss](torch.func.functional_call(model, parameters, (x,)), label)

    free = {name: parameter.detach() for name, parameter in model.named_parameters()}  # or all of it is recorded
    return Gradient(**torch.func.vmap(torch.func.grad(row_loss), in_dims=(None, 0, 0))(free, X, y))


@torch.enable_grad()  # within no_grad too
def hessian(model: LogisticRegression, X: Tensor, y: Tensor, **terms: Unpack[Terms]) -> Tensor:
    """The second derivative (D + 1, D + 1) of the objective, the bias last.

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).
        terms: those of ``loss.objective``: sample_weight, l2, reduction, loss.

    Returns:
        A symmetric matrix (D + 1, D + 1).
    """
    parameters = (model.weight, model.bias)
    value = objective(model, X, y, **terms)
    slope = torch.autograd.grad(value, parameters, create_graph=True)  # recorded, to be walked back through again
    flat = torch.cat([part.reshape(-1) for part in slope])
    directions = torch.eye(len(flat), dtype=flat.dtype, device=flat.device)  # one row of the Hessian each
    weight, bias = torch.autograd.grad(flat, parameters, directions, is_grads_batched=True)
    return torch.cat([weight, bias[:, None]], dim=1)


@torch.enable_grad()  # within no_grad too
def hessian_vector_product(
    model: LogisticRegression, direction: Gradient, X: Tensor, y: Tensor, **terms: Unpack[Terms]
) -> Gradient:
    """The Hessian times a direction, both in the model's shape, at the price of two gradients.

    Args:
        model: weight (D,) and bias ().
        direction: weight (D,) and bias () as well.
        X: features (N, D).
        y: labels (N,).
        terms: those of ``loss.objective``: sample_weight, l2, reduction, loss.

    Returns:
        A Gradient: weight (D,), bias ().
    """
    parameters = (model.weight, model.bias)
    slope = torch.autograd.grad(objective(model, X, y, **terms), parameters, create_graph=True)
    return Gradient(*torch.autograd.grad(slope, parameters, (direction.weight, direction.bias)))
