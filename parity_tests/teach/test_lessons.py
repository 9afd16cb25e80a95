"""The lessons: each runs as a notebook in either language, its exercises are open, its answers pass, and a learner's
work is kept.

Each lesson states its figures by computing them, and asserts those that its words rest on; here they only have to run.
"""

import importlib
import json
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
from logreg_parity.language import speaking
from logreg_parity.museum.faults import EXHIBITS
from logreg_parity.teach.examine import NAMES
from logreg_parity.teach.hunt import evidence, suspects

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "lessons"
LESSONS = {path.stem: path for path in sorted(FOLDER.glob("[0-9][0-9]_*.py"))}
PICTURES = {1: 4, 2: 2, 3: 2, 4: 0, 5: 0, 6: 3, 7: 2, 8: 1, 9: 1, 10: 2, 11: 0, 12: 0}


def build(*arguments) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(FOLDER / "build.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def module(name: str):
    specification = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    made = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(made)
    return made


build_module = module("build")
answers = vars(module("answers"))
ANSWERS = {name: thing for name, thing in answers.items() if name.startswith(NAMES)}


def number(name: str) -> int:
    return int(name[:2])


def asked_in(name: str) -> list[str]:
    return re.findall(r'^grade\("(\w+)"', LESSONS[name].read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", LESSONS)
def test_the_lesson_runs(name, tmp_path):
    """In English or in Chinese, by turns: the code is one."""
    lang, unwritten = [("en", "not written yet"), ("zh", "还没有写")][number(name) % 2]
    done = build(number(name), "--out", tmp_path, "--lang", lang)
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in nbformat.read(tmp_path / f"{name}.ipynb", 4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    printed = "".join(output.get("text", "") for output in outputs)
    complaints = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert not complaints
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PICTURES[number(name)]
    assert printed.count(unwritten) == len(asked_in(name))


# -- two languages -----------------------------------------------------------------------------------------------------


def words(name: str, lang: str) -> list[str]:
    return [cell.source for cell in build_module.read(LESSONS[name], lang).cells if cell.cell_type == "markdown"]


def shape(cell: str) -> dict[str, object]:
    """What the words of a cell have in common in every language."""
    return {
        "headings": re.findall(r"^#+", cell, re.MULTILINE),
        "formulas": sorted({re.sub(r"\s+", "", found) for found in re.findall(r"\$\$?[^$]+\$\$?", cell)}),
        "code": sorted(set(re.findall(r"`[^`\n]+`", cell))),
        "links": re.findall(r"\]\(([^)]+)\)", cell),
        "tables": [line.count("|") for line in cell.splitlines() if line.startswith("|")],
        "lists": len(re.findall(r"^- ", cell, re.MULTILINE)),
        "tags": re.findall(r"</?\w+>", cell),
    }


@pytest.mark.parametrize("name", LESSONS)
def test_both_languages_say_the_same(name):
    """Cell by cell. Chinese may say more where it names an exercise, for the exercise's docstring is English."""
    english, chinese = words(name, "en"), words(name, "zh")
    assert len(english) == len(chinese)
    for one, other in zip(english, chinese, strict=True):
        there, here = shape(other), shape(one)
        if any(f"`{exercise}`" in other for exercise in asked_in(name)):
            for kind in ("code", "formulas"):
                there[kind] = [found for found in there[kind] if found in here[kind]]
        assert there == here


@pytest.mark.parametrize(
    ("old", "new"), [("$w x$", "$w y$"), ("## 两幅", "两幅"), ("`midpoint`", "`middle`"), ("</details>", "")]
)
def test_a_planted_difference_between_the_languages_is_seen(old, new):
    whole = "\n".join(words("01_the_curve", "zh")).replace("## 它的两幅画", "## 两幅画")
    assert old in whole and shape(whole.replace(old, new, 1)) != shape(whole)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_says_its_aim_and_its_minutes_and_ends_with_three_questions(name, lang):
    first, *_, last = words(name, lang)
    aim, minutes = {
        "en": ("**Afterwards you can**", r"About\s\d+\sminutes"),
        "zh": ("**学完之后你能**", r"约 \d+ 分钟"),
    }[lang]
    assert aim in first and re.search(minutes, first)
    assert last.count("<details><summary>") == last.count("</details>") == 3


# -- exercises and answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_answer_passes(answer):
    exercise = next(name for name in sorted(NAMES, key=len, reverse=True) if answer.startswith(name))
    assert grade(exercise, ANSWERS[answer])


@pytest.mark.parametrize("twin", ["logreg_torch", "logreg_jax"])
def test_the_twins_workshop_passes(twin):
    workshop = importlib.import_module(f"{twin}.workshop")
    assert all(grade(name, getattr(workshop, name)) for name in NAMES if hasattr(workshop, name))


def test_every_exercise_stands_in_one_lesson_and_has_an_answer():
    asked = [exercise for name in LESSONS for exercise in asked_in(name)]
    assert sorted(asked) == sorted(NAMES) and set(NAMES) <= ANSWERS.keys()


@pytest.mark.parametrize("name", LESSONS)
def test_no_lesson_holds_answers(name):
    """Every exercise is a docstring and dots, and no lesson imports the answers."""
    source = LESSONS[name].read_text()
    assert "import answers" not in source and "from answers" not in source
    for exercise in asked_in(name):
        body = re.search(rf"^def {exercise}\(.*?\):\n(.*?)\n\n", source, re.DOTALL | re.MULTILINE)[1]
        assert re.fullmatch(r'    """.*?"""\n    \.\.\.', body, re.DOTALL)


def test_a_learners_notebook_is_kept(tmp_path):
    assert build("4", "--out", tmp_path).returncode == 0
    path = tmp_path / "04_numbers.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[-1].source += "\nmine = 1"
    nbformat.write(notebook, path)
    mine = path.read_bytes()
    assert "kept" in build("4", "--out", tmp_path).stdout and path.read_bytes() == mine


def test_a_lesson_that_there_is_not_is_refused(tmp_path):
    done = build("13", "--out", tmp_path)
    assert done.returncode == 2 and "there is no lesson 13; give numbers from 1 to 12" in done.stderr


@pytest.mark.parametrize("system", ["nbgrader", "otter"])
@pytest.mark.parametrize("name", [name for name in LESSONS if asked_in(name)])
def test_an_assignment_has_its_solutions_and_they_pass(name, system):
    notebook = build_module.assignment(LESSONS[name], "en", system)
    space, exercises = {"grade": grade}, asked_in(name)
    for cell in notebook.cells:
        if cell.cell_type == "code" and ("SOLUTION" in cell.source or cell.source.startswith("assert grade(")):
            exec(re.sub(r"^%.*", "", cell.source, flags=re.MULTILINE), space)
    tests = [cell for cell in notebook.cells if cell.source.startswith("assert grade(")]
    assert len(tests) == len(exercises)
    if system == "nbgrader":
        assert [cell.metadata["nbgrader"]["grade_id"] for cell in tests] == [f"test_{name}" for name in exercises]
    else:
        marks = [cell.source.splitlines()[0][2:] for cell in notebook.cells if cell.cell_type == "raw"][1:]
        one = ["BEGIN QUESTION", "BEGIN SOLUTION", "END SOLUTION", "BEGIN TESTS", "END TESTS", "END QUESTION"]
        assert marks == one * len(exercises)


def test_the_assignments_are_written(tmp_path):
    assert build("4", "--for", "nbgrader", "--out", tmp_path, "--lang", "zh").returncode == 0
    notebook = json.loads((tmp_path / "04_numbers.ipynb").read_text(encoding="utf-8"))
    assert "计算机里的数" in notebook["cells"][0]["source"][0]


def test_the_hunt_is_solved():
    hidden = suspects(seed=2029)
    assert {letter: type(program).__name__ for letter, program in hidden.items()} == answers["guesses"]
    assert suspects(seed=2023).keys() == hidden.keys()


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_evidence_names_nobody(name):
    page = StringIO()
    Console(file=page, width=100).print(evidence("A", EXHIBITS[name].program))
    assert "created by A" in page.getvalue() and not any(other in page.getvalue() for other in EXHIBITS)


@pytest.mark.parametrize(("page", "said"), [("README.md", "prints `{}`"), ("README.zh-CN.md", "会打印 `{}`")])
def test_the_readme_shows_what_the_grader_says(capsys, page, said):
    readme = (FOLDER / page).read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)[1]
    with speaking("zh" if "zh" in page else "en"):
        exec(code, {})
    assert said.format(capsys.readouterr().out.strip()) in readme
    assert all((FOLDER / target).exists() for target in re.findall(r"\]\(([^)]+)\)", readme))
