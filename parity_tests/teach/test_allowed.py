"""The grader's bounds: right programs of every style stay within them on random problems, and they are not idle."""

import numpy as np
import pytest

from logreg_parity import Dataset, Parameters
from logreg_parity.teach.allowed import ByLogit, ByProbability, descent
from logreg_parity.truth import oracle
from logreg_parity.twins import Setting


def problem(seed: int, reach: float) -> tuple[Dataset, Parameters]:
    """Twelve rows, hard labels and soft ones, with logits up to about the reach."""
    random = np.random.RandomState(seed)
    y = random.choice([0.0, 1.0, random.rand(), random.rand()], 12)
    return Dataset(random.uniform(-1, 1, (12, 1)), y, "random"), Parameters(reach * random.randn(1), random.randn())


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def textbook(z, y):
    p = sigmoid(z)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def cancelling(z, y):
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


def difference(z, y):
    return sigmoid(z) - y


def chain_rule(z, y):
    """As autograd goes back through the textbook's loss."""
    p, e = sigmoid(z), np.exp(-z)
    return ((1 - y) / (1 - p) - y / p) * (e / (1 + e) ** 2)


def summed(residual):
    return lambda x, z, y: np.array([np.sum(residual(z, y) * x), np.sum(residual(z, y))])


FORMS = {
    "probability": ("probabilities", lambda x, z, y: sigmoid(z), ByProbability, 2),
    "probability, tanh": ("probabilities", lambda x, z, y: (1 + np.tanh(z / 2)) / 2, ByProbability, 2),
    "textbook loss": ("losses", lambda x, z, y: textbook(z, y), ByProbability, 2),
    "loss from the logit": ("losses", lambda x, z, y: cancelling(z, y), ByLogit, 200),
    "difference": ("gradient", summed(difference), ByProbability, 2),
    "chain rule": ("gradient", summed(chain_rule), ByProbability, 2),
    "difference, far": ("gradient", summed(difference), ByLogit, 200),
}
BOUND = {"probabilities": "probability", "losses": "loss", "gradient": "gradient"}


@pytest.mark.parametrize("name", FORMS)
def test_a_right_form_is_within_its_bound_and_the_bound_is_not_idle(name):
    """The worst of 60 problems uses over a thousandth of what is allowed."""
    quantity, form, bounds, reach = FORMS[name]
    worst = 0.0
    for seed in range(60):
        dataset, point = problem(seed, reach)
        x = dataset.X[:, 0]
        computed = form(x, point.weight[0] * x + point.bias, dataset.y)
        exact = getattr(oracle.evaluate(dataset, point, reduction="sum"), quantity)
        exact = np.array([*exact.weight, exact.bias]) if quantity == "gradient" else exact
        used = oracle.distance(computed, exact) / getattr(bounds(dataset, point), BOUND[quantity])
        assert (used <= 1).all(), f"seed {seed}"
        worst = max(worst, used.max())
    assert worst > 1e-3


def test_nothing_is_promised_where_p_is_lost():
    dataset = Dataset([[40.0], [-40.0]], [0.0, 1.0], "far")
    limits = ByProbability(dataset, Parameters(np.ones(1), 0.0))
    assert np.isinf(limits.loss).any() and np.isinf(limits.gradient).all()


@pytest.mark.parametrize("rate", [2.0**-5, 2.0**-3, -(2.0**-5)])
def test_a_run_is_within_its_bound(rate):
    """A right loop in float64; 2^-3 is past the edge of stability, and -2^-5 climbs."""
    for seed in range(20):
        dataset, start = problem(seed, 2)
        x, (w, b) = dataset.X[:, 0], (start.weight[0], start.bias)
        setting = Setting(steps=6, learning_rate=abs(rate), reduction="sum")
        run = oracle.trajectory(dataset, start, setting, uphill=rate < 0)
        losses, end = descent(dataset, start, run, rate)
        for exact, allowed in zip(run.losses, losses, strict=True):
            slope = summed(chain_rule)(x, w * x + b, dataset.y)
            w, b = w - rate * slope[0], b - rate * slope[1]
            assert abs(textbook(w * x + b, dataset.y).sum() - float(exact)) <= allowed
        assert np.hypot(w - float(run.weights[-1, 0]), b - float(run.biases[-1])) <= end
