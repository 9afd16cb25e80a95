"""The exercise whose answer is chance: two standard normal draws. It is asked many times.

A right function is refused with a chance of at most 1e-6 in all, a seventh of it for each of seven tests: the distance
of either distribution from the normal one (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant), the largest draw
of either, how many of either lie within half a deviation (binomial), and the correlation of the two. Constants fail at
once, and so do uniform draws, whose tails end too early even where mean and variance are right, and Laplace's, of which
too many are small.
"""

import inspect
from collections.abc import Callable

import numpy as np

from ..language import Words
from . import frameworks
from .answer import NOT_WRITTEN, NotYet, check_shape, slopes
from .failures import meaning
from .source import line_of

DRAWS = 1000
CHANCE = 1e-6
SHARE = CHANCE / 7


def examine_draws(function: Callable) -> tuple[Words, ...]:
    """Words of praise; raises NotYet where the draws are not two standard normal ones."""
    first = _draw(function, 0)
    again = _draw(function, 1)
    if first["w"] == first["b"] and again["w"] == again["b"]:
        raise NotYet(Words("w and b are both {value:g}; draw each for itself.", value=first["w"]))
    if first == again:
        raise NotYet(
            Words(
                "every call gives w = {w:g}, b = {b:g}: it draws nothing, or sets the same seed in each call; draw "
                "anew every time (in JAX, split a key that is kept outside, or take the seed as an argument).",
                **first,
            )
        )
    drawn = np.array([first, again, *(_draw(function, k) for k in range(2, DRAWS))], dtype=object)
    w, b = (np.array([float(theta[name]) for theta in drawn]) for name in "wb")
    for name, values in (("w", w), ("b", b)):
        _check_normal(name, values)
    _check_apart(w, b)
    words = Words(
        "right: {draws} draws of w and b look like independent standard normal ones. A right function fails here "
        "with a chance of at most {chance:g}.",
        draws=DRAWS,
        chance=CHANCE,
    )
    return (words,)


def _draw(function: Callable, number: int) -> dict[str, float]:
    """One theta; a function that takes a seed gets another each time."""
    try:
        seed = inspect.signature(function).parameters.get("seed")
        given = {"seed": number} if seed and seed.default is not inspect.Parameter.empty else {}
    except (TypeError, ValueError):
        given = {}
    try:
        theta = frameworks.take(function(**given))
    except NotImplementedError as error:
        raise NotYet(NOT_WRITTEN) from error
    except Exception as error:
        wrong = meaning(error) or Words("it stops with {error}.", error=f"{type(error).__name__}: {error}")
        raise NotYet(wrong, Words("It is called without arguments."), line=line_of(function, error)) from error
    slopes(theta, Words("theta"))
    for name, part in theta.items():
        check_shape(name, np.shape(part), ())
        if not np.isfinite(part):
            raise NotYet(
                Words("{name} is {value}; draw it from the standard normal distribution.", name=name, value=part)
            )
    return {name: float(part) for name, part in theta.items()}


def _check_normal(name: str, values: np.ndarray) -> None:
    from scipy.special import bdtr, bdtrc, ndtr, ndtri

    n = len(values)
    rank, expected = np.arange(1, n + 1) / n, ndtr(np.sort(values))
    distance = max(np.max(rank - expected), np.max(expected - rank + 1 / n))
    furthest = np.max(np.abs(values))
    near = ndtri((1 + SHARE ** (1 / n)) / 2)  # n normal draws all stay below it with the chance SHARE
    within, expected_share = np.sum(np.abs(values) < 0.5), 2 * ndtr(0.5) - 1
    crowd = min(bdtr(within, n, expected_share), bdtrc(within - 1, n, expected_share))
    if distance <= np.sqrt(np.log(2 / SHARE) / (2 * n)) and furthest > near and crowd > SHARE / 2:
        return
    mean, deviation = values.mean(), values.std()
    if len(set(values)) == 1:
        raise NotYet(Words("{name} is always {value:g}; draw it.", name=name, value=values[0]))
    found = Words(
        "{name} is not drawn from the standard normal distribution: {draws} draws lie between {low:.3g} and "
        "{high:.3g}, with mean {mean:.2g} and standard deviation {deviation:.2g}.",
        name=name,
        draws=n,
        low=values.min(),
        high=values.max(),
        mean=mean,
        deviation=deviation,
    )
    raise NotYet(found, _kind(values, mean, deviation))


def _kind(values: np.ndarray, mean: float, deviation: float) -> Words:
    low, high = values.min(), values.max()
    if np.array_equal(values, np.round(values)):
        return Words("They are whole numbers: take normal(), not randint().")
    if abs(deviation * np.sqrt(12) / (high - low) - 1) < 0.1:
        return Words("They are uniform: take normal() or randn(), not random() or rand().")
    if abs(deviation - 1) < 0.15 and np.mean(np.abs(values) < 0.5) > 0.445:  # 0.383 of normal draws, 0.507 of Laplace's
        return Words("Too many lie near 0 and far out: another distribution with the right deviation.")
    if max(-low, high) > 12 * np.median(np.abs(values)):  # of a normal distribution, 8 deviations: a chance of 1e-12
        return Words("Some lie far out, as no normal draw does: take normal() or randn().")
    if low >= 0:
        return Words("None is negative: is an absolute value taken?")
    if abs(mean) > 0.25:
        return Words("They are shifted: the mean should be 0.")
    return Words("The standard deviation should be 1, and nothing cut off.")


def _check_apart(w: np.ndarray, b: np.ndarray) -> None:
    from scipy.special import stdtrit

    n, r = len(w), np.corrcoef(w, b)[0, 1]
    t = stdtrit(n - 2, 1 - SHARE / 2)
    if abs(r) > t / np.sqrt(n - 2 + t**2):
        raise NotYet(Words("w and b go together, with correlation {r:.2f}; draw each for itself.", r=r))
