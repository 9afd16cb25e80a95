"""``logreg-parity bench``: run the benchmarks of a checkout, or compare two results."""

import argparse
import importlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..show import Grid


DESCRIPTION = """\
Measure: what a step costs in each framework, how close a gradient comes to one reading of
the data, how long the way to the optimum takes, when a GPU pays, how time and memory grow,
what several processes bring.
Says how long the last time took, prints each table as soon as it is measured, and writes
NAME.json, NAME.png and results.md after each: a run that is cut short keeps what it has.

The programs are in the folder benchmarks/ of a checkout."""

EPILOG = """\
exit status: 0 measured, or compared; 2 a file or an option is wrong.

Compare ratios within one run. The machine's other work counts: leave it alone meanwhile.

examples:
  logreg-parity bench ladder
  logreg-parity bench gradient optimum --out today/
  logreg-parity bench --compare before/ladder.json after/ladder.json"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity bench", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("names", nargs="*", metavar="NAME", help="ladder, gradient, optimum, devices, scale, ranks (all)")
    top.add_argument("--size", choices=("full", "tiny"), default="full", help="tiny shows only that it runs (full)")
    top.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where results go (benchmarks/results/, in a folder named after the processor)",
    )
    top.add_argument("--compare", type=Path, nargs=2, metavar="FILE", help="print the ratios of two results instead")
    return top


def run(options: argparse.Namespace) -> int:
    """Measure, print, write; the exit status."""
    from ..data.files import check_folder

    if options.out:
        check_folder("--out", options.out)
    # Before a framework is imported: a thread that spins while another framework computes takes its core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        results = importlib.import_module("benchmarks.results")
    except ModuleNotFoundError as error:
        if error.name not in ("benchmarks", "benchmarks.results"):
            raise
        raise ValueError(
            "the benchmarks are not here; run this in a checkout that is installed with --editable"
        ) from error
    return _compare(results, *options.compare) if options.compare else _measure(results, options)


def _measure(results: Any, options: argparse.Namespace) -> int:
    from .. import show
    from ..data.files import write_whole
    from ..judge.figures import png

    console, progress = show.screen(), show.screen(stderr=True)

    def notify(message: str) -> None:
        progress.print(f"· {message}", style="dim")

    names = list(dict.fromkeys(options.names)) or list(results.BENCHMARKS)
    benchmarks = {name: results.load_benchmark(name) for name in names}
    folder = options.out or Path("benchmarks/results") / results.machine_name(show.machine())
    for name in names:
        notify(f"{name}: {results.expected(name, options.size, folder)}")
    for name, benchmark in benchmarks.items():
        console.print(f"\n{name}: {benchmark.QUESTION}", style="bold")
        printed: list[str] = []
        for result in results.measure(name, options.size, notify):
            path = results.save(result, folder)
            write_whole(path.with_suffix(".png"), png(benchmark.figure(result["rows"])))
            write_whole(folder / "results.md", results.page(folder))  # it reads what the others have written
            if options.out is None and name == "gradient":
                write_whole(folder.parent / "processors.md", results.summary(folder.parent))
            tables = benchmark.tables(result["rows"])
            for title in list(tables)[len(printed) : None if result["whole"] else -1]:  # the last may still grow
                console.print(_table(title, *tables[title]))
                printed.append(title)
        console.print(results.environment_line(result), style="dim")
    written = ", ".join(f"{folder / name}.json, {folder / name}.png" for name in names)
    console.print(f"\nWritten: {written}, {folder / 'results.md'}", soft_wrap=True)
    return 0


def _compare(results: Any, one: Path, other: Path) -> int:
    from ..show import screen

    rows = results.ratios(results.load(one), results.load(other))
    shown = [(what, f"{median:.3g}", f"{ratio:.2f}") for what, median, ratio in rows]
    screen().print(_table(f"{other} against {one}", ("", "seconds", "times as long"), *shown))
    return 0


def _table(title: str, heading: Iterable[str], *rows: Iterable[str]) -> "Grid":
    from .. import show

    table = show.Grid(title, *heading)
    for row in rows:
        table.add_row(*row)
    return table
