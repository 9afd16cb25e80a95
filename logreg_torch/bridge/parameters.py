"""What somebody's model holds: its parameters, its state, their formats.

Read beside ``logreg_jax/bridge/parameters.py``. Points are dicts of NumPy arrays by parameter name.
"""

from typing import Any

import numpy as np
import torch

from logreg_parity.ports.arrays import UnfitError

from ..convert import to_numpy

Point = dict[str, np.ndarray]
_COMPILED = "_orig_mod."  # what torch.compile puts into the names of a module


def point_of(model: Any) -> Point:
    """The parameters by name, in NumPy. Raises UnfitError where the model is none."""
    if not isinstance(model, torch.nn.Module):
        raise UnfitError(
            f"the PyTorch model is a {type(model).__name__}; give a torch.nn.Module, and its loss beside it"
        )
    return {name.replace(_COMPILED, ""): to_numpy(parameter) for name, parameter in model.named_parameters()}


def state_of(model: Any) -> Point:
    """The numbers of the model that are no parameters, by name, in NumPy: running averages, for one."""
    floats = ((name, buffer) for name, buffer in model.named_buffers() if buffer.is_floating_point())
    return {name.replace(_COMPILED, ""): to_numpy(buffer).astype(np.float64) for name, buffer in floats}


def restless(model: Any) -> list[str]:
    """The parts that compute otherwise in training, and are in training now."""
    kinds = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._NormBase)
    parts = ((name, part) for name, part in model.named_modules() if isinstance(part, kinds) and part.training)
    return [f"{name or 'the model'} ({type(part).__name__})" for name, part in parts]


def tied(model: Any) -> dict[str, str]:
    """Further names under which a parameter is held once more, and the name it goes by."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    every = model.named_parameters(remove_duplicate=False)
    found = ((name, names[id(parameter)]) for name, parameter in every)
    return {other.replace(_COMPILED, ""): name.replace(_COMPILED, "") for other, name in found if other != name}


def formats_of(model: Any) -> list[str]:
    """The formats of the parameters, by name."""
    return [str(parameter.dtype).removeprefix("torch.") for parameter in model.parameters()]
