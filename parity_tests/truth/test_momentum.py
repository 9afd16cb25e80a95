"""Momentum and Nesterov: both twins, the exact run, the certificate of a whole run, and what it rejects.

The certificate is told apart from a guess in both directions: no correct run leaves it, faults leave it at once, and
where steps lead apart it ends in no promise.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.cli import main
from logreg_parity.explain.parting import explain
from logreg_parity.explain.trace import record
from logreg_parity.judge.compare import compare
from logreg_parity.judge.problem import rounded_inputs
from logreg_parity.truth import bounds, momentum, oracle, reference
from logreg_parity.truth.momentum import Velocity, trajectory
from logreg_parity.truth.ulp import format_of
from logreg_parity.twins import Program, Setting, load_twin
from parity_tests.cases import CASES

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]

FORMS = {"plain": {"momentum": 0.875}, "nesterov": {"momentum": 0.875, "nesterov": True}}
PROBLEM = (gaussian(60, 3, seed=2), Parameters(np.array([0.5, -1.0, 0.25]), 0.125))
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def stable(dataset, **options) -> float:
    return 0.5 / bounds.largest_curvature(dataset, **options)


# -- the twins --------------------------------------------------------------------------------------------------------


@each_form
def test_the_reference_is_torch_bit_for_bit_in_exact_numbers(form):
    """Steps whose every product and sum is exact in float64 leave nothing to rounding."""
    parameter = torch.nn.Parameter(torch.tensor([4.0, -2.0], dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=0.5, **form)
    θ, velocity = parameter.detach().numpy().copy(), np.zeros(2)
    for slope in ([1.0, -3.0], [0.5, 2.0], [-4.0, 0.25], [1.0, 1.0]):
        parameter.grad = torch.tensor(slope, dtype=torch.float64)
        optimizer.step()
        θ, velocity = reference.sgd_step(θ, np.array(slope), velocity, 0.5, **form)
        assert np.array_equal(parameter.detach().numpy(), θ)


@pytest.mark.parametrize("wrong", [{"nesterov": True}, {"momentum": -0.5}], ids=["nesterov alone", "negative"])
def test_what_torch_refuses_both_refuse(twin, wrong):
    with pytest.raises(ValueError, match="omentum"):
        twin.train(gaussian(10, 1), Parameters(np.zeros(1), 0.0), steps=1, learning_rate=0.1, **wrong)


def test_a_second_run_starts_from_no_velocity(twin):
    first, second = (
        twin.train(*CASES["correlated"], steps=5, learning_rate=0.1, momentum=0.5, dtype="float64") for _ in range(2)
    )
    assert np.array_equal(first.weights, second.weights)


# -- the certificate --------------------------------------------------------------------------------------------------


@each_form
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["published", "soft", "correlated", "weighted", "saturated", "one-row"])
def test_every_quantity_is_within_its_bound(twins, name, dtype, form, device):
    case = CASES[name]
    setting = Setting(steps=40, learning_rate=stable(case.dataset), **form)
    comparison = compare(twins, *case, setting, dtypes=[dtype], devices=[device])
    assert comparison.verdict == "within", [row for row in comparison.rows if row.verdict != "within"]


@each_form
@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("name", ["weighted", "soft"])
def test_mini_batches_and_penalty(twins, name, how, form):
    case = CASES[name]
    rate = stable(case.dataset, l2=0.125, reduction="sum")
    batches = {"batch_size": 7, "seed": 3}
    setting = Setting(steps=60, learning_rate=rate, l2=0.125, reduction="sum", record=how, **batches, **form)
    comparison = compare(twins, *case, setting)
    assert comparison.verdict == "within", [row for row in comparison.rows if row.verdict != "within"]


def certificate(name, form, dtype, steps, rate=None):
    """A run of the reference with its bounds, and the inputs as it got them."""
    case = CASES[name]
    setting = Setting(steps=steps, learning_rate=rate or stable(case.dataset), **form)
    given = rounded_inputs(*case, setting, dtype)
    program = Program("reference", reference, dtype)
    run = program.train(given.dataset, given.start, given.setting, keep=range(steps + 1))
    weights, biases = run.weights.astype(np.float64), run.biases.astype(np.float64)
    return given, run, trajectory(given.dataset, weights, biases, given.setting, dtype=dtype)


@pytest.mark.parametrize(("dtype", "form"), [("float64", FORMS["plain"]), ("float32", FORMS["nesterov"])], ids=FORMS)
def test_after_5000_steps_the_certificate_still_says_something(dtype, form):
    """It promises more than two thirds of the format's digits, where usual tolerances ask for a third or less."""
    _, run, limits = certificate("published", form, dtype, 5000, rate=0.01)
    size = np.linalg.norm(np.append(run.weights[-1], run.biases[-1]))
    assert limits.parameters[-1] < format_of(dtype).unit_roundoff ** (2 / 3) * size * 16
    assert np.isfinite(limits.losses).all()


