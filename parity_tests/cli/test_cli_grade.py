"""``logreg-parity grade``: a file, a notebook, a class; nobody's code stops anybody else's grades."""

import csv
import json

import pytest

from logreg_parity.cli import main
from logreg_parity.teach.submission import cells, grade_submission, grades_of, run_definitions

pytestmark = pytest.mark.slow

RIGHT = """
import numpy as np
from logreg_parity import grade

EPS = 1.0
UNUSED = open("/no/such/file")


def helper(x):
    return np.exp(-x)


def logistic(x):
    return EPS / (EPS + helper(x))


grade("logistic", logistic)
raise SystemExit("the rest of a lesson is not run")
"""
MEAN = '''
import torch


def logistic_loss(params, model, x, y):
    """-Σ, not the mean(!)"""
    p = model(params, x)  # no mean( here either
    return -torch.mean(
        y * p.log() + (1 - y) * (1 - p).log()
    )


def midpoint(w, b):
    ...


def logistic(x):
    raise NotImplementedError
'''
ENDLESS = "def midpoint(w, b):\n    while True:\n        pass\n"


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "class"
    (inside / "b").mkdir(parents=True)
    for name, text in {
        "ada": RIGHT,
        "b/bob": MEAN,
        "cyd": MEAN.replace("torch.mean", "torch.sum"),
        "dan": "def f(:",
    }.items():
        (inside / f"{name}.py").write_text(text, encoding="utf-8")
    return inside


def test_a_file_is_graded_and_the_line_is_its_own(folder, capsys):
    assert main(["grade", str(folder / "b" / "bob.py")]) == 1
    printed = capsys.readouterr().out
    assert "logistic_loss: a mean stands where the lesson's sum is meant" in printed
    assert f"Line {MEAN.splitlines().index('    return -torch.mean(') + 1}: return -torch.mean(" in printed
    assert "midpoint: not written yet" in printed and "logistic: not written yet" in printed


def test_json_says_everything(folder, capsys):
    assert main(["grade", "--json", str(folder / "ada.py")]) == 0
    (one,) = json.loads(capsys.readouterr().out)["submissions"]
    assert one["learner"] == "ada" and one["passed"] and one["failure"] is None
    (grade,) = one["grades"]
    assert grade["exercise"] == "logistic" and grade["framework"] == "NumPy" and 0 < grade["share"] < 1


def test_a_notebook_is_a_submission(tmp_path):
    source = ["%matplotlib inline\n", "import numpy as np"], ["def logistic(x):\n", "    return 1 / 1 + np.exp(-x)"]
    notebook = {
        "cells": [{"cell_type": "markdown", "source": "x"}, *({"cell_type": "code", "source": s} for s in source)]
    }
    path = tmp_path / "eve.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    (grade,) = grades_of(path)
    assert (
        grade["line"] == {"number": 2, "text": "return 1 / 1 + np.exp(-x)"} and "division comes first" in grade["words"]
    )


def test_a_class_gets_a_table_and_its_commonest_mistakes(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["grade", str(folder), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "2 × midpoint: not written yet." in printed and "1 × logistic_loss: a mean stands" in printed
    assert "dan.py, line 1:" in printed
    rows = list(csv.DictReader((tmp_path / "out" / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["learner"] for row in rows] == ["ada", "b/bob", "cyd", "dan"]
    assert [row["logistic_loss"] for row in rows] == ["", "0", "1", ""] and rows[3]["failure"]
    assert len(json.loads((tmp_path / "out" / "grades.json").read_text(encoding="utf-8"))["submissions"]) == 4


def test_a_loop_without_end_is_stopped(tmp_path):
    (tmp_path / "fay.py").write_text(ENDLESS)
    found = grade_submission("fay", tmp_path / "fay.py", timeout=10)
    assert not found.passed and found.failure == "it ran for more than 10 s and was stopped"


def test_only_what_is_needed_is_run(folder):
    assert run_definitions(cells(folder / "b" / "bob.py"), ("midpoint",)).keys() == {"midpoint"}


def test_chinese(folder, capsys):
    main(["grade", "--lang", "zh", str(folder / "b" / "bob.py")])
    assert "课程要的是和" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.py", None, "is no .py or .ipynb file"),
        ("notes.txt", "x", "is no .py or .ipynb file"),
    ],
)
def test_what_is_no_submission_is_refused(tmp_path, capsys, name, text, words):
    if text:
        (tmp_path / name).write_text(text)
    assert main(["grade", str(tmp_path / name)]) == 2 and words in capsys.readouterr().err


def test_an_empty_folder_is_refused(tmp_path, capsys):
    assert main(["grade", str(tmp_path)]) == 2 and "holds no .py or .ipynb file" in capsys.readouterr().err
