"""Which columns of X stand in the way of an optimum, or of its digits: each by name, with what to do about it.

A column that is constant, a copy, or a combination of others leaves the optimum a line or plane of points. Where the
data are small that is decided by rational arithmetic. Where they are large, or no column depends on others exactly,
float64 calls a column dependent if the others give it to DIGITS of its spread in every row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.dataset import Dataset
from ..show import shown
from .separation import EXACT_SIZE, counted_rows, null_vectors

DIGITS = 2.0**-30  # of a column's spread: float64 leaves as much of a least-squares fit whose condition is 2^22
LARGEST = 2.0**500  # of a number whose square, summed over any number of rows, float64 can hold; and 1 / LARGEST
OFFSET = 2.0**16  # of a mean beside the deviation: the proof then loses 32 bits of 53, and some ten to the sums of rows
TERMS = 4  # a combination of more is told by its columns alone


def obstacles(dataset: Dataset, *, l2: float = 0.0, intercept: bool = True) -> list[str]:
    """What to do about columns, one sentence each.

    Args:
        dataset: N rows of D features; those of weight zero do not count.
        l2: of the penalty; with one, columns may depend on each other.
        intercept: whether the model has a bias, of which a constant column is a copy.

    Returns:
        Sentences such as "'x3' is 5 in every row, as the bias is: leave it out"; none where no column is in the way.
    """
    rows = counted_rows(dataset)
    depend = [] if l2 > 0 else [sentence for _, sentence in dependent(rows, intercept=intercept)]
    return extreme(rows) + depend + _shifted(rows)


def extreme(dataset: Dataset) -> list[str]:
    """Sentences on columns whose squares float64 cannot hold."""
    said = []
    for name, most in zip(dataset.feature_names, np.abs(dataset.X).max(axis=0), strict=True):
        if most > LARGEST:
            said.append(f"{_name(name)} reaches {most:.3g}, whose square is beyond float64: divide it by {most:.0e}")
        elif 0 < most < 1 / LARGEST:
            said.append(f"{_name(name)} is at most {most:.3g}, whose square float64 loses: divide it by {most:.0e}")
    return said


def dependent(dataset: Dataset, *, intercept: bool = True) -> list[tuple[str, str]]:
    """Columns that depend on the bias and earlier columns: the name, and a sentence on how."""
    X, names = dataset.X, dataset.feature_names
    spread = np.ptp(X, axis=0)
    said, rest = [], []
    firsts: dict[bytes, int] = {}
    for j, name in enumerate(names):
        first = firsts.setdefault(X[:, j].tobytes(), j)
        if spread[j] == 0 and (intercept or X[0, j] == 0):
            why = ", as the bias is" if intercept and X[0, j] else ""
            said.append((name, f"{_name(name)} is {X[0, j]:g} in every row{why}: leave it out"))
        elif first < j:
            said.append((name, f"{_name(name)} is a copy of {_name(names[first])}: leave one of them out"))
        else:
            rest.append(j)
    small = X.shape[0] * (len(rest) + 1) <= EXACT_SIZE
    columns = np.column_stack([np.ones(len(X)), X[:, rest]]) if intercept else X[:, rest]
    labels = [None] * intercept + [names[j] for j in rest]
    exact = _exactly(columns) if small else []
    about = " but for rounding" if small and not exact else ""
    for j, weights in exact or _nearly(columns):
        combination = _combination([(labels[k], weight) for k, weight in weights])
        said.append((str(labels[j]), f"{_name(str(labels[j]))} is {combination}{about}: leave one of them out"))
    return said


def _exactly(columns: np.ndarray) -> list[tuple[int, list[tuple[int, Any]]]]:
    """Columns (N, k) that depend on earlier ones, each with the weights of those, by rational arithmetic."""
    found = []
    for vector in null_vectors(columns) if columns.shape[1] else ():
        *earlier, j = np.flatnonzero(vector).tolist()
        found.append((j, [(k, -vector[k]) for k in earlier]))
    return found


def _nearly(columns: np.ndarray) -> list[tuple[int, list[tuple[int, Any]]]]:
    """The same by least squares in float64, confirmed in every row."""
    scale = np.maximum(np.abs(columns).max(axis=0), np.finfo(float).tiny)
    scaled = columns / scale
    R: Any = np.linalg.qr(scaled, mode="r")  # has the products of the columns with each other
    found: list[tuple[int, list[tuple[int, Any]]]] = []
    kept: list[int] = []
    for j in range(columns.shape[1]):
        if kept:
            weights = np.linalg.lstsq(R[:, kept], R[:, j], rcond=None)[0]
            spread = max(float(np.ptp(scaled[:, j])), np.finfo(float).eps)
            if np.abs(scaled[:, kept] @ weights - scaled[:, j]).max() <= DIGITS * spread:
                by_column = [(k, w * scale[j] / scale[k]) for k, w in zip(kept, weights, strict=True)]
                found.append((j, [(k, w) for k, w in by_column if abs(w) * scale[k] > 2 * DIGITS * scale[j]]))
                continue
        kept.append(j)
    return found


def _shifted(dataset: Dataset) -> list[str]:
    """Sentences on columns that hardly vary beside their mean."""
    said = []
    for name, x in zip(dataset.feature_names, dataset.X.T, strict=True):
        middle = x.min() / 2 + x.max() / 2
        if x.min() < x.max() and np.abs(x).max() <= LARGEST and x.std() * OFFSET < abs(middle):
            said.append(f"{_name(name)} varies by {x.std():.3g} around {middle:.9g}: subtract that, or standardise")
    return said


def _combination(weights: Sequence[tuple[str | None, Any]]) -> str:
    """2 'x1' - 'x2' + 3, where None names the constant; by its columns alone where that is long."""
    named = [(name, float(weight)) for name, weight in weights if name is not None]
    constant = sum(float(weight) for name, weight in weights if name is None)
    if len(named) > TERMS:
        others = ", ".join(_name(str(name)) for name, _ in named[:TERMS])
        return f"a combination of {others} and {len(named) - TERMS} more"
    terms = [(weight, f" {_name(str(name))}") for name, weight in named] + [(constant, "")] * (constant != 0)
    text = ""
    for weight, name in terms:
        size = f"{abs(weight):.6g}"
        size = "" if size == "1" and name else size
        sign = (" - " if weight < 0 else " + ") if text else ("-" if weight < 0 else "")
        text += f"{sign}{f'{size}{name}'.strip()}"
    return text or "0"


def _name(name: str) -> str:
    return f"'{shown(name)}'"
