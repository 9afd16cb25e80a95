"""``check``: every wrong pair rejected with the first quantity and the cause named, no correct pair ever."""

import pytest
import torch

from logreg_parity import check
from parity_tests.pairs import RIGHT, WRONG, arguments


@pytest.fixture(autouse=True)
def one_thread():
    """Small sums in many threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_pair_is_within(name):
    given, options = arguments(RIGHT[name])
    report = check(*given, **options)
    assert report.verdict == "within" and report.first is None and not report.cause


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_pair_is_rejected_with_its_cause(name):
    given, options = arguments(WRONG[name])
    report = check(*given, **options)
    assert report.verdict == "OUTSIDE"
    assert report.first.quantity == WRONG[name].first
    assert WRONG[name].cause in report.cause, report.cause
