"""What is right, and what usually goes wrong, in the exercises on numbers, decisions, tables and processes.

Counts are exact; the rest is a few operations on float64 numbers, held to ``ROUGH`` of its size.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..language import Words
from .mistakes import ROUGH, Mistake, Truth, near
from .right import Wanted, one


def exactly(values: ArrayLike) -> Wanted:
    """These numbers, to the last bit."""
    return one(values, np.zeros(np.shape(values)))


def by(form: Callable) -> Truth:
    """A formula of the arguments as the right answer."""
    return lambda **question: near(form(**question))


def _gap(x: ArrayLike) -> np.ndarray:
    return np.spacing(np.abs(x))


def _counts(y: np.ndarray, p: np.ndarray, threshold: float, reached: Callable = np.greater_equal) -> np.ndarray:
    said = reached(p, threshold)
    return np.array(
        [np.sum(said & (y == 1)), np.sum(said & (y == 0)), np.sum(~said & (y == 1)), np.sum(~said & (y == 0))]
    )


def _auc(y: np.ndarray, p: np.ndarray, tie: float = 0.5) -> np.ndarray:
    above = p[y == 1][:, None] - p[y == 0][None, :]
    return np.mean((above > 0) + tie * (above == 0))


def _scaled(train: np.ndarray, test: np.ndarray, center: Any = None, scale: Any = None) -> np.ndarray:
    center = train.mean(axis=0) if center is None else center
    scale = train.std(axis=0) if scale is None else scale
    return (test - center) / scale


def gap(x: ArrayLike) -> Wanted:
    """From |x| to the next larger float64."""
    return exactly(_gap(x))


def confusion(y: np.ndarray, p: np.ndarray, threshold: float) -> Wanted:
    """True positives, false positives, false negatives, true negatives; p at the threshold counts as class 1."""
    return exactly(_counts(y, p, threshold))


cost_threshold = by(lambda cost_fp, cost_fn: cost_fp / (cost_fp + cost_fn))
roc_auc = by(_auc)
scaled_like_train = by(_scaled)
odds_ratio = by(lambda w, step: np.exp(w * step))
mean_of_all = by(lambda sums, counts: sums.sum(axis=0) / counts.sum())

EPSILON = Words("2^-52 is the gap at 1 alone; it grows with x: twice as far out it is twice as large.")

GAP_MISTAKES = (
    Mistake(
        Words("the gap has the sign of x here; a distance is positive: take |x| first."),
        lambda x: exactly(np.spacing(x)),
        r"spacing",
    ),
    Mistake(
        Words("for a negative x this is the gap towards 0; take |x| first."),
        lambda x: exactly(np.nextafter(x, np.inf) - x),
        r"nextafter",
    ),
    Mistake(
        Words("this is the gap below |x|, half as large at a power of two; the next larger number is asked for."),
        lambda x: exactly(np.abs(x) - np.nextafter(np.abs(x), 0)),
        r"nextafter",
    ),
    Mistake(EPSILON, lambda x: exactly(np.full_like(x, 2.0**-52)), r"eps"),
    Mistake(
        Words("this grows with every x; the gap is the same between two powers of two."),
        lambda x: one(np.abs(x) * 2.0**-52, ROUGH * np.abs(x) * 2.0**-52),
        r"eps",
    ),
    Mistake(Words("this is half the gap, the most that rounding can be off."), lambda x: exactly(_gap(x) / 2)),
    Mistake(
        Words("this is float32's gap; these numbers are float64."),
        lambda x: exactly(np.spacing(np.abs(x).astype(np.float32))),
        r"32",
    ),
    Mistake(
        Words("this is the next number itself; the distance to it is asked for."),
        lambda x: exactly(np.abs(x) + _gap(x)),
    ),
)

CONFUSION_MISTAKES = (
    Mistake(
        Words("p equal to the threshold counts as class 1: take >=."),
        lambda y, p, threshold: exactly(_counts(y, p, threshold, np.greater)),
        r">",
    ),
    Mistake(
        Words("false positives and false negatives are in each other's place: positive is what was said."),
        lambda y, p, threshold: exactly(_counts(y, p, threshold)[[0, 2, 1, 3]]),
    ),
    Mistake(
        Words("the order is true positives, false positives, false negatives, true negatives."),
        lambda y, p, threshold: exactly(_counts(y, p, threshold)[[3, 1, 2, 0]]),
        r"return",
    ),
    Mistake(
        Words("the order is true positives, false positives, false negatives, true negatives."),
        lambda y, p, threshold: exactly(_counts(y, p, threshold)[[0, 3, 1, 2]]),
        r"return",
    ),
    Mistake(
        Words("these are shares of all rows; counts are asked for."),
        lambda y, p, threshold: near(_counts(y, p, threshold) / len(y)),
        r"mean|len\(",
    ),
    Mistake(
        Words("the threshold is not used: 0.5 stands in its place."),
        lambda y, p, threshold: exactly(_counts(y, p, 0.5)),
        r"0?\.5|round",
    ),
)

COST_MISTAKES = (
    Mistake(
        Words("the two costs are in each other's place: where a missed positive costs more, say 1 earlier."),
        by(lambda cost_fp, cost_fn: cost_fn / (cost_fp + cost_fn)),
    ),
    Mistake(
        Words("this is the odds at the threshold; as a probability it is odds / (1 + odds)."),
        by(lambda cost_fp, cost_fn: cost_fp / cost_fn),
    ),
    Mistake(
        Words(
            "this is the odds, and upside down; say 1 where (1 - p) times the cost of a false alarm is below p times "
            "that of a miss."
        ),
        by(lambda cost_fp, cost_fn: cost_fn / cost_fp),
    ),
)

AUC_MISTAKES = (
    Mistake(
        Words("pairs with equal p do not count here; each counts one half."), by(lambda y, p: _auc(y, p, 0.0)), r">"
    ),
    Mistake(Words("pairs with equal p count as won; each counts one half."), by(lambda y, p: _auc(y, p, 1.0)), r">="),
    Mistake(Words("the wrong way round: a positive should stand above a negative."), by(lambda y, p: 1 - _auc(y, p))),
    Mistake(
        Words("this is the accuracy at the threshold 0.5; a rank of pairs is asked for."),
        by(lambda y, p: np.mean((p >= 0.5) == y)),
        r"0?\.5|round",
    ),
    Mistake(
        Words("this is the number of pairs that are won; divide by the number of all pairs."),
        by(lambda y, p: _auc(y, p) * np.sum(y == 1) * np.sum(y == 0)),
    ),
    Mistake(
        Words("this is divided by N²; there are as many pairs as positives times negatives."),
        by(lambda y, p: _auc(y, p) * np.mean(y == 1) * np.mean(y == 0)),
        r"\*\* *2|len\(|size|shape",
    ),
    Mistake(Words("this is the Gini coefficient 2 AUC - 1."), by(lambda y, p: 2 * _auc(y, p) - 1), r"\b2 *\*"),
)

SCALING_MISTAKES = (
    Mistake(
        Words(
            "the test rows are scaled by their own mean and deviation; take those of the training rows: a row of "
            "tomorrow comes alone."
        ),
        by(lambda train, test: _scaled(test, test)),
        r"test\.(mean|std)|(mean|std)\(test",
    ),
    Mistake(
        Words("a leak: mean and deviation are those of all rows, test rows included."),
        by(lambda train, test: _scaled(np.concatenate([train, test]), test)),
        r"concat|stack",
    ),
    Mistake(
        Words("the deviation divides by N - 1; here it divides by N, as the lesson's does."),
        by(lambda train, test: _scaled(train, test, scale=train.std(axis=0, ddof=1))),
        r"std|ddof",
    ),
    Mistake(
        Words("the variance stands where the deviation, its square root, is meant."),
        by(lambda train, test: _scaled(train, test, scale=train.var(axis=0))),
        r"var",
    ),
    Mistake(Words("the mean is not taken away."), by(lambda train, test: _scaled(train, test, center=0.0))),
    Mistake(Words("it is not divided by the deviation."), by(lambda train, test: _scaled(train, test, scale=1.0))),
    Mistake(
        Words("mean and deviation are taken over all columns at once; every feature has its own: axis=0."),
        by(lambda train, test: _scaled(train, test, train.mean(), train.std())),
        r"mean|std",
    ),
    Mistake(
        Words("this is the training table; the test rows are asked for, scaled like it."),
        by(lambda train, test: _scaled(train, train)[: len(test)]),
    ),
    Mistake(
        Words("this puts the training rows between 0 and 1; mean 0 and deviation 1 are asked for."),
        by(lambda train, test: _scaled(train, test, train.min(axis=0), np.ptp(train, axis=0))),
        r"min|max|ptp",
    ),
)

ODDS_MISTAKES = (
    Mistake(
        Words("the step divides w; it multiplies it: the log-odds change by w step."),
        by(lambda w, step: np.exp(w / step)),
        r"/ *step",
    ),
    Mistake(
        Words("1 + w step is near exp(w step) for small steps alone; take exp."),
        by(lambda w, step: 1 + w * step),
        r"1 *\+",
    ),
    Mistake(
        Words("this is the change of the log-odds; the odds change by the factor exp of it."),
        by(lambda w, step: w * step),
    ),
    Mistake(
        Words("this is the factor for one unit; the step is not used."),
        by(lambda w, step: np.exp(w) + 0 * step),
        r"exp",
    ),
    Mistake(
        Words("this is a probability; the odds change by the factor exp(w step)."),
        by(lambda w, step: 1 / (1 + np.exp(-w * step))),
        r"sigmoid|logistic|1 *\+",
    ),
    Mistake(Words("upside down: the factor for a step back."), by(lambda w, step: np.exp(-w * step)), r"exp"),
    Mistake(
        Words("the factor itself is asked for, without the 1 taken away."),
        by(lambda w, step: np.expm1(w * step)),
        r"- *1|expm1",
    ),
    Mistake(
        Words("exp(w) is multiplied by the step; it is raised to it."), by(lambda w, step: np.exp(w) * step), r"exp"
    ),
)

SHARES_MISTAKES = (
    Mistake(
        Words(
            "this is the mean of the processes' means, as DDP takes it: a row of a small share counts for more than "
            "one of a large share; add the sums, add the counts, and divide once."
        ),
        by(lambda sums, counts: np.mean(sums / counts[:, None], axis=0)),
        r"mean|counts",
    ),
    Mistake(
        Words("this is divided by the number of processes; divide by the number of all rows."),
        by(lambda sums, counts: sums.mean(axis=0)),
        r"mean|len",
    ),
    Mistake(
        Words("this is the sum over all rows; divide by how many there are."), by(lambda sums, counts: sums.sum(0))
    ),
    Mistake(
        Words("the means of the processes are added; a mean of all rows is no larger than the largest of them."),
        by(lambda sums, counts: (sums / counts[:, None]).sum(axis=0)),
        r"sum",
    ),
    Mistake(
        Words("this is divided twice, by the rows and by the processes; the number of all rows is enough."),
        by(lambda sums, counts: sums.mean(axis=0) / counts.sum()),
        r"mean|len",
    ),
    Mistake(
        Words("this is divided by the rows of one process; divide by those of all."),
        by(lambda sums, counts: sums.sum(axis=0) / counts[0]),
        r"counts",
    ),
    Mistake(
        Words("this is divided by the mean number of rows; divide by the number of all rows."),
        by(lambda sums, counts: sums.sum(axis=0) / counts.mean()),
        r"mean",
    ),
)
