"""Convolutions, pools and orders: rules of ``words.py`` that look at a window, or at places.

Read beside ``logreg_torch/bridge/windows.py``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .rules import _applied, _product


def _real(walk: Any, places: list[int]) -> tuple[int, ...]:
    return tuple(p for p in places if jnp.issubdtype(jnp.result_type(walk.values[p]), jnp.floating))


def _multiplied(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    """A dot_general of two real arrays."""
    if len(_real(walk, places)) < 2:
        return walk.put("dot_general of whole numbers", "dot_general", _real(walk, places), value)
    numbers = eqn.params["dimension_numbers"]
    return walk.put(
        "product", "dot_general", tuple(places), value, apply=lambda arrays: _product(arrays[0], arrays[1], numbers)
    )


def _convolved(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    return walk.put("product", "conv_general_dilated", tuple(places), value, apply=_applied(walk, eqn, places))


def _selected(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    """Of two, by a mask; the mask is known when the run is over."""
    mask, no, yes = places if len(places) == 3 else (places[0], places[1], places[1])
    return walk.put("select", "select_n", (yes, no), value, mask=walk.recording.operations[mask])


def _largest(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    name = eqn.primitive.name
    return walk.put(name, name, tuple(places), value, axes=tuple(eqn.params["axes"]), keep=False)


def _powered(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    return walk.put("integer_pow", "integer_pow", tuple(places), value, exponent=eqn.params["y"])


def _clamped(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    low, x, high = places
    raised = walk.put("maximum", "clamp", (x, low), jnp.maximum(walk.values[x], walk.values[low]))
    return walk.put("minimum", "clamp", (raised, high), value)


def _sorted(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    """The order is that of the float64 run."""
    axis, recording = eqn.params["dimension"], walk.recording

    def apply(arrays: Sequence[np.ndarray]) -> np.ndarray:
        keys = recording.operations[places[0]].value
        return np.take_along_axis(arrays[0], np.argsort(keys, axis=axis, kind="stable"), axis)

    return walk.put("move", "sort", (places[k],), value, apply=apply)


def _top(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    count, recording = eqn.params["k"], walk.recording

    def apply(arrays: Sequence[np.ndarray]) -> np.ndarray:
        order = np.argsort(-recording.operations[places[0]].value, axis=-1, kind="stable")
        return np.take_along_axis(arrays[0], order[..., :count], -1)

    return walk.put("move", "top_k", tuple(places), value, apply=apply)


def _pooled(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    """The largest of each window: where it stands, in the float64 run."""
    recording, place = walk.recording, walk.count
    out = len(recording.operations)
    del place

    def apply(arrays: Sequence[np.ndarray]) -> np.ndarray:
        seen, best = recording.operations[places[0]].value, recording.operations[out].value
        p = eqn.params
        wide = np.pad(seen, p["padding"], constant_values=-np.inf)
        moved = np.pad(arrays[0], p["padding"])
        found = np.zeros(best.shape)
        for offset in np.ndindex(*p["window_dimensions"]):
            cut = tuple(
                slice(o * d, o * d + (n - 1) * s + 1, s)
                for o, d, n, s in zip(offset, p["window_dilation"], best.shape, p["window_strides"], strict=True)
            )
            found = np.where((found == 0) & (wide[cut] == best), moved[cut], found)
        return found

    return walk.put("move", "reduce_window_max", tuple(places), value, apply=apply)


def _pooled_back(walk: Any, eqn: Any, places: list[int], value: Any, k: int) -> int:
    source, operand = places
    recording, bind = walk.recording, _applied(walk, eqn, places)
    apply = lambda arrays: bind([arrays[0], recording.operations[operand].value])  # noqa: E731
    return walk.put("sum", "select_and_scatter_add", (source,), value, apply=apply)


_RULES: dict[str, Callable[..., int]] = {
    "dot_general": _multiplied,
    "conv_general_dilated": _convolved,
    "select_n": _selected,
    "reduce_max": _largest,
    "reduce_min": _largest,
    "integer_pow": _powered,
    "clamp": _clamped,
    "sort": _sorted,
    "top_k": _top,
    "reduce_window_max": _pooled,
    "select_and_scatter_add": _pooled_back,
}
