"""A Setting is checked when it is made, rounded once, and spelled out to a twin in one place."""

from dataclasses import replace

import numpy as np
import pytest

from logreg_parity import Parameters, gaussian
from logreg_parity.truth import reference
from logreg_parity.truth.ulp import format_of, round_setting
from logreg_parity.twins import Program, Setting

SETTING = Setting(steps=3, learning_rate=0.1, momentum=0.3, l2=0.7)
PROBLEM = gaussian(10, 2), Parameters(np.array([0.5, -1.0]), 0.25)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"steps": 0}, "steps is 0; give at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; give a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"momentum": 1.0}, "momentum is 1.0; give a number from 0 to less than 1"),
        ({"momentum": -0.5}, "momentum is -0.5"),
        ({"momentum": 0.0, "nesterov": True}, "nesterov is asked for with momentum 0.0, .*; give a momentum too"),
        ({"batch_size": 0}, "batch_size is 0; give at least 1"),
        ({"reduction": "median"}, "reduction is 'median'; give 'mean' or 'sum'"),
        ({"l2": -1.0}, "l2 is -1.0; give 0 or a number above it"),
        ({"record": "during"}, "record is 'during'; give 'before' or 'after'"),
        ({"loss": "hinge"}, "loss is 'hinge'; give one of stable, textbook"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        replace(SETTING, **wrong)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_format_changes_its_numbers_and_nothing_else(dtype):
    rounded, u = round_setting(SETTING, dtype), format_of(dtype).unit_roundoff
    for name in ("learning_rate", "momentum", "l2"):
        assert 0 < abs(getattr(rounded, name) - getattr(SETTING, name)) <= u * getattr(SETTING, name)
    assert round_setting(rounded, dtype) == rounded
    assert replace(rounded, learning_rate=0.1, momentum=0.3, l2=0.7) == SETTING


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"learning_rate": 1e-9}, "rounded to float16, learning_rate is 0.0; give a number above 0"),
        ({"momentum": 1 - 1e-9}, "rounded to float16, momentum is 1.0; give a number from 0"),
        ({"l2": 1e9}, "too large for float16"),
    ],
    ids=str,
)
def test_numbers_that_a_format_makes_senseless_are_refused(numbers, words):
    with pytest.raises(ValueError, match=words):
        round_setting(replace(SETTING, **numbers), "float16")


class Asked:
    """A twin that knows plain runs only, and keeps what it was asked for."""

    def evaluate(self, dataset, parameters, *, l2, reduction, dtype, device):
        self.words = {"l2": l2, "reduction": reduction, "dtype": dtype, "device": device}
        return reference.evaluate(dataset, parameters, l2=l2)

    def train(self, dataset, start, *, steps, learning_rate, batches, record, keep, l2, reduction, dtype, device):
        self.words = {"steps": steps, "learning_rate": learning_rate, "record": record, "l2": l2, "keep": keep}
        return reference.train(dataset, start, steps=steps, learning_rate=learning_rate, keep=keep)


def test_a_twin_is_asked_for_what_changes_something():
    """Every word of a run and of a point, and none that a plain run has no use for."""
    twin, plain = Asked(), replace(SETTING, momentum=0.0)
    program = Program("asked", twin, "float32")
    program.evaluate(*PROBLEM, plain)
    assert twin.words == {"l2": 0.7, "reduction": "mean", "dtype": "float32", "device": "cpu"}
    program.train(*PROBLEM, plain, keep=[2])
    assert twin.words == {"steps": 3, "learning_rate": 0.1, "record": "after", "l2": 0.7, "keep": [2]}


@pytest.mark.parametrize(
    ("what", "setting", "lacks"),
    [
        ("train", SETTING, "momentum and no nesterov"),
        ("train", replace(SETTING, momentum=0.0, loss="textbook"), "loss"),
        ("evaluate", replace(SETTING, loss="textbook"), "loss"),
    ],
    ids=str,
)
def test_what_a_twin_does_not_know_is_said(what, setting, lacks):
    with pytest.raises(ValueError, match=rf"asked\.{what} takes no {lacks}; give it, or ask for a run without"):
        getattr(Program("asked", Asked(), "float64"), what)(*PROBLEM, setting)


def test_a_setting_reaches_every_argument_of_the_twins(twin):
    """Each word changes the run, or what is recorded of it; the textbook's loss by its last bits."""
    base = Setting(steps=5, learning_rate=0.5, momentum=0.5)
    batches = [np.array([k, k + 1]) for k in range(5)]

    def run(setting, **more):
        history = Program("twin", twin, "float64").train(*PROBLEM, setting, keep=range(9), **more)
        return history.weights, history.losses

    changed = [
        replace(base, **word)
        for word in (
            {"steps": 4},
            {"learning_rate": 0.25},
            {"momentum": 0.25},
            {"nesterov": True},
            {"reduction": "sum"},
            {"l2": 0.5},
            {"record": "before"},
            {"loss": "textbook"},
        )
    ]
    runs = [run(base), run(base, batches=batches), *map(run, changed)]
    assert len({repr(tuple(part.tobytes() for part in made)) for made in runs}) == len(runs)


def test_the_reference_takes_a_setting_too():
    run = Program("reference", reference, "float32").train(*PROBLEM, replace(SETTING, record="none"))
    assert (len(run.losses), run.steps.tolist()) == (0, [0, 3])
