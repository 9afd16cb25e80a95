"""The framework's own optimisers, named by the expression that builds them.

Read beside ``logreg_torch/bridge/optimizers.py``; ``logreg_parity.optimizers.translate`` translates expressions from
one to the other. ``terms`` are the keywords of ``loss.objective``. ``sgd.py`` is the smallest of them, written out.
"""

from functools import partial
from typing import Unpack

import jax
import numpy as np
import optax

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.twins import Reduction

from ..convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy
from ..gradient import value_and_grad
from ..loss import Terms, objective
from ..model import Gradient, LogisticRegression
from ..sgd import Optimizer


def optimizer(model: LogisticRegression, expression: str) -> Optimizer:
    """The optimiser that the Python expression builds, for the model; what the table prints is the code that runs.

    "optax.adam(0.1)" for one: ``optax`` is known. It is a function that knows its state. Like all code, evaluate
    only expressions you trust.
    """
    transformation = optax.with_extra_args_support(eval(expression, {"optax": optax}))
    return Optimizer(transformation.update, state=transformation.init(model))


def optimizer_step(
    model: LogisticRegression, optimizer: Optimizer, X: jax.Array, y: jax.Array, **terms: Unpack[Terms]
) -> tuple[LogisticRegression, Optimizer]:
    """One step of the optimiser: the model and the optimiser to go on with. The old ones are used up."""
    value, gradient = value_and_grad(model, X, y, **terms)
    return _update(model, optimizer, value, gradient, X, y, **terms)


def walk(
    dataset: Dataset,
    start: Parameters,
    expression: str,
    *,
    steps: int,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    dtype: str = "float64",
    device: str = "cpu",
) -> np.ndarray:
    """The points (T + 1, D + 1), the bias last, of T steps of the optimiser on all rows of a Dataset, in NumPy."""
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, device), model_from_numpy(start, dtype, device)
        state, points = optimizer(model, expression), [model_to_numpy(model)]
        for _ in range(steps):
            model, state = optimizer_step(model, state, **data, l2=l2, reduction=reduction)
            points.append(model_to_numpy(model))
    return np.array([np.append(*point) for point in points])


@partial(jax.jit, static_argnames=("reduction", "loss"))
def _update(
    model: LogisticRegression,
    optimizer: Optimizer,
    value: jax.Array,
    gradient: Gradient,
    X: jax.Array,
    y: jax.Array,
    **terms: Unpack[Terms],
) -> tuple[LogisticRegression, Optimizer]:
    """The optimiser's part of the step; a line search, where there is one, looks at the objective again."""

    def value_of(model: LogisticRegression) -> jax.Array:
        return objective(model, X, y, **terms)

    updates, state = optimizer(gradient, params=model, value=value, grad=gradient, value_fn=value_of)
    return optax.apply_updates(model, updates), Optimizer(optimizer.func, state=state)
