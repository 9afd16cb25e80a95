"""What a twin is: four functions that speak NumPy. Any module that has them can be judged.

``logreg_torch`` and ``logreg_jax`` are two; ``logreg_parity.truth.reference`` is a third, without a framework; a
user's own module takes the same road and is loaded by its name. A twin may have a fifth, ``fit(dataset, *, l2,
reduction, solver, tolerance, max_iterations, dtype, device, intercept)``, which finds the optimum as a
``data.history.Fit``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from numbers import Integral, Real
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

from .users import OURS, UserError, of_user, place, shortly

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
        check_whole("steps", self.steps, most=sys.maxsize)
        check_learning_rate(self.learning_rate)
        check_momentum(self.momentum, self.nesterov)
        if self.batch_size is not None:
            check_whole("batch_size", self.batch_size)
        check_seed(self.seed)
        check_objective(self.l2, self.reduction, self.loss)
        for name in ("learning_rate", "momentum", "l2"):  # a whole number may be too large for a framework as such
            object.__setattr__(self, name, float(getattr(self, name)))
        check_name("record", self.record, get_args(Record), "give 'before' or 'after' (the update), or 'none'")


def check_objective(l2: float, reduction: str, loss: str = "stable") -> None:
    """Raises ValueError for a penalty that is negative or not finite, and for a reduction or a loss there is not."""
    check_reduction(reduction)
    check_number("l2", l2, lambda value: 0 <= value < inf, "give 0 or a number above it")
    check_name("loss", loss, get_args(Loss), f"give one of {', '.join(get_args(Loss))}")


def check_reduction(reduction: str) -> None:
    """Raises ValueError where it is neither "mean" nor "sum"."""
    check_name("reduction", reduction, get_args(Reduction), "give 'mean' or 'sum'")


def check_learning_rate(learning_rate: float) -> None:
    """Raises ValueError where it is not above 0, or not finite."""
    check_number("learning_rate", learning_rate, lambda value: 0 < value < inf, "give a number above 0")


def check_momentum(momentum: float, nesterov: bool) -> None:
    """Raises ValueError where the momentum is outside [0, 1), or 0 although Nesterov's form is asked for."""
    check_number("momentum", momentum, lambda value: 0 <= value < 1, "give a number from 0 to less than 1")
    check_flag("nesterov", nesterov)
    if nesterov and momentum == 0:
        raise ValueError(
            f"nesterov is asked for with momentum {momentum}, where it changes nothing; give a momentum too"
        )


def check_seed(seed: int) -> None:
    """Raises ValueError where it is none of ``numpy.random.RandomState``."""
    check_whole("seed", seed, 0, 2**32 - 1)


def check_whole(name: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Raises ValueError where a value is no whole number, or outside of its range; True and 2.0 are none."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{name} is {shortly(value)}; give a whole number")
    if int(value) < least:
        raise ValueError(f"{name} is {value}; give at least {least}")
    if most is not None and int(value) > most:
        raise ValueError(f"{name} is {value}; give at most {most}")


def check_number(name: str, value: Any, holds: Callable[[float], bool], remedy: str) -> None:
    """Raises ValueError where a value is no number that float64 holds, or does not have the property."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ValueError(f"{name} is {shortly(value)}; {remedy}")
    with suppress(OverflowError):  # a whole number beyond float64
        if holds(float(value)) and float(value) == value:
            return
        if holds(float(value)):
            raise ValueError(
                f"{name} is {value}, which float64 would round to {float(value)}; give that, if it is meant"
            )
    raise ValueError(f"{name} is {shortly(value)}; {remedy}")


def check_flag(name: str, value: Any) -> None:
    """Raises ValueError where a value is neither True nor False, Python's or NumPy's."""
    if type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"{name} is {shortly(value)}; give True or False")


def check_name(name: str, value: Any, choices: Collection[str], remedy: str) -> None:
    """Raises ValueError where a value is none of these words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {shortly(value)}; {remedy}")


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
    """The module of that name: every import by name in the stem is made here.

    What Python does not find is looked for in the working folder too, where a console script does not look.

    Raises:
        ImportError: where it is not found, or something that it imports.
        UserError: where a module that is not ours raises something else.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take the GPU's memory for itself
    root = name.partition(".")[0]
    if root in OURS:
        return importlib.import_module(name)
    with of_user(f"the module {name!r}", passing=(ImportError,)):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != root or not _with_working_folder():
                raise
        return importlib.import_module(name)


def _with_working_folder() -> bool:
    """Whether the working folder is now at the end of Python's path and was not on it before."""
    with suppress(FileNotFoundError):  # the folder may be gone
        if (here := os.getcwd()) not in sys.path:
            sys.path.append(here)
            return True
    return False


def load_part(twin: str, part: str) -> ModuleType:
    """A module within a twin, such as "bridge.probes" of "logreg_torch". Raises ImportError where it has none."""
    return load(f"{twin}.{part}")


def load_twin(name: str) -> Twin:
    """The twin of that module name; of a module that is not ours, one that says whose fault a crash is.

    Raises:
        ValueError: where it cannot be imported or lacks a function.
        UserError: where the module, and later where one of its functions, fails.
    """
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"the twin {name!r} is no name of a module; give one like my_model, for my_model.py")
    try:
        module = load(name)
    except ImportError as error:
        remedy = "give the name of a module that Python finds from here"
        if isinstance(error, ModuleNotFoundError) and error.name and not f"{name}.".startswith(f"{error.name}."):
            remedy = f"pip install {error.name}, or name only twins that do without"
        elif not isinstance(error, ModuleNotFoundError):
            remedy = "mend it there"
        where = "" if name.partition(".")[0] in OURS else place(error)
        raise ValueError(f"the twin {name!r} cannot be imported{where} ({error}); {remedy}") from error
    wanted = [function for function in vars(Twin) if not function.startswith("_")]
    missing = [function for function in wanted if not callable(getattr(module, function, None))]
    if missing:
        raise ValueError(
            f"the twin {name!r} lacks {', '.join(missing)}; give it the functions of logreg_parity.twins.Twin"
        )
    if name.partition(".")[0] in OURS:
        return cast(Twin, module)
    functions = {what: getattr(module, what) for what in (*wanted, "fit", "infer") if hasattr(module, what)}
    blamed = {what: _blamed(f"{name}.{what}", function, module.__file__) for what, function in functions.items()}
    return cast(Twin, SimpleNamespace(__name__=name, **blamed))


