"""Why a stage is off: one small detector a cause, tried in a fixed order, the first that fits every number wins.

A detector returns a sentence with its evidence, or None. "Fits" means within the bound that the stage has anyway,
never a tolerance: what the mistake would have given is held to the rounding it would have had.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..data.dataset import Parameters
from ..truth import reference
from ..truth.bounds import FUNCTION_ULPS
from ..truth.ulp import FORMATS, format_of, is_held, round_to
from . import stages
from .microscope import Look
from .stages import GivenLogits
from .steps import STEPS, capped, decay, follows, other_momentum, other_rows, schedule, two_steps
from .suspect import AVERAGED, BY_ROW, FROM_ROWS, Suspect, digits

FACTORS = {
    2.0: "twice what it should be: a factor 2 or 1/2 too many or missing",
    0.5: "half what it should be: a factor 2 or 1/2 too many or missing",
    -1.0: "-1 times what it should be: a likelihood where a loss is meant, or a step uphill",
    float(1 / np.log(2)): "1.4427 times what it should be, 1 / log 2: bits where nats are meant",
}
UNKNOWN = "The cause is not one this tool knows; the numbers above are the evidence."


def find_cause(look: Look, stage: str) -> str:
    """The first cause that explains a stage, in words.

    Args:
        look: the run at the step where it is off.
        stage: one of ``microscope.STAGES`` that the run holds there.
    """
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


def another_format(s: Suspect) -> str | None:
    """Numbers that the format of the run does not hold."""
    if s.stage in ("residuals", "start") or is_held(s.v, s.dtype).all():
        return None
    held = next(name for name in ("bfloat16", "float16", "float32", "float64") if is_held(s.v, name).all())
    return f"The {s.stage} holds {held} numbers that are no {s.dtype} numbers: it is computed in another format."


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
    usual = s.setting.batch_size
    if s.stage == "update" and usual and s.reduction == "mean":
        full = (
            f"{s.rows.n_rows}/{usual}: the sum over {s.rows.n_rows} rows is divided by {usual}, those of a full batch"
        )
        words |= {n / s.look.side.dataset.n_rows: "the rows of the batch over all: divided by all rows"}
        words |= {s.rows.n_rows / usual: full} if s.rows.n_rows < usual else {}
    if s.stage == "update":
        words[1 / n] = "1/N: the step size is divided by the number of rows"
        words[n] = "N: the step size is multiplied by the number of rows"
    for factor, meaning in words.items():
        if s.stage in (*AVERAGED, "update") and s.scaled(factor):
            return f"The {s.stage} is {digits(factor)} times what it should be, with N = {n:g} that is {meaning}."
    return None


def shifted_by_one(s: Suspect) -> str | None:
    """The loss of the other side of the update."""
    if s.stage != "recorded loss":
        return None
    recorded = s.setting.record
    if not s.fits(*s.look.objective_at(s.look.there if recorded == "before" else s.look.here)):
        return None
    actual = "after" if recorded == "before" else "before"
    return f"The recorded loss is that {actual} the update, asked for was the one {recorded} it: shifted by one step."


def flipped_label(s: Suspect) -> str | None:
    """A label read as its opposite."""
    if s.stage == "row losses":
        flipped = np.array(s.rows.y)
        flipped[s.off] = 1 - flipped[s.off]
        wrong = GivenLogits(replace(s.rows, y=flipped), s.look.here, s.look.logits, s.setting, s.dtype, s.engine)
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


def rows_cut_off(s: Suspect) -> str | None:
    """Several rows missing at one end of the data."""
    if s.stage not in FROM_ROWS or (s.reduction == "mean" and s.rows.sample_weight is not None):
        return None
    parts, n = s.contributions(), s.rows.n_rows
    for end, rows in (("first", parts[::-1]), ("last", parts)):
        kept = np.arange(1, n)[:, None]
        sums = np.cumsum(rows, axis=0)[:-1] * (n / kept if s.reduction == "mean" else 1)
        found = s.one_row(s.fixed[-1] + sums)
        if found is not None:
            return f"The {s.stage} is that of the data without the {end} {n - found - 1} rows."
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
        (_absolute(s) - s.penalty, "with l2 |w| for a penalty, where (l2 / 2) ‖w‖² is meant"),
        (s.penalty / s.rows.n_rows - s.penalty, "with the penalty divided by N: it is added before the mean is taken"),
    ):
        if s.fits(s.e + change):
            return f"The {s.stage} is what it should be {what} ({np.abs(change).max():.3g} is the difference)."
    return None


def _absolute(s: Suspect) -> np.ndarray:
    """The part of a penalty l2 |w|."""
    w = (s.look.there if s.stage == "recorded loss" else s.look.here).weight
    return s.l2 * np.append(np.sign(w), 0.0) if s.stage == "gradient" else np.atleast_1d(s.l2 * np.abs(w).sum())


def other_columns(s: Suspect) -> str | None:
    """A feature in another's place, or standardised, the bias left out or counted otherwise, or logits that are cut."""
    X, here = s.rows.X, s.look.here
    if s.stage != "logits":
        return None
    if s.logits_of(X, Parameters(here.weight, 0.0)):
        return "The logits are those without the bias."
    for size in (2.0, -1.0):
        if s.logits_of(X, Parameters(here.weight, size * here.bias)):
            return f"The logits are those of {size:g} times the bias."
    centred, deviation = X - X.mean(axis=0), X.std(axis=0)
    scaled = centred / np.where(deviation > 0, deviation, 1)
    for what, features in (("less their mean", centred), ("less their mean, over their deviation", scaled)):
        if s.logits_of(features, here):
            return f"The logits are those of the features {what}: standardised once more."
    most = np.abs(s.v).max()
    if (np.abs(s.v[s.off]) == most).all() and s.fits(np.clip(s.e, -most, most)):
        return f"The logits are kept within {most:.6g}: clipped."
    names, d = s.look.side.dataset.feature_names, X.shape[1]
    for other, instead in np.ndindex(d, d) if d <= MOST_COLUMNS else ():
        columns = np.arange(d)
        columns[instead] = other
        if other != instead and s.logits_of(X[:, columns], here):
            return f"The logits are those of {names[other]} in the place of {names[instead]}."
    return None


