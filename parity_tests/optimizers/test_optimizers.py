"""The optimisers: what the table calls exact is within rounding, what it does not is not, and faults are seen.

Every comparison is with the exact walk in MPFR, coordinate by coordinate and step by step, under the bound that
``optimizers.rules.rounding_bound`` derives. "Far" below means a thousand times the bound.
"""

import contextlib
import inspect
import json
import re

import gmpy2
import numpy as np
import pytest
import torch

from logreg_jax.bridge import optimizers as in_jax
from logreg_parity import gaussian, initial_parameters
from logreg_parity.cli import main
from logreg_parity.optimizers import translate as table
from logreg_parity.optimizers.rules import RULES, Running, exact_walk, rounding_bound, walk
from logreg_parity.optimizers.translate import ROWS, RuleRow, measure, problem, translate
from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import ulp
from logreg_torch.bridge import optimizers as in_torch

pytestmark = pytest.mark.slow

FAR = 1000
TITLES = {row.title: row for row in ROWS}
BY_HAND = [row for row in ROWS if row.name in RULES]
STEPS = 100


@pytest.fixture(scope="module")
def measured():
    """Every row of the table, measured once."""
    return {row.title: measure(row, steps=STEPS) for row in ROWS}


@pytest.fixture(scope="module")
def truth():
    """A function from a row to its exact walk and its bound, computed once a row."""
    known = {}

    def look_up(row):
        if row.title not in known:
            options = {"steps": STEPS, **row.settings}
            known[row.title] = [f(*problem(), RULES[row.name], **options) for f in (exact_walk, rounding_bound)]
        return known[row.title]

    return look_up


def share(points, truth):
    """The largest part of the bound that the points are off the exact walk."""
    exact, bound = truth
    return np.max(oracle.distance(points, exact)[1:] / bound[1:])


# -- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=TITLES)
def test_exact_means_that_rounding_explains_every_distance(measured, row):
    m = measured[row.title]
    if m.translation.exact:
        assert m.share <= 1
    else:
        assert m.translated > FAR * max(other.bound for other in measured.values() if other.translation.exact)


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: row.title)
def test_torch_follows_the_rule_by_hand(measured, row):
    """In the rows without a translation too: the rule is torch's."""
    assert measured[row.title].torch_to_exact <= measured[row.title].bound


