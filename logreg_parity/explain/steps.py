"""Why a step is off though its gradient is right: other rows, a changing step size, a cap, a decay, another momentum.

Detectors as those of ``causes.py``: each says what it says only where that gives all numbers, within the bound which a
step has anyway.
"""

from collections.abc import Callable

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import reference
from . import stages
from .microscope import Look, TracedRun
from .suspect import Suspect

STEPS = 3
"""The step at fault and so many less one after it: the first step alone may look like that of another way."""

CHECKED = 3
"""So many further steps have to follow the rule that one step suggests."""

MOST_SWAPS = 2**22
"""Numbers that are looked at for one row in another's place; with larger mini-batches that is not asked."""

ADAPTIVE = {"Adam's": (1.0, 1e-8), "AdaGrad's": (1.0, 1e-10), "RMSprop's": (0.1, 1e-8)}
"""First steps of optimisers at PyTorch's defaults: g / (share |g| + ε)."""


def other_rows(s: Suspect) -> str | None:
    """The gradient of other rows than those of the step."""
    if s.stage != "update" or s.setting.momentum:
        return None
    side, batches = s.look.side, s.look.side.batches
    if batches is not None:
        own = np.sort(batches[s.look.step - 1])
        every = {"all": np.arange(side.dataset.n_rows)}
        every |= {str(k + 1): rows for k, rows in enumerate(batches) if not np.array_equal(np.sort(rows), own)}
        for name, rows in every.items():
            if _led_by(s, side.dataset.take(rows)):
                if name == "all":
                    return f"The step is that of all {len(rows)} rows: the mini-batch is not looked at."
                what = "again" if int(name) < s.look.step else "too early"
                return f"The step takes the rows of step {name}, {what}: mini-batches are repeated or change places."
    return _one_row_off(s)


def _led_by(s: Suspect, rows: Dataset) -> bool:
    """Whether the step is that of the gradient of these rows."""
    _, slope = s.look.value_and_slope_at(s.look.here, rows)
    rate, limits = s.setting.learning_rate, s.look.bounds_at(s.look.here, rows)
    return s.fits(s.look.theta - rate * slope, stages.update_bound(limits, rate, s.look.there))


def _one_row_off(s: Suspect) -> str | None:
    """A row of the step that is left out, counts twice, or stands in another's place."""
    rate, n, whole = s.setting.learning_rate, s.rows.n_rows, s.look.side.dataset
    if whole.sample_weight is not None or n < 2:
        return None
    penalty = s.l2 * np.append(s.look.here.weight, 0.0)
    each, slope = _slopes(s, s.rows), s.look.slope - penalty
    total = slope * (n if s.reduction == "mean" else 1)
    shares = {"left out": (total - each, n - 1), "counted twice": (total + each, n + 1)}
    for what, (sums, count) in shares.items():
        row = s.one_row(s.look.theta - rate * (sums / (count if s.reduction == "mean" else 1) + penalty))
        if row is not None:
            return f"The step is that of its rows with {s.name_rows([row])} {what}."
    if s.look.side.batches is None or n * whole.n_rows * len(s.v) > MOST_SWAPS:
        return None
    swapped = (total - each)[:, None] + _slopes(s, whole)
    points = s.look.theta - rate * (swapped / (n if s.reduction == "mean" else 1) + penalty)
    found = np.argwhere((np.abs(s.v - points) <= s.bound).all(axis=2))
    found = found[s.look.row_names[found[:, 0]] != found[:, 1]]
    if len(found) != 1:
        return None
    (row, other) = found[0]
    return f"The step takes row {other} in the place of {s.name_rows([row])}."


def _slopes(s: Suspect, rows: Dataset) -> np.ndarray:
    """The gradient of each row's loss (N, D + 1)."""
    slopes = reference.per_example_gradients(s.look.here, rows.X, rows.y)
    return np.column_stack([slopes.weight, slopes.bias])


def two_steps(s: Suspect) -> str | None:
    """A step that is taken twice."""
    if s.stage != "update" or s.setting.momentum:
        return None
    rate, middle = s.setting.learning_rate, Parameters(s.e[:-1], float(s.e[-1]))
    _, slope = s.look.value_and_slope_at(middle)
    off = 3 * s.bound + stages.update_bound(s.look.bounds_at(middle), rate, s.look.there)
    return "The step is two in one: it is taken twice." if s.fits(s.e - rate * slope, off) else None


