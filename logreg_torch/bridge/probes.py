"""One operation at a time, as the framework does it: what ``logreg-parity passport`` asks.

Read beside ``logreg_jax/bridge/probes.py``; ``logreg_parity.machine.probes`` chooses the numbers and says what the
answers show. Unlike the rest of the twin this runs under whatever settings PyTorch has, for they are the question.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..convert import find_device, from_numpy, to_numpy
from ..loss import softplus, stable_loss
from ..model import sigmoid
from ..softmax import softmax_losses

MODES = ("eager",)
SWITCHES = {"subnormal results": "eager with flush_denormal", "subnormal inputs": "eager with flush_denormal"}
"""By probe a mode that turns the setting which the answer comes from."""


def slope(function: Callable) -> Callable:
    """The derivative of an elementwise function by its first argument.

    Args:
        function: of one array or more, which returns one in the shape of the first.

    Returns:
        A function of the same arguments.
    """
    return torch.func.grad(lambda z, *rest: function(z, *rest).sum())


def apart(z: Tensor) -> Tensor:
    """The same numbers with gaps between them, where no vector instruction applies: a kernel's road for odd ends."""
    return torch.stack((z, z), dim=-1)[..., 0]


def cross_entropy(Z: Tensor, y: Tensor) -> Tensor:
    """The framework's own loss (N,) of K classes.

    Args:
        Z, y: logits (N, K) and classes (N,).
    """
    return torch.nn.functional.cross_entropy(Z, y.long(), reduction="none")


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
    "framework_softplus": torch.nn.functional.softplus,
    "framework_log_sigmoid": torch.nn.functional.logsigmoid,
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
    before = bool(torch.tensor(torch.finfo(torch.float32).tiny) / 2 == 0)  # PyTorch does not tell
    torch.set_flush_denormal(before or mode != "eager")
    try:
        return _computed(operation, arrays, dtype, device)
    finally:
        torch.set_flush_denormal(before)


def _computed(operation: str, arrays: tuple[np.ndarray, ...], dtype: str, device: str) -> np.ndarray:
    return to_numpy(OPERATIONS[operation](*(from_numpy(array, dtype, device) for array in arrays)))


def identity(x: np.ndarray, device: str = "cpu") -> np.ndarray:
    """The array in and out again, in the dtype that the framework gives it unasked.

    Args:
        x: any shape.
        device: by name.
    """
    return to_numpy(torch.as_tensor(x, device=find_device(device)))


def threads(count: int | None = None) -> int | None:
    """The number of threads, after setting it where a count is given; None where there is no such switch, as in JAX."""
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def describe(device: str = "cpu") -> str:
    """What the framework says the device is."""
    if find_device(device).type == "cuda":
        return torch.cuda.get_device_name()
    return f"cpu, {torch.backends.cpu.get_cpu_capability()}"
