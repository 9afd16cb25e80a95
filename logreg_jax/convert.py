"""NumPy in, NumPy out: dtypes and devices by name, and the arithmetic of a call.

Read beside ``logreg_torch/convert.py``.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import Array
from jax._src.xla_bridge import backends_are_initialized

from logreg_parity.data.dataset import Dataset, Parameters

from .model import Gradient, LogisticRegression

_ONE_ORDER: dict[str, Any] = {
    "xla_cpu_multi_thread_eigen": False,
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT",  # its products, and not its sums
}
"""What XLA is told where no sum may depend on how many threads there are: others would deal its terms to them."""

_SET = {
    "jax_default_matmul_precision": "highest",
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_transfer_guard_host_to_device": "allow",
    "jax_transfer_guard_device_to_device": "allow",
    "jax_transfer_guard_device_to_host": "allow",
}
"""What ``arithmetic`` sets, but for the 64-bit switch, as JAX's configuration names it: "highest" is no TF32."""

DTYPES = {
    "float64": jnp.float64,
    "float32": jnp.float32,
    "bfloat16": jnp.bfloat16,
    "float16": jnp.float16,
}


def devices() -> tuple[str, ...]:
    """The devices there are, by name: ("cpu",) or ("cpu", "cuda")."""
    return ("cpu", "cuda") if jax.default_backend() == "gpu" else ("cpu",)


def versions() -> dict[str, str]:
    """What ran: the framework and its version."""
    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}


def find_device(name: str) -> jax.Device:
    """The device of that name; "auto" is cuda where there is one. ValueError names the devices there are."""
    if not isinstance(name, str) or name not in (*devices(), "auto"):
        raise ValueError(f"device is {name!r}; JAX sees {', '.join(devices())} here: give one of them, or 'auto'")
    return jax.local_devices(backend=devices()[-1] if name == "auto" else name)[0]  # another rank has others


def find_dtype(name: str) -> Any:
    """The dtype of that name. ValueError names the dtypes there are."""
    if not isinstance(name, str) or name not in DTYPES:
        raise ValueError(f"dtype is {name!r}; give one of {', '.join(DTYPES)}")
    return DTYPES[name]


@contextmanager
def arithmetic(dtype: str) -> Iterator[None]:
    """Within it float64 stays float64, and products of float32 numbers are full float32 (no TF32).

    JAX makes float32 of float64 without a word unless its 64-bit switch is on, and on recent GPUs multiplies
    float32 numbers as TF32 unless told not to. Both are set for the call only, and so are JAX's own rules of promotion
    and transfer, whatever the program around has chosen.

    Args:
        dtype: of the numbers, by name.

    Raises:
        ValueError: for an unknown name.
        RuntimeError: in a process that was forked after JAX had begun to compute: its threads stayed with the parent,
            and to wait for them would take for ever.
    """
    find_dtype(dtype)
    _refuse_fork()
    with ExitStack() as stack:  # what is so already is left: to set it takes longer than a small pass
        if jax.enable_x64.value != (dtype == "float64"):
            stack.enter_context(jax.enable_x64(dtype == "float64"))
        for name, value in _SET.items():
            if getattr(jax.config, name) != value:
                stack.enter_context(getattr(jax, name.removeprefix("jax_"))(value))
        yield


def one_thread() -> Callable[[Callable], Callable]:
    """What a function is decorated with whose sums must not depend on how many threads there are.

    JAX has no switch for a call: the function is compiled anew, from the outside, since options hold for the whole.
    """
    return partial(jax.jit, static_argnames=("reduction", "loss"), compiler_options=_ONE_ORDER)


def _refuse_fork() -> None:
    if _begun and _begun[-1] != os.getpid():
        raise RuntimeError(
            "this process was forked from one in which JAX had begun to compute, and JAX's threads stayed there; fork "
            "before the first computation, or start processes with multiprocessing's 'spawn' or 'forkserver'"
        )


def _note_fork() -> None:
    """Before a fork: the process in which JAX has begun to compute."""
    if backends_are_initialized():
        _begun.append(os.getpid())


_begun: list[int] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_note_fork)


def from_numpy(array: Any, dtype: str, device: str) -> Array:
    """A copy of the array on the device; the generator's arrays are read-only and stay so.

    Args:
        array: numbers in any shape.
        dtype, device: by name.

    Returns:
        The array in its shape.

    Raises:
        ValueError: for an unknown name.
    """
    return jax.device_put(np.asarray(array).astype(find_dtype(dtype)), find_device(device))


def to_numpy(array: Array) -> np.ndarray:
    """A NumPy copy; bfloat16, which NumPy does not have, comes back as float32, which holds it exactly."""
    return np.array(array, dtype=np.float32 if array.dtype == jnp.bfloat16 else array.dtype)


def data_from_numpy(dataset: Dataset, dtype: str, device: str) -> dict[str, Any]:
    """X (N, D), y (N,) and, where there are row weights, sample_weight (N,): the arguments of the objective.

    Args:
        dataset: in NumPy.
        dtype, device: by name.
    """
    arrays = {"X": dataset.X, "y": dataset.y, "sample_weight": dataset.sample_weight}
    return {name: from_numpy(array, dtype, device) for name, array in arrays.items() if array is not None}


def model_from_numpy(parameters: Parameters, dtype: str, device: str) -> LogisticRegression:
    """The model at that point: weight (D,) and bias ().

    Args:
        parameters: in NumPy.
        dtype, device: by name.
    """
    return LogisticRegression(*(from_numpy(part, dtype, device) for part in parameters))


def model_to_numpy(model: LogisticRegression | Gradient) -> Parameters:
    """The point the model stands at, or a gradient: weight (D,) and bias ()."""
    return Parameters(to_numpy(model.weight), to_numpy(model.bias)[()])  # [()]: a number out of an array ()
