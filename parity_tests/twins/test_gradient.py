"""Every derivative of both twins: by autograd, by hand, by rows, twice; each within the bound of the exact value."""

import importlib
from typing import NamedTuple

import numpy as np
import pytest
import torch

from logreg_parity import Dataset, Parameters
from logreg_parity.truth import oracle, reference
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.ulp import round_dataset, round_parameters
from parity_tests.cases import CASES
from parity_tests.conftest import TWINS

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]

L2 = 0.375


class Native:
    """A twin's own functions on one problem in one dtype, with NumPy in and out."""

    def __init__(self, twin: str, dataset, point, dtype, *, device="cpu", **options):
        self._gradient, self._convert = (importlib.import_module(f"{twin}.{name}") for name in ("gradient", "convert"))
        self._dataset, self._point, self._place, self._options = dataset, point, (dtype, device), options

    def __call__(self, name: str, *directions: Parameters, **options):
        """A function of gradient.py at the point: its parts as float64 arrays."""
        with self._convert.arithmetic(self._place[0]):
            data = self._convert.data_from_numpy(self._dataset, *self._place)
            models = [self._convert.model_from_numpy(p, *self._place) for p in (self._point, *directions)]
            if name == "per_example_gradients":
                data.pop("sample_weight", None)
            result = getattr(self._gradient, name)(*models, **data, **{**self._options, **options})
            if name == "hessian":
                return self._convert.to_numpy(result).astype(np.float64)
            weight, bias = self._convert.model_to_numpy(result[1] if name == "value_and_grad" else result)
            rows = np.column_stack([np.atleast_2d(weight), np.atleast_1d(bias)]).astype(np.float64)
            return rows if name == "per_example_gradients" else rows[0]


class Problem(NamedTuple):
    """A case in one dtype, with its exact derivatives and their bounds."""

    dataset: Dataset
    point: Parameters
    dtype: str
    gradient: np.ndarray
    hessian: np.ndarray
    bounds: PointBounds


NAMES = ("published", "soft", "correlated", "weighted", "saturated", "one-row", "constant-feature")
PROBLEMS = [(name, "float64") for name in NAMES] + [("correlated", "float32"), ("saturated", "float32")]


@pytest.fixture(scope="module", params=PROBLEMS, ids="-".join)
def problem(request):
    name, dtype = request.param
    case = CASES[name]
    dataset, point = round_dataset(case.dataset, dtype), round_parameters(case.start, dtype)
    gradient = reference.flatten(oracle.evaluate(dataset, point, l2=L2).gradient)
    limits = PointBounds(dataset, point, dtype=dtype, l2=L2)
    return Problem(dataset, point, dtype, gradient, oracle.hessian(dataset, point, l2=L2), limits)


@pytest.mark.parametrize("name", ["value_and_grad", "closed_form_gradient"])
@pytest.mark.parametrize("twin", TWINS)
def test_gradient(twin, problem, name, device):
    computed = Native(twin, *problem[:3], device=device, l2=L2)(name)
    assert (oracle.distance(computed, problem.gradient) <= problem.bounds.gradient).all()


@pytest.mark.parametrize("twin", TWINS)
def test_gradients_of_single_rows(twin, problem, device):
    """Each row's gradient is that of a data set of one row."""
    dataset, point, dtype = problem[:3]
    rows = Native(twin, dataset, point, dtype, device=device)("per_example_gradients")
    for number in range(0, dataset.n_rows, 13):
        one = Dataset(dataset.X[[number]], dataset.y[[number]], "one row")
        exact = reference.flatten(oracle.evaluate(one, point, reduction="sum").gradient)
        limit = PointBounds(one, point, dtype=dtype, reduction="sum").gradient
        assert (oracle.distance(rows[number], exact) <= limit).all(), number


@pytest.mark.parametrize("twin", TWINS)
def test_hessian(twin, problem, device):
    computed = Native(twin, *problem[:3], device=device, l2=L2)("hessian")
    assert (oracle.distance(computed, problem.hessian) <= problem.bounds.hessian).all()


