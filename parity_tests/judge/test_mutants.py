"""Mutants of the judge: one line of it changed, as by a slip of the hand; each must fail a test of ``test_edge.py``."""

import inspect
import types

import numpy as np
import pytest

from logreg_parity.judge import compare as compare_module
from logreg_parity.judge.problem import Problem
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import DATASET, START
from logreg_parity.truth import bounds as bounds_module
from parity_tests.judge import test_edge as edge


def mutant(module, old, new):
    """The module with one text changed, under the same name and beside the real one."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
    changed = types.ModuleType(module.__name__)
    changed.__package__, changed.__file__ = module.__package__, module.__file__
    exec(compile(source.replace(old, new), module.__file__, "exec"), changed.__dict__)
    return changed


IN_COMPARE = {
    "a NaN error counts as 0": (
        "np.where(np.isnan(numbers), np.inf, numbers)",
        "np.where(np.isnan(numbers), 0.0, numbers)",
    ),
    "a NaN share counts as 0": ("np.where(np.isnan(share), np.inf, share)", "np.where(np.isnan(share), 0.0, share)"),
    "the bound doubled": ("    if (error > bound).any():", "    if (error > 2 * bound).any():"),
    "every place must be outside": ("    if (error > bound).any():", "    if (error > bound).all():"),
    "only the first place is looked at": ("    if (error > bound).any():", "    if error[0] > bound[0]:"),
    "a pair at ten times its bound": ("a, difference, a.bound + b.bound)", "a, difference, 10 * (a.bound + b.bound))"),
    "a pair at half its bound": ("a, difference, a.bound + b.bound)", "a, difference, (a.bound + b.bound) / 2)"),
    "the sign of an error": ("np.abs(np.asarray(a.values", "(np.asarray(a.values"),
    "the exact value is not looked at": ("            if q.exact is not None:", "            if q.exact is None:"),
    "no promise is within": ('"within" if np.isfinite(bound).all() else "no promise"', '"within"'),
}
IN_BOUNDS = {
    "roundings of a sum not counted": ("return n + 3 if", "return 3 if"),
    "roundings of a sum counted twice": ("return n + 3 if", "return 2 * n + 3 if"),
    "a sum one rounding short": ("return n + 3 if", "return n + 2 if"),
    "the features of a logit not counted": ("self._gamma(self._w.shape[-1] + 1))", "self._gamma(2))"),
    "the gradient's bound doubled": (
        "certain = ENLARGED * (data + penalty + underflow)",
        "certain = 2 * (data + penalty + underflow)",
    ),
    "the logit's error not passed on": (
        "_or_infinite(own) + self._moved + 4 * self._tau",
        "_or_infinite(own) + 4 * self._tau",
    ),
    "the row losses' error not passed on": ("((1 + g) * self.loss + g * self._losses)", "(g * self._losses)"),
    "an ulp for three": (
        "own = self._gamma(2 * FUNCTION_ULPS + 3) * (self._losses",
        "own = self._gamma(5) * (self._losses",
    ),
    "the penalty not in the size": ("np.abs(self.residuals)) + self._l2 * self._penalised", "np.abs(self.residuals))"),
    "likely without its root": ("float(np.sqrt(k) * self._u", "float(k * self._u"),
    "likely for certain": ("return certain if self._chance is None else", "return certain if self._chance else"),
}


def checks_of_compare():
    """The tests of the threshold, on one problem."""
    problem = Problem(DATASET, START, edge.SHORT, "float64", exact_steps=edge.SHORT.steps)
    made = problem, list(problem.quantities(problem.run("by hand", ByHand(), "cpu")))
    for name in edge.QUANTITIES:
        for times, verdict in ((0.5, "within"), (1.5, "OUTSIDE"), (3.0, "OUTSIDE")):
            edge.test_the_threshold_is_the_bound(made, name, times, verdict)
        edge.test_what_is_not_finite_is_outside_in_every_place(made, name, np.nan)
        for times, verdict in ((0.9, "within"), (1.1, "OUTSIDE")):
            edge.test_two_twins_are_allowed_the_sum_of_their_bounds_and_no_more(made, name, times, verdict)
        edge.test_a_twin_that_gives_no_number_is_apart_from_the_other(made, name)
    edge.test_a_class_that_is_certain_may_not_be_another(made)
    edge.test_a_bound_that_is_not_a_number_promises_nothing()
    edge.test_a_run_that_is_lost_where_nothing_was_promised_is_not_said_to_be_0_percent_off()


def checks_of_bounds():
    edge.test_no_bound_is_wider_than_its_derivation()
    edge.test_likely_bounds_grow_with_the_root_of_n(1000)


def test_the_judge_itself_passes():
    checks_of_compare()
    checks_of_bounds()


@pytest.mark.parametrize("name", IN_COMPARE)
def test_a_mutant_of_the_verdict_is_noticed(monkeypatch, name):
    monkeypatch.setattr(edge, "judged", mutant(compare_module, *IN_COMPARE[name]).judged)
    with pytest.raises((AssertionError, StopIteration, IndexError)):
        checks_of_compare()


@pytest.mark.parametrize("name", IN_BOUNDS)
def test_a_mutant_of_a_bound_is_noticed(monkeypatch, name):
    monkeypatch.setattr(edge, "PointBounds", mutant(bounds_module, *IN_BOUNDS[name]).PointBounds)
    with pytest.raises((AssertionError, TypeError)):
        checks_of_bounds()


@pytest.mark.parametrize("name", [*edge.QUANTITIES, "end: classes"])
def test_a_quantity_that_is_not_judged_is_noticed(name):
    problem = Problem(DATASET, START, edge.SHORT, "float64", exact_steps=edge.SHORT.steps)
    run = problem.run("by hand", ByHand(), "cpu")
    assert name in {quantity.name for quantity in problem.quantities(run)}
