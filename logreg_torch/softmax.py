"""The softmax loss of K classes as the binary loss of one number, the margin: it keeps its digits.

Read beside ``logreg_jax/softmax.py``. With logits Z (N, K) and classes y (N,) a row's margin and loss are

    m = z_y - log Σ exp(z_k), the sum over all other classes,     ℓ = -log p_y = softplus(-m).

``torch.nn.functional.cross_entropy`` is log Σ exp(z_k) - z_y, the sum over all classes: of a confident row, from a
margin of 17 on in float32, the two round to the same number, and the loss and its whole gradient are 0.
"""

import torch
from torch import Tensor

from logreg_parity.twins import Reduction

from .loss import aggregate, softplus


def margins(Z: Tensor, y: Tensor) -> Tensor:
    """How far the logit of a row's own class is above the log-sum-exp of all others.

    Args:
        Z: logits (N, K), K at least 2.
        y: classes (N,), whole numbers from 0 to K - 1.

    Returns:
        Margins m (N,).

    Raises:
        ValueError: for classes that are not one a row, and for a single column of logits.
    """
    if Z.ndim != 2 or Z.shape[1] < 2 or y.shape != Z.shape[:1]:
        raise ValueError(f"Z has shape {tuple(Z.shape)} and y {tuple(y.shape)}; give (N, K), K at least 2, and (N,)")
    own = torch.nn.functional.one_hot(y.long(), Z.shape[1]).bool()  # (N, K): one True a row
    others = Z.masked_fill(own, -torch.inf)  # exp of it is 0, and so is its gradient
    return Z[own] - torch.logsumexp(others, 1)


def softmax_losses(Z: Tensor, y: Tensor) -> Tensor:
    """-log p_y (N,) in nats as softplus(-m): some ulp from exact however confident a row is, and so is its gradient.

    Args:
        Z: logits (N, K).
        y: classes (N,).
    """
    return softplus(-margins(Z, y))


def softmax_objective(
    weight: Tensor,
    bias: Tensor,
    X: Tensor,
    y: Tensor,
    *,
    sample_weight: Tensor | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """The reduced losses and (l2 / 2) ‖W‖²; intercepts are not penalised.

    Args:
        weight: W (K, D).
        bias: b (K,).
        X: features (N, D).
        y: classes (N,).
        sample_weight: ω (N,), or None for all 1.
        l2: of the penalty.
        reduction: "mean" or "sum", of the losses.

    Returns:
        A number ().
    """
    losses = softmax_losses(X @ weight.T + bias, y)
    return aggregate(losses, sample_weight, reduction) + l2 / 2 * (weight**2).sum()
