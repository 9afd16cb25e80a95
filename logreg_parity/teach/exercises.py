"""The lessons' exercises: what each function is asked, and what may go wrong.

The questions are few and small, and no two numbers in them are alike, so that no wrong program is right by accident.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import mistakes, right
from .allowed import ByLogit
from .mistakes import Mistake

MODEL, LOSS = "the lesson's logistic_model", "the lesson's logistic_loss"
"""Stand for functions that are handed to the learner's: the grader puts those of the framework in their place."""

LOG_OF_ZERO = "log of zero: p has rounded to 0 or 1, and 0 · log 0 is nan"
OVERFLOW = "exp overflows, and inf / inf is nan: let exp see no large positive number"


class Exercise(NamedTuple):
    """A function to write.

    questions: arguments by name, in order; they have to be answered within the bounds of ``truth``. extremes: those
    where p rounds to 0 or 1, with the truth there; a textbook's formula fails there, so where ``survives`` is False
    that earns a remark only. cliff: what an answer that is not finite there comes from. by: the argument that it has
    to be differentiable by.
    """

    truth: Callable[..., right.Wanted]
    questions: tuple[dict[str, Any], ...]
    mistakes: tuple[Mistake, ...]
    extremes: tuple[dict[str, Any], ...] = ()
    at_extremes: Callable[..., right.Wanted] | None = None
    survives: bool = True
    cliff: str = LOG_OF_ZERO
    by: str | None = None

    @property
    def arguments(self) -> list[str]:
        """Their names, in order."""
        return list(self.questions[0])


