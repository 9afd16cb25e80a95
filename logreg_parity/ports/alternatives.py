"""Why two programs part at an operation: it is done again on its own input in the ways that people confuse.

What is named is proved: its numbers, in some order, are those of a value that the other program has.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import permutations, product
from math import erf
from typing import NamedTuple

import numpy as np

from .formula import Formula
from .localise import Parting
from .mapping import Point
from .recording import RecordedOperation, Recording

NEAR = 2.0**-36  # of the largest number: what two float64 roads to one value stay within
Named = Iterator[tuple[str, np.ndarray]]


class _Other:
    """The values of the other side."""

    def __init__(self, operations: Iterable[RecordedOperation]):
        self.by_size: dict[int, list[np.ndarray]] = {}
        for operation in operations:
            if operation.is_real:
                self.by_size.setdefault(operation.value.size, []).append(np.sort(operation.value.ravel()))

    def has(self, value: np.ndarray) -> bool:
        """Whether it has these numbers."""
        mine = np.sort(np.ravel(value))
        return any(_near(mine, theirs) for theirs in self.by_size.get(mine.size, []))


def _needed(recording: Recording) -> list[RecordedOperation]:
    return [recording.operations[place] for place in sorted(recording.needed())]


def _is_thin(recording: Recording, operation: RecordedOperation) -> bool:
    """Whether not all numbers that it is made of are known."""
    return bool(operation.count or any(recording.operations[k].count for k in operation.inputs))


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    size = float(np.abs(b[np.isfinite(b)]).max(initial=0))
    with np.errstate(invalid="ignore"):
        return bool(np.abs(np.where(a == b, 0.0, a - b)).max(initial=0) <= NEAR * size)


@np.errstate(all="ignore")  # masks hold infinities, and a candidate may be out of range
def confusion(formula: Formula, partings: tuple[Parting | None, Parting | None]) -> str:
    """What one side does in the place of what the other does, in words with the evidence; "" where none is known.

    Args:
        formula: with both recordings.
        partings: where each side parts from the other.
    """
    if formula.recordings is None:
        return ""
    for k, parting in enumerate(partings):
        if parting is None or _is_thin(formula.recordings[k], parting.operation):
            continue
        mine = formula.recordings[k]
        own, other = (_Other(_needed(recording)) for recording in (mine, formula.recordings[1 - k]))
        rest = partings[1 - k]
        name = rest.side if rest is not None else "the other side"
        for words, value in _candidates(mine, parting):
            if np.size(value) > 1 and other.has(value) and not own.has(value):
                return (
                    f"{name} has {words} where {parting.side} has {_title(parting.operation)}: done so on the same "
                    f"input, all {np.size(value)} numbers are those of a value that {name} computes."
                )
    return ""


def _title(operation: RecordedOperation) -> str:
    return operation.title.removeprefix("aten.").partition(".")[0] or operation.name


def _candidates(recording: Recording, parting: Parting) -> Named:
    operation, title = parting.operation, _title(parting.operation)
    inputs = [recording.operations[k] for k in _outer(recording, parting.place)]
    arrays = [o.value for o in inputs if o.is_real and o.value.size > 1]
    if "conv" in title and operation.word == "product":
        yield from _convolutions(operation, [recording.operations[k].value for k in operation.inputs])
    if "max_pool" in title and "size" in operation.options:
        yield from _pools(operation, arrays[0])
    if operation.word == "product":
        yield from _reordered(recording, operation)
    for x in arrays[:2]:
        for keys, functions in POINTWISE:
            if any(key in title for key in keys):
                yield from ((words, function(x)) for words, function in functions.items())
        yield from _reduced(x, title)


def _outer(recording: Recording, place: int) -> list[int]:
    """What the whole that an operation is a part of was made of."""
    whole = recording.operations[place].whole
    found: list[int] = []
    left, seen = [place], set[int]()
    while left:
        k = left.pop()
        for source in recording.operations[k].inputs:
            if source in seen:
                continue
            seen.add(source)
            inside = recording.operations[source].whole == whole and recording.operations[source].inputs
            (left if inside else found).append(source)
    return found


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(erf, otypes=[float])(x / np.sqrt(2)))


def _gelu_by_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


POINTWISE: tuple[tuple[tuple[str, ...], dict[str, Callable[[np.ndarray], np.ndarray]]], ...] = (
    (
        ("gelu", "erf", "tanh", "integer_pow", "mul"),
        {
            "the tanh approximation of GELU": _gelu_by_tanh,
            "GELU with erf": _gelu,
            "GELU by a logistic function of 1.702 x": lambda x: x / (1 + np.exp(-1.702 * x)),
        },
    ),
    (
        ("relu", "elu", "silu", "sigmoid", "tanh", "softplus", "hard", "mish", "gelu", "logistic"),
        {
            "ReLU": lambda x: np.maximum(x, 0),
            "ReLU6": lambda x: np.clip(x, 0, 6),
            "SiLU (swish)": lambda x: x / (1 + np.exp(-x)),
            "ELU": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
            "tanh": np.tanh,
            "a logistic function": lambda x: 1 / (1 + np.exp(-x)),
            "PyTorch's hard sigmoid, relu6(x + 3) / 6": lambda x: np.clip(x + 3, 0, 6) / 6,
            "Keras's hard sigmoid, 0.2 x + 0.5": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
            "softplus": lambda x: np.logaddexp(x, 0),
        },
    ),
)


def _axes(x: np.ndarray) -> list[tuple[int, ...]]:
    single = [(k,) for k in range(x.ndim)]
    return [*single, *([(0, *range(2, x.ndim)), tuple(range(1, x.ndim))] if x.ndim > 2 else []), tuple(range(x.ndim))]


def _reduced(x: np.ndarray, title: str) -> Named:
    """Means, variances and softmaxes along other axes, with other counts."""
    for axes in _axes(x):
        along = "over all axes" if len(axes) == x.ndim > 1 else f"along axis {', '.join(map(str, axes))}"
        if any(word in title for word in ("softmax", "exp", "amax", "reduce_max", "logsumexp")):
            away = np.exp(x - x.max(axes, keepdims=True))
            share = away / away.sum(axes, keepdims=True)
            yield f"softmax {along}", share
            with np.errstate(divide="ignore"):
                yield f"log-softmax {along}", np.log(share)
        if any(word in title for word in ("std", "var", "norm", "mean", "sum")):
            yield f"the mean {along}", x.mean(axes)
            for ddof in (0, 1):
                if np.prod([x.shape[k] for k in axes]) > ddof:
                    yield f"the variance {along} with N - {ddof}", x.var(axes, ddof=ddof)
                    yield f"the standard deviation {along} with N - {ddof}", x.std(axes, ddof=ddof)
        if "sum" in title:
            yield f"the sum {along}", x.sum(axes)


def _reordered(recording: Recording, operation: RecordedOperation) -> Named:
    """A product whose input is flattened in another order."""
    assert operation.apply is not None
    arrays = [recording.operations[k].value for k in operation.inputs]
    for which, place in enumerate(operation.inputs):
        source = recording.operations[place]
        while source.word == "move" and len(source.inputs) == 1 and source.value.ndim < 3:
            source = recording.operations[source.inputs[0]]
        x = source.value
        if x.ndim < 3 or x.size != arrays[which].size:
            continue
        for order in permutations(range(1, x.ndim)):
            if order == tuple(range(1, x.ndim)):
                continue
            other = list(arrays)
            other[which] = x.transpose(0, *order).reshape(arrays[which].shape)
            names = f"axes {(0, *order)} of {x.shape}"
            yield f"its input flattened in another order ({names})", operation.apply(other)


def _convolutions(operation: RecordedOperation, arrays: list[np.ndarray]) -> Named:
    """Other paddings, and the kernel turned."""
    x, w = arrays[:2]
    o = operation.options
    if not {"stride", "padding", "dilation", "groups"} <= o.keys() or o["groups"] != 1 or o.get("transposed"):
        assert operation.apply is not None
        yield (
            "the kernel turned",
            operation.apply([x, np.flip(w, tuple(range(2, w.ndim))).copy()]),
        )  # no strides below 0
        return
    n, size = x.ndim - 2, list(w.shape[2:])
    flips = [("", w), ("the kernel turned, ", np.flip(w, tuple(range(2, w.ndim))))]
    for (turned, kernel), pads in product(flips, _paddings(operation, x, size)):
        windows = _windows(x, pads, size, o["stride"], o["dilation"])
        made = np.tensordot(windows, kernel, axes=([1, *range(2 + n, 2 + 2 * n)], [1, *range(2, 2 + n)]))
        yield f"a convolution with {turned}padding {list(pads)}", made


def _pools(operation: RecordedOperation, x: np.ndarray) -> Named:
    """Other paddings, with what is smaller than all numbers or with zeros."""
    o = operation.options
    for pads, (words, filled) in product(_paddings(operation, x, o["size"]), (("", -np.inf), (" by zeros", 0.0))):
        windows = _windows(x, pads, o["size"], o["stride"], o["dilation"], filled)
        yield (
            f"the largest of windows with padding {list(pads)}{words}",
            windows.max(tuple(range(x.ndim, windows.ndim))),
        )


def _paddings(operation: RecordedOperation, x: np.ndarray, size: list[int]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every way to pad the last axes of x so that as many windows come out."""
    o, choices = operation.options, []
    for k, length in enumerate(size, -len(size)):
        reach = (operation.value.shape[k] - 1) * o["stride"][k] + (length - 1) * o["dilation"][k] + 1
        need = max(0, reach - x.shape[k])
        choices.append([(low, need - low) for low in range(need + 1)])
    yield from product(*choices)


