"""Operations that are written down as several: the rules of ``words.py``.

Read beside ``logreg_torch/bridge/rules.py``. JAX's operations are small, so what stands here is how they are repeated
on other numbers: in NumPy where that is the same and quick, else by the operation itself.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax._src import source_info_util
from jax.extend.core import ClosedJaxpr

from ..convert import arithmetic

_Apply = Callable[[Sequence[np.ndarray]], np.ndarray]


def _applied(walk: Any, eqn: Any, places: list[int], k: int = 0) -> _Apply:
    """The operation on other numbers; whole numbers stay as they were."""
    recording, bind = walk.recording, eqn.primitive.get_bind_params(eqn.params)

    def apply(arrays: Sequence[np.ndarray]) -> np.ndarray:
        left = iter(arrays)
        held = [recording.operations[place] for place in places]
        with arithmetic("float64"):
            given = [jnp.asarray(next(left), jnp.float64) if o.is_real else jnp.asarray(o.value) for o in held]
            out = eqn.primitive.bind(*given, **bind)
        return np.asarray(out[k] if eqn.primitive.multiple_results else out)

    return apply


def _product(a: np.ndarray, b: np.ndarray, numbers: Any) -> np.ndarray:
    """A dot_general: shared axes first, then those of a alone, then those of b alone."""
    (a_sum, b_sum), (a_both, b_both) = numbers
    a_own = [k for k in range(a.ndim) if k not in (*a_sum, *a_both)]
    b_own = [k for k in range(b.ndim) if k not in (*b_sum, *b_both)]
    both = [a.shape[k] for k in a_both]
    n = int(np.prod([a.shape[k] for k in a_sum]))
    left = a.transpose(*a_both, *a_own, *a_sum).reshape(*both, -1, n)
    right = b.transpose(*b_both, *b_sum, *b_own).reshape(*both, n, -1)
    return (left @ right).reshape(*both, *(a.shape[k] for k in a_own), *(b.shape[k] for k in b_own))


def _spread(x: np.ndarray, params: Any) -> np.ndarray:
    """A broadcast_in_dim."""
    shape = [1] * len(params["shape"])
    for axis, n in zip(params["broadcast_dimensions"], x.shape, strict=True):
        shape[axis] = n
    return np.broadcast_to(x.reshape(shape), params["shape"])


def _cut(x: np.ndarray, params: Any) -> np.ndarray:
    """A slice."""
    strides = params["strides"] or (1,) * x.ndim
    return x[tuple(map(slice, params["start_indices"], params["limit_indices"], strides))]


_NUMPY: dict[str, Callable[[Any], _Apply]] = {
    "reshape": lambda p: lambda arrays: arrays[0].reshape(p["new_sizes"]),
    "transpose": lambda p: lambda arrays: arrays[0].transpose(p["permutation"]),
    "squeeze": lambda p: lambda arrays: np.squeeze(arrays[0], p["dimensions"]),
    "broadcast_in_dim": lambda p: lambda arrays: _spread(arrays[0], p),
    "concatenate": lambda p: lambda arrays: np.concatenate(arrays, p["dimension"]),
    "rev": lambda p: lambda arrays: np.flip(arrays[0], p["dimensions"]),
    "slice": lambda p: lambda arrays: _cut(arrays[0], p),
    "reduce_sum": lambda p: lambda arrays: arrays[0].sum(tuple(p["axes"])),
    "copy": lambda p: lambda arrays: arrays[0],
    "copy_p": lambda p: lambda arrays: arrays[0],
    "stop_gradient": lambda p: lambda arrays: arrays[0],
}


def _subprograms(params: dict) -> list[ClosedJaxpr]:
    """The programs within an operation."""
    found = [value for value in params.values() if hasattr(value, "jaxpr") or hasattr(value, "eqns")]
    found += [item for value in params.values() if isinstance(value, tuple) for item in value if hasattr(item, "jaxpr")]
    return [value if hasattr(value, "consts") else ClosedJaxpr(value, ()) for value in found]


def _line(eqn: Any) -> str:
    """The innermost line outside of the libraries."""
    for frame in source_info_util.user_frames(eqn.source_info.traceback):
        if not any(part in frame.file_name for part in ("site-packages", "logreg_jax", "logreg_parity", "<")):
            return f"{os.path.basename(frame.file_name)}:{frame.start_line}"
    return ""
