"""Numbers that somebody's function closes over, in the format of a run.

Read beside ``logreg_jax/bridge/closed_over.py``. A table or a set of class weights that a function reads from around
it is float32 as a rule, and in a float64 run would be refused beside float64 numbers.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from ..convert import find_dtype


def as_if_cast(function: Callable, dtype: str, notes: list[str]) -> Callable:
    """The function with the narrower numbers that it closes over in the format of the run, and what it makes of them.

    A cast that the function makes itself stays.

    Args:
        function: of tensors.
        dtype: of the run, by name.
        notes: where it is said, once, that this was done.
    """

    def cast(*arguments: Any) -> Any:
        with _Casting(find_dtype(dtype), notes):
            return function(*arguments)

    return cast if dtype == "float64" else function


class _Casting(TorchFunctionMode):
    """Results of operations are known; what is not known, and is narrower than its neighbours, was closed over."""

    def __init__(self, dtype: torch.dtype, notes: list[str]):
        super().__init__()
        self.dtype, self.notes, self.made = dtype, notes, list[Tensor]()

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        floats = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.is_floating_point()]
        known = {id(x) for x in self.made}
        strays = {id(x) for x in floats if x.dtype is torch.float32 and id(x) not in known and x.is_leaf}
        if strays and any(x.dtype is self.dtype for x in floats) and func.__name__ not in ("copy_", "__setitem__"):
            self.say()
            args, kwargs = tree_map_only(Tensor, lambda x: self.cast(x, strays), (args, kwargs))
        out = func(*args, **kwargs)
        self.made += [x for x in tree_leaves(out) if isinstance(x, Tensor) and x.dtype is torch.float32]
        return out

    def cast(self, x: Tensor, strays: set[int]) -> Tensor:
        return x.to(self.dtype) if id(x) in strays else x

    def say(self) -> None:
        note = "The PyTorch side closes over float32 numbers; in the float64 run they were cast to float64."
        if note not in self.notes:
            self.notes.append(note)
