"""The update rules of the optimisers by hand, their exact run, and how far rounding can take a float64 run from it.

A rule is a function of the step t = 1, 2, ..., the point θ, the gradient g and its own state, to the next point and
state. The settings have the names and the meaning they have in ``torch.optim``. Each rule is plain arithmetic, and is
run on three kinds of number: float64, MPFR (the exact run), and ``Running`` (the rounding errors of one step).

The problem is the mean of the losses, without row weights and penalty; points are (D + 1,), the bias last.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import gmpy2
import numpy as np
from numpy.typing import ArrayLike

from ..data.dataset import Dataset, Parameters
from ..truth import oracle, reference
from ..truth.bounds import PointBounds
from ..truth.ulp import format_of

N = Any  # a number, or an array of numbers, of one of the three kinds
Pair = tuple[N, N]
State = tuple[N, ...]  # the point, and what the rule keeps

BITS = 160  # of the exact run; the test holds it to twice as many
ROUNDINGS = 4
"""How many roundings a framework may take where a rule takes one operation.

They write the same formula in their own way: a + c (b - a) for a mean, a product with a reciprocal for a quotient, a
step size formed first, a power that is 2 ulp (four roundings) off. In the sources of torch.optim and optax we found
none that takes more; this number, unlike the bound of the gradient, is read there and not proved. One exception: the
running mean that stands for Adagrad's sum in optax weighs the square of step n with up to n u of relative error; the
sum has some n squares, so that while gradients do not grow this too is within the 4 u of the sum that is given.
"""


def _sgd(t: int, θ: N, g: N, buffer: N, *, lr: N, momentum: N, dampening: N, weight_decay: N, nesterov: bool) -> State:
    g = g + weight_decay * θ
    buffer = g if t == 1 or not momentum else momentum * buffer + (1 - dampening) * g
    return θ - lr * (g + momentum * buffer if nesterov else buffer), buffer


def _adam(
    t: int, θ: N, g: N, m: N, v: N, top: N, *, lr: N, betas: Pair, eps: N, weight_decay: N, amsgrad: bool
) -> State:
    g = g + weight_decay * θ
    b1, b2 = betas
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    top = np.maximum(top, v) if amsgrad else v
    return θ - lr * (m / (1 - b1**t)) / ((top / (1 - b2**t)) ** 0.5 + eps), m, v, top


def _adamw(t: int, θ: N, *rest: N, lr: N, weight_decay: N, **settings: Any) -> State:
    return _adam(t, θ - lr * weight_decay * θ, *rest, lr=lr, weight_decay=0, amsgrad=False, **settings)


def _nadam(
    t: int, θ: N, g: N, m: N, v: N, product: N, *, lr: N, betas: Pair, eps: N, weight_decay: N, momentum_decay: N
) -> State:
    g = g + weight_decay * θ
    b1, b2 = betas
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    now, after = (b1 * (1 - 0.96 ** (k * momentum_decay) / 2) for k in (t, t + 1))
    product = now if t == 1 else product * now
    ahead = (1 - now) / (1 - product) * g + after / (1 - product * after) * m
    return θ - lr * ahead / ((v / (1 - b2**t)) ** 0.5 + eps), m, v, product + 0 * θ


def _radam(t: int, θ: N, g: N, m: N, v: N, *, lr: N, betas: Pair, eps: N, weight_decay: N) -> State:
    g = g + weight_decay * θ
    b1, b2 = betas
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    most = 2 / (1 - b2) - 1
    length = most - 2 * t * b2**t / (1 - b2**t)
    step = lr * m / (1 - b1**t)
    if float(length) > 5:
        rectifier = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
        step = step * (rectifier * (1 - b2**t)) ** 0.5 / (v**0.5 + eps)
    return θ - step, m, v


def _adamax(t: int, θ: N, g: N, m: N, top: N, *, lr: N, betas: Pair, eps: N, weight_decay: N) -> State:
    g = g + weight_decay * θ
    b1, b2 = betas
    m = b1 * m + (1 - b1) * g
    top = np.maximum(b2 * top, abs(g) + eps)
    return θ - lr * m / ((1 - b1**t) * top), m, top


def _adagrad(
    t: int, θ: N, g: N, total: N, *, lr: N, lr_decay: N, weight_decay: N, initial_accumulator_value: N, eps: N
) -> State:
    g = g + weight_decay * θ
    total = (initial_accumulator_value if t == 1 else total) + g * g
    return θ - lr / (1 + (t - 1) * lr_decay) * g / (total**0.5 + eps), total


def _adadelta(t: int, θ: N, g: N, squares: N, moves: N, *, lr: N, rho: N, eps: N, weight_decay: N) -> State:
    g = g + weight_decay * θ
    squares = rho * squares + (1 - rho) * g * g
    move = (moves + eps) ** 0.5 / (squares + eps) ** 0.5 * g
    return θ - lr * move, squares, rho * moves + (1 - rho) * move * move


def _rmsprop(
    t: int, θ: N, g: N, m: N, v: N, buffer: N, *, lr: N, alpha: N, eps: N, weight_decay: N, momentum: N, centered: bool
) -> State:
    g = g + weight_decay * θ
    m = alpha * m + (1 - alpha) * g
    v = alpha * v + (1 - alpha) * g * g
    buffer = momentum * buffer + g / ((v - m * m if centered else v) ** 0.5 + eps)
    return θ - lr * buffer, m, v, buffer


class Rule(NamedTuple):
    """An update rule, the number of arrays in its state, and torch's default settings."""

    update: Callable[..., tuple]
    states: int
    defaults: dict[str, Any]


