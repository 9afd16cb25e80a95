"""The softmax loss of K classes as the binary loss of one number, the margin: it keeps its digits.

Read beside ``logreg_torch/softmax.py``. ℓ = -log p_y = softplus(-m), m = z_y - log Σ exp(z_k) over all other classes.
``optax.softmax_cross_entropy_with_integer_labels`` sums over all classes: from a margin of 17 on it is 0 in float32.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from logreg_parity.solvers.multiclass import MulticlassTwin

from .convert import arithmetic, from_numpy, to_numpy
from .loss import aggregate, softplus


def softmax_losses(Z: Array, y: Array) -> Array:
    """-log p_y (N,) in nats: some ulp from exact however confident a row is, and so is its gradient.

    Args:
        Z, y: logits (N, K), K at least 2, and classes (N,), whole numbers from 0 to K - 1.

    Raises:
        ValueError: for classes that are not one a row, and for a single column of logits.
    """
    if Z.ndim != 2 or Z.shape[1] < 2 or y.shape != Z.shape[:1]:
        raise ValueError(f"Z has shape {tuple(Z.shape)} and y {tuple(y.shape)}; give (N, K), K at least 2, and (N,)")
    own = y.astype(int)[:, None]
    others = jnp.where(jnp.arange(Z.shape[1]) == own, -jnp.inf, Z)  # exp of it is 0, and so is its gradient
    return softplus(jax.nn.logsumexp(others, 1) - jnp.take_along_axis(Z, own, 1)[:, 0])


def softmax_objective(weight: Array, bias: Array, X: Array, y: Array, *, l2: float = 0.0, **terms: Any) -> Array:
    """The reduced losses and (l2 / 2) ‖W‖², a number (); intercepts are not penalised.

    Args:
        weight, bias, X, y: W (K, D), b (K,), features (N, D) and classes (N,).
        l2, terms: of the penalty; sample_weight (N,) and reduction, "mean" or "sum", as ``loss.aggregate`` takes them.
    """
    losses = softmax_losses(X @ weight.T + bias, y)
    return aggregate(losses, **terms) + (l2 / 2 * weight * weight).sum()


@partial(jax.jit, static_argnames="reduction")
def softmax_value_and_grad(weight: Array, bias: Array, **data: Any) -> tuple[Array, Any]:
    """The objective () and its gradient by W (K, D) and b (K,), by automatic differentiation.

    Args:
        weight, bias, data: those of ``softmax_objective``.
    """
    return jax.value_and_grad(softmax_objective, argnums=(0, 1))(weight, bias, **data)


_TWIN = MulticlassTwin("logreg_jax", softmax_value_and_grad, from_numpy, to_numpy, arithmetic)
train = _TWIN.train
fit = _TWIN.fit
infer = _TWIN.infer
