"""The exact engine: one hash, whoever computes it."""

import os
import subprocess
import sys
from pathlib import Path

import gmpy2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import logreg_jax
import logreg_torch
from logreg_jax.convert import arithmetic
from logreg_jax.speed import exact as in_jax
from logreg_jax.speed import exact_objective as jax_objective
from logreg_parity import Dataset, Parameters, published_2021
from logreg_parity.data.dataset import batches
from logreg_parity.judge.compare import compare
from logreg_parity.truth import exact, exact_numba
from logreg_parity.truth.bounds import PointBounds, largest_curvature
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import round_dataset, round_parameters
from logreg_parity.twins import Setting
from logreg_torch.speed import exact as in_torch
from logreg_torch.speed import exact_objective as torch_objective
from parity_tests.cases import CASES

PUBLISHED = {
    "float64": ("53d9bf6d36cf2c64", "ce0b97bc987c6590"),
    "float32": ("d9d139c0ceac11eb", "ee8667e427b9e607"),
}
"""Of the points and of the losses of the published run; first found by a program in C (gcc) and one in JavaScript."""

rng = np.random.RandomState(7)


def made(rows, features, *, soft=False, weighted=False, zero=False):
    X = rng.standard_normal((rows, features)) * (0 if zero else 1)
    y = rng.random_sample(rows)
    weight = 3 * rng.random_sample(rows) if weighted else None
    return Dataset(X, y if soft else (y < 0.4).astype(float), "made", sample_weight=weight)


MOMENTUM = {"steps": 30, "learning_rate": 0.25, "momentum": 0.9}
RUNS = {
    "published": (published_2021()[0], {"steps": 30, "learning_rate": 1e-4, "reduction": "sum"}, None),
    "mini-batches, momentum": (made(1000, 20), MOMENTUM, 64),
    "Nesterov, loss before": (made(90, 3), {**MOMENTUM, "nesterov": True, "record": "before", "l2": 0.125}, None),
    "weighted soft labels, l2": (made(90, 3, soft=True, weighted=True), {**MOMENTUM, "l2": 0.125}, 32),
    "4097 rows": (made(4097, 2), {"steps": 4, "learning_rate": 0.5}, None),
    "300 features": (made(20, 300), {"steps": 4, "learning_rate": 0.5}, None),
    "one row, one feature": (made(1, 1), MOMENTUM, None),
    "a column of zeros": (made(9, 1, zero=True), MOMENTUM, None),
}


BY_HAND = (exact, exact_numba)


def start_of(dataset):
    return Parameters(np.linspace(-0.5, 0.75, dataset.n_features), 0.25)


def hashes(twin, dataset, options, batch, dtype, *, start=None, look=False):
    """Of the points, the losses, and what ``evaluate`` finds at the end, if asked; a twin's gradient is autograd's."""
    start = start_of(dataset) if start is None else start
    own = {} if twin in BY_HAND else {"engine": "exact"}
    rows = batch and batches(dataset.n_rows, batch, options["steps"])
    history = twin.train(dataset, start, **options, dtype=dtype, batches=rows, keep=range(options["steps"] + 1), **own)
    kept = [np.column_stack([history.weights, history.biases]), history.losses]
    if look:
        kept.append(looked(twin, dataset, options, dtype, history.parameters))
    return tuple(exact.digest(part, dtype)[:16] for part in kept)


def looked(twin, dataset, options, dtype, point):
    own = {} if twin in BY_HAND else {"engine": "exact"}
    words = {name: options[name] for name in ("l2", "reduction") if name in options}
    seen = twin.evaluate(dataset, point, dtype=dtype, **words, **own)
    numbers = [seen.logits, seen.losses, [seen.objective], flatten(seen.gradient), seen.probabilities, seen.classes]
    return np.concatenate(numbers)


