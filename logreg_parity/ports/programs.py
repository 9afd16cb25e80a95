"""What can be held against what: a program of PyTorch, JAX or NumPy, with its parameters.

``as_program`` reads what a user gives; ``PlainProgram`` is to NumPy what ``bridge.foreign.Foreign`` is to a framework.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .arrays import UnfitError, map_arrays, projection
from .mapping import Point
from .sides import load_foreign

Framework = Literal["PyTorch", "JAX", "NumPy"]


@dataclass(frozen=True)
class ForeignProgram:
    """One program for ``check``.

    Args:
        model: a ``torch.nn.Module``; for JAX and NumPy the tree of parameters, or None where the mapping makes it.
        loss: ``loss(model, batch)``, one real number or any tree of outputs; None where ``model(batch)`` is it.
        framework: "PyTorch", "JAX" or "NumPy".
        name: what the report calls it; by itself the framework, and which of the two where both are of one.
        device: "cpu" or "cuda"; by itself that of the check.
    """

    model: Any
    loss: Callable[[Any, Any], Any] | None = None
    framework: Framework = "PyTorch"
    name: str = ""
    device: str | None = None

    @property
    def foreign(self) -> Any:
        """What asks the framework. Raises UnfitError where it is not there."""
        return Plain if self.framework == "NumPy" else load_foreign(self.framework)


def as_program(given: Any, which: str) -> ForeignProgram:
    """What a user gave, read: a module, a function, (module, loss), (function, tree) or a ForeignProgram.

    Args:
        given: the program; a function is one of JAX.
        which: "first" or "second", for messages.

    Raises:
        UnfitError: where it is none of these.
    """
    if isinstance(given, ForeignProgram):
        return given
    one, two = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if hasattr(one, "named_parameters"):
        return ForeignProgram(one, two)
    if callable(one):
        return ForeignProgram(two, one, "JAX")
    raise UnfitError(
        f"the {which} program is a {type(one).__name__}; give a torch.nn.Module, a JAX function of (params, batch), "
        f"(module, loss), (function, params) or a logreg_parity.ForeignProgram"
    )


def with_names(one: ForeignProgram, two: ForeignProgram) -> tuple[ForeignProgram, ForeignProgram]:
    """The programs, each with a name of its own."""
    names: list[str] = [one.name or one.framework, two.name or two.framework]
    if names[0] == names[1]:
        names = [f"{names[0]} A", f"{names[1]} B"]
    return replace(one, name=names[0]), replace(two, name=names[1])


class PlainProgram:
    """A NumPy function in one dtype: it has outputs, and no derivatives."""

    def __init__(
        self,
        model: Any,
        loss: Callable,
        batch: Any,
        *,
        dtype: str,
        device: str,
        state: Point | None = None,
        narrow: str = "float32",
    ):
        if narrow != "float32":
            raise UnfitError(f"NumPy has no {narrow}, the format of the other program's parameters; give float32 ones")
        self._tree, self._loss, self._dtype, self.project = model, loss, np.dtype(dtype), False
        self._state, self.notes = state or {}, list[str]()

    def loss_twice(self, point: Point, batch: Any) -> list[float]:
        """The loss, two times."""
        return [float(self.value_and_grad(point, batch)[0]) for _ in range(2)]

    def outputs(self, point: Point, batch: Any) -> Point:
        """All real numbers that the function gives, by their place in it."""
        given: Any = self._loss(self._filled(point), map_arrays(self._cast, batch))
        found: Point = {}

        def keep(name: str, array: Any) -> None:
            array = np.asarray(array)
            if array.dtype.kind == "f":
                found[name] = array.astype(np.float64)

        map_arrays(keep, np.asarray(given) if isinstance(given, float) else given, "")
        return found

    def state_after(self, point: Point, batch: Any) -> Point:
        """Nothing."""
        return {}

    def value_and_grad(self, point: Point, batch: Any) -> tuple[np.ndarray, Point]:
        """The loss (), and no gradient. Raises UnfitError where the loss is not one real number."""
        outputs = list(self.outputs(point, batch).values())
        if self.project:
            return np.asarray(sum((out * projection(k, out.shape)).sum() for k, out in enumerate(outputs))), {}
        if len(outputs) != 1 or outputs[0].shape:
            raise UnfitError(f"the NumPy loss has shapes {[out.shape for out in outputs]}; return one real number")
        return outputs[0], {}

    def slope(self, point: Point, batch: Any, direction: Point) -> np.ndarray:
        """None. Raises NotImplementedError."""
        raise NotImplementedError("NumPy has no derivatives")

    def hessian_vector_product(self, point: Point, batch: Any, direction: Point) -> Point:
        """None. Raises NotImplementedError."""
        raise NotImplementedError("NumPy has no derivatives")

    def _cast(self, name: str, array: np.ndarray) -> np.ndarray:
        return array.astype(self._dtype) if array.dtype.kind == "f" else array

    def _filled(self, point: Point) -> Any:
        leaves = {**self._state, **point}
        return _fill(self._tree, lambda name, _: leaves[name].astype(self._dtype))


class Plain:
    """NumPy in the place of a framework's bridge: a tree of arrays, its leaves named by their paths."""

    Foreign = PlainProgram
    COMPILES = False

    @staticmethod
    def point_of(model: Any) -> Point:
        """The arrays by their path."""
        found: Point = {}
        _fill(model, lambda name, array: found.setdefault(name, np.asarray(array)))
        return found

    @staticmethod
    def state_of(model: Any) -> Point:
        """Nothing."""
        return {}

    @staticmethod
    def restless(model: Any) -> list[str]:
        """Nothing."""
        return []

    @staticmethod
    def tied(model: Any) -> dict[str, str]:
        """Nothing."""
        return {}

    @staticmethod
    def formats_of(model: Any) -> list[str]:
        """The formats of the arrays, by name."""
        found: list[str] = []
        _fill(model, lambda name, array: found.append(np.asarray(array).dtype.name))
        return found

    @staticmethod
    def versions() -> dict[str, str]:
        """NumPy's version."""
        return {"numpy": np.__version__}


def _fill(tree: Any, leaf: Callable[[str, Any], Any], path: str = "") -> Any:
    """The same dicts, lists and tuples with leaf(path, array) in the place of every array."""
    if isinstance(tree, dict):
        return {key: _fill(item, leaf, f"{path}.{key}".lstrip(".")) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        items = [_fill(item, leaf, f"{path}.{k}".lstrip(".")) for k, item in enumerate(tree)]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return leaf(path, tree)
