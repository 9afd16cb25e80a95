"""The bug museum: every fault rejected with its cause, no correct program rejected, and the command that shows it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from logreg_parity.cli import main
from logreg_parity.museum import confident, faults, pairs, sizes
from logreg_parity.museum import score as museum
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import BATCHED, MEAN, SUM
from logreg_parity.museum.faults import EXHIBITS, FactorTwo
from logreg_parity.museum.pairs import WithThreads, programs, random_pair
from logreg_parity.museum.rewrites import REWRITES
from logreg_parity.museum.score import DEFAULTS, DTYPES, trial
from logreg_parity.truth.reference import softplus

pytestmark = pytest.mark.slow

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
    assert not all(one.same for one in made) or is_alike(name, dtype)  # it does compute otherwise


def is_alike(name, dtype):
    """Whether this processor gives a rewrite the bits of the reference: NumPy's exp may be the C library's."""
    z = np.linspace(-30, 30, 10_001, dtype=dtype)
    return name == "LogAddExp" and np.array_equal(np.logaddexp(z.dtype.type(0), z), softplus(z))


def test_a_fault_among_the_programs_would_be_rejected(monkeypatch):
    wrong = {"FactorTwo": FactorTwo(), "ByHand": ByHand()}
    monkeypatch.setattr(pairs, "programs", lambda: wrong)
    assert all(rejects(random_pair(seed)) for seed in range(5))


@pytest.mark.parametrize("seed", range(10))
def test_random_correct_pairs_raise_no_alarm(seed):
    assert not rejects(random_pair(seed))


def test_random_pairs_are_of_every_kind():
    """Of all programs, both twins with one thread and with two among them, and of all kinds of data."""
    assert {*REWRITES, "reference", "logreg_torch, threads: 1", "logreg_torch, threads: 2", "logreg_jax"} <= {
        *programs()
    }
    groups = [pairs.alike(group) for group in range(80)]
    for field, wanted in (("kind", {*pairs.KINDS}), ("dtype", {*pairs.FORMATS}), ("weighted", {True, False})):
        assert {getattr(group, field) for group in groups} == wanted
    assert {group.plain for group in groups} == {bool(group.momentum) for group in groups} == {True, False}
    for kind in pairs.KINDS:
        common = next(group for group in groups if group.kind == kind)
        made = [pairs.KINDS[kind](common, pairs.Draw((1, seed))) for seed in range(3)]
        assert {dataset.X.shape for dataset in made} == {(common.n_rows, common.n_features)}
        assert len({dataset.sha256 for dataset in made}) > 1


def test_threads_are_set_and_put_back_even_after_a_failure():
    before = torch.get_num_threads()
    twin = WithThreads("logreg_torch", before + 1)
    seen = []
    twin._twin = SimpleNamespace(evaluate=lambda: seen.append(torch.get_num_threads()), train=lambda: 1 / 0)
    twin.evaluate()
    with pytest.raises(ZeroDivisionError):
        twin.train()
    assert seen == [before + 1] and torch.get_num_threads() == before


PAIRS = {"alike": (1.0, 1.0 + 1e-12), "apart": (1.0, 1.5)}


@pytest.mark.parametrize("tool", DEFAULTS, ids=".".join)
def test_the_tools_at_their_defaults_tell_large_differences(tool):
    answers = {name: museum.rejects(*tool, tuple(np.array([1.0, x]) for x in pair)) for name, pair in PAIRS.items()}
    assert answers == {"alike": False, "apart": True}


def test_a_tool_that_is_not_installed_has_no_answer(monkeypatch, capsys):
    monkeypatch.setattr(museum, "DEFAULTS", (("no_such_library", "check"),))
    monkeypatch.setattr(museum, "TOOLS", ("compare", "explain", "no_such_library.check"))
    one = EXHIBITS["FactorTwo"]
    monkeypatch.setattr(museum, "EXHIBITS", {"FactorTwo": one})
    monkeypatch.setattr(museum, "REWRITES", {"LogAddExp": REWRITES["LogAddExp"]})
    missing = [s for s in museum.score(("float64",)) if s.tool == "no_such_library.check"]
    assert [(s.killed, s.alarms, s.explained) for s in missing] == [(None, None, None)]
    main(["museum", "--score"])
    assert ["no_such_library.check", "not", "installed"] in map(str.split, capsys.readouterr().out.splitlines())


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


@pytest.mark.parametrize(
    "arguments",
    [["Nonsense"], ["FactorTwo", "--score"], ["FactorTwo", "--pairs", "1"], ["FactorTwo", "--sizes"], ["--first", "3"]],
    ids=" ".join,
)
def test_what_is_not_there_is_bad_input(arguments, capsys):
    assert main(["museum", *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_score_of_the_judge_is_full(monkeypatch, capsys):
    monkeypatch.setattr(pairs, "LARGE", 100)
    assert main(["museum", "--score", "--pairs", "2"]) == 0
    printed = capsys.readouterr().out
    n, rewrites = len(EXHIBITS), 3 * len(REWRITES)
    lines = [line.split() for line in printed.splitlines() if line.strip().startswith(JUDGE)]
    assert lines[0] == f"compare {n} of {n} - 0 of {rewrites}".split()
    assert lines[2] == f"explain {n} of {n} {n} of {n} 0 of {rewrites}".split()
    n -= 3  # float32 numbers are no fault in float32; e^-15 beside 15 and 3e-8 of a step are less than its rounding
    assert lines[5] == f"explain {n} of {n} {n} of {n} 0 of {rewrites}".split()
    assert "rejects 0." in printed


@pytest.mark.parametrize("hidden", [False, True])
def test_faults_at_another_size_are_rejected_or_said_to_be_hidden(monkeypatch, capsys, hidden):
    monkeypatch.setattr(sizes, "EXHIBITS", {name: EXHIBITS[name] for name in ("FactorTwo", "LossOneStepLate")})
    if hidden:
        monkeypatch.setattr(sizes, "judged", lambda *_: iter(()))
    assert main(["museum", "--sizes", "10x2"]) == hidden
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count("10 x 2 0 of 2 FactorTwo: " if hidden else "10 x 2 2 of 2") == len(DTYPES)


def test_what_changes_nothing_is_no_fault_at_any_size(monkeypatch):
    monkeypatch.setattr(sizes, "EXHIBITS", {"ByHand": EXHIBITS["FactorTwo"]._replace(program=ByHand())})
    assert not list(sizes.planted(10, 2, "float64"))


@pytest.mark.parametrize("planted", ["nothing", "no fault", "wrong rewrite", "wrong pair"])
def test_a_score_that_is_not_full_has_status_1(monkeypatch, capsys, planted):
    """On one exhibit, one rewrite and one pair; each of the three in turn is not what it says."""
    shown = EXHIBITS["FactorTwo"]
    one = {"FactorTwo": shown._replace(program=ByHand()) if planted == "no fault" else shown}
    for module in (faults, museum):  # not item by item: what is put back comes last, and lessons number the exhibits
        monkeypatch.setattr(module, "EXHIBITS", one)
    rewrite = FactorTwo() if planted == "wrong rewrite" else REWRITES["LogAddExp"]
    monkeypatch.setattr(museum, "REWRITES", {"rewrite": rewrite})
    pair = trial(FactorTwo() if planted == "wrong pair" else REWRITES["LogAddExp"], SUM)
    monkeypatch.setattr(pairs, "random_pair", lambda seed: pair)
    assert main(["museum", "--score", "--pairs", "1"]) == (0 if planted == "nothing" else 1)


def test_the_page_shows_every_exhibit_and_rewrite():
    page = (Path(__file__).parents[2] / "docs" / "museum.md").read_text(encoding="utf-8")
    exhibits = {f"| {e.name} | {e.what.replace('|', chr(92) + '|')} | {e.source} |" for e in EXHIBITS.values()}
    assert exhibits <= {*page.splitlines()} and all(f"| {name} |" in page for name in REWRITES)


def test_interrupted_pairs_keep_what_they_have(monkeypatch, capsys):
    found = [trial(REWRITES["LogAddExp"], SUM), trial(FactorTwo(), SUM)]

    def pair(seed):
        if seed == 7:
            raise KeyboardInterrupt
        return found[seed - 5]

    monkeypatch.setattr(pairs, "random_pair", pair)
    assert main(["museum", "--pairs", "9", "--first", "5"]) == 130
    printed = capsys.readouterr()
    assert "Of 2 random pairs" in printed.out and "rejects 1 (seeds 6)" in printed.out
    assert "Interrupted after 2 of 9" in printed.out and "(seeds 5 to 6)" in printed.out
    assert "pair 6 is rejected" in printed.err


def test_of_a_confident_row_both_frameworks_say_zero(capsys, monkeypatch):
    """And agree; held to the exact value both are rejected, and neither twin."""
    assert main(["museum", "ConfidentRow"]) == 0 and "Both frameworks say 0" in capsys.readouterr().out
    monkeypatch.setitem(confident.OPERATIONS, "its own", "cross_entropy")
    assert main(["museum", "ConfidentRow"]) == 1
