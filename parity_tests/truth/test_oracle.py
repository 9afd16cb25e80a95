"""The oracle against another one, written in mpmath from other formulas, and against exact fractions.

The other oracle takes the textbook's way, ℓ = log(1 + exp(z)) - y z and r = σ(z) - y, in which digits
cancel, and works with so many bits that none is missed. All comparisons are made between fractions.
"""

from fractions import Fraction
from threading import Event, Thread

import gmpy2
import mpmath
import numpy as np
import pytest
from flint import ctx

from logreg_parity.data.dataset import Dataset, Parameters, batches
from logreg_parity.data.generator import gaussian, published_2021
from logreg_parity.truth import oracle
from logreg_parity.twins import Setting

AGREED = 80  # bits in which the two oracles must agree, as the oracle promises


def fraction(number) -> Fraction:
    """A gmpy2 or mpmath number as the fraction it is."""
    if isinstance(number, mpmath.mpf):
        sign, mantissa, exponent, _ = number._mpf_
        return Fraction(int(mantissa) * (-1) ** sign) * Fraction(2) ** exponent
    return Fraction(*(int(part) for part in number.as_integer_ratio()))


def assert_agree(exact, wanted, what, bits=AGREED):
    """Elementwise agreement in so many bits, as a comparison of whole numbers; where zero is wanted, zero."""
    pairs = [(fraction(a), fraction(b)) for a, b in zip(flat(exact), flat(wanted), strict=True)]
    wrong = [i for i, (a, b) in enumerate(pairs) if abs(a - b) * 2**bits > abs(b)]
    assert not wrong, f"{what} {wrong[0]}: {[float(v) for v in pairs[wrong[0]]]}, and {len(wrong) - 1} more"


def flat(values):
    return np.asarray(values, dtype=object).ravel()


def random_dataset(n=12, d=3, *, soft=False, weights=False, seed=0):
    """Made without the generator; labels and weights are multiples of 1/8."""
    random = np.random.RandomState(seed)
    y = random.randint(0, 9, n) / 8 if soft else random.randint(0, 2, n)
    weight = random.randint(0, 17, n) / 8 + 0.125 if weights else None
    return Dataset(random.standard_normal((n, d)), y, f"random_dataset(seed={seed})", sample_weight=weight)


def on_a_line(logits, y):
    """One row a logit: x = z, w = 1, b = 0."""
    return Dataset(np.array(logits)[:, None], np.broadcast_to(y, len(logits)), f"logits {logits}"), START[1]


START = {d: Parameters(np.arange(1, d + 1) / d, -0.375 * (d > 1)) for d in (1, 2, 3, 5)}
EXTREME = [0.0, 1e-300, -1e-300, 2.0**-30, -1.0, 36.75, -745.2, 800.0, 1e4, -1e4]
POINTS = {
    "published": published_2021(),
    "gaussian-5": (gaussian(20, 5, seed=1), START[5]),
    "soft labels": (random_dataset(soft=True), START[3]),
    "row weights": (random_dataset(weights=True), START[3]),
    "soft and weighted": (random_dataset(soft=True, weights=True, seed=1), START[3]),
    "one row": (random_dataset(1), START[3]),
    "one class": (Dataset(random_dataset().X, np.ones(12), "ones"), START[3]),
    "saturated, y = 0": on_a_line(EXTREME, 0.0),
    "saturated, y = 1": on_a_line(EXTREME, 1.0),
    "saturated, y = 0.25": on_a_line(EXTREME, 0.25),
}


class Textbook:
    """The other oracle; sums run over lists, one row at a time."""

    def __init__(self, dataset, l2, reduction):
        self.X = [[mpmath.mpf(v) for v in row] for row in dataset.X]
        self.y = [mpmath.mpf(v) for v in dataset.y]
        given = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
        self.weight, self.l2, self.reduction = [mpmath.mpf(v) for v in given], mpmath.mpf(l2), reduction

    def at(self, w, b, rows=None):
        """z, ℓ, p of the rows, f and its gradient (the bias last)."""
        rows = range(len(self.X)) if rows is None else rows
        z = [mpmath.fdot(self.X[i], w) + b for i in rows]
        p = [1 / (1 + mpmath.exp(-t)) for t in z]
        losses = [mpmath.log(1 + mpmath.exp(t)) - self.y[i] * t for i, t in zip(rows, z, strict=True)]
        total = 1 if self.reduction == "sum" else mpmath.fsum(self.weight[i] for i in rows)
        pull = [self.weight[i] * (s - self.y[i]) / total for i, s in zip(rows, p, strict=True)]
        f = mpmath.fdot([self.weight[i] for i in rows], losses) / total + self.l2 * mpmath.fdot(w, w) / 2
        columns = [mpmath.fdot(pull, [self.X[i][j] for i in rows]) + self.l2 * w[j] for j in range(len(w))]
        return z, losses, p, f, [*columns, mpmath.fsum(pull)]


