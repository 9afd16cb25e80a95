"""The sums of a proof once more, from the rows as the user gave them.

A fit is proved from a gradient. If the passes that made it drop a block, repeat a row or divide by the wrong weight,
the proof is one of other data. So gradient, loss, row weights, labels and the rows that bend the objective are taken
here from the arrays that came, by plain NumPy, in one reading: none of the blocks, streams, kernels and frameworks that
the solvers work with has a part in it.

Rows are added up ``SHORT`` at a time, and those sums exactly (``math.fsum``), so that what the additions round does
not grow with N: a term goes through SHORT + 4 roundings of additions, however many rows there are. Several processes
read a share each; what they hand on holds their sums exactly, so that the whole has the bits of one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum, isfinite
from typing import Any, Protocol

import numpy as np

from ..data.dataset import Dataset
from ..twins import Reduction
from . import reference
from .bounds import ENLARGED
from .certificate import MOST_NUMBERS, Certificate, certify, gradient_errors, value_error
from .ulp import format_of

SHORT = 64  # rows added up in float64
CHUNK = 2**19  # numbers of X in memory at once: 4 MiB
PARTS = 40  # numbers hold any sum of float64 exactly: 2098 bits, 53 each
LEAST_ROUNDOFF = 2.0**-64  # that is believed of the longest format


class GivenRows(Protocol):
    """Rows that can be sliced: a Dataset, or a Stream."""

    @property
    def X(self) -> Any: ...  # noqa: N802 - the name of the mathematics
    @property
    def y(self) -> Any: ...
    @property
    def source(self) -> str: ...


class Readers(Protocol):
    """Who share the reading: see ``solvers.ranks.Ranks``."""

    rank: int
    size: int

    def shares(self, count: int) -> list[range]: ...
    def gathered(self, what: str, make: Callable[[], Any], rows: Sequence[int], width: int) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Recount:
    """What the rows say at one point θ (k,) = (w, b), or w where the model has no intercept."""

    theta: np.ndarray  # (k,)
    rows: int  # N
    total_weight: float  # Σ ω
    least_weight: float  # of the rows that count
    labels: tuple[float, float]  # the least and the largest of the rows that count
    largest: np.ndarray  # (k,), max |x̃| of each column
    value: float  # the mean objective
    gradient: np.ndarray  # (k,), of the mean objective
    longest_sum: int  # roundings that a term of value and gradient goes through
    roundoff: float  # each of those of the gradient
    penalty: np.ndarray  # (k,), l2 of the mean for a weight, 0 for the bias
    sample: Dataset  # the rows whose curvature is known: all, or of a Stream some of them
    dtype: str
    X: np.ndarray | None = None  # (N, k), the rows of the sample, each x̃ or -x̃, where they are at hand
    slopes: np.ndarray | None = None  # (N,), the size of their residuals, each times its share

    @property
    def value_error(self) -> float:
        """How far the value may be from exact."""
        return value_error(*self._sizes, longest_sum=self.longest_sum, penalty=self.penalty)

    @cached_property
    def errors(self) -> tuple[np.ndarray, float]:
        """How far the gradient (k,) may be from exact by its sums, and by the residual of every row, relative."""
        asked: dict[str, Any] = {"longest_sum": self.longest_sum, "penalty": self.penalty, "roundoff": self.roundoff}
        summed, change = gradient_errors(*self._sizes, **asked)
        return summed + 4 * format_of("float64").unit_roundoff * np.abs(self.gradient), change  # sum, Σ ω and quotient

    @property
    def error(self) -> np.ndarray:
        """(k,), how far the gradient may be from exact."""
        summed, change = self.errors
        return ENLARGED * (summed + change * min(1.0, 2 * self.value) * self.largest)

    @property
    def _sizes(self) -> tuple[np.ndarray, float, np.ndarray]:
        return self.theta, self.value, self.largest

    def certificate(self) -> Certificate | None:
        """What is proved of θ for the mean objective; None if nothing is."""
        summed, change = self.errors
        point = (self.theta, self.gradient, self.error if self.slopes is None else summed, self.largest)
        data: dict[str, Any] = {"total_weight": self.total_weight, "dtype": self.dtype, "penalty": self.penalty}
        data["residuals"] = None if self.slopes is None else ENLARGED * change * self.slopes
        return certify(self.sample, *point, **data, whole=self.sample.n_rows == self.rows, held=self.X)

    @property
    def all_right(self) -> bool:
        """Whether the loss is too small for a single row on the wrong side, of which each costs ω log 2 or more.

        Then θ itself separates all rows. A factor of 2 is left for rounding: see ``certificate.py``.
        """
        return bool(2 * self.value * self.total_weight < np.log(2) * self.least_weight)

    @property
    def one_class(self) -> bool:
        """Whether all rows that count have the same label."""
        return self.labels[0] == self.labels[1] and self.labels[0] in (0, 1)


def recount(
    source: GivenRows,
    theta: np.ndarray,
    *,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    dtype: str = "float64",
    readers: Readers | None = None,
) -> Recount:
    """Read the rows once, and add up what a proof is made of.

    Args:
        source: N rows of D features, their labels, and row weights if it has any.
        theta: the point, D + 1 numbers, the bias last, or D for a model without an intercept.
        l2: of the penalty (l2 / 2) ‖w‖² beside the mean or the sum.
        reduction: which of the two.
        dtype: X counts as rounded to it.
        readers: the processes that read a share of a Stream each; None for one, which reads all.
    """
    n, features, k = source.X.shape[0], source.X.shape[1], len(theta)
    if isinstance(source, Dataset) and n * k <= CHUNK:
        return FewRows(source, k, l2=l2, reduction=reduction, dtype=dtype).at(theta)
    chunk = max(SHORT, CHUNK // max(1, k) // SHORT * SHORT)
    chunks = -(-n // chunk)
    shares = [range(chunks)] if readers is None else readers.shares(chunks)
    spans = [range(min(share.start * chunk, n), min(share.stop * chunk, n)) for share in shares]
    sample = source if isinstance(source, Dataset) else None  # of a stream some rows, for their curvature
    step = max(1, -(-n * features // MOST_NUMBERS))
    kept = [np.empty((0, features + 1))]

    def own() -> np.ndarray:
        """Of the rows of this process the sums, as numbers that hold them exactly, and what they are at most."""
        sums: list[list[float]] = []
        most = np.array([-1.0, 0.0, -np.inf, *np.zeros(k)])
        for first, X, y, weight in _chunks(source, k, dtype, spans[0 if readers is None else readers.rank], chunk):
            z = X @ theta
            r = weight * ((1 - y) * reference.sigmoid(z) - y * reference.sigmoid(-z))
            loss = weight * reference.stable_loss(z, y)
            slope = [fsum(column) for column in _short_sums(X, r).T.tolist()]
            sums.append([*slope, fsum(loss.tolist()), fsum(weight.tolist())])
            most[3:] = np.maximum(most[3:], _largest(X))
            counted = weight > 0
            if counted.any():
                most[:3] = np.maximum(most[:3], [-y[counted].min(), y[counted].max(), -weight[counted].min()])
            if sample is None:
                spread = slice(-first % step, None, step)
                kept.append(np.column_stack([X[spread, :features], y[spread]]))
        exact = [_parts(column) for column in zip(*sums, strict=True)] or [[0.0] * PARTS] * (k + 2)
        return np.append(np.ravel(exact), most)

    width = (k + 2) * PARTS + 3 + k
    if readers is None:
        told = own()[None]
    else:
        told = readers.gathered(f"the rows once more at {theta.tobytes().hex()[:64]}", own, [1] * readers.size, width)
    numbers, most = told[:, : (k + 2) * PARTS].reshape(-1, k + 2, PARTS), told[:, (k + 2) * PARTS :].max(axis=0)
    *slope, losses, total = (fsum(numbers[:, j].ravel().tolist()) for j in range(k + 2))
    labels, least, largest = (-most[0], most[1]), -most[2], most[3:]
    if sample is None:
        counts = [len(range(-span.start % step, len(span), step)) for span in spans]
        rows = np.concatenate(kept)
        if readers is not None:
            rows = readers.gathered("some rows", lambda: np.concatenate(kept), counts, features + 1)
        sample = Dataset(rows[:, :-1], rows[:, -1], f"every {step}th row of {source.source}")
    penalty = np.append(np.full(features, l2 / (1 if reduction == "mean" else total)), np.zeros(k - features))
    value = float(losses / total + (penalty * theta) @ theta / 2)
    return Recount(
        theta=theta,
        rows=n,
        total_weight=total,
        least_weight=least,
        labels=labels,
        largest=largest,
        value=value,
        gradient=np.array(slope) / total + penalty * theta,
        longest_sum=SHORT + 4,
        roundoff=format_of("float64").unit_roundoff,
        penalty=penalty,
        sample=sample,
        dtype=dtype,
    )


def _parts(numbers: Sequence[float]) -> list[float]:
    """PARTS numbers whose sum is exactly that of these, the first of them rounded from it; what is not finite stays."""
    parts: list[float] = []
    while len(parts) < PARTS and (left := fsum([*numbers, *(-part for part in parts)])):
        parts.append(left)
        if not isfinite(left):
            break
    return parts + [0.0] * (PARTS - len(parts))


def _chunks(
    source: GivenRows, k: int, dtype: str, span: range, rows: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Of chunk after chunk of so many rows the number of its first, X̃ (R, k) rounded to dtype, y (R,) and ω (R,)."""
    features = source.X.shape[1]
    weight = getattr(source, "sample_weight", None)
    for first in span[::rows]:
        chosen = slice(first, min(first + rows, span.stop))
        X = np.ones((chosen.stop - first, k))
        X[:, :features] = np.asarray(source.X[chosen]).astype(dtype)
        y = np.asarray(source.y[chosen], np.float64)
        yield first, X, y, np.ones(len(y)) if weight is None else weight[chosen]


