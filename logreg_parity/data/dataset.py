"""A data set: read-only arrays, names, and where they came from.

Every array a twin sees comes from here, and so do the mini-batches: both twins are given the same rows in the
same order. ``generator.py`` makes data sets, ``tables.py`` reads them from files.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..twins import check_reduction
from .columns import of_frame


class Parameters(NamedTuple):
    """A point θ = (w, b): weight (D,) and bias ()."""

    weight: np.ndarray
    bias: float | np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """N rows of D features with their labels.

    X: features (N, D); y: labels (N,) in {0, 1}, or in [0, 1] where they are soft; both are copied to float64 and
    made read-only. source: how to get this very data again (a call, or a file and its hash). feature_names:
    x1, x2, ... if not given. class_names: what y = 0 and y = 1 stand for. sample_weight: row weights ω (N,), or
    None for all 1. true_parameters: the point the labels were made from, where there is one.

    Raises ValueError for shapes that do not fit, values that are not finite, labels outside [0, 1] and weights
    that are negative or all zero.
    """

    X: np.ndarray
    y: np.ndarray
    source: str
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, str] = ("0", "1")
    sample_weight: np.ndarray | None = None
    true_parameters: Parameters | None = None

    def __post_init__(self) -> None:
        X, y = _read_only(self.X, "X"), _read_only(self.y, "y")
        if X.ndim != 2 or y.shape != X.shape[:1]:
            raise ValueError(f"X has shape {X.shape} and y has shape {y.shape}; give X (N, D) and y (N,)")
        if y.size == 0:
            raise ValueError("the data set has no rows; give at least one")
        if y.min() < 0 or y.max() > 1:
            raise ValueError(f"labels lie in [{y.min():g}, {y.max():g}]; give 0 and 1, or values between them")
        names = tuple(self.feature_names) or tuple(f"x{j + 1}" for j in range(X.shape[1]))
        if len(names) != X.shape[1]:
            raise ValueError(f"{len(names)} feature names came for {X.shape[1]} features; give one name a feature")
        fields = {"X": X, "y": y, "feature_names": names}
        if self.sample_weight is not None:
            weight = fields["sample_weight"] = _read_only(self.sample_weight, "sample_weight")
            if weight.shape != y.shape:
                raise ValueError(f"sample_weight has shape {weight.shape}; give {y.shape}, one weight a row")
            if weight.min() < 0 or weight.sum() == 0:
                raise ValueError("row weights are negative or all zero; give weights ≥ 0, at least one above 0")
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    @classmethod
    def from_frame(cls, frame: Any, label: Any, *, weight: Any = None, positive: Any = None) -> "Dataset":
        """The rows of a data frame: of pandas, polars or pyarrow, by what the three have in common.

        Args:
            frame: N rows of named columns of numbers; the index of pandas is no column. Nothing is filled in, dropped
                or coded: a missing value, a text among the features or a date is an error that names it.
            label: the column of y, of two values, numbers or texts.
            weight: the column of ω, or None.
            positive: the value of class 1; by default the larger number, or the text later in sorting order.

        Returns:
            A Dataset with a feature for every other column, in their order.

        Raises:
            ValueError: for what is no such frame, with the column, and the row where it is one cell.
        """
        return cls(**of_frame(frame, label, weight, positive))

    @property
    def n_rows(self) -> int:
        """N."""
        return self.X.shape[0]

    @property
    def n_features(self) -> int:
        """D."""
        return self.X.shape[1]

    @property
    def sha256(self) -> str:
        """SHA-256 of the numbers themselves: the shape of X, then X, y and the row weights as little-endian float64."""
        arrays = [np.array(self.X.shape), self.X, self.y] + ([] if self.sample_weight is None else [self.sample_weight])
        return hashlib.sha256(b"".join(array.astype("<f8").tobytes() for array in arrays)).hexdigest()

    def take(self, rows: Any) -> "Dataset":
        """The data set of these rows only, in this order."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        y = self.y[rows]
        return replace(self, X=self.X[rows], y=y, sample_weight=weight, source=f"{self.source}, {len(y)} rows taken")

    def standardized(self) -> "Dataset":
        """The same rows with each feature minus its mean, divided by its population standard deviation.

        Raises ValueError for a feature that never changes. The true parameters, which belong to the raw
        features, are not kept.
        """
        mean, deviation = self.X.mean(axis=0), self.X.std(axis=0)
        changes = (self.X[0] != self.X).any(axis=0)  # the deviation of equal numbers need not round to zero
        constant = [name for name, change in zip(self.feature_names, changes, strict=True) if not change]
        if constant:
            raise ValueError(f"{', '.join(constant)} never changes and cannot be standardised; leave it out")
        source = f"{self.source}, standardised"
        return replace(self, X=(self.X - mean) / deviation, source=source, true_parameters=None)


def batches(n_rows: int, batch_size: int, steps: int, *, seed: int = 0) -> Iterator[np.ndarray]:
    """The rows of each of ``steps`` mini-batches: index arrays (B,).

    Every pass over the data takes the rows in a new order; where batch_size does not divide n_rows the last batch
    of a pass is shorter, so that no row is ever left out.
    """
    if not 1 <= batch_size <= n_rows:
        raise ValueError(f"batch_size is {batch_size}; give a number from 1 to the {n_rows} rows there are")
    random = np.random.RandomState(seed)
    taken = 0
    while True:
        order = random.permutation(n_rows)
        for start in range(0, n_rows, batch_size):
            if taken >= steps:
                return
            taken += 1
            yield order[start : start + batch_size]


def batch_index(batches: Iterable[np.ndarray], steps: int, n_rows: int) -> np.ndarray:
    """The rows of every step as one array (T, B), B the longest batch; shorter ones end in n_rows, which is no row.

    Raises ValueError for fewer batches than steps and for what is no row number.
    """
    chosen = [np.asarray(rows) for rows in islice(batches, steps)]
    if len(chosen) < steps:
        raise ValueError(f"batches end after {len(chosen)} of {steps} steps; give the rows of every step")
    index = np.full((steps, max(rows.size for rows in chosen)), n_rows)
    for step, rows in enumerate(chosen):
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or rows.size == 0 or rows.min() < 0 or rows.max() >= n_rows:
            raise ValueError(f"the batch of step {step + 1} is {rows!r}; give row numbers from 0 to {n_rows - 1}")
        index[step, : rows.size] = rows
    return index


def batch_counts(dataset: Dataset, index: np.ndarray | None, steps: int, reduction: str) -> np.ndarray:
    """What the sums of each step are divided by (T,): Σ ω of the rows that ``batch_index`` names, or 1 for "sum"."""
    check_reduction(reduction)
    if reduction == "sum":
        return np.ones(steps)
    weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
    return np.full(steps, weight.sum()) if index is None else np.append(weight, 0)[index].sum(axis=1)


def _read_only(values: Any, name: str) -> np.ndarray:
    """A read-only float64 copy; ValueError where the values are not real, finite numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype} values; give real numbers")
    array = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}{list(where)} is {array[where]}; give finite numbers only")
    array.setflags(write=False)
    return array
