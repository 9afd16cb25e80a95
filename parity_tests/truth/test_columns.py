"""Columns that are in the way of an optimum are named, with what to do; others never are."""

import re

import numpy as np
import pytest

import logreg_torch
from logreg_parity import Dataset, Parameters, Setting
from logreg_parity.cli import main
from logreg_parity.data.tables import load_table
from logreg_parity.judge.compare import compare
from logreg_parity.judge.report import summary
from logreg_parity.truth import reference
from logreg_parity.truth.columns import DIGITS, EXACT_SIZE, OFFSET, dependent, extreme, obstacles
from logreg_parity.truth.separation import independent_columns

SIZES = {"exact": 40, "float64": EXACT_SIZE}  # rows: few enough for rational arithmetic, and too many


@pytest.fixture(params=SIZES, ids=str)
def rows(request):
    """Two columns of small whole numbers, one of thirds."""
    draw = np.random.RandomState(0)
    n = SIZES[request.param]
    return np.column_stack([draw.randint(-9, 9, (n, 2)), draw.randint(-9, 9, n) / 3])


def named(X: np.ndarray) -> Dataset:
    """The columns as a, b, c, ... with labels that overlap."""
    y = np.random.RandomState(1).random_sample(len(X)) < 0.5
    return Dataset(X, y, "made", tuple("abcdefghij"[: X.shape[1]]))


COLUMNS = {
    "constant": (lambda X: 0 * X[:, 0] + 5, "'d' is 5 in every row, as the bias is: leave it out"),
    "zero": (lambda X: 0 * X[:, 0], "'d' is 0 in every row: leave it out"),
    "copy": (lambda X: X[:, 1], "'d' is a copy of 'b': leave one of them out"),
    "multiple": (lambda X: -2.5 * X[:, 1], "'d' is -2.5 'b': leave one of them out"),
    "shifted": (lambda X: X[:, 0] + 7, "'d' is 'a' + 7: leave one of them out"),
    "sum": (lambda X: 2 * X[:, 0] - X[:, 1] - 1, "'d' is 2 'a' - 'b' - 1: leave one of them out"),
}


@pytest.mark.parametrize("what", COLUMNS)
def test_a_column_that_depends_on_others_is_named(rows, what):
    column, said = COLUMNS[what]
    assert obstacles(named(np.column_stack([rows, column(rows)]))) == [said]


def test_a_column_in_another_unit_is_named_though_rounding_makes_it_independent():
    x = np.random.RandomState(0).standard_normal(40)
    data = named(np.column_stack([x, 453.6 * x]))
    assert obstacles(data) == ["'b' is 453.6 'a' but for rounding: leave one of them out"]
    assert len(independent_columns(data.X)) == 3


def test_columns_that_do_not_depend_are_left_alone(rows):
    close = rows[:, 0] + 2 * DIGITS * np.ptp(rows[:, 0]) * np.sign(rows[:, 1])
    assert obstacles(named(rows)) == obstacles(named(np.column_stack([rows, close]))) == []


def test_one_hot_columns_are_said_to_add_up_to_one(rows):
    hot = np.eye(3)[np.arange(len(rows)) % 3]
    assert obstacles(named(hot)) == ["'c' is -'a' - 'b' + 1: leave one of them out"]
    assert dependent(named(hot), intercept=False) == []


def test_a_combination_of_many_is_not_written_out(rows):
    wide = np.column_stack([np.random.RandomState(2).randint(-9, 9, (len(rows), 6)), rows])
    (said,) = obstacles(named(np.column_stack([wide[:, :6], wide[:, :6].sum(axis=1)])))
    assert said == "'g' is a combination of 'a', 'b', 'c', 'd' and 2 more: leave one of them out"


def test_with_a_penalty_columns_may_depend(rows):
    assert obstacles(named(np.column_stack([rows, rows[:, 1]])), l2=0.1) == []


def test_rows_of_weight_zero_do_not_count(rows):
    X = np.column_stack([rows, np.arange(len(rows)) == 0])
    weight = np.ones(len(rows))
    weight[0] = 0
    data = Dataset(X, named(X).y, "made", ("a", "b", "c", "d"), sample_weight=weight)
    assert obstacles(data) == ["'d' is 0 in every row: leave it out"]


@pytest.mark.parametrize("seed", range(30))
def test_it_finds_what_rational_arithmetic_finds(seed):
    """The columns that are named are those that ``independent_columns`` leaves out."""
    draw = np.random.RandomState(seed)
    X = draw.randint(-1, 2, (draw.randint(2, 7), draw.randint(1, 7))).astype(float)
    data = named(X)
    kept = set(range(X.shape[1])) & set(independent_columns(X).tolist())
    found = {name for name, _ in dependent(data)}
    assert len(found) == X.shape[1] - len(kept)
    rest = [j for j, name in enumerate(data.feature_names) if name not in found]
    assert len(independent_columns(X[:, rest])) == len(independent_columns(X))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (lambda x: x * 1e160, "reaches 9e+160, whose square is beyond float64: divide it by 9e+160"),
        (lambda x: x * 1e-160, "is at most 9e-160, whose square float64 loses: divide it by 9e-160"),
        (lambda x: x + 2 * OFFSET * x.std(), "varies by"),
    ],
    ids=["large", "small", "far from 0"],
)
def test_a_column_of_another_scale_is_named(rows, column, said):
    scaled = column(np.arange(len(rows)) % 19 - 9.0)
    found = obstacles(named(np.column_stack([rows, scaled])))
    assert len(found) == 1 and found[0].startswith(f"'d' {said}")
    assert (extreme(named(scaled[:, None])) == []) == (said == "varies by")


def test_a_fit_says_which_column_to_leave_out(rows):
    result = logreg_torch.fit(named(np.column_stack([rows, rows[:, 0] + rows[:, 1], 0 * rows[:, 0] + 2])))
    assert result.status == "not converged"
    assert "'d' is 'a' + 'b': leave one of them out" in result.reason
    assert "'e' is 2 in every row, as the bias is: leave it out" in result.reason


TABLE = "x,\x1b[31mred,y\n1,3,0\n2,1,1\n3,3,0\n4,8,1\n5,1,0\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "d.csv").write_text("a,b,y\n1,2,0\n2,4,1\n3,6,0\n4,8,1\n5,10,0\n")
    (tmp_path / "large.csv").write_text("a,b,y\n1,1e300,0\n2,4,1\n3,6,0\n")


def test_names_with_control_characters_are_shown_escaped(folder, capsys):
    main(["fit", "--data", "t.csv", "--label", "y", "--l2", "1", "--twins", "logreg_torch"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and r"\x1b[31mred" in printed
    assert main(["fit", "--data", "t.csv", "--label", "\x1b[2J"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_main_job_says_which_column_to_leave_out(folder, capsys):
    data, start = load_table("d.csv", "y"), Parameters(np.zeros(2), 0.0)
    compared = compare({"ours": reference}, data, start, Setting(steps=1, learning_rate=0.1), dtypes=["float64"])
    assert "Leave out b, and it is one point." in summary(compared)
    assert main(["--data", "large.csv", "--label", "y"]) == 2
    assert re.search("'b' reaches 1e[+]300.*--standardize", capsys.readouterr().err)
