"""The fit of K classes: near the certified optima, inside what it proves of itself, and what it says of no optimum."""

import importlib
from decimal import Decimal

import numpy as np
import pytest
import torch

from logreg_parity import Dataset, MulticlassDataset, Parameters
from logreg_parity.solvers.multiclass import MulticlassTwin
from logreg_parity.truth.multiclass import MulticlassRows, exact_optimum, separated
from logreg_parity.truth.separation import rational
from parity_tests.certified import reference
from parity_tests.conftest import TWINS

PROMISE = 1e-10  # of a coefficient, relative: docs/softmax.md


def softmax(name):
    return importlib.import_module(f"{name}.softmax")


@pytest.fixture(params=TWINS)
def twin(request):
    return softmax(request.param)


def iris():
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return MulticlassDataset(X, y, "iris", class_names=("setosa", "versicolor", "virginica"))


def anes96():
    from statsmodels.datasets import anes96

    data = anes96.load_pandas()
    columns = ["logpopul", "selfLR", "age", "educ", "income"]
    return MulticlassDataset(data.exog[columns].to_numpy(float), data.endog.to_numpy(), "anes96", tuple(columns))


def made(seed):
    """A problem with its options; of a third the rows have weights."""
    random = np.random.RandomState(seed)
    K, D, N = random.randint(2, 5), random.randint(1, 4), random.randint(25, 50)
    X = random.standard_normal((N, D)) * random.choice([0.01, 1, 30], D)
    W = random.standard_normal((K, D)) / np.abs(X).max(axis=0)
    y = (X @ W.T + random.gumbel(size=(N, K))).argmax(axis=1)
    y[:K] = range(K)
    weight = None if seed % 3 else random.uniform(0.1, 3, N)
    names = tuple(map(str, range(K)))
    options = {"l2": (0.0, 0.3)[seed % 2], "reduction": ("mean", "sum")[seed // 2 % 2], "intercept": seed % 4 != 1}
    return MulticlassDataset(X, y, "made", class_names=names, sample_weight=weight), options


def distance(fit, exact, rows, base=None):
    """How far the fit is from the exact optimum, and how far it says it may be, in the user's units."""
    theta, radius = exact[0] / rows.unit, exact[1] / rows.unit
    theta = theta if base is None else theta - theta[base]
    found = np.column_stack(fit.parameters)[:, : rows.k]
    return np.abs((theta - found).astype(float)), fit.distance[:, : rows.k] + 2 * radius


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_within_what_is_proved(seed):
    """500 such problems were looked at when this was made."""
    dataset, options = made(seed)
    rows = MulticlassRows(dataset, **options)
    for identified, base in (("sum-to-zero", None), ("1", 1)):
        fit = softmax(TWINS[seed % 2]).fit(dataset, identified=identified, **options)
        start = softmax(TWINS[0]).fit(dataset, **options).parameters
        exact = exact_optimum(rows, np.column_stack(start)[:, : rows.k] * rows.unit)
        assert fit.status == "converged"
        off, allowed = distance(fit, exact, rows, base)
        assert (off <= allowed).all() and (allowed <= 1e-9 * np.maximum(1, np.abs(fit.parameters.weight).max())).all()


@pytest.mark.parametrize("fault", ["a gradient", "a Hessian", "a radius"])
def test_a_proof_by_something_wrong_is_not_true(fault, monkeypatch):
    """Far from the optimum, where each matters."""
    dataset, options = made(0)
    rows = MulticlassRows(dataset, **options)
    theta = np.column_stack(softmax(TWINS[0]).fit(dataset, **options).parameters) * rows.unit
    exact, far = exact_optimum(rows, theta)[0], theta * (1 - 2.0**-8)
    point, found = rows.at(far), rows.whitened(rows.at(far))
    assert (np.abs((exact - far).astype(float)).ravel() <= rows.certificate(point).distance).all()
    if fault == "a gradient":
        point = point._replace(gradient=point.gradient / 2)
    if fault == "a Hessian":
        found = found._replace(P=found.P / 4)
    if fault == "a radius":
        found = found._replace(radius=found.radius / 1e6)
    monkeypatch.setattr(rows, "whitened", lambda point: found)
    assert not (np.abs((exact - far).astype(float)).ravel() <= rows.certificate(point).distance).all()


def test_iris_with_a_penalty_to_ten_digits(twin):
    for known in reference("iris_multinomial_l2")["fits"]:
        wanted = np.roll([[float(Decimal(text)) for text in row] for row in known["coef"]], -1, axis=1)
        fit = twin.fit(iris(), l2=1 / known["C"], reduction="sum")
        assert fit.status == "converged" and np.allclose(np.sum(fit.parameters.weight, axis=0), 0)
        assert (np.abs(np.column_stack(fit.parameters) - wanted) <= PROMISE * np.abs(wanted)).all()
        assert (fit.distance <= PROMISE * np.abs(wanted)).all()


@pytest.mark.slow
def test_anes96_beside_its_first_class_to_ten_digits(twin):
    """And as near to statsmodels' MNLogit as both are proved to be to the optimum."""
    from statsmodels.api import MNLogit

    known = reference("anes96_multinomial")["fit"]["coef"]
    wanted = np.roll([[float(Decimal(text)) for text in row] for row in known], -1, axis=1)
    fit = twin.fit(anes96(), identified="0")
    found = np.column_stack(fit.parameters)
    assert fit.status == "converged" and not found[0].any()
    assert (np.abs(found[1:] - wanted) <= PROMISE * np.abs(wanted)).all()
    assert (fit.distance[1:] <= PROMISE * np.abs(wanted)).all()
    data = anes96()
    params = MNLogit(data.y, np.column_stack([data.X, np.ones(data.n_rows)])).fit(disp=0).params
    theirs, rows = np.vstack([np.zeros(len(params)), np.asarray(params).T]), MulticlassRows(data)
    away = rows.certificate(rows.at((theirs - theirs.mean(axis=0)) * rows.unit), 0).distance
    assert (np.abs(found - theirs) <= fit.distance + away.reshape(found.shape) / rows.unit).all()


def test_with_two_classes_it_is_the_binary_fit():
    dataset, _ = made(8)
    y = dataset.y % 2
    two = MulticlassDataset(dataset.X, y, "two", sample_weight=dataset.sample_weight)
    fit = softmax(TWINS[0]).fit(two, identified="0")
    binary = importlib.import_module(TWINS[0]).fit(Dataset(two.X, y, "two", sample_weight=two.sample_weight))
    apart = np.append(fit.parameters.weight[1], fit.parameters.bias[1])
    apart = apart - np.append(binary.parameters.weight, binary.parameters.bias)
    assert (np.abs(apart) <= fit.distance[1] + binary.distance).all()


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_that_of_torch(twin, nesterov):
    """In float64, from zeros: each step rounds its numbers some ulps of the largest there has been."""
    data, start = made(1)[0], 0.25
    weight, bias = (
        torch.zeros(size, dtype=torch.float64) for size in ((data.n_classes, data.n_features), data.n_classes)
    )
    weight.requires_grad_(), bias.requires_grad_()
    other = torch.optim.SGD([weight, bias], lr=start, momentum=0.75, nesterov=nesterov)
    for _ in range(5):
        other.zero_grad()
        logits = torch.tensor(data.X) @ weight.T + bias
        torch.nn.functional.cross_entropy(logits, torch.tensor(data.y)).backward()
        other.step()
    begin = Parameters(np.zeros(weight.shape), np.zeros(data.n_classes))
    words = {"momentum": 0.75, "nesterov": nesterov, "dtype": "float64"}
    run = twin.train(data, begin, steps=5, learning_rate=start, **words)
    largest = np.abs(data.X).max() ** 2 * np.abs(run.weights).max()
    assert np.abs(run.weights[-1] - weight.detach().numpy()).max() <= 5 * 2 * len(data.y) * np.spacing(max(largest, 1))


X = np.array([[0.0], [1], [2], [3], [4], [5]])


def test_separation_is_told_with_its_direction(twin):
    data = MulticlassDataset(X, [0, 0, 1, 1, 2, 2], "in order", ("size",), ("small", "middle", "large"))
    fit = twin.fit(data)
    assert fit.status == "no finite optimum" and "separable" in fit.reason
    assert "beside class 'small'" in fit.reason and "of 'large' by size " in fit.reason
    status, direction = separated(data)
    logits = rational(np.column_stack([X, np.ones(6)])) @ direction.T
    own = logits[np.arange(6), data.y]
    assert status == "separable" and (np.delete(logits - own[:, None], [], axis=1).max(axis=1) == 0).all()
    assert twin.fit(data, l2=0.1).status == "converged"


def test_one_class_apart_from_two_that_overlap_is_quasi_separable(twin):
    data = MulticlassDataset(X, [0, 0, 1, 2, 1, 2], "one apart")
    assert separated(data)[0] == "quasi-separable"
    fit = twin.fit(data)
    assert fit.status == "no finite optimum" and "quasi-separable" in fit.reason
    assert separated(MulticlassDataset(X, [0, 1, 2, 0, 1, 2], "overlap")) is None


def test_a_column_with_one_huge_value_keeps_its_digits(twin):
    """Where Newton's method is slow, and what is left of its steps is far below what the objective shows."""
    random = np.random.RandomState(1)
    X = random.standard_normal((60, 2))
    y = (X @ random.standard_normal((2, 3)) + random.gumbel(size=(60, 3))).argmax(axis=1)
    y[:3] = range(3)
    X[5, 1] = 1e6
    fit = twin.fit(MulticlassDataset(X, y, "one huge value"))
    found = np.abs(np.column_stack(fit.parameters))
    assert fit.status == "converged" and (fit.distance <= PROMISE * found).all()


def test_a_column_far_from_zero_is_named(twin):
    data = MulticlassDataset(made(4)[0].X + 1e6, made(4)[0].y, "far")
    fit = twin.fit(data)
    assert fit.status == "not converged" and "varies by" in fit.reason


def test_dependent_columns_are_named(twin):
    data = MulticlassDataset(np.column_stack([X, 2 * X + 1]), [0, 1, 2, 0, 1, 2], "copies", ("a", "b"))
    fit = twin.fit(data)
    assert fit.status == "not converged" and "'b' is 2 'a' + 1" in fit.reason


def test_passes_that_leave_a_row_out_prove_nothing(twin):
    right = twin.fit.__self__

    def fewer(weight, bias, X, y, sample_weight, **terms):
        return right.value_and_grad(weight, bias, X=X[1:], y=y[1:], sample_weight=sample_weight[1:], **terms)

    wrong = MulticlassTwin(right.name, fewer, *right[2:])
    assert wrong.fit(made(2)[0]).status == "wrong sums"


def test_columns_of_any_size_cost_no_digits(twin):
    data, _ = made(4)
    unit = np.ldexp(1.0, np.resize([400, -300, 33], data.n_features))
    fits = [twin.fit(MulticlassDataset(data.X * u, data.y, "in units"), l2=0.0) for u in (1.0, unit)]
    assert [fit.status for fit in fits] == ["converged"] * 2
    assert np.array_equal(fits[0].parameters.weight / unit, fits[1].parameters.weight)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identified": "3"}, "identified is '3'; give 'sum-to-zero' or the reference class, one of '0', '1'"),
        ({"l2": -1.0}, "l2"),
        ({"tolerance": 0}, "tolerance"),
        ({"dtype": "float16"}, "a fit takes float64 or float32"),
        ({"intercept": 1}, "intercept"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_settings_are_refused(twin, change, words):
    with pytest.raises(ValueError, match=words):
        twin.fit(made(0)[0], **change)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"y": [0, 1, 2, 0, 1, 0.5]}, "y holds 0.5; give classes 0, 1"),
        ({"y": [0, 1, 3, 0, 1, 3]}, "no row that counts is of class '2'"),
        ({"y": np.zeros(6)}, "1 class names came for classes up to 0"),
        ({"class_names": ("a", "b")}, "2 class names came for classes up to 2"),
        ({"class_names": ("a", "a", "b")}, "each once"),
        ({"sample_weight": [1, 1, 0, 1, 1, 0]}, "no row that counts is of class '2'"),
        ({"X": np.full((6, 1), np.nan)}, "finite"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_bad_data_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        MulticlassDataset(**{"X": X, "y": [0, 1, 2, 0, 1, 2], "source": "six rows", **fields})


def test_what_is_not_of_classes_is_refused(twin):
    with pytest.raises(ValueError, match=r"give a logreg_parity.MulticlassDataset"):
        twin.fit(Dataset(X, np.arange(6) % 2, "two"))
    with pytest.raises(ValueError, match=r"give weight \(\d, \d\) and bias"):
        twin.train(made(0)[0], Parameters(np.zeros((9, 2)), np.zeros(9)), steps=1, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"give a logreg_parity\.Dataset"):
        importlib.import_module(TWINS[0]).fit(made(0)[0])
