"""Newton's method: a pass with the Hessian a step, and a step that cannot overshoot; and the last digits of any fit."""

from collections.abc import Iterator

import numpy as np

from ..truth.certificate import whitening
from .objective import Objective, Point, search


def newton(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point, for as long as the objective falls."""
    here: Point | None = objective.at(theta, hessian=True)
    while here is not None:
        yield here
        P = whitening(here.hessian)
        here = search(objective, here, -P @ (P.T @ here.gradient), hessian=True)


def finish(objective: Objective, here: Point, *, one_hessian: bool) -> Iterator[Point]:
    """Newton's steps without a search, from where a solver stopped to where rounding is all that is left.

    Of ν, the gradient in the coordinates that make the Hessian 1, a step leaves some R ν², R as in
    ``truth/certificate.py``: a step that does much less than the one before has met rounding. one_hessian: it serves
    all steps, which costs less and leaves a share of some R ν each time, ν that of the first.
    """
    here = here if here.hessian is not None else objective.at(here.theta, hessian=True)
    P = whitening(here.hessian)
    left, share = float(np.linalg.norm(P.T @ here.gradient)), 0.25
    while left > 0:
        here = objective.at(here.theta - P @ (P.T @ here.gradient), hessian=not one_hessian)
        P = P if one_hessian else whitening(here.hessian)
        before, left = left, float(np.linalg.norm(P.T @ here.gradient))
        if not left < before / 2:
            return
        yield here
        if left > 2 * share * before:
            return
        share = left / before
