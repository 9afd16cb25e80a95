"""The usual mistakes of every exercise: the words for each, the numbers that it leads to, and where it may be seen."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..language import Words
from ..truth.reference import sigmoid
from ..twins import Record
from .mistakes import (
    Mistake,
    Scale,
    Truth,
    by_row,
    curve,
    line,
    near,
    other_line,
    penalised,
    rows_of,
    shifted,
    slopes,
    summed,
    then,
    times,
    walk,
)
from .right import Wanted

# -- curves ------------------------------------------------------------------------------------------------------------

EXCHANGED = Words("w and b are in each other's place.")
ROUNDED = Words("the probability is rounded to a class; give the probability itself.")
TWICE = Words("σ is taken twice: what goes in is a probability already.")


def of_curve(truth: Truth, logits: Truth) -> tuple[Mistake, ...]:
    """Those of a function that gives probabilities."""
    softmax = Words("this is a softmax: the rows share one probability among them; every row has its own.")
    return (
        Mistake(
            Words("a sign is wrong in the exponent: σ(x) = 1 / (1 + exp(-x)) rises, this falls; it is 1 - σ."),
            then(truth, lambda p: 1 - p),
            r"\bexp\(",
        ),
        Mistake(ROUNDED, then(truth, np.round), r"\bround|[<>]"),
        Mistake(ROUNDED, then(truth, lambda p: np.floor(p + 0.5)), r"\bround|[<>]"),
        Mistake(Words("this is the logit w x + b; pass it through the logistic function."), logits, r"return|lambda"),
        Mistake(
            Words("1 / 1 + exp(-x) is 1 + exp(-x): division comes first; put the whole denominator into brackets."),
            curve(lambda z: 1 + np.exp(-z)),
            r"\bexp\(",
        ),
        Mistake(
            Words("exp(x) / 1 + exp(x) is 2 exp(x): division comes first; put the whole denominator into brackets."),
            curve(lambda z: 2 * np.exp(z)),
            r"\bexp\(",
        ),
        Mistake(
            Words("10 stands where e is meant: take exp."), curve(lambda z: sigmoid(z * np.log(10))), r"\b10\b|exp10"
        ),
        Mistake(Words("a minus stands in the denominator: it is 1 + exp(-x)."), curve(lambda z: 1 / (1 - np.exp(-z)))),
        Mistake(
            Words("tanh runs from -1 to 1; the probability is (1 + tanh(x / 2)) / 2."), curve(np.tanh), r"\btanh\b"
        ),
        Mistake(
            Words("this runs from -1 to 1; add 1 and halve it: the probability is (1 + tanh(x / 2)) / 2."),
            curve(lambda z: np.tanh(z / 2)),
            r"\btanh\b",
        ),
        Mistake(
            Words("x counts twice: this is σ(2x), which is (1 + tanh x) / 2."), curve(lambda z: sigmoid(2 * z)), r"tanh"
        ),
        Mistake(TWICE, curve(lambda z: sigmoid(sigmoid(z))), r"\b(sigmoid|logistic|expit)\b"),
        Mistake(
            Words("these are the odds p / (1 - p); the probability is odds / (1 + odds)."), curve(np.exp), r"exp\("
        ),
        Mistake(
            Words("exp(-x) alone is one part of it: σ(x) = 1 / (1 + exp(-x))."), curve(lambda z: np.exp(-z)), r"exp"
        ),
        Mistake(Words("this is the logarithm of the probability."), curve(lambda z: np.log(sigmoid(z))), r"\blog"),
        Mistake(softmax, curve(lambda z: np.exp(z) / np.exp(z).sum()), r"softmax|\bsum\b"),
        Mistake(
            Words("this is the slope of the curve, p (1 - p); the curve itself is asked for."),
            curve(lambda z: sigmoid(z) * sigmoid(-z)),
        ),
        Mistake(Words("2 stands where e is meant: take exp."), curve(lambda z: sigmoid(z * np.log(2))), r"\b2\b|exp2"),
        Mistake(Words("these are percent; a probability is at most 1."), times(truth, 100), r"100"),
        Mistake(ROUNDED, then(truth, np.trunc), r"\bint|long|trunc|floor"),
        Mistake(
            Words("one half is taken away: a probability runs from 0 to 1, not from -1/2 to 1/2."),
            curve(lambda z: sigmoid(z) - 0.5),
            r"- *0?\.5",
        ),
        Mistake(
            Words("this is the logit log(p / (1 - p)), the inverse function: it takes a probability."),
            curve(lambda z: np.log(z / (1 - z))),
            r"\blog",
        ),
        *(
            Mistake(
                Words("this is {name}, another curve; the logistic function is 1 / (1 + exp(-x)).", name=name),
                curve(form),
                clue,
            )
            for name, form, clue in OTHER_CURVES
        ),
    )


OTHER_CURVES: tuple[tuple[str, Callable, str], ...] = (
    ("Φ (probit)", lambda z: np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2)(z), r"erf|cdf|ndtr"),
    ("softsign", lambda z: (1 + z / (1 + np.abs(z))) / 2, r"abs|softsign"),
    ("hardsigmoid", lambda z: np.clip(z / 6 + 0.5, 0, 1), r"(?i)hard|clip|clamp|min"),
    ("hardsigmoid", lambda z: np.clip(z / 5 + 0.5, 0, 1), r"(?i)hard|clip|clamp|min"),
    ("arctan", lambda z: np.arctan(z) / np.pi + 0.5, r"a(rc)?tan"),
    ("ReLU", lambda z: np.maximum(z, 0), r"(?i)relu|max|clip|clamp"),
    ("softplus", lambda z: np.logaddexp(0, z), r"(?i)softplus|\blog"),
)


def of_line() -> tuple[Mistake, ...]:
    """Those of a curve with parameters, beside those of every curve."""

    def outside(**question: Any) -> Wanted:
        w, b, x = line(question)
        return near(sigmoid(w * x) + b)

    return (
        Mistake(EXCHANGED, other_line(lambda w, b, x: b * x + w)),
        Mistake(Words("the bias is left out: the line is w x + b."), other_line(lambda w, b, x: w * x)),
        Mistake(
            Words("the bias has the wrong sign; in exp(-(w x + b)) the inner brackets matter."),
            other_line(lambda w, b, x: w * x - b),
            r"\bexp\(|- *b|- *theta",
        ),
        Mistake(
            Words("the weight multiplies the bias too: this is w (x + b); the line is w x + b."),
            other_line(lambda w, b, x: w * (x + b)),
            r"\( *x *\+",
        ),
        Mistake(
            Words("the bias is added after the curve: it belongs inside, to w x."), outside, r"\+ *(b|theta)|\) *\+"
        ),
        Mistake(Words("the weight is left out: the line is w x + b."), other_line(lambda w, b, x: x + b)),
        Mistake(
            Words("the bias multiplies; it is added: the line is w x + b."),
            other_line(lambda w, b, x: w * x * b),
            r"\*",
        ),
        Mistake(
            Words("this is w (x - b), where b would be the midpoint; the line is w x + b."),
            other_line(lambda w, b, x: w * (x - b)),
            r"\( *x *-",
        ),
    )


# -- losses ------------------------------------------------------------------------------------------------------------

MEAN = Words("a mean stands where the lesson's sum is meant; with a mean every step is N times shorter.")
BROADCAST = Words(
    "a column (N, 1) has met a row (N,): every row is paired with every other, N² terms for N; give both one shape."
)
FLIPPED = Words("the labels are read the other way round: y = 1 wants a large p, y = 0 a small one.")
MINUS_BETWEEN = Words("a minus stands between the two terms; both have the same sign.")
SQUARED = Words("this is the squared error (y - p)²; the loss here is the negative log-likelihood.")
ONES_ONLY = Words("rows with y = 0 do not count: the term with 1 - y is missing.")
ZEROS_ONLY = Words("rows with y = 1 do not count: the term with y is missing.")
PLUS_MINUS = Words("this formula is for labels -1 and 1; these are 0 and 1: take 2 y - 1, or the lesson's formula.")
LOSS_OF_CHANCES = Words(
    "σ is taken of p, which is a probability already: a loss 'with logits' wants the logit, this one the probability."
)
HARD_ONLY = Words(
    "right for y = 0 and y = 1 alone; a label between them counts in part: y times one term, 1 - y the other."
)
HINGE = Words("this is the hinge loss, a support vector machine's.")


def of_sum_of_logs(truth: Truth, sign: float) -> tuple[Mistake, ...]:
    """Those of a log-likelihood (sign 1) or a loss (sign -1)."""

    def terms(y: Any, p: Any, first: float = 1.0, second: float = 1.0) -> Any:
        return first * y * np.log(p) + second * (1 - y) * np.log(1 - p)

    forms: list[tuple[Words, Callable, str | None]] = [
        (ONES_ONLY, lambda y, p: y * np.log(p), r"\blog"),
        (ZEROS_ONLY, lambda y, p: (1 - y) * np.log(1 - p), r"\blog"),
        (MINUS_BETWEEN, partial(terms, second=-1.0), r"\blog"),
        (
            Words("the second term has log p as well; it is (1 - y) log(1 - p)."),
            lambda y, p: np.log(p),
            r"\blog",
        ),
        (
            Words("the first term lacks its y: it is y log p."),
            lambda y, p: np.log(p) + (1 - y) * np.log(1 - p),
            r"\blog",
        ),
        (
            Words("the second term lacks its 1 - y: it is (1 - y) log(1 - p)."),
            lambda y, p: y * np.log(p) + np.log(1 - p),
            r"\blog",
        ),
        (FLIPPED, lambda y, p: terms(1 - y, p), r"\blog"),
        (SQUARED, lambda y, p: -((y - p) ** 2), r"\*\* *2|square|pow|mse"),
        (
            Words("this is the distance |y - p|; the loss here is the negative log-likelihood."),
            lambda y, p: -abs(y - p),
            r"abs",
        ),
        (LOSS_OF_CHANCES, lambda y, p: terms(y, sigmoid(p)), r"(?i)logits|sigmoid|logistic\("),
        (BROADCAST, lambda y, p: terms(y[None, :], p[:, None]), r"None|newaxis|reshape|view|unsqueeze|keepdim"),
        (
            Words("log1p(p) is log(1 + p); log(1 - p) is log1p(-p)."),
            lambda y, p: y * np.log(p) + (1 - y) * np.log1p(p),
            r"log1p|1 *\+",
        ),
        (
            Words(
                "this is a cross-entropy over classes: it takes the rows for classes; two classes want the binary one."
            ),
            lambda y, p: y * (p - np.log(np.exp(p).sum())),
            r"cross_entropy|CrossEntropy|softmax",
        ),
        (
            Words("the logarithms are missing."),
            lambda y, p: y * p + (1 - y) * (1 - p),
            None,
        ),
        (HARD_ONLY, lambda y, p: np.log(np.where(y == 1, p, 1 - p)), r"where|if|=="),
        (HARD_ONLY, lambda y, p: np.log(sigmoid((2 * y - 1) * np.log(p / (1 - p)))), r"2 *\*"),
        (Words("this is the entropy of p, without the labels."), lambda y, p: terms(p, p), r"\blog"),
        (
            Words("this is the divergence from y to p, not the likelihood."),
            lambda y, p: terms(y, p) - np.nan_to_num(terms(y, y)),
            r"kl|\blog",
        ),
    ]
    forms += [
        (HARD_ONLY, lambda y, p: terms(np.round(y), p), r"round|int|long|[<>]"),
        (LOSS_OF_CHANCES, lambda y, p: np.log(sigmoid((2 * y - 1) * p)), r"(?i)margin|logits|exp"),
        (
            Words("the prediction is rounded to a class before the logarithm; take p itself."),
            lambda y, p: terms(y, np.clip(np.round(p), 1e-7, 1 - 1e-7)),
            r"round|[<>]",
        ),
        (
            Words("this counts the wrong classes: it has no slope to descend; the loss is the log-likelihood's."),
            lambda y, p: -1.0 * ((p > 0.5) != y),
            r"!=|==|[<>]|round",
        ),
        (
            Words("this is the focal loss: a factor weighs down the rows that are right; here every row counts alike."),
            lambda y, p: y * (1 - p) ** 2 * np.log(p) + (1 - y) * p**2 * np.log(1 - p),
            r"\*\* *2|square|pow|gamma",
        ),
    ]
    smooth = Words("the labels are smoothed, pulled towards one half; take them as they came.")
    forms += [
        (smooth, lambda y, p, e=e: terms((1 - e) * y + e / 2, p), r"0\.\d|smooth") for e in (0.01, 0.05, 0.1, 0.2)
    ]
    if sign < 0:
        forms += [(PLUS_MINUS, lambda y, p: np.log(sigmoid(y * np.log(p / (1 - p)))), r"\bexp|\blog|softplus")]
    clips = [] if sign < 0 else [1e-8, 1e-7, 1e-6, 1e-5, 1e-4]
    forms += [
        (
            Words(
                "p is kept between {bound:g} and 1 - {bound:g}; the guard against log(0) changes rows: take it away.",
                bound=bound,
            ),
            lambda y, p, e=bound: terms(y, np.clip(p, e, 1 - e)),
            r"clip|clamp|min|max",
        )
        for bound in clips
    ]
    shifts = [
        Mistake(
            Words(
                "log(p + {shift:g}) stands for log(p); the guard against log(0) changes every row: take it away.",
                shift=s,
            ),
            shifted(truth, s),
            r"e-|\blog",
        )
        for s in 10.0 ** -np.arange(4, 13)
    ]
    fined = [
        Mistake(
            Words("a penalty of {size:g} times {what} is added; the lesson's loss has none.", size=size, what=what),
            penalised(truth, size, both),
            r"\*\* *2|square|pow|norm|l2|lam",
        )
        for size in (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
        for what, both in (("w²", False), ("w² + b²", True))
        if sign < 0
    ]
    return (*(Mistake(words, summed(form, sign), clue) for words, form, clue in forms), *shifts, *fined)


def scales_of_sums(sign: Words) -> tuple[Scale, ...]:
    """The factors of a sum of logarithms."""
    return (
        Scale(sign, lambda question: -1.0),
        Scale(MEAN, lambda question: 1 / rows_of(question), r"\bmean\b|average|len\(|shape|size"),
        *of_bases(),
        Scale(Words("everything counts twice."), lambda question: 2.0),
        Scale(Words("a factor 1/2 too many."), lambda question: 0.5, r"/ *2|0?\.5"),
    )


def of_bases() -> tuple[Scale, ...]:
    """Logarithms to another base."""
    return tuple(
        Scale(
            Words("the logarithm has base {base}; take the natural one: losses are in nats.", base=base),
            partial(_in_base, base),
            rf"log{base}|log\({base}",
        )
        for base in (2, 10)
    )


def _in_base(base: int, question: dict[str, Any]) -> float:
    return float(1 / np.log(base))


def softplus(t: np.ndarray) -> np.ndarray:
    """log(1 + exp(t))."""
    return np.logaddexp(0, t)


SOFTPLUS_CUT = Words(
    "PyTorch's softplus gives z itself beyond 20, and log(1 + exp(-z)) is lost, which is all of the loss where y = 1; "
    "give it a larger threshold."
)


def cut_softplus(z: np.ndarray, y: np.ndarray) -> Wanted:
    """The loss by PyTorch's softplus as it comes."""
    return by_row(lambda z, y: np.where(z > 20, z, softplus(z)) - y * z)(z=z, y=y)


