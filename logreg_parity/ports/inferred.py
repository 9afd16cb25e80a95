"""A mapping proposed from names, shapes, order and kinds; what it is worth, the loss says.

Modules of the first program and groups of leaves of the second are paired so that names are near, order is kept and
the numbers fit; weights are turned where their shapes ask for it. Where that does not do, parameters are taken apart as
libraries do it (attention by query, key and value, recurrent cells by gates, two biases added to one; ``pieces.py``),
and each piece is paired with a leaf. Where several ways fit (a square weight, two layers of one shape), all are tried,
the likeliest first, until the outputs agree.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from heapq import heappop, heappush
from itertools import combinations, islice, permutations, product
from typing import Any

import numpy as np

from .arrays import UnfitError
from .mapping import Point
from .pieces import joined, taken_apart

BIAS = ("bias", "b", "offset", "shift", "beta")
BEFORE, BEHIND = ("params", "batch_stats"), ("value", "raw_value")
MEANS, VARS = ("running_mean", "mean", "mean_ema"), ("running_var", "var", "var_ema")
SAME_KIND = (
    ("linear", ("dense", "linear", "fc", "kernel", "w")),
    ("conv", ("conv", "kernel")),
    ("norm", ("norm", "scale", "ln", "bn")),
    ("embedding", ("emb",)),
)
FAR = 1e6
WAYS = 64  # mappings that are tried, at most
FLIPS = 4  # of them with the same pairs

Mapping = dict[str, Any]
Shape = tuple[int, ...]


def proposals(point: Point, state: Point, leaves: Point, tied: dict[str, str]) -> Iterator[Mapping]:
    """Mappings that fit, the likeliest first.

    Args:
        point: the parameters of the first program, by name.
        state: its buffers, by name.
        leaves: the leaves of the second, by path.
        tied: further names of parameters that are held twice; the second may have a leaf for each name.

    Raises:
        UnfitError: where nothing fits, with what is left over.
    """
    try:
        yield from _fitting(point, state, leaves)
    except UnfitError:
        if not tied:
            raise
        twice = point | {other: point[name] for other, name in tied.items()}
        for mapping in _fitting(twice, state, leaves):
            yield {name: _every(mapping, name, tied) for name in mapping if name not in tied}


def _every(mapping: Mapping, name: str, tied: dict[str, str]) -> Any:
    """The places of a parameter under all its names."""
    names = [name, *(other for other, own in tied.items() if own == name)]
    places = [
        place for each in names for place in (mapping[each] if isinstance(mapping[each], list) else [mapping[each]])
    ]
    return places if len(places) > 1 else places[0]


def _fitting(point: Point, state: Point, leaves: Point) -> Iterator[Mapping]:
    """Mappings of every parameter. Raises UnfitError where nothing fits."""
    shapes = {name: tuple(np.shape(leaf)) for name, leaf in leaves.items()}
    if set(point) == set(leaves) and all(np.shape(point[name]) == shapes[name] for name in point):
        yield {name: name for name in point}
        return
    used = {name: array for name, array in state.items() if any(_tail(leaf) in (*MEANS, *VARS) for leaf in leaves)}
    given = {name: tuple(np.shape(array)) for name, array in (point | used).items()}
    found: list[Mapping] = []
    try:
        for mapping in _by_modules(given, shapes):
            found.append(mapping)
            yield mapping
    except UnfitError as error:
        reason = error
    for mapping in _by_pieces(given, shapes):
        if mapping not in found:
            found.append(mapping)
            yield mapping
    if not found:
        raise reason


def _by_modules(given: dict[str, Shape], shapes: dict[str, Shape]) -> Iterator[Mapping]:
    """Mappings of whole modules to whole groups of leaves. Raises UnfitError where they do not fit."""
    groups, modules = _grouped(shapes), _grouped(given)
    names, others = list(modules), sorted(groups, key=_natural)
    if len(names) != len(others):
        raise UnfitError(
            f"params cannot be inferred: {len(names)} parts with parameters in the first ({', '.join(names)}), "
            f"{len(others)} in the second ({', '.join(others)}); give the mapping"
        )
    cost = np.full((len(names), len(others)), FAR)
    for i, name in enumerate(names):
        for j, other in enumerate(others):
            cost[i, j] = _distance(name, modules[name], other, groups[other], i / len(names), j / len(others))
    pairs = _paired(cost)
    lost = [names[i] for i, j in pairs if cost[i, j] >= FAR]
    if lost:
        raise UnfitError(f"params cannot be inferred: nothing in the second fits {', '.join(lost)}; give the mapping")
    ways: list[list[tuple[str, Any]]] = []
    for i, j in pairs:
        ways.extend(_places(modules[names[i]], groups[others[j]]))
    yield from islice(_in_order(ways), WAYS)


def _paired(cost: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns, paired at the least cost."""
    from scipy.optimize import linear_sum_assignment  # takes a moment to import

    return list(zip(*linear_sum_assignment(cost), strict=True))


