"""The README: its commands run, its code runs, and what it shows is what stands in the repository."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands(program: str) -> list[str]:
    lines = "\n".join(blocks("console")).splitlines()
    return [line[2:] for line in lines if line.startswith(f"$ {program}")]


PYTHON = blocks("python")
SIDE_BY_SIDE, SCRIPTS = [b for b in PYTHON if "import" not in b], [b for b in PYTHON if "import" in b]
MY_MODEL = next(block for block in SCRIPTS if "def evaluate(" in block)
EXPECTED_STATUS = {"--twins logreg_torch my_model": 1, "explain": 1}  # the README says so: there is a fault


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader follows the README: the files it speaks of are there."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "my_model.py").write_text(MY_MODEL)
    cars = (ROOT / "parity_tests" / "references" / "data" / "mtcars_am.csv").read_text()
    (folder / "cars.csv").write_text(cars.replace("am,", "gearbox,", 1))
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "COLUMNS": "100"}
    return subprocess.run(arguments, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize("command", commands("logreg-parity"))
def test_every_command_runs(folder, command):
    done = run(folder, sys.executable, "-m", "logreg_parity", *shlex.split(command)[1:])
    wanted = next((status for word, status in EXPECTED_STATUS.items() if word in command), 0)
    assert done.returncode == wanted, done.stderr


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
def test_every_script_runs(folder, number):
    done = run(folder, sys.executable, "-W", "error", "-c", SCRIPTS[number])
    assert done.returncode == 0, done.stderr


def test_the_table_has_the_rows_that_the_command_prints(folder):
    """Digits differ from machine to machine; quantities, columns and verdicts do not."""
    done = run(folder, sys.executable, "-m", "logreg_parity", "--steps", "10")
    printed = [line.split("  ")[1] for line in done.stdout.splitlines() if line.endswith("within   ")]
    shown = next(block for block in blocks("console") if block.startswith("$ logreg-parity\n"))
    assert printed
    assert [line.split("  ")[1] for line in shown.splitlines() if "  within" in line] == printed


@pytest.mark.parametrize("number", range(len(SIDE_BY_SIDE)))
def test_the_code_side_by_side_is_the_code(number):
    source = "".join(path.read_text() for twin in ("logreg_torch", "logreg_jax") for path in (ROOT / twin).glob("*.py"))
    lines = {line.split("  #")[0].rstrip() for line in source.splitlines()}
    assert {line for line in SIDE_BY_SIDE[number].splitlines() if line.strip()} <= lines


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!https?:)[^)]+)\)", README))
def test_every_link_leads_somewhere(target):
    assert (ROOT / target).exists()


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    assert commands("make")
    assert all(f"\n{command.split()[1]}:" in makefile for command in commands("make"))
