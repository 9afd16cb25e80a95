"""Newton's method: a pass with the Hessian a step, and a step that cannot overshoot.

Of exact sums ``newton_exactly`` makes the same points whoever computes: its algebra has an order that is written down.
"""

from collections.abc import Iterator

import numpy as np

from ..truth.certificate import whitening
from .exact import inner
from .objective import ROUNDING, Objective, Point, search


def newton(objective: Objective, begin: np.ndarray | Point, target: float = 0.0) -> Iterator[Point]:
    """Point after point, for as long as the objective falls; the first is where it begins, θ or what is known there."""
    here: Point | None = begin if isinstance(begin, Point) else objective.at(begin, hessian=True)
    while here is not None:
        yield here
        P = whitening(here.hessian)
        here = search(objective, here, -P @ (P.T @ here.gradient), hessian=True)


def newton_exactly(objective: Objective, begin: np.ndarray | Point) -> Iterator[Point]:
    """Point after point of exact sums, to where rounding is all that is left; nobody's tolerance has a say in it.

    Where a step can lower the objective by less than a value's last digits show, it is taken whole for as long as it
    halves the length ν of the gradient in the coordinates that make the Hessian 1.
    """
    here = begin if isinstance(begin, Point) else objective.at(begin, hessian=True)
    yield here
    move, left = newton_step(here.hessian, here.gradient)
    while left > 0:
        near = left**2 <= ROUNDING["float64"] * abs(here.value)
        there = objective.at(here.theta + move, hessian=True) if near else search(objective, here, move, hessian=True)
        if there is None:
            return
        before, (move, left) = left, newton_step(there.hessian, there.gradient)
        if near and not left < before / 2:
            return
        here = there
        yield here


def newton_step(hessian: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, float]:
    """-H⁻¹g (k,) and √(gᵀH⁻¹g), by Cholesky's factor in a fixed order: each operation is one of NumPy, elementwise.

    A parameter along which H is 0 to working precision, given those before it, stays where it is. To scale parameters
    by powers of two changes no bit of the result, in their own scale.
    """
    k = len(gradient)
    rest, L = hessian.copy(), np.zeros_like(hessian)
    least = k * 2.0**-51 * np.diag(hessian)
    for j in range(k):
        if rest[j, j] > least[j]:
            L[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
            rest[j + 1 :, j + 1 :] -= np.multiply.outer(L[j + 1 :, j], L[j + 1 :, j])
    free, y, move = np.diag(L) > 0, gradient.copy(), np.zeros(k)
    for j in range(k):
        y[j] = y[j] / L[j, j] if free[j] else 0.0
        y[j + 1 :] -= L[j + 1 :, j] * y[j]
    left = float(np.sqrt(inner(y, y)))
    for j in reversed(range(k)):
        move[j] = y[j] / L[j, j] if free[j] else 0.0
        y[:j] -= L[j, :j] * move[j]
    return -move, left
