"""Exact arithmetic: numbers that do not depend on who computes them, by hand in NumPy; also a twin.

IEEE 754 rounds +, -, × and ÷ of two numbers in one way. Whoever does the same operations in the same order gets the
same bits; what gets in the way is that nobody promises the order, and that compilers put other operations in their
place. So here

- a logit is added up in the order of the features;
- a sum over rows is one of integers (``counted``), which has no order;
- exp, σ and softplus are made of the four operations, and not taken from a library (``exp_minus_abs``);
- no product is left where a compiler could melt it with a sum into one rounding (``rounded``, in the twins);
- nothing is divided by a number that stays the same, for which compilers multiply by its reciprocal;
- a number so small that processors may take it for 0 is 0 (``stored``).

``logreg_torch/speed/exact.py`` and ``logreg_jax/speed/exact.py`` have the same functions, and so have
``exact_numba.py``, a program in C and one in JavaScript (``logreg_parity/machine``). ``docs/exact.md`` has the proofs.

float32 means float32 numbers: features, logits, residuals, points. In between all is float64, where the product of two
float32 numbers is exact, with or without a sum in one rounding.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters, batch_index
from ..data.history import Evaluation, Fit, History, Recorder
from ..twins import Record, Reduction, Setting
from .reference import devices as devices
from .reference import flatten
from .reference import versions as versions
from .ulp import round_dataset, round_parameters, round_setting

# -- the constants, to the bit ----------------------------------------------------------------------------------------

DTYPES = ("float64", "float32")
PER_LOG2 = float.fromhex("0x1.71547652b82fep+0")  # 1 / log 2
LOG2_HIGH = float.fromhex("0x1.62e42fefa38p-1")  # log 2 in two parts, of which k of 11 bits times either is exact
LOG2_LOW = float.fromhex("0x1.ef35793c76p-45")
LOG2 = float.fromhex("0x1.62e42fefa39efp-1")
# (exp(r) - 1 - r) / r² for |r| ≤ log 2 / 2, a polynomial through its Chebyshev nodes: off by 2^-58 of exp(r)
EXP = [
    float.fromhex(f"0x{c}")
    for c in (
        *(
            "1.0000000000001p-1",
            "1.5555555555556p-3",
            "1.5555555553d37p-5",
            "1.11111111109a6p-7",
            "1.6c16c1789d1d7p-10",
        ),
        *("1.a01a01a7cebcdp-13", "1.a019b8ca26fcfp-16", "1.71de0d85293b8p-19", "1.2891d4ffbb0f9p-22"),
        "1.af390ba7e6f47p-26",
    )
]
# (log((1 + s) / (1 - s)) - 2 s) / s³ in u = s² ≤ 0.0296
LOG = [
    float.fromhex(f"0x{c}")
    for c in (
        *("1.5555555555558p-1", "1.9999999995077p-2", "1.2492492e35998p-2", "1.c71c628e9e0c9p-3"),
        *("1.7462cd53e5318p-3", "1.39fb2efe206abp-3", "1.2b7fa64da1a6ap-3"),
    )
]
SQRT2_MINUS_1 = 0.41421356237309503  # above it log(1 + e) is log 2 + log((1 + e) / 2)
LOWEST = -707.0  # exp of less would lose bits below the normal numbers
CONSTANTS = {
    "PER_LOG2": PER_LOG2,
    "LOG2_HIGH": LOG2_HIGH,
    "LOG2_LOW": LOG2_LOW,
    "LOG2": LOG2,
    "SQRT2_MINUS_1": SQRT2_MINUS_1,
    "LOWEST": LOWEST,
}
"""What the programs in C and in JavaScript are given beside EXP and LOG."""
SHIFT = 3 * 2.0**51 + 1023  # k + SHIFT has k + 1023, the exponent of 2^k as it is stored, in its last bits
EXPONENT = 0x7FF0000000000000
MAGNITUDE = 0x7FFFFFFFFFFFFFFF
LEAST_POWER = 123 << 52  # the bits of 2^-900: the unit of a sum is a normal number
LOW = 0xFFFFFFFF
UNIT = 2.0**-51
LARGEST_LOGIT = 2.0**1000  # of one feature: (D + 1) times it is finite
LEAST = {"float64": 2.0**-480, "float32": 2.0**-126}
"""What is smaller is 0. The product of two such float64 numbers is at least 2^-960, and it and all sums of such
products are multiples of 2^-1012: none is a subnormal number, which some threads take for 0 and others do not."""
BLOCK = 2048
"""Rows whose integers fit into an int64: each is at most 2^51 of them, and 2^62 is left without a carry."""
LARGEST = 2**18  # numbers that the steps of a chunk may take


# -- the arithmetic ---------------------------------------------------------------------------------------------------


def bits(x: np.ndarray) -> np.ndarray:
    """The 64 bits of float64 numbers, as int64."""
    return np.asarray(x).view(np.int64)


def number(b: np.ndarray) -> np.ndarray:
    """The float64 numbers of these bits."""
    return np.asarray(b).view(np.float64)


def kept(x: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers (float64) as the format stores them, one a row: float32 rounds, and has no subnormal numbers."""
    if dtype == "float64":
        return x
    with np.errstate(over="ignore"):
        return np.where(np.abs(x) < LEAST[dtype], 0.0, x).astype(np.float32).astype(np.float64)


