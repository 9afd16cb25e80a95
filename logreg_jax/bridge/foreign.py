"""Somebody else's model and loss asked for numbers: what ``logreg_parity.ports`` needs of JAX.

Read beside ``logreg_torch/bridge/foreign.py``. A model is a pytree of parameters, its loss ``loss(params, batch)``; the
names of the parameters are their paths: "layers.0.w". Points, gradients and directions are dicts of NumPy arrays by
parameter name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import keystr, tree_flatten_with_path, tree_structure, tree_unflatten

from logreg_parity.ports.arrays import UnfitError, map_arrays

from ..convert import arithmetic, find_device, from_numpy, to_numpy, versions

__all__ = ["Foreign", "point_of", "restless", "versions"]

Point = dict[str, np.ndarray]
Named = dict[str, Array]


def point_of(model: Any) -> Point:
    """The parameters by name, in NumPy. Raises UnfitError where the model is none.

    A ``jax.ShapeDtypeStruct`` is a shape without values: a masked array.
    """
    leaves = {keystr(path, simple=True, separator="."): leaf for path, leaf in tree_flatten_with_path(model)[0]}
    if not leaves:
        raise UnfitError(
            f"the JAX parameters are a {type(model).__name__} without arrays; give the tree the loss takes"
        )
    return {name: _values(leaf) for name, leaf in leaves.items()}


def restless(model: Any) -> list[str]:
    """The parts that compute otherwise in training, and are in training now."""
    return []  # a function has no mode


class Foreign:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model: Any, loss: Callable, batch: Any, *, dtype: str, device: str):
        self._loss_of, self._make, self._dtype, self._device = loss, batch, dtype, device
        self._tree, self._names = tree_structure(model), list(point_of(model))
        self._gradient = _Compiled(jax.value_and_grad(self._loss))
        self._slope = _Compiled(lambda p, data, v: jax.jvp(lambda p: self._loss(p, data), (p,), (v,))[1])
        self._product = _Compiled(jax.grad(lambda p, data, v: _dot(jax.grad(self._loss)(p, data), v)))

    def loss_twice(self, point: Point, batch: Any) -> list[float]:
        """The loss, two times from the same start: the same, unless chance has a part in it.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        with self._settings():
            parameters, data = self._leaves(point), self._data(batch)
            again = _Compiled(lambda parameters, data: self._loss(parameters, data))  # traced anew
            return [value.item() for value in (self._gradient(parameters, data)[0], again(parameters, data))]

    def value_and_grad(self, point: Point, batch: Any) -> tuple[np.ndarray, Point]:
        """The loss () and its gradient at a point. Raises UnfitError where the loss is not one real number.

        Args:
            point: the parameters by name.
            batch: arrays of the make that the object was built for.

        Returns:
            A number () and, by name, arrays in the shapes of the parameters.

        Raises:
            UnfitError: where the loss is not one real number.
        """
        with self._settings():
            value, gradient = self._gradient(self._leaves(point), self._data(batch))
            return to_numpy(value), _numpy(gradient)

    def slope(self, point: Point, batch: Any, direction: Point) -> np.ndarray:
        """The derivative () of the loss along a direction, by forward mode.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings():
            return to_numpy(self._slope(self._leaves(point), self._data(batch), self._leaves(direction)))

    def hessian_vector_product(self, point: Point, batch: Any, direction: Point) -> Point:
        """The derivative of the gradient along a direction, by reverse mode twice.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings():
            return _numpy(self._product(self._leaves(point), self._data(batch), self._leaves(direction)))

    def walk(self, point: Point, batch: Any, *, rate: float, steps: int) -> list[Point]:
        """The points after each of so many steps down the gradient.

        Args:
            point: where to begin.
            batch: the same at every step.
            rate: the step size.
            steps: how many.
        """
        with self._settings():
            points, here, data = [], self._leaves(point), self._data(batch)
            for _ in range(steps):
                _, gradient = self._gradient(here, data)
                here = _descended(here, gradient, rate)
                points.append(_numpy(here))
            return points

    def _loss(self, parameters: Named, data: list[Array]) -> Array:
        arrays = iter(data)
        batch = map_arrays(lambda name, array: next(arrays), self._make)
        value = self._loss_of(tree_unflatten(self._tree, [parameters[name] for name in self._names]), batch)
        if not isinstance(value, Array) or value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise UnfitError(f"the JAX loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def _leaves(self, point: Point) -> Named:
        """The parameters, ready to be differentiated by."""
        return {name: from_numpy(array, self._dtype, self._device) for name, array in point.items()}

    def _data(self, batch: Any) -> list[Array]:
        """The arrays of the batch, floats in the dtype."""
        arrays: list[Array] = []

        def put(name: str, array: np.ndarray) -> None:
            if array.dtype.kind == "f":
                arrays.append(from_numpy(array, self._dtype, self._device))
            else:
                arrays.append(jax.device_put(array, find_device(self._device)))

        map_arrays(put, batch)
        return arrays

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """The arithmetic of a call, on the device."""
        with arithmetic(self._dtype), jax.default_device(find_device(self._device)):
            yield


class _Compiled:
    """A function compiled; as it is where it looks at numbers in a way that compiling does not allow."""

    def __init__(self, function: Callable):
        self.plain, self.fast = function, cast(Callable, jax.jit(function))

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self.fast(*arguments)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            self.fast = self.plain
            return self.plain(*arguments)


@jax.jit
def _descended(here: Named, gradient: Named, rate: float) -> Named:
    return {name: here[name] - rate * gradient[name] for name in here}


def _dot(a: Named, b: Named) -> Array:
    return reduce(add, ((a[name] * b[name]).sum() for name in a))


def _numpy(arrays: Named) -> Point:
    return {name: to_numpy(array).astype(np.float64) for name, array in arrays.items()}


def _values(leaf: Any) -> np.ndarray:
    """The leaf's values, where it has any."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return np.ma.masked_all(leaf.shape)
    array: Any = np.asarray(leaf)
    return to_numpy(array)
