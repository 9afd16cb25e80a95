"""The fit of both twins: at the certified optimum, or with the reason why there is none or why it was not reached."""

import importlib
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from logreg_parity import Dataset, gaussian
from logreg_parity.judge.fits import agree, exit_status, verdict
from logreg_parity.solvers import blocks
from logreg_parity.solvers.blocks import BlockPlace, Sums
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.progressive import hessian_rows, progressive
from logreg_parity.solvers.solve import Fitter, choose
from logreg_parity.solvers.stop import Stop
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import round_dataset
from logreg_torch.speed.fit import pack, place
from parity_tests.cases import CASES
from parity_tests.certified import CERTIFIED, HARD, HARD_DATA, OVERLAP, SEPARATED, certified
from parity_tests.conftest import TWINS

SOLVERS = ("newton", "lbfgs", "progressive")
NO_PROOF = {"dummy_trap", "all_rows_identical"}  # not unique
TOO_HARD_FOR_LBFGS = {"inversion_1e-9_overlap", "scale_1e-10", "scale_1e-150"}
"""It starts from a multiple of the identity and knows nothing of scales nine and more orders apart: not promised."""


@pytest.fixture(params=TWINS)
def module(request):
    return importlib.import_module(request.param)


def assert_optimum(fit, dataset, **options):
    """Converged, and the true optimum is within the distance that was proved."""
    optimum = find_optimum(dataset, **options)
    assert fit.status == "converged", fit.reason
    assert (np.abs(flatten(fit.parameters) - flatten(optimum.parameters)) <= fit.distance + optimum.radius).all()


PAIRS = [(n, s) for n in HARD_DATA for s in SOLVERS if s != "lbfgs" or n not in TOO_HARD_FOR_LBFGS]


@pytest.mark.parametrize(("name", "solver"), PAIRS)
def test_hard_case(module, name, solver):
    fit = module.fit(HARD_DATA[name], solver=solver)
    if HARD[name][3] in ("separable", "quasi-separable"):
        assert fit.status == "no finite optimum" and fit.gap == np.inf
    elif name in NO_PROOF:
        assert fit.status == "not converged" and fit.reason
    else:
        assert_optimum(fit, HARD_DATA[name])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["published", "bernoulli", "soft", "correlated", "weighted", "rare"])
def test_cases(module, name, solver):
    assert_optimum(module.fit(CASES[name].dataset, solver=solver), CASES[name].dataset)


@pytest.mark.parametrize("name", CERTIFIED)
def test_real_data(module, name):
    assert_optimum(module.fit(certified(name)), certified(name))


def stretched():
    """Tables in which a column is far from 0, nearly another, or has one value that is far from the others."""
    data = gaussian(200, 3, seed=1)
    nearly, code = data.X.copy(), data.X.copy()
    nearly[:, 2] = nearly[:, 0] + 2.0**-20 * nearly[:, 2]
    code[3, 1] = 999999.0
    return {
        "offset": Dataset(data.X + np.array([2.0**20, 0, 0]), data.y, "far from 0"),
        "nearly": Dataset(nearly, data.y, "nearly a copy"),
        "code": Dataset(code, data.y, "a code for a missing value"),
    }


@pytest.mark.parametrize("name", stretched())
def test_columns_that_cost_digits_do_not_cost_the_proof(module, name):
    fit = module.fit(stretched()[name])
    assert_optimum(fit, stretched()[name])
    theta = flatten(fit.parameters)
    assert (fit.distance <= 1e-8 * np.abs(theta)).all()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_penalty_gives_separable_data_an_optimum(module, solver, reduction):
    options = {"l2": 0.125, "reduction": reduction}
    assert_optimum(module.fit(SEPARATED, solver=solver, **options), SEPARATED, **options)


def test_one_class_has_no_optimum_even_with_a_penalty(module):
    fit = module.fit(CASES["one-class"].dataset, l2=1.0)
    assert fit.status == "no finite optimum" and "all labels are the same" in fit.reason


def test_the_reduction_scales_the_objective_and_its_gap(module):
    """A sum with penalty l2 is N means with penalty l2 / N: the same steps, N times the numbers."""
    mean, total = (module.fit(OVERLAP, l2=l2, reduction=how) for l2, how in ((0.25, "mean"), (10.0, "sum")))
    assert np.array_equal(flatten(mean.parameters), flatten(total.parameters))
    assert (total.objective, total.gap, total.gradient_norm) == (
        40 * mean.objective, 40 * mean.gap, 40 * mean.gradient_norm,
    )  # fmt: skip


@pytest.fixture
def small_blocks(monkeypatch):
    """So that a small data set has many blocks, and samples are some of them."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**11)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 2**11)


@pytest.mark.parametrize("kernel", ["plain", "fused"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_progressive_reads_the_data_a_few_times(module, small_blocks, dtype, kernel):
    """Features of sizes a thousand apart, and the optimum of the data as they are held."""
    dataset = gaussian(900, 3, scale=(1.0, 32.0, 0.03125), correlation=0.5, seed=2)
    fit = module.fit(dataset, solver="progressive", dtype=dtype, tolerance=1e-6, kernel=kernel)
    assert fit.solver == "progressive" and fit.passes < 20
    assert_optimum(fit, round_dataset(dataset, dtype))


def test_progressive_survives_a_sample_that_says_nothing(module, small_blocks):
    """The sample is separable, the data are not: what is left is Newton's method on all rows."""
    hundred = gaussian(640, 2, seed=3)
    y = hundred.y.copy()
    sampled = np.arange(640) % 2 == 0
    y[sampled] = hundred.X[sampled, 0] > 0
    dataset = Dataset(hundred.X, y, "every second row is separable")
    assert_optimum(module.fit(dataset, solver="progressive"), dataset)


