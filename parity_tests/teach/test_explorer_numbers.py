"""The page's JavaScript is the third twin: the generator's data, and both twins' numbers within derived bounds."""

import math
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import logreg_jax.bridge.optimizers
import logreg_jax.loss
import logreg_torch.bridge.optimizers
import logreg_torch.loss
from logreg_parity.data.dataset import Dataset, Parameters, batches
from logreg_parity.data.generator import circles, lesson, moons, plane, xor
from logreg_parity.optimizers.rules import RULES, rounding_bound
from logreg_parity.teach.explore.page import page
from logreg_parity.truth import bounds, exact, reference
from logreg_parity.truth.infinite import told
from logreg_parity.truth.optimum import distance_bound, find_optimum
from logreg_parity.truth.separation import independent_columns, separation
from logreg_parity.truth.ulp import format_of, round_dataset, round_parameters, round_to
from logreg_parity.twins import Program, Setting
from parity_tests.browser import Explorer
from parity_tests.loss_bounds import EPSILON, objective_and_gradient
from parity_tests.twins.test_exact import PUBLISHED

pytestmark = pytest.mark.slow

OPTIMIZERS = {"torch": logreg_torch.bridge.optimizers, "jax": logreg_jax.bridge.optimizers}

# -- the generator ----------------------------------------------------------------------------------------------------

SEEDS = (0, 1, 2, 7, 12345, 2**32 - 1)
MADE = [
    *({"data": "lesson", "seed": seed} for seed in SEEDS),
    *({"data": "lesson", "noise": "normal", "level": 2.5, "seed": seed} for seed in SEEDS),
    *({"data": "lesson", "n": n, "noise": noise, "tw": -1.3, "tb": 0.7} for n in (2, 3, 37, 101, 2000)
      for noise in ("uniform", "none")),
    *({"data": "bernoulli", "n": n, "seed": seed} for n in (2, 100, 2000) for seed in SEEDS),
    *({"data": "plane", "n": n, "seed": seed, "tw2": 0.3, "tb": -0.2} for n in (2, 100, 2000) for seed in SEEDS),
    *({"data": data, "n": n, "seed": seed, "tw": tw} for data, tw in (("xor", 4.0), ("circles", 0.7), ("moons", 2.0))
      for n in (2, 101, 2000) for seed in SEEDS),
    *({"data": "soft", "n": n, "tw": 1.7, "tb": -0.4} for n in (2, 100, 2000)),
]  # fmt: skip


def python_data(setting):
    """What the generator makes of a setting of the page."""
    given = {"n": 100, "tw": 2.0, "tw2": -1.0, "tb": 1.0, "seed": 0, "noise": "uniform", "level": 1.0, **setting}
    if given["data"] == "plane":
        return plane(given["n"], w=(given["tw"], given["tw2"]), b=given["tb"], seed=given["seed"])
    if given["data"] == "moons":
        return moons(given["n"], seed=given["seed"])
    if given["data"] in ("xor", "circles"):
        return {"xor": xor, "circles": circles}[given["data"]](given["n"], w=given["tw"], seed=given["seed"])
    labels = "rounded" if given["data"] == "lesson" else given["data"]
    return lesson(given["n"], w=given["tw"], b=given["tb"], noise=given["noise"], noise_level=given["level"],
                  labels=labels, seed=given["seed"])  # fmt: skip


MAKE = """(settings) => settings.map((setting) => {
  const { X, y, truth } = logreg.makeData({ ...logreg.DEFAULTS, ...setting });
  return { X: X.map((x) => Array.from(x)), y: Array.from(y), truth };
})"""


def test_the_data_is_the_generators(javascript):
    """Features and drawn labels to the last bit."""
    for setting, made in zip(MADE, javascript(MAKE, MADE), strict=True):
        wanted = python_data(setting)
        assert np.array_equal(np.array(made["X"]).T, wanted.X), setting
        if wanted.true_parameters is not None:
            assert made["truth"] == reference.flatten(wanted.true_parameters).tolist(), setting
        if setting["data"] != "soft":
            assert np.array_equal(made["y"], wanted.y), setting


