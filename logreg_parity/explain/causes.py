"""Why a stage is off: one small detector a cause, tried in a fixed order, the first that fits every number wins.

A detector returns a sentence with its evidence, or None. "Fits" means within the bound that the stage has anyway,
never a tolerance: what the mistake would have given is held to the rounding it would have had. Those of a row's loss
are in ``loss_causes.py``, those of an update in ``step_causes.py``.
"""

from dataclasses import replace

import numpy as np

from ..data.dataset import Parameters
from ..truth import reference
from ..truth.bounds import PointBounds
from ..truth.ulp import FORMATS, format_of, round_to
from .loss_causes import batch_means, cancellation, clamp, every_pair, signed_labels, threshold
from .microscope import Look
from .stages import GivenLogits
from .step_causes import earlier_gradients, no_step, one_part_late
from .suspect import AVERAGED, BY_ROW, FROM_ROWS, Suspect
from .velocities import other_velocity

FACTORS = {
    2.0: "twice what it should be: a factor 2 or 1/2 too many or missing",
    0.5: "half what it should be: a factor 2 or 1/2 too many or missing",
    -1.0: "-1 times what it should be: a likelihood where a loss is meant, or a step uphill",
    float(1 / np.log(2)): "1.4427 times what it should be, 1 / log 2: bits where nats are meant",
}
UNKNOWN = "The cause is not one this tool knows; the numbers above are the evidence."


def find_cause(look: Look, stage: str) -> str:
    """The first cause that explains the stage, in words."""
    suspect = Suspect(look, stage)
    return next(filter(None, (detector(suspect) for detector in DETECTORS)), UNKNOWN)


def not_finite(s: Suspect) -> str | None:
    """An overflow, or the logarithm of 0."""
    lost = np.flatnonzero(~np.isfinite(s.v))
    if not len(lost):
        return None
    where = f" in {s.name_rows(lost)}" if s.stage in BY_ROW else ""
    log_of_0 = "a logarithm of 0, such as the log(1 - p) of a p near 1,"
    return f"The {s.stage} is not finite{where}: an overflow, {log_of_0} or 0 times infinity."


def known_factor(s: Suspect) -> str | None:
    """The derivative of a square, another unit, or a sign."""
    for factor, meaning in FACTORS.items():
        if s.stage in (*AVERAGED, "row losses", "update") and s.scaled(factor):
            return f"Every number of the {s.stage} is {meaning}."
    return None


def sum_or_mean(s: Suspect) -> str | None:
    """The other reduction, or N - 1."""
    weight = s.rows.sample_weight
    n = float(s.rows.n_rows if weight is None else weight.sum())
    words = {n: "N: a sum where a mean is meant", 1 / n: "1/N: a mean where a sum is meant"}
    if n > 1:
        words |= {n / (n - 1): "N/(N-1): divided by N - 1 where N is meant"}
        words |= {(n - 1) / n: "(N-1)/N: divided by N where N - 1 is meant, or by N + 1"}
    if s.stage == "update":
        words[1 / n] = "1/N: the step size is divided by the number of rows"
        words[n] = "N: the step size is multiplied by the number of rows"
    for factor, meaning in words.items():
        if s.stage in (*AVERAGED, "update") and s.scaled(factor):
            return f"The {s.stage} is {factor:.6g} times what it should be, with N = {n:g} that is {meaning}."
    return None


def shifted_by_one(s: Suspect) -> str | None:
    """The loss of the other side of the update."""
    if s.stage != "recorded loss":
        return None
    recorded = s.look.side.trace.setting.record
    there = s.look.there if recorded == "before" else s.look.here
    value = reference.objective(there, s.rows.X, s.rows.y, **s.look.reference_options)
    limit = PointBounds(s.rows, there, **s.look.bounds_options).objective
    if not s.fits(np.atleast_1d(value), np.atleast_1d(limit)):
        return None
    actual = "after" if recorded == "before" else "before"
    return f"The recorded loss is that {actual} the update, asked for was the one {recorded} it: shifted by one step."


def flipped_label(s: Suspect) -> str | None:
    """A label read as its opposite."""
    if s.stage == "row losses":
        flipped = np.array(s.rows.y)
        flipped[s.off] = 1 - flipped[s.off]
        wrong = GivenLogits(replace(s.rows, y=flipped), s.look.here, s.look.logits, **s.look.bounds_options)
        if s.fits(reference.stable_loss(s.look.logits, flipped), wrong.loss):
            return f"The losses are those of the opposite label in {s.name_rows(s.off)}: flipped."
    if s.stage in FROM_ROWS and "row losses" not in s.look.values:  # where they are stored, they are right
        row = s.one_row(s.e + s.contributions(flipped=True) - s.contributions())
        if row is not None and missing_row(s) is None:
            return f"The {s.stage} is that of the opposite label in {s.name_rows([row])}: flipped."
    return None


def missing_row(s: Suspect) -> str | None:
    """A row that is not there, or is there twice."""
    if s.stage not in FROM_ROWS:
        return None
    parts, n = s.contributions(), s.rows.n_rows
    whole = s.e - s.fixed[-1]
    candidates = {"left out": s.e - parts, "counted twice": s.e + parts}
    if s.reduction == "mean" and s.rows.sample_weight is None and n > 1:
        candidates = {"left out": s.fixed[-1] + (whole - parts) * n / (n - 1)}
        candidates["counted twice"] = s.fixed[-1] + (whole + parts) * n / (n + 1)
    for what, values in candidates.items():
        row = s.one_row(values)
        if row is not None:
            return f"The {s.stage} is that of the data with {s.name_rows([row])} {what}."
    return None