def stored(x: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers (float64) of a point or a gradient, as the format stores them; below LEAST they are 0."""
    return kept(np.where(np.abs(x) < LEAST[dtype], 0.0, x), dtype)


def exp_minus_abs(t: np.ndarray) -> np.ndarray:
    """exp(-|t|), as exp(r) 2^k with |r| ≤ log 2 / 2; beyond |t| = 707 what it is there."""
    x = np.maximum(-np.abs(t), LOWEST)
    k = np.rint(x * PER_LOG2)
    r = (x - k * LOG2_HIGH) - k * LOG2_LOW  # both products are exact
    q = np.full_like(r, EXP[-1])
    for c in EXP[-2::-1]:
        q = q * r + c
    return (1 + (r + r * r * q)) * number(bits(k + SHIFT) << 52)


def sigmoid(t: np.ndarray, dtype: str) -> np.ndarray:
    """σ(t), as the format stores it."""
    e = exp_minus_abs(t)
    return kept(np.where(t >= 0, 1.0, e) / (1 + e), dtype)


def softplus(t: np.ndarray, dtype: str) -> np.ndarray:
    """log(1 + exp(t)) = max(t, 0) + log(1 + e), e = exp(-|t|), as the format stores it.

    log(1 + f) is f - s (f - s² p(s²)) with s = f / (2 + f).
    """
    e = exp_minus_abs(t)
    big = e > SQRT2_MINUS_1
    f = np.where(big, (e - 1) * 0.5, e)
    s = f / (2 + f)
    u = s * s
    p = np.full_like(s, LOG[-1])
    for c in LOG[-2::-1]:
        p = p * u + c
    return kept(np.maximum(t, 0.0) + (np.where(big, LOG2, 0.0) + (f - s * (f - u * p))), dtype)


def power_above(x: np.ndarray) -> np.ndarray:
    """The power of two above numbers that are not negative, 2^-899 at least; NaN where one is not finite."""
    b = np.maximum(bits(x) & MAGNITUDE, LEAST_POWER)
    with np.errstate(invalid="ignore"):
        return np.where(b < EXPONENT, number((b & EXPONENT) + (1 << 52)), np.nan)


def counted(products: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Sums of numbers (..., K, B) over B, as integers (..., K) that count top 2^-51; none is above top (...,).

    3 top + x is rounded to a multiple of top 2^-51, and as long as it is from 2 to 4 top the bits of neighbours are
    neighbouring integers. Those of 3 top are taken off at the end: integers that overflow meanwhile come back.
    """
    M = 3 * top[..., None]
    return bits(products + M[..., None]).sum(-1) - bits(M) * products.shape[-1]


def joined(counts: np.ndarray, top: np.ndarray) -> np.ndarray:
    """The numbers that integers (..., K) of K blocks count, all K added: two halves, so that none overflows, and one
    rounding."""
    return number_of(halves(counts).sum(-1), top)


def halves(counts: np.ndarray) -> np.ndarray:
    """Integers (...) as two (2, ...), the upper and the lower 32 bits, of which 2^31 can be added."""
    return np.stack([counts >> 32, counts & LOW])


def number_of(parts: np.ndarray, top: np.ndarray) -> np.ndarray:
    """The numbers that added halves (2, ...) count in units of top 2^-51, rounded once."""
    high, low = parts.astype(np.float64)
    return (high * 2.0**32 + low) * (top * UNIT)


def total(terms: np.ndarray) -> np.ndarray:
    """The sum of numbers (..., K, B) that are not negative, in units of the largest of them."""
    top = power_above(terms.max(axis=(-2, -1)))
    return joined(counted(terms, top), top)


# -- the data, and what a sum over its rows is counted in -------------------------------------------------------------


class ExactRows(NamedTuple):
    """M rows in K blocks of B, for all steps, or for each of C steps, which then lead every shape.

    A row enters as ``speed/rows.py`` has it: times s = 1 - 2y where labels are hard. The factors have the share of a
    row in the objective, 1 / Σω for a mean. Rows of zeros fill the last block.

    The scale of a sum is of the data alone: as no residual is above its factor, x r is never above max |x| max f.
    """

    columns: Any  # (D + 1, K, B), the features and 1; float32 or float64
    up: Any  # (K, B), of σ(t) and softplus(t); None for all 1
    down: Any  # (K, B), of σ(-t) and softplus(-t); None where labels are hard
    top: Any  # (D + 1,), a power of two above max |x| max f
    largest: Any  # (D + 1,), max |x|
    factor: Any  # (), max f

    def mapped(self, put: Callable[[Any], Any]) -> "ExactRows":
        """The same on another device."""
        return ExactRows(*(None if part is None else put(part) for part in self))

    def blocks(self, take: Callable[[Any], Any]) -> "ExactRows":
        """Some of the K blocks, in units of all of them."""
        columns, up, down = (None if part is None else take(part) for part in self[:3])
        return self._replace(columns=columns, up=up, down=down)


class SignedRows(NamedTuple):
    """All N rows, before they are shared out, and a row of zeros."""

    columns: np.ndarray  # (D + 1, N + 1)
    up: np.ndarray  # (N + 1,), ω, or ω (1 - y) where labels are soft
    down: np.ndarray | None  # (N + 1,), ω y
    weight: np.ndarray  # (N + 1,)
    dtype: str

    @classmethod
    def of(cls, dataset: Dataset, dtype: str) -> "SignedRows":
        """Those of a data set. Raises ValueError for another dtype, and for numbers that are too large for it."""
        check_dtype(dtype)
        if dtype == "float32":
            dataset = round_dataset(dataset, dtype)
        weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
        weight, y = stored(weight, dtype), stored(dataset.y, dtype)
        columns = np.vstack([stored(dataset.X.T, dtype), np.ones(dataset.n_rows)])
        up, down = weight, None
        if np.isin(y, (0, 1)).all():
            columns *= 1 - 2 * y
        else:
            up, down = kept(weight * (1 - y), dtype), np.append(kept(weight * y, dtype), 0.0)
        columns = np.pad(columns, ((0, 0), (0, 1))).astype(dtype)
        return cls(columns, np.append(up, 0.0), down, np.append(weight, 0.0), dtype)

    @property
    def total_weight(self) -> float:
        """Σ ω of all rows."""
        last = len(self.weight) - 1
        return float(total(self.weight[_in_blocks(np.arange(last), last)]))

    def shared(self, index: np.ndarray, reduction: str) -> ExactRows:
        """The rows (..., B) of an index, N being the spare one, with their share in the objective of these rows.

        Raises ValueError where they have no weight.
        """
        blocks, share = _in_blocks(index, len(self.weight) - 1), np.ones(index.shape[:-1])
        if reduction == "mean":
            count = total(self.weight[blocks])
            if (count == 0).any():
                raise ValueError("some mini-batch holds rows of weight 0 only; take more rows, or reduction='sum'")
            share = kept(1 / count, self.dtype)
        columns = np.ascontiguousarray(np.moveaxis(self.columns[:, blocks], 0, -3))  # (..., D + 1, K, B)
        up = kept(self.up[blocks] * share[..., None, None], self.dtype)
        down = None if self.down is None else kept(self.down[blocks] * share[..., None, None], self.dtype)
        factor = np.max(up if down is None else np.maximum(up, down), axis=(-2, -1))
        largest = np.abs(columns).max(axis=(-2, -1)).astype(np.float64)
        top = power_above(largest * factor[..., None])
        plain = down is None and np.array_equal(up, np.ones_like(up))
        return ExactRows(columns, None if plain else up, down, top, largest, factor)

    def whole(self, reduction: str) -> ExactRows:
        """All rows, for all steps."""
        return self.shared(np.arange(len(self.weight) - 1), reduction)


def _in_blocks(index: np.ndarray, spare: int) -> np.ndarray:
    """An index (..., B) as (..., K, BLOCK), filled up with the spare row; one block of B where that is less."""
    length = index.shape[-1]
    if length <= BLOCK:
        return index[..., None, :]
    missing = -length % BLOCK
    filled = np.concatenate([index, np.full((*index.shape[:-1], missing), spare)], axis=-1)
    return filled.reshape(*index.shape[:-1], -1, BLOCK)


def check_dtype(dtype: str) -> None:
    """Raises ValueError for a format that the engine does not have."""
    if dtype not in DTYPES:
        raise ValueError(
            f"dtype is {dtype!r}, and engine 'exact' knows {' and '.join(DTYPES)}; give one, or another engine"
        )


# -- the objective ----------------------------------------------------------------------------------------------------


def logits(theta: np.ndarray, rows: ExactRows, dtype: str) -> np.ndarray:
    """t = Σ θ_j x_j (..., K, B), added in the order of the features, the bias last."""
    columns = rows.columns
    t = columns[..., 0, :, :] * theta[..., 0, None, None]
    for j in range(1, theta.shape[-1]):
        t = t + columns[..., j, :, :] * theta[..., j, None, None]
    return kept(t, dtype)


def residuals(t: np.ndarray, rows: ExactRows, dtype: str) -> np.ndarray:
    """The derivative (..., K, B) of every row's loss by its t, the factors included."""
    r = sigmoid(t, dtype)
    r = r if rows.up is None else kept(rows.up * r, dtype)
    return r if rows.down is None else kept(r - kept(rows.down * sigmoid(-t, dtype), dtype), dtype)


def losses(t: np.ndarray, rows: ExactRows, dtype: str) -> np.ndarray:
    """Every row's loss (..., K, B), the factors included."""
    terms = softplus(t, dtype)
    terms = terms if rows.up is None else kept(rows.up * terms, dtype)
    return terms if rows.down is None else kept(terms + kept(rows.down * softplus(-t, dtype), dtype), dtype)


def grid(theta: np.ndarray, rows: ExactRows) -> np.ndarray:
    """The tops (D + 1,) of a gradient's sums; NaN where a logit could overflow, as integers cannot say it."""
    return np.where((rows.largest * np.abs(theta) < LARGEST_LOGIT).all(), rows.top, np.nan)


def objective(theta: np.ndarray, rows: ExactRows, penalty: np.ndarray, dtype: str) -> np.ndarray:
    """The objective (...,) at points (..., D + 1).

    Args:
        theta: the points, the bias last.
        rows: for all of them, or for each.
        penalty: l2 (D + 1,), 0 for the bias.
        dtype: "float64" or "float32".
    """
    value = total(losses(logits(theta, rows, dtype), rows, dtype))
    return kept(value + total((0.5 * penalty * theta * theta)[..., None, :]), dtype)


def gradient(theta: np.ndarray, rows: ExactRows, penalty: np.ndarray, dtype: str) -> np.ndarray:
    """The gradient (D + 1,) of the objective at one point, in closed form. The arguments are those of ``objective``."""
    r = residuals(logits(theta, rows, dtype), rows, dtype)
    top = grid(theta, rows)
    found = joined(counted(rows.columns * r, top), top)
    return stored(found + penalty * theta, dtype)


class ExactSums(NamedTuple):
    """What one pass over a block of B rows finds, in NumPy, for a fit: no number in it depends on other rows."""

    losses: np.ndarray  # (1, B)
    gradient: np.ndarray  # (D + 1,), counts in units of the rows' top
    hessian: np.ndarray | None  # (D + 1, D + 1), counts in units of the tops; only the lower triangle is read


def add_exactly(rows: ExactRows, theta: np.ndarray, tops: np.ndarray | None) -> ExactSums:
    """The losses of one block of rows, and what they add to the derivatives of the sum of the losses.

    Args:
        rows: K = 1 block.
        theta: the point (D + 1,), the bias last.
        tops: powers of two (D + 1, D + 1) above max |x_i| max |x_j| max f, where the second derivative is asked for.
    """
    t = logits(theta, rows, "float64")
    slopes = counted(rows.columns * residuals(t, rows, "float64"), rows.top)
    bends = None
    if tops is not None:
        X, h, bends = rows.columns, bend(t, rows), np.zeros(tops.shape, np.int64)
        for j, x in enumerate(X):
            bends[j:, j] = counted(X[j:] * (x * h), tops[j:, j])[:, 0]
    return ExactSums(losses(t, rows, "float64"), slopes[:, 0], bends)


def bend(t: np.ndarray, rows: ExactRows) -> np.ndarray:
    """The second derivative (..., K, B) of every row's loss by its t, the factors included: at most half of max f."""
    h = sigmoid(t, "float64") * sigmoid(-t, "float64")
    weight = rows.up if rows.down is None else rows.up + rows.down
    return h if weight is None else weight * h


class ExactRule(NamedTuple):
    """The numbers of a step, all of the format."""

    learning_rate: float
    momentum: float
    nesterov: bool
    dtype: str


def step(
    theta: np.ndarray, velocity: np.ndarray, rows: ExactRows, penalty: np.ndarray, rule: ExactRule
) -> tuple[np.ndarray, np.ndarray]:
    """One step of ``torch.optim.SGD``: the next point and velocity (D + 1,)."""
    rate, momentum, nesterov, dtype = rule
    g = gradient(theta, rows, penalty, dtype)
    velocity = stored(momentum * velocity + g, dtype)
    direction = stored(g + momentum * velocity, dtype) if nesterov else velocity
    return stored(theta - rate * direction, dtype), velocity


# -- runs -------------------------------------------------------------------------------------------------------------


class ExactMeans(NamedTuple):
    """What a backend supplies, in its own arrays of float64 (rows in the format).

    walk(theta, velocity, rows, penalty, rule, steps) gives the points (C + 1, D + 1), theta being the first, and the
    velocity; rows are for all C steps, or for each. objectives(points, rows, penalty, dtype) gives (C,). add is what
    ``add_exactly`` does, where a backend fits in NumPy's arrays.
    """

    put: Callable[[np.ndarray], Any]
    fetch: Callable[[Any], np.ndarray]
    walk: Callable[..., tuple[Any, Any]]
    objectives: Callable[..., Any]
    add: Callable[..., ExactSums] | None = None


def walk(
    theta: np.ndarray, velocity: np.ndarray, rows: ExactRows, penalty: np.ndarray, rule: ExactRule, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """C steps in NumPy: the points (C + 1, D + 1) and the velocity after the last."""
    points, each = [theta], rows.columns.ndim == 4
    for k in range(steps):
        own = rows.mapped(itemgetter(k)) if each else rows
        theta, velocity = step(theta, velocity, own, penalty, rule)
        points.append(theta)
    return np.stack(points), velocity


IN_NUMPY = ExactMeans(lambda part: part, lambda part: part, walk, objective, add_exactly)


def descend(
    means: ExactMeans,
    dataset: Dataset,
    batches: Iterable[np.ndarray] | None,
    recorder: Recorder,
    dtype: str,
) -> History:
    """Take all steps of the recorder's run by a backend's means, and book them.

    Args:
        means: the backend's.
        dataset: N rows of D features.
        batches: the rows (B,) of each step, or None for all rows at every step.
        recorder: of the run; it knows the start and the setting.
        dtype: "float64" or "float32".

    Returns:
        The History.

    Raises:
        ValueError: for batches that end early, name rows there are not, or have no weight, and for numbers that are too
            large for the format.
    """
    setting, signed = round_setting(recorder.setting, dtype), SignedRows.of(dataset, dtype)
    theta = stored(flatten(round_parameters(recorder.start, dtype)), dtype)
    velocity = np.zeros_like(theta)
    penalty = np.append(np.full(len(theta) - 1, setting.l2), 0.0)
    rule = ExactRule(setting.learning_rate, setting.momentum, setting.nesterov, dtype)
    index = None if batches is None else batch_index(batches, setting.steps, dataset.n_rows)
    rows = signed.whole(setting.reduction).mapped(means.put) if index is None else None
    numbers = dataset.n_rows if index is None else index.shape[1] * len(theta)
    size = -(-setting.steps // -(-setting.steps // max(8, LARGEST // numbers)))  # one size, for which is compiled once
    here, speed, levy = means.put(theta), means.put(velocity), means.put(penalty)
    with np.errstate(over="ignore", invalid="ignore"):  # the recorder stops the run and says why
        for chunk in recorder.chunks(size):
            if index is not None:
                taken = np.arange(chunk.start - 1, chunk.start - 1 + size).clip(max=setting.steps - 1)
                rows = signed.shared(index[taken], setting.reduction).mapped(means.put)
            points, speed = means.walk(here, speed, rows, levy, rule, size)
            values = None
            if setting.record != "none":
                seen = points[1:] if setting.record == "after" else points[:-1]
                values = means.fetch(means.objectives(seen, rows, levy, dtype))
            recorder.extend(chunk, values, means.fetch(points[1:]).astype(dtype))
            here = points[-1]
    return recorder.history()


def digest(numbers: np.ndarray, dtype: str) -> str:
    """SHA-256 of numbers in a format, little-endian; a NaN is a NaN, whatever its bits."""
    array = np.asarray(numbers, np.dtype(dtype).newbyteorder("<"))
    return hashlib.sha256(np.where(np.isnan(array), np.array(np.nan, array.dtype), array).tobytes()).hexdigest()


def fit_digest(fit: Fit) -> str:
    """SHA-256 of a fit of kernel "exact": its parameters, the bias last, and the objective there."""
    return digest(np.append(flatten(fit.parameters), fit.objective), "float64")


def evaluate(
    dataset: Dataset,
    parameters: Parameters,
    *,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    dtype: str = "float64",
    device: str = "cpu",
) -> Evaluation:
    """Everything there is to know at one point: the function of ``twins.Twin``.

    Args:
        dataset, parameters, l2, reduction: those of ``reference.evaluate``.
        dtype: "float64" or "float32".
        device: "cpu" (or "auto"), where NumPy computes.

    Raises:
        ValueError: for another dtype or device.
    """
    _check_device(device)
    given = looked_at(dataset, parameters, l2, reduction, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        value = objective(given.theta, given.rows, given.penalty, dtype)
        slope = gradient(given.theta, given.rows, given.penalty, dtype)
        z = logits(given.theta, given.rows._replace(columns=given.plain), dtype)
        return given.evaluation(value, slope, z, sigmoid(z, dtype), softplus(z, dtype), softplus(-z, dtype))


class LookedAt(NamedTuple):
    """One point and the rows it is looked at on, for ``evaluate``."""

    theta: Any  # (D + 1,)
    rows: ExactRows
    penalty: Any  # (D + 1,)
    plain: Any  # (D + 1, K, B): the columns without signs
    y: np.ndarray  # (N,)
    dtype: str

    def mapped(self, put: Callable[[Any], Any]) -> "LookedAt":
        """The same on another device; the labels stay."""
        theta, rows, penalty, plain, *_ = self
        return self._replace(theta=put(theta), rows=rows.mapped(put), penalty=put(penalty), plain=put(plain))

    def evaluation(self, value: Any, slope: np.ndarray, *per_row: np.ndarray) -> Evaluation:
        """From NumPy arrays: the objective, its gradient, and by row (K, B) z, σ(z), softplus(z), softplus(-z)."""
        z, p, above, below = (part.reshape(-1)[: len(self.y)] + 0.0 for part in per_row)  # + 0: there is one zero
        y = self.y
        losses = np.where(
            y == 0, above, np.where(y == 1, below, kept(kept(y * below, self.dtype) + (1 - y) * above, self.dtype))
        )
        number = np.dtype(self.dtype).type
        slope = slope.astype(number)
        z, losses, p = (part.astype(number) for part in (z, losses, p))
        return Evaluation(z, losses, float(value), Parameters(slope[:-1], slope[-1]), p, (p > 0.5).astype(np.int32))


def looked_at(dataset: Dataset, parameters: Parameters, l2: float, reduction: Reduction, dtype: str) -> LookedAt:
    """The arrays of ``evaluate``, in NumPy. Raises ValueError for another dtype, and for numbers too large for it."""
    signed = SignedRows.of(dataset, dtype)
    setting = round_setting(Setting(steps=1, learning_rate=1.0, l2=l2, reduction=reduction), dtype)
    theta = stored(flatten(round_parameters(parameters, dtype)), dtype)
    rows = signed.whole(reduction)
    y = stored(round_dataset(dataset, dtype).y, dtype)
    sign = signed.columns[-1, :-1]  # that of the row: its bias
    spread = np.append(sign, 0.0)[_in_blocks(np.arange(dataset.n_rows), dataset.n_rows)]
    penalty = np.append(np.full(len(theta) - 1, setting.l2), 0.0)
    return LookedAt(theta, rows, penalty, (rows.columns * spread).astype(dtype), y, dtype)


def train(
    dataset: Dataset,
    start: Parameters,
    *,
    steps: int,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    batches: Iterable[np.ndarray] | None = None,
    record: Record = "after",
    keep: Collection[int] | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    dtype: str = "float64",
    device: str = "cpu",
    means: ExactMeans = IN_NUMPY,
) -> History:
    """Gradient descent: the function of ``twins.Twin``.

    Args:
        dataset, start, steps, learning_rate, momentum, nesterov, batches, record, keep, l2, reduction: those of
            ``reference.train``.
        dtype: "float64" or "float32".
        device: "cpu" (or "auto").
        means: what computes, in NumPy's arrays.

    Raises:
        ValueError: for what is no Setting, another dtype or device, and what ``descend`` refuses.
    """
    _check_device(device)
    check_dtype(dtype)
    setting = Setting(
        steps=steps,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        reduction=reduction,
        l2=l2,
        record=record,
    )
    begin = Parameters(np.asarray(start.weight, dtype), np.asarray(start.bias, dtype)[()])
    recorder = Recorder(begin, setting, keep=keep, name="exact", engine="exact")
    return descend(means, dataset, batches, recorder, dtype)


def _check_device(device: str) -> None:
    if device not in ("cpu", "auto"):
        raise ValueError(f"device is {device!r}; NumPy computes on the cpu")