def test_soft_labels_are_the_generators_within_what_exp_may_round(javascript):
    """p = exp(-L): L takes three roundings, exp one ulp or two roundings, on each side."""
    settings = [setting for setting in MADE if setting["data"] == "soft"]
    for setting, made in zip(settings, javascript(MAKE, settings), strict=True):
        p = python_data(setting).y
        bound = 2 * (3 * -np.log(p) + 2) * format_of("float64").unit_roundoff * p
        assert (np.abs(made["y"] - p) <= bound).all(), setting


def products(X, degree):
    """The features of two columns up to a degree, by hand."""
    u, v = X.T
    return np.column_stack(
        [u, v, u * u, u * v, v * v, u * u * u, u * u * v, u * v * v, v * v * v][: (2, 5, 9)[degree - 1]]
    )


@pytest.mark.parametrize(
    ("data", "z"), [("xor", lambda a, b: 3 * a * b), ("circles", lambda a, b: 3 * (2 - a * a - b * b))]
)
def test_the_truth_of_bent_data_is_a_point_of_the_model(javascript, data, z):
    """Six products and as many sums of numbers up to 24 on each side: within 24 roundings of 24."""
    (made,) = javascript(MAKE, [{"data": data, "tw": 3}])
    X, truth = np.array(made["X"]).T, np.array(made["truth"])
    assert (
        np.abs(products(X, 2) @ truth[:-1] + truth[-1] - z(*X.T)) <= 24 * 24 * format_of("float64").unit_roundoff
    ).all()


LENSED = """([setting, learned, options]) => {
  const made = logreg.makeData({ ...logreg.DEFAULTS, ...setting });
  const { X, lens, truth } = logreg.lensed(made, learned, options);
  return [X.map((x) => Array.from(x)), lens.mean, lens.deviation, truth];
}"""


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("data", ["bernoulli", "plane", "xor", "moons"])
def test_features_are_those_of_numpy(javascript, data, degree, standard):
    """To the last bit; mean and deviation are of the rows to learn from alone, summed one after the other."""
    dataset, learned = python_data({"data": data}), list(range(0, 100, 3))
    X = dataset.X
    shown, mean, deviation, truth = javascript(
        LENSED, [{"data": data}, learned, {"standard": standard, "degree": degree}]
    )
    if standard:
        centre = sum(X[learned]) / len(learned)
        spread = np.sqrt(sum((X[learned] - centre) ** 2) / len(learned))
        assert mean == centre.tolist() and deviation == spread.tolist()
        X = (X - centre) / spread
    wanted = X if data == "bernoulli" else products(X, degree)
    assert np.array_equal(np.array(shown).T, wanted)
    if data in ("bernoulli", "plane"):
        at = reference.flatten(dataset.true_parameters)
        z, terms = (
            dataset.X @ at[:-1] + at[-1],
            np.abs(wanted) @ np.abs(truth[:-1]) + abs(truth[-1]) + np.abs(dataset.X) @ np.abs(at[:-1]),
        )
        assert (np.abs(wanted @ truth[:-1] + truth[-1] - z) <= 16 * format_of("float64").unit_roundoff * terms).all()


def test_a_feature_that_never_changes_is_only_shifted(javascript):
    X, _, deviation, _ = javascript(
        """(rows) => {
          const { X, lens } = logreg.lensed(logreg.fromRows(rows), [0, 1, 2], { standard: true, degree: 1 });
          return [X.map((x) => Array.from(x)), lens.mean, lens.deviation, null];
        }""",
        [[0.1, 1, 0], [0.1, 2, 1], [0.1, 3, 0]],
    )
    assert deviation[0] == 1 and max(map(abs, X[0])) <= 2 * format_of("float64").unit_roundoff * 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_set_aside_and_mini_batches_are_numpys(javascript, seed):
    for rows in (2, 3, 64, 65, 2000):
        order = np.random.RandomState(seed).permutation(rows)
        for share in (0.1, 0.3, 0.5):
            aside = int(rows * share)
            shown = javascript(
                "([rows, setting]) => logreg.split(rows, setting)", [rows, {"test": share, "seed": seed}]
            )
            assert shown == {"train": sorted(order[aside:].tolist()), "test": sorted(order[:aside].tolist())}
        size = rows // 3 + 1
        drawn = javascript(
            """([rows, size, seed]) => {
              const order = logreg.batches(rows, size, seed);
              return Array.from({ length: 10 }, () => order.next().value);
            }""",
            [rows, size, seed],
        )
        assert drawn == [batch.tolist() for batch in batches(rows, size, 10, seed=seed)]


