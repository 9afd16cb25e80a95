"""``fit(kernel="exact")``: one hash, whoever computes, on any number of threads, for any order of the rows."""

import os
import subprocess
import sys

import numpy as np
import pytest

import logreg_jax
import logreg_torch
from logreg_jax.speed.fit import place as jax_place
from logreg_parity import Dataset, gaussian
from logreg_parity.solvers import newton as algebra
from logreg_parity.solvers.exact import ExactBlocks
from logreg_parity.solvers.kernels import choose
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.solve import IN_NUMPY, Fitter, fit_by, fit_in_numpy
from logreg_parity.truth import exact, exact_numba
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import flatten
from logreg_torch.speed.fit import place as torch_place
from parity_tests.cases import CASES
from parity_tests.certified import HARD_DATA

FITS = (fit_in_numpy, fit_by(exact_numba.add_exactly), logreg_torch.fit, logreg_jax.fit)
MANY = gaussian(5000, 3, seed=2)  # three blocks


def hashed(fit):
    assert fit.status == "converged", fit.reason
    return exact.fit_digest(fit)


def turned(dataset):
    return dataset.take(np.random.RandomState(0).permutation(dataset.n_rows))


@pytest.mark.parametrize(
    ("dataset", "options"),
    [
        (CASES["published"].dataset, {}),
        (CASES["weighted"].dataset, {"l2": 0.125, "reduction": "sum"}),
        pytest.param(CASES["soft"].dataset, {"dtype": "float32", "intercept": False}, marks=pytest.mark.slow),
        pytest.param(HARD_DATA["inversion_1e-9_overlap"], {}, marks=pytest.mark.slow),
        pytest.param(MANY, {"l2": 1e-3}, marks=pytest.mark.slow),
    ],
    ids=["published", "weighted, l2", "soft, float32, no bias", "hard", "many"],
)
def test_one_hash(dataset, options):
    few = FITS[:3] if dataset is HARD_DATA["inversion_1e-9_overlap"] else FITS  # JAX compiles for seconds
    runs = (*((fit, dataset) for fit in few), (fit_in_numpy, turned(dataset)), (logreg_torch.fit, turned(dataset)))
    fits = [fit(rows, kernel="exact", **options) for fit, rows in runs]
    assert len({hashed(fit) for fit in fits}) == 1
    if options.get("intercept", True):
        optimum = find_optimum(dataset, **options)
        assert (
            np.abs(flatten(fits[0].parameters) - flatten(optimum.parameters)) <= fits[0].distance + optimum.radius
        ).all()


@pytest.mark.parametrize("kernel", ["exact", "exact-fused"])
@pytest.mark.parametrize("place", [torch_place, jax_place], ids=["torch", "jax"])
def test_any_number_of_threads(place, kernel):
    here = choose(kernel, place("cpu"))
    assert (here.exact is exact_numba.add_exactly) == (kernel == "exact-fused")
    passes = [ExactBlocks.of(MANY, "float64", here._replace(workers=count)) for count in (1, 2, 3)]
    passes.append(ExactBlocks.of(MANY, "float64", IN_NUMPY))
    found = [packed.sums(np.array([0.5, -1.0, 2.0, 0.25]), hessian=True) for packed in passes]
    assert (
        len({exact.digest(np.concatenate([[s.value], s.gradient, s.hessian.ravel()]), "float64") for s in found}) == 1
    )


def test_sums_are_within_what_is_proved_and_the_hessian_is_that_of_plain_passes():
    point = np.array([0.5, -1.0, 2.0, 0.25])
    ours, plain = (
        Objective(logreg_torch.speed.fit.pack(MANY, kernel=k), l2=0.1).at(point, hessian=True)
        for k in ("exact", "plain")
    )
    objective = Objective(ExactBlocks.of(MANY, "float64", IN_NUMPY), l2=0.1)
    assert objective.contradiction(ours, objective.recount(ours)) == ""
    largest = objective.blocks.largest
    assert (np.abs(ours.hessian - plain.hessian) <= 2.0**-48 * np.multiply.outer(largest, largest)).all()


