"""One step of gradient descent, with momentum or without.

Read beside ``logreg_torch/sgd.py``: PyTorch updates the model in place, JAX returns a new one. ``terms`` are the
keywords of ``loss.objective``: sample_weight, l2, reduction, loss.
"""

from functools import cache, partial
from typing import Unpack

import jax
import optax
from jax import Array

from logreg_parity.twins import check_learning_rate, check_momentum

from .gradient import value_and_grad
from .loss import Terms
from .model import LogisticRegression

Optimizer = jax.tree_util.Partial


def sgd(model: LogisticRegression, learning_rate: float, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """The optimiser of gradient descent: θ - η v with v ← μ v + ∇f, v = 0 at first; Nesterov's θ - η (∇f + μ v).

    In JAX it is a function, from a gradient to what is added to the model, and v, its state, is bound to it.

    Args:
        model: whose parameters are to be changed.
        learning_rate: η.
        momentum: μ, from 0 to less than 1.
        nesterov: whether the step is Nesterov's.

    Returns:
        ``optax.sgd`` with its first state.

    Raises:
        ValueError: for a learning rate or a momentum outside its range, and for Nesterov without one.
    """
    check_learning_rate(learning_rate)
    check_momentum(momentum, nesterov)
    rule = _rule(float(learning_rate), float(momentum), nesterov)
    return Optimizer(rule.update, state=rule.init(model))


@cache
def _rule(learning_rate: float, momentum: float, nesterov: bool) -> optax.GradientTransformation:
    """One pair of functions for the same numbers: for another pair ``sgd_step`` would be compiled anew."""
    return optax.sgd(learning_rate, momentum or None, nesterov)  # None: no v is kept


@partial(jax.jit, static_argnames=("reduction", "loss"))
def sgd_step(
    model: LogisticRegression, optimizer: Optimizer, X: Array, y: Array, **terms: Unpack[Terms]
) -> tuple[LogisticRegression, Optimizer, Array]:
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
    value, gradient = value_and_grad(model, X, y, **terms)
    updates, state = optimizer(gradient)
    model = optax.apply_updates(model, updates)  # a new model: arrays cannot be changed
    return model, Optimizer(optimizer.func, state=state), value
