"""The heart: all that the twins compute agrees, twin with twin and each with the exact value, within derived bounds."""

import pytest

from logreg_parity.judge.compare import compare
from logreg_parity.truth.bounds import largest_curvature
from logreg_parity.twins import Setting, load_twin
from parity_tests.cases import CASES

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]


def stable_step(dataset, **options) -> float:
    """Half the classical step size, so that rounding the step up to a coarse format keeps it stable."""
    return 0.5 / largest_curvature(dataset, **options)


def outside(comparison):
    """The rows that fail, as a reader wants to see them."""
    return [row for row in comparison.rows if row.verdict == "OUTSIDE"]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_quantity_is_within_its_bound(twins, case, dtype, reduction, device):
    rate = stable_step(case.dataset, reduction=reduction)
    setting = Setting(steps=40, learning_rate=rate, reduction=reduction)
    comparison = compare(twins, *case, setting, dtypes=[dtype], devices=[device])
    assert comparison.verdict == "within", [row for row in comparison.rows if row.verdict != "within"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["published", "soft", "correlated", "weighted", "one-row"])
def test_half_precision_never_leaves_its_bound(twins, name, dtype, device):
    """γ_N of eight bits promises little for a hundred rows, so "no promise" is an honest verdict here."""
    case = CASES[name]
    setting = Setting(steps=5, learning_rate=stable_step(case.dataset))
    comparison = compare(twins, *case, setting, dtypes=[dtype], devices=[device])
    assert not outside(comparison)


@pytest.mark.parametrize("record", ["before", "after"])
@pytest.mark.parametrize("name", ["published", "correlated", "weighted", "soft"])
def test_mini_batches_and_penalty(twins, name, record, device):
    case = CASES[name]
    rate = stable_step(case.dataset, l2=0.125, reduction="sum")
    batches = {"batch_size": 7, "seed": 3}
    setting = Setting(steps=60, learning_rate=rate, l2=0.125, reduction="sum", record=record, **batches)
    comparison = compare(twins, *case, setting, devices=[device])
    assert comparison.verdict == "within", [row for row in comparison.rows if row.verdict != "within"]


def test_the_reference_is_judged_like_any_twin(twins):
    three = {**twins, "logreg_parity.truth.reference": load_twin("logreg_parity.truth.reference")}
    comparison = compare(three, *CASES["correlated"], Setting(steps=30, learning_rate=0.1))
    subjects = {row.subject for row in comparison.rows}
    assert comparison.verdict == "within" and len(subjects) == 6  # three alone, three pairs


def test_fitted_parameters_after_5000_steps_are_within_the_certificate(twins, device):
    """In float64, on the published problem: the bound is the certified one, and it is a tight one."""
    setting = Setting(steps=5000, learning_rate=1e-4, reduction="sum")
    comparison = compare(twins, *CASES["published"], setting, dtypes=["float64"], devices=[device], exact_steps=1)
    (row,) = [row for row in comparison.rows if row.quantity == "end: parameters" and len(row.subject) == 2]
    assert row.error <= row.bound < 1e-10  # a certificate as wide as people's usual tolerance would prove nothing


def test_past_the_edge_of_stability_nothing_is_promised(twins):
    """At ten times the largest stable step differences prove nothing, and the verdict says so."""
    case = CASES["correlated"]
    setting = Setting(steps=80, learning_rate=10 * 2 / largest_curvature(case.dataset))
    comparison = compare(twins, *case, setting)
    assert comparison.verdict == "no promise"


def test_the_exact_run_can_be_cut_short(twins):
    comparison = compare(twins, *CASES["published"], Setting(steps=30, learning_rate=0.01), exact_steps=10)
    of_end = [row.subject for row in comparison.rows if row.quantity == "end: parameters"]
    assert comparison.verdict == "within" and of_end == [("logreg_torch", "logreg_jax")] * 2