def test_a_row_too_few_is_seen():
    def faulty(rows, theta, tops):
        return exact.add_exactly(rows.blocks(lambda part: part[..., 1:]), theta, tops)

    fit = Fitter(lambda device: IN_NUMPY._replace(exact=faulty), None).fit(CASES["weighted"].dataset, kernel="exact")
    assert fit.status == "wrong sums"


def test_sums_of_floats_have_another_hash_for_another_order(monkeypatch):
    """Without integers: the planted fault that the hash is there for."""
    monkeypatch.setattr(
        exact, "counted", lambda products, top: (products / (top * exact.UNIT)[..., None, None]).sum(-1)
    )
    monkeypatch.setattr(exact, "halves", lambda sums: np.stack([np.zeros_like(sums), sums]))
    dataset = CASES["bernoulli"].dataset
    assert len({hashed(fit_in_numpy(rows, kernel="exact")) for rows in (dataset, turned(dataset))}) == 2


def test_a_fit_goes_on_to_the_end_whatever_the_tolerance():
    dataset = CASES["weighted"].dataset
    assert len({hashed(fit_in_numpy(dataset, kernel="exact", tolerance=t)) for t in (1e-3, 1e-8, 1e-12)}) == 1


# -- the algebra ------------------------------------------------------------------------------------------------------


def definite(k, seed=0):
    rng = np.random.RandomState(seed)
    rows = rng.standard_normal((3 * k, k))
    return rows.T @ rows, rng.standard_normal(k)


@pytest.mark.parametrize("k", [1, 2, 30])
def test_a_step_solves_the_equations(k):
    """Cholesky's backward error: a few k roundings of |L||Lᵀ|, at most k times the diagonal's size."""
    H, g = definite(k)
    move, left = algebra.newton_step(H, g)
    size = 4 * (k + 1) ** 2 * 2.0**-52 * np.abs(H).max() * np.abs(move).max() + 2.0**-52 * np.abs(g).max()
    assert (np.abs(H @ move + g) <= size).all()
    assert abs(left**2 + g @ move) <= 4 * (k + 1) ** 2 * 2.0**-52 * np.abs(g) @ np.abs(move)


def test_units_change_no_bit_of_a_step():
    H, g = definite(6)
    unit = 2.0 ** np.array([-30, 7, 0, 55, -3, 1])
    move, left = algebra.newton_step(H, g)
    scaled, same = algebra.newton_step(H * unit * unit[:, None], g * unit)
    assert same == left and (scaled * unit == move).all()


def test_a_parameter_without_curvature_stays():
    H, g = definite(3)
    H = np.insert(np.insert(H, 1, H[0], axis=0), 1, np.insert(H[0], 1, H[0, 0]), axis=1)  # the first column once more
    H = np.pad(H, ((0, 1), (0, 1)))
    move, _ = algebra.newton_step(H, np.array([g[0], g[0], g[1], g[2], 0.0]))
    assert (
        move[1] == move[4] == 0
        and np.isfinite(move).all()
        and (move[[0, 2, 3]] == algebra.newton_step(*definite(3))[0]).all()
    )


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"solver": "lbfgs"}, "give newton or auto"),
        ({"X": np.array([[1e-200], [1.0]])}, {}, "X holds 1e-200"),
        ({"sample_weight": np.array([1e-300, 1.0])}, {}, "sample_weight holds 1e-300"),
        ({"X": np.array([[1e39], [1.0]])}, {"dtype": "float32"}, "too large for float32"),
    ],
    ids=["solver", "small", "small weight", "large"],
)
def test_what_is_refused(change, options, words):
    dataset = Dataset(**{"X": np.array([[1.0], [2.0]]), "y": np.array([0.0, 1.0]), "source": "two", **change})
    with pytest.raises(ValueError, match=words):
        fit_in_numpy(dataset, kernel="exact", **options)


ELSEWHERE = """
import logreg_jax
from parity_tests.cases import CASES
from parity_tests.solvers.test_fit_exact import fit_in_numpy, hashed
for fit in (fit_in_numpy, logreg_jax.fit):
    print(hashed(fit(CASES["correlated"].dataset, kernel="exact", l2=0.125)))
"""


@pytest.mark.slow
def test_other_products_of_blas_and_narrower_instructions():
    surroundings = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(done.stdout.split()) == {hashed(fit_in_numpy(CASES["correlated"].dataset, kernel="exact", l2=0.125))}
