"""The model: one weight a feature and an intercept, in PyTorch.

Read beside ``logreg_jax/model.py``; the shapes and conventions are those of ``logreg_parity``.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class _Sigmoid(torch.autograd.Function):
    """A derivative that keeps its digits on both sides.

    ``torch.sigmoid`` differentiates itself as p (1 - p), and 1 - p loses every digit once p rounds to 1.
    """

    generate_vmap_rule = True  # torch.func.vmap may pass through: everything below is made of PyTorch's operations

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return torch.sigmoid(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)  # backward runs later and needs z then

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return cotangent * (sigmoid(z) * sigmoid(-z))  # by sigmoid again, so that σ'' keeps its digits too


def sigmoid(z: Tensor) -> Tensor:
    """The logistic function σ(z) = 1 / (1 + exp(-z)), elementwise, with σ' = σ(z) σ(-z).

    It has no forward mode: ``torch.func.jvp`` and ``jacfwd`` refuse it. One that is right once would be 0 without a
    word where it is taken twice (``parity_tests/twins/test_upstream.py``).

    Args:
        z: any shape.

    Returns:
        Numbers from 0 to 1, in the shape of z.
    """
    return _Sigmoid.apply(z)


class LogisticRegression(torch.nn.Module):
    """Logistic regression: weight (D,), bias (); logits z = Xw + b, probabilities p = σ(z)."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()  # before anything is assigned: the module keeps a list of its parameters
        self.weight = torch.nn.Parameter(weight)  # (D,)
        self.bias = torch.nn.Parameter(bias)  # ()

    def forward(self, X: Tensor) -> Tensor:
        """Logits (N,) of the rows of X (N, D)."""
        return X @ self.weight + self.bias  # the bias () is added to every row

    def probabilities(self, X: Tensor) -> Tensor:
        """Probabilities (N,) of class 1 of the rows of X (N, D)."""
        return sigmoid(self(X))

    def classes(self, X: Tensor, threshold: float = 0.5) -> Tensor:
        """Classes (N,), 0 or 1, of the rows of X (N, D): 1 where its probability is above the threshold.

        Args:
            X: features (N, D).
            threshold: a probability.
        """
        return (self.probabilities(X) > threshold).to(torch.int32)


class Gradient(NamedTuple):
    """A gradient, or a direction: a point of the model's space, with the names of its parameters."""

    weight: Tensor  # (D,)
    bias: Tensor  # ()
