"""Where the numbers of each parameter of the first program stand in the second, and in which order they stand there.

A mapping is ``{name: place}``; a place is a path ("layers.0.w", or ("layers", 0, "w")), a path and a function that
moves numbers (("w", numpy.transpose)), or, as in a file, {"path": "w", "transpose": true} with true or the axes, and
"reshape" with a shape, done in this order. Where one parameter is many, or many are one, a place may also say

    "slice": [start, stop]    only these rows of the parameter; a list of places takes a parameter apart, or copies it
    "at": [start, stop]       these rows of what stands there: several parameters lie in it one after the other
    "add": true               what stands there is the sum of the parameters that say so

so that numbers are only ever moved and added, and a gradient can be brought back.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from .arrays import UnfitError

Path = tuple[str | int, ...]
Point = dict[str, np.ndarray]
WORDS = {"path", "transpose", "reshape", "slice", "at", "add"}


class Place(NamedTuple):
    """Where numbers of one parameter stand: leaf[at] is, or has as a part of its sum, parameter.ravel()[order]."""

    path: Path
    shape: tuple[int, ...]  # of the parameter
    order: np.ndarray  # flat positions in the parameter, in the shape they have in the leaf
    at: tuple[int, int] | None = None
    add: bool = False
    axes: tuple[int, ...] | None = None  # where the whole parameter is transposed so, and reshaped

    def there(self, x: np.ndarray) -> np.ndarray:
        """The numbers of the parameter in the order and shape that they have in the leaf."""
        if self.axes is not None:
            return np.reshape(np.transpose(x, self.axes), self.order.shape)
        return np.ravel(x)[self.order]

    def back(self, leaf: np.ndarray) -> np.ndarray:
        """Derivatives by the leaf as derivatives by the parameter; 0 for numbers that are not in this place."""
        if self.axes is not None:
            turned = np.reshape(leaf[self.rows], [self.shape[k] for k in self.axes])
            return np.transpose(turned, np.argsort(self.axes))
        found = np.zeros(int(np.prod(self.shape)))
        np.add.at(found, self.order.ravel(), leaf[self.rows].ravel())
        return found.reshape(self.shape)

    @property
    def leaf(self) -> str:
        """The name of the leaf."""
        return ".".join(map(str, self.path))

    @property
    def leaf_shape(self) -> tuple[int, ...]:
        """The shape that the leaf has to have, at least."""
        return self.order.shape if self.at is None else (self.at[1], *self.order.shape[1:])

    @property
    def rows(self) -> Any:
        """The part of the leaf."""
        return ... if self.at is None else slice(*self.at)


class Layout(NamedTuple):
    """The places of every parameter, and of the buffers that are handed over, by its name in the first program."""

    places: dict[str, tuple[Place, ...]]

    def every(self) -> Iterator[tuple[str, Place]]:
        """(name, place), all of them."""
        for name, places in self.places.items():
            for place in places:
                yield name, place

    @property
    def leaves(self) -> dict[str, str]:
        """The leaf or leaves of each parameter, in words."""
        return {name: ", ".join(place.leaf for place in places) for name, places in self.places.items()}

    @property
    def only_moves(self) -> bool:
        """Whether every number stands in one place, alone."""
        every = [place for _, place in self.every()]
        return len(every) == len(self.places) and not any(p.add or p.at for p in every)

    def leaf_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every leaf."""
        shapes: dict[str, tuple[int, ...]] = {}
        for _, place in self.every():
            shapes[place.leaf] = max(shapes.get(place.leaf, ()), place.leaf_shape)
        return shapes

    def to_jax(self, point: Point) -> Point:
        """The same numbers by the names and in the shapes of the second program."""
        shapes = self.leaf_shapes()
        there: Point = {}
        for name, place in self.every():
            if name in point and place.at is None and not place.add:
                there[place.leaf] = place.there(point[name])
            elif name in point:
                leaf = there.setdefault(place.leaf, np.zeros(shapes[place.leaf]))
                leaf[place.rows] += place.there(point[name])
        return there

    def to_torch(self, point: Point) -> Point:
        """Derivatives by the second program's leaves as derivatives by the parameters: all that a number has a part in.

        Where numbers are only moved, this is the way back for any point.
        """
        back: Point = {}
        for name, place in self.every():
            if place.leaf in point:
                part = place.back(point[place.leaf])
                back[name] = back[name] + part if name in back else part
        return back

    def with_orders(self, orders: dict[str, np.ndarray]) -> "Layout":
        """Some parameters, of one place each, in another order."""
        changed = {name: (self.places[name][0]._replace(order=order, axes=None),) for name, order in orders.items()}
        return Layout({**self.places, **changed})


def read_layout(params: Mapping[str, Any] | None, point: Point, state: Point | None = None) -> Layout:
    """The layout that a mapping describes; without one, every name is its own path.

    Args:
        params: from names to places; every parameter, and the buffers that are handed over.
        point: the parameters by name.
        state: the buffers by name.

    Raises:
        UnfitError: where names do not fit, two share a place, or a place does more than move and add.
    """
    if params is None:
        params = {name: name for name in point}
    if not isinstance(params, Mapping):
        raise UnfitError(f"params is a {type(params).__name__}; give a dict from torch names to places in the JAX tree")
    known = {**point, **{name: array for name, array in (state or {}).items() if name in params}}
    _check_names(list(params), list(known))
    places = {name: _places(name, params[name], np.shape(known[name])) for name in known}
    layout = Layout(places)
    _check_apart(layout)
    return layout