def _blamed(what: str, function: Callable, file: str | None) -> Callable:
    """A user's function, with the same signature; what it raises is a UserError."""

    @functools.wraps(function)
    def called(*arguments: Any, **words: Any) -> Any:
        with of_user(what, file=file):
            answer = function(*arguments, **words)
        if what.endswith(".devices") and (not _is_words(answer) or not answer):
            raise UserError(f"{what} returned {shortly(answer)}; return the names of devices, as ('cpu',)")
        if what.endswith(".versions") and not (isinstance(answer, dict) and _is_words([*answer, *answer.values()])):
            raise UserError(f"{what} returned {shortly(answer)}; return a dict of texts, as {{'numpy': '2.0'}}")
        return answer

    return called


def _is_words(values: Any) -> bool:
    return isinstance(values, list | tuple | set | frozenset) and all(isinstance(value, str) for value in values)


@dataclass(frozen=True)
class Program:
    """A twin by its name, in a format, on a device: what a Setting is run by, and the one place that spells it out.

    What not every twin knows it is asked for only where it changes something. What it answers is looked at: arrays of
    numbers in the shapes of ``data.history.Evaluation`` and ``History``, or a UserError says what is wrong with it.
    """

    name: str
    twin: Twin
    dtype: str
    device: str = "cpu"

    def evaluate(self, dataset: Dataset, parameters: Parameters, setting: Setting) -> Evaluation:
        """The objective of a setting at one point.

        Raises:
            ValueError: where the twin has no argument for its loss.
            UserError: where the answer is none.
        """
        words: dict[str, Any] = {"l2": setting.l2, "reduction": setting.reduction, **self._loss(setting)}
        answer = self._call("evaluate", dataset, parameters, words)
        n, d = dataset.X.shape
        rows = dict.fromkeys(("logits", "losses", "probabilities", "classes"), (n,))
        shapes = {**rows, "objective": (), "gradient.weight": (d,), "gradient.bias": ()}
        _check_answer(f"{self.name}.evaluate", answer, shapes, "Evaluation")
        return answer

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
            UserError: where the answer is none.
        """
        words = {name: getattr(setting, name) for name in ("steps", "learning_rate", "record", "l2", "reduction")}
        if setting.momentum:
            words |= {"momentum": setting.momentum, "nesterov": setting.nesterov}
        words |= {"batches": batches, "keep": keep, **self._loss(setting)}
        answer = self._call("train", dataset, start, words)
        _check_history(f"{self.name}.train", answer, dataset.X.shape[1], setting, keep)
        return answer

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


def _check_history(what: str, answer: Any, d: int, setting: Setting, keep: Collection[int] | None) -> None:
    """Raises UserError where a History does not have the shapes of its run of D features, or lacks points asked for."""
    steps = _numbers(what, answer, "steps", "History")
    rising = steps.dtype.kind in "iu" and steps.ndim == 1 and len(steps) > 1 and steps[0] == 0
    if not rising or (steps[1:] <= steps[:-1]).any() or steps[-1] > setting.steps:
        raise UserError(f"{what}: steps is {shortly(steps)}; it must rise from 0 to {setting.steps} at most")
    kept, last = len(steps), int(steps[-1])
    losses = (0,) if setting.record == "none" else (last,)
    _check_answer(what, answer, {"losses": losses, "weights": (kept, d), "biases": (kept,)}, "History")
    if last < setting.steps and not isinstance(getattr(answer, "stop_reason", None), str):
        raise UserError(f"{what} took {last} of {setting.steps} steps; take all, or say why not in stop_reason")
    lost = {step for step in keep or () if 0 <= step <= last}.difference(steps.tolist())
    if lost:
        raise UserError(f"{what} did not keep the point of step {min(lost)}, which was asked for; keep it")


def _check_answer(what: str, answer: Any, shapes: dict[str, tuple[int, ...]], kind: str) -> None:
    """Raises UserError where a field of an answer is missing, holds no numbers, or has another shape."""
    for field, wanted in shapes.items():
        came = _numbers(what, answer, field, kind).shape
        if came != wanted:
            raise UserError(f"{what}: {field} has shape {came}; it must be {wanted}")


def _numbers(what: str, answer: Any, field: str, kind: str) -> np.ndarray:
    import numpy as np  # late: what only reads a Setting does without

    value = answer
    for name in field.split("."):
        if not hasattr(value, name):
            raise UserError(
                f"{what} returned {shortly(answer)}, without {field}; return a logreg_parity.data.history.{kind}"
            )
        value = getattr(value, name)
    with of_user(f"{what}: {field}"):
        array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{what}: {field} holds {array.dtype} values; it must be real numbers")
    return array


class OnEngine:
    """A twin whose ``train`` and ``evaluate`` take the engine of that name. ValueError where it has no engines."""

    def __init__(self, name: str, twin: Twin, engine: str):
        if "engine" not in inspect.signature(twin.train).parameters:
            raise ValueError(f"engine is {engine!r}, but {name}.train takes no engine; leave the engine out")
        self.__name__, self._engine = name, engine
        self._twin: Any = twin
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
