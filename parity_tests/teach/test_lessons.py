"""The lessons: each runs as a notebook, its exercises are open, its answers pass, and a learner's work is kept.

Each lesson states its figures by computing them, and asserts those that its words rest on; here they only have to run.
"""

import importlib
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from logreg_parity import grade
from logreg_parity.museum.faults import EXHIBITS
from logreg_parity.teach.examine import NAMES
from logreg_parity.teach.hunt import evidence, suspects

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "lessons"
LESSONS = {path.stem: path for path in sorted(FOLDER.glob("[0-9]_*.py"))}
PICTURES = {"1": 2, "2": 2, "3": 2, "4": 0, "5": 3, "6": 1, "7": 2, "8": 0}


def build(*arguments) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(FOLDER / "build.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def answers() -> dict:
    specification = importlib.util.spec_from_file_location("answers", FOLDER / "answers.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return vars(module)


ANSWERS = {name: thing for name, thing in answers().items() if name.startswith(NAMES)}


@pytest.mark.parametrize("name", LESSONS)
def test_the_lesson_runs(name, tmp_path):
    done = build(name[0], "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in nbformat.read(tmp_path / f"{name}.ipynb", 4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    printed = "".join(output.get("text", "") for output in outputs)
    complaints = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert not complaints
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PICTURES[name[0]]
    assert printed.count("not written yet") == LESSONS[name].read_text().count("\ngrade(")


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_answer_passes(answer):
    exercise = next(name for name in sorted(NAMES, key=len, reverse=True) if answer.startswith(name))
    assert grade(exercise, ANSWERS[answer])


@pytest.mark.parametrize("twin", ["logreg_torch", "logreg_jax"])
def test_the_twins_workshop_passes(twin):
    workshop = importlib.import_module(f"{twin}.workshop")
    assert all(grade(name, getattr(workshop, name)) for name in NAMES if hasattr(workshop, name))


def test_every_exercise_stands_in_one_lesson_and_has_an_answer():
    asked = [
        name for path in LESSONS.values() for name in re.findall(r'^grade\("(\w+)"', path.read_text(), re.MULTILINE)
    ]
    assert sorted(asked) == sorted(NAMES) and set(NAMES) <= ANSWERS.keys()


@pytest.mark.parametrize("name", LESSONS)
def test_no_lesson_holds_answers(name):
    """Every exercise is a docstring and dots, and no lesson imports the answers."""
    source = LESSONS[name].read_text()
    assert "import answers" not in source and "from answers" not in source
    for exercise in re.findall(r'^grade\("(\w+)"', source, re.MULTILINE):
        body = re.search(rf"^def {exercise}\(.*?\):\n(.*?)\n\n", source, re.DOTALL | re.MULTILINE)[1]
        assert re.fullmatch(r'    """.*?"""\n    \.\.\.', body, re.DOTALL)


def test_a_learners_notebook_is_kept(tmp_path):
    assert build("4", "--out", tmp_path).returncode == 0
    path = tmp_path / "4_gradient.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[-1].source += "\nmine = 1"
    nbformat.write(notebook, path)
    mine = path.read_bytes()
    assert "kept" in build("4", "--out", tmp_path).stdout and path.read_bytes() == mine


def test_a_lesson_that_there_is_not_is_refused(tmp_path):
    done = build("9", "--out", tmp_path)
    assert done.returncode == 2 and "there is no lesson 9; give numbers from 1 to 8" in done.stderr


def test_the_hunt_is_solved():
    hidden = suspects(seed=2029)
    assert {letter: type(program).__name__ for letter, program in hidden.items()} == answers()["guesses"]
    assert suspects(seed=2023).keys() == hidden.keys()


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_evidence_names_nobody(name):
    page = StringIO()
    Console(file=page, width=100).print(evidence("A", EXHIBITS[name].program))
    assert "created by A" in page.getvalue() and not any(other in page.getvalue() for other in EXHIBITS)


def test_the_readme_shows_what_the_grader_says(capsys):
    readme = (FOLDER / "README.md").read_text()
    code = re.search(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)[1]
    exec(code, {})
    assert f"prints `{capsys.readouterr().out.strip()}`" in readme
    assert all((FOLDER / target).exists() for target in re.findall(r"\]\(([^)]+)\)", readme))
