"""The NumPy reference against the oracle and the bounds, by relation, and against the page of 2021."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from logreg_parity.data.dataset import Dataset, Parameters, batches
from logreg_parity.data.generator import gaussian, published_2021
from logreg_parity.truth import bounds, oracle, reference
from logreg_parity.truth.ulp import format_of, round_dataset, round_parameters
from logreg_parity.twins import Program, Setting

LOGITS = np.array([0.0, 1e-6, -1e-3, 2.0, -17.0, 36.0, -88.0, 104.0, -745.0, 1e4, -1e4])
ROWS = gaussian(24, 3, seed=5)
POINT = Parameters(np.array([0.8, -1.3, 2.1]), -0.4)
WEIGHTS = np.arange(24) % 4 + 0.25
CASES = {
    "published": published_2021(),
    **{f"gaussian-{d}": (gaussian(30, d), Parameters(np.cos(np.arange(d)), 0.3)) for d in range(1, 6)},
    "soft": (gaussian(24, 3, labels="soft", seed=5), POINT),
    "weights": (replace(ROWS, sample_weight=WEIGHTS), POINT),
    "soft and weighted": (replace(gaussian(24, 3, labels="soft"), sample_weight=WEIGHTS), POINT),
    "saturated, y = 0": (Dataset(LOGITS[:, None], np.zeros(11), ""), Parameters(np.ones(1), 0.0)),
    "saturated, y = 1": (Dataset(LOGITS[:, None], np.ones(11), ""), Parameters(np.ones(1), 0.0)),
    "one row": (ROWS.take([3]), POINT),
    "one class": (replace(ROWS, y=np.ones(24)), POINT),
    "duplicate rows": (ROWS.take([0, 1, 1, 1, 2, 2, 0]), POINT),
    "constant feature": (replace(ROWS, X=np.column_stack([ROWS.X[:, :2], np.full(24, 7.5)])), POINT),
    "zero parameters": (ROWS, Parameters(np.zeros(3), 0.0)),
}
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
reductions = pytest.mark.parametrize("reduction", ["mean", "sum"])
penalties = pytest.mark.parametrize("l2", [0.0, 0.25])


def as_computed(dataset, point, dtype):  # the arrays a program of that precision works on
    names = ("X", "y") if dataset.sample_weight is None else ("X", "y", "sample_weight")
    data = {name: getattr(dataset, name).astype(dtype) for name in names}
    return data, Parameters(point.weight.astype(dtype), np.dtype(dtype).type(point.bias))


def rounded(dataset, point, dtype):
    return round_dataset(dataset, dtype), round_parameters(point, dtype)


def negated(point):
    return Parameters(-point.weight, -point.bias)


@penalties
@reductions
@both_dtypes
@pytest.mark.parametrize("name", CASES)
def test_within_the_bounds_of_the_oracle(name, dtype, reduction, l2):
    options, problem = {"l2": l2, "reduction": reduction}, rounded(*CASES[name], dtype)
    got = reference.evaluate(*CASES[name], dtype=dtype, **options)
    exact = oracle.evaluate(*problem, **options)
    bound = bounds.PointBounds(*problem, dtype=dtype, **options)
    for what, a, b, limit in [
        ("logits", got.logits, exact.logits, bound.logit),
        ("losses", got.losses, exact.losses, bound.loss),
        ("objective", got.objective, exact.objective, bound.objective),
        ("probabilities", got.probabilities, exact.probabilities, bound.probability),
        ("gradient", reference.flatten(got.gradient), reference.flatten(exact.gradient), bound.gradient),
    ]:
        off = oracle.distance(a, b)
        assert np.all(off <= limit), f"{what}: off by {off}, allowed {limit}"
        assert np.all(np.isfinite(limit)) and (what == "objective" or a.dtype == dtype), what
    assert np.array_equal(got.classes, got.probabilities > 0.5)


@both_dtypes
@pytest.mark.parametrize("name", CASES)
def test_per_example_gradients_add_up(name, dtype):
    problem, (data, point) = rounded(*CASES[name], dtype), as_computed(*CASES[name], dtype)
    weight = data.get("sample_weight", np.ones_like(data["y"]))
    each = reference.per_example_gradients(point, data["X"], data["y"])
    total = np.append((weight[:, None] * each.weight).sum(axis=0), (weight * each.bias).sum())
    sides = problem, (problem[0], negated(problem[1]))
    exact, far = (oracle.evaluate(*side, reduction="sum") for side in sides)
    limit = bounds.PointBounds(*problem, dtype=dtype, reduction="sum")
    zero, one = data["y"] == 0, data["y"] == 1  # where the residual is σ(z), and where it is -σ(-z)
    assert np.all(oracle.distance(each.bias, exact.probabilities)[zero] <= limit.residual[zero]), each.bias
    assert np.all(oracle.distance(-each.bias, far.probabilities)[one] <= limit.residual[one]), each.bias
    assert np.all(oracle.distance(total, reference.flatten(exact.gradient)) <= limit.gradient), f"{total}"


def exact_hessian(dataset, point, l2, reduction):
    """Complex steps Im ∂f(θ + ih e_k) / h, off by a relative h² = 2^-200; columns of numbers of 300 bits."""
    h, theta = mpmath.mpf(2) ** -100, [mpmath.mpf(v) for v in (*point.weight, point.bias)]
    X1 = [[mpmath.mpf(v) for v in row] for row in reference.with_ones(dataset.X)]
    ones = np.ones(dataset.n_rows)
    weight = [mpmath.mpf(v) for v in (ones if dataset.sample_weight is None else dataset.sample_weight)]
    count = mpmath.fsum(weight) if reduction == "mean" else 1

    def gradient(at):
        p = [1 / (1 + mpmath.exp(-mpmath.fdot(row, at))) for row in X1]
        pull = [v * (s - mpmath.mpf(t)) / count for v, s, t in zip(weight, p, dataset.y, strict=True)]
        penalty = [l2 * v for v in at[:-1]] + [0]
        return [mpmath.fdot(pull, [row[j] for row in X1]) + penalty[j] for j in range(len(at))]

    steps = [[v + h * 1j * (j == k) for j, v in enumerate(theta)] for k in range(len(theta))]
    return np.array([[part.imag / h for part in gradient(step)] for step in steps], dtype=object).T


def hessian_bound(dataset, point, dtype, l2, reduction):
    """Bound of the Hessian, from that of σ(z) and, at -θ, of σ(-z); for σ(±z) far from underflow.

    σ(z) σ(-z) carries p Δq + q Δp + Δp Δq; then come 3 products (of the two, with ω, with x̃x̃), a sum over N
    rows, its divisor (N more), a quotient and the penalty: 2N + 8 roundings.
    """
    p, q = (oracle.evaluate(dataset, at).probabilities.astype(float) for at in (point, negated(point)))
    dp, dq = (bounds.PointBounds(dataset, at, dtype=dtype).probability for at in (point, negated(point)))
    k = (2 * dataset.n_rows + 8) * format_of(dtype).unit_roundoff
    size = (p * dq + q * dp + dp * dq) * (1 + k / (1 - k)) + p * q * k / (1 - k)
    share = size / reference.count(dataset.y, dataset.sample_weight, reduction)
    share = share if dataset.sample_weight is None else share * dataset.sample_weight
    X1 = np.abs(reference.with_ones(dataset.X))
    return bounds.ENLARGED * ((X1.T * share) @ X1 + k * l2 * np.eye(X1.shape[1]))


@penalties
@reductions
@both_dtypes
@pytest.mark.parametrize("name", [name for name in CASES if "saturated" not in name])
def test_hessian(name, dtype, reduction, l2):
    problem, (data, point) = rounded(*CASES[name], dtype), as_computed(*CASES[name], dtype)
    options = {**data, "l2": data["X"].dtype.type(l2), "reduction": reduction}
    direction = Parameters(point.weight[::-1] + 1, point.bias - 2)
    H = reference.hessian(point, **options)
    product = reference.hessian_vector_product(point, direction, **options)
    with mpmath.workprec(300):
        error = (H.astype(object) - exact_hessian(*problem, l2, reduction)).astype(float)
    assert np.all(np.abs(error) <= hessian_bound(*problem, dtype, l2, reduction)), f"{error}"
    assert np.array_equal(reference.flatten(product), H @ reference.flatten(direction)) and H.dtype == dtype


# -- relations -----------------------------------------------------------------------------------------------


@penalties
@reductions
@both_dtypes
def test_repeated_rows_are_integer_weights(dtype, reduction, l2):
    times, options = np.arange(24) % 4, {"dtype": dtype, "l2": l2, "reduction": reduction}
    forms = [replace(ROWS, sample_weight=times), ROWS.take(np.repeat(np.arange(24), times))]
    a, b = (reference.evaluate(form, POINT, **options) for form in forms)
    limits = [bounds.PointBounds(*rounded(form, POINT, dtype), **options) for form in forms]
    apart = np.abs(reference.flatten(a.gradient).astype(float) - reference.flatten(b.gradient))
    assert abs(a.objective - b.objective) <= sum(limit.objective for limit in limits)
    assert np.all(apart <= sum(limit.gradient for limit in limits)), f"{apart}"


@penalties
@both_dtypes
@pytest.mark.parametrize("name", ["published", "gaussian-5", "weights", "one class", "saturated, y = 0"])
def test_flipping_labels_and_parameters_negates_the_gradient(name, dtype, l2):
    dataset, point = CASES[name]
    a = reference.evaluate(dataset, point, dtype=dtype, l2=l2)
    b = reference.evaluate(replace(dataset, y=1 - dataset.y), negated(point), dtype=dtype, l2=l2)
    assert np.array_equal(a.losses, b.losses) and a.objective == b.objective
    assert np.array_equal(reference.flatten(a.gradient), -reference.flatten(b.gradient))


@reductions
@both_dtypes
@pytest.mark.parametrize("factor", [2.0**-9, 2.0, 2.0**12])
@pytest.mark.parametrize("name", ["published", "gaussian-3", "soft and weighted"])
def test_scaling_by_a_power_of_two_changes_no_bit(name, factor, dtype, reduction):
    dataset, point = CASES[name]
    weight, options = dataset.sample_weight, {"dtype": dtype, "reduction": reduction}
    scaled = replace(dataset, X=factor * dataset.X, sample_weight=None if weight is None else factor * weight)
    a = reference.evaluate(dataset, point, **options)
    b = reference.evaluate(scaled, Parameters(point.weight / factor, point.bias), **options)
    times = 1 if weight is None or reduction == "mean" else factor
    assert np.array_equal(a.losses, b.losses) and b.objective == times * a.objective
    gradient = times * np.append(factor * a.gradient.weight, a.gradient.bias)
    assert np.array_equal(reference.flatten(b.gradient), gradient)


# -- training ------------------------------------------------------------------------------------------------


def test_the_published_page_to_its_last_digit():
    run = reference.train(*published_2021(), steps=5000, learning_rate=1e-4, reduction="sum", dtype="float32")
    assert (str(run.weights[-1, 0]), str(run.biases[-1])) == ("2.5260236", "1.4088745")


@both_dtypes
@pytest.mark.parametrize(
    ("keep", "steps"), [(None, [0, 9]), ({4, 2}, [0, 2, 4, 9]), (range(10), list(range(10))), ([50], [0, 9])]
)
def test_history_keeps_the_steps_asked_for(keep, steps, dtype):
    run = reference.train(ROWS, POINT, steps=9, learning_rate=0.5, keep=keep, dtype=dtype)
    every = reference.train(ROWS, POINT, steps=9, learning_rate=0.5, keep=range(10), dtype=dtype)
    assert run.steps.tolist() == steps and (run.stop_reason, run.losses.shape) == (None, (9,))
    assert np.array_equal(np.c_[run.weights, run.biases], np.c_[every.weights, every.biases][steps])
    assert np.array_equal(every.weights[0], POINT.weight.astype(dtype)) and every.weights.dtype == dtype


@both_dtypes
def test_before_and_after_are_one_step_apart(dtype):
    options, steps = {"l2": 0.25, "dtype": dtype}, {"steps": 9, "learning_rate": 0.5}
    before, after = (reference.train(ROWS, POINT, record=r, **steps, **options) for r in ("before", "after"))
    assert np.array_equal(before.losses[1:], after.losses[:-1]) and before.record == "before" != after.record
    assert before.losses[0] == reference.evaluate(ROWS, POINT, **options).objective
    assert after.losses[-1] == reference.evaluate(ROWS, after.parameters, **options).objective


@pytest.mark.parametrize("record", ["before", "after"])
@pytest.mark.parametrize("name", ["gaussian-3", "soft and weighted"])
def test_mini_batches_are_single_steps_on_their_rows(name, record):
    dataset, point = CASES[name]
    order, options = list(batches(dataset.n_rows, 7, 9, seed=2)), {"learning_rate": 0.5, "record": record}
    run = reference.train(dataset, point, steps=9, batches=iter(order), keep=range(10), **options)
    for step, rows in enumerate(order):
        here, there = (Parameters(run.weights[s], run.biases[s]) for s in (step, step + 1))
        alone = reference.train(dataset.take(rows), here, steps=1, **options)
        assert alone.losses[0] == run.losses[step], f"step {step + 1}"
        assert np.array_equal(reference.flatten(alone.parameters), reference.flatten(there))


@pytest.mark.parametrize("record", ["before", "after"])
@pytest.mark.parametrize(("dtype", "rate"), [("float64", 1e30), ("float32", 1e3), ("float16", 50.0)])
def test_divergence_stops_and_says_where(dtype, rate, record):
    run = reference.train(ROWS, POINT, steps=500, learning_rate=rate, l2=1.0, record=record, dtype=dtype)
    stopped = len(run.losses)
    assert stopped < 500 and np.isfinite(run.losses).tolist() == [True] * (stopped - 1) + [False]
    assert f"the loss {record} the update is {run.losses[-1]} at step {stopped}" in run.stop_reason
    assert run.steps.tolist() == [0, stopped] and len(run.weights) == len(run.biases) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"record": "middle"}, "record is 'middle'; give 'before' or 'after'"),
        ({"steps": 0}, "steps is 0; give at least 1"),
        ({"reduction": "median"}, "reduction is 'median'; give 'mean' or 'sum'"),
        ({"dtype": "bfloat16"}, "dtype is 'bfloat16' and device 'cpu'"),
        ({"device": "cuda"}, "dtype is 'float64' and device 'cuda'"),
    ],
)
def test_bad_arguments(changed, message):
    with pytest.raises(ValueError, match=message):
        reference.train(ROWS, POINT, **{"steps": 2, "learning_rate": 0.5, **changed})


@reductions
@pytest.mark.parametrize("name", ["gaussian-3", "soft and weighted", "one row"])
def test_a_stack_of_points_has_the_bounds_of_each(name, reduction):
    dataset, point = CASES[name]
    points = [Parameters(point.weight * scale, point.bias + scale) for scale in (1.0, -0.5, 3.0)]
    seen, given = replace(dataset), {"dtype": "float32", "l2": 0.25, "reduction": reduction}
    each = [bounds.PointBounds(seen, at, **given) for at in points]
    for rows in (seen, bounds.Batches.of(seen, [np.arange(seen.n_rows)] * 3)):
        stack = bounds.PointBounds(rows, Parameters(*map(np.array, zip(*points, strict=True))), **given)
        for what in ("logit", "probability", "residual", "loss", "objective", "gradient_scale", "gradient"):
            assert np.array_equal(getattr(stack, what), [getattr(one, what) for one in each]), what
        steps = [one.step(0.5, at) for one, at in zip(each, points, strict=True)]
        assert np.array_equal(stack.step(0.5, stack._point), steps)


# -- the bounds of a run -------------------------------------------------------------------------------------

BATCHES = list(batches(24, 9, 300))
RUNS = {  # step sizes and penalties are float32 numbers: every program takes the same ones
    "published": (*published_2021(), Setting(steps=300, learning_rate=2.0**-13, reduction="sum"), None),
    "l2": (ROWS, POINT, Setting(steps=300, learning_rate=0.5, l2=0.125, record="before"), None),
    "weights": (*CASES["weights"], Setting(steps=300, learning_rate=0.25), None),
    "mini-batches": (ROWS, POINT, Setting(steps=300, learning_rate=0.25, record="before"), BATCHES),
    "all": (*CASES["soft and weighted"], Setting(steps=300, learning_rate=0.125, l2=0.25), BATCHES),
}


def run_and_bounds(dataset, start, setting, rows, dtype, fault=0.0):
    faulty = replace(setting, learning_rate=setting.learning_rate * (1 + fault))
    run = Program("reference", reference, dtype).train(dataset, start, faulty, batches=rows, keep=range(301))
    seen = round_dataset(dataset, dtype)
    return run, bounds.trajectory(seen, run.weights, run.biases, setting, dtype=dtype, batches=rows)


def off(run, exact):
    parts = oracle.distance(run.weights, exact.weights), oracle.distance(run.biases, exact.biases)
    return np.linalg.norm(np.column_stack(parts), axis=1)  # in the 2-norm, at every point of the run


@both_dtypes
@pytest.mark.parametrize("name", RUNS)
def test_a_run_stays_within_its_bounds_and_a_wrong_one_does_not(name, dtype):
    dataset, start, setting, rows = RUNS[name]
    exact = oracle.trajectory(*rounded(dataset, start, dtype), setting, batches=rows)
    run, limit = run_and_bounds(*RUNS[name], dtype)
    assert np.isfinite(limit.parameters).all() and np.isfinite(limit.losses).all()
    assert np.all(off(run, exact) <= limit.parameters), f"{off(run, exact)}, allowed {limit.parameters}"
    assert np.all(oracle.distance(run.losses, exact.losses) <= limit.losses)
    # A bound that any run satisfies says nothing: a step size off by a relative 2^-36, or 2^-9, ends outside.
    fault = {"float64": 2.0**-36, "float32": 2.0**-9}[dtype]
    wrong, limit = run_and_bounds(*RUNS[name], dtype, fault)
    assert np.any(off(wrong, exact) > limit.parameters)


@pytest.mark.parametrize("record", ["before", "after"])
@pytest.mark.parametrize(("learning_rate", "l2"), [(64.0, 0.0), (2.5, 1.0)], ids=["bounces", "runs off"])
def test_past_the_edge_of_stability_nothing_is_promised(learning_rate, l2, record):
    setting = Setting(steps=300, learning_rate=learning_rate, l2=l2, record=record)
    _, limit = run_and_bounds(ROWS, POINT, setting, None, "float64")
    for values in limit:
        assert values[-1] == np.inf and not np.isnan(values).any()
        assert np.all(np.diff(np.isfinite(values).astype(int)) <= 0)
