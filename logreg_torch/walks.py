"""How an engine walks: C steps of gradient descent, and the points they lead to.

Read beside ``logreg_jax/walks.py``. Both walks take theta (D + 1,), the bias last, the Rows of the steps and what
their sums are divided by, counts (C,), and return points (C + 1, D + 1), theta being the first.
"""

from itertools import repeat

import torch

from .rows import Rows, next_point

STEPS_A_GRAPH = 50  # calling a compiled graph costs as much as ten of the steps in it


@torch.inference_mode()
def inplace(theta, rows, counts, learning_rate, l2):
    """One step at a time, prepared so that none allocates memory.

    Four operations where labels are hard, rows weigh the same and there is no penalty; no autograd graph.
    """
    points, per_step = theta.new_empty(len(counts) + 1, len(theta)), rows.columns.ndim == 3
    points[0] = theta
    here, shares, penalty = points.unbind(), (1 / counts.double()).tolist(), _penalty(theta, l2)
    r, q = torch.empty(2, rows.columns.shape[-1], dtype=theta.dtype, device=theta.device)
    g, h = torch.empty_like(theta), torch.empty_like(theta)
    parts = (rows.columns, rows.columns.mT, rows.up, rows.down)
    each = (part.unbind() if per_step and part is not None else repeat(part) for part in parts)
    for a, b, share, columns, X, up, down in zip(here, here[1:], shares, *each, strict=False):
        torch.mv(X, a, out=r)
        if down is not None:
            torch.sigmoid(torch.neg(r, out=q), out=q).mul_(down)
        r.sigmoid_()
        if up is not None:
            r.mul_(up)
        if down is not None:
            r.sub_(q)
        torch.mv(columns, r, out=g)
        if l2:
            torch.add(torch.mul(penalty, a, out=h), g, alpha=share, out=g)
            share = 1
        torch.add(a, g, alpha=-learning_rate * share, out=b)  # θ is rounded once a step, as the bounds have it
    return points


@torch.inference_mode()
def compiled(theta, rows, counts, learning_rate, l2):
    """Many steps in one compiled function.

    STEPS_A_GRAPH of them are one graph, on a GPU a CUDA graph; C must be a multiple of that. Raises ValueError
    where PyTorch cannot compile.
    """
    points, per_step = theta.new_empty(len(counts) + 1, len(theta)), rows.columns.ndim == 3
    points[0] = theta
    rate, penalty = theta.new_tensor(learning_rate), _penalty(theta, l2)
    options = {"triton.cudagraphs": True} if theta.is_cuda else {"cpp_wrapper": True}
    graph = torch.compile(_steps, dynamic=False, fullgraph=True, options=options)
    try:
        with torch._dynamo.config.patch(recompile_limit=10_000):  # one graph a shape, in a long-lived process too
            for first in range(0, len(counts), STEPS_A_GRAPH):
                some = slice(first, first + STEPS_A_GRAPH)
                own = Rows(*(part if part is None else part[some] for part in rows)) if per_step else rows
                points[first + 1 :][:STEPS_A_GRAPH] = graph(points[first], own, counts[some], rate, penalty)
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = " ".join(str(error).split("\n")[:2])
        raise ValueError(f"PyTorch cannot compile the steps ({reason}); give engine='inplace'") from error
    return points


def _steps(theta, rows, counts, rate, penalty):
    points = []
    for k, count in enumerate(counts.unbind()):
        own = Rows(*(part if part is None else part[k] for part in rows)) if rows.columns.ndim == 3 else rows
        theta = next_point(theta, own, count, rate, penalty)
        points.append(theta)
    return torch.stack(points)


def _penalty(theta, l2):
    """l2 for every weight, 0 for the bias."""
    penalty = torch.full_like(theta, l2)
    penalty[-1] = 0
    return penalty
