"""The last digits of a fit on any processor: every solver of both twins ends at the exact optimum, however sums round.

Processors differ in the order in which they add. So do the same rows in other orders, which stand for them here.
"""

import importlib
from functools import cache
from itertools import repeat

import numpy as np
import pytest

import logreg_torch
from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.solvers.blocks import Sums
from logreg_parity.solvers.objective import Objective, rise
from logreg_parity.solvers.solve import Fitter
from logreg_parity.truth import oracle, reference
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.recount import recount
from logreg_parity.truth.reference import flatten
from logreg_torch.speed.fit import pack, place
from parity_tests.cases import CASES
from parity_tests.certified import CERTIFIED, HARD, HARD_DATA, OVERLAP, certified
from parity_tests.conftest import TWINS

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]

SOLVERS = ("newton", "lbfgs", "progressive")
PROMISE = 1e-12  # docs/fitting.md: no parameter of a default fit is further off, in its natural size
ORDERS = range(3)
TABLE = gaussian(60, 3, seed=5)


def in_units(*unit):
    return Dataset(TABLE.X * unit, TABLE.y, f"in units of {unit}")


DATA = {
    **{name: CASES[name].dataset for name in ("published", "bernoulli", "soft", "correlated", "scaled", "weighted")},
    "rare": CASES["rare"].dataset,
    **{name: certified(name) for name in CERTIFIED},
    **{name: HARD_DATA[name] for name, case in HARD.items() if case[3] == "finite" and name[:6] != "offset"},
    **{f"column of {size:g}": in_units(1, size, 1) for size in (1e10, 1e-10, 1e150, 1e-150)},
    **{f"columns of {size:g}": in_units(size, size, size) for size in (1e10, 1e-10, 1e150, 1e-150)},
    "columns of 1e10, 1, 1e-10": in_units(1e10, 1, 1e-10),
}  # fmt: skip


@pytest.fixture(params=TWINS)
def module(request):
    return importlib.import_module(request.param)


@pytest.fixture(scope="module")
def optimum():
    """The exact optimum by name, found once."""
    return cache(lambda name: find_optimum(DATA[name]))


def shuffled(dataset, order):
    rows = np.arange(dataset.n_rows)
    return dataset.take(np.random.RandomState(order).permutation(rows) if order else rows)


def natural_size(dataset, theta):
    """Of every parameter: moved by as much, it doubles or changes the logit of a row by 1."""
    weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
    return np.maximum(np.abs(theta), 1 / np.abs(reference.with_ones(dataset.X[weight > 0])).max(axis=0))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", DATA)
def test_a_default_fit_has_all_its_digits(module, optimum, name, solver):
    theta = flatten(optimum(name).parameters)
    for order in ORDERS:
        fit = module.fit(shuffled(DATA[name], order), solver=solver)
        away = np.abs(flatten(fit.parameters) - theta)
        assert fit.status == "converged", (order, fit.reason)
        assert (away <= PROMISE * natural_size(DATA[name], theta)).all(), order
        assert (away <= fit.distance + optimum(name).radius).all(), order


@pytest.mark.parametrize("name", DATA)
def test_the_frameworks_lbfgs_converges_by_itself(module, monkeypatch, name):
    """As it has to on large data, where Newton's method does not go on."""
    monkeypatch.setattr("logreg_parity.solvers.solve.SMALL_WORK", 0)
    for order in ORDERS:
        fit = module.fit(shuffled(DATA[name], order), solver="lbfgs")
        assert fit.status == "converged", (order, fit.reason)
        assert fit.iterations <= 100, order  # the hardest takes half as many


