"""``logreg-parity sidebyside``: both twins' source on one page, differences marked and explained."""

import argparse
from pathlib import Path

DESCRIPTION = """\
Write one page with the source of both twins, definition beside definition: lines aligned,
differences marked, and notes that say why. It is a single file that loads nothing from
elsewhere, in English and Chinese, and it is opened in the browser."""

EPILOG = """\
exit status: 0 the page is written; 2 an option is wrong, or a note explains code that is gone."""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity sidebyside", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    file = Path("sidebyside.html")
    top.add_argument("--out", type=Path, default=file, metavar="FILE", help=f"where to write the page ({file})")
    top.add_argument("--no-open", action="store_true", help="do not open it in the browser")
    return top


def run(options: argparse.Namespace) -> int:
    """Write the page and open it; the exit status."""
    import webbrowser

    from ..data.files import check_folder, write_whole
    from ..show import shown
    from ..teach.sidebyside import page

    if options.out.is_dir():
        raise ValueError(f"--out is {options.out}, a folder; give the name of a file in it")
    check_folder("--out", options.out.parent)
    html = page()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(options.out, html)
    print(f"Written: {shown(str(options.out))}")
    if not options.no_open and not webbrowser.open(options.out.resolve().as_uri()):
        print("There is no browser here to open it in; open the file in one.")
    return 0
