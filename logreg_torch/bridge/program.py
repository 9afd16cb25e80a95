"""Somebody else's program: what it takes, what it gives and what it leaves behind.

Read beside ``logreg_jax/bridge/program.py``. A model is a ``torch.nn.Module``, its loss ``loss(model, batch)`` or,
without one, ``model(batch)``; the model is left as it was. Points are dicts of NumPy arrays by parameter name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import keystr, tree_flatten_with_path

from logreg_parity.ports.arrays import UnfitError, map_arrays, projection

from ..convert import arithmetic, find_device, from_numpy, to_numpy
from .closed_over import as_if_cast
from .parameters import _COMPILED, Point, state_of

Named = dict[str, Tensor]


class Program:
    """A model and its loss in one dtype, on one device, on batches of one make; with the state that is given."""

    def __init__(
        self,
        model: torch.nn.Module,
        loss: Callable | None,
        batch: Any,
        *,
        dtype: str,
        device: str,
        state: Point | None = None,
        narrow: str = "float32",
    ):
        self._whole, self._dtype, self._device = _Whole(model, loss), dtype, device
        self._state, self._narrow, self.notes = state_of(model) | (state or {}), narrow, list[str]()
        self.project = False  # the loss is the sum of all outputs, each times a number of its own
        named = (name for name, _ in self._whole.named_parameters())
        self._own = {name.removeprefix("model.").replace(_COMPILED, ""): name for name in named}

    def outputs(self, point: Point, batch: Any) -> Point:
        """All numbers that the program gives, by their place in it; one of them, with no name, is a loss.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        with self._settings(), torch.no_grad():
            given, _ = self._run(self._leaves(point), self._data(batch))
            return {name: to_numpy(value).astype(np.float64) for name, value in _floats(given).items()}

    def state_after(self, point: Point, batch: Any) -> Point:
        """The state that a pass leaves behind, where it is not what it was before, by name.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        with self._settings(), torch.no_grad():
            _, state = self._run(self._leaves(point), self._data(batch))
            after = {name: to_numpy(value).astype(np.float64) for name, value in state.items()}
            before = {name: to_numpy(value).astype(np.float64) for name, value in self._buffers().items()}
            return {name: value for name, value in after.items() if not np.array_equal(value, before[name])}

    def _loss(self, parameters: Named, data: Any) -> Tensor:
        value, _ = self._run(parameters, data)
        if self.project:
            given = enumerate(_floats(value).values())
            factors = (
                (out, from_numpy(projection(k, tuple(out.shape)), self._dtype, self._device)) for k, out in given
            )
            return reduce(torch.add, ((out.to(factor.dtype) * factor).sum() for out, factor in factors))
        if not isinstance(value, Tensor) or value.shape != () or not value.is_floating_point():
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise UnfitError(f"the PyTorch loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def _run(self, parameters: Named, data: Any) -> tuple[Any, Named]:
        """What the program gives, and the state after it."""
        named = {self._own[name]: value for name, value in parameters.items()}
        state = self._buffers()  # copies: a forward pass may write into them
        for name, buffer in self._whole.named_buffers():
            public = name.removeprefix("model.").replace(_COMPILED, "")
            named[name] = state[public] if public in state else buffer.detach().clone()
        run = as_if_cast(torch.func.functional_call, self._dtype, self.notes, self._narrow)
        return run(self._whole, named, (data,)), state

    def _buffers(self) -> Named:
        """Copies of the floats of the state in the dtype."""
        return {name: from_numpy(array, self._dtype, self._device) for name, array in self._state.items()}

    def _leaves(self, point: Point) -> Named:
        """The parameters, ready to be differentiated by."""
        return {name: from_numpy(array, self._dtype, self._device).requires_grad_() for name, array in point.items()}

    def _data(self, batch: Any) -> Any:
        """The batch, its floats in the dtype."""

        def put(name: str, array: np.ndarray) -> Tensor:
            if array.dtype.kind == "f":
                return from_numpy(array, self._dtype, self._device)
            return torch.tensor(array, device=find_device(self._device))

        return map_arrays(put, batch)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """The arithmetic of a call, and the random numbers as they were after it."""
        cuda = [torch.cuda.current_device()] if self._device == "cuda" else []
        with arithmetic(self._dtype), torch.random.fork_rng(cuda), torch.enable_grad():
            yield


class _Whole(torch.nn.Module):
    """The loss as a module, so that ``functional_call`` can put other parameters into the model within it."""

    def __init__(self, model: torch.nn.Module, loss: Callable | None):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Any) -> Any:
        return self.model(batch) if self.loss is None else self.loss(self.model, batch)


def _floats(given: Any) -> Named:
    """The real numbers in what a program gives, by their place."""
    leaves = ((keystr(path), leaf) for path, leaf in tree_flatten_with_path(given)[0])
    return {name: leaf for name, leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()}


def _numpy(tensors: Named) -> Point:
    """As float64, which a large one that has just been made is without a copy."""
    return {name: tensor.detach().cpu().double().numpy() for name, tensor in tensors.items()}
