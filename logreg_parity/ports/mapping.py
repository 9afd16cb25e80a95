"""Where each torch parameter stands in the JAX tree, and in which order its numbers stand there.

A mapping is ``{torch name: place}``; a place is a path ("layers.0.w", or ("layers", 0, "w")), a path and a function
that moves numbers (("w", numpy.transpose)), or, as in a file, {"path": "w", "transpose": true} with true or the axes,
and "reshape" with a shape, done in this order.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from .arrays import UnfitError

Path = tuple[str | int, ...]
Point = dict[str, np.ndarray]


class Place(NamedTuple):
    """Where one torch parameter stands: jax.ravel() is torch.ravel()[order]."""

    path: Path
    shape: tuple[int, ...]  # in torch
    order: np.ndarray  # flat positions in torch, in the shape of the JAX leaf

    @property
    def leaf(self) -> str:
        """The name of the JAX leaf."""
        return ".".join(map(str, self.path))


class Layout(NamedTuple):
    """The place of every parameter, by its torch name."""

    places: dict[str, Place]

    def to_jax(self, point: Point) -> Point:
        """The same numbers by JAX name and in JAX shape."""
        return {place.leaf: point[name].ravel()[place.order] for name, place in self.places.items()}

    def to_torch(self, point: Point) -> Point:
        """The same numbers by torch name and in torch shape."""
        back = {}
        for name, place in self.places.items():
            flat = np.empty(place.order.size)
            flat[place.order.ravel()] = point[place.leaf].ravel()
            back[name] = flat.reshape(place.shape)
        return back

    def with_orders(self, orders: dict[str, np.ndarray]) -> "Layout":
        """Some parameters in another order."""
        return Layout({name: p._replace(order=orders.get(name, p.order)) for name, p in self.places.items()})


def read_layout(params: Mapping[str, Any] | None, point: Point) -> Layout:
    """The layout that a mapping describes; without one, every torch name is its own path.

    Raises UnfitError where names do not fit the torch parameters, two share a place, or a function does more than move.
    """
    if params is None:
        params = {name: name for name in point}
    if not isinstance(params, Mapping):
        raise UnfitError(f"params is a {type(params).__name__}; give a dict from torch names to places in the JAX tree")
    _check_names(list(params), list(point))
    places = {name: _place(name, params[name], point[name].shape) for name in point}
    leaves = [place.path for place in places.values()]
    for k, path in enumerate(leaves):
        for other in leaves[:k]:
            short = min(len(path), len(other))
            if path[:short] == other[:short]:
                one, two = ".".join(map(str, other)), ".".join(map(str, path))
                raise UnfitError(f"params maps to {one!r} and to {two!r}, one place; give each torch parameter its own")
    return Layout(places)


def _check_names(given: list[str], wanted: list[str]) -> None:
    unknown, missing = [[n for n in a if n not in b] for a, b in ((given, wanted), (wanted, given))]
    if unknown or missing:
        close = [
            f"{name!r} is close to {best[0]!r}" for name in unknown if (best := get_close_matches(name, wanted, 1))
        ]
        raise UnfitError(
            f"params does not fit the torch model: it {_has(unknown)} the model does not have, and lacks "
            f"{_listed(missing)}; the model has {_listed(wanted)}{'; ' + ', '.join(close) if close else ''}"
        )


def _has(names: list[str]) -> str:
    return f"names {_listed(names)}, which" if names else "names nothing that"


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names)) or "nothing"


def _place(name: str, value: Any, shape: tuple[int, ...]) -> Place:
    order = np.arange(int(np.prod(shape))).reshape(shape)
    path = value
    if isinstance(value, Mapping):
        unknown = set(value) - {"path", "transpose", "reshape"}
        if unknown or "path" not in value:
            raise UnfitError(f"params[{name!r}] is {dict(value)}; give path and, where wanted, transpose and reshape")
        path, moved = value["path"], _moved(value, order, name)
    elif isinstance(value, tuple | list) and len(value) == 2 and callable(value[1]):
        path, moved = value[0], np.asarray(value[1](order))
    else:
        moved = order
    if not np.array_equal(np.sort(moved.ravel()), order.ravel()):
        raise UnfitError(f"params[{name!r}] does more than move numbers; give a function like numpy.transpose")
    return Place(_path(name, path), shape, moved)


def _moved(value: Mapping[str, Any], order: np.ndarray, name: str) -> np.ndarray:
    axes = value.get("transpose", False)
    try:
        if axes is not False:
            order = order.transpose(None if axes is True else axes)
        return order.reshape(value.get("reshape", order.shape))
    except (ValueError, TypeError) as error:
        raise UnfitError(
            f"params[{name!r}] is {dict(value)}, and its shape {order.shape} ({error}); mend it"
        ) from error


def _path(name: str, path: Any) -> Path:
    parts = path.split(".") if isinstance(path, str) else path
    if isinstance(path, str):
        parts = [int(part) if part.isdecimal() else part for part in parts]
    if not isinstance(parts, list | tuple) or not parts or not all(isinstance(part, str | int) for part in parts):
        raise UnfitError(f"params[{name!r}] is {path!r}; give a path like 'layers.0.w' or ('layers', 0, 'w')")
    return tuple(parts)


def build_tree(layout: Layout) -> Any:
    """The JAX tree, its leaves the orders; a level whose keys are 0, 1, ... without a gap is a list."""
    root: dict = {}
    for place in layout.places.values():
        node = root
        for part in place.path[:-1]:
            node = node.setdefault(part, {})
        node[place.path[-1]] = place.order
    return _listed_levels(root)


def _listed_levels(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    items = {key: _listed_levels(item) for key, item in node.items()}
    if set(items) == set(range(len(items))):
        return [items[k] for k in range(len(items))]
    return {str(key): item for key, item in items.items()}


def check_leaves(layout: Layout, leaves: Point) -> None:
    """Raises UnfitError where the mapped places are not exactly the leaves of the user's JAX tree, in its shapes."""
    mapped = {place.leaf: (name, place) for name, place in layout.places.items()}
    unknown, uncovered = (
        [leaf for leaf in mapped if leaf not in leaves],
        [leaf for leaf in leaves if leaf not in mapped],
    )
    if unknown or uncovered:
        close = {leaf: get_close_matches(leaf, uncovered, 1, 0.3) for leaf in unknown}
        hints = [f"{leaf!r} is close to {best[0]!r}" for leaf, best in close.items() if best]
        raise UnfitError(
            f"the parameters do not map: nothing in torch maps to the JAX {_listed(uncovered)}, and params leads to "
            f"{_listed(unknown)}, which JAX does not have; torch has {_listed(list(layout.places))}, JAX has "
            f"{_listed(list(leaves))}{'; ' + ', '.join(hints) if hints else ''}"
        )
    for leaf, (name, place) in mapped.items():
        wanted, came = leaves[leaf].shape, place.order.shape
        if wanted != came:
            cure = (
                f"give ({leaf!r}, numpy.transpose)" if wanted == came[::-1] else "give a function that moves it there"
            )
            raise UnfitError(f"torch's {name!r} comes as {came} to JAX's {leaf!r}, which has shape {wanted}; {cure}")
