"""The lesson, function for function, with the lesson's own names, in JAX.

Read beside ``logreg_torch/workshop.py``. From ericmjl/dl-workshop, notebook 04: a logistic model, its loss, the loss's
gradient and gradient descent by hand. Four things differ from the notebook, each on purpose: the draw of the
parameters takes a seed, the caller's theta is not changed, the reduction can be named (the notebook sums; with
"mean" a step of 1e-4 does not train), and theta may be a dict {"w": w, "b": b} or a tuple (w, b), each treated as
what it is. The loss is the textbook's, which ends in NaN at step 8389 of the published run: see ``loss.py`` for
the cure.

Everywhere x is (N,) with a number w, or (N, D) with w (D,); b is a number.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from tqdm import tqdm

from logreg_parity.data.generator import initial_parameters
from logreg_parity.twins import Reduction, check_reduction

Theta = dict[str, Array] | tuple[Array, Array]
Model = Callable[[Theta, Array], Array]  # from theta and x to probabilities (N,)
LossOfModel = Callable[[Theta, Model, Array, Array], Array]  # of theta, model, x and y


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), elementwise.

    Args:
        x: any shape.

    Returns:
        Numbers from 0 to 1, in the shape of x.
    """
    return 1 / (1 + jnp.exp(-x))


def logistic_model(theta: Theta, x: Array) -> Array:
    """The probability (N,) of class 1 at every x.

    Args:
        theta: w and b.
        x: (N,) or (N, D).

    Returns:
        Probabilities (N,).
    """
    w, b = weight_and_bias(theta)
    return logistic(x @ w + b if x.ndim == 2 else w * x + b)  # a product with a matrix sums over the features


def binary_cross_entropy(y_true: Array, y_preds: Array, reduction: Reduction = "sum") -> Array:
    """The lesson's log-likelihood: y log p + (1 - y) log(1 - p), summed (or averaged), without a minus.

    Args:
        y_true: labels y (N,), 0 or 1.
        y_preds: probabilities p (N,).
        reduction: "sum" or "mean".

    Returns:
        A number (), at most 0.

    Raises:
        ValueError: for another reduction.
    """
    check_reduction(reduction)
    terms = y_true * jnp.log(y_preds) + (1 - y_true) * jnp.log(1 - y_preds)  # of each row one of the two is 0
    return terms.sum() if reduction == "sum" else terms.mean()


def logistic_loss(params: Theta, model: Model, x: Array, y: Array, reduction: Reduction = "sum") -> Array:
    """The loss () to descend: minus the log-likelihood of the model's predictions.

    Args:
        params: the theta.
        model: from theta and x to probabilities (N,).
        x: (N,) or (N, D).
        y: labels (N,), 0 or 1.
        reduction: "sum" or "mean".
    """
    return -binary_cross_entropy(y, model(params, x), reduction)


def dlogistic_loss(params: Theta, model: Model, x: Array, y: Array, reduction: Reduction = "sum") -> Theta:
    """The gradient of the loss by its parameters, in their own shape.

    Args:
        params, model, x, y, reduction: those of ``logistic_loss``.
    """
    return jax.grad(logistic_loss)(params, model, x, y, reduction)  # by the first argument


def initialize_linear_params(seed: int = 0) -> dict[str, Array]:
    """{"w": w, "b": b}, two standard normal draws, the weight first.

    Args:
        seed: the same one gives the same draws.
    """
    (w,), b = initial_parameters(seed=seed)
    return {"w": as_array(w), "b": as_array(b)}


def model_optimization_loop(
    theta: Theta, model: Model, loss: LossOfModel, x: Any, y: Any, n_steps: int = 3000, step_size: float = 0.001
) -> tuple[list[float], Theta]:
    """Gradient descent by hand: (the losses after each of n_steps updates, theta).

    Args:
        theta: where to begin; numbers or arrays, which are copied.
        model: from theta and x to probabilities.
        loss: of theta, model, x and y, to be differentiated by theta.
        x: one number or D features a row, as an array of any kind.
        y: labels (N,).
        n_steps: how many updates.
        step_size: how far each goes down the gradient.

    Returns:
        The losses, and a theta of the kind that came.
    """
    theta = like(theta, *(as_array(part) for part in weight_and_bias(theta)))
    x, y = as_array(x), as_array(y)
    dloss = jax.grad(loss)  # made once: a function of the same arguments

    @jax.jit  # compiled at the first call: one by one, operations cost far more to send off than to compute
    def step(theta: Theta) -> tuple[Theta, Array]:
        (w, b), (dw, db) = weight_and_bias(theta), weight_and_bias(dloss(theta, model, x, y))
        theta = like(theta, w - step_size * dw, b - step_size * db)  # against the gradient, which points uphill
        return theta, loss(theta, model, x, y)

    losses = []
    for _ in tqdm(range(n_steps), unit="step", disable=None, delay=1, leave=False):
        theta, value = step(theta)
        losses.append(value.item())  # a plain number: an array would stay on the device
    return losses, theta


def weight_and_bias(theta: Theta) -> tuple[Array, Array]:
    """(w, b) of a theta; a dict is read by its names, never unpacked into its keys. ValueError for anything else."""
    if isinstance(theta, dict):
        return theta["w"], theta["b"]
    if isinstance(theta, tuple) and len(theta) == 2:
        return theta
    raise ValueError(f'theta is {theta!r}; give a dict {{"w": w, "b": b}} or a tuple (w, b)')


def like(theta: Theta, w: Array, b: Array) -> Theta:
    """w and b in the shape of theta: a dict for a dict, a tuple for a tuple.

    Args:
        theta: whose shape is meant.
        w, b: what is put into it.
    """
    return {"w": w, "b": b} if isinstance(theta, dict) else (w, b)


def as_array(values: Any) -> Array:
    """A copy as an array, in the framework's default dtype, which is float32 unless it was changed."""
    return jnp.array(values, dtype=jnp.result_type(float))
