"""Momentum gone wrong: the ways in which people write its update, each with the numbers it would have given."""

from collections.abc import Callable

import numpy as np

from .microscope import Look
from .suspect import Suspect

STEPS = 3
"""The step at fault and so many less one after it: the first step alone may look like that of another way."""

WAYS: dict[str, Callable] = {  # from gradient, velocity, momentum and whether it is the first step, to direction and v
    "plain gradient descent: the momentum is left out": lambda g, v, m, first: (g, v),
    "plain momentum: Nesterov's look-ahead is left out": lambda g, v, m, first: 2 * (m * v + g,),
    "Nesterov's momentum, where the plain one is asked for": lambda g, v, m, first: (g + m * (m * v + g), m * v + g),
    "a running mean: every gradient is damped by 1 - momentum": lambda g, v, m, first: 2 * (m * v + (1 - m) * g,),
    "a damped velocity: gradients after the first count 1 - momentum": (
        lambda g, v, m, first: 2 * (g if first else m * v + (1 - m) * g,)
    ),
}


def other_velocity(s: Suspect) -> str | None:
    """The momentum left out, of the other kind, damped, or started from something else than 0."""
    side, step = s.look.side, s.look.step
    if s.stage != "update" or not side.momentum:
        return None
    looks = [s.look, *(Look(side, later) for later in range(step + 1, min(step + STEPS, side.trace.steps + 1)))]
    for words, way in WAYS.items():
        if all(_fits(look, way) for look in looks):
            return f"The update is that of {words}."
    if step == 1:
        return "The first update is not that of a velocity which starts at 0: it was not reset, or is damped at once."
    return None


def _fits(look: Look, way: Callable) -> bool:
    """Whether the step is that of a run of which all steps went that way, within the bound that a step has anyway."""
    side = look.side
    direction = velocity = np.zeros_like(look.slope)
    for step, slope in enumerate(side.trace.gradients[: look.step]):
        direction, velocity = way(slope, velocity, side.momentum, step == 0)
    expected = look.theta - side.rate * direction
    return bool((np.abs(look.reached - expected) <= look.at_own_point["update"].bound).all())
