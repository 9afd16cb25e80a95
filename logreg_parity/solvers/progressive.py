"""Newton's method on a few rows, then gradients of all rows: a handful of passes, however ill-conditioned the data.

1. Newton on samples, each four times as large as the one before, as far as a sample knows the optimum.
2. The Hessian H = (P Pᵀ)⁻¹ of the last and largest sample is kept.
3. On all rows L-BFGS on top of P Pᵀ: in float32 for as long as that helps and X is held so, then in float64.
4. Newton on all rows, where that makes no progress.

Step 3 is invariant under linear maps of the features: in the coordinates P, in which it may be thought to work, every
problem is as well conditioned as the sample is large.
"""

from collections import deque
from collections.abc import Generator, Iterator
from itertools import islice

import numpy as np

from ..truth.certificate import whitening
from .newton import newton
from .objective import Objective, Point, search

FEWEST_ROWS = 8  # a parameter in the smallest sample
GROWTH = 4  # of the samples
SAMPLE_STEPS = 20  # of Newton's method on one of them at most
MEMORY = 8  # pairs
FLOAT32_FALL = 0.4  # a step in float32 that leaves more than this of the gradient has met the rounding
FALL = 0.7  # one in float64 is slow
SLOW_STEPS = 3  # in a row are too many


def progressive(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point; target is the 2-norm of the gradient that is wanted."""
    n, k = objective.blocks.n_rows, len(theta)
    theta, P = _on_samples(objective, theta, hessian_rows(n, k))
    if P.shape[1] == k:
        theta = yield from _preconditioned(objective, theta, P, target)
    yield from newton(objective, theta, target)


def hessian_rows(n: int, k: int) -> int:
    """How many rows the kept Hessian is made of: 100 a parameter or N / 16, if that costs no more than a few passes.

    A pass moves 4 N k bytes, a Hessian of m rows takes 2 m k² operations, and one core does some three operations in
    float64 in the time in which it takes in a byte: m = 12 N / k costs about two passes.
    """
    return min(n, max(100 * k, n // 16), max(20 * k, 12 * n // k))


def _on_samples(objective: Objective, theta: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Where Newton's method on growing samples leads, the largest of ``most`` rows, and P of that one.

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
    return theta, P


def _preconditioned(objective, theta, P, target) -> Generator[Point, None, np.ndarray]:
    """L-BFGS from theta on top of P Pᵀ; where it is slow, it returns the point reached."""
    here = objective.at(theta, arithmetic=objective.blocks.dtype)
    pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=MEMORY)
    slow = 0
    while slow < SLOW_STEPS:
        yield here
        there = search(objective, here, -_inverse_hessian(pairs, P, here.gradient), arithmetic=here.arithmetic)
        if there is None and here.arithmetic == "float64":
            break
        there = there or here
        fall = np.linalg.norm(P.T @ there.gradient) / np.linalg.norm(P.T @ here.gradient)
        if here.arithmetic == "float32" and (fall > FLOAT32_FALL or np.linalg.norm(there.gradient) <= target):
            here = objective.at(there.theta)
            continue
        slow = slow + 1 if fall > FALL else 0
        s, y = there.theta - here.theta, there.gradient - here.gradient
        if s @ y > 0:  # as it is for a convex function, but for rounding
            pairs.append((s, y))
        here = there
    return here.theta


def _inverse_hessian(pairs, P, gradient) -> np.ndarray:
    """The inverse Hessian that agrees with the pairs (step, change of gradient) and is P Pᵀ beside, times a gradient.

    The two loops of Nocedal (Mathematics of Computation 35, 1980).
    """
    q, shares = gradient, []
    for s, y in reversed(pairs):
        shares.append((s @ q) / (s @ y))
        q = q - shares[-1] * y
    d = P @ (P.T @ q)
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        d = d + (share - (y @ d) / (s @ y)) * s
    return d
