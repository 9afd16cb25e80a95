"""One step of gradient descent, with momentum or without.

Read beside ``logreg_torch/sgd.py``: PyTorch updates the model in place, JAX returns a new one. ``options`` are those
of ``loss.objective``.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp

from .gradient import value_and_grad


def sgd(model, learning_rate, momentum=0.0, nesterov=False):
    """The optimiser of gradient descent: θ - η v with v ← μ v + ∇f, v = 0 at first; Nesterov's θ - η (∇f + μ v).

    In JAX it is a function from model and gradient to the next model, and holds v as its state. ValueError for a
    momentum below 0, and for Nesterov without one.
    """
    if momentum < 0 or (nesterov and not momentum):
        raise ValueError(f"momentum is {momentum}, nesterov {nesterov}; give 0 or more, and with nesterov more than 0")
    velocity = jax.tree.map(jnp.zeros_like, model) if momentum else None
    return jax.tree_util.Partial(_move(float(learning_rate), float(momentum), nesterov), velocity)


@cache
def _move(learning_rate, momentum, nesterov):
    """The rule, one function for the same numbers: for another function ``sgd_step`` would be compiled anew."""

    def move(velocity, model, gradient):
        if momentum:
            velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, gradient)
        direction = velocity if momentum else gradient
        if nesterov:
            direction = jax.tree.map(lambda v, g: g + momentum * v, velocity, gradient)
        return jax.tree.map(lambda p, d: p - learning_rate * d, model, direction), velocity

    return move


@partial(jax.jit, static_argnames=("reduction", "loss"))
def sgd_step(model, optimizer, X, y, **options):
    """One step: the model and the optimiser to go on with, the objective before the step. The old ones are used up."""
    value, gradient = value_and_grad(model, X, y, **options)
    model, velocity = optimizer(model, gradient)
    return model, jax.tree_util.Partial(optimizer.func, velocity), value
