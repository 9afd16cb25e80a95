"""Mappings that take parameters apart are found by themselves, and formats of 16 bits are judged in themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from logreg_parity import check
from logreg_parity.ports import check as check_module
from logreg_parity.ports import formula, recording
from logreg_parity.ports.check import _alike, _inferred, _mixed
from logreg_parity.ports.mapping import read_layout
from logreg_parity.ports.programs import ForeignProgram
from logreg_parity.ports.sides import Side, Where, load_foreign

B, T, D, N = 3, 4, 6, 6  # square weights, so that shapes do not tell them apart


def gates(params, x, h, names, biased):
    """Every gate's two products."""
    made = {}
    for name in names:
        left = x @ params[f"i{name}"]["kernel"]
        right = h @ params[f"h{name}"]["kernel"]
        made[name] = [p + params[k]["bias"] if k in biased else p for k, p in ((f"i{name}", left), (f"h{name}", right))]
    return made


def lstm(params, x):
    h, c, out = jnp.zeros((B, N)), jnp.zeros((B, N)), []
    for t in range(T):
        z = {k: a + b for k, (a, b) in gates(params, x[:, t], h, "ifgo", ["hi", "hf", "hg", "ho"]).items()}
        c = jax.nn.sigmoid(z["f"]) * c + jax.nn.sigmoid(z["i"]) * jnp.tanh(z["g"])
        h = jax.nn.sigmoid(z["o"]) * jnp.tanh(c)
        out.append(h)
    return jnp.stack(out, 1)


def gru(params, x):
    h, out = jnp.zeros((B, N)), []
    for t in range(T):
        z = gates(params, x[:, t], h, "rzn", ["ir", "iz", "in", "hn"])
        r, u = jax.nn.sigmoid(sum(z["r"])), jax.nn.sigmoid(sum(z["z"]))
        h = (1 - u) * jnp.tanh(z["n"][0] + r * z["n"][1]) + u * h
        out.append(h)
    return jnp.stack(out, 1)


def attention(params, x):
    q, k, v = (x @ params[f"w{n}"] + params[f"b{n}"] for n in "qkv")
    q, k, v = (z.reshape(B, T, 2, -1).transpose(0, 2, 1, 3) for z in (q, k, v))
    weights = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(D / 2), -1)
    return (weights @ v).transpose(0, 2, 1, 3).reshape(B, T, D) @ params["wo"] + params["bo"]


def shapes(**leaves):
    return {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in leaves.items()}


def cell(kernels, biased):
    square = {"kernel": (D, N)}
    return {k: shapes(**square, **({"bias": (N,)} if k in biased else {})) for k in kernels}


RECURRENT = {
    "lstm": (nn.LSTM, lstm, cell(["ii", "if", "ig", "io", "hi", "hf", "hg", "ho"], ["hi", "hf", "hg", "ho"])),
    "gru": (nn.GRU, gru, cell(["ir", "iz", "in", "hr", "hz", "hn"], ["ir", "iz", "in", "hn"])),
}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(D, 2, batch_first=True)
        nn.init.normal_(self.attn.in_proj_bias)

    def forward(self, x):
        return self.attn(x, x, x, need_weights=False)[0]


def found(model, loss, function, tree):
    """The layout that is inferred, and whether the outputs agree with it."""
    torch_side, jax_side = load_foreign("PyTorch"), load_foreign("JAX")
    one, two = ForeignProgram(model, loss), ForeignProgram(tree, function, "JAX")
    here = Where(torch_side.point_of(model), {"x": np.random.RandomState(0).randn(B, T, D)})
    layout = _inferred(one, two, here, jax_side.point_of(tree), "cpu")
    wanted = Side("PyTorch", torch_side, model, loss, None, "cpu").outputs(here, "float64")
    second = Side("JAX", jax_side, tree, function, layout, "cpu")
    return layout, _alike(list(wanted.values()), second, here, layout)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECURRENT)
