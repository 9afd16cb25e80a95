"""What a check finds: its rows, its report, and everything that was measured on the way."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from ..truth.ulp import ulp
from .measured import Spread, bound_float64
from .sides import Plan, Side, Where

Verdict = Literal["within", "no promise", "OUTSIDE"]


class Row(NamedTuple):
    """One quantity: the two sides held together in float64, or a side's float32 held to float64."""

    dtype: str
    quantity: str
    of: tuple[str, ...]  # ("PyTorch", "JAX"), or the one side
    error: float  # the 2-norm of the difference, over all numbers of the quantity
    bound: float
    size: float  # the 2-norm of the quantity
    where: str  # the number that differs most
    verdict: Verdict

    @property
    def ulps(self) -> float:
        """The error in ulps of the quantity's size."""
        return float(self.error / ulp(self.size, self.dtype)) if np.isfinite(self.error + self.size) else np.inf

    @property
    def share(self) -> float:
        """The error as a part of its bound."""
        return 0.0 if self.error == 0 else float(self.error / self.bound) if self.bound else np.inf


@dataclass(frozen=True, eq=False)
class Report:
    """What a check found; ``print(report)`` shows it."""

    verdict: Verdict
    rows: tuple[Row, ...]
    first: Row | None  # the first quantity that differs
    cause: str
    notes: tuple[str, ...]  # what could not be asked, and what a reader should know
    places: dict[str, str]  # the JAX leaf of each torch parameter
    setting: dict[str, Any]
    versions: dict[str, str]

    @property
    def explanation(self) -> str:
        """The verdict in words, with the first difference and its cause."""
        from .report import explanation

        return explanation(self)

    def __str__(self) -> str:
        from .report import as_text

        return as_text(self)


class Measured(NamedTuple):
    """Both sides at one point, and everything measured there."""

    sides: tuple[Side, Side]
    here: Where
    plan: Plan
    spreads: tuple[Spread, Spread]
    samples: int
    restless: list[str]

    def bound(self, quantity: str) -> float:
        """How far apart rounding can bring the two sides in float64."""
        return bound_float64(quantity, list(self.spreads), self.samples)
