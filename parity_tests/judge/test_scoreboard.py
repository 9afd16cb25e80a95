"""The certified collection and the scoreboard: what is proved holds, and what is wrong costs digits."""

import json
from fractions import Fraction

import numpy as np
import pytest

from logreg_parity import certified
from logreg_parity.cli import main
from logreg_parity.data import certified as collection
from logreg_parity.data.certified import Certified, certified_names, right_digits
from logreg_parity.judge import scoreboard
from logreg_parity.judge.scoreboard import FitAnswer, installed, score
from logreg_parity.truth.oracle import ExactObjective, as_balls, middle, precision
from logreg_parity.truth.separation import separation

ELSEWHERE = ("mroz_labour_force",)  # the package that ships its table is not among those of the tests
HERE = [name for name in certified_names() if name not in ELSEWHERE]
FINITE = [name for name in HERE if certified(name)[1].status == "finite"]


@pytest.mark.parametrize("name", FINITE)
def test_the_slope_is_zero_at_the_certified_fit(name):
    """To the 15 digits and more that are printed, in the natural size of each column's sum, by another program."""
    dataset, known = certified(name)
    with precision(192):
        theta = as_balls(np.array([float(x) for x in known.coefficients]))
        slope, H = ExactObjective(dataset, 0.0, "sum").slope_and_hessian(theta)
        size = np.array([float(abs(H[j]) @ abs(theta)) for j in range(len(theta))])
        assert (np.abs(middle(slope).astype(float)) <= 2.0**-52 * size).all()


@pytest.mark.parametrize("name", sorted(set(HERE) - set(FINITE)))
def test_the_certified_direction_separates(name):
    dataset, known = certified(name)
    assert separation(dataset, known.direction) == known.status
    assert separation(dataset, [-x for x in known.direction]) is None
    with pytest.raises(ValueError, match="there are no coefficients to compare with"):
        known.digits(np.zeros(len(known.names)))


def test_digits_are_counted_exactly():
    known = Certified("made", "", "", "", ("x1", "bias"), "finite", (Fraction("1.25"), Fraction("0.1")))
    assert known.digits([1.25, 0.1]) == 17.0
    assert known.digits([1.25, 0.1 * (1 + 2.0**-10)]) < -np.log10(2.0**-11)
    assert known.digits([np.nan, 0.1]) == -np.inf
    assert right_digits([2.0], [Fraction(1)]) == 0
    with pytest.raises(ValueError, match=r"numbers have shape \(1,\); give \(2,\): x1, bias"):
        known.digits([1.0])


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="there is no certified case 'iris'; give one of beetles_bliss1935, "):
        certified("iris")
    with pytest.raises(ValueError, match="and nowhere, which ships it, is missing; pip install nowhere"):
        collection._columns({"loader": "nowhere: mroz"}, "mroz_labour_force")


@pytest.mark.parametrize("name", ["mtcars_am_wt", pytest.param("fair_affairs_6366", marks=pytest.mark.slow)])
@pytest.mark.parametrize("twin", ["logreg_torch", "logreg_jax"])
def test_the_twins_have_twelve_digits_at_default_settings(twin, name):
    row = score(*certified(name), twin)
    assert row.said == "converged" and row.coefficients >= 12 and row.errors >= 12 and row.seconds > 0


def test_every_candidate_that_is_installed_fits_and_who_is_wrong_is_seen():
    """scikit-learn calls a separable table converged, and a GLM's standard errors are those of one step before."""
    rows = {name: score(*certified("mtcars_am_wt"), name) for name in installed()}
    assert {"logreg_torch", "logreg_jax", "sklearn lbfgs", "statsmodels GLM"} <= rows.keys()
    assert rows["sklearn lbfgs"].coefficients < 8 and rows["statsmodels GLM"].errors < 10
    none = certified("mtcars_am_wt_hp_qsec")
    assert score(*none, "sklearn newton-cholesky").said == "converged"
    assert {score(*none, name).said for name in ("logreg_torch", "logreg_jax")} == {"proved"}


def test_a_candidate_that_raises_is_written_down(monkeypatch):
    def broken(_):
        raise ArithmeticError("not today\nat all")

    monkeypatch.setitem(scoreboard.CANDIDATES, "broken", ("numpy", broken))
    assert score(*certified("mtcars_am_wt"), "broken").said == "refused: not today"


def test_the_command(tmp_path, capsys):
    cases = ["--cases", "mtcars_am_wt", "winvector_quasi_2x2", "--candidates", "logreg_torch", "sklearn lbfgs"]
    assert main(["scoreboard", *cases, "--out", str(tmp_path / "board.json")]) == 0
    printed = capsys.readouterr().out
    assert "right digits of the worst coefficient" in printed and "proved" in printed and "quasi-separable" in printed
    assert len(json.loads((tmp_path / "board.json").read_text())["scores"]) == 4


def test_a_twin_that_converges_where_there_is_no_optimum_fails_the_command(monkeypatch, capsys):
    wrong = ("torch", lambda dataset: FitAnswer(np.zeros(2), None, "converged"))
    monkeypatch.setitem(scoreboard.CANDIDATES, "logreg_torch", wrong)
    assert main(["scoreboard", "--cases", "winvector_quasi_2x2", "--candidates", "logreg_torch"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cases", "iris"], "there is no certified case 'iris'"),
        (["--candidates", "R"], "--candidates names 'R': there is none; give some of logreg_torch"),
        (["--out", "no/folder.json"], "a folder that exists"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_options_are_refused(arguments, words, capsys):
    assert main(["scoreboard", *arguments]) == 2
    assert words in capsys.readouterr().err
