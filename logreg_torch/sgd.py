"""One step of gradient descent, with momentum or without.

Read beside ``logreg_jax/sgd.py``: PyTorch updates the model in place, JAX returns a new one. ``options`` are those
of ``loss.objective``.
"""

import torch

from .loss import objective


def sgd(model, learning_rate, momentum=0.0, nesterov=False):
    """The optimiser of gradient descent: θ - η v with v ← μ v + ∇f, v = 0 at first; Nesterov's θ - η (∇f + μ v).

    PyTorch's keeps hold of the model's parameters and changes them in place, and keeps v beside them. ValueError
    for a momentum below 0, and for Nesterov without one.
    """
    return torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum, nesterov=nesterov)


def sgd_step(model, optimizer, X, y, **options):
    """One step: the model and the optimiser to go on with, the objective before the step. The old ones are used up."""
    optimizer.zero_grad()
    value = objective(model, X, y, **options)
    value.backward()
    optimizer.step()
    return model, optimizer, value.detach()
