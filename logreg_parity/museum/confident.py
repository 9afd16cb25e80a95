"""An exhibit of K classes: both frameworks' own cross-entropy of a confident row is 0, and they agree.

log Σ exp(z_k) - z_y over all classes is the difference of two numbers that round to the same one as soon as the row's
own class is likely enough: in float32 from a margin of 17 on. Loss and gradient are lost, on both sides alike, so that
a comparison of one with the other sees nothing; one with the exact value does.
"""

from typing import NamedTuple

import numpy as np

from ..truth.oracle import distance
from ..truth.softmax import exact_softmax, softmax_bounds
from ..twins import load_part

NAME = "ConfidentRow"
WHAT = "The cross-entropy log Σ exp(z) - z_y of a row that is right with confidence: 0, in both frameworks."
SOURCE = "torch.nn.functional.cross_entropy (pytorch#113708) and optax.softmax_cross_entropy_with_integer_labels"
MARGINS = (1.0, 5.0, 10.0, 15.0, 17.0, 20.0, 40.0)
OPERATIONS = {"its own": "framework_cross_entropy", "by the margin": "cross_entropy"}


class ConfidentLoss(NamedTuple):
    """The losses (M,) of rows at MARGINS by one framework and one form, and shares of the bounds: loss and slope."""

    twin: str
    form: str
    losses: np.ndarray
    share: float


def confident(twins: tuple[str, ...] = ("logreg_torch", "logreg_jax"), dtype: str = "float32") -> list[ConfidentLoss]:
    """What each framework says of rows (margin, 0, 0) of class 0, by its own loss and by the twin's.

    Args:
        twins: modules with ``bridge.probes``.
        dtype: "float32" or "float64".
    """
    Z, y = np.array([[margin, 0.0, 0.0] for margin in MARGINS]), np.zeros(len(MARGINS), int)
    exact, bounds = exact_softmax(Z, y), softmax_bounds(Z, y, dtype)
    found = []
    for twin in twins:
        compute = load_part(twin, "bridge.probes").compute
        for form, operation in OPERATIONS.items():
            parts = (compute(name, Z, y, dtype=dtype) for name in (operation, f"{operation}_slope"))
            share = max(float((distance(a, b) / c).max()) for a, b, c in zip(parts, exact, bounds, strict=True))
            found.append(ConfidentLoss(twin, form, compute(operation, Z, y, dtype=dtype), share))
    return found