def _by_pieces(given: dict[str, Shape], shapes: dict[str, Shape]) -> Iterator[Mapping]:
    """Mappings of pieces of parameters to single leaves."""
    others = sorted(shapes, key=_natural)
    for pieces in taken_apart(given):
        sizes = [int(np.prod(piece.shape)) for piece in pieces]
        theirs = [int(np.prod(shapes[other])) for other in others]
        if sorted(sizes) != sorted(theirs):
            continue
        classes = []
        for size in dict.fromkeys(sizes):
            rows, columns = ([k for k, n in enumerate(every) if n == size] for every in (sizes, theirs))
            cost = np.array(
                [
                    [
                        pieces[i].unlike(".".join(_parts(others[j])), shapes[others[j]]) + abs(i - j) / len(pieces)
                        for j in columns
                    ]
                    for i in rows
                ]
            )
            classes.append([(c, [(rows[i], columns[j]) for i, j in way]) for c, way in _assignments(cost)])
        for chosen in _cheapest(classes):
            ways = []
            for i, j in sorted(pair for pairs in chosen for pair in pairs):
                leaf = (others[j], _tail(others[j]), shapes[others[j]])
                ways.append([(str(i), way) for way in _ways(pieces[i].shape, leaf, "weight")])
            for mapping in islice(_in_order(ways), FLIPS):
                yield joined([(pieces[int(i)], way) for i, way in mapping.items()])


def _assignments(cost: np.ndarray) -> list[tuple[float, list[tuple[int, int]]]]:
    """Ways to pair rows with columns, with what they cost, cheapest first: all of a few, else the best and swaps."""
    n = len(cost)
    if n <= 5:
        ways = [list(enumerate(way)) for way in permutations(range(n))]
    else:
        best = [j for _, j in _paired(cost)]
        ways = [list(enumerate(best))]
        for i, k in combinations(range(n), 2):
            swapped = [*best]
            swapped[i], swapped[k] = best[k], best[i]
            ways.append(list(enumerate(swapped)))
    priced = ((float(sum(cost[i, j] for i, j in way)), way) for way in ways)
    return sorted(priced, key=lambda item: item[0])[:WAYS]


def _cheapest(classes: list[list[tuple[float, Any]]]) -> Iterator[list[Any]]:
    """One of each class, in the order of what they cost together."""
    start = (0,) * len(classes)
    heap, seen = [(0.0, start)], {start}
    for _ in range(WAYS):
        if not heap:
            return
        _, at = heappop(heap)
        yield [every[k][1] for every, k in zip(classes, at, strict=True)]
        for c, every in enumerate(classes):
            there = (*at[:c], at[c] + 1, *at[c + 1 :])
            if there[c] < len(every) and there not in seen:
                seen.add(there)
                heappush(heap, (sum(e[k][0] for e, k in zip(classes, there, strict=True)), there))


def _in_order(ways: list[list[tuple[str, Any]]]) -> Iterator[Mapping]:
    """The likeliest, then with one choice changed, two changed together, and so on; all square weights turned early."""
    first = {choices[0][0]: choices[0][1] for choices in ways}
    yield first
    open_choices = [choices for choices in ways if len(choices) > 1]
    if not open_choices:
        return
    yield first | {choices[1][0]: choices[1][1] for choices in open_choices}
    for chosen in product(*open_choices):
        mapping = first | dict(chosen)
        if mapping != first:
            yield mapping


