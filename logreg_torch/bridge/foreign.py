"""Somebody else's model and loss asked for numbers: what ``logreg_parity.ports`` needs of PyTorch.

Read beside ``logreg_jax/bridge/foreign.py``. A model is a ``torch.nn.Module``, its loss ``loss(model, batch)`` or,
without one, ``model(batch)``; the model is left as it was. Points, gradients and directions are dicts of NumPy arrays
by parameter name.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from logreg_parity.ports.arrays import UnfitError, map_arrays

from ..convert import arithmetic, find_device, find_dtype, from_numpy, to_numpy, versions

__all__ = ["Foreign", "point_of", "restless", "versions"]

Point = dict[str, np.ndarray]
Named = dict[str, Tensor]


def point_of(model: Any) -> Point:
    """The parameters by name, in NumPy. Raises UnfitError where the model is none."""
    if not isinstance(model, torch.nn.Module):
        raise UnfitError(
            f"the PyTorch model is a {type(model).__name__}; give a torch.nn.Module, and its loss beside it"
        )
    return {name: to_numpy(parameter) for name, parameter in model.named_parameters()}


def restless(model: Any) -> list[str]:
    """The parts that compute otherwise in training, and are in training now."""
    kinds = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._NormBase)
    parts = ((name, part) for name, part in model.named_modules() if isinstance(part, kinds) and part.training)
    return [f"{name or 'the model'} ({type(part).__name__})" for name, part in parts]


class Foreign:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model: torch.nn.Module, loss: Callable | None, batch: Any, *, dtype: str, device: str):
        self._whole, self._dtype, self._device = _Whole(model, loss), dtype, device

    def loss_twice(self, point: Point, batch: Any) -> list[float]:
        """The loss, two times from the same start: the same, unless chance has a part in it.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        with self._settings():
            parameters, data = self._leaves(point), self._data(batch)
            return [self._loss(parameters, data).item() for _ in range(2)]

    def value_and_grad(self, point: Point, batch: Any) -> tuple[np.ndarray, Point]:
        """The loss () and its gradient at a point. Raises UnfitError where the loss is not one real number.

        Args:
            point: the parameters by name.
            batch: arrays of the make that the object was built for.

        Returns:
            A number () and, by name, arrays in the shapes of the parameters.

        Raises:
            UnfitError: where the loss is not one real number.
        """
        with self._settings():
            parameters = self._leaves(point)
            value = self._loss(parameters, self._data(batch))
            return to_numpy(value), _numpy(_gradient(value, parameters))

    def slope(self, point: Point, batch: Any, direction: Point) -> np.ndarray:
        """The derivative () of the loss along a direction, by forward mode.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch warns of what its own forward mode still uses
            at, along, data = self._leaves(point), self._leaves(direction), self._data(batch)
            return to_numpy(torch.func.jvp(lambda at: self._loss(at, data), (at,), (along,))[1])

    def hessian_vector_product(self, point: Point, batch: Any, direction: Point) -> Point:
        """The derivative of the gradient along a direction, by reverse mode twice.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings():
            at, along = self._leaves(point), self._leaves(direction)
            gradient = _gradient(self._loss(at, self._data(batch)), at, create_graph=True)
            slope = reduce(torch.add, ((gradient[name] * along[name].detach()).sum() for name in gradient))
            return _numpy(_gradient(slope, at))

    def walk(self, point: Point, batch: Any, *, rate: float, steps: int) -> list[Point]:
        """The points after each of so many steps down the gradient.

        Args:
            point: where to begin.
            batch: the same at every step.
            rate: the step size.
            steps: how many.
        """
        with self._settings():
            points, here, data = [], self._leaves(point), self._data(batch)
            for _ in range(steps):
                gradient = _gradient(self._loss(here, data), here)
                here = {name: (here[name].detach() - rate * gradient[name]).requires_grad_() for name in here}
                points.append(_numpy(here))
            return points

    def _loss(self, parameters: Named, data: Any) -> Tensor:
        named = {f"model.{name}": value for name, value in parameters.items()}
        for name, buffer in self._whole.named_buffers():  # copies: a forward pass may write into them
            dtype = find_dtype(self._dtype) if buffer.is_floating_point() else buffer.dtype
            named[name] = buffer.detach().to(find_device(self._device), dtype, copy=True)
        value = torch.func.functional_call(self._whole, named, (data,))
        if not isinstance(value, Tensor) or value.shape != () or not value.is_floating_point():
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise UnfitError(f"the PyTorch loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

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


def _gradient(value: Tensor, parameters: Named, create_graph: bool = False) -> Named:
    """Zeros where the value does not depend on a parameter."""
    if not value.requires_grad:
        return {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    leaves = list(parameters.values())
    parts = torch.autograd.grad(value, leaves, create_graph=create_graph, materialize_grads=True)
    return dict(zip(parameters, parts, strict=True))


def _numpy(tensors: Named) -> Point:
    return {name: to_numpy(tensor).astype(np.float64) for name, tensor in tensors.items()}
