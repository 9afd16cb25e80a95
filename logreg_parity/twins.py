"""What a twin is: four functions that speak NumPy. Any module that has them can be judged.

``logreg_torch`` and ``logreg_jax`` are two; ``logreg_parity.truth.reference`` is a third, without a framework; a
user's own module takes the same road and is loaded by its name. A twin may have a fifth, ``fit(dataset, *, l2,
reduction, solver, tolerance, max_iterations, dtype, device, intercept)``, which finds the optimum as a
``data.fit.Fit``.
"""

import importlib
import inspect
import os
from collections.abc import Collection, Iterable
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np

from .data.dataset import Dataset, Parameters
from .data.history import Evaluation, History


class Twin(Protocol):
    """A logistic regression under the conventions of ``logreg_parity``. A module with these functions is one."""

    def devices(self) -> tuple[str, ...]:
        """The devices it can compute on: "cpu", and "cuda" where there is one."""
        ...

    def versions(self) -> dict[str, str]:
        """What it computes with, and which version."""
        ...

    def evaluate(
        self,
        dataset: Dataset,
        parameters: Parameters,
        *,
        l2: float = 0.0,
        reduction: str = "mean",
        dtype: str = "float32",
        device: str = "cpu",
    ) -> Evaluation:
        """Logits, losses, objective, gradient, probabilities and classes at one point."""
        ...

    def train(
        self,
        dataset: Dataset,
        start: Parameters,
        *,
        steps: int,
        learning_rate: float,
        batches: Iterable[np.ndarray] | None = None,
        record: str = "after",
        keep: Collection[int] | None = None,
        l2: float = 0.0,
        reduction: str = "mean",
        dtype: str = "float32",
        device: str = "cpu",
    ) -> History:
        """Plain gradient descent, on all rows or on the rows that ``batches`` names for each step.

        It is asked for ``momentum`` and ``nesterov``, those of ``torch.optim.SGD``, only where the momentum is not 0.
        """
        ...


def load(name: str) -> ModuleType:
    """The module of that name: every import by name in the stem is made here. Raises ImportError."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take the GPU's memory for itself
    return importlib.import_module(name)


def load_part(twin: str, part: str) -> ModuleType:
    """A module within a twin, such as "bridge.probes" of "logreg_torch". Raises ImportError where it has none."""
    return load(f"{twin}.{part}")


def load_twin(name: str) -> Twin:
    """The twin of that module name. Raises ValueError where it cannot be imported or lacks a function."""
    try:
        module = load(name)
    except ImportError as error:
        raise ValueError(
            f"the twin {name!r} cannot be imported ({error}); install what is missing, or give the name of a "
            f"module that Python finds from here"
        ) from error
    wanted = [function for function in vars(Twin) if not function.startswith("_")]
    missing = [function for function in wanted if not callable(getattr(module, function, None))]
    if missing:
        raise ValueError(
            f"the twin {name!r} lacks {', '.join(missing)}; give it the functions of logreg_parity.twins.Twin"
        )
    return cast(Twin, module)


def check_takes(name: str, twin: Twin, descent: Collection[str]) -> None:
    """ValueError where the twin's ``train`` has no argument for something that is asked of it."""
    arguments = inspect.signature(twin.train).parameters.values()
    if any(argument.kind is inspect.Parameter.VAR_KEYWORD for argument in arguments):
        return
    missing = [word for word in descent if word not in {argument.name for argument in arguments}]
    if missing:
        raise ValueError(f"{name}.train takes no {' and no '.join(missing)}; give it, or ask for a run without")


class OnEngine:
    """A twin whose ``train`` takes its steps with the engine of that name. ValueError where it has no engines."""

    def __init__(self, name: str, twin: Twin, engine: str):
        if "engine" not in inspect.signature(twin.train).parameters:
            raise ValueError(f"engine is {engine!r}, but {name}.train takes no engine; leave the engine out")
        self._twin: Any = twin
        self._engine = engine
        self.devices, self.evaluate = twin.devices, twin.evaluate

    def versions(self) -> dict[str, str]:
        """What it computes with, and the engine: after a run that which took the steps, in place of "auto"."""
        return {**self._twin.versions(), "engine": self._engine}

    def train(self, *arguments: Any, **options: Any) -> History:
        """The twin's own run, with the engine."""
        history = self._twin.train(*arguments, **options, engine=self._engine)
        self._engine = history.engine
        return history
