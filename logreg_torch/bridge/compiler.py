"""What a program that is asked a few times has to do with the framework's compiler: to wait for it takes longer.

Read beside ``logreg_jax/bridge/compiler.py``. PyTorch loads it without being asked to compile anything.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch._decomp import _core_aten_decompositions_post_autograd, decomposition_table


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


_WHOLE = ("addmm", "baddbmm", "mm", "bmm", "convolution", "convolution_backward", "embedding", "clone", "_to_copy",
          "expand", "mean", "var", "var_mean", "select_backward", "slice_backward")  # fmt: skip
_APART = """native_layer_norm native_group_norm batch_norm gelu softmax nll_loss std loss embedding_dense leaky_relu
backward native_dropout log_sigmoid softplus silu elu hardswish hardsigmoid hardtanh mish glu logit pixel upsample
addcmul addcdiv lerp norm celu selu huber logaddexp logsumexp""".split()  # noqa: SIM905


def _decomposition(func: Any, name: str, known: bool) -> Callable | None:
    """What does the same in several operations, where that is needed; what is known by itself is no composite."""
    if name in _WHOLE:
        return None
    made = _table().get(func)
    composite = made is None and not known and func._can_decompose()
    return func.decompose if composite else made


def _table() -> dict:
    if not _TABLE:
        _TABLE.update(_core_aten_decompositions_post_autograd())
        for op, decomposition in decomposition_table.items():
            name = str(op)
            if any(word in name for word in _APART):
                _TABLE.setdefault(op, decomposition)
        aten = torch.ops.aten
        _TABLE[aten._weight_norm_interface_backward.default] = aten._weight_norm_differentiable_backward.default
    return _TABLE


_TABLE: dict = {}
