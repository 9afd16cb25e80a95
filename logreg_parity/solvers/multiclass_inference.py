"""Standard errors, tests and intervals of K classes: what ``inference.py`` is for two.

The twin's passes find the optimum and the ends of profile intervals; what is said of them is the rows' own
(``logreg_parity/truth/multiclass_likelihood.py``).
"""

from typing import Any

import numpy as np
from flint import arb

from ..data.history import Fit
from ..data.inference import Inference, Proved
from ..data.multiclass import MulticlassDataset
from ..truth.multiclass import MulticlassRows
from ..truth.multiclass_likelihood import HeldContrast, optimum_near
from ..truth.oracle import precision
from .inference import BITS, FLAT, Best, added_up, check_wanted, find_end, how_far, normal_quantile, null_loss, table
from .objective import Point


class _Along:
    """The mean loss in the coordinates φ of a contrast that is held, by a twin's passes over rows without a gauge."""

    def __init__(self, passes: Any, held: HeldContrast):
        self._passes, self._held = passes, held

    def at(self, phi: np.ndarray, *, hessian: bool = False, arithmetic: str = "float64") -> Point:
        """One pass."""
        T = self._held.T
        here = self._passes.at(T @ phi, hessian=hessian, arithmetic=arithmetic)
        H = T.T @ here.hessian @ T if hessian else None
        return Point(phi, here.value, T.T @ here.gradient, H, arithmetic)


def infer_classes(
    passes: Any, dataset: MulticlassDataset, fit: Fit, base: int | None, *, level: float, profile: bool, sharp: bool
) -> Inference:
    """The Inference at a fit.

    Args:
        passes: the twin's, over rows that are not pinned.
        dataset: the data.
        fit: their optimum without a penalty.
        base: the reference class, or None for rows that sum to zero.
        level: of the intervals, between 0 and 1.
        profile: whether profile intervals are wanted, which take some 20 passes an end.
        sharp: whether the last digits of estimates and standard errors are, which interval arithmetic proves.

    Raises:
        ValueError: for another level, a fit that has not converged, and where nothing is proved of the curvature.
    """
    check_wanted(fit, level, profile)
    rows: MulticlassRows = passes.rows
    K, k = rows.K, rows.k
    theta = fit_point(rows, fit)
    found = optimum_near(rows.pinned, theta, base, in_balls=sharp)
    if found is None or found.errors is None:
        raise ValueError(FLAT)
    shown = [(a, j) for a in range(K) if a != base for j in range(k)]
    at = np.array([a * k + j for a, j in shown])
    estimate, errors = (Proved(number.value[at], number.bound[at]) for number in (found.estimate, found.errors))
    features = (*dataset.feature_names, "bias")[:k]
    names = tuple(f"{dataset.class_names[a]}: {features[j]}" for a, j in shown)
    best = Best(estimate.value, estimate.bound, errors, *found[2:])
    with precision(BITS):
        q, ends = normal_quantile(level), None
        if profile:
            sides = [_ends(passes, best, theta, base, parameter, n, float(q)) for n, parameter in enumerate(shown)]
            ends = Proved(*np.moveaxis(np.array(sides), -1, 0))
        counts = [added_up(rows.weight[rows.y == a], 1) for a in range(K)]
        null = null_loss(counts, added_up(rows.weight, 1), intercept=k > dataset.n_features)
        parameters, degrees = (K - 1) * k, (K - 1) * dataset.n_features
        return table(
            fit, names, level, best, q, ends, null=null, saturated=arb(0), degrees=degrees, parameters=parameters
        )


def _ends(
    passes: Any, best: Best, theta: np.ndarray, base: int | None, at: tuple[int, int], n: int, q: float
) -> list[tuple[float, float]]:
    """Both ends of the n-th parameter's profile interval, in the user's units, each with its bound."""
    rows, unit = passes.rows, passes.rows.unit[at[1]]
    held = HeldContrast(rows, base, at)
    phi = held.coordinates(theta, best.theta[n] * unit)
    here = Best(phi, np.append(best.distance[n] * unit, np.zeros(len(phi) - 1)), *best[2:])
    ends = []
    for side in (-1, 1):
        end = held.on_grid(find_end(_Along(passes, held), phi, float(rows.total), 0, side, q))
        value, bound = how_far(held, here, end, 0, q)
        ends.append((value / unit, bound / unit))
    return ends


def fit_point(rows: MulticlassRows, fit: Fit) -> np.ndarray:
    """θ (K, k) of a fit in the units of the rows, its rows summing to zero."""
    theta = np.column_stack(fit.parameters)[:, : rows.k] * rows.unit
    return theta - theta.mean(axis=0)
