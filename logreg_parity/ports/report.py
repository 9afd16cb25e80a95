"""What a check finds, and how it is told: a terminal table, words, Markdown and JSON."""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from rich.console import Console
from rich.text import Text

from ..data.files import write_folder
from ..show import STYLES, Grid, Verdict, as_json, cell, number, ran_on, worst
from ..truth.ulp import ulp
from .measured import Spread, bound_float64
from .sides import Plan, Side, Where

Outcome = Literal["within", "no promise", "OUTSIDE", "library"]
"""Of a check; "library": the formulas are one, and a function of a library is off."""


class Row(NamedTuple):
    """One quantity: the two sides held together in float64, or a side's own format held to float64."""

    dtype: str
    quantity: str
    of: tuple[str, ...]  # ("PyTorch", "JAX"), or the one side
    error: float  # the 2-norm of the difference, over all numbers of the quantity
    bound: float
    size: float  # the 2-norm of the quantity
    where: str  # the number that differs most
    verdict: Verdict

    @property
    def ulps(self) -> float:
        """The error in ulps of the quantity's size."""
        return float(self.error / ulp(self.size, self.dtype)) if np.isfinite(self.error + self.size) else np.inf

    @property
    def share(self) -> float:
        """The error as a part of its bound."""
        return 0.0 if self.error == 0 else float(self.error / self.bound) if self.bound else np.inf


@dataclass(frozen=True, eq=False)
class Report:
    """What a check found; ``print(report)`` shows it."""

    verdict: Outcome
    rows: tuple[Row, ...]
    first: Row | None  # the first quantity that differs
    cause: str
    notes: tuple[str, ...]  # what could not be asked, and what a reader should know
    places: dict[str, str]  # the JAX leaf of each torch parameter
    setting: dict[str, Any]
    versions: dict[str, str]
    names: tuple[str, str]  # of the two programs
    formula: str = "no statement"  # or "the same", "another": by their exact values
    exactly: str = ""  # that in words
    parting: tuple[str, ...] = ()  # where each side parts from the other
    mapping: dict[str, Any] = field(default_factory=dict)  # what was used, as ``params`` takes it
    narrow: str = "float32"  # the format beside float64: the model's own, where that has 16 bits

    @property
    def explanation(self) -> str:
        """The verdict in words, with the first difference and its cause."""
        from .report import explanation

        return explanation(self)

    def __str__(self) -> str:
        from .report import as_text

        return as_text(self)


class Measured(NamedTuple):
    """Both sides at one point, and everything measured there."""

    sides: tuple[Side, Side]
    here: Where
    plan: Plan
    spreads: tuple[Spread, Spread]
    samples: int
    restless: list[str]

    def bound(self, quantity: str) -> float:
        """How far apart rounding can bring the two sides in float64."""
        return bound_float64(quantity, self.spreads, self.samples, self.sides[0].narrow)


def _columns(names: tuple[str, str], narrow: str) -> dict[tuple[str, ...], str]:
    """The headings of the table, by what stands below them."""
    one, two = names
    return {
        ("float64", one, two): f"float64\n{one} to {two}",
        (narrow, one): f"{narrow} {one}\nto float64",
        (narrow, two): f"{narrow} {two}\nto float64",
    }


def table(report: Report) -> Grid:
    """A quantity a row: errors in ulps of its size, and in brackets as a share of what rounding can do."""
    title = "largest error in ulps of the quantity's size (and its share of the bound)"
    columns = _columns(report.names, report.narrow)
    made = Grid(title, "", *columns.values(), "verdict", left=("verdict",))
    for quantity, rows in _by_quantity(report).items():
        cells = {(row.dtype, *row.of): cell(row) for row in rows}
        verdict = worst([row.verdict for row in rows])
        made.add_row(quantity, *(cells.get(column, "-") for column in columns), Text(verdict, STYLES[verdict]))
    return made


def _by_quantity(report: Report) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in report.rows:
        grouped.setdefault(row.quantity, []).append(row)
    return grouped


def explanation(report: Report) -> str:
    """The verdict in a paragraph: how far apart, what differs first, why, and how sure that is."""
    telling: dict[str, Callable[[Report], str]] = {"within": _agree, "OUTSIDE": _differ, "library": _library}
    words = telling.get(report.verdict, _unsure)(report)
    parting = "First part:\n" + "\n".join(f"  {place}" for place in report.parting) if report.parting else ""
    paragraphs = [words, report.exactly, parting, report.cause, " ".join([*report.notes, how_sure(report)])]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _agree(report: Report) -> str:
    shares = {d: max(row.share for row in report.rows if row.dtype == d) for d in ("float64", report.narrow)}
    return (
        f"The two are the same function as far as rounding lets one see: {len(_by_quantity(report))} quantities, in "
        f"float64 at most {100 * shares['float64']:.2g} % of what rounding can do, in {report.narrow} "
        f"{100 * shares[report.narrow]:.2g} %."
    )


