"""NumPy in, NumPy out: dtypes and devices by name, and the arithmetic of a call.

Read beside ``logreg_jax/convert.py``.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock, current_thread, main_thread
from typing import Any

import numpy as np
import torch
from torch import Tensor

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.solvers.threads import Shared

from .model import Gradient, LogisticRegression

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def devices() -> tuple[str, ...]:
    """The devices there are, by name: ("cpu",) or ("cpu", "cuda")."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def versions() -> dict[str, str]:
    """What ran: the framework and its version."""
    return {"torch": torch.__version__}


def find_device(name: str) -> torch.device:
    """The device of that name; "auto" is cuda where there is one. ValueError names the devices there are."""
    if not isinstance(name, str) or name not in (*devices(), "auto"):
        raise ValueError(f"device is {name!r}; PyTorch sees {', '.join(devices())} here: give one of them, or 'auto'")
    return torch.device(devices()[-1] if name == "auto" else name)


def find_dtype(name: str) -> torch.dtype:
    """The dtype of that name. ValueError names the dtypes there are."""
    if not isinstance(name, str) or name not in DTYPES:
        raise ValueError(f"dtype is {name!r}; give one of {', '.join(DTYPES)}")
    return DTYPES[name]


@contextmanager
def arithmetic(dtype: str) -> Iterator[None]:
    """Within it float64 stays float64, and products of float32 numbers are full float32 (no TF32).

    Both are PyTorch's defaults; a program around that has chosen otherwise gets its choice back afterwards. So do
    autocast, no_grad, inference mode and a default device, which end at this line. In a process that was forked one
    thread computes: the others stayed with the parent, and to wait for them would take for ever.

    Args:
        dtype: of the numbers, by name.

    Raises:
        ValueError: for an unknown name.
    """
    find_dtype(dtype)
    with ExitStack() as stack:
        stack.enter_context(_full_products)
        for kind in devices():
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        if torch.empty(0).device.type != "cpu":  # in a tenth of the time of ``get_default_device``
            stack.enter_context(torch.device("cpu"))
        if os.getpid() != _HOME:
            stack.enter_context(one_thread())
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """What a function is decorated with whose sums must not depend on how many threads there are.

    Or a context: within it PyTorch computes on one thread what it is asked in this one. A thread that has not computed
    before begins with the number that was set last: where it has met the 1 of others that were in here, it goes back to
    what the first of them has found, or what the process has now.
    """
    with _threads.lock:
        before = torch.get_num_threads()
        if _threads.inside == 0:
            if before == 1 and current_thread() is not main_thread():
                with ThreadPoolExecutor(1) as fresh:
                    before = fresh.submit(torch.get_num_threads).result()
            _threads.found = before
        elif before == 1:
            before = _threads.found
        _threads.inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _threads.lock:
            _threads.inside -= 1
            torch.set_num_threads(before)


class _Threads:
    """How many threads are within ``one_thread``, and the number that the first of them has found."""

    def __init__(self) -> None:
        self.lock, self.inside, self.found = Lock(), 0, 1


@contextmanager
def _full() -> Iterator[None]:
    """For the whole process: a GPU's products are no TF32, and those of oneDNN on a CPU no bfloat16."""
    one_dnn: Any = torch.backends.mkldnn
    places = torch.backends.cuda.matmul, one_dnn.matmul
    saved = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = "ieee"
    try:
        yield
    finally:  # after an error too
        for place, precision in zip(places, saved, strict=True):
            place.fp32_precision = precision


_threads = _Threads()
_full_products = Shared(_full)
_HOME = os.getpid()


def from_numpy(array: Any, dtype: str, device: str) -> Tensor:
    """A copy of the array on the device; the generator's arrays are read-only and stay so.

    Args:
        array: numbers in any shape.
        dtype, device: by name.

    Returns:
        The array in its shape.

    Raises:
        ValueError: for an unknown name.
    """
    return torch.tensor(np.asarray(array), dtype=find_dtype(dtype), device=find_device(device))


def to_numpy(array: Tensor) -> np.ndarray:
    """A NumPy copy; bfloat16, which NumPy does not have, comes back as float32, which holds it exactly."""
    array = array.detach().cpu()  # NumPy knows neither records of operations nor the memory of a GPU
    return (array.float() if array.dtype == torch.bfloat16 else array).numpy().copy()


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
