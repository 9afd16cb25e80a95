"""What a program computes on its way, operation by operation, in words that belong to no framework.

A twin's ``bridge.recording`` makes a ``Recording``; ``exact.py`` evaluates it, ``localise.py`` holds two together. An
operation has one value. Its ``word`` says what arithmetic it is:

    input, constant          a number from outside; a number written in the program, or made from nothing
    given                    whole numbers and decisions (indices, masks); they are taken as they came out
    move, sum                the inputs' numbers in another order, or added up, zeros between; ``apply`` does it
    product                  sums of products of two inputs (a matrix product, a convolution); ``apply`` does it
    cast                     the same number in another format
    anything else            an elementwise function by its usual name, or an operation without a rule

``apply`` takes float64 arrays in the place of the inputs that are real, and is the framework's own operation.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LARGEST = 300_000
"""Numbers of a value that are kept, and of a whole program that are evaluated exactly."""
SAMPLE = 4096

Apply = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(eq=False)
class RecordedOperation:
    """One value, and how it came to be.

    Args:
        word: what arithmetic it is.
        name: what the framework calls it.
        inputs: the real numbers it was made of, by their place in the recording.
        value: what came out, as float64 where it is real.
        apply: the framework's own operation, for move, sum and product.
        options: what else the arithmetic depends on: an exponent, axes, a mask.
        module: the part of the model it belongs to, "conv2 (Conv2d)".
        line: the user's line, "my_torch.py:80".
        backward: whether it is a part of the gradient.
        whole: the number of what the user wrote, which this is a part of; the same for all parts.
        title: what the framework calls the whole.
        count: of how many numbers ``value`` is a sample, in order of size; 0 where it has all of them.
    """

    word: str
    name: str
    inputs: tuple[int, ...]
    value: np.ndarray
    apply: Apply | None = None
    options: dict[str, Any] = field(default_factory=dict)
    module: str = ""
    line: str = ""
    backward: bool = False
    whole: int = -1
    title: str = ""
    count: int = 0

    @property
    def size(self) -> int:
        """How many numbers came out."""
        return self.count or self.value.size

    def thin_out(self) -> None:
        """Of more numbers than are followed, keep every so-manieth in order of size: enough to know them by."""
        if self.value.size > LARGEST:
            self.count = self.value.size
            self.value = np.sort(self.value.ravel())[:: self.count // SAMPLE].copy()

    @property
    def is_real(self) -> bool:
        """Whether the value is one of real numbers."""
        return self.value.dtype.kind == "f"

    @property
    def number(self) -> float | None:
        """The number that a constant repeats, where it is one and finite."""
        if self.word != "constant" or not self.value.size:
            return None
        first = float(self.value.ravel()[0])
        return first if np.isfinite(first) and bool((self.value == first).all()) else None

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return ", ".join(filter(None, [self.module and f"`{self.module}`", self.line])) or "no line of its own"


@dataclass(eq=False)
class Recording:
    """All operations of one program, in the order in which they ran.

    Args:
        operations: every one uses only those before it.
        inputs: the parameters, the state and the arrays of the batch, by name, by their place.
        results: "loss" and "gradient of NAME", by their place; None for a gradient that is 0.
        gaps: why some of it cannot be told, in words.
    """

    operations: list[RecordedOperation] = field(default_factory=list)
    inputs: dict[str, int] = field(default_factory=dict)
    results: dict[str, int | None] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def add(self, operation: RecordedOperation) -> int:
        """Its place."""
        operation.thin_out()
        self.operations.append(operation)
        return len(self.operations) - 1

    def constant(self, value: Any, like: RecordedOperation | None = None) -> int:
        """The place of a new constant; it stands where ``like`` stands."""
        made = RecordedOperation("constant", "constant", (), np.asarray(value, dtype=np.float64))
        if like is not None:
            made.module, made.line, made.backward = like.module, like.line, like.backward
            made.whole, made.title = like.whole, like.title
        return self.add(made)

    def needed(self, names: Collection[str] | None = None) -> set[int]:
        """The operations that these results depend on, or any; what reaches no result is of no concern."""
        seen: set[int] = set()
        wanted = self.results.keys() if names is None else names
        left = [place for name, place in self.results.items() if place is not None and name in wanted]
        while left:
            place = left.pop()
            if place not in seen:
                seen.add(place)
                left.extend(self.operations[place].inputs)
        return seen

    def users(self) -> dict[int, list[int]]:
        """The needed operations that use each needed one."""
        needed = sorted(self.needed())
        found: dict[int, list[int]] = {place: [] for place in needed}
        for place in needed:
            for source in self.operations[place].inputs:
                found[source].append(place)
        return found

    @property
    def size(self) -> int:
        """How many real numbers it holds."""
        return sum(operation.size for operation in self.operations if operation.is_real)
