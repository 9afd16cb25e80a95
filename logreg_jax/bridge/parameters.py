"""What somebody's model holds: its parameters, its state, their formats.

Read beside ``logreg_torch/bridge/parameters.py``. Points are dicts of NumPy arrays by parameter name.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from logreg_parity.ports.arrays import UnfitError

from ..convert import to_numpy

Point = dict[str, np.ndarray]


def point_of(model: Any) -> Point:
    """The parameters by name, in NumPy. Raises UnfitError where the model is none.

    A ``jax.ShapeDtypeStruct`` is a shape without values: a masked array.
    """
    leaves = {name: _values(leaf) for name, leaf in _leaves_of(model).items() if _is_parameter(leaf)}
    if not leaves:
        raise UnfitError(
            f"the JAX parameters are a {type(model).__name__} without arrays; give the tree the loss takes"
        )
    return leaves


def _leaves_of(model: Any) -> dict[str, Any]:
    """All leaves by their paths."""
    return {keystr(path, simple=True, separator="."): leaf for path, leaf in tree_flatten_with_path(model)[0]}


def _is_parameter(leaf: Any) -> bool:
    """Whether it is real numbers, and not a function, a key of random numbers or a count, which stay as they are."""
    if callable(leaf) or isinstance(leaf, str | bool | int):
        return False
    return not hasattr(leaf, "dtype") or (not _is_key(leaf) and leaf.dtype.kind not in "biu")


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def state_of(model: Any) -> Point:
    """The numbers of the model that are no parameters, by name, in NumPy: running averages, for one."""
    return {}  # a function keeps none between calls


def restless(model: Any) -> list[str]:
    """The parts that compute otherwise in training, and are in training now."""
    return []  # a function has no mode


def tied(model: Any) -> dict[str, str]:
    """Further names under which a parameter is held once more, and the name it goes by."""
    return {}  # each leaf of a tree is a parameter of its own


def formats_of(model: Any) -> list[str]:
    """The formats of the parameters, by name."""
    return [str(leaf.dtype) for leaf in jax.tree.leaves(model) if hasattr(leaf, "dtype")]


def _values(leaf: Any) -> np.ndarray:
    """The leaf's values, where it has any."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return np.ma.masked_all(leaf.shape)
    array: Any = np.asarray(leaf)
    return to_numpy(array)
