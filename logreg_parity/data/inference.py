"""What statistics says at the optimum of a likelihood: numbers with the bounds proved of them, and their table."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .history import Fit


class Proved(NamedTuple):
    """Numbers, and how far the exact ones may be from them at most: infinite where nothing is proved."""

    value: np.ndarray
    bound: np.ndarray

    @property
    def digits(self) -> np.ndarray:
        """How many decimal digits are right: -log10 of the relative bound, 16 where it is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(self.bound == 0, 0, self.bound / np.abs(self.value))
            return np.clip(-np.log10(share), 0, 16)


@dataclass(frozen=True, eq=False)
class Inference:
    """What statistics says at the optimum of a likelihood without a penalty, each number with its proved bound.

    Row weights count as frequencies. Arrays have k entries, one a parameter in the order of ``names``, the bias last;
    intervals (k, 2) are the ends at ``level``, ``profile`` those of the profile likelihood, or None where they were not
    asked for. likelihood_ratio: that to the model with a bias only (without an intercept: to θ = 0), on ``degrees``
    degrees of freedom, and its p. aic: 2k - 2 log likelihood.
    """

    fit: Fit
    names: tuple[str, ...]
    level: float
    estimate: Proved
    standard_error: Proved
    z: Proved
    p: Proved
    odds_ratio: Proved
    wald: Proved
    profile: Proved | None
    deviance: Proved
    null_deviance: Proved
    likelihood_ratio: Proved
    likelihood_ratio_p: Proved
    degrees: int
    aic: Proved

    def __str__(self) -> str:
        """The table that statisticians know, no number with more digits than are proved, and how many those are."""
        ends, kind = (self.wald, "Wald") if self.profile is None else (self.profile, "profile")
        heads = ("", "estimate", "std. error", "z", "p", f"{100 * self.level:g} % interval ({kind})", "odds ratio")
        low, high = (_shown(Proved(ends.value[:, side], ends.bound[:, side]), 5) for side in (0, 1))
        columns = (
            self.names,
            _shown(self.estimate, 7),
            _shown(self.standard_error, 6),
            _shown(self.z, 4),
            _shown(self.p, 3),
            [f"[{a}, {b}]" for a, b in zip(low, high, strict=True)],
            _shown(self.odds_ratio, 5),
        )
        widths = [max(map(len, [head, *column])) for head, column in zip(heads, columns, strict=True)]
        lines = []
        for first, *cells in [heads, *zip(*columns, strict=True)]:
            numbers = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
            lines.append("  ".join([f"  {first:{widths[0]}}", *numbers]))
        (deviance,), (null,), (aic,) = (_shown(number, 7) for number in (self.deviance, self.null_deviance, self.aic))
        (ratio,), (p,) = _shown(self.likelihood_ratio, 6), _shown(self.likelihood_ratio_p, 3)
        freedom = f"{self.degrees} degree{'s' * (self.degrees != 1)} of freedom"
        lines.append(f"  likelihood ratio {ratio} on {freedom}, p = {p}; deviance {deviance} (null {null}); AIC {aic}")
        proved = {"estimates": self.estimate, "standard errors": self.standard_error, f"{kind} intervals": ends}
        least = ", ".join(f"{name} {number.digits.min():.1f}" for name, number in proved.items())
        return "\n".join([*lines, f"  digits proved, of the least certain: {least}"])

    @property
    def proved(self) -> dict[str, Proved]:
        """Every number with its bound, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Proved)}


def _shown(number: Proved, most: int) -> list[str]:
    """Each value with as many digits as are proved, and no more than most; "?" where not even the first is."""
    texts = []
    for value, known in zip(np.atleast_1d(number.value).tolist(), np.atleast_1d(number.digits).tolist(), strict=True):
        kept = 0 if math.isnan(known) else min(most, math.floor(known))
        texts.append(f"{value:#.{kept}g}".rstrip(".") if kept else "below 1e-300" if abs(value) < 1e-300 else "?")
    return texts