def of_stable_loss() -> tuple[Mistake, ...]:
    """Those of the loss from the logit, one number a row."""

    forms: list[tuple[Words, Callable, str | None]] = [
        (FLIPPED, lambda z, y: (1 - y) * softplus(-z) + y * softplus(z), r"return|lambda"),
        (ONES_ONLY, lambda z, y: y * softplus(-z), None),
        (ZEROS_ONLY, lambda z, y: (1 - y) * softplus(z), None),
        (MINUS_BETWEEN, lambda z, y: y * softplus(-z) - (1 - y) * softplus(z), None),
        (Words("the labels are missing: this is softplus(z), the loss of y = 0."), lambda z, y: softplus(z), None),
        (Words("the labels are missing: this is softplus(-z), the loss of y = 1."), lambda z, y: softplus(-z), None),
        (SQUARED, lambda z, y: (sigmoid(z) - y) ** 2, r"\*\* *2|square|pow|mse"),
        (PLUS_MINUS, lambda z, y: softplus(-y * z), r"exp|softplus"),
        (HARD_ONLY, lambda z, y: softplus((1 - 2 * y) * z), r"2 *\*"),
        (HARD_ONLY, lambda z, y: np.where(y == 1, softplus(-z), softplus(z)), r"where|if|=="),
        (Words("y z has the wrong sign: the loss is softplus(z) - y z."), lambda z, y: softplus(z) + y * z, r"\+"),
        (
            Words("softplus(z) = max(z, 0) + log(1 + exp(-|z|)): with log(1 + exp(z)) max(z, 0) counts twice."),
            lambda z, y: np.maximum(z, 0) - y * z + softplus(z),
            r"exp\(",
        ),
        (HINGE, lambda z, y: np.maximum(0, 1 - (2 * y - 1) * z), r"max"),
        (TWICE, lambda z, y: softplus(sigmoid(z)) - y * sigmoid(z), r"(?i)sigmoid|logistic|expit"),
        (
            Words("max(z, 0) is missing: softplus(z) = max(z, 0) + log(1 + exp(-|z|))."),
            lambda z, y: np.log1p(np.exp(-abs(z))) - y * z,
            r"log",
        ),
        (
            Words("the minus is missing in exp(-|z|): softplus(z) = max(z, 0) + log(1 + exp(-|z|))."),
            lambda z, y: np.maximum(z, 0) - y * z + np.log1p(np.exp(abs(z))),
            r"exp\(",
        ),
        (
            Words("log(1 + exp(-|z|)) is missing: it is what rounds the corner at 0."),
            lambda z, y: np.maximum(z, 0) - y * z,
            r"max",
        ),
        (Words("y stands alone where y z is meant."), lambda z, y: softplus(z) - y, None),
        (Words("this is exp(z) where log(1 + exp(z)) is meant."), lambda z, y: np.exp(z) - y * z, r"exp\("),
        (
            Words("z stands where p is meant: put σ before the logarithm."),
            lambda z, y: -y * np.log(z) - (1 - y) * np.log(1 - z),
            r"\blog",
        ),
    ]
    return tuple(Mistake(words, by_row(form), clue) for words, form, clue in forms)


