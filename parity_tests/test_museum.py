"""The bug museum: every fault rejected with its cause, no correct program rejected, and the command that shows it."""

import pytest

from logreg_parity.cli import main
from logreg_parity.judge.museum import score as museum
from logreg_parity.judge.museum.by_hand import ByHand
from logreg_parity.judge.museum.faults import EXHIBITS, FactorTwo
from logreg_parity.judge.museum.problem import BATCHED, MEAN, SUM
from logreg_parity.judge.museum.rewrites import REWRITES
from logreg_parity.judge.museum.score import DTYPES, random_pair, trial

JUDGE = ("compare", "explain")
SETTINGS = {"sum": SUM, "mean": MEAN, "batches": BATCHED}


def rejects(made) -> bool:
    return any(made.rejected[tool] for tool in JUDGE)


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_fault_is_rejected_with_its_cause(name):
    made = trial(EXHIBITS[name].program, EXHIBITS[name].setting)
    assert made.rejected["compare"] and made.rejected["explain"]
    assert made.explained(EXHIBITS[name])


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_exhibit_says_what_it_is_and_where_it_comes_from(name):
    assert EXHIBITS[name].what.endswith(".") and EXHIBITS[name].what != ByHand.__doc__
    assert EXHIBITS[name].source


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REWRITES)
def test_no_correct_rewrite_is_rejected(name, dtype):
    made = [trial(REWRITES[name], setting, dtype) for setting in SETTINGS.values()]
    assert not any(map(rejects, made))
    assert not all(one.same for one in made)  # it does compute otherwise


def test_a_fault_among_the_rewrites_would_be_rejected(monkeypatch):
    monkeypatch.setattr(museum, "REWRITES", {"FactorTwo": FactorTwo()})
    assert all(rejects(random_pair(seed)) for seed in range(5))


@pytest.mark.parametrize("seed", range(20))
def test_random_correct_pairs_raise_no_alarm(seed):
    assert not rejects(random_pair(seed))


def test_the_command_lists_all(capsys):
    assert main(["museum"]) == 0
    words = set(capsys.readouterr().out.split())
    assert words >= {*EXHIBITS, *REWRITES}


def test_the_command_shows_one(capsys):
    assert main(["museum", "FactorTwo"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Compare: start: gradient" in printed
    assert "at step 1, in the gradient: FactorTwo is off there" in printed and "twice what it should be" in printed


@pytest.mark.parametrize(
    "change", [{"program": ByHand()}, {"stage": "loss"}, {"cause": "half"}], ids=lambda change: next(iter(change))
)
def test_a_fault_that_is_not_seen_or_not_named_has_status_1(monkeypatch, capsys, change):
    monkeypatch.setitem(EXHIBITS, "FactorTwo", EXHIBITS["FactorTwo"]._replace(**change))
    assert main(["museum", "FactorTwo"]) == 1


@pytest.mark.parametrize("arguments", [["Nonsense"], ["FactorTwo", "--score"]], ids=" ".join)
def test_what_is_not_there_is_bad_input(arguments, capsys):
    assert main(["museum", *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_score_of_the_judge_is_full(capsys):
    assert main(["museum", "--score", "--pairs", "2"]) == 0
    printed = capsys.readouterr().out
    n, rewrites = len(EXHIBITS), 3 * len(REWRITES)
    lines = [line.split() for line in printed.splitlines() if line.strip().startswith(JUDGE)]
    assert lines[0] == f"compare {n} of {n} - 0 of {rewrites}".split()
    assert lines[2] == f"explain {n} of {n} {n} of {n} 0 of {rewrites}".split()
    assert "rejects 0." in printed


@pytest.mark.parametrize("planted", ["nothing", "no fault", "wrong rewrite", "wrong pair"])
def test_a_score_that_is_not_full_has_status_1(monkeypatch, capsys, planted):
    """On one exhibit, one rewrite and one pair; each of the three in turn is not what it says."""
    shown = EXHIBITS["FactorTwo"]
    for name in EXHIBITS.keys() - {"FactorTwo"}:
        monkeypatch.delitem(EXHIBITS, name)
    monkeypatch.setitem(EXHIBITS, "FactorTwo", shown._replace(program=ByHand()) if planted == "no fault" else shown)
    rewrite = FactorTwo() if planted == "wrong rewrite" else REWRITES["LogAddExp"]
    monkeypatch.setattr(museum, "REWRITES", {"rewrite": rewrite})
    pair = trial(FactorTwo() if planted == "wrong pair" else REWRITES["LogAddExp"], SUM)
    monkeypatch.setattr(museum, "random_pair", lambda seed: pair)
    assert main(["museum", "--score", "--pairs", "1"]) == (0 if planted == "nothing" else 1)