def part_in_another_format(s: Suspect) -> str | None:
    """One feature, the weights or the bias, rounded to a coarser format before they are used; or the probabilities."""
    X, here, precision = s.rows.X, s.look.here, format_of(s.dtype).precision
    for name in ("bfloat16", "float16", "float32"):
        format = FORMATS[name]
        if format.precision >= precision:
            continue
        if s.stage == "residuals" and is_held(s.v + s.rows.y, name).all():
            off = 2 * format.unit_roundoff * np.abs(s.e + s.rows.y) + format.smallest_normal
            if s.fits(s.e, s.bound + off):
                return f"The probabilities are {name} numbers, in a run that says {s.dtype}."
        if s.stage == "logits":
            parts = {"the weights": (X, Parameters(_to_bits(here.weight, format.precision), here.bias))}
            rounded = _to_bits(np.atleast_1d(here.bias), format.precision)[0]
            parts["the bias"] = (X, Parameters(here.weight, float(rounded)))
            for j in range(X.shape[1] if X.shape[1] <= MOST_COLUMNS else 0):
                column = np.where(np.arange(X.shape[1]) == j, _to_bits(X, format.precision), X)
                parts[s.look.side.dataset.feature_names[j]] = (column, here)
            for what, given in parts.items():
                if s.logits_of(*given):
                    return f"The logits are those of {what} rounded to {name}, in a run that says {s.dtype}."
    return None


def lower_precision(s: Suspect) -> str | None:
    """Logits of inputs that were rounded to a coarser format, or numbers that such a format holds."""
    precision = format_of(s.dtype).precision
    for name, bits in (("bfloat16", 8), ("TF32", 11), ("float32", 24)):
        here = Parameters(_to_bits(s.look.here.weight, bits), s.look.here.bias)
        if bits < precision and s.stage == "logits" and s.logits_of(_to_bits(s.rows.X, bits), here):
            said = f"{name} products ({bits - 1} stored bits), or of inputs that had no more"
            return f"The logits are those of {said}, in a run that says {s.dtype}."
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
            return f"Every number of the {s.stage} is {digits(factor)} times what it should be: a constant factor."
    return None


def decimals(s: Suspect) -> str | None:
    """Numbers rounded to a few decimals."""
    digits = int(format_of(s.dtype).precision * np.log10(2)) - 2
    for k in range(digits):
        near = (np.abs(s.v - s.e) <= 0.5 * 10.0**-k + s.bound).all()
        if near and np.array_equal(round_to(np.round(s.v, k), s.dtype), s.v):
            return f"Every number of the {s.stage} has at most {k} decimals: rounded, by a print or a file perhaps."
    return None


