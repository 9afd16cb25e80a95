"""The grader on what people write in one framework: right answers by unusual roads, and its own error messages."""

import math
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special
import torch
import torch.nn.functional as F  # noqa: N812, as everybody calls it

from logreg_parity import grade

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).read_text(encoding="utf-8").splitlines()

# -- right, by roads that textbooks do not take ------------------------------------------------------------------------


class Curve(torch.nn.Module):
    def forward(self, theta, x):
        return torch.addcmul(theta["b"], theta["w"], x).sigmoid()


class Plain:
    def __call__(self, x):
        return scipy.special.expit(x)


def branches(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def in_place_of_its_own(x):
    out = x.clone()
    out.neg_()
    return (out.exp() + 1).reciprocal()


def row_by_row(x):
    return [1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in x]


def likelihood_of_classes(y, p):
    return torch.where(y == 1, p.log(), torch.where(y == 0, (1 - p).log(), y * p.log() + (1 - y) * (1 - p).log())).sum()


def loss_of_a_product(params, model, x, y):
    p = model(params, x)
    return -np.log(np.prod(p**y * (1 - p) ** (1 - y)))


def by_vjp(params, model, x, y):
    z, back = jax.vjp(lambda theta: theta["w"] * x + theta["b"], params)
    return back(jax.nn.sigmoid(z) - y)[0]


def by_forward_mode(params, model, x, y):
    def loss(theta):
        p = model(theta, x)
        return -jnp.sum(y * jnp.log(p) + (1 - y) * jnp.log1p(-p))

    return jax.jacfwd(loss)(params)


def by_matrix(params, model, x, y):
    X = np.stack([x, np.ones_like(x)])
    w, b = X @ (model(params, x) - y)
    return {"w": w, "b": b}


def by_torch_func(params, model, x, y):
    return torch.func.grad(lambda theta: F.binary_cross_entropy(model(theta, x), y, reduction="sum"))(params)


def by_a_loop_over_rows(params, model, x, y):
    dw = db = 0.0
    for p, a, c in zip(model(params, x), x, y, strict=True):
        dw, db = dw + (p - c) * a, db + (p - c)
    return {"w": dw, "b": db}


def by_einsum(params, model, x, y):
    return {"w": torch.einsum("i,i->", model(params, x) - y, x), "b": (model(params, x) - y).sum()}


def by_scan(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    def step(theta, _):
        slopes = jax.grad(loss)(theta, model, x, y)
        theta = jax.tree.map(lambda part, slope: part - step_size * slope, theta, slopes)
        return theta, loss(theta, model, x, y)

    theta, losses = jax.lax.scan(step, theta, length=n_steps)
    return losses, theta


def by_optax(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    optimizer, losses = optax.sgd(step_size), []
    state = optimizer.init(theta)
    for _ in range(n_steps):
        updates, state = optimizer.update(jax.grad(loss)(theta, model, x, y), state)
        theta = optax.apply_updates(theta, updates)
        losses.append(float(loss(theta, model, x, y)))
    return np.array(losses), theta


def by_parameters(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    theta = {k: torch.nn.Parameter(v.clone()) for k, v in theta.items()}
    losses = torch.empty(n_steps)
    for k in range(n_steps):
        loss(theta, model, x, y).backward()
        with torch.no_grad():
            for part in theta.values():
                part -= step_size * part.grad
                part.grad = None
            losses[k] = loss(theta, model, x, y)
    return losses, theta


def by_one_array(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    point, losses = np.array([theta["w"], theta["b"]]), np.zeros(n_steps)
    X = np.column_stack([x, np.ones(len(x))])
    for k in range(n_steps):
        point = point - step_size * X.T @ (1 / (1 + np.exp(-X @ point)) - y)
        losses[k] = np.logaddexp(0, X @ point).sum() - y @ X @ point
    return losses, dict(zip(("w", "b"), point, strict=True))


def draws_by_box_muller():
    r, angle = math.sqrt(-2 * math.log(1 - np.random.rand())), 2 * math.pi * np.random.rand()
    return {"w": r * math.cos(angle), "b": r * math.sin(angle)}


class Keys:
    """A stream of JAX's keys, kept outside."""

    def __init__(self):
        self.key = jax.random.PRNGKey(0)

    def __call__(self):
        self.key, key = jax.random.split(self.key)
        w, b = np.asarray(jax.random.normal(key, (2,)))
        return {"w": w, "b": b}


RIGHT = {
    "scipy": ("logistic", scipy.special.expit),
    "an object": ("logistic", Plain()),
    "branches": ("logistic", branches),
    "exp of log": ("logistic", lambda x: np.exp(-np.logaddexp(0, -x))),
    "a list, row by row": ("logistic", row_by_row),
    "vectorized": ("logistic", np.vectorize(lambda v: 0.5 * (1 + math.tanh(v / 2)))),
    "on a copy": ("logistic", in_place_of_its_own),
    "log_sigmoid": ("logistic", lambda x: jnp.exp(jax.nn.log_sigmoid(x))),
    "vmap": ("logistic", jax.vmap(lambda v: 1 / (1 + jnp.exp(-v)))),
    "softmax of two": ("logistic", lambda x: torch.softmax(torch.stack([x, 0 * x]), 0)[0]),
    "softmax, JAX": ("logistic", lambda x: jax.nn.softmax(jnp.stack([x, jnp.zeros_like(x)]), axis=0)[0]),
    "arctangent's cousin": ("logistic", lambda x: 0.5 + 0.5 * np.tanh(0.5 * x)),
    "compiled": ("logistic_model", jax.jit(lambda theta, x: jax.nn.sigmoid(theta["w"] * x + theta["b"]))),
    "a module": ("logistic_model", Curve()),
    "polyval": ("logistic_model", lambda theta, x: scipy.special.expit(np.polyval([theta["w"], theta["b"]], x))),
    "partial": ("midpoint", partial(lambda sign, w, b: sign * b / w, -1)),
    "root": ("midpoint", lambda w, b: np.roots([w, b])[0]),
    "solve": ("midpoint", lambda w, b: np.linalg.solve([[w]], [-b])[0]),
    "labels, one minus": ("noise_free_labels", lambda x, w, b: 1 - 1 / (1 + np.exp(w * x + b))),
    "labels, torch": ("noise_free_labels", lambda x, w, b: torch.sigmoid(w * x + b)),
    "xlogy": (
        "binary_cross_entropy",
        lambda y, p: (scipy.special.xlogy(y, p) + scipy.special.xlog1py(1 - y, -p)).sum(),
    ),
    "dot": ("binary_cross_entropy", lambda y, p: y @ np.log(p) + (1 - y) @ np.log(1 - p)),
    "BCELoss": ("binary_cross_entropy", lambda y, p: -torch.nn.BCELoss(reduction="sum")(p, y)),
    "mean times n": ("binary_cross_entropy", lambda y, p: -F.binary_cross_entropy(p, y) * len(y)),
    "where": ("binary_cross_entropy", likelihood_of_classes),
    "fsum": (
        "binary_cross_entropy",
        lambda y, p: math.fsum(a * math.log(q) + (1 - a) * math.log1p(-q) for a, q in zip(y, p, strict=True)),
    ),
    "through the logit": (
        "logistic_loss",
        lambda params, model, x, y: F.binary_cross_entropy_with_logits(
            torch.logit(model(params, x)), y, reduction="sum"
        ),
    ),
    "optax": (
        "logistic_loss",
        lambda params, model, x, y: optax.sigmoid_binary_cross_entropy(params["w"] * x + params["b"], y).sum(),
    ),
    "a product": ("logistic_loss", loss_of_a_product),
    "logaddexp": ("stable_loss", lambda z, y: np.logaddexp(0, z) - y * z),
    "logaddexp, torch": ("stable_loss", lambda z, y: torch.logaddexp(torch.zeros_like(z), z) - y * z),
    "logits": ("stable_loss", lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none")),
    "logsigmoid": ("stable_loss", lambda z, y: -(y * F.logsigmoid(z) + (1 - y) * F.logsigmoid(-z))),
    "optax, by row": ("stable_loss", optax.sigmoid_binary_cross_entropy),
    "log_expit": (
        "stable_loss",
        lambda z, y: -y * scipy.special.log_expit(z) - (1 - y) * scipy.special.log_expit(-z),
    ),
    "vjp": ("dlogistic_loss", by_vjp),
    "forward mode": ("dlogistic_loss", by_forward_mode),
    "one product": ("dlogistic_loss", by_matrix),
    "torch.func": ("dlogistic_loss", by_torch_func),
    "row by row": ("dlogistic_loss", by_a_loop_over_rows),
    "einsum": ("dlogistic_loss", by_einsum),
    "scan": ("model_optimization_loop", by_scan),
    "optax's optimizer": ("model_optimization_loop", by_optax),
    "parameters": ("model_optimization_loop", by_parameters),
    "one array": ("model_optimization_loop", by_one_array),
    "torch's draws": ("initialize_linear_params", lambda: dict(zip("wb", torch.randn(2), strict=True))),
    "Box and Muller": ("initialize_linear_params", draws_by_box_muller),
    "keys kept outside": ("initialize_linear_params", Keys()),
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_unusual_road_is_right(name):
    exercise, function = RIGHT[name]
    given = grade(exercise, function)
    assert given, given.words


def test_there_are_forty():
    assert len(RIGHT) >= 40


# -- what a framework says, in words of the lesson, and the line -------------------------------------------------------


def bce_on_logits(params, model, x, y):
    z = params["w"] * x + params["b"]
    return F.binary_cross_entropy(z, y, reduction="sum")


def long_labels(params, model, x, y):
    p = model(params, x)
    return F.binary_cross_entropy(p, y.long(), reduction="sum")


def classes(params, model, x, y):
    p = model(params, x)
    return F.cross_entropy(p, y.long(), reduction="sum")


def classes_of_rows(params, model, x, y):
    p = model(params, x)
    return F.cross_entropy(p, y, reduction="sum")


def not_recorded(params, model, x, y):
    loss = F.binary_cross_entropy(model(params, x), y, reduction="sum")
    loss.backward()
    return {name: part.grad for name, part in params.items()}


def gradient_of_rows(params, model, x, y):
    def rows(theta):
        p = model(theta, x)
        return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))

    return jax.grad(rows)(params)


def rows_backward(params, model, x, y):
    params = {k: v.clone().requires_grad_() for k, v in params.items()}
    loss = F.binary_cross_entropy(model(params, x), y, reduction="none")
    loss.backward()
    return {name: part.grad for name, part in params.items()}


def leaf_in_place(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    theta = {k: v.clone().requires_grad_() for k, v in theta.items()}
    losses = []
    for _ in range(n_steps):
        loss(theta, model, x, y).backward()
        for part in theta.values():
            part -= step_size * part.grad
        losses.append(loss(theta, model, x, y).item())
    return losses, theta


def no_zero_grad(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    theta = {name: part.clone().requires_grad_() for name, part in theta.items()}
    optimizer, losses = torch.optim.SGD(theta.values(), lr=step_size), []
    for _ in range(n_steps):
        loss(theta, model, x, y).backward()
        optimizer.step()
        losses.append(loss(theta, model, x, y).item())
    return losses, theta


def immutable(x):
    out = jnp.zeros_like(x)
    out[0] = 1.0
    return out


def mixed(x):
    return 1 / (1 + torch.exp(-x.numpy()))


def branch_in_jit(x):
    return jax.jit(lambda v: v if v[0] > 0 else -v)(x)


def none_from_backward(params, model, x, y):
    params = {k: v.clone().requires_grad_() for k, v in params.items()}
    slopes = F.binary_cross_entropy(model(params, x), y, reduction="sum").backward()
    return {"w": slopes["w"], "b": slopes["b"]}


def half_detached(params, model, x, y):
    p = model(params, x)
    return -(y * p.log() + (1 - y) * (1 - p.detach()).log()).sum()


def overwritten(x):
    return x.clone().neg_().exp_().add_(1).reciprocal()


def softmax_of_rows(x):
    return torch.softmax(x, dim=0)


def mean_by_default(params, model, x, y):
    p = model(params, x)
    return F.binary_cross_entropy(p, y)


def with_logits(params, model, x, y):
    p = model(params, x)
    return F.binary_cross_entropy_with_logits(p, y, reduction="sum")


def numpy_of_recorded(params, model, x, y):
    params = {k: v.clone().requires_grad_() for k, v in params.items()}
    p = model(params, x).numpy()
    return {"w": ((p - y.numpy()) * x.numpy()).sum(), "b": (p - y.numpy()).sum()}


def frozen_key():
    key = jax.random.PRNGKey(0)
    w, b = jax.random.normal(key, (2,))
    return {"w": w, "b": b}


def uniform_in_torch():
    w, b = torch.rand(2)
    return {"w": w, "b": b}


WRONG = [
    ("logistic_loss", bce_on_logits, "BCELoss takes probabilities", "F.binary_cross_entropy(z, y"),
    ("logistic_loss", long_labels, "the labels are turned to integers", "y.long()"),
    ("logistic_loss", classes, "cross_entropy is for one column a class", "F.cross_entropy(p, y.long()"),
    ("logistic_loss", classes_of_rows, "a cross-entropy over classes", "F.cross_entropy(p, y,"),
    ("logistic_loss", mean_by_default, "a mean stands where", None),
    ("logistic_loss", with_logits, "wants the logit, this one the probability", "with_logits(p, y"),
    ("logistic_loss", half_detached, "its derivative by params is not", "p.detach()"),
    ("dlogistic_loss", not_recorded, "nothing here is recorded for a gradient", "loss.backward()"),
    ("dlogistic_loss", gradient_of_rows, "only one number has a gradient", "jax.grad(rows)"),
    ("dlogistic_loss", rows_backward, "only one number has a gradient", "loss.backward()"),
    ("dlogistic_loss", none_from_backward, "None is used as a value", 'slopes["w"]'),
    ("dlogistic_loss", numpy_of_recorded, "write .detach() before .numpy()", "model(params, x).numpy()"),
    ("model_optimization_loop", leaf_in_place, "changed in place", "part -= step_size"),
    ("model_optimization_loop", no_zero_grad, "call zero_grad() in the loop", "backward()"),
    ("logistic", immutable, "JAX's arrays cannot be changed in place", "out[0] = 1.0"),
    ("logistic", mixed, "gets the arrays of another", "torch.exp(-x.numpy())"),
    ("logistic", branch_in_jit, "sees a whole array", "if v[0] > 0"),
    ("logistic", overwritten, "cannot be differentiated by x: a parameter that is recorded is changed", "exp_()"),
    ("logistic", softmax_of_rows, "a softmax", "torch.softmax(x, dim=0)"),
    ("initialize_linear_params", frozen_key, "the same seed in each call", None),
    ("initialize_linear_params", uniform_in_torch, "They are uniform", None),
]


@pytest.mark.parametrize(
    ("exercise", "wrong", "words", "seen"), WRONG, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_a_framework_says_is_put_into_words(exercise, wrong, words, seen):
    given = grade(exercise, wrong)
    assert not given and words in given.words, given.words
    if seen:
        assert given.line and seen in given.line.text, given.line
        assert given.line.text == SOURCE[given.line.number - 1].strip()


def trap(z, y):
    return jnp.where(z > 0, jnp.log1p(jnp.exp(-z)) + z, jnp.log1p(jnp.exp(z))) - y * z


def test_the_trap_of_where_earns_a_remark():
    """Its values are right everywhere; its derivative is nan where the branch that is not taken overflows."""
    given = grade("stable_loss", trap)
    assert given and "its derivative is not finite there" in given.words
    assert "not finite" not in grade("stable_loss", optax.sigmoid_binary_cross_entropy).words
