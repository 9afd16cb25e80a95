"""The lesson, function for function, with the lesson's own names, in JAX.

Read beside ``logreg_torch/workshop.py``. From ericmjl/dl-workshop, notebook 04: a logistic model, its loss, the loss's
gradient and gradient descent by hand. Four things differ from the notebook, each on purpose: the draw of the
parameters takes a seed, the caller's theta is not changed, the reduction can be named (the notebook sums; with
"mean" a step of 1e-4 does not train), and theta may be a dict {"w": w, "b": b} or a tuple (w, b), each treated as
what it is. The loss is the textbook's, which ends in NaN at step 8389 of the published run: see ``loss.py`` for
the cure.
"""

import jax
import jax.numpy as jnp
from tqdm import tqdm

from logreg_parity.data.generator import initial_parameters


def logistic(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + jnp.exp(-x))


def logistic_model(theta, x):
    """The probability of class 1 at every x: (N,) for x (N,) and a number w, or for x (N, D) and w (D,)."""
    w, b = weight_and_bias(theta)
    return logistic(x @ w + b if x.ndim == 2 else w * x + b)


def binary_cross_entropy(y_true, y_preds, reduction="sum"):
    """The lesson's log-likelihood: y log p + (1 - y) log(1 - p), summed (or averaged), without a minus."""
    terms = y_true * jnp.log(y_preds) + (1 - y_true) * jnp.log(1 - y_preds)
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}; give 'mean' or 'sum'")
    return terms.sum() if reduction == "sum" else terms.mean()


def logistic_loss(params, model, x, y, reduction="sum"):
    """The loss to descend: minus the log-likelihood of the model's predictions."""
    return -binary_cross_entropy(y, model(params, x), reduction)


def dlogistic_loss(params, model, x, y, reduction="sum"):
    """The gradient of the loss by its parameters, in their own shape."""
    return jax.grad(logistic_loss)(params, model, x, y, reduction)


def initialize_linear_params(seed=0):
    """{"w": w, "b": b}, two standard normal draws, the weight first."""
    (w,), b = initial_parameters(seed=seed)
    return {"w": as_array(w), "b": as_array(b)}


def model_optimization_loop(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    """Gradient descent by hand: (the losses after each of n_steps updates, theta)."""
    theta = like(theta, *(as_array(part) for part in weight_and_bias(theta)))
    x, y = as_array(x), as_array(y)
    dloss = jax.grad(loss)

    @jax.jit
    def step(theta):
        (w, b), (dw, db) = weight_and_bias(theta), weight_and_bias(dloss(theta, model, x, y))
        theta = like(theta, w - step_size * dw, b - step_size * db)
        return theta, loss(theta, model, x, y)

    losses = []
    for _ in tqdm(range(n_steps), unit="step", disable=None, delay=1, leave=False):
        theta, value = step(theta)
        losses.append(value.item())
    return losses, theta


def weight_and_bias(theta):
    """(w, b) of a theta; a dict is read by its names, never unpacked into its keys."""
    if isinstance(theta, dict):
        return theta["w"], theta["b"]
    if isinstance(theta, tuple) and len(theta) == 2:
        return theta
    raise ValueError(f'theta is {theta!r}; give a dict {{"w": w, "b": b}} or a tuple (w, b)')


def like(theta, w, b):
    """w and b in the shape of theta: a dict for a dict, a tuple for a tuple."""
    return {"w": w, "b": b} if isinstance(theta, dict) else (w, b)


def as_array(values):
    """A copy as an array, in the framework's default dtype, which is float32 unless it was changed."""
    return jnp.array(values, dtype=jnp.result_type(float))
