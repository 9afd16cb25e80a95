"""L-BFGS: the framework's own, on the one-pass gradient.

Read beside ``logreg_jax/speed/lbfgs.py``. PyTorch's optimiser searches along its directions itself (strong Wolfe) and
asks for values and gradients; optax's search needs a function that JAX can compile, so there it is the solvers' own.
"""

from collections.abc import Iterator

import numpy as np
import torch

from logreg_parity.solvers.objective import Objective, Point

MEMORY = 10  # pairs


def lbfgs(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point, in float64 arithmetic, for as long as the framework's search finds another.

    Args:
        objective: what is asked for values and gradients.
        theta: where to begin, (D + 1,).
        target: not used: who takes the points says when they are enough.
    """
    x = torch.tensor(theta, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [x],
        max_iter=1,
        max_eval=25,
        history_size=MEMORY,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    seen: dict[bytes, Point] = {}  # every step begins where the last one has looked already

    def look() -> Point:
        place = x.detach().numpy().tobytes()
        if place not in seen:
            seen[place] = objective.at(np.frombuffer(place))
        return seen[place]

    def closure() -> float:
        x.grad = torch.from_numpy(look().gradient)
        return look().value

    here = None
    while here is not look():
        here = look()
        yield here
        optimizer.step(closure)
