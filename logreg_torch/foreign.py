"""Somebody else's model and loss, asked for numbers: what ``logreg_parity.check`` needs of PyTorch.

Read beside ``logreg_jax/foreign.py``. A model is a ``torch.nn.Module``, its loss ``loss(model, batch)`` or, without
one, ``model(batch)``. Points and directions are dicts of NumPy arrays by name. The model is left as it was.
"""

from contextlib import contextmanager

import numpy as np
import torch

from logreg_parity.data.arrays import Unfit, map_arrays

from .convert import arithmetic, find_device, find_dtype, from_numpy, to_numpy, versions

SIDE = "PyTorch"


def point_of(model):
    """The parameters by name, in NumPy. Raises Unfit where the model is none."""
    if not isinstance(model, torch.nn.Module):
        raise Unfit(f"the PyTorch model is a {type(model).__name__}; give a torch.nn.Module, and its loss beside it")
    return {name: to_numpy(parameter) for name, parameter in model.named_parameters()}


def restless(model):
    """The parts that compute otherwise in training, and are in training now."""
    kinds = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._NormBase)
    parts = ((name, part) for name, part in model.named_modules() if isinstance(part, kinds) and part.training)
    return [f"{name or 'the model'} ({type(part).__name__})" for name, part in parts]


class Foreign:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model, loss, batch, *, dtype, device):
        self.dtype, self.device = dtype, device
        self.whole = _Whole(model, loss)

    def loss_twice(self, point, batch):
        """The loss, two times from the same start: the same, unless chance has a part in it."""
        with self._settings():
            parameters, data = self._parameters(point), self._data(batch)
            return [to_numpy(self._value(parameters, data)).item() for _ in range(2)]

    def value_and_grad(self, point, batch):
        """The loss and its gradient at a point."""
        with self._settings():
            parameters = self._parameters(point)
            value = self._value(parameters, self._data(batch))
            return to_numpy(value), self._numpy(_gradient(value, parameters))

    def slope(self, point, batch, direction):
        """The derivative of the loss along a direction, by forward mode."""
        with self._settings():
            point, data, direction = self._parameters(point), self._data(batch), self._parameters(direction)
            return to_numpy(torch.func.jvp(lambda point: self._value(point, data), (point,), (direction,))[1])

    def hessian_vector_product(self, point, batch, direction):
        """The derivative of the gradient along a direction, by reverse mode twice."""
        with self._settings():
            point, direction = self._parameters(point), self._parameters(direction)
            gradient = _gradient(self._value(point, self._data(batch)), point, create_graph=True)
            slope = sum((gradient[name] * direction[name].detach()).sum() for name in gradient)
            return self._numpy(_gradient(slope, point))

    def walk(self, point, batch, *, rate, steps):
        """The points after each of so many steps down the gradient."""
        with self._settings():
            points, here, data = [], self._parameters(point), self._data(batch)
            for _ in range(steps):
                gradient = _gradient(self._value(here, data), here)
                here = {name: (here[name].detach() - rate * gradient[name]).requires_grad_() for name in here}
                points.append(self._numpy(here))
            return points

    def _value(self, parameters, batch):
        device = find_device(self.device)
        named = {f"model.{name}": value for name, value in parameters.items()}
        for name, buffer in self.whole.named_buffers():  # copies: a forward pass may write into them
            dtype = find_dtype(self.dtype) if buffer.is_floating_point() else buffer.dtype
            named[name] = buffer.detach().to(device, dtype, copy=True)
        value = torch.func.functional_call(self.whole, named, (batch,))
        if not isinstance(value, torch.Tensor) or value.shape != () or not value.is_floating_point():
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise Unfit(f"the PyTorch loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def _data(self, batch):
        return map_arrays(lambda name, array: self._array(array), batch)

    def _array(self, array):
        if array.dtype.kind == "f":
            return from_numpy(array, self.dtype, self.device)
        return torch.tensor(array, device=find_device(self.device))

    def _parameters(self, point):
        return {name: from_numpy(array, self.dtype, self.device).requires_grad_() for name, array in point.items()}

    def _numpy(self, tensors):
        return {name: to_numpy(tensor).astype(np.float64) for name, tensor in tensors.items()}

    @contextmanager
    def _settings(self):
        cuda = [torch.cuda.current_device()] if self.device == "cuda" else []
        with arithmetic(self.dtype), torch.random.fork_rng(cuda), torch.enable_grad():
            yield


class _Whole(torch.nn.Module):
    """The loss as a module, so that ``functional_call`` can put other parameters into the model within it."""

    def __init__(self, model, loss):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch):
        return self.model(batch) if self.loss is None else self.loss(self.model, batch)


def _gradient(value, parameters, create_graph=False):
    """Zeros where the value does not depend on a parameter."""
    if not value.requires_grad:
        return {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    leaves = list(parameters.values())
    parts = torch.autograd.grad(value, leaves, create_graph=create_graph, materialize_grads=True)
    return dict(zip(parameters, parts, strict=True))
