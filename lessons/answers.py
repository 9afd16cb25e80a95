"""The answers to the exercises, each one way of several; lessons never import them. Try first, then compare.

Most are written in JAX, as in the lesson that these follow; where PyTorch has another idea, that stands beside it.
``logreg_torch/workshop.py`` and ``logreg_jax/workshop.py`` have them all, in both.
"""

import jax
import jax.numpy as jnp
import numpy as np
import torch

# -- lesson 1 ----------------------------------------------------------------------------------------------------------


def midpoint(w, b):
    return -b / w  # where w x + b = 0


def logistic(x):
    return 1 / (1 + jnp.exp(-x))


def logistic_model(theta, x):
    return logistic(theta["w"] * x + theta["b"])  # by name: unpacking a dict gives its keys


# -- lesson 2 ----------------------------------------------------------------------------------------------------------


def noise_free_labels(x, w, b):
    return logistic_model({"w": w, "b": b}, x)


# -- lesson 3 ----------------------------------------------------------------------------------------------------------


def binary_cross_entropy(y_true, y_preds):
    return jnp.sum(y_true * jnp.log(y_preds) + (1 - y_true) * jnp.log(1 - y_preds))


def logistic_loss(params, model, x, y):
    return -binary_cross_entropy(y, model(params, x))


def stable_loss(z, y):
    def softplus(t):
        return jnp.maximum(t, 0) + jnp.log1p(jnp.exp(-jnp.abs(t)))  # exp sees no positive number

    return y * softplus(-z) + (1 - y) * softplus(z)


# -- lesson 4 ----------------------------------------------------------------------------------------------------------


def gap(x):
    return np.spacing(np.abs(x))


# -- lesson 5: by differentiating, and by hand -------------------------------------------------------------------------

dlogistic_loss = jax.grad(logistic_loss)


def dlogistic_loss_torch(params, model, x, y):
    params = {name: part.clone().requires_grad_() for name, part in params.items()}
    p = model(params, x)
    loss = -torch.sum(y * torch.log(p) + (1 - y) * torch.log(1 - p))
    slopes = torch.autograd.grad(loss, tuple(params.values()))
    return dict(zip(params, slopes, strict=True))


def dlogistic_loss_by_hand(params, model, x, y):
    residual = model(params, x) - y
    return {"w": np.sum(residual * x), "b": np.sum(residual)}


# -- lesson 6 ----------------------------------------------------------------------------------------------------------


def initialize_linear_params():
    return {"w": np.random.normal(), "b": np.random.normal()}


def model_optimization_loop(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    losses, dloss = [], jax.grad(loss)
    for _ in range(n_steps):
        slopes = dloss(theta, model, x, y)
        theta = {name: theta[name] - step_size * slopes[name] for name in theta}  # a new dict: the caller keeps his
        losses.append(loss(theta, model, x, y))
    return losses, theta


def model_optimization_loop_torch(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    theta = {name: part.clone().requires_grad_() for name, part in theta.items()}
    optimizer, losses = torch.optim.SGD(theta.values(), lr=step_size), []
    for _ in range(n_steps):
        optimizer.zero_grad()  # PyTorch adds each gradient to the last
        loss(theta, model, x, y).backward()
        optimizer.step()
        losses.append(loss(theta, model, x, y).item())
    return losses, theta


# -- lesson 7 ----------------------------------------------------------------------------------------------------------


def confusion(y, p, threshold):
    said = p >= threshold
    return np.array(
        [np.sum(said & (y == 1)), np.sum(said & (y == 0)), np.sum(~said & (y == 1)), np.sum(~said & (y == 0))]
    )


def cost_threshold(cost_fp, cost_fn):
    return cost_fp / (cost_fp + cost_fn)  # where (1 - p) cost_fp = p cost_fn


def roc_auc(y, p):
    above = p[y == 1][:, None] - p[y == 0][None, :]  # every pair
    return np.mean((above > 0) + 0.5 * (above == 0))


# -- lesson 8 ----------------------------------------------------------------------------------------------------------


def scaled_like_train(train, test):
    return (test - train.mean(axis=0)) / train.std(axis=0)


def odds_ratio(w, step):
    return np.exp(w * step)


# -- lesson 11 ---------------------------------------------------------------------------------------------------------

# A: the row losses are right, and the slope by b; the slopes by w are off by l2 w, a quarter of each weight: the
# penalty counts twice. B: the loss is right, every slope is twice as large as it should be. C: all is right but the
# recorded loss, and the first recorded one is that of the start.
guesses = {"A": "PenaltyWithoutHalf", "B": "FactorTwo", "C": "LossOneStepLate"}

# -- lesson 12 ---------------------------------------------------------------------------------------------------------


def mean_of_all(sums, counts):
    return sums.sum(axis=0) / counts.sum()  # divided once
