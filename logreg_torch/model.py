"""The model: one weight a feature and an intercept, in PyTorch.

Read beside ``logreg_jax/model.py``; the shapes and conventions are those of ``logreg_parity``.
"""

import torch


class _Sigmoid(torch.autograd.Function):
    """A derivative that keeps its digits on both sides.

    ``torch.sigmoid`` differentiates itself as p (1 - p), and 1 - p loses every digit once p rounds to 1.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(z):
        return torch.sigmoid(z)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, cotangent):
        (z,) = ctx.saved_tensors
        return cotangent * (sigmoid(z) * sigmoid(-z))


def sigmoid(z):
    """The logistic function σ(z) = 1 / (1 + exp(-z)), elementwise, with σ' = σ(z) σ(-z)."""
    return _Sigmoid.apply(z)


class LogisticRegression(torch.nn.Module):
    """Logistic regression: weight (D,), bias (); logits z = Xw + b, probabilities p = σ(z)."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)  # (D,)
        self.bias = torch.nn.Parameter(bias)  # ()

    def forward(self, X):
        """Logits (N,) of the rows of X (N, D)."""
        return X @ self.weight + self.bias

    def probabilities(self, X):
        """Probabilities (N,) of class 1."""
        return sigmoid(self(X))

    def classes(self, X, threshold=0.5):
        """Classes (N,), 0 or 1: class 1 where its probability is above the threshold."""
        return (self.probabilities(X) > threshold).to(torch.int32)
