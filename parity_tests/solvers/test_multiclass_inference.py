"""Standard errors, tests and intervals of K classes: each number within its bound of the exact one."""

import importlib
from dataclasses import replace

import mpmath
import numpy as np
import pytest

from logreg_parity import Dataset, MulticlassDataset
from logreg_parity.cli import main
from logreg_parity.judge.fits import tables_agree
from parity_tests.certified import reference
from parity_tests.conftest import TWINS
from parity_tests.solvers.test_inference import digits
from parity_tests.solvers.test_multiclass import anes96, made, softmax

DIGITS = 40


class Exact:
    """Σ ω ℓ of K classes in mpmath, by θ (K - 1, k) less the row of the first class: nothing here is the package's."""

    def __init__(self, dataset, *, intercept=True):
        self.X = np.column_stack([dataset.X, np.ones(dataset.n_rows)])[:, : dataset.n_features + intercept]
        self.y, self.K = dataset.y, dataset.n_classes
        self.weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight

    def at(self, theta):
        """Value, gradient and Hessian at a vector of K - 1 times k numbers."""
        (k, free), value = (self.X.shape[1], self.K - 1), mpmath.mpf(0)
        g, H = mpmath.zeros(free * k, 1), mpmath.zeros(free * k)
        for x, y, weight in zip(self.X.tolist(), self.y.tolist(), self.weight.tolist(), strict=True):
            z = [mpmath.mpf(0)] + [mpmath.fdot(x, theta[a * k : a * k + k]) for a in range(free)]
            powers = [mpmath.exp(v) for v in z]
            p = [v / sum(powers) for v in powers]
            value += weight * (mpmath.log(sum(powers)) - z[y])
            for a in range(free):
                for i in range(k):
                    g[a * k + i] += weight * (p[a + 1] - (y == a + 1)) * x[i]
                    for b in range(free):
                        bend = p[a + 1] * ((a == b) - p[b + 1])
                        for j in range(k):
                            H[a * k + i, b * k + j] += weight * bend * x[i] * x[j]
        return value, g, H

    def least(self, theta, held=None):
        """The optimum by Newton's method from near it, and its value and covariance; held: c with c·θ as it is."""
        theta = mpmath.matrix(theta)
        size = len(theta)
        for _ in range(60):
            _, g, H = self.at(theta)
            if held is not None:  # the step that stays where c·θ is: by Lagrange's multiplier
                wide, right = mpmath.zeros(size + 1), mpmath.zeros(size + 1, 1)
                for i in range(size):
                    right[i], wide[i, size], wide[size, i] = g[i], held[i], held[i]
                    for j in range(size):
                        wide[i, j] = H[i, j]
                step = mpmath.lu_solve(wide, right)[:size]
            else:
                step = mpmath.lu_solve(H, g)
            theta = theta - mpmath.matrix(step)
            if max(abs(v) for v in step) < mpmath.mpf(10) ** (-DIGITS // 2):
                return theta, self.at(theta)[0], H**-1
        raise AssertionError("it does not come to rest")


def exact_contrasts(K, k, base):
    """Of each coefficient in the table, beside class base or the mean of all: c with c·θ, θ less the first class's."""
    found = []
    for a in (a for a in range(K) if a != base):
        for j in range(k):
            c = [[mpmath.mpf(0)] * k for _ in range(K)]
            c[a][j] += 1
            for other in range(K):
                c[other][j] -= mpmath.mpf(1) / K if base is None else int(other == base)
            found.append([v for row in c[1:] for v in row])
    return found


def small(seed, K=3, D=2):
    """Rows that overlap, a third of the seeds with weights."""
    random = np.random.RandomState(seed)
    X = random.standard_normal((14 * K, D)) * 10.0 ** random.randint(-2, 3, D)
    y = np.where(random.rand(len(X)) < 0.6, (X[:, 0] > 0) + (X[:, -1] > 0), random.randint(0, K, len(X))) % K
    y[:K] = range(K)
    names = tuple("abcdef"[:K])
    return MulticlassDataset(X, y, "small", class_names=names, sample_weight=None if seed % 3 else 1.0 + y)


@pytest.mark.parametrize("size", [0, 10**5], ids=["float64", "balls"])
@pytest.mark.parametrize("identified", ["sum-to-zero", "b"])
@pytest.mark.parametrize("seed", range(3))
def test_every_number_holds_against_the_exact_one(seed, identified, size, monkeypatch):
    monkeypatch.setattr("logreg_parity.solvers.multiclass.SHARP_SIZE", size)
    data, intercept = small(seed), seed != 1
    twin = softmax(TWINS[seed % 2])
    found = twin.infer(data, identified=identified, profile=False, intercept=intercept)
    base, k = (None, 1)[identified == "b"], data.n_features + intercept
    with mpmath.workdps(DIGITS):
        start = twin.fit(data, identified="a", intercept=intercept).parameters
        theta, value, covariance = Exact(data, intercept=intercept).least(
            np.column_stack(start)[1:, :k].ravel().tolist()
        )
        of = exact_contrasts(3, k, base)
        estimates = [mpmath.fdot(c, theta) for c in of]
        errors = [mpmath.sqrt((mpmath.matrix([c]) * covariance * mpmath.matrix(c))[0]) for c in of]
        exact = {
            "estimate": estimates,
            "standard_error": errors,
            "z": [e / s for e, s in zip(estimates, errors, strict=True)],
            "p": [mpmath.erfc(abs(e / s) / mpmath.sqrt(2)) for e, s in zip(estimates, errors, strict=True)],
            "odds_ratio": [mpmath.exp(e) for e in estimates],
            "deviance": [2 * value],
            "aic": [2 * value + 2 * (data.n_classes - 1) * k],
        }
        for name, wanted in exact.items():
            number = getattr(found, name)
            for v, bound, right in zip(np.ravel(number.value), np.ravel(number.bound), wanted, strict=True):
                assert abs(mpmath.mpf(float(v)) - right) <= bound, name
    assert found.estimate.digits.min() > 10 and found.standard_error.digits.min() > (15 if size else 7)
    assert len(found.names) == len(of) and found.names[-1] == ("c: bias" if intercept else "c: x2")


@pytest.mark.parametrize("identified", ["sum-to-zero", "a"])
def test_profile_intervals_end_where_the_likelihood_says(identified):
    """The exact end is inside the bound, on both sides, of every coefficient."""
    data = small(4, D=1)
    twin = softmax(TWINS[0])
    found, start = twin.infer(data, identified=identified), twin.fit(data, identified="a").parameters
    with mpmath.workdps(DIGITS):
        exact = Exact(data)
        theta, least, covariance = exact.least(np.column_stack(start)[1:].ravel().tolist())
        half = mpmath.erfinv(mpmath.mpf(0.95)) ** 2
        for c, ends, bounds in zip(
            exact_contrasts(3, 2, (None, 0)[identified == "a"]), found.profile.value, found.profile.bound, strict=True
        ):
            along = covariance * mpmath.matrix(c)
            for side, end, bound in zip((-1, 1), ends.tolist(), bounds.tolist(), strict=True):
                assert 0 < bound < abs(end) * 2.0**-30
                for move, inside in ((-side, True), (side, False)):
                    way = (mpmath.mpf(end) + move * mpmath.mpf(bound) - mpmath.fdot(c, theta)) / mpmath.fdot(c, along)
                    assert (exact.least(theta + way * along, held=c)[1] - least < half) is inside


@pytest.mark.parametrize(("identified", "times"), [("0", 1), ("sum-to-zero", 0.5)])
def test_with_two_classes_it_is_the_binary_table(identified, times):
    """Beside the mean of two, a coefficient is half of that beside the other, and so is its error."""
    data, _ = made(8)
    y = data.y % 2
    two = MulticlassDataset(data.X, y, "two", sample_weight=data.sample_weight)
    found = softmax(TWINS[0]).infer(two, identified=identified)
    binary = importlib.import_module(TWINS[0]).infer(Dataset(two.X, y, "two", sample_weight=two.sample_weight))
    own = slice(-len(binary.names), None)
    for name, factor in {
        "estimate": times,
        "standard_error": times,
        "z": 1,
        "p": 1,
        "wald": times,
        "profile": times,
    }.items():
        one, other = getattr(found, name), getattr(binary, name)
        assert (np.abs(one.value[own] - factor * other.value) <= one.bound[own] + factor * other.bound).all(), name
    for name in ("deviance", "null_deviance", "likelihood_ratio", "likelihood_ratio_p", "aic"):
        one, other = getattr(found, name), getattr(binary, name)
        assert abs(one.value - other.value) <= one.bound + other.bound, name
    assert found.degrees == binary.degrees


@pytest.mark.slow
def test_anes96_has_its_certified_errors():
    known = reference("anes96_multinomial")["fit"]
    found = softmax(TWINS[1]).infer(anes96(), identified="0", profile=False)
    for name, printed in (("estimate", known["coef"]), ("standard_error", known["se"])):
        number = getattr(found, name)
        assert digits(number.value.tolist(), np.roll(printed, -1, axis=1).ravel().tolist()) >= 12
        assert number.digits.min() >= 10
    assert digits([float(found.deviance.value)], [known["deviance"]]) >= 12


def test_the_twins_agree_on_every_number_and_not_on_a_wrong_one():
    data = small(5)
    found = {name: softmax(name).infer(data) for name in TWINS}
    assert tables_agree(found)
    one = found[TWINS[0]]
    wrong = one.standard_error._replace(value=one.standard_error.value * (1 + 2.0**-40))
    assert not tables_agree({**found, TWINS[0]: replace(one, standard_error=wrong)})


def test_fifteen_digits_are_proved_or_it_is_said():
    data = small(6)
    for identified in ("sum-to-zero", "b"):
        fit = softmax(TWINS[0]).fit(data, identified=identified, digits=15, l2=0.1)
        size = np.maximum(np.abs(np.column_stack(fit.parameters)), np.append(1 / np.abs(data.X).max(axis=0), 1))
        assert fit.status == "converged" and (fit.distance <= 1e-15 * size).all()
    with pytest.raises(ValueError, match="digits is 16"):
        softmax(TWINS[0]).fit(data, digits=16)
    assert "15 digits are asked for" in softmax(TWINS[0]).fit(data, digits=15, l2=0.1, tolerance=0.9).reason


def test_what_has_no_standard_errors_is_refused():
    twin, data = softmax(TWINS[0]), small(7)
    with pytest.raises(ValueError, match="a penalty pulls"):
        twin.infer(data, l2=0.1)
    with pytest.raises(ValueError, match="has not converged"):
        twin.infer(data, max_iterations=1)
    with pytest.raises(ValueError, match="fit is a Parameters"):
        twin.infer(data, fit=twin.fit(data).parameters)
    with pytest.raises(ValueError, match=r"nothing is proved of the curvature"):
        twin.infer(replace(data, X=data.X[:, [0, 0]]), fit=twin.fit(data))


def test_the_command_prints_the_table_once_where_the_twins_agree(tmp_path, capsys):
    data, file = small(5), tmp_path / "small.csv"
    rows = (f"{x[0]!r},{x[1]!r},{data.class_names[y]}" for x, y in zip(data.X.tolist(), data.y, strict=True))
    file.write_text("\n".join(["one,two,kind", *rows]))
    given = ["fit", "--data", str(file), "--label", "kind", "--reference", "a", "--inference", "--digits", "12"]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert said.count("likelihood ratio") == 1 and "within what is proved of each number" in said
    assert "c: two" in said and "a: one" not in said
    assert main([*given, "--kernel", "exact"]) == 2
    assert "--kernel is for a label of two values, and this has 3" in capsys.readouterr().err
