"""Newton's method on a few rows, then gradients of all rows: a handful of passes, however ill-conditioned the data.

1. Newton on a sample of 20 rows a parameter, until its gradient is 3 % of the first one.
2. One step on a larger sample, whose Hessian H = (P Pᵀ)⁻¹ is kept.
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

ROUGH = 0.03  # of the first gradient; 20 rows a parameter know the optimum no better
SAMPLE_STEPS = 20  # of Newton's method on that sample at most
MEMORY = 8  # pairs
FLOAT32_FALL = 0.4  # a step in float32 that leaves more than this of the gradient has met the rounding
FALL = 0.7  # one in float64 is slow
SLOW_STEPS = 3  # in a row are too many


def progressive(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point; target is the 2-norm of the gradient that is wanted."""
    n, k = objective.blocks.n_rows, len(theta)
    theta = _newton_on_sample(objective, theta, 20 * k)
    theta, P = _kept_hessian(objective, theta, hessian_rows(n, k))
    if P.shape[1] == k:
        theta = yield from _preconditioned(objective, theta, P, target)
    yield from newton(objective, theta, target)


def hessian_rows(n: int, k: int) -> int:
    """How many rows the kept Hessian is made of: 100 a parameter or N / 16, if that costs no more than a few passes.

    A pass moves 4 N k bytes, a Hessian of m rows takes 2 m k² operations, and a processor does some ten operations in
    the time that it reads a byte: m = 40 N / k costs about two passes.
    """
    return min(n, max(100 * k, n // 16), max(10 * k, 40 * n // k))


def _newton_on_sample(objective: Objective, theta: np.ndarray, rows: int) -> np.ndarray:
    """The point where the gradient of a sample is 3 % of what it is at first, or as near to it as Newton comes."""
    sample = objective.sample(rows)
    norms = []
    for here in islice(newton(sample, theta), SAMPLE_STEPS):
        theta = here.theta
        norms.append(np.linalg.norm(here.gradient))
        if norms[-1] <= ROUGH * norms[0]:
            break
    objective.charge(sample)
    return theta


def _kept_hessian(objective: Objective, theta: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Where one step on a sample leads, and P."""
    sample = objective.sample(rows)
    here = sample.at(theta, hessian=True)
    P = whitening(here.hessian)
    there = search(sample, here, -P @ (P.T @ here.gradient))
    objective.charge(sample)
    return theta if there is None else there.theta, P


def _preconditioned(objective, theta, P, target) -> Generator[Point, None, np.ndarray]:
    """L-BFGS from theta on top of P Pᵀ; where it is slow, it returns the point reached."""
    here = objective.at(theta, arithmetic=objective.blocks.dtype)
    pairs, slow = deque(maxlen=MEMORY), 0
    while slow < SLOW_STEPS:
        yield here
        there = search(objective, here, -_inverse_hessian(pairs, P, here.gradient), arithmetic=here.arithmetic)
        fall = 1.0 if there is None else np.linalg.norm(P.T @ there.gradient) / np.linalg.norm(P.T @ here.gradient)
        if here.arithmetic == "float32" and (fall > FLOAT32_FALL or np.linalg.norm(there.gradient) <= target):
            here = objective.at((there or here).theta)
            continue
        if there is None:
            break
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
