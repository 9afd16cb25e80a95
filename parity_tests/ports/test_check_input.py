"""``check`` on input that cannot be checked: every message names the side or the place, and the remedy."""

import numpy as np
import pytest
import torch

from logreg_parity import check
from logreg_parity.ports.arrays import UnfitError, as_arrays
from logreg_parity.ports.mapping import read_layout
from logreg_parity.ports.sides import load_foreign
from logreg_parity.twins import load_part
from parity_tests.pairs import MLP_PARAMS, Mlp, mlp, mlp_batch, seeded

X = {"x": np.ones((2, 3))}


def mean(model, batch):
    return model(batch["x"]).mean()


def linear(params, batch):
    return (batch["x"] @ params["weight"].T + params["bias"]).mean()


def with_nan():
    batch = mlp_batch()
    batch["x"][1, 2] = np.nan
    return batch


def infinite():
    model = torch.nn.Linear(3, 1)
    with torch.no_grad():
        model.bias[0] = float("inf")
    return model


class Crashing(torch.nn.Linear):
    def forward(self, batch):
        raise RuntimeError("no such thing")


class Dropping(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.drop = torch.nn.Linear(3, 1), torch.nn.Dropout(0.5)

    def forward(self, batch):
        return self.drop(self.fc(batch["x"])).sum()


LINEAR = torch.nn.Linear(3, 1)
CASES = {
    "NaN in the batch": ((seeded(Mlp), mlp, with_nan(), MLP_PARAMS), {}, ["batch['x']", "[1, 2]", "take them out"]),
    "text in the batch": ((LINEAR, linear, {"x": np.array(["a"])}), {}, ["batch['x']", "give numbers"]),
    "beyond int32": ((LINEAR, linear, {"x": np.array([2**40])}), {}, ["batch['x']", "int32"]),
    "parameters not finite": ((infinite(), linear, X), {}, ["PyTorch", "bias", "not finite"]),
    "no module": ((mean, linear, X), {}, ["the first program", "no parameters", "give (function, params)"]),
    "no parameters": ((torch.nn.ReLU(), linear, X), {}, ["PyTorch model has no parameters"]),
    "no function": ((LINEAR, 3, X), {}, ["the second program is a int", "a JAX function"]),
    "torch loss is no number": ((LINEAR, linear, X["x"]), {}, ["PyTorch loss", "shape (2, 1)", ".mean()"]),
    "JAX loss is no number": (
        (LINEAR, lambda p, b: linear(p, b)[None], X),
        {"torch_loss": mean},
        ["JAX loss", "shape (1,)", ".mean()"],
    ),
    "torch crashes": ((Crashing(3, 1), linear, X), {}, ["PyTorch side failed", "no such thing", "Run it by itself"]),
    "JAX crashes": (
        (LINEAR, lambda p, b: b["x"] @ p["weight"], X),
        {"torch_loss": mean},
        ["JAX side failed at its loss", "(out, in)"],
    ),
    "dropout": ((Dropping(), linear, mlp_batch()), {}, ["PyTorch loss", "chance", "model.eval()", "drop (Dropout)"]),
    "chance in JAX": (
        (LINEAR, lambda p, b: linear(p, b) * np.random.random_sample(), X),
        {"torch_loss": mean},
        ["JAX loss", "chance", "fixed key"],
    ),
    "unknown name": ((LINEAR, linear, X, {"wieght": "w", "bias": "b"}), {}, ["'wieght' is close to 'weight'"]),
    "forgotten name": ((LINEAR, linear, X, {"bias": "b"}), {}, ["lacks 'weight'", "the model has 'weight', 'bias'"]),
    "one place for two": ((LINEAR, linear, X, {"weight": "w", "bias": "w"}), {}, ["'w'", "one place"]),
    "more than a move": ((LINEAR, linear, X, {"weight": ("w", lambda w: 2 * w), "bias": "b"}), {}, ["more than move"]),
    "a wrong shape in the mapping": (
        (LINEAR, linear, X, {"weight": {"path": "w", "reshape": [2]}, "bias": "b"}),
        {},
        ["params['weight']", "mend it"],
    ),
    "a leaf that is not mapped": (
        (LINEAR, linear, X, {"weight": "w", "bias": "b"}),
        {"jax_params": {"w": np.ones((1, 3)), "bias": np.ones(1)}},
        ["nothing in torch maps to the JAX 'bias'", "'b' is close to 'bias'", "torch has 'weight', 'bias'"],
    ),
    "a leaf of another shape": (
        (LINEAR, linear, X, {"weight": "w", "bias": "b"}),
        {"jax_params": {"w": np.ones((3, 1)), "b": np.ones(1)}},
        ["'weight' comes as (1, 3) to JAX's 'w', which has shape (3, 1)", "numpy.transpose"],
    ),
    "no samples": ((LINEAR, linear, X), {"samples": 1}, ["samples is 1; give at least 4"]),
    "too large for float32": (
        (LINEAR, linear, {"x": np.full((2, 3), 1e300)}),
        {"torch_loss": mean},
        ["float32", "scale"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_explained(name):
    given, options, words = CASES[name]
    with pytest.raises(UnfitError) as caught:
        check(*given, **options)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("side", ["PyTorch", "JAX"])
def test_a_missing_framework_is_named(side, monkeypatch):
    package = f"logreg_{side.removeprefix('Py').lower()}"

    def refuse(twin, part):
        if (twin, part) == (package, "bridge.foreign"):
            raise ModuleNotFoundError("No module named 'it'")
        return load_part(twin, part)

    monkeypatch.setattr("logreg_parity.ports.sides.load_part", refuse)
    with pytest.raises(UnfitError, match=rf"the {side} side cannot run: .*install it \(pip install"):
        load_foreign(side)


def test_a_batch_keeps_its_make():
    batch = {"a": (1, [np.float32([0.5])], None), "b": "text", "c": np.array([True])}
    read = as_arrays(batch)
    assert read["a"][0] == 1 and read["a"][2] is None and read["b"] == "text"
    assert read["a"][1][0].dtype == np.float64 and read["c"].dtype == bool


def test_there_and_back_through_a_layout():
    point = {"a": np.arange(24.0).reshape(2, 3, 4), "b": np.float64(7.0)}
    layout = read_layout({"a": {"path": "k.w", "transpose": [2, 0, 1], "reshape": [8, 3]}, "b": "k.b"}, point)
    there = layout.to_jax(point)
    assert np.array_equal(there["k.w"], point["a"].transpose(2, 0, 1).reshape(8, 3))
    assert all(np.array_equal(layout.to_torch(there)[name], point[name]) for name in point)
