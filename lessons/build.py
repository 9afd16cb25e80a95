"""Build the lessons as notebooks: ``make lessons``, or ``python lessons/build.py [NUMBER ...]``.

A lesson is its .py file, whose words are English; ``zh/`` has the Chinese words of the same cells, and the code is one.
A notebook that was changed since it was built belongs to the learner: it is kept as it is.
"""

import argparse
import ast
import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_raw_cell

from logreg_parity.data.files import write_whole
from logreg_parity.language import LANGUAGES, language

HERE = Path(__file__).resolve().parent
LESSONS = {int(path.name[:2]): path for path in sorted(HERE.glob("[0-9][0-9]_*.py"))}
BETWEEN = "\n\n<!-- cell -->\n\n"
"""What stands between the words of two cells in zh/."""


def read(lesson: Path, lang: str):
    """A lesson as a notebook, its words in that language."""
    notebook = jupytext.read(lesson)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    if lang != "en":
        words = (HERE / lang / f"{lesson.stem}.md").read_text(encoding="utf-8").strip().split(BETWEEN)
        cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
        for cell, text in zip(cells, words, strict=True):
            cell.source = text
    return notebook


def build(lesson: Path, folder: Path, lang: str) -> str:
    """Run one lesson and write its notebook into the folder; what became of it. Raises where a cell fails."""
    notebook, target = read(lesson, lang), folder / f"{lesson.stem}.ipynb"
    if target.exists() and _sources(nbformat.read(target, as_version=4)) != _sources(notebook):
        return f"{target}: kept, for it is not the lesson as it stands; delete it to build it anew"
    quiet = ["--Application.log_level=ERROR"]  # the kernel warns of its connection, which does not leave the machine
    os.environ["LOGREG_LANG"] = lang
    NotebookClient(notebook, timeout=600, extra_arguments=quiet, resources={"metadata": {"path": str(HERE)}}).execute()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(target, nbformat.writes(notebook))
    return f"{target}: built"


def _sources(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells]


# -- for a course's own grader -----------------------------------------------------------------------------------------


def assignment(lesson: Path, lang: str, system: str):
    """A lesson as an assignment of nbgrader or otter: stubs with their solutions, and a test cell an exercise."""
    notebook = read(lesson, lang)
    make = {"nbgrader": _for_nbgrader, "otter": _for_otter}[system]
    asked = {exercise[0] for cell in notebook.cells if (exercise := exercise_of(cell))}
    first = [new_raw_cell(f"# ASSIGNMENT CONFIG\nname: {lesson.stem}")] if system == "otter" else []
    notebook.cells = first + [part for cell in notebook.cells for part in make(cell, asked)]
    return notebook


def exercise_of(cell) -> tuple[str, str] | None:
    """The name of the exercise in a cell, and the code before its ``grade`` call; None if it has none."""
    code, called, rest = cell.source.partition("\n\n\ngrade(")
    return (rest.split('"')[1], code) if called and cell.cell_type == "code" else None


def solution(name: str, given: set[str]) -> str:
    """The answer from answers.py, with the imports and the other answers that it names, but those that are given."""
    source = (HERE / "answers.py").read_text(encoding="utf-8")
    statements = {name: statement for statement in ast.parse(source).body for name in _defined(statement)}
    needed, waiting = {name}, [name]
    while waiting:
        names = {node.id for node in ast.walk(statements[waiting.pop()]) if isinstance(node, ast.Name)}
        more = (names & statements.keys()) - needed - given
        needed |= more
        waiting += sorted(more)
    chosen = [statement for key, statement in statements.items() if key in needed]
    return "\n".join(ast.get_source_segment(source, statement) or "" for statement in chosen)


