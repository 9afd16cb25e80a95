"""L-BFGS: the framework's own, on the one-pass gradient.

Read beside ``logreg_torch/speed/lbfgs.py``. PyTorch's optimiser searches along its directions itself (strong Wolfe) and
asks for values and gradients; optax's search needs a function that JAX can compile, so there it is the solvers' own.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from logreg_parity.solvers.objective import Objective, Point, search

from ..convert import _ONE_ORDER, arithmetic

MEMORY = 10  # pairs


def lbfgs(objective: Objective, theta: np.ndarray, target: float = 0.0) -> Iterator[Point]:
    """Point after point, in float64 arithmetic, for as long as the framework's search finds another.

    Where it finds none, it starts again without the pairs that it remembers.

    Args:
        objective: what is asked for values and gradients.
        theta: where to begin, (D + 1,).
        target: not used: who takes the points says when they are enough.
    """
    here: Point | None = objective.at(theta)
    state = None
    while here is not None:
        yield here
        direction, after = _direction(here, state)
        there = search(objective, here, direction)
        if there is None and state is not None:
            direction, after = _direction(here, None)
            there = search(objective, here, direction)
        here, state = there, after


@arithmetic("float64")
def _direction(here: Point, state: Any) -> tuple[np.ndarray, Any]:
    init, update = _optimizer()
    theta = jnp.asarray(here.theta)
    direction, state = update(jnp.asarray(here.gradient), init(theta) if state is None else state, theta)
    return np.asarray(direction), state


@cache
def _optimizer() -> tuple[Any, Any]:
    optimizer = optax.lbfgs(learning_rate=1.0, memory_size=MEMORY, linesearch=None)
    return optimizer.init, jax.jit(optimizer.update, compiler_options=_ONE_ORDER)
