"""Newton's method on a few rows, then gradients of all rows: a handful of passes, however ill-conditioned the data.

1. Newton on samples, each four times as large as the one before, as far as a sample knows the optimum.
2. The Hessian H = (P Pᵀ)⁻¹ of the last and largest sample is kept.
3. On all rows L-BFGS on top of P Pᵀ: where X is held in float32, in its arithmetic, until the gradient is near what
   float32 makes of the sample's and float64 does not; then in float64. In float64 from the start where that is free.
4. Newton on all rows, where that makes no progress.

Step 3 is invariant under linear maps of the features: in the coordinates P, in which it may be thought to work, every
problem is as well conditioned as the sample is large.
"""

from collections import deque
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..truth.certificate import whitening
from .newton import newton
from .objective import Objective, Point, search

FEWEST_ROWS = 8  # a parameter in the smallest sample
GROWTH = 4  # of the samples
SAMPLE_STEPS = 20  # of Newton's method on one of them at most
MEMORY = 8  # pairs
ABOVE_ROUNDING = 3  # times what float32 arithmetic adds to a gradient: below, float64 has to go on
FALL = 0.7  # a step that leaves more than this of the gradient is slow
SLOW_STEPS = 3  # in a row are too many, and k / 16 more: so many passes does Newton's step cost that is taken instead


def progressive(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point; target is the 2-norm of the gradient that is wanted."""
    n, k = objective.blocks.n_rows, len(theta)
    theta, P, sample = _on_samples(objective, theta, hessian_rows(n, k))
    rounding = None if objective.blocks.place.float64_is_free else _rounding(sample, theta, P)
    objective.charge(sample)
    if P.shape[1] == k:
        theta = yield from _preconditioned(objective, theta, P, target, rounding)
    yield from newton(objective, theta, target)


def hessian_rows(n: int, k: int) -> int:
    """How many rows the kept Hessian is made of: 100 a parameter or N / 16, if that costs no more than a few passes.

    A pass moves 4 N k bytes, a Hessian of m rows takes 2 m k² operations, and one core does some three operations in
    float64 in the time in which it takes in a byte: m = 12 N / k costs about two passes.
    """
    return min(n, max(100 * k, n // 16), max(20 * k, 12 * n // k))


def _on_samples(objective: Objective, theta: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, Objective]:
    """Where Newton's method on growing samples leads, P of the largest, which is of ``most`` rows, and that sample.

    The optimum of m rows is as far from that of all as gᵀH⁻¹g = k / m; on a sample it is no use to go much further.
    """
    k, sizes = len(theta), [most]
    while sizes[-1] >= GROWTH * FEWEST_ROWS * k:
        sizes.append(sizes[-1] // GROWTH)
    for rows in reversed(sizes):
        sample = objective.sample(rows)
        for here in islice(newton(sample, theta), SAMPLE_STEPS):
            P = whitening(here.hessian)
            slope = P.T @ here.gradient
            theta = here.theta - P @ slope
            if slope @ slope <= 2 * GROWTH * k / rows:
                break
        objective.charge(sample)
    return theta, P, sample


def _rounding(sample: Objective, theta: np.ndarray, P: np.ndarray) -> float:
    """The 2-norm, in the coordinates P, of what arithmetic in the dtype of X changes in the gradient of the sample.

    Of all rows it is less, for some of it averages out.
    """
    rough, fine = (sample.at(theta, arithmetic=arithmetic) for arithmetic in (sample.blocks.dtype, "float64"))
    return float(np.linalg.norm(P.T @ (rough.gradient - fine.gradient)))


def _preconditioned(
    objective: Any, theta: np.ndarray, P: np.ndarray, target: float, rounding: Any
) -> Generator[Point, None, np.ndarray]:
    """L-BFGS from theta on top of P Pᵀ; where it is slow, it returns the point reached.

    rounding: what float32 arithmetic changes in a gradient; None where there shall be none of it.
    """
    here = objective.at(theta, arithmetic="float64" if rounding is None else objective.blocks.dtype)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)
    slow, patience = 0, SLOW_STEPS + len(theta) // 16
    while True:
        yield here
        there = search(objective, here, -_inverse_hessian(pairs, P, here.gradient), arithmetic=here.arithmetic)
        stuck = there is None or slow == patience
        if stuck and here.arithmetic == "float64":
            return here.theta
        there = there or here
        size = np.linalg.norm(P.T @ there.gradient)
        if here.arithmetic == "float32":
            small = size <= ABOVE_ROUNDING * rounding or np.linalg.norm(there.gradient) <= target
            if stuck or small:
                here, slow = objective.at(there.theta), 0
                continue
        slow = slow + 1 if size > FALL * np.linalg.norm(P.T @ here.gradient) else 0
        s, y = there.theta - here.theta, there.gradient - here.gradient
        bend = s @ y
        if bend > 0:  # as it is for a convex function, but for rounding
            pairs.append((s, y, bend))
        here = there


def _inverse_hessian(pairs: deque[tuple], P: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The inverse Hessian that agrees with the pairs (step, change of gradient) and is like P Pᵀ beside, on a gradient.

    With each pair comes its product. The two loops of Nocedal (Mathematics of Computation 35, 1980). The last pair
    gives the size of P Pᵀ: as the loss falls, the Hessian shrinks below that of the sample.
    """
    q, shares = gradient, []
    for s, y, bend in reversed(pairs):
        shares.append((s @ q) / bend)
        q = q - shares[-1] * y
    d = P @ (P.T @ q)
    if pairs:
        _, y, bend = pairs[-1]
        d = d * bend / np.sum((P.T @ y) ** 2)
    for (s, y, bend), share in zip(pairs, reversed(shares), strict=True):
        d = d + (share - (y @ d) / bend) * s
    return d
