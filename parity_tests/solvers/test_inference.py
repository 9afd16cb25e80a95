"""Standard errors, tests and intervals: every number within its bound of the exact one, and none of a wrong one."""

import importlib
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb_mat

from logreg_parity import Dataset, gaussian
from logreg_parity.cli import main
from logreg_parity.data.inference import Proved
from logreg_parity.judge.fits import tables_agree
from logreg_parity.solvers.stream import open_stream
from logreg_parity.truth.likelihood import Likelihood
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.oracle import ExactObjective, as_balls, precision
from logreg_parity.truth.reference import flatten
from parity_tests.cases import CASES
from parity_tests.certified import CERTIFIED, OVERLAP, SEPARATED, bias_last, certified, reference
from parity_tests.conftest import TWINS

BITS = 256


@pytest.fixture(params=TWINS)
def module(request):
    return importlib.import_module(request.param)


@pytest.fixture(scope="module")
def overlap():
    return {name: importlib.import_module(name).infer(OVERLAP) for name in TWINS}


def exact_errors(dataset, theta):
    """√(H⁻¹)_jj of Σ ω ℓ at theta, in 256 bits, rounded once."""
    with precision(BITS):
        H = ExactObjective(dataset, 0.0, "sum").slope_and_hessian(as_balls(theta))[1]
        inverse = arb_mat(H.tolist()).inv()
        return np.array([float(inverse[j, j].sqrt()) for j in range(len(theta))])


def assert_errors_within(likelihood, dataset, errors, bound):
    """At the exact optimum, which is known to within a radius: a logit's move by it counts too."""
    optimum = find_optimum(dataset)
    wanted = exact_errors(dataset, flatten(optimum.parameters))
    known = wanted * np.expm1(likelihood.largest_move(np.full(len(wanted), optimum.radius))) + np.spacing(wanted)
    assert (np.abs(errors - wanted) <= bound + known).all()


