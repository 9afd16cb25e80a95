"""The lessons' exercises: what each function is asked, and what may go wrong.

The questions are few and small, and no two numbers in them are alike, so that no wrong program is right by accident.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..language import Words
from ..truth.reference import sigmoid
from . import decisions, mistakes, right, usual
from .allowed import ByLogit
from .mistakes import Mistake, Scale

MODEL, LOSS = "the lesson's logistic_model", "the lesson's logistic_loss"
"""Stand for functions that are handed to the learner's: the grader puts those of the framework in their place."""

LOG_OF_ZERO = Words("log of zero: p has rounded to 0 or 1, and 0 · log 0 is nan.")
OVERFLOW = Words("exp overflows, and inf / inf is nan: let exp see no large positive number.")
SUM_OVERFLOWS = Words(
    "exp(z) overflows beyond z = 709: the loss is z there, and inf comes back; let exp see no large positive number."
)


class Exercise(NamedTuple):
    """A function to write.

    questions: arguments by name, in order; they have to be answered within the bounds of ``truth``. scales: factors
    that may come with any mistake. extremes: questions where p rounds to 0 or 1, with the truth there; a textbook's
    formula fails there, so where ``survives`` is False that earns a remark only. cliff: what an answer that is not
    finite there comes from. by: the argument that it has to be differentiable by, and slope, in NumPy, its derivative
    there; for a theta that by w.
    """

    truth: Callable[..., right.Wanted]
    questions: tuple[dict[str, Any], ...]
    mistakes: tuple[Mistake, ...]
    scales: tuple[Scale, ...] = ()
    extremes: tuple[dict[str, Any], ...] = ()
    at_extremes: Callable[..., right.Wanted] | None = None
    survives: bool = True
    cliff: Words = LOG_OF_ZERO
    by: str | None = None
    slope: Callable[..., np.ndarray] | None = None

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
X7, SOFT7, P7 = X[1:], SOFT[1:], P[1:]
"""A number of rows of its own for the second question, so that nobody divides by 8."""
NUMBERS = _numbers(1.0, 1.5, 3.0, 1000.0, 1e-9, -6.25, -8.0, 1e15)
CLASSES = _numbers(1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0)
CHANCES = _numbers(0.9, 0.2, 0.5, 0.7, 0.3, 0.5, 0.3, 0.1, 0.6, 0.8, 0.7)
"""With equal ones among them, and some at the thresholds that are asked for."""
TABLE = np.column_stack([X[:7], 100 + 30 * P[:7] * X[1:]])
FAR = _numbers(-1000, -745, -100, -40, -25, -20, -5, 0, 5, 20, 25, 40, 100, 745, 1000)
FAR_X, FAR_Y = np.repeat(FAR, 2), np.tile([0.0, 1.0], len(FAR))
FALLING, RISING = _theta(-1.6, 0.9), _theta(0.7, -0.3)


