"""How far a correct program may be from the exact value: bounds derived from the data, the format and the sizes.

No number here is a tolerance. Each bound follows from the standard model of floating-point arithmetic,

    fl(a ∘ b) = (a ∘ b)(1 + δ) + η,   |δ| ≤ u,   |η| ≤ τ,

with u the unit roundoff and τ the smallest normal number (η covers results that are flushed or lose bits below
it), for *any* order of summation, with or without fused multiply-adds. k roundings in a row stay within
γ_k = k u / (1 - k u), and (1 + γ_j)(1 + γ_k) ≤ 1 + γ_{j+k} (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, chapter 3). Where k u ≥ 1 nothing can be promised, and the bound is infinite.

The bounds are evaluated in float64 by ``reference.py``. What that evaluation itself rounds is covered twice: every
bound is enlarged by a relative 2^-20, and the change of σ over the error of a logit is taken over twice that
error, once for the logit the twin computed and once for the float64 logit that stands for the exact one.

The same bound, added for two twins, limits the distance between them (the triangle inequality).

**Likely bounds.** γ_k grows with k and is reached only if all roundings conspire. If they are independent and zero on
average, k of them in a row stay within γ_k(λ) = λ √k u (1 + k u), except with a chance of 2 exp(-λ² / 2) (Azuma's
inequality for martingales: Ipsen, Zhou, SIAM Journal on Matrix Analysis and Applications 41, 2020). With ``chance``
given, PointBounds takes min(γ_k, γ_k(λ)) for γ_k, λ such that a number leaves its bound with that chance. They are no
proof: equal numbers added one after another round alike. An error beyond a likely bound that is within the certain one
is a reason to look, not a verdict.

Many numbers together say more than the worst of them: a lower precision makes many small errors long before it makes
one that is too large. ``likely_mean_square`` bounds the mean of their squares.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..data.dataset import Dataset, Parameters
from ..twins import Reduction, Setting
from . import exact, reference
from .ulp import format_of

FUNCTION_ULPS = 3
"""How many ulp σ and softplus, as computed by a twin, may be from exact at the logit they are given.

The smallest whole number that no certified maximum of σ, the loss and its slope exceeds: ``maxima.json`` keeps them by
version and instruction set, from a sweep over all finite float32 inputs and a search in float64 (``maxima.py``), and
``parity_tests/machine/test_sweep.py`` holds the frameworks that are installed to them.
``parity_tests/truth/test_functions.py`` looks at every float16 and bfloat16 number.
"""

ENLARGED = 1 + 2.0**-20

WIDE = 2**9
"""Features; with more, and fewer rows than that, the Hessian's eigenvalues are those of a matrix of the rows."""

LARGEST_STACK = 2**17
"""How many numbers of X, or of logits, are looked at together along a run: a MiB."""


class Batches(NamedTuple):
    """The rows of K mini-batches of one size."""

    X: np.ndarray  # (K, N, D)
    y: np.ndarray  # (K, N)
    sample_weight: np.ndarray | None  # (K, N)

    @classmethod
    def of(cls, dataset: Dataset, batches: Sequence[np.ndarray]) -> "Batches":
        """Those rows of the data set."""
        rows, weight = np.stack(batches), dataset.sample_weight
        return cls(dataset.X[rows], dataset.y[rows], None if weight is None else weight[rows])


