"""The certified maxima: how far the frameworks' functions are from exact at worst, by version and instruction set.

``maxima.json`` beside this file holds one row for each function of each framework that was measured, as C libraries
keep theirs; ``logreg-parity passport sweep`` makes them. A row of kind "exhaustive" looked at every finite number of
its format, "searched" at a fixed sample and at what climbing from its worst places found, "sampled" at a sample only.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..truth.bounds import FUNCTION_ULPS

FILE = Path(__file__).with_name("maxima.json")
FORMAT = "logreg-parity maxima"
ALLOWED = dict.fromkeys(("sigmoid", "sigmoid_apart", "loss", "loss_slope"), FUNCTION_ULPS) | {"loss_curvature": 6}
"""The most ulps that a twin's own functions may be off. The frameworks' softplus and log-sigmoid are only looked at."""


class Maximum(NamedTuple):
    """The worst of one function, as one framework computes it in one place."""

    function: str  # of the probes' OPERATIONS; the loss and its derivatives by the logit are those of label 0
    framework: str
    version: str
    mode: str  # eager or jit
    device: str
    instructions: str  # the widest instruction set that NumPy finds
    dtype: str
    kind: str  # exhaustive, searched or sampled
    inputs: int  # looked at
    largest: float  # error in ulps where the exact value is a normal number, rounded up to six decimals
    at: float  # its logit
    subnormal: int  # inputs whose exact value is a subnormal number
    flushed: int  # of them that came back as 0
    below: float  # the largest error where the exact value is less than the smallest normal number, in units of it
    date: str
    command: str

    @property
    def key(self) -> tuple[str, ...]:
        """What a row is of: a newer one of the same key takes its place."""
        return self[:8]

    def __str__(self) -> str:
        place = f"{self.framework} {self.version} ({self.mode}; {self.device}; {self.instructions})"
        return f"{self.function} in {self.dtype}, {place}: {self.largest:.6f} ulp at {self.at!r}, {self.kind}"


def load(path: Path = FILE) -> list[Maximum]:
    """The rows of a file. Raises ValueError where it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        return [Maximum(**row) for row in content["rows"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no file of maxima ({error}); logreg-parity passport sweep makes one") from error


def nearest(row: Maximum, rows: Iterable[Maximum]) -> Maximum | None:
    """The row that a measured one is held to: of its own version where there is one, else the largest of the others.

    Of the same function, framework, mode, device, instruction set and format. None where none is kept.
    """
    others = [r for r in rows if r.kind != "sampled" and _place(r) == _place(row)]
    own = [r for r in others if r.version == row.version]
    return max(own or others, key=lambda r: r.largest, default=None)


def _place(row: Maximum) -> tuple[str, ...]:
    return (row.function, row.framework, row.mode, row.device, row.instructions, row.dtype)


def complaint(row: Maximum, rows: Iterable[Maximum]) -> str | None:
    """What is wrong with a measured row, in words: it exceeds the kept one, or what the bounds allow; None if nothing.

    A row of another instruction set is no measure of this machine; what the bounds allow is one everywhere.

    Args:
        row: as measured.
        rows: those that are kept.
    """
    kept, allowed = nearest(row, rows), ALLOWED.get(row.function, float("inf"))
    again = "To look at all inputs: logreg-parity passport sweep"
    if row.largest > allowed:
        return f"{row}; the bounds allow {allowed}. {again}"
    if kept is not None and row.largest > kept.largest:
        return f"{row}; the kept row says: {kept}. {again} --out logreg_parity/machine/maxima.json"
    if not row.below <= 1:
        return f"{row}; below the normal numbers it is off by {row.below:g} times the smallest of them. {again}"
    return None


def table(rows: Iterable[Maximum]) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows of a table; flushed is the share of the subnormal results that come back as 0."""
    heading = ["", "dtype", "framework", "largest", "at", "kind", "flushed"]
    cells = []
    for row in rows:
        framework = f"{row.framework} {row.version.partition('+')[0]} {row.mode}"
        where = f"{row.largest:.4g}" if row.largest >= 1000 else f"{row.largest:.3f}"
        small = f"{100 * row.flushed / row.subnormal:.3g} %" if row.subnormal else "-"
        cells.append([row.function, row.dtype, framework, where, f"{row.at:.4g}", row.kind, small])
    return heading, cells