@pytest.mark.parametrize(
    ("run", "dtype"),
    [
        ("published", "float64"),
        ("weighted soft labels, l2", "float32"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("mini-batches, momentum", "float32"),
                ("Nesterov, loss before", "float64"),
                ("4097 rows", "float64"),
                ("300 features", "float64"),
                ("one row, one feature", "float32"),
                ("a column of zeros", "float64"),
            ]
        ),
    ],
)
def test_one_hash(run, dtype):
    look = run in ("published", "weighted soft labels, l2", "4097 rows")
    found = [hashes(twin, *RUNS[run], dtype, look=look) for twin in (exact, logreg_torch, logreg_jax)]
    assert len(set(found)) == 1, found


@pytest.mark.parametrize("dtype", PUBLISHED)
@pytest.mark.parametrize("run", RUNS)
def test_numpy_numba_and_torch_have_one_hash(run, dtype):
    found = [hashes(twin, *RUNS[run], dtype, look=True) for twin in (*BY_HAND, logreg_torch)]
    assert len(set(found)) == 1, found


@pytest.mark.slow
@pytest.mark.parametrize(("twin", "dtype"), [(logreg_torch, "float64"), (logreg_jax, "float32")])
def test_the_published_run(twin, dtype):
    dataset, start = published_2021()
    options = {"steps": 5000, "learning_rate": 1e-4, "reduction": "sum"}
    assert hashes(twin, dataset, options, None, dtype, start=start) == PUBLISHED[dtype]


def test_an_autograd_that_is_scaled_says_so():
    """The scale of the sums is made for the derivative of the objective itself: beyond it there is no number."""
    dataset = RUNS["4097 rows"][0]
    given = exact.looked_at(dataset, start_of(dataset), 0.0, "mean", "float64").mapped(torch.tensor)
    theta = given.theta.requires_grad_()
    (slope,) = torch.autograd.grad(2 * torch_objective.objective(theta, given.rows, given.penalty, "float64"), theta)
    assert slope.isnan().all()


@pytest.mark.parametrize("dtype", PUBLISHED)
def test_rows_in_any_order_and_any_number_of_threads(dtype):
    dataset, options, _ = RUNS["4097 rows"]
    turned = dataset.take(np.random.RandomState(0).permutation(dataset.n_rows))
    found = {hashes(exact, dataset, options, None, dtype), hashes(exact, turned, options, None, dtype)}
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.add(hashes(logreg_torch, turned, options, None, dtype))
    torch.set_num_threads(before)
    assert len(found) == 1


