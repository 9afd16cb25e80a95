"""How far rounding alone can carry a quantity, measured: what a check has in the place of derived bounds.

For somebody else's model nothing can be derived, but two things can be measured. First, its conditioning: move every
parameter and every input by one ulp, at random up or down, and see how far each quantity goes, in float64. Second,
what its own operations round off: run it in float32 at the same kind of points, and take the distance to float64 at
the very same numbers. Rounding errors are linear in the unit roundoff u to first order, so 2^-24 of float32 tell of
2^-53 of float64 what a factor 2^-29 makes of them. Both are taken on each side, over K points.

    float64   |torch - jax| <= t sqrt(Σ_sides r² + (2^-29 a)²) + 8 u |q|
    float32   |q32 - q64|   <= t sqrt(n) sqrt(c² + a_other²) + 8 u32 |q|

A model of 16 bits has its own format in the place of float32, and that one's u.

r, c: root mean square of the response to one ulp of float64, of float32; a: of the distance from float32 to float64.
Norms are 2-norms over all n numbers of the quantity; to both bounds comes √n times the smallest normal number, below
which one library has numbers and the other zeros. t is the quantile of Student's distribution with K degrees of
freedom at which a quotient of one error and a root mean square of K others, all of one normal distribution, is
exceeded once in 10^9. Two correct programs may round differently often: a sum of n terms, n the longest axis of
anything given, loses from one rounding to some sqrt(n) of them (N. J. Higham and T. Mary, SIAM J. Sci. Comput. 41,
2019), hence sqrt(n) where one side's a judges the other. In float64 each side's own a is in the bound, and as a float32
result can be off by no more than its size, a side that is bad in float32 hides at most some 2^-29 t in float64.
8 u |q|: each side may be off by 4 u, one for the last operation and 3 for a function of the library, of which the
twins' own are within 3 ulp.

The bounds are statements about chance, not proofs. float64 promises nothing where the bound is wider than a float32
ulp of the scale, for what is then called equal could differ where float32 would show it: see ``promises``.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import flint
import numpy as np

from ..truth.ulp import format_of, ulp
from .sides import Plan, Side, Where

CHANCE = 1e-9  # of a false alarm in one quantity
LIBRARY_ROUNDINGS = 8
Seen = dict[str, np.ndarray]


class Spread(NamedTuple):
    """One side measured: root mean squares by quantity, and what it gave in the middle of each format's points.

    ``narrow`` is float32, or the 16 bits that the model is kept in.
    """

    float64: Seen  # at the point
    in_float64: Seen  # at the point rounded to the narrow format, which is where that is judged
    narrow: Seen
    response: dict[str, float]  # r
    response_narrow: dict[str, float]  # c
    rounding: dict[str, float]  # a; infinite where a narrow result is not finite

    def has(self, name: str) -> bool:
        """Whether every run had this quantity."""
        return all(name in run for run in self)

    def joined(self, other: "Spread") -> "Spread":
        """The quantities of both."""
        runs: list[tuple[Any, Any]] = list(zip(self, other, strict=True))
        both: list[Any] = [mine | theirs for mine, theirs in runs]
        return Spread(*both)

    def reduced(self, gradient: bool) -> "Spread":
        """Without what only its own rows are made of: the values at the rounded point that are more than one number.

        Args:
            gradient: whether the gradient in float64 is kept, which slopes are held to.
        """
        wide, narrow = ({n: x for n, x in run.items() if x.size == 1} for run in (self.in_float64, self.narrow))
        own = ("Hessian", "step") if gradient else ("Hessian", "step", "gradient")
        keep = {n: x for n, x in self.float64.items() if x.size == 1 or not n.startswith(own)}
        return Spread(keep, wide, narrow, self.response, self.response_narrow, self.rounding)


def one_ulp(rng: np.random.RandomState, dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function that moves each number to a neighbour in the format, farther or nearer by chance; zeros stay."""

    def move(x: np.ndarray) -> np.ndarray:
        way = (2 * rng.randint(0, 2, np.shape(x), dtype=np.int8) - 1) * (x != 0)
        if dtype not in ("float64", "float32"):  # numbers of the format, whose bits NumPy does not know
            return x + way * ulp(x, dtype)
        moved = np.array(x, dtype=dtype)
        moved.view(f"i{moved.itemsize}")[...] += way.astype(
            np.int8
        )  # the number above or below is the next by its bits
        return moved.astype(np.float64, copy=False)

    return move


