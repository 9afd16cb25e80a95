"""The proof of the gap: never below the true gap, rarely far above it, and none where there is no optimum."""

import numpy as np
import pytest

from logreg_parity import Dataset, gaussian
from logreg_parity.data.dataset import Parameters
from logreg_parity.solvers.newton import newton
from logreg_parity.solvers.objective import Objective
from logreg_parity.truth import certificate, oracle
from logreg_parity.truth.certificate import certify, whitening
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.recount import recount
from logreg_parity.truth.reference import flatten
from logreg_torch.speed.fit import pack
from parity_tests.cases import CASES
from parity_tests.certified import HARD, HARD_DATA, OVERLAP

FINITE = {name: data for name, data in HARD_DATA.items() if HARD[name][3] == "finite"} | {
    "soft": CASES["soft"].dataset,
    "weighted": CASES["weighted"].dataset,
    "correlated": CASES["correlated"].dataset,
}
ENDLESS = [name for name in HARD if HARD[name][3] in ("separable", "quasi-separable")]


def walk(dataset, l2=0.0, steps=40):
    """The points of Newton's method with what is proved of them."""
    objective = Objective(pack(dataset), l2=l2)
    for _, here in zip(range(steps), newton(objective, np.zeros(dataset.n_features + 1)), strict=False):
        yield here, objective.certify(here)


def true_gap(dataset, theta, optimum, l2=0.0):
    """The exact objective there less the optimum's, which is rounded: half an ulp of it may be missing."""
    value = oracle.evaluate(dataset, Parameters(theta[:-1], theta[-1]), l2=l2).objective
    return float(value - optimum.value) - np.spacing(optimum.value)


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("name", FINITE)
def test_what_is_proved_holds(name, l2):
    dataset = FINITE[name]
    optimum = find_optimum(dataset, l2=l2)
    for here, proof in walk(dataset, l2):
        rows = recount(dataset, here.theta, l2=l2).certificate()
        for found in (found for found in (proof, rows) if found is not None):
            distance = np.abs(here.theta - flatten(optimum.parameters))
            assert true_gap(dataset, here.theta, optimum, l2) <= found.gap
            assert (distance <= found.distance + optimum.radius).all()


@pytest.mark.parametrize("name", [name for name in FINITE if name != "offset_16777216_float32"])
def test_newton_ends_with_a_proof(name):
    """Only the numbers near 2^24, whose differences are lost in every float64 sum of squares, are beyond it."""
    proofs = [proof for _, proof in walk(FINITE[name])]
    assert proofs[-1] is not None and proofs[-1].gap < 2.0**-40


def test_the_gap_is_at_most_twice_the_true_one_near_the_optimum():
    """ν² / 2 is the gap to first order; what is above it is the factor 1 / (1 - τ), and rounding."""
    optimum = find_optimum(OVERLAP)
    ratios = []
    for here, proof in walk(OVERLAP):
        gap = true_gap(OVERLAP, here.theta, optimum)
        if proof is not None and gap > 2.0**-30:
            ratios.append(proof.gap / gap)
    assert ratios and max(ratios) <= 2


@pytest.mark.parametrize("name", ENDLESS)
def test_where_there_is_no_optimum_nothing_is_proved(name):
    assert all(proof is None for _, proof in walk(HARD_DATA[name]))


def test_fewer_rows_prove_less_but_nothing_false(monkeypatch):
    monkeypatch.setattr(certificate, "FEWEST_ROWS", 60)
    data = gaussian(480, 2, seed=5)
    optimum = find_optimum(data)
    gaps = []
    for here, proof in walk(data):
        if proof is not None:
            gaps.append(proof.gap)
            assert true_gap(data, here.theta, optimum) <= proof.gap
    assert gaps


@pytest.mark.parametrize("fault", ["half the gradient", "a curvature too large", "a penalty that is not there"])
def test_a_wrong_proof_is_seen(fault):
    """What would be proved from a wrong gradient or Hessian is not true."""
    optimum = find_optimum(OVERLAP)
    objective = Objective(pack(OVERLAP))
    here = objective.at(flatten(optimum.parameters) + 2.0**-8)
    gradient = here.gradient / 2 if fault == "half the gradient" else here.gradient
    data = OVERLAP
    if fault == "a curvature too large":
        data = Dataset(np.repeat(OVERLAP.X, 4, axis=0), np.repeat(OVERLAP.y, 4), "four times the rows")
    l2 = 4.0 if fault == "a penalty that is not there" else 0.0
    options = {"dtype": "float64", "penalty": np.array([l2, l2, 0.0])}
    point = (here.theta, gradient, np.zeros(3), objective.blocks.largest)
    proof = certify(data, *point, total_weight=OVERLAP.n_rows, **options)
    assert proof is not None and true_gap(OVERLAP, here.theta, optimum) > proof.gap
    sharp = certify(data, *point, total_weight=OVERLAP.n_rows, **options, whole=True)
    assert (np.abs(here.theta - flatten(optimum.parameters)) > sharp.distance + optimum.radius).any()


def test_whitening_of_a_singular_matrix_spans_what_is_definite():
    root = np.array([[1.0, 2.0, 0.0], [0.0, 1e-8, 0.0], [1.0, 2.0, 0.0]])
    H = root.T @ root
    P = whitening(H)
    assert P.shape == (3, 1)
    assert np.abs(P.T @ H @ P - 1) <= 8 * np.spacing(1.0)
