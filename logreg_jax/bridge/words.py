"""What arithmetic each operation is, in the words of ``logreg_parity.ports.recording``.

Read beside ``logreg_torch/bridge/words.py``. An operation that is not here is written down by its own name, without a
rule: the exact value is then not stated, and the rest goes on.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .rules import _NUMPY, _applied
from .windows import _RULES

_MOVES = set(
    """broadcast_in_dim concatenate copy copy_p dynamic_slice dynamic_update_slice expand_dims gather
    optimization_barrier pad reshape rev scatter slice split squeeze stack stop_gradient transpose unstack""".split()  # noqa: SIM905
)
_SUMS = {"reduce_sum", "cumsum", "scatter-add", "scatter_add", "reduce_window_sum"}
_NAMES = {"max": "maximum", "min": "minimum", "add_any": "add", "erf_inv": "erfinv", "reduce_precision": "cast"}
_POINTWISE = set(
    """abs acos acosh add add_any asin asinh atan atan2 atanh cbrt ceil cos cosh digamma div erf erf_inv erfc exp exp2
    expm1 floor lgamma log log1p logistic max min mul neg polygamma pow reduce_precision round rsqrt sign sin sinh sqrt
    square sub tan tanh zeta""".split()  # noqa: SIM905
)


def _translate(walk: Any, eqn: Any, name: str, places: list[int]) -> list[int]:
    """Write an equation down; the places of its results."""
    given = [walk.values[place] for place in places]
    found = eqn.primitive.bind(*given, **eqn.primitive.get_bind_params(eqn.params))
    outs = list(found) if eqn.primitive.multiple_results else [found]
    return [_one(walk, eqn, name, places, value, k) for k, value in enumerate(outs)]


def _one(walk: Any, eqn: Any, name: str, places: list[int], value: Any, k: int) -> int:
    """One result of an equation."""
    real = tuple(p for p in places if _is_real(walk.values[p]))
    if not _is_real(value):
        return walk.put("given", name, (), value)
    if name == "convert_element_type":
        word = "cast" if real else "constant"
        return walk.put(word, name, real, value, dtype=str(np.dtype(eqn.params["new_dtype"])))
    if not real:
        return walk.put("constant", name, (), value)
    if name in _RULES:
        return _RULES[name](walk, eqn, places, value, k)
    if name in _MOVES or name in _SUMS:
        apply = _applied(walk, eqn, places, k) if name not in _NUMPY else _NUMPY[name](eqn.params)
        return walk.put("move" if name in _MOVES else "sum", name, real, value, apply=apply)
    if name in _POINTWISE:
        both = tuple(p if _is_real(walk.values[p]) else _as_real(walk, p) for p in places)
        return walk.put(_NAMES.get(name, name), name, both, value)
    return walk.put(name, name, real, value)


def _is_real(value: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.inexact))  # complex numbers are made of real ones


def _as_real(walk: Any, place: int) -> int:
    return walk.put("constant", "constant", (), jnp.asarray(walk.values[place], jnp.float64))
