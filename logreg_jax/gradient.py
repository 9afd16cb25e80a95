"""Derivatives of the objective, by autograd and by hand.

Read beside ``logreg_torch/gradient.py``. A gradient is a point in the model's own space, with the names of the model's
parameters. ``terms`` are the keywords of ``loss.objective``: sample_weight, l2, reduction, loss.
"""

from functools import partial
from typing import Unpack

import jax
import jax.numpy as jnp
from jax import Array

from logreg_parity.twins import Loss, Reduction, check_reduction

from .loss import LOSSES, Terms, objective
from .model import Gradient, LogisticRegression, sigmoid


@partial(jax.jit, static_argnames=("reduction", "loss"))
def value_and_grad(model: LogisticRegression, X: Array, y: Array, **terms: Unpack[Terms]) -> tuple[Array, Gradient]:
    """The objective and its gradient, by automatic differentiation.

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).
        terms: those of ``loss.objective``: sample_weight, l2, reduction, loss.

    Returns:
        The value (), and a Gradient: weight (D,), bias ().
    """
    return jax.value_and_grad(objective)(model, X, y, **terms)  # by the first argument, the model


def closed_form_gradient(
    model: LogisticRegression,
    X: Array,
    y: Array,
    *,
    sample_weight: Array | None = None,
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


def per_example_gradients(model: LogisticRegression, X: Array, y: Array, *, loss: Loss = "stable") -> Gradient:
    """The gradient of each row's loss: weight (N, D), bias (N,).

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).
        loss: the name of one of LOSSES.

    Returns:
        A Gradient with a row in each place: weight (N, D), bias (N,).
    """

    def row_loss(model: LogisticRegression, x: Array, label: Array) -> Array:
        return LOSSES[loss](model(x), label)

    return jax.vmap(jax.grad(row_loss), in_axes=(None, 0, 0))(model, X, y)


def hessian(model: LogisticRegression, X: Array, y: Array, **terms: Unpack[Terms]) -> Array:
    """The second derivative (D + 1, D + 1) of the objective, the bias last.

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).
        terms: those of ``loss.objective``: sample_weight, l2, reduction, loss.

    Returns:
        A symmetric matrix (D + 1, D + 1).
    """

    def value(flat: Array) -> Array:  # of one vector (D + 1,), by which to differentiate twice
        return objective(LogisticRegression(flat[:-1], flat[-1]), X, y, **terms)

    return jax.hessian(value)(jnp.append(model.weight, model.bias))


def hessian_vector_product(
    model: LogisticRegression, direction: Gradient, X: Array, y: Array, **terms: Unpack[Terms]
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

    def slope(model: LogisticRegression) -> Gradient:
        return jax.grad(objective)(model, X, y, **terms)

    _, product = jax.jvp(slope, (model,), (direction,))  # the derivative of the gradient along the direction
    return product