def _unsure(report: Report) -> str:
    rows = [row for row in report.rows if row.verdict == "no promise"]
    if not rows:
        return "Nothing is promised."
    names = ", ".join(dict.fromkeys(f"{row.quantity} ({row.dtype})" for row in rows))
    return (
        f"Nothing contradicts that the two are the same function, but nothing is promised for {names}: rounding alone "
        f"can move that too far to tell (training that expands, or a point where it cancels to nothing). Take fewer or "
        f"smaller steps, or another point."
    )


def _library(report: Report) -> str:
    one, two = report.names
    return f"{one} and {two} are one formula, and their float64 numbers are not: a function of a library is off."


def _differ(report: Report) -> str:
    row = report.first
    assert row is not None
    whose = f"{' and '.join(row.of)} differ" if len(row.of) == 2 else f"{row.of[0]} is off its float64 value"
    place = f" at {row.where}" if row.where else ""
    others = [name for name in _outside(report) if name != row.quantity]
    more = f" Outside too: {', '.join(others)}." if others else ""
    return (
        f"{whose} in the {row.quantity}{place}: by {row.error:.3g}, where {row.bound:.3g} is allowed ({row.dtype}). "
        f"That is the first quantity to differ, so look there first.{more}"
    )


def _outside(report: Report) -> list[str]:
    return list(dict.fromkeys(row.quantity for row in report.rows if row.verdict == "OUTSIDE"))


def how_sure(report: Report) -> str:
    """What kind of bound was used."""
    k = report.setting["samples"]
    return (
        f"The bounds are measured, not proved: by the spread of {k} one-ulp perturbations and the rounding of {k + 1} "
        f"{report.narrow} runs on each side, at a chance of a false alarm of 1e-9 a quantity."
    )


def as_text(report: Report) -> str:
    """The table and the words, as plain text of 100 columns."""
    console = Console(file=StringIO(), width=100, color_system=None, highlight=False, force_jupyter=False)
    console.print(table(report))
    console.print(explanation(report), markup=False)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def markdown(report: Report) -> str:
    """The report as a page: the words, what ran, and every row in full."""
    lines = [
        f"# {report.names[0]} to {report.names[1]}: {report.verdict}",
        "",
        explanation(report),
        "",
        *(f"- {name}: {value}" for name, value in {**report.versions, **report.setting}.items()),
        f"- {ran_on()}",
        f"- parameters: {', '.join(f'{ours} is {theirs}' for ours, theirs in report.places.items())}",
        "",
        "Errors, bounds and sizes are 2-norms over all numbers of the quantity; where is the number that differs most.",
        "",
        "| dtype | quantity | of | ulps | share of the bound | where | error | bound | size | verdict |",
        "|---|---|---|--:|--:|---|--:|--:|--:|---|",
    ]
    for row in report.rows:
        subject = ", ".join(row.of) if len(row.of) == 2 else f"{row.of[0]}, float64"
        lines.append(
            f"| {row.dtype} | {row.quantity} | {subject} | {number(row.ulps)} | {row.share:.2g} | {row.where} | "
            f"{row.error:.3g} | {row.bound:.3g} | {row.size:.3g} | {row.verdict} |"
        )
    return "\n".join([*lines, ""])


def to_json(report: Report) -> str:
    """Everything as JSON. A number that is not finite is null."""
    content = {
        "versions": report.versions,
        "sides": report.names,
        "verdict": report.verdict,
        "first": None if report.first is None else report.first.quantity,
        "cause": report.cause,
        "formula": report.formula,
        "exactly": report.exactly,
        "parting": report.parting,
        "notes": report.notes,
        "how_sure": how_sure(report),
        "setting": report.setting,
        "format": report.narrow,
        "parameters": report.places,
        "mapping": report.mapping,
        "rows": [row._asdict() | {"ulps": row.ulps, "share": row.share} for row in report.rows],
    }
    return as_json(content)


def write_check(report: Report, folder: Path) -> list[Path]:
    """Write check.json and check.md, both or none."""
    return write_folder(folder, dict(zip(FILES, (to_json(report), markdown(report)), strict=True)))


FILES = ("check.json", "check.md")
