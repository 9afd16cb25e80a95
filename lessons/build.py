"""Build the lessons as notebooks with their outputs: ``make lessons``, or ``python lessons/build.py [NUMBER ...]``.

A notebook that was changed since it was built belongs to the learner: it is kept as it is.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from logreg_parity.data.files import write_whole

HERE = Path(__file__).resolve().parent
LESSONS = sorted(HERE.glob("[0-9]_*.py"))


def build(lesson: Path, folder: Path) -> str:
    """Run one lesson and write its notebook into the folder; what became of it. Raises where a cell fails."""
    notebook, target = jupytext.read(lesson), folder / f"{lesson.stem}.ipynb"
    if target.exists() and _sources(nbformat.read(target, as_version=4)) != _sources(notebook):
        return f"{target}: kept, for it is not the lesson as it stands; delete it to build it anew"
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    quiet = ["--Application.log_level=ERROR"]  # the kernel warns of its connection, which does not leave the machine
    NotebookClient(notebook, timeout=180, extra_arguments=quiet, resources={"metadata": {"path": str(HERE)}}).execute()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(target, nbformat.writes(notebook))
    return f"{target}: built"


def _sources(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells]


def show(folder: Path) -> None:
    """Open the folder in JupyterLab where it is installed; else say where it is."""
    if importlib.util.find_spec("jupyterlab"):
        subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=True)
    else:
        print(f"Open them in Jupyter (pip install jupyterlab) or in an editor that shows notebooks: {folder}")


def main(argv: list[str] | None = None) -> None:
    """Build the lessons of these numbers, or all."""
    parser = argparse.ArgumentParser("build.py", description="Build the lessons as notebooks with their outputs.")
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="which lessons (all)")
    parser.add_argument("--out", type=Path, default=HERE / "notebooks", help="the folder (lessons/notebooks)")
    parser.add_argument("--open", action="store_true", help="open the folder in JupyterLab afterwards")
    options = parser.parse_args(argv)
    known = {lesson.name[0]: lesson for lesson in LESSONS}
    unknown = [number for number in options.numbers if number not in known]
    if unknown:
        parser.error(f"there is no lesson {', '.join(unknown)}; give numbers from {min(known)} to {max(known)}")
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # arrays of a lesson are small: threads would only wait for each other
    for number in options.numbers or known:
        print(build(known[number], options.out), flush=True)
    if options.open:
        show(options.out)


if __name__ == "__main__":
    main()
