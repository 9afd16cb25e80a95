"""The model: one weight a feature and an intercept, in JAX.

Read beside ``logreg_torch/model.py``; the shapes and conventions are those of ``logreg_parity``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


@jax.custom_jvp  # a rule for the derivative follows; JAX makes both modes of it
def sigmoid(z: Array) -> Array:
    """The logistic function σ(z) = 1 / (1 + exp(-z)), elementwise, with σ' = σ(z) σ(-z).

    Args:
        z: any shape.

    Returns:
        Numbers from 0 to 1, in the shape of z.
    """
    return jax.nn.sigmoid(z)


@sigmoid.defjvp
def _sigmoid_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """A derivative that keeps its digits on both sides.

    ``jax.nn.sigmoid`` differentiates itself as p (1 - p), and 1 - p loses every digit once p rounds to 1.
    """
    (z,), (tangent,) = primals, tangents
    return sigmoid(z), tangent * (sigmoid(z) * sigmoid(-z))  # by sigmoid again, so that σ'' keeps its digits too


class LogisticRegression(NamedTuple):
    """Logistic regression: weight (D,), bias (); logits z = Xw + b, probabilities p = σ(z)."""

    weight: Array  # (D,)
    bias: Array  # ()

    def __call__(self, X: Array) -> Array:
        """Logits (N,) of the rows of X (N, D)."""
        return X @ self.weight + self.bias  # the bias () is added to every row

    def probabilities(self, X: Array) -> Array:
        """Probabilities (N,) of class 1 of the rows of X (N, D)."""
        return sigmoid(self(X))

    def classes(self, X: Array, threshold: float = 0.5) -> Array:
        """Classes (N,), 0 or 1, of the rows of X (N, D): 1 where its probability is above the threshold.

        Args:
            X: features (N, D).
            threshold: a probability.
        """
        return (self.probabilities(X) > threshold).astype(jnp.int32)


Gradient = LogisticRegression  # what jax.grad hands back has the shape of what it was taken by
