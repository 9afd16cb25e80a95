"""The same quantities in arbitrary precision, at the exact inputs: what the computer's numbers are measured against.

The inputs are the binary numbers the twins are given, taken exactly; nothing is rounded on the way in. The
arithmetic is MPFR's (by gmpy2), in which every operation is correctly rounded to the working precision. Each
public function computes its result twice, 64 bits apart in precision, and raises the precision until both agree
to far more than a float64 can see: the oracle is never believed, it is checked against itself. (Terms more than
2^128 times smaller than others of the same sum are lost in both; no float64 result could show them.)

Exact values are NumPy arrays of dtype object that hold ``gmpy2.mpfr`` numbers. Subtract the computed array and
convert the difference: ``distance(computed, exact)``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import gmpy2
import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ..data.dataset import Dataset, Parameters
from ..data.history import Evaluation
from ..twins import Reduction, Setting
from . import reference
from .bounds import PointBounds

START_BITS = 128
GUARD_BITS = 64  # between the two precisions
AGREED_BITS = 80  # a float64 has 53: what is left of the oracle's own error is 2^-27 of its roundoff
MAX_BITS = 4096
LARGEST_LOGIT = 2.0**29  # exp of it is near the end of MPFR's exponents

T = TypeVar("T")
Part = tuple[Any, Any]
"""Some of the exact values, and the size that their own error is held to."""

_mpfr = np.frompyfunc(gmpy2.mpfr, 1, 1)
_exp = np.frompyfunc(gmpy2.exp, 1, 1)
_log1p = np.frompyfunc(gmpy2.log1p, 1, 1)


class OracleError(ArithmeticError):
    """The exact value is out of reach: the message says of what, and what helps."""


class ExactTrajectory(NamedTuple):
    """Gradient descent without rounding: T steps, the start included."""

    weights: np.ndarray  # (T + 1, D)
    biases: np.ndarray  # (T + 1,)
    losses: np.ndarray  # (T,), before or after each update, as asked


def evaluate(dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: Reduction = "mean") -> Evaluation:
    """Everything a twin computes at one point, exactly.

    Args:
        dataset: N rows of D features, taken as they are.
        parameters: θ, weight (D,) and bias (), floats or exact numbers.
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean" or "sum", of the losses.

    Returns:
        An Evaluation of exact values (arrays of MPFR numbers); classes are integers.

    Raises:
        OracleError: where a logit is too large, or no precision settles the digits.
        ValueError: for another reduction.
    """

    def compute() -> Evaluation:
        X, y, weight, w, b = _problem(dataset, parameters)
        z = X @ w + b
        losses, _ = _losses_and_residuals(z, y)
        value, gradient = _value_and_grad(X, y, weight, w, b, gmpy2.mpfr(l2), reduction)
        return Evaluation(z, losses, value, gradient, sigmoid(z), (z > 0).astype(int))

    slope_size = PointBounds(dataset, _rounded(parameters), dtype="float64", l2=l2, reduction=reduction).gradient_scale

    def parts(e: Evaluation) -> Iterator[Part]:
        logit_size = np.max(np.abs(e.logits))
        yield from ((e.logits, logit_size), (e.losses, e.losses), (e.objective, e.objective))
        yield from ((e.gradient.weight, slope_size[:-1]), (e.gradient.bias, slope_size[-1]))
        yield e.probabilities, e.probabilities

    return _agreed(compute, parts)


def hessian(dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: Reduction = "mean") -> np.ndarray:
    """The second derivative of the objective, exactly.

    Args and Raises are those of ``evaluate``.

    Returns:
        H (D + 1, D + 1) in MPFR numbers, the bias last.
    """

    def compute() -> np.ndarray:
        X, _, weight, w, b = _problem(dataset, parameters)
        z = X @ w + b
        curvature = sigmoid(z) * sigmoid(-z)
        curvature = curvature if weight is None else weight * curvature
        X1 = np.column_stack([X, as_exact(np.ones(len(X)))])
        penalty = np.diag(as_exact(np.append(np.full(X.shape[1], l2), 0.0)))
        return X1.T @ (X1 * curvature[:, None]) / _count(len(X), weight, reduction) + penalty

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

    Args:
        dataset: N rows of D features, taken as they are.
        start: from where, weight (D,) and bias ().
        setting: what to do, its numbers taken as they are; its loss, which no exact value depends on, is not looked at.
        batches: the rows (B,) of every step, or None for all rows.
        uphill: with -η, the sign that a learner gets wrong.

    Raises:
        OracleError: where a logit is too large, or no precision settles the digits.
        ValueError: where the setting records no losses.
    """
    if setting.record == "none":
        raise ValueError("record is 'none'; give 'before' or 'after' (the update)")
    rate = -setting.learning_rate if uphill else setting.learning_rate
    momentum, nesterov, l2, reduction = setting.momentum, setting.nesterov, setting.l2, setting.reduction

    def compute() -> ExactTrajectory:
        X, y, weight, w, b = _problem(dataset, start)
        η, penalty, decay = gmpy2.mpfr(rate), gmpy2.mpfr(l2), gmpy2.mpfr(momentum)
        velocity = as_exact(np.zeros(len(w) + 1))

        def value_and_grad(step: int) -> tuple[gmpy2.mpfr, Parameters]:
            rows = slice(None) if batches is None else batches[step]
            return _value_and_grad(X[rows], y[rows], None if weight is None else weight[rows], w, b, penalty, reduction)

        weights, biases, losses = [w], [b], []
        before = value_and_grad(0)
        for step in tqdm(range(setting.steps), "oracle", unit="step", disable=None, delay=1, leave=False):
            θ, slope = np.append(w, b), reference.flatten(before[1])
            θ, velocity = reference.sgd_step(θ, slope, velocity, η, decay, nesterov)
            w, b = θ[:-1], θ[-1]
            after = value_and_grad(step)
            weights.append(w)
            biases.append(b)
            losses.append(before[0] if setting.record == "before" else after[0])
            before = after if batches is None or step + 1 == setting.steps else value_and_grad(step + 1)
        return ExactTrajectory(np.array(weights), np.array(biases), np.array(losses))

    at_start = PointBounds(dataset, _rounded(start), dtype="float64", l2=l2, reduction=reduction)
    first_move = setting.learning_rate * at_start.gradient_scale.max()

    def parts(run: ExactTrajectory) -> Iterator[Part]:
        size = max(np.max(np.abs(run.weights)), np.max(np.abs(run.biases)), first_move)
        yield from ((run.weights, size), (run.biases, size), (run.losses, run.losses))

    return _agreed(compute, parts)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """σ(z), elementwise, at the working precision."""
    return 1 / (1 + _exp(-z))


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)), elementwise, at the working precision: MPFR's exponent range makes overflow no concern."""
    return _log1p(_exp(z))


