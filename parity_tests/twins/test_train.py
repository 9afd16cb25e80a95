"""The loop of both twins: what it records, which rows it sees, how it stops."""

import sys
from functools import partial

import jax
import numpy as np
import pytest
import torch

import logreg_jax.convert
import logreg_jax.gradient
import logreg_jax.sgd
from logreg_parity import Dataset, Parameters, gaussian, published_2021
from logreg_parity.data.dataset import batches

DATASET = gaussian(30, 2)
START = Parameters(np.array([0.5, -1.0]), 0.25)


def test_the_start_and_the_end_are_always_kept(twin):
    history = twin.train(DATASET, START, steps=5, learning_rate=0.1, dtype="float64")
    assert history.steps.tolist() == [0, 5] and np.array_equal(history.weights[0], START.weight)
    assert history.losses.shape == (5,) and history.stop_reason is None


def test_chosen_steps_are_kept(twin):
    every = twin.train(DATASET, START, steps=6, learning_rate=0.1, keep=range(7))
    some = twin.train(DATASET, START, steps=6, learning_rate=0.1, keep=[2, 4])
    assert some.steps.tolist() == [0, 2, 4, 6] and np.array_equal(some.weights, every.weights[[0, 2, 4, 6]])


def test_before_and_after_are_one_step_apart(twin):
    """Bit for bit: on all rows the loss after a step is the loss before the next one."""
    before, after = (
        twin.train(DATASET, START, steps=8, learning_rate=0.1, record=record, dtype="float64")
        for record in ("before", "after")
    )
    assert np.array_equal(before.losses[1:], after.losses[:-1]) and before.losses[0] != after.losses[0]


def test_a_mini_batch_step_sees_its_rows_only(twin):
    """Training on batches is training, step by step, on the data sets of just those rows."""
    rows, point, options = list(batches(30, 8, 5, seed=1)), START, {"learning_rate": 0.1, "dtype": "float64"}
    together = twin.train(DATASET, START, steps=5, batches=rows, **options)
    for step, chosen in enumerate(rows):
        alone = twin.train(DATASET.take(chosen), point, steps=1, **options)
        point = alone.parameters
        assert alone.losses[0] == together.losses[step], step
    assert np.array_equal(point.weight, together.parameters.weight) and point.bias == together.parameters.bias


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_is_not_finite_ends_the_run_with_its_reason(twin, dtype):
    dataset = Dataset([[3.0], [-2.0]], [0, 1], "pushed apart")
    rate = float(np.finfo(dtype).max) / 2
    history = twin.train(dataset, Parameters(np.ones(1), 0.0), steps=50, learning_rate=rate, dtype=dtype)
    assert len(history.losses) < 50 and not np.isfinite(history.losses[-1])
    assert f"at step {len(history.losses)}" in history.stop_reason and history.steps[-1] == len(history.losses)


def test_the_textbook_loss_ends_in_nan_where_the_stable_one_trains_on(twin):
    """The published run, continued: the loss after the update is NaN at step 8388, the parameters one step later."""
    dataset, _ = published_2021()
    near_end = Parameters(np.array([2.965376377105713]), 1.8082717657089233)  # after step 8387, as the run prints it
    options = {"steps": 3, "learning_rate": 1e-4, "reduction": "sum", "dtype": "float32"}
    textbook = twin.train(dataset, near_end, loss="textbook", **options)
    stable = twin.train(dataset, near_end, loss="stable", **options)
    assert "nan at step 1" in textbook.stop_reason and stable.stop_reason is None


def test_torch_steps_are_those_of_its_own_optimiser(twins, monkeypatch):
    steps = []
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self, closure=None: steps.append(self))
    twins["logreg_torch"].train(DATASET, START, steps=4, learning_rate=0.1)
    assert len(steps) == 4 and len(set(map(id, steps))) == 1


MOMENTA = [{"momentum": 0.0}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]


@partial(jax.jit, static_argnames=("rate", "momentum", "nesterov"))
def by_hand(model, velocity, X, y, rate, momentum=0.0, nesterov=False):
    """θ - η v with v ← μ v + ∇f, or θ - η (∇f + μ v), as ``optax.sgd`` has it, written out."""
    _, gradient = logreg_jax.gradient.value_and_grad(model, X, y)
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, gradient) if momentum else gradient
    direction = jax.tree.map(lambda v, g: g + momentum * v, velocity, gradient) if nesterov else velocity
    return jax.tree.map(lambda p, d: p - rate * d, model, direction), velocity


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", MOMENTA, ids=str)
def test_jax_steps_are_the_formula_to_the_last_bit(twins, rule, dtype):
    history = twins["logreg_jax"].train(DATASET, START, steps=60, learning_rate=0.3, dtype=dtype, **rule)
    with logreg_jax.convert.arithmetic(dtype):
        data = logreg_jax.convert.data_from_numpy(DATASET, dtype, "cpu")
        model = logreg_jax.convert.model_from_numpy(START, dtype, "cpu")
        velocity = jax.tree.map(jax.numpy.zeros_like, model)
        for _ in range(60):
            model, velocity = by_hand(model, velocity, **data, rate=0.3, **rule)
        weight, bias = logreg_jax.convert.model_to_numpy(model)
    assert np.array_equal(history.parameters.weight, weight) and history.parameters.bias == bias


@pytest.mark.parametrize("rule", MOMENTA, ids=str)
def test_jax_compiles_a_step_once_for_the_same_numbers(twins, rule):
    """Run after run: ``jit`` knows a function by its identity, and ``optax.sgd`` makes another one every time."""
    step = sys.modules["logreg_jax.train"]._step
    step.clear_cache()
    for point in (START, Parameters(np.zeros(2), 0.0)):
        twins["logreg_jax"].train(DATASET, point, steps=3, learning_rate=0.1, **rule)
    assert step._cache_size() == 1


def test_the_start_is_left_alone(twin):
    weight = START.weight.copy()
    twin.train(DATASET, START, steps=3, learning_rate=0.1, dtype="float64")
    assert np.array_equal(START.weight, weight)


@pytest.mark.parametrize(("argument", "message"), [({"steps": 0}, "steps is 0"), ({"record": "during"}, "record is")])
def test_bad_arguments_are_refused(twin, argument, message):
    with pytest.raises(ValueError, match=message):
        twin.train(DATASET, START, **{"steps": 2, "learning_rate": 0.1, **argument})


def test_too_few_batches_are_refused(twin):
    with pytest.raises(ValueError, match="batches end after 1 of 3 steps"):
        twin.train(DATASET, START, steps=3, learning_rate=0.1, batches=[np.array([0, 1])])
