"""Momentum planted wrong is rejected and named; other ways to write the same are not."""

import numpy as np
import pytest

from logreg_parity import Parameters
from logreg_parity.data.history import History
from logreg_parity.explain.parting import explain
from logreg_parity.explain.trace import record
from logreg_parity.judge.compare import compare
from logreg_parity.truth import reference
from logreg_parity.twins import Setting
from parity_tests.truth.test_momentum import FORMS, PROBLEM


def faulty(step, start=lambda slope: 0 * slope):
    """A twin whose step is (θ, g, v, η, μ, first) -> θ, v."""

    class Faulty:
        devices, versions, evaluate = (
            staticmethod(lambda: ("cpu",)),
            staticmethod(dict),
            staticmethod(reference.evaluate),
        )

        @staticmethod
        def train(data, begin, *, steps, learning_rate, momentum, nesterov, record, keep, dtype, l2, reduction, **_):
            θ, points, losses, kind = reference.flatten(begin).astype(dtype), [], [], np.dtype(dtype).type
            X, y, options = data.X.astype(dtype), data.y.astype(dtype), {"l2": kind(l2), "reduction": reduction}
            velocity = None
            for t in range(steps):
                points.append(θ)
                _, slope = reference.value_and_grad(Parameters(θ[:-1], θ[-1]), X, y, **options)
                slope = reference.flatten(slope)
                velocity = start(slope) if velocity is None else velocity
                θ, velocity = step(θ, slope, velocity, kind(learning_rate), kind(momentum), t == 0)
                losses.append(reference.objective(Parameters(θ[:-1], θ[-1]), X, y, **options))
            points = np.array([*points, θ])
            return History(np.array(losses), record, np.arange(steps + 1), points[:, :-1], points[:, -1])

    return Faulty()


def damped(θ, g, v, rate, m, first):
    v = g if first else m * v + (1 - m) * g
    return θ - rate * v, v


def running_mean(θ, g, v, rate, m, first):
    v = m * v + (1 - m) * g
    return θ - rate * v, v


def left_out(θ, g, v, rate, m, first):
    return θ - rate * g, v


def after_the_step_size(θ, g, v, rate, m, first):
    return θ - (rate * g + m * v), m * v + g


def heavy_ball(θ, g, v, rate, m, first):
    v = m * v + g
    return θ - rate * v, v


def nesterov(θ, g, v, rate, m, first):
    v = m * v + g
    return θ - rate * (g + m * v), v


def nesterov_of_the_old_velocity(θ, g, v, rate, m, first):
    """Which is plain momentum: g + μ v is the next v."""
    return θ - rate * (g + m * v), m * v + g


def step_size_inside(θ, g, v, rate, m, first):
    v = m * v + rate * g
    return θ - v, v


def sutskever(θ, g, v, rate, m, first):
    v = m * v - rate * g
    return θ + v, v


PLAIN, NESTEROV = (Setting(steps=30, learning_rate=2.0**-3, **form) for form in FORMS.values())
FAULTS = {  # the fault, the setting, what is said of it
    "damped": (faulty(damped), PLAIN, "gradients after the first count 1 - momentum"),
    "running mean": (faulty(running_mean), PLAIN, "a running mean"),
    "left out": (faulty(left_out), PLAIN, "the momentum is left out"),
    "after the step size": (faulty(after_the_step_size), PLAIN, "not multiplied by the step size"),
    "buffer not reset": (faulty(heavy_ball, lambda slope: 0.5 * slope), PLAIN, "not reset"),
    "Nesterov for plain": (faulty(nesterov), PLAIN, "Nesterov's momentum, where the plain one is asked for"),
    "plain for Nesterov": (faulty(heavy_ball), NESTEROV, "look-ahead is left out"),
    "Nesterov of the old velocity": (faulty(nesterov_of_the_old_velocity), NESTEROV, "look-ahead is left out"),
}
RIGHT = {
    "as torch": (faulty(heavy_ball), PLAIN),
    "Nesterov as torch": (faulty(nesterov), NESTEROV),
    "the step size inside": (faulty(step_size_inside), PLAIN),
    "of the other sign": (faulty(sutskever), PLAIN),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_rejected(name, dtype):
    twin, setting, _ = FAULTS[name]
    comparison = compare({"planted": twin}, *PROBLEM, setting, dtypes=[dtype], devices=["cpu"])
    assert [row.quantity for row in comparison.rows if row.verdict == "OUTSIDE"][:2] == ["every point", "every loss"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RIGHT)
def test_another_way_to_write_the_same_is_not(name, dtype):
    twin, setting = RIGHT[name]
    comparison = compare({"right": twin}, *PROBLEM, setting, dtypes=[dtype], devices=["cpu"])
    assert comparison.verdict == "within"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_explained(twins, name):
    twin, setting, words = FAULTS[name]
    planted = record("planted", twin, *PROBLEM, setting, dtype="float64")
    right = record("logreg_torch", twins["logreg_torch"], *PROBLEM, setting, dtype="float64")
    found = explain(right, planted, ("right", "planted"))
    assert (found.stage, found.culprits) == ("update", ("planted",)) and words in found.cause
