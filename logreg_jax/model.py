"""The model: one weight a feature and an intercept, in JAX.

Read beside ``logreg_torch/model.py``; the shapes and conventions are those of ``logreg_parity``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


@jax.custom_jvp
def sigmoid(z):
    """The logistic function σ(z) = 1 / (1 + exp(-z)), elementwise, with σ' = σ(z) σ(-z)."""
    return jax.nn.sigmoid(z)


@sigmoid.defjvp
def _sigmoid_jvp(primals, tangents):
    """A derivative that keeps its digits on both sides.

    ``jax.nn.sigmoid`` differentiates itself as p (1 - p), and 1 - p loses every digit once p rounds to 1.
    """
    (z,), (tangent,) = primals, tangents
    return sigmoid(z), tangent * (sigmoid(z) * sigmoid(-z))


class LogisticRegression(NamedTuple):
    """Logistic regression: weight (D,), bias (); logits z = Xw + b, probabilities p = σ(z)."""

    weight: jax.Array  # (D,)
    bias: jax.Array  # ()

    def __call__(self, X):
        """Logits (N,) of the rows of X (N, D)."""
        return X @ self.weight + self.bias

    def probabilities(self, X):
        """Probabilities (N,) of class 1."""
        return sigmoid(self(X))

    def classes(self, X, threshold=0.5):
        """Classes (N,), 0 or 1: class 1 where its probability is above the threshold."""
        return (self.probabilities(X) > threshold).astype(jnp.int32)
