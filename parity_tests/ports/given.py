"""Ports in flax, nnx and equinox after faults that people reported in public: each once right, once with the fault."""

# ruff: noqa: E731

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import flax.linen as fl
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.nn as nn
import torch.nn.functional as F  # noqa: N812
from flax import nnx


@dataclass
class GivenPair:
    """A torch model, the right function and the wrong one; the mapping by hand, or None where names are paths."""

    source: str
    torch_model: Any
    torch_loss: Any
    batch: Any
    right: Any
    wrong: Any
    params: dict | None
    jax_params: Any = None
    operation: str = ""  # a part of the title of the operation at which PyTorch parts
    cause: str = ""


def rng(seed=0):
    return np.random.RandomState(seed)


def turned(path):
    return {"path": path, "transpose": True}


def kernel(path):
    return {"path": path, "transpose": [2, 3, 1, 0]}


def square(out, y):
    return ((out - y) ** 2).mean()


def squares(model, batch):
    return square(model(batch["x"]), batch["y"])


def entropy(model, batch):
    """Of every row, or of every place of a sequence."""
    return F.cross_entropy(model(batch["x"]).flatten(0, -2), batch["y"].flatten())


def entropy_of(z, y):
    return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()


def gelu():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6))

    class M(fl.Module):
        approximate: bool

        @fl.compact
        def __call__(self, x):
            h = fl.gelu(fl.Dense(12)(x), approximate=self.approximate)
            return fl.Dense(6)(h)

    f = lambda a: lambda p, b: square(M(a).apply(p, b["x"]), b["y"])
    r = rng()
    return GivenPair(
        "goodfire-ai/spd#624",
        model,
        squares,
        {"x": r.randn(8, 6), "y": r.randn(8, 6)},
        f(False),
        f(True),
        {
            "0.weight": turned("params.Dense_0.kernel"),
            "0.bias": "params.Dense_0.bias",
            "2.weight": turned("params.Dense_1.kernel"),
            "2.bias": "params.Dense_1.bias",
        },
        operation="gelu",
        cause="tanh approximation",
    )


class TConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=1, padding=1)
        self.conv2 = nn.Conv2d(4, 5, 3, stride=2, padding=1)
        self.fc = nn.Linear(5, 3)

    def forward(self, x):
        h = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        return self.fc(h.mean((2, 3)))


def conv_same():
    torch.manual_seed(0)
    model = TConv()

    class M(fl.Module):
        pad: Any

        @fl.compact
        def __call__(self, x):  # x is NCHW as torch has it
            h = fl.relu(fl.Conv(4, (3, 3), padding=1, name="conv1")(x.transpose(0, 2, 3, 1)))
            h = fl.relu(fl.Conv(5, (3, 3), strides=2, padding=self.pad, name="conv2")(h))
            return fl.Dense(3, name="fc")(h.mean((1, 2)))

    f = lambda pad: lambda p, b: entropy_of(M(pad).apply(p, b["x"]), b["y"])
    r = rng()
    return GivenPair(
        "google/flax#963, #2993",
        model,
        entropy,
        {"x": r.randn(4, 3, 8, 8), "y": r.randint(0, 3, 4)},
        f(1),
        f("SAME"),
        {
            "conv1.weight": kernel("params.conv1.kernel"),
            "conv1.bias": "params.conv1.bias",
            "conv2.weight": kernel("params.conv2.kernel"),
            "conv2.bias": "params.conv2.bias",
            "fc.weight": turned("params.fc.kernel"),
            "fc.bias": "params.fc.bias",
        },
        operation="convolution",
        cause="padding [(0, 1), (0, 1)]",
    )


class TFlat(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x):
        return self.fc(torch.flatten(torch.relu(self.conv(x)), 1))


