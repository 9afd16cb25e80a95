"""A program run once, every operation written down: ``logreg_parity.ports.recording`` says in which words.

Read beside ``logreg_torch/bridge/recording.py``. JAX shows the program as a jaxpr, that of its gradient too; it is
walked equation by equation, loops unrolled, and all values are computed in one compiled run.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_leaves

from logreg_parity.ports.arrays import arrays_in
from logreg_parity.ports.recording import Recording

from .compiler import _Compiled
from .parameters import Point, _is_key
from .program import Program
from .writing import _Walk


def _begun(program: Program, parameters: Any, data: Any) -> tuple[_Walk, _Compiled]:
    """What writes the program down, and what computes all values, which is compiled beside other things.

    Args:
        program: in float64, within its settings.
        parameters, data: what its loss takes.
    """
    walk, closed = _Walk(), jax.make_jaxpr(jax.value_and_grad(program._loss))(parameters, data)
    run = _Compiled(lambda flat: walk.all_values(closed, flat), quickly=True)
    run.begin(program._settings, tree_leaves((parameters, data)))
    return walk, run


def record(program: Program, point: Point, batch: Any) -> Recording:
    """The loss and its gradient, operation by operation.

    Args:
        program: in float64.
        point: the parameters by name.
        batch: arrays of the make that the program was built for.

    Returns:
        All operations; the results are "loss" and "gradient of NAME".
    """
    with program._settings():
        given = program._leaves(point), program._data(batch)
        walk, run = program.traced or _begun(program, *given)
        program.traced = None
        values = run(tree_leaves(given))[::-1]
        for operation in walk.recording.operations:
            value = values.pop()  # and freed
            array = np.asarray(jax.random.key_data(value) if _is_key(value) else value)
            operation.value = array.astype(np.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array
            if "mask" in operation.options:
                operation.options["mask"] = operation.options["mask"].value.astype(bool)
            operation.thin_out()
        names = [*sorted(given[0]), *(name for name, _ in arrays_in(batch))]
        walk.recording.inputs = dict(zip(names, walk.given, strict=True))
        results = ["loss", *(f"gradient of {name}" for name in sorted(given[0]))]
        walk.recording.results = dict(zip(results, walk.results, strict=True))
        return walk.recording
