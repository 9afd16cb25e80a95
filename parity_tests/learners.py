"""Functions as learners write them, each made for a library: right ones of several styles, and the usual mistakes."""

import numpy as np


def logit(theta, x):
    return theta["w"] * x + theta["b"]


def p_of(xp, theta, x):
    return 1 / (1 + xp.exp(-logit(theta, x)))


def rows(xp, y, p):
    return y * xp.log(p) + (1 - y) * xp.log(1 - p)


def slopes(theta, model, x, y, factor=1):
    r = model(theta, x) - y
    return {"w": factor * (r * x).sum(), "b": factor * r.sum()}


def descend(theta, model, x, y, n_steps, step_size, loss, before=False):
    losses = []
    for _ in range(n_steps):
        value, slope = loss(theta, model, x, y), slopes(theta, model, x, y)
        theta = {name: theta[name] - step_size * slope[name] for name in theta}
        losses.append(value if before else loss(theta, model, x, y))
    return losses, theta


def softplus(xp, z):
    return xp.log1p(xp.exp(-abs(z))) + z * (z > 0)


RIGHT = {
    "midpoint": lambda xp: lambda w, b: -b / w,
    "logistic": lambda xp: lambda x: 1 / (1 + xp.exp(-x)),
    "logistic, by tanh": lambda xp: lambda x: (1 + xp.tanh(x / 2)) / 2,
    "logistic_model": lambda xp: lambda theta, x: p_of(xp, theta, x),
    "noise_free_labels": lambda xp: lambda x, w, b: 1 / (1 + xp.exp(-(w * x + b))),
    "binary_cross_entropy": lambda xp: lambda y, p: xp.sum(rows(xp, y, p)),
    "binary_cross_entropy, by log1p": lambda xp: lambda y, p: xp.sum(y * xp.log(p) + (1 - y) * xp.log1p(-p)),
    "logistic_loss": lambda xp: lambda params, model, x, y: -xp.sum(rows(xp, y, model(params, x))),
    "logistic_loss, from the logit": lambda xp: (
        lambda params, model, x, y: (softplus(xp, logit(params, x)) - y * logit(params, x)).sum()
    ),
    "stable_loss": lambda xp: lambda z, y: y * softplus(xp, -z) + (1 - y) * softplus(xp, z),
    "stable_loss, cancelling": lambda xp: lambda z, y: softplus(xp, z) - y * z,
    "dlogistic_loss": lambda xp: slopes,
    "initialize_linear_params": lambda xp: lambda: dict(zip("wb", np.random.RandomState(3).randn(2), strict=True)),
    "model_optimization_loop": lambda xp: (
        lambda theta, model, loss, x, y, n_steps=3000, step_size=0.001: descend(
            theta, model, x, y, n_steps, step_size, loss
        )
    ),
}


