"""The engines: the steps of the loop in ``train.py``, fast by what the framework does best, or exact.

Read beside ``logreg_jax/speed/engines.py``. PyTorch is fast where nothing is allocated and no graph recorded, JAX where
the whole loop is compiled. ``logreg_parity.solvers.descent`` cuts the steps into chunks and keeps the books,
``logreg_parity.truth.exact`` those of the exact steps, which are in ``exact_objective.py``.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from logreg_parity.data.dataset import Dataset
from logreg_parity.solvers.descent import Engine
from logreg_parity.truth.exact import ExactMeans, ExactRows, ExactRule

from ..convert import data_from_numpy, find_device, from_numpy, to_numpy
from .exact import kept
from .exact_objective import objective, step
from .exact_pass import _exact_walk
from .rows import Rows, losses, signed_rows, take_rows, with_spare_row

LARGEST = 2**18  # numbers that the steps of a chunk may take: a MiB in float32
_PREPARED = 50  # points that are written in turn: a view of each in ``points`` would cost half a µs a step
WAYS: dict[str, Callable[[Any], Any]] = {
    "eager": lambda own: own,
    "torch.compile": torch.compile,
}


def fast(dataset: Dataset, dtype: str, device: str) -> Engine:
    """The engine on a data set, in a dtype on a device.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        dtype, device: by name.
    """
    rows, put = signed_rows(**data_from_numpy(dataset, dtype, device)), partial(from_numpy, dtype=dtype, device=device)
    return Engine(dtype, rows, with_spare_row, take_rows, walk, losses, put, to_numpy, LARGEST)


@torch.inference_mode()
def walk(theta: Tensor, rows: Rows, counts: Tensor, learning_rate: float, l2: float) -> Tensor:
    """C steps from theta (D + 1,), the bias last: the points (C + 1, D + 1) they lead to, theta being the first.

    One step at a time, prepared so that none allocates memory: four operations where labels are hard, rows weigh the
    same and there is no penalty.

    Args:
        theta: where the first step begins.
        rows: all, or those of each step.
        counts: (C,), what the sums of each step are divided by.
        learning_rate: η.
        l2: of the penalty.
    """
    points, per_step = theta.new_empty(len(counts) + 1, len(theta)), rows.columns.ndim == 3
    points[0] = theta
    some = points[: _PREPARED + 1].clone()
    penalty = theta.new_tensor([l2] * (len(theta) - 1) + [0])  # nothing for the bias
    here = some.unbind()
    r, q = torch.empty(2, rows.columns.shape[-1], dtype=theta.dtype, device=theta.device)
    g, h = torch.empty_like(theta), torch.empty_like(theta)
    shares = 1 / counts.double()
    moves = -learning_rate * (torch.ones_like(shares) if l2 else shares)
    parts = (rows.columns, rows.columns.mT, rows.up, rows.down)
    every = (part.unbind() if per_step and part is not None else repeat(part) for part in parts)
    given = [iter(one) for one in (_vectors(shares, theta), _vectors(moves, theta), *every)]
    mv, addcmul = torch.mv, torch.addcmul  # looked up once: a twentieth of a step
    for reached in points[1:].split(_PREPARED):
        for a, b, share, move, columns, X, up, down in zip(here, here[1:][: len(reached)], *given, strict=False):
            mv(X, a, out=r)
            if down is not None:
                torch.sigmoid(torch.neg(r, out=q), out=q).mul_(down)
            r.sigmoid_()
            if up is not None:
                r.mul_(up)
            if down is not None:
                r.sub_(q)
            mv(columns, r, out=g)
            if l2:
                addcmul(torch.mul(penalty, a, out=h), g, share, out=g)
            addcmul(a, g, move, out=b)  # θ is rounded once a step, as the bounds have it
        reached.copy_(some[1:][: len(reached)])
        some[0] = reached[-1]
    return points


def _vectors(factors: Tensor, theta: Tensor) -> Iterator[Tensor]:
    """The factors (C,), each as a vector (D + 1,), by which PyTorch multiplies faster than by a number."""
    wide = torch.promote_types(theta.dtype, torch.float32)  # η / N may be below every number of a half precision
    vectors = factors.to(wide)[:, None].expand(-1, len(theta))
    if (factors == factors[0]).all():
        return repeat(vectors[0].contiguous())
    return iter(vectors.contiguous().unbind())


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
    place, run = find_device(device), WAYS[way or "eager"]
    one, value = run(step), run(objective)

    @torch.no_grad()
    def walk(theta: Tensor, velocity: Tensor, rows: ExactRows, penalty: Tensor, rule: ExactRule, steps: int) -> Any:
        if run is WAYS["eager"] and rows.columns.shape[-2] == 1:
            return _exact_walk(theta, velocity, rows, penalty, rule, steps)
        points, each = [theta], rows.columns.ndim == 4
        for k in range(steps):
            own = rows.mapped(itemgetter(k)) if each else rows
            theta, velocity = one(theta, velocity, own, penalty, rule)
            points.append(theta)
        return torch.stack(points), velocity

    @torch.no_grad()
    def objectives(points: Tensor, rows: ExactRows, penalty: Tensor, dtype: str) -> Tensor:
        return kept(value(points, rows, penalty, dtype), dtype)

    return ExactMeans(lambda part: torch.tensor(part, device=place), to_numpy, walk, objectives)
