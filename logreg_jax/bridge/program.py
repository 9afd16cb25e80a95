"""Somebody else's program: what it takes, what it gives and what it leaves behind.

Read beside ``logreg_torch/bridge/program.py``. A model is a pytree of parameters, its loss ``loss(params, batch)`` or
``(loss, state)``; the names of the parameters are their paths: "layers.0.w". Points are dicts of NumPy arrays by
parameter name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import keystr, tree_flatten_with_path, tree_structure, tree_unflatten

from logreg_parity.ports.arrays import UnfitError, arrays_in, map_arrays, projection

from ..convert import arithmetic, find_device, find_dtype, from_numpy
from .closed_over import as_if_cast
from .compiler import _SMALL, _Compiled, _Traced
from .parameters import Point, _is_parameter, _leaves_of, point_of

Named = dict[str, Array]


class Program:
    """A model and its loss in one dtype, on one device, on batches of one make; with the state that is given."""

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
        self._loss_of, self._make, self._dtype, self._device = loss, batch, dtype, device
        self._tree, self._all = tree_structure(model), _leaves_of(model)
        self._size = sum(leaf.size for leaf in point_of(model).values())
        shapes = [name for name, x in self._all.items() if not _is_parameter(x) and isinstance(x, jax.ShapeDtypeStruct)]
        if shapes:
            raise UnfitError(f"the JAX {', '.join(shapes)} are no parameters, and shapes alone; give their values")
        self._state, self.notes = state or {}, list[str]()
        self._given = as_if_cast(self._run, dtype, self.notes, narrow)
        self._outputs = _Compiled(self._given, self._size <= _SMALL)
        self._again = _Traced(self._given)
        self.traced: Any = None  # what ``recording._begun`` has begun
        self.project = False  # the loss is the sum of all outputs, each times a number of its own

    def outputs(self, point: Point, batch: Any) -> Point:
        """All numbers that the program gives, by their place in it; one of them, with no name, is a loss.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        with self._settings():
            return _numpy(_floats(_split(self._outputs(self._leaves(point), self._data(batch)))[0]))

    def state_after(self, point: Point, batch: Any) -> Point:
        """The state that a pass leaves behind, where it is not what it was before, by name.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        with self._settings():
            return _numpy(_floats(_split(self._outputs(self._leaves(point), self._data(batch)))[1]))

    def _loss(self, parameters: Named, data: list[Array]) -> Array:
        value, _ = _split(self._again(parameters, data))
        if self.project:
            given = enumerate(_floats(value).values())
            factors = ((out, from_numpy(projection(k, out.shape), self._dtype, self._device)) for k, out in given)
            return reduce(add, ((out.astype(factor.dtype) * factor).sum() for out, factor in factors))
        if not _is_loss(value):
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise UnfitError(f"the JAX loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def _run(self, parameters: Named, data: list[Array]) -> Any:
        """What the function returns."""
        state = {name: from_numpy(array, self._dtype, self._device) for name, array in self._state.items()}
        arrays, leaves = iter(data), state | parameters
        batch = map_arrays(lambda name, array: next(arrays), self._make)
        whole = [leaves.get(name, own) for name, own in self._all.items()]
        return self._loss_of(tree_unflatten(self._tree, whole), batch)

    def _leaves(self, point: Point) -> Any:
        """The parameters in the dtype; what is compiled takes them to the device."""
        return {name: array.astype(find_dtype(self._dtype)) for name, array in point.items()}

    def _data(self, batch: Any) -> Any:
        """The arrays of the batch, floats in the dtype."""
        arrays = (array for _, array in arrays_in(batch))
        return [array.astype(find_dtype(self._dtype)) if array.dtype.kind == "f" else array for array in arrays]

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """The arithmetic of a call, on the device."""
        with arithmetic(self._dtype), jax.default_device(find_device(self._device)):
            yield


def _is_loss(value: Any) -> bool:
    return isinstance(value, Array) and value.shape == () and bool(jnp.issubdtype(value.dtype, jnp.floating))


def _split(given: Any) -> tuple[Any, Any]:
    """What a function gives, and the state after it, where it returns (loss, state)."""
    pair = isinstance(given, tuple) and len(given) == 2 and _is_loss(given[0])
    return given if pair else (given, {})


def _floats(given: Any) -> Named:
    """The real numbers in what a program gives, by their place."""
    leaves = ((keystr(path, simple=True, separator="."), leaf) for path, leaf in tree_flatten_with_path(given)[0])
    return {name: leaf for name, leaf in leaves if isinstance(leaf, Array) and jnp.issubdtype(leaf.dtype, jnp.floating)}


def _numpy(arrays: Named) -> Point:
    """As float64, which a large one that has just been made is without a copy."""
    return {name: np.asarray(array).astype(np.float64, copy=False) for name, array in arrays.items()}