def permuted_rows(s: Suspect) -> str | None:
    """The right numbers in the wrong order."""
    order, found = np.argsort(s.e), np.argsort(s.v)
    if s.stage not in BY_ROW or not (np.abs(s.v[found] - s.e[order]) <= s.bound[order]).all():
        return None
    came = s.look.row_names[order[np.flatnonzero(found == s.off[0])[0]]]
    return f"The {s.stage} are the right ones in another order, {s.name_rows(s.off)}: the first is that of row {came}."


def reshaped_features(s: Suspect) -> str | None:
    """A reshape for a transpose, or the columns in another order."""
    X = s.rows.X
    if s.stage != "logits" or X.shape[1] < 2:
        return None
    candidates = {
        "reshaped to (D, N) and transposed": X.reshape(X.shape[::-1]).T,
        "transposed and reshaped to (N, D)": X.T.reshape(X.shape),
        "with the columns reversed": X[:, ::-1],
    }
    for how, other in candidates.items():
        if s.logits_of(other, s.look.here):
            return f"The logits are those of the features {how}: the numbers of X in the wrong places."
    return None


def penalty(s: Suspect) -> str | None:
    """A penalised intercept, a penalty left out, without its half, with one too many, or inside the mean."""
    if s.stage not in AVERAGED or not s.l2:
        return None
    b = (s.look.there if s.stage == "recorded loss" else s.look.here).bias
    intercept = np.zeros_like(s.e)
    intercept[-1] = s.l2 * b if s.stage == "gradient" else s.l2 / 2 * b * b
    for change, what in (
        (intercept, "with l2 times the bias in it: the intercept is penalised"),
        (-s.penalty, "without the penalty: l2 is left out"),
        (s.penalty, "with twice the penalty: the half of l2 / 2 is missing"),
        (-s.penalty / 2, "with half the penalty: a half too many, or the 2 of the square is missing"),
        (s.penalty / s.rows.n_rows - s.penalty, "with the penalty divided by N: it is added before the mean is taken"),
    ):
        if s.fits(s.e + change):
            return f"The {s.stage} is what it should be {what} ({np.abs(change).max():.3g} is the difference)."
    return None


def lower_precision(s: Suspect) -> str | None:
    """Logits of inputs that were rounded to a coarser format, or numbers that such a format holds."""
    precision = format_of(s.dtype).precision
    for name, bits in (("bfloat16", 8), ("TF32", 11), ("float32", 24)):
        here = Parameters(_to_bits(s.look.here.weight, bits), s.look.here.bias)
        if bits < precision and s.stage == "logits" and s.logits_of(_to_bits(s.rows.X, bits), here):
            return f"The logits are those of {name} products ({bits - 1} stored bits) in a run that says {s.dtype}."
    for name in ("bfloat16", "float16", "float32"):
        if FORMATS[name].precision < precision and s.v.any() and s.held_by(name):
            return f"Every number of the {s.stage} is a {name} number, in a run that says {s.dtype}: a lower precision."
    return None


def other_factor(s: Suspect) -> str | None:
    """Some constant factor, from two numbers on; the largest of them has to show it."""
    for fixed in s.fixed:
        size = np.abs(s.e - fixed)
        k = int(np.argmax(size))
        if len(s.v) < 2 or s.stage in ("start", "residuals") or k not in s.off:
            continue
        factor = (s.v[k] - fixed[k]) / (s.e[k] - fixed[k])
        if s.fits(factor * (s.e - fixed) + fixed, max(1.0, abs(factor)) * (s.bound + s.bound[k])):
            return f"Every number of the {s.stage} is {factor:.6g} times what it should be: a constant factor."
    return None


def decimals(s: Suspect) -> str | None:
    """Numbers rounded to a few decimals."""
    digits = int(format_of(s.dtype).precision * np.log10(2)) - 2
    for k in range(digits):
        if np.array_equal(round_to(np.round(s.v, k), s.dtype), s.v):
            return f"Every number of the {s.stage} has at most {k} decimals: rounded, by a print or a file perhaps."
    return None


def wrong_derivative(s: Suspect) -> str | None:
    """The weakest hint: the loss is right and its gradient is not."""
    if s.stage != "gradient" or s.look.creates("loss"):
        return None
    where = ", ".join("the bias" if k == len(s.v) - 1 else f"weight {k}" for k in s.off[:5])
    return f"The loss is right and its gradient is not (in {where}): a clamp, or a derivative that is wrong."


DETECTORS = (
    not_finite,
    other_velocity,
    known_factor,
    sum_or_mean,
    shifted_by_one,
    flipped_label,
    missing_row,
    permuted_rows,
    every_pair,
    batch_means,
    signed_labels,
    reshaped_features,
    no_step,
    one_part_late,
    earlier_gradients,
    penalty,
    lower_precision,
    threshold,
    clamp,
    other_factor,
    decimals,
    cancellation,
    wrong_derivative,
)


def _to_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Rounded to that many significant bits, the exponent being free."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
