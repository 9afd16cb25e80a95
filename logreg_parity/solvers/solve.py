"""From packed data to a Fit: one solver's points, looked at one by one until one is proved good enough."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from ..data.history import Fit
from .checkpoint import Checkpoint
from .newton import newton
from .objective import Objective, Point
from .progressive import progressive
from .stop import Stop

Solver = Callable[[Objective, np.ndarray, float], Iterator[Point]]

NEWTON_WORK = 2 * 10**6  # N (D + 1)²: above it Newton takes longer than progressive, at 10⁴ × 20 half as long again


def solve(
    objective: Objective,
    own: Mapping[str, Solver],
    *,
    solver: str,
    tolerance: float,
    max_iterations: int,
    checkpoint: Path | str | None = None,
) -> Fit:
    """Run a solver from θ = 0 until the gradient is at most ``tolerance`` times that at θ = 0 and the gap is proved.

    own: the solvers that the twin brings beside newton and progressive. The proved gap of a converged fit is at most
    ``tolerance`` of the objective. A solver that ends without such a point hands over to nothing: the Fit says why.
    checkpoint: a file that keeps the point after every step; where it is there, the run goes on from it, to the same
    bits. It needs the solver newton, for which the point is all there is to know, and which auto then is.
    Raises ValueError for a checkpoint of another fit, an unknown solver, and a tolerance or a number of iterations
    that makes no sense.
    """
    solvers = {"newton": newton, "progressive": progressive, **own}
    if solver not in ("auto", *solvers):
        raise ValueError(f"solver is {solver!r}; give auto, {', '.join(solvers)}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}; give a number between 0 and 1")
    if max_iterations < 1:
        raise ValueError(f"max_iterations is {max_iterations}; give at least 1")
    k = len(objective.gradient_at_zero)
    name = solver if solver != "auto" else "newton" if checkpoint else choose(objective.blocks.n_rows, k)
    stop = Stop(objective, tolerance)
    state = {"theta": np.zeros(k), "counts": np.zeros(2)}
    kept = None if checkpoint is None else _kept(checkpoint, name, objective)
    if kept is not None:
        state = kept.load() or state
    stop.iterations, objective.passes = int(state["counts"][0]), float(state["counts"][1])
    if not stop.one_class():
        with _blas().limit(limits=1, user_api="blas"):
            for here in solvers[name](objective, state["theta"], stop.target):
                if kept is not None:
                    counts = np.array([stop.iterations, objective.passes])
                    kept.save({"theta": here.theta, "counts": counts}, now=True)
                if stop(here) or stop.iterations >= max_iterations:
                    break
    return stop.fit(name)


@cache
def _blas() -> ThreadpoolController:
    """What NumPy's own products run on.

    Between passes they are small, and on several threads they wait for the cores that the passes have just used: with
    200 features ten times as long as on one.
    """
    return ThreadpoolController()


def _kept(path: Path | str, name: str, objective: Objective) -> Checkpoint:
    """Where the state of the fit is kept. Raises ValueError for a solver that has more state than a point."""
    if name != "newton":
        raise ValueError(f"solver is {name!r}, which remembers more than a checkpoint keeps; give newton or auto")
    return Checkpoint(
        path, {"solver": name, "twin": objective.twin, "l2": objective.l2, "data": objective.blocks.identity}
    )


def choose(n: int, k: int) -> str:
    """The solver that "auto" stands for, by the sizes N and D + 1.

    Newton where its Hessians cost next to nothing, L-BFGS where a sample of 10 rows a parameter is most of the data,
    progressive between them.
    """
    if 20 * k > n and k > 100:
        return "lbfgs"
    return "newton" if n * k * k <= NEWTON_WORK else "progressive"
