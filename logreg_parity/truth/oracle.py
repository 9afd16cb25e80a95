"""The same quantities in arbitrary precision, at the exact inputs: what the computer's numbers are measured against.

The inputs are the binary numbers the twins are given, taken exactly; nothing is rounded on the way in. The
arithmetic is MPFR's (by gmpy2), in which every operation is correctly rounded to the working precision. Each
public function computes its result twice, 64 bits apart in precision, and raises the precision until both agree
to far more than a float64 can see: the oracle is never believed, it is checked against itself. (Terms more than
2^128 times smaller than others of the same sum are lost in both; no float64 result could show them.)

Exact values are NumPy arrays of dtype object that hold ``gmpy2.mpfr`` numbers. Subtract the computed array and
convert the difference: ``distance(computed, exact)``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import gmpy2
import numpy as np
from tqdm import tqdm

from ..data.dataset import Dataset, Parameters
from ..data.history import Evaluation
from . import reference
from .bounds import PointBounds

START_BITS = 128
GUARD_BITS = 64  # between the two precisions
AGREED_BITS = 80  # a float64 has 53: what is left of the oracle's own error is 2^-27 of its roundoff
MAX_BITS = 4096
LARGEST_LOGIT = 2.0**29  # exp of it is near the end of MPFR's exponents

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


def evaluate(dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: str = "mean") -> Evaluation:
    """Everything a twin computes at one point, exactly."""

    def compute():
        X, y, weight, w, b = _problem(dataset, parameters)
        z = X @ w + b
        losses, _ = _losses_and_residuals(z, y)
        value, gradient = _value_and_grad(X, y, weight, w, b, gmpy2.mpfr(l2), reduction)
        return Evaluation(z, losses, value, gradient, sigmoid(z), (z > 0).astype(int))

    slope_size = PointBounds(dataset, _rounded(parameters), dtype="float64", l2=l2, reduction=reduction).gradient_scale

    def parts(e: Evaluation):
        logit_size = np.max(np.abs(e.logits))
        yield from ((e.logits, logit_size), (e.losses, e.losses), (e.objective, e.objective))
        yield from ((e.gradient.weight, slope_size[:-1]), (e.gradient.bias, slope_size[-1]))
        yield e.probabilities, e.probabilities

    return _agreed(compute, parts)


def hessian(dataset: Dataset, parameters: Parameters, *, l2: float = 0.0, reduction: str = "mean") -> np.ndarray:
    """The second derivative (D + 1, D + 1) of the objective, the bias last."""

    def compute():
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
    *,
    steps: int,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    batches: Sequence[np.ndarray] | None = None,
    record: str = "after",
    l2: float = 0.0,
    reduction: str = "mean",
) -> ExactTrajectory:
    """Gradient descent θ ← θ - η ∇f(θ) without rounding, from the exact start, with the exact step size.

    momentum, nesterov: as in ``reference.sgd_step``.
    """
    if record not in ("before", "after"):
        raise ValueError(f"record is {record!r}; give 'before' or 'after' (the update)")

    def compute():
        X, y, weight, w, b = _problem(dataset, start)
        rate, penalty, decay = gmpy2.mpfr(learning_rate), gmpy2.mpfr(l2), gmpy2.mpfr(momentum)
        velocity = as_exact(np.zeros(len(w) + 1))

        def value_and_grad(step):
            rows = slice(None) if batches is None else batches[step]
            return _value_and_grad(X[rows], y[rows], None if weight is None else weight[rows], w, b, penalty, reduction)

        weights, biases, losses = [w], [b], []
        before = value_and_grad(0)
        for step in tqdm(range(steps), "oracle", unit="step", disable=None, delay=1, leave=False):
            θ, slope = np.append(w, b), reference.flatten(before[1])
            θ, velocity = reference.sgd_step(θ, slope, velocity, rate, decay, nesterov)
            w, b = θ[:-1], θ[-1]
            after = value_and_grad(step)
            weights.append(w)
            biases.append(b)
            losses.append(before[0] if record == "before" else after[0])
            before = after if batches is None or step + 1 == steps else value_and_grad(step + 1)
        return ExactTrajectory(np.array(weights), np.array(biases), np.array(losses))

    at_start = PointBounds(dataset, _rounded(start), dtype="float64", l2=l2, reduction=reduction)
    first_move = learning_rate * at_start.gradient_scale.max()

    def parts(run: ExactTrajectory):
        size = max(np.max(np.abs(run.weights)), np.max(np.abs(run.biases)), first_move)
        yield from ((run.weights, size), (run.biases, size), (run.losses, run.losses))

    return _agreed(compute, parts)


def sigmoid(z):
    """σ(z), elementwise, at the working precision."""
    return 1 / (1 + _exp(-z))


def softplus(z):
    """log(1 + exp(z)), elementwise, at the working precision: MPFR's exponent range makes overflow no concern."""
    return _log1p(_exp(z))


def distance(computed, exact) -> np.ndarray:
    """|computed - exact| as float64, from the exact difference; inf where the computed value is not finite."""
    computed = np.asarray(computed, dtype=np.float64)
    with gmpy2.context(precision=MAX_BITS), np.errstate(all="ignore"):
        difference = np.abs(as_exact(computed) - np.asarray(exact, dtype=object))
        difference = np.asarray(difference, dtype=np.float64)  # up to 2.2.0 NumPy warns of a NaN here
    return np.where(np.isfinite(computed), difference, np.inf)


def as_exact(values):
    """The same numbers as MPFR numbers: floats of any width (at 53 bits or more) convert without rounding."""
    with np.errstate(all="ignore"):  # MPFR leaves the processor's flags behind; its own results are exact
        return _mpfr(np.asarray(values).astype(object))


def _problem(dataset: Dataset, parameters: Parameters):
    """X, y, ω (or None), w and b as exact numbers."""
    weight = None if dataset.sample_weight is None else as_exact(dataset.sample_weight)
    return as_exact(dataset.X), as_exact(dataset.y), weight, as_exact(parameters.weight), as_exact(parameters.bias)


def _value_and_grad(X, y, weight, w, b, l2, reduction):
    """The objective and its gradient, by the closed form."""
    losses, r = _losses_and_residuals(X @ w + b, y)
    if weight is not None:
        losses, r = weight * losses, weight * r
    count = _count(len(y), weight, reduction)
    value = losses.sum() / count + l2 / 2 * (w * w).sum()
    return value, Parameters(r @ X / count + l2 * w, r.sum() / count)


def _count(n_rows, weight, reduction):
    """What the summed losses are divided by: Σ ω for the mean, 1 for the sum."""
    return 1 if reduction == "sum" else n_rows if weight is None else weight.sum()


def _losses_and_residuals(z, y):
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


def _agreed(compute: Callable, parts: Callable):
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


def _close(a, b, size) -> bool:
    """Whether two computations agree to AGREED_BITS bits of the size, everywhere."""
    return bool(np.all(np.abs(np.asarray(a, object) - b) <= np.abs(as_exact(size)) * gmpy2.mpfr(2) ** -AGREED_BITS))


def _rounded(parameters: Parameters) -> Parameters:
    return Parameters(np.asarray(parameters.weight, dtype=np.float64), float(parameters.bias))