def loop(change):
    """A loop of the lesson's signature with something changed: options of ``descend`` or of its arguments."""

    def model_optimization_loop(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
        return change(theta, model, loss, x, y, n_steps, step_size)

    return lambda xp: model_optimization_loop


def loop_in_place(theta, model, loss, x, y, n_steps, step_size):
    losses = []
    for _ in range(n_steps):
        slope = slopes(theta, model, x, y)
        for name in theta:
            theta[name] = theta[name] - step_size * slope[name]
        losses.append(loss(theta, model, x, y))
    return losses, theta


def loop_bias_first(theta, model, loss, x, y, n_steps, step_size):
    losses = []
    for _ in range(n_steps):
        theta = {"w": theta["w"], "b": theta["b"] - step_size * slopes(theta, model, x, y)["b"]}
        theta = {"w": theta["w"] - step_size * slopes(theta, model, x, y)["w"], "b": theta["b"]}
        losses.append(loss(theta, model, x, y))
    return losses, theta


def unpacked(xp):
    def logistic_model(theta, x):
        w, b = theta
        return 1 / (1 + xp.exp(-(w * x + b)))

    return logistic_model


def shifted(xp, shift):
    return lambda y, p: xp.sum(y * xp.log(p + shift) + (1 - y) * xp.log(1 - p + shift))


def clipped(xp):
    return lambda z, y: -rows(xp, y, xp.clip(1 / (1 + xp.exp(-z)), 1e-7, 1 - 1e-7))


def textbook(xp):
    return lambda z, y: -rows(xp, y, 1 / (1 + xp.exp(-z)))


def moved(params, model, x, y):
    x -= 1
    return slopes(params, model, x + 1, y)


def returned(value):
    return lambda xp: lambda *arguments: value


def slightly(name):
    """The right function, its numbers too large by a relative 2^-36: more than float64 loses, less than float32."""

    def enlarged(value):
        if isinstance(value, dict):
            return {key: enlarged(part) for key, part in value.items()}
        if isinstance(value, tuple):
            return tuple(enlarged(part) for part in value)
        return [enlarged(part) for part in value] if isinstance(value, list) else value * (1 + 2.0**-36)

    return lambda xp: lambda *arguments: enlarged(RIGHT[name](xp)(*arguments))


SLIGHTLY = [name for name in RIGHT if "," not in name and name != "initialize_linear_params"]


MISTAKES = [
    ("midpoint", lambda xp: lambda w, b: b / w, "the minus is missing"),
    ("midpoint", lambda xp: lambda w, b: -w / b, "upside down"),
    ("midpoint", lambda xp: lambda b, w: -b / w, "w and b are in each other's place"),
    ("logistic", lambda xp: lambda x: 1 / (1 + xp.exp(x)), "a sign is wrong in the exponent"),
    ("logistic", lambda xp: lambda x: xp.exp(x) / (1 + xp.exp(x)), "exp overflows"),
    ("logistic", lambda xp: lambda x: xp.round(1 / (1 + xp.exp(-x))), "rounded to a class"),
    ("logistic", lambda xp: lambda x: x + 0, "pass it through the logistic"),
    ("logistic", lambda xp: lambda x: (1 / (1 + xp.exp(-x)))[:, None], "drop the axis of length 1"),
    ("logistic", lambda xp: lambda x: (1 / (1 + xp.exp(-x))).sum(), "one number a row, without a sum"),
    ("logistic", lambda xp: lambda x: 1 / (1 + xp.exp(-x)) + 1e-5, "Only the last digits are lost"),
    ("logistic", lambda xp: lambda x: 3 * xp.exp(-x), "is right, for x = -3.1."),
    ("logistic", lambda xp: lambda x: 1 / (1 + xp.exp(-x.undefined)), "AttributeError"),
    ("logistic", lambda xp: lambda x: print(xp.exp(-x)), "is the return missing?"),
    ("logistic_model", unpacked, 'it unpacks a dict, which gives its keys "w" and "b"'),
    ("logistic_model", lambda xp: logit, "pass it through the logistic"),
    ("logistic_model", lambda xp: lambda theta, x: p_of(xp, {"w": theta["b"], "b": theta["w"]}, x), "w and b are in"),
    ("logistic_model", lambda xp: lambda x, theta: p_of(xp, theta, x), "order of the arguments is (x, theta)"),
    ("noise_free_labels", lambda xp: lambda x, w, b: xp.round(p_of(xp, {"w": w, "b": b}, x)), "rounded to a class"),
    (
        "noise_free_labels",
        lambda xp: lambda x, w, b: p_of(xp, {"w": w, "b": b + np.random.rand()}, x),
        "it is random",
    ),
    ("noise_free_labels", lambda xp: lambda x, b, w: p_of(xp, {"w": w, "b": b}, x), "w and b are in each other's"),
    ("binary_cross_entropy", lambda xp: lambda y, p: -xp.sum(rows(xp, y, p)), "a minus too many"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.mean(rows(xp, y, p)), "a mean stands where"),
    ("binary_cross_entropy", lambda xp: lambda y, p: rows(xp, y, p), "add the rows up"),
    ("binary_cross_entropy", lambda xp: lambda p, y: xp.sum(rows(xp, y, p)), "y_true and y_preds are in each other's"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(rows(xp, y, p)) / np.log(2), "has base 2"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(rows(xp, y, p)) / np.log(10), "has base 10"),
    ("binary_cross_entropy", lambda xp: shifted(xp, 1e-7), "log(p + 1e-07) stands for log(p)"),
    ("binary_cross_entropy", lambda xp: shifted(xp, 1e-12), "log(p + 1e-12) stands for log(p)"),
    ("logistic_loss", lambda xp: lambda params, model, x, y: rows(xp, y, model(params, x)).sum(), "minus is forgotten"),
    ("logistic_loss", lambda xp: lambda params, model, x, y: -rows(xp, y, model(params, x)).mean(), "a mean stands"),
    ("logistic_loss", lambda xp: lambda params, model, y, x: -rows(xp, y, model(params, x)).sum(), "x and y are in"),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: -rows(xp, y[None, :], model(params, x)[:, None]).sum() / 8,
        "logistic_loss",
    ),
    ("stable_loss", textbook, "log of zero"),
    ("stable_loss", clipped, "A guard (clip, clamp or + epsilon) hides"),
    ("stable_loss", lambda xp: lambda z, y: -(softplus(xp, z) - y * z), "the minus is forgotten"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, -z) + y * z, "the other way round"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, z)[:, None] - (y * z)[None, :], "every row has met every"),
    ("stable_loss", lambda xp: lambda z, y: (softplus(xp, z) - y * z) / np.log(2), "has base 2"),
    ("dlogistic_loss", lambda xp: lambda *a: slopes(*a, factor=-1), "the sign is wrong"),
    ("dlogistic_loss", lambda xp: lambda *a: slopes(*a, factor=1 / 8), "a mean stands where"),
    ("dlogistic_loss", lambda xp: lambda *a: slopes(*a, factor=2), "a factor 2 too many"),
    ("dlogistic_loss", lambda xp: lambda *a: slopes(*a, factor=0.5), "a factor 1/2"),
    ("dlogistic_loss", lambda xp: lambda *a: dict.fromkeys("wb", slopes(*a)["b"]), "the factor x is missing"),
    ("dlogistic_loss", lambda xp: lambda *a: dict(zip("bw", slopes(*a).values(), strict=True)), "w and b are in each"),
    ("dlogistic_loss", lambda xp: lambda *a: tuple(slopes(*a).values()), 'give a dict {"w": ..., "b": ...}'),
    ("dlogistic_loss", lambda xp: lambda *a: {k: v[None] for k, v in slopes(*a).items()}, "not an array of one"),
    ("initialize_linear_params", returned((1.0, 2.0)), "theta is a tuple; give a dict"),
    ("initialize_linear_params", returned({"w": 0.5, "b": 0.5}), "draw each for itself"),
    ("initialize_linear_params", returned({"w": np.ones(1), "b": 0.5}), "not an array of one"),
    ("initialize_linear_params", returned({"w": float("nan"), "b": 0.5}), "w is nan"),
    ("initialize_linear_params", lambda xp: lambda seed: {"w": seed, "b": 1}, "called without arguments"),
    ("model_optimization_loop", loop(loop_in_place), "it changes theta in place"),
    ("model_optimization_loop", loop(loop_bias_first), "taken after b has moved"),
    (
        "model_optimization_loop",
        loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n, s, f, True)),
        "before its update",
    ),
    ("model_optimization_loop", loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n, -s, f)), "it climbs"),
    ("model_optimization_loop", loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n, 0.001, f)), "size 0.001"),
    ("model_optimization_loop", loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n, 0, f)), "theta never moves"),
    ("model_optimization_loop", loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n + 1, s, f)), "one loss a step"),
    (
        "model_optimization_loop",
        loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n, s, f)[::-1]),
        "give (losses, theta)",
    ),
    *((name, slightly(name), "Only the last digits are lost") for name in SLIGHTLY),
]
