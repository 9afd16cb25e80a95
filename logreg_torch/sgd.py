"""One step of gradient descent, with momentum or without.

Read beside ``logreg_jax/sgd.py``: PyTorch updates the model in place, JAX returns a new one. ``terms`` are the
keywords of ``loss.objective``: sample_weight, l2, reduction, loss.
"""

from typing import Unpack

import torch
from torch import Tensor

from logreg_parity.twins import check_learning_rate, check_momentum

from .loss import Terms, objective
from .model import LogisticRegression

Optimizer = torch.optim.Optimizer


def sgd(model: LogisticRegression, learning_rate: float, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """The optimiser of gradient descent: θ - η v with v ← μ v + ∇f, v = 0 at first; Nesterov's θ - η (∇f + μ v).

    PyTorch's keeps hold of the model's parameters and changes them in place, and keeps v beside them.

    Args:
        model: whose parameters are to be changed.
        learning_rate: η.
        momentum: μ, from 0 to less than 1.
        nesterov: whether the step is Nesterov's.

    Returns:
        ``torch.optim.SGD``, without dampening.

    Raises:
        ValueError: for a learning rate or a momentum outside its range, and for Nesterov without one.
    """
    check_learning_rate(learning_rate)
    check_momentum(momentum, nesterov)
    return torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum, nesterov=nesterov)


@torch.enable_grad()  # within no_grad too
def sgd_step(
    model: LogisticRegression, optimizer: Optimizer, X: Tensor, y: Tensor, **terms: Unpack[Terms]
) -> tuple[LogisticRegression, Optimizer, Tensor]:
    """One step: the model and the optimiser to go on with, the objective before the step. The old ones are used up.

    Args:
        model: weight (D,) and bias ().
        optimizer: what ``sgd`` or the step before has returned.
        X: features (N, D).
        y: labels (N,).
        terms: those of ``loss.objective``.

    Returns:
        The model, the optimiser, and a number ().
    """
    optimizer.zero_grad()  # backward adds to the gradient that is there already
    value = objective(model, X, y, **terms)
    value.backward()  # writes the gradient into the parameters, where the optimiser looks for it
    optimizer.step()
    return model, optimizer, value.detach()
