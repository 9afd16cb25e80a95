"""The stages of one step, each alone: what it should give, and may be off by, from the inputs a run gave it.

``bounds.PointBounds`` starts at the parameters. Here a stage's inputs are numbers that a run stored, taken as exact,
so that a wrong number is charged to the stage that made it and not to those that passed it on. Exact values are
arrays of MPFR numbers, as in ``oracle.py``.
"""

from functools import cached_property

import gmpy2
import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import oracle, reference
from ..truth.bounds import ENLARGED, PointBounds
from ..truth.oracle import as_exact
from ..truth.ulp import format_of
from ..twins import Setting

BITS = 256
"""Of the exact sums here. All their terms are relatively exact, so a sum is off by some 2^-250 of its terms' sizes."""


class GivenLogits(PointBounds):
    """The bounds of what follows from logits z (N,) that are given: they carry no error of their own."""

    def __init__(
        self, dataset: Dataset, parameters: Parameters, z: np.ndarray, setting: Setting, dtype: str, engine: str
    ):
        super().__init__(dataset, parameters, dtype=dtype, l2=setting.l2, reduction=setting.reduction, engine=engine)
        self._p, self._q = reference.sigmoid(z), reference.sigmoid(-z)
        self._losses = reference.stable_loss(z, self._y)

    @cached_property
    def logit(self) -> np.ndarray:
        """0: they are given."""
        return np.zeros(len(self._y))


class GivenLosses(PointBounds):
    """The bound of the objective that follows from row losses (N,) that are given."""

    def __init__(
        self, dataset: Dataset, parameters: Parameters, losses: np.ndarray, setting: Setting, dtype: str, engine: str
    ):
        super().__init__(dataset, parameters, dtype=dtype, l2=setting.l2, reduction=setting.reduction, engine=engine)
        self._losses = np.abs(losses)

    @cached_property
    def loss(self) -> np.ndarray:
        """0: they are given."""
        return np.zeros(len(self._y))


def given_logits(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The exact row losses and residuals p - y.

    Args:
        z: logits (N,).
        y: labels (N,).

    Returns:
        ℓ and p - y, both (N,), in MPFR numbers.
    """
    at = oracle.evaluate(Dataset(z[:, None], y, "logits"), Parameters(np.ones(1), 0.0))
    with gmpy2.context(precision=BITS):
        return at.losses, at.probabilities - as_exact(y)


def objective(losses: np.ndarray, dataset: Dataset, parameters: Parameters, setting: Setting) -> gmpy2.mpfr:
    """The exact objective of given row losses.

    Args:
        losses: (N,), without row weights and penalty.
        dataset: the rows, for their weights.
        parameters: θ, for the penalty.
        setting: whose l2 and reduction are meant.
    """
    with gmpy2.context(precision=BITS):
        w = as_exact(parameters.weight)
        return (_share(dataset, setting) * as_exact(losses)).sum() + as_exact(setting.l2) / 2 * (w * w).sum()


def gradient(z: np.ndarray, dataset: Dataset, parameters: Parameters, setting: Setting) -> np.ndarray:
    """The exact gradient of rows with given logits.

    Args:
        z: logits (N,).
        dataset: the rows.
        parameters: θ, for the penalty.
        setting: whose l2 and reduction are meant.

    Returns:
        ∇f (D + 1,) in MPFR numbers, the bias last.
    """
    with gmpy2.context(precision=BITS):
        y, z = as_exact(dataset.y), as_exact(z)
        r = _share(dataset, setting) * ((1 - y) * oracle.sigmoid(z) - y * oracle.sigmoid(-z))
        penalty = as_exact(setting.l2) * np.append(as_exact(parameters.weight), gmpy2.mpfr(0))
        return r @ as_exact(reference.with_ones(dataset.X)) + penalty


def update(theta: np.ndarray, slope: np.ndarray, learning_rate: float) -> np.ndarray:
    """The exact step θ - η g (D + 1,), from θ and g (D + 1,) and η."""
    with gmpy2.context(precision=BITS):
        return as_exact(theta) - as_exact(learning_rate) * as_exact(slope)


def update_bound(limits: PointBounds, learning_rate: float, reached: Parameters) -> np.ndarray:
    """Bound of a step from the gradient that a twin's ``evaluate`` gives: that of the step, and η Δg.

    The loop computes its gradient itself, perhaps in another order of summation: each is within Δg of the exact one.

    Args:
        limits: the bounds at the point before the step.
        learning_rate: η.
        reached: the point after it.

    Returns:
        The bound (D + 1,), a coordinate.
    """
    return limits.step(learning_rate, reached) + ENLARGED * learning_rate * limits.gradient


def moved_bound(direction: np.ndarray, learning_rate: float, reached: Parameters, dtype: str) -> np.ndarray:
    """Bound of θ - η d along a direction that is known to its own bound, its product with η included.

    Args:
        direction: how far d may be from what it should be (D + 1,).
        learning_rate: η.
        reached: the point after the step.
        dtype: the format that the program computed in.

    Returns:
        The bound (D + 1,), a coordinate.
    """
    format, size = format_of(dtype), np.abs(reference.flatten(reached))
    return ENLARGED * (learning_rate * direction + format.unit_roundoff * size + 2 * format.smallest_normal)


def residual_bound(limits: PointBounds, residuals: np.ndarray) -> np.ndarray:
    """Bound (N,) of p - y, subtracted in float64 from the probabilities of a twin."""
    return limits.probability + ENLARGED * format_of("float64").unit_roundoff * np.abs(residuals)


def _share(dataset: Dataset, setting: Setting) -> np.ndarray:
    weight = as_exact(np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight)
    return weight / (1 if setting.reduction == "sum" else weight.sum())
