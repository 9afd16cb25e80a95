"""Somebody else's model and loss as one function of parameters and data.

Read beside ``logreg_jax/bridge/objective.py``; ``foreign.py`` differentiates it. A model is a ``torch.nn.Module``, its
loss ``loss(model, batch)`` or, without one, ``model(batch)``. The model is left as it was.
"""

from contextlib import contextmanager

import torch

from logreg_parity.ports.arrays import UnfitError, map_arrays

from ..convert import arithmetic, find_device, find_dtype, from_numpy, to_numpy


def point_of(model):
    """The parameters by name, in NumPy. Raises UnfitError where the model is none."""
    if not isinstance(model, torch.nn.Module):
        raise UnfitError(
            f"the PyTorch model is a {type(model).__name__}; give a torch.nn.Module, and its loss beside it"
        )
    return {name: to_numpy(parameter) for name, parameter in model.named_parameters()}


def restless(model):
    """The parts that compute otherwise in training, and are in training now."""
    kinds = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._NormBase)
    parts = ((name, part) for name, part in model.named_modules() if isinstance(part, kinds) and part.training)
    return [f"{name or 'the model'} ({type(part).__name__})" for name, part in parts]


class Objective:
    """A model and its loss in one dtype, on one device, on batches of one make."""

    def __init__(self, model, loss, batch, *, dtype, device):
        self.dtype, self.device = dtype, device
        self.whole = _Whole(model, loss)

    def __call__(self, parameters, data):
        """The loss. Raises UnfitError where it is not one real number."""
        device = find_device(self.device)
        named = {f"model.{name}": value for name, value in parameters.items()}
        for name, buffer in self.whole.named_buffers():  # copies: a forward pass may write into them
            dtype = find_dtype(self.dtype) if buffer.is_floating_point() else buffer.dtype
            named[name] = buffer.detach().to(device, dtype, copy=True)
        value = torch.func.functional_call(self.whole, named, (data,))
        if not isinstance(value, torch.Tensor) or value.shape != () or not value.is_floating_point():
            came = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise UnfitError(f"the PyTorch loss is a {came}; return one real number, as .mean() and .sum() do")
        return value

    def point(self, point):
        """The parameters, ready to be differentiated by."""
        return {name: from_numpy(array, self.dtype, self.device).requires_grad_() for name, array in point.items()}

    def data(self, batch):
        """The batch, its floats in the dtype."""
        return map_arrays(lambda name, array: self._array(array), batch)

    def _array(self, array):
        if array.dtype.kind == "f":
            return from_numpy(array, self.dtype, self.device)
        return torch.tensor(array, device=find_device(self.device))

    @contextmanager
    def settings(self):
        """The arithmetic of a call, and the random numbers as they were after it."""
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