@pytest.mark.parametrize("size", [0, 10**5], ids=["float64", "balls"])
@pytest.mark.parametrize("name", ["published", "soft", "weighted"])
def test_standard_errors_hold_against_the_exact_ones(name, size, monkeypatch):
    monkeypatch.setattr("logreg_parity.solvers.inference.SHARP_SIZE", size)
    dataset = CASES[name].dataset
    likelihood = Likelihood(dataset, intercept=True)
    found = importlib.import_module("logreg_torch").infer(dataset, profile=False)
    assert_errors_within(likelihood, dataset, *found.standard_error)
    assert found.standard_error.digits.min() > (15 if size else 6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_standard_errors_hold_on_made_data(seed, monkeypatch):
    monkeypatch.setattr("logreg_parity.solvers.inference.SHARP_SIZE", 0)
    random = np.random.RandomState(seed)
    dataset = gaussian(40 + seed, 1 + seed % 4, scale=tuple(10.0 ** random.uniform(-4, 4, 1 + seed % 4)), seed=seed)
    if find_optimum(dataset).status == "finite":
        likelihood = Likelihood(dataset, intercept=True)
        found = importlib.import_module("logreg_torch").infer(dataset, profile=False)
        assert_errors_within(likelihood, dataset, *found.standard_error)


def digits(found, printed):
    """Of the least certain: how many are right."""
    found, printed = (np.array([Fraction(x) for x in np.ravel(values)]) for values in (found, printed))
    worst = max(abs(a - b) / abs(b) if b else abs(a) for a, b in zip(found, printed, strict=True))
    return float(-mpmath.log10(mpmath.mpf(worst.numerator) / worst.denominator)) if worst else np.inf


@pytest.mark.slow
@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_fits_have_twelve_digits(module, name):
    """What R prints of a standard error has 3 to 4. And it is proved of ten of them, and of eight of an error's."""
    truth, found = reference(name)["fit"], module.infer(certified(name), profile=False)
    assert digits(found.estimate.value.tolist(), bias_last(truth["coef"])) >= 12
    assert found.estimate.digits.min() >= 10 and found.standard_error.digits.min() >= 8
    assert digits(found.standard_error.value.tolist(), bias_last(truth["se"])) >= 12
    assert digits(found.z.value.tolist(), bias_last(truth["z"])) >= 12
    assert digits(found.p.value.tolist(), bias_last(truth["p_wald"])) >= 10  # z² times as uncertain as z
    if "/" not in reference(name)["model"]["response"]:  # else the deviance is that of the groups
        assert digits([float(found.deviance.value)], [truth["deviance"]]) >= 12
        assert digits([float(found.null_deviance.value)], [truth["null_deviance"]]) >= 12
        assert digits([float(found.aic.value)], [truth["aic_from_loglik"]]) >= 12


def rise(dataset, w):
    """F_w(w) - F*, the least Σ ℓ over the bias with the one weight held, in 50 digits."""
    x, sign = dataset.X[:, 0].tolist(), (1 - 2 * dataset.y).tolist()

    def slope(b, w):
        return mpmath.fsum(s / (1 + mpmath.exp(-s * (w * v + b))) for v, s in zip(x, sign, strict=True))

    def value(w, near):
        b = mpmath.findroot(lambda b: slope(b, w), near)
        return mpmath.fsum(mpmath.log1p(mpmath.exp(s * (w * v + b))) for v, s in zip(x, sign, strict=True))

    best = flatten(find_optimum(dataset).parameters)
    return value(w, best[1] - (float(w) - best[0]) * np.mean(x)) - value(mpmath.mpf(best[0]), best[1])


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_profile_intervals_end_where_the_likelihood_says(module, level):
    """The exact end is inside the bound, on both sides: F rises by less than q² / 2 there inwards, by more outwards."""
    data = certified("mtcars_am_wt")
    found = module.infer(data, level=level)
    with mpmath.workdps(50):
        half = mpmath.erfinv(mpmath.mpf(level)) ** 2
        for side, end, bound in zip((-1, 1), found.profile.value[0], found.profile.bound[0], strict=True):
            assert 0 < bound < abs(end) * 2.0**-36
            assert rise(data, mpmath.mpf(end) - side * mpmath.mpf(bound)) < half
            assert rise(data, mpmath.mpf(end) + side * mpmath.mpf(bound)) > half


def test_the_twins_agree_on_every_number(overlap):
    assert tables_agree(overlap)


@pytest.mark.parametrize("quantity", ["estimate", "standard_error", "p", "profile", "deviance"])
def test_a_number_that_is_off_by_more_than_is_proved_is_seen(overlap, quantity):
    one = overlap["logreg_jax"]
    value, bound = getattr(one, quantity)
    wrong = replace(one, **{quantity: Proved(value + 4 * bound + 4 * np.spacing(np.abs(value)), bound)})
    assert not tables_agree({**overlap, "logreg_jax": wrong})


def test_the_curvature_of_an_earlier_point_is_outside():
    """As where a program takes the covariance one step before the last: what is proved of its errors does not hold."""
    likelihood, optimum = Likelihood(OVERLAP, intercept=True), flatten(find_optimum(OVERLAP).parameters)
    errors, bound = likelihood.standard_errors(optimum * (1 - 2.0**-10), 0.0)
    assert (np.abs(errors - exact_errors(OVERLAP, optimum)) > bound).any()
    errors, bound = likelihood.standard_errors(
        optimum * (1 - 2.0**-10), likelihood.largest_move(np.abs(optimum) * 2.0**-10)
    )
    assert (np.abs(errors - exact_errors(OVERLAP, optimum)) <= bound).all()


@pytest.mark.slow
def test_weights_are_frequencies(module):
    repeats = 1 + np.arange(OVERLAP.n_rows) % 3
    weighted = Dataset(OVERLAP.X, OVERLAP.y, "weighted", sample_weight=repeats)
    rows = OVERLAP.take(np.repeat(np.arange(OVERLAP.n_rows), repeats))
    assert tables_agree({"weighted": module.infer(weighted), "repeated": module.infer(rows)})


def test_units_of_powers_of_two_change_no_bit(module):
    one, other = (module.infer(Dataset(OVERLAP.X * unit, OVERLAP.y, "in units")) for unit in (1.0, 2.0**-70))
    for quantity in ("standard_error", "profile"):
        scaled = getattr(other, quantity).value * np.array([2.0**-70, 2.0**-70, 1]).reshape(
            -1, *[1] * (quantity[0] == "p")
        )
        assert np.array_equal(getattr(one, quantity).value, scaled)
    assert np.array_equal(one.z.value, other.z.value) and np.array_equal(one.p.value, other.p.value)


def test_without_an_intercept_there_is_one_number_less(module):
    found = module.infer(OVERLAP, intercept=False)
    assert found.names == ("x1", "x2") and found.degrees == 2 and found.profile.value.shape == (2, 2)
    assert abs(found.null_deviance.value - 80 * np.log(2)) <= found.null_deviance.bound + np.spacing(80.0)


def test_the_table_shows_no_digit_that_is_not_proved(overlap):
    one = overlap["logreg_torch"]
    rough = replace(one, z=Proved(np.array([1.23456, 2.0, 0.5]), np.array([0.003, 4.0, 1e-9])))
    lines = [line.split() for line in str(rough).splitlines()]
    assert [line[3] for line in lines[1:4]] == ["1.2", "?", "0.5000"]


@pytest.mark.parametrize(
    ("dataset", "options", "words"),
    [
        (OVERLAP, {"l2": 0.5}, "l2 is 0.5: a penalty pulls the estimates away"),
        (OVERLAP, {"level": 95}, "level is 95; give a number between 0 and 1"),
        (SEPARATED, {}, "a fit that has no finite optimum: the data are separable"),
        (OVERLAP, {"max_iterations": 1}, "a fit that has not converged"),
    ],
    ids=["penalty", "level", "separable", "not converged"],
)
def test_what_has_no_standard_errors_is_refused(module, dataset, options, words):
    with pytest.raises(ValueError, match=words):
        module.infer(dataset, **options)


def test_a_stream_is_refused(tmp_path):
    np.savez(tmp_path / "rows.npz", X=OVERLAP.X, y=OVERLAP.y)
    with pytest.raises(ValueError, match="give a Dataset for standard errors"):
        importlib.import_module("logreg_torch").infer(open_stream(tmp_path / "rows.npz"))


def test_a_penalised_fit_handed_in_is_not_believed(module, monkeypatch):
    """Its point is not the optimum of the likelihood: either nothing is proved, or no bound is false."""
    monkeypatch.setattr("logreg_parity.solvers.inference.SHARP_SIZE", 0)
    fit = module.fit(OVERLAP, l2=2.0**-10)
    found = module.infer(OVERLAP, fit=fit, profile=False)
    optimum = flatten(find_optimum(OVERLAP).parameters)
    assert (np.abs(found.estimate.value - optimum) <= found.estimate.bound).all()
    assert_errors_within(Likelihood(OVERLAP, intercept=True), OVERLAP, *found.standard_error)
    with pytest.raises(ValueError, match="or the point is not the optimum"):
        module.infer(OVERLAP, fit=module.fit(OVERLAP, l2=8.0), profile=False)


FAULTY = """
from dataclasses import replace
import logreg_torch
from logreg_torch import devices, evaluate, fit, train, versions

def infer(dataset, **options):
    right = logreg_torch.infer(dataset, **options)
    value, bound = right.standard_error
    return replace(right, standard_error=type(right.standard_error)(1.001 * value, bound))
"""


def test_the_command_prints_one_table_where_the_twins_agree(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_errors.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    options = ["fit", "--data", "bernoulli", "--inference", "--out", str(tmp_path / "fit.json")]
    assert main([*options, "--level", "0.9"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("std. error") == 1 and "90 % interval (profile)" in printed
    assert '"standard_error"' in (tmp_path / "fit.json").read_text()
    assert main([*options, "--twins", "logreg_torch", "my_errors"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("std. error") == 2 and "The tables DISAGREE" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--l2", "1"], "--inference is asked for with --l2 1: a penalty"),
        (["--stream", "a.npz"], "--inference is not for a stream"),
        (["--twins", "logreg_parity.truth.reference"], "has no function fit"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_command_refuses(arguments, words, capsys):
    assert main(["fit", "--inference", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_estimators_summary(module):
    made = module.LogisticRegressionClassifier(C=np.inf).fit(OVERLAP.X, OVERLAP.y)
    assert "std. error" in made.summary() and "95 % interval (Wald)" in made.summary()
    assert "a penalty pulls" in module.LogisticRegressionClassifier().fit(OVERLAP.X, OVERLAP.y).summary()


def test_a_ratio_that_is_nothing_but_rounding_is_shown(module):
    """Rows whose best slope is 0: the likelihood ratio is 0, and its ball reaches below."""
    found = module.infer(Dataset([[1.0], [2.0], [3.0]], [0, 1, 0], "symmetric"))
    p = found.likelihood_ratio_p
    assert abs(p.value - 1) <= p.bound < 1e-6 and "likelihood ratio ? on 1 degree of freedom, p = 1.00;" in str(found)


def test_a_level_of_0_is_refused_and_not_taken_for_none(capsys):
    assert main(["fit", "--data", "bernoulli", "--inference", "--level", "0"]) == 2
    assert "level is 0.0; give a number between 0 and 1" in capsys.readouterr().err
