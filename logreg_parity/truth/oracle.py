"""The same quantities in arbitrary precision, at the exact inputs: what the computer's numbers are measured against.

The inputs are the binary numbers the twins are given, taken exactly; nothing is rounded on the way in. The
arithmetic is Arb's (by python-flint), whose exp and log take a quarter of MPFR's time. ``evaluate``, ``hessian`` and
``trajectory`` compute their result twice, 64 bits apart in precision, and raise the precision until both agree to far
more than a float64 can see: the oracle is never believed, it is checked against itself. (Terms more than 2^128 times
smaller than others of the same sum are lost in both; no float64 result could show them.)

Exact values are NumPy arrays of dtype object that hold ``gmpy2.mpfr`` numbers. Subtract the computed array and
convert the difference: ``distance(computed, exact)``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import RLock
from typing import Any, NamedTuple, TypeVar

import gmpy2
import numpy as np
from flint import arb, arb_mat, ctx
from numpy.typing import ArrayLike
from tqdm import tqdm

from ..data.dataset import Dataset, Parameters
from ..data.history import Evaluation
from ..twins import Reduction, Setting
from . import reference
from .bounds import PointBounds

T = TypeVar("T")
Parts = Iterable[tuple[Any, Any]]  # of a result: values, and the size that each is held against

START_BITS = 128
GUARD_BITS = 64  # between the two precisions
AGREED_BITS = 80  # a float64 has 53: what is left of the oracle's own error is 2^-27 of its roundoff
MAX_BITS = 4096
LARGEST_LOGIT = 2.0**29  # exp of it is near the end of MPFR's exponents

_exp = np.frompyfunc(arb.exp, 1, 1)
_log1p = np.frompyfunc(arb.log1p, 1, 1)
without_radius = np.frompyfunc(arb.mid, 1, 1)
_mpfr = np.frompyfunc(gmpy2.mpfr, 1, 1)
_mpfr_exp = np.frompyfunc(gmpy2.exp, 1, 1)
_mpfr_log1p = np.frompyfunc(gmpy2.log1p, 1, 1)
_alone = RLock()  # Arb has one precision for all threads


class OracleError(ArithmeticError):
    """The exact value is out of reach: the message says of what, and what helps."""


class ExactTrajectory(NamedTuple):
    """Gradient descent without rounding: T steps, the start included."""

    weights: np.ndarray  # (T + 1, D)
    biases: np.ndarray  # (T + 1,)
    losses: np.ndarray  # (T,), before or after each update, as asked


class ExactObjective:
    """f(θ) = Σ ω ℓ / count + ½ Σ λ θ² and its derivatives, in Arb's numbers at the precision of the moment.

    With s = 1 where y ≤ 1/2 and else -1, t = s x̃·θ and q the distance of y to the nearer of 0 and 1, the loss of a row
    is ℓ = softplus(t) - q t, for softplus(-t) = softplus(t) - t. It is at least half of softplus(t): nothing cancels.

    Args:
        dataset: N rows.
        l2: the penalty.
        reduction: "mean", where count is Σ ω, or "sum", where it is 1.
        columns: those of X̃ that have a parameter, k in all; θ (k,) is an array of Arb's numbers.
    """

    def __init__(self, dataset: Dataset, l2: float, reduction: Reduction, columns: Any = slice(None)):
        ones, weight = dataset.y > 0.5, dataset.sample_weight
        self.sign, q = np.where(ones, -1.0, 1.0), np.where(ones, 1 - dataset.y, dataset.y)
        self.rows = arb_mat((self.sign[:, None] * reference.with_ones(dataset.X)[:, columns]).tolist())  # s x̃ (N, k)
        self.q = as_balls(q) if q.any() else None
        self.weight = None if weight is None else as_balls(weight)
        self.penalty = as_balls(np.append(np.full(dataset.n_features, l2), 0.0)[columns])  # λ (k,): 0 for the bias
        self.count = 1 if reduction == "sum" else len(q) if weight is None else as_balls(weight).sum()

    def logits(self, θ: np.ndarray) -> np.ndarray:
        """t (N,)."""
        return _entries(self.rows * arb_mat(len(θ), 1, θ.tolist()))

    def losses_and_residuals(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ℓ and dℓ/dt (N,), by one exp."""
        e = _exp(t)
        losses, r = _log1p(e), e / (1 + e)
        return (losses, r) if self.q is None else (losses - self.q * t, r - self.q)

    def value(self, θ: np.ndarray) -> arb:
        """f."""
        return self._value(self.losses_and_residuals(self.logits(θ))[0], θ)

    def value_and_slope(self, θ: np.ndarray) -> tuple[arb, np.ndarray]:
        """f and ∇f (k,). Raises OracleError where a logit is too large."""
        t = self.logits(θ)
        largest = np.max(np.abs(t.astype(np.float64)))
        if not largest <= LARGEST_LOGIT:
            raise OracleError(
                f"a logit of the exact run is {largest:.3g}; at most {LARGEST_LOGIT:.3g} can be "
                f"computed with: scale the features, or take smaller steps"
            )
        losses, r = self.losses_and_residuals(t)
        return self._value(losses, θ), self._slope(r, θ)

    def slope_and_hessian(self, θ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """∇f (k,) and ∇²f (k, k)."""
        e = _exp(self.logits(θ))
        p = e / (1 + e)
        columns = np.array(self.rows.transpose().tolist())
        H = arb_mat((columns * self._weighted(p / (1 + e))).tolist()) * self.rows
        slope = self._slope(p if self.q is None else p - self.q, θ)
        return slope, np.array(H.tolist()) / self.count + np.diag(self.penalty)

    def _value(self, losses: np.ndarray, θ: np.ndarray) -> arb:
        return self._weighted(losses).sum() / self.count + (self.penalty * θ * θ).sum() / 2

    def _slope(self, r: np.ndarray, θ: np.ndarray) -> np.ndarray:
        return _entries(arb_mat(1, len(r), self._weighted(r).tolist()) * self.rows) / self.count + self.penalty * θ

    def _weighted(self, of_rows: np.ndarray) -> np.ndarray:
        return of_rows if self.weight is None else self.weight * of_rows


def evaluate(dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: Reduction = "mean") -> Evaluation:
    """Everything a twin computes at one point, exactly.

    Args:
        dataset: N rows of D features.
        parameters: the point, weight (D,) and bias ().
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean" or "sum", of the losses.

    Returns:
        The Evaluation in arrays of ``gmpy2.mpfr``; the classes are whole numbers.

    Raises:
        OracleError: where a logit is beyond LARGEST_LOGIT, or no precision settles.
    """

    def compute() -> Evaluation:
        f, θ = ExactObjective(dataset, l2, reduction), as_balls(reference.flatten(parameters))
        t, (value, slope) = f.logits(θ), f.value_and_slope(θ)
        z, losses = f.sign * t, f.losses_and_residuals(t)[0]
        z, losses, value, slope, p = map(middle, (z, losses, value, slope, 1 / (1 + _exp(-z))))
        return Evaluation(z, losses, value, Parameters(slope[:-1], slope[-1]), p, (z > 0).astype(int))

    slope_size = PointBounds(dataset, _rounded(parameters), dtype="float64", l2=l2, reduction=reduction).gradient_scale

    def parts(e: Evaluation) -> Parts:
        logit_size = np.max(np.abs(e.logits))
        yield from ((e.logits, logit_size), (e.losses, e.losses), (e.objective, e.objective))
        yield from ((e.gradient.weight, slope_size[:-1]), (e.gradient.bias, slope_size[-1]))
        yield e.probabilities, e.probabilities

    return _agreed(compute, parts)


def hessian(dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: Reduction = "mean") -> np.ndarray:
    """The second derivative (D + 1, D + 1) of the objective, the bias last."""

    def compute() -> np.ndarray:
        θ = as_balls(reference.flatten(parameters))
        return middle(ExactObjective(dataset, l2, reduction).slope_and_hessian(θ)[1])

    return _agreed(compute, lambda H: [(H, np.sqrt(np.outer(np.diag(H), np.diag(H)).astype(np.float64)))])


def trajectory(
    dataset: Dataset,
    start: Parameters,
    setting: Setting,
    *,
    batches: Sequence[np.ndarray] | None = None,
    uphill: bool = False,
) -> ExactTrajectory:
    """Gradient descent θ ← θ - η ∇f(θ) without rounding, from the exact start, with the exact step size.

    uphill: with -η, the sign that a learner gets wrong.
    """
    if setting.record == "none":
        raise ValueError("record is 'none'; give 'before' or 'after' (the update)")
    rate = -setting.learning_rate if uphill else setting.learning_rate
    momentum, nesterov, l2, reduction = setting.momentum, setting.nesterov, setting.l2, setting.reduction

    def compute() -> ExactTrajectory:
        f, θ, after = ExactObjective(dataset, l2, reduction), as_balls(reference.flatten(start)), None
        points, losses, velocity = [θ], [], 0 * θ
        for step in tqdm(range(setting.steps), "oracle", unit="step", disable=None, delay=1, leave=False):
            rows = f if batches is None else ExactObjective(dataset.take(batches[step]), l2, reduction)
            before = rows.value_and_slope(θ) if after is None or batches is not None else after
            moved = reference.sgd_step(θ, before[1], velocity, rate, momentum, nesterov)
            θ, velocity = (
                without_radius(moved[0]),
                without_radius(moved[1]),
            )  # the radius of a ball grows on, where its error need not
            after = rows.value_and_slope(θ)
            points.append(θ)
            losses.append((before if setting.record == "before" else after)[0])
        points = middle(np.array(points))
        return ExactTrajectory(points[:, :-1], points[:, -1], middle(np.array(losses, dtype=object)))

    at_start = PointBounds(dataset, _rounded(start), dtype="float64", l2=l2, reduction=reduction)
    first_move = setting.learning_rate * at_start.gradient_scale.max()

    def parts(run: ExactTrajectory) -> Parts:
        size = max(np.max(np.abs(run.weights)), np.max(np.abs(run.biases)), first_move)
        yield from ((run.weights, size), (run.biases, size), (run.losses, run.losses))

    return _agreed(compute, parts)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """σ(z), elementwise, at the working precision."""
    return 1 / (1 + _mpfr_exp(-z))


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)), elementwise, at the working precision: MPFR's exponent range makes overflow no concern."""
    return _mpfr_log1p(_mpfr_exp(z))