@pytest.mark.parametrize("name", ["weighted", "correlated", "published", "iris_versicolor_virginica"])
def test_lbfgs_does_not_decide_by_the_last_digits_of_a_value(module, monkeypatch, name):
    """Values off by some ulps, as sums of many rows are, cost no point, however small a gradient is asked for."""
    monkeypatch.setattr("logreg_parity.solvers.solve.SMALL_WORK", 0)
    packed, seen = module.fit.__self__.pack(DATA[name]), set()
    exact = type(packed).sums
    for size in (0, *[2.0**-49] * 10):
        noise = np.random.RandomState(len(seen))

        def sums(blocks, theta, size=size, noise=noise, **options):
            value, gradient, hessian = exact(blocks, theta, **options)
            return Sums(value * (1 + size * noise.uniform(-1, 1)), gradient, hessian)

        monkeypatch.setattr(type(packed), "sums", sums)
        fit = module.fit.__self__.solve(packed, solver="lbfgs", tolerance=1e-12, max_iterations=100)
        assert fit.status == "converged"
        seen.add(fit.iterations)
    assert len(seen) == 1


@pytest.mark.parametrize("exponent", [-480, -33, 33, 480])
@pytest.mark.parametrize("solver", SOLVERS)
def test_units_of_powers_of_two_change_no_bit(module, solver, exponent):
    unit = np.ldexp(1.0, [exponent, 0, -exponent])
    one, other = module.fit(TABLE, solver=solver), module.fit(in_units(*unit), solver=solver)
    assert np.array_equal(flatten(one.parameters) / [*unit, 1], flatten(other.parameters))
    assert (one.iterations, one.passes, one.objective) == (other.iterations, other.passes, other.objective)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_loose_tolerance_saves_passes(module, solver):
    """The last digits are for those who ask for as much as the default does."""
    loose, default = module.fit(OVERLAP, solver=solver, tolerance=1e-3), module.fit(OVERLAP, solver=solver)
    assert loose.passes < default.passes and loose.distance.max() > 2.0**-20 > default.distance.max()


@pytest.mark.parametrize("most", range(1, 15))
def test_the_last_steps_count_as_iterations(module, most):
    assert module.fit(OVERLAP, max_iterations=most).iterations <= most


def test_where_values_differ_by_rounding_the_slopes_tell_how_much_higher_a_point_is():
    """To within what they are off by, and the third power of how far a logit moves times |σ''| / 12 < 1 / 120."""
    objective, optimum = Objective(pack(OVERLAP)), flatten(find_optimum(OVERLAP).parameters)
    for seed in range(20):
        step, start = np.random.RandomState(seed).standard_normal((2, 3)) * 2.0**-26
        here, there = objective.at(optimum + start), objective.at(optimum + start + step)
        value = [oracle.evaluate(OVERLAP, Parameters(p.theta[:-1], p.theta[-1])).objective for p in (here, there)]
        moved = np.abs(there.theta - here.theta)
        bound = objective.gradient_error(here) @ moved + (objective.blocks.largest @ moved) ** 3 / 120
        assert abs(float(value[1] - value[0]) - rise(here, there)) <= bound < 2.0**-10 * np.spacing(here.value)


@pytest.mark.parametrize("name", [*CERTIFIED, "correlated", "saturated"])
def test_a_default_fit_proves_ten_digits(module, name):
    """Of every parameter, in its natural size; issue and docs promise as many."""
    data = certified(name) if name in CERTIFIED else CASES[name].dataset
    fit = module.fit(data, l2=0.01 * (name == "saturated"))
    assert (fit.distance <= 1e-10 * natural_size(data, flatten(fit.parameters))).all()


def test_the_last_steps_end_in_rounding():
    """A default fit goes on from where the solver stopped, and no step more takes it nearer."""
    loose, fit = (logreg_torch.fit(OVERLAP, tolerance=tolerance) for tolerance in (2e-8, 1e-8))
    assert loose.iterations < fit.iterations <= loose.iterations + 3
    own = recount(OVERLAP, flatten(fit.parameters))
    assert (np.abs(own.certificate().step) <= np.spacing(np.abs(own.theta))).all()


@pytest.mark.parametrize("points", [1, 2, 1000])
def test_newton_goes_on_where_a_solver_of_the_twin_gets_nowhere(points):
    own = lambda objective, theta, target: repeat(objective.at(theta), points)  # noqa: E731
    fit = Fitter(place, own).fit(OVERLAP, solver="lbfgs", max_iterations=200)
    assert fit.status == "converged" and fit.iterations < 120