def _check_apart(layout: Layout) -> None:
    """Raises UnfitError where two places overlap without a word, or numbers of a parameter stand nowhere."""
    every = list(layout.every())
    for k, (_, place) in enumerate(every):
        for _, other in every[:k]:
            short = min(len(place.path), len(other.path))
            if place.path[:short] != other.path[:short]:
                continue
            apart = place.at and other.at and (place.at[0] >= other.at[1] or other.at[0] >= place.at[1])
            if place.path != other.path or not (apart or (place.add and other.add)):
                raise UnfitError(
                    f"params maps to {other.leaf!r} and to {place.leaf!r}, one place; give each torch parameter its "
                    f"own, or say that they are added ({{'path': ..., 'add': true}}) or which rows are whose ('at')"
                )
    for name, places in layout.places.items():
        if any(place.axes is not None for place in places):
            continue
        held = np.unique(np.concatenate([place.order.ravel() for place in places]))
        if held.size != int(np.prod(places[0].shape)):
            raise UnfitError(
                f"params[{name!r}] gives a place to {held.size} of its {int(np.prod(places[0].shape))} numbers; "
                f"give one to all of them"
            )


def as_mapping(layout: Layout) -> dict[str, Any]:
    """The layout as a mapping that ``read_layout`` and files take; moves are written as a transpose and a reshape."""
    return {name: _written([_as_words(p) for p in places]) for name, places in layout.places.items()}


def _written(places: list[Any]) -> Any:
    return places[0] if len(places) == 1 else places


def _as_words(place: Place) -> Any:
    words: dict[str, Any] = {"path": place.leaf}
    plain = np.arange(int(np.prod(place.shape))).reshape(place.shape)
    if place.order.size < plain.size:
        start = int(place.order.min()) // max(1, int(np.prod(place.shape[1:])))
        words["slice"] = [start, start + place.order.size // max(1, int(np.prod(place.shape[1:])))]
        plain = plain[slice(*words["slice"])]
    for axes in permutations(range(plain.ndim)):
        if np.array_equal(plain.transpose(axes).ravel(), place.order.ravel()):
            if axes != tuple(range(plain.ndim)):
                words["transpose"] = True if axes == tuple(range(plain.ndim))[::-1] else list(axes)
            if plain.transpose(axes).shape != place.order.shape:
                words["reshape"] = list(place.order.shape)
            break
    if place.at is not None:
        words["at"] = list(place.at)
    if place.add:
        words["add"] = True
    return words if len(words) > 1 else place.leaf


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


def _places(name: str, value: Any, shape: tuple[int, ...]) -> tuple[Place, ...]:
    """One place, or each of a list of them; a list of strings and whole numbers is a path."""
    many = isinstance(value, list) and all(isinstance(item, Mapping | str) for item in value)
    if many and (any(isinstance(item, Mapping) for item in value) or any("." in item for item in value)):
        return tuple(_place(name, item, shape) for item in value)
    return (_place(name, value, shape),)


def _place(name: str, value: Any, shape: tuple[int, ...]) -> Place:
    size = int(np.prod(shape))
    order = np.arange(size, dtype=np.int32 if size < 2**31 else np.int64).reshape(shape)
    path, at, add = value, None, False
    axes: tuple[int, ...] | None = tuple(range(len(shape)))
    if isinstance(value, Mapping):
        unknown = set(value) - WORDS
        if unknown or "path" not in value:
            raise UnfitError(
                f"params[{name!r}] is {dict(value)}; give path and, where wanted, transpose, reshape, slice, at, add"
            )
        path, add = value["path"], bool(value.get("add", False))
        order = order[slice(*_rows(name, value, "slice"))] if "slice" in value else order
        moved = _moved(value, order, name)
        turned = value.get("transpose", False)
        if turned is not False:
            axes = tuple(range(len(shape)))[::-1] if turned is True else tuple(k % len(shape) for k in turned)
        axes = None if "slice" in value else axes
        at = _rows(name, value, "at") if "at" in value else None
        if at is not None and (not moved.ndim or at[1] - at[0] != len(moved)):
            raise UnfitError(
                f"params[{name!r}] has {len(moved) if moved.ndim else 1} rows, and at is {at}; give as many"
            )
    elif isinstance(value, tuple | list) and len(value) == 2 and callable(value[1]):
        path, moved, axes = value[0], np.asarray(value[1](order)), None
        if not np.array_equal(np.sort(moved.ravel()), np.sort(order.ravel())):
            raise UnfitError(f"params[{name!r}] does more than move numbers; give a function like numpy.transpose")
    else:
        moved = order
    return Place(_path(name, path), shape, moved, at, add, axes)


def _rows(name: str, value: Mapping[str, Any], word: str) -> tuple[int, int]:
    rows = value[word]
    if not isinstance(rows, list | tuple) or len(rows) != 2 or not all(isinstance(k, int) and k >= 0 for k in rows):
        raise UnfitError(f"params[{name!r}] has {word} {rows!r}; give [start, stop], rows counted from 0")
    return rows[0], rows[1]


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
    """The JAX tree, its leaves zeros; a level whose keys are 0, 1, ... without a gap is a list."""
    root: dict[str | int, Any] = {}
    shapes = layout.leaf_shapes()
    for _, place in layout.every():
        node = root
        for part in place.path[:-1]:
            node = node.setdefault(part, {})
        node[place.path[-1]] = np.zeros(shapes[place.leaf])
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
    mapped = {place.leaf: name for name, place in layout.every()}
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
    shapes = layout.leaf_shapes()
    for leaf, name in mapped.items():
        wanted, came = leaves[leaf].shape, shapes[leaf]
        if wanted != came:
            cure = (
                f"give ({leaf!r}, numpy.transpose)" if wanted == came[::-1] else "give a function that moves it there"
            )
            raise UnfitError(f"torch's {name!r} comes as {came} to JAX's {leaf!r}, which has shape {wanted}; {cure}")