ELSEWHERE = """
import sys
from parity_tests.twins.test_exact import RUNS, hashes, logreg_jax
print(*hashes(logreg_jax, *RUNS["weighted soft labels, l2"], sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("isa", "dtype"), [("AVX2", "float32"), ("SSE4_2", "float64")])
def test_narrower_instruction_sets(isa, dtype):
    surroundings = {**os.environ, "XLA_FLAGS": f"--xla_cpu_max_isa={isa}"}
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, dtype], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert tuple(done.stdout.split()) == hashes(exact, *RUNS["weighted soft labels, l2"], dtype)


# -- the functions ----------------------------------------------------------------------------------------------------

EDGES = [0.0, -0.0, 5e-324, -5e-324, 1e-310, 706.9, 707.0, 708.0, -707.0, -750.0, 1e300, np.inf, -np.inf, np.nan]
ARGUMENTS = np.concatenate([np.linspace(-110, -80, 400), rng.standard_normal(400) * 10, EDGES, -np.array(EDGES)])


def with_jit(function, t, dtype):
    with arithmetic("float64"):
        return np.asarray(jax.jit(lambda t: function(t, dtype))(jnp.asarray(t)))


@pytest.mark.parametrize("dtype", PUBLISHED)
@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_the_functions_have_the_same_bits_at_edges_too(name, dtype):
    t = exact.kept(ARGUMENTS, dtype)
    by_hand = getattr(exact, name)(t, dtype)
    there = getattr(in_torch, name)(torch.tensor(t), dtype).numpy()
    compiled = with_jit(getattr(in_jax, name), t, dtype)
    assert {exact.digest(found, "float64") for found in (there, compiled)} == {exact.digest(by_hand, "float64")}


def true_ulps(found, wanted):
    """The largest error in ulps of the exact values, given to 200 bits."""
    ulps = [
        abs(gmpy2.mpfr(float(f)) - w) / gmpy2.mpfr(float(np.spacing(float(w))))
        for f, w in zip(found, wanted, strict=True)
    ]
    return float(max(ulps))


@pytest.mark.parametrize(
    ("function", "wanted", "most"),
    [
        (exact.exp_minus_abs, lambda t: gmpy2.exp(-abs(t)), 1.1),
        (lambda t: exact.sigmoid(t, "float64"), lambda t: 1 / (1 + gmpy2.exp(-t)), 2.2),
        (lambda t: exact.softplus(t, "float64"), lambda t: gmpy2.log1p(gmpy2.exp(t)), 2.2),
    ],
    ids=["exp", "sigmoid", "softplus"],
)
def test_errors_in_ulps(function, wanted, most):
    """The errors of the constants and of the roundings, at most so many ulps: docs/exact.md derives them."""
    t = np.concatenate([rng.uniform(-700, 36, 1500), rng.uniform(-3, 3, 3000)])
    with gmpy2.context(precision=200):
        assert true_ulps(function(t), [wanted(gmpy2.mpfr(float(x))) for x in t]) <= most


def test_no_subnormal_number_is_met():
    """Points, features and weights that are so small that some processors take them for 0."""
    dataset = Dataset(np.array([[1e-310, 1.0], [2e-150, -1.0], [1.0, 1e-200]]), np.array([0.0, 1.0, 1.0]), "tiny")
    start = Parameters(np.array([5e-324, 1e-200]), 1e-310)
    twins = (*BY_HAND, logreg_torch, logreg_jax)
    assert len({hashes(twin, dataset, MOMENTUM, None, "float64", start=start) for twin in twins}) == 1


@pytest.mark.parametrize(("begin", "rate", "good"), [(1e305, 1.0, 0), (0.0, 1e302, 1)], ids=["at once", "later"])
def test_what_is_not_finite_ends_every_run_alike(begin, rate, good):
    """A logit that could overflow leaves no number: PyTorch asks after all steps, the others at each."""
    dataset, start = RUNS["one row, one feature"][0], Parameters(np.array([begin]), -begin)
    options = {"steps": 3, "learning_rate": rate, "dtype": "float64", "keep": range(4), "record": "before"}
    runs = [twin.train(dataset, start, **options) for twin in BY_HAND]
    runs += [twin.train(dataset, start, engine="exact", **options) for twin in (logreg_torch, logreg_jax)]
    assert len({(run.stop_reason, exact.digest(run.weights, "float64")) for run in runs}) == 1 and runs[0].stop_reason
    assert np.isfinite(runs[0].weights).all(axis=1).sum() == 1 + good


def test_integers_of_a_full_block_do_not_overflow():
    """2048 products as near below the power of two as a number can be: each counts 2^51."""
    just_below = np.nextafter(2.0, 0)
    products = np.full((1, 1, exact.BLOCK), just_below)
    counts = exact.counted(products, np.array([2.0]))
    assert counts.item() == 2**51 * exact.BLOCK < 2**63


# -- every fault is seen ----------------------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """What has been compiled is forgotten before and after."""
    jax.clear_caches()
    yield
    jax.clear_caches()


@pytest.mark.slow
def test_an_fma_is_seen(monkeypatch, fresh):
    """Without the guards XLA melts products and sums on every processor that can; the others have nothing to melt."""
    for module in (in_jax, jax_objective):
        monkeypatch.setattr(module, "rounded", lambda product, x, dtype="float64": product)
    same = hashes(logreg_jax, *RUNS["published"], "float64") == hashes(exact, *RUNS["published"], "float64")
    flags = Path("/proc/cpuinfo")
    assert same == (" fma" not in flags.read_text() if flags.exists() else same)


FAULTS = {
    "a sum of floats": ("counted", lambda own: lambda products, top: (products / top[..., None, None]).sum(-1)),
    "a polynomial cut short": ("EXP", lambda own: own[:-1]),
    "division by N": ("kept", lambda own: lambda x, dtype: own(x * (1 + 2**-52), dtype)),
}


def judged(case, dtype, **setting):
    """The rows outside their bounds, or without one, of the program in NumPy."""
    options = {name: setting[name] for name in ("l2", "reduction") if name in setting}
    rate = 0.5 / largest_curvature(CASES[case].dataset, **options)
    comparison = compare(
        {"exact": exact}, *CASES[case], Setting(steps=20, learning_rate=rate, **setting), dtypes=[dtype]
    )
    return [row for row in comparison.rows if row.verdict != "within"]


@pytest.mark.parametrize("dtype", PUBLISHED)
@pytest.mark.parametrize(
    ("case", "setting"),
    [
        ("published", {}),
        ("correlated", {"batch_size": 7, "l2": 0.125, "momentum": 0.5}),
        ("weighted", {"reduction": "sum", "record": "before", "l2": 0.125}),
        ("weighted", {"batch_size": 7, "momentum": 0.5, "nesterov": True}),
        ("soft", {"l2": 0.125}),
        ("saturated", {}),
    ],
    ids=str,
)
def test_the_judge_certifies_the_engine(case, dtype, setting):
    assert not judged(case, dtype, **setting)


@pytest.mark.parametrize("fault", ["a polynomial cut short", "a row too few"])
def test_the_judge_rejects_a_fault_of_the_engine(monkeypatch, fault):
    if fault == "a row too few":
        own = exact.counted
        monkeypatch.setattr(exact, "counted", lambda products, top: own(products[..., 1:], top))
    else:
        monkeypatch.setattr(exact, "EXP", exact.EXP[:-2])
    assert {row.quantity for row in judged("published", "float64")} >= {"start: loss", "start: gradient", "every point"}


@pytest.mark.parametrize("dtype", PUBLISHED)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_its_bounds_are_no_wider_but_for_the_scale(case, dtype, reduction):
    """The scale costs a gradient half a unit a row, and the objective a unit of the largest row or weight."""
    dataset, point = round_dataset(case.dataset, dtype), round_parameters(case.start, dtype)
    words = {"dtype": dtype, "reduction": reduction, "l2": 0.125}
    native, own = PointBounds(dataset, point, **words), PointBounds(dataset, point, engine="exact", **words)
    top = exact.SignedRows.of(dataset, dtype).whole(reduction).top
    n = dataset.n_rows
    weighed = 1 if dataset.sample_weight is None else n * dataset.sample_weight.max() / dataset.sample_weight.sum()
    cost = n * top * 2.0**-50 + weighed * native.gradient_scale * 2.0**-48
    assert (own.gradient <= native.gradient + cost).all()
    assert (own.probability <= native.probability * (1 + 2**-19) + 2 * own.smallest).all()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_changes_the_hash(monkeypatch, fault):
    before = hashes(exact, *RUNS["weighted soft labels, l2"], "float64")
    name, plant = FAULTS[fault]
    monkeypatch.setattr(exact, name, plant(getattr(exact, name)))
    if fault == "a sum of floats":
        monkeypatch.setattr(exact, "joined", lambda counts, top: counts.sum(-1) * top)
    assert hashes(exact, *RUNS["weighted soft labels, l2"], "float64") != before


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"dtype": "bfloat16"}, "float64 and float32"),
        ({"loss": "textbook"}, "'stable' only"),
        ({"engine": "exakt"}, "eager, fast, exact"),
    ],
    ids=["dtype", "loss", "name"],
)
def test_what_the_engine_does_not_do_is_refused(twin, words, part):
    dataset, start = published_2021()
    with pytest.raises(ValueError, match=part):
        twin.train(dataset, start, **{"steps": 1, "learning_rate": 1.0, "engine": "exact", **words})
    with pytest.raises(ValueError, match=part):
        twin.evaluate(dataset, start, **{"engine": "exact", **words})