def distance(computed: ArrayLike, exact: ArrayLike) -> np.ndarray:
    """|computed - exact| as float64, from the exact difference; inf where the computed value is not finite."""
    computed = np.asarray(computed, dtype=np.float64)
    with gmpy2.context(precision=MAX_BITS), np.errstate(all="ignore"):
        difference = np.abs(as_exact(computed) - np.asarray(exact, dtype=object))
        difference = np.asarray(difference, dtype=np.float64)  # up to 2.2.0 NumPy warns of a NaN here
    return np.where(np.isfinite(computed), difference, np.inf)


def as_exact(values: ArrayLike) -> np.ndarray:
    """The same numbers as MPFR numbers: floats of any width (at 53 bits or more) convert without rounding."""
    with np.errstate(all="ignore"):  # MPFR leaves the processor's flags behind; its own results are exact
        return _mpfr(np.asarray(values).astype(object))


def as_balls(values: ArrayLike) -> np.ndarray:
    """The same numbers, floats or MPFR numbers, as Arb's."""
    return _ball(np.asarray(values).astype(object))


@partial(np.frompyfunc, nin=1, nout=1)
def _ball(x: Any) -> arb:
    if not isinstance(x, gmpy2.mpfr):
        return arb(x)
    mantissa, exponent = x.as_mantissa_exp()
    return arb((int(mantissa), int(exponent)))