@pytest.mark.parametrize("twin", TWINS)
def test_hessian_vector_product_picks_out_a_column(twin, problem):
    """With a unit vector the product is a column of the Hessian; its errors are those of that column's entries."""
    native = Native(twin, *problem[:3], l2=L2)
    for j in (0, problem.dataset.n_features):
        unit = np.eye(problem.dataset.n_features + 1)[j]
        computed = native("hessian_vector_product", Parameters(unit[:-1], unit[-1]))
        assert (oracle.distance(computed, problem.hessian[:, j]) <= problem.bounds.hessian[:, j]).all(), j


def test_a_gradient_of_torch_is_numbers_and_no_model():
    """Nothing of it asks to be recorded, and it does not hold on to how it was made."""
    gradient, convert = (importlib.import_module(f"logreg_torch.{name}") for name in ("gradient", "convert"))
    dataset, point = CASES["correlated"]
    data, model = convert.data_from_numpy(dataset, "float32", "cpu"), convert.model_from_numpy(point, "float32", "cpu")
    found = [
        gradient.value_and_grad(model, **data)[1],
        gradient.closed_form_gradient(model, **data),
        gradient.per_example_gradients(model, **data),
    ]
    found.append(gradient.hessian_vector_product(model, found[0], **data))
    assert all(type(each) is gradient.Gradient and each._fields == ("weight", "bias") for each in found)
    assert not any(part.requires_grad for each in found for part in each)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # of what its own forward mode still uses
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "stable_loss"])
def test_without_forward_mode_torch_says_so(name):
    """In the docstring, and when it is asked for: never a 0 without a word."""
    function = getattr(importlib.import_module(f"logreg_torch.{'model' if name == 'sigmoid' else 'loss'}"), name)
    z = torch.zeros(3)
    arguments = (z,) if name != "stable_loss" else (z, z)
    assert "no forward mode" in function.__doc__
    with pytest.raises(RuntimeError, match="jvp"):
        torch.func.jvp(function, arguments, arguments)


@pytest.mark.parametrize("power", [1, -5, 20])
@pytest.mark.parametrize("twin", TWINS)
def test_scaling_by_a_power_of_two_changes_no_digit(twin, power):
    """X 2^k and w 2^-k are the same model: loss bitwise equal, the weight's gradient 2^k times as large."""
    dataset, point = CASES["correlated"]
    scaled = Dataset(dataset.X * 2.0**power, dataset.y, "scaled")
    moved = Parameters(point.weight * 2.0**-power, point.bias)
    before, after = (Native(twin, *pair, "float32")("value_and_grad") for pair in ((dataset, point), (scaled, moved)))
    factor = np.append(np.full(dataset.n_features, 2.0**power), 1.0)
    assert np.array_equal(after, before * factor)


@pytest.mark.parametrize("twin", TWINS)
def test_flipping_labels_and_signs_changes_no_digit(twin):
    """(X, y) -> (-X, 1 - y) at (w, -b) turns every logit around: the same losses and slopes."""
    dataset, point = CASES["rare"]
    flipped = Dataset(-dataset.X, 1 - dataset.y, "flipped")
    turned = Parameters(point.weight, -point.bias)
    before, after = (Native(twin, *pair, "float32")("value_and_grad") for pair in ((dataset, point), (flipped, turned)))
    sign = np.append(np.ones(dataset.n_features), -1.0)
    assert np.array_equal(after, before * sign)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("twin", TWINS)
def test_row_weights_are_repeated_rows(twin, reduction):
    """Both are within their bounds of the same exact gradient, which the oracle shows to be one and the same."""
    dataset, point = CASES["weighted"]
    times = np.repeat(np.arange(dataset.n_rows), dataset.sample_weight.astype(int))
    repeated = Dataset(dataset.X[times], dataset.y[times], "repeated")
    gradients = [Native(twin, d, point, "float64", reduction=reduction)("value_and_grad") for d in (dataset, repeated)]
    limits = [PointBounds(d, point, dtype="float64", reduction=reduction).gradient for d in (dataset, repeated)]
    assert (np.abs(gradients[0] - gradients[1]) <= sum(limits)).all()