def solved(name: str, stub: str, given: set[str], begin: str, end: str) -> str:
    """The stub with the answer between two marks in the place of its dots: the function calls the one of answers.py."""
    head, dots = stub.rstrip().rsplit("\n", 1)
    assert dots.strip() == "...", f"{name} is no stub"
    (function,) = ast.parse(stub).body[-1:]
    arguments = ", ".join(argument.arg for argument in function.args.args)
    answer = f"{solution(name, given - {name})}\nreturn {name}({arguments})"
    return "\n".join([head, textwrap.indent(f"{begin}\n{answer}\n{end}", "    ")])


def _defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name for alias in statement.names}
    if isinstance(statement, ast.Assign):
        return {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return {getattr(statement, "name", "")} - {""}


def _for_nbgrader(cell, given: set[str]) -> list:
    asked = exercise_of(cell)
    if asked is None:
        return [cell]
    name, stub = asked
    text = solved(name, stub, given, "### BEGIN SOLUTION", "### END SOLUTION")
    test = new_code_cell(f'assert grade("{name}", {name})')
    own = {"schema_version": 3, "locked": False, "solution": True, "grade": False, "grade_id": name, "task": False}
    graded = {"locked": True, "solution": False, "grade": True, "grade_id": f"test_{name}", "points": 1}
    test.metadata["nbgrader"] = own | graded
    return [new_code_cell(text, metadata={"nbgrader": own}), test]


def _for_otter(cell, given: set[str]) -> list:
    asked = exercise_of(cell)
    if asked is None:
        return [cell]
    name, stub = asked
    marks = {part: new_raw_cell(f"# {part}") for part in ("BEGIN SOLUTION", "END SOLUTION", "BEGIN TESTS", "END TESTS")}
    return [
        new_raw_cell(f"# BEGIN QUESTION\nname: {name}\npoints: 1"),
        marks["BEGIN SOLUTION"],
        new_code_cell(solved(name, stub, given, "# BEGIN SOLUTION", "# END SOLUTION")),
        marks["END SOLUTION"],
        marks["BEGIN TESTS"],
        new_code_cell(f'assert grade("{name}", {name}, quiet=True), grade("{name}", {name}).words'),
        marks["END TESTS"],
        new_raw_cell("# END QUESTION"),
    ]


# -- the command -------------------------------------------------------------------------------------------------------


def show(folder: Path) -> None:
    """Open the folder in JupyterLab where it is installed; else say where it is."""
    if importlib.util.find_spec("jupyterlab"):
        subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=True)
    else:
        print(f"Open them in Jupyter (pip install jupyterlab) or in an editor that shows notebooks: {folder}")


def main(argv: list[str] | None = None) -> None:
    """Build the lessons of these numbers, or all."""
    parser = argparse.ArgumentParser("build.py", description="Build the lessons as notebooks with their outputs.")
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="which lessons (all)")
    parser.add_argument("--lang", choices=LANGUAGES, help="of the words; default: LOGREG_LANG, else the locale's")
    parser.add_argument("--out", type=Path, help="the folder (lessons/notebooks, for Chinese lessons/notebooks/zh)")
    parser.add_argument(
        "--for",
        dest="system",
        choices=("nbgrader", "otter"),
        help="write assignments with their solutions; nothing is run",
    )
    parser.add_argument("--open", action="store_true", help="open the folder in JupyterLab afterwards")
    options = parser.parse_args(argv)
    if unknown := [number for number in options.numbers if number not in LESSONS]:
        parser.error(f"there is no lesson {', '.join(map(str, unknown))}; give numbers from 1 to {max(LESSONS)}")
    lang = options.lang or language()
    folder = options.out or HERE / (options.system or "notebooks") / ("" if lang == "en" else lang)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # arrays are small here: threads would only wait for each other
    for number in options.numbers or LESSONS:
        if options.system:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{LESSONS[number].stem}.ipynb"
            write_whole(target, nbformat.writes(assignment(LESSONS[number], lang, options.system), version=4))
            print(f"{target}: written", flush=True)
        else:
            print(build(LESSONS[number], folder, lang), flush=True)
    if options.open:
        show(folder)


if __name__ == "__main__":
    main()
