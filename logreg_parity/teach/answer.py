"""A learner's answer: its form, its parts, and how far they are from what is right."""

from typing import Any

import numpy as np

from ..language import Words, sentences
from .allowed import U
from .right import Wanted
from .source import Line

Parts = dict[str, np.ndarray]
"""By name; one part named "" if the answer is one array."""


NOT_WRITTEN = Words("not written yet. Put your code in the place of the dots.")


class NotYet(Exception):  # noqa: N818, an answer and no error of the program
    """What the learner should know and do; cause: the first of the texts; line: where in the source it is, if known."""

    def __init__(self, *words: Words, line: Line | None = None):
        super().__init__(*words)
        self.words, self.cause, self.line = words, words[0].template, line

    def __str__(self) -> str:
        return sentences(*self.words)


def read(returned: Any, parts: Parts) -> Parts:
    """What was returned, in the parts that are wanted; raises NotYet where its form is another."""
    if returned is None or returned is ... or (isinstance(returned, np.ndarray) and returned.dtype == object):
        raise NotYet(Words("it returns no numbers: is the return missing?"))
    if "losses" in parts:
        if not isinstance(returned, tuple) or len(returned) != 2 or isinstance(returned[0], dict):
            raise NotYet(Words("give (losses, theta), two things in this order."))
        found = {"losses": returned[0]} | slopes(returned[1], Words("theta"))
    else:
        found = slopes(returned, Words("the gradient")) if "w" in parts else {"": returned}
    for name, right in parts.items():
        if isinstance(found[name], dict | tuple):
            raise NotYet(Words("it returns a {kind}; give one array.", kind=type(found[name]).__name__))
        if np.iscomplexobj(found[name]):
            raise NotYet(
                Words("complex numbers come back: is a negative number raised to a power that is no whole number?")
            )
        check_shape(name, found[name].shape, right.shape)
    return found


def slopes(returned: Any, what: Words) -> Parts:
    """A dict with w and b; raises NotYet where it is none."""
    if not isinstance(returned, dict):
        text = Words(
            '{what} is a {kind}; give a dict {{"w": ..., "b": ...}}, like the one it got.',
            what=what,
            kind=type(returned).__name__,
        )
        raise NotYet(text)
    if returned.keys() != {"w", "b"}:
        keys = ", ".join(map(repr, returned))
        raise NotYet(
            Words('{what} has the keys {keys}; give it "w" and "b", no more and no fewer.', what=what, keys=keys)
        )
    return returned


def check_shape(name: str, shape: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Raises NotYet where the shape is another, with the usual reason."""
    if shape == right:
        return
    found = Words("{what} has shape {shape}, and {right} is right:", what=name or Words("it"), shape=shape, right=right)
    raise NotYet(found, _why(name, shape, right))


def _why(name: str, shape: tuple[int, ...], right: tuple[int, ...]) -> Words:
    if name == "losses":
        return _why_losses(shape, right)
    if len(shape) == 2 and len(right) == 1 and 1 in shape:
        return Words("a column or row of a matrix; drop the axis of length 1, or it will meet labels (N,) as (N, N).")
    if right == (4,) and shape == (2, 2):
        return Words("four numbers in a row, not a table of two by two.")
    if len(shape) == 2 and shape[0] == shape[1]:
        return Words("every row has met every other by broadcasting.")
    if right == () and np.prod(shape) == 1:
        return Words("one number, not an array of one.")
    if right == ():
        return Words("add the rows up.")
    if shape == ():
        return Words("one number a row, without a sum or a mean.")
    return Words("one number a row.")


def _why_losses(shape: tuple[int, ...], right: tuple[int, ...]) -> Words:
    if len(shape) != 1 or shape[0] == 1 != right[0]:
        return Words("only the last loss is kept; append one in every step.")
    if shape[0] == right[0] + 1:
        return Words("one loss a step, taken after the step; the loss at the start does not count.")
    if shape[0] == right[0] - 1:
        return Words("one step is missing: range(n_steps) has n_steps turns, range(1, n_steps) one fewer.")
    return Words("one loss a step, for n_steps steps.")


def ratios(answer: Parts, right: Wanted) -> Parts:
    """Error over bound, number by number; infinite where the answer is not a number."""
    found = {}
    for name, part in right.parts.items():
        with np.errstate(all="ignore"):
            value = np.asarray(answer[name], dtype=np.float64)
            alike = (value == part) | (np.isnan(value) & np.isnan(part))  # nan is no right answer, but a mistake's
            error = np.where(alike, 0.0, np.abs(value - part))  # inf - inf is nan
            ratio = error / (right.allowed[name] + U * np.abs(part))  # the exact value is rounded to float64 here
        found[name] = np.where(error == 0, 0.0, np.where(np.isnan(error), np.inf, ratio))  # 0 / 0 is nan too
    return found


def share(answer: Parts, right: Wanted) -> float:
    """The largest ratio of an error to its bound: at most 1 if the answer is right."""
    return float(max(ratio.max() for ratio in ratios(answer, right).values()))


def same(a: Any, b: Any) -> bool:
    """Whether two values are alike to the last bit, part by part."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)
