"""Worked examples for ``check``: an MLP and a softmax classifier, and JAX functions beside them, right and wrong."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch

N, D, H, C = 12, 3, 4, 3  # rows, features, hidden units (square: H == H), classes


class Mlp(torch.nn.Module):
    """Two tanh layers, one of them square, and the mean squared error."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = torch.nn.Linear(D, H), torch.nn.Linear(H, H), torch.nn.Linear(H, 1)

    def forward(self, batch):
        h = torch.tanh(self.fc2(torch.tanh(self.fc1(batch["x"]))))
        return ((self.out(h)[:, 0] - batch["y"]) ** 2).mean()


class Softmax(torch.nn.Module):
    """A linear layer; the loss is ``cross_entropy``."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(D, C)

    def forward(self, x):
        return self.linear(x)


def cross_entropy(model, batch):
    return torch.nn.functional.cross_entropy(model(batch["x"]), batch["y"])


def seeded(build, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def mlp_batch(seed=0):
    rng = np.random.RandomState(seed)
    return {"x": rng.randn(N, D), "y": rng.randn(N)}


def softmax_batch(seed=0):
    rng = np.random.RandomState(seed)
    return {"x": rng.randn(N, D), "y": rng.randint(0, C, N)}


MLP_PARAMS = {
    "fc1.weight": ("layers.0.w", np.transpose),
    "fc1.bias": "layers.0.b",
    "fc2.weight": {"path": "layers.1.w", "transpose": True},
    "fc2.bias": ("layers", 1, "b"),
    "out.weight": {"path": "out.w", "reshape": [H]},
    "out.bias": "out.b",
}
SOFTMAX_PARAMS = {"linear.weight": ("w", np.transpose), "linear.bias": "b"}


def hidden(params, x, act=jnp.tanh):
    for layer in params["layers"]:
        x = act(x @ layer["w"] + layer["b"])
    return x


def mlp(params, batch, act=jnp.tanh):
    z = hidden(params, batch["x"], act) @ params["out"]["w"] + params["out"]["b"]
    return ((z - batch["y"]) ** 2).mean()


def mlp_einsum(params, batch):
    """Another order of every sum, and the mean row by row."""
    h = batch["x"][::-1]
    for layer in params["layers"]:
        h = jnp.tanh(jnp.einsum("ni,ij->nj", h[:, ::-1], layer["w"][::-1]) + layer["b"])
    z = (h * params["out"]["w"]).sum(axis=1) + params["out"]["b"]
    return jax.lax.fori_loop(0, N, lambda i, s: s + (z[i] - batch["y"][::-1][i]) ** 2, jnp.zeros((), z.dtype))[()] / N


def mlp_eager(params, batch):
    """A function that looks at numbers, which ``jax.jit`` does not allow."""
    return mlp(params, batch) if float(batch["y"].sum()) < 1e9 else jnp.zeros(())


def mlp_torch_layout(params, batch):
    """Weights as torch keeps them; names are paths."""
    h = batch["x"]
    for name in ("fc1", "fc2"):
        h = jnp.tanh(h @ params[name]["weight"].T + params[name]["bias"])
    z = h @ params["out"]["weight"][0] + params["out"]["bias"][0]
    return ((z - batch["y"]) ** 2).mean()


def softmax(params, batch):
    logits = batch["x"] @ params["w"] + params["b"]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), batch["y"][:, None], axis=1).mean()


def softmax_one_hot(params, batch):
    """Another stable form: logsumexp less the logit of the class."""
    logits = jnp.einsum("nd,dc->nc", batch["x"], params["w"]) + params["b"]
    return (jax.nn.logsumexp(logits, axis=1) - (jax.nn.one_hot(batch["y"], C) * logits).sum(axis=1)).mean()


@jax.custom_vjp
def tanh_off_by_a_thousandth(x):
    return jnp.tanh(x)


tanh_off_by_a_thousandth.defvjp(
    lambda x: (jnp.tanh(x), jnp.tanh(x)), lambda y, g: (jnp.where(y > 0, 1.001, 1.0) * g * (1 - y * y),)
)


def _without(params, leaf):
    return {**params, "layers": [{**params["layers"][0], leaf: 0.0}, params["layers"][1]]}


def _cut(params):
    return {**params, "out": {**params["out"], "w": jax.lax.stop_gradient(params["out"]["w"])}}


def _narrow(dtype):
    return lambda params: jax.tree.map(lambda w: w.astype(dtype).astype(w.dtype), params)


def _penalised(params, batch):
    return mlp(params, batch) + 0.005 * sum((w**2).sum() for w in jax.tree.leaves(params))


def _epsilon(params, batch):
    """A logarithm kept from 0 by a small number."""
    p = jax.nn.softmax(batch["x"] @ params["w"] + params["b"])
    return -jnp.log(jnp.take_along_axis(p, batch["y"][:, None], axis=1) + 1e-6).mean()


class Pair(NamedTuple):
    """A JAX function for the MLP or the softmax classifier; where it is wrong, what has to be said of it."""

    loss: object
    first: str = ""
    cause: str = ""
    params: dict | None = None
    softmax: bool = False


SQUARE = {**MLP_PARAMS, "fc2.weight": "layers.1.w"}
RIGHT = {
    "plain": Pair(mlp),
    "einsum, other orders": Pair(mlp_einsum),
    "not for jit": Pair(mlp_eager),
    "torch's layout": Pair(mlp_torch_layout, params={}),
    "softmax": Pair(softmax, softmax=True),
    "softmax, other form": Pair(softmax_one_hot, softmax=True),
}
WRONG = {
    "sum": Pair(lambda p, b: N * mlp(p, b), "loss", f"{N} times PyTorch's: {N} is the length of batch['x']"),
    "a half": Pair(lambda p, b: mlp(p, b) / 2, "loss", "0.5 times PyTorch's: a factor 1/2"),
    "sign": Pair(lambda p, b: -softmax(p, b), "loss", "the other sign", softmax=True),
    "square weight": Pair(mlp, "loss", "once fc2.weight comes to JAX's layers.1.w transposed", params=SQUARE),
    "missing bias": Pair(lambda p, b: mlp(_without(p, "b"), b), "loss", "fc1.bias is exactly 0 on the JAX side"),
    "detached": Pair(lambda p, b: mlp(_cut(p), b), "gradient of out.weight", "its gradient is cut there"),
    "penalty": Pair(_penalised, "loss", "JAX's loss has a penalty (0.01 / 2) ‖w‖² over all parameters"),
    "bfloat16": Pair(lambda p, b: mlp(_narrow(jnp.bfloat16)(p), b), "loss", "rounded to bfloat16"),
    "float32": Pair(lambda p, b: mlp(p, b).astype(jnp.float32), "loss", "gives float32 numbers in a float64 run"),
    "float32 constant": Pair(
        lambda p, b: mlp(p, b) * np.float64(np.float32(0.7)) / 0.7, "loss", "far as float32 can tell"
    ),
    "gradient, 0.1 %": Pair(
        lambda p, b: mlp(p, b, tanh_off_by_a_thousandth), "gradient of fc1.weight", "It is wrong on the JAX side"
    ),
    "relu": Pair(lambda p, b: mlp(p, b, jax.nn.relu), "loss", "JAX has ReLU where PyTorch has tanh"),
    "epsilon": Pair(_epsilon, "loss", "little for another formula", softmax=True),
}


def arguments(pair: Pair) -> tuple:
    """The arguments of ``check`` for a pair, and its options."""
    params = None if pair.params == {} else pair.params or (SOFTMAX_PARAMS if pair.softmax else MLP_PARAMS)
    if pair.softmax:
        return (seeded(Softmax), pair.loss, softmax_batch(), params), {"torch_loss": cross_entropy}
    return (seeded(Mlp), pair.loss, mlp_batch(), params), {}
