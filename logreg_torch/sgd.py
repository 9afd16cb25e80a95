"""One step of gradient descent.

Read beside ``logreg_jax/sgd.py``: PyTorch updates the model in place, JAX returns a new one. ``options`` are those
of ``loss.objective``.
"""

import torch

from .loss import objective


def sgd(model, learning_rate):
    """The optimiser of plain gradient descent.

    PyTorch's keeps hold of the model's parameters and changes them in place.
    """
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def sgd_step(model, optimizer, X, y, **options):
    """One step θ - η ∇f(θ): the model to go on with, and the objective before the step. The old model is used up."""
    optimizer.zero_grad()
    value = objective(model, X, y, **options)
    value.backward()
    optimizer.step()
    return model, value.detach()