# -- points -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def further_forms():
    """The page's clamped and epsilon forms, in both twins: they have the textbook's and the stable one."""

    def clamped(lib, clip):
        def loss(z, y):
            p = clip(1 / (1 + lib.exp(-z)), EPSILON, 1 - EPSILON)
            return -(y * lib.log(p) + (1 - y) * lib.log(1 - p))

        return loss

    def epsilon(lib):
        def loss(z, y):
            p = 1 / (1 + lib.exp(-z))
            return -(y * lib.log(p + EPSILON) + (1 - y) * lib.log(1 - p + EPSILON))

        return loss

    forms = ((logreg_torch.loss.LOSSES, torch, torch.clamp), (logreg_jax.loss.LOSSES, jnp, jnp.clip))
    for losses, lib, clip in forms:
        losses.update(clamped=clamped(lib, clip), epsilon=epsilon(lib))
    with pytest.MonkeyPatch.context() as patch:
        for twin in (logreg_torch, logreg_jax):  # whose door knows its own forms alone
            patch.setattr(twin.evaluation, "check_objective", lambda *given: None)
        yield
    for losses, *_ in forms:
        del losses["clamped"], losses["epsilon"]


FORMS = ("logits", "textbook", "clamped", "epsilon")
SETTINGS = [
    {"data": data, "seed": seed} for data in ("lesson", "bernoulli", "soft", "plane") for seed in (0, 3)
]  # fmt: skip
REDUCED = (("mean", 0.0), ("sum", 0.25))
POINTS = 16  # of each of the 8 data sets, 4 forms, 2 precisions and 2 reductions: 2048


def points(setting, dtype):
    """Points of the sliders' square, in float64 of three times its size too, rounded to the format."""
    random = np.random.RandomState(setting["seed"])
    width = 3 if setting["data"] == "plane" else 2
    drawn = np.round(10 * random.random_sample((POINTS, width)) - 5, 1) * (3 if dtype == "float64" else 1)
    return round_to(drawn, dtype)


EVALUATE = """([setting, thetas, options]) => {
  const r = logreg.ROUNDINGS[options.precision];
  const data = logreg.roundData(logreg.makeData({ ...logreg.DEFAULTS, ...setting }), r);
  return thetas.map((theta) => {
    const { value, gradient } = logreg.valueAndGradient(data, theta, { ...options, r });
    return [value, ...gradient];
  });
}"""


def rounds_to_one_or_not(dataset, parameters, dtype):
    """Whether some p is so near to 1 - u / 2 that a correct program may round it to 1 or not."""
    u = format_of(dtype).unit_roundoff
    e = np.exp(-reference.logits(parameters, dataset.X))
    unsure = bounds.PointBounds(dataset, parameters, dtype=dtype).logit + 2 * bounds.FUNCTION_ULPS * u
    return (np.abs(e / u - 1) <= 2 * unsure + 2 * u).any()


def kind(value):
    return "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else "finite"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", FORMS)
def test_every_point_is_both_twins_within_the_bounds(javascript, twins, form, dtype):
    """The distance of two correct programs is at most the sum of their bounds."""
    judged = finite = 0
    for setting in SETTINGS:
        dataset = round_dataset(python_data(setting), dtype)
        for reduction, l2 in REDUCED:
            thetas = points(setting, dtype)
            options = {"form": form, "reduction": reduction, "l2": l2, "precision": dtype}
            ours = javascript(EVALUATE, [setting, thetas.tolist(), options])
            for theta, mine in zip(thetas, np.array(ours), strict=True):
                at = Parameters(theta[:-1], theta[-1])
                limits = np.append(*objective_and_gradient(form, dataset, at, dtype=dtype, l2=l2, reduction=reduction))
                for twin in twins.values():
                    loss = "stable" if form == "logits" else form
                    seen = twin.evaluate(dataset, at, l2=l2, reduction=reduction, loss=loss, dtype=dtype)
                    theirs = np.array([seen.objective, *reference.flatten(seen.gradient)], dtype=float)
                    where = (setting, reduction, theta.tolist(), mine, theirs)
                    assert kind(mine[0]) == kind(theirs[0]) or rounds_to_one_or_not(dataset, at, dtype), where
                    both = np.isfinite(mine) & np.isfinite(theirs)
                    assert (np.abs(mine[both] - theirs[both]) <= 2 * limits[both]).all(), where
                    finite += (both & np.isfinite(limits)).all()
                    judged += 1
    assert judged == 2 * len(SETTINGS) * len(REDUCED) * POINTS
    assert finite == judged if form == "logits" else finite > judged / 4  # what is compared is not nothing


