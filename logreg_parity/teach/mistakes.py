"""The usual mistakes, each as the answer that it leads to.

Either the right answer to a changed question, or the right answer changed. Where a learner's numbers are those of a
mistake, to within its bound, the grader can name it. ``truth`` is always a function of ``right.py``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Parameters
from ..truth.reference import value_and_grad
from .allowed import U
from .right import Wanted, dlogistic_loss, logistic_model, model_optimization_loop, one, problem

Truth = Callable[..., Wanted]


class Mistake(NamedTuple):
    """What it is and what to do, and the answer it leads to."""

    words: str
    answer: Truth


def asked(truth: Truth, **changes: Callable[[dict[str, Any]], Any]) -> Truth:
    """The right answer to a question with some arguments changed."""
    return lambda **question: truth(**question | {name: change(question) for name, change in changes.items()})


def then(truth: Truth, change: Callable[[np.ndarray], np.ndarray]) -> Truth:
    """The right answer changed, by a function that does not magnify errors."""
    return lambda **question: truth(**question).map(change)


def times(truth: Truth, factor: float) -> Truth:
    """The right answer times a number."""
    return lambda **question: truth(**question).times(factor)


def averaged(truth: Truth) -> Truth:
    """The right answer, a sum, divided by the number of rows."""
    return lambda **question: truth(**question).times(1 / _rows(question))


def shifted(truth: Truth, shift: float) -> Truth:
    """The sum of log(p + shift) for that of log p: each logarithm moves by log1p(shift / p)."""

    def answer(**question) -> Wanted:
        right = truth(**question)
        if "params" in question:
            y, p = question["y"], logistic_model(question["params"], question["x"]).parts[""]
        else:
            y, p = question["y_true"], question["y_preds"]
        moved = np.sum(y * np.log1p(shift / p) + (1 - y) * np.log1p(shift / (1 - p)))
        value = right.parts[""] - np.sign(right.parts[""]) * moved
        return one(value, 2 * right.allowed[""] + 8 * len(y) * U * abs(moved))

    return answer


def exchanged(parts: dict[str, Any]) -> dict[str, Any]:
    """w and b in each other's place."""
    return {"w": parts["b"], "b": parts["w"]}


def slopes_exchanged(**question) -> Wanted:
    """The slope by b as that by w, and the other way round."""
    right = dlogistic_loss(**question)
    return Wanted(exchanged(right.parts), exchanged(right.allowed))


def slopes_without_x(**question) -> Wanted:
    """The sum of p - y for both slopes."""
    right = dlogistic_loss(**question)
    return Wanted(dict.fromkeys("wb", right.parts["b"]), dict.fromkeys("wb", right.allowed["b"]))


def bias_first(**question) -> Wanted:
    """The weight's slope is taken where the bias has moved already."""
    rate, (dataset, point) = question["step_size"], problem(question["theta"], question["x"], question["y"])
    losses = []
    for _ in range(question["n_steps"]):
        moved = Parameters(point.weight, point.bias - rate * _value_and_slope(dataset, point)[1].bias)
        slope = _value_and_slope(dataset, moved)[1].weight
        point = Parameters(point.weight - rate * slope, moved.bias)
        losses.append(_value_and_slope(dataset, point)[0])
    allowed = {name: 2 * bound for name, bound in model_optimization_loop(**question).allowed.items()}
    return Wanted({"losses": np.array(losses), "w": point.weight[0], "b": np.asarray(point.bias)}, allowed)


def _value_and_slope(dataset, point):
    return value_and_grad(point, dataset.X, dataset.y, reduction="sum")


def _rows(question: dict[str, Any]) -> int:
    return len(next(part for part in question.values() if isinstance(part, np.ndarray)))


OPPOSITE = "a sign is wrong in the exponent: σ(x) = 1 / (1 + exp(-x)) rises, this falls; it is 1 - σ"
ROUNDED = "the probability is rounded to a class; give the probability itself"
NO_LOGISTIC = "this is the logit w x + b; pass it through the logistic function"
EXCHANGED = "w and b are in each other's place"
MEAN_FOR_SUM = "a mean stands where the lesson's sum is meant; with a mean every step is N times shorter"


def of_curve(truth: Truth, logits: Truth) -> tuple[Mistake, ...]:
    """Those of a function that gives probabilities."""
    return (
        Mistake(OPPOSITE, then(truth, lambda p: 1 - p)),
        Mistake(ROUNDED, then(truth, np.round)),
        Mistake(NO_LOGISTIC, logits),
    )


def of_sum_of_logs(truth: Truth, sign: str) -> tuple[Mistake, ...]:
    """Those of a function that gives a log-likelihood or a loss."""
    bases = [
        Mistake(f"the logarithm has base {base}; take the natural one: losses are in nats", times(truth, factor))
        for base, factor in ((2, 1 / np.log(2)), (10, 1 / np.log(10)))
    ]
    words = "log(p + {:g}) stands for log(p); the guard against log(0) changes every row: take it away"
    shifts = [Mistake(words.format(shift), shifted(truth, shift)) for shift in 10.0 ** -np.arange(4, 13)]
    return (Mistake(sign, times(truth, -1)), Mistake(MEAN_FOR_SUM, averaged(truth)), *bases, *shifts)
