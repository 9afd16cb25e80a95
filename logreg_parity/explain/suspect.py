"""A stage that a run got wrong, and what can be asked of it: the tools of ``causes.py``."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import reference
from ..truth.ulp import is_held
from .microscope import Look

AVERAGED = ("loss", "gradient", "recorded loss")  # the stages that sum over rows
FROM_ROWS = ("loss", "gradient")  # those of them at the point whose logits are known
BY_ROW = ("logits", "row losses", "residuals")


def digits(factor: float) -> str:
    """A factor, with as many digits as it differs from 1 in, and six at least."""
    apart = abs(factor - 1)
    return f"{factor:.{max(6, 2 - int(np.floor(np.log10(apart)))) if 0 < apart < 1 else 6}g}"


class Suspect:
    """A stage that a run got wrong: its numbers v, what they should be e, and the bound, all (K,)."""

    def __init__(self, look: Look, stage: str):
        self.look, self.stage = look, stage
        exact, self.bound = look.from_own_inputs[stage]
        self.v, self.e = look.values[stage], exact.astype(np.float64)
        self.off = np.flatnonzero(~(np.abs(self.v - self.e) <= self.bound))
        self.rows, self.dtype, self.setting = look.rows, look.side.dtype, look.side.setting
        self.reduction, self.l2, self.engine = self.setting.reduction, self.setting.l2, look.side.trace.engine

    def fits(self, candidate: np.ndarray, bound: np.ndarray | None = None) -> bool:
        """Whether all numbers are the candidate's, within a bound (the stage's own)."""
        return bool((np.abs(self.v - candidate) <= (self.bound if bound is None else bound)).all())

    @cached_property
    def fixed(self) -> list[np.ndarray]:
        """What a factor may leave alone: nothing, or the penalty; in an update, the point it starts from."""
        if self.stage == "update":
            return [self.look.theta]
        nothing = np.zeros_like(self.e)
        return [nothing, self.penalty] if self.l2 and self.stage in AVERAGED else [nothing]

    @cached_property
    def penalty(self) -> np.ndarray:
        """The penalty's part of a loss (1,) or a gradient (D + 1,)."""
        w = self.look.there.weight if self.stage == "recorded loss" else self.look.here.weight
        return self.l2 * np.append(w, 0.0) if self.stage == "gradient" else np.atleast_1d((self.l2 / 2 * w) @ w)

    def scaled(self, factor: float) -> bool:
        """Whether the numbers are the factor times what they should be."""
        bound = max(1.0, factor) * self.bound
        return any(self.fits(factor * (self.e - fixed) + fixed, bound) for fixed in self.fixed)

    def name_rows(self, rows: Iterable[int]) -> str:
        """Rows by their number in the data set, counted from 0."""
        names = [str(int(self.look.row_names[i])) for i in rows]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return f"row{'s' if len(names) > 1 else ''} {', '.join(names[:5])}{more}"

    def contributions(self, *, flipped: bool = False) -> np.ndarray:
        """What each row adds to the loss (N, 1) or the gradient (N, D + 1); with its label flipped."""
        y, weight = self.rows.y, self.rows.sample_weight
        label = 1 - y if flipped else y
        share = (np.ones(len(y)) if weight is None else weight) / reference.count(y, weight, self.reduction)
        if self.stage == "loss":
            return (share * reference.stable_loss(self.look.logits, label))[:, None]
        return (share * reference.residual(self.look.logits, label))[:, None] * reference.with_ones(self.rows.X)

    def one_row(self, candidates: np.ndarray) -> int | None:
        """The one row whose candidate (of (N, K)) the numbers are; None where none is, or more than one."""
        matches = np.flatnonzero((np.abs(self.v - candidates) <= self.bound).all(axis=1))
        return int(matches[0]) if len(matches) == 1 else None

    def logits_of(self, X: np.ndarray, parameters: Parameters) -> bool:
        """Whether the logits are those of other features, or of another point."""
        limits = self.look.bounds_at(parameters, Dataset(X, self.rows.y, "what if"))
        return self.fits(reference.logits(parameters, X), limits.logit)

    def held_by(self, name: str) -> bool:
        """Whether all numbers are numbers of a format."""
        return bool(np.isfinite(self.v).all() and is_held(self.v, name).all())
