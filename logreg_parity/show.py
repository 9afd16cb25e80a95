"""One style for what people read, and one header for what programs read.

Numbers, shares and verdicts look the same in every table and page, no table breaks on a narrow terminal, and every JSON
file says in the same words on what its results depend.
"""

import json
import math
import os
import platform
import sys
import unicodedata
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from . import processor
from ._version import __version__

if TYPE_CHECKING:  # rich is loaded when something is printed
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

Verdict = Literal["within", "no promise", "OUTSIDE"]
STYLES: dict[Verdict, str] = {"within": "green", "no promise": "yellow", "OUTSIDE": "bold red"}
"""How a terminal shows a verdict; from the best to the worst."""

SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "LOGREG_BLOCKS",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "XLA_FLAGS",
)
"""Variables that change instructions, numbers of threads or the order of additions, and with them the last digits."""


UNLIMITED = 10_000  # columns: more than any table or line has
DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the order of what is written; a terminal would show another text than the one that came."""


class Judged(Protocol):
    """A row of a report: how far off a quantity is, and how far it may be."""

    @property
    def quantity(self) -> str: ...
    @property
    def error(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def ulps(self) -> float: ...
    @property
    def share(self) -> float: ...


def cell(row: Judged) -> str:
    """An error in ulps, and in brackets its share of the bound."""
    if row.quantity == "end: classes":
        return "same" if row.error == 0 else "differ"
    if row.quantity == "format":
        return "not held"
    if math.isinf(row.bound):
        return f"{number(row.ulps)}   (no bound)"
    return f"{number(row.ulps)} {f'({share(row.share)})':>7}"


def share(part: float) -> str:
    """A part of the bound in percent, a multiple of it as such."""
    if part > 10:
        return f"{number(part)} ×"
    return "0 %" if part == 0 else "<1 %" if part < 0.01 else f"{100 * part:.0f} %"


def number(x: float) -> str:
    """Three digits, as people write them."""
    return f"{x:.2f}" if x < 10 else f"{x:.0f}" if x < 1e5 else f"{x:.1e}"


def duration(seconds: float) -> str:
    """So many seconds, in the unit in which they are a small number: 42 s, 7 min, 30 h."""
    for unit, size in (("s", 1), ("min", 60)):
        if seconds < 90 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 3600:.0f} h"


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of some verdicts."""
    return max(verdicts, key=list(STYLES).index)


def shown(text: str, keep: str = "") -> str:
    """A text of the user's with its control characters escaped, so that no name moves the cursor or hides a word.

    Args:
        text: a name of a column, a file, a parameter; or a message with such names in it.
        keep: control characters that are meant, such as a line break.
    """
    return "".join(c if c in keep or not _steers(c) else c.encode("unicode_escape").decode() for c in text)


def _steers(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in DIRECTIONS


def screen(*, stderr: bool = False) -> "Console":
    """Where a command prints, without markup and control characters.

    A pipe has no width: there no table and no paragraph is broken.
    """
    from rich.console import Console

    class Screen(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*(shown(each, "\n") if isinstance(each, str) else each for each in objects), **options)

    stream = sys.stderr if stderr else sys.stdout
    pipe = not stream.isatty() and "COLUMNS" not in os.environ
    return Screen(stderr=stderr, markup=False, highlight=False, width=UNLIMITED if pipe else None)


class Grid:
    """A table for a terminal. Where it is too wide, the columns that do not fit stand below, beside the first again.

    The first column is to the left, and numbers to the right. Cells are texts as they are, without markup.

    Args:
        title: printed above, in bold; or nothing.
        columns: the headings; one may have several lines.
        left: those further ones whose cells are words.
        prose: those whose cells are broken into lines instead.
    """

    def __init__(self, title: str, *columns: str, left: Collection[str] = (), prose: Collection[str] = ()):
        self.title, self.columns = title, columns
        self._left, self._prose = left, prose
        self._rows: list[tuple[str | None, tuple[Any, ...]]] = []  # style and cells

    def add_row(self, *cells: "str | Text", style: str | None = None) -> None:
        """Add a row; cells that are left out are empty."""
        self._rows.append((style, cells))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        from rich.text import Text

        if self.title:
            yield Text(f"\n{self.title}", "bold")
        rest = list(range(1, len(self.columns)))
        while True:
            count = len(rest)
            while count > 1 and self._width(console, options, [0, *rest[:count]]) > options.max_width:
                count -= 1
            yield self._table([0, *rest[:count]])
            rest = rest[count:]
            if not rest:
                return

    def _width(self, console: "Console", options: "ConsoleOptions", columns: list[int]) -> int:
        wide = console.measure(self._table(columns), options=options.update(width=UNLIMITED))
        return 0 if self._prose else wide.maximum

    def _table(self, columns: list[int]) -> "Table":
        """These columns as a table of rich."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD)
        for k in columns:
            heading = self.columns[k]
            words = k == 0 or heading in self._left or heading in self._prose
            table.add_column(
                Text(shown(heading, "\n")),
                justify="left" if words else "right",
                overflow="fold",
                no_wrap=heading not in self._prose,
            )
        for style, cells in self._rows:
            chosen = [cells[k] if k < len(cells) else "" for k in columns]
            table.add_row(*(Text(shown(c, "\n")) if isinstance(c, str) else c for c in chosen), style=style)
        return table


def machine(device: str = "cpu") -> dict[str, Any]:
    """On what a result depends: processor, libraries and their threads, switches, kept blocks, versions, date."""
    from threadpoolctl import threadpool_info

    return {
        "platform": platform.platform(),
        "processor": processor.name(),
        "instruction sets": processor.instruction_sets(),
        "cores": os.cpu_count(),
        "device": device,
        "libraries": {
            f"{library['internal_api']} {library['version'] or ''}".strip(): f"{library.get('architecture', '')}"
            f" {library['num_threads']} threads".strip()
            for library in threadpool_info()
        },
        "switches": {name: os.environ[name] for name in SWITCHES if name in os.environ},
        "blocks": {} if processor.VARIABLE in os.environ else processor.kept_blocks(processor.blocks_file()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "logreg_parity": __version__,
        "date": now(),
    }


def now() -> str:
    """The date and time, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def ran_on() -> str:
    """One line of a page: what ran, where."""
    return f"logreg-parity {__version__}, Python {platform.python_version()}, {platform.platform()}, {processor.name()}"


def as_json(content: dict[str, Any]) -> str:
    """A report as JSON, the machine first. A number that is not finite is null: JSON has no infinity."""
    whole = content if "machine" in content else {"machine": machine(), **content}
    return json.dumps(_plain(whole), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The same in Python's own types."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
