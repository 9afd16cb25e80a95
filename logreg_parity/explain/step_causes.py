"""Why an update is off: the detectors of ``causes.py`` that look at where a step went, and at the steps before it."""

import numpy as np

from ..data.dataset import Parameters
from ..truth import reference
from . import stages
from .microscope import Look
from .suspect import Suspect


def no_step(s: Suspect) -> str | None:
    """Nothing moved."""
    if s.stage != "update" or not (s.v == s.look.theta).all():
        return None
    usual = s.look.side.trace.setting.batch_size
    if usual is None or s.rows.n_rows >= usual:
        return "No parameter moved: the step was not taken."
    return f"No parameter moved: with {s.rows.n_rows} rows where others have {usual}, a smaller batch that is dropped."


def one_part_late(s: Suspect) -> str | None:
    """The weight's gradient taken after the bias has moved, the other way round, or a part that stood still."""
    if s.stage != "update":
        return None
    here, there, last = s.look.here, s.look.there, len(s.v) - 1
    parts = {"weight": np.arange(last), "bias": np.array([last])}
    for name, other, moved in (
        ("weight", "bias", Parameters(here.weight, there.bias)),
        ("bias", "weight", Parameters(there.weight, here.bias)),
    ):
        part = parts[name]
        if not np.isin(s.off, part).all():
            continue
        if (s.v[part] == s.look.theta[part]).all():
            return f"The {name} did not move, the {other} did."
        _, slope = reference.value_and_grad(moved, s.rows.X, s.rows.y, **s.look.reference_options)
        late = s.e - s.look.side.rate * (reference.flatten(slope) - s.look.slope)
        if (np.abs(s.v - late) <= s.bound)[part].all():
            return (
                f"The {name} moved along the gradient at the point where the {other} had moved already: the {other} is "
                f"updated first, and both should use one gradient."
            )
    return None


def earlier_gradients(s: Suspect) -> str | None:
    """The gradients of the steps before in this one: added up, in its place, or as momentum."""
    t, side = s.look.step, s.look.side
    if s.stage != "update" or t < 2 or side.momentum:
        return None
    slopes = side.trace.gradients[:t]
    # each gradient is the loop's own to within the bound of the step it was first used for
    bound = np.sum(
        [stages.update_bound(Look(side, k).limits, side.rate, s.look.there) for k in range(1, t + 1)], axis=0
    )
    if s.fits(s.look.theta - side.rate * slopes.sum(axis=0), bound):
        return "The step is along the sum of all gradients so far: they are added up and never set back to zero."
    if s.fits(s.look.theta - side.rate * slopes[-2], bound):
        return "The step is along the gradient of the step before: it is one step old."
    k = int(np.argmax(np.abs(slopes[-2])))
    momentum = ((s.look.theta - s.v) / side.rate - slopes[-1])[k] / slopes[-2][k]
    if t == 2 and s.fits(s.look.theta - side.rate * (slopes[-1] + momentum * slopes[-2]), bound + bound[k]):
        return f"The step holds {momentum:.6g} times the gradient before it: a momentum of {momentum:.6g}."
    return None