def measure(
    sides: Sequence[Side],
    here: Where,
    coarse: Where,
    plan: Plan,
    stage: str = "gradient",
    *,
    samples: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> list[Spread]:
    """Run both sides at their point and at K neighbours in each format, which are the same for both.

    Args:
        sides: the two, or one.
        here: the point and the batch.
        coarse: both rounded to the sides' narrow format.
        plan: what is asked.
        stage: which part of it, one of ``plan.stages``.
        samples: K.
        seed: of the neighbours.
        say: told what is being done.
    """
    rng, narrow = np.random.RandomState(seed), sides[0].narrow
    say(f"{stage}, float64")
    base = [side.observe(here, plan, stage, "float64") for side in sides]
    near: list[list[dict[str, float]]] = [[] for _ in sides]
    for k in range(samples):
        say(f"{stage}, float64, neighbour {k + 1} of {samples}")
        there = here.moved(one_ulp(rng, "float64"))
        for side, seen, middle in zip(sides, near, base, strict=True):
            seen.append(_distances(side.observe(there, plan, stage, "float64"), middle))
    exact = [side.observe(coarse, plan, stage, "float64") for side in sides]
    own = [_in_format(side.observe(coarse, plan, stage, narrow), narrow) for side in sides]
    moves: list[list[dict[str, float]]] = [[] for _ in sides]
    errors = [[_distances(a, b)] for a, b in zip(own, exact, strict=True)]
    for k in range(samples):
        say(f"{stage}, {narrow}, neighbour {k + 1} of {samples}")
        there = coarse.moved(one_ulp(rng, narrow))
        for i, side in enumerate(sides):
            move, error = _beside(side, there, plan, stage, exact[i])
            moves[i].append(move)
            errors[i].append(error)
    return [
        Spread(base[i], exact[i], own[i], *map(_root_mean_square, (near[i], moves[i], errors[i])))
        for i in range(len(sides))
    ]


def _beside(
    side: Side, there: Where, plan: Plan, stage: str, middle: Seen
) -> tuple[dict[str, float], dict[str, float]]:
    """How far a neighbour is from the middle in float64, and the narrow format from float64 at the neighbour."""
    wide = side.observe(there, plan, stage, "float64")
    return _distances(wide, middle), _distances(side.observe(there, plan, stage, side.narrow), wide)


def _in_format(seen: Seen, narrow: str) -> Seen:
    """Half the memory, where NumPy has the format."""
    return {n: x.astype(np.float32) for n, x in seen.items()} if narrow == "float32" else seen


def _distances(a: Seen, b: Seen) -> dict[str, float]:
    return {name: distance(a[name], b[name]) for name in a.keys() & b.keys()}


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The 2-norm of a - b; infinite where it is not a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        norm = float(np.linalg.norm(np.ravel(a - b)))
    return norm if np.isfinite(norm) else np.inf


def _root_mean_square(samples: list[dict[str, float]]) -> dict[str, float]:
    common = [name for name in samples[0] if all(name in each for each in samples)]
    return {name: float(np.sqrt(np.mean(np.square([each[name] for each in samples])))) for name in common}


@cache
def student(samples: int) -> float:
    """t, the quantile of Student's distribution, both tails: I(K / (K + t²); K / 2, 1 / 2) is the chance."""
    freedom = flint.arb(samples)
    low, high = 1.0, 2.0**60
    while (t := (low * high) ** 0.5) not in (low, high):  # I falls with t; the middle of their exponents
        tail = (freedom / (freedom + flint.arb(t) ** 2)).beta_lower(freedom / 2, flint.arb(1) / 2, regularized=True)
        low, high = (t, high) if tail > CHANCE else (low, t)
    return high


def bound_float64(name: str, spreads: Sequence[Spread], samples: int, narrow: str = "float32") -> float:
    """How far the two sides may be apart."""
    unit = format_of("float64").unit_roundoff
    ratio = unit / format_of(narrow).unit_roundoff
    total, size = 0.0, 0.0
    for spread in spreads:
        rounding = spread.rounding[name]
        total += spread.response[name] ** 2 + (ratio * rounding if np.isfinite(rounding) else 0.0) ** 2
        size = max(size, distance(spread.float64[name], np.zeros(1)))
    floor = least("float64", spreads[0].float64[name])
    return student(samples) * np.sqrt(total) + LIBRARY_ROUNDINGS * unit * size + floor


def bound_narrow(name: str, spread: Spread, other: Spread, samples: int, terms: int, narrow: str) -> float:
    """How far a side's own format may be from float64, its own or the other's."""
    response = max(spread.response_narrow[name], other.response_narrow[name])
    rounding = other.rounding[name]
    total = np.hypot(response, rounding if np.isfinite(rounding) else 0.0)
    size = distance(other.in_float64[name], np.zeros(1))
    sure = LIBRARY_ROUNDINGS * format_of(narrow).unit_roundoff * size + least(narrow, spread.narrow[name])
    return student(samples) * np.sqrt(terms) * total + sure


def least(dtype: str, values: np.ndarray) -> float:
    """How far apart numbers are that one library flushes to 0 and the other keeps."""
    return float(np.sqrt(np.size(values)) * format_of(dtype).smallest_normal)


def promises(bound: float, scale: float) -> bool:
    """Whether float64 says more than float32 could: its bound is within a float32 ulp of the scale."""
    return bool(np.isfinite(bound) and bound <= 2 * format_of("float32").unit_roundoff * scale) or bound == 0