def distance(computed: ArrayLike, exact: ArrayLike) -> np.ndarray:
    """|computed - exact| as float64, from the exact difference.

    Args:
        computed: floats, of any shape.
        exact: MPFR numbers, of a shape that goes with it.

    Returns:
        The distances, inf where the computed value is not finite.
    """
    computed = np.asarray(computed, dtype=np.float64)
    with gmpy2.context(precision=MAX_BITS), np.errstate(all="ignore"):
        difference = np.abs(as_exact(computed) - np.asarray(exact, dtype=object))
    difference = np.asarray(difference, dtype=np.float64)
    return np.where(np.isfinite(computed), difference, np.inf)


def as_exact(values: ArrayLike) -> np.ndarray:
    """The same numbers as MPFR numbers: floats of any width (at 53 bits or more) convert without rounding."""
    with np.errstate(all="ignore"):  # MPFR leaves the processor's flags behind; its own results are exact
        return _mpfr(np.asarray(values).astype(object))


def _problem(
    dataset: Dataset, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray, gmpy2.mpfr]:
    """X, y, ω (or None), w and b as exact numbers."""
    weight = None if dataset.sample_weight is None else as_exact(dataset.sample_weight)
    return as_exact(dataset.X), as_exact(dataset.y), weight, as_exact(parameters.weight), as_exact(parameters.bias)


def _value_and_grad(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    w: np.ndarray,
    b: gmpy2.mpfr,
    l2: gmpy2.mpfr,
    reduction: Reduction,
) -> tuple[gmpy2.mpfr, Parameters]:
    """The objective and its gradient, by the closed form."""
    losses, r = _losses_and_residuals(X @ w + b, y)
    if weight is not None:
        losses, r = weight * losses, weight * r
    count = _count(len(y), weight, reduction)
    value = losses.sum() / count + l2 / 2 * (w * w).sum()
    return value, Parameters(r @ X / count + l2 * w, r.sum() / count)


def _count(n_rows: int, weight: np.ndarray | None, reduction: Reduction) -> Any:
    """What the summed losses are divided by: Σ ω for the mean, 1 for the sum."""
    return 1 if reduction == "sum" else n_rows if weight is None else weight.sum()


def _losses_and_residuals(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ℓ and r = dℓ/dz, without a subtraction of near numbers: MPFR's exponents are wide enough for exp(±z)."""
    if np.max(np.abs(z)) > LARGEST_LOGIT:
        raise OracleError(
            f"a logit of the exact run is {float(np.max(np.abs(z))):.3g}; at most {LARGEST_LOGIT:.3g} can be "
            f"computed with: scale the features, or take smaller steps"
        )
    hard = (y == 0) | (y == 1)
    if hard.all():
        sign = 1 - 2 * y
        e = _exp(sign * z)
        return _log1p(e), sign * e / (1 + e)
    return y * softplus(-z) + (1 - y) * softplus(z), (1 - y) * sigmoid(z) - y * sigmoid(-z)


def _agreed(compute: Callable[[], T], parts: Callable[[T], Iterable[Part]]) -> T:
    """The result at the first precision that the next one confirms, each part of it against that part's size.

    The size is what a value is a sum of: where the terms cancel to nothing, no precision would ever confirm the
    relative error of what is left.
    """
    bits = START_BITS
    while bits <= MAX_BITS:
        with gmpy2.context(precision=bits):
            result = compute()
        with gmpy2.context(precision=bits + GUARD_BITS):
            check = compute()
            pairs = zip(parts(result), parts(check), strict=True)
            if all(_close(a, b, size) for (a, _), (b, size) in pairs):
                return check
        bits *= 2
    raise OracleError(f"the oracle does not settle below {MAX_BITS} bits; the iteration amplifies every error")


def _close(a: ArrayLike, b: ArrayLike, size: ArrayLike) -> bool:
    """Whether two computations agree to AGREED_BITS bits of the size, everywhere."""
    return bool(np.all(np.abs(np.asarray(a, object) - b) <= np.abs(as_exact(size)) * gmpy2.mpfr(2) ** -AGREED_BITS))


def _rounded(parameters: Parameters) -> Parameters:
    return Parameters(np.asarray(parameters.weight, dtype=np.float64), float(parameters.bias))