def wrong_derivative(s: Suspect) -> str | None:
    """The weakest hint: the loss is right and its gradient is not."""
    if s.stage != "gradient" or s.look.creates("loss"):
        return None
    where = ", ".join("the bias" if k == len(s.v) - 1 else f"weight {k}" for k in s.off[:5])
    return f"The loss is right and its gradient is not (in {where}): a clamp, or a derivative that is wrong."


def _to_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Rounded to that many significant bits, the exponent being free."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)


def every_pair(s: Suspect) -> str | None:
    """(N, 1) against (N,) is (N, N). The loss is linear in y, so the mean over all pairs is that of the mean label."""
    if s.stage != "loss" or s.reduction != "mean" or s.rows.sample_weight is not None:
        return None
    mean = replace(s.rows, y=np.full_like(s.rows.y, s.rows.y.mean()))
    if not s.fits(*s.look.objective_at(s.look.here, mean)):
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


def unequal_shares(s: Suspect) -> str | None:
    """The mean over processes of their means, of which some have a row more."""
    if s.stage != "gradient" or s.reduction != "mean" or s.rows.sample_weight is not None:
        return None
    n = s.rows.n_rows
    slopes = s.contributions() * n
    for processes in range(2, min(n, MOST_SHARES + 1)):
        sizes = np.array([len(share) for share in np.array_split(np.arange(n), processes)])
        starts = np.cumsum(sizes) - sizes
        mean = np.mean(np.add.reduceat(slopes, starts) / sizes[:, None], axis=0)
        heaviest = n / (processes * sizes[-1])  # how much more than 1 / N a row counts at most
        if n % processes and s.fits(mean + s.fixed[-1], heaviest * s.bound):
            return (
                f"The gradient is the mean of the means of {processes} shares of {sizes[-1]} to {sizes[0]} rows: "
                f"processes that average what each has averaged, though some have a row more."
            )
    return None


def signed_labels(s: Suspect) -> str | None:
    """Labels -1 and 1 in the loss for 0 and 1, or the other way round."""
    y, z = s.rows.y, s.look.logits
    if s.stage != "row losses" or not np.isin(y, (0, 1)).all():
        return None
    sides = [replace(s.rows, y=np.full_like(y, label)) for label in (0, 1)]
    limits = [GivenLogits(rows, s.look.here, z, s.setting, s.dtype, s.engine).loss for rows in sides]
    if s.fits(np.where(y == 0, 2 * reference.softplus(z) - reference.softplus(-z), s.e), 2 * np.sum(limits, axis=0)):
        return "The losses are those of labels -1 and 1 in the loss that is meant for 0 and 1."
    near_log_2 = 2 * FUNCTION_ULPS * format_of(s.dtype).unit_roundoff
    if s.fits(np.where(y == 0, np.log(2), s.e), np.where(y == 0, near_log_2, s.bound)):
        return "The loss of every row of label 0 is log 2: softplus(-y z), which is meant for labels -1 and 1."
    return None


def other_losses(s: Suspect) -> str | None:
    """Classes that weigh differently, smoothed labels, or squared errors."""
    y, z, u = s.rows.y, s.look.logits, format_of(s.dtype).unit_roundoff
    if s.stage != "row losses" or not np.isin(y, (0, 1)).all():
        return None
    least = 8 * FUNCTION_ULPS * u  # of a weight or a smoothing; less is what the logit's rounding does: cancellation
    for label in (0, 1):
        k = int(np.argmax(np.where(y == label, s.e, 0)))
        factor = s.v[k] / s.e[k] if s.e[k] else np.nan
        off = max(1.0, factor) * (s.bound + s.bound[k] / s.e[k] * s.e) if s.e[k] else s.bound
        meant = np.isin(y[s.off], label).all() and abs(factor - 1) > least
        if meant and s.fits(np.where(y == label, factor * s.e, s.e), off):
            return f"The losses of class {label} are {digits(factor)} times what they should be: a weight of the class."
    k = int(np.argmax(np.abs(z)))
    share = float(f"{(s.e[k] - s.v[k]) / (z[k] * (0.5 - y[k])):.3g}") if z[k] else 0.0
    if least < share < 1:
        smooth = replace(s.rows, y=y + share * (0.5 - y))
        limits = GivenLogits(smooth, s.look.here, z, s.setting, s.dtype, s.engine).loss
        if s.fits(reference.stable_loss(z, smooth.y), limits + 2 * u * np.abs(z)):
            return f"The losses are those of the labels {share / 2:g} and {1 - share / 2:g}: smoothed."
    r, off = np.abs(reference.residual(z, y)), 4 * FUNCTION_ULPS * u  # p - y cancels
    for half, what in ((1.0, "the squares of p - y"), (0.5, "half the squares of p - y")):
        if s.fits(half * r**2, off * (r + off)):
            return f"The losses are {what}: another loss."
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


