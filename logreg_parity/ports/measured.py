"""How far rounding alone can carry a quantity, measured: what a check has in the place of derived bounds.

For somebody else's model nothing can be derived, but two things can be measured. First, its conditioning: move every
parameter and every input by one ulp, at random up or down, and see how far each quantity goes, in float64. Second,
what its own operations round off: run it in float32 at the same kind of points, and take the distance to float64 at
the very same numbers. Rounding errors are linear in the unit roundoff u to first order, so 2^-24 of float32 tell of
2^-53 of float64 what a factor 2^-29 makes of them. Both are taken on each side, over K points.

    float64   |torch - jax| <= t sqrt(Σ_sides r² + (2^-29 a)²) + 8 u |q|
    float32   |q32 - q64|   <= t sqrt(n) sqrt(c² + a_other²) + 8 u32 |q|

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

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..truth.ulp import format_of
from .sides import Plan, Side, Where

CHANCE = 1e-9  # of a false alarm in one quantity
LIBRARY_ROUNDINGS = 8
RATIO = format_of("float64").unit_roundoff / format_of("float32").unit_roundoff

Seen = dict[str, np.ndarray]


class Spread(NamedTuple):
    """One side measured: root mean squares by quantity, and what it gave in the middle of each format's points."""

    float64: Seen  # at the point
    in_float64: Seen  # at the point rounded to float32, which is where float32 is judged
    float32: Seen
    response: dict[str, float]  # r
    response32: dict[str, float]  # c
    rounding: dict[str, float]  # a; infinite where a float32 result is not finite

    def has(self, name: str) -> bool:
        """Whether every run had this quantity."""
        runs = (self.float64, self.in_float64, self.float32, self.response, self.response32, self.rounding)
        return all(name in run for run in runs)


def one_ulp(rng: np.random.RandomState, dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function that moves each number to a neighbour in the format, up or down by chance; zeros stay."""

    def move(x: np.ndarray) -> np.ndarray:
        there = np.where(rng.random_sample(np.shape(x)) < 0.5, -np.inf, np.inf).astype(dtype)
        return np.where(x == 0, x, np.nextafter(np.asarray(x).astype(dtype), there).astype(np.float64))

    return move


def measure(side: Side, here: Where, plan: Plan, *, samples: int, seed: int) -> Spread:
    """Run a side at its point and at K neighbours in each format; the same seed gives both sides the same points."""
    base, coarse = side.observe(here, plan, "float64"), here.rounded("float32")
    rng = np.random.RandomState(seed)
    near = (side.observe(here.moved(one_ulp(rng, "float64")), plan, "float64") for _ in range(samples))
    response = _root_mean_square([_distances(seen, base) for seen in near])
    exact, narrow = (side.observe(coarse, plan, dtype) for dtype in ("float64", "float32"))
    moves, errors = [], [_distances(narrow, exact)]
    for _ in range(samples):
        there = coarse.moved(one_ulp(rng, "float32"))
        wide = side.observe(there, plan, "float64")
        moves.append(_distances(wide, exact))
        errors.append(_distances(side.observe(there, plan, "float32"), wide))
    return Spread(base, exact, narrow, response, _root_mean_square(moves), _root_mean_square(errors))


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


def student(samples: int) -> float:
    """t, the quantile of Student's distribution, both tails."""
    from scipy.special import stdtrit  # takes a moment to import, and this module is imported with the package

    return float(stdtrit(samples, 1 - CHANCE / 2))


def bound_float64(name: str, spreads: list[Spread], samples: int) -> float:
    """How far the two sides may be apart."""
    total, size = 0.0, 0.0
    for spread in spreads:
        rounding = spread.rounding[name]
        total += spread.response[name] ** 2 + (RATIO * rounding if np.isfinite(rounding) else 0.0) ** 2
        size = max(size, distance(spread.float64[name], np.zeros(1)))
    floor = least("float64", spreads[0].float64[name])
    return student(samples) * np.sqrt(total) + LIBRARY_ROUNDINGS * format_of("float64").unit_roundoff * size + floor


def bound_float32(name: str, spread: Spread, other: Spread, samples: int, terms: int) -> float:
    """How far a side's float32 may be from float64, its own or the other's."""
    response = max(spread.response32[name], other.response32[name])
    rounding = other.rounding[name]
    total = np.hypot(response, rounding if np.isfinite(rounding) else 0.0)
    size = distance(other.in_float64[name], np.zeros(1))
    sure = LIBRARY_ROUNDINGS * format_of("float32").unit_roundoff * size + least("float32", spread.float32[name])
    return student(samples) * np.sqrt(terms) * total + sure


def least(dtype: str, values: np.ndarray) -> float:
    """How far apart numbers are that one library flushes to 0 and the other keeps."""
    return float(np.sqrt(np.size(values)) * np.finfo(dtype).smallest_normal)


def promises(bound: float, scale: float) -> bool:
    """Whether float64 says more than float32 could: its bound is within a float32 ulp of the scale."""
    return bool(np.isfinite(bound) and bound <= 2 * format_of("float32").unit_roundoff * scale) or bound == 0
