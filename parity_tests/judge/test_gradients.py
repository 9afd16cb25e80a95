"""``logreg-parity gradients``: right gradients are never flagged, planted ones always, checkers shown as they are."""

import json

import numpy as np
import pytest

from logreg_parity import Parameters
from logreg_parity.cli import main
from logreg_parity.judge import gradients
from logreg_parity.judge.gradients import ERRORS, JUDGE, PLACES, checkers, complex_step, distances, opinions, places
from logreg_parity.truth import oracle, reference
from logreg_parity.truth.bounds import PointBounds
from parity_tests.cases import CASES
from parity_tests.conftest import TWINS


@pytest.fixture(scope="module")
def heard():
    """All opinions, by format."""
    return {dtype: opinions(list(TWINS), dtype) for dtype in ("float64", "float32")}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_way_to_a_right_gradient_is_within_its_bound(dtype):
    found = distances(list(TWINS), dtype)
    assert {d.place for d in found} == set(PLACES) and len(found) == 4 * 5
    assert all(d.share <= 1 for d in found), found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_gradient_is_never_flagged_by_the_judge(heard, dtype):
    ours = [o for o in heard[dtype] if o.checker.startswith(JUDGE) and o.error == 0]
    assert len(ours) == 2 * len(gradients.PLANTED) and not any(o.noticed for o in ours)


def test_in_float64_the_judge_notices_every_planted_one(heard):
    planted = [o for o in heard["float64"] if o.checker.startswith(JUDGE) and o.error]
    assert len(planted) == 2 * 3 * len(gradients.PLANTED) and all(o.noticed for o in planted), planted


@pytest.mark.parametrize("name", TWINS)
def test_the_frameworks_own_checkers_pass_gradients_that_are_100_percent_wrong(heard, name):
    """Where the gradient is smaller than their tolerance; that is why there is another judge."""
    theirs = [o for o in heard["float64"] if o.checker == checkers(name).NAME]
    passed = {(o.place, o.error) for o in theirs if not o.noticed}
    assert {("saturated", error) for error in ERRORS} <= passed and ("near the optimum", 0.001) in passed
    assert all(o.noticed for o in theirs if o.place == "start" and o.error >= 0.1)  # they do see what is large


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_planted_gradient_is_wrong_by_what_it_says_and_right_without(name, dtype):
    """Against the exact gradients of all rows and of the rows of class 1, which the oracle sums by themselves."""
    _, dataset, at = next(iter(gradients._rounded(dtype)))
    ones = dataset.take(np.flatnonzero(dataset.y == 1))
    share = ones.n_rows / dataset.n_rows
    whole, part = (reference.flatten(oracle.evaluate(d, at).gradient) for d in (dataset, ones))
    bound = PointBounds(dataset, at, dtype=dtype).gradient
    for error in (0.0, 0.125, 1.0):
        slope = checkers(name).planted_gradient(dataset, at, dataset.y, error, dtype=dtype)
        wanted = whole + error * share * part
        assert slope.dtype == dtype and (oracle.distance(slope, wanted) <= (2 + error) * bound).all()


def test_the_complex_step_is_the_exact_gradient(case):
    """In all saturation too: within the bound of a float64 program, on problems without row weights."""
    dataset = case.dataset
    if dataset.sample_weight is not None:
        dataset = type(dataset)(dataset.X, dataset.y, "without its weights")
    exact = reference.flatten(oracle.evaluate(dataset, case.start).gradient)
    error = oracle.distance(complex_step(dataset, case.start), exact)
    assert (error <= PointBounds(dataset, case.start, dtype="float64").gradient).all()


def test_a_complex_step_of_the_wrong_loss_is_seen(monkeypatch):
    right = gradients._loss
    monkeypatch.setattr(gradients, "_loss", lambda z, y: right(z, y) * (1 + 1e-9))
    dataset, at = CASES["correlated"]
    exact = reference.flatten(oracle.evaluate(dataset, at).gradient)
    error = oracle.distance(complex_step(dataset, at), exact)
    assert (error > PointBounds(dataset, at, dtype="float64").gradient).all()


def test_the_places_are_what_they_are_called():
    at = {place.name: place for place in places()}
    for name, largest in (("saturated", 1e-10), ("near the optimum", 1e-3), ("optimum", 1e-15)):
        _, dataset, point = at[name]
        assert np.abs(reference.flatten(oracle.evaluate(dataset, point).gradient)).max() < largest
    assert isinstance(at["start"].parameters, Parameters)


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_and_writes(tmp_path, capsys):
    file = tmp_path / "gradients.json"
    assert main(["gradients", "--dtype", "float64", "--out", str(file)]) == 0
    printed, written = capsys.readouterr().out, json.loads(file.read_text())
    assert all(f"  {place}" in printed for place in PLACES) and "NumPy, complex" in printed
    assert len(written["distances"]) == 20 and len(written["opinions"]) == 2 * 2 * 4 * len(gradients.PLANTED)


WRONG = """
from logreg_parity.truth.reference import *
from logreg_parity.truth import reference

def evaluate(dataset, parameters, **options):
    found = reference.evaluate(dataset, parameters, **options)
    slope = found.gradient
    return found._replace(gradient=Parameters(slope.weight * 1.001, slope.bias * 1.001))
"""


def test_a_users_own_gradient_is_measured(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_gradient.py").write_text(WRONG)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["gradients", "--twins", "my_gradient", "--dtype", "float64"]) == 1
    assert main(["gradients", "--twins", "logreg_parity.truth.reference", "--dtype", "float64"]) == 0
    assert "who notices" not in capsys.readouterr().out  # only our twins have a checker to ask


def test_a_file_in_no_folder_is_said_before_the_work(capsys):
    assert main(["gradients", "--out", "no/such/folder/file.json"]) == 2
    assert "a folder that exists" in capsys.readouterr().err
