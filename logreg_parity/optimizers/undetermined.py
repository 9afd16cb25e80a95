"""Where Adam and RMSprop divide rounding noise by rounding noise, so that no step can be promised.

Both move a coordinate by -η m / (√v + ε), with m a mean of its gradients g and v one of their squares: by about η,
however small the gradients are. A gradient is known to Δg (``bounds.PointBounds.gradient``), not better. Intervals,

    m ∈ [m⁻, m⁺],   v ∈ [v⁻, v⁺],   with g ± Δg and g² from max(|g| - Δg, 0)² to (|g| + Δg)²,

carry that through the means and the ratio, whatever the two have to do with each other: a correct program is inside.
Nor is the ratio ever more than √(Σ a²/c), with a and c the weights of the gradients in m and of the squares in v
(Cauchy-Schwarz); in the first step of Adam that is 1.

Where the interval of the move has both signs, and is wider than the numbers of the format are apart at the size of the
point, rounding decides which way the coordinate goes. In plain descent that is no matter: there the move is -η g.
"""

from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import reference
from ..truth.bounds import ENLARGED, PointBounds
from ..truth.ulp import ulp
from ..twins import Reduction
from .rules import RULES

NAMES = ("adam", "adamw", "rmsprop")


class Undetermined(NamedTuple):
    """The first move that rounding decides: of which coordinate, and how much is known."""

    step: int
    coordinate: int
    bias: bool
    gradient: float
    bound: float  # Δg
    low: float  # the move lies between low and high, in learning rates
    high: float


def first_undetermined(
    dataset: Dataset,
    points: np.ndarray,
    name: str,
    *,
    dtype: str,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    **settings: Any,
) -> Undetermined | None:
    """The first move of a run that rounding decides; None where there is none.

    Args:
        dataset: N rows of D features.
        points: of the run (T + 1, D + 1), the bias last.
        name: of the optimiser, one of NAMES.
        dtype: the format that the run was computed in.
        l2: of the penalty (l2 / 2) ‖w‖² in the objective.
        reduction: "mean" or "sum", of the losses.
        settings: torch's, as in ``RULES``.

    Raises:
        ValueError: for other optimisers, and for the variants whose ratio is another one: amsgrad, centered, momentum,
            and a weight decay that is part of the gradient.
    """
    if refusal := why_not(name, settings):
        raise ValueError(refusal)
    known = {**RULES[name].defaults, **settings}
    b1, b2 = known["betas"] if name != "rmsprop" else (0.0, known["alpha"])
    low, high, small, large = np.zeros((4, points.shape[1]))
    for step, θ in enumerate(points[:-1], start=1):
        slope, limit = _gradient(dataset, θ, dtype, l2, reduction)
        low, high = b1 * low + (1 - b1) * (slope - limit), b1 * high + (1 - b1) * (slope + limit)
        small = b2 * small + (1 - b2) * np.maximum(np.abs(slope) - limit, 0) ** 2
        large = b2 * large + (1 - b2) * (np.abs(slope) + limit) ** 2
        first, second = (1 - b1**step, 1 - b2**step) if name != "rmsprop" else (1.0, 1.0)
        # of both signs, the ratio is largest where its divisor is smallest
        divisor = first * (np.sqrt(small / second) + known["eps"])
        most = (1 - b1) / first * np.sqrt(second / (1 - b2) * (1 - (b1**2 / b2) ** step) / (1 - b1**2 / b2))
        moves = np.clip((-high / divisor, -low / divisor), -most, most)
        wide = known["lr"] * (moves[1] - moves[0]) > ulp(np.linalg.norm(points[step]), dtype)
        undecided = np.flatnonzero((low < 0) & (high > 0) & wide)
        if len(undecided):
            k = int(undecided[np.argmax((moves[1] - moves[0])[undecided])])
            # Python's numbers, for reports
            return Undetermined(step, k, k == len(θ) - 1, *(float(x[k]) for x in (slope, limit, *moves)))
    return None


def why_not(name: str, settings: dict[str, Any]) -> str | None:
    """Why this ratio is not that of the optimiser, in words; None where it is."""
    if name not in NAMES:
        return f"the optimiser is {name!r}; the ratio is that of {', '.join(NAMES)}: give one of them"
    others = ("amsgrad", "centered", "momentum", *(() if name == "adamw" else ("weight_decay",)))
    given = [word for word in others if settings.get(word)]
    return f"{name} is given {', '.join(given)}, which makes its ratio another one; leave it out" if given else None


def _gradient(
    dataset: Dataset, θ: np.ndarray, dtype: str, l2: float, reduction: Reduction
) -> tuple[np.ndarray, np.ndarray]:
    """The gradient (D + 1,) in float64, and how far a program's may be from it."""
    at, X, y, weight = Parameters(θ[:-1], float(θ[-1])), dataset.X, dataset.y, dataset.sample_weight
    _, slope = reference.value_and_grad(at, X, y, sample_weight=weight, l2=l2, reduction=reduction)
    limits = PointBounds(dataset, at, dtype=dtype, l2=l2, reduction=reduction)
    return reference.flatten(slope), ENLARGED * limits.gradient
