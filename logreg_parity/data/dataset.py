"""A data set: read-only arrays, names, and where they came from.

Every array a twin sees comes from here, and so do the mini-batches: both twins are given the same rows in the
same order. ``generator.py`` makes data sets, ``tables.py`` reads them from files.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..twins import check_reduction, check_seed, check_whole
from ..users import shortly
from .columns import INTEGER_LIMIT, of_frame


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
        if not isinstance(self.source, str):
            raise ValueError(f"source is {shortly(self.source)}; say in words how to get these data again")
        if y.size == 0:
            raise ValueError("the data set has no rows; give at least one")
        if y.min() < 0 or y.max() > 1:
            raise ValueError(f"labels lie in [{y.min():g}, {y.max():g}]; give 0 and 1, or values between them")
        names = texts_of("feature_names", self.feature_names) or tuple(f"x{j + 1}" for j in range(X.shape[1]))
        classes = texts_of("class_names", self.class_names)
        if len(classes) != 2:
            raise ValueError(f"{len(classes)} class names came; give two, of y = 0 and of y = 1")
        if len(names) != X.shape[1]:
            raise ValueError(f"{len(names)} feature names came for {X.shape[1]} features; give one name a feature")
        fields = {"X": X, "y": y, "feature_names": names, "class_names": classes}
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
    check_whole("n_rows", n_rows)
    check_whole("batch_size", batch_size, least=0)
    check_whole("steps", steps, least=0)
    check_seed(seed)
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
    chosen = list(step_rows(batches, steps, n_rows))
    index = np.full((steps, max(rows.size for rows in chosen)), n_rows)
    for step, rows in enumerate(chosen):
        index[step, : rows.size] = rows
    return index


def step_rows(batches: Iterable[np.ndarray], steps: int, n_rows: int) -> Iterator[np.ndarray]:
    """The rows (B,) of every step, each looked at before it is handed out.

    Args:
        batches: the rows of each step.
        steps: T.
        n_rows: N.

    Raises:
        ValueError: for fewer batches than steps, and what ``row_numbers`` refuses.
    """
    if not isinstance(batches, Iterable):
        raise ValueError(f"batches is {shortly(batches)}; give the rows (B,) of every step, or None for all rows")
    rows = iter(batches)
    for step in range(1, steps + 1):
        try:
            chosen = next(rows)
        except StopIteration:
            came = f"batches end after {step - 1} of {steps} steps"
            raise ValueError(f"{came}; give the rows of every step") from None
        yield row_numbers(chosen, n_rows, step)


def batch_counts(dataset: Dataset, index: np.ndarray | None, steps: int, reduction: str) -> np.ndarray:
    """What the sums of each step are divided by (T,): Σ ω of the rows that ``batch_index`` names, or 1 for "sum"."""
    check_reduction(reduction)
    if reduction == "sum":
        return np.ones(steps)
    weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
    return np.full(steps, weight.sum()) if index is None else np.append(weight, 0)[index].sum(axis=1)


def texts_of(what: str, names: Any) -> tuple[str, ...]:
    """The names as a tuple. Raises ValueError where they are not texts."""
    if isinstance(names, str) or not isinstance(names, Iterable) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{what} is {shortly(names)}; give a tuple of texts")
    return tuple(names)


def row_numbers(rows: Any, n_rows: int, step: int) -> np.ndarray:
    """The rows (B,) of a step, as whole numbers that every framework takes for row numbers.

    Args:
        rows: what came for them.
        n_rows: N.
        step: whose batch it is, for the message.

    Raises:
        ValueError: for what is no array of whole numbers from 0 to N - 1, or empty. (Left to themselves, PyTorch takes
            bytes for a mask and -1 for the last row, and JAX takes N for N - 1.)
    """
    chosen = None if np.ma.isMaskedArray(rows) else _array(rows, f"the batch of step {step}")
    if chosen is None or chosen.dtype.kind not in "iu" or chosen.ndim != 1 or chosen.size == 0:
        came = shortly(rows) if chosen is None else f"{shortly(rows)}, {chosen.dtype} of shape {chosen.shape}"
        raise ValueError(f"the batch of step {step} is {came}; give row numbers (B,) from 0 to {n_rows - 1}")
    outside = (chosen < 0) | (chosen >= n_rows)
    if outside.any():
        came = f"the batch of step {step} names row {chosen[outside][0]}"
        raise ValueError(f"{came}; give row numbers from 0 to {n_rows - 1}")
    return chosen.astype(np.int64)


def check_point(dataset: Any, point: Any, name: str) -> None:
    """Raises ValueError where a data set is no Dataset, or a point not a weight (D,) and a bias () of real numbers."""
    if not isinstance(dataset, Dataset):
        raise ValueError(no_dataset(dataset))
    if not isinstance(point, tuple) or len(point) != 2:
        raise ValueError(f"the {name} is {shortly(point)}; give logreg_parity.Parameters(weight, bias)")
    parts = zip(("weight", "bias"), point, strict=True)
    came = tuple(real_numbers(part, f"{name}.{what}", finite=False).shape for what, part in parts)
    if came != ((dataset.n_features,), ()):
        raise ValueError(
            f"the {name} has weight {came[0]} and bias {came[1]}; give weight ({dataset.n_features},) and bias ()"
        )


def no_dataset(given: Any) -> str:
    """What is said of arrays, frames and whatever else comes in the place of a Dataset."""
    framed = hasattr(given, "columns") or hasattr(given, "column_names")
    give = "Dataset.from_frame(frame, label)" if framed else "Dataset(X, y, source)"
    return f"the data set is a {type(given).__name__}; give a logreg_parity.{give}"


def check_memory(numbers: int, what: str, remedy: str = "give fewer") -> None:
    """Raises ValueError where so many float64 numbers do not fit into the memory that is free.

    Args:
        numbers: how many, all that are held at once.
        what: what they are, as the message begins.
        remedy: what to do.
    """
    wanted, free = 8 * int(numbers), _free_memory()
    if wanted > free:
        raise ValueError(
            f"{what} takes {wanted / 2**30:.3g} GiB of memory, and {free / 2**30:.3g} GiB are free; {remedy}"
        )


def _free_memory() -> float:
    """Bytes: what the machine has, and the limits of this process and of its group; infinite where none is told."""
    limits = [math.inf]
    with suppress(OSError, ValueError, StopIteration):  # Linux alone tells
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with suppress(OSError, ValueError):  # "max" is no number
        group = Path("/sys/fs/cgroup")
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            limits.append(limit - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize())
    return max(0, min(limits))


def real_numbers(values: Any, name: str, *, finite: bool = True) -> np.ndarray:
    """A copy as float64, to the last digit what came.

    Args:
        values: numbers in an array of any make, or in lists.
        name: of the array, for messages.
        finite: whether NaN and infinity are refused too.

    Raises:
        ValueError: for what ``plain_array`` refuses, and what is not finite; with the first place.
    """
    array = np.array(plain_array(values, name), dtype=np.float64, order="C")
    if finite and not np.isfinite(array).all():
        lost = ~np.isfinite(array)
        raise ValueError(f"{name}{_first(lost)} is {array[lost][0]}; give finite numbers only")
    return array


def plain_array(values: Any, name: str) -> np.ndarray:
    """The values as an array that float64 holds to the last digit, not copied where it is one already.

    Args:
        values: numbers in an array of any make, or in lists.
        name: of the array, for messages.

    Raises:
        ValueError: for what is no real number, is masked, or is a number that float64 would round; with the first
            place.
    """
    if np.ma.isMaskedArray(values) or (isinstance(values, list | tuple) and any(map(np.ma.isMaskedArray, values))):
        raise ValueError(
            f"{name} is masked{_first(np.ma.getmaskarray(np.ma.asarray(values)))}; "
            f"drop what is masked or fill it in, and give a plain array"
        )
    array = _array(values, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype} values{_no_number(array)}; give real numbers")
    if not np.can_cast(array.dtype, np.float64):
        raise ValueError(f"{name} holds {array.dtype} values, which float64 would round; give float64, if it is meant")
    exact = array
    if array.dtype.kind == "f" and not hasattr(values, "dtype") and (np.abs(array) >= INTEGER_LIMIT).any():
        exact = np.asarray(values, dtype=object)  # whole numbers among others are floats by now
    large = _large_integers(exact)
    if large.any():
        came = exact[tuple(np.argwhere(large)[0])]
        raise ValueError(
            f"{name}{_first(large)} is {came}, an integer too large for float64 to keep; give floats, or smaller ones"
        )
    return array


def _array(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except Exception as error:  # rows of several lengths, a tensor on a GPU, an object's own __array__
        raise ValueError(f"{name} is no array ({str(error).splitlines()[0]}); give a NumPy array") from error


def _large_integers(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "O":
        whole = [isinstance(x, Integral) and abs(int(x)) >= INTEGER_LIMIT for x in array.ravel()]
        return np.array(whole, bool).reshape(array.shape)
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8:
        return np.zeros(array.shape, bool)
    return (array >= INTEGER_LIMIT) | (array <= -INTEGER_LIMIT if array.dtype.kind == "i" else False)


def _no_number(array: np.ndarray) -> str:
    """The first of some objects that is no number."""
    others = (at for at in np.ndindex(array.shape) if not isinstance(array[at], Real))
    found = next(others, None) if array.dtype.kind == "O" else None
    return "" if found is None else f", {shortly(array[found])}{f' at {list(found)}' if found else ''} for one"


def _first(where: np.ndarray) -> str:
    """The place of the first True: "[2, 1]"."""
    found = np.argwhere(where)
    return str([int(k) for k in found[0]]) if len(found) and where.ndim else ""


def _read_only(values: Any, name: str) -> np.ndarray:
    """A read-only float64 copy; ValueError where the values are not real, finite numbers."""
    array = real_numbers(values, name)
    array.setflags(write=False)
    return array