@each_form
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["published", "correlated", "one-row", "rare"])
def test_gradients_as_wrong_as_they_may_be_stay_within_and_near(name, form, dtype):
    """All errors of the gradient at their limit and of one sign: within the bound, and a good part of it.

    The run has no rounding of its own beside them (it is computed in MPFR and its points are not rounded), so it would
    take less of the bound than a program may. That it takes an eighth shows that the bound is no guess.
    """
    case, steps = CASES[name], 60
    given = rounded_inputs(*case, Setting(steps=steps, learning_rate=stable(case.dataset), **form), dtype)
    rate, arguments = given.setting.learning_rate, {"sample_weight": given.dataset.sample_weight}
    θ, velocity = reference.flatten(given.start), 0.0
    points = [θ]
    for _ in range(steps):
        at = Parameters(θ[:-1], float(θ[-1]))
        slope = reference.value_and_grad(at, given.dataset.X, given.dataset.y, **arguments)[1]
        limit = bounds.PointBounds(given.dataset, at, dtype=dtype).gradient
        θ, velocity = reference.sgd_step(θ, reference.flatten(slope) - limit, velocity, rate, **form)
        points.append(θ)
    points = np.array(points)
    exact = oracle.trajectory(given.dataset, given.start, given.setting)
    error = np.linalg.norm(oracle.distance(points, np.column_stack([exact.weights, exact.biases])), axis=1)
    limits = trajectory(given.dataset, points[:, :-1], points[:, -1], given.setting, dtype=dtype)
    assert 1 / 8 < np.max(error[1:] / limits.parameters[1:]) <= 1


@pytest.mark.parametrize("name", ["published", "correlated", "weighted"])
def test_without_momentum_it_comes_to_the_bound_of_plain_descent(name):
    """A momentum of 2^-1000 is none: two derivations, and at most a factor 2 between them."""
    given, run, plain = certificate(name, {}, "float64", 300)
    setting = replace(given.setting, momentum=2.0**-1000)
    ellipsoid = trajectory(given.dataset, run.weights, run.biases, setting, dtype="float64")
    ratio = ellipsoid.parameters[1:] / plain.parameters[1:]
    assert (ratio > 1 / 2).all() and (ratio < 2).all()


@each_form
def test_past_the_edge_of_stability_nothing_is_promised(form):
    """A step of 4 (1 + μ) / λ, at least twice the edge of a quadratic, on data whose curvature stays: a penalty's."""
    dataset = Dataset([[0.0], [0.0]], [0, 1], "only the penalty bends")
    start = Parameters(np.array([1.0]), 0.0)
    setting = Setting(steps=60, learning_rate=4 * 1.875, l2=1.0, **form)
    comparison = compare({"reference": reference}, dataset, start, setting, dtypes=["float64"], devices=["cpu"])
    assert comparison.verdict == "no promise"
    slower = replace(setting, learning_rate=0.5)
    calm = compare({"reference": reference}, dataset, start, slower, dtypes=["float64"])
    assert calm.verdict == "within"


def test_an_ellipsoid_holds_the_sum_of_what_it_was_made_of():
    """Points on the surface of each summand, in all directions: the sum is inside, and its hull nearly touches."""
    draw = np.random.RandomState(0)
    shapes = [A @ A.T for A in draw.standard_normal((3, 4, 4)) * [[[1.0]], [[8.0]], [[0.125]]]]
    around = momentum._around_sum(shapes)
    directions = draw.standard_normal((2000, 4))
    farthest = sum(np.sqrt(np.sum((directions @ Q) * directions, axis=1)) for Q in shapes)
    share = farthest / np.sqrt(np.sum((directions @ around) * directions, axis=1))
    assert 0.9 < share.max() <= 1
    edges = draw.standard_normal((4, 5))
    corner = np.abs(directions @ edges).sum(axis=1)  # the support function of the box
    share = corner / np.sqrt(np.sum((directions @ momentum._around_box(edges)) * directions, axis=1))
    assert 0.9 < share.max() <= 1


