"""Somebody else's model and loss asked for numbers: what ``logreg_parity.ports`` needs of JAX.

Read beside ``logreg_torch/bridge/foreign.py``. Points, gradients and directions are dicts of NumPy arrays by parameter
name.
"""

from contextlib import suppress
from functools import reduce
from operator import add
from typing import Any

import jax
import numpy as np
from jax import Array

from logreg_parity.ports.arrays import projection

from ..convert import to_numpy, versions
from .compiler import _SMALL, _Compiled
from .parameters import Point, formats_of, point_of, restless, state_of, tied
from .program import Named, Program, _numpy
from .recording import _begun, record

__all__ = ["Foreign", "formats_of", "point_of", "record", "restless", "state_of", "tied", "versions"]


class Foreign(Program):
    """A program, and its derivatives."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        value = self._loss
        self._gradient = _Compiled(jax.value_and_grad(value))
        small = self._size <= _SMALL
        self._slope = _Compiled(lambda p, data, v: jax.jvp(lambda p: value(p, data), (p,), (v,))[1], small)
        self._product = _Compiled(jax.grad(lambda p, data, v: _dot(jax.grad(value)(p, data), v)), small)

    def prepare(self, point: Point, batch: Any, what: str) -> None:
        """Begin with what takes time before the first answer, in the order of the calls.

        Args:
            point, batch: those of ``value_and_grad``.
            what: "gradient", "slope", "Hessian-vector product" or "recording".
        """
        if self._size > _SMALL:  # then memory is short, and the time another
            return
        with self._settings():
            given = self._leaves(point), self._data(batch)
            if what == "recording":
                with suppress(Exception):  # it is said when the recording is asked for
                    self.traced = _begun(self, *given)
            elif what == "gradient":
                self._gradient.begin(self._settings, *given)
            else:
                program = self._slope if what == "slope" else self._product
                program.begin(self._settings, *given, given[0])

    def stop(self) -> None:
        """Leave what has not been begun."""
        for program in (self._gradient, self._slope, self._product):
            if program.begun is not None and program.begun.cancel():
                program.begun = None

    def loss_twice(self, point: Point, batch: Any) -> list[float]:
        """The loss, two times from the same start: the same, unless chance has a part in it.

        Args:
            point, batch: those of ``value_and_grad``.
        """
        given = self.outputs(point, batch).values()  # traced apart from the gradient
        again = sum(float((out * projection(k, out.shape)).sum()) for k, out in enumerate(given))
        return [self.value_and_grad(point, batch)[0].item(), again if self.project else next(iter(given)).item()]

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
            value, gradient = self._gradient(self._leaves(point), self._data(batch))
            return to_numpy(value), _numpy(gradient)

    def slope(self, point: Point, batch: Any, direction: Point) -> np.ndarray:
        """The derivative () of the loss along a direction, by forward mode.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings():
            return to_numpy(self._slope(self._leaves(point), self._data(batch), self._leaves(direction)))

    def hessian_vector_product(self, point: Point, batch: Any, direction: Point) -> Point:
        """The derivative of the gradient along a direction, by reverse mode twice.

        Args:
            point, batch: those of ``value_and_grad``.
            direction: like the point.
        """
        with self._settings():
            return _numpy(self._product(self._leaves(point), self._data(batch), self._leaves(direction)))


def _dot(a: Named, b: Named) -> Array:
    return reduce(add, ((a[name] * b[name]).sum() for name in a))
