"""The border of the twins: NumPy in, NumPy out, and nothing of the caller's changed."""

import importlib

import jax
import numpy as np
import pytest
import torch

from logreg_parity import Parameters, gaussian
from logreg_parity.truth.ulp import FORMATS, round_dataset, round_to
from parity_tests.conftest import TWINS

DATASET, POINT = gaussian(30, 3), Parameters(np.array([0.5, -1.0, 2.0]), 0.25)
NUMPY_DTYPE = {"float64": "float64", "float32": "float32", "bfloat16": "float32", "float16": "float16"}


@pytest.mark.parametrize("dtype", FORMATS)
def test_every_result_has_the_dtype_asked_for(twin, dtype):
    e = twin.evaluate(round_dataset(DATASET, dtype), POINT, dtype=dtype)
    parts = (e.logits, e.losses, e.probabilities, e.gradient.weight, e.gradient.bias)
    assert {part.dtype.name for part in parts} == {NUMPY_DTYPE[dtype]}


@pytest.mark.parametrize("dtype", FORMATS)
def test_every_result_is_a_number_of_the_format(twin, dtype):
    e = twin.evaluate(round_dataset(DATASET, dtype), POINT, dtype=dtype)
    values = np.concatenate([e.logits, e.losses, e.probabilities, e.gradient.weight, [e.objective]]).astype(np.float64)
    assert np.array_equal(round_to(values, dtype), values)


def test_float64_really_is_float64(twin):
    """A float32 run in disguise has results that fit into float32."""
    logits = twin.evaluate(DATASET, POINT, dtype="float64").logits
    assert not np.array_equal(round_to(logits, "float32"), logits)


@pytest.mark.parametrize("twin_name", TWINS)
def test_arrays_are_copied(twin_name):
    """The generator's arrays are read-only; what a twin does to its own copy must not reach them."""
    convert = importlib.import_module(f"{twin_name}.convert")
    with convert.arithmetic("float64"):
        X = convert.from_numpy(DATASET.X, "float64", "cpu")
        back = convert.to_numpy(X)
        back[:] = 0
        assert np.array_equal(convert.to_numpy(X), DATASET.X) and not np.shares_memory(back, DATASET.X)


def test_torch_may_write_to_its_copy():
    convert = importlib.import_module("logreg_torch.convert")
    before = DATASET.X.copy()
    convert.from_numpy(DATASET.X, "float64", "cpu").zero_()
    assert np.array_equal(DATASET.X, before)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_jax_switches_are_as_they_were(twins, dtype):
    before = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision
    twins["logreg_jax"].train(DATASET, POINT, steps=2, learning_rate=0.1, dtype=dtype)
    assert (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision) == before
    assert jax.numpy.ones(1).dtype == "float32"


def test_torch_switches_are_as_they_were(twins):
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        twins["logreg_torch"].train(DATASET, POINT, steps=2, learning_rate=0.1)
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision = "none"


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("device", "tpu", "cpu"),
        ("dtype", "float8", "bfloat16"),
        ("reduction", "max", "sum"),
        ("loss", "hinge", "stable"),
    ],
)
def test_an_unknown_name_is_refused_with_those_there_are(twin, name, value, known):
    with pytest.raises(ValueError, match=f"{name} is '{value}'.*{known}"):
        twin.evaluate(DATASET, POINT, **{name: value})


def test_a_device_that_is_not_there_is_refused(twin):
    if "cuda" in twin.devices():
        pytest.skip("a CUDA device is there")
    with pytest.raises(ValueError, match=r"device is 'cuda'; .* sees cpu here"):
        twin.train(DATASET, POINT, steps=1, learning_rate=0.1, device="cuda")


def test_auto_takes_the_best_device_there_is(twin):
    e = twin.evaluate(DATASET, POINT, device="auto", dtype="float64")
    assert np.isfinite(e.logits).all()


@pytest.mark.parametrize("twin_name", TWINS)
def test_a_column_of_labels_is_refused(twin_name):
    """(N, 1) labels beside (N,) logits would broadcast to (N, N) losses without a word."""
    convert, loss = (importlib.import_module(f"{twin_name}.{name}") for name in ("convert", "loss"))
    X, y = (convert.from_numpy(array, "float32", "cpu") for array in (DATASET.X, DATASET.y[:, None]))
    with pytest.raises(ValueError, match=r"labels have shape \(30, 1\), logits \(30,\)"):
        loss.objective(convert.model_from_numpy(POINT, "float32", "cpu"), X, y)


@pytest.mark.parametrize("threshold", [0.5, 0.9])
@pytest.mark.parametrize("twin_name", TWINS)
def test_classes_at_a_threshold(twin_name, threshold):
    convert = importlib.import_module(f"{twin_name}.convert")
    model, X = convert.model_from_numpy(POINT, "float32", "cpu"), convert.from_numpy(DATASET.X, "float32", "cpu")
    p = convert.to_numpy(model.probabilities(X))
    assert np.array_equal(convert.to_numpy(model.classes(X, threshold)), p > np.float32(threshold))
