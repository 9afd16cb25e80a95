"""The loss: binary cross-entropy in nats, as textbooks print it and in a form that keeps its digits.

Read beside ``logreg_torch/loss.py``; the shapes and conventions are those of ``logreg_parity``.
"""

from functools import partial
from typing import TypedDict

import jax
import jax.numpy as jnp
from jax import Array

from logreg_parity.twins import Loss, Reduction, check_reduction

from .model import LogisticRegression, sigmoid


@jax.custom_jvp
def softplus(z: Array) -> Array:
    """log(1 + exp(z)), elementwise, as max(z, 0) + log1p(exp(-|z|)): two terms of one sign, so nothing cancels.

    Args:
        z: any shape.

    Returns:
        Numbers of at least 0, in the shape of z.
    """
    return jnp.maximum(z, 0) + jnp.log1p(jnp.exp(-jnp.abs(z)))  # exp of nothing above 0: no overflow


@softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """The derivative is the sigmoid itself, so that every further derivative is accurate too."""
    (z,), (tangent,) = primals, tangents
    return softplus(z), tangent * sigmoid(z)


def textbook_loss(z: Array, y: Array) -> Array:
    """-(y log p + (1 - y) log(1 - p)), as textbooks print it: not finite once p rounds to 0 or 1.

    Args:
        z: logits (N,).
        y: labels (N,) in [0, 1].

    Returns:
        Losses (N,) in nats.
    """
    p = 1 / (1 + jnp.exp(-z))
    return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))


def stable_loss(z: Array, y: Array) -> Array:
    """y softplus(-z) + (1 - y) softplus(z): the same value, a few ulp from exact at every finite logit.

    Args:
        z: logits (N,).
        y: labels (N,) in [0, 1].

    Returns:
        Losses (N,) in nats.
    """
    return y * softplus(-z) + (1 - y) * softplus(z)


LOSSES = {"textbook": textbook_loss, "stable": stable_loss}


class Terms(TypedDict, total=False):
    """What the objective is made of beside model and rows: the keywords of ``objective``, which says what they are."""

    sample_weight: Array | None
    l2: float
    reduction: Reduction
    loss: Loss


def aggregate(losses: Array, sample_weight: Array | None = None, reduction: Reduction = "mean") -> Array:
    """The weighted mean Σ ω ℓ / Σ ω, or with reduction="sum" the weighted sum, of losses (N,).

    Args:
        losses: ℓ (N,).
        sample_weight: ω (N,), or None for all 1.
        reduction: "mean" or "sum".

    Returns:
        A number ().

    Raises:
        ValueError: for another reduction.
    """
    check_reduction(reduction)
    if sample_weight is None:
        return losses.mean() if reduction == "mean" else losses.sum()
    total = (sample_weight * losses).sum()
    return total / sample_weight.sum() if reduction == "mean" else total


@partial(jax.jit, static_argnames=("reduction", "loss"))  # names are no arrays: they are settled while it is compiled
def objective(
    model: LogisticRegression,
    X: Array,
    y: Array,
    *,
    sample_weight: Array | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    loss: Loss = "stable",
) -> Array:
    """The objective f: the reduced per-example losses and (l2 / 2) ‖w‖²; the intercept is not penalised.

    Args:
        model: weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,) in [0, 1].
        sample_weight: ω (N,), or None for all 1.
        l2: of the penalty.
        reduction: "mean" or "sum", of the losses.
        loss: the name of one of LOSSES.

    Returns:
        A number ().

    Raises:
        ValueError: for labels that are not one a row, which broadcasting would silently turn into (N, N) losses, and
            for unknown names.
    """
    z = model(X)
    if y.shape != z.shape:
        raise ValueError(f"labels have shape {tuple(y.shape)}, logits {tuple(z.shape)}; give one label a row")
    if loss not in LOSSES:
        raise ValueError(f"loss is {loss!r}; give one of {', '.join(LOSSES)}")
    losses = LOSSES[loss](z, y)
    penalty = (l2 / 2 * model.weight * model.weight).sum()  # l2 first: the square may overflow, and 0 · ∞ is NaN
    return aggregate(losses, sample_weight, reduction) + penalty
