"""A learner's function, whatever it is written in: which framework it speaks, NumPy in and NumPy out.

Neither framework is imported here: each twin is loaded by name, and only for a function that speaks its language.
"""

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from ..truth import reference
from ..twins import load_part
from .allowed import DTYPE

TWINS = {"torch": "logreg_torch", "jax": "logreg_jax"}
NAMES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}
FAMILY = {"jaxlib": "jax", "optax": "jax", "flax": "jax", "equinox": "jax", "torchmetrics": "torch"}
"""Packages that speak a framework's language."""
METHODS = {
    "torch": {"torch", "clone", "detach", "backward", "requires_grad_", "numpy", "unsqueeze", "reciprocal", "add_"},
    "jax": {"jax", "jnp", "at", "block_until_ready"},
}
"""What arrays of a framework can do and NumPy's cannot: a hint where a function names no framework."""


class NumPy:
    """NumPy's side of the exercises, with the names of a twin's ``classroom``; it has no derivatives of its own."""

    def float64(self) -> AbstractContextManager[None]:
        """Arrays keep their dtype; what overflows is the grader's to see."""
        return np.errstate(all="ignore")

    def from_numpy(self, array: np.ndarray, dtype: str, device: str) -> np.ndarray:
        return np.array(array, dtype=dtype)

    def logistic_model(self, theta: Any, x: np.ndarray) -> np.ndarray:
        return reference.sigmoid(theta["w"] * x + theta["b"])

    def logistic_loss(self, params: Any, model: Callable, x: np.ndarray, y: np.ndarray) -> Any:
        p = model(params, x)
        return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def speak(name: str) -> Any:
    """The side of that name: NumPy's, or the classroom of a twin."""
    return NumPy() if name == "numpy" else load_part(TWINS[name], "bridge.classroom")


def name_of(side: Any) -> str:
    """What people call it."""
    return NAMES["numpy"] if isinstance(side, NumPy) else next(NAMES[k] for k, v in TWINS.items() if v in side.__name__)


def place(side: Any, value: Any) -> Any:
    """A NumPy argument as that side has it; dicts and tuples part by part, plain numbers and functions as they are."""
    if isinstance(value, dict):
        return {key: place(side, part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(place(side, part) for part in value)
    return side.from_numpy(value, DTYPE, "cpu") if isinstance(value, np.ndarray) else value


def take(value: Any) -> Any:
    """What a function returned, in NumPy; dicts and tuples part by part, a list of numbers as an array."""
    if isinstance(value, dict):
        return {key: take(part) for key, part in value.items()}
    if isinstance(value, list):
        return np.array([take(part) for part in value])
    if isinstance(value, tuple):
        return tuple(take(part) for part in value)
    root = _root(type(value).__module__)
    if root in TWINS:
        return load_part(TWINS[root], "convert").to_numpy(value)
    return np.asarray(value)


def languages(function: Any) -> list[str]:
    """The framework whose name a function uses, itself or in what it calls.

    All there are, to be tried, the likeliest first, if it uses none.

    Raises ValueError where it uses both.
    """
    found = _roots(function, set())
    if found >= set(TWINS):
        raise ValueError("the function uses both PyTorch and JAX; give one that speaks one of them")
    named = [name for name in (*TWINS, "numpy") if name in found]
    likeliest = sorted(NAMES, key=lambda name: -len(METHODS.get(name, set()) & _names(function)))
    return named[:1] or list(filter(find_spec, likeliest))


def _roots(thing: Any, seen: set[int]) -> set[str]:
    """The frameworks met on the way through a function's globals, closure and wrapped function."""
    if id(thing) in seen:
        return set()
    seen.add(id(thing))
    home = getattr(thing, "__globals__", {}).get("__name__", "")
    module = thing.__name__ if isinstance(thing, ModuleType) else type(thing).__module__
    own = getattr(thing, "__module__", None)
    found = {_root(name) for name in (home, module, own) if isinstance(name, str)} & set(NAMES)
    if found or isinstance(thing, ModuleType):
        return found
    imported = {_root(name) for name in _names(thing) if "." in name or name in TWINS} & set(NAMES)  # in its own lines
    return imported.union(*(_roots(part, seen) for part in parts_of(thing)))


def _names(function: Any) -> set[str]:
    """Every name in its code."""
    plain = inspect.unwrap(function) if callable(function) else function
    return _code_names(plain.__code__) if inspect.isfunction(plain) else set()


def parts_of(thing: Any) -> list[Any]:
    """What a function or a callable object reaches: what it wraps, holds in its closure, or names among its globals."""
    if isinstance(thing, functools.partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    function = inspect.unwrap(thing) if callable(thing) else thing
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return [type(function).__call__] if callable(function) else []  # an object with a method for it
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    known = function.__globals__
    return cells + [known[name] for name in _code_names(function.__code__) if name in known]


def _code_names(code: CodeType) -> set[str]:
    inner = (_code_names(part) for part in code.co_consts if inspect.iscode(part))
    return set(code.co_names).union(*inner)


def _root(name: str) -> str:
    root = name.split(".")[0]
    return FAMILY.get(root, root)