def flatten():
    torch.manual_seed(0)
    model = TFlat()

    class M(fl.Module):
        nchw: bool

        @fl.compact
        def __call__(self, x):
            h = fl.relu(fl.Conv(4, (3, 3), padding="VALID", name="conv")(x.transpose(0, 2, 3, 1)))
            if self.nchw:
                h = h.transpose(0, 3, 1, 2)
            return fl.Dense(3, name="fc")(h.reshape(len(h), -1))

    f = lambda n: lambda p, b: entropy_of(M(n).apply(p, b["x"]), b["y"])
    r = rng()
    return GivenPair(
        "MMdnn#595, nn-transfer#17, flax docs",
        model,
        entropy,
        {"x": r.randn(4, 3, 6, 6), "y": r.randint(0, 3, 4)},
        f(True),
        f(False),
        {
            "conv.weight": kernel("params.conv.kernel"),
            "conv.bias": "params.conv.bias",
            "fc.weight": turned("params.fc.kernel"),
            "fc.bias": "params.fc.bias",
        },
        operation="addmm",
        cause="flattened in another order",
    )


class TGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(11, 5)
        self.gru = nn.GRU(5, 4, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.gru(self.emb(x))[1][0])


def gru_eqx():
    """equinox keeps b_ih + b_hh of r, z as one bias and b_hn apart; the sums are made in the loss."""
    torch.manual_seed(0)
    model = TGRU()
    cell0 = eqx.nn.GRUCell(5, 4, key=jax.random.key(0))

    def f(wrong):
        def loss(p, b):
            bi, bh = p["gru"]["bias_ih_l0"], p["gru"]["bias_hh_l0"]
            if wrong:  # all of bias_hh added outside the reset gate; bias_n zero
                bias, bias_n = bi + bh, jnp.zeros(4, bi.dtype)
            else:
                bias, bias_n = bi + bh.at[8:].set(0), bh[8:]
            cell = eqx.tree_at(
                lambda c: (c.weight_ih, c.weight_hh, c.bias, c.bias_n),
                cell0,
                (p["gru"]["weight_ih_l0"], p["gru"]["weight_hh_l0"], bias, bias_n),
            )

            def one(tokens):
                h = jnp.zeros(4, bi.dtype)
                return jax.lax.scan(lambda h, x: (cell(x, h), None), h, p["emb"]["weight"][tokens])[0]

            z = jax.vmap(one)(b["x"]) @ p["out"]["weight"].T + p["out"]["bias"]
            return entropy_of(z, b["y"])

        return loss

    r = rng()
    return GivenPair(
        "patrick-kidger/equinox#1003, google/flax#5594",
        model,
        entropy,
        {"x": r.randint(0, 11, (4, 6)), "y": r.randint(0, 3, 4)},
        f(False),
        f(True),
        None,
        operation="",
        cause="",
    )


def bn_momentum():
    """Right: flax momentum 0.9. Wrong: 0.1 copied from torch, which only the running averages see."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).train()

    class M(fl.Module):
        mom: float

        @fl.compact
        def __call__(self, x):
            h = fl.Dense(8)(x)
            h = fl.BatchNorm(use_running_average=False, momentum=self.mom, epsilon=1e-5)(h)
            return fl.Dense(2)(fl.relu(h))

    stats = {"BatchNorm_0": {"mean": np.zeros(8), "var": np.ones(8)}}

    def f(mom):
        def loss(p, b):
            out, _new = M(mom).apply({**p, "batch_stats": stats}, b["x"], mutable=["batch_stats"])
            return square(out, b["y"])

        return loss

    r = rng()
    return GivenPair(
        "scverse/scvi-tools#2309",
        model,
        squares,
        {"x": r.randn(8, 6), "y": r.randn(8, 2)},
        f(0.9),
        f(0.1),
        {
            "0.weight": turned("params.Dense_0.kernel"),
            "0.bias": "params.Dense_0.bias",
            "1.weight": "params.BatchNorm_0.scale",
            "1.bias": "params.BatchNorm_0.bias",
            "3.weight": turned("params.Dense_1.kernel"),
            "3.bias": "params.Dense_1.bias",
        },
        operation="",
        cause="",
    )


def bn_eval():
    """Running averages in evaluation. Right: torch's buffers closed over. Wrong: epsilon 1e-3 (keras default)."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    model[1].running_mean.copy_(torch.randn(8))
    model[1].running_var.copy_(torch.rand(8) + 0.5)
    model.eval()

    class M(fl.Module):
        eps: float

        @fl.compact
        def __call__(self, x):
            h = fl.Dense(8)(x)
            h = fl.BatchNorm(use_running_average=True, epsilon=self.eps)(h)
            return fl.Dense(2)(fl.relu(h))

    stats = {"BatchNorm_0": {"mean": model[1].running_mean.numpy().copy(), "var": model[1].running_var.numpy().copy()}}
    f = lambda e: lambda p, b: square(M(e).apply({**p, "batch_stats": stats}, b["x"]), b["y"])
    r = rng()
    return GivenPair(
        "keras BatchNormalization epsilon 1e-3",
        model,
        squares,
        {"x": r.randn(8, 6), "y": r.randn(8, 2)},
        f(1e-5),
        f(1e-3),
        {
            "0.weight": turned("params.Dense_0.kernel"),
            "0.bias": "params.Dense_0.bias",
            "1.weight": "params.BatchNorm_0.scale",
            "1.bias": "params.BatchNorm_0.bias",
            "3.weight": turned("params.Dense_1.kernel"),
            "3.bias": "params.Dense_1.bias",
        },
        operation="batch_norm",
        cause="JAX has 0.001",
    )


