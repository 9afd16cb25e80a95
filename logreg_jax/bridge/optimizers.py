"""The framework's own optimisers, named by the expression that builds them.

Read beside ``logreg_torch/bridge/optimizers.py``; ``logreg_parity.optimizers.translate`` translates expressions from
one to the other. ``options`` are those of ``loss.objective``. ``sgd.py`` is the smallest of them, written out.
"""

from functools import partial

import jax
import numpy as np
import optax

from ..convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy
from ..gradient import value_and_grad
from ..loss import objective


def optimizer(model, expression):
    """The optimiser that the Python expression builds, for the model; what the table prints is the code that runs.

    "optax.adam(0.1)" for one: ``optax`` is known. It is a function that knows its state. Like all code, evaluate
    only expressions you trust.
    """
    transformation = optax.with_extra_args_support(eval(expression, {"optax": optax}))
    return jax.tree_util.Partial(transformation.update, state=transformation.init(model))


def optimizer_step(model, optimizer, X, y, **options):
    """One step of the optimiser: the model and the optimiser to go on with. The old ones are used up."""
    value, gradient = value_and_grad(model, X, y, **options)
    return _update(model, optimizer, value, gradient, X, y, **options)


def walk(dataset, start, expression, *, steps, l2=0.0, reduction="mean", dtype="float64", device="cpu"):
    """The points (T + 1, D + 1), the bias last, of T steps of the optimiser on all rows of a Dataset, in NumPy."""
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, device), model_from_numpy(start, dtype, device)
        state, points = optimizer(model, expression), [model_to_numpy(model)]
        for _ in range(steps):
            model, state = optimizer_step(model, state, **data, l2=l2, reduction=reduction)
            points.append(model_to_numpy(model))
    return np.array([np.append(*point) for point in points])


@partial(jax.jit, static_argnames=("reduction", "loss"))
def _update(model, optimizer, value, gradient, X, y, **options):
    """The optimiser's part of the step; a line search, where there is one, looks at the objective again."""

    def value_of(model):
        return objective(model, X, y, **options)

    updates, state = optimizer(gradient, params=model, value=value, grad=gradient, value_fn=value_of)
    return optax.apply_updates(model, updates), jax.tree_util.Partial(optimizer.func, state=state)
