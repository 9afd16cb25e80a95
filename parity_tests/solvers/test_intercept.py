"""Fits without an intercept: the truth is the optimum of the rows and their mirror images, whose bias is 0."""

import importlib

import numpy as np
import pytest

from logreg_parity import Dataset, Parameters
from logreg_parity.solvers import blocks
from logreg_parity.solvers.newton import newton
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.stream import Stream
from logreg_parity.truth import oracle
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import flatten
from logreg_torch.speed.fit import pack
from parity_tests.cases import CASES
from parity_tests.certified import OVERLAP
from parity_tests.conftest import TWINS

SOLVERS = ("newton", "lbfgs", "progressive")
DATA = {"overlap": OVERLAP, **{name: CASES[name].dataset for name in ("correlated", "soft", "weighted", "rare")}}


@pytest.fixture(params=TWINS)
def module(request):
    return importlib.import_module(request.param)


def mirrored(data):
    """(x, y) and (-x, 1 - y): the mean loss is that of the rows at b = 0, where its slope by b vanishes."""
    weight = None if data.sample_weight is None else np.tile(data.sample_weight, 2)
    X, y = np.vstack([data.X, -data.X]), np.concatenate([data.y, 1 - data.y])
    return Dataset(X, y, f"{data.source}, mirrored", sample_weight=weight)


def reaches(fit, optimum):
    """Whether the true weights are within the distance that was proved."""
    away = np.abs(fit.parameters.weight - optimum.parameters.weight)
    return bool((away <= fit.distance[:-1] + optimum.radius).all())


@pytest.mark.parametrize("l2", [0.0, 0.25])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", DATA)
def test_the_optimum(module, name, solver, l2):
    fit = module.fit(DATA[name], solver=solver, l2=l2, intercept=False)
    assert fit.status == "converged", fit.reason
    assert reaches(fit, find_optimum(mirrored(DATA[name]), l2=l2))
    assert fit.parameters.bias == fit.distance[-1] == 0 and fit.distance.shape == (DATA[name].n_features + 1,)


def test_a_sum_counts_every_row_once(module):
    """The mirrored sum is twice as large, and so must be its penalty."""
    fit = module.fit(OVERLAP, l2=3.0, reduction="sum", intercept=False)
    optimum = find_optimum(mirrored(OVERLAP), l2=6.0, reduction="sum")
    assert fit.status == "converged" and reaches(fit, optimum)
    assert abs(fit.objective - optimum.value / 2) <= fit.gap + 64 * np.spacing(fit.objective)  # a sum of 40 rows


def test_a_fit_with_an_intercept_is_another(module):
    assert not reaches(module.fit(OVERLAP), find_optimum(mirrored(OVERLAP)))


@pytest.mark.parametrize("name", DATA)
def test_what_is_proved_holds(name):
    data, optimum = DATA[name], find_optimum(mirrored(DATA[name]), l2=0.01)
    objective, proofs = Objective(pack(data, intercept=False), l2=0.01), []
    for _, here in zip(range(40), newton(objective, np.zeros(data.n_features)), strict=False):
        value = oracle.evaluate(data, Parameters(here.theta, 0.0), l2=0.01).objective
        proofs.append(objective.certify(here))
        assert proofs[-1] is None or float(value - optimum.value) - np.spacing(optimum.value) <= proofs[-1].gap
    assert proofs[-1] is not None and proofs[-1].gap < 2.0**-40


@pytest.mark.parametrize("size", [2**21, 900, 8])
@pytest.mark.parametrize("name", DATA)
def test_one_pass(module, monkeypatch, name, size):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", size)
    fits, data = importlib.import_module(f"{module.__name__}.speed.fit"), DATA[name]
    point = CASES["correlated" if name == "overlap" else name].start._replace(bias=0.0)
    point = Parameters(np.resize(point.weight, data.n_features), 0.0)
    objective = Objective(fits.pack(data, intercept=False), l2=0.375)
    _, slope = objective.value_and_grad(point)
    limit = objective.gradient_error(objective.at(point.weight))
    exact = oracle.evaluate(data, point, l2=0.375).gradient
    assert (oracle.distance(slope.weight, exact.weight) <= limit).all() and slope.bias == 0


THRESHOLD = Dataset([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1], "separable with a bias only")
ONE_CLASS = Dataset([[-1.0], [2.0]], [1, 1], "one class on both sides of 0")
RAY = Dataset([[1.0], [2.0]], [1, 1], "one class on one side")
TOUCHING = Dataset([[0.0, 0.0], [1.0, 2.0], [-1.0, -2.0]], [1, 1, 0], "a row at 0 costs log 2 for ever")


@pytest.mark.parametrize("data", [THRESHOLD, ONE_CLASS], ids=lambda data: data.source)
def test_without_a_bias_there_is_an_optimum(module, data):
    assert module.fit(data).status == "no finite optimum"
    fit = module.fit(data, intercept=False)
    assert fit.status == "converged" and reaches(fit, find_optimum(mirrored(data)))


@pytest.mark.parametrize("data", [RAY, TOUCHING], ids=lambda data: data.source)
def test_without_a_bias_there_is_none_either(module, data):
    fit = module.fit(data, intercept=False)
    assert fit.status == "no finite optimum" and "separable" in fit.reason
    assert module.fit(data, l2=1.0, intercept=False).status == "converged"


def test_separable_with_a_bias_only_is_not_taken_for_separable(module):
    """No optimum is unique where a column stands twice, so nothing is proved; but there are optima."""
    twice = Dataset(THRESHOLD.X.repeat(2, axis=1), THRESHOLD.y, "a column twice")
    assert module.fit(twice).status == "no finite optimum"
    assert module.fit(twice, intercept=False).status == "not converged"


def test_a_stream(module):
    stream = Stream(OVERLAP.X, OVERLAP.y, "overlap", rows_per_block=7)
    fit = module.fit(stream, intercept=False)
    assert fit.status == "converged" and reaches(fit, find_optimum(mirrored(OVERLAP)))


def test_a_checkpoint_with_an_intercept_is_another_fit(module, tmp_path):
    path = tmp_path / "fit.npz"
    module.fit(OVERLAP, checkpoint=path)
    with pytest.raises(ValueError, match="intercept True there, False here"):
        module.fit(OVERLAP, checkpoint=path, intercept=False)


def test_a_bias_that_the_model_lacks_is_refused(module):
    packed = importlib.import_module(f"{module.__name__}.speed.fit").pack(OVERLAP, intercept=False)
    with pytest.raises(ValueError, match=r"the bias is 0\.5, but the data are packed without an intercept"):
        Objective(packed).value_and_grad(Parameters(np.zeros(2), 0.5))


def test_nothing_to_fit_is_refused(module):
    with pytest.raises(ValueError, match="no features and the model no intercept"):
        module.fit(Dataset(np.zeros((4, 0)), [0, 1, 1, 0], "no columns"), intercept=False)


def test_points_are_flat_again(module):
    """A fit without an intercept fits wherever one with an intercept does."""
    fit = module.fit(OVERLAP, intercept=False)
    assert flatten(fit.parameters).shape == fit.distance.shape == (3,)