ROWS = """([rows, theta, precision]) => {
  const r = logreg.ROUNDINGS[precision];
  const data = logreg.fromRows(rows);
  const { loss, slope } = logreg.FORMS.logits;
  return Array.from(data.y, (y, i) => {
    const z = logreg.logit(data, theta, i, r);
    return [z, loss(z, y, r), slope(z, y, r)];
  });
}"""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_row_is_both_twins_within_the_bounds(javascript, twins, dtype):
    """Logit, loss and, against NumPy by hand, slope: in the tails too, where a mean of rows does not show them."""
    for setting in SETTINGS:
        dataset = round_dataset(python_data(setting), dtype)
        for theta in points(setting, dtype)[:4]:
            at = Parameters(theta[:-1], theta[-1])
            rows = np.column_stack([dataset.X, dataset.y]).tolist()
            z, loss, slope = np.array(javascript(ROWS, [rows, theta.tolist(), dtype])).T
            limits = bounds.PointBounds(dataset, at, dtype=dtype)
            for twin in twins.values():
                seen = twin.evaluate(dataset, at, dtype=dtype)
                assert (np.abs(z - seen.logits) <= 2 * limits.logit).all()
                assert (np.abs(loss - seen.losses) <= 2 * limits.loss).all()
            by_hand = reference.residual(reference.logits(at, dataset.X), dataset.y)
            assert (np.abs(slope - by_hand) <= 2 * limits.residual).all()


def one(x):
    return np.float32(x)


def softplus32(z):
    """exp and log1p of float64, rounded: correctly rounded but for one case in a billion."""
    return max(z, one(0)) + one(math.log1p(one(math.exp(-abs(z)))))


def sigmoid32(z):
    e = one(math.exp(-abs(z)))
    return (one(1) if z >= 0 else e) / (one(1) + e)


def by_float32(dataset, theta):
    """The mean loss and its gradient in the page's order, every operation by NumPy's float32: (value, slope, bias)."""
    w, b = map(one, theta)
    value = slope = bias = one(0)
    for x, y in zip(dataset.X[:, 0].astype(np.float32), dataset.y.astype(np.float32), strict=True):
        z = x * w + b
        r = (one(1) - y) * sigmoid32(z) - y * sigmoid32(-z)
        value += softplus32(-z) if y == 1 else softplus32(z)
        slope += r * x
        bias += r
    n = one(dataset.n_rows)
    return [float(part / n) for part in (value, slope, bias)]


def test_float32_is_float32_operation_for_operation(javascript):
    setting = {"data": "bernoulli", "seed": 5}
    thetas = points(setting, "float32")
    options = {"form": "logits", "reduction": "mean", "l2": 0.0, "precision": "float32"}
    ours = javascript(EVALUATE, [setting, thetas.tolist(), options])
    assert ours == [by_float32(python_data(setting), theta) for theta in thetas]


