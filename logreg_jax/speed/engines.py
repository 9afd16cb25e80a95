"""The fast engine: the steps of the loop in ``train.py``, many at once, by what the framework does best.

Read beside ``logreg_torch/speed/engines.py``. PyTorch is fast where nothing is allocated and no graph recorded, JAX
where the whole loop is compiled. ``logreg_parity.solvers.descent`` cuts the steps into chunks and keeps the books.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from logreg_parity.data.dataset import Dataset
from logreg_parity.solvers.descent import Engine

from ..convert import data_from_numpy, from_numpy, to_numpy
from ..model import sigmoid
from .rows import Rows, losses, signed_rows, take_rows, with_spare_row

LARGEST = 2**19  # numbers that the steps of a chunk may take: 2 MiB in float32


def fast(dataset: Dataset, dtype: str, device: str) -> Engine:
    """The engine on a data set, in a dtype on a device.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        dtype, device: by name.
    """
    rows, put = signed_rows(**data_from_numpy(dataset, dtype, device)), partial(from_numpy, dtype=dtype, device=device)
    return Engine(dtype, rows, with_spare_row, take_rows, walk, losses, put, to_numpy, LARGEST)


@jax.jit
def walk(theta: Array, rows: Rows, counts: Array, learning_rate: float, l2: float) -> Array:
    """C steps from theta (D + 1,), the bias last: the points (C + 1, D + 1) they lead to, theta being the first.

    The whole loop in one compiled function. For another C it is compiled anew.

    Args:
        theta: where the first step begins.
        rows: all, or those of each step.
        counts: (C,), what the sums of each step are divided by.
        learning_rate: η.
        l2: of the penalty.
    """
    penalty = jnp.full_like(theta, l2).at[-1].set(0)  # nothing for the bias
    per_step = rows.columns.ndim == 3

    def step(theta: Array, given: Any) -> tuple[Array, Array]:
        count, own = given
        columns, up, down = own if per_step else rows
        t = theta @ columns
        r = sigmoid(t) if up is None else sigmoid(t) * up
        r = r if down is None else r - sigmoid(-t) * down
        theta = theta - learning_rate * (columns @ r / count + penalty * theta)
        return theta, theta

    _, points = jax.lax.scan(step, theta, (counts, rows if per_step else None))
    return jnp.concatenate([theta[None], points])
