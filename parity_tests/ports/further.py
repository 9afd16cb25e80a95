"""Further ports, written when the tool stood: losses, layers and steps whose ports go wrong, each right and wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from parity_tests.pairs import seeded
from parity_tests.ports.reported import ReportedPair, affine, classes, draw, line, square, with_act

ROWS = {"x": draw(6, 4), "y": classes(6, 3)}
TARGETS = {"x": draw(6, 4), "y": draw(6, 3, seed=2)}
SEQUENCE = {"x": draw(2, 5, 4)}
PICTURES = {"x": draw(2, 4, 5, 5)}


class Then(nn.Module):
    """A scale, a layer, and a tanh, after which no constant factor is left; parameters that are no 0 and no 1."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner, self.scale = inner, nn.Parameter(torch.empty(()))
        for parameter in self.parameters():
            nn.init.normal_(parameter, 1.0, 0.4)

    def forward(self, x):
        return torch.tanh(self.inner(self.scale * x))


def then(layer, batch, port, operation, cause=""):
    """A pair of one layer; ``port(fault)(parameters of the layer, x)`` is the layer in JAX."""

    def whole(fault):
        def loss(p, b):
            out = jnp.tanh(port(fault)(p.get("inner", {}), p["scale"] * b["x"]))
            return (out**2 * jnp.arange(1.0, out.size + 1, dtype=out.dtype).reshape(out.shape)).mean()

        return loss

    return ReportedPair(seeded(lambda: Then(layer())), weighed, batch, whole, operation, cause)


def weighed(model, batch):
    """A mean of squares that sees an order."""
    out = model(batch["x"])
    return (out**2 * torch.arange(1, out.numel() + 1, dtype=out.dtype).reshape(out.shape)).mean()


def of_logits(loss, port, operation, cause="", batch=ROWS):
    """A pair of a linear layer and a loss; ``port(fault)(logits, y)`` is the loss in JAX."""
    return ReportedPair(
        line(), lambda m, b: loss(m(b["x"]), b["y"]), batch,
        lambda fault: lambda p, b: port(fault)(affine(b["x"], p), b["y"]), operation, cause,
    )  # fmt: skip


# ---- losses


def focal(z, y):
    each = F.cross_entropy(z, y, reduction="none")
    return ((1 - torch.exp(-each)) ** 2 * each).mean()


def picked(z, y):
    return jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)[:, 0]


def focal_port(fault):
    return lambda z, y: -((1 - jnp.exp(picked(z, y))) ** (1 if fault else 2) * picked(z, y)).mean()


def smoothing_port(fault):
    """The fault deals the mass to the other classes alone, as Keras's older formula does."""

    def loss(z, y):
        hot = jax.nn.one_hot(y, 3)
        target = 0.9 * hot + 0.1 * ((1 - hot) / 2 if fault else jnp.ones((1, 3)) / 3)
        return -(target * jax.nn.log_softmax(z)).sum(1).mean()

    return loss


def smooth_l1_port(fault):
    def loss(z, y):
        r = jnp.abs(z - y)
        return jnp.where(r < 0.5, 0.5 * r**2 / (1 if fault else 0.5), r - 0.25).mean()

    return loss


def kl(z, y):
    return F.kl_div(F.log_softmax(z, 1), F.softmax(y, 1), reduction="batchmean")


def kl_port(fault):
    def loss(z, y):
        q = jax.nn.softmax(y)
        each = q * (jax.nn.log_softmax(y) - jax.nn.log_softmax(z))
        return each.mean() if fault else each.sum() / len(z)

    return loss


WEIGHTS = np.array([0.3, 1.0, 2.5])


def weighted(z, y):
    return F.cross_entropy(z, y, torch.tensor(WEIGHTS, dtype=z.dtype))


def weighted_port(fault):
    def loss(z, y):
        w = jnp.asarray(WEIGHTS, z.dtype)[y]
        return -(w * picked(z, y)).sum() / (len(y) if fault else w.sum())

    return loss


def positive(z, y):
    return F.binary_cross_entropy_with_logits(z, torch.sigmoid(y), pos_weight=torch.tensor(3.0, dtype=z.dtype))


def positive_port(fault):
    def loss(z, y):
        t = jax.nn.sigmoid(y)
        both = 3 * t * jax.nn.softplus(-z) + (1 - t) * (3 if fault else 1) * jax.nn.softplus(z)
        return both.mean()

    return loss


def cosine(z, y):
    return (1 - F.cosine_similarity(z, y, dim=1)).mean()


def cosine_port(fault):
    def loss(z, y):
        axis = 0 if fault else 1
        size = jnp.sqrt((z**2).sum(axis)) * jnp.sqrt((y**2).sum(axis))
        return (1 - (z * y).sum(axis) / size).mean()

    return loss


def triplet(z, y):
    return F.triplet_margin_loss(z, y, y.flip(0), margin=4.0)


