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


def counts(y, p, threshold, reached=lambda p, threshold: p >= threshold):
    said = reached(p, threshold)
    return [(said * (y == 1)).sum(), (said * (y == 0)).sum(), ((~said) * (y == 1)).sum(), ((~said) * (y == 0)).sum()]


def pairs_won(y, p, tie):
    above = p[y == 1][:, None] - p[y == 0][None, :]
    return ((above > 0) * 1.0 + (above == 0) * tie).sum() / (above == above).sum()


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
    "initialize_linear_params": lambda xp: lambda: dict(zip("wb", np.random.randn(2), strict=True)),
    "initialize_linear_params, by a seed": lambda xp: (
        lambda seed=3: dict(zip("wb", np.random.RandomState(seed).randn(2), strict=True))
    ),
    "model_optimization_loop": lambda xp: (
        lambda theta, model, loss, x, y, n_steps=3000, step_size=0.001: descend(
            theta, model, x, y, n_steps, step_size, loss
        )
    ),
    "gap": lambda xp: lambda x: xp.nextafter(abs(x), abs(x) + 1) - abs(x),
    "confusion": lambda xp: counts,
    "cost_threshold": lambda xp: lambda cost_fp, cost_fn: 1 / (1 + cost_fn / cost_fp),
    "roc_auc": lambda xp: lambda y, p: pairs_won(y, p, 0.5),
    "scaled_like_train": lambda xp: (
        lambda train, test: (test - train.mean(0)) / ((train**2).mean(0) - train.mean(0) ** 2) ** 0.5
    ),
    "odds_ratio": lambda xp: lambda w, step: float(np.exp(w)) ** step,
    "mean_of_all": lambda xp: lambda sums, counts: counts / counts.sum() @ (sums / counts[:, None]),
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


def by_residual(residual):
    def dlogistic_loss(params, model, x, y):
        r = residual(model(params, x), y)
        return {"w": (r * x).sum(), "b": r.sum()}

    return lambda xp: dlogistic_loss


def drawn(pair):
    return lambda xp: lambda: dict(zip("wb", pair(), strict=True))


def moved_by(theta, step_size, dw, db):
    return {"w": theta["w"] - step_size * dw, "b": theta["b"] - step_size * db}


def stepping(step):
    def walk(theta, model, loss, x, y, n_steps, step_size):
        losses = []
        for _ in range(n_steps):
            theta = step(theta, slopes(theta, model, x, y), step_size, len(x))
            losses.append(loss(theta, model, x, y))
        return losses, theta

    return loop(walk)


def piling_up(theta, model, loss, x, y, n_steps, step_size, decay=1.0):
    losses, pile = [], {"w": 0.0, "b": 0.0}
    for _ in range(n_steps):
        slope = slopes(theta, model, x, y)
        pile = {name: decay * pile[name] + slope[name] for name in pile}
        theta = moved_by(theta, step_size, pile["w"], pile["b"])
        losses.append(loss(theta, model, x, y))
    return losses, theta


def told(tell):
    return loop(lambda t, m, f, x, y, n, s: tell(*descend(t, m, x, y, n, s, f), t))


def scaling(moments, power=0.5):
    def scaled_like_train(train, test):
        rows = moments(train, test)
        return (test - rows.mean(0)) / ((rows - rows.mean(0)) ** 2).mean(0) ** power

    return lambda xp: scaled_like_train


def slightly(name):
    """The right function, its numbers too large by a relative 2^-36: more than float64 loses, less than float32."""

    def enlarged(value):
        if isinstance(value, dict):
            return {key: enlarged(part) for key, part in value.items()}
        if isinstance(value, tuple):
            return tuple(enlarged(part) for part in value)
        return [enlarged(part) for part in value] if isinstance(value, list) else value * (1 + 2.0**-36)

    return lambda xp: lambda *arguments: enlarged(RIGHT[name](xp)(*arguments))


UNNAMED = {
    "Only the last digits are lost",
    "is right, for x = -3.1.",
    "is right, for",
    "negative number",
    "AttributeError",
    "(",
}
"""Words that are no cause: a wrong number is shown, or an error as it came."""

