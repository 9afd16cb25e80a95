"""Homework as it comes in: wrong answers that were written down before the grader was asked about any of them.

By name: the exercise, the function, and words that name its cause; None where the grader only shows a wrong number.
When they were first graded three of them passed, and 45 were only shown a wrong number.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.nn.functional as F  # noqa: N812, as everybody calls it


def sig(z):
    return 1 / (1 + np.exp(-z))


def rows(y, p):
    return y * np.log(p) + (1 - y) * np.log(1 - p)


def loop(step):
    def model_optimization_loop(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
        losses = []
        for t in range(n_steps):
            r = model(theta, x) - y
            g = {"w": (r * x).sum(), "b": r.sum()}
            theta = step(theta, g, step_size, t)
            losses.append(loss(theta, model, x, y))
        return losses, theta

    return model_optimization_loop


def sub(theta, g, s):
    return {k: theta[k] - s * g[k] for k in theta}


def adam(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    theta = {k: torch.nn.Parameter(v.clone()) for k, v in theta.items()}
    opt = torch.optim.Adam(theta.values(), lr=step_size)
    losses = []
    for _ in range(n_steps):
        opt.zero_grad()
        loss(theta, model, x, y).backward()
        opt.step()
        losses.append(loss(theta, model, x, y).item())
    return losses, {k: v.detach() for k, v in theta.items()}


def early(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    losses = []
    for t in range(n_steps):
        r = model(theta, x) - y
        theta = sub(theta, {"w": (r * x).sum(), "b": r.sum()}, step_size)
        losses.append(loss(theta, model, x, y))
        if t > 0 and abs(losses[-1] - losses[-2]) < 0.5:
            break
    return losses, theta


def stochastic(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    losses = []
    for _ in range(n_steps):
        i = np.random.randint(len(x))
        r = model(theta, x[i : i + 1]) - y[i : i + 1]
        theta = sub(theta, {"w": (r * x[i]).sum(), "b": r.sum()}, step_size)
        losses.append(loss(theta, model, x, y))
    return losses, theta


def twice(params, model, x, y):
    params = {k: v.clone().requires_grad_() for k, v in params.items()}
    for _ in range(2):
        F.binary_cross_entropy(model(params, x), y, reduction="sum").backward()
    return {k: v.grad for k, v in params.items()}


def vag(params, model, x, y):
    def f(params):
        p = model(params, x)
        return -jnp.sum(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))

    return jax.value_and_grad(f)(params)


def difference(params, model, x, y, h=1e-4):
    def f(w, b):
        return -rows(y, model({"w": w, "b": b}, x)).sum()

    w, b = params["w"], params["b"]
    return {"w": (f(w + h, b) - f(w - h, b)) / (2 * h), "b": (f(w, b + h) - f(w, b - h)) / (2 * h)}


def one_sided(params, model, x, y, h=1e-6):
    def f(w, b):
        return -rows(y, model({"w": w, "b": b}, x)).sum()

    w, b = params["w"], params["b"]
    return {"w": (f(w + h, b) - f(w, b)) / h, "b": (f(w, b + h) - f(w, b)) / h}


def std(train, test, ddof=0):
    return (test - train.mean(0)) / train.std(0, ddof=ddof)


def both(train, test):
    a = np.concatenate([train, test])
    return (test - a.mean(0)) / a.std(0)


def of_p(f):
    return lambda params, model, x, y: f(model(params, x), y)


HOMEWORK = {
    "probit": ("logistic", torch.special.ndtr, "Φ (probit)"),
    "softsign": ("logistic", lambda x: 0.5 * (1 + x / (1 + abs(x))), "softsign"),
    "hardsigmoid": ("logistic", F.hardsigmoid, "hardsigmoid"),
    "twice torch": ("logistic", lambda x: torch.sigmoid(torch.sigmoid(x)), "σ is taken twice"),
    "other side": ("logistic", lambda x: np.exp(-x) / (1 + np.exp(-x)), "it is 1 - σ"),
    "step": ("logistic", lambda x: (x >= 0).float(), "rounded to a class"),
    "relu": ("logistic", jax.nn.relu, "ReLU"),
    "inverse": ("logistic", lambda x: np.log(x / (1 - x)), "the inverse function"),
    "exp minus": ("logistic", lambda x: 1 / (1 + np.exp(-x)) - 0.5, "one half is taken away"),
    "int": ("logistic", lambda x: torch.sigmoid(x).int(), "rounded to a class"),
    "swap": ("logistic_model", lambda theta, x: sig(theta["b"] * x + theta["w"]), "w and b are in each other's place"),
    "times b": ("logistic_model", lambda theta, x: sig(theta["w"] * x * theta["b"]), "the bias multiplies"),
    "bias in x": ("logistic_model", lambda theta, x: sig(theta["w"] * (x - theta["b"])), "w (x - b)"),
    "matmul": ("logistic_model", lambda theta, x: torch.sigmoid(x @ theta["w"] + theta["b"]), "multiply with *"),
    "attribute": (
        "logistic_model",
        lambda theta, x: sig(theta.weight * x + theta.bias),
        'theta is a dict: write theta["w"]',
    ),
    "parenthesis": (
        "binary_cross_entropy",
        lambda y, p: np.sum(y * np.log(p)) + (1 - y) * np.log(1 - p),
        "add the rows up",
    ),
    "torch mean": ("binary_cross_entropy", lambda y, p: -F.binary_cross_entropy(p, y), "a mean stands where"),
    "torch sign": (
        "binary_cross_entropy",
        lambda y, p: F.binary_cross_entropy(p, y, reduction="sum"),
        "a minus too many",
    ),
    "torch swapped": (
        "binary_cross_entropy",
        lambda y, p: -F.binary_cross_entropy(y, p, reduction="sum"),
        "y_true and y_preds are in each other's place",
    ),
    "log2": (
        "binary_cross_entropy",
        lambda y, p: torch.sum(y * torch.log2(p) + (1 - y) * torch.log2(1 - p)),
        "has base 2",
    ),
    "clip": ("binary_cross_entropy", lambda y, p: rows(y, np.clip(p, 1e-6, 1 - 1e-6)).sum(), "p is kept between 1e-06"),
    "one term": ("binary_cross_entropy", lambda y, p: np.sum(y * np.log(p) + (1 - p) * np.log(1 - y + 1e-9)), None),
    "y rounded": ("binary_cross_entropy", lambda y, p: rows(np.round(y), p).sum(), "right for y = 0 and y = 1 alone"),
    "p rounded": (
        "binary_cross_entropy",
        lambda y, p: rows(y, np.clip(np.round(p), 1e-7, 1 - 1e-7)).sum(),
        "rounded to a class before the logarithm",
    ),
    "penalty": (
        "logistic_loss",
        lambda params, model, x, y: -rows(y, model(params, x)).sum() + 0.01 * params["w"] ** 2,
        "a penalty of 0.01 times w² is added",
    ),
    "penalty both": (
        "logistic_loss",
        lambda params, model, x, y: -rows(y, model(params, x)).sum() + 0.5 * (params["w"] ** 2 + params["b"] ** 2),
        "a penalty of 0.5 times w² + b²",
    ),
    "l1": ("logistic_loss", of_p(lambda p, y: F.l1_loss(p, y, reduction="sum")), "the distance |y - p|"),
    "smooth l1": ("logistic_loss", of_p(lambda p, y: F.smooth_l1_loss(p, y, reduction="sum")), "the squared error"),
    "smoothing": ("logistic_loss", of_p(lambda p, y: -rows(0.9 * y + 0.05, p).sum()), "the labels are smoothed"),
    "focal": (
        "logistic_loss",
        of_p(lambda p, y: -(y * (1 - p) ** 2 * np.log(p) + (1 - y) * p**2 * np.log(1 - p)).sum()),
        "the focal loss",
    ),
    "nll": ("logistic_loss", of_p(lambda p, y: F.nll_loss(p.log(), y)), "cross_entropy is for one column a class"),
    "soft margin": (
        "logistic_loss",
        of_p(lambda p, y: F.soft_margin_loss(p, 2 * y - 1, reduction="sum")),
        "σ is taken of p",
    ),
    "error rate": ("logistic_loss", of_p(lambda p, y: ((p > 0.5) != y).sum() * 1.0), "this counts the wrong classes"),
    "optax on p": (
        "logistic_loss",
        of_p(lambda p, y: optax.sigmoid_binary_cross_entropy(p, y).sum()),
        "σ is taken of p",
    ),
    "model as function of x": (
        "logistic_loss",
        lambda params, model, x, y: -rows(y, model(x)).sum(),
        "too many or too few arguments",
    ),
    "loss of rows": ("logistic_loss", of_p(lambda p, y: -rows(y, p)), "add the rows up"),
    "softplus cut": ("stable_loss", lambda z, y: F.softplus(z) - y * z, "PyTorch's softplus gives z itself beyond 20"),
    "clamped z": ("stable_loss", lambda z, y: F.softplus(torch.clamp(z, -30, 30)) - y * z, "Does a guard"),
    "mean by default": (
        "stable_loss",
        lambda z, y: F.binary_cross_entropy_with_logits(z, y),
        "without a sum or a mean",
    ),
    "bce of sigmoid": (
        "stable_loss",
        lambda z, y: F.binary_cross_entropy(torch.sigmoid(z), y, reduction="none"),
        "Does a guard",
    ),
    "log sigmoid": (
        "stable_loss",
        lambda z, y: -y * jnp.log(jax.nn.sigmoid(z)) - (1 - y) * jnp.log(jax.nn.sigmoid(-z)),
        "far from 0 it breaks",
    ),
    "log1p exp": ("stable_loss", lambda z, y: jnp.log1p(jnp.exp(z)) - y * z, "exp(z) overflows beyond z = 709"),
    "sign": ("stable_loss", lambda z, y: np.logaddexp(0, z) + y * z, "y z has the wrong sign"),
    "pm labels": ("stable_loss", lambda z, y: np.logaddexp(0, -y * z), "for labels -1 and 1"),
    "z for p": ("stable_loss", lambda z, y: -(y * np.log(z) + (1 - y) * np.log(1 - z)), "z stands where p is meant"),
    "backward twice": ("dlogistic_loss", twice, "backward() called twice"),
    "value and grad": ("dlogistic_loss", vag, "the gradient is a tuple"),
    "difference": ("dlogistic_loss", difference, "a difference quotient"),
    "one sided": ("dlogistic_loss", one_sided, "a difference quotient"),
    "mean of w": (
        "dlogistic_loss",
        lambda params, m, x, y: {"w": ((m(params, x) - y) * x).mean(), "b": (m(params, x) - y).sum()},
        "the slope by w is a mean",
    ),
    "b minus": (
        "dlogistic_loss",
        lambda params, m, x, y: {"w": ((m(params, x) - y) * x).sum(), "b": (y - m(params, x)).sum()},
        "the slope by b has the wrong sign",
    ),
    "b is r": (
        "dlogistic_loss",
        lambda params, m, x, y: {"w": ((m(params, x) - y) * x).sum(), "b": m(params, x) - y},
        "add the rows up",
    ),
    "b zero": (
        "dlogistic_loss",
        lambda params, m, x, y: {"w": ((m(params, x) - y) * x).sum(), "b": 0.0},
        "the slope by b is missing",
    ),
    "argnums": (
        "dlogistic_loss",
        lambda params, m, x, y: jax.grad(
            lambda q, a: -jnp.sum(y * jnp.log(m(q, a)) + (1 - y) * jnp.log(1 - m(q, a))), argnums=1
        )(params, x),
        "give a dict",
    ),
    "list": (
        "dlogistic_loss",
        lambda params, m, x, y: [((m(params, x) - y) * x).sum(), (m(params, x) - y).sum()],
        "give a dict",
    ),
    "zeros": ("initialize_linear_params", lambda: {"w": 0.0, "b": 0.0}, "w and b are both 0"),
    "loc 1": (
        "initialize_linear_params",
        lambda: {"w": np.random.normal(1), "b": np.random.normal(1)},
        "They are shifted",
    ),
    "std 2": (
        "initialize_linear_params",
        lambda: {"w": 2 * np.random.randn(), "b": 2 * np.random.randn()},
        "The standard deviation should be 1",
    ),
    "cauchy": (
        "initialize_linear_params",
        lambda: {"w": np.random.standard_cauchy(), "b": np.random.standard_cauchy()},
        "Some lie far out",
    ),
    "laplace": (
        "initialize_linear_params",
        lambda: {"w": np.random.laplace(0, 0.7071), "b": np.random.laplace(0, 0.7071)},
        "Too many lie near 0 and far out",
    ),
    "torch rand": ("initialize_linear_params", lambda: {"w": torch.rand(()), "b": torch.rand(())}, "They are uniform"),
    "vector": ("initialize_linear_params", lambda: np.random.randn(2), "give a dict"),
    "adam": ("model_optimization_loop", adam, "these are Adam's steps"),
    "early": ("model_optimization_loop", early, "one loss a step"),
    "stochastic": ("model_optimization_loop", stochastic, "it is random"),
    "decay": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: sub(th, g, s / (t + 1))),
        "the step size shrinks",
    ),
    "sign sgd": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: sub(th, {k: np.sign(v) for k, v in g.items()}, s)),
        "only the sign of the gradient",
    ),
    "normalised": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: sub(th, {k: v / np.hypot(g["w"], g["b"]) for k, v in g.items()}, s)),
        "divided by its length",
    ),
    "weight decay": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: sub(th, {"w": g["w"] + 0.01 * th["w"], "b": g["b"]}, s)),
        "a weight decay of 0.01",
    ),
    "half lr": ("model_optimization_loop", loop(lambda th, g, s, t: sub(th, g, s / 2)), "half as long"),
    "squared lr": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: sub(th, g, s * s)),
        "step_size is multiplied in twice",
    ),
    "no update of w": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: {"w": th["w"], "b": th["b"] - s * g["b"]}),
        "w is never updated",
    ),
    "theta is gradient": (
        "model_optimization_loop",
        loop(lambda th, g, s, t: {k: -s * g[k] for k in g}),
        "theta is replaced by the step",
    ),
    "gap eps": ("gap", lambda x: np.full_like(x, np.finfo(float).eps), "2^-52 is the gap at 1 alone"),
    "gap spacing": ("gap", np.spacing, "the gap has the sign of x"),
    "gap up": ("gap", lambda x: np.nextafter(x, np.inf) - x, "for a negative x"),
    "gap 32": ("gap", lambda x: np.spacing(abs(x).astype(np.float32)), "float32's gap"),
    "gap down": ("gap", lambda x: abs(x) - np.nextafter(abs(x), 0), "the gap below |x|"),
    "matrix": (
        "confusion",
        lambda y, p, t: np.array(
            [
                [((p >= t) & (y == 1)).sum(), ((p >= t) & (y == 0)).sum()],
                [((p < t) & (y == 1)).sum(), ((p < t) & (y == 0)).sum()],
            ]
        ),
        "not a table of two by two",
    ),
    "sklearn order": (
        "confusion",
        lambda y, p, t: [
            ((p < t) & (y == 0)).sum(),
            ((p >= t) & (y == 0)).sum(),
            ((p < t) & (y == 1)).sum(),
            ((p >= t) & (y == 1)).sum(),
        ],
        "the order is true positives",
    ),
    "columns": (
        "confusion",
        lambda y, p, t: [
            ((p >= t) & (y == 1)).sum(),
            ((p < t) & (y == 1)).sum(),
            ((p >= t) & (y == 0)).sum(),
            ((p < t) & (y == 0)).sum(),
        ],
        "false positives and false negatives are in each other's place",
    ),
    "said": ("confusion", lambda y, p, t: [(p >= t).sum(), (p < t).sum(), (y == 1).sum(), (y == 0).sum()], None),
    "half": ("cost_threshold", lambda cost_fp, cost_fn: 0.5, "does not use cost_fp, cost_fn"),
    "difference of costs": (
        "cost_threshold",
        lambda cost_fp, cost_fn: 1 - cost_fp / (cost_fp + cost_fn),
        "the two costs are in each other's place",
    ),
    "share": ("cost_threshold", lambda cost_fp, cost_fn: 1 / (cost_fp + cost_fn), None),
    "auc swapped": (
        "roc_auc",
        lambda y, p: (
            sum((a < b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]) / ((y == 1).sum() * (y == 0).sum())
        ),
        "the wrong way round",
    ),
    "auc count": (
        "roc_auc",
        lambda y, p: sum((a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]),
        "the number of pairs that are won",
    ),
    "auc over n²": (
        "roc_auc",
        lambda y, p: sum((a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]) / len(y) ** 2,
        "divided by N²",
    ),
    "gini": (
        "roc_auc",
        lambda y, p: (
            2 * sum((a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]) / ((y == 1).sum() * (y == 0).sum())
            - 1
        ),
        "the Gini coefficient",
    ),
    "ddof": ("scaled_like_train", lambda train, test: std(train, test, 1), "divides by N - 1"),
    "together": ("scaled_like_train", both, "a leak"),
    "minmax": (
        "scaled_like_train",
        lambda train, test: (test - train.min(0)) / (train.max(0) - train.min(0)),
        "between 0 and 1",
    ),
    "centred": ("scaled_like_train", lambda train, test: test - train.mean(0), "not divided by the deviation"),
    "not centred": ("scaled_like_train", lambda train, test: test / train.std(0), "the mean is not taken away"),
    "whole table": (
        "scaled_like_train",
        lambda train, test: (test - train.mean()) / train.std(),
        "over all columns at once",
    ),
    "train back": ("scaled_like_train", lambda train, test: (train - train.mean(0)) / train.std(0), None),
    "twice": ("mean_of_all", lambda sums, counts: sums.mean(0) / counts.sum(), "divided twice"),
    "own rows": ("mean_of_all", lambda sums, counts: sums.sum(0) / counts[0], "by the rows of one process"),
    "usual rows": ("mean_of_all", lambda sums, counts: sums.sum(0) / counts.mean(), "by the mean number of rows"),
    "one number": ("mean_of_all", lambda sums, counts: sums.sum() / counts.sum(), None),
    "a row each": ("mean_of_all", lambda sums, counts: sums / counts[:, None], None),
    "power": ("odds_ratio", lambda w, step: w**step, "complex numbers come back"),
    "times": ("odds_ratio", lambda w, step: step * math.exp(w), "it is raised to it"),
    "divided": ("odds_ratio", lambda w, step: math.exp(w / step), "the step divides w"),
    "linear": ("odds_ratio", lambda w, step: 1 + w * step, "near exp(w step) for small steps alone"),
    "minus": ("odds_ratio", lambda w, step: math.exp(-w * step), "upside down"),
    "labels drawn": (
        "noise_free_labels",
        lambda x, w, b: (np.random.rand(len(x)) < sig(w * x + b)) * 1.0,
        "it is random",
    ),
    "labels noise": ("noise_free_labels", lambda x, w, b: sig(w * x + b + np.random.rand(len(x))), "it is random"),
    "labels one": ("noise_free_labels", lambda x, w, b: sig(2 * x + 1), "does not use w, b"),
    "midpoint plus": ("midpoint", lambda w, b: b / w, "the minus is missing"),
    "midpoint half": ("midpoint", lambda w, b: (0.5 - b) / w, "is one half there"),
    "midpoint sum": ("midpoint", lambda w, b: -(b + w), None),
    "midpoint abs": ("midpoint", lambda w, b: abs(b / w), "the sign is lost"),
}