def _short_sums(X: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Xᵀr (T, k) of every SHORT rows, and of the rest."""
    return short_sums(X, r[:, None])[:, 0]


def short_sums(X: np.ndarray, r: np.ndarray) -> np.ndarray:
    """rᵀX (T, K, k), r (N, K), of every SHORT rows, and of the rest."""
    whole = len(X) // SHORT * SHORT
    parts = np.matmul(r[:whole].reshape(-1, SHORT, r.shape[1]).swapaxes(1, 2), X[:whole].reshape(-1, SHORT, X.shape[1]))
    return np.concatenate([parts, (r[whole:].T @ X[whole:])[None]])


class FewRows:
    """Rows that are all in memory, made ready once and recounted at every point that is asked for.

    The gradient is taken in the longest format of the machine (on x86 64 bits of 80), of which no better roundoff than
    2⁻⁶⁴ is taken for granted. Of a sum over rows and its penalty the last addition is exact (``math.fsum``): the sum is
    rounded to float64 once, then divided. Where no label is soft, rows carry their sign 1 - 2y, which rounds nothing.

    Args:
        source: N rows of D features.
        k: D + 1, or D for a model without an intercept.
        l2, reduction, dtype: those of ``recount``.
    """

    def __init__(
        self,
        source: Dataset,
        k: int,
        *,
        l2: float = 0.0,
        reduction: Reduction = "mean",
        dtype: str = "float64",
    ):
        y, weight, features = source.y, source.sample_weight, source.n_features
        X = np.ones((source.n_rows, k))
        X[:, :features] = source.X.astype(dtype, copy=False)
        self._source, self._dtype, self._largest = source, dtype, _largest(X)
        self._hard = bool(((y == 0) | (y == 1)).all())
        if self._hard:
            X *= (1 - 2 * y)[:, None]
        self._X = X
        self._wide = self._X.astype(np.longdouble)
        total, self._least, counted = np.longdouble(len(y)), 1.0, y
        if weight is not None:
            total, counted = np.longdouble(0) + sum(map(np.longdouble, exactly(weight))), y[weight > 0]
            self._least = float(weight[weight > 0].min())
        self._total, self._labels = float(total), (float(counted.min()), float(counted.max()))
        whole = np.longdouble(l2) * (total if reduction == "mean" else 1)  # l2 beside the sum of the losses
        self._pull = np.where(np.arange(k) < features, whole, 0)
        self._penalty = (self._pull / total).astype(np.float64)

    def at(self, theta: np.ndarray, *, wide: bool = True) -> Recount:
        """The Recount at a point (k,); wide: whether the gradient is taken in the longest format."""
        source, penalty, weight = self._source, self._penalty, self._source.sample_weight
        X = self._wide if wide else self._X
        r, loss = self._residuals_and_losses(X @ theta.astype(X.dtype, copy=False))
        most = np.ones(len(r)) if weight is None else weight  # of a soft label's residual, of which two terms cancel
        if weight is not None:
            r, loss = weight * r, weight * loss
        terms = np.concatenate([_short_sums(X, r), (self._pull * theta).astype(X.dtype)[None]])
        high = terms.astype(np.float64)
        exact = np.concatenate([high, (terms - high).astype(np.float64)]) if wide else high
        gradient = np.array([fsum(column) for column in exact.T.tolist()]) / self._total
        losses = fsum(np.add.reduceat(loss, np.arange(0, len(loss), SHORT)).tolist())
        value = float(losses / self._total + (penalty * theta) @ theta / 2)
        roundoff = max(float(np.finfo(X.dtype).eps) / 2, LEAST_ROUNDOFF)
        return Recount(
            theta=theta,
            rows=source.n_rows,
            total_weight=self._total,
            least_weight=self._least,
            labels=self._labels,
            largest=self._largest,
            value=value,
            gradient=gradient,
            longest_sum=SHORT + 6,
            roundoff=roundoff,
            penalty=penalty,
            sample=source,
            dtype=self._dtype,
            X=self._X,
            slopes=(np.abs(r) if self._hard else most).astype(np.float64) / self._total,
        )

    def _residuals_and_losses(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """r (N,) in the format of the products t (N,), ℓ (N,) in float64: of signed rows r = σ(t), ℓ = softplus(t)."""
        if not self._hard:
            y = self._source.y
            return reference.residual(t, y.astype(t.dtype)), reference.stable_loss(t.astype(np.float64), y)
        e = np.exp(-np.abs(t))
        return np.where(t >= 0, 1, e) / (1 + e), np.maximum(t, 0).astype(np.float64) + np.log1p(e.astype(np.float64))


def _largest(X: np.ndarray) -> np.ndarray:
    """max |x̃| (k,) of every column, SHORT rows at a time: a row alone is too short for a loop."""
    whole = len(X) // SHORT * SHORT
    lanes = np.abs(X[:whole]).reshape(-1, SHORT * X.shape[1]).max(axis=0, initial=0).reshape(SHORT, -1)
    return np.concatenate([lanes, np.abs(X[whole:])]).max(axis=0)


def exactly(values: np.ndarray) -> list[float]:
    """The sum of numbers, as its nearest float64 and what that is off by, itself rounded."""
    high = values.astype(np.float64)
    terms = high.tolist() if values.dtype == np.float64 else [*high.tolist(), *(values - high).tolist()]
    whole = fsum(terms)
    return [whole, fsum([*terms, -whole])]
