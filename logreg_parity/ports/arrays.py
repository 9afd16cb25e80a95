"""A batch of any make: arrays inside dicts, lists and tuples, walked in one order by the judge and by both twins."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

PLAIN = (bool, int, float, str, type(None))  # handed to the model as they are


class UnfitError(ValueError):
    """What we say of a user's model or data; whatever else it raises is a crash of its own."""


def map_arrays(function: Callable[[str, Any], Any], batch: Any, name: str = "batch") -> Any:
    """The same dicts, lists and tuples with function(name, array) in the place of every array."""
    if isinstance(batch, dict):
        return {key: map_arrays(function, item, f"{name}[{key!r}]") for key, item in batch.items()}
    if isinstance(batch, list | tuple):
        items = [map_arrays(function, item, f"{name}[{k}]") for k, item in enumerate(batch)]
        return type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)
    return batch if isinstance(batch, PLAIN) else function(name, batch)


def arrays_in(batch: Any) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every array of a batch."""
    found: list[tuple[str, np.ndarray]] = []
    map_arrays(lambda name, array: found.append((name, array)), batch)
    yield from found


def as_arrays(batch: Any) -> Any:
    """The batch in NumPy, its floats as float64. Raises UnfitError for what is no number, not finite or no int32."""
    return map_arrays(_as_array, batch)


def _as_array(name: str, array: Any) -> np.ndarray:
    if np.ma.isMaskedArray(array):
        raise UnfitError(f"{name} is masked; drop what is masked or fill it in, and give a plain array")
    try:
        array = np.asarray(array)
        kind = "f" if array.dtype.name == "bfloat16" else array.dtype.kind
    except (TypeError, RuntimeError, ValueError) as error:
        raise UnfitError(f"{name} is no array ({error}); give NumPy arrays") from error
    if kind not in "biuf":
        raise UnfitError(f"{name} holds {array.dtype}; give numbers that are real, whole or True and False")
    if kind == "f" and array.dtype.itemsize > 8:
        raise UnfitError(f"{name} holds {array.dtype}, which float64 would round; give float64, if it is meant")
    if kind == "f":
        array = array.astype(np.float64)
        lost = np.argwhere(~np.isfinite(array))
        if len(lost):
            place = ", ".join(map(str, lost[0]))
            raise UnfitError(
                f"{name} holds {len(lost)} values that are not finite, the first at [{place}]; take them out"
            )
    elif kind in "iu" and array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)):
        raise UnfitError(f"{name} holds whole numbers beyond int32, which JAX would cut; give smaller ones, or floats")
    return array


def projection(k: int, shape: tuple[int, ...]) -> np.ndarray:
    """What the k-th output is multiplied with where outputs are summed to one number: eighths, always the same."""
    return np.random.RandomState(k).randint(-8, 9, shape) / 8