def _grouped(shapes: dict[str, Shape]) -> dict[str, list[tuple[str, str, Shape]]]:
    """(path, last name, shape) of each leaf, by the module it belongs to."""
    groups: dict[str, list[tuple[str, str, Shape]]] = {}
    for path, shape in shapes.items():
        parts = _parts(path)
        groups.setdefault(".".join(parts[:-1]), []).append((path, parts[-1] if parts else path, shape))
    return groups


def _parts(path: str) -> list[str]:
    """The parts of a path without what a library puts around every one."""
    parts = path.split(".")
    while len(parts) > 1 and parts[-1] in BEHIND:
        parts.pop()
    while len(parts) > 1 and parts[0] in BEFORE:
        parts.pop(0)
    return parts


def _tail(path: str) -> str:
    return _parts(path)[-1]


def _natural(path: str) -> tuple:
    return tuple((0, int(t), "") if t.isdigit() else (1, 0, t) for t in re.split(r"(\d+)|[._]", path) if t)


def _sizes(leaves: list[tuple[str, str, Shape]]) -> list[int]:
    return sorted(int(np.prod(shape)) for _, _, shape in leaves)


def _distance(name: str, mine: list, other: str, theirs: list, here: float, there: float) -> float:
    """How unlike two parts are; FAR where their numbers do not fit."""
    if _sizes(mine) != _sizes(theirs):
        return FAR
    one, two = (" ".join(re.split(r"[._]", text.lower())) for text in (name, other))
    unlike = 1 - SequenceMatcher(None, one, two).ratio() + abs(here - there)
    ranks = [sorted(sum(n > 1 for n in shape) for _, _, shape in part) for part in (mine, theirs)]
    text = f"{other} {' '.join(tail for _, tail, _ in theirs)}".lower()
    kin = any(kind in name.lower() and any(word in text for word in also) for kind, also in SAME_KIND)
    return unlike + 0.5 * (ranks[0] != ranks[1]) + 0.2 * (not kin)


def _places(mine: list, theirs: list) -> Iterator[list[tuple[str, Any]]]:
    """For each parameter of a part its possible places, the likeliest first."""
    left = list(theirs)
    for path, tail, shape in mine:
        fit = [leaf for leaf in left if int(np.prod(leaf[2])) == int(np.prod(shape))]
        best = min(fit, key=lambda leaf: _unlike(tail, leaf[1]))
        left.remove(best)
        yield [(path, place) for place in _ways(shape, best, tail)]


def _unlike(tail: str, other: str) -> tuple[bool, bool, bool, bool]:
    return (
        (tail in BIAS) != (other in BIAS),
        (tail in MEANS) != (other in MEANS),
        (tail in VARS) != (other in VARS),
        tail != other,
    )


def _ways(shape: Shape, leaf: tuple[str, str, Shape], tail: str) -> list[Any]:
    """How a parameter of one shape comes to a leaf of another."""
    path, name, wanted = leaf
    plain = path
    if len(shape) < 2:
        return [plain] if shape == wanted else [{"path": path, "reshape": list(wanted)}]
    turned = {"path": path, "transpose": True}
    if len(shape) == 2:
        if shape == wanted == shape[::-1]:
            as_is = name == tail or name in ("weight", "embedding", "embeddings")
            return [plain, turned] if as_is else [turned, plain]
        if wanted == shape:
            return [plain]
        if wanted == shape[::-1]:
            return [turned]
        return [{**turned, "reshape": list(wanted)}, {"path": path, "reshape": list(wanted)}]
    found: list[Any] = []
    for axes in ([*range(2, len(shape)), 1, 0], [*range(2, len(shape)), 0, 1]):
        if tuple(shape[a] for a in axes) == wanted:
            found.append({"path": path, "transpose": axes})
    if shape == wanted:
        found.insert(0 if name == "weight" else len(found), plain)
    return found or [{"path": path, "reshape": list(wanted)}]