def test_a_recurrent_cell_is_mapped_by_its_gates(name):
    torch.manual_seed(0)
    kind, function, tree = RECURRENT[name]
    model = kind(D, N, batch_first=True)
    layout, agrees = found(model, lambda m, b: m(b["x"])[0].sum(), lambda p, b: function(p, b["x"]).sum(), tree)
    assert agrees and len(layout.places["weight_ih_l0"]) == (4 if name == "lstm" else 3)


@pytest.mark.slow
def test_attention_is_mapped_by_query_key_and_value():
    torch.manual_seed(0)
    tree = shapes(**{f"w{n}": (D, D) for n in "qkvo"}, **{f"b{n}": (D,) for n in "qkvo"})
    square = lambda x: (x**2).sum()  # noqa: E731
    layout, agrees = found(Attention(), lambda m, b: square(m(b["x"])), lambda p, b: square(attention(p, b["x"])), tree)
    assert agrees and [place.leaf for place in layout.places["attn.in_proj_weight"]] == ["wq", "wk", "wv"]


@pytest.mark.slow
def test_a_flat_dict_of_square_weights_is_tried_both_ways():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(D, D), nn.Tanh(), nn.Linear(D, D))
    tree = shapes(w1=(D, D), w2=(D, D), b1=(D,), b2=(D,))
    for turn in (lambda w: w, jnp.transpose):
        function = lambda p, b, turn=turn: (  # noqa: E731
            (jnp.tanh(b["x"] @ turn(p["w1"]) + p["b1"]) @ turn(p["w2"]) + p["b2"]) ** 2
        ).sum()
        assert found(model, lambda m, b: (m(b["x"]) ** 2).sum(), function, tree)[1]


class Tied(nn.Module):
    """The head is the embedding."""

    def __init__(self):
        super().__init__()
        self.emb, self.inner = nn.Embedding(7, D), nn.Linear(D, D)
        self.head = nn.Linear(D, 7, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, k):
        return self.head(torch.tanh(self.inner(self.emb(k))))


@pytest.mark.slow
def test_a_tied_weight_may_have_two_leaves():
    torch.manual_seed(0)
    model, tree = Tied(), {"emb": shapes(w=(7, D)), "inner": shapes(w=(D, D), b=(D,)), "head": shapes(w=(D, 7))}

    def port(p, b):
        h = jnp.tanh(p["emb"]["w"][b["k"]] @ p["inner"]["w"] + p["inner"]["b"])
        return ((h @ p["head"]["w"]) ** 2).mean()

    batch = {"k": np.array([0, 2, 5, 6, 2])}
    options = {"torch_loss": lambda m, b: (m(b["k"]) ** 2).mean(), "jax_params": tree, "samples": 4, "steps": 1}
    report = check(model, port, batch, **options)
    assert (report.verdict, report.formula) == ("within", "the same")
    assert report.mapping["emb.weight"] == ["emb.w", {"path": "head.w", "transpose": True}]
    cut = lambda p, b: port({**p, "head": {"w": jax.lax.stop_gradient(p["head"]["w"])}}, b)  # noqa: E731
    assert check(model, cut, batch, **options).first.quantity == "gradient of emb.weight"


@pytest.mark.parametrize("words", [{"transpose": True}, {"transpose": [1, 0, 2]}, {"reshape": [12, 2]}, {}])
def test_a_move_and_its_way_back_are_those_of_its_positions(words):
    x = np.random.RandomState(0).randn(2, 3, 4)
    quick = read_layout({"w": {"path": "a", **words}}, {"w": x})
    place = quick.places["w"][0]
    slow = quick._replace(places={"w": (place._replace(axes=None),)})
    there = quick.to_jax({"w": x})["a"]
    assert place.axes is not None and np.array_equal(there, slow.to_jax({"w": x})["a"])
    assert np.array_equal(quick.to_torch({"a": there})["w"], x)
    assert np.array_equal(slow.to_torch({"a": there})["w"], x)


