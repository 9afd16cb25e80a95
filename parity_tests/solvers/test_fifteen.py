"""Digits on request: every parameter and standard error the float64 nearest to the exact number, or one beside it."""

import importlib

import numpy as np
import pytest

from logreg_parity import Parameters, certified, gaussian
from logreg_parity.cli import main
from logreg_parity.solvers.stream import open_stream
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.refined import refined
from logreg_parity.truth.separation import counted_rows
from logreg_parity.truth.ulp import ulp_distance
from parity_tests.cases import CASES
from parity_tests.certified import HARD, HARD_DATA, OVERLAP
from parity_tests.conftest import TWINS
from parity_tests.judge.test_scoreboard import FINITE

ALL = [name for name in HARD_DATA if HARD[name][3] == "finite" and name[:6] != "offset"]


@pytest.fixture(params=TWINS)
def module(request):
    return importlib.import_module(request.param)


@pytest.mark.parametrize("name", FINITE)
def test_certified_fits_to_the_last_digit(name):
    """And the standard errors to 15 of the table in decimals, of which the exact one is known."""
    data, known = certified(name)
    found = refined(counted_rows(data), importlib.import_module("logreg_torch").fit(data).parameters, errors=True)
    assert ulp_distance(found.estimate.value, [float(x) for x in known.coefficients], "float64").max() <= 1
    assert min(found.estimate.digits.min(), found.errors.digits.min()) >= 15
    assert known.digits(found.errors.value, "standard_errors") >= 14.5  # its decimals are not the doubles


@pytest.mark.parametrize("options", [{"l2": 0.5}, {"l2": 0.5, "reduction": "sum"}, {}], ids=["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["soft", "weighted", "correlated"])
def test_with_penalties_and_weights(name, options):
    data = CASES[name].dataset
    start = importlib.import_module("logreg_torch").fit(data, **options).parameters
    found, optimum = refined(data, start, **options), find_optimum(data, **options)
    assert ulp_distance(found.estimate.value, flatten(optimum.parameters), "float64").max() == 0
    assert found.estimate.digits.min() >= 15


def test_the_penalty_of_a_sum_is_taken_as_it_came(module):
    """Not as the rounded share that a mean has of it."""
    data = CASES["weighted"].dataset
    fit = module.fit(data, l2=0.3, reduction="sum", digits=15)
    optimum = find_optimum(data, l2=0.3, reduction="sum")
    assert ulp_distance(flatten(fit.parameters), flatten(optimum.parameters), "float64").max() == 0
    assert (fit.distance <= np.spacing(np.abs(flatten(fit.parameters)))).all()


@pytest.mark.parametrize("name", ALL)
def test_hard_cases(name):
    data, fit = HARD_DATA[name], importlib.import_module("logreg_torch").fit(HARD_DATA[name], digits=15)
    optimum = find_optimum(data)
    assert fit.status == "converged", fit.reason
    assert (np.abs(flatten(fit.parameters) - flatten(optimum.parameters)) <= fit.distance + optimum.radius).all()


def test_from_further_away_less_is_proved_but_nothing_false():
    optimum = find_optimum(OVERLAP)
    theta, known = flatten(optimum.parameters), []
    for size in 2.0 ** -np.arange(1.0, 40, 6):
        found = refined(OVERLAP, Parameters(theta[:-1] * (1 + size), theta[-1] * (1 - size)))
        if found is not None:
            assert (np.abs(found.estimate.value - theta) <= found.estimate.bound + optimum.radius).all()
            known.append(found.estimate.digits.min())
    assert len(known) > 3 and known == sorted(known) and known[0] < 8


def test_both_twins_give_the_same_number(module):
    """With an intercept and without."""
    for intercept in (True, False):
        fit = module.fit(OVERLAP, digits=15, intercept=intercept)
        wanted = importlib.import_module(TWINS[0]).fit(OVERLAP, digits=15, intercept=intercept)
        assert fit.status == "converged" and np.array_equal(flatten(fit.parameters), flatten(wanted.parameters))
        assert (fit.distance <= np.spacing(np.abs(flatten(fit.parameters)))).all()


def test_standard_errors_have_as_many(module):
    found = module.infer(OVERLAP, digits=15, profile=False)
    assert found.standard_error.digits.min() >= 15 and found.estimate.digits.min() >= 15
    plain = module.infer(OVERLAP, profile=False).standard_error
    assert (np.abs(plain.value - found.standard_error.value) <= plain.bound + found.standard_error.bound).all()


def test_where_fewer_are_proved_it_has_not_converged(module, monkeypatch):
    monkeypatch.setattr("logreg_parity.solvers.solve.refined", lambda *_, **__: None)
    fit = module.fit(OVERLAP, digits=15)
    assert fit.status == "not converged" and "15 digits are asked for" in fit.reason


@pytest.mark.parametrize("digits", [0, 16, 2.5])
def test_other_digits_are_refused(digits):
    with pytest.raises(ValueError, match="give a whole number from 1 to 15"):
        importlib.import_module("logreg_torch").fit(OVERLAP, digits=digits)


def test_a_stream_is_refused(tmp_path):
    np.savez(tmp_path / "rows.npz", X=OVERLAP.X, y=OVERLAP.y)
    with pytest.raises(ValueError, match="of a stream, of which no copy is kept"):
        importlib.import_module("logreg_torch").fit(open_stream(tmp_path / "rows.npz"), digits=9)


def test_the_command(capsys):
    assert main(["fit", "--data", "bernoulli", "--digits", "15", "--inference"]) == 0
    printed = capsys.readouterr().out
    assert "estimates 16.0" in printed or "estimates 15." in printed
    assert main(["fit", "--digits", "20"]) == 2 and "from 1 to 15" in capsys.readouterr().err


def test_float32_features_are_those_that_are_fitted(module):
    """The optimum of X rounded to float32, to 15 digits."""
    data = gaussian(80, 2, seed=4)
    fit = module.fit(data, dtype="float32", digits=15)
    rounded = find_optimum(counted_rows(type(data)(data.X.astype(np.float32), data.y, "rounded")))
    assert ulp_distance(flatten(fit.parameters), flatten(rounded.parameters), "float64").max() == 0
