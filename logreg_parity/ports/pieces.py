"""Parameters taken apart as libraries keep them: attention by query, key and value, recurrent cells by gates.

``inferred.py`` pairs the pieces with leaves. PyTorch keeps the gates of an LSTM (i, f, g, o) and of a GRU (r, z, n) one
below the other, with two biases each; flax has a kernel for each gate, equinox one weight and the sum of the biases.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise, product
from typing import Any, NamedTuple

Shape = tuple[int, ...]
WORDS = {
    "query": ("query", "q", "wq", "bq", "qproj", "toq", "queryproj"),
    "key": ("key", "k", "wk", "bk", "kproj", "tok", "keyproj"),
    "value": ("value", "v", "wv", "bv", "vproj", "tov", "valueproj"),
    "out": ("out", "o", "wo", "bo", "oproj", "outproj", "output", "outputproj"),
}
BIASES = re.compile(r"(bias|^b\d*$|^b[qkvoifgzrn]$|offset|shift|beta)")


class Part(NamedTuple):
    """Rows of a parameter; where some stand at other rows of the leaf, or are added to others, it says so."""

    name: str
    rows: tuple[int, int] | None = None
    at: tuple[int, int] | None = None
    add: bool = False


class Piece(NamedTuple):
    """What stands in one leaf: ``parts`` of parameters, a ``shape`` as PyTorch would keep it."""

    title: str
    shape: Shape
    parts: tuple[Part, ...]

    def unlike(self, leaf: str, shape: Shape) -> float:
        """How far its title is from the path of a leaf."""
        mine, theirs = (re.split(r"[._/]", text.lower()) for text in (self.title, leaf))
        word = next((part for part in reversed(mine) if part not in ("weight", "bias")), "")
        wanted = WORDS.get(word.removesuffix("_proj"), (word,))
        joined = ["".join(pair) for pair in pairwise(theirs)]
        hit = any(part in wanted for part in (*theirs, *joined))
        bias = any(BIASES.search(part) for part in theirs[-2:])
        ranks = sum(n > 1 for n in self.shape) != sum(n > 1 for n in shape)
        return (
            1
            - SequenceMatcher(None, " ".join(mine), " ".join(theirs)).ratio()
            + 2 * (not hit)
            + 2 * (bias != self.title.endswith("bias"))
            + 0.5 * ranks
        )


def joined(chosen: list[tuple[Piece, Any]]) -> dict[str, Any]:
    """The mapping that puts each piece into the place that was chosen for it."""
    places: dict[str, list[Any]] = {}
    for piece, way in chosen:
        for part in piece.parts:
            words = {"path": way} if isinstance(way, str) else dict(way)
            if part.rows is not None:
                words["slice"] = list(part.rows)
            if part.at is not None:
                words["at"] = list(part.at)
            if part.add:
                words["add"] = True
            places.setdefault(part.name, []).append(words if len(words) > 1 else words["path"])
    return {name: place if len(place) > 1 else place[0] for name, place in places.items()}


def taken_apart(given: dict[str, Shape]) -> Iterator[list[Piece]]:
    """Every way to take all parameters apart, the whole ones first; one way for all modules of a kind.

    Args:
        given: the shapes of the parameters by name.
    """
    modules: dict[str, dict[str, Shape]] = {}
    for name, shape in given.items():
        modules.setdefault(name.rpartition(".")[0], {})[name.rpartition(".")[2]] = shape
    kinds = [_kind(tails) for tails in modules.values()]
    present = list(dict.fromkeys(kind for kind in kinds if kind))
    for ways in product(*(WAYS[kind] for kind in present)):
        chosen = dict(zip(present, ways, strict=True))
        pieces: list[Piece] = []
        for (prefix, tails), kind in zip(modules.items(), kinds, strict=True):
            pieces += chosen[kind](prefix, tails) if kind else _whole(prefix, tails)
        yield pieces


def _kind(tails: dict[str, Shape]) -> str:
    if "in_proj_weight" in tails:
        return "attention"
    hidden = next((shape for tail, shape in tails.items() if tail.startswith("weight_hh")), None)
    return {4: "lstm", 3: "gru"}.get(hidden[0] // hidden[1], "rnn") if hidden else ""


def _title(*words: str) -> str:
    return ".".join(word for word in words if word)


def _whole(prefix: str, tails: dict[str, Shape]) -> list[Piece]:
    return [Piece(_title(prefix, tail), shape, (Part(_title(prefix, tail)),)) for tail, shape in tails.items()]


def _by_heads(prefix: str, tails: dict[str, Shape]) -> list[Piece]:
    pieces = []
    for tail, shape in tails.items():
        name, n = _title(prefix, tail), shape[0] // 3
        if not tail.startswith("in_proj"):
            pieces += _whole(prefix, {tail: shape})
            continue
        for k, word in enumerate(("query", "key", "value")):
            title = _title(prefix, word, tail.removeprefix("in_proj_"))
            pieces.append(Piece(title, (n, *shape[1:]), (Part(name, (k * n, (k + 1) * n)),)))
    return pieces


def _layers(tails: dict[str, Shape]) -> Iterator[tuple[str, Shape, Shape, bool]]:
    """(what the names of a layer end with, the shapes of its two weights, whether it has biases)."""
    for tail, shape in tails.items():
        if tail.startswith("weight_ih"):
            end = tail.removeprefix("weight_ih")
            yield end, shape, tails[f"weight_hh{end}"], f"bias_ih{end}" in tails


def _summed(prefix: str, tails: dict[str, Shape]) -> list[Piece]:
    """Weights as they are, the two biases added."""
    pieces = []
    for end, wide, hidden, biased in _layers(tails):
        inner, recurrent = (_title(prefix, f"{word}{end}") for word in ("bias_ih", "bias_hh"))
        pieces += [
            Piece(_title(prefix, f"{word}{end}", ""), shape, (Part(_title(prefix, f"{word}{end}")),))
            for word, shape in (("weight_ih", wide), ("weight_hh", hidden))
        ]
        if biased:
            parts = (Part(inner, add=True), Part(recurrent, add=True))
            pieces.append(Piece(_title(prefix, f"l{end}", "bias"), wide[:1], parts))
    return pieces


def _by_gates(prefix: str, tails: dict[str, Shape], gates: str, apart: str = "") -> list[Piece]:
    """A weight for each gate, the biases added to one, at the hidden state's weight (LSTM) or the input's (GRU).

    Args:
        prefix, tails: the module.
        gates: its gates, in PyTorch's order.
        apart: those whose two biases stay apart.
    """
    pieces = []
    for end, wide, hidden, biased in _layers(tails):
        n = hidden[1]
        layer = end.removeprefix("_")
        for k, gate in enumerate(gates):
            rows = (k * n, (k + 1) * n)
            for word, shape in (("i", wide), ("h", hidden)):
                part = Part(_title(prefix, f"weight_{word}h{end}"), rows)
                pieces.append(Piece(_title(prefix, layer, word + gate, "weight"), (n, shape[1]), (part,)))
            if not biased:
                continue
            inner, recurrent = (_title(prefix, f"{word}{end}") for word in ("bias_ih", "bias_hh"))
            if gate in apart:
                for word, name in (("i", inner), ("h", recurrent)):
                    pieces.append(Piece(_title(prefix, layer, word + gate, "bias"), (n,), (Part(name, rows),)))
            else:
                parts = (Part(inner, rows, add=True), Part(recurrent, rows, add=True))
                word = "i" if apart else "h"
                pieces.append(Piece(_title(prefix, layer, word + gate, "bias"), (n,), parts))
    return pieces


def _gru_summed(prefix: str, tails: dict[str, Shape]) -> list[Piece]:
    """Weights as they are, the biases of r and z added, those of n apart: equinox."""
    pieces = []
    for end, wide, hidden, biased in _layers(tails):
        n = hidden[1]
        pieces += [piece for piece in _summed(prefix, tails) if not piece.title.endswith("bias")]
        if biased:
            inner, recurrent = (_title(prefix, f"{word}{end}") for word in ("bias_ih", "bias_hh"))
            parts = (Part(inner, at=(0, 3 * n), add=True), Part(recurrent, (0, 2 * n), (0, 2 * n), True))
            pieces.append(Piece(_title(prefix, "bias"), wide[:1], parts))
            pieces.append(Piece(_title(prefix, "bias_n.bias"), (n,), (Part(recurrent, (2 * n, 3 * n)),)))
    return pieces


WAYS = {
    "attention": (_whole, _by_heads),
    "lstm": (_whole, _summed, lambda prefix, tails: _by_gates(prefix, tails, "ifgo")),
    "gru": (_whole, _gru_summed, lambda prefix, tails: _by_gates(prefix, tails, "rzn", "n")),
    "rnn": (_whole, _summed),
}
