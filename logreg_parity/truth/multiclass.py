"""The objective of K classes from its rows: value and slope with their errors, the proof of a point, the exact optimum.

Let f be the mean of the softmax losses with logits z_k = θ_k·x̃ and (l2 / 2) ‖W‖². It does not change where the same is
added to every row of θ: the biases always, and the weights where l2 = 0. To f is therefore added

    Σ_j c_j (Σ_k θ_kj)² / 2,   c_j > 0 for those columns, 0 for the others,

which is 0 at the optimum whose rows sum to zero and makes it the only one. (With l2 > 0 its weights sum to zero anyway,
for the slopes of f do.) The sum F is convex, and the proof is that of ``certificate.py``: along a step that moves the
logits of a row by v the second derivative of its loss changes at the rate of a third moment of v around its mean,
which is at most max v - min v times the second; so with R = max ‖(P_k - P_l)ᵀx̃‖ over rows and pairs of classes every
Hessian on the way is within e^{±Rρ} of the first, and what is added to f has a constant one. f(θ) - f* ≤ F(θ) - F*.

**Rounding.** In an arithmetic of roundoff u a logit is off by Δ = γ_{D+2} max_k |x̃|·|θ_k|, of which u |z| is half at
most. The log-sum-exp moves by no more than the logits; with the arguments of its exps, its logarithm and two sums the
margin is off by 5Δ + λ, λ = γ_{2A+K+8} (1 + log K), A = FUNCTION_ULPS, loss and σ(-m) by a factor within e^{±(5Δ+λ)}
and 2A roundings. The share of a class among the others is off by e^{±4Δ} and γ_{4A+2K}, so slopes, of which that of a
row's own class is the sum of the others, and probabilities by e^{±(9Δ+λ)}. What is added up in k steps is off by γ_k of
the sizes. In the Hessian p_a p_b |x̃_i| |x̃_j| is at most the root of the product of two diagonal entries, so it is off
as in ``certificate.py``, each of its terms by a factor within e^{±2(9Δ+λ)}.
"""

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat

from ..data.dataset import Dataset
from ..data.multiclass import MulticlassDataset
from . import reference
from .bounds import ENLARGED, FUNCTION_ULPS
from .certificate import Certificate, Whitened, gamma, relative, whitening
from .oracle import as_balls, middle, precision
from .recount import CHUNK, LEAST_ROUNDOFF, SHORT, exactly, short_sums
from .separation import EXACT_SIZE, counted_rows, directions, separation
from .ulp import Format, format_of

BITS = 256
REFINEMENTS = 30  # of the exact optimum: each leaves ε of the distance, and some of its square


class MulticlassPoint(NamedTuple):
    """What the rows say at θ (K, k), k = D + 1 or D without an intercept, in the arithmetic of the machine."""

    theta: np.ndarray
    losses: np.ndarray  # (N,)
    slopes: np.ndarray  # (N, K), of the losses by the logits
    probabilities: np.ndarray  # (N, K)
    value: float  # F
    gradient: np.ndarray  # (K, k), of F
    value_error: float
    error: np.ndarray  # (K, k), how far the gradient may be from exact