def schedule(s: Suspect) -> str | None:
    """A step size that changes from step to step."""
    t, last = s.look.step, s.look.side.trace.steps
    share = _share(s, s.look)
    if s.stage != "update" or share is None or last < t + CHECKED:
        return None
    total = s.setting.steps
    rules = []
    if t == 2:
        rules = [
            ("The step size is divided by the number of the step", lambda k: 1 / k),
            ("The step size is divided by the root of the number of the step", lambda k: k**-0.5),
            ("The step size falls along half a cosine", lambda k: (1 + np.cos(np.pi * (k - 1) / total)) / 2),
            ("The step size falls in a straight line to 0 after the last step", lambda k: 1 - (k - 1) / total),
            (f"Every step size is {share:.6g} times that of the step before", lambda k: share ** (k - 1)),
            (
                f"The step size is divided by 1 + {1 / share - 1:.6g} (t - 1)",
                lambda k: 1 / (1 + (1 / share - 1) * (k - 1)),
            ),
        ]
    elif t == 1:
        rules = [
            (f"The step size rises over a warm-up of {1 / share:.6g} steps", lambda k: min(1.0, share * k)),
            (f"Every step size is {share:.6g} times that of the step before", lambda k: share**k),
        ]
    if t > 1:
        rules.append((f"From step {t} on the step size is {share:.6g} times what it should be", lambda k: share))
    for words, rule in rules:
        if all(_walks(s, k, float(rule(k))) for k in range(t, t + CHECKED + 1)):
            return f"{words}: a schedule."
    return None


def _share(s: Suspect, look: Look) -> float | None:
    """The factor of the step size in a step, by its largest coordinate; None where the step is no multiple of it."""
    step = -look.side.setting.learning_rate * look.side.directions[look.step - 1]
    k = int(np.argmax(np.abs(step)))
    if not np.isfinite(step).all() or step[k] == 0:
        return None
    share = float((look.reached - look.theta)[k] / step[k])
    return share if share > 0 and _walks(s, look.step, share) else None


def _walks(s: Suspect, number: int, share: float) -> bool:
    """Whether a step is so many times what it should be, within its bound and that of the factor's own digits."""
    look = s.look if number == s.look.step else Look(s.look.side, number)
    step = -look.side.setting.learning_rate * look.side.directions[number - 1]
    bound = look.at_own_point["update"].bound
    k = int(np.argmax(np.abs(step)))
    first = np.abs(s.setting.learning_rate * s.look.slope).max()  # the factor is known to within its bound over this
    slack = 2 * CHECKED * s.bound.max() / first if first > 0 else 0.0
    allowed = 2 * max(1, share) * (bound + bound[k]) + slack * np.abs(step)
    return bool((np.abs(look.reached - look.theta - share * step) <= allowed).all())


def capped(s: Suspect) -> str | None:
    """A gradient scaled to a norm, cut off coordinate by coordinate, or divided by its size; or a point cut at 0."""
    if s.stage != "update" or s.setting.momentum:
        return None
    slope, rate = s.look.slope, s.setting.learning_rate
    along = (s.look.theta - s.v) / rate
    bound = s.bound / rate
    sign = s.fits(s.look.theta - rate * np.sign(slope))
    ways = ["along the sign of the gradient"] * sign
    for name, (share, epsilon) in ADAPTIVE.items():
        if s.fits(s.look.theta - rate * slope / (share * np.abs(slope) + epsilon)):
            ways.append(f"as {name} first step goes")
    if ways:
        times = "ten times the step size" if "RMSprop" in ways[0] else "the step size"
        return f"Every parameter moved by {times}: {', or '.join(ways)}."
    kept = s.off[(s.v[s.off] == 0) & (s.e[s.off] < 0)]
    if len(kept) == len(s.off):
        return "What should be below 0 is 0: the parameters are kept at 0 or above."
    norm, size, off = (float(np.linalg.norm(array)) for array in (along, slope, bound))
    for figures, sure in ((1, 2.0**-8), (3, 2.0**-14)):  # a number of few digits is one that somebody typed
        short = float(f"{norm:.{figures}g}")
        typed = norm < size and len(slope) > 1 and abs(short - norm) <= off < sure * norm
        if typed and s.fits(s.look.theta - rate * slope * (short / size), 2 * s.bound):
            return f"The gradient is capped to a norm of {short:g}, or always scaled to it; its own is {size:.6g}."
    most = float(f"{np.abs(along).max():.3g}")
    cut = np.abs(slope) > most
    if cut.any() and not cut.all() and s.fits(s.look.theta - rate * np.clip(slope, -most, most)):
        return f"The coordinates of the gradient are kept within {most:.3g}: it is capped number by number."
    return None


