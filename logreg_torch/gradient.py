"""Derivatives of the objective, by autograd and by hand.

Read beside ``logreg_jax/gradient.py``. A gradient is a point in the model's own space and comes back in the
model's own shape. ``options`` are those of ``loss.objective``: sample_weight, l2, reduction, loss.
"""

import torch

from .loss import LOSSES, aggregate, objective
from .model import LogisticRegression, sigmoid


def value_and_grad(model, X, y, **options):
    """The objective and its gradient, by automatic differentiation."""
    value = objective(model, X, y, **options)
    return value.detach(), LogisticRegression(*torch.autograd.grad(value, tuple(model.parameters())))


def closed_form_gradient(model, X, y, *, sample_weight=None, l2=0.0, reduction="mean"):
    """The gradient by hand: the reduced rows of (r x, r) and l2 w, with r = (1 - y) σ(z) - y σ(-z)."""
    with torch.no_grad():
        z = model(X)
        r = (1 - y) * sigmoid(z) - y * sigmoid(-z)
        columns = (aggregate(r * x, sample_weight, reduction) for x in X.T)
        weight = torch.stack(list(columns)) + l2 * model.weight
        return LogisticRegression(weight, aggregate(r, sample_weight, reduction))


def per_example_gradients(model, X, y, *, loss="stable"):
    """The gradient of each row's loss: weight (N, D), bias (N,)."""

    def row_loss(parameters, x, label):
        return LOSSES[loss](torch.func.functional_call(model, parameters, (x,)), label)

    gradients = torch.func.vmap(torch.func.grad(row_loss), in_dims=(None, 0, 0))(dict(model.named_parameters()), X, y)
    return LogisticRegression(**gradients)


def hessian(model, X, y, **options):
    """The second derivative (D + 1, D + 1) of the objective, the bias last."""
    parameters = tuple(model.parameters())
    slope = torch.autograd.grad(objective(model, X, y, **options), parameters, create_graph=True)
    slope = torch.cat([part.reshape(-1) for part in slope])
    directions = torch.eye(len(slope), dtype=slope.dtype, device=slope.device)
    weight, bias = torch.autograd.grad(slope, parameters, directions, is_grads_batched=True)
    return torch.cat([weight, bias[:, None]], dim=1)


def hessian_vector_product(model, direction, X, y, **options):
    """The Hessian times a direction, both in the model's shape, at the price of two gradients."""
    parameters = tuple(model.parameters())
    slope = torch.autograd.grad(objective(model, X, y, **options), parameters, create_graph=True)
    product = torch.autograd.grad(slope, parameters, tuple(direction.parameters()))
    return LogisticRegression(*product)
