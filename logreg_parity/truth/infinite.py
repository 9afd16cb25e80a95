"""Where there is no optimum: which coefficients run off, which way, and what becomes of the others; all exactly.

A direction d (see ``separation.py``) takes rows off the boundary d·x̃ = 0 to a loss of 0. ``optimum.py`` adds
directions until the rows left on the boundary have an optimum of their own, θ_b: along t d + θ_b the loss falls to its
infimum. A coefficient with d_j ≠ 0 runs off. One with d_j = 0 goes to that of θ_b if the boundary's rows determine it,
that is if every vector that is 0 on all of them is 0 there; else no value of it is better than another. Where the data
are separable there are many directions, of which this is one; so there may be where several boundaries meet.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset
from . import reference
from .optimum import Optimum, find_optimum
from .separation import EXACT_SIZE, counted_rows, margins, null_vectors, rational, separation

REMEDY = (
    "give l2 > 0, or fit with Firth's penalty, which always has a finite optimum: firthmodels in Python, logistf or "
    "brglm2 in R"
)


class Runaway(NamedTuple):
    """What is proved where there is no optimum, a coefficient at a time, the bias last (if there is one).

    status: "separable" or "quasi-separable". direction (k,): exact. goes (k,): "+inf", "-inf", "finite" or "any", and
    limits (k,) of those that stay finite, else NaN. infimum: of the mean loss, or None where it is not known. remedy:
    what to do.
    """

    status: str
    names: tuple[str, ...]
    direction: tuple[Fraction, ...]
    goes: tuple[str, ...]
    limits: np.ndarray
    infimum: float | None
    remedy: str = REMEDY

    def __str__(self) -> str:
        """One sentence each for the coefficients, the direction, and what to do."""
        kinds = {"+inf": "to +infinity", "-inf": "to -infinity", "any": "without a limit"}
        named = list(zip(self.names, self.goes, self.limits, self.direction, strict=True))
        parts = []
        for kind, words in kinds.items():
            some = ", ".join(name for name, goes, _, _ in named if goes == kind)
            parts += [f"{some} {words}"] if some else []
        ends = {name: f"{limit:.9g}" for name, _, limit, _ in named if not np.isnan(limit)}
        parts += [f"{name} to {ends.get(name, 'a finite limit')}" for name, goes, _, _ in named if goes == "finite"]
        steps = ", ".join(f"{name} {d}" for name, _, _, d in named if d)
        return f"{self.status}: {'; '.join(parts)}. Exact direction: {steps}. Remedy: {self.remedy}."


def runaway(
    dataset: Dataset, *, l2: float = 0.0, intercept: bool = True, proposal: np.ndarray | None = None
) -> Runaway | None:
    """What becomes of the coefficients, where it is proved that there is no optimum.

    Args:
        dataset: N rows of D features; those of weight zero do not count.
        l2: of the penalty, under which only the bias can run off.
        intercept: whether there is a bias.
        proposal: a point (D + 1,), the bias last, that may separate all rows: where the data are larger than EXACT_SIZE
            it is all that is looked at.

    Returns:
        The Runaway; None where nothing is proved.
    """
    rows = counted_rows(dataset)
    rows, k = rows if intercept else mirrored(rows), dataset.n_features + intercept
    names = (*dataset.feature_names, *["bias"] * intercept)
    if rows.X.size + rows.n_rows > EXACT_SIZE * (2 - intercept):
        direction = None if proposal is None else rational(proposal)
        if direction is None or l2 > 0 or separation(rows, direction) != "separable":
            return None
        return _told(rows, names, "separable", direction[:k], None)
    return told(rows, names, find_optimum(rows, l2=l2), l2=l2)


def told(rows: Dataset, names: tuple[str, ...], found: Optimum, *, l2: float = 0.0) -> Runaway | None:
    """The Runaway of an Optimum that is known already; None where it has no direction.

    Args:
        rows: a data set without rows of weight zero; of a model without a bias, mirrored.
        names: of the parameters, the bias last, if there is one.
        found: what ``find_optimum`` says of the rows.
        l2: of the penalty.
    """
    if found.direction is None:
        return None
    direction = rational(np.array(found.direction, dtype=object))
    direction[len(names) :] = rational(0.0)  # of d and b that separate a row and its mirror image d alone does
    return _told(rows, names, found.status, direction[: len(names)], found.value, l2)


def _told(
    rows: Dataset, names: tuple[str, ...], status: str, direction: np.ndarray, infimum: float | None, l2: float = 0.0
) -> Runaway:
    whole = np.append(direction, [rational(0.0)] * (rows.n_features + 1 - len(direction)))
    boundary = np.flatnonzero(margins(rows, whole) == 0)
    k, limits = len(names), np.full(len(names), np.nan)
    goes = ["+inf" if d > 0 else "-inf" if d < 0 else "any" for d in direction]
    if l2 > 0:  # of one class only: the slopes of the weights vanish, and the penalty takes them to 0
        goes[:-1], limits[:-1] = ["finite"] * (k - 1), 0.0
    elif len(boundary):
        left = rows.take(boundary)
        best = find_optimum(left, reduction="sum").parameters
        free = null_vectors(reference.with_ones(left.X)[:, :k])
        for j in range(k):
            if goes[j] == "any" and not any(v[j] for v in free) and best is not None:
                goes[j], limits[j] = "finite", reference.flatten(best)[j]
    exact = tuple(Fraction(int(d.numerator), int(d.denominator)) for d in direction)
    return Runaway(status, names, exact, tuple(goes), limits, infimum)


def mirrored(rows: Dataset) -> Dataset:
    """Every row and its mirror image (-x, 1 - y): separated with a bias if and only if the rows are without one.

    Of d and b that separate them, b has margins of both signs at the two images of a row: d alone separates as well.
    """
    X, y = np.vstack([rows.X, -rows.X]), np.concatenate([rows.y, 1 - rows.y])
    weight = None if rows.sample_weight is None else np.tile(rows.sample_weight, 2)
    return Dataset(X, y, f"{rows.source}, mirrored", rows.feature_names, rows.class_names, weight)
