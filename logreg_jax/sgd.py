"""One step of gradient descent.

Read beside ``logreg_torch/sgd.py``: PyTorch updates the model in place, JAX returns a new one. ``options`` are those
of ``loss.objective``.
"""

from functools import partial

import jax

from .gradient import value_and_grad


def sgd(model, learning_rate):
    """The optimiser of plain gradient descent.

    In JAX it is a function from a parameter and its gradient to the new parameter, and keeps nothing.
    """
    return lambda parameter, gradient: parameter - learning_rate * gradient


@partial(jax.jit, static_argnames=("optimizer", "reduction", "loss"))
def sgd_step(model, optimizer, X, y, **options):
    """One step θ - η ∇f(θ): the model to go on with, and the objective before the step. The old model is used up."""
    value, gradient = value_and_grad(model, X, y, **options)
    return jax.tree.map(optimizer, model, gradient), value
