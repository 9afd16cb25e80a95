"""L-BFGS: the framework's own, on the one-pass gradient.

Read beside ``logreg_torch/lbfgs.py``. PyTorch's optimiser searches along its directions itself (strong Wolfe) and asks
for values and gradients; optax's search needs a function that JAX can compile, so there it is the solvers' own.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from logreg_parity.solvers.objective import search

from .convert import arithmetic

MEMORY = 10  # pairs


def lbfgs(objective, theta, target=0.0):
    """Point after point, in float64 arithmetic, for as long as the framework's search finds another."""
    here, state = objective.at(theta), None
    while here is not None:
        yield here
        direction, state = _direction(here, state)
        here = search(objective, here, direction)


_optimizer = optax.lbfgs(learning_rate=1.0, memory_size=MEMORY, linesearch=None)
_update = jax.jit(_optimizer.update)


@arithmetic("float64")
def _direction(here, state):
    theta = jnp.asarray(here.theta)
    direction, state = _update(jnp.asarray(here.gradient), _optimizer.init(theta) if state is None else state, theta)
    return np.asarray(direction), state
