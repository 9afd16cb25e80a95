"""Numbers that somebody's function closes over, in the format of a run.

Read beside ``logreg_torch/bridge/closed_over.py``. A running average that a function reads from around it is float32
as a rule, and so is then, in a float64 run, all that is computed of it before it meets a float64 number.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import source_info_util
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun
from jax.tree_util import tree_leaves, tree_structure, tree_unflatten

from .rules import _line, _subprograms

_INLINED = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint")
_FORMATS = ("new_dtype", "preferred_element_type", "dtype", "out_dtype")


def as_if_cast(function: Callable, dtype: str, notes: list[str], narrow: str = "float32") -> Callable:
    """The function with the narrower numbers that it closes over in the format of the run, and what it makes of them.

    A cast that the function makes itself stays, but in a model of 16 bits: there a cast to its own format or to float32
    is none in the float64 run.

    Args:
        function: of arrays in pytrees.
        dtype: of the run, by name.
        notes: where it is said, once, that this was done.
        narrow: the format that the model is kept in.
    """
    if dtype != "float64":
        return function
    wide = (np.dtype(narrow), np.dtype(np.float32)) if narrow != "float32" else ()

    def say(note: str) -> None:
        if note not in notes:
            notes.append(note)

    def cast(*arguments: Any) -> Any:
        try:
            with _wider_loops(say):
                closed, shape = jax.make_jaxpr(lambda *given: function(*given), return_shape=True)(*arguments)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            return function(*arguments)  # it looks at numbers, which tracing does not allow
        if narrows := _narrow_inside(closed):
            say("The JAX function closes over float32 numbers; in the float64 run they were cast to float64.")
        leaves = tree_leaves(arguments)
        made = _Run(wide, say)(closed, leaves) if narrows or wide else jaxpr_as_fun(closed)(*leaves)
        return tree_unflatten(tree_structure(shape), made)

    return cast


@contextmanager
def _wider_loops(say: Callable[[str], None]) -> Iterator[None]:
    """Within it a loop that is started from float32 numbers, and makes float64 of them, is started from float64 ones.

    A library makes the first state of a recurrent cell in the format of its parameters as it knows it.
    """
    plain = jax.lax.scan

    def scan(f: Callable, init: Any, *rest: Any, **named: Any) -> Any:
        try:
            return plain(f, init, *rest, **named)
        except TypeError:
            wider = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64) if _is_narrow(x) else x, init)
            if all(x is y for x, y in zip(tree_leaves(wider), tree_leaves(init), strict=True)):
                raise
            say("A loop of the JAX function starts from float32 numbers; in the float64 run they were cast to float64.")
            return plain(f, wider, *rest, **named)

    jax.lax.scan = scan
    try:
        yield
    finally:
        jax.lax.scan = plain


def _is_narrow(x: Any) -> bool:
    return getattr(x, "dtype", None) in _NARROW and np.ndim(x) > 0


_NARROW = tuple(np.dtype(x) for x in (np.float32, np.float16, jnp.bfloat16))


def _narrow_inside(closed: ClosedJaxpr) -> bool:
    inside = (sub for eqn in closed.jaxpr.eqns for sub in _subprograms(eqn.params))
    return any(map(_is_narrow, closed.consts)) or any(map(_narrow_inside, inside))


def _casts_inside(closed: ClosedJaxpr, wide: tuple[np.dtype, ...]) -> bool:
    """Whether a cast to one of the formats stands in it."""
    eqns = closed.jaxpr.eqns
    inside = (sub for eqn in eqns for sub in _subprograms(eqn.params))
    return any(e.params.get("new_dtype") in wide for e in eqns) or any(_casts_inside(sub, wide) for sub in inside)


class _Run:
    """A program run with numbers that are narrow in it and float64 here computed with as float64."""

    def __init__(self, wide: tuple[np.dtype, ...], say: Callable[[str], None]):
        self.wide, self.say = wide, say

    def __call__(self, closed: ClosedJaxpr, arguments: list) -> list:
        """The results."""
        consts = [jnp.asarray(c, jnp.float64) if _is_narrow(c) else c for c in closed.consts]
        env = dict(zip([*closed.jaxpr.constvars, *closed.jaxpr.invars], [*consts, *arguments], strict=True))
        for eqn in closed.jaxpr.eqns:
            given = [v.val if isinstance(v, Literal) else env[v] for v in eqn.invars]
            with source_info_util.user_context(eqn.source_info.traceback, name_stack=eqn.source_info.name_stack):
                outs = self.one(eqn, given)
            env.update(zip(eqn.outvars, outs if isinstance(outs, list | tuple) else [outs], strict=True))
        return [v.val if isinstance(v, Literal) else env[v] for v in closed.jaxpr.outvars]

    def one(self, eqn: Any, given: list) -> Any:
        """The results of one operation."""
        cast = [jnp.result_type(x) != v.aval.dtype for v, x in zip(eqn.invars, given, strict=True)]
        inside = _subprograms(eqn.params)
        name, params = eqn.primitive.name, eqn.params
        to = params.get("new_dtype")
        widens = name == "convert_element_type" and to in self.wide and jnp.issubdtype(given[0].dtype, jnp.floating)
        if widens:
            self.say(f"JAX casts to {to} within ({_line(eqn) or 'a library'}); in the float64 run that is no cast.")
        if (
            len(inside) >= 1
            and name in _INLINED
            and (any(cast) or _narrow_inside(inside[0]) or _casts_inside(inside[0], self.wide))
        ):
            return self(inside[0], given)
        narrow = [v.aval.dtype in _NARROW for v in eqn.invars]
        literal = [isinstance(v, Literal) for v in eqn.invars]
        own = any(n and not c and not is_literal for n, c, is_literal in zip(narrow, cast, literal, strict=True))
        if any(cast) and (own or inside):  # a number that the function itself has cast: as it would have been
            given = [jnp.asarray(x, v.aval.dtype) if c else x for v, x, c in zip(eqn.invars, given, cast, strict=True)]
        elif any(cast) or widens:
            pairs = zip(literal, given, narrow, strict=True)
            given = [_decimal(x) if is_literal and n else x for is_literal, x, n in pairs]
            params = {k: np.dtype(np.float64) if k in _FORMATS and v in _NARROW else v for k, v in params.items()}
        return eqn.primitive.bind(*given, **eqn.primitive.get_bind_params(params))


def _decimal(x: Any) -> np.float64:
    """The shortest decimal that is this number in its format."""
    return next(np.float64(text) for k in range(1, 18) if x.dtype.type(text := f"{float(x):.{k}g}") == x)
