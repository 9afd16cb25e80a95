"""Small ports written after faults that people reported in public: a torch module, a right JAX function, a wrong one.

Each says what has to be named: the operation at which the two part, and the cause, where it can be proved.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from parity_tests.pairs import seeded


class ReportedPair(NamedTuple):
    """A port: JAX's function is ``port(False)`` where it is right, and ``port(True)`` with the fault."""

    model: nn.Module
    loss: Callable[[Any, Any], Any]
    batch: dict[str, np.ndarray]
    port: Callable[[bool], Callable[[Any, Any], Any]]
    operation: str = ""  # a part of the title of the operation at which PyTorch parts
    cause: str = ""


def draw(*shape, seed=0):
    return np.random.RandomState(seed).randn(*shape)


def classes(n, k, seed=1):
    return np.random.RandomState(seed).randint(0, k, n)


def square(model, batch):
    return (model(batch["x"]) ** 2).mean()


def affine(x, layer):
    return x @ layer["weight"].T + layer["bias"]


class Two(nn.Module):
    """A linear layer, a function, a linear layer."""

    def __init__(self, act: nn.Module, width: int = 5):
        super().__init__()
        self.up, self.act, self.down = nn.Linear(4, width), act, nn.Linear(width, 2)

    def forward(self, x):
        return self.down(self.act(self.up(x)))


def two(right, wrong):
    """The port of Two with one function or the other."""

    def port(fault):
        act = wrong if fault else right
        return lambda p, b: (affine(act(affine(b["x"], p["up"])), p["down"]) ** 2).mean()

    return port


def with_act(act, right, wrong, operation, cause, width=5):
    return ReportedPair(seeded(lambda: Two(act, width)), square, {"x": draw(6, 4)}, two(right, wrong), operation, cause)


def gelu(x):
    return jax.nn.gelu(x, approximate=False)


def smoothed(model, batch):
    return F.cross_entropy(model(batch["x"]), batch["y"], label_smoothing=0.1)


def quick_gelu(x):
    return x * jax.nn.sigmoid(1.702 * x)


def hard_sigmoid(x):
    return jnp.clip(0.2 * x + 0.5, 0, 1)


def standardise(epsilon, ddof=0):
    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True, ddof=ddof) + epsilon)

    return norm


class Rms(nn.Module):
    def forward(self, x):
        return x * torch.rsqrt((x**2).mean(-1, keepdim=True) + 1e-5)


class Conv(nn.Module):
    def __init__(self, stride: int):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, stride=stride, padding=1)

    def forward(self, x):
        return torch.tanh(self.conv(x))


def conv(stride, padding, flipped=False):
    def loss(p, b):
        w = p["conv"]["weight"]
        w = w[:, :, ::-1, ::-1] if flipped else w
        names = ("NCHW", "OIHW", "NCHW")
        h = jax.lax.conv_general_dilated(b["x"], w, (stride, stride), padding, dimension_numbers=names)
        return (jnp.tanh(h + p["conv"]["bias"][:, None, None]) ** 2).mean()

    return loss


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 2)

    def forward(self, x):
        return self.fc(torch.flatten(torch.tanh(x), 1))


def flat(fault):
    def loss(p, b):
        h = jnp.tanh(b["x"])
        h = h.transpose(0, 2, 3, 1) if fault else h
        return (affine(h.reshape(len(h), -1), p["fc"]) ** 2).mean()

    return loss


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        return F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x), is_causal=True)


def attention(scale, offset=0):
    def loss(p, b):
        q, k, v = (affine(b["x"], p[name]) for name in "qkv")
        scores = q @ k.swapaxes(-1, -2) * scale
        seen = jnp.tril(jnp.ones(scores.shape[-2:], bool), offset)
        return ((jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)) @ v) ** 2).mean()

    return loss


def entropy(model, batch):
    return F.cross_entropy(model(batch["x"]), batch["y"], ignore_index=-100)


def ignoring(fault):
    """The mean is over the rows that count; the fault divides by all."""

    def loss(p, b):
        logs = jax.nn.log_softmax(affine(b["x"], p))
        counts = b["y"] >= 0
        each = -jnp.take_along_axis(logs, jnp.where(counts, b["y"], 0)[:, None], 1)[:, 0]
        return jnp.where(counts, each, 0).sum() / (len(each) if fault else counts.sum())

    return loss


def smoothing(epsilon):
    def loss(p, b):
        logs = jax.nn.log_softmax(affine(b["x"], p))
        target = jax.nn.one_hot(b["y"], 3) * (1 - epsilon) + epsilon / 3
        return -(target * logs).sum(-1).mean()

    return loss