def _losses(params: dict, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    return {"params": params, "model": MODEL, "x": x, "y": y}


def _run(theta: dict, x: np.ndarray, y: np.ndarray, n_steps: int, step_size: float) -> dict[str, Any]:
    return {"theta": theta, "model": MODEL, "loss": LOSS, "x": x, "y": y, "n_steps": n_steps, "step_size": step_size}


def _slope_of_curve(theta: dict, x: np.ndarray) -> np.ndarray:
    p = sigmoid(theta["w"] * x + theta["b"])
    return p * (1 - p)


CURVE = usual.of_curve(right.logistic_model, right.logits)
LOOP = right.model_optimization_loop

EXERCISES = {
    "midpoint": Exercise(
        right.midpoint,
        ({"w": 2.0, "b": 1.0}, {"w": -0.7, "b": 1.3}),
        (
            Mistake(Words("the minus is missing: w x + b is 0 at x = -b / w."), mistakes.times(right.midpoint, -1)),
            Mistake(
                Words("upside down, or w and b are in each other's place: w x + b is 0 at x = -b / w."),
                right.upside_down,
            ),
            Mistake(
                Words("upside down, and the minus is missing: w x + b is 0 at x = -b / w."),
                mistakes.times(right.upside_down, -1),
            ),
            Mistake(
                Words("a factor 2 too many in the denominator: -b / (2 w) is the vertex of a parabola."),
                mistakes.times(right.midpoint, 0.5),
            ),
            Mistake(
                Words("w multiplies where it should divide: w x + b is 0 at x = -b / w."),
                lambda w, b: right.midpoint(1 / w, b),
            ),
            Mistake(
                Words("the sign is lost: the midpoint may be negative; it is -b / w."),
                lambda w, b: right.midpoint(w, b).map(np.abs),
                r"abs",
            ),
            Mistake(
                Words("w x + b is one half there; the curve is one half where w x + b is 0."),
                lambda w, b: right.midpoint(w, b - 0.5),
            ),
        ),
    ),
    "logistic": Exercise(
        right.logistic,
        ({"x": X}, {"x": P7}),
        usual.of_curve(right.logistic, right.logit),
        extremes=({"x": FAR},),
        cliff=OVERFLOW,
        by="x",
        slope=lambda x: sigmoid(x) * sigmoid(-x),
    ),
    "logistic_model": Exercise(
        right.logistic_model,
        ({"theta": RISING, "x": X}, {"theta": FALLING, "x": P7}),
        (*CURVE, *usual.of_line()),
        extremes=({"theta": RISING, "x": FAR},),
        cliff=OVERFLOW,
        by="theta",
        slope=lambda theta, x: np.sum(_slope_of_curve(theta, x) * x),
    ),
    "noise_free_labels": Exercise(
        right.noise_free_labels,
        ({"x": X, "w": 2.0, "b": 1.0}, {"x": P7, "w": -0.7, "b": 1.3}),
        (*usual.of_curve(right.noise_free_labels, right.noise_free_logits), *usual.of_line()),
    ),
    "binary_cross_entropy": Exercise(
        right.log_likelihood,
        ({"y_true": HARD, "y_preds": P}, {"y_true": SOFT7, "y_preds": P7}),
        usual.of_sum_of_logs(right.log_likelihood, 1),
        usual.scales_of_sums(
            Words(
                "a minus too many: the lesson's binary_cross_entropy is y log p + (1 - y) log(1 - p), which is "
                "negative; the minus comes in logistic_loss."
            )
        ),
        extremes=({"y_true": _numbers(0, 1, 1), "y_preds": _numbers(0, 1, 0.5)},),
        survives=False,
        by="y_preds",
        slope=lambda y_true, y_preds: y_true / y_preds - (1 - y_true) / (1 - y_preds),
    ),
    "logistic_loss": Exercise(
        right.logistic_loss,
        (_losses(RISING, X, HARD), _losses(FALLING, X7, SOFT7)),
        usual.of_sum_of_logs(right.logistic_loss, -1),
        usual.scales_of_sums(
            Words("the minus is forgotten: this is the log-likelihood, and descending it makes the fit worse.")
        ),
        extremes=(_losses(_theta(1.0, 0.0), FAR_X, FAR_Y),),
        at_extremes=partial(right.logistic_loss, bounds=ByLogit),
        survives=False,
        by="params",
        slope=lambda params, model, x, y: right.dlogistic_loss(params, x, y).parts["w"],
    ),
    "stable_loss": Exercise(
        right.stable_loss,
        ({"z": X, "y": HARD}, {"z": X7, "y": SOFT7}),
        usual.of_stable_loss(),
        (
            Scale(Words("the minus is forgotten: a loss is not negative."), lambda question: -1.0),
            *usual.of_bases(),
        ),
        extremes=({"z": FAR_X, "y": FAR_Y},),
        by="z",
        slope=lambda z, y: sigmoid(z) - y,
    ),
    "dlogistic_loss": Exercise(
        right.dlogistic_loss,
        (_losses(RISING, X, HARD), _losses(FALLING, X7, SOFT7)),
        usual.of_slopes(),
        usual.scales_of_slopes(),
        extremes=(_losses(_theta(1.0, 0.0), FAR_X, FAR_Y),),
        at_extremes=partial(right.dlogistic_loss, bounds=ByLogit),
        survives=False,
    ),
    "model_optimization_loop": Exercise(
        LOOP,
        (_run(RISING, X, HARD, 5, 2.0**-6), _run(FALLING, X7, SOFT7, 3, 2.0**-7)),
        usual.of_loop(right.standstill),
    ),
    "gap": Exercise(decisions.gap, ({"x": NUMBERS}, {"x": P7}), decisions.GAP_MISTAKES),
    "confusion": Exercise(
        decisions.confusion,
        (
            {"y": CLASSES, "p": CHANCES, "threshold": 0.5},
            {"y": CLASSES[:8], "p": CHANCES[:8], "threshold": 0.3},
            {"y": CLASSES[3:], "p": CHANCES[3:], "threshold": 0.7},
        ),
        decisions.CONFUSION_MISTAKES,
    ),
    "cost_threshold": Exercise(
        decisions.cost_threshold,
        ({"cost_fp": 1.0, "cost_fn": 4.0}, {"cost_fp": 30.0, "cost_fn": 7.0}),
        decisions.COST_MISTAKES,
    ),
    "roc_auc": Exercise(
        decisions.roc_auc,
        ({"y": CLASSES, "p": CHANCES}, {"y": CLASSES[2:], "p": CHANCES[2:]}),
        decisions.AUC_MISTAKES,
    ),
    "scaled_like_train": Exercise(
        decisions.scaled_like_train,
        ({"train": TABLE[:5], "test": TABLE[5:]}, {"train": TABLE[2:], "test": TABLE[:2]}),
        decisions.SCALING_MISTAKES,
    ),
    "odds_ratio": Exercise(
        decisions.odds_ratio,
        ({"w": 0.8, "step": 2.5}, {"w": -1.3, "step": 0.4}),
        decisions.ODDS_MISTAKES,
    ),
    "mean_of_all": Exercise(
        decisions.mean_of_all,
        (
            {"sums": TABLE[:3], "counts": _numbers(5, 3, 9)},
            {"sums": TABLE[4:6], "counts": _numbers(40, 7)},
        ),
        decisions.SHARES_MISTAKES,
    ),
}
