"""``check``: every wrong pair rejected with the first quantity and the cause named, no correct pair ever."""

import json
from functools import reduce

import jax
import numpy as np
import pytest
import torch

from logreg_parity import check
from logreg_parity.ports.check import Measured, plan_for, rows_of
from logreg_parity.ports.mapping import build_tree, read_layout
from logreg_parity.ports.measured import Spread, measure
from logreg_parity.ports.report import markdown, to_json
from logreg_parity.ports.sides import FRAMEWORKS, Side, Where, load_foreign
from parity_tests.pairs import (
    MLP_PARAMS,
    RIGHT,
    WRONG,
    Mlp,
    arguments,
    mlp,
    mlp_batch,
    seeded,
    softmax_batch,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_pair_is_within(name):
    given, options = arguments(RIGHT[name])
    report = check(*given, **options)
    assert report.verdict == "within" and report.first is None and not report.cause
    assert not report.notes  # every quantity could be had


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_pair_is_rejected_with_its_cause(name):
    given, options = arguments(WRONG[name])
    report = check(*given, **options)
    assert report.verdict == "OUTSIDE"
    assert report.first.quantity == WRONG[name].first
    assert WRONG[name].cause in report.cause, report.cause


def verdicts(pair, seeds):
    """The verdicts at random points of all sizes; each side is built, and compiled, once."""
    (model, loss, _, params), options = arguments(pair)
    torch_side, jax_side = (load_foreign(name) for name in FRAMEWORKS)
    start = torch_side.point_of(model)
    layout = read_layout(params, start)
    sides = (
        Side("PyTorch", torch_side, model, options.get("torch_loss"), None, "cpu"),
        Side("JAX", jax_side, build_tree(layout), loss, layout, "cpu"),
    )
    for seed in seeds:
        rng = np.random.RandomState(seed)
        size = 10.0 ** rng.uniform(-2, 0.5)
        point = {name: size * rng.randn(*array.shape) for name, array in start.items()}
        here = Where(point, softmax_batch(seed) if pair.softmax else mlp_batch(seed))
        plan = plan_for(sides[0], here, 2, None, seed)
        stages = [
            measure(sides, here, here.rounded("float32"), plan, stage, samples=8, seed=seed) for stage in plan.stages
        ]
        a, b = (reduce(Spread.joined, spreads) for spreads in zip(*stages, strict=True))
        yield {(row.dtype, row.verdict) for row in rows_of(Measured(sides, here, plan, (a, b), 8, []))}


@pytest.mark.parametrize("name", ["plain", "einsum, other orders", "softmax", "softmax, other form"])
def test_random_correct_pairs_raise_no_alarm(name):
    assert not any("OUTSIDE" in verdict for found in verdicts(RIGHT[name], range(4)) for verdict in found)


def test_random_wrong_pairs_all_do():
    assert all(("float64", "OUTSIDE") in found for found in verdicts(WRONG["gradient, 0.1 %"], range(3)))


def test_a_users_model_is_left_as_it_was():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.random.get_rng_state()

    def loss(params, batch):
        h = batch["x"] @ params["0"]["weight"].T + params["0"]["bias"]
        h = (h - h.mean(0)) / (h.var(0) + 1e-5) ** 0.5 * params["1"]["weight"] + params["1"]["bias"]
        return (h @ params["2"]["weight"].T + params["2"]["bias"]).mean()

    def drawing(model, batch):
        return model(batch["x"]).mean() + 0 * torch.rand(())

    params = {name: tuple(name.split(".")) for name in dict(model.named_parameters())}
    report = check(model, loss, mlp_batch(), params, torch_loss=drawing)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training and all((p.grad == 1).all() for p in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert "in training mode: 1 (BatchNorm1d)" in report.explanation


def test_parameters_of_the_users_own_are_compared_by_name():
    model = seeded(Mlp)
    values = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    layers = [{"w": values["fc1.weight"].T, "b": values["fc1.bias"]}, {"w": values["fc2.weight"].T}]
    layers[1]["b"] = values["fc2.bias"] + np.float32([0, 0, 1, 0])
    tree = {"layers": layers, "out": {"w": values["out.weight"][0], "b": values["out.bias"]}}
    report = check(model, mlp, mlp_batch(), MLP_PARAMS, jax_params=tree)
    assert report.first.quantity == "parameter fc2.bias" and report.first.where == "[2]"
    assert "JAX's own parameters differ from PyTorch's in fc2.bias; at equal parameters all agrees" in report.cause
    shapes = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, w.dtype), tree)
    assert check(model, mlp, mlp_batch(), MLP_PARAMS, jax_params=shapes).verdict == "within"


def test_steps_that_expand_are_not_promised():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 0.7)
    batch = {"x": np.array([[1.3]])}
    report = check(
        model,
        lambda p, b: -((p["weight"] @ b["x"]) ** 2).sum(),
        batch,
        torch_loss=lambda m, b: -(m(b["x"]) ** 2).sum(),
        steps=8,
        learning_rate=16.0,
    )
    assert report.verdict != "OUTSIDE"


def test_the_report_says_everything_three_times():
    given, options = arguments(WRONG["sum"])
    report = check(*given, **options)
    content = json.loads(to_json(report))
    assert content["verdict"] == "OUTSIDE" and content["first"] == "loss" and content["cause"] == report.cause
    assert len(content["rows"]) == len(report.rows)
    for text in (str(report), markdown(report)):
        words = " ".join(text.split())
        assert " ".join(report.cause.split()) in words
        assert "by the spread of 16 one-ulp perturbations" in words and "Hessian-vector product 2" in words
