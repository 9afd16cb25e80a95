"""The estimators: all of scikit-learn's own checks, its tools around them, and what they say of no optimum."""

import importlib
import io
import pickle
import pickletools
import warnings

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from logreg_parity import MulticlassDataset
from logreg_parity.truth.reference import flatten, sigmoid
from logreg_parity.truth.softmax import exact_softmax
from parity_tests.cases import CASES
from parity_tests.certified import OVERLAP, SEPARATED, certified
from parity_tests.conftest import TWINS

DATA = certified("iris_versicolor_virginica")
IRIS = MulticlassDataset(*load_iris(return_X_y=True), "iris")


def estimator(name, **options):
    return importlib.import_module(name).LogisticRegressionClassifier(**options)


@pytest.fixture(params=TWINS)
def name(request):
    return request.param


@pytest.mark.slow
@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_all_of_scikit_learns_checks_pass(name, C):
    """At C = inf many of its data are separable: the warning is ours, the checks are about the rest."""
    results = check_estimator(estimator(name, C=C), on_skip=None, on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert failed == {} and sum(result["status"] == "passed" for result in results) > 50


@pytest.mark.slow
def test_scikit_learns_checks_see_a_fault():
    class Faulty(type(estimator(TWINS[0]))):
        def predict(self, X):
            return self.classes_[1 - (self.decision_function(X) > 0).astype(int)]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(Faulty(), on_skip=None, on_fail=None)
    assert any(result["status"] == "failed" for result in results)


def test_it_is_the_fit_of_the_twin(name):
    made, fit = estimator(name, C=4.0).fit(DATA.X, DATA.y), importlib.import_module(name).fit
    wanted = fit(DATA, l2=0.25, reduction="sum")
    assert np.array_equal(np.append(made.coef_, made.intercept_), flatten(wanted.parameters))
    assert made.fit_.gap == wanted.gap and made.n_iter_ == [wanted.iterations]


def test_labels_weights_and_columns_may_be_of_any_kind(name):
    """Texts for labels, classes weighted, rows weighted: each as the same rows repeated."""
    y = np.where(OVERLAP.y == 1, "yes", "no")
    repeats = np.where(OVERLAP.y == 1, 3, 1)
    rows = np.repeat(np.arange(OVERLAP.n_rows), repeats)
    wanted = estimator(name).fit(OVERLAP.X[rows], y[rows])
    by_class = estimator(name, class_weight={"yes": 3, "no": 1}).fit(OVERLAP.X, y)
    by_row = estimator(name).fit(OVERLAP.X, y, sample_weight=repeats)
    for made in (by_class, by_row):
        apart = np.abs(flatten(made.fit_.parameters) - flatten(wanted.fit_.parameters))
        assert (apart <= made.fit_.distance + wanted.fit_.distance).all()
        assert (made.predict(OVERLAP.X) == wanted.predict(OVERLAP.X)).all() and set(made.classes_) == {"no", "yes"}


def test_probabilities_and_their_logarithms_keep_their_digits(name):
    """On both sides of a logit at which 1 - p rounds to 0."""
    made = estimator(name).fit(OVERLAP.X, OVERLAP.y)
    X = np.outer([-1.0, 1.0], made.coef_[0]) * 60 / (made.coef_ @ made.coef_.T)
    p = made.predict_proba(X)
    assert 0 < p.min() < np.spacing(1.0) / 2 and (np.exp(made.predict_log_proba(X)) > 0).all()
    assert (p[:, 1] == sigmoid(made.decision_function(X))).all() and made.predict_log_proba(X).max() < 0


TOOLS = {
    "pipeline": lambda one: make_pipeline(StandardScaler(), one),
    "grid search": lambda one: GridSearchCV(one, {"C": [0.1, 1.0]}, cv=3),
    "calibration": lambda one: CalibratedClassifierCV(one, cv=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("data", [DATA, IRIS], ids=["two classes", "three classes"])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_twins_are_equal_inside_scikit_learns_tools(tool, data):
    """As far as is proved of both: the sum of the distances, in logits, is what a probability may differ by."""
    first, second = (TOOLS[tool](estimator(name)).fit(data.X, data.y) for name in TWINS)
    predicted = [made.predict_proba(data.X) for made in (first, second)]
    fits = [estimator(name).fit(data.X, data.y).fit_ for name in TWINS]
    logits = np.max(sum(fit.distance for fit in fits) @ np.append(np.abs(data.X).max(axis=0), 1))
    assert np.abs(predicted[0] - predicted[1]).max() <= 4 * logits
    assert (first.predict(data.X) == second.predict(data.X)).all()


@pytest.mark.slow
@pytest.mark.parametrize("data", [DATA, IRIS], ids=["two classes", "three classes"])
def test_cross_validation_predicts_the_same(data):
    one, other = (cross_val_predict(estimator(name), data.X, data.y, cv=4) for name in TWINS)
    assert (one == other).all()


def test_of_three_classes_it_is_the_fit_of_the_twin(name):
    kinds = np.array(["setosa", "versicolor", "virginica"])
    made = estimator(name, C=4.0, class_weight={"setosa": 2, "versicolor": 1, "virginica": 1}).fit(
        IRIS.X, kinds[IRIS.y]
    )
    weight = np.where(IRIS.y == 0, 2.0, 1.0)
    data = MulticlassDataset(IRIS.X, IRIS.y, "iris", class_names=tuple(kinds), sample_weight=weight)
    wanted = importlib.import_module(f"{name}.softmax").fit(data, l2=0.25, reduction="sum")
    assert np.array_equal(made.coef_, wanted.parameters.weight) and made.fit_.gap == wanted.gap
    Z, p = made.decision_function(IRIS.X), made.predict_proba(IRIS.X)
    assert Z.shape == p.shape == (150, 3) and (made.predict(IRIS.X) == kinds[p.argmax(axis=1)]).all()
    exact = exact_softmax(Z[:9], np.ones(9, int)).losses.astype(float)
    assert (np.abs(-made.predict_log_proba(IRIS.X)[:9, 1] - exact) <= 16 * np.spacing(exact)).all()
    assert "a penalty pulls" in made.summary()


def test_of_three_separated_classes_a_warning_names_the_coefficients(name):
    with pytest.warns(ConvergenceWarning, match="2: x2 to -infinity.* Exact direction: 0: x1 1/40.* brmultinom"):
        made = estimator(name, C=np.inf).fit(IRIS.X, IRIS.y)
    assert made.fit_.status == "no finite optimum" and "no standard errors: none are proved" in made.summary()
    with pytest.raises(ValueError, match="K classes are fitted by newton"):
        estimator(name, solver="lbfgs").fit(IRIS.X, IRIS.y)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_keep_their_names(name, library):
    frames = pytest.importorskip(library)
    columns = {"length": OVERLAP.X[:, 0], "width": OVERLAP.X[:, 1]}
    table, labels = frames.DataFrame(columns), frames.Series(np.where(OVERLAP.y == 1, "b", "a"))
    made = estimator(name).fit(table, labels)
    assert list(made.feature_names_in_) == ["length", "width"] and set(made.predict(table)) == {"a", "b"}
    with pytest.raises(ValueError, match="feature names"):
        made.predict(table[["width", "length"]])


def test_a_pickle_holds_numpy_only(name):
    """Beside our own records: it opens where the other framework is not."""
    made = estimator(name).fit(OVERLAP.X, OVERLAP.y)
    stream, opened = pickle.dumps(made), pickle.load(io.BytesIO(pickle.dumps(made)))
    texts = {str(argument).split(".")[0] for _, argument, _ in pickletools.genops(stream) if argument is not None}
    assert not texts & {"torch", "jax", "jaxlib", "optax"} and "numpy" in texts
    assert (opened.predict_proba(OVERLAP.X) == made.predict_proba(OVERLAP.X)).all()


@pytest.mark.parametrize(
    ("dataset", "options", "words"),
    [
        (SEPARATED, {"C": np.inf}, "no finite optimum: the data are separable"),
        (OVERLAP, {"max_iter": 1}, "not converged: .*allow more iterations"),
    ],
    ids=["separable", "too few points"],
)
def test_where_no_optimum_is_proved_a_warning_says_why(name, dataset, options, words):
    with pytest.warns(ConvergenceWarning, match=words):
        made = estimator(name, **options).fit(dataset.X, dataset.y)
    assert made.fit_.gap == np.inf or made.fit_.status != "converged"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"C": 0}, "C is 0; give a number above 0"),
        ({"C": np.nan}, "C is nan"),
        ({"solver": "saga"}, "solver is 'saga'; give auto"),
        ({"dtype": "float16"}, "a fit takes float64 or float32"),
        ({"tol": 0.0}, "tolerance is 0.0"),
        ({"class_weight": "equal"}, "class_weight"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_settings_are_refused(name, change, words):
    with pytest.raises(ValueError, match=words):
        estimator(name, **change).fit(OVERLAP.X, OVERLAP.y)


def with_nan(X):
    return np.where(np.arange(X.size).reshape(X.shape) == 3, np.nan, X)


@pytest.mark.parametrize(
    ("X", "y", "weight", "words"),
    [
        (OVERLAP.X, np.ones(40), None, "y has 1 class"),
        (with_nan(OVERLAP.X), OVERLAP.y, None, "NaN"),
        (OVERLAP.X, OVERLAP.y, np.zeros(40), "weights are negative or all zero"),
        (OVERLAP.X, OVERLAP.y, -np.ones(40), "weights are negative or all zero"),
        (OVERLAP.X, OVERLAP.y + 0.5 * np.arange(40), None, "continuous|classes"),
    ],
    ids=["one class", "NaN", "weights of zero", "negative weights", "no labels"],
)
def test_bad_input_is_refused(name, X, y, weight, words):
    with pytest.raises(ValueError, match=words):
        estimator(name).fit(X, y, sample_weight=weight)


def test_a_constant_column_is_no_optimum_without_a_penalty_and_one_with(name):
    X = np.column_stack([OVERLAP.X, np.ones(OVERLAP.n_rows)])
    assert estimator(name, C=1.0).fit(X, OVERLAP.y).fit_.status == "converged"
    with pytest.warns(ConvergenceWarning, match="'x3' is 1 in every row"):
        estimator(name, C=np.inf).fit(X, OVERLAP.y)


def test_without_an_intercept(name):
    data = CASES["bernoulli"].dataset
    made = estimator(name, fit_intercept=False).fit(data.X, data.y)
    assert made.intercept_ == [0] and made.fit_.status == "converged"
