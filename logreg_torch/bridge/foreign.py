"""Somebody else's model and loss asked for numbers: what ``logreg_parity.ports`` needs of PyTorch.

Read beside ``logreg_jax/bridge/foreign.py``. Points, gradients and directions are dicts of NumPy arrays by parameter
name.
"""

import warnings
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..convert import to_numpy, versions
from .parameters import Point, formats_of, point_of, restless, state_of, tied
from .program import Program, _numpy
from .recording import _gradient, record

__all__ = ["Foreign", "formats_of", "point_of", "record", "restless", "state_of", "tied", "versions"]


class Foreign(Program):
    """A program, and its derivatives."""

    def prepare(self, point: Point, batch: Any, what: str) -> None:
        """Begin with what takes time before the first answer, in the order of the calls.

        Nothing does in PyTorch.

        Args:
            point, batch: those of ``value_and_grad``.
            what: "gradient", "slope", "Hessian-vector product" or "recording".
        """

    def stop(self) -> None:
        """Leave what has not been begun."""

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
        with self._settings(), sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch warns of what its own forward mode still uses
            at, along, data = self._leaves(point), self._leaves(direction), self._data(batch)
            return to_numpy(torch.func.jvp(lambda at: self._loss(at, data), (at,), (along,))[1])

    def hessian_vector_product(self, point: Point, batch: Any, direction: Point) -> Point:
        """The derivative of the gradient along a direction, by reverse mode twice.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings(), sdpa_kernel(SDPBackend.MATH):
            at, along = self._leaves(point), self._leaves(direction)
            gradient = _gradient(self._loss(at, self._data(batch)), at, create_graph=True)
            slope = reduce(torch.add, ((gradient[name] * along[name].detach()).sum() for name in gradient))
            return _numpy(_gradient(slope, at))
