"""Newton's method: a pass with the Hessian a step, and a step that cannot overshoot."""

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
