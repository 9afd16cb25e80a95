"""What a twin is: four functions that speak NumPy. Any module that has them can be judged.

``logreg_torch`` and ``logreg_jax`` are two; ``logreg_parity.truth.reference`` is a third, without a framework; a
user's own module takes the same road and is loaded by its name. A twin may have a fifth, ``fit(dataset, *, l2,
reduction, solver, tolerance, max_iterations, dtype, device, intercept)``, which finds the optimum as a
``data.history.Fit``.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import inf
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

if TYPE_CHECKING:  # the other way round it is the data that stand on this file
    import numpy as np

    from .data.dataset import Dataset, Parameters
    from .data.history import Evaluation, History

Reduction = Literal["mean", "sum"]
Loss = Literal["stable", "textbook"]
Record = Literal["before", "after", "none"]
"""Whether the loss of a step is that before its update or after it; "none" asks for no losses."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One run of gradient descent, checked when it is made: what to minimise, and how to walk.

    Args:
        steps: T, at least 1.
        learning_rate: η, above 0, finite.
        momentum: μ of ``torch.optim.SGD``, without dampening, from 0 to less than 1.
        nesterov: Nesterov's form of the momentum, θ - η (∇f + μ v); it wants a momentum above 0.
        batch_size: B, rows of a mini-batch, at least 1; None for all rows at every step.
        seed: of the order of the rows in mini-batches.
        reduction: "mean" or "sum", of the per-example losses.
        l2: of the penalty (l2 / 2) ‖w‖², at least 0, finite.
        record: whether the loss of a step is taken "before" or "after" its update, or not at all ("none").
        loss: "stable", or "textbook", as textbooks print it.

    Raises:
        ValueError: for a value outside of these ranges, with what came and what was wanted.
    """

    steps: int
    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    batch_size: int | None = None
    seed: int = 0
    reduction: Reduction = "mean"
    l2: float = 0.0
    record: Record = "after"
    loss: Loss = "stable"

    def __post_init__(self) -> None:
        _check(self.steps >= 1, f"steps is {self.steps}; give at least 1")
        _check(0 < self.learning_rate < inf, f"learning_rate is {self.learning_rate}; give a number above 0")
        check_momentum(self.momentum, self.nesterov)
        _check(self.batch_size is None or self.batch_size >= 1, f"batch_size is {self.batch_size}; give at least 1")
        check_reduction(self.reduction)
        _check(0 <= self.l2 < inf, f"l2 is {self.l2}; give 0 or a number above it")
        _check(
            self.record in get_args(Record),
            f"record is {self.record!r}; give 'before' or 'after' (the update), or 'none'",
        )
        _check(self.loss in get_args(Loss), f"loss is {self.loss!r}; give one of {', '.join(get_args(Loss))}")


def check_reduction(reduction: str) -> None:
    """Raises ValueError where it is neither "mean" nor "sum"."""
    _check(reduction in get_args(Reduction), f"reduction is {reduction!r}; give 'mean' or 'sum'")


def check_momentum(momentum: float, nesterov: bool) -> None:
    """Raises ValueError where the momentum is outside [0, 1), or 0 although Nesterov's form is asked for."""
    _check(0 <= momentum < 1, f"momentum is {momentum}; give a number from 0 to less than 1")
    _check(
        momentum > 0 or not nesterov,
        f"nesterov is asked for with momentum {momentum}, where it changes nothing; give a momentum too",
    )


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


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
        reduction: Reduction = "mean",
        dtype: str = "float32",
        device: str = "cpu",
    ) -> Evaluation:
        """Logits, losses, objective, gradient, probabilities and classes at one point.

        It is asked for ``loss`` only where that is not "stable".
        """
        ...

    def train(
        self,
        dataset: Dataset,
        start: Parameters,
        *,
        steps: int,
        learning_rate: float,
        batches: Iterable[np.ndarray] | None = None,
        record: Record = "after",
        keep: Collection[int] | None = None,
        l2: float = 0.0,
        reduction: Reduction = "mean",
        dtype: str = "float32",
        device: str = "cpu",
    ) -> History:
        """Plain gradient descent, on all rows or on the rows that ``batches`` names for each step.

        It is asked for ``momentum`` and ``nesterov``, those of ``torch.optim.SGD``, only where the momentum is not 0,
        and for ``loss`` only where that is not "stable".
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
        remedy = "give the name of a module that Python finds from here"
        if isinstance(error, ModuleNotFoundError) and error.name and not f"{name}.".startswith(f"{error.name}."):
            remedy = f"pip install {error.name}, or name only twins that do without"
        raise ValueError(f"the twin {name!r} cannot be imported ({error}); {remedy}") from error
    wanted = [function for function in vars(Twin) if not function.startswith("_")]
    missing = [function for function in wanted if not callable(getattr(module, function, None))]
    if missing:
        raise ValueError(
            f"the twin {name!r} lacks {', '.join(missing)}; give it the functions of logreg_parity.twins.Twin"
        )
    return cast(Twin, module)


@dataclass(frozen=True)
class Program:
    """A twin by its name, in a format, on a device: what a Setting is run by, and the one place that spells it out.

    What not every twin knows it is asked for only where it changes something.
    """

    name: str
    twin: Twin
    dtype: str
    device: str = "cpu"

    def evaluate(self, dataset: Dataset, parameters: Parameters, setting: Setting) -> Evaluation:
        """The objective of a setting at one point. Raises ValueError where the twin has no argument for its loss."""
        words: dict[str, Any] = {"l2": setting.l2, "reduction": setting.reduction, **self._loss(setting)}
        return self._call("evaluate", dataset, parameters, words)

    def train(
        self,
        dataset: Dataset,
        start: Parameters,
        setting: Setting,
        *,
        batches: Iterable[np.ndarray] | None = None,
        keep: Collection[int] | None = None,
    ) -> History:
        """The run that a setting asks for.

        Args:
            dataset: N rows, as the program is to see them.
            start: from where, D features.
            setting: in numbers of the format (``truth.ulp.round_setting``).
            batches: the rows (B,) of every step, those of the setting's batch_size and seed; None for all rows.
            keep: the steps whose points are kept beside the first and the last.

        Raises:
            ValueError: where the twin's ``train`` has no argument for something that is asked of it.
        """
        words = {name: getattr(setting, name) for name in ("steps", "learning_rate", "record", "l2", "reduction")}
        if setting.momentum:
            words |= {"momentum": setting.momentum, "nesterov": setting.nesterov}
        words |= {"batches": batches, "keep": keep, **self._loss(setting)}
        return self._call("train", dataset, start, words)

    @staticmethod
    def _loss(setting: Setting) -> dict[str, str]:
        return {} if setting.loss == "stable" else {"loss": setting.loss}

    def _call(self, what: str, dataset: Dataset, point: Parameters, words: dict[str, Any]) -> Any:
        function = getattr(self.twin, what)
        arguments = inspect.signature(function).parameters.values()
        missing = [word for word in words if word not in {argument.name for argument in arguments}]
        if missing and all(argument.kind is not inspect.Parameter.VAR_KEYWORD for argument in arguments):
            lacks = " and no ".join(missing)
            raise ValueError(f"{self.name}.{what} takes no {lacks}; give it, or ask for a run without")
        return function(dataset, point, **words, dtype=self.dtype, device=self.device)


class OnEngine:
    """A twin whose ``train`` and ``evaluate`` take the engine of that name. ValueError where it has no engines."""

    def __init__(self, name: str, twin: Twin, engine: str):
        if "engine" not in inspect.signature(twin.train).parameters:
            raise ValueError(f"engine is {engine!r}, but {name}.train takes no engine; leave the engine out")
        self._twin: Any = twin
        self._engine = engine
        self.devices = twin.devices

    def versions(self) -> dict[str, str]:
        """What it computes with, and the engine."""
        return {**self._twin.versions(), "engine": self._engine}

    def evaluate(self, *arguments: Any, **options: Any) -> Evaluation:
        """What the twin computes at one point; with the engine, where its ``evaluate`` takes one."""
        own = {"engine": self._engine} if "engine" in inspect.signature(self._twin.evaluate).parameters else {}
        return self._twin.evaluate(*arguments, **options, **own)

    def train(self, *arguments: Any, **options: Any) -> History:
        """The twin's own run, with the engine."""
        return self._twin.train(*arguments, **options, engine=self._engine)
