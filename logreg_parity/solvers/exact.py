"""Packed data whose sums are exact arithmetic: the same bits whoever adds them, for any order of the rows.

What a backend supplies is ``truth.exact.add_exactly``: of one block of rows the losses, and integers. All that follows,
the sums of those integers and Newton's algebra (``newton.py``), is NumPy here, of operations whose order is written
down: elementwise, by ``math.fsum``, or a loop. No product of BLAS is among them, which adds as each processor likes.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np

from ..data.dataset import Dataset
from ..truth import exact
from ..truth.exact import ExactRows, ExactSums, SignedRows
from .blocks import DTYPES, BlockPlace, Blocks, Sums, threads


@dataclass(frozen=True, eq=False)
class ExactBlocks(Blocks):
    """``Blocks`` that are added up exactly: exact_rows, one block each, in units of all rows together.

    X is held in the dtype, arithmetic is float64.
    """

    exact_rows: tuple[ExactRows, ...]
    units: ExactRows  # what the rows have in common: their tops, in NumPy

    @classmethod
    def of(cls, dataset: Dataset, dtype: str, place: BlockPlace, *, intercept: bool = True) -> "ExactBlocks":
        """Pack a data set.

        Raises ValueError for what ``Blocks.of`` refuses, and for numbers so small that exact arithmetic has 0 for them.
        """
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise ValueError(f"dtype is {dtype!r}; a fit takes {' or '.join(DTYPES)}")
        if dataset.n_features + intercept == 0:
            raise ValueError("the data set has no features and the model no intercept; give one of them")
        if place.exact is None:
            raise ValueError("kernel is 'exact', which these passes do not have; give 'plain'")
        with np.errstate(over="ignore"):
            X = dataset.X.astype(dtype).astype(np.float64)
        if not np.isfinite(X).all():
            raise ValueError(f"X holds values too large for {dtype}; scale the features, or give dtype='float64'")
        _check_small("X", dataset.X, exact.LEAST[dtype])
        _check_small("y", np.concatenate([dataset.y, 1 - dataset.y]), exact.LEAST["float64"])
        if dataset.sample_weight is not None:
            _check_small("sample_weight", dataset.sample_weight, exact.LEAST["float64"])
        signed = SignedRows.of(replace(dataset, X=X), "float64")
        rows = signed.whole("sum")
        if not intercept:
            rows = rows._replace(columns=rows.columns[:-1], top=rows.top[:-1], largest=rows.largest[:-1])
        rows = rows._replace(columns=rows.columns.astype(dtype))
        units, cut = rows._replace(columns=None, up=None, down=None), []
        with place.here():
            for k in range(rows.columns.shape[1]):
                block = rows.blocks(partial(np.take, indices=[k], axis=-2))
                cut.append(block.mapped(lambda part: place.put(np.asarray(part))))
        counts, ends = ((dataset.n_rows,), (signed.total_weight,)), (rows.top, rows.largest)
        packed = cls(dtype, place, intercept, (), *counts, *ends, dataset, tuple(cut), units)
        return replace(packed, signed_sum=2 * packed.sums(np.zeros(len(rows.top))).gradient)

    @property
    def longest_sum(self) -> int:
        """Of an exact sum, whose units ``unit_error`` counts: it is rounded once."""
        return 4

    def unit_error(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """What the units cost the sum of the losses and that of the slopes (D + 1,): half of one a row.

        No loss is above max f (max |x|·|θ| + 2 log 2), and the power of two above it is at most twice that.
        """
        most = 2 * float(self.units.factor) * (inner(self.units.largest, np.abs(theta)) + 2)
        half = self.n_rows * exact.UNIT / 2
        return half * most, half * self.units.top

    def sums(self, theta: np.ndarray, *, arithmetic: str = "float64", hessian: bool = False) -> Sums:
        """The sums over all rows at theta (D + 1,), in NumPy: one pass, by exact arithmetic only."""
        units, place = self.units, self.place
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = np.multiply.outer(units.largest, units.largest) * units.factor
            tops = exact.power_above(sizes) if hessian else None
            add = cast(Callable[..., ExactSums], place.exact)
            with place.here():
                shared = threads().map if (place.workers or 1) > 1 and len(self.exact_rows) > 1 else map
                losses, slopes, bends = _added(shared(partial(add, theta=theta, tops=tops), self.exact_rows))
            known = exact.grid(theta, units) - units.top  # 0, or NaN as integers cannot say it
            slope = exact.number_of(slopes, units.top) + known
            bent = None if tops is None else np.tril(exact.number_of(bends, tops) + known[:, None])
            bent = None if bent is None else bent + np.tril(bent, -1).T
            return Sums(float(exact.total(losses)), slope, bent)


def _added(parts: Iterable[ExactSums]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The losses (K, B) of all blocks, and the added halves of their integers."""
    losses, slopes, bends = [], np.zeros((), np.int64), np.zeros((), np.int64)
    for part in parts:
        losses.append(part.losses)
        slopes = slopes + exact.halves(part.gradient)
        bends = bends if part.hessian is None else bends + exact.halves(part.hessian)
    return np.concatenate(losses), slopes, bends


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """a·b of small vectors, the products added exactly; what is too large for that, as it comes."""
    try:
        return math.fsum((a * b).tolist())
    except (OverflowError, ValueError):
        return float(a @ b)


def _check_small(name: str, numbers: np.ndarray, least: float) -> None:
    """Raises ValueError where a number is not 0 and below what exact arithmetic tells from it."""
    small = numbers[(numbers != 0) & (np.abs(numbers) < least)]
    if len(small):
        words = f"{name} holds {small[0]:.3g}, and kernel 'exact' takes what is below {least:.3g} for 0"
        raise ValueError(f"{words}; scale the data, or give kernel='plain'")
