"""Every bound rejects its planted faults, and never the correct program they were planted in."""

import pytest

from logreg_parity import Parameters
from logreg_parity.judge.compare import compare
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import BATCHED, DATASET, MEAN, START, SUM
from logreg_parity.museum.faults import EXHIBITS
from logreg_parity.museum.habits import PARTIAL
from parity_tests.cases import Case

PROBLEM = Case(DATASET, START)
FAULTS = {name: exhibit.program for name, exhibit in EXHIBITS.items()}

# fault, setting, the quantity in which a reader should be pointed to it first
EXPECTED = [
    ("OneRowForgotten", SUM, "start: loss"),
    ("OneLessThanN", MEAN, "start: loss"),
    ("OneLabelFlipped", SUM, "start: row losses"),
    ("GradientScaled", SUM, "start: gradient"),
    ("SilentlyFloat32", SUM, "start: logits"),
    ("BFloat16Logits", SUM, "start: logits"),
    ("TransposedWeights", SUM, "start: logits"),
    ("BiasBeforeWeight", SUM, "every point"),
    ("FactorTwo", SUM, "start: gradient"),
    ("LossOneStepLate", SUM, "every loss"),
    ("LossOneStepLate", BATCHED, "every loss"),
    ("MeanForSum", SUM, "start: loss"),
    ("PenalisedIntercept", SUM, "start: gradient"),
    ("ClampedLog", SUM, "start: row losses"),
    ("CancellingLogits", SUM, "start: row losses"),
    ("RoundedToFourDecimals", SUM, "every point"),
    ("GradientOverFeatures", MEAN, "start: gradient"),
    ("ClampedLoss", SUM, "start: row losses"),
    ("TF32Products", SUM, "start: logits"),
    ("ColumnAgainstRow", MEAN, "start: loss"),
    ("TextbookLoss", SUM, "start: row losses"),
    ("LossInBits", SUM, "start: row losses"),
    ("LikelihoodForLoss", SUM, "start: row losses"),
    ("LinearAboveFifteen", SUM, "start: row losses"),
    ("SignedLabels", SUM, "start: row losses"),
    ("SignedLoss", SUM, "start: row losses"),
    ("MeanOfBatchMeans", MEAN, "start: loss"),
    ("PenaltyWithoutHalf", SUM, "start: loss"),
    ("PenaltyHalved", SUM, "start: gradient"),
    ("PenaltyInTheMean", MEAN, "start: loss"),
    ("RateOverRows", MEAN, "every point"),
    ("BiasLeftOut", SUM, "every point"),
    ("LastBatchDropped", PARTIAL, "every point"),
    ("ForgottenZeroGrad", SUM, "every point"),
    ("StaleGradient", SUM, "every point"),
    ("MomentumLeftOn", SUM, "every point"),
]


def rejected(twin, setting, dtype):
    """The quantities in which the twin, alone, is outside its bound."""
    comparison = compare({"planted": twin}, *PROBLEM, setting, dtypes=[dtype], devices=["cpu"])
    return [row.quantity for row in comparison.rows if row.verdict == "OUTSIDE"]


def test_every_fault_is_expected():
    assert {name for name, _, _ in EXPECTED} == set(FAULTS)


@pytest.mark.parametrize(("name", "setting", "quantity"), EXPECTED, ids=lambda value: str(value)[:40])
def test_float64_rejects_the_fault_and_points_to_it(name, setting, quantity):
    assert rejected(FAULTS[name], setting, "float64")[:1] == [quantity]


# In float32 SilentlyFloat32 is no fault, and the 1e-12 of ClampedLog and e^-15 beside 15 are beneath a roundoff.
@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"SilentlyFloat32", "ClampedLog", "LinearAboveFifteen"}))
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