@partial(np.frompyfunc, nin=1, nout=1)
def middle(ball: arb) -> gmpy2.mpfr:
    """The midpoint of a ball, or of each in an array."""
    mantissa, exponent = ball.mid().man_exp()
    return gmpy2.mpfr(int(mantissa)) * gmpy2.mpfr(2) ** int(exponent)


def _entries(matrix: arb_mat) -> np.ndarray:
    return np.array(matrix.entries(), dtype=object)


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """So many bits in Arb and in MPFR, for this thread alone until it leaves."""
    with _alone, ctx.workprec(bits), gmpy2.context(precision=bits):
        yield


def _agreed(compute: Callable[[], T], parts: Callable[[T], Parts]) -> T:
    """The result at the first precision that the next one confirms, each part of it against that part's size.

    The size is what a value is a sum of: where the terms cancel to nothing, no precision would ever confirm the
    relative error of what is left.
    """
    bits = START_BITS
    while bits <= MAX_BITS:
        with precision(bits):
            result = compute()
        with precision(bits + GUARD_BITS):
            check = compute()
            pairs = zip(parts(result), parts(check), strict=True)
            if all(_close(a, b, size) for (a, _), (b, size) in pairs):
                return check
        bits *= 2
    raise OracleError(f"the oracle does not settle below {MAX_BITS} bits; the iteration amplifies every error")


def _close(a: Any, b: Any, size: Any) -> bool:
    """Whether two computations agree to AGREED_BITS bits of the size, everywhere."""
    return bool(np.all(np.abs(np.asarray(a, object) - b) <= np.abs(as_exact(size)) * gmpy2.mpfr(2) ** -AGREED_BITS))


def _rounded(parameters: Parameters) -> Parameters:
    return Parameters(np.asarray(parameters.weight, dtype=np.float64), float(parameters.bias))