class PointBounds:
    """The bounds at one point θ, one property a quantity: absolute, and in float64.

    Args:
        dataset: N rows of D features, in numbers of the format; or K mini-batches of one size.
        parameters: θ, weight (D,) and bias (), in numbers of the format. Or a stack of K points, weight (K, D) and bias
            (K,): all properties but ``hessian`` then have one more axis, the first.
        dtype: the format that a program computes in.
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean" or "sum", of the losses.
        engine: "exact" for its arithmetic (``exact.py``), whose sums over rows are those of integers: N of them are off
            by N top 2^-52 at most, and what is below ``exact.LEAST`` is 0. In return γ does not count N: the
            share of a row is rounded, with row weights its divisor and the product of weight and 1 - y too, so are its
            product with that, and the sum. Every other name stands for the twins' own arithmetic.
        chance: for likely bounds, that a number leaves its own; None for certain ones.
        blocks: K, into how many blocks a pass cuts the rows, b, b + K, b + 2K, ... being block b, where it adds each in
            the format and the blocks in float64; only the likely gradient knows it.

    Raises:
        ValueError: for another reduction, or a format that is not known.
    """

    def __init__(
        self,
        dataset: Dataset | Batches,
        parameters: Parameters,
        *,
        dtype: str,
        l2: float = 0.0,
        reduction: Reduction = "mean",
        engine: str = "eager",
        chance: float | None = None,
        blocks: int = 1,
    ) -> None:
        format = format_of(dtype)
        self._u, self._tau, self._exact = format.unit_roundoff, format.smallest_normal, engine == "exact"
        self._chance, self._blocks = chance, blocks
        if self._exact:
            self._tau = exact.LEAST[dtype]
        self._w, self._l2 = np.asarray(parameters.weight, dtype=np.float64), l2
        b = np.asarray(parameters.bias, dtype=np.float64)
        self._point = Parameters(self._w, b)
        self._X, self._y, self._weight = dataset.X, dataset.y, dataset.sample_weight
        z = _product(self._X, self._w) + b[..., None]
        self._p, self._q = reference.sigmoid(z), reference.sigmoid(-z)
        self._losses = reference.stable_loss(z, self._y)
        share = (
            1 / np.asarray(reference.count(self._y, self._weight, reduction))[..., None]
        )  # of one row, (1,), (N,) or (K, N)
        self._share = share if self._weight is None else share * self._weight
        self._largest_share = share.max(axis=-1)

    def _gamma(self, k: int) -> float:
        certain = self._certain_gamma(k)
        return certain if self._chance is None else min(certain, likely_size(self._chance) * self._deviation(k))

    def _certain_gamma(self, k: int) -> float:
        return k * self._u / (1 - k * self._u) if k * self._u < 1 else np.inf

    def _deviation(self, k: int) -> float:
        """γ_k(1)."""
        return float(np.sqrt(k) * self._u * (1 + k * self._u))

    @property
    def _roundings(self) -> int:
        """In a weighted mean: product, N - 1 sums, quotient, its rounded divisor (itself a sum, with row weights)."""
        return self._roundings_of(self._y.shape[-1])

    def _roundings_of(self, n: int) -> int:
        if self._exact:
            return 4 if self._weight is None else 5
        return n + 3 if self._weight is None else 2 * n + 3

    @property
    def smallest(self) -> float:
        """τ, below which results may be 0."""
        return self._tau

    @cached_property
    def _off_count(self) -> np.ndarray:
        """How far Σ ω, a sum of integers too, may be off, relative to it: N max ω 2^-51 / Σ ω, as top ≤ 2 max ω."""
        if not self._exact or self._weight is None:
            return np.zeros(1)
        n, weight = self._y.shape[-1], self._weight
        return (2 * n * exact.UNIT * weight.max(axis=-1) / weight.sum(axis=-1))[..., None]

    @cached_property
    def _flushed(self) -> np.ndarray | float:
        """What a gradient may lose (...,) where features, weights and points below τ are 0."""
        if not self._exact:
            return 0.0
        return self._tau * (1 + self._largest_share) * (np.abs(self._X).sum(axis=(-2, -1)) + 3 * self._y.shape[-1])

    @cached_property
    def residuals(self) -> np.ndarray:
        """The exact residuals r (N,), in float64."""
        return (1 - self._y) * self._p - self._y * self._q

    @cached_property
    def value(self) -> np.float64 | np.ndarray:
        """The exact objective, in float64."""
        return np.sum(self._share * self._losses, axis=-1) + (self._l2 / 2 * self._w * self._w).sum(axis=-1)

    @cached_property
    def slope(self) -> np.ndarray:
        """The exact gradient (D + 1,), the bias last, in float64."""
        r = self._share * self.residuals
        return _flatten(_product(self._X.swapaxes(-1, -2), r) + self._l2 * self._w, r.sum(axis=-1))

    @cached_property
    def logit(self) -> np.ndarray:
        """Δz (N,) = γ_{D+1} (|X| |w| + |b|) + (2D + 1) τ.

        Each of the D products and the bias passes through at most D + 1 roundings.
        """
        return self._logit_within(self._gamma(self._w.shape[-1] + 1))

    @property
    def _certain_logit(self) -> np.ndarray:
        return self._logit_within(self._certain_gamma(self._w.shape[-1] + 1))

    def _logit_within(self, gamma: float) -> np.ndarray:
        features = self._w.shape[-1]
        flushed = self._tau * (np.abs(self._X).sum(axis=-1) + np.abs(self._w).sum(axis=-1)[..., None]) * self._exact
        return ENLARGED * (gamma * self.logit_scale + (2 * features + 1) * self._tau + flushed)

    @cached_property
    def logit_scale(self) -> np.ndarray:
        """|X| |w| + |b| (N,): what a logit is a sum of."""
        return _product(np.abs(self._X), np.abs(self._w)) + np.abs(self._point.bias)[..., None]

    @property
    def logit_rounded(self) -> np.ndarray:
        """γ_{D+1} (|X| |w| + |b|) (N,): of the bound of a logit what its roundings may be."""
        return ENLARGED * self._certain_gamma(self._w.shape[-1] + 1) * self.logit_scale

    @property
    def logit_deviation(self) -> np.ndarray:
        """γ_{D+1}(1) (|X| |w| + |b|) (N,): how far independent roundings of a logit may deviate."""
        return ENLARGED * self._deviation(self._w.shape[-1] + 1) * self.logit_scale

    @cached_property
    def _moved(self) -> np.ndarray:
        """How far p moves with the error of its logit (N,)."""
        return self.change_of_probability(self.logit)

    @cached_property
    def probability(self) -> np.ndarray:
        """Bound of p (N,): γ_{2A} e^{2Δz} σ(z) for the function, and what the logit's error moves; A = FUNCTION_ULPS.

        An ulp is at most 2u of the value, so A ulp are within γ_{2A}.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            own = self._gamma(2 * FUNCTION_ULPS) * np.exp(2 * self.logit) * self._p
        return ENLARGED * (_or_infinite(own) + self._moved + self._tau)

    @cached_property
    def residual(self) -> np.ndarray:
        """ρ (N,) = γ_{2A+3} e^{2Δz} s + (what the logit's error moves) + 4τ, with s = (1 - y) σ(z) + y σ(-z).

        r = (1 - y) σ(z) - y σ(-z) takes three roundings beside those of σ, and both terms change by at most
        e^{|t - z|} with the logit. For y in {0, 1} s is |r|: the bound is relative, however saturated the row.
        """
        size = (1 - self._y) * self._p + self._y * self._q
        with np.errstate(over="ignore", invalid="ignore"):
            own = self._gamma(2 * FUNCTION_ULPS + 3) * np.exp(2 * self.logit) * size
        return ENLARGED * (_or_infinite(own) + self._moved + 4 * self._tau)

    @cached_property
    def loss(self) -> np.ndarray:
        """E (N,) = γ_{2A+3} (ℓ + m) + m + 4τ, with m = sup |ℓ'| Δz what the logit's error moves.

        ℓ = y softplus(-z) + (1 - y) softplus(z) adds terms of one sign: three roundings beside softplus's own.
        ℓ' = r, and |r| grows by at most 2 e^{2Δz} σ(z) σ(-z) Δz on the way.
        """
        moved = (np.abs(self.residuals) + 2 * self._moved) * self.logit
        own = self._gamma(2 * FUNCTION_ULPS + 3) * (self._losses + moved)
        return ENLARGED * (own + moved + 4 * self._tau)

    @cached_property
    def objective(self) -> np.float64 | np.ndarray:
        """(1 + γ_k) mean E + γ_k mean ℓ, k = N + 4 (2N + 4 with row weights), and γ_{D+3} of the penalty.

        The losses and the row weights are not negative, so a sum of them is as accurate as its terms and γ_k. Of the
        penalty, a sum of ((l2 / 2) w_j) w_j, the first product may be off by τ, which w_j then multiplies.
        """
        g = self._gamma(self._roundings + 1)
        data = np.sum(self._share * ((1 + g) * self.loss + g * self._losses), axis=-1)
        penalty = self._gamma(self._w.shape[-1] + 3) * (self._l2 / 2 * self._w * self._w).sum(axis=-1)
        flushed = (1 + np.abs(self._w)).sum(axis=-1) if self._l2 else 0
        if self._exact:  # in units of the largest term, top ≤ 2 max: N max 2^-51, and D max 2^-51 of the penalty
            terms, squares = self._share * (self.loss + self._losses), self._l2 * self._w * self._w
            largest = terms.max(axis=-1) * self._y.shape[-1] + squares.max(axis=-1, initial=0.0) * squares.shape[-1]
            data = data + 2 * exact.UNIT * largest + 2 * self._off_count[..., 0] * terms.sum(axis=-1) + self._flushed
        return ENLARGED * (data + penalty + (2 * self._y.shape[-1] + 4 + flushed) * self._tau)

    @cached_property
    def gradient_scale(self) -> np.ndarray:
        """The natural size (D + 1,) of the gradient, the bias last: mean |x̃| |r| + l2 |w|, what it is a sum of."""
        return self._mean_of_columns(np.abs(self.residuals)) + self._l2 * self._penalised

    @cached_property
    def gradient(self) -> np.ndarray:
        """(1 + γ_k) mean |x̃_j| ρ + γ_k mean |x̃_j| |r| (D + 1,), the bias last; k = N + 5, or 2N + 5; γ_3 l2 |w_j|.

        Elementwise, against the sum of the sizes and not of the signed terms: a gradient near zero is a
        difference of large numbers and cannot be relatively accurate.
        """
        g = self._certain_gamma(self._roundings + 2)
        data = self._mean_of_columns((1 + g) * self.residual + g * np.abs(self.residuals))
        penalty, n = self._certain_gamma(3) * self._l2 * self._penalised, self._y.shape[-1]
        underflow = self._tau * (4 * _flatten(np.abs(self._X).sum(axis=-2), n) + 2 * n + 4)
        if self._exact:
            data = data + self._scale_of_sums + 2 * self._off_count * self._mean_of_columns(np.abs(self.residuals))
            underflow = underflow + np.asarray(self._flushed)[..., None]
        certain = ENLARGED * (data + penalty + underflow)
        if self._chance is None or self._exact:
            return certain
        fixed, deviation = self.gradient_parts
        return np.fmin(certain, fixed + likely_size(self._chance) * deviation)

    @cached_property
    def gradient_parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the gradient's error the part that nothing is assumed of, and how far the rest may deviate, (D + 1,) both.

        What the logit's error δ makes of a residual is σ' δ, and at most e^{Δz} σ' Δz² / 2 beside. Over the rows the
        first is independent, as are the roundings of the sums: a term of a block passes through k of them, each at most
        u times what the block is a sum of. The function's own error is taken as it is, and so are the last roundings.
        """
        certain, curvature = self._certain_logit, self._p * self._q
        size = (1 - self._y) * self._p + self._y * self._q
        with np.errstate(over="ignore", invalid="ignore"):
            grown = np.exp(2 * certain)
            own = self._certain_gamma(2 * FUNCTION_ULPS + 3) * grown * size + grown * curvature * certain**2 / 2
            moved = grown * curvature * self.logit_deviation
        n, features = self._y.shape[-1], self._w.shape[-1]
        penalty = self._certain_gamma(3) * self._l2 * self._penalised
        underflow = self._tau * (4 * _flatten(np.abs(self._X).sum(axis=-2), n) + 2 * n + 2 * features + 8)
        last = self._certain_gamma(2) * self.gradient_scale
        part = self._share * np.abs(self.residuals)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond the root of the largest number nothing is likely
            square = self._sum_of_columns(self._X**2, (self._share * moved) ** 2)
            for rows, sums in self._sums_of_blocks(part):
                square = square + ((self._deviation(self._roundings_of(rows) + 2) * sums) ** 2).sum(axis=-2)
        fixed = self._mean_of_columns(_or_infinite(own)) + last + penalty + underflow
        return ENLARGED * fixed, ENLARGED * np.sqrt(_or_infinite(square))

    @cached_property
    def _scale_of_sums(self) -> np.ndarray:
        """N top_j 2^-52 (D + 1,), top_j ≤ 2 max |x̃_j| max (share of a row): what the scale of the exact sums costs.

        It is chosen by the data alone, as no |r| is above 1, so that nothing has to be known of all residuals before
        one is added. That costs digits where all are small. Infinite where a logit of one feature could pass 2^1000:
        the gradient is NaN there.
        """
        largest = _flatten(np.abs(self._X).max(axis=-2, initial=0.0), 1.0)
        w = np.abs(np.concatenate([self._w, np.asarray(self._point.bias)[..., None]], axis=-1))
        far = (largest * w >= exact.LARGEST_LOGIT / 2).any(axis=-1)
        cost = exact.UNIT * self._y.shape[-1] * largest * self._share.max(axis=-1)[..., None]
        return np.where(far[..., None], np.inf, cost)

    @cached_property
    def hessian(self) -> np.ndarray:
        """mean |x̃_j| |x̃_k| σ(z) σ(-z) (e^{2Δz} (1 + γ_k) - 1) (D + 1, D + 1), k = 4A + N + 6, and γ_2 l2.

        |(log σ(z) σ(-z))'| = |1 - 2σ(z)| ≤ 1, so the curvature of a row moves by at most e^{Δz}; it takes two
        functions, and three roundings for their product and those with x̃_j and x̃_k.
        """
        g = self._gamma(4 * FUNCTION_ULPS + self._roundings + 3)
        with np.errstate(over="ignore", invalid="ignore"):
            size = self._share * self._p * self._q * (np.expm1(2 * self.logit) + g * np.exp(2 * self.logit))
        X1 = reference.with_ones(np.abs(self._X))
        penalty = self._gamma(2) * self._l2 * np.diag(np.append(np.ones(len(self._w)), 0))
        underflow = self._tau * (4 * X1.T @ X1 + 2 * len(self._y) + 4)
        return ENLARGED * (X1.T @ (X1 * _or_infinite(size)[:, None]) + penalty + underflow)

    @property
    def _penalised(self) -> np.ndarray:
        """|w|, and 0 for the bias."""
        return _flatten(np.abs(self._w), 0.0)

    def _mean_of_columns(self, size: np.ndarray) -> np.ndarray:
        return self._sum_of_columns(np.abs(self._X), self._share * size)

    def _sums_of_blocks(self, size: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """How many rows blocks have, and what each is a sum of (K, D + 1): of the longer ones, and of the others."""
        n, count = self._y.shape[-1], self._blocks
        X = np.abs(self._X)
        if count == 1:
            yield n, self._sum_of_columns(X, size)[..., None, :]
            return
        rows, more = divmod(n, count)
        whole = rows * count
        cut = [array[..., :whole, :].reshape(*array.shape[:-2], rows, count, -1) for array in (X, size[..., None])]
        parts = [np.einsum("...rkd,...rk->...kd", cut[0], cut[1][..., 0]), cut[1][..., 0].sum(axis=-2)]
        sums = _flatten(*parts)
        sums[..., :more, :] += _flatten(X[..., whole:, :], 1.0) * size[..., whole:, None]
        if more:
            yield rows + 1, sums[..., :more, :]
        yield rows, sums[..., more:, :]

    @staticmethod
    def _sum_of_columns(X: np.ndarray, size: np.ndarray) -> np.ndarray:
        return _flatten(_product(X.swapaxes(-1, -2), size), size.sum(axis=-1))

    def change_of_probability(self, change: np.ndarray) -> np.ndarray:
        """How far p can move while its logit moves by c: e^{2c} σ(z) σ(-z) c, and never by more than 1.

        |σ''| ≤ σ' gives σ'(t) ≤ e^{|t - z|} σ'(z).

        Args:
            change: c (N,), at least 0.

        Returns:
            The bound (N,).
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return np.fmin(np.exp(2 * change) * self._p * self._q * change, 1.0)

    def step(self, learning_rate: float, reached: Parameters) -> np.ndarray:
        """How far one step θ - η ∇f from this very point may end from where it should.

        η Δg from the gradient, u η (|g| + Δg) from its product with η, u |reached| from the subtraction.

        Args:
            learning_rate: η.
            reached: the point where the step ended, weight (D,) and bias ().

        Returns:
            The bound (D + 1,), a coordinate, the bias last.
        """
        moved = self.gradient + self._u * (self.gradient_scale + self.gradient)
        rounded = self._u * np.abs(_flatten(*reached))
        return ENLARGED * (learning_rate * moved + rounded + 2 * self._tau)


def likely_size(chance: float) -> float:
    """λ = √(2 log(2 / chance)), which independent roundings leave with that chance."""
    return float(np.sqrt(2 * np.log(2 / chance)))


def likely_mean_square(fixed: np.ndarray, deviation: np.ndarray, groups: np.ndarray, chance: float) -> float:
    """The root of the mean square of errors that roundings leave with a chance, if those of different groups are
    independent.

    Error i is a part of at most f_i and one that deviates by d_i: E exp(s ε_i) ≤ exp(s² d_i² / 2). Within a group they
    may depend on each other as they like: with a_g = Σ d_i² over group g, E exp(s Σ ε_i²) ≤ (1 - 2 s a_g)^(-1/2). So
    Σ ε² ≤ Σ a + 2 √(L Σ a²) + 2 L max a but with a chance of exp(-L) (Laurent, Massart, Annals of Statistics 28, 2000,
    lemma 1), and Minkowski's inequality adds the fixed part.

    Args:
        fixed: f (K,).
        deviation: d (K,).
        groups: (K,), a number for each group.
        chance: exp(-L).
    """
    L = np.log(1 / chance)
    with np.errstate(over="ignore"):
        a = np.bincount(groups, deviation**2)
        square = a.sum() + 2 * np.sqrt(L * (a**2).sum()) + 2 * L * a.max()
        return float(ENLARGED * (root_mean_square(fixed) + np.sqrt(square / len(fixed))))


def root_mean_square(values: np.ndarray) -> float:
    """√(mean x²), infinite where a square is."""
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.mean(np.square(values))))


def largest_curvature(dataset: Dataset, *, l2: float = 0.0, reduction: Reduction = "mean") -> float:
    """The largest eigenvalue a Hessian can have anywhere: that of X̃ᵀ diag(ω) X̃ / 4 Σω, since σ' ≤ 1/4, and l2.

    Steps up to 2 over it never lead apart; 1 over it is the classical step size.

    Args:
        dataset: N rows of D features.
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean" or "sum", of the losses.

    Raises:
        ValueError: for another reduction.
    """
    at_zero = Parameters(np.zeros(dataset.n_features), 0.0)  # σ' is 1/4 in every row
    H = reference.hessian(
        at_zero, dataset.X, dataset.y, sample_weight=dataset.sample_weight, l2=l2, reduction=reduction
    )
    return float(np.linalg.eigvalsh(H)[-1])


class TrajectoryBounds(NamedTuple):
    """Bounds along a run of T steps, in the 2-norm of θ; infinite from where nothing can be promised."""

    parameters: np.ndarray  # (T + 1,), of the points, the start included
    losses: np.ndarray  # (T,)


def trajectory(
    dataset: Dataset,
    weights: np.ndarray,
    biases: np.ndarray,
    setting: Setting,
    *,
    dtype: str,
    batches: Sequence[np.ndarray] | None = None,
    engine: str = "eager",
) -> TrajectoryBounds:
    """How far every point of a run of plain descent can be from the run without rounding.

    One exact step G(θ) = θ - η ∇f(θ) from the computed point θ̂_t misses the computed θ̂_{t+1} by at most
    ``PointBounds.step``. From θ̂_t and from the exact θ_t, E_t apart, two exact steps end
    ‖(I - η H̄)(θ̂_t - θ_t)‖ apart, H̄ the mean Hessian between them. With R = max ‖x̃‖, |σ''| ≤ σ' gives
    e^{-RE} H(θ̂) ≤ H̄ ≤ e^{RE} H(θ̂) (self-concordance: Bach, Electronic Journal of Statistics 4, 2010), so

        E_{t+1} = max(|1 - η μ e^{-R E_t}|, |1 - η L e^{R E_t}|) E_t + ‖step bound‖,   E_0 = 0,

    with μ and L the extreme eigenvalues of H(θ̂_t). The same inequality lets one H serve for a stretch of points,
    at the price of R times their distance. Past the edge of stability (η L > 2) E grows without limit and the
    bound says so: nothing is promised there.

    A loss f(θ̂_t) is within its own bound and ‖g‖ E + (L / 2) e^{RE} E² of the exact run's f(θ_t).

    Args:
        dataset: N rows of D features, as the program saw them.
        weights: of the computed points (T + 1, D), the start included; a run that stopped early has fewer.
        biases: of the computed points (T + 1,).
        setting: what the run was, in numbers of the format; its momentum is not looked at.
        dtype: the format that the program computed in.
        batches: the rows (B,) of every step, or None for all rows.
        engine: that of ``PointBounds``.
    """
    steps, rate = len(weights) - 1, setting.learning_rate
    before = setting.record == "before"
    moved, values, steep = np.empty((3, steps))  # the bounds of the step and of the loss, and ‖g‖ where that is taken
    for chosen, rows in stacks(dataset, batches, steps):
        here, there = (Parameters(weights[chosen + s], biases[chosen + s]) for s in (0, 1))
        with np.errstate(over="ignore", invalid="ignore"):  # past the first bound that is not finite, no other counts
            words: dict[str, Any] = {"l2": setting.l2, "reduction": setting.reduction, "engine": engine}
            at = PointBounds(rows, here, dtype=dtype, **words)
            moved[chosen] = np.linalg.norm(at.step(rate, there), axis=1)
            at = at if before else PointBounds(rows, there, dtype=dtype, **words)
            values[chosen], steep[chosen] = at.objective, np.linalg.norm(at.gradient_scale, axis=1)
    errors, losses = np.full(steps + 1, np.inf), np.full(steps, np.inf)
    errors[0] = 0.0
    curvature, taken, points = None, 0 if before else 1, np.column_stack([weights, biases])
    for t in range(steps):
        if curvature is None or batches is not None or not curvature.near(points[t]):
            rows = dataset if batches is None else dataset.take(batches[t])
            curvature = _Curvature(rows, Parameters(weights[t], biases[t]), setting)
        errors[t + 1] = curvature.expansion(points[t], errors[t], rate) * errors[t] + moved[t]
        error = errors[t + taken]
        losses[t] = values[t] + curvature.change_of_value(points[t + taken], error, steep[t])
        if not np.isfinite(errors[t + 1]):
            break
    return TrajectoryBounds(errors, losses)


def stacks(
    dataset: Dataset, batches: Sequence[np.ndarray] | None, steps: int
) -> Iterator[tuple[np.ndarray, Dataset | Batches]]:
    """The steps (K,) in stacks of equally many rows, with these: the data set, or ``Batches``."""
    sizes = np.array([dataset.n_rows if batches is None else len(batches[t]) for t in range(steps)])
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        length = max(1, LARGEST_STACK // (size * (1 if batches is None else dataset.n_features + 1)))
        for stack in np.split(chosen, range(length, len(chosen), length)):
            yield stack, dataset if batches is None else Batches.of(dataset, [batches[t] for t in stack])


class _Curvature:
    """The extreme eigenvalues of the Hessian at one point, and what they are worth at others."""

    def __init__(self, dataset: Dataset, parameters: Parameters, setting: Setting) -> None:
        weight, l2, reduction = dataset.sample_weight, setting.l2, setting.reduction
        if dataset.n_rows <= dataset.n_features > WIDE:  # it is singular: X̃ᵀ D X̃ and √D X̃ X̃ᵀ √D
            p = reference.sigmoid(reference.logits(parameters, dataset.X))
            root = np.sqrt(p * (1 - p) * (1 if weight is None else weight))[:, None] * reference.with_ones(dataset.X)
            gram = root @ root.T / reference.count(dataset.y, weight, reduction)
            eigenvalues = np.array([0.0, np.linalg.eigvalsh(gram)[-1] + l2])
        else:
            H = reference.hessian(parameters, dataset.X, dataset.y, sample_weight=weight, l2=l2, reduction=reduction)
            eigenvalues = np.linalg.eigvalsh(H)
        self._largest = eigenvalues[-1] * ENLARGED
        self._smallest = max(eigenvalues[0] - 2.0**-20 * eigenvalues[-1], 0.0)
        self._radius = np.sqrt((dataset.X**2).sum(axis=1).max() + 1)  # R
        self._origin = reference.flatten(parameters)

    def near(self, point: np.ndarray) -> bool:
        return self._change(point, 0.0) < 2.0**-4

    def _change(self, point: np.ndarray, error: float) -> float:
        return self._radius * (np.linalg.norm(point - self._origin) + error)

    def expansion(self, point: np.ndarray, error: float, learning_rate: float) -> float:
        with np.errstate(over="ignore"):
            factor = np.exp(self._change(point, error))
            slow = abs(1 - learning_rate * self._smallest / factor)
            fast = abs(1 - learning_rate * self._largest * factor)
        return max(slow, fast)

    def change_of_value(self, point: np.ndarray, error: float, steep: float) -> float:
        with np.errstate(over="ignore"):
            steepest = self._largest * np.exp(self._change(point, error))
            return float(steep * error + steepest / 2 * np.square(error))


def _product(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Xw, for every w of a stack."""
    return (X @ w[..., None])[..., 0]


def _flatten(weight: np.ndarray, bias: ArrayLike) -> np.ndarray:
    """(w, b) as one vector (..., D + 1), the bias last."""
    return np.concatenate([weight, np.broadcast_to(bias, weight.shape[:-1])[..., None]], axis=-1)


def _or_infinite(values: np.ndarray) -> np.ndarray:
    """0 · ∞ is no promise."""
    return np.where(np.isnan(values), np.inf, values)
