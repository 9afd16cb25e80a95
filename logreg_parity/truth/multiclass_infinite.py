"""Where K classes have no optimum: which coefficients run off, which way, and what becomes of the others.

Along a direction d (``multiclass.separated``) the margin of some rows to some other classes grows for ever: these drop
out of their rows' losses, and what is left are rows that choose among fewer classes. Directions are added until those
have an optimum. A coefficient c·θ, beside those of the reference class or the mean of all, runs off where c·d ≠ 0; else
it goes to that of the optimum left, if all θ that are equally good there have the same, or to no limit.
"""

from fractions import Fraction

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.multiclass import SUM_TO_ZERO, MulticlassDataset, reference_class
from .certificate import whitening
from .infinite import Runaway, runaway
from .multiclass import MulticlassRows, differences, separating, too_large
from .reference import flatten
from .separation import echelon, null_vectors, rational

STEPS = 100  # of Newton's method to the optimum of what is left; it takes ten
HALVINGS = 40
REMEDY = "give l2 > 0, or fit with Firth's penalty, which always has a finite optimum: brmultinom of brglm2 in R"
KNOWN = 1e-9  # of a limit, beside the larger of it and 1: it is shown to nine digits


def what_runs_off(
    dataset: Dataset | MulticlassDataset,
    parameters: Parameters,
    *,
    l2: float = 0.0,
    intercept: bool = True,
    identified: str = SUM_TO_ZERO,
) -> Runaway | None:
    """What becomes of the coefficients of a fit that has no finite optimum; None where nothing is proved.

    Args:
        dataset: of two classes or more.
        parameters: where the fit has ended, which may separate all rows.
        l2, intercept: those of the fit.
        identified: "sum-to-zero" or the reference class, of more than two.
    """
    if isinstance(dataset, Dataset):
        return runaway(dataset, l2=l2, intercept=intercept, proposal=flatten(parameters))
    return runaway_classes(dataset, identified=identified, intercept=intercept)


def runaway_classes(
    dataset: MulticlassDataset, *, identified: str = SUM_TO_ZERO, intercept: bool = True
) -> Runaway | None:
    """What becomes of the coefficients without a penalty, where it is proved that there is no optimum.

    Args:
        dataset: N rows of K classes; those of weight zero do not count.
        identified: "sum-to-zero", or the reference class, whose coefficients then are left out.
        intercept: whether there is a bias.

    Returns:
        The Runaway, its names "CLASS: FEATURE"; None where nothing is proved, or the rows are too many for it.
    """
    rows, base = MulticlassRows(dataset, intercept=intercept, scaled=False), reference_class(dataset, identified)
    K, k = rows.K, rows.k
    if too_large(rows):
        return None
    wide, pairs = differences(rows)
    exact, left = rational(wide), np.arange(len(wide))
    direction = rational(np.zeros(wide.shape[1]))
    while len(left) and (found := separating(wide[left])) is not None:
        gone = exact @ direction
        most, least = max(np.abs(exact @ found[1])), min(gone[gone > 0], default=1)
        direction = (1 + most / least) * direction + found[1]  # which keeps what has been above 0
        left = left[exact[left] @ found[1] == 0]
    if len(left) == len(wide):
        return None
    of = rational(rows.contrasts(base)[0]) / rows.contrasts(base)[1]
    shown = [a * k + j for a in range(K) if a != base for j in range(k)]
    within = of[shown][:, k:]  # what is beside the first class's knows the first class's to be 0
    runs = within @ direction
    goes = np.array(["+inf" if d > 0 else "-inf" if d < 0 else "any" for d in runs], dtype=object)
    limits, infimum = np.full(len(shown), np.nan), 0.0 if not len(left) else None
    if len(left):
        free = null_vectors(wide[left])
        finite = (goes == "any") & np.array([not any(v @ c for v in free) for c in within])
        goes[finite] = "finite"
        choices = np.arange(K) == rows.y[:, None]
        choices[tuple(pairs[left].T)] = True
        scaled = MulticlassRows(dataset, intercept=intercept, pinned=False)
        there = scaled.limited(choices)
        best = _optimum(there, echelon(wide[left])[1], of[shown].astype(float))
        if best is not None:
            value, at, off = best
            infimum = value * float(there.total / scaled.total)
            at, off = (part / np.resize(scaled.unit, len(shown)) for part in (at, off))
            known = finite & (off <= KNOWN * np.maximum(np.abs(at), 1))
            limits[known] = at[known]
    features = (*dataset.feature_names, "bias")
    names = tuple(f"{dataset.class_names[n // k]}: {features[n % k]}" for n in shown)
    exactly = tuple(Fraction(int(d.numerator), int(d.denominator)) for d in runs)
    status = "quasi-separable" if len(left) else "separable"
    return Runaway(status, names, exactly, tuple(goes), limits, infimum, REMEDY)


def _optimum(rows: MulticlassRows, pivots: list[int], of: np.ndarray) -> tuple[float, np.ndarray, np.ndarray] | None:
    """The least mean loss of such rows; c·θ there for some c, and how far that may be from exact.

    Args:
        rows: limited to their choices.
        pivots: the coordinates of θ less the first class's that determine its logits, the others being 0.
        of: each c (j, K k).
    """
    basis = np.eye(rows.K * rows.k)[:, rows.k + np.array(pivots)]
    here, found = rows.at(np.zeros((rows.K, rows.k))), None
    for _ in range(STEPS):
        P = basis @ whitening(basis.T @ rows.hessian(here.probabilities) @ basis)
        whitened = rows.whitened(here, basis)
        proof = None if whitened is None else rows.proof(whitened, here, of)
        if proof is not None and (found is None or proof.gap < found[0]):
            found = proof.gap, (here.value, of @ here.theta.ravel(), proof.distance)
        elif found is not None:
            break
        step, length = -(P @ (P.T @ here.gradient.ravel())).reshape(here.theta.shape), 1.0
        there = rows.at(here.theta + step)
        while not there.value <= here.value and length > 2.0**-HALVINGS and found is None:
            length /= 2
            there = rows.at(here.theta + length * step)
        here = there
    return None if found is None else found[1]
