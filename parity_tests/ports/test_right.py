"""Right ports that a check could take for wrong, and what it must not pass in silence."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from logreg_parity import ForeignProgram, check
from logreg_parity.ports.arrays import UnfitError
from logreg_parity.ports.mapping import read_layout
from parity_tests.pairs import seeded

FEW = {"samples": 4, "steps": 1}


def rows(*shape, seed=0):
    return np.random.RandomState(seed).randn(*shape)


def mean_square(model, batch):
    return (model(batch["x"]) ** 2).mean()


@pytest.mark.slow
def test_a_quantity_counts_where_every_run_has_it():
    """An LSTM has a slope in float64 and none in float32."""
    model = seeded(lambda: torch.nn.LSTM(2, 3, batch_first=True))

    def loss(p, b):
        h = c = jnp.zeros((len(b["x"]), 3), b["x"].dtype)
        seen = []
        for t in range(b["x"].shape[1]):
            z = b["x"][:, t] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_ih_l0"] + p["bias_hh_l0"]
            i, f, g, o = jnp.split(z, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            seen.append(h)
        return (jnp.stack(seen, 1) ** 2).mean()

    report = check(model, loss, {"x": rows(2, 1, 2)}, torch_loss=lambda m, b: (m(b["x"])[0] ** 2).mean(), **FEW)
    assert report.verdict == "within" and "No slope was compared" in report.notes[0]


def test_numbers_below_the_normal_range():
    """XLA has zeros there, PyTorch does not."""
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.constant_(model.weight, 1.5e-19)
    report = check(
        model,
        lambda p, b: ((b["x"] * 1e-10 @ p["weight"].T) * 1e-10).sum() + b["x"].sum() ** 2,
        {"x": np.ones((3, 2))},
        torch_loss=lambda m, b: (m(b["x"] * 1e-10) * 1e-10).sum() + b["x"].sum() ** 2,
        **FEW,
    )
    assert report.verdict == "within"


class Normed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = torch.nn.BatchNorm1d(3)
        self.bn.running_mean.copy_(torch.tensor([0.1, -0.2, 0.3]))
        self.bn.running_var.copy_(torch.tensor([0.7, 1.1, 1.3]))

    def forward(self, batch):
        return (self.bn(batch["x"]) ** 3).mean()


def normed(mean, var, epsilon=1e-5):
    def loss(p, b):
        h = (b["x"] - mean) * jax.lax.rsqrt(var + epsilon) * p["bn"]["weight"] + p["bn"]["bias"]
        return (h**3).mean()

    return loss


@pytest.mark.slow
def test_state_that_is_closed_over_is_cast():
    model = Normed().eval()
    held = [jnp.asarray(model.bn.running_mean.numpy()), jnp.asarray(model.bn.running_var.numpy())]
    right = check(model, normed(*held), {"x": rows(5, 3)}, **FEW)
    assert right.verdict == "within" and any("closes over float32" in note for note in right.notes)
    assert check(model, normed(*held, epsilon=1.1e-5), {"x": rows(5, 3)}, **FEW).verdict == "OUTSIDE"


def in_training(momentum):
    def loss(p, b):
        mean, var = b["x"].mean(0), b["x"].var(0)
        h = (b["x"] - mean) * jax.lax.rsqrt(var + 1e-5) * p["bn"]["weight"] + p["bn"]["bias"]
        n = len(b["x"])
        new = {
            "mean": (1 - momentum) * p["state"]["mean"] + momentum * mean,
            "var": (1 - momentum) * p["state"]["var"] + momentum * var * n / (n - 1),
        }
        return (h**3).mean(), {"state": new}

    return loss


@pytest.mark.slow
def test_the_state_after_a_pass_is_compared():
    mapping = {"bn.weight": "bn.weight", "bn.bias": "bn.bias"}
    mapping |= {"bn.running_mean": "state.mean", "bn.running_var": "state.var"}
    right = check(Normed(), in_training(0.1), {"x": rows(5, 3)}, mapping, **FEW)
    assert right.verdict == "within"
    assert {"bn.running_mean after a pass", "bn.running_var after a pass"} <= {row.quantity for row in right.rows}
    wrong = check(Normed(), in_training(0.9), {"x": rows(5, 3)}, mapping, **FEW)
    assert wrong.verdict == "OUTSIDE" and wrong.first.quantity == "bn.running_mean after a pass"
    assert "moves bn.running_mean 9 times as far" in wrong.cause


class Padded(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = torch.nn.Embedding(5, 3, padding_idx=0)

    def forward(self, batch):
        return torch.exp(self.emb(batch["x"])).mean()


def test_a_side_that_contradicts_itself_is_named():
    """PyTorch cuts the row of padding_idx in reverse mode and not in forward mode."""

    def loss(p, b):
        e = p["emb"]["weight"]
        return jnp.exp(e.at[0].set(jax.lax.stop_gradient(e[0]))[b["x"]]).mean()

    report = check(seeded(Padded), loss, {"x": np.array([[0, 1], [2, 0]])}, **FEW)
    assert report.verdict == "within" and "PyTorch's slope 1 contradicts its own gradient" in report.notes[0]


def test_a_kink_is_named():
    model = seeded(lambda: torch.nn.Linear(3, 3, bias=False))
    tie = {"x": model.weight.detach().numpy()[0].astype(np.float64)}
    report = check(
        model,
        lambda p, b: jnp.maximum(p["weight"][0], b["x"]).sum(),
        tie,
        torch_loss=lambda m, b: torch.relu(m.weight[0] - b["x"]).sum() + b["x"].sum(),
        **FEW,
    )
    assert report.verdict == "no promise" and "on a kink" in report.cause and "move the numbers" in report.cause


def test_a_loss_of_zero_is_no_crash():
    model = torch.nn.Linear(2, 1, bias=False)
    batch = {"x": np.zeros((2, 2))}
    report = check(model, lambda p, b: 1e-3 + 0 * p["weight"].sum(), batch, torch_loss=mean_square, **FEW)
    assert report.verdict == "OUTSIDE"


OLD = seeded(lambda: torch.nn.Linear(4, 2))
BATCH = {"x": rows(5, 4)}


@pytest.mark.slow
def test_two_of_one_framework():
    same, other = copy.deepcopy(OLD), copy.deepcopy(OLD)
    report = check((OLD, mean_square), (same, mean_square), BATCH, **FEW)
    assert report.verdict == "within" and report.names == ("PyTorch A", "PyTorch B")
    doubled = ForeignProgram(other, lambda m, b: 2 * mean_square(m, b), name="new")
    report = check((OLD, mean_square), doubled, BATCH, **FEW)
    assert report.verdict == "OUTSIDE" and "new's loss and its whole gradient are 2 times PyTorch's" in report.cause


@pytest.mark.slow
def test_a_compiled_module_keeps_its_names():
    compiled = torch.compile(copy.deepcopy(OLD), backend="eager")
    report = check((OLD, mean_square), (compiled, mean_square), BATCH, **FEW)
    assert report.verdict == "within" and list(report.places) == ["weight", "bias"]


def plain(p, b):
    return ((b["x"] @ p["weight"].T + p["bias"]) ** 2).mean()


@pytest.mark.slow
def test_numpy_is_held_by_its_values():
    tree = {name: value.detach().numpy() for name, value in OLD.named_parameters()}
    assert check((OLD, mean_square), ForeignProgram(tree, plain, "NumPy"), BATCH, **FEW).verdict == "within"
    wrong = ForeignProgram(tree, lambda p, b: plain(p, b) * (1 + 1e-9), "NumPy")
    assert check((OLD, mean_square), wrong, BATCH, **FEW).verdict == "OUTSIDE"
    assert check((plain, tree), (OLD, mean_square), BATCH, **FEW).verdict == "within"  # JAX first


@pytest.mark.slow
def test_outputs_of_any_make():
    def outputs(p, b):
        return {"y": b["x"] @ p["weight"].T + p["bias"]}

    class Outputs(torch.nn.Linear):
        def forward(self, batch):
            return {"y": super().forward(batch["x"])}

    model = seeded(lambda: Outputs(4, 2))
    report = check(model, outputs, BATCH, **FEW)
    assert report.verdict == "within" and report.rows[0].quantity == "output 1"
    with pytest.raises(UnfitError, match="outputs of shapes"):
        check(model, lambda p, b: outputs(p, b)["y"].T, BATCH, **FEW)


def test_one_parameter_in_many_places_and_many_in_one():
    point = {"w": np.arange(12.0).reshape(6, 2), "a": np.ones(2), "b": np.full(2, 3.0)}
    mapping = {
        "w": [{"path": "q", "slice": [0, 2], "transpose": True}, {"path": "k", "slice": [2, 6]}],
        "a": {"path": "sum", "add": True},
        "b": [{"path": "sum", "add": True}, {"path": "copy"}],
    }
    layout = read_layout(mapping, point)
    there = layout.to_jax(point)
    assert np.array_equal(there["q"], point["w"][:2].T) and np.array_equal(there["k"], point["w"][2:])
    assert np.array_equal(there["sum"], [4, 4]) and np.array_equal(there["copy"], [3, 3])
    back = layout.to_torch({name: np.ones_like(leaf) for name, leaf in there.items()})
    assert np.array_equal(back["b"], [2, 2]) and np.array_equal(back["w"], np.ones((6, 2)))
    with pytest.raises(UnfitError, match="a place to 4 of its 12"):
        read_layout({**mapping, "w": {"path": "q", "slice": [0, 2]}}, point)