class TEmb(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(9, 5, padding_idx=0)
        self.fc = nn.Linear(5, 3)

    def forward(self, x):
        return self.fc(torch.tanh(self.emb(x)).mean(1))


def padding_idx():
    torch.manual_seed(0)
    model = TEmb()

    def f(cut):
        def loss(p, b):
            e = p["emb"]["weight"]
            if cut:
                e = e.at[0].set(jax.lax.stop_gradient(e[0]))
            z = jnp.tanh(e[b["x"]]).mean(1) @ p["fc"]["weight"].T + p["fc"]["bias"]
            return entropy_of(z, b["y"])

        return loss

    r = rng()
    x = r.randint(1, 9, (4, 6))
    x[:, 4:] = 0
    return GivenPair(
        "torch padding_idx has no counterpart in flax Embed",
        model,
        entropy,
        {"x": x, "y": r.randint(0, 3, 4)},
        f(True),
        f(False),
        None,
        operation="embedding",
        cause="",
    )


class TTied(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(9, 5)
        self.fc = nn.Linear(5, 5)
        self.head = nn.Linear(5, 9, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, x):
        return self.head(torch.tanh(self.fc(self.emb(x))))


def tied():
    """Wrong: the head reads the embedding through stop_gradient, what an untied copy amounts to."""
    torch.manual_seed(0)
    model = TTied()

    def f(wrong):
        def loss(p, b):
            e = p["emb"]["weight"]
            head = jax.lax.stop_gradient(e) if wrong else e
            z = jnp.tanh(e[b["x"]] @ p["fc"]["weight"].T + p["fc"]["bias"]) @ head.T
            return entropy_of(z, b["y"])

        return loss

    r = rng()
    return GivenPair(
        "weight tying (jax#35409, HF tie_word_embeddings)",
        model,
        entropy,
        {"x": r.randint(0, 9, (4, 6)), "y": r.randint(0, 9, (4, 6))},
        f(False),
        f(True),
        None,
        operation="",
        cause="",
    )


class TStd(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 8)
        self.b = nn.Linear(8, 2)

    def forward(self, x):
        h = self.a(x)
        return self.b((h - h.mean(-1, keepdim=True)) / (h.std(-1, keepdim=True) + 1e-6))


def ddof():
    torch.manual_seed(0)
    model = TStd()
    f = lambda d: (
        lambda p, b: square(
            (lambda h: (h - h.mean(-1, keepdims=True)) / (h.std(-1, keepdims=True, ddof=d) + 1e-6))(
                b["x"] @ p["a"]["weight"].T + p["a"]["bias"]
            )
            @ p["b"]["weight"].T
            + p["b"]["bias"],
            b["y"],
        )
    )
    r = rng()
    return GivenPair(
        "pytorch/pytorch#7028, #19916 (std of torch is unbiased)",
        model,
        squares,
        {"x": r.randn(8, 6), "y": r.randn(8, 2)},
        f(1),
        f(0),
        None,
        operation="std",
        cause="",
    )


class TAttn(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(11, 8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.ln = nn.LayerNorm(8)
        self.head = nn.Linear(8, 11)

    def forward(self, x):
        h = self.emb(x)
        mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device), 1)
        a, _ = self.attn(h, h, h, attn_mask=mask, need_weights=False)
        return self.head(self.ln(h + a))


def attn():
    """The split of in_proj_weight is in the loss. Wrong: scaled by sqrt(d), not by sqrt(d / heads)."""
    torch.manual_seed(0)
    model = TAttn()
    with torch.no_grad():
        model.attn.in_proj_bias.normal_()
        model.attn.out_proj.bias.normal_()

    def f(wrong):
        def loss(p, b):
            a = p["attn"]
            wq, wk, wv = jnp.split(a["in_proj_weight"], 3)
            bq, bk, bv = jnp.split(a["in_proj_bias"], 3)
            tree = {
                "query": {"kernel": wq.T.reshape(8, 2, 4), "bias": bq.reshape(2, 4)},
                "key": {"kernel": wk.T.reshape(8, 2, 4), "bias": bk.reshape(2, 4)},
                "value": {"kernel": wv.T.reshape(8, 2, 4), "bias": bv.reshape(2, 4)},
                "out": {"kernel": a["out_proj"]["weight"].T.reshape(2, 4, 8), "bias": a["out_proj"]["bias"]},
            }
            fn = fl.dot_product_attention
            if wrong:
                fn = lambda q, k, v, **kw: fl.dot_product_attention(q / jnp.sqrt(2.0), k, v, **kw)
            layer = fl.MultiHeadDotProductAttention(num_heads=2, attention_fn=fn)
            h = p["emb"]["weight"][b["x"]]
            mask = fl.make_causal_mask(b["x"])
            h = h + layer.apply({"params": tree}, h, mask=mask)
            h = fl.LayerNorm(epsilon=1e-5).apply({"params": {"scale": p["ln"]["weight"], "bias": p["ln"]["bias"]}}, h)
            z = h @ p["head"]["weight"].T + p["head"]["bias"]
            return entropy_of(z, b["y"])

        return loss

    r = rng()
    return GivenPair(
        "algorithmic-efficiency#135 (query scale, bias shapes)",
        model,
        entropy,
        {"x": r.randint(0, 11, (3, 5)), "y": r.randint(0, 11, (3, 5))},
        f(False),
        f(True),
        None,
        operation="",
        cause="",
    )


def nnx_mlp():
    """nnx: the state as the tree. Wrong: RMSNorm for LayerNorm is too much; use leaky_relu slope 0.2 for 0.01."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(), nn.Linear(8, 2))

    class M(nnx.Module):
        def __init__(self, rngs):
            self.a = nnx.Linear(6, 8, rngs=rngs)
            self.b = nnx.Linear(8, 2, rngs=rngs)

        def __call__(self, x, slope):
            return self.b(nnx.leaky_relu(self.a(x), slope))

    graph, state = nnx.split(M(nnx.Rngs(0)))
    f = lambda s: lambda p, b: square(nnx.merge(graph, p)(b["x"], s), b["y"])
    r = rng()
    tree = jax.eval_shape(lambda: state)
    return GivenPair(
        "TF/keras leaky_relu 0.2/0.3 against torch 0.01",
        model,
        squares,
        {"x": r.randn(8, 6), "y": r.randn(8, 2)},
        f(0.01),
        f(0.2),
        {
            "0.weight": turned("a.kernel.value"),
            "0.bias": "a.bias.value",
            "2.weight": turned("b.kernel.value"),
            "2.bias": "b.bias.value",
        },
        jax_params=tree,
        operation="leaky_relu",
        cause="JAX has 0.2",
    )


GIVEN = {
    f.__name__: f
    for f in (gelu, conv_same, flatten, gru_eqx, bn_momentum, bn_eval, padding_idx, tied, ddof, attn, nnx_mlp)
}