class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(5, 3, padding_idx=0)

    def forward(self, x):
        return torch.exp(self.emb(x))


def table(fault):
    def loss(p, b):
        e = p["emb"]["weight"]
        e = e if fault else e.at[0].set(jax.lax.stop_gradient(e[0]))
        return (jnp.exp(e[b["x"]]) ** 2).mean()

    return loss


def huber(delta):
    def loss(p, b):
        r = jnp.abs(affine(b["x"], p) - b["y"])
        return jnp.where(r < delta, 0.5 * r**2, delta * (r - 0.5 * delta)).mean()

    return loss


def line():
    return seeded(lambda: nn.Linear(4, 3))


IGNORED = np.where(np.arange(6) % 3 == 0, -100, classes(6, 3))
IMAGES = {"x": draw(2, 2, 6, 6)}
REPORTED = {
    "GELU by tanh": with_act(nn.GELU(), gelu, jax.nn.gelu, "gelu", "tanh approximation"),
    "quick GELU": with_act(nn.GELU(), gelu, quick_gelu, "gelu", "1.702"),
    "hard sigmoid of Keras": with_act(
        nn.Hardsigmoid(), lambda x: jnp.clip(x + 3, 0, 6) / 6, hard_sigmoid, "hardsigmoid", "Keras's hard sigmoid"
    ),
    "slope of leaky ReLU": with_act(
        nn.LeakyReLU(), jax.nn.leaky_relu, lambda x: jax.nn.leaky_relu(x, 0.3), "leaky_relu", "JAX has 0.3"
    ),
    "SiLU for ReLU": with_act(nn.SiLU(), jax.nn.silu, jax.nn.relu, "silu", "JAX has ReLU"),
    "softmax along the batch": with_act(
        nn.Softmax(-1), jax.nn.softmax, lambda x: jax.nn.softmax(x, 0), "softmax", "softmax along axis 0"
    ),
    "epsilon of a layer norm": with_act(
        nn.LayerNorm(5, elementwise_affine=False), standardise(1e-5), standardise(1e-6), "layer_norm", "JAX has 1e-06"
    ),
    "unbiased layer norm": with_act(
        nn.LayerNorm(5, elementwise_affine=False), standardise(1e-5), standardise(1e-5, 1), "layer_norm", "with N - 1"
    ),
    "RMS norm, epsilon outside": with_act(
        Rms(),
        lambda x: x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-5),
        lambda x: x / (jnp.sqrt((x**2).mean(-1, keepdims=True)) + 1e-5),
        "",
        "PyTorch the second first",
    ),
    "SAME padding at stride 2": ReportedPair(
        seeded(lambda: Conv(2)), square, IMAGES,
        lambda fault: conv(2, "SAME" if fault else [(1, 1), (1, 1)]), "convolution", "padding [(0, 1), (0, 1)]",
    ),
    "kernel turned": ReportedPair(
        seeded(lambda: Conv(1)), square, IMAGES, lambda fault: conv(1, "SAME", fault), "convolution", "kernel turned"
    ),
    "flattened NHWC": ReportedPair(seeded(Flat), square, {"x": draw(3, 3, 2, 2)}, flat, "addmm", "flattened in"),
    "scale of attention": ReportedPair(
        seeded(Attention), square, {"x": draw(2, 3, 4)},
        lambda fault: attention(1.0 if fault else 0.5), "", "PyTorch has 0.7071067812",
    ),
    "causal mask off by one": ReportedPair(
        seeded(Attention), square, {"x": draw(2, 3, 4)},
        lambda fault: attention(0.5, 1 if fault else 0), "", "another mask",
    ),
    "mean over ignored rows": ReportedPair(
        line(), entropy, {"x": draw(6, 4), "y": IGNORED}, ignoring, "nll_loss", "JAX has 6"
    ),
    "label smoothing forgotten": ReportedPair(
        line(), smoothed, {"x": draw(6, 4), "y": classes(6, 3)},
        lambda fault: smoothing(0.0 if fault else 0.1), "", "JAX has 1 where PyTorch has 0.9",
    ),
    "padding row": ReportedPair(
        seeded(Table), square, {"x": np.array([[0, 1], [2, 0]])}, table, "embedding", ""
    ),
    "delta of a Huber loss": ReportedPair(
        line(), lambda m, b: F.huber_loss(m(b["x"]), b["y"]), {"x": draw(6, 4), "y": draw(6, 3, seed=2)},
        lambda fault: huber(0.5 if fault else 1.0), "huber", "",
    ),
}  # fmt: skip
