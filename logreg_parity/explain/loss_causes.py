"""Why losses are off: the detectors of ``causes.py`` that look at the loss of a row and how losses are averaged."""

from dataclasses import replace

import numpy as np

from ..truth import reference
from ..truth.bounds import FUNCTION_ULPS, PointBounds
from ..truth.ulp import format_of
from .stages import GivenLogits
from .suspect import Suspect


def every_pair(s: Suspect) -> str | None:
    """(N, 1) against (N,) is (N, N). The loss is linear in y, so the mean over all pairs is that of the mean label."""
    if s.stage != "loss" or s.reduction != "mean" or s.rows.sample_weight is not None:
        return None
    mean = replace(s.rows, y=np.full_like(s.rows.y, s.rows.y.mean()))
    value = reference.objective(s.look.here, mean.X, mean.y, **s.look.reference_options)
    limit = PointBounds(mean, s.look.here, **s.look.bounds_options).objective
    if not s.fits(np.atleast_1d(value), np.atleast_1d(limit)):
        return None
    return "The loss is the mean over N x N pairs: (N, 1) against (N,) broadcasts, and every logit meets every label."


def batch_means(s: Suspect) -> str | None:
    """The mean of the means of batches, of which the last is smaller."""
    if s.stage != "loss" or s.reduction != "mean" or s.rows.sample_weight is not None:
        return None
    n, losses = s.rows.n_rows, s.contributions()[:, 0] * s.rows.n_rows
    for size in range(2, n):
        starts = np.arange(0, n, size)
        sizes = np.diff(np.append(starts, n))
        mean = np.mean(np.add.reduceat(losses, starts) / sizes)
        heaviest = n / (len(starts) * sizes[-1])  # how much more than 1 / N a row counts at most
        if n % size and s.fits(mean + s.fixed[-1], heaviest * s.bound):
            return f"The loss is the mean of the means of batches of {size} rows, though the last has {sizes[-1]}."
    return None


def signed_labels(s: Suspect) -> str | None:
    """Labels -1 and 1 in the loss for 0 and 1, or the other way round."""
    y, z = s.rows.y, s.look.logits
    if s.stage != "row losses" or not np.isin(y, (0, 1)).all():
        return None
    sides = [replace(s.rows, y=np.full_like(y, label)) for label in (0, 1)]
    limits = [GivenLogits(rows, s.look.here, z, **s.look.bounds_options).loss for rows in sides]
    if s.fits(np.where(y == 0, 2 * reference.softplus(z) - reference.softplus(-z), s.e), 2 * np.sum(limits, axis=0)):
        return "The losses are those of labels -1 and 1 in the loss that is meant for 0 and 1."
    near_log_2 = 2 * FUNCTION_ULPS * format_of(s.dtype).unit_roundoff
    if s.fits(np.where(y == 0, np.log(2), s.e), np.where(y == 0, near_log_2, s.bound)):
        return "The loss of every row of label 0 is log 2: softplus(-y z), which is meant for labels -1 and 1."
    return None


def threshold(s: Suspect) -> str | None:
    """A softplus that is its argument from some point on."""
    t = (1 - 2 * s.rows.y) * s.look.logits
    if s.stage != "row losses" or not np.isin(s.rows.y, (0, 1)).all() or not (t[s.off] > 0).all():
        return None
    start = t[s.off].min()
    if not (s.v[s.off] == t[s.off]).all() or not s.fits(np.where(t >= start, t, s.e)):
        return None
    return f"From {start:.4g} or earlier on the loss is the logit itself: a softplus that is cut off at a threshold."


def clamp(s: Suspect) -> str | None:
    """log(p + ε), or log of a p that is kept above ε: large losses end at -log ε."""
    if s.stage != "row losses":
        return None
    worst = int(np.argmax(s.e))
    # what the log of a probability, rounded to a relative γ, is off by: γ itself
    bound = 4 * FUNCTION_ULPS * format_of(s.dtype).unit_roundoff * (1 + s.e)
    shift = np.exp(-s.v[worst]) - np.exp(-s.e[worst])
    if not shift > 0 or s.e[worst] - s.v[worst] <= bound[worst]:
        return None
    epsilon = 10.0 ** np.round(np.log10(shift))
    candidates = (-np.log(np.exp(-s.e) + epsilon), np.minimum(s.e, -np.log(epsilon)))
    if any(s.fits(candidate, bound) for candidate in candidates):
        return f"Large losses stop near -log {epsilon:.0e}: a clamp, or log(p + {epsilon:.0e}), guards the logarithm."
    return None


def cancellation(s: Suspect) -> str | None:
    """Digits lost in a difference of numbers of the logit's size, or of 1."""
    if s.stage != "row losses":
        return None
    u = format_of(s.dtype).unit_roundoff
    with np.errstate(over="ignore"):
        likelihood = np.exp(s.e)  # log(1 - p) is off by the rounding of 1 over 1 - p
    for size, what in (
        (np.abs(s.look.logits), "the logit's rounding: z and softplus(-z) are added where they cancel"),
        (np.ones(len(s.e)), "the rounding of 1: computed from p or 1 - p, which keep no digits near 1"),
        (likelihood, "the rounding of 1 - p: the log(1 - p) of a p near 1, which keeps no digits there"),
    ):
        if s.fits(s.e, 4 * FUNCTION_ULPS * u * (size + s.e)):
            lost = f"{s.name_rows(s.off)} {'loses' if len(s.off) == 1 else 'lose'} digits of the loss"
            return f"{lost[0].upper()}{lost[1:]}, by no more than {what}."
    return None