# -- slopes ------------------------------------------------------------------------------------------------------------


def of_slopes() -> tuple[Mistake, ...]:
    """Those of the gradient of the summed loss; r = p - y."""

    def both(r: Any, x: Any) -> tuple[Any, Any]:
        return r * x, r

    def pairs(y: Any, p: Any) -> Any:
        return p[:, None] - y[None, :]

    square = Words("p (1 - p) is a factor too many: this is the squared error's slope; for this loss it cancels.")
    matrix = r"None|newaxis|reshape|view|unsqueeze|keepdim"
    forms = [
        (square, lambda y, p, x: both((p - y) * p * (1 - p), x), r"1 *- *p|\*\* *2|mse"),
        (Words("the factor x is missing from the slope by w, Σ (p - y) x."), lambda y, p, x: (p - y, p - y), None),
        (Words("the slope by b has no factor x: it is Σ (p - y)."), lambda y, p, x: ((p - y) * x, (p - y) * x), r'"b"'),
        (
            Words("x counts twice in the slope by w: it is Σ (p - y) x."),
            lambda y, p, x: ((p - y) * x * x, p - y),
            r'"w"',
        ),
        (Words("the slope by b is that by w times x too many."), lambda y, p, x: ((p - y) * x * x, (p - y) * x), None),
        (EXCHANGED, lambda y, p, x: (p - y, (p - y) * x), r"return"),
        (Words("the labels are missing: the residual is p - y."), lambda y, p, x: both(p, x), None),
        (Words("the prediction is missing: the residual is p - y."), lambda y, p, x: both(-y, x), None),
        (
            Words("the logit stands where the probability is meant: this is linear regression's slope."),
            lambda y, p, x: both(np.log(p / (1 - p)) - y, x),
            None,
        ),
        (TWICE, lambda y, p, x: both(sigmoid(p) - y, x), r"(?i)sigmoid|logistic\("),
        (
            LOSS_OF_CHANCES,
            lambda y, p, x: both((sigmoid(p) - y) * p * (1 - p), x),
            r"(?i)logits|sigmoid|logistic\(",
        ),
        (FLIPPED, lambda y, p, x: both(p - 1 + y, x), None),
        (BROADCAST, lambda y, p, x: (pairs(y, p) * x, pairs(y, p)), matrix),
        (BROADCAST, lambda y, p, x: (pairs(y, p) * x[:, None], pairs(y, p)), matrix),
        (BROADCAST, lambda y, p, x: ((p - y)[:, None] * x[None, :], p - y), matrix),
        (
            Words("the prediction is rounded to a class: this is the perceptron's step; take p itself."),
            lambda y, p, x: both(np.round(p) - y, x),
            r"round|[<>]",
        ),
        (Words("the sign of p - y is lost: rows must pull both ways."), lambda y, p, x: both(abs(p - y), x), r"abs"),
        (ONES_ONLY, lambda y, p, x: both(-y * (1 - p), x), None),
        (ZEROS_ONLY, lambda y, p, x: both((1 - y) * p, x), None),
        (MINUS_BETWEEN, lambda y, p, x: both(-y * (1 - p) - (1 - y) * p, x), None),
        (
            PLUS_MINUS,
            lambda y, p, x: both(-y * sigmoid(-y * np.log(p / (1 - p))), x),
            None,
        ),
    ]
    for k, name in enumerate("wb"):
        forms += [
            (
                Words("the slope by {name} is a mean, the other one a sum; the lesson's loss is a sum.", name=name),
                partial(_one_changed, k, lambda part: part / part.size),
                DIVIDED,
            ),
            (
                Words("the slope by {name} has the wrong sign; the other one is right.", name=name),
                partial(_one_changed, k, lambda part: -part),
                rf'"{name}"',
            ),
            (
                Words("the slope by {name} is missing.", name=name),
                partial(_one_changed, k, lambda part: 0 * part),
                rf'"{name}"',
            ),
        ]
    return tuple(Mistake(words, slopes(form), clue) for words, form, clue in forms)


