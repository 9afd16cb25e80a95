"""What a program that is asked a few times has to do with the framework's compiler: to wait for it takes longer.

Read beside ``logreg_torch/bridge/compiler.py``. JAX is asked to compile, quickly, and while other things are done.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.extend.core import jaxpr_as_fun
from jax.tree_util import tree_leaves, tree_structure, tree_unflatten

_QUICK = {
    "xla_backend_optimization_level": "0",
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
}
"""To compile, not to run."""
_BESIDE = ThreadPoolExecutor(1, "compile")  # XLA lets go of Python's lock while it works
_SMALL = 100_000  # parameters, up to which compiling takes longer than running


class _Traced:
    """A function of arguments of one make, traced once for all that is made of it; to trace takes long."""

    def __init__(self, function: Callable):
        self.function = function
        self.known: tuple[Callable, Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        if self.known is None:
            try:
                fresh = lambda *given: self.function(*given)  # noqa: E731  # JAX knows the traces of what it has traced
                closed, shape = jax.make_jaxpr(fresh, return_shape=True)(*arguments)
            except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
                return self.function(*arguments)
            self.known = jaxpr_as_fun(closed), tree_structure(shape)
        run, structure = self.known
        return tree_unflatten(structure, run(*tree_leaves(arguments)))


class _Compiled:
    """A function compiled; as it is where it looks at numbers in a way that compiling does not allow."""

    def __init__(self, function: Callable, quickly: bool = False):
        self.plain = function
        self.fast: Callable = jax.jit(function, compiler_options=_QUICK if quickly else None)
        self.begun: Future | None = None

    def begin(self, settings: Callable, *arguments: Any) -> None:
        """Compile for arguments of this make while other things are done; what fails here fails again when called."""
        with suppress(Exception):
            lowered = cast(Any, self.fast).lower(*arguments)

            def compiled() -> Callable:
                with settings():
                    return lowered.compile()

            self.begun = _BESIDE.submit(compiled)

    def __call__(self, *arguments: Any) -> Any:
        if self.begun is not None:
            self.fast, self.begun = self.begun.result(), None
        try:
            return self.fast(*arguments)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            self.fast = lambda *arguments: self.plain(*jax.tree.map(jnp.asarray, arguments))
            return self.fast(*arguments)