def test_where_the_kept_hessian_misleads_newton_takes_over(module, monkeypatch):
    """Within a few steps: on its own L-BFGS is still on its way after a thousand."""
    dataset, wrong = gaussian(150, 12, seed=1), np.diag(np.logspace(-3, 3, 13))
    samples = lambda every, theta, _: (theta, wrong, every)  # noqa: E731
    monkeypatch.setattr("logreg_parity.solvers.progressive._on_samples", samples)
    fit = module.fit(dataset, solver="progressive")
    assert_optimum(fit, dataset)
    assert fit.passes < 60


def test_a_small_gradient_alone_is_not_convergence():
    """With one weight held off its optimum only that feature's slope is left, which in tiny units is small."""
    objective, free = Objective(pack(OVERLAP)), np.array([0, 2])
    theta = flatten(find_optimum(OVERLAP).parameters) + np.array([0, 2.0**-6, 0])
    for _ in range(6):
        here = objective.at(theta.copy(), hessian=True)
        theta[free] -= np.linalg.solve(here.hessian[np.ix_(free, free)], here.gradient[free])
    unit = np.array([1, 2.0**-40])
    tiny = Objective(pack(Dataset(OVERLAP.X * unit, OVERLAP.y, "tiny units")))
    stop, there = Stop(tiny, 1e-8), tiny.at(theta / np.append(unit, 1))
    assert np.linalg.norm(there.gradient) <= stop.target and not stop(there)
    fit = stop.fit("newton")
    assert fit.status == "not converged" and 1e-8 * fit.objective < fit.gap < np.inf


def test_too_few_iterations_are_said(module):
    fit = module.fit(OVERLAP, solver="lbfgs", max_iterations=2)
    assert (fit.status, fit.iterations) == ("not converged", 2) and "more iterations" in fit.reason


def test_numbers_that_are_not_finite_end_the_fit():
    """As a status, whatever the twin's pass returns."""

    def add(share, **_):
        return Sums(np.nan, np.full(3, np.nan), np.eye(3))

    fitter = Fitter(lambda device: BlockPlace(np.asarray, add), lbfgs=None)
    fit = fitter.fit(OVERLAP, solver="newton", max_iterations=5)
    assert fit.status == "diverged" and "not finite" in fit.reason


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"solver": "sgd"}, "solver is 'sgd'; give auto, newton, progressive, lbfgs"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"l2": float("nan")}, "l2 is nan"),
        ({"dtype": "float16"}, "a fit takes float64 or float32"),
        ({"device": "tpu"}, "device is 'tpu'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_options_are_refused(module, option, words):
    with pytest.raises(ValueError, match=words):
        module.fit(OVERLAP, **option)


@pytest.mark.parametrize(
    ("n", "k", "solver"),
    [
        (100, 2, "newton"),
        (1000, 21, "newton"),
        (10**4, 21, "progressive"),
        (10**6, 29, "progressive"),
        (10**5, 401, "progressive"),
        (200, 501, "lbfgs"),
    ],
)
def test_auto_goes_by_the_sizes(n, k, solver):
    assert choose(n, k) == solver
    assert 1 <= hessian_rows(n, k) <= n


@pytest.fixture(scope="module")
def fits():
    return {name: importlib.import_module(name).fit(OVERLAP) for name in TWINS}


def test_the_twins_agree(fits):
    assert agree(fits) and exit_status(fits) == 0 and "agree" in verdict(fits)


def test_a_twin_that_is_off_by_more_than_is_proved_is_seen(fits):
    fit = fits["logreg_jax"]
    moved = fit.parameters._replace(weight=fit.parameters.weight + 4 * fit.distance[:-1] + 4e-9)
    wrong = {**fits, "logreg_jax": replace(fit, parameters=moved)}
    assert not agree(wrong) and exit_status(wrong) == 1 and "DISAGREE" in verdict(wrong)


def test_an_optimum_where_another_proves_that_there_is_none_is_seen(fits):
    wrong = {**fits, "logreg_jax": replace(fits["logreg_jax"], status="no finite optimum")}
    assert not agree(wrong)


def test_without_a_proof_nothing_is_said(fits):
    unproved = {**fits, "logreg_jax": replace(fits["logreg_jax"], status="not converged")}
    assert exit_status(unproved) == 3 and "Nothing is proved of the fit of logreg_jax" in verdict(unproved)


@pytest.mark.parametrize(("kernel", "used"), [("plain", {"float32", "float64"}), ("fused", {"float64"})])
def test_progressive_starts_in_float32_where_that_is_faster_and_ends_in_float64(kernel, used):
    objective = Objective(pack(OVERLAP, dtype="float32", kernel=kernel))
    points = [here for here, _ in zip(progressive(objective, np.zeros(3)), range(12), strict=False)]
    assert {here.arithmetic for here in points} == used and points[-1].arithmetic == "float64"


def test_products_between_passes_run_on_one_thread_and_only_meanwhile(monkeypatch):
    """Looked up afresh, for SciPy has a library of its own, which another test may have loaded since."""
    monkeypatch.setattr("logreg_parity.solvers.threads._blas", ThreadpoolController)
    seen = []

    def solver(*_):
        seen.append(blas_threads())
        yield from ()

    def fit_and_look():
        Fitter(place, lbfgs=solver).fit(OVERLAP, solver="lbfgs")
        seen.append(blas_threads())

    with threadpool_limits(2, user_api="blas"):
        fit_and_look()
        other = Thread(target=fit_and_look)  # while the first one to set the number of threads still lives
        other.start()
        other.join()
    assert seen == [{1}, {2}, {1}, {2}]


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
