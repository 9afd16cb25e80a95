"""Somebody else's model asked for numbers: what ``logreg_parity.check`` needs of PyTorch.

Read beside ``logreg_jax/bridge/foreign.py``. Points, gradients and directions are dicts of NumPy arrays by parameter
name.
"""

import warnings

import numpy as np
import torch

from ..convert import to_numpy, versions
from .objective import Objective, point_of, restless

__all__ = ["Foreign", "point_of", "restless", "versions"]


class Foreign:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model, loss, batch, *, dtype, device):
        self.objective = Objective(model, loss, batch, dtype=dtype, device=device)

    def loss_twice(self, point, batch):
        """The loss, two times from the same start: the same, unless chance has a part in it."""
        with self.objective.settings():
            parameters, data = self.objective.point(point), self.objective.data(batch)
            return [to_numpy(self.objective(parameters, data)).item() for _ in range(2)]

    def value_and_grad(self, point, batch):
        """The loss and its gradient at a point."""
        with self.objective.settings():
            parameters = self.objective.point(point)
            value = self.objective(parameters, self.objective.data(batch))
            return to_numpy(value), _numpy(_gradient(value, parameters))

    def slope(self, point, batch, direction):
        """The derivative of the loss along a direction, by forward mode."""
        with self.objective.settings(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch warns of what its own forward mode still uses
            point, direction = self.objective.point(point), self.objective.point(direction)
            data = self.objective.data(batch)
            return to_numpy(torch.func.jvp(lambda point: self.objective(point, data), (point,), (direction,))[1])

    def hessian_vector_product(self, point, batch, direction):
        """The derivative of the gradient along a direction, by reverse mode twice."""
        with self.objective.settings():
            point, direction = self.objective.point(point), self.objective.point(direction)
            gradient = _gradient(self.objective(point, self.objective.data(batch)), point, create_graph=True)
            slope = sum((gradient[name] * direction[name].detach()).sum() for name in gradient)
            return _numpy(_gradient(slope, point))

    def walk(self, point, batch, *, rate, steps):
        """The points after each of so many steps down the gradient."""
        with self.objective.settings():
            points, here, data = [], self.objective.point(point), self.objective.data(batch)
            for _ in range(steps):
                gradient = _gradient(self.objective(here, data), here)
                here = {name: (here[name].detach() - rate * gradient[name]).requires_grad_() for name in here}
                points.append(_numpy(here))
            return points


def _gradient(value, parameters, create_graph=False):
    """Zeros where the value does not depend on a parameter."""
    if not value.requires_grad:
        return {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    leaves = list(parameters.values())
    parts = torch.autograd.grad(value, leaves, create_graph=create_graph, materialize_grads=True)
    return dict(zip(parameters, parts, strict=True))


def _numpy(tensors):
    return {name: to_numpy(tensor).astype(np.float64) for name, tensor in tensors.items()}
