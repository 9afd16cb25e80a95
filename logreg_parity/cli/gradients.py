"""``logreg-parity gradients``: every way to a gradient held to the exact one, and what gradient checkers notice."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..judge.gradients import Distance, Opinion
    from ..show import Grid

DESCRIPTION = """\
Hold the gradients of the twins to the exact gradient at an ordinary start, at a point
where every row is right and sure, and at the optimum. Then plant gradients that are
wrong by 0.1 %, 10 % and 100 %, in all rows or in those of class 1, and show who notices:
this judge, torch.autograd.gradcheck and jax.test_util.check_grads, at their defaults."""

EPILOG = """\
exit status: 0 every right gradient is within its bound, and in float64 every planted one
outside; 1 not so; 2 an option is wrong.

examples:
  logreg-parity gradients
  logreg-parity gradients --twins my_model --dtype float64"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity gradients", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument(
        "--twins",
        nargs="+",
        metavar="MODULE",
        default=["logreg_torch", "logreg_jax"],
        help="whose gradients (logreg_torch logreg_jax); a module of yours is measured, checkers have only ours",
    )
    both = ["float64", "float32"]
    top.add_argument("--dtype", nargs="+", choices=both, default=both, help="one or more (float64 float32)")
    top.add_argument("--out", type=Path, metavar="FILE", help="write everything there too, as JSON")
    return top


def run(options: argparse.Namespace) -> int:
    """Measure, print, write; the exit status."""
    from .. import show
    from ..data.files import check_file, write_whole
    from ..judge.gradients import JUDGE, distances, opinions

    if options.out:
        check_file("--out", options.out)
    console, names = show.screen(), list(dict.fromkeys(options.twins))
    measured, heard = [], []
    for dtype in dict.fromkeys(options.dtype):
        measured += (here := distances(names, dtype))
        heard += (said := opinions(names, dtype))
        console.print(_distances(here, dtype))
        if said:
            console.print(_opinions(said, dtype))
    if options.out:
        content = {"distances": [d._asdict() for d in measured], "opinions": [o._asdict() for o in heard]}
        write_whole(options.out, show.as_json(content))
        console.print(f"Written: {options.out}", soft_wrap=True)
    ours = [o for o in heard if o.checker.startswith(JUDGE)]
    meant = (o.noticed == (o.error > 0) for o in ours if o.dtype == "float64" or not o.error)
    right = all(d.share <= 1 for d in measured) and all(meant)
    return 0 if right else 1


def _distances(measured: Sequence["Distance"], dtype: str) -> "Grid":
    from .. import show

    title = f"\n{dtype}: ulps off the exact gradient (and the share of its bound)"
    table = show.Grid(title, "", *dict.fromkeys(d.place for d in measured))
    for way in dict.fromkeys(d.way for d in measured):
        cells = [f"{d.ulps:.2f} ({_percent(d.share)})" for d in measured if d.way == way]
        table.add_row(way, *cells)
    return table


def _opinions(heard: Sequence["Opinion"], dtype: str) -> "Grid":
    from rich.text import Text

    from .. import show
    from ..judge.gradients import JUDGE, PLACES

    by = {(*_what(o), o.checker): o.noticed for o in heard}
    checkers = list(dict.fromkeys(o.checker for o in heard))
    by_what = sorted(dict.fromkeys(_what(o) for o in heard), key=lambda what: PLACES.index(what[0]))
    headings = [checker.replace(f"{JUDGE} of ", "judge of\n").replace(".", ".\n") for checker in checkers]
    title = f"\n{dtype}: who notices a gradient that is wrong by so much in these rows"
    table = show.Grid(title, "", *headings, left=headings)
    last = None
    for place, rows, error in by_what:
        if place != last:
            table.add_row(last := place)
        cells = []
        for noticed in (by[place, rows, error, checker] for checker in checkers):
            words = ("noticed" if noticed else "passes it") if error else ("FLAGS IT" if noticed else "passes it")
            cells.append(Text(words, "green" if noticed == (error > 0) else "bold red"))
        table.add_row(f"  {rows} {100 * error:g} %" if error else "  right", *cells)
    return table


def _what(opinion: "Opinion") -> tuple[str, str, float]:
    return opinion.place, opinion.rows if opinion.error else "", opinion.error


def _percent(share: float) -> str:
    return "0 %" if share == 0 else "<1 %" if share < 0.01 else f"{100 * share:.0f} %"
