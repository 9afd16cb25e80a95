"""Somebody else's model and loss, asked for numbers: what ``logreg_parity.check`` needs of JAX.

Read beside ``logreg_torch/foreign.py``. A model is a pytree of parameters, its loss ``loss(params, batch)``, compiled
with ``jax.jit`` where it can be. Points and directions are dicts of NumPy arrays by name: "layers.0.w".
"""

from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path, tree_structure, tree_unflatten

from logreg_parity.data.arrays import Unfit, map_arrays

from .convert import arithmetic, find_device, from_numpy, to_numpy, versions

SIDE = "JAX"


def point_of(model):
    """The parameters by name, in NumPy. Raises Unfit where the model is none.

    A ``jax.ShapeDtypeStruct`` is a shape without values: a masked array.
    """
    leaves = {keystr(path, simple=True, separator="."): leaf for path, leaf in tree_flatten_with_path(model)[0]}
    if not leaves:
        raise Unfit(f"the JAX parameters are a {type(model).__name__} without arrays; give the tree the loss takes")
    return {name: _values(leaf) for name, leaf in leaves.items()}


def restless(model):
    """The parts that compute otherwise in training, and are in training now."""
    return []  # a function has no mode


class Foreign:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model, loss, batch, *, dtype, device):
        self.dtype, self.device, self.make = dtype, device, batch
        self.tree, self.names, self.loss = tree_structure(model), list(point_of(model)), loss
        self._gradient = _Compiled(jax.value_and_grad(self._value))
        self._slope = _Compiled(lambda p, data, v: jax.jvp(lambda p: self._value(p, data), (p,), (v,))[1])
        self._product = _Compiled(jax.grad(lambda p, data, v: _dot(jax.grad(self._value)(p, data), v)))

    def loss_twice(self, point, batch):
        """The loss, two times from the same start: the same, unless chance has a part in it."""
        with self._settings():
            parameters, data = self._parameters(point), self._data(batch)
            again = _Compiled(lambda parameters, data: self._value(parameters, data))  # traced anew
            return [to_numpy(value).item() for value in (self._gradient(parameters, data)[0], again(parameters, data))]

    def value_and_grad(self, point, batch):
        """The loss and its gradient at a point."""
        with self._settings():
            value, gradient = self._gradient(self._parameters(point), self._data(batch))
            return to_numpy(value), self._numpy(gradient)

    def slope(self, point, batch, direction):
        """The derivative of the loss along a direction, by forward mode."""
        with self._settings():
            return to_numpy(self._slope(self._parameters(point), self._data(batch), self._parameters(direction)))

    def hessian_vector_product(self, point, batch, direction):
        """The derivative of the gradient along a direction, by reverse mode twice."""
        with self._settings():
            point, direction = self._parameters(point), self._parameters(direction)
            return self._numpy(self._product(point, self._data(batch), direction))

    def walk(self, point, batch, *, rate, steps):
        """The points after each of so many steps down the gradient."""
        with self._settings():
            points, here, data = [], self._parameters(point), self._data(batch)
            for _ in range(steps):
                _, gradient = self._gradient(here, data)
                here = _descended(here, gradient, rate)
                points.append(self._numpy(here))
            return points

    def _value(self, parameters, data):
        arrays = iter(data)
        batch = map_arrays(lambda name, array: next(arrays), self.make)
        value = self.loss(tree_unflatten(self.tree, [parameters[name] for name in self.names]), batch)
        if not isinstance(value, jax.Array) or value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise Unfit(f"the JAX loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def _data(self, batch):
        arrays = []
        map_arrays(lambda name, array: arrays.append(self._array(array)), batch)
        return arrays

    def _array(self, array):
        if array.dtype.kind == "f":
            return from_numpy(array, self.dtype, self.device)
        return jax.device_put(array, find_device(self.device))

    def _parameters(self, point):
        return {name: from_numpy(array, self.dtype, self.device) for name, array in point.items()}

    def _numpy(self, arrays):
        return {name: to_numpy(array).astype(np.float64) for name, array in arrays.items()}

    @contextmanager
    def _settings(self):
        with arithmetic(self.dtype), jax.default_device(find_device(self.device)):
            yield


class _Compiled:
    """A function compiled; as it is where it looks at numbers in a way that compiling does not allow."""

    def __init__(self, function):
        self.plain, self.fast = function, jax.jit(function)

    def __call__(self, *arguments):
        try:
            return self.fast(*arguments)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            self.fast = self.plain
            return self.plain(*arguments)


@jax.jit
def _descended(here, gradient, rate):
    return {name: here[name] - rate * gradient[name] for name in here}


def _dot(a, b):
    return sum((a[name] * b[name]).sum() for name in a)


def _values(leaf):
    """The leaf's values, where it has any."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return np.ma.masked_all(leaf.shape)
    return to_numpy(np.asarray(leaf))