def decay(s: Suspect) -> str | None:
    """A decay beside the penalty, or in its place: of the weights, the bias, or all; in the velocity, or beside it."""
    if s.stage != "update":
        return None
    theta, rate, last = s.look.theta, s.setting.learning_rate, len(s.v) - 1
    more = (s.e - s.v) / rate
    parts = {"the weights": theta * (np.arange(last + 1) < last), "all parameters": theta}
    parts["the bias"] = theta - parts["the weights"]
    known = {s.l2: "l2 once more", -s.l2: "the penalty is left out", s.l2 * (s.rows.n_rows - 1): "N times the penalty"}
    known |= {s.l2 / s.rows.n_rows - s.l2: "the penalty divided by N"}
    for where, part in parts.items():
        k = int(np.argmax(np.abs(part)))
        if part[k] == 0:
            continue
        size = more[k] / part[k]
        meant = next((words for d, words in known.items() if d and _close(s, d * part)), "")
        if not meant and np.count_nonzero(part) < 2 and not _is_short(size, s.bound[k] / rate / abs(part[k])):
            continue  # any step is one number's decay by something
        if not meant and not _close(s, size * part, s.bound + s.bound[k]):
            continue
        known_size = next((d for d in known if d and _close(s, d * part)), None)
        short, off = float(f"{size:.3g}"), s.bound[k] / rate / abs(part[k])
        value = f"{known_size:.6g}" if known_size is not None else f"{short if abs(short - size) <= off else size:.6g}"
        said = f": {meant}" if meant and where != "the bias" else ""
        return f"The step holds a decay of {value} on {where} beside the gradient{said}."
    return None


def _close(s: Suspect, decayed: np.ndarray, bound: np.ndarray | None = None) -> bool:
    return s.fits(s.e - s.setting.learning_rate * decayed, bound)


def _is_short(size: float, off: float) -> bool:
    """Whether a number of three digits is as near as can be told."""
    return abs(float(f"{size:.3g}") - size) <= off < 2.0**-14 * abs(size)


def other_momentum(s: Suspect) -> str | None:
    """Momentum of another size, dampened by some number, or with Nesterov's gradient at the point ahead."""
    t, side, m = s.look.step, s.look.side, s.setting.momentum
    if s.stage != "update" or not m:
        return None
    steps = range(t, min(t + CHECKED, side.trace.steps + 1))
    if s.setting.nesterov and all(_ahead(side, number) for number in steps):
        return "The gradient is taken at the point ahead, θ - η μ v: Nesterov's own form, and not the rewritten one."
    if t != 2 or s.setting.nesterov:
        return None
    looks = [s.look, *(Look(side, later) for later in range(t + 1, min(t + STEPS, side.trace.steps + 1)))]
    rate, (first, second) = s.setting.learning_rate, side.trace.gradients[:2]
    if all(follows(look, lambda g, v, m, first: (g + m / rate * v, m * v + g)) for look in looks):
        return "The velocity's part of the step is not multiplied by the step size: θ - η ∇f - μ v."
    along = (s.look.theta - s.v) / rate
    ways: tuple[tuple[str, np.ndarray, np.ndarray, Callable], ...] = (
        ("a momentum of {}", first, second, lambda size: lambda g, v, m, first: 2 * (size * v + g,)),
        (
            "a dampening of {}",
            -second,
            m * first + second,
            lambda size: lambda g, v, m, first: 2 * (g if first else m * v + (1 - size) * g,),
        ),
    )
    for words, of, fixed, way in ways:
        k = int(np.argmax(np.abs(of)))
        size = float(f"{(along - fixed)[k] / of[k]:.6g}") if of[k] else np.nan
        if all(follows(look, way(size)) for look in looks):
            return f"The velocity is that of {words.format(size)}, where the momentum is {m:g} and nothing is dampened."
    return None


def follows(look: Look, way: Callable) -> bool:
    """Whether the step is that of a run of which all steps went that way, within the bound that a step has anyway."""
    side = look.side
    direction = velocity = np.zeros_like(look.slope)
    for step, slope in enumerate(side.trace.gradients[: look.step]):
        direction, velocity = way(slope, velocity, side.setting.momentum, step == 0)
    expected = look.theta - side.setting.learning_rate * direction
    return bool((np.abs(look.reached - expected) <= look.at_own_point["update"].bound).all())


def _ahead(side: TracedRun, last: int) -> bool:
    """Whether a step is that of gradients at the points ahead, in all steps so far."""
    rate, m = side.setting.learning_rate, side.setting.momentum
    velocity, bound, point = 0 * side.trace.points[0], 0 * side.trace.points[0], side.trace.points[0]
    for number in range(1, last + 1):
        look, point = Look(side, number), side.trace.points[number - 1]
        ahead = point - rate * m * velocity
        at = Parameters(ahead[:-1], float(ahead[-1]))
        _, slope = look.value_and_slope_at(at)
        velocity = m * velocity + slope
        bound = bound + 2 * stages.update_bound(look.bounds_at(at), rate, look.there)
    return bool((np.abs(side.trace.points[last] - (point - rate * velocity)) <= bound).all())