@each_form
def test_the_velocity_of_a_coarse_run_is_where_it_is_said_to_be(form):
    """float32 velocities of rounded gradients against those of the same gradients in float64."""
    draw = np.random.RandomState(1)
    slopes, limit = draw.standard_normal((60, 3)), np.full(3, 1e-6)
    setting = Setting(steps=60, learning_rate=1.0, **form)
    known, value = Velocity(3, setting, "float32"), np.zeros(3, np.float32)
    for slope in slopes:
        off, *_ = known.add(slope, limit)
        wrong = (slope + draw.choice([-1, 1], 3) * limit).astype(np.float32)
        direction, value = reference.sgd_step(np.float32(0), wrong, value, np.float32(-1), **form)
        assert (np.abs(value - known.value) <= known.astray).all() and (
            np.abs(direction - known.direction) <= off
        ).all()


@each_form
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [None, 7], ids=["all rows", "batches"])
def test_correct_runs_agree(twins, form, dtype, batch_size):
    setting = Setting(steps=40, learning_rate=2.0**-4, l2=2.0**-6, batch_size=batch_size, **form)
    runs = [record(name, twin, *PROBLEM, setting, dtype=dtype) for name, twin in twins.items()]
    found = explain(*runs)
    assert found.verdict == "agree", found


# -- what people type -------------------------------------------------------------------------------------------------


def test_the_command_takes_it_all_the_way(tmp_path, capsys):
    common = ["--momentum", "0.75", "--nesterov", "--steps", "20", "--dtype", "float64"]
    assert main([*common, "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "comparison.json").read_text())
    assert (report["setting"]["momentum"], report["setting"]["nesterov"]) == (0.75, True)
    assert "with Nesterov momentum 0.75" in report["summary"]
    for name in ("logreg_torch", "logreg_jax"):
        assert main(["record", "--twin", name, *common, "--out", str(tmp_path / f"{name}.npz")]) == 0
    assert main(["explain", *(str(tmp_path / f"{name}.npz") for name in ("logreg_torch", "logreg_jax"))]) == 0
    assert main(["record", "--twin", "logreg_jax", "--steps", "20", "--out", str(tmp_path / "none.npz")]) == 0
    capsys.readouterr()
    assert main(["explain", str(tmp_path / "logreg_jax.npz"), str(tmp_path / "none.npz")]) == 2
    assert "momentum (0.75 and 0.0)" in capsys.readouterr().err


def test_a_twin_that_knows_no_momentum_is_asked_only_where_there_is_some(tmp_path, monkeypatch, capsys):
    """museum.by_hand has none: it is judged as before, and with a momentum there is a message and no report."""
    (tmp_path / "plain_model.py").write_text(
        "from logreg_parity.museum.by_hand import ByHand\nit = ByHand()\n"
        "devices, versions, evaluate, train = it.devices, it.versions, it.evaluate, it.train\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    quick = ["--twins", "plain_model", "--steps", "5", "--dtype", "float64", "--out", str(tmp_path / "out")]
    assert main(quick) == 0
    assert main([*quick[:-1], str(tmp_path / "none"), "--momentum", "0.5"]) == 2
    assert "plain_model.train takes no momentum and no nesterov" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert load_twin("plain_model").train


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"momentum": 1.0}, "from 0 to less than 1"), ({"nesterov": True}, "give a momentum too")],
    ids=["one", "nesterov alone"],
)
def test_a_setting_that_makes_no_sense_is_refused(setting, words):
    with pytest.raises(ValueError, match=words):
        Setting(steps=5, learning_rate=0.1, **setting)


def test_the_command_refuses_it_too(tmp_path, capsys):
    assert main(["--nesterov", "--out", str(tmp_path / "out")]) == 2
    assert "without --momentum" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--momentum", "1"])
