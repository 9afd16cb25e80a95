"""Two axes: how far the twins are from each other, and how far from the exact value. Agreement is not accuracy."""

from typing import NamedTuple

from .compare import Comparison, Row


class Placement(NamedTuple):
    """Where one quantity stands on both axes, in ulps of its natural size, and what that means."""

    device: str
    dtype: str
    quantity: str
    apart: float  # the largest distance between two twins
    off: float  # the largest distance of a twin from the exact value
    words: str


def placements(comparison: Comparison) -> list[Placement]:
    """Every quantity for which both axes are known, in the order of the rows."""
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in comparison.rows:
        grouped.setdefault((row.device, row.dtype, row.quantity), []).append(row)
    found = []
    for place, rows in grouped.items():
        alone, pairs = ([row for row in rows if len(row.subject) == n] for n in (1, 2))
        if alone and pairs:
            apart, off = max(row.ulps for row in pairs), max(row.ulps for row in alone)
            found.append(Placement(*place, apart, off, _words(alone, pairs, apart, off)))
    return found


def _words(alone: list[Row], pairs: list[Row], apart: float, off: float) -> str:
    """The twins agree where they are within one ulp, the least there is, or nearer to each other than to the truth."""
    wrong = [row.subject[0] for row in alone if row.verdict == "OUTSIDE"]
    if wrong and len(wrong) < len(alone):
        return f"differ, and {' and '.join(wrong)} is wrong"
    if wrong:
        alike = all(row.verdict != "OUTSIDE" for row in pairs)
        return "agree, and are wrong alike" if alike else "differ, and none is right"
    if any(row.verdict == "no promise" for row in (*alone, *pairs)):
        return "nothing promised"
    if apart <= max(1.0, off / 2):
        return "agree, and are right" if off <= 1 else "agree, and are off alike by rounding"
    return "differ, and are right but for rounding"
