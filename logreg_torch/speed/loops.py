"""How an engine walks: C steps of gradient descent, and the points they lead to.

Read beside ``logreg_jax/speed/loops.py``. Both walks take theta (D + 1,), the bias last, the Rows of the steps and what
their sums are divided by, counts (C,), and return points (C + 1, D + 1), theta being the first.
"""

from functools import cache
from itertools import repeat

import torch
from torch._higher_order_ops.scan import scan

from .rows import next_point

STEPS_A_GRAPH = 50  # calling a compiled graph costs as much as ten of the steps in it
STEPS_A_TURN = 10  # so does a turn of a compiled loop as two of them; every step takes a second to compile


@torch.inference_mode()
def inplace(theta, rows, counts, learning_rate, l2):
    """One step at a time, prepared so that none allocates memory.

    Four operations where labels are hard, rows weigh the same and there is no penalty; no autograd graph.
    """
    points, per_step = theta.new_empty(len(counts) + 1, len(theta)), rows.columns.ndim == 3
    points[0] = theta
    some, penalty = points[: STEPS_A_GRAPH + 1].clone(), _penalty(theta, l2)
    here = some.unbind()  # the same few points again and again: a view of each in ``points`` would cost half a µs
    r, q = torch.empty(2, rows.columns.shape[-1], dtype=theta.dtype, device=theta.device)
    g, h = torch.empty_like(theta), torch.empty_like(theta)
    shares = 1 / counts.double()
    moves = -learning_rate * (torch.ones_like(shares) if l2 else shares)
    parts = (rows.columns, rows.columns.mT, rows.up, rows.down)
    every = (part.unbind() if per_step and part is not None else repeat(part) for part in parts)
    given = [iter(one) for one in (_vectors(shares, theta), _vectors(moves, theta), *every)]
    mv, addcmul = torch.mv, torch.addcmul  # looked up once: a twentieth of a step
    for reached in points[1:].split(len(here) - 1):
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


@torch.inference_mode()
def compiled(theta, rows, counts, learning_rate, l2):
    """Many steps in one compiled function.

    On the CPU it is the whole loop, however long, STEPS_A_TURN of them a turn; on a GPU a CUDA graph of STEPS_A_GRAPH.
    C must be a multiple of that. Raises ValueError where PyTorch cannot compile.
    """
    points = theta.new_empty(len(counts) + 1, len(theta))
    points[0] = theta
    size = STEPS_A_GRAPH if theta.is_cuda else STEPS_A_TURN
    per_step = rows._asdict() if rows.columns.ndim == 3 else {}
    given = {"count": counts} | {name: part for name, part in per_step.items() if part is not None}
    turns = {name: part.unflatten(0, (-1, size)) for name, part in given.items()}
    fixed = rows, theta.new_tensor(learning_rate), _penalty(theta, l2)
    try:
        with torch._dynamo.config.patch(recompile_limit=10_000):  # one graph a shape, in a long-lived process too
            if theta.is_cuda:
                for k, some in enumerate(points[1:].split(size)):
                    some.copy_(_graph()(points[k * size], {name: part[k] for name, part in turns.items()}, *fixed)[1])
            else:
                for part in turns.values():
                    torch._dynamo.maybe_mark_dynamic(part, 0)  # compiled once for every number of turns
                points[1:] = _loop()(theta, turns, *fixed)
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = " ".join(str(error).split("\n")[:2])
        raise ValueError(f"PyTorch cannot compile the steps ({reason}); give engine='inplace'") from error
    return points


@cache
def _graph():
    return torch.compile(_turn, dynamic=False, fullgraph=True, options={"triton.cudagraphs": True})


@cache
def _loop():
    in_cpp = torch.__version__ >= (2, 13)  # PyTorch 2.11 compiles no scan that way
    return torch.compile(_turns, dynamic=False, fullgraph=True, options={"cpp_wrapper": in_cpp})


def _turns(theta, turns, rows, rate, penalty):
    """Turn after turn, by PyTorch's prototype of ``jax.lax.scan``: its warning is why the judge walks along."""
    return scan(lambda theta, given: _turn(theta, given, rows, rate, penalty), theta, turns)[1].flatten(0, 1)


def _turn(theta, given, rows, rate, penalty):
    """Some steps, unrolled: where they lead, and the points (S, D + 1); given holds what each step has of its own."""
    points = []
    for k, count in enumerate(given["count"].unbind()):
        own = rows._replace(**{name: part[k] for name, part in given.items() if name != "count"})
        theta = next_point(theta, own, count, rate, penalty)
        points.append(theta)
    return theta.clone(), torch.stack(points)


def _vectors(factors, theta):
    """The factors (C,), each as a vector (D + 1,), by which PyTorch multiplies faster than by a number."""
    wide = torch.promote_types(theta.dtype, torch.float32)  # η / N may be below every number of a half precision
    vectors = factors.to(wide)[:, None].expand(-1, len(theta))
    return repeat(vectors[0].contiguous()) if (factors == factors[0]).all() else vectors.contiguous().unbind()


def _penalty(theta, l2):
    """l2 for every weight, 0 for the bias."""
    return theta.new_tensor([l2] * (len(theta) - 1) + [0])
