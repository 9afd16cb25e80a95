"""Ports after faults that were reported in public: right ones are one formula, wrong ones are not, and why is said."""

import pytest

from logreg_parity.ports.alternatives import confusion
from logreg_parity.ports.edits import other_constant, other_way
from logreg_parity.ports.localise import localise
from parity_tests.ports.further import FURTHER
from parity_tests.ports.reported import REPORTED
from parity_tests.ports.test_formula import both

pytestmark = pytest.mark.slow


PAIRS = FURTHER | REPORTED


@pytest.mark.parametrize("name", PAIRS)
def test_right_and_wrong(name):
    pair = PAIRS[name]
    sides, _, formula = both(pair.model, pair.port(False), pair.batch, torch_loss=pair.loss)
    assert formula.verdict == "the same", formula.why
    assert localise(formula, sides) == (None, None)
    sides, here, formula = both(pair.model, pair.port(True), pair.batch, torch_loss=pair.loss)
    assert formula.verdict == "another" and min(formula.agree.values()) < 30, formula.why
    partings = localise(formula, sides)
    assert partings[0] is not None and pair.operation in partings[0].operation.title, partings
    words = other_constant(formula, sides, here) or confusion(formula, partings) or other_way(formula, sides, partings)
    assert pair.cause in words, words
