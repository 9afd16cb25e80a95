"""Every report says on what its numbers depend, and JSON holds what JSON can say."""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from logreg_parity import show

MACHINE = {"platform", "processor", "instruction sets", "cores", "device", "libraries", "switches", "python", "date"}


def test_what_json_cannot_say_is_null():
    kept = {"σ": np.float32(0.5), "rows": (1, True, None, "text"), "matrix": np.eye(2)}
    lost = {"bound": np.inf, "errors": np.array([np.nan, -np.inf, 2.0])}
    written = show.as_json({"kept": kept, "lost": lost})
    content = json.loads(written)
    assert content.pop("machine").keys() >= MACHINE
    assert content == {
        "kept": {"σ": 0.5, "rows": [1, True, None, "text"], "matrix": [[1, 0], [0, 1]]},
        "lost": {"bound": None, "errors": [None, None, 2.0]},
    }
    assert "σ" in written


def test_a_switch_that_changes_digits_is_told(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert show.machine()["switches"]["ATEN_CPU_CAPABILITY"] == "avx2"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.00"), (9.994, "9.99"), (10.4, "10"), (99999.0, "99999"), (1e5, "1.0e+05")],
)
def test_numbers_have_three_digits(value, words):
    assert show.number(value) == words


@pytest.mark.parametrize(
    ("part", "words"), [(0.0, "0 %"), (1e-9, "<1 %"), (0.01, "1 %"), (9.0, "900 %"), (12.0, "12 ×")]
)
def test_shares_of_a_bound(part, words):
    assert show.share(part) == words


def test_the_worst_verdict_is_the_last_of_the_styles():
    assert show.worst(["within", "OUTSIDE", "no promise"]) == "OUTSIDE"
    assert show.worst(["within", "no promise"]) == "no promise"


HEADINGS = ("", "twin to twin", "logreg_torch eager\nto exact", "logreg_jax eager\nto exact", "verdict")
ROWS = (
    ("start: row losses", "2.00  (11 %)", "5.26  (32 %)", "9.80  (16 %)", "within"),
    ("[end] x", "0", "1", "2", "OUTSIDE"),
)


def printed(width: int) -> list[str]:
    """The lines of a table on a terminal of that width."""
    grid = show.Grid("errors", *HEADINGS, left=("verdict",))
    for row in ROWS:
        grid.add_row(*row[:-1], Text(row[-1], "bold red"))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(grid)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [45, 60, 80, 200])
def test_no_cell_breaks_on_any_terminal(width):
    """Every row has its name and its cells, each in one piece, in one line of some block."""
    lines = printed(width)
    cells = [re.split(r" {2,}", line.strip().replace("  (", " (")) for line in lines]
    for name, *rest in (tuple(cell.replace("  (", " (") for cell in row) for row in ROWS):
        found = [line[1:] for line in cells if line[0] == name]
        assert [cell for block in found for cell in block] == rest
        assert len(found) == 1 or width < 100
    assert max(map(len, lines)) <= width


def test_a_column_of_prose_is_broken_instead():
    grid, words = show.Grid("", "name", "what it is", prose=("what it is",)), "a fault that people make again and again"
    grid.add_row("ForgottenZeroGrad", words)
    console = Console(file=io.StringIO(), width=40)
    console.print(grid)
    text = console.file.getvalue()
    assert text.count("ForgottenZeroGrad") == text.count("what it is") == 1
    assert text.replace("ForgottenZeroGrad", "").split()[-8:] == words.split()


def test_in_a_pipe_nothing_is_broken(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    show.screen().print("word " * 100)
    assert len(capsys.readouterr().out.splitlines()) == 1
    monkeypatch.setenv("COLUMNS", "80")
    show.screen().print("word " * 100)
    assert len(capsys.readouterr().out.splitlines()) > 1


def test_names_are_printed_as_they_are(capsys):
    show.screen().print("data: [bold]cars[/bold].csv")
    assert capsys.readouterr().out == "data: [bold]cars[/bold].csv\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wt", "wt"),
        ("größe 重量", "größe 重量"),
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("two\nlines\t", r"two\nlines\t"),
        ("\u202egpj", r"\u202egpj"),
        ("\x7f\x9b2J", r"\x7f\x9b2J"),
        ("line\u2028break", r"line\u2028break"),
    ],
)
def test_control_characters_are_shown_escaped(name, words):
    assert show.shown(name) == words


def test_a_cell_shows_no_control_characters():
    grid = show.Grid("", "a\x1b[2J")
    grid.add_row("b\x1b[31m")
    console = Console(file=io.StringIO(), width=80)
    console.print(grid)
    assert "\x1b" not in console.file.getvalue() and r"b\x1b[31m" in console.file.getvalue()
