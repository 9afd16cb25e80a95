"""A mistake as the answer that it leads to: what it is made of. The usual ones are in ``usual.py``.

A mistake is the right answer to a changed question, the right answer changed, or a formula of its own; where a
learner's numbers are those of a mistake, to within its bound, the grader can name it. A ``Scale`` is a factor too
many, which may come with any other mistake. ``truth`` is always a function of ``right.py``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Parameters
from ..language import Words
from ..truth import reference
from .allowed import U
from .right import Wanted, logistic_model, model_optimization_loop, one, problem

Truth = Callable[..., Wanted]
ROUGH = 2**12 * U
"""Of a formula of its own, for the size of what it sums: room for hundreds of operations. Two mistakes are further
apart by a factor of a million, or a test fails."""


class Mistake(NamedTuple):
    """What it is and what to do, the answer it leads to, and a pattern of the line where it may be seen."""

    words: Words
    answer: Truth
    clue: str | None = None
    also: Words | None = None


class Scale(NamedTuple):
    """What it is and what to do, and the factor that the answer has too many, by the question."""

    words: Words
    factor: Callable[[dict[str, Any]], float]
    clue: str | None = None


def asked(truth: Truth, **changes: Callable[[dict[str, Any]], Any]) -> Truth:
    """The right answer to a question with some arguments changed."""
    return lambda **question: truth(**question | {name: change(question) for name, change in changes.items()})


def then(truth: Truth, change: Callable[[np.ndarray], np.ndarray]) -> Truth:
    """The right answer changed, by a function that does not magnify errors."""
    return lambda **question: truth(**question).map(change)


def times(truth: Truth, factor: float) -> Truth:
    """The right answer times a number."""
    return lambda **question: truth(**question).times(factor)


# -- what a question says, in NumPy ------------------------------------------------------------------------------------


def line(question: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w, b and x (N,) of a question in any of the lesson's forms."""
    theta = question.get("theta") or question.get("params") or question
    return theta.get("w", 1.0), theta.get("b", 0.0), question["x"]


def labels_and_chances(question: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """y (N,) and p (N,)."""
    if "y_preds" in question:
        return question["y_true"], question["y_preds"]
    w, b, x = line(question)
    return question["y"], reference.sigmoid(w * x + b)


def rows_of(question: dict[str, Any]) -> int:
    return len(next(part for part in question.values() if isinstance(part, np.ndarray)))


def near(values: np.ndarray) -> Wanted:
    """These numbers, each to ROUGH of its size, or of 1 where it is smaller."""
    values = np.asarray(values, dtype=np.float64)
    return one(values, ROUGH * np.maximum(np.abs(values), 1))


def curve(form: Callable) -> Truth:
    """form(z) for a curve's logits z (N,)."""

    def answer(**question: Any) -> Wanted:
        w, b, x = line(question)
        with np.errstate(all="ignore"):
            values = form(w * x + b)
        return one(values, ROUGH * np.maximum(np.abs(values), 1))

    return answer


def other_line(form: Callable) -> Truth:
    """σ(form(w, b, x))."""

    def answer(**question: Any) -> Wanted:
        values = reference.sigmoid(form(*line(question)))
        return one(values, np.full_like(values, ROUGH))

    return answer


def summed(form: Callable, sign: float) -> Truth:
    """sign times the sum of form(y, p), which may be a matrix."""

    def answer(**question: Any) -> Wanted:
        with np.errstate(all="ignore"):
            terms = form(*labels_and_chances(question))
        return one(sign * terms.sum(), ROUGH * np.abs(terms).sum())

    return answer


def by_row(form: Callable) -> Truth:
    """form(z, y), one number a row."""

    def answer(z: np.ndarray, y: np.ndarray) -> Wanted:
        with np.errstate(all="ignore"):
            values = form(z, y)
        return one(values, ROUGH * np.maximum(np.abs(z), 1))

    return answer


def slopes(form: Callable) -> Truth:
    """The sums of the two arrays that form(y, p, x) gives for w and b."""

    def answer(**question: Any) -> Wanted:
        terms = dict(zip("wb", form(*labels_and_chances(question), line(question)[2]), strict=True))
        parts = {name: np.asarray(part.sum()) for name, part in terms.items()}
        return Wanted(parts, {name: np.asarray(ROUGH * np.abs(part).sum()) for name, part in terms.items()})

    return answer


def walk(step: Callable, record: str = "after", tell: Callable = lambda losses, path: (losses, path[-1])) -> Truth:
    """A loop whose step(θ, ∇f, η, memory, ∇f of any point) gives the next θ (2,) and the memory to go on with.

    tell: what it returns of its losses (T,) and its path (T + 1, 2).
    """

    def answer(**question: Any) -> Wanted:
        dataset, start = problem(question["theta"], question["x"], question["y"])

        def value_and_slope(theta: np.ndarray) -> tuple[Any, np.ndarray]:
            at = Parameters(theta[:1], theta[1])
            value, slope = reference.value_and_grad(at, dataset.X, dataset.y, reduction="sum")
            return value, np.array([slope.weight[0], slope.bias])

        path, losses, memory = [np.array([start.weight[0], start.bias])], [], np.zeros(2)
        for _ in range(question["n_steps"]):
            value, slope = value_and_slope(path[-1])
            theta, memory = step(path[-1], slope, question["step_size"], memory, lambda at: value_and_slope(at)[1])
            losses.append(value if record == "before" else value_and_slope(theta)[0])
            path.append(theta)
        found, end = tell(np.array(losses), path)
        allowed = {name: 8 * bound for name, bound in model_optimization_loop(**question).allowed.items()}
        return Wanted({"losses": found, "w": np.asarray(end[0]), "b": np.asarray(end[1])}, allowed)

    return answer


def penalised(truth: Truth, size: float, both: bool) -> Truth:
    """The loss and size times w², or w² + b²."""

    def answer(**question: Any) -> Wanted:
        w, b, _ = line(question)
        right, added = truth(**question), size * (w**2 + both * b**2)
        return one(right.parts[""] + added, right.allowed[""] + ROUGH * added)

    return answer


def shifted(truth: Truth, shift: float) -> Truth:
    """The sum of log(p + shift) for that of log p: each logarithm moves by log1p(shift / p)."""

    def answer(**question: Any) -> Wanted:
        right = truth(**question)
        if "params" in question:
            y, p = question["y"], logistic_model(question["params"], question["x"]).parts[""]
        else:
            y, p = question["y_true"], question["y_preds"]
        moved = np.sum(y * np.log1p(shift / p) + (1 - y) * np.log1p(shift / (1 - p)))
        value = right.parts[""] - np.sign(right.parts[""]) * moved
        return one(value, 2 * right.allowed[""] + 8 * len(y) * U * abs(moved))

    return answer
