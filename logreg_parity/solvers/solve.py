"""From packed data to a Fit: one solver's points, looked at one by one until one is proved good enough."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from ..data.checkpoint import Checkpoint
from ..data.fit import Fit
from .newton import newton
from .objective import Objective, Point
from .progressive import progressive
from .stop import Stop

Solver = Callable[[Objective, np.ndarray, float], Iterator[Point]]

NEWTON_WORK = 2 * 10**6  # N (D + 1)²: above it Newton takes longer than progressive, at 10⁴ × 20 half as long again
SMALL_WORK = 10**7  # N (D + 1)²: up to it a Hessian takes a millisecond or two
PATIENCE = 100  # points of the twin's own solver on small data, of which Newton's method takes some twenty
ALL_DIGITS = 1e-8  # a tolerance that asks for as many as there are


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
    ``tolerance`` of the objective; both are looked at with every column scaled to about 1. On small data, of at most
    SMALL_WORK, Newton's method goes on where the twin's own solver finds no further point, takes PATIENCE of them, or
    its gradient is as small as asked and nothing is proved; and with a tolerance of ALL_DIGITS or less a converged fit
    is carried on to where only rounding is left.
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
    objective = objective.scaled()
    k = len(objective.unit)
    work = objective.blocks.n_rows * k**2
    name = solver if solver != "auto" else "newton" if checkpoint else choose(objective.blocks.n_rows, k)
    stop = Stop(objective, tolerance)
    state = {"theta": np.zeros(k), "counts": np.zeros(2)}
    kept = None if checkpoint is None else _kept(checkpoint, name, objective)
    if kept is not None:
        state = kept.load() or state
    points = solvers[name](objective, state["theta"] * objective.unit, stop.target)
    points = _then_newton(objective, points, stop.target) if work <= SMALL_WORK and name in own else points
    stop.iterations, objective.passes = int(state["counts"][0]), float(state["counts"][1])
    if not stop.one_class():
        with _blas().limit(limits=1, user_api="blas"):
            for here in points:
                if kept is not None:
                    counts = np.array([stop.iterations, objective.passes])
                    kept.save({"theta": here.theta / objective.unit, "counts": counts}, now=True)
                if stop(here) or stop.iterations >= max_iterations:
                    break
            if work <= SMALL_WORK and tolerance <= ALL_DIGITS and stop.status == "converged":
                stop.finish(max(0, max_iterations - stop.iterations), one_hessian=work > NEWTON_WORK)
    return stop.fit(name)


def _then_newton(objective: Objective, points: Iterator[Point], target: float) -> Iterator[Point]:
    """A solver's points until the gradient is as small as asked or there is no further one in time, then Newton's."""
    here = None
    for here in islice(points, PATIENCE):
        yield here
        if np.linalg.norm(here.gradient) <= target:
            break
    if here is not None and np.isfinite(here.gradient).all():
        yield from newton(objective, here.theta)


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