def _numbers(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _theta(w: float, b: float) -> dict[str, np.ndarray]:
    return {"w": np.array(w), "b": np.array(b)}


X = _numbers(-3.1, -1.7, -0.6, 0.0, 0.4, 1.3, 2.9, 3.5)
HARD, SOFT = _numbers(0, 0, 1, 0, 1, 0, 1, 1), _numbers(0.1, 0.05, 0.25, 0.5, 0.8, 0.75, 0.9, 0.99)
P = _numbers(1e-9, 0.04, 0.3, 0.5, 0.62, 0.8, 0.97, 0.999)
FAR = _numbers(-1000, -745, -100, -40, -20, -5, 0, 5, 20, 40, 100, 745, 1000)
FAR_X, FAR_Y = np.repeat(FAR, 2), np.tile([0.0, 1.0], len(FAR))
FALLING, RISING = _theta(-1.6, 0.9), _theta(0.7, -0.3)


def _losses(params: dict, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    return {"params": params, "model": MODEL, "x": x, "y": y}


def _run(theta: dict, n_steps: int, step_size: float) -> dict[str, Any]:
    return {"theta": theta, "model": MODEL, "loss": LOSS, "x": X, "y": HARD, "n_steps": n_steps, "step_size": step_size}


CURVE = mistakes.of_curve(right.logistic_model, right.logits)
LOOP = right.model_optimization_loop

EXERCISES = {
    "midpoint": Exercise(
        right.midpoint,
        ({"w": 2.0, "b": 1.0}, {"w": -0.7, "b": 1.3}),
        (
            Mistake("the minus is missing: w x + b is 0 at x = -b / w", mistakes.times(right.midpoint, -1)),
            Mistake("upside down, or w and b are in each other's place: w x + b is 0 at x = -b / w", right.upside_down),
        ),
    ),
    "logistic": Exercise(
        right.logistic,
        ({"x": X}, {"x": P}),
        mistakes.of_curve(right.logistic, right.logit),
        extremes=({"x": FAR},),
        cliff=OVERFLOW,
        by="x",
    ),
    "logistic_model": Exercise(
        right.logistic_model,
        ({"theta": RISING, "x": X}, {"theta": FALLING, "x": P}),
        (
            *CURVE,
            Mistake(
                mistakes.EXCHANGED,
                mistakes.asked(right.logistic_model, theta=lambda asked: mistakes.exchanged(asked["theta"])),
            ),
        ),
        extremes=({"theta": RISING, "x": FAR},),
        cliff=OVERFLOW,
        by="theta",
    ),
    "noise_free_labels": Exercise(
        right.noise_free_labels,
        ({"x": X, "w": 2.0, "b": 1.0}, {"x": P, "w": -0.7, "b": 1.3}),
        mistakes.of_curve(right.noise_free_labels, right.noise_free_logits),
    ),
    "binary_cross_entropy": Exercise(
        right.log_likelihood,
        ({"y_true": HARD, "y_preds": P}, {"y_true": SOFT, "y_preds": P}),
        mistakes.of_sum_of_logs(
            right.log_likelihood,
            "a minus too many: the lesson's binary_cross_entropy is y log p + (1 - y) log(1 - p), which is negative; "
            "the minus comes in logistic_loss",
        ),
        extremes=({"y_true": _numbers(0, 1, 1), "y_preds": _numbers(0, 1, 0.5)},),
        survives=False,
        by="y_preds",
    ),
    "logistic_loss": Exercise(
        right.logistic_loss,
        (_losses(RISING, X, HARD), _losses(FALLING, X, SOFT)),
        mistakes.of_sum_of_logs(
            right.logistic_loss,
            "the minus is forgotten: this is the log-likelihood, and descending it makes the fit worse",
        ),
        extremes=(_losses(_theta(1.0, 0.0), FAR_X, FAR_Y),),
        at_extremes=partial(right.logistic_loss, bounds=ByLogit),
        survives=False,
        by="params",
    ),
    "stable_loss": Exercise(
        right.stable_loss,
        ({"z": X, "y": HARD}, {"z": X, "y": SOFT}),
        (
            Mistake("the minus is forgotten: a loss is not negative", mistakes.times(right.stable_loss, -1)),
            Mistake(
                "the labels are read the other way round: a large z is good for y = 1",
                mistakes.asked(right.stable_loss, y=lambda asked: 1 - asked["y"]),
            ),
            Mistake(
                "the logarithm has base 2; take the natural one: losses are in nats",
                mistakes.times(right.stable_loss, 1 / np.log(2)),
            ),
        ),
        extremes=({"z": FAR_X, "y": FAR_Y},),
        by="z",
    ),
    "dlogistic_loss": Exercise(
        right.dlogistic_loss,
        (_losses(RISING, X, HARD), _losses(FALLING, X, SOFT)),
        (
            Mistake(
                "the sign is wrong: this is the slope of the log-likelihood; the residual is p - y, not y - p",
                mistakes.times(right.dlogistic_loss, -1),
            ),
            Mistake(mistakes.MEAN_FOR_SUM, mistakes.averaged(right.dlogistic_loss)),
            Mistake("a factor 2 too many: that is a square's derivative", mistakes.times(right.dlogistic_loss, 2)),
            Mistake("a factor 1/2 too many", mistakes.times(right.dlogistic_loss, 0.5)),
            Mistake("the factor x is missing from the slope by w, Σ (p - y) x", mistakes.slopes_without_x),
            Mistake(mistakes.EXCHANGED, mistakes.slopes_exchanged),
        ),
        extremes=(_losses(_theta(1.0, 0.0), FAR_X, FAR_Y),),
        at_extremes=partial(right.dlogistic_loss, bounds=ByLogit),
        survives=False,
    ),
    "model_optimization_loop": Exercise(
        LOOP,
        (_run(RISING, 5, 2.0**-6), _run(FALLING, 3, 2.0**-7)),
        (
            Mistake("each loss is that before its update; take it after", partial(LOOP, record="before")),
            Mistake(
                "it climbs: step against the gradient, θ - η ∇f",
                mistakes.asked(LOOP, step_size=lambda asked: -asked["step_size"]),
            ),
            Mistake(
                "step_size is not used: the steps have the default size 0.001",
                mistakes.asked(LOOP, step_size=lambda _: 0.001),
            ),
            Mistake("theta never moves: take the updated one to the next step", right.standstill),
            Mistake("the slope by w is taken after b has moved; take both from the same point", mistakes.bias_first),
        ),
    ),
}
