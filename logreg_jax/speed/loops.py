"""How an engine walks: C steps of gradient descent, and the points they lead to.

Read beside ``logreg_torch/speed/loops.py``. Both walks take theta (D + 1,), the bias last, the Rows of the steps and
what their sums are divided by, counts (C,), and return points (C + 1, D + 1), theta being the first.
"""

from functools import partial

import jax
import jax.numpy as jnp

from .rows import next_point

STEPS_A_GRAPH = 1  # the compiled loop is a loop, of any length
STEPS_A_TURN = 1  # of it: more take longer, to compile and to run


def inplace(theta, rows, counts, learning_rate, l2):
    """One step at a time, prepared so that none allocates memory.

    Each is a call of one compiled function, which writes into the points it is given.
    """
    points = jnp.zeros((len(counts) + 1, len(theta)), theta.dtype).at[0].set(theta)
    penalty = _penalty(theta, l2)
    for k in range(len(counts)):
        points = _write_next(points, k, rows, counts, learning_rate, penalty)
    return points


@jax.jit
def compiled(theta, rows, counts, learning_rate, l2):
    """Many steps in one compiled function.

    It is the whole loop; every other C is compiled anew.
    """
    penalty, per_step = _penalty(theta, l2), rows.columns.ndim == 3

    def step(theta, given):
        count, own = given
        theta = next_point(theta, own if per_step else rows, count, learning_rate, penalty)
        return theta, theta

    _, points = jax.lax.scan(step, theta, (counts, rows if per_step else None), unroll=STEPS_A_TURN)
    return jnp.concatenate([theta[None], points])


@partial(jax.jit, donate_argnums=0)
def _write_next(points, k, rows, counts, rate, penalty):
    own = jax.tree.map(lambda part: part[k], rows) if rows.columns.ndim == 3 else rows
    return points.at[k + 1].set(next_point(points[k], own, counts[k], rate, penalty))


def _penalty(theta, l2):
    """l2 for every weight, 0 for the bias."""
    return jnp.full_like(theta, l2).at[-1].set(0)