class MulticlassRows:
    """F of a data set as a function of θ (K, k), in units that make the columns of X about 1.

    Args:
        dataset: N rows.
        l2: of the penalty.
        reduction: "mean" or "sum", of the losses; F is the mean in either case.
        intercept: whether there is a bias, which then is last.
        dtype: X counts as rounded to it.
        scaled: whether θ is in units of powers of two, near the root of each column's mean square.
        pinned: whether F is f and what makes its optimum the only one, or f alone.
    """

    def __init__(
        self,
        dataset: MulticlassDataset,
        *,
        l2: float = 0.0,
        reduction: str = "mean",
        intercept: bool = True,
        dtype: str = "float64",
        scaled: bool = True,
        pinned: bool = True,
    ):
        weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
        X, self.y, weight = (array[weight > 0] for array in (dataset.X, dataset.y, weight))
        X = X.astype(dtype).astype(np.float64)
        X = reference.with_ones(X) if intercept else X
        self.K, self.k, self.weight = dataset.n_classes, X.shape[1], weight
        largest = np.abs(X).max(axis=0)
        share = X / np.where(largest > 0, largest, 1)
        size = largest * np.sqrt(weight @ share**2 / weight.sum())
        self.unit = np.exp2(np.rint(np.log2(np.where((size > 0) & scaled, size, 1.0))))
        self.X, self.largest = X / self.unit, largest / self.unit
        self.weights = np.arange(self.k) < dataset.n_features  # which columns are no bias
        self.choices: np.ndarray | None = None  # (N, K), which classes a row may be of; None for all
        self.total = sum(map(np.longdouble, exactly(weight)))
        self.scale = 1.0 if reduction == "mean" else float(self.total)
        wide = np.where(self.weights, np.longdouble(l2), 0) / self.unit / self.unit
        self.wide_penalty = wide / (1 if reduction == "mean" else self.total)
        self.penalty = self.wide_penalty.astype(np.float64)  # (k,)
        self._gauge = np.where(self.weights & (l2 > 0), 0.0, 1.0)
        self.gauge = self._gauge * pinned  # c (k,)

    @property
    def pinned(self) -> "MulticlassRows":
        """The same rows of F, with what makes its optimum the only one."""
        rows = copy(self)
        rows.gauge = self._gauge
        return rows

    def limited(self, choices: np.ndarray) -> "MulticlassRows":
        """Those rows that may be of two classes or more, each of its choices (N, K) only: F is their mean."""
        rows, some = copy(self), choices.sum(axis=1) > 1
        rows.X, rows.y, rows.weight, rows.choices = self.X[some], self.y[some], self.weight[some], choices[some]
        rows.total = sum(map(np.longdouble, exactly(rows.weight)))
        return rows

    def at(self, theta: np.ndarray) -> MulticlassPoint:
        """Value and gradient with their errors, from the rows, in the machine's longest format where they are few."""
        real: Any = np.longdouble if self.X.size * self.K <= CHUNK else np.float64
        roundoff = max(float(np.finfo(real).eps) / 2, LEAST_ROUNDOFF)
        X, wide = self.X.astype(real, copy=False), theta.astype(real, copy=False)
        Z = X @ wide.T if self.choices is None else np.where(self.choices, X @ wide.T, -np.inf)
        losses, slopes, p = losses_and_slopes(Z, self.y)
        parts = short_sums(X, self.weight[:, None] * slopes)
        slope = np.array([[sum(map(real, exactly(column))) for column in row] for row in parts.transpose(1, 2, 0)])
        added = self.wide_penalty * wide + self.gauge * wide.sum(axis=0)
        gradient = (slope / self.total + added).astype(np.float64)
        value = float((self.weight * losses).sum() / self.total + (self.penalty * theta**2).sum() / 2)
        value += float((self.gauge * theta.sum(axis=0) ** 2).sum() / 2)
        error = self.slope_error(theta, slopes, longest_sum=SHORT + 8, roundoff=roundoff)
        error += ENLARGED * gamma(self.K + 6, roundoff) * (self.penalty + self.gauge) * np.abs(theta).sum(axis=0)
        value_error = self.value_error(theta, losses, longest_sum=len(X) + self.K + 8, roundoff=roundoff)
        u = format_of("float64").unit_roundoff
        rounded = error + 2 * u * np.abs(gradient)
        return MulticlassPoint(theta, losses, slopes, p, value, gradient, value_error + 4 * u * value, rounded)

    def slope_error(self, theta: np.ndarray, slopes: np.ndarray, *, longest_sum: int, roundoff: float) -> np.ndarray:
        """How far the mean's slope (K, k), without penalty, may be from exact if it is computed in such an arithmetic.

        Args:
            theta: the point (K, k).
            slopes: those of the rows (N, K).
            longest_sum: of how many numbers.
            roundoff: u.
        """
        weighted = self.weight[:, None] * np.abs(slopes).astype(np.float64)
        sizes = weighted.T @ np.abs(self.X) / float(self.total)
        steps = gamma(longest_sum + 4 * FUNCTION_ULPS + 2 * self.K + 20, roundoff)
        tiny = 8 * _like(roundoff).smallest_normal * (self.largest + 1)
        return ENLARGED * (relative(steps, self._moved(theta, roundoff, 9)) * sizes + tiny)

    def value_error(self, theta: np.ndarray, losses: np.ndarray, *, longest_sum: int, roundoff: float) -> float:
        """The same of the mean loss, the penalty included; losses (N,) are those of the rows."""
        moved = self._moved(theta, roundoff, 5)
        mean = float((self.weight * losses).sum() / self.total)
        steps = gamma(longest_sum + 2 * FUNCTION_ULPS + 8, roundoff)
        penalised = gamma(theta.size + 6, roundoff) * float((self.penalty * theta**2).sum())
        return ENLARGED * (relative(steps, moved) * mean + penalised + 8 * _like(roundoff).smallest_normal)

    def hessian(self, probabilities: np.ndarray) -> np.ndarray:
        """That of F (K k, K k) in float64, from the probabilities (N, K) of the rows."""
        p, H = probabilities.astype(np.float64), np.empty((self.K, self.k, self.K, self.k))
        share = self.weight / float(self.total)
        for a in range(self.K):
            for b in range(a + 1):
                bend = p[:, a] * (np.delete(p, a, axis=1).sum(axis=1) if a == b else -p[:, b])
                H[a, :, b] = H[b, :, a] = (self.X * (share * bend)[:, None]).T @ self.X
            H[a, range(self.k), a, range(self.k)] += self.penalty
        H[:, range(self.k), :, range(self.k)] += self.gauge[:, None, None]
        return H.reshape(self.K * self.k, -1)

    def whitened(self, point: MulticlassPoint, basis: np.ndarray | None = None) -> Whitened | None:
        """P at a point, with what a proof has to know of it; None where the Hessian is singular.

        basis (K k, m): small whole numbers, of whose columns those of P then are sums, exactly; None for any P.
        """
        H = self.hessian(point.probabilities)
        P = whitening(H) if basis is None else combined(basis, whitening(basis.T @ H @ basis))
        if P.shape[1] < (len(H) if basis is None else basis.shape[1]):
            return None
        unit = np.sqrt(np.diag(H))
        size, steps = np.linalg.norm(unit[:, None] * P), self._roundings
        u = format_of("float64").unit_roundoff
        change = relative(steps, 2 * self._moved(point.theta, u, 9))
        epsilon = ENLARGED * (np.linalg.norm(P.T @ H @ P - np.eye(P.shape[1])) + 2 * change * len(H) * size**2)
        blocks = P.reshape(self.K, self.k, -1)
        pairs = ((a, b) for a in range(self.K) for b in range(a))
        longest = max(np.linalg.norm(self.X @ (blocks[a] - blocks[b]), axis=1).max() for a, b in pairs)
        counted = unit > 0  # where no choice is of a class, its rows of P are 0
        wide = size * float(np.linalg.norm(np.tile(self.largest, self.K)[counted] / unit[counted]))
        return Whitened(
            point.theta.ravel(), unit, P, float(epsilon), float(ENLARGED * (longest + 2 * steps * wide)), True
        )

    def certificate(self, point: MulticlassPoint, base: int | None = None) -> Certificate | None:
        """What is proved of a point of the mean; the distances (K k,) are those of rows less the row of class base."""
        found = self.whitened(point)
        if found is None:
            return None
        return self.proof(found, point, None if base is None else self.contrasts(base)[0])

    def proof(self, found: Whitened, point: MulticlassPoint, of: np.ndarray | None = None) -> Certificate | None:
        """What is proved of a point by what ``whitened`` has found there; of (j, K k) as ``Whitened`` takes it."""
        return found.certificate(point.gradient.ravel(), point.error.ravel(), self._roundings, of)

    def contrasts(self, base: int | None) -> tuple[np.ndarray, int]:
        """Whole numbers (K k, K k) and a divisor: they take θ to θ less its row of class base, or its rows' mean."""
        of = np.eye(self.K * self.k)
        if base is not None:
            return of - np.tile(of[base * self.k : (base + 1) * self.k], (self.K, 1)), 1
        return self.K * of - np.tile(np.eye(self.k), (self.K, self.K)), self.K

    def all_right(self, point: MulticlassPoint) -> bool:
        """Whether a point separates all rows: each loss is at most half of log 2, which a margin of 0 costs.

        Of such a row the margin is above 0.8, and rounding moves it by less.
        """
        u = format_of("float64").unit_roundoff
        return bool((point.losses <= np.log(2) / 2).all() and self._moved(point.theta, u, 5) < 0.5)

    @property
    def _roundings(self) -> float:
        return gamma(len(self.X) + 4 * self.K * self.k + 8 * FUNCTION_ULPS + 4 * self.K + 20)

    def _moved(self, theta: np.ndarray, roundoff: float, shares: int) -> float:
        """So many Δ, and λ."""
        largest = float((np.abs(self.X) @ np.abs(theta).T).max())
        own = gamma(2 * FUNCTION_ULPS + self.K + 8, roundoff) * (1 + np.log(self.K))
        return ENLARGED * (shares * gamma(self.k + 1, roundoff) * largest + own)


