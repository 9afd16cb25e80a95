"""The proof of the gap: never below the true gap, rarely far above it, and none where there is no optimum."""

import numpy as np
import pytest

from logreg_parity import Dataset, MulticlassDataset, gaussian
from logreg_parity.data.dataset import Parameters
from logreg_parity.solvers.newton import newton
from logreg_parity.solvers.objective import Objective
from logreg_parity.truth import certificate, multiclass_likelihood, oracle
from logreg_parity.truth.certificate import Whitened, certify, gradient_error, value_error, whitening
from logreg_parity.truth.multiclass import MulticlassRows
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.recount import recount
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.softmax import softmax_bounds
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


# -- every bound written out once more: one that is wider, or narrower, by more than its enlargement fails -------------

U, TAU = 2.0**-53, float(np.finfo(np.float64).tiny)


def is_derived(found, wanted):
    """As wide as its derivation, but for what every bound is enlarged by."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    return bool((np.abs(found - wanted) <= 2.0**-16 * np.abs(wanted)).all())


def gamma(k, u=U):
    return k * u / (1 - k * u)


@pytest.mark.parametrize("size", [0.0, 0.25, 4.0])
def test_what_sums_of_signed_rows_are_off_by(size):
    """At 0 only what is flushed is left; an arithmetic of 11 bits shows what is small beside small."""
    theta, largest, penalty = size * np.array([0.5, -2.0, 0.25]), np.array([3.0, 0.125, 1.0]), np.array([0.5, 0.25, 0])
    value, options = 0.375 * size, {"longest_sum": 30, "penalty": penalty}
    for u in (U, 2.0**-11):
        delta, steps = gamma(4, u) * float(largest @ np.abs(theta)), gamma(30 + 18, u)
        change = steps + (1 + steps) * np.expm1(2 * delta)
        residual = gamma(14, u) + (1 + gamma(14, u)) * np.expm1(2 * delta)
        both = gamma(34, u) * (1 + residual) + residual
        wanted = [
            both * min(1.0, 2 * value) * most + gamma(4, u) * l2 * abs(t) + 8 * TAU * (most + 1)
            for t, most, l2 in zip(theta, largest, penalty, strict=True)
        ]
        assert is_derived(gradient_error(theta, value, largest, roundoff=u, **options), wanted)
        if u == U:
            penalised = gamma(7) * sum(l2 * t * t for t, l2 in zip(theta, penalty, strict=True))
            wanted = change * min(1.0, 2 * value) + steps * value + penalised + 8 * TAU
            assert is_derived(value_error(theta, value, largest, **options), wanted)


def test_what_is_proved_by_the_rows_is_made_of_its_parts(monkeypatch):
    """ε, of which next to all is what rounding may do, and the radius."""
    given = []
    monkeypatch.setattr(certificate, "Whitened", lambda *parts: given.append(parts) or Whitened(*parts))
    data, theta, penalty = gaussian(30, 2, seed=3), np.array([2.0, -1.0, 0.5]), np.array([0.5, 0.25, 0.0])
    X1 = np.column_stack([data.X, np.ones(30)])
    largest = np.abs(X1).max(axis=0)
    certify(data, theta, np.zeros(3), np.zeros(3), largest, total_weight=30.0, dtype="float64", penalty=penalty)
    ((_, unit, P, epsilon, radius, whole),) = given
    p = 1 / (1 + np.exp(-X1 @ theta))
    H = sum(np.outer(x, x) * a * (1 - a) / 30 for x, a in zip(X1, p, strict=True)) + np.diag(penalty)
    assert is_derived(unit, np.sqrt(np.diag(H))) and not whole
    size, total = np.sqrt(((unit[:, None] * P) ** 2).sum()), np.sqrt(np.trace(P.T @ H @ P))
    entries = gamma(14) * np.sqrt(3) * size
    change = gamma(24) + (1 + gamma(24)) * np.expm1(4 * gamma(4) * float(largest @ np.abs(theta)))
    rounding = gamma(37) * total**2 + (2 * total + entries) * entries + change * (total + entries) ** 2
    assert rounding <= epsilon <= rounding + 16 * U
    longest = max(np.linalg.norm(P.T @ x) for x in X1)
    assert is_derived(radius, longest + gamma(7) * size * np.linalg.norm(largest / unit))


@pytest.mark.parametrize(("epsilon", "radius", "roundings"), [(0.05, 0.5, 2.0**-12), (0.25, 0.125, 2.0**-8)])
def test_a_certificate_is_its_derivation(epsilon, radius, roundings):
    """Of large ε and errors, where every term is seen."""
    theta, unit, P = np.array([3.0, -0.5]), np.array([2.0, 0.5]), np.array([[0.5, 0.25], [0.0, 2.0]])
    gradient, error = np.array([0.03, -0.02]), np.array([1e-3, 2e-3])
    found = Whitened(theta, unit, P, epsilon, radius, True).certificate(gradient, error, roundings)
    v = [0.5 * 0.03, 0.25 * 0.03 + 2 * -0.02]
    sides = [1e-3 + roundings * 0.03, 2e-3 + roundings * 0.02]
    off = np.hypot(0.5 * sides[0], 0.25 * sides[0] + 2 * sides[1])
    size, lengths = np.hypot(*v), np.array([np.hypot(0.5, 0.25), 2.0]) / radius
    nu = size + off
    tau = radius * nu / (1 - epsilon)
    assert is_derived(found.gap, nu**2 / (2 * (1 - epsilon) * (1 - tau)))
    assert is_derived(-found.step, [0.5 * v[0] + 0.25 * v[1], 2 * v[1]])
    curved = size * (epsilon + (1 + epsilon) * radius * size)
    least = (1 - epsilon) * np.exp(-radius * size)
    sums = np.array([0.5 * abs(v[0]) + 0.25 * abs(v[1]), 2 * abs(v[1])])
    left = -np.log1p(-radius * (off + curved) / least) * lengths + roundings * sums
    assert is_derived(found.distance, np.minimum(-np.log1p(-tau) * lengths, np.abs(found.step) + left))
    kept = U * np.abs(theta + found.step)
    lost = float(unit @ kept) / np.sqrt(1 - epsilon)
    last = off + curved + (1 + epsilon) * np.exp(radius * size + radius * lost) * lost
    end = last**2 / (2 * least * np.exp(-radius * lost) * (1 - radius * last / (least * np.exp(-radius * lost))))
    assert is_derived(found.after.gap, end) and is_derived(found.after.distance, left + kept)
    assert found.after.final == (curved <= max(off / 2**10, lost))


CLASSES = MulticlassDataset(gaussian(40, 2, seed=8).X, np.resize([0, 1, 2, 1, 0], 40), "three classes")


def test_what_sums_over_classes_are_off_by():
    rows, theta = (
        MulticlassRows(CLASSES, l2=0.25, scaled=False),
        np.array([[0.5, -1.0, 0.25], [0.0, 2.0, 0.5], [1, 0, 0]]),
    )
    point, X1 = rows.at(theta), np.column_stack([CLASSES.X, np.ones(40)])
    for u in (U, 2.0**-11):
        own = gamma(6 + 3 + 8, u) * (1 + np.log(3))
        largest = max(float(np.abs(x) @ np.abs(row)) for x in X1 for row in theta)
        tiny = 8 * float(np.finfo(np.float64 if u == U else np.float32).tiny)
        steps, moved = gamma(50 + 12 + 6 + 20, u), 9 * gamma(4, u) * largest + own
        sizes = sum(np.outer(np.abs(r), np.abs(x)) for r, x in zip(point.slopes, X1, strict=True)).astype(float) / 40
        wanted = (steps + (1 + steps) * np.expm1(moved)) * sizes + tiny * (np.abs(X1).max(axis=0) + 1)
        assert is_derived(rows.slope_error(theta, point.slopes, longest_sum=50, roundoff=u), wanted)
        steps, moved = gamma(50 + 6 + 8, u), 5 * gamma(4, u) * largest + own
        penalised = gamma(9 + 6, u) * float((rows.penalty * theta**2).sum())
        wanted = (steps + (1 + steps) * np.expm1(moved)) * float(point.losses.mean()) + penalised + tiny
        assert is_derived(rows.value_error(theta, point.losses, longest_sum=50, roundoff=u), wanted)


def test_what_is_proved_of_classes_is_made_of_its_parts():
    """And the unit of a column of zeros is 1."""
    rows = MulticlassRows(CLASSES, l2=0.25, scaled=False)
    point = rows.at(np.array([[0.5, -1.0, 0.25], [0.0, 2.0, 0.5], [1.0, 0.0, 0.0]]))
    found, H = rows.whitened(point), rows.hessian(point.probabilities)
    unit, P = np.sqrt(np.diag(H)), found.P
    size, steps = np.sqrt(((unit[:, None] * P) ** 2).sum()), gamma(40 + 36 + 24 + 12 + 20)
    largest = max(float(np.abs(x) @ np.abs(row)) for x in rows.X for row in point.theta)
    moved = 2 * (9 * gamma(4) * largest + gamma(17) * (1 + np.log(3)))
    rounding = 2 * (steps + (1 + steps) * np.expm1(moved)) * 9 * size**2
    assert rounding <= found.epsilon <= rounding + 64 * U and is_derived(found.unit, unit)
    apart = [P[3 * a : 3 * a + 3] - P[3 * b : 3 * b + 3] for a in range(3) for b in range(a)]
    longest = max(np.linalg.norm(each.T @ x) for each in apart for x in rows.X)
    wide = size * np.linalg.norm(np.tile(np.abs(rows.X).max(axis=0), 3) / unit)
    assert is_derived(found.radius, longest + 2 * steps * wide)
    empty = MulticlassDataset(CLASSES.X * [1, 0], CLASSES.y, "an empty column")
    assert MulticlassRows(empty).unit[1] == 1


@pytest.mark.parametrize(("dtype", "u", "tiny"), [("float32", 2.0**-24, 2.0**-126), ("float16", 2.0**-11, 2.0**-14)])
def test_what_a_row_of_many_classes_is_off_by(dtype, u, tiny):
    Z, y = np.array([[3.0, -1.0, 0.5, 2.0], [0.25, 8.0, -4.0, 0.0], [-6.0, 1.0, 1.0, 1.0]]), np.array([0, 2, 3])
    found = softmax_bounds(Z, y, dtype)
    for z, own, of_loss, of_slope in zip(Z, y, found.losses, found.slopes, strict=True):
        others = [k for k in range(4) if k != own]
        a = max(z[k] for k in others)
        S = sum(np.exp(z[k] - a) for k in others)
        off = sum(np.exp(z[k] - a) * (np.exp(u * abs(z[k] - a)) * (1 + gamma(6, u)) - 1) for k in others) + 4 * tiny
        eta, L = (1 + gamma(4, u)) * off / S + gamma(4, u), a + np.log(S)
        of_L = 2 * eta + gamma(6, u) * np.log(S) + u * abs(L)
        m = z[own] - L
        of_m = of_L + u * (abs(m) + of_L)
        p, loss = 1 / (1 + np.exp(m)), np.log1p(np.exp(-m))
        wanted = gamma(6, u) * loss + (1 + gamma(6, u)) * p * np.exp(of_m) * of_m + 4 * tiny
        assert is_derived(of_loss, wanted)
        for k in range(4):
            way = u * (abs(z[k] - a) + abs(z[k] - L)) if k != own else 0.0
            share = (1 + gamma(18, u)) * np.exp(of_m + of_L + eta + way) - 1
            assert is_derived(of_slope[k], p * (np.exp(z[k] - L) if k != own else 1) * share + 4 * tiny)


def test_the_standard_errors_of_classes_are_bounded_by_their_derivation():
    rows = MulticlassRows(CLASSES)
    theta = np.full((3, 3), 2.0**-30)
    for _ in range(20):  # Newton's steps
        point = rows.at(theta)
        theta = theta - np.linalg.solve(rows.hessian(point.probabilities), point.gradient.ravel()).reshape(3, 3)
    point = rows.at(theta + 2.0**-20)
    found = rows.whitened(point)
    for base, by in ((None, 3), (1, 1)):
        of, proof = rows.contrasts(base)[0], rows.certificate(point)
        move = 2 * max(float(np.abs(x) @ row) for x in rows.X for row in proof.distance.reshape(3, 3))
        factor, lost = (
            np.exp(move / 2) / np.sqrt(1 - found.epsilon),
            np.linalg.norm(np.abs(of) @ np.abs(found.P), axis=1),
        )
        errors = np.linalg.norm(of @ found.P / by, axis=1) / np.sqrt(40)
        wanted = errors * (factor - 1 + 18 * U) + factor * 18 * U * lost / (by * np.sqrt(40))
        told = multiclass_likelihood.optimum_near(rows, point.theta, base, in_balls=False).errors
        shown = wanted > 0  # the class that is held has none
        assert is_derived(told.bound[shown], (wanted / np.tile(rows.unit, 3))[shown])