def no_step(s: Suspect) -> str | None:
    """Nothing moved."""
    if s.stage != "update" or not (s.v == s.look.theta).all():
        return None
    usual = s.setting.batch_size
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
        _, slope = s.look.value_and_slope_at(moved)
        late = s.e - s.setting.learning_rate * (slope - s.look.slope)
        if (np.abs(s.v - late) <= s.bound)[part].all():
            return (
                f"The {name} moved along the gradient at the point where the {other} had moved already: the {other} is "
                f"updated first, and both should use one gradient."
            )
    still = s.off[s.v[s.off] == s.look.theta[s.off]]
    if len(still) == len(s.off):
        names = (*s.look.side.dataset.feature_names, "the bias")
        return f"The parameters of {', '.join(names[k] for k in still)} did not move, the others did."
    return None


def earlier_gradients(s: Suspect) -> str | None:
    """The gradients of the steps before in this one: added up, in its place, or as momentum."""
    t, side, rate = s.look.step, s.look.side, s.setting.learning_rate
    if s.stage != "update" or t < 2 or s.setting.momentum:
        return None
    slopes = side.trace.gradients[:t]
    # each gradient is the loop's own to within the bound of the step it was first used for
    bound = np.sum([stages.update_bound(Look(side, k).limits, rate, s.look.there) for k in range(1, t + 1)], axis=0)
    if s.fits(s.look.theta - rate * slopes.sum(axis=0), bound):
        return "The step is along the sum of all gradients so far: they are added up and never set back to zero."
    if s.fits(s.look.theta - rate * slopes[-2], bound):
        return "The step is along the gradient of the step before: it is one step old."
    k = int(np.argmax(np.abs(slopes[-2])))
    momentum = ((s.look.theta - s.v) / rate - slopes[-1])[k] / slopes[-2][k]
    if t == 2 and s.fits(s.look.theta - rate * (slopes[-1] + momentum * slopes[-2]), bound + bound[k]):
        return f"The step holds {momentum:.6g} times the gradient before it: a momentum of {momentum:.6g}."
    return None


MOST_SHARES = 8
"""Processes that may have averaged a gradient."""
MOST_COLUMNS = 40
"""Features that are tried one by one, and in pairs."""

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
    if s.stage != "update" or not s.setting.momentum:
        return None
    looks = [s.look, *(Look(side, later) for later in range(step + 1, min(step + STEPS, side.trace.steps + 1)))]
    for words, way in WAYS.items():
        if all(follows(look, way) for look in looks):
            return f"The update is that of {words}."
    return None


def other_start(s: Suspect) -> str | None:
    """A velocity that does not start from 0, or a point that does."""
    if s.stage == "start" and not s.v.any():
        return "The start is 0 in every coordinate: the one that was given is not looked at."
    if s.stage == "update" and s.setting.momentum and s.look.step == 1:
        return "The first update is not that of a velocity which starts at 0: it was not reset, or is damped at once."
    return None


DETECTORS = (
    not_finite,
    another_format,
    other_velocity,
    other_momentum,
    other_start,
    schedule,
    sum_or_mean,
    known_factor,
    capped,
    shifted_by_one,
    flipped_label,
    missing_row,
    rows_cut_off,
    permuted_rows,
    every_pair,
    batch_means,
    unequal_shares,
    signed_labels,
    other_losses,
    reshaped_features,
    other_columns,
    no_step,
    other_rows,
    two_steps,
    decay,
    one_part_late,
    earlier_gradients,
    penalty,
    part_in_another_format,
    lower_precision,
    threshold,
    clamp,
    other_factor,
    decimals,
    cancellation,
    wrong_derivative,
)