def _one_changed(k: int, change: Callable, y: Any, p: Any, x: Any) -> tuple[Any, Any]:
    parts = [(p - y) * x, p - y]
    parts[k] = change(parts[k])
    return parts[0], parts[1]


def scales_of_slopes() -> tuple[Scale, ...]:
    """The factors of a gradient."""
    sign = Words("the sign is wrong: this is the slope of the log-likelihood; the residual is p - y, not y - p.")
    return (
        Scale(sign, lambda question: -1.0, r"y *- *|-"),
        Scale(MEAN, lambda question: 1 / rows_of(question), r"\bmean\b|average|len\(|shape|size"),
        Scale(
            Words("a factor 2 too many: a square's derivative, or backward() called twice without zero_grad()?"),
            lambda question: 2.0,
            r"\b2\b",
        ),
        Scale(Words("a factor 1/2 too many."), lambda question: 0.5, r"/ *2|0?\.5"),
    )


# -- loops -------------------------------------------------------------------------------------------------------------

DIVIDED = r"\bmean\b|len\(|shape|size"
Moved = tuple[np.ndarray, np.ndarray]  # the next θ (2,), and the memory to go on with
Step = Callable[..., Moved]
BEFORE = Words("each loss is that before its update; take it after.")


def of_loop(standstill: Truth) -> tuple[Mistake, ...]:
    """Those of gradient descent; the words of a step may come with those of losses that are taken too early."""

    def by(move: Callable) -> Step:
        return lambda theta, g, rate, memory, slope: (theta - rate * move(g), memory)

    def bias_first(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
        moved = theta - rate * np.array([0, g[1]])
        return moved - rate * np.array([slope(moved)[0], 0]), memory

    def weight_first(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
        moved = theta - rate * np.array([g[0], 0])
        return moved - rate * np.array([0, slope(moved)[1]]), memory

    def heavy(momentum: float) -> Step:
        def step(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
            memory = momentum * memory + g
            return theta - rate * memory, memory

        return step

    def double(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
        moved = theta - rate * g
        return moved - rate * slope(moved), memory

    def stale(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
        memory = memory if memory.any() else g
        return theta - rate * memory, memory

    def adam(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
        m, v, t = (memory[:2], memory[2:4], memory[4] + 1) if memory.size > 2 else (0 * g, 0 * g, 1.0)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        moved = theta - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return moved, np.array([*m, *v, t])

    def shrinking(theta: Any, g: Any, rate: Any, memory: Any, slope: Callable) -> Moved:
        return theta - rate / (memory[0] + 1) * g, memory + 1

    def shrunk(size: float, both: bool) -> Step:
        pulled = np.array([size, size * both])
        return lambda theta, g, rate, memory, slope: (theta - rate * (g + pulled * theta), memory)

    plain = by(lambda g: g)
    steps = [
        (
            Words("it climbs: step against the gradient, θ - η ∇f."),
            by(lambda g: -g),
            r"\+=? *\(?(step_size|lr)|-=? *-|\+",
        ),
        (
            Words("step_size is not used: the steps have the default size 0.001."),
            lambda theta, g, rate, memory, slope: (theta - 0.001 * g, memory),
            r"0\.001|1e-3|lr",
        ),
        (
            Words("the slope by w is taken after b has moved; take both from the same point."),
            bias_first,
            None,
        ),
        (
            Words("the slope by b is taken after w has moved; take both from the same point."),
            weight_first,
            None,
        ),
        (Words("b is never updated."), by(lambda g: g * [1, 0]), r'"w"'),
        (Words("w is never updated."), by(lambda g: g * [0, 1]), r'"b"'),
        (Words("b is moved by the slope of w."), by(lambda g: g[[0, 0]]), r'"b"'),
        (Words("w is moved by the slope of b."), by(lambda g: g[[1, 1]]), r'"w"'),
        (Words("the slopes of w and b are in each other's place."), by(lambda g: g[::-1]), None),
        (
            Words(
                "the gradient piles up from step to step: PyTorch adds each to the last; call zero_grad() in the loop."
            ),
            heavy(1.0),
            r"backward\(",
        ),
        (Words("it takes steps with momentum 0.9; plain ones are asked for."), heavy(0.9), r"momentum"),
        (Words("it takes two steps in a turn of the loop."), double, None),
        (Words("the gradient is taken once, before the loop; take it anew in every step."), stale, r"grad|slope"),
        (Words("these are Adam's steps; plain ones are asked for."), adam, r"(?i)adam"),
        (Words("the step size shrinks from step to step; it stays step_size."), shrinking, r"/ *\("),
        (
            Words("only the sign of the gradient is used; its size belongs to the step."),
            by(np.sign),
            r"sign",
        ),
        (
            Words("the gradient is divided by its length; its size belongs to the step."),
            by(lambda g: g / np.hypot(*g)),
            r"norm|hypot|sqrt",
        ),
        (Words("every step is half as long as asked for."), by(lambda g: g / 2), r"/ *2|0?\.5"),
        (
            Words("step_size is multiplied in twice."),
            lambda theta, g, rate, memory, slope: (theta - rate**2 * g, memory),
            r"step_size|lr",
        ),
        (
            Words("theta is replaced by the step; take the step from theta: θ - η ∇f."),
            lambda theta, g, rate, memory, slope: (-rate * g, memory),
            r"step_size|lr",
        ),
        *(
            (
                Words("a weight decay of {size:g} is in the step; the lesson's loss has no penalty.", size=size),
                shrunk(size, both),
                r"decay|l2|lam|0\.\d",
            )
            for size in (0.001, 0.01, 0.1)
            for both in (False, True)
        ),
    ]
    first = [(Mistake(words, walk(step), clue)) for words, step, clue in steps]
    early = [(Mistake(words, walk(step, "before"), clue, BEFORE)) for words, step, clue in steps]

    def mean(record: Record) -> Truth:
        def answer(**question: Any) -> Wanted:
            n = len(question["x"])
            move = walk(lambda theta, g, rate, memory, slope: (theta - rate * g / n, memory), record)
            return move(**question)

        return answer

    def loss_of_mean(scale_steps: bool) -> Truth:
        def answer(**question: Any) -> Wanted:
            n = len(question["x"])
            rate = 1 / n if scale_steps else 1.0
            move = walk(
                lambda theta, g, eta, memory, slope: (theta - rate * eta * g, memory),
                tell=lambda losses, path: (losses / n, path[-1]),
            )
            return move(**question)

        return answer

    told = [
        (
            Words("the same loss stands in every place: append the number, not a tensor that changes."),
            lambda told, path: (np.full_like(told, told[-1]), path[-1]),
        ),
        (Words("each loss has the earlier ones added to it."), lambda told, path: (np.cumsum(told), path[-1])),
        (Words("the losses have the wrong sign."), lambda told, path: (-told, path[-1])),
        (Words("the losses stand in reverse order."), lambda told, path: (told[::-1], path[-1])),
        (
            Words("the losses are right, but the theta that is returned is the one it started from."),
            lambda told, path: (told, path[0]),
        ),
        (
            Words("the losses are right, but the theta that is returned lacks the last update."),
            lambda told, path: (told, path[-2]),
        ),
    ]
    return (
        Mistake(BEFORE, walk(plain, "before"), r"append"),
        Mistake(Words("theta never moves: take the updated one to the next step."), standstill),
        *first,
        Mistake(MEAN, mean("after"), DIVIDED),
        Mistake(MEAN, loss_of_mean(True), DIVIDED),
        Mistake(Words("the recorded losses are means; the lesson's loss is a sum."), loss_of_mean(False), DIVIDED),
        *(Mistake(words, walk(plain, tell=tell), r"append|return") for words, tell in told),
        *early,
        Mistake(MEAN, mean("before"), DIVIDED, BEFORE),
    )