def test_hessian_and_its_largest_eigenvalue(javascript):
    """Eight sweeps of at most three rotations take fewer than 256 roundings of the largest element."""
    for setting in SETTINGS:
        dataset = python_data(setting)
        for theta in points(setting, "float64")[:5] / 3:
            at = Parameters(theta[:-1], theta[-1])
            H, largest = javascript(
                """([setting, theta]) => {
                  const data = logreg.makeData({ ...logreg.DEFAULTS, ...setting });
                  const H = logreg.hessian(data, theta, { reduction: "mean", l2: 0.5 });
                  return [H, logreg.largestEigenvalue(H)];
                }""",
                [setting, theta.tolist()],
            )
            wanted = reference.hessian(at, dataset.X, dataset.y, l2=0.5)
            limit = 2 * bounds.PointBounds(dataset, at, dtype="float64", l2=0.5).hessian
            assert (np.abs(H - wanted) <= limit).all()
            roundings = 256 * format_of("float64").unit_roundoff * np.linalg.norm(H)
            assert abs(largest - np.linalg.eigvalsh(H)[-1]) <= roundings


# -- trajectories -----------------------------------------------------------------------------------------------------

WALK = """([setting, theta, options, steps]) => {
  const r = logreg.ROUNDINGS[options.precision];
  const data = logreg.roundData(logreg.makeData({ ...logreg.DEFAULTS, ...setting }), r);
  const path = [];
  let state = logreg.startAt(theta, r);
  for (let k = 0; k <= steps; k++) {
    path.push(state.theta);
    ({ state } = logreg.step(data, state, { ...options, r }));
  }
  return path;
}"""
STEPS = 60
DESCENTS = [
    (data, dtype, reduction, l2)
    for data in ("lesson", "bernoulli", "soft", "plane")
    for dtype in ("float64", "float32")
    for reduction, l2 in REDUCED
]


@pytest.mark.parametrize(("data", "dtype", "reduction", "l2"), DESCENTS, ids=str)
def test_descent_is_both_twins_within_the_bounds(javascript, twins, data, dtype, reduction, l2):
    setting = {"data": data, "seed": 3}
    dataset = round_dataset(python_data(setting), dtype)
    start = round_parameters(Parameters(np.full(dataset.n_features, 0.3), -0.2), dtype)
    rate = float(round_to(0.3 if reduction == "mean" else 0.003, dtype))
    options = {"form": "logits", "reduction": reduction, "l2": l2, "precision": dtype, "optimizer": "sgd", "lr": rate}
    mine = np.array(javascript(WALK, [setting, reference.flatten(start).tolist(), options, STEPS]))
    descent = Setting(steps=STEPS, learning_rate=rate, reduction=reduction, l2=l2)
    own = bounds.trajectory(dataset, mine[:, :-1], mine[:, -1], descent, dtype=dtype).parameters
    assert np.isfinite(own).all()
    for name, twin in twins.items():
        run = Program(name, twin, dtype).train(dataset, start, descent, keep=range(STEPS + 1))
        theirs = np.column_stack([run.weights, run.biases]).astype(float)
        limit = own + bounds.trajectory(dataset, theirs[:, :-1], theirs[:, -1], descent, dtype=dtype).parameters
        assert (np.linalg.norm(mine - theirs, axis=1) <= limit).all()


BATCHED = """([setting, steps]) => {
  logreg.session.take({ ...logreg.DEFAULTS, ...setting, steps });
  return logreg.settled().then(() => logreg.session.run.path);
}"""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "bent", [{"data": "bernoulli", "batch": 30}, {"data": "xor", "degree": 2, "batch": 16}], ids=str
)
def test_mini_batches_are_both_twins_within_the_bounds(javascript, twins, bent, dtype):
    made = python_data({"seed": 3, **bent})
    X = products(made.X, bent["degree"]) if "degree" in bent else made.X
    dataset = round_dataset(Dataset(X, made.y, "the page"), dtype)
    setting = {"seed": 3, "precision": dtype, "lr": 0.25, "w": 0.5, "b": -0.25, **bent}
    mine = np.array(javascript(BATCHED, [setting, STEPS]))
    start = Parameters(mine[0, :-1], mine[0, -1])
    rows = list(batches(dataset.n_rows, bent["batch"], STEPS, seed=3))
    descent, place = Setting(steps=STEPS, learning_rate=0.25), {"dtype": dtype, "batches": rows}
    own = bounds.trajectory(dataset, mine[:, :-1], mine[:, -1], descent, **place).parameters
    assert np.isfinite(own).all()
    for twin in twins.values():
        run = twin.train(dataset, start, steps=STEPS, learning_rate=0.25, keep=range(STEPS + 1), **place)
        theirs = np.column_stack([run.weights, run.biases]).astype(float)
        limit = own + bounds.trajectory(dataset, theirs[:, :-1], theirs[:, -1], descent, **place).parameters
        assert (np.linalg.norm(mine - theirs, axis=1) <= limit).all()


