"""The softmax loss of K classes as the binary loss of one number, the margin: it keeps its digits.

Read beside ``logreg_jax/softmax.py``. ℓ = -log p_y = softplus(-m), m = z_y - log Σ exp(z_k), the sum over all other
classes. ``torch.nn.functional.cross_entropy`` is log Σ exp(z_k) - z_y, the sum over all: of a confident row, from a
margin of 17 on in float32, both round to the same number, and the loss and its whole gradient are 0.
"""

from typing import Any

import torch
from torch import Tensor

from logreg_parity.solvers.multiclass import MulticlassTwin

from .convert import arithmetic, from_numpy, to_numpy
from .loss import aggregate, softplus


def softmax_losses(Z: Tensor, y: Tensor) -> Tensor:
    """-log p_y (N,) in nats: some ulp from exact however confident a row is, and so is its gradient.

    Args:
        Z, y: logits (N, K), K at least 2, and classes (N,), whole numbers from 0 to K - 1.

    Raises:
        ValueError: for classes that are not one a row, and for a single column of logits.
    """
    if Z.ndim != 2 or Z.shape[1] < 2 or y.shape != Z.shape[:1]:
        raise ValueError(f"Z has shape {tuple(Z.shape)} and y {tuple(y.shape)}; give (N, K), K at least 2, and (N,)")
    own = y.long()[:, None]
    others = Z.scatter(1, own, -torch.inf)  # exp of it is 0, and so is its gradient
    return softplus(torch.logsumexp(others, 1) - Z.gather(1, own)[:, 0])


def softmax_objective(weight: Tensor, bias: Tensor, X: Tensor, y: Tensor, *, l2: float = 0.0, **terms: Any) -> Tensor:
    """The reduced losses and (l2 / 2) ‖W‖², a number (); intercepts are not penalised.

    Args:
        weight, bias, X, y: W (K, D), b (K,), features (N, D) and classes (N,).
        l2, terms: of the penalty; sample_weight (N,) and reduction, "mean" or "sum", as ``loss.aggregate`` takes them.
    """
    losses = softmax_losses(X @ weight.T + bias, y)
    return aggregate(losses, **terms) + (l2 / 2 * weight * weight).sum()


def softmax_value_and_grad(weight: Tensor, bias: Tensor, **data: Any) -> tuple[Tensor, Any]:
    """The objective () and its gradient by W (K, D) and b (K,), by automatic differentiation.

    Args:
        weight, bias, data: those of ``softmax_objective``.
    """
    point = weight.detach().requires_grad_(), bias.detach().requires_grad_()
    value = softmax_objective(*point, **data)
    return value.detach(), torch.autograd.grad(value, point)


_TWIN = MulticlassTwin("logreg_torch", softmax_value_and_grad, from_numpy, to_numpy, arithmetic)
train = _TWIN.train
fit = _TWIN.fit
infer = _TWIN.infer
