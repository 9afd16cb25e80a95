"""A data set of K classes: what a ``Dataset`` is for two.

A point is a ``Parameters`` of weight W (K, D) and bias b (K,): a row a class. Adding the same to every row changes no
probability, so a point needs one condition more: its rows sum to zero, or those of one class, the reference, are 0.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..users import shortly
from .columns import of_frame
from .dataset import Dataset, Parameters, no_dataset, real_numbers, texts_of

SUM_TO_ZERO = "sum-to-zero"


@dataclass(frozen=True, eq=False)
class MulticlassDataset:
    """N rows of D features, each of one of K classes, K at least 2.

    X: features (N, D). y: classes (N,), whole numbers from 0 to K - 1. class_names: K texts, what they stand for; 0, 1,
    ... if not given. The rest is as in ``Dataset``. Raises ValueError for what ``Dataset`` refuses, for classes that
    are no whole numbers from 0 on, and for a class of which no row counts.
    """

    X: np.ndarray
    y: np.ndarray
    source: str
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    sample_weight: np.ndarray | None = None

    def __post_init__(self) -> None:
        y = real_numbers(self.y, "y")
        if y.size and not ((y >= 0) & (y % 1 == 0)).all():
            raise ValueError(f"y holds {y[(y < 0) | (y % 1 != 0)][0]:g}; give classes 0, 1, ..., K - 1")
        names = texts_of("class_names", self.class_names)
        if len(set(names)) < len(names):
            raise ValueError(f"class_names is {shortly(names)}; give a tuple of texts, each once")
        rows = Dataset(self.X, y == 0, self.source, self.feature_names, sample_weight=self.sample_weight)
        if names == ():
            if y.max() > y.size:
                raise ValueError(f"y holds {y.max():g}, and there are {y.size} rows; count the classes from 0 on")
            names = tuple(str(k) for k in range(int(y.max()) + 1))
        if len(names) < 2 or len(names) <= y.max(initial=0):
            raise ValueError(
                f"{len(names)} class names came for classes up to {y.max():g}; give one a class, 2 or more"
            )
        counted = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
        size = np.bincount(y.astype(int), counted, minlength=len(names))
        if (size == 0).any():
            raise ValueError(f"no row that counts is of class {names[int(size.argmin())]!r}; leave the class out")
        y = y.astype(np.int64)
        y.flags.writeable = False
        fields = {"X": rows.X, "y": y, "feature_names": rows.feature_names, "class_names": tuple(names)}
        for field, value in {**fields, "sample_weight": rows.sample_weight}.items():
            object.__setattr__(self, field, value)

    @classmethod
    def from_frame(cls, frame: Any, label: Any, *, weight: Any = None) -> "MulticlassDataset":
        """The rows of a data frame, as ``Dataset.from_frame`` takes them; label is a column of two to 20 values."""
        return cls(**of_frame(frame, label, weight, None, classes=MOST_CLASSES))

    @property
    def n_rows(self) -> int:
        """N."""
        return self.X.shape[0]

    @property
    def n_features(self) -> int:
        """D."""
        return self.X.shape[1]

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def one_against_the_rest(self) -> Dataset:
        """The same rows with label 1 in the first class: what is asked of columns alone is asked of this."""
        return Dataset(self.X, self.y == 0, self.source, self.feature_names, sample_weight=self.sample_weight)

    def standardized(self) -> "MulticlassDataset":
        """The same rows with each feature of mean 0 and deviation 1, as ``Dataset.standardized`` makes them."""
        found = self.one_against_the_rest.standardized()
        return replace(self, X=found.X, source=found.source)

    @property
    def sha256(self) -> str:
        """That of ``Dataset`` with the classes for labels."""
        K = self.n_classes - 1
        return Dataset(self.X, self.y / K, self.source, sample_weight=self.sample_weight).sha256


def classified(
    X: Any,
    y: np.ndarray,
    source: str,
    feature_names: tuple[str, ...],
    class_names: tuple[str, ...],
    sample_weight: np.ndarray | None,
) -> Dataset | MulticlassDataset:
    """The Dataset of two class names, or the MulticlassDataset of more; the arguments are theirs."""
    if len(class_names) == 2:
        return Dataset(X, y, source, feature_names, class_names, sample_weight)
    return MulticlassDataset(X, y, source, feature_names, class_names, sample_weight)


MOST_CLASSES = 20  # that a column of a table may have before it looks like no label


def check_multiclass(dataset: Any) -> None:
    """Raises ValueError for what is no MulticlassDataset."""
    if not isinstance(dataset, MulticlassDataset):
        said = no_dataset(dataset).partition(";")[0]
        raise ValueError(f"{said}; give a logreg_parity.MulticlassDataset(X, y, source)")


def check_multiclass_point(dataset: MulticlassDataset, point: Any, name: str) -> None:
    """Raises ValueError where a point has not a weight (K, D) and a bias (K,)."""
    if not isinstance(point, tuple) or len(point) != 2:
        raise ValueError(f"the {name} is {shortly(point)}; give logreg_parity.Parameters(weight, bias)")
    K, D = dataset.n_classes, dataset.n_features
    came = tuple(
        real_numbers(part, f"{name}.{what}").shape for what, part in zip(Parameters._fields, point, strict=True)
    )
    if came != ((K, D), (K,)):
        raise ValueError(f"the {name} has weight {came[0]} and bias {came[1]}; give weight ({K}, {D}) and bias ({K},)")


def reference_class(dataset: MulticlassDataset, identified: Any) -> int | None:
    """The class whose row is to be 0, or None for rows that sum to zero. Raises ValueError for another name."""
    if identified == SUM_TO_ZERO:
        return None
    if identified not in dataset.class_names:
        raise ValueError(
            f"identified is {identified!r}; give {SUM_TO_ZERO!r} or the reference class, one of "
            f"{', '.join(map(repr, dataset.class_names[:8]))}"
        )
    return dataset.class_names.index(identified)
