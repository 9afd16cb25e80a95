"""``logreg-parity explore``: a page to play with, in one file that needs no network."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..data.dataset import Dataset

DESCRIPTION = """\
Write the explorer, one web page without any connection to the network, and open it: data,
curve, loss surface, every step of a descent, where the loss breaks, where the optimum is,
and the same setting as PyTorch and as JAX code."""

EPILOG = """\
exit status: 0 the page is written; 2 the input or an option is wrong.

examples:
  logreg-parity explore
  logreg-parity explore --out class.html --no-open
  logreg-parity explore --data FILE --label COLUMN"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity explore", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("--out", type=Path, default=Path("explorer.html"), metavar="FILE", help="the page (explorer.html)")
    top.add_argument("--no-open", action="store_true", help="do not open it in the browser")
    top.add_argument("--data", metavar="FILE", help="a .csv, .npz or .parquet file of one or two features")
    top.add_argument("--label", metavar="COLUMN", help="the label's column in the file, with two values")
    top.add_argument("--standardize", action="store_true", help="give every feature mean 0 and deviation 1")
    return top


def run(options: argparse.Namespace) -> int:
    """Write, open; the exit status."""
    import webbrowser

    from ..data.files import check_file, write_whole
    from ..show import shown

    check_file("--out", options.out)
    write_whole(options.out, explorer(_dataset(options)))
    print(f"Written: {shown(str(options.out))}")
    if not options.no_open and not webbrowser.open(options.out.resolve().as_uri()):
        print(f"No browser could be opened; open {options.out.resolve()} yourself.")
    return 0


def explorer(dataset: "Dataset | None" = None) -> str:
    """The page, both twins' source in a tab of it, as HTML."""
    from ..teach.explore.page import Tab, page
    from ..teach.sidebyside import fragment

    return page(dataset=dataset, tabs=[Tab("twins", {"en": "Two frameworks", "zh": "两个框架"}, fragment(lesson=True))])


def _dataset(options: argparse.Namespace) -> "Dataset | None":
    from ..data.tables import load_table

    if options.data is None:
        if options.label or options.standardize:
            raise ValueError("--label and --standardize are for files; give one with --data, or leave them out")
        return None
    if options.label is None:
        raise ValueError(f"--data is the file {options.data}; say which column is the label with --label COLUMN")
    dataset = load_table(options.data, options.label)
    return dataset.standardized() if options.standardize else dataset
