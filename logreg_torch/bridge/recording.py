"""A program run once, every operation written down: ``logreg_parity.ports.recording`` says in which words.

Read beside ``logreg_jax/bridge/recording.py``. PyTorch hands every ATen operation to a dispatch mode, those of the
backward pass too; fused ones are taken apart by its own decompositions, and the parts know of which whole they are.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

from logreg_parity.ports.arrays import arrays_in
from logreg_parity.ports.recording import Recording

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


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Within it PyTorch's decompositions do not load its compiler, which takes longer than a small recording.

    They load it to be left alone by it, and its symbolic sizes to compare sizes that are numbers; where nothing else
    has loaded it, it is not there to be asked.
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    marked = set(_left_alone())
    for function in marked:
        setattr(function, _MARK, function)
    lights = [_Light(name, given) for name, given in _OF_NUMBERS.items()]
    for light in lights:
        sys.modules.setdefault(light.__name__, light)
    try:
        yield
    finally:
        for light in lights:
            light.leave()
        for function in marked:
            delattr(function, _MARK)


class _Light(ModuleType):
    """A module of a few definitions that stands for a large one; whoever asks for more gets that one."""

    def __init__(self, name: str, given: dict[str, Any]):
        super().__init__(name)
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for other in list(sys.modules.values()):
            if isinstance(other, _Light):
                other.leave()
        return getattr(importlib.import_module(self.__name__), name)

    def leave(self) -> None:
        """Make room for the large one."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]


_OF_NUMBERS: dict[str, dict[str, Any]] = {
    "torch.fx.experimental.symbolic_shapes": {
        **dict.fromkeys(("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious"), bool),
        **dict.fromkeys(("guard_int", "guarding_hint_or_throw"), int),
        "statically_known_true": bool,
        "has_guarding_hint": lambda size: True,
        "is_nested_int": lambda size: False,
        "sym_eq": lambda a, b: tuple(a) == tuple(b) if isinstance(a, list | tuple) else a == b,
        "sym_and": lambda *parts: all(parts),
        "sym_or": lambda *parts: any(parts),
    },
    "sympy": {"Basic": type("Basic", (), {})},
}
"""What decompositions take from the modules of symbolic sizes, for sizes that are numbers."""

_MARK = "__dynamo_disable"  # where torch._compile keeps what it calls in the place of a function


def _left_alone() -> Iterator[Callable]:
    """The functions that PyTorch's decompositions are made of and that ask the compiler to leave them alone."""
    for module in (torch._decomp.decompositions, torch._refs, torch._refs.nn.functional, torch._refs.special):
        for function in list(vars(module).values()):
            while hasattr(function, "__wrapped__"):
                asks = getattr(function, "__code__", None) is _ASKS
                function = function.__wrapped__
                if asks and _MARK not in vars(function):
                    yield function


_ASKS = torch._disable_dynamo(print).__code__  # of every function that does