_ADAM = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}

RULES = {
    "sgd": Rule(_sgd, 1, {"lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False}),
    "adam": Rule(_adam, 3, {**_ADAM, "amsgrad": False}),
    "adamw": Rule(_adamw, 3, {**_ADAM, "weight_decay": 1e-2}),
    "nadam": Rule(_nadam, 3, {**_ADAM, "lr": 2e-3, "momentum_decay": 4e-3}),
    "radam": Rule(_radam, 2, _ADAM),
    "adamax": Rule(_adamax, 2, {**_ADAM, "lr": 2e-3}),
    "adagrad": Rule(
        _adagrad, 1, {"lr": 1e-2, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10}
    ),
    "adadelta": Rule(_adadelta, 2, {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0}),
    "rmsprop": Rule(
        _rmsprop, 3, {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False}
    ),
}


def walk(dataset: Dataset, start: Parameters, rule: Rule, *, steps: int, **settings: Any) -> np.ndarray:
    """The points of a rule in float64, without a framework.

    Args:
        dataset: N rows of D features, without row weights.
        start: from where, weight (D,) and bias ().
        rule: one of RULES.
        steps: T.
        settings: torch's, by torch's names; the rule's defaults where they are left out.

    Returns:
        The points (T + 1, D + 1), the start included, the bias last.
    """
    return np.array([state[0] for state in _float64_states(dataset, start, rule, steps, settings)])


def exact_walk(
    dataset: Dataset, start: Parameters, rule: Rule, *, steps: int, bits: int = BITS, **settings: Any
) -> np.ndarray:
    """The same points without rounding, from the numbers the twins are given.

    Args are those of ``walk``, and
        bits: of the MPFR numbers.

    Returns:
        The points (T + 1, D + 1) in MPFR numbers.
    """
    with gmpy2.context(precision=bits):
        X1, y = oracle.as_exact(reference.with_ones(dataset.X)), oracle.as_exact(dataset.y)
        θ = oracle.as_exact(reference.flatten(start))
        numbers = _numbers(settings, rule, gmpy2.mpfr)
        return np.array([state[0] for state in _states(rule, X1, y, θ, oracle.sigmoid, steps, numbers)])


def rounding_bound(dataset: Dataset, start: Parameters, rule: Rule, *, steps: int, **settings: Any) -> np.ndarray:
    """How far a correct float64 program can be from the exact walk, to first order.

    Step s adds local errors e_s to θ and to the state: those of the gradient (``bounds.PointBounds.gradient``, a
    proved bound) and ROUNDINGS a operation of the rule, carried through the step by ``Running``. From there the
    steps carry them on as their derivatives J do, so that the error at t is at most Σ_s |J_t ... J_{s+1}| e_s: the
    signs within a product count, those between steps and within e_s may be the worst. J is taken by central
    differences. The factor 2 pays for that and for the terms of second order, which are smaller by ten digits.

    Args are those of ``walk``.

    Returns:
        The bounds (T + 1, D + 1), a coordinate.
    """
    X1, y, numbers = reference.with_ones(dataset.X), dataset.y, _numbers(settings, rule, Running)
    states = _float64_states(dataset, start, rule, steps, settings)
    width, size = len(states[0][0]), (rule.states + 1) * len(states[0][0])
    bounds, carried = [np.zeros(width)], np.zeros((0, size, size))  # carried: one matrix for each step so far
    for t, state in enumerate(states[:-1], start=1):
        if t > 1:  # what is carried into the first step is exact
            carried = _derivative(rule, t, state, X1, y, _numbers(settings, rule, np.float64)) @ carried
        at = PointBounds(dataset, Parameters(state[0][:-1], state[0][-1]), dtype="float64")
        θ, *rest = (Running(part) for part in state)
        after = rule.update(t, θ, Running(_gradient(X1, y, θ.value, reference.sigmoid), at.gradient), *rest, **numbers)
        local = np.concatenate([part.error for part in after])
        carried = np.concatenate([carried, np.diag(local)[None]])
        bounds.append(2 * np.abs(carried[:, :width]).sum(axis=(0, 2)))
    return np.array(bounds)


class Running(np.lib.mixins.NDArrayOperatorsMixin):
    """A number and a bound of its error, to first order: running error analysis (Higham 2002, section 3.3)."""

    def __init__(self, value: ArrayLike, error: ArrayLike = 0.0) -> None:
        self.value = np.asarray(value, dtype=np.float64)
        self.error = np.broadcast_to(error, self.value.shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any) -> "Running":
        """The ufunc's result; its error is what the derivatives make of the inputs' errors, and its own roundings."""
        pairs = [(x.value, x.error) if isinstance(x, Running) else (x, 0.0) for x in inputs]
        values = [value for value, _ in pairs]
        result = ufunc(*values)
        slopes, roundings = _SLOPES[ufunc](*values), 0 if ufunc in (np.maximum, np.absolute) else ROUNDINGS
        error = sum(np.abs(slope) * e for slope, (_, e) in zip(slopes, pairs, strict=True))
        return Running(result, error + roundings * format_of("float64").unit_roundoff * np.abs(result))

    def __float__(self) -> float:
        return float(self.value)


_SLOPES: dict[Any, Callable[..., tuple]] = {
    np.add: lambda a, b: (1, 1),
    np.subtract: lambda a, b: (1, -1),
    np.multiply: lambda a, b: (b, a),
    np.divide: lambda a, b: (1 / b, a / b**2),
    np.power: lambda a, b: (b * a ** (b - 1.0), a**b * np.log(np.where(a > 0, a, 1))),
    np.maximum: lambda a, b: (1, 1),
    np.absolute: lambda a: (1,),
}


def _states(
    rule: Rule, X1: np.ndarray, y: np.ndarray, θ: np.ndarray, sigmoid: Callable, steps: int, numbers: dict
) -> list[tuple]:
    """The point and the state, before the first step and after each."""
    states: list[tuple] = [(θ, *(0 * θ for _ in range(rule.states)))]
    for t in range(1, steps + 1):
        θ, *rest = states[-1]
        states.append(rule.update(t, θ, _gradient(X1, y, θ, sigmoid), *rest, **numbers))
    return states


def _float64_states(dataset: Dataset, start: Parameters, rule: Rule, steps: int, settings: dict) -> list[tuple]:
    X1, numbers = reference.with_ones(dataset.X), _numbers(settings, rule, np.float64)
    return _states(rule, X1, dataset.y, reference.flatten(start), reference.sigmoid, steps, numbers)


def _gradient(X1: np.ndarray, y: np.ndarray, θ: N, sigmoid: Callable) -> N:
    """The gradient of the mean loss at θ (D + 1,), or at each of θ (K, D + 1)."""
    return (sigmoid(θ @ X1.T) - y) @ X1 / len(y)


def _numbers(settings: dict, rule: Rule, number: Callable) -> dict:
    """All settings of the rule, as numbers of that kind; switches and zeros, which are exact, stay what they are."""

    def convert(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(convert(part) for part in value)
        return value if isinstance(value, bool) or value == 0 else number(value)

    return {name: convert(value) for name, value in {**rule.defaults, **settings}.items()}


def _derivative(rule: Rule, t: int, state: tuple, X1: np.ndarray, y: np.ndarray, numbers: dict) -> np.ndarray:
    """The derivative (S, S) of one step by point and state, all in one vector, by central differences."""
    x = np.concatenate(state)
    h = 2.0**-20 * np.maximum(np.abs(x), np.finfo(np.float64).smallest_normal)
    θ, *rest = np.split(np.concatenate([x + np.diag(h), x - np.diag(h)]), len(state), axis=1)  # (2 S, D + 1) each
    after = rule.update(t, θ, _gradient(X1, y, θ, reference.sigmoid), *rest, **numbers)
    up, down = np.split(np.concatenate(after, axis=1), 2)
    return ((up - down) / (2 * h[:, None])).T