def triplet_port(fault):
    def loss(z, y):
        far = lambda a, b: jnp.sqrt(((a - b + (0 if fault else 1e-6)) ** 2).sum(1))  # noqa: E731
        return jnp.maximum(far(z, y) - far(z, y[::-1]) + 4.0, 0).mean()

    return loss


# ---- layers


def group_norm(fault):
    """The fault takes every second channel as a group."""

    def layer(p, x):
        n, c = x.shape[:2]
        split = x.reshape(n, c // 2, 2, -1).swapaxes(1, 2) if fault else x.reshape(n, 2, c // 2, -1)
        away = split - split.mean((2, 3), keepdims=True)
        away = away / jnp.sqrt(split.var((2, 3), keepdims=True) + 1e-5)
        away = (away.swapaxes(1, 2) if fault else away).reshape(x.shape)
        return away * p["weight"][:, None, None] + p["bias"][:, None, None]

    return layer


def transposed(fault):
    """The fault leaves the kernel as it is, where a gradient of a convolution turns it."""

    def layer(p, x):
        w = p["weight"].swapaxes(0, 1)
        w = w if fault else w[:, :, ::-1, ::-1]
        out = jax.lax.conv_general_dilated(
            x, w, (1, 1), [(1, 2), (1, 2)], lhs_dilation=(2, 2), dimension_numbers=("NCHW", "OIHW", "NCHW")
        )
        return out + p["bias"][:, None, None]

    return layer


def norm_over(fault):
    def layer(p, x):
        axes = (-1,) if fault else (-2, -1)
        away = x - x.mean(axes, keepdims=True)
        return away / jnp.sqrt(x.var(axes, keepdims=True) + 1e-5) * p["weight"] + p["bias"]

    return layer


def rms_norm(fault):
    """The fault has 1 + weight, as Gemma keeps it."""

    def layer(p, x):
        scale = p["weight"] + 1 if fault else p["weight"]
        return x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-6) * scale

    return layer


def glu(fault):
    def layer(p, x):
        a, b = jnp.split(x, 2, -1)
        return b * jax.nn.sigmoid(a) if fault else a * jax.nn.sigmoid(b)

    return layer


def averaged(fault):
    """The fault counts the padding."""

    def layer(p, x):
        window = lambda a: jax.lax.reduce_window(  # noqa: E731
            a, 0.0, jax.lax.add, (1, 1, 3, 3), (1, 1, 2, 2), ((0, 0), (0, 0), (1, 1), (1, 1))
        )
        return window(x) / (9 if fault else window(jnp.ones_like(x)))

    return layer


def ceiled(fault):
    """5 to 3 by windows of 2; the fault starts with the padding."""

    def layer(p, x):
        pads = ((0, 0), (0, 0)) + (((1, 0),) if fault else ((0, 1),)) * 2
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), pads)

    return layer


def weight_norm(fault):
    """The fault takes one norm over the whole matrix."""

    def loss(p, b):
        p = p["parametrizations"]["weight"] | {"bias": p["bias"]}
        g, v = p["original0"], p["original1"]
        size = jnp.sqrt((v**2).sum(None if fault else 1, keepdims=not fault))
        return ((b["x"] @ (g * v / size).T + p["bias"]) ** 2).mean()

    return loss


class Rotary(nn.Module):
    """Places turned in pairs of neighbours."""

    def __init__(self):
        super().__init__()
        self.q = nn.Linear(4, 4)

    def forward(self, x):
        x = self.q(x)
        at = torch.arange(x.shape[1], dtype=x.dtype)[:, None] * torch.tensor([1.0, 0.01], dtype=x.dtype)
        a, b = x[..., 0::2], x[..., 1::2]
        turned = torch.stack([a * at.cos() - b * at.sin(), a * at.sin() + b * at.cos()], -1).flatten(-2)
        return turned @ turned.transpose(-1, -2)


def rotary(fault):
    """The fault pairs the halves, as GPT-NeoX does."""

    def loss(p, b):
        x = affine(b["x"], p["q"])
        at = jnp.arange(x.shape[1], dtype=x.dtype)[:, None] * jnp.array([1.0, 0.01], x.dtype)
        one, two = jnp.split(x, 2, -1) if fault else (x[..., 0::2], x[..., 1::2])
        parts = [one * jnp.cos(at) - two * jnp.sin(at), one * jnp.sin(at) + two * jnp.cos(at)]
        turned = jnp.concatenate(parts, -1)
        return ((turned @ turned.swapaxes(-1, -2)) ** 2).mean()

    return loss


# ---- steps of an optimiser, which are functions too


def adam(model, batch):
    w, g = model.weight, torch.tanh(model.weight) * batch["x"]
    m, v = 0.1 * g / (1 - 0.9), 0.001 * g**2 / (1 - 0.999)
    return w - 0.01 * m / (v.sqrt() + 1e-3)


