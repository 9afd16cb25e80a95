"""``logreg-parity museum``: faults people make, what the judge says of each, and the judge's own score."""

import argparse
import sys
from typing import TYPE_CHECKING

from .problem import positive, seed

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from rich.console import Console

DESCRIPTION = """\
Without NAME, list the planted faults and the correct rewrites. With it, run that fault
beside the correct program in float64 and show what the judge says. --score counts, over
all of them, what the judge rejects beside common comparisons at their defaults. --pairs
lets the judge look at N random pairs of correct programs and counts its false alarms.
--sizes plants every fault in problems of other sizes, up to 100000 rows and 1000
features (an hour for all of them), and lists those that a bound there hides.
--lost-bits shows seven causes by which right programs differ in their last digits, each at
work in every way to compute that is here, and beside it exact arithmetic, where it is not."""

EPILOG = """\
exit status: 0 every fault shown is rejected with its cause, and no correct program is, and
exact arithmetic has one hash; 1 not so; 2 an option is wrong; 130 --pairs was interrupted, and says what it had.
Of --sizes: 0 every fault is rejected but those that a bound of float32 hides.

examples:
  logreg-parity museum
  logreg-parity museum FactorTwo
  logreg-parity museum --score
  logreg-parity museum --sizes 10x30 1000x30
  logreg-parity museum --pairs 1000
  logreg-parity museum --pairs 1 --first 17
  logreg-parity museum --lost-bits"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity museum", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("name", nargs="?", metavar="NAME", help="the fault to show")
    top.add_argument("--score", action="store_true", help="what the judge rejects, and what it should not")
    top.add_argument(
        "--sizes", nargs="*", type=size, metavar="NxD", help="what is rejected with N rows of D features; default: all"
    )
    top.add_argument("--lost-bits", action="store_true", help="what changes the last digits, and not exact arithmetic")
    top.add_argument("--pairs", type=positive(int), metavar="N", help="random correct pairs to look at")
    top.add_argument("--first", type=seed, metavar="K", help="the number of the first of them; default: 0")
    return top


def size(text: str) -> tuple[int, int]:
    """Rows and features."""
    n, _, d = text.partition("x")
    if not (n.isdecimal() and d.isdecimal() and int(n) > 1 and int(d) > 0):
        raise argparse.ArgumentTypeError(f"{text} came; give rows and features, as 1000x30")
    return int(n), int(d)


def run(options: argparse.Namespace) -> int:
    """List, show or score; the exit status."""
    from ..show import screen

    sizes = options.sizes is not None
    if options.name and (options.score or sizes or options.pairs or options.lost_bits):
        raise ValueError(
            f"NAME is {options.name} and --score, --sizes, --pairs or --lost-bits is given; give one of them"
        )
    if options.lost_bits and (options.score or sizes or options.pairs):
        raise ValueError("--lost-bits is a room of its own; give it without --score, --sizes and --pairs")
    if options.first is not None and not options.pairs:
        raise ValueError(f"--first is {options.first}, and no pairs are asked for; give --pairs too")
    console = screen()
    if options.lost_bits:
        return _lost_bits()
    if options.score or sizes or options.pairs:
        found = _score(console) if options.score else 0
        found = max(found, _sizes(console, options.sizes) if sizes else 0)
        return max(found, _pairs(console, options.pairs, options.first or 0) if options.pairs else 0)
    return _show(console, options.name) if options.name else _list(console)


def _list(console: "Console") -> int:
    from .. import show
    from ..museum import confident
    from ..museum.faults import EXHIBITS
    from ..museum.rewrites import REWRITES

    words = ("what it is", "source")
    faults = show.Grid("faults, each to be rejected with its cause", "name", *words, prose=words)
    for exhibit in EXHIBITS.values():
        faults.add_row(exhibit.name, exhibit.what, exhibit.source)
    faults.add_row(confident.NAME, confident.WHAT, confident.SOURCE)
    rewrites = show.Grid("correct rewrites, never to be rejected", "name", words[0], prose=words)
    for name, program in REWRITES.items():
        rewrites.add_row(name, program.__doc__ or "")
    console.print(faults, rewrites)
    return 0


def _show(console: "Console", name: str) -> int:
    from ..explain.report import table, verdict
    from ..museum import confident
    from ..museum.faults import EXHIBITS
    from ..museum.score import trial

    if name == confident.NAME:
        return _confident(console)
    if name not in EXHIBITS:
        raise ValueError(f"there is no exhibit {name!r}; give one of {', '.join([*EXHIBITS, confident.NAME])}")
    exhibit = EXHIBITS[name]
    made = trial(exhibit.program, exhibit.setting)
    console.print(f"{name}: {exhibit.what}\nSource: {exhibit.source}.\n")
    off = [row for row in made.comparison.rows if row.verdict == "OUTSIDE" and row.subject == (name,)]
    for row in off[:1]:
        place = f"{row.quantity} {row.where}".rstrip()
        console.print(
            f"Compare: {place} is off the exact value by {row.error:.3g}, where {row.bound:.3g} is allowed.\n"
            f"Outside in all: {', '.join(row.quantity for row in off)}.\n",
        )
    console.print(f"Explain: {verdict(made.explanation)}")
    if made.explanation.rows:
        console.print(table(made.explanation))
    console.print(made.explanation.cause)
    return 0 if made.rejected["compare"] and made.explained(exhibit) else 1


def _confident(console: "Console") -> int:
    from .. import show
    from ..museum import confident

    found = confident.confident()
    heads = [f"{loss.twin}\n{loss.form}" for loss in found]
    console.print(f"{confident.NAME}: {confident.WHAT}\nSource: {confident.SOURCE}.\n")
    grid = show.Grid("loss of a row (margin, 0, 0) of three classes, float32", "margin", *heads)
    for row, margin in enumerate(confident.MARGINS):
        grid.add_row(f"{margin:g}", *(f"{loss.losses[row]:.9g}" for loss in found))
    grid.add_row("largest error / bound", *(show.share(loss.share) for loss in found))
    console.print(grid)
    own = [loss for loss in found if loss.form == "its own"]
    alike = all((loss.losses[-2:] == 0).all() for loss in own)
    right = all((loss.share <= 1) == (loss.form != "its own") for loss in found)
    words = "Both frameworks say 0 of the last rows, and agree; held to the exact value, both are rejected."
    console.print(words if alike and right else "The frameworks have changed: not all say 0, or one passes.")
    return 0 if alike and right else 1


def _lost_bits() -> int:
    from ..museum.lost_bits import lost_bits

    natively = exactly = causes = 0
    for cause, rows in lost_bits():
        print(f"{cause}\n  {'':32}native            exact")
        for row in rows:
            print(f"  {row.way:32}{row.native[:16]}  {row.exact[:16]}", flush=True)
        native, exact = ({getattr(row, name) for row in rows} for name in ("native", "exact"))
        print(f"  {'hashes':32}{len(native):<18}{len(exact)}\n")
        natively, exactly, causes = natively + (len(native) > 1), exactly + (len(exact) > 1), causes + 1
    print(f"Of {causes} causes {natively} change native results here, and {exactly or 'none'} the exact ones.")
    return 1 if exactly else 0


def _score(console: "Console") -> int:
    from .. import show
    from ..museum.faults import EXHIBITS
    from ..museum.score import TOOLS, score

    scores = list(score())
    table = show.Grid("", "", "faults rejected", "cause named", "correct rejected")
    for s in scores:
        if s.tool == TOOLS[0]:
            table.add_row(s.dtype, style="bold")
        if s.killed is None:
            table.add_row(f"  {s.tool}", "not installed")
            continue
        named = "-" if s.explained is None else f"{s.explained} of {s.faults}"
        table.add_row(f"  {s.tool}", f"{s.killed} of {s.faults}", named, f"{s.alarms} of {s.rewrites}")
    console.print(table)
    judged = [s for s in scores if s.tool in ("compare", "explain")]
    counts = {n for s in judged if s.dtype == "float64" for n in (s.killed, s.explained) if n is not None}
    return 0 if counts == {len(EXHIBITS)} and not any(s.alarms for s in judged) else 1


def _sizes(console: "Console", chosen: list[tuple[int, int]]) -> int:
    from .. import show
    from ..museum.score import DTYPES
    from ..museum.sizes import SIZES, planted

    missed = 0
    for dtype in DTYPES:
        table = show.Grid(f"faults rejected in {dtype}", "rows x features", "rejected", "hidden", left=("hidden",))
        for n, d in chosen or SIZES:
            show.screen(stderr=True).print(f"· {n} rows of {d} features in {dtype}", style="dim")
            found = list(planted(n, d, dtype))
            hidden = [p for p in found if not p.rejected]
            missed += sum(dtype == "float64" or p.difference > p.bound for p in hidden)
            table.add_row(f"{n} x {d}", f"{len(found) - len(hidden)} of {len(found)}", _hidden(hidden[:1]))
            for each in hidden[1:]:
                table.add_row("", "", _hidden([each]))
        console.print(table)
    return 1 if missed else 0


def _hidden(faults: list) -> str:
    return "".join(
        f"{p.name}{' (suspected)' if p.suspected else ''}: {p.difference:.1e} in {p.where}, bound {p.bound:.1e}"
        for p in faults
    )


def _pairs(console: "Console", count: int, first: int) -> int:
    from tqdm import tqdm

    from ..museum.pairs import random_pair

    alarms, differ, looked, stopped = [], 0, 0, False
    bar = tqdm(
        range(first, first + count),
        "correct pairs",
        unit="pair",
        leave=False,
        mininterval=10 if not sys.stderr.isatty() else 0.1,
    )
    try:
        for number in bar:
            pair = random_pair(number)
            differ += not pair.same
            if pair.rejected["compare"] or pair.rejected["explain"]:
                alarms.append(number)
                bar.write(f"pair {number} is rejected", file=sys.stderr)
            looked += 1
            bar.set_postfix_str(f"{len(alarms)} rejected")
    except KeyboardInterrupt:
        stopped = True
    bar.close()
    seeds = f" (seeds {', '.join(map(str, alarms))})" if alarms else ""
    console.print(
        f"Of {looked} random pairs of correct programs, {differ} of which differ in some number, "
        f"the judge rejects {len(alarms)}{seeds}."
    )
    if stopped:
        console.print(
            f"Interrupted after {looked} of {count}: what is said is of those (seeds {first} to {first + looked - 1})."
        )
        return 130
    return 1 if alarms else 0
