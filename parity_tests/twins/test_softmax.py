"""The softmax loss of both twins: within the bound of exact, where the frameworks' own loses every digit and agrees."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

import logreg_jax.softmax
import logreg_torch.softmax
from logreg_parity.truth.oracle import distance
from logreg_parity.truth.softmax import exact_softmax, softmax_bounds

FORMATS = ("float32", "float64")


def by_torch(losses, Z, y):
    """Losses (N,) and their gradient by the logits (N, K)."""
    logits = torch.tensor(Z, requires_grad=True)
    found = losses(logits, torch.tensor(y))
    found.sum().backward()
    return found.detach().numpy(), logits.grad.numpy()


def by_jax(losses, Z, y):
    with jax.enable_x64(True):
        logits, classes = jnp.array(Z), jnp.array(y)
        slope = jax.grad(lambda logits: losses(logits, classes).sum())(logits)
        return np.asarray(losses(logits, classes)), np.asarray(slope)


OURS = {
    "logreg_torch": lambda Z, y: by_torch(logreg_torch.softmax.softmax_losses, Z, y),
    "logreg_jax": lambda Z, y: by_jax(logreg_jax.softmax.softmax_losses, Z, y),
}
THEIRS = {
    "cross_entropy": lambda Z, y: by_torch(
        lambda logits, classes: torch.nn.functional.cross_entropy(logits, classes, reduction="none"), Z, y
    ),
    "optax": lambda Z, y: by_jax(optax.softmax_cross_entropy_with_integer_labels, Z, y),
}


def rows(dtype, K, seed):
    """Logits of all sizes, half of the rows confident and right."""
    random = np.random.RandomState(seed)
    Z = random.standard_normal((24, K)) * random.choice([0.3, 1, 5, 15], (24, 1))
    y = random.randint(0, K, 24)
    Z[np.arange(12), y[:12]] = Z[:12].max(axis=1) + random.uniform(0, 40 if dtype == "float32" else 300, 12)
    return Z.astype(dtype), y


def shares(found, Z, y, dtype):
    """Of losses and slopes the largest error, as a part of its bound."""
    exact, bounds = exact_softmax(Z.astype(np.float64), y), softmax_bounds(Z, y, dtype)
    return [float((distance(a, b) / c).max()) for a, b, c in zip(found, exact, bounds, strict=True)]


@pytest.mark.parametrize("K", [2, 7, *(pytest.param(K, marks=pytest.mark.slow) for K in (3, 12))])
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", OURS)
def test_losses_and_slopes_are_within_the_bound(name, dtype, K):
    for seed in range(4):
        Z, y = rows(dtype, K, seed)
        assert max(shares(OURS[name](Z, y), Z, y, dtype)) <= 1, seed


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", THEIRS)
def test_the_frameworks_own_is_far_outside(name, dtype):
    """And where a row is confident it is 0, in both, as pytorch#113708 says."""
    Z, y = rows(dtype, 7, 0)
    assert min(shares(THEIRS[name](Z, y), Z, y, dtype)) > 100
    margin = 20.0 if dtype == "float32" else 45.0
    loss, slope = THEIRS[name](np.array([[margin, 0, 0]], dtype), np.array([0]))
    assert loss[0] == 0 and slope[0, 0] == 0


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_bound_is_a_few_ulp_of_the_loss(dtype):
    """Of rows with logits of some units: what the log-sum-exp costs beside the 3 ulp of softplus."""
    Z, y = rows(dtype, 5, 1)
    exact, eps = exact_softmax(Z.astype(np.float64), y).losses.astype(float), np.finfo(dtype).eps
    small = np.abs(Z).max(axis=1) < 8
    assert small.any() and (softmax_bounds(Z, y, dtype).losses[small] <= 64 * eps * exact[small]).all()


@pytest.mark.parametrize("name", OURS)
def test_with_two_classes_it_is_the_binary_loss(name):
    z, y = np.array([-30.0, -1, 0, 2, 50]), np.array([0, 1, 1, 0, 1])
    loss, slope = OURS[name](np.column_stack([np.zeros(5), z]), y)
    exact = exact_softmax(np.column_stack([np.zeros(5), z]), y)
    assert np.array_equal(slope[:, 0], -slope[:, 1])
    assert (distance(loss, exact.losses) <= 4 * np.spacing(loss)).all()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_objective_has_weights_and_a_penalty(reduction):
    random = np.random.RandomState(0)
    W, b, X, y = (
        random.standard_normal((3, 2)),
        random.standard_normal(3),
        random.standard_normal((6, 2)),
        np.arange(6) % 3,
    )
    weight = np.arange(1.0, 7)
    given = {"l2": 0.5, "reduction": reduction}
    found = logreg_torch.softmax.softmax_objective(
        *map(torch.tensor, (W, b, X, y)), sample_weight=torch.tensor(weight), **given
    )
    with jax.enable_x64(True):
        other = logreg_jax.softmax.softmax_objective(
            *map(jnp.array, (W, b, X, y)), sample_weight=jnp.array(weight), **given
        )
    losses = exact_softmax(X @ W.T + b, y).losses.astype(float)
    wanted = (weight * losses).sum() / (weight.sum() if reduction == "mean" else 1) + 0.25 * (W**2).sum()
    assert max(abs(float(found) - wanted), abs(float(other) - wanted)) <= 32 * np.spacing(wanted)


@pytest.mark.parametrize(("Z", "y"), [((3, 1), 3), ((3, 2), 2), ((3,), 3)], ids=str)
def test_shapes_that_do_not_fit_are_refused(Z, y):
    with pytest.raises(ValueError, match="K at least 2"):
        logreg_torch.softmax.softmax_losses(torch.zeros(Z), torch.zeros(y, dtype=torch.int64))
    with pytest.raises(ValueError, match="K at least 2"):
        logreg_jax.softmax.softmax_losses(jnp.zeros(Z), jnp.zeros(y, dtype=int))
