"""The engines: the steps of the loop in ``train.py``, fast by what the framework does best, or exact.

Read beside ``logreg_torch/speed/engines.py``. PyTorch is fast where nothing is allocated and no graph recorded, JAX
where the whole loop is compiled. ``logreg_parity.solvers.descent`` cuts the steps into chunks and keeps the books,
``logreg_parity.truth.exact`` those of the exact steps, which are in ``exact_objective.py``.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from logreg_parity.data.dataset import Dataset
from logreg_parity.solvers.descent import Engine
from logreg_parity.truth.exact import ExactMeans, ExactRows, ExactRule

from ..convert import _ONE_ORDER, arithmetic, data_from_numpy, find_device, from_numpy, to_numpy
from ..model import sigmoid
from .exact import kept
from .exact_objective import objective, step
from .rows import Rows, losses, signed_rows, take_rows, with_spare_row

LARGEST = 2**19  # numbers that the steps of a chunk may take: 2 MiB in float32
WAYS: dict[str, dict[str, str] | None] = {  # what XLA is told, None where it compiles each operation by itself
    "jit": {},
    "jit unfused": {"xla_disable_hlo_passes": "fusion"},  # a product and a sum stay apart: no fma
    "jit unsimplified": {"xla_disable_hlo_passes": "algsimp"},
    "op by op": None,
}


def fast(dataset: Dataset, dtype: str, device: str) -> Engine:
    """The engine on a data set, in a dtype on a device.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        dtype, device: by name.
    """
    rows, put = signed_rows(**data_from_numpy(dataset, dtype, device)), partial(from_numpy, dtype=dtype, device=device)
    return Engine(dtype, rows, with_spare_row, take_rows, walk, losses, put, to_numpy, LARGEST)


@partial(jax.jit, compiler_options=_ONE_ORDER)
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


def _walk(
    theta: Array,
    velocity: Array,
    rows: ExactRows,
    penalty: Array,
    rate: float,
    momentum: float,
    *,
    nesterov: bool,
    dtype: str,
    steps: int,
) -> tuple[Array, Array]:
    def onward(state: tuple[Array, Array], own: ExactRows | None) -> tuple[tuple[Array, Array], Array]:
        state = step(*state, rows if own is None else own, penalty, ExactRule(rate, momentum, nesterov, dtype))
        return state, state[0]

    each = rows if rows.columns.ndim == 4 else None
    (_, velocity), points = jax.lax.scan(onward, (theta, velocity), each, length=steps)
    return jnp.concatenate([theta[None], points]), velocity


def _objectives(points: Array, rows: ExactRows, penalty: Array, dtype: str) -> Array:
    return kept(objective(points, rows, penalty, dtype), dtype)


@cache
def _compiled(way: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    told = WAYS[way] or {}
    walk = jax.jit(_walk, static_argnames=("nesterov", "dtype", "steps"), compiler_options=told)
    return walk, jax.jit(_objectives, static_argnames="dtype", compiler_options=told)


def exact(device: str, way: str | None = None) -> ExactMeans:
    """What ``logreg_parity.truth.exact.descend`` takes steps by.

    Args:
        device: by name.
        way: one of WAYS, by which the framework can run the same code; None for the first.

    Returns:
        The means.

    Raises:
        ValueError: for a device there is not.
    """
    place, way = find_device(device), way or "jit"
    run, value = _compiled(way)
    within = jax.disable_jit if WAYS[way] is None else nullcontext

    @arithmetic("float64")
    def walk(theta: Array, velocity: Array, rows: ExactRows, penalty: Array, rule: ExactRule, steps: int) -> Any:
        rate, momentum, nesterov, dtype = rule
        with within():
            return run(theta, velocity, rows, penalty, rate, momentum, nesterov=nesterov, dtype=dtype, steps=steps)

    @arithmetic("float64")
    def objectives(points: Array, rows: ExactRows, penalty: Array, dtype: str) -> Array:
        with within():
            return value(points, rows, penalty, dtype)

    put = arithmetic("float64")(partial(jax.device_put, device=place))
    return ExactMeans(put, to_numpy, walk, objectives)
