"""The two axes: each of the five things that two programs can be to each other and to the truth."""

import pytest

from logreg_parity.judge.compare import compare, placements
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import DATASET, START, SUM
from logreg_parity.museum.faults import EXHIBITS
from logreg_parity.truth.bounds import largest_curvature
from logreg_parity.twins import Setting
from parity_tests.cases import CASES

RIGHT, WRONG = ByHand(), EXHIBITS["FactorTwo"].program


def words(first, second, case=(DATASET, START), setting=SUM) -> dict[str, str]:
    """Quantity -> what is said of the two programs."""
    comparison = compare({"first": first, "second": second}, *case, setting, dtypes=["float64"])
    return {placement.quantity: placement.words for placement in placements(comparison)}


@pytest.mark.parametrize(
    ("first", "second", "quantity", "wanted"),
    [
        (RIGHT, WRONG, "start: gradient", "differ, and second is wrong"),
        (WRONG, RIGHT, "start: gradient", "differ, and first is wrong"),
        (WRONG, WRONG, "start: gradient", "agree, and are wrong alike"),
        (WRONG, EXHIBITS["GradientScaled"].program, "start: gradient", "differ, and none is right"),
        (RIGHT, RIGHT, "every point", "agree, and are off alike by rounding"),
    ],
    ids=["second wrong", "first wrong", "both, alike", "both, each its way", "both right"],
)
def test_what_two_programs_are_to_each_other_and_to_the_truth(first, second, quantity, wanted):
    assert words(first, second)[quantity] == wanted


def test_twins_are_right(twins):
    """The logits of both are correctly rounded but for one ulp; nothing is wrong anywhere."""
    found = words(*twins.values(), CASES["published"], Setting(steps=50, learning_rate=1e-4, reduction="sum"))
    assert found["start: logits"] == "agree, and are right"
    assert not any("wrong" in text or "none" in text for text in found.values())


def test_past_the_edge_nothing_is_promised():
    case = CASES["correlated"]
    setting = Setting(steps=80, learning_rate=10 * 2 / largest_curvature(case.dataset))
    found = words(RIGHT, RIGHT, case, setting)
    assert found["every point"] == "nothing promised"
