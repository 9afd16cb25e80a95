"""One pair of definitions as HTML: the lines in two columns, the notes beside them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby

from .alignment import AlignedRow, Kind, align, likeness, marks
from .code import colours, markup
from .element import both, element, identity, say
from .notes import Placed
from .sources import MODULE, Pair

FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX"}


class Article:
    """A pair of definitions of a file, and its notes by their numbers."""

    def __init__(self, file: str, pair: Pair, notes: Mapping[int, Placed]):
        self.pair, self.notes = pair, notes
        self.lines = [side.lines if side else () for side in pair]
        self.rows = align(*self.lines)
        self.id = identity(file, pair.names[0])

    @property
    def title(self) -> str:
        """The definition's name, or both where they differ, as HTML."""
        return say("module") if self.pair.names == (MODULE,) else element("code", " · ".join(self.pair.names))

    @property
    def kind(self) -> Kind:
        """How much the two differ: as much as their most different lines."""
        kinds: tuple[Kind, ...] = ("differs", "spelling", "equal")
        return next(kind for kind in kinds if any(row.kind == kind for row in self.rows))

    def html(self) -> str:
        """The article with its heading, lines and notes."""
        badge = element("span", say(self.kind), class_="badge")
        blocks = (
            self._block(kind, list(rows)) for kind, rows in groupby(enumerate(self.rows), lambda row: row[1].kind)
        )
        beside = element("div", *blocks, class_="lines")
        if self.notes:
            beside += element("ol", *(_note(number, placed) for number, placed in self.notes.items()), class_="notes")
        parts = (element("h3", self.title, badge), element("div", beside, class_="beside"))
        return element("article", *parts, id=self.id, data_kind=self.kind, tabindex="-1")

    def _block(self, kind: Kind, rows: Sequence[tuple[int, AlignedRow]]) -> str:
        """Rows of one kind: PyTorch's lines, then JAX's, which the style puts beside each other."""
        columns = []
        for side, framework in enumerate(FRAMEWORKS):
            lines = [self._line(number, side) for number, _ in rows]
            who = element("span", FRAMEWORKS[framework], class_="who") if kind != "equal" and any(lines) else ""
            cells = "\n".join(line or element("span", class_="gap") for line in lines)
            hidden = "true" if not any(lines) or (kind == "equal" and framework == "jax") else None  # said already
            look = f"side {framework}" + ("" if any(lines) else " empty")
            columns.append(element("pre", who, cells, class_=look, aria_hidden=hidden))
        skipped = "" if kind == "differs" else element("p", say(f"hidden_{kind}", count=len(rows)), class_="skipped")
        return element("div", skipped, *columns, class_="block", data_kind=kind, style=f"--rows:{len(rows)}")

    def _line(self, number: int, side: int) -> str:
        row, definition = self.rows[number], self.pair[side]
        line = row.lines[side]
        if line is None or definition is None:
            return ""
        text = definition.lines[line]
        marked = self._marks(row)[side] if row.kind != "equal" else [False] * len(text)
        html = markup(text, self._colours[side][line], marked) + self._links[number, side]
        indent = f"--i:{len(text) - len(text.lstrip())}" if text[:1] == " " else None
        return element("code", html, class_="line", data_line=definition.first + line, style=indent)

    def _marks(self, row: AlignedRow) -> Sequence[Sequence[bool]]:
        """The words of a row to mark: none where the two lines have nothing to do with each other."""
        one, other = ("" if line is None else lines[line] for line, lines in zip(row.lines, self.lines, strict=True))
        return marks(one, other) if likeness(one, other) else ([False] * len(one), [False] * len(other))

    @cached_property
    def _colours(self) -> list[list[list[str]]]:
        return [colours(lines) for lines in self.lines]

    @cached_property
    def _links(self) -> Mapping[tuple[int, int], str]:
        """The links to notes that end a line, by row and side; in an equal row they end PyTorch's."""
        links: dict[tuple[int, int], str] = defaultdict(str)
        for number, (note, lines) in self.notes.items():
            places = [
                (k, 0 if row.kind == "equal" else side)
                for k, row in enumerate(self.rows)
                for side in (0, 1)
                if lines[side] is not None and row.lines[side] == lines[side]
            ]
            for place in dict.fromkeys(places):
                own = identity("at", note.name) if place == places[0] else None
                links[place] += _number(number, "note", identity("note", note.name), own)
        return links


def _note(number: int, placed: Placed) -> str:
    note = placed.note
    back = _number(number, "back", identity("at", note.name))
    question = element("p", back, " ", element("strong", both(note.question)))
    return element("li", question, element("p", both(note.answer)), id=identity("note", note.name), tabindex="-1")


def _number(number: int, says: str, target: str, own: str | None = None) -> str:
    """A note's number as a link, with words for those who do not see where it stands."""
    words = element("span", say(says), " ", class_="unseen")
    return element("a", words, str(number), href=f"#{target}", id=own, class_="number")
