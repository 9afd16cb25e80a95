"""The loss: binary cross-entropy in nats, as textbooks print it and in a form that keeps its digits.

Read beside ``logreg_jax/loss.py``; the shapes and conventions are those of ``logreg_parity``.
"""

import torch

from .model import sigmoid


class _Softplus(torch.autograd.Function):
    """The derivative is the sigmoid itself, so that every further derivative is accurate too."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z):
        return torch.clamp(z, min=0) + torch.log1p(torch.exp(-torch.abs(z)))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, cotangent):
        (z,) = ctx.saved_tensors
        return cotangent * sigmoid(z)


def softplus(z):
    """log(1 + exp(z)), elementwise, as max(z, 0) + log1p(exp(-|z|)): two terms of one sign, so nothing cancels."""
    return _Softplus.apply(z)


def textbook_loss(z, y):
    """-(y log p + (1 - y) log(1 - p)), as textbooks print it: not finite once p rounds to 0 or 1."""
    p = 1 / (1 + torch.exp(-z))
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))


def stable_loss(z, y):
    """y softplus(-z) + (1 - y) softplus(z): the same value, a few ulp from exact at every finite logit."""
    return y * softplus(-z) + (1 - y) * softplus(z)


LOSSES = {"textbook": textbook_loss, "stable": stable_loss}


def aggregate(losses, sample_weight=None, reduction="mean"):
    """The weighted mean Σ ω ℓ / Σ ω, or with reduction="sum" the weighted sum, of losses (N,)."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}; give 'mean' or 'sum'")
    if sample_weight is None:
        return losses.mean() if reduction == "mean" else losses.sum()
    total = (sample_weight * losses).sum()
    return total / sample_weight.sum() if reduction == "mean" else total


def objective(model, X, y, *, sample_weight=None, l2=0.0, reduction="mean", loss="stable"):
    """The objective f: the reduced per-example losses and (l2 / 2) ‖w‖²; the intercept is not penalised.

    X (N, D), y (N,), sample_weight (N,) or None; loss names one of LOSSES. Raises ValueError for labels that are
    not one a row, which broadcasting would silently turn into (N, N) losses, and for unknown names.
    """
    z = model(X)
    if y.shape != z.shape:
        raise ValueError(f"labels have shape {tuple(y.shape)}, logits {tuple(z.shape)}; give one label a row")
    if loss not in LOSSES:
        raise ValueError(f"loss is {loss!r}; give one of {', '.join(LOSSES)}")
    losses = LOSSES[loss](z, y)
    return aggregate(losses, sample_weight, reduction) + l2 / 2 * (model.weight**2).sum()