def textbook_bits(dataset, start):
    """300, and what cancels in log(1 + exp(z)) - y z and in 1 - σ(z): log2 exp(|z|) bits, twice."""
    return 300 + int(2 * 1.4427 * np.abs(dataset.X @ start.weight + start.bias).max()) + 1100


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", POINTS)
def test_evaluate(name, reduction, l2):
    dataset, point = POINTS[name]
    with mpmath.workprec(textbook_bits(dataset, point)):
        w, b = [mpmath.mpf(v) for v in point.weight], mpmath.mpf(point.bias)
        z, losses, p, f, gradient = Textbook(dataset, l2, reduction).at(w, b)
    exact = oracle.evaluate(dataset, point, l2=l2, reduction=reduction)
    assert_agree(exact.logits, z, "logits")
    assert_agree(exact.losses, losses, "losses")
    assert_agree(exact.probabilities, p, "probabilities")
    assert_agree(exact.objective, f, "objective")
    assert_agree([*exact.gradient.weight, exact.gradient.bias], gradient, "gradient")
    assert exact.classes.tolist() == [int(t > 0) for t in z]


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", POINTS)
def test_hessian(name, reduction, l2):
    # Complex steps: Im ∂f(θ + ih e_k) / h is the derivative of ∂f up to a relative (xh)² < 2^-170.
    dataset, point = POINTS[name]
    with mpmath.workprec(textbook_bits(dataset, point)):
        h, theta = mpmath.mpf(2) ** -100, [*point.weight, point.bias]
        steps = [[v + (h * 1j if j == k else 0) for j, v in enumerate(theta)] for k in range(len(theta))]
        gradients = [Textbook(dataset, l2, reduction).at(step[:-1], step[-1])[-1] for step in steps]
        wanted = [[part.imag / h for part in gradient] for gradient in gradients]
    assert_agree(oracle.hessian(dataset, point, l2=l2, reduction=reduction), wanted, "Hessian")


RUNS = {
    "plain": (random_dataset(), {}),
    "l2": (random_dataset(), {"l2": 0.3}),
    "weights": (random_dataset(weights=True), {}),
    "soft": (random_dataset(soft=True), {}),
    "soft, weights, l2": (random_dataset(soft=True, weights=True), {"l2": 0.3}),
}


