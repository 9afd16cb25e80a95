"""Derivatives of the objective, by autograd and by hand.

Read beside ``logreg_torch/gradient.py``. A gradient is a point in the model's own space and comes back in the
model's own shape. ``options`` are those of ``loss.objective``: sample_weight, l2, reduction, loss.
"""

from functools import partial

import jax
import jax.numpy as jnp

from .loss import LOSSES, aggregate, objective
from .model import LogisticRegression, sigmoid


@partial(jax.jit, static_argnames=("reduction", "loss"))
def value_and_grad(model, X, y, **options):
    """The objective and its gradient, by automatic differentiation."""
    return jax.value_and_grad(objective)(model, X, y, **options)


def closed_form_gradient(model, X, y, *, sample_weight=None, l2=0.0, reduction="mean"):
    """The gradient by hand: the reduced rows of (r x, r) and l2 w, with r = (1 - y) σ(z) - y σ(-z)."""
    z = model(X)
    r = (1 - y) * sigmoid(z) - y * sigmoid(-z)
    columns = (aggregate(r * x, sample_weight, reduction) for x in X.T)
    weight = jnp.stack(list(columns)) + l2 * model.weight
    return LogisticRegression(weight, aggregate(r, sample_weight, reduction))


def per_example_gradients(model, X, y, *, loss="stable"):
    """The gradient of each row's loss: weight (N, D), bias (N,)."""

    def row_loss(model, x, label):
        return LOSSES[loss](model(x), label)

    return jax.vmap(jax.grad(row_loss), in_axes=(None, 0, 0))(model, X, y)


def hessian(model, X, y, **options):
    """The second derivative (D + 1, D + 1) of the objective, the bias last."""

    def value(flat):
        return objective(LogisticRegression(flat[:-1], flat[-1]), X, y, **options)

    return jax.hessian(value)(jnp.append(model.weight, model.bias))


def hessian_vector_product(model, direction, X, y, **options):
    """The Hessian times a direction, both in the model's shape, at the price of two gradients."""

    def slope(model):
        return jax.grad(objective)(model, X, y, **options)

    _, product = jax.jvp(slope, (model,), (direction,))
    return product
