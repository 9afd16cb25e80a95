"""Numbers that somebody's function closes over, in the format of a run.

Read beside ``logreg_torch/bridge/closed_over.py``. A running average that a function reads from around it is float32
as a rule, and so is then, in a float64 run, all that is computed of it before it meets a float64 number.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal
from jax.tree_util import tree_leaves, tree_structure, tree_unflatten

_INLINED = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint")
_FORMATS = ("new_dtype", "preferred_element_type", "dtype", "out_dtype")


def as_if_cast(function: Callable, dtype: str, notes: list[str]) -> Callable:
    """The function with the narrower numbers that it closes over in the format of the run, and what it makes of them.

    A cast that the function makes itself stays.

    Args:
        function: of arrays in pytrees.
        dtype: of the run, by name.
        notes: where it is said, once, that this was done.
    """
    if dtype != "float64":
        return function

    def cast(*arguments: Any) -> Any:
        try:
            closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            return function(*arguments)  # it looks at numbers, which tracing does not allow
        if not _narrow_inside(closed):
            return function(*arguments)
        note = "The JAX function closes over float32 numbers; in the float64 run they were cast to float64."
        if note not in notes:
            notes.append(note)
        return tree_unflatten(tree_structure(shape), _run(closed, tree_leaves(arguments)))

    return cast


def _is_narrow(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float32 and np.ndim(x) > 0


def _subprograms(params: dict) -> list[ClosedJaxpr]:
    """The programs within an operation."""
    found = [value for value in params.values() if hasattr(value, "jaxpr") or hasattr(value, "eqns")]
    found += [item for value in params.values() if isinstance(value, tuple) for item in value if hasattr(item, "jaxpr")]
    return [value if hasattr(value, "consts") else ClosedJaxpr(value, ()) for value in found]


def _narrow_inside(closed: ClosedJaxpr) -> bool:
    inside = (sub for eqn in closed.jaxpr.eqns for sub in _subprograms(eqn.params))
    return any(map(_is_narrow, closed.consts)) or any(map(_narrow_inside, inside))


def _run(closed: ClosedJaxpr, arguments: list) -> list:
    """The program's results, numbers that are float32 in it and float64 here computed with as float64."""
    consts = [jnp.asarray(c, jnp.float64) if _is_narrow(c) else c for c in closed.consts]
    env = dict(zip([*closed.jaxpr.constvars, *closed.jaxpr.invars], [*consts, *arguments], strict=True))
    for eqn in closed.jaxpr.eqns:
        given = [v.val if isinstance(v, Literal) else env[v] for v in eqn.invars]
        outs = _one(eqn, given)
        env.update(zip(eqn.outvars, outs if isinstance(outs, list | tuple) else [outs], strict=True))
    return [v.val if isinstance(v, Literal) else env[v] for v in closed.jaxpr.outvars]


def _one(eqn: Any, given: list) -> Any:
    cast = [jnp.result_type(x) != v.aval.dtype for v, x in zip(eqn.invars, given, strict=True)]
    inside = _subprograms(eqn.params)
    name, params = eqn.primitive.name, eqn.params
    if len(inside) >= 1 and name in _INLINED and (any(cast) or _narrow_inside(inside[0])):
        return _run(inside[0], given)
    narrow = [v.aval.dtype == np.float32 for v in eqn.invars]
    own = any(n and not c and not isinstance(v, Literal) for n, c, v in zip(narrow, cast, eqn.invars, strict=True))
    if any(cast) and (own or inside):  # a number that the function itself has cast: as it would have been
        given = [jnp.asarray(x, v.aval.dtype) if c else x for v, x, c in zip(eqn.invars, given, cast, strict=True)]
    elif any(cast):
        pairs = zip(eqn.invars, given, narrow, strict=True)
        given = [np.float64(str(x)) if isinstance(v, Literal) and n else x for v, x, n in pairs]
        params = {k: np.dtype(np.float64) if k in _FORMATS and v == np.float32 else v for k, v in params.items()}
    return eqn.primitive.bind(*given, **eqn.primitive.get_bind_params(params))