def adam_port(fault):
    """The fault has the epsilon under the root."""

    def step(p, b):
        g = jnp.tanh(p["weight"]) * b["x"]
        m, v = 0.1 * g / (1 - 0.9), 0.001 * g**2 / (1 - 0.999)
        down = jnp.sqrt(v + 1e-3) if fault else jnp.sqrt(v) + 1e-3
        return p["weight"] - 0.01 * m / down

    return step


def decay(model, batch):
    w, g = model.weight, torch.tanh(model.weight) * batch["x"]
    return w * (1 - 0.01 * 0.1) - 0.01 * torch.sign(batch["x"]) * g / (g.abs() + 1e-3)


def decay_port(fault):
    """The fault puts the decay into the gradient."""

    def step(p, b):
        w, x = p["weight"], b["x"]
        g = jnp.tanh(w) * x
        g = g + 0.1 * w if fault else g
        return w * (1 if fault else 1 - 0.01 * 0.1) - 0.01 * jnp.sign(x) * g / (jnp.abs(g) + 1e-3)

    return step


def clipped(model, batch):
    g = torch.tanh(model.weight) * batch["x"]
    return g * torch.clamp(1.0 / (g.norm() + 1e-6), max=1.0)


def clipped_port(fault):
    def step(p, b):
        g = jnp.tanh(p["weight"]) * b["x"]
        return g * jnp.minimum(1.0 / (jnp.sqrt((g**2).sum()) + (0 if fault else 1e-6)), 1)

    return step


def of_steps(step, port, operation, cause=""):
    """A pair of one step; its numbers are summed, each times a number of its own."""

    def whole(fault):
        def loss(p, b):
            out = port(fault)(p, b)
            return (out * jnp.arange(1.0, out.size + 1, dtype=out.dtype).reshape(out.shape)).sum()

        return loss

    def own(model, batch):
        out = step(model, batch)
        return (out * torch.arange(1, out.numel() + 1, dtype=out.dtype).reshape(out.shape)).sum()

    return ReportedPair(line(), own, {"x": draw(3, 4, seed=5)}, whole, operation, cause)


FURTHER = {
    "focal loss, its power": of_logits(focal, focal_port, "pow", "raises to the power 2"),
    "smoothing over the other classes": of_logits(
        lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1), smoothing_port, "nll_loss", "JAX has 0.85",
    ),
    "smooth L1, its beta": of_logits(
        lambda z, y: F.smooth_l1_loss(z, y, beta=0.5), smooth_l1_port, "smooth_l1", "divides by 0.5", TARGETS
    ),
    "mean for batchmean": of_logits(kl, kl_port, "div", "JAX has 18", TARGETS),
    "mean of weighted classes": of_logits(weighted, weighted_port, "nll_loss", "JAX has 6"),
    "weight of the positive class": of_logits(
        positive, positive_port, "binary_cross_entropy", "JAX multiplies by 3", TARGETS
    ),
    "cosine along the batch": of_logits(cosine, cosine_port, "norm", "along axis 1", TARGETS),
    "epsilon of a triplet loss": of_logits(triplet, triplet_port, "add", "1e-06", TARGETS),
    "groups of a group norm": then(lambda: nn.GroupNorm(2, 4), PICTURES, group_norm, "group_norm", "every 2th"),
    "transposed convolution": then(
        lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),
        PICTURES, transposed, "convolution", "kernel turned",
    ),
    "layer norm over two axes": then(
        lambda: nn.LayerNorm((5, 4)), SEQUENCE, norm_over, "layer_norm", "the mean along axis 2"
    ),
    "RMS norm, 1 + weight": then(lambda: nn.RMSNorm(4, eps=1e-6), SEQUENCE, rms_norm, "mul", "JAX adds 1"),
    "halves of a GLU": then(nn.GLU, SEQUENCE, glu, "glu", "in the order (1, 0)"),
    "softplus, its beta": with_act(
        nn.Softplus(2), lambda x: jax.nn.softplus(2 * x) / 2, lambda x: jax.nn.softplus(2 * x), "softplus", "2"
    ),
    "padding counted in a mean": then(
        lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), PICTURES, averaged, "avg_pool", "JAX has 9"
    ),
    "ceil_mode": then(
        lambda: nn.MaxPool2d(2, ceil_mode=True), PICTURES, ceiled, "max_pool", "padding [(1, 0), (1, 0)]"
    ),
    "weight norm": ReportedPair(
        seeded(lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))),
        square, {"x": draw(6, 4)}, weight_norm, "norm", "the sum along axis 1",
    ),
    "rotary places": ReportedPair(seeded(Rotary), square, SEQUENCE, rotary, "mul", "one block after the other"),
    "epsilon of Adam": of_steps(adam, adam_port, "sqrt", "JAX the second first"),
    "weight decay in the gradient": of_steps(decay, decay_port, "mul", "multiplies by 0.999"),
    "epsilon of clipping": of_steps(clipped, clipped_port, "add", "1e-06"),
}  # fmt: skip