class Normed(nn.Module):
    """A sum of squares in float32, as models of 16 bits have it."""

    def __init__(self, dtype):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(D, N).to(dtype)

    def forward(self, batch):
        h = self.linear(batch["x"])
        wide = h.float()
        return (wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + 1e-6)).to(h.dtype).mul(batch["y"]).sum()


def normed(epsilon):
    def loss(p, batch):
        h = batch["x"] @ p["linear"]["weight"].T + p["linear"]["bias"]
        wide = h.astype(jnp.float32)
        wide = wide * jax.lax.rsqrt((wide * wide).mean(-1, keepdims=True) + epsilon)
        return (wide.astype(h.dtype) * batch["y"]).sum()

    return loss


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "epsilon", "verdict"), [("bfloat16", 1e-6, "within"), ("float16", 1e-5, "OUTSIDE")])
def test_a_model_of_16_bits_is_judged_in_its_own_format(dtype, epsilon, verdict):
    rng = np.random.RandomState(0)
    batch = {"x": rng.randn(5, D), "y": rng.randn(5, N)}
    report = check(Normed(getattr(torch, dtype)), normed(epsilon), batch, samples=6, steps=1)
    assert report.verdict == verdict and {row.dtype for row in report.rows} == {"float64", dtype}
    assert sum("casts to float32 within (test_inferred.py:" in note for note in report.notes) == 2
    if verdict == "OUTSIDE":  # and what comes after the first difference is not asked
        assert "1e-05 (test_inferred.py:" in report.cause
        assert {row.quantity for row in report.rows} == {"loss", "gradient of linear.weight", "gradient of linear.bias"}
        assert any(note.startswith("Not asked, as the two differ before: slope 1") for note in report.notes)


def test_mixed_formats_are_said():
    mixed = nn.Sequential(nn.Linear(2, 2).bfloat16(), nn.Linear(2, 1))
    (note,) = _mixed(ForeignProgram(mixed, name="mine"), "bfloat16")
    assert "mine model keeps its parameters in bfloat16 and float32" in note
    assert not list(_mixed(ForeignProgram(nn.Linear(2, 1)), "float32"))


@pytest.mark.slow
@pytest.mark.parametrize("approximate", [False, True])
def test_a_large_model_is_judged_in_parts_and_its_fault_is_found(monkeypatch, approximate):
    """All limits are a thousandth: weights are known by a sample of their numbers in order."""
    monkeypatch.setattr(recording, "LARGEST", 300)
    monkeypatch.setattr(recording, "SAMPLE", 64)
    monkeypatch.setattr(formula, "LARGEST", 300)
    monkeypatch.setattr(check_module, "LARGE", 300)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(D, 64), nn.GELU(), nn.Linear(64, 4))
    names = {f"{k}.{part}": f"{k}.{part}" for k in (0, 2) for part in ("weight", "bias")}

    def port(p, batch):
        h = batch["x"] @ p["0"]["weight"].T + p["0"]["bias"]
        h = jax.nn.gelu(h, approximate=approximate) @ p["2"]["weight"].T + p["2"]["bias"]
        return ((h - batch["y"]) ** 2).mean()

    rng, said = np.random.RandomState(0), []
    batch = {"x": rng.randn(4, D), "y": rng.randn(4, 4)}
    loss = lambda m, b: ((m(b["x"]) - b["y"]) ** 2).mean()  # noqa: E731
    report = check(model, port, batch, names, torch_loss=loss, say=said.append)
    quantities = {row.quantity for row in report.rows}
    assert report.setting["samples"] == 4 and "gradient, float64, neighbour 4 of 4" in said
    if approximate:
        assert report.verdict == "OUTSIDE" and "slope 1" not in quantities
        assert "gelu" in report.parting[0] and "tanh approximation of GELU" in report.cause
    else:
        assert report.verdict == "within" and {"slope 1", "Hessian-vector product 1"} <= quantities
        assert not {"slope 2", "step 1"} & quantities
