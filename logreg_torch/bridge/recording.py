"""A program run once, every operation written down: ``logreg_parity.ports.recording`` says in which words.

Read beside ``logreg_jax/bridge/recording.py``. PyTorch hands every ATen operation to a dispatch mode, those of the
backward pass too; fused ones are taken apart by its own decompositions, and the parts know of which whole they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

from logreg_parity.ports.arrays import arrays_in
from logreg_parity.ports.recording import Recording

from .compiler import _without_compiler
from .parameters import Point
from .program import Named, Program
from .writing import _Writing


def record(program: Program, point: Point, batch: Any) -> Recording:
    """The loss and its gradient, operation by operation.

    Args:
        program: in float64.
        point: the parameters by name.
        batch: arrays of the make that the program was built for.

    Returns:
        All operations; the results are "loss" and "gradient of NAME".
    """
    with program._settings(), sdpa_kernel(SDPBackend.MATH):
        parameters, data = program._leaves(point), program._data(batch)
        mode = _Writing(Recording())
        arrays = [leaf for leaf in tree_leaves(data) if isinstance(leaf, Tensor)]
        named = {**parameters, **dict(zip((name for name, _ in arrays_in(batch)), arrays, strict=True))}
        for name, tensor in named.items():
            mode.take(tensor, "input", name)
        with _without_compiler(), mode, _inside(program._whole.model, mode):
            loss = program._loss(parameters, data)
            mode.backward = True
            gradient = _gradient(loss, parameters)
        mode.recording.results = {"loss": mode.place(loss)}
        mode.recording.results |= {f"gradient of {name}": mode.place(part) for name, part in gradient.items()}
        return mode.recording


@contextmanager
def _inside(model: torch.nn.Module, mode: _Writing) -> Iterator[None]:
    """The part of the model that is at work, told to the mode."""
    handles = []
    for name, part in model.named_modules():
        title = f"{name or 'model'} ({type(part).__name__})"
        handles.append(part.register_forward_pre_hook(lambda *_, title=title: mode.modules.append(title)))
        handles.append(part.register_forward_hook(lambda *_: (mode.modules.pop(), None)[1], always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _gradient(value: Tensor, parameters: Named, create_graph: bool = False) -> Named:
    """Zeros where the value does not depend on a parameter."""
    if not value.requires_grad:
        return {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    leaves = list(parameters.values())
    parts = torch.autograd.grad(value, leaves, create_graph=create_graph, materialize_grads=True)
    return dict(zip(parameters, parts, strict=True))
