"""A learner's answer: its form, its parts, and how far they are from what is right."""

from typing import Any

import numpy as np

from .allowed import U
from .right import Wanted

Parts = dict[str, np.ndarray]
"""By name; one part named "" if the answer is one array."""


class NotYet(Exception):  # noqa: N818, an answer and no error of the program
    """What the learner should know and do."""


def read(returned: Any, parts: Parts) -> Parts:
    """What was returned, in the parts that are wanted; raises NotYet where its form is another."""
    if returned is None or returned is ... or (isinstance(returned, np.ndarray) and returned.dtype == object):
        raise NotYet("it returns no numbers: is the return missing?")
    if "losses" in parts:
        if not isinstance(returned, tuple) or len(returned) != 2 or isinstance(returned[0], dict):
            raise NotYet("give (losses, theta), two things in this order.")
        found = {"losses": returned[0]} | slopes(returned[1], "theta")
    else:
        found = slopes(returned, "the gradient") if "w" in parts else {"": returned}
    for name, right in parts.items():
        if isinstance(found[name], dict | tuple):
            raise NotYet(f"it returns a {type(found[name]).__name__}; give one array.")
        check_shape(name or "it", found[name].shape, right.shape)
    return found


def slopes(returned: Any, what: str) -> Parts:
    """A dict with w and b; raises NotYet where it is none."""
    if not isinstance(returned, dict) or returned.keys() != {"w", "b"}:
        raise NotYet(f'{what} is a {type(returned).__name__}; give a dict {{"w": ..., "b": ...}}, like the one it got.')
    return returned


def check_shape(what: str, shape: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Raises NotYet where the shape is another, with the usual reason."""
    if shape == right:
        return
    words = f"{what} has shape {shape}, and {right} is right: "
    if len(shape) == 2 and len(right) == 1 and 1 in shape:
        words += "a column or row of a matrix; drop the axis of length 1, or it will meet labels (N,) as (N, N)."
    elif len(shape) == 2 and shape[0] == shape[1]:
        words += "every row has met every other by broadcasting."
    elif right == () and np.prod(shape) == 1:
        words += "one number, not an array of one."
    elif right == ():
        words += "add the rows up."
    elif shape == ():
        words += "one number a row, without a sum or a mean."
    elif what == "losses":
        words += "one loss a step, taken after the step; the loss at the start does not count."
    else:
        words += "one number a row."
    raise NotYet(words)


def ratios(answer: Parts, right: Wanted) -> Parts:
    """Error over bound, number by number; infinite where the answer is not a number."""
    found = {}
    for name, part in right.parts.items():
        with np.errstate(all="ignore"):
            error = np.abs(np.asarray(answer[name], dtype=np.float64) - part)
            ratio = error / (right.allowed[name] + U * np.abs(part))  # the exact value is rounded to float64 here
        found[name] = np.where(np.isnan(error), np.inf, ratio)
    return found


def share(answer: Parts, right: Wanted) -> float:
    """The largest ratio of an error to its bound: at most 1 if the answer is right."""
    return float(max(ratio.max() for ratio in ratios(answer, right).values()))


def same(a: Any, b: Any) -> bool:
    """Whether two values are alike to the last bit, part by part."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)
