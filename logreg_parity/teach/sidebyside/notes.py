"""The margin notes: why the twins differ where they do, each tied to a line by its definition and its text.

``notes.toml`` holds them. A note whose definition was renamed, or whose text is no longer there, is refused: an
explanation of code that is gone misleads.
"""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from .sources import Definition, Pair

LANGUAGES = ("en", "zh")


class Note(NamedTuple):
    """A question and its answer in every language, and where they belong."""

    name: str
    file: str
    definition: str
    anchors: tuple[str | None, str | None]  # text of a line in PyTorch's definition, in JAX's
    question: tuple[str, ...]  # one a language
    answer: tuple[str, ...]


class Placed(NamedTuple):
    """A note and the lines of its pair that it speaks of, counted from 0."""

    note: Note
    lines: tuple[int | None, int | None]  # PyTorch, JAX


def load_notes() -> list[Note]:
    """All notes of ``notes.toml``."""
    return parse(tomllib.loads(files(__package__).joinpath("notes.toml").read_text("utf-8")))


def parse(tables: Mapping[str, Mapping]) -> list[Note]:
    """Notes from their tables. Raises ValueError for a key too many, and for one that is missing."""
    return [_note(name, table) for name, table in tables.items()]


def place(notes: Sequence[Note], twins: Mapping[str, Sequence[Pair]]) -> dict[tuple[str, Pair], list[Placed]]:
    """The notes of each pair of a file, in the order of its lines. Raises ValueError where a note's place is gone."""
    placed: dict[tuple[str, Pair], list[Placed]] = {}
    for note in notes:
        pair = _find_pair(note, twins)
        torch, jax = (_find_line(note, anchor, side) for anchor, side in zip(note.anchors, pair, strict=True))
        placed.setdefault((note.file, pair), []).append(Placed(note, (torch, jax)))
    return {key: sorted(some, key=_height) for key, some in placed.items()}


def _note(name: str, table: Mapping) -> Note:
    wanted = {"file", "definition", *LANGUAGES}
    if not wanted <= table.keys() <= wanted | {"torch", "jax"} or not table.keys() & {"torch", "jax"}:
        raise ValueError(
            f"note {name} has {', '.join(table)}; it wants {', '.join(sorted(wanted))} and the text of a line: "
            "torch, jax or both"
        )
    question, answer = zip(*(table[language] for language in LANGUAGES), strict=True)
    return Note(name, table["file"], table["definition"], (table.get("torch"), table.get("jax")), question, answer)


def _find_pair(note: Note, twins: Mapping[str, Sequence[Pair]]) -> Pair:
    pairs = twins.get(note.file, ())
    found = next((pair for pair in pairs if note.definition in pair.names), None)
    if found is None:
        there = ", ".join(name for pair in pairs for name in pair.names) or "no such file"
        raise ValueError(
            f"note {note.name} explains {note.definition} in {note.file}, which is not there ({there}); "
            "give the note its new name or place, or remove it"
        )
    return found


def _find_line(note: Note, anchor: str | None, definition: Definition | None) -> int | None:
    if anchor is None:
        return None
    for number, line in enumerate(definition.lines if definition else ()):
        if anchor in line:
            return number
    raise ValueError(
        f"note {note.name} explains the line with {anchor!r} in {note.definition} of {note.file}, which is not there; "
        "read whether the note still holds, and give it a text of the new line or remove it"
    )


def _height(placed: Placed) -> int:
    return min(line for line in placed.lines if line is not None)
