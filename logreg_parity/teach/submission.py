"""What learners hand in: a file, a notebook or a folder of them, each graded in a process of its own.

Of a submission only what its exercises need is run: their definitions, and the imports, helpers and constants that
these name. Nobody's plots and trainings are waited for, and a loop without end stops nobody else's grades.
"""

from __future__ import annotations

import ast
import json
import linecache
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

KINDS = (".py", ".ipynb")


class Cell(NamedTuple):
    """A piece of source and the name under which a line of it is found again."""

    name: str
    source: str


class Graded(NamedTuple):
    """One submission: whose it is, and a grade by exercise as ``Grade.as_dict`` gives it; or why there is none."""

    learner: str
    grades: list[dict[str, Any]]
    failure: str | None = None

    @property
    def passed(self) -> bool:
        return not self.failure and bool(self.grades) and all(grade["passed"] for grade in self.grades)


def submissions(paths: list[Path]) -> dict[str, Path]:
    """Every submission in these files and folders, by the learner's name, which is the file's within its folder.

    Raises ValueError where a path is missing, is no file of a kind that can be read, or holds none.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.suffix in KINDS and ".ipynb_checkpoints" not in p.parts]
            if not inside:
                raise ValueError(f"{path} holds no {' or '.join(KINDS)} file")
            found |= {str(p.relative_to(path).with_suffix("")): p for p in inside}
        elif path.suffix in KINDS and path.exists():
            found[path.stem] = path
        else:
            raise ValueError(f"{path} is no {' or '.join(KINDS)} file, nor a folder of them")
    return found


def grade_submission(learner: str, path: Path, *, lang: str | None = None, timeout: float = 120) -> Graded:
    """Grade every exercise that a submission defines, in a process of its own, for at most so many seconds."""
    command = [sys.executable, "-m", __name__, str(path), *([lang] if lang else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, encoding="utf-8")
    except subprocess.TimeoutExpired:
        return Graded(learner, [], f"it ran for more than {timeout:g} s and was stopped")
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        return Graded(learner, [], said[-1])
    return Graded(learner, json.loads(done.stdout.splitlines()[-1]))


def grades_of(path: Path, lang: str | None = None) -> list[dict[str, Any]]:
    """The grades of a submission, here: its code runs in this process. Raises ValueError where it cannot be read."""
    from ..language import speaking
    from .examine import NAMES
    from .grade import grade

    space = run_definitions(cells(path), NAMES)
    with speaking(lang):
        return [grade(name, space[name], quiet=True).as_dict() for name in NAMES if name in space]


def cells(path: Path) -> list[Cell]:
    """The code of a .py file, one cell, or of a notebook, without IPython's own commands. Raises ValueError."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            return [Cell(str(path), text)]
        sources = [cell["source"] for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    joined = ["".join(source) for source in sources]
    plain = ("\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in s.splitlines()) for s in joined)
    return [Cell(f"{path}, cell {number}", source) for number, source in enumerate(plain, 1)]


def run_definitions(pieces: list[Cell], names: tuple[str, ...]) -> dict[str, Any]:
    """The names that the pieces define, after running what these need and nothing else. Raises ValueError."""
    statements = []
    for piece in pieces:
        lines = piece.source.splitlines(keepends=True)
        linecache.cache[piece.name] = (len(piece.source), None, lines, piece.name)  # so that a line can be shown
        try:
            statements += [(piece.name, statement) for statement in ast.parse(piece.source).body]
        except SyntaxError as error:
            raise ValueError(f"{piece.name}, line {error.lineno}: {error.msg}") from error
    needed = set(names)
    while (more := needed.union(*(_loaded(s) for _, s in statements if _stored(s) & needed))) != needed:
        needed = more
    space: dict[str, Any] = {"__name__": "submission"}
    for where, statement in statements:
        if _stored(statement) & needed:
            try:
                exec(compile(ast.Module([statement], []), where, "exec"), space)
            except Exception as error:
                found = f"{where}, line {statement.lineno}: {type(error).__name__}: {error}"
                raise ValueError(found) from error
    return {name: space[name] for name in names if name in space}


def _stored(statement: ast.stmt) -> set[str]:
    """The names that a statement of the top level defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return {
            node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
    return set()


def _loaded(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def causes(graded: list[Graded]) -> Iterator[tuple[str, str, int]]:
    """What a class gets wrong: exercise, cause and how many, the commonest first."""
    counted = Counter((g["exercise"], g["cause"]) for one in graded for g in one.grades if not g["passed"])
    for (exercise, cause), count in counted.most_common():
        yield exercise, cause, count


def main(arguments: list[str]) -> None:
    """In the submission's own process: its grades as one line of JSON, the last of what it prints."""
    from contextlib import redirect_stdout

    with redirect_stdout(sys.stderr):  # what the submission itself prints is nobody's grade
        found = grades_of(Path(arguments[0]), *arguments[1:])
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
