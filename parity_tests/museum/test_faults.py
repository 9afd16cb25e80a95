"""Every bound rejects its planted faults, and never the correct program they were planted in."""

import pytest

from logreg_parity import Parameters
from logreg_parity.judge.compare import compare
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import BATCHED, DATASET, MEAN, START, SUM
from logreg_parity.museum.faults import EXHIBITS
from parity_tests.cases import Case

PROBLEM = Case(DATASET, START)
FAULTS = {name: exhibit.program for name, exhibit in EXHIBITS.items()}

# What compare calls the stage at which the microscope finds a fault, where it has a word of its own.
QUANTITY = {"update": "every point", "recorded loss": "every loss", "residuals": "start: probabilities"}
QUANTITY |= dict.fromkeys(
    ("WeightsInBFloat16", "BiasInBFloat16"), "saturated: logits"
)  # the start is a bfloat16 number


def rejected(twin, setting, dtype):
    """The quantities in which the twin, alone, is outside its bound."""
    comparison = compare({"planted": twin}, *PROBLEM, setting, dtypes=[dtype], devices=["cpu"])
    return [row.quantity for row in comparison.rows if row.verdict == "OUTSIDE"]


@pytest.mark.parametrize("name", FAULTS)
def test_float64_rejects_the_fault_and_points_to_it(name):
    shown = EXHIBITS[name]
    first = QUANTITY.get(name) or QUANTITY.get(shown.stage, f"start: {shown.stage}")
    assert rejected(shown.program, shown.setting, "float64")[:1] == [first]


def test_a_loss_one_step_late_is_seen_in_mini_batches_too():
    assert rejected(FAULTS["LossOneStepLate"], BATCHED, "float64")[:1] == ["every loss"]


# In float32 SilentlyFloat32 is no fault; the 1e-12 of ClampedLog, e^-15 beside 15 and 3e-8 of a step are too small.
BENEATH = {"SilentlyFloat32", "ClampedLog", "LinearAboveFifteen", "RateByHand"}


@pytest.mark.parametrize("name", sorted(set(FAULTS) - BENEATH))
def test_float32_rejects_the_fault(name):
    assert rejected(FAULTS[name], EXHIBITS[name].setting, "float32")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("setting", [SUM, MEAN, BATCHED], ids=["sum", "mean", "b"])
def test_the_correct_program_is_never_rejected(setting, dtype):
    assert rejected(ByHand(), setting, dtype) == []


def test_a_fault_in_one_twin_shows_between_the_twins():
    planted, start = FAULTS["GradientScaled"], Parameters(*PROBLEM.start)
    comparison = compare({"right": ByHand(), "wrong": planted}, PROBLEM.dataset, start, SUM, dtypes=["float64"])
    pairs = [row.quantity for row in comparison.rows if row.verdict == "OUTSIDE" and len(row.subject) == 2]
    assert pairs[0] == "start: gradient"
