"""L-BFGS: the framework's own, on the one-pass gradient.

Read beside ``logreg_jax/speed/lbfgs.py``. PyTorch's optimiser searches along its directions itself (strong Wolfe) and
asks for values and gradients; optax's search needs a function that JAX can compile, so there it is the solvers' own.
"""

from collections.abc import Iterator

import numpy as np
import torch

from logreg_parity.solvers.objective import Objective, Point, rise

from ..convert import arithmetic

MEMORY = 10  # pairs


def lbfgs(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point, in float64 arithmetic, for as long as the framework's search finds another.

    Where it finds none, it starts again without the pairs that it remembers.

    Args:
        objective: what is asked for values and gradients.
        theta: where to begin, (D + 1,).
        target: not used: who takes the points says when they are enough.
    """
    here, start = objective.at(theta), None
    yield here
    while here is not start:
        start = here
        for here in _steps(objective, start):
            yield here


def _steps(objective: Objective, here: Point) -> Iterator[Point]:
    """Points beyond this one, until the search finds no further one.

    The optimiser keeps no pair whose product is below 1e-10, and its search ends where a step is known to within 1e-9:
    so the objective is given to it multiplied by 2^100, and the point in units of the first step.
    """
    large, unit = 2.0**100, np.exp2(np.rint(np.log2(np.abs(here.gradient).sum() or 1)))
    with arithmetic("float64"):
        x = torch.tensor(here.theta / unit, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [x], 1, 1, 25, tolerance_grad=0, tolerance_change=0, history_size=MEMORY, line_search_fn="strong_wolfe"
    )  # a step of length 1 at first, one step a call, 25 looks in it at most
    seen = {x.detach().numpy().tobytes(): here}  # every step begins where the last one has looked already

    def look() -> Point:
        place = x.detach().numpy().tobytes()
        if place not in seen:
            seen[place] = objective.at(unit * np.frombuffer(place))
        return seen[place]

    def closure() -> float:
        x.grad = torch.from_numpy(large * unit * look().gradient)
        return large * rise(here, look())  # and not the value, of which the search would compare the last digits

    def step() -> None:
        with arithmetic("float64"):
            optimizer.step(closure)

    step()
    while here is not look():
        here = look()
        seen = {x.detach().numpy().tobytes(): here}
        yield here
        step()
