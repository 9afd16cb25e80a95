"""Somebody else's model asked for numbers: what ``logreg_parity.check`` needs of JAX.

Read beside ``logreg_torch/bridge/foreign.py``. Points, gradients and directions are dicts of NumPy arrays by parameter
name.
"""

import jax
import numpy as np

from ..convert import to_numpy, versions
from .objective import Objective, point_of, restless

__all__ = ["Foreign", "point_of", "restless", "versions"]


class Foreign:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model, loss, batch, *, dtype, device):
        f = self.objective = Objective(model, loss, batch, dtype=dtype, device=device)
        self._gradient = _Compiled(lambda p, data: jax.value_and_grad(f)(p, data))
        self._slope = _Compiled(lambda p, data, v: jax.jvp(lambda p: f(p, data), (p,), (v,))[1])
        self._product = _Compiled(jax.grad(lambda p, data, v: _dot(jax.grad(f)(p, data), v)))

    def loss_twice(self, point, batch):
        """The loss, two times from the same start: the same, unless chance has a part in it."""
        with self.objective.settings():
            parameters, data = self.objective.point(point), self.objective.data(batch)
            again = _Compiled(lambda parameters, data: self.objective(parameters, data))  # traced anew
            return [to_numpy(value).item() for value in (self._gradient(parameters, data)[0], again(parameters, data))]

    def value_and_grad(self, point, batch):
        """The loss and its gradient at a point."""
        with self.objective.settings():
            value, gradient = self._gradient(self.objective.point(point), self.objective.data(batch))
            return to_numpy(value), _numpy(gradient)

    def slope(self, point, batch, direction):
        """The derivative of the loss along a direction, by forward mode."""
        with self.objective.settings():
            point, direction = self.objective.point(point), self.objective.point(direction)
            return to_numpy(self._slope(point, self.objective.data(batch), direction))

    def hessian_vector_product(self, point, batch, direction):
        """The derivative of the gradient along a direction, by reverse mode twice."""
        with self.objective.settings():
            point, direction = self.objective.point(point), self.objective.point(direction)
            return _numpy(self._product(point, self.objective.data(batch), direction))

    def walk(self, point, batch, *, rate, steps):
        """The points after each of so many steps down the gradient."""
        with self.objective.settings():
            points, here, data = [], self.objective.point(point), self.objective.data(batch)
            for _ in range(steps):
                _, gradient = self._gradient(here, data)
                here = _descended(here, gradient, rate)
                points.append(_numpy(here))
            return points


class _Compiled:
    """A function compiled; as it is where it looks at numbers in a way that compiling does not allow."""

    def __init__(self, function):
        self.plain, self.fast = function, jax.jit(function)

    def __call__(self, *arguments):
        try:
            return self.fast(*arguments)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            self.fast = self.plain
            return self.plain(*arguments)


@jax.jit
def _descended(here, gradient, rate):
    return {name: here[name] - rate * gradient[name] for name in here}


def _dot(a, b):
    return sum((a[name] * b[name]).sum() for name in a)


def _numpy(arrays):
    return {name: to_numpy(array).astype(np.float64) for name, array in arrays.items()}
