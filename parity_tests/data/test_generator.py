"""The generator against the recipes it states, the 32 data sets it can make, and the page of 2021."""

from fractions import Fraction

import gmpy2
import mpmath
import numpy as np
import pytest

from logreg_parity.data.generator import (
    circles,
    gaussian,
    initial_parameters,
    lesson,
    lesson_datasets,
    moons,
    published_2021,
    xor,
)
from logreg_parity.truth.ulp import ulp_distance

GRID = np.linspace(-5, 5, 100)
PUBLISHED = np.array([0] * 42 + [1, 0] + [1] * 56)
FALSE_ALARM = 2.0**-30  # chance that a correct generator, given other seeds, fails a statistical check


def tail(successes, trials, chance):
    """The binomial probability of a count at least this far out on its side: min(P(≤ k), P(≥ k))."""
    with gmpy2.context(precision=256):
        p = gmpy2.mpfr(chance)
        sizes = [gmpy2.bincoef(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(trials + 1)]
        return float(min(sum(sizes[: successes + 1]), sum(sizes[successes:])))


def separable(dataset):  # by a threshold on x, the ones on the right
    return dataset.X[dataset.y == 0].max() < dataset.X[dataset.y == 1].min()


# -- the lesson ----------------------------------------------------------------------------------------------


def test_seed_0_gives_the_published_labels():
    made, (published, start) = lesson(), published_2021()
    assert np.array_equal(made.X, GRID[:, None]) and np.array_equal(made.y, PUBLISHED)
    assert made.sha256 == published.sha256
    assert (start.weight.tolist(), start.bias) == ([1.0922641774757724], -0.1883343121604675)


def test_published_facts():
    dataset, _ = published_2021()
    assert (dataset.y.sum(), dataset.y[42], dataset.y[43], separable(dataset)) == (57, 1, 0, False)
    # Σ yx over the grid -5 + 10 i / 99 in fractions; each of 57 points and 57 sums is rounded by ≤ 2^-46.
    exact = Fraction(sum(10 * int(i) - 495 for i in np.flatnonzero(dataset.y)), 99)
    assert abs(Fraction(float(dataset.y @ dataset.X[:, 0])) - exact) <= 114 * Fraction(1, 2**46)
    assert f"{float(exact):.14f}" == "123.68686868686869"  # the figure on record


NOISES = {
    "uniform": lambda seed: np.random.RandomState(seed).random_sample(100),
    "normal": lambda seed: np.random.RandomState(seed).standard_normal(100),
    "none": lambda seed: np.zeros(100),
}


@pytest.mark.parametrize("seed", [0, 1, 1234])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("noise", NOISES)
def test_rounded_labels_are_a_threshold_on_the_noisy_logit(noise, level, seed):
    made = lesson(noise=noise, noise_level=level, seed=seed)
    assert np.array_equal(made.y, 2 * GRID + 1 + level * NOISES[noise](seed) > 0), made.source


@pytest.mark.parametrize(("w", "b"), [(2.0, 1.0), (-3.0, 0.5), (0.25, -1.0)])
def test_soft_labels_are_the_logistic(w, b):
    with mpmath.workprec(120):
        exact = np.array([float(1 / (1 + mpmath.exp(-mpmath.mpf(z)))) for z in w * GRID + b])
    # exp(-t), t = log(1 + exp(-z)) < 16: 2 ulp(t) ≤ 2^-48 move it by 32 of its ulps, and exp adds one.
    assert ulp_distance(lesson(w=w, b=b, labels="soft").y, exact, "float64").max() <= 33


@pytest.mark.parametrize("point", [30, 44, 60])
def test_bernoulli_labels_follow_the_probability(point):
    ones = sum(lesson(labels="bernoulli", seed=seed).y[point] for seed in range(2000))
    chance = lesson(labels="soft").y[point]
    assert tail(int(ones), 2000, chance) > FALSE_ALARM, f"{ones} of 2000 at probability {chance}"


@pytest.mark.parametrize("labels", ["rounded", "bernoulli", "soft"])
def test_lesson_points_and_truth(labels):
    made = lesson(57, labels=labels, w=-1.5, b=0.25)
    assert np.array_equal(made.X, np.linspace(-5, 5, 57)[:, None]) and made.feature_names == ("x",)
    assert (made.true_parameters.weight.tolist(), made.true_parameters.bias) == ([-1.5], 0.25)
    assert (set(made.y) <= {0, 1}) == (labels != "soft")


# -- its 32 data sets ----------------------------------------------------------------------------------------


def test_the_32_data_sets():
    made = [tuple(dataset.y.astype(int)) for dataset, _ in lesson_datasets()]
    assert all(y[:40] == (0,) * 40 and y[45:] == (1,) * 55 for y in made)
    assert [int("".join(map(str, y[40:45])), 2) for y in made] == list(range(32))
    for dataset, chance in lesson_datasets():
        again, same_chance = eval(dataset.source.split(",")[0])
        assert (again.sha256, same_chance) == (dataset.sha256, chance), dataset.source


def test_their_probabilities():
    datasets = lesson_datasets()
    z = [Fraction(float(v)) for v in 2 * GRID[40:45] + 1]  # exact: where 2x lies in [-2, -1], 2x + 1 is
    exact = [np.prod([1 + v if y else -v for v, y in zip(z, d.y[40:45], strict=True)]) for d, _ in datasets]
    assert sum(exact) == 1
    # The factors are exact and the product takes four roundings: γ_4 = 4u / (1 - 4u) < 5u.
    assert all(abs(Fraction(c) - p) * 2**53 <= 5 * p for (_, c), p in zip(datasets, exact, strict=True))


@pytest.fixture(scope="module")
def draws():
    return [lesson(seed=seed) for seed in range(4000)]


def test_every_draw_is_one_of_the_32(draws):
    assert {draw.sha256 for draw in draws} <= {dataset.sha256 for dataset, _ in lesson_datasets()}


@pytest.mark.parametrize("what", ["separable", 40, 41, 42, 43, 44])
def test_draws_follow_the_probabilities(draws, what):
    true = separable if what == "separable" else lambda dataset: dataset.y[what] == 1
    chance = sum(p for dataset, p in lesson_datasets() if true(dataset))
    count = sum(map(true, draws))
    assert tail(count, 4000, chance) > FALSE_ALARM, f"{count} of 4000 at probability {chance}"


# -- gaussian ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_rows", "n_features"), [(1, 1), (50, 4), (3, 8)])
def test_gaussian_shape(n_rows, n_features):
    made, soft = (gaussian(n_rows, n_features, labels=labels) for labels in ("bernoulli", "soft"))
    assert made.X.shape == (n_rows, n_features) and np.array_equal(made.X, soft.X)
    assert set(made.y) <= {0, 1} and 0 < soft.y.min() <= soft.y.max() < 1


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("balance", [0.01, 0.25, 0.5, 0.9])
def test_gaussian_class_balance(balance, seed):
    made, soft = (gaussian(200, 3, class_balance=balance, labels=y, seed=seed) for y in ("bernoulli", "soft"))
    # The mean rises with the bias, in steps of at most ulp(b) / 4; -p log p < 1/2 limits the error of each
    # logistic to 4u and that of the mean to N u more, on either side of the bias found.
    error = np.spacing(abs(soft.true_parameters.bias)) / 4 + 2 * (200 + 4) * 2.0**-53
    assert abs(soft.y.mean() - balance) <= error, soft.source
    # Hoeffding: a sum of independent labels strays by over √(N log(2 / α) / 2) with probability α at most.
    assert abs(made.y.sum() - soft.y.sum()) <= np.sqrt(200 * np.log(2 / FALSE_ALARM) / 2), made.source


@pytest.mark.parametrize("correlation", [-0.9, -0.5, 0.0, 0.3, 0.9])
@pytest.mark.parametrize(("j", "k"), [(0, 1), (1, 2), (0, 2), (1, 3)])
def test_gaussian_correlation(correlation, j, k):
    made = gaussian(4000, 4, correlation=correlation, scale=(1.0, 2.0, 3.0, 4.0), seed=2)
    found = np.corrcoef(made.X.T)[j, k]
    # Fisher: arctanh of it is normal with variance 1 / (N - 3); six standard deviations happen once in 5e8.
    assert abs(np.arctanh(found) - np.arctanh(correlation ** (k - j))) <= 6 / np.sqrt(4000 - 3), f"{found}"


@pytest.mark.parametrize("scale", [1.0, 0.25, (1.0, 100.0, 0.125)], ids=str)
def test_gaussian_scale(scale):
    plain, scaled = (gaussian(20_000, 3, correlation=0.5, scale=s, labels="soft") for s in (1.0, scale))
    assert np.array_equal(scaled.X, plain.X * np.array(scale))
    assert np.array_equal(scaled.true_parameters.weight, plain.true_parameters.weight / np.array(scale))
    # Σ x² is χ² with N degrees of freedom: off N by 2 √(N t) + 2t with chance e^-t (Laurent and Massart).
    t = -np.log(FALSE_ALARM)
    assert (np.abs((plain.X**2).sum(axis=0) - 20_000) <= 2 * np.sqrt(20_000 * t) + 2 * t).all()


def test_initial_parameters_draw_the_weight_first():
    drawn, point = np.random.RandomState(3).randn(5), initial_parameters(4, seed=3)
    assert np.array_equal(np.append(point.weight, point.bias), drawn)


# -- recipes and seeds ---------------------------------------------------------------------------------------

MADE = {
    "lesson": lambda seed: lesson(seed=seed),
    "lesson, normal noise": lambda seed: lesson(30, noise="normal", noise_level=1 / 3, w=2 / 3, seed=seed),
    "lesson, no noise": lambda seed: lesson(noise="none", w=1e-7 + 1, seed=seed),
    "lesson, bernoulli": lambda seed: lesson(labels="bernoulli", w=1 / 3, seed=seed),
    "lesson, soft": lambda seed: lesson(labels="soft", b=1 / 7, w=np.float64(0.1), seed=seed),
    "gaussian": lambda seed: gaussian(seed=seed),
    "gaussian, correlated": lambda seed: gaussian(9, 3, correlation=1 / 3, class_balance=1 / 7, seed=seed),
    "gaussian, scales": lambda seed: gaussian(9, 2, scale=(1 / 3, 2), labels="soft", seed=seed),
}


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("name", MADE)
def test_the_source_makes_the_same_data_again(name, seed):
    made = MADE[name](seed)
    again = eval(made.source)
    assert again.sha256 == made.sha256, made.source
    assert again.true_parameters.weight.tolist() == made.true_parameters.weight.tolist(), made.source


@pytest.mark.parametrize("name", ["gaussian", "gaussian, correlated", "gaussian, scales"])
def test_every_seed_makes_other_data(name):
    assert len({MADE[name](seed).sha256 for seed in range(50)}) == 50
    assert {gaussian(1, 1, seed=seed).y[0] for seed in range(50)} == {0, 1}  # a coin is thrown for each


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gaussian(0, 2), "n_rows is 0"),
        (lambda: gaussian(5, 2, scale=0), "scale is 0; give a number above 0"),
        (lambda: gaussian(5, 2, scale=(1, -1)), r"scale is \(1, -1\); give"),
        (lambda: lesson(labels="soft", noise="pink"), "noise is 'pink'"),
    ],
    ids=["no rows", "no scale", "negative scale", "noise that is not used"],
)
def test_impossible_recipes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_numpy_numbers_leave_a_recipe_that_runs():
    assert lesson(w=np.float64(0.1)).source == lesson(w=0.1).source


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("make", "inside"), [(xor, lambda a, b: a * b), (circles, lambda a, b: 2 - a**2 - b**2)])
def test_bent_data_has_the_labels_of_its_logit(make, inside, seed):
    """Where |logit| > 36, the chance of the other label is below 2^-51 a point, 2^-41 in all 1000."""
    dataset = make(1000, w=1000.0, seed=seed)
    z = 1000 * inside(*dataset.X.T)
    sure = np.abs(z) > 36
    assert sure.sum() > 800 and np.array_equal(dataset.y[sure], (z > 0)[sure])
    assert np.abs(dataset.X).max() <= 2


def test_moons_are_two_half_rings_by_turns():
    dataset = moons(500, seed=1)
    assert np.array_equal(dataset.y, np.arange(500) % 2)
    for label, sign in ((0, 1), (1, -1)):
        u, v = (sign * dataset.X[dataset.y == label] + (0.5, 0.25)).T
        radius = np.hypot(u, v)
        assert (v >= 0).all() and radius.min() > 0.649 and radius.max() < 1.351


@pytest.mark.parametrize("make", [xor, circles, moons])
def test_bent_data_of_one_point_is_refused(make):
    with pytest.raises(ValueError, match="at least 2"):
        make(1)
