"""One operation at a time, as the framework does it: what ``logreg-parity passport`` asks.

Read beside ``logreg_torch/bridge/probes.py``; ``logreg_parity.machine.probes`` chooses the numbers and says what the
answers show. Unlike the rest of the twin this runs under whatever settings JAX has, for they are the question; only the
64-bit switch follows the dtype.
"""

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from ..convert import find_device, from_numpy, to_numpy
from ..loss import softplus, stable_loss
from ..model import sigmoid
from ..softmax import softmax_losses

MODES = ("eager", "jit")
SWITCHES = {
    "a b + c": "jit without fusion",
    "(x + 3) - 3": "jit without algsimp",
    "x / 1000": "jit without algsimp",
    "depth of a sum": "jit without tree_reduction_rewriter",
}
"""By probe a mode that leaves out the pass of XLA which the answer comes from."""


def slope(function: Callable) -> Callable:
    """The derivative of an elementwise function by its first argument.

    Args:
        function: of one array or more, which returns one in the shape of the first.

    Returns:
        A function of the same arguments.
    """
    return jax.grad(lambda z, *rest: function(z, *rest).sum())


def apart(z: Array) -> Array:
    """The same numbers with gaps between them, where no vector instruction applies: a kernel's road for odd ends."""
    return jnp.stack((z, z), axis=-1)[..., 0]


def cross_entropy(Z: Array, y: Array) -> Array:
    """The framework's own loss (N,) of K classes.

    Args:
        Z, y: logits (N, K) and classes (N,).
    """
    return optax.softmax_cross_entropy_with_integer_labels(Z, y.astype(int))


OPERATIONS: dict[str, Callable] = {
    "product_sum": lambda a, b, c: a * b + c,
    "scale": lambda x, s: x * s,
    "thousandth": lambda x: x / 1000.0,
    "there_and_back": lambda x: (x + 3.0) - 3.0,
    "total": lambda x: x.sum(),
    "matmul": lambda a, b: a @ b,
    "sigmoid": sigmoid,
    "sigmoid_apart": lambda z: sigmoid(apart(z)),
    "softplus": softplus,
    "framework_softplus": jax.nn.softplus,
    "framework_log_sigmoid": jax.nn.log_sigmoid,
    "loss": stable_loss,
    "loss_slope": slope(stable_loss),
    "loss_curvature": slope(slope(stable_loss)),
    "framework_cross_entropy": cross_entropy,
    "framework_cross_entropy_slope": slope(cross_entropy),
    "cross_entropy": softmax_losses,
    "cross_entropy_slope": slope(softmax_losses),
}


def compute(
    operation: str, *arrays: np.ndarray, dtype: str = "float32", device: str = "cpu", mode: str = "eager"
) -> np.ndarray:
    """One of OPERATIONS on arrays rounded to the dtype, in NumPy; ValueError where there is no such mode.

    Args:
        operation: the name of one.
        arrays: what it takes.
        dtype, device: by name.
        mode: how it is run, one of MODES or of SWITCHES.

    Returns:
        What came out.

    Raises:
        ValueError: for another mode.
    """
    if mode not in (*MODES, *SWITCHES.values()):
        raise ValueError(f"mode is {mode!r}; give one of {', '.join(MODES)}")
    function = OPERATIONS[operation] if mode == "eager" else _compiled(operation, mode.partition(" without ")[2])
    with jax.enable_x64(dtype == "float64"):
        return to_numpy(function(*(from_numpy(array, dtype, device) for array in arrays)))


@cache
def _compiled(operation: str, without: str) -> Callable:
    return jax.jit(OPERATIONS[operation], compiler_options={"xla_disable_hlo_passes": without})


def identity(x: np.ndarray, device: str = "cpu") -> np.ndarray:
    """The array in and out again, in the dtype that the framework gives it unasked.

    Args:
        x: any shape.
        device: by name.
    """
    return to_numpy(jnp.asarray(x, device=find_device(device)))


def threads(count: int | None = None) -> int | None:
    """The number of threads, after setting it where a count is given; None where there is no such switch, as in JAX."""


def describe(device: str = "cpu") -> str:
    """What the framework says the device is."""
    return find_device(device).device_kind