def combined(basis: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """basis (j, m), of small whole numbers, times what is ``on_grid`` of coordinates: without a rounding."""
    return basis @ on_grid(basis, coordinates)


def on_grid(basis: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Floats (m,) or (m, i) of which those that the basis adds up are rounded so that it can, column by column."""
    added = np.count_nonzero(basis, axis=1) > 1
    shared, kept = basis[added].any(axis=0), coordinates.copy()
    if shared.any():
        largest = np.abs(kept[shared]).max(axis=0)
        terms = np.abs(basis[added]).sum(axis=1).max()
        grid = np.exp2(np.ceil(np.log2(np.where(largest > 0, largest, 1))) - 52 + np.ceil(np.log2(terms)))
        kept[shared] = np.rint(kept[shared] / grid) * grid
    return kept


def losses_and_slopes(Z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ℓ (N,), its gradient by the logits (N, K) and the probabilities (N, K), in the format of the logits.

    Args:
        Z: logits (N, K).
        y: classes (N,).
    """
    own = np.arange(len(Z)), y
    others = Z.copy()
    others[own] = -np.inf
    largest = others.max(axis=1, keepdims=True)
    powers = np.exp(others - largest)
    total = powers.sum(axis=1, keepdims=True)
    minus_m = largest[:, 0] + np.log(total[:, 0]) - Z[own]
    slopes = reference.sigmoid(minus_m)[:, None] * powers / total
    slopes[own] = 0
    p = slopes.copy()
    slopes[own], p[own] = -slopes.sum(axis=1), reference.sigmoid(-minus_m)
    return reference.softplus(minus_m), slopes, p


def margins(Z: np.ndarray) -> np.ndarray:
    """How far each logit of Z (N, K) is above the log-sum-exp of the others, (N, K): σ of it is the probability."""
    rest = np.stack([np.delete(Z, k, axis=1) for k in range(Z.shape[1])], axis=1)  # (N, K, K - 1)
    largest = rest.max(axis=2)
    return Z - largest - np.log(np.exp(rest - largest[..., None]).sum(axis=2))


def exact_optimum(rows: MulticlassRows, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The optimum whose rows sum to zero, as numbers of ``gmpy2.mpfr`` (K, k), and how far it may be from exact.

    Newton's steps from θ with one P and the gradient in Arb's balls, until that is 10⁻⁴⁰; None where nothing is proved.
    Both in the units of the rows.
    """
    found = rows.whitened(rows.at(theta))
    if found is None:
        return None
    with precision(BITS):
        P, here, moved = as_balls(found.P), as_balls(theta), 0.0
        for _ in range(REFINEMENTS):
            v = P.T @ exact_gradient(rows, here).ravel()
            nu = float((v**2).sum().sqrt().abs_upper())
            if nu <= 1e-40:
                break
            moved += nu
            here = np.vectorize(arb.mid, otypes=[object])(here - (P @ v).reshape(here.shape))
        tau = ENLARGED * found.radius * nu / ((1 - found.epsilon) * np.exp(-found.radius * moved))
        if not (found.epsilon <= 0.5 and tau <= 0.5):
            return None
        radius = ENLARGED * -np.log1p(-tau) / found.radius * np.linalg.norm(found.P, axis=1)
        return middle(here), radius.reshape(here.shape)


def exact_powers(rows: MulticlassRows, theta: np.ndarray) -> np.ndarray:
    """exp(z_k - z_y) (N, K) of balls θ (K, k), in balls; the sum of a row is 1 / p_y."""
    Z = np.array((arb_mat(rows.X.tolist()) * arb_mat(theta.T.tolist())).tolist())
    return np.vectorize(arb.exp, otypes=[object])(Z - Z[np.arange(len(Z)), rows.y][:, None])


def exact_gradient(rows: MulticlassRows, theta: np.ndarray) -> np.ndarray:
    """That of F (K, k) at balls θ, in balls."""
    powers, weight = exact_powers(rows, theta), as_balls(rows.weight)
    p = powers / powers.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), rows.y] -= 1
    slope = np.array((arb_mat((p * weight[:, None]).T.tolist()) * arb_mat(rows.X.tolist())).tolist()) / weight.sum()
    return slope + as_balls(rows.penalty) * theta + as_balls(rows.gauge) * theta.sum(axis=0)


def separated(dataset: MulticlassDataset, *, intercept: bool = True) -> tuple[str, np.ndarray] | None:
    """ "separable" or "quasi-separable" with an exact direction (K, k) of rational numbers, along which the loss falls.

    None where nothing is proved, or the rows are too many for it. The direction is that of rows less the first class's.
    """
    rows = MulticlassRows(dataset, intercept=intercept, scaled=False)
    if too_large(rows):
        return None
    found = separating(differences(rows)[0])
    return None if found is None else (found[0], np.concatenate([found[1][: rows.k] * 0, found[1]]).reshape(rows.K, -1))


def too_large(rows: MulticlassRows) -> bool:
    """Whether a linear program and rational numbers would take more than seconds."""
    return len(rows.X) * (rows.K - 1) ** 2 * rows.k > EXACT_SIZE


def differences(rows: MulticlassRows) -> tuple[np.ndarray, np.ndarray]:
    """Of every row and every other class l the x with x·θ = (θ_y - θ_l)·x̃ (M, (K - 1) k); its row and l (M, 2).

    θ is that of rows less the first class's, without the first class's own.
    """
    K, k = rows.K, rows.k
    moved = np.zeros((len(rows.X), K, K, k))
    for n, (x, own) in enumerate(zip(rows.X, rows.y, strict=True)):
        moved[n, :, own] += x
        moved[n, range(K), range(K)] -= x
    other = np.arange(K) != rows.y[:, None]
    return moved[other][:, 1:].reshape(-1, (K - 1) * k), np.argwhere(other)


def separating(wide: np.ndarray) -> tuple[str, np.ndarray] | None:
    """What a direction proves along which none of some differences (M, j) falls, and the direction (j,), exactly.

    They are rows of a problem of two classes without a bias, and decided as such (``separation.py``).
    """
    both = Dataset(np.vstack([wide, -wide]), np.repeat([1.0, 0.0], len(wide)), "differences, and mirrored")
    for direction in directions(counted_rows(both), 0.0):
        alone = np.append(direction[:-1], [direction[-1] * 0])
        if status := separation(both, alone):
            return status, alone[:-1]
    return None


def _like(roundoff: float) -> Format:
    return format_of("float64" if roundoff <= format_of("float64").unit_roundoff else "float32")


def parameters_of(theta: np.ndarray, n_features: int) -> Any:
    """W (K, D) and b (K,), zeros without an intercept, of θ (K, k)."""
    bias = theta[:, n_features] if theta.shape[1] > n_features else np.zeros(len(theta))
    return theta[:, :n_features], bias
