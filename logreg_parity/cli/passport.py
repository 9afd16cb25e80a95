"""``logreg-parity passport``: what the backends of this machine do with numbers."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .problem import positive

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..show import Grid

FILES = ("passport.json", "passport.md")

DESCRIPTION = """\
Ask the frameworks how they compute here: precision of products, fused multiply-adds,
subnormals, depth of sums, what results depend on, errors of the functions in ulps; and
what becomes of some answers when a pass of the compiler or a setting is switched.
Prints tables and writes passport.json and passport.md.

logreg-parity passport diff A.json B.json prints what differs between two of them.
logreg-parity passport sweep measures the twins' functions on every float32 number;
logreg-parity passport functions some sixty of the frameworks', and their derivatives.
logreg-parity passport tune measures which blocks of X suit the passes of a fit."""

SWEEP = """\
Hold the functions to their exact values: at every finite float32 number (minutes; a
progress bar says how many), and in float64 at a fixed sample and where climbing from its
worst places leads. Prints the largest errors and adds them to a file of maxima, in the
place of rows of the same function, version and machine. Interrupted, it writes nothing."""

FUNCTIONS = """\
Hold the elementwise functions that both frameworks have, exp to zeta, and their
derivatives, to their exact values (Arb): at a sample of each function's range, and where
climbing from its worst places leads; with --whole at every float32 number, which takes
minutes for each and says how many. Prints the largest errors and adds them to a file.
Interrupted, it writes nothing."""

TUNE = """\
Measure how large the blocks of X should be for the products of each framework on this
processor, from half a mebibyte to eight, and keep it in a file for this kind of processor:
every later fit on a CPU by plain products reads it. Another size than the usual one is kept
only where it is faster, with few features and with many. Leave the machine alone meanwhile.