@pytest.mark.parametrize("record", ["before", "after"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch_size", [None, 5], ids=["full batch", "mini-batches"])
@pytest.mark.parametrize("name", RUNS)
def test_trajectory(name, batch_size, reduction, record):
    dataset, options = RUNS[name]
    order = None if batch_size is None else list(batches(dataset.n_rows, batch_size, 50, seed=1))
    with mpmath.workprec(300):
        textbook = Textbook(dataset, options.get("l2", 0.0), reduction)
        points, losses = [([mpmath.mpf(v) for v in START[3].weight], mpmath.mpf(START[3].bias))], []
        for step in range(50):
            rows = None if order is None else order[step]
            *_, before, gradient = textbook.at(*points[-1], rows)
            (w, b), rate = points[-1], mpmath.mpf(0.1)
            moved = [v - rate * g for v, g in zip([*w, b], gradient, strict=True)]
            points.append((moved[:-1], moved[-1]))
            losses.append(before if record == "before" else textbook.at(*points[-1], rows)[3])
    setting = Setting(steps=50, learning_rate=0.1, reduction=reduction, record=record, **options)
    exact = oracle.trajectory(dataset, START[3], setting, batches=order)
    assert exact.weights.shape == (51, 3) and exact.biases.shape == (51,) and exact.losses.shape == (50,)
    assert_agree(exact.weights, [w for w, _ in points], "weights")
    assert_agree(exact.biases, [b for _, b in points], "biases")
    assert_agree(exact.losses, losses, "losses")


# -- exact answers -------------------------------------------------------------------------------------------

EXACT_CASES = {  # X, y, ω, reduction; X and y are whole numbers
    "two rows": ([[1, 0], [3, -2]], [1, 0], None, "mean"),
    "four rows": ([[1, 5], [2, -1], [-7, 3], [4, 4]], [1, 1, 0, 1], None, "mean"),
    "sum": ([[1, 5], [2, -1], [-7, 3]], [1, 1, 0], None, "sum"),
    "weights": ([[1, 5], [2, -1], [-7, 3]], [1, 1, 0], [1, 2, 5], "mean"),
    "three rows": ([[1, 5], [2, -1], [-7, 3]], [1, 1, 0], None, "mean"),
}


@pytest.mark.parametrize("name", EXACT_CASES)
def test_one_step_from_zero_is_a_fraction(name):
    # At θ = 0 every σ is 1/2: θ₁ = -η Σ ω (1/2 - y) x̃ / Σ ω. With Σ ω a power of two a binary number.
    X, y, weight, reduction = EXACT_CASES[name]
    start = Parameters(np.zeros(2), 0.0)
    dataset = Dataset(X, y, name, sample_weight=weight)
    run = oracle.trajectory(dataset, start, Setting(steps=1, learning_rate=0.375, reduction=reduction))
    ones = weight or [1] * len(y)
    pulls = [(v * (Fraction(1, 2) - t), [*row, 1]) for v, t, row in zip(ones, y, X, strict=True)]
    count = 1 if reduction == "sum" else sum(ones)
    wanted = [-Fraction(3, 8) * sum(pull * row[j] for pull, row in pulls) / count for j in range(3)]
    got = [fraction(v) for v in (*run.weights[1], run.biases[1])]
    # The least precision checked has 192 bits; the quotient and the product with η are the only roundings.
    roundings = 0 if count & (count - 1) == 0 else 3
    assert all(abs(a - b) * 2**192 <= roundings * abs(b) for a, b in zip(got, wanted, strict=True)), (
        got,
        wanted,
    )


@pytest.mark.parametrize("bias", [0.0, 1.0, -3.0])
def test_a_gradient_that_is_exactly_zero_is_nothing_beside_its_terms(bias):
    # x sums to zero, one class and w = 0: ∂f/∂w = σ(b) Σ x / N = 0, while ∂f/∂b = σ(b); so on every step.
    dataset = Dataset([[3.0], [-1.0], [-1.0], [-1.0]], np.zeros(4), "balanced")
    start = Parameters(np.zeros(1), bias)
    gradient = oracle.evaluate(dataset, start).gradient
    run = oracle.trajectory(dataset, start, Setting(steps=2, learning_rate=0.25))
    for zero in (gradient.weight[0], *run.weights[:, 0]):
        assert abs(fraction(zero)) * 2**AGREED <= fraction(gradient.bias), f"{zero}"


def test_digits_that_the_first_precision_loses_are_found():
    # 2^75 + 2^-75 needs 151 bits: at 128 the middle term is lost, at 192 it is not.
    dataset = Dataset([[2.0**75, 2.0**-75, -(2.0**75)]], [0], "cancels")
    exact = oracle.evaluate(dataset, Parameters(np.ones(3), 0.0))
    assert fraction(exact.logits[0]) == Fraction(1, 2**75)


@pytest.mark.parametrize(
    ("computed", "exact", "wanted"),
    [
        (1.0, gmpy2.mpfr("1.5"), 0.5),
        (1.5, gmpy2.mpfr(1), 0.5),
        (0.1, gmpy2.mpfr(0), 0.1),
        (1.0, 1 + gmpy2.mpfr(2, 300) ** -52, 2.0**-52),
        (0.0, gmpy2.mpfr(2) ** -1074, 2.0**-1074),
        (-(2.0**-1074), gmpy2.mpfr(2) ** -1074, 2.0**-1073),
        (2.0**1000, gmpy2.mpfr(2) ** 1000, 0.0),
        (np.float32(0.1), gmpy2.mpfr(float(np.float32(0.1))), 0.0),
        (np.inf, gmpy2.mpfr(1), np.inf),
        (-np.inf, gmpy2.mpfr(1), np.inf),
        (np.nan, gmpy2.mpfr(1), np.inf),
        ([1.0, np.nan, 3.0], [gmpy2.mpfr(2), gmpy2.mpfr(2), gmpy2.mpfr(2)], [1.0, np.inf, 1.0]),
    ],
    ids=str,
)
def test_distance_is_exact(computed, exact, wanted):
    assert np.array_equal(oracle.distance(computed, exact), wanted)


def test_distance_sees_far_below_both_numbers():
    with gmpy2.context(precision=1024):
        exact = 1 + gmpy2.mpfr(2) ** -900
    assert oracle.distance(1.0, exact) == 2.0**-900
    assert oracle.distance(2.0**800, exact + gmpy2.mpfr(0)) == 2.0**800  # 2^800 - 1 rounds to it


# -- the check of the oracle against itself ------------------------------------------------------------------


def faulty(function, wrong_at, error_bits):
    """The function, off by a relative 2^-error_bits at the precisions for which wrong_at says so."""

    def wrapped(x):
        precision = gmpy2.get_context().precision
        value = function(x)
        return value * (1 + gmpy2.mpfr(2) ** -error_bits / precision) if wrong_at(precision) else value

    return np.frompyfunc(wrapped, 1, 1)


@pytest.mark.parametrize("name", ["_exp", "_log1p"])
@pytest.mark.parametrize("precision", [oracle.START_BITS, oracle.START_BITS + oracle.GUARD_BITS])
@pytest.mark.parametrize("error_bits", [0, 60])
def test_a_fault_at_one_precision_is_found_and_mended(monkeypatch, name, precision, error_bits):
    dataset, point = POINTS["soft and weighted"]
    right = oracle.evaluate(dataset, point)
    fault = faulty(getattr(oracle, name), lambda bits: bits == precision, error_bits)
    monkeypatch.setattr(oracle, name, fault)
    mended = oracle.evaluate(dataset, point)
    assert right.objective.precision == oracle.START_BITS + oracle.GUARD_BITS
    assert mended.objective.precision == 2 * oracle.START_BITS + oracle.GUARD_BITS
    assert_agree(mended.losses, right.losses, "losses")
    assert_agree(mended.gradient.weight, right.gradient.weight, "gradient")


@pytest.mark.parametrize("name", ["_exp", "_log1p"])
def test_what_never_settles_raises(monkeypatch, name):
    monkeypatch.setattr(oracle, name, faulty(getattr(oracle, name), lambda bits: True, 60))
    monkeypatch.setattr(oracle, "MAX_BITS", 512)
    with pytest.raises(ArithmeticError, match="does not settle below 512 bits"):
        oracle.evaluate(*POINTS["row weights"])


@pytest.mark.parametrize("fault", [None, "_exp"], ids=["settles", "raises"])
@pytest.mark.parametrize("precision", [53, 77])
def test_the_callers_precision_is_left_alone(monkeypatch, precision, fault):
    dataset, point = POINTS["row weights"]
    if fault:
        monkeypatch.setattr(oracle, fault, faulty(getattr(oracle, fault), lambda bits: True, 60))
    with gmpy2.context(precision=precision):
        for call in (
            lambda: oracle.evaluate(dataset, point),
            lambda: oracle.trajectory(dataset, point, Setting(steps=2, learning_rate=0.1)),
            lambda: oracle.distance(1.0, gmpy2.mpfr(2)),
        ):
            try:
                call()
            except ArithmeticError:
                assert fault
            assert gmpy2.get_context().precision == precision


def test_threads_do_not_change_each_others_precision():
    seen, looked = [], Event()

    def elsewhere():
        with oracle.precision(64):
            seen.append(ctx.prec)
            looked.wait()

    thread = Thread(target=elsewhere)
    with oracle.precision(128):
        thread.start()
        thread.join(0.1)
        seen.append(ctx.prec)
    looked.set()
    thread.join()
    assert seen == [128, 64]


def test_exact_parameters_are_taken_as_they_are():
    with gmpy2.context(precision=150):
        third, zero = 1 / gmpy2.mpfr(3), gmpy2.mpfr(0)
    exact = oracle.evaluate(Dataset([[1.0, 1.0]], [0], "one row"), Parameters(np.array([third, zero]), zero))
    assert fraction(exact.logits[0]) == fraction(third)


def test_nothing_is_rounded_on_the_way_in():
    tenth = Dataset([[0.1]], [0], "a tenth")
    exact = oracle.evaluate(tenth, Parameters(np.array([0.3]), 0.7))
    assert fraction(exact.logits[0]) == Fraction(0.1) * Fraction(0.3) + Fraction(0.7)
