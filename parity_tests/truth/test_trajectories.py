"""Certified trajectories, computed elsewhere in 60 digits from decimal inputs: oracle and twins walk the same path.

The records were made from decimals (0.1, 2.62), the programs here start from the float64 next to each. That is one
rounding more of every input, beside the at least one rounding that the bounds grant to each product with it; so twice
the bound covers both.
"""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import gmpy2
import numpy as np
import pytest

from logreg_parity import Dataset, Parameters
from logreg_parity.data.certified import certified
from logreg_parity.truth import oracle
from logreg_parity.truth.momentum import trajectory
from logreg_parity.twins import Program, Setting
from parity_tests.conftest import TWINS

REFERENCES = Path(__file__).parents[1] / "references"
RUNS = json.loads((REFERENCES / "gd_trajectories.json").read_text())["runs"]
RUNS = {
    "nesterov" if run["nesterov"] else "momentum" if float(run["momentum"]) else "plain": run
    for run in RUNS
    if run["data"] == "mtcars_am_wt"
}
RATE, STEPS = float(RUNS["plain"]["lr"]), RUNS["plain"]["record"][-1]["step"]


def descent(form: str) -> Setting:
    """What the run was."""
    momentum, nesterov = float(RUNS[form]["momentum"]), RUNS[form]["nesterov"]
    return Setting(steps=STEPS, learning_rate=RATE, momentum=momentum, nesterov=nesterov)


@pytest.fixture(scope="module")
def mtcars() -> Dataset:
    """Manual transmission by weight: 32 cars."""
    return certified("mtcars_am_wt")[0]


def recorded_errors(points: np.ndarray, form: str) -> dict[int, float]:
    """The distance of points (T + 1, 2), bias last, from the record at its steps."""
    errors = {}
    for entry in RUNS[form]["record"]:
        with gmpy2.context(precision=200):
            b, w = (gmpy2.mpfr(str(Decimal(text))) for text in entry["b"])
            errors[entry["step"]] = float(gmpy2.hypot(points[entry["step"], 0] - w, points[entry["step"], 1] - b))
    return errors


@pytest.mark.parametrize("form", RUNS)
@pytest.mark.parametrize("name", [*TWINS, "oracle"])
def test_the_certified_path(mtcars, twins, name, form):
    start, setting = Parameters(np.zeros(1), 0.0), descent(form)
    if name == "oracle":
        run = oracle.trajectory(mtcars, start, setting)
    else:
        run = Program(name, twins[name], "float64").train(mtcars, start, setting, keep=range(STEPS + 1))
    points = np.column_stack([run.weights, run.biases])
    rounded = points.astype(np.float64)
    limits = trajectory(mtcars, rounded[:, :1], rounded[:, 1], setting, dtype="float64")
    for step, error in recorded_errors(points, form).items():
        assert error <= 2 * limits.parameters[step] < 1e-11, step  # a bound that wide would still prove little


@pytest.mark.parametrize("form", RUNS)
def test_another_path_is_not_mistaken_for_it(mtcars, twins, form):
    other = replace(descent(form), learning_rate=RATE * (1 + 1e-9))
    program = Program("logreg_torch", twins["logreg_torch"], "float64")
    run = program.train(mtcars, Parameters(np.zeros(1), 0.0), other, keep=range(STEPS + 1))
    points = np.column_stack([run.weights, run.biases])
    limits = trajectory(mtcars, run.weights, run.biases, descent(form), dtype="float64")
    assert all(error > 2 * limits.parameters[step] for step, error in recorded_errors(points, form).items())
