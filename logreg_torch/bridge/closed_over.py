"""Numbers that somebody's function closes over, in the format of a run.

Read beside ``logreg_jax/bridge/closed_over.py``. A table or a set of class weights that a function reads from around
it is float32 as a rule, and in a float64 run would be refused beside float64 numbers.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from ..convert import find_dtype


def as_if_cast(function: Callable, dtype: str, notes: list[str], narrow: str = "float32") -> Callable:
    """The function with the narrower numbers that it closes over in the format of the run, and what it makes of them.

    A cast that the function makes itself stays, but in a model of 16 bits: there a cast to its own format or to float32
    is none in the float64 run.

    Args:
        function: of tensors.
        dtype: of the run, by name.
        notes: where it is said, once, that this was done.
        narrow: the format that the model is kept in.
    """
    wide = {find_dtype(narrow), torch.float32} if narrow != "float32" else set()

    def cast(*arguments: Any) -> Any:
        with _Casting(find_dtype(dtype), notes, wide):
            return function(*arguments)

    return cast if dtype == "float64" else function


class _Casting(TorchFunctionMode):
    """Results of operations are known; what is not known, and is narrower than its neighbours, was closed over."""

    def __init__(self, dtype: torch.dtype, notes: list[str], wide: set[torch.dtype]):
        super().__init__()
        self.dtype, self.notes, self.made, self.wide = dtype, notes, list[Tensor](), wide

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.wide:
            func, args, kwargs = self.widened(func, args, kwargs)
        floats = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.is_floating_point()]
        known = {id(x) for x in self.made}
        strays = {id(x) for x in floats if x.dtype in _NARROW and id(x) not in known and x.is_leaf}
        if strays and any(x.dtype is self.dtype for x in floats) and func.__name__ not in ("copy_", "__setitem__"):
            self.say("The PyTorch side closes over float32 numbers; in the float64 run they were cast to float64.")
            args, kwargs = tree_map_only(Tensor, lambda x: self.cast(x, strays), (args, kwargs))
        out = func(*args, **kwargs)
        self.made += [x for x in tree_leaves(out) if isinstance(x, Tensor) and x.dtype in _NARROW]
        return out

    def widened(self, func: Callable, args: Any, kwargs: Any) -> tuple[Callable, Any, Any]:
        """The call with its casts to a format as wide as the model's own as casts to float64."""
        named = {"float": torch.float32, "half": torch.float16, "bfloat16": torch.bfloat16}.get(func.__name__)
        found = {x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.dtype)} | ({named} - {None})
        if not found & self.wide:
            return func, args, kwargs
        to = ", ".join(sorted(str(x).removeprefix("torch.") for x in found & self.wide))
        self.say(f"PyTorch casts to {to} within ({_line() or 'a library'}); in the float64 run that is no cast.")
        if named in self.wide:
            return Tensor.double, args[:1], {}
        swapped = tree_map_only(torch.dtype, lambda x: self.dtype if x in self.wide else x, (args, kwargs))
        return func, *swapped

    def cast(self, x: Tensor, strays: set[int]) -> Tensor:
        return x.to(self.dtype) if id(x) in strays else x

    def say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


_NARROW = (torch.float32, torch.float16, torch.bfloat16)


def _line() -> str:
    """The innermost line outside of the frameworks."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not any(part in file for part in ("site-packages", "logreg_torch", "logreg_parity", "<")):
            return f"{os.path.basename(file)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
