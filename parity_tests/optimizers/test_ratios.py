"""Where Adam and RMSprop divide noise by noise: seen before the twins part, and never cried where they do not."""

import numpy as np
import pytest

from logreg_jax.bridge import optimizers as in_jax
from logreg_parity import Dataset, Parameters
from logreg_parity.cli import main
from logreg_parity.optimizers import translate as table
from logreg_parity.optimizers.rules import RULES, walk
from logreg_parity.optimizers.translate import problem, translate
from logreg_parity.optimizers.undetermined import NAMES, first_undetermined
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.reference import flatten, value_and_grad
from logreg_parity.truth.ulp import round_dataset, ulp
from logreg_torch.bridge import optimizers as in_torch

SETTINGS = {"adam": {"lr": 0.1}, "adamw": {"lr": 0.1, "weight_decay": 0.01}, "rmsprop": {"lr": 0.01}}


def balanced(seed: int = 0) -> tuple[Dataset, Parameters]:
    """Every row of feature 0 has each label once: at 0 its gradient and the bias's are zero, but not their terms."""
    draw = np.random.RandomState(seed)
    x = 3.1 * np.repeat(draw.standard_normal(50), 2) + 1
    X, y = np.column_stack([x, draw.standard_normal(100)]), np.tile([0.0, 1.0], 50)
    rows = draw.permutation(100)
    return round_dataset(Dataset(X[rows], y[rows], "balanced"), "float32"), Parameters(np.zeros(2), 0.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_coordinate_is_named_before_its_first_move(name, dtype):
    case, settings = balanced(), SETTINGS[name]
    found = first_undetermined(case[0], walk(*case, RULES[name], steps=3, **settings), name, dtype=dtype, **settings)
    assert (found.step, found.coordinate, found.bias) == (1, 0, False)
    assert abs(found.gradient) < found.bound and found.low < 0 < found.high


def test_there_the_twins_do_part():
    """Both gradients are right to a rounding, and the moves differ by a part of the learning rate: as was said.

    How a processor adds decides in which of the orders of the rows the roundings differ; hence several.
    """
    words, gaps = translate("adam", lr=0.1), []
    for seed in range(8):
        case = balanced(seed)
        ours, theirs = (
            in_torch.walk(*case, words.torch, steps=1, dtype="float32"),
            in_jax.walk(*case, words.optax, steps=1, dtype="float32"),
        )
        found = first_undetermined(case[0], ours.astype(float), "adam", dtype="float32", lr=0.1)
        moved = np.array([ours[1, found.coordinate], theirs[1, found.coordinate]]) / 0.1  # from 0, in learning rates
        assert (found.low <= moved).all() and (moved <= found.high).all()
        gaps.append(np.abs(ours[1] - theirs[1]) / 0.1)
    worst = max(gaps, key=np.max)
    assert np.argmax(worst) in (0, 2) and worst.max() > 0.01  # feature 0 or the bias: never feature 1


@pytest.mark.parametrize("name", NAMES)
def test_gradients_as_wrong_as_they_may_be_turn_that_move_and_none_before(name):
    """With errors of drawn signs every move before it keeps its own; errors of one sign turn it."""
    (dataset, start), settings, steps = problem(), SETTINGS[name], 150
    points = walk(dataset, start, RULES[name], steps=steps, **settings)
    found = first_undetermined(dataset, points, name, dtype="float32", **settings)
    draw = np.random.RandomState(0)
    shape = points[:-1].shape
    errors = [draw.choice([-1.0, 1.0], shape), np.ones(shape), -np.ones(shape)]
    ours, drawn, up, down = (moves(name, dataset, points, error, settings) for error in (np.zeros(shape), *errors))
    clear = np.abs(ours) > ulp(np.linalg.norm(points[1:], axis=1), "float32")[:, None]
    before = clear & (np.arange(steps) < found.step - 1)[:, None]
    assert before.sum() > 100 and (np.sign(drawn) == np.sign(ours))[before].all()
    k = found.step - 1, found.coordinate
    assert found.step > 20 and np.sign(up[k]) != np.sign(down[k])
    for move in (ours, drawn, up, down):
        assert found.low * settings["lr"] <= move[k] <= found.high * settings["lr"]


def moves(name, dataset, points, errors, settings):
    """Where the rule goes from each point (T, D + 1), its gradients off by so many times their bound."""
    rule, state, gone = RULES[name], [0 * points[0]] * RULES[name].states, []
    for t, (θ, error) in enumerate(zip(points[:-1], errors, strict=True), start=1):
        at = Parameters(θ[:-1], float(θ[-1]))
        slope = flatten(value_and_grad(at, dataset.X, dataset.y)[1])
        limit = PointBounds(dataset, at, dtype="float32").gradient
        reached, *state = rule.update(t, θ, slope + error * limit, *state, **{**rule.defaults, **settings})
        gone.append(reached - θ + settings["lr"] * settings.get("weight_decay", 0.0) * θ)  # the decay is no ratio
    return np.array(gone)


def test_a_feature_that_is_zero_is_nothing_to_decide():
    case, start = problem()
    with_zero = Dataset(np.column_stack([case.X, np.zeros(case.n_rows)]), case.y, "a column of zeros")
    start = Parameters(np.append(start.weight, 0.0), start.bias)
    points = walk(with_zero, start, RULES["adam"], steps=20, lr=0.1)
    assert first_undetermined(with_zero, points, "adam", dtype="float64", lr=0.1) is None


def test_the_ratio_is_never_wider_than_it_can_be():
    """In Adam's first step |m| / √v is 1."""
    case = balanced()
    found = first_undetermined(case[0], walk(*case, RULES["adam"], steps=1), "adam", dtype="float32")
    assert -1 - 1e-12 < found.low < 0 < found.high < 1 + 1e-12


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("sgd", {}, "that of adam, adamw, rmsprop"),
        ("adam", {"amsgrad": True}, "amsgrad, which makes its ratio another"),
    ],
    ids=["sgd", "amsgrad"],
)
def test_other_ratios_are_refused(name, settings, words):
    with pytest.raises(ValueError, match=words):
        first_undetermined(problem()[0], np.zeros((2, 6)), name, dtype="float64", **settings)


def test_the_command_declines_in_words(monkeypatch, capsys):
    monkeypatch.setattr(table, "ROWS", tuple(row for row in table.ROWS if row.title == "RMSprop"))
    assert main(["optimizers"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "float32: no promise from step" in printed and "float64: the gradients' rounding leaves the sign" in printed
