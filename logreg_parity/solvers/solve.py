"""From packed data to a Fit: one solver's points, looked at one by one until one is proved good enough."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ..data.fit import Fit
from .newton import newton
from .objective import Objective, Point
from .progressive import progressive
from .stop import Stop

Solver = Callable[[Objective, np.ndarray, float], Iterator[Point]]

NEWTON_WORK = 10**8  # N (D + 1)²: up to it a Hessian of all rows takes no more than a few calls of anything


def solve(
    objective: Objective, own: Mapping[str, Solver], *, solver: str, tolerance: float, max_iterations: int
) -> Fit:
    """Run a solver from θ = 0 until the gradient is at most ``tolerance`` times that at θ = 0 and the gap is proved.

    own: the solvers that the twin brings beside newton and progressive. The proved gap of a converged fit is at most
    ``tolerance`` of the objective. A solver that ends without such a point hands over to nothing: the Fit says why.
    Raises ValueError for an unknown solver and for a tolerance or a number of iterations that makes no sense.
    """
    solvers = {"newton": newton, "progressive": progressive, **own}
    if solver not in ("auto", *solvers):
        raise ValueError(f"solver is {solver!r}; give auto, {', '.join(solvers)}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}; give a number between 0 and 1")
    if max_iterations < 1:
        raise ValueError(f"max_iterations is {max_iterations}; give at least 1")
    name = choose(objective.blocks.n_rows, len(objective.gradient_at_zero)) if solver == "auto" else solver
    stop = Stop(objective, tolerance)
    theta = np.zeros(len(objective.gradient_at_zero))
    if not stop.one_class():
        for here in solvers[name](objective, theta, stop.target):
            if stop(here) or stop.iterations == max_iterations:
                break
    return stop.fit(name)


def choose(n: int, k: int) -> str:
    """The solver that "auto" stands for, by the sizes N and D + 1.

    Newton where its Hessians cost next to nothing, L-BFGS where a sample of 10 rows a parameter is most of the data,
    progressive between them.
    """
    if 20 * k > n and k > 100:
        return "lbfgs"
    return "newton" if n * k * k <= NEWTON_WORK else "progressive"