SAME_BY_NAME = {"SGD", "SGD, momentum", "SGD, Nesterov", "Adam", "Adamax", "Adadelta", "NAdam, no schedule"}


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: row.title)
def test_the_same_name_is_the_same_formula_in_seven_rows_only(measured, row):
    m = measured[row.title]
    assert m.same_name <= 2 * m.bound if row.title in SAME_BY_NAME else m.same_name > FAR * m.bound


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sgd", {"lr": 0.5, "momentum": 0.5, "dampening": 0.25, "weight_decay": 0.1}),
        ("adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
        ("rmsprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-2, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
        ("adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
        ("radam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1}),
        ("adadelta", {"lr": 2.0, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_setting_is_translated(name, settings):
    assert measure(RuleRow("", name, settings, "optax.sgd(0.5)"), steps=20).share <= 1


@pytest.mark.parametrize("name", table._TABLE)
def test_the_defaults_are_those_of_torch(name):
    class_name, defaults, _ = table._TABLE[name]
    theirs = inspect.signature(getattr(torch.optim, class_name)).parameters
    assert {key: theirs[key].default for key in defaults} == defaults


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lion", {}), "'lion'; give one of sgd, adam"),
        (("adam", {"beta1": 0.9}), "adam has no translated setting beta1; give some of lr, betas"),
        (("adam", {"lr": "0.1)"}), "lr is '0.1)'; give a number"),
    ],
    ids=["name", "setting", "value"],
)
def test_what_the_table_does_not_have_is_said(arguments, words):
    name, settings = arguments
    with pytest.raises(ValueError, match=re.escape(words)):
        translate(name, **settings)


# -- the bound --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: row.title)
def test_twice_the_precision_gives_the_same_exact_walk(row):
    narrow, wide = (exact_walk(*problem(), RULES[row.name], steps=10, bits=bits, **row.settings) for bits in (160, 320))
    with gmpy2.context(precision=320):
        assert np.max(np.abs(wide - narrow)) < gmpy2.mpfr(2) ** -80


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: row.title)
def test_what_rounding_may_do_stays_within_the_bound_and_near_it(truth, row):
    """Gradients wrong by all that their bound allows, starts by one ulp: within the bound, and not far inside."""
    dataset, start = problem()
    rule, draw, shares = RULES[row.name], np.random.RandomState(0), []
    for sample in range(4):
        signs = draw.choice([-1.0, 1.0], (STEPS + 1, dataset.n_features + 1))
        signs = signs[:1] * np.ones_like(signs) if sample % 2 else signs  # the same errors at every step, or new ones

        def update(t, θ, g, *state, signs=signs, **settings):
            at = PointBounds(dataset, start._replace(weight=θ[:-1], bias=θ[-1]), dtype="float64")
            return rule.update(t, θ, g + signs[t] * at.gradient, *state, **settings)

        moved = flatten(start) + signs[0] * ulp(flatten(start), "float64")
        points = walk(
            dataset,
            start._replace(weight=moved[:-1], bias=moved[-1]),
            rule._replace(update=update),
            steps=STEPS,
            **row.settings,
        )
        shares.append(share(points, truth(row)))
    assert 0.1 < max(shares) <= 1


def test_running_error_analysis_bounds_a_cancellation():
    x = Running(np.array([1 / 3, 1e8]), np.array([1e-17, 0.0]))
    difference = (x + 1e8) ** 0.5 - 1e4 * (1 + abs(x) * 1e-8 / 2)
    with gmpy2.context(precision=200):
        z = oracle.as_exact(x.value)
        exact = (z + 1e8) ** gmpy2.mpfr(0.5) - 1e4 * (1 + z * gmpy2.mpfr(1e-8) / 2)
    assert (oracle.distance(difference.value, exact) <= difference.error).all()
    assert difference.error[0] > np.abs(difference.value[0])  # and says that nothing is left of it


# -- planted faults ---------------------------------------------------------------------------------------------------

IN_OPTAX = {
    "wrong beta2": ("Adam", "optax.adam(0.1, b2=0.99)"),
    "eps inside the root, Adam": ("Adam", "optax.adam(0.1, eps=0.0, eps_root=1e-8)"),
    "eps inside the root, RMSprop": ("RMSprop", "optax.rmsprop(0.01, decay=0.99)"),
    "eps after the bias correction": ("RAdam", "optax.radam(0.1)"),
    "weight decay coupled": ("AdamW", "optax.chain(optax.add_decayed_weights(0.01), optax.adam(0.1))"),
    "weight decay forgotten": ("AdamW", "optax.adam(0.1)"),
    "dampening on the first step": (
        "SGD, dampening",
        "optax.chain(optax.scale(0.9), optax.sgd(0.5, momentum=0.9))",
    ),
    "a schedule in float32": (
        "Adagrad",
        translate("adagrad", lr=0.1).optax.replace("(n + 1.0) / (n + 2.0)", "(n + 1) / (n + 2)"),
    ),
}
"""Fault: the row it is planted in, and optax's words for it."""


def no_bias_correction(t, *arguments, **settings):
    return RULES["adam"].update(10**6, *arguments, **settings)


def nesterov_of_the_old_velocity(t, θ, g, buffer, *, lr, momentum, **_):
    return θ - lr * (g + momentum * buffer), momentum * buffer + g


def momentum_as_a_mean(t, θ, g, buffer, *, lr, momentum, **_):
    buffer = momentum * buffer + (1 - momentum) * g
    return θ - lr * buffer, buffer


def counted_from_zero(t, *arguments, **settings):
    return RULES["adamax"].update(t + 1, *arguments, **settings)


BY_RULE = {
    "no bias correction": ("Adam", no_bias_correction),
    "Nesterov of the other kind": ("SGD, Nesterov", nesterov_of_the_old_velocity),
    "momentum as a mean": ("SGD, momentum", momentum_as_a_mean),
    "step counted wrongly": ("Adamax", counted_from_zero),
}
"""Fault: the row it is planted in, and the wrong rule."""


@pytest.mark.parametrize("fault", IN_OPTAX)
def test_a_fault_in_optax_is_rejected(truth, fault):
    title, expression = IN_OPTAX[fault]
    assert share(in_jax.walk(*problem(), expression, steps=STEPS), truth(TITLES[title])) > FAR


@pytest.mark.parametrize("fault", BY_RULE)
def test_a_fault_in_the_rule_is_rejected(truth, fault):
    title, update = BY_RULE[fault]
    row = TITLES[title]
    points = walk(*problem(), RULES[row.name]._replace(update=update), steps=STEPS, **row.settings)
    assert share(points, truth(row)) > FAR


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: row.title)
def test_the_right_rule_is_not_rejected(truth, row):
    assert share(walk(*problem(), RULES[row.name], steps=STEPS, **row.settings), truth(row)) <= 1


def test_scalars_of_the_state_in_float32_are_seen(truth, monkeypatch):
    """NAdam multiplies its momenta in PyTorch's default dtype: float32, unless the program says otherwise."""
    monkeypatch.setattr(in_torch, "_scalars", contextlib.nullcontext)
    row = TITLES["NAdam"]
    assert share(in_torch.walk(*problem(), translate(row.name, **row.settings).torch, steps=STEPS), truth(row)) > FAR


# -- the twins --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numpy_goes_in_and_comes_out(dtype):
    case, words = (gaussian(20, 2), initial_parameters(2)), translate("adam", lr=0.1)
    for twin, expression in ((in_torch, words.torch), (in_jax, words.optax)):
        points = twin.walk(*case, expression, steps=3, dtype=dtype)
        assert points.shape == (4, 3) and points.dtype == dtype
        assert np.array_equal(points[0], flatten(case[1]).astype(dtype))
    assert torch.get_default_dtype() == torch.float32


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_and_writes_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table, "ROWS", (TITLES["AdamW"], TITLES["Rprop"]))
    assert main(["optimizers", "--steps", "3", "--json", str(tmp_path / "table.json")]) == 0
    printed, written = capsys.readouterr().out, json.loads((tmp_path / "table.json").read_text())
    assert all(row[word] in printed for row in written["rows"] for word in ("title", "torch", "optax", "note"))
    assert written["steps"] == 3 and [row["exact"] for row in written["rows"]] == [True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]


def test_a_translation_that_is_off_fails_the_command(monkeypatch, capsys):
    wrong = translate("adamw", lr=0.1)._replace(optax="optax.adamw(0.1)")
    monkeypatch.setattr(table, "ROWS", (TITLES["AdamW"],))
    monkeypatch.setattr(table, "translate", lambda *_, **__: wrong)
    assert main(["optimizers", "--steps", "3"]) == 1
    assert "OUTSIDE" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_said_before_the_work(capsys):
    assert main(["optimizers", "--json", "no/such/folder/table.json"]) == 2
    assert "--json is no/such/folder/table.json; give a file in a folder that exists" in capsys.readouterr().err


def test_more_steps_than_the_exact_walk_takes_in_minutes_are_refused():
    with pytest.raises(ValueError, match="steps is 100000000000; give at most 10000"):
        measure(ROWS[0], steps=10**11)