RULE_OF = {
    "momentum": ("sgd", {"lr": 0.3, "momentum": 0.9}, "torch.optim.SGD(parameters, lr=0.3, momentum=0.9)",
                 "optax.sgd(0.3, momentum=0.9)"),
    "nesterov": ("sgd", {"lr": 0.3, "momentum": 0.9, "nesterov": True},
                 "torch.optim.SGD(parameters, lr=0.3, momentum=0.9, nesterov=True)",
                 "optax.sgd(0.3, momentum=0.9, nesterov=True)"),
    "adam": ("adam", {"lr": 0.3}, "torch.optim.Adam(parameters, lr=0.3)", "optax.adam(0.3)"),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("data", ["bernoulli", "soft", "plane"])
@pytest.mark.parametrize("optimizer", RULE_OF)
def test_optimisers_are_both_frameworks_own_within_the_bounds(javascript, optimizer, data, dtype):
    """``rounding_bound`` is of first order, so linear in the roundoff: float32's is 2^29 times float64's."""
    setting = {"data": data, "seed": 3}
    dataset = round_dataset(python_data(setting), dtype)
    start = round_parameters(Parameters(np.full(dataset.n_features, 0.3), -0.2), dtype)
    name, settings, in_torch, in_jax = RULE_OF[optimizer]
    options = {"form": "logits", "reduction": "mean", "l2": 0.0, "precision": dtype, "optimizer": optimizer, "lr": 0.3}
    mine = np.array(javascript(WALK, [setting, reference.flatten(start).tolist(), options, STEPS]))
    coarser = format_of(dtype).unit_roundoff / format_of("float64").unit_roundoff
    limit = 2 * coarser * rounding_bound(dataset, start, RULES[name], steps=STEPS, **settings)
    for framework, expression in (("torch", in_torch), ("jax", in_jax)):
        theirs = OPTIMIZERS[framework].walk(dataset, start, expression, steps=STEPS, dtype=dtype)
        assert (np.abs(mine - theirs) <= limit).all(), (framework, np.abs(mine - theirs).max(axis=0))


# -- the optimum ------------------------------------------------------------------------------------------------------


def small_datasets():
    """Few rows on a grid of integers, where classes touch, lie on a line, and repeat; and the page's own data."""
    random = np.random.RandomState(0)
    for k in range(120):
        features, rows = 1 + k % 2, random.randint(2, 9)
        X, y = random.randint(-2, 3, (rows, features)), random.randint(0, 2, rows).astype(float)
        if k % 5 == 0:
            y[random.randint(rows)] = 0.25
        yield Dataset(X, y, f"small {k}")
    for setting in SETTINGS:
        yield python_data(setting)


STATUS = {"finite": "finite", "separable": "infinite", "quasi-separable": "infinite", "not unique": "not unique"}
WORDS = {"finite": "overlapping", "not unique": "overlapping"}
OPTIMUM = """([rows, l2]) => {
  const data = logreg.fromRows(rows);
  const optimum = logreg.findOptimum(data, { reduction: "mean", l2 });
  const gone = optimum.status === "infinite" ? logreg.runaway(data, { l2 }) : null;
  const columns = logreg.relations(data.X).map(({ column }) => column);
  return [logreg.separability(data), optimum, gone && { ...gone, direction: gone.direction.map(String) }, columns];
}"""
GOES = {"up": "+inf", "down": "-inf", "finite": "finite", "any": "any"}


def assert_gone(dataset, l2, optimum, gone):
    """The direction is one, and what becomes of each parameter along it is what rational arithmetic says."""
    direction = tuple(map(Fraction, gone["direction"]))
    assert separation(dataset, direction) == optimum.status
    names = (*dataset.feature_names, "bias")
    exact = told(dataset, names, optimum._replace(direction=direction), l2=l2)
    assert tuple(GOES[way] for way in gone["goes"]) == exact.goes, dataset.source
    known = ~np.isnan(exact.limits)
    mine = np.array([np.nan if limit is None else limit for limit in gone["limits"]], float)
    assert np.array_equal(known, ~np.isnan(mine)), dataset.source
    assert (np.abs(mine - exact.limits)[known] <= 2.0**-20 * np.maximum(1, np.abs(exact.limits[known]))).all()


def assert_dependent(dataset, columns):
    """Leaving out those features leaves as many as are independent, and they are."""
    rest = np.delete(dataset.X, columns, axis=1)
    assert len(independent_columns(rest)) == len(independent_columns(dataset.X)) == rest.shape[1] + 1, dataset.source


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_separability_and_optimum_are_those_proved(javascript, l2):
    seen = set()
    for dataset in small_datasets():
        rows = np.column_stack([dataset.X, dataset.y]).tolist()
        separability, optimum, gone, columns = javascript(OPTIMUM, [rows, l2])
        bare, wanted = find_optimum(dataset), find_optimum(dataset, l2=l2)
        assert_dependent(dataset, columns)
        if wanted.direction is not None:
            assert_gone(dataset, l2, wanted, gone)
        assert separability == WORDS.get(bare.status, bare.status), (dataset.source, rows)
        assert optimum["status"] == STATUS[wanted.status], (dataset.source, rows)
        seen |= {separability, optimum["status"]}
        if wanted.status == "finite":
            at = Parameters(np.array(optimum["theta"][:-1]), optimum["theta"][-1])
            assert distance_bound(dataset, at, l2=l2) <= visible(dataset, at, l2), (dataset.source, rows)
    assert seen >= {"overlapping", "separable", "quasi-separable", "finite", "infinite"}


def touching():
    """Data of two features whose products part all rows but some that belong to both classes: quasi-separable."""
    made = python_data({"data": "moons", "n": 40, "seed": 1})
    yield made.X, np.append(0.01, made.y[1:])
    yield np.vstack([made.X, made.X[:1]]), np.append(made.y, 1 - made.y[0])


def bent_datasets():
    """Data sets whose features are products: separable ones, overlapping ones, and some that only touch."""
    cases = [("xor", 2, 60), ("circles", 2, 60), ("moons", 3, 40), ("plane", 2, 12), ("xor", 3, 40)]
    made = [(python_data({"data": data, "n": n, "seed": 1}), degree) for data, degree, n in cases]
    given = [(data.X, data.y, degree) for data, degree in made] + [(X, y, 3) for X, y in touching()]
    return [Dataset(products(X, degree), y, f"bent {k}") for k, (X, y, degree) in enumerate(given)]


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_the_optimum_of_products_is_the_one_proved(javascript, l2):
    """Where classes only touch, the page says that it does not know."""
    seen = set()
    for dataset in bent_datasets():
        rows = np.column_stack([dataset.X, dataset.y]).tolist()
        separability, optimum, gone, columns = javascript(OPTIMUM, [rows, l2])
        bare, wanted = find_optimum(dataset), find_optimum(dataset, l2=l2)
        assert_dependent(dataset, columns)
        unknown = bare.status == "quasi-separable"
        assert separability == ("undecided" if unknown else WORDS.get(bare.status, bare.status)), dataset.source
        assert optimum["status"] == ("undecided" if unknown and l2 == 0 else STATUS[wanted.status]), dataset.source
        seen.add(separability)
        if wanted.direction is not None and not unknown:
            assert_gone(dataset, l2, wanted, gone)
        if wanted.status == "finite":
            at = Parameters(np.array(optimum["theta"][:-1]), optimum["theta"][-1])
            assert distance_bound(dataset, at, l2=l2) <= visible(dataset, at, l2), dataset.source
    assert seen == {"overlapping", "separable", "undecided"}


def visible(dataset, at, l2):
    """How far from the optimum a float64 program may stop: where its gradient is within its bound, and a last step's
    rounding; doubled for the change of the Hessian on the way."""
    H = reference.hessian(at, dataset.X, dataset.y, l2=l2)
    reach = np.abs(np.linalg.inv(H)) @ bounds.PointBounds(dataset, at, dtype="float64", l2=l2).gradient
    return 2 * (np.linalg.norm(reach) + format_of("float64").unit_roundoff * np.linalg.norm(reference.flatten(at)))


# -- exact arithmetic -------------------------------------------------------------------------------------------------

EXACTLY = """(setting) => {
  const session = new logreg.Session();
  session.take({ ...logreg.DEFAULTS, ...setting });
  const run = logreg.exactRun(session);
  for (;;) {
    const { done, value } = run.next();
    if (done) return [value.points, value.losses];
  }
}"""
EXACT_RUNS = {
    "lesson": {"data": "lesson", "lr": 0.5, "w": 0.25, "b": -1},
    "sum, float32": {"data": "bernoulli", "n": 37, "reduction": "sum", "precision": "float32", "lr": 0.01, "l2": 0.1},
    "batches, Nesterov": {"data": "plane", "batch": 9, "optimizer": "nesterov", "lr": 0.3, "w2": 1.5, "seed": 3},
    "momentum, many rows": {
        "data": "xor",
        "n": 2000,
        "optimizer": "momentum",
        "lr": 0.1,
        "w": 100,
        "precision": "float32",
    },
    "no finite number": {"data": "lesson", "lr": 1e6, "l2": 1e6, "reduction": "sum"},
}


@pytest.mark.parametrize("name", EXACT_RUNS)
def test_an_exact_run_has_the_hash_of_numpy(javascript, name):
    setting = {"steps": 60, "reduction": "mean", "precision": "float64", **EXACT_RUNS[name]}
    dataset, dtype = python_data(setting), setting["precision"]
    start = Parameters(
        np.array([setting.get("w", 0.0), setting.get("w2", 0.0)][: dataset.n_features]), setting.get("b", 0.0)
    )
    optimizer, size = setting.get("optimizer"), setting.get("batch")
    run = exact.train(
        dataset, start, steps=60, learning_rate=setting["lr"], momentum=0.9 if optimizer else 0.0,
        nesterov=optimizer == "nesterov", l2=setting.get("l2", 0.0), reduction=setting["reduction"], dtype=dtype,
        batches=size and batches(dataset.n_rows, size, 60, seed=setting["seed"]), keep=range(61),
    )  # fmt: skip
    assert (name == "no finite number") == (run.stop_reason is not None)
    points = np.column_stack([run.weights, run.biases])
    assert javascript(EXACTLY, setting) == [exact.digest(points, dtype), exact.digest(run.losses, dtype)]


def test_the_page_shows_the_digest_of_the_page_of_2021(explorer):
    explorer.ask("logreg.preset('published')")
    explorer.enter("[data-field=precision]", "float32")
    explorer.ask("logreg.change({ tab: 'code' })")
    explorer.settle()
    explorer.tab.locator("#fingerprint").click()
    explorer.wait("document.getElementById('fingerprint-said').textContent.includes('Losses')")
    assert all(part in explorer.text("#fingerprint-said") for part in PUBLISHED["float32"])
    explorer.ask("logreg.change({ optimizer: 'adam' })")
    explorer.settle()
    assert explorer.text("#fingerprint-said") == ""
    explorer.tab.locator("#fingerprint").click()
    assert "Adam" in explorer.text("#fingerprint-said")


def test_another_constant_changes_the_hash(chromium, tmp_path, monkeypatch):
    """The planted fault: the last bit of one number."""
    monkeypatch.setattr(exact, "CONSTANTS", {**exact.CONSTANTS, "LOG2": np.nextafter(exact.LOG2, 1)})
    path = tmp_path / "explorer.html"
    path.write_text(page(), encoding="utf-8")
    opened = Explorer(chromium, path)
    points, losses = opened.ask(
        EXACTLY, {"data": "lesson", "lr": 0.5, "steps": 5, "reduction": "mean", "precision": "float64"}
    )
    opened.context.close()
    dataset = python_data({"data": "lesson"})
    run = exact.train(
        dataset, Parameters(np.zeros(1), 0.0), steps=5, learning_rate=0.5, reduction="mean", keep=range(6)
    )
    assert points == exact.digest(np.column_stack([run.weights, run.biases]), "float64")
    assert losses != exact.digest(run.losses, "float64")
