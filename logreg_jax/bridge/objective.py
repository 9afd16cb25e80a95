"""Somebody else's model and loss as one function of parameters and data.

Read beside ``logreg_torch/bridge/objective.py``; ``foreign.py`` differentiates it. A model is a pytree of parameters,
its loss ``loss(params, batch)``. The names of the parameters are their paths: "layers.0.w".
"""

from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path, tree_structure, tree_unflatten

from logreg_parity.ports.arrays import UnfitError, map_arrays

from ..convert import arithmetic, find_device, from_numpy, to_numpy


def point_of(model):
    """The parameters by name, in NumPy. Raises UnfitError where the model is none.

    A ``jax.ShapeDtypeStruct`` is a shape without values: a masked array.
    """
    leaves = {keystr(path, simple=True, separator="."): leaf for path, leaf in tree_flatten_with_path(model)[0]}
    if not leaves:
        raise UnfitError(
            f"the JAX parameters are a {type(model).__name__} without arrays; give the tree the loss takes"
        )
    return {name: _values(leaf) for name, leaf in leaves.items()}


def restless(model):
    """The parts that compute otherwise in training, and are in training now."""
    return []  # a function has no mode


class Objective:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model, loss, batch, *, dtype, device):
        self.dtype, self.device, self.make = dtype, device, batch
        self.tree, self.names, self.loss = tree_structure(model), list(point_of(model)), loss

    def __call__(self, parameters, data):
        """The loss. Raises UnfitError where it is not one real number."""
        arrays = iter(data)
        batch = map_arrays(lambda name, array: next(arrays), self.make)
        value = self.loss(tree_unflatten(self.tree, [parameters[name] for name in self.names]), batch)
        if not isinstance(value, jax.Array) or value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise UnfitError(f"the JAX loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def point(self, point):
        """The parameters, ready to be differentiated by."""
        return {name: from_numpy(array, self.dtype, self.device) for name, array in point.items()}

    def data(self, batch):
        """The batch, its floats in the dtype."""
        arrays = []
        map_arrays(lambda name, array: arrays.append(self._array(array)), batch)
        return arrays

    def _array(self, array):
        if array.dtype.kind == "f":
            return from_numpy(array, self.dtype, self.device)
        return jax.device_put(array, find_device(self.device))

    @contextmanager
    def settings(self):
        """The arithmetic of a call, and the random numbers as they were after it."""
        with arithmetic(self.dtype), jax.default_device(find_device(self.device)):
            yield


def _values(leaf):
    """The leaf's values, where it has any."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return np.ma.masked_all(leaf.shape)
    return to_numpy(np.asarray(leaf))