def _windows(
    x: np.ndarray, pads: tuple, size: list[int], stride: list[int], dilation: list[int], filled: float = 0.0
) -> np.ndarray:
    """All windows of the last axes, their own axes behind."""
    before = x.ndim - len(size)
    wide = np.pad(x, [(0, 0)] * before + list(pads), constant_values=filled)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(wide, reach, tuple(range(before, x.ndim)))
    steps = [slice(None)] * before + [slice(None, None, s) for s in (*stride, *dilation)]
    return windows[tuple(steps)]


class MovedState(NamedTuple):
    """A buffer that the second program moves by another part of the way, in a value that it does not return.

    Args:
        name: of the buffer.
        values: what the first has after a pass, and the second.
        factor: how many times as far the second moves it.
        where: the second's operation, in words.
    """

    name: str
    values: tuple[np.ndarray, np.ndarray]
    factor: float
    where: str


def moved_state(formula: Formula, before: Point, after: Point) -> Iterator[MovedState]:
    """Buffers that a pass changes in the first program, and that the second computes with another momentum.

    Args:
        formula: with both recordings; what reaches no result counts here.
        before, after: the first program's buffers before a pass and after it.
    """
    if formula.recordings is None:
        return
    for name, new in after.items():
        way = (new - before[name]).ravel()
        size = float(way @ way)
        found: list[MovedState] = []
        for operation in formula.recordings[1].operations:
            if operation.word != "add" or not operation.is_real or operation.value.size != way.size:
                continue  # (1 - m) old + m new
            own = operation.value.ravel() - before[name].ravel()
            c = float(own @ way) / size if size and np.isfinite(own).all() else 0.0
            if c and _near(c * way, own) and way.size > 1:
                found.append(MovedState(name, (new, operation.value.reshape(new.shape)), c, operation.place))
        if found and not any(abs(moved.factor - 1) <= NEAR for moved in found):
            yield found[-1]
