"""What writes a program's operations down while it runs.

Read beside ``logreg_jax/bridge/writing.py``.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from logreg_parity.ports.recording import RecordedOperation, Recording

from .closed_over import _line
from .words import _parts_of, _translate


class _Writing(TorchDispatchMode):
    """Writes down what is computed; a tensor is known by its identity, and kept so that no other takes that."""

    def __init__(self, recording: Recording):
        super().__init__()
        self.recording, self.backward, self.modules = recording, False, list[str]()
        self.places: dict[int, int] = {}
        self.kept: list[Any] = []
        self.made_by: dict[int, RecordedOperation] = {}  # by the sequence number of the node of the backward pass
        self.now: RecordedOperation | None = None  # the whole that is being taken apart
        self.count = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the compiler is loaded, which takes longer than a small recording

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, outer = kwargs or {}, self.now
        self.now = outer or self._begin(str(func))
        try:
            name = func._schema.name.removeprefix("aten::").rstrip("_")
            taken_apart = _parts_of(func, name)
            if taken_apart is not None and not torch.is_inference_mode_enabled():
                with self:
                    out = taken_apart(*args, **kwargs)
                if out is not NotImplemented:
                    return out
            for tensor in tree_leaves((args, kwargs)):  # before it may be written to
                if isinstance(tensor, Tensor):
                    self.place(tensor)
            out = func(*args, **kwargs)
            _translate(self, func, name, args, kwargs, out)
            return out
        finally:
            self.now = outer

    def _begin(self, title: str) -> RecordedOperation:
        """Where an operation that the user's line has called stands."""
        node = torch._C._current_autograd_node()
        source = self.made_by.get(node._sequence_nr()) if node is not None else None
        self.count += 1
        begun = RecordedOperation("", title, (), np.zeros(0), backward=self.backward, whole=self.count, title=title)
        if source is not None:
            begun.module, begun.line = source.module, source.line
        elif not self.backward:
            begun.module, begun.line = (self.modules or [""])[-1], _line()
            self.made_by[torch.autograd._get_sequence_nr() - 1] = begun
        return begun

    def take(self, tensor: Tensor, word: str, name: str) -> int:
        """The place of a tensor that nothing here has computed."""
        word = word if tensor.is_floating_point() else "given"
        place = self.recording.add(RecordedOperation(word, name, (), _array(tensor)))
        if word == "input":
            self.recording.inputs[name] = place
        self.keep(tensor, place)
        return place

    def place(self, tensor: Tensor) -> int:
        """Where a tensor stands; one that is not known, or has been written to since, is a constant."""
        place = self.places.get(id(tensor))
        if place is None:
            return self.take(tensor, "constant", "constant")
        known = self.recording.operations[place]
        if not known.count and not np.array_equal(_array(tensor), known.value, equal_nan=True):
            self.recording.gaps.append("a tensor is written to through another that shares its memory")
            return self.take(tensor, "unknown", "written to in place")
        return place

    def put(self, word: str, name: str, inputs: tuple[int, ...], value: Any, **rest: Any) -> int:
        """A new operation, which stands where the present whole stands."""
        now = self.now or RecordedOperation("", name, (), np.zeros(0), backward=self.backward)
        value = _array(value) if isinstance(value, Tensor) else value
        made = RecordedOperation(word, name, inputs, value, rest.pop("apply", None), rest)
        made.module, made.line, made.backward = now.module, now.line, now.backward
        made.whole, made.title = now.whole, now.title
        return self.recording.add(made)

    def keep(self, tensor: Any, place: int) -> None:
        self.places[id(tensor)] = place
        self.kept.append(tensor)


def _array(tensor: Tensor) -> np.ndarray:
    array = tensor.detach()
    return array.to(torch.float64).cpu().numpy().copy() if array.is_floating_point() else array.cpu().numpy().copy()
