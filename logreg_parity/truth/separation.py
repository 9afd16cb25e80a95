"""Separation: a direction along which the loss falls for ever, proposed by floating point, decided exactly.

A direction d with (2y - 1) x̃·d ≥ 0 in every row (= 0 where the label is soft) and > 0 in some proves that there is
no finite optimum (Albert & Anderson, Biometrika 71, 1984). A linear program proposes d; rational arithmetic on the
binary inputs accepts or rejects it. ``optimum.py`` has the other half: the proof that there is one.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import gmpy2
import numpy as np

from ..data.dataset import Dataset
from . import reference

EXACT_SIZE = 2 * 10**4  # N (D + 1): up to it a linear program and rational numbers answer within seconds
DENOMINATORS = (10, 10**3, 10**6, 10**9, 10**12, 2**1074)  # of proposed directions; the last keeps a float

rational = np.frompyfunc(gmpy2.mpq, 1, 1)
"""A float, or an array of them, as the rational number it is."""


def separation(dataset: Dataset, direction: Sequence[Fraction] | np.ndarray) -> str | None:
    """What a direction proves.

    Args:
        dataset: N rows of D features; those of weight zero do not count.
        direction: d (D + 1,), bias last, of rational numbers.

    Returns:
        "separable" or "quasi-separable"; None where it proves nothing.
    """
    found = margins(counted_rows(dataset), direction)
    if (found > 0).all():
        return "separable"
    return "quasi-separable" if (found >= 0).all() and (found > 0).any() else None


def counted_rows(dataset: Dataset) -> Dataset:
    """The rows whose weight is not zero."""
    weight = dataset.sample_weight
    return dataset if weight is None else dataset.take(np.flatnonzero(weight))


def margins(rows: Dataset, direction: Sequence[Fraction] | np.ndarray) -> np.ndarray:
    """(2y - 1) x̃·d (N,), exactly; -|x̃·d| where the label is soft, for such a row is one of either label."""
    z = rational(reference.with_ones(rows.X)) @ rational(np.array(direction, dtype=object))
    return np.where(rows.y == 1, z, np.where(rows.y == 0, -z, -np.abs(z)))


def directions(rows: Dataset, l2: float) -> Iterator[np.ndarray]:
    """Directions that may separate: the bias; without a penalty the gap if D = 1, else what an LP finds.

    Args:
        rows: a data set without rows of weight zero.
        l2: of the penalty, under which only the bias can run off.

    Yields:
        Directions (D + 1,), bias last, of rational numbers.
    """
    for sign in (1, -1):
        yield rational(sign * np.eye(rows.n_features + 1)[-1])
    if l2 == 0 and rows.n_features == 1 and np.isin(rows.y, (0, 1)).all():
        x0, x1 = (rational(rows.X[rows.y == label, 0]) for label in (0, 1))
        for sign, low, high in ((1, max(x0), min(x1)), (-1, max(x1), min(x0))):
            yield sign * np.array([1, -(low + high) / 2], dtype=object)
    elif l2 == 0 and rows.n_features > 0:
        yield from _program(rows)


def _program(rows: Dataset) -> Iterator[np.ndarray]:
    """max Σ s subject to 0 ≤ s ≤ 1 and s ≤ margin, over d and s: d may grow, so at the end each s is 0 or 1.

    The rows with s = 0 must lie on the boundary exactly. The coordinates of d that this leaves free are
    rounded to rational numbers of growing denominators, the others solved for. All this in columns moved by
    about their middle and scaled by powers of two, so that the LP sees what varies.
    """
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, hstack

    low, high = rows.X.min(axis=0) / 2, rows.X.max(axis=0) / 2
    exponent = np.frexp(np.where(low < high, high - low, high))[1] + 1
    shift = np.ldexp(np.rint(np.ldexp(low + high, -exponent)), exponent) * (low < high)
    scale = np.array([gmpy2.mpq(2) ** int(e) for e in exponent], dtype=object)
    exact = reference.with_ones((rational(rows.X) - rational(shift)) / scale)
    signed = np.concatenate([exact[rows.y > 0], -exact[rows.y < 1]])
    n, k = signed.shape
    limits, ranges = hstack([-signed.astype(float), eye_array(n)]).tocsr(), [(None, None)] * k + [(0, 1)] * n
    found = linprog(np.repeat([0.0, -1.0], [k, n]), limits, np.zeros(n), bounds=ranges, method="highs").x
    if found is None or not found[:k].any():
        return
    echelon, solved = _reduced(signed[found[k:] < 0.5])
    free = np.setdiff1d(np.arange(k), solved)
    for largest in DENOMINATORS:
        d = [Fraction(x).limit_denominator(largest) for x in found[:k] / np.abs(found[:k]).max()]
        d = rational(np.array(d, dtype=object))
        d[solved] = -echelon[:, free] @ d[free]
        weight = d[:-1] / scale
        yield np.append(weight, d[-1] - (weight * rational(shift)).sum())


def independent_columns(X: np.ndarray) -> np.ndarray:
    """The columns of X̃ that do not depend on the bias and earlier columns, in order."""
    bias_first = np.roll(np.arange(X.shape[1] + 1), 1)
    _, pivots = echelon(reference.with_ones(X)[:, bias_first])
    return np.sort(bias_first[pivots])


def null_vectors(X: np.ndarray) -> np.ndarray:
    """Rational vectors (k - rank, k) that span what X (N, k) takes to 0, each 1 at the last of its entries."""
    reduced, pivots = echelon(X)
    free = np.setdiff1d(np.arange(X.shape[1]), pivots)
    vectors = rational(np.zeros((len(free), X.shape[1])))
    for vector, column in zip(vectors, free, strict=True):
        vector[column] = rational(1.0)
        vector[pivots] = -reduced[:, column]
    return vectors


def echelon(columns: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The reduced echelon form (rank, k) of columns (N, k) of floats, exactly, and its pivots.

    A column j that is no pivot is the sum of the pivot columns, each times its row's entry in column j.
    """
    return _reduced(rational(columns))


def _reduced(rows: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The reduced echelon form (rank, k) and pivots of rational rows A (N, k), by AᵀA of equal row space."""
    M = rows.T @ rows
    pivots: list[int] = []
    for column in range(len(M)):
        at = len(pivots)
        candidates = at + np.flatnonzero(M[at:, column])
        if len(candidates):
            M[[at, candidates[0]]] = M[[candidates[0], at]]
            pivot = M[at] / M[at, column]
            M = M - np.outer(M[:, column], pivot)
            M[at] = pivot
            pivots.append(column)
    return M[: len(pivots)], pivots