Blocks change the last digits of a fit, so a checkpoint of other blocks is refused, and so
are ranks with others. LOGREG_BLOCKS=BYTES comes before the file, LOGREG_BLOCKS=usual too;
to undo it, delete the file."""

EPILOG = """\
exit status: 0 the passport is written, or two are the same but for their date;
1 two passports differ, or the sweep found more than the kept rows or the bounds allow;
2 a file or an option is wrong."""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity passport", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    twins = ["logreg_torch", "logreg_jax"]
    top.add_argument("--twins", nargs="+", metavar="MODULE", default=twins, help=f"to ask ({' '.join(twins)})")
    top.add_argument("--device", metavar="NAME", default="cpu", help="cpu or cuda (cpu)")
    top.add_argument("--out", type=Path, default=Path("passport"), metavar="FOLDER", help="for the files (passport/)")
    commands = top.add_subparsers(title="command", dest="command", metavar="[diff|sweep|functions|tune]")
    diff = commands.add_parser("diff", help="print what differs between two passports")
    diff.add_argument("files", type=Path, nargs=2, metavar="FILE", help="a passport.json")
    sweep = commands.add_parser(
        "sweep", help="the largest errors of the functions", description=SWEEP, formatter_class=formatter
    )
    inherit = argparse.SUPPRESS
    sweep.add_argument("--twins", nargs="+", metavar="MODULE", default=inherit, help=f"to ask ({' '.join(twins)})")
    sweep.add_argument("--device", metavar="NAME", default=inherit, help="cpu or cuda (cpu)")
    sweep.add_argument("--functions", nargs="+", metavar="NAME", help="of the probes; another name lists them (all)")
    sweep.add_argument("--dtypes", nargs="+", choices=["float32", "float64"], default=["float32", "float64"])
    sweep.add_argument("--sample", type=positive(int), metavar="K", help="about K float32 numbers in place of all")
    sweep.add_argument("--out", dest="file", type=Path, default=Path("maxima.json"), metavar="FILE", help="to add to")
    table = commands.add_parser(
        "functions", help="the errors of some sixty functions", description=FUNCTIONS, formatter_class=formatter
    )
    table.add_argument("--twins", nargs="+", metavar="MODULE", default=inherit, help=f"to ask ({' '.join(twins)})")
    table.add_argument("--device", metavar="NAME", default=inherit, help="cpu or cuda (cpu)")
    table.add_argument("--functions", nargs="+", metavar="NAME", help="of the table; another name lists them (all)")
    table.add_argument("--dtypes", nargs="+", choices=["float32", "float64"], default=["float32", "float64"])
    table.add_argument("--whole", action="store_true", help="float32 by its whole range (a sample and a search)")
    table.add_argument(
        "--out", dest="file", type=Path, default=Path("functions.json"), metavar="FILE", help="to add to; and its .png"
    )
    blocks = commands.add_parser(
        "tune", help="which blocks of X suit this processor", description=TUNE, formatter_class=formatter
    )
    blocks.add_argument("--twins", nargs="+", metavar="MODULE", default=inherit, help=f"to measure ({' '.join(twins)})")
    blocks.add_argument(
        "--mib", type=positive(int), default=128, metavar="M", help="of X: more than the caches hold (128)"
    )
    blocks.add_argument("--out", dest="file", type=Path, metavar="FILE", help="another file than that which fits read")
    return top


def run(options: argparse.Namespace) -> int:
    """Ask and write, compare two files, or sweep; the exit status."""
    if options.command == "diff":
        return _diff(*options.files)
    if options.command == "functions":
        return _functions(options)
    if options.command == "tune":
        return _tune(options)
    return _sweep(options) if options.command == "sweep" else _issue(options)


def _issue(options: argparse.Namespace) -> int:
    from .. import show
    from ..data.files import check_folder, write_folder
    from ..machine import maxima, passport
    from ..show import as_json

    check_folder("--out", options.out, FILES)
    issued = passport.issue(list(dict.fromkeys(options.twins)), options.device)
    console = show.screen()
    console.print("\n".join(passport.about(issued)), soft_wrap=True)
    for dtype in passport.DTYPES:
        console.print(_table(f"{dtype} on {options.device}", *passport.table(issued, dtype)))
        console.print(_table(passport.switch_title(dtype), *passport.switches(issued, dtype)))
    ran = {version for twin in issued["twins"].values() for version in twin["versions"].items()}
    kept = [row for row in maxima.load() if (row.framework, row.version) in ran]
    if kept:
        console.print(_table("largest errors kept for these versions, in ulps", *maxima.table(kept)))
    contents = dict(zip(FILES, (as_json(issued), passport.markdown(issued)), strict=True))
    written = write_folder(options.out, contents)
    console.print(f"\nWritten: {', '.join(map(str, written))}", soft_wrap=True)
    return 0


def _diff(first: Path, second: Path) -> int:
    from ..machine.passport import differences, load, shown

    found = differences(load(first), load(second))
    for what, one, other in found:
        print(f"{what}\n  {first}: {shown(one)}\n  {second}: {shown(other)}")
    return 1 if found else 0


def _sweep(options: argparse.Namespace) -> int:
    from .. import show
    from ..data.files import check_file
    from ..machine import maxima, sweep

    check_file("--out", options.file)
    if options.file.exists():
        maxima.load(options.file)  # what it cannot be added to is said before the work
    functions = list(dict.fromkeys(options.functions or sweep.FUNCTIONS))
    twins = list(dict.fromkeys(options.twins))
    rows = []
    for dtype in dict.fromkeys(options.dtypes):
        places = sweep.places(twins, functions, dtype, options.device)
        rows += (
            sweep.search(places, functions) if dtype == "float64" else sweep.sweep(places, functions, options.sample)
        )
    kept = maxima.load()
    wrong = [complaint for row in rows if (complaint := maxima.complaint(row, kept))]
    sweep.save(rows, options.file)
    console = show.screen()
    console.print(_table("largest errors in ulps", *maxima.table(rows)))
    console.print("\n".join([*wrong, f"Written: {options.file}"]), soft_wrap=True)
    return 1 if wrong else 0


def _functions(options: argparse.Namespace) -> int:
    from .. import show
    from ..data.files import check_file, write_whole
    from ..judge.figures import png
    from ..machine import functions, maxima, sweep

    drawn = options.file.with_suffix(".png")
    for path in (options.file, drawn):
        check_file("--out", path)
    if options.file.exists():
        maxima.load(options.file)  # what it cannot be added to is said before the work
    console, progress = show.screen(), show.screen(stderr=True)
    names = list(dict.fromkeys(options.functions or functions.FUNCTIONS))
    rows = []
    measured = functions.measure(
        list(dict.fromkeys(options.twins)),
        names,
        list(dict.fromkeys(options.dtypes)),
        options.device,
        options.whole,
        lambda words: progress.print(f"· {words}", style="dim"),
    )
    for row in measured:
        rows.append(row)
        if progress.is_terminal:
            progress.print(f"· {row}", style="dim")
    sweep.save(rows, options.file)
    write_whole(drawn, png(functions.picture(maxima.load(options.file))))
    console.print(_table("largest errors in ulps", *maxima.table(rows)))
    console.print(f"Written: {options.file}, {drawn}", soft_wrap=True)
    return 0


def _tune(options: argparse.Namespace) -> int:
    from .. import show
    from ..data.files import check_file
    from ..processor import blocks_file, kept_blocks
    from ..solvers import tune

    path = options.file or blocks_file()
    kept_blocks(path)  # what it cannot be added to is said before the work
    if options.file:
        check_file("--out", path)
    console, progress = show.screen(), show.screen(stderr=True)
    found = {
        name: tune.tune(name, options.mib, lambda words: progress.print(f"· {words}", style="dim"))
        for name in dict.fromkeys(options.twins)
    }
    tune.save(path, found)
    rows = [(f"{size / 2**20:g} MiB", *(f"{times[size]:.2f}" for times in found.values())) for size in tune.SIZES]
    console.print(_table("time of a pass, the usual blocks as 1", ("a block", *found), rows))
    kept = ", ".join(f"{next(iter(times)) / 2**20:g} MiB for {name}" for name, times in found.items())
    console.print(f"Kept: {kept}. Written: {path}", soft_wrap=True)
    return 0


def _table(title: str, heading: Iterable[str], rows: Iterable[Iterable[str]]) -> "Grid":
    from .. import show

    heading = tuple(heading)
    table = show.Grid(title, *heading, left=heading)
    for row in rows:
        table.add_row(*row)
    return table
