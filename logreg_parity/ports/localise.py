"""Where two programs part: the first operation whose inputs the other has too, and whose output it has not.

Values are matched without names and without layout: two are one where their numbers, put in order, agree, to 2^-150 of
their size where both are known exactly, else to what rounding leaves of float64. A value without a match is healed
where all that is made of it is matched or healed (another grouping of one formula); what reaches no result is ignored.
"""

from itertools import islice
from typing import NamedTuple

import numpy as np

from .exact import Enclosures
from .formula import Formula
from .recording import RecordedOperation, Recording
from .sides import Side

PLACES = 150  # binary places of a value's largest number, of the 256 that are known
FLOAT_PLACES = 30  # of float64's 53, where values are not known exactly
SILENT = ("input", "constant", "given", "move", "cast")  # they make no numbers
SEVERAL = 24  # operations without a counterpart that are told
POOLS = ("max_pool2d", "reduce_window_max")  # moves that choose: an output that the other has not is theirs


class Parting(NamedTuple):
    """Where one side parts from the other.

    Args:
        side: its name.
        place: of the operation, in its recording.
        operation: the first without a counterpart.
        inputs_match: whether all that it is made of has one.
        matched: how many of the operations have one.
        total: of how many.
        apart: the first operations of the forward pass that have no counterpart, movements among them.
    """

    side: str
    place: int
    operation: RecordedOperation
    inputs_match: bool
    matched: int
    total: int
    apart: tuple[int, ...]

    @property
    def words(self) -> str:
        """The layer, the operation and the line."""
        o = self.operation
        title = o.title.removeprefix("aten.").removesuffix(".default")
        what = title if title in (o.name, "") else f"{title} (its {o.name})"
        back = ", in the backward pass of what stands" if o.backward else ","
        return f"{self.side}: {what}{back} {o.place}"


class _Values:
    """The values of one side, to be asked whether they have another."""

    def __init__(self, recording: Recording, exact: dict[int, Enclosures] | None):
        self.recording, self.exact = recording, exact
        self.by_size: dict[int, list[tuple[int, np.ndarray]]] = {}
        for place in sorted(recording.needed() | set(recording.inputs.values())):
            operation = recording.operations[place]
            if operation.is_real:
                self.by_size.setdefault(operation.size, []).append((place, self.sorted(place)))

    def sorted(self, place: int) -> np.ndarray:
        """The numbers of a value in order: the exact ones, where they are known."""
        known = self.exact is not None and place in self.exact
        value = self.exact[place].floats() if self.exact and known else self.recording.operations[place].value
        return np.sort(value.ravel())

    def find(self, other: "_Values", place: int) -> int | None:
        """The place of a value here that is the other's."""
        value = other.sorted(place)
        nothing = 2.0**-PLACES if self.exact and other.exact else 0.0  # sums that are 0, but for the last places
        size = float(np.abs(value[np.isfinite(value)]).max(initial=0)) if value.size else 0.0
        for own, mine in self.by_size.get(other.recording.operations[place].size, []):
            with np.errstate(invalid="ignore"):
                apart = np.abs(np.where(mine == value, 0.0, mine - value)).max(initial=0)
            if apart <= max(2.0**-FLOAT_PLACES * size, nothing) and self._same(own, other, place):
                return own
        return None

    def _same(self, own: int, other: "_Values", place: int) -> bool:
        if self.exact is None or other.exact is None or own not in self.exact or place not in other.exact:
            return True
        a, b = self.exact[own], other.exact[place]
        mine, theirs = np.sort(a.mid.ravel()), np.sort(b.mid.ravel())
        size = max((abs(int(m)) for m in (*mine, *theirs)), default=0)
        apart = max((abs(int(x) - int(y)) for x, y in zip(mine, theirs, strict=True)), default=0)
        doubt = int(np.ceil(a.rad.max(initial=0) + b.rad.max(initial=0)))
        return apart <= doubt + (size >> PLACES)


@np.errstate(all="ignore")  # masks hold infinities
def localise(formula: Formula, sides: tuple[Side, Side]) -> tuple[Parting | None, Parting | None]:
    """Where each side parts from the other; None where every value of it has a counterpart.

    Args:
        formula: of ``compare``; its recordings, and its exact values where there are any.
        sides: the two, for their names.
    """
    if formula.recordings is None:
        return None, None
    exact = formula.values or (None, None)
    one, two = (_Values(r, e) for r, e in zip(formula.recordings, exact, strict=True))
    return _first(one, two, sides[0].name), _first(two, one, sides[1].name)


def _first(mine: _Values, theirs: _Values, name: str) -> Parting | None:
    recording = mine.recording
    needed = sorted(recording.needed())
    users = recording.users()
    results = {place for place in recording.results.values() if place is not None}
    given = set(recording.inputs.values())
    depends: dict[int, bool] = {}  # on a parameter or the batch; a mask made of constants is no place to part
    matched: dict[int, bool] = {}
    for place in needed:
        operation = recording.operations[place]
        depends[place] = place in given or any(depends[source] for source in operation.inputs)
        trivial = not operation.is_real or not depends[place]
        matched[place] = trivial or theirs.find(mine, place) is not None
    fine: dict[int, bool] = {}
    for place in reversed(needed):
        healed = bool(users[place]) and place not in results and all(fine[user] for user in users[place])
        fine[place] = matched[place] or healed
    counted = [p for p in needed if recording.operations[p].word not in SILENT]
    to_loss = recording.needed({"loss"})  # first what makes the loss, then what makes the gradient alone
    signs = {place for place in needed if recording.operations[place].word == "neg"}  # last: they stand anywhere
    apart = (p for p in sorted(to_loss) if not fine[p])
    for place in sorted(needed, key=lambda place: (place in signs, place not in to_loss, place)):
        operation = recording.operations[place]
        if fine[place] or (operation.word in SILENT and operation.name not in POOLS):
            continue
        if any(matched[user] and recording.operations[user].word != "move" for user in users[place]):
            continue
        inputs = all(fine[source] for source in operation.inputs)
        n = sum(matched[p] for p in counted)
        return Parting(name, place, operation, inputs, n, len(counted), tuple(islice(apart, SEVERAL)))
    return None
