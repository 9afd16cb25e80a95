"""The framework's own optimisers, named by the expression that builds them.

Read beside ``logreg_torch/bridge/optimizers.py``; ``logreg_parity.optimizers.translate`` translates expressions from
one to the other. ``sgd.py`` is the smallest of them.
"""

from typing import Any

import jax
import numpy as np
import optax
from jax import Array

from logreg_parity.data.dataset import Dataset, Parameters

from ..convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy
from ..gradient import value_and_grad
from ..loss import objective
from ..model import Gradient, LogisticRegression
from ..sgd import Optimizer


def optimizer(model: LogisticRegression, expression: str) -> Optimizer:
    """The optimiser that the Python expression builds, for the model; what the table prints is the code that runs.

    "optax.adam(0.1)" for one: ``optax`` is known. It is a function that knows its state. Like all code, evaluate
    only expressions you trust.

    Args:
        model: whose parameters are to be changed.
        expression: Python, with the names above.
    """
    transformation = optax.with_extra_args_support(eval(expression, {"optax": optax}))
    return Optimizer(transformation.update, state=transformation.init(model))


def optimizer_step(
    model: LogisticRegression, optimizer: Optimizer, **data: Any
) -> tuple[LogisticRegression, Optimizer]:
    """One step of the optimiser: the model and the optimiser to go on with. The old ones are used up.

    Args:
        model: weight (D,) and bias ().
        optimizer: what ``optimizer`` or the step before has returned.
        data: X (N, D), y (N,) and, where there are row weights, sample_weight (N,).
    """
    value, gradient = value_and_grad(model, **data)
    return _update(model, optimizer, value, gradient, **data)


def walk(dataset: Dataset, start: Parameters, expression: str, *, steps: int, dtype: str = "float64") -> np.ndarray:
    """The points (T + 1, D + 1), the bias last, of T steps of the optimiser on all rows of a Dataset, in NumPy.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        start: weight (D,) and bias ().
        expression: what builds the optimiser.
        steps: T.
        dtype: by name.
    """
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, "cpu"), model_from_numpy(start, dtype, "cpu")
        state, points = optimizer(model, expression), [model_to_numpy(model)]
        for _ in range(steps):
            model, state = optimizer_step(model, state, **data)
            points.append(model_to_numpy(model))
    return np.array([np.append(*point) for point in points])


@jax.jit
def _update(
    model: LogisticRegression, optimizer: Optimizer, value: Array, gradient: Gradient, **data: Any
) -> tuple[LogisticRegression, Optimizer]:
    """The optimiser's part of the step; a line search, where there is one, looks at the objective again."""

    def value_of(model: LogisticRegression) -> Array:
        return objective(model, **data)

    updates, state = optimizer(gradient, params=model, value=value, grad=gradient, value_fn=value_of)
    return optax.apply_updates(model, updates), Optimizer(optimizer.func, state=state)
