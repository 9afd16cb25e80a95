"""``logreg-parity passport``: what the backends of this machine do with numbers."""

import argparse
from pathlib import Path

DESCRIPTION = """\
Ask the frameworks how they compute here: precision of products, fused multiply-adds,
subnormals, depth of sums, what results depend on, errors of the functions in ulps.
Prints a table and writes passport.json and passport.md.

logreg-parity passport diff A.json B.json prints what differs between two of them."""

EPILOG = """\
exit status: 0 the passport is written, or two are the same but for their date;
1 two passports differ; 2 a file or an option is wrong."""


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
    commands = top.add_subparsers(title="command", dest="command", metavar="[diff]")
    diff = commands.add_parser("diff", help="print what differs between two passports")
    diff.add_argument("files", type=Path, nargs=2, metavar="FILE", help="a passport.json")
    return top


def run(options: argparse.Namespace) -> int:
    """Ask and write, or compare two files; the exit status."""
    return _diff(*options.files) if options.command == "diff" else _issue(options)


def _issue(options: argparse.Namespace) -> int:
    from rich.console import Console

    from ..data.files import write_whole
    from ..judge import passport

    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out is {options.out}, a file; give a folder")
    issued = passport.issue(list(dict.fromkeys(options.twins)), options.device)
    console = Console()
    console.print("\n".join(passport.about(issued)), highlight=False, markup=False, soft_wrap=True)
    for dtype in passport.DTYPES:
        console.print(_table(f"\n{dtype} on {options.device}", *passport.table(issued, dtype)))
    options.out.mkdir(parents=True, exist_ok=True)
    passport.save(issued, options.out / "passport.json")
    write_whole(options.out / "passport.md", passport.markdown(issued))
    written = f"\nWritten: {options.out / 'passport.json'}, {options.out / 'passport.md'}"
    console.print(written, highlight=False, markup=False, soft_wrap=True)
    return 0


def _diff(first: Path, second: Path) -> int:
    from ..judge.passport import differences, load, shown

    found = differences(load(first), load(second))
    for what, one, other in found:
        print(f"{what}\n  {first}: {shown(one)}\n  {second}: {shown(other)}")
    return 1 if found else 0


def _table(title, heading, rows):
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in heading:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