SLIGHTLY = [name for name in RIGHT if "," not in name and name not in ("initialize_linear_params", "gap", "confusion")]


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
        lambda xp: lambda params, model, x, y: -rows(xp, y[None, :], model(params, x)[:, None]).sum() / len(x),
        "N² terms for N",
    ),
    ("stable_loss", textbook, "log of zero"),
    ("stable_loss", clipped, "Does a guard"),
    ("stable_loss", lambda xp: lambda z, y: -(softplus(xp, z) - y * z), "the minus is forgotten"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, -z) + y * z, "the other way round"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, z)[:, None] - (y * z)[None, :], "every row has met every"),
    ("stable_loss", lambda xp: lambda z, y: (softplus(xp, z) - y * z) / np.log(2), "has base 2"),
    ("dlogistic_loss", lambda xp: lambda *a: slopes(*a, factor=-1), "the sign is wrong"),
    ("dlogistic_loss", lambda xp: lambda *a: slopes(*a, factor=1 / len(a[2])), "a mean stands where"),
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
    # -- the numbers of another formula --
    ("midpoint", lambda xp: lambda w, b: w / b, "upside down, and the minus"),
    ("midpoint", lambda xp: lambda w, b: -b / (2 * w), "vertex of a parabola"),
    ("midpoint", lambda xp: lambda w, b: -b * w, "multiplies where it should divide"),
    ("midpoint", lambda xp: lambda w, b: (0.5 - b) / w, "is one half there"),
    ("midpoint", lambda xp: lambda w, b: -b, "does not use w"),
    ("midpoint", lambda xp: lambda w, b: 0.0, "does not use w, b"),
    ("midpoint", lambda xp: lambda w: -1 / w, "its arguments are (w); it is called with (w, b)"),
    ("logistic", lambda xp: lambda x: 1 / 1 + xp.exp(-x), "division comes first"),
    ("logistic", lambda xp: lambda x: xp.exp(x) / 1 + xp.exp(x), "is 2 exp(x): division comes first"),
    ("logistic", lambda xp: lambda x: 1 / (1 + 10.0**-x), "10 stands where e is meant"),
    ("logistic_model", lambda xp: lambda t, x: p_of(xp, {"w": t["w"], "b": 0}, x) + t["b"], "added after the curve"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, (1 - 2 * y) * z), "right for y = 0 and y = 1 alone"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, z) + y * z, "y z has the wrong sign"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(y * p + (1 - y) * (1 - p)), "the logarithms are missing"),
    (
        "dlogistic_loss",
        lambda xp: lambda params, m, x, y: {"w": -slopes(params, m, x, y)["w"], "b": slopes(params, m, x, y)["b"]},
        "the slope by w has the wrong sign",
    ),
    (
        "binary_cross_entropy",
        lambda xp: lambda y, p: xp.sum(y * xp.log(p) + (1 - y) * xp.log(p - 1)),
        "negative number",
    ),
    ("logistic", lambda xp: lambda x: 1 / (1 - xp.exp(-x)), "a minus stands in the denominator"),
    ("logistic", lambda xp: lambda x: xp.tanh(x), "tanh runs from -1 to 1"),
    ("logistic", lambda xp: lambda x: xp.tanh(x / 2), "add 1 and halve it"),
    ("logistic", lambda xp: lambda x: (1 + xp.tanh(x)) / 2, "x counts twice"),
    ("logistic", lambda xp: lambda x: 1 / (1 + xp.exp(-1 / (1 + xp.exp(-x)))), "σ is taken twice"),
    ("logistic", lambda xp: lambda x: xp.exp(x), "these are the odds"),
    ("logistic", lambda xp: lambda x: xp.exp(-x), "exp(-x) alone"),
    ("logistic", lambda xp: lambda x: -xp.log(1 + xp.exp(-x)), "the logarithm of the probability"),
    ("logistic", lambda xp: lambda x: xp.exp(x) / xp.sum(xp.exp(x)), "a softmax"),
    ("logistic", lambda xp: lambda x: xp.exp(-x) / (1 + xp.exp(-x)) ** 2, "the slope of the curve"),
    ("logistic", lambda xp: lambda x: 1 / (1 + 2.0**-x), "2 stands where e is meant"),
    ("logistic", lambda xp: lambda x: 100 / (1 + xp.exp(-x)), "these are percent"),
    ("logistic", lambda xp: lambda x: (x > 0) * 1.0, "rounded to a class"),
    ("logistic", lambda xp: lambda x: 1 / (1 + np.exp(-float(x))), "takes one number"),
    ("logistic", lambda xp: lambda x: 1 / (1 + xp.exp(-x)) if x > 0 else xp.exp(x), "sees a whole array"),
    ("logistic", lambda xp: lambda x: undefined(x), "the name undefined is not known"),  # noqa: F821
    ("logistic_model", lambda xp: lambda theta, x: p_of(xp, {"w": theta["w"], "b": 0}, x), "the bias is left out"),
    ("logistic_model", lambda xp: lambda theta, x: 1 / (1 + xp.exp(-theta["w"] * x + theta["b"])), "the wrong sign"),
    ("logistic_model", lambda xp: lambda t, x: 1 / (1 + xp.exp(-t["w"] * (x + t["b"]))), "multiplies the bias too"),
    ("logistic_model", lambda xp: lambda theta, x: p_of(xp, {"w": 2, "b": 1}, x), "does not use theta"),
    ("logistic_model", lambda xp: lambda theta, x: 1 / (1 + xp.exp(-theta.w * x)), "theta is a dict: write"),
    ("logistic_model", lambda xp: lambda theta, x: p_of(xp, {"w": theta["W"], "b": 0}, x), 'are "w" and "b"'),
    ("noise_free_labels", lambda xp: lambda x, w, b: w * x + b, "this is the logit"),
    ("noise_free_labels", lambda xp: lambda x, w, b: p_of(xp, {"w": 2, "b": b}, x), "does not use w"),
    ("noise_free_labels", lambda xp: lambda x, w, b: 1 / (1 + xp.exp(w * x + b)), "a sign is wrong in the exponent"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(y * xp.log(p)), "rows with y = 0 do not count"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum((1 - y) * xp.log(1 - p)), "rows with y = 1 do not count"),
    (
        "binary_cross_entropy",
        lambda xp: lambda y, p: xp.sum(y * xp.log(p) - (1 - y) * xp.log(1 - p)),
        "a minus stands between the two terms",
    ),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(rows(xp, 1 - y, p)), "the labels are read the other way"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum((y - p) ** 2), "the squared error"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.mean((y - p) ** 2), "the squared error"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(rows(xp, y, 1 / (1 + xp.exp(-p)))), "σ is taken of p"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.mean(softplus(xp, p) - y * p), "σ is taken of p"),
    (
        "binary_cross_entropy",
        lambda xp: lambda y, p: xp.sum(rows(xp, y[:, None], p[None, :])),
        "a column (N, 1) has met a row",
    ),
    ("binary_cross_entropy", lambda xp: lambda y, p: -xp.mean(rows(xp, y, p)), "a minus too many"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(y * xp.log(p) + (1 - y) * xp.log1p(p)), "log1p(-p)"),
    (
        "binary_cross_entropy",
        lambda xp: lambda y, p: xp.sum(rows(xp, y, xp.clip(p, 1e-7, 1 - 1e-7))),
        "is kept between",
    ),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(xp.log(p) + (1 - y) * xp.log(1 - p)), "first term lacks"),
    ("binary_cross_entropy", lambda xp: lambda y, p: xp.sum(xp.log(p)), "the second term has log p as well"),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: xp.sum((y - model(params, x)) ** 2),
        "the squared error",
    ),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: xp.mean((y - model(params, x)) ** 2),
        "the squared error",
    ),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: (softplus(xp, model(params, x)) - y * model(params, x)).sum(),
        "σ is taken of p, which is a probability already",
    ),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: (softplus(xp, model(params, x)) - y * model(params, x)).mean(),
        "σ is taken of p, which is a probability already",
    ),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: -rows(xp, y[:, None], model(params, x)).sum(),
        "a column (N, 1) has met a row",
    ),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: softplus(xp, -y * logit(params, x)).sum(),
        "for labels -1 and 1",
    ),
    (
        "logistic_loss",
        lambda xp: lambda params, model, x, y: -(y * xp.log(model(params, x))).sum(),
        "y = 0 do not count",
    ),
    ("logistic_loss", lambda xp: lambda params, model, x, y: -rows(xp, y, model(params, x)).sum() / 8, "is right, for"),
    ("logistic_loss", lambda xp: lambda params, model, x, y: -2 * rows(xp, y, model(params, x)).sum(), "counts twice"),
    ("logistic_loss", lambda xp: lambda params, model, x, y: -rows(xp, y, model(x, params)).sum(), "("),
    ("stable_loss", lambda xp: lambda z, y: xp.log(1 + xp.exp(z)) - y * z, "overflows beyond z = 709"),
    ("stable_loss", lambda xp: lambda z, y: (softplus(xp, z) - y * z).sum(), "one number a row, without a sum"),
    ("stable_loss", lambda xp: lambda z, y: y * softplus(xp, -z), "rows with y = 0 do not count"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, -y * z), "for labels -1 and 1"),
    ("stable_loss", lambda xp: lambda z, y: (1 / (1 + xp.exp(-z)) - y) ** 2, "the squared error"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, z), "the labels are missing"),
    ("stable_loss", lambda xp: lambda z, y: z * (z > 0) - y * z, "what rounds the corner"),
    ("stable_loss", lambda xp: lambda z, y: xp.log1p(xp.exp(-abs(z))) - y * z, "max(z, 0) is missing"),
    ("stable_loss", lambda xp: lambda z, y: softplus(xp, z) - y, "y stands alone"),
    (
        "stable_loss",
        lambda xp: lambda z, y: softplus(xp, 1 / (1 + xp.exp(-z))) - y / (1 + xp.exp(-z)),
        "σ is taken twice",
    ),
    (
        "stable_loss",
        lambda xp: lambda z, y: -rows(xp, y, 1 / (1 + xp.exp(-z)) + 1e-12),
        "a guard inside a logarithm",
    ),
    ("dlogistic_loss", by_residual(lambda p, y: (p - y) * p * (1 - p)), "the squared error's slope"),
    ("dlogistic_loss", by_residual(lambda p, y: 2 * (p - y) * p * (1 - p)), "the squared error's slope"),
    ("dlogistic_loss", by_residual(lambda p, y: p), "the labels are missing"),
    ("dlogistic_loss", by_residual(lambda p, y: abs(p - y)), "the sign of p - y is lost"),
    ("dlogistic_loss", by_residual(lambda p, y: (p > 0.5) * 1.0 - y), "the perceptron's step"),
    ("dlogistic_loss", by_residual(lambda p, y: -y * (1 - p)), "rows with y = 0 do not count"),
    ("dlogistic_loss", by_residual(lambda p, y: p - (1 - y)), "the labels are read the other way round"),
    ("dlogistic_loss", lambda xp: lambda params, m, x, y: slopes(params, logit, x, y), "linear regression's slope"),
    (
        "dlogistic_loss",
        lambda xp: lambda params, m, x, y: dict.fromkeys("wb", slopes(params, m, x, y)["w"]),
        "the slope by b has no factor x",
    ),
    (
        "dlogistic_loss",
        lambda xp: (
            lambda params, m, x, y: {
                "w": ((m(params, x)[:, None] - y) * x).sum(),
                "b": (m(params, x)[:, None] - y).sum(),
            }
        ),
        "a column (N, 1) has met a row",
    ),
    ("dlogistic_loss", lambda xp: lambda *a: {k: -v / len(a[2]) for k, v in slopes(*a).items()}, "a mean stands"),
    ("dlogistic_loss", lambda xp: lambda *a: {"dw": slopes(*a)["w"], "db": slopes(*a)["b"]}, "has the keys 'dw', 'db'"),
    ("initialize_linear_params", lambda xp: lambda: {"w": 1.0, "b": 2.0}, "every call gives w = 1, b = 2"),
    (
        "initialize_linear_params",
        lambda xp: lambda: dict(zip("wb", np.random.RandomState(3).randn(2), strict=True)),
        "the same seed in each call",
    ),
    ("initialize_linear_params", drawn(lambda: np.random.rand(2)), "They are uniform"),
    ("initialize_linear_params", drawn(lambda: np.random.uniform(-1, 1, 2)), "They are uniform"),
    ("initialize_linear_params", drawn(lambda: np.random.uniform(-(3**0.5), 3**0.5, 2)), "They are uniform"),
    ("initialize_linear_params", drawn(lambda: np.random.randint(-3, 4, 2)), "They are whole numbers"),
    ("initialize_linear_params", drawn(lambda: 0.1 * np.random.randn(2)), "deviation should be 1"),
    ("initialize_linear_params", drawn(lambda: abs(np.random.randn(2))), "None is negative"),
    ("initialize_linear_params", drawn(lambda: 1 + np.random.randn(2)), "They are shifted"),
    ("initialize_linear_params", drawn(lambda: np.random.randn() * np.array([1.0, -1.0])), "w and b go together"),
    ("initialize_linear_params", drawn(lambda: (np.random.randn(), 0.0)), "b is always 0"),
    ("model_optimization_loop", stepping(lambda t, g, s, n: moved_by(t, s, g["w"], 0)), "b is never updated"),
    (
        "model_optimization_loop",
        stepping(lambda t, g, s, n: moved_by(t, s, g["w"], g["w"])),
        "b is moved by the slope of w",
    ),
    ("model_optimization_loop", stepping(lambda t, g, s, n: moved_by(t, s, g["b"], g["w"])), "in each other's place"),
    ("model_optimization_loop", stepping(lambda t, g, s, n: moved_by(t, s / n, g["w"], g["b"])), "a mean stands"),
    (
        "model_optimization_loop",
        stepping(lambda t, g, s, n: moved_by(t, 0.01, g["w"], g["b"])),
        "does not use step_size",
    ),
    (
        "model_optimization_loop",
        stepping(lambda t, g, s, n: moved_by(t, 0.01, -g["w"], -g["b"])),
        "does not use step_size",
    ),
    ("model_optimization_loop", loop(piling_up), "call zero_grad() in the loop"),
    ("model_optimization_loop", loop(lambda *a: piling_up(*a, decay=0.9)), "momentum 0.9"),
    ("model_optimization_loop", told(lambda losses, theta, first: (losses[-1:], theta)), "only the last loss is kept"),
    ("model_optimization_loop", told(lambda losses, theta, first: (losses[-1], theta)), "only the last loss is kept"),
    ("model_optimization_loop", told(lambda losses, theta, first: (losses[1:], theta)), "one step is missing"),
    ("model_optimization_loop", told(lambda losses, theta, first: (losses, first)), "the one it started from"),
    (
        "model_optimization_loop",
        told(lambda losses, theta, first: ([losses[-1]] * len(losses), theta)),
        "the same loss stands",
    ),
    ("model_optimization_loop", told(lambda losses, theta, first: losses), "give (losses, theta)"),
    ("model_optimization_loop", told(lambda losses, theta, first: ([v / 8 for v in losses], theta)), "is right, for"),
    (
        "model_optimization_loop",
        loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n, -s, f, True)),
        "it climbs",
    ),
    (
        "model_optimization_loop",
        loop(lambda t, m, f, x, y, n, s: descend(t, m, x, y, n - 1, s, f)),
        "one step is missing",
    ),
    ("gap", lambda xp: lambda x: x * 0 + 2.0**-52, "is the gap at 1 alone"),
    ("gap", lambda xp: lambda x: abs(x) * 2.0**-52, "this grows with every x"),
    ("gap", lambda xp: lambda x: xp.nextafter(abs(x), abs(x) + 1), "this is the next number itself"),
    ("confusion", lambda xp: lambda y, p, t: counts(y, p, t, lambda p, t: p > t), "take >="),
    (
        "confusion",
        lambda xp: lambda y, p, t: [counts(y, p, t)[k] for k in (0, 2, 1, 3)],
        "false positives and false neg",
    ),
    ("confusion", lambda xp: lambda y, p, t: [counts(y, p, t)[k] for k in (3, 1, 2, 0)], "the order is true positives"),
    ("confusion", lambda xp: lambda y, p, t: counts(y, p, 0.5), "the threshold is not used"),
    ("confusion", lambda xp: lambda y, p, t: [k / len(y) for k in counts(y, p, t)], "counts are asked for"),
    ("cost_threshold", lambda xp: lambda cost_fp, cost_fn: cost_fn / (cost_fp + cost_fn), "the two costs are in"),
    ("cost_threshold", lambda xp: lambda cost_fp, cost_fn: cost_fp / cost_fn, "this is the odds at the threshold"),
    ("roc_auc", lambda xp: lambda y, p: pairs_won(y, p, 0.0), "do not count here"),
    ("roc_auc", lambda xp: lambda y, p: pairs_won(y, p, 1.0), "count as won"),
    ("roc_auc", lambda xp: lambda y, p: 1 - pairs_won(y, p, 0.5), "the wrong way round"),
    ("roc_auc", lambda xp: lambda y, p: (((p >= 0.5) * 1.0) == y).sum() / len(y), "the accuracy at the threshold"),
    ("scaled_like_train", scaling(lambda train, test: test), "by their own mean and deviation"),
    ("scaled_like_train", scaling(lambda train, test: train, 1), "the variance stands"),
    ("odds_ratio", lambda xp: lambda w, step: w * step, "the change of the log-odds"),
    ("odds_ratio", lambda xp: lambda w, step: float(np.exp(w)), "the step is not used"),
    ("odds_ratio", lambda xp: lambda w, step: float(1 / (1 + np.exp(-w * step))), "this is a probability"),
    (
        "mean_of_all",
        lambda xp: lambda sums, counts: (sums / counts[:, None]).mean(0),
        "the mean of the processes' means",
    ),
    ("mean_of_all", lambda xp: lambda sums, counts: sums.mean(0), "by the number of processes"),
    ("mean_of_all", lambda xp: lambda sums, counts: sums.sum(0), "the sum over all rows"),
    (
        "mean_of_all",
        lambda xp: lambda sums, counts: (sums / counts[:, None]).sum(0),
        "the means of the processes are added",
    ),
    *((name, slightly(name), "Only the last digits are lost") for name in SLIGHTLY),
]
