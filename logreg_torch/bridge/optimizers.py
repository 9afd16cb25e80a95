"""The framework's own optimisers, named by the expression that builds them.

Read beside ``logreg_jax/bridge/optimizers.py``; ``logreg_parity.optimizers.translate`` translates expressions from one
to the other. ``sgd.py`` is the smallest of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from logreg_parity.data.dataset import Dataset, Parameters

from ..convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy
from ..loss import objective
from ..model import LogisticRegression
from ..sgd import Optimizer


def optimizer(model: LogisticRegression, expression: str) -> Optimizer:
    """The optimiser that the Python expression builds, for the model; what the table prints is the code that runs.

    "torch.optim.Adam(parameters, lr=0.1)" for one: ``torch`` and ``parameters`` are known. It changes the model in
    place. Like all code, evaluate only expressions you trust.

    Args:
        model: whose parameters are to be changed.
        expression: Python, with the names above.
    """
    return eval(expression, {"torch": torch, "parameters": list(model.parameters())})


def optimizer_step(
    model: LogisticRegression, optimizer: Optimizer, **data: Any
) -> tuple[LogisticRegression, Optimizer]:
    """One step of the optimiser: the model and the optimiser to go on with. The old ones are used up.

    Args:
        model: weight (D,) and bias ().
        optimizer: what ``optimizer`` or the step before has returned.
        data: X (N, D), y (N,) and, where there are row weights, sample_weight (N,).
    """

    def closure() -> Any:
        optimizer.zero_grad()
        value = objective(model, **data)
        value.backward()
        return value

    optimizer.step(closure)
    return model, optimizer


def walk(dataset: Dataset, start: Parameters, expression: str, *, steps: int, dtype: str = "float64") -> np.ndarray:
    """The points (T + 1, D + 1), the bias last, of T steps of the optimiser on all rows of a Dataset, in NumPy.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        start: weight (D,) and bias ().
        expression: what builds the optimiser.
        steps: T.
        dtype: by name.
    """
    with arithmetic(dtype), _scalars(dtype):
        data, model = data_from_numpy(dataset, dtype, "cpu"), model_from_numpy(start, dtype, "cpu")
        state, points = optimizer(model, expression), [model_to_numpy(model)]
        for _ in range(steps):
            model, state = optimizer_step(model, state, **data)
            points.append(model_to_numpy(model))
    return np.array([np.append(*point) for point in points])


@contextmanager
def _scalars(dtype: str) -> Iterator[None]:
    """``torch.optim`` keeps the scalars of its state in float32 unless PyTorch's default dtype is float64.

    NAdam multiplies in one of them, and then has eight digits whatever its parameters have.
    """
    saved = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if dtype == "float64" else torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(saved)
