"""Whether two programs are one formula: both evaluated exactly at the very numbers of the batch, loss and gradient.

Where they agree to 2^-200 of their size, all that floats show is rounding, whatever its size. Where they do not, the
formulas are not the same, and the bit at which the loss parts says by how much. ``exact.py`` has the arithmetic.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from ..truth.ulp import ulp
from .exact import READINGS, Enclosures, NoStatement, evaluate, exactly, in_words, read
from .mapping import Layout
from .recording import LARGEST, Recording
from .sides import Side, Where

BITS = (256, 1280)  # the second holds all of float64's range
AGREE = 200  # binary places of a quantity's largest number
Verdict = Literal["the same", "another", "no statement"]


class Formula(NamedTuple):
    """What the exact values of two programs say.

    Args:
        verdict: whether they are one formula.
        why: in words.
        agree: to how many binary places each quantity agrees, those that do to AGREE or more among them.
        ulps: how far each side's float64 is from its own exact value, by quantity, in ulps of its largest number.
        recordings: of both programs, where there are any.
        values: of both programs' operations, where they were evaluated.
    """

    verdict: Verdict
    why: str
    agree: dict[str, int] = {}  # noqa: RUF012
    ulps: dict[str, tuple[float, float]] = {}  # noqa: RUF012
    recordings: tuple[Recording, Recording] | None = None
    values: tuple[dict[int, Enclosures], dict[int, Enclosures]] | None = None


@np.errstate(all="ignore")  # masks hold infinities
def compare(sides: tuple[Side, Side], here: Where) -> Formula:
    """Both programs evaluated exactly, in float64's own numbers.

    Args:
        sides: the two; the second with its layout.
        here: the point and the batch.
    """
    given = sum(np.size(array) for array in here.point.values())
    if given > LARGEST:
        return Formula("no statement", f"there are {given} parameters, and up to {LARGEST} numbers are followed")
    try:
        recordings = sides[0].record(here), sides[1].record(here)
    except NoStatement as reason:
        return Formula("no statement", str(reason))
    found = Formula("no statement", "", recordings=recordings)
    gaps = [f"{side.name}: {gap}" for side, r in zip(sides, recordings, strict=True) for gap in dict.fromkeys(r.gaps)]
    if gaps:
        return found._replace(why="; ".join(gaps))
    size = max(r.size for r in recordings)
    if size > LARGEST:
        return found._replace(why=f"the run holds {size} numbers, and up to {LARGEST} are evaluated exactly")
    found = _read(sides, here, recordings, READINGS[0])
    if found.verdict != "another":
        return found
    stored, narrow = (_read(sides, here, recordings, reading) for reading in READINGS[1:])
    if stored.verdict == "the same":
        return stored._replace(why=f"{stored.why}, with constants read {READINGS[1]}")
    if narrow.verdict == "the same":
        return found._replace(why=f"{found.why}, and would not with {_narrow_constants(sides, recordings)}")
    return found


@np.errstate(all="ignore")
def followed(formula: Formula, sides: tuple[Side, Side], here: Where) -> Formula:
    """The same with the recordings of both programs, where they can be had: to say where they part, if not how far."""
    try:
        return formula._replace(recordings=(sides[0].record(here), sides[1].record(here)))
    except NoStatement:
        return formula


def _narrow_constants(sides: tuple[Side, Side], recordings: tuple[Recording, Recording]) -> str:
    """The float32 constants, and what they are read as."""
    listed: dict[str, None] = {}
    for side, recording in zip(sides, recordings, strict=True):
        for place in sorted(recording.needed()):
            operation = recording.operations[place]
            c = operation.number
            if c is not None and read(c, READINGS[0]) != (meant := read(c, READINGS[2])):
                listed[f"{side.name}'s float32 {c:.12g} ({operation.place}) read as {float(meant[1]):.7g}"] = None
    return ", ".join(listed)


def _read(
    sides: tuple[Side, Side], here: Where, recordings: tuple[Recording, Recording], reading: str, hold: bool = True
) -> Formula:
    """With the constants read in one way; with more digits where they are too few."""
    found = Formula("no statement", "too few digits", recordings=recordings)
    for bits in BITS:
        values: list[dict[int, Enclosures]] = []
        try:
            for side, recording in zip(sides, recordings, strict=True):
                try:
                    leaves = _leaves(recording, here, side.layout, bits)
                    values.append(evaluate(recording, leaves, bits, reading, hold=hold))
                except NoStatement as reason:
                    raise NoStatement(f"{side.name}: {reason}") from reason
            agree = _agree(recordings, (values[0], values[1]), sides[1].layout, bits)
        except NoStatement as reason:
            found = found._replace(why=str(reason))
            if "digits" in str(reason):
                continue
            return found
        if agree is None:
            continue
        ulps = _ulps(recordings, (values[0], values[1]), sides[1].layout)
        found = found._replace(agree=agree, ulps=ulps, values=(values[0], values[1]))
        apart = {name: bit for name, bit in agree.items() if bit < AGREE}
        if not apart:
            n = len(agree) - 1
            return found._replace(verdict="the same", why=f"loss and {n} gradients agree to 2^-{AGREE} at this batch")
        name, bit = min(apart.items(), key=lambda item: (item[0] != "loss", item[1]))
        return found._replace(verdict="another", why=f"the {name} parts at bit {max(0, bit)}")
    return found


def _leaves(recording: Recording, here: Where, layout: Layout | None, bits: int) -> dict[int, Enclosures]:
    """The parameters, moved and added exactly."""
    point = {name: exactly(array, bits) for name, array in here.point.items()}
    if layout is not None:
        point = _mapped(point, layout, bits)
    return {recording.inputs[name]: x for name, x in point.items() if name in recording.inputs}


def _mapped(point: dict[str, Enclosures], layout: Layout, bits: int) -> dict[str, Enclosures]:
    there: dict[str, Enclosures] = {}
    shapes = layout.leaf_shapes()
    for name, place in layout.every():
        if name in point:
            shape = shapes[place.leaf]
            empty = Enclosures(np.full(shape, 0, dtype=object), np.zeros(shape), bits)
            leaf = there.setdefault(place.leaf, empty)
            leaf.mid[place.rows] += point[name].mid.ravel()[place.order]
            leaf.rad[place.rows] += point[name].rad.ravel()[place.order]
    return there


def _results(
    recording: Recording, values: dict[int, Enclosures], layout: Layout | None, bits: int
) -> dict[str, Enclosures]:
    """Loss and gradients by the names of the first program."""
    own = {name: values[place] for name, place in recording.results.items() if place is not None}
    if layout is None:
        return own
    found = {"loss": own["loss"]}
    for name, place in layout.every():
        leaf = own.get(f"gradient of {place.leaf}")
        if leaf is None:
            continue
        size = int(np.prod(place.shape))
        empty = Enclosures(np.zeros(size, dtype=object), np.zeros(size), bits)
        flat = found.setdefault(f"gradient of {name}", empty)
        np.add.at(flat.mid, place.order.ravel(), leaf.mid[place.rows].ravel())
        np.add.at(flat.rad, place.order.ravel(), leaf.rad[place.rows].ravel())
    return found


def _agree(
    recordings: tuple[Recording, Recording], values: tuple[dict, dict], layout: Layout | None, bits: int
) -> dict[str, int] | None:
    """To how many places each quantity agrees; None where the balls are too wide to say."""
    one = _results(recordings[0], values[0], None, bits)
    two = _results(recordings[1], values[1], layout, bits)
    agree: dict[str, int] = {}
    for name, a in one.items():
        if name not in two:
            raise NoStatement(f"{name} is had from one side alone")
        places = places_of(a, two[name])
        if places is None:
            return None
        agree[name] = places
    return agree


def places_of(a: Enclosures, b: Enclosures) -> int | None:
    """To how many binary places of the largest number two values agree; None where their balls are too wide to say."""
    apart = max((abs(int(d)) for d in (a.mid.ravel() - b.mid.ravel())), default=0)
    doubt = int(np.ceil(max(float((a.rad.ravel() + b.rad.ravel()).max(initial=0.0)), 0.0)))
    size = max((abs(int(m)) for m in (*a.mid.ravel(), *b.mid.ravel())), default=0)
    places = (size.bit_length() if size > doubt else a.bits) - (apart + doubt).bit_length()
    return None if places < AGREE and apart <= doubt else places


def _ulps(
    recordings: tuple[Recording, Recording], values: tuple[dict, dict], layout: Layout | None
) -> dict[str, tuple[float, float]]:
    """How far each side's float64 loss is from exact, and its gradients."""
    del layout
    found: dict[str, list[float]] = {}
    for recording, value in zip(recordings, values, strict=True):
        total, size = 0.0, 0.0
        for name, place in recording.results.items():
            if place is None:
                continue
            exact = value[place]
            shadow = exactly(recording.operations[place].value, exact.bits)
            off = exact._replace(mid=exact.mid - shadow.mid).floats()
            if name == "loss":
                scale = float(np.abs(exact.floats()).max(initial=0))
                found.setdefault("loss", []).append(float(np.abs(off).max(initial=0) / ulp(scale, "float64")))
            else:
                total, size = total + float((off**2).sum()), size + float((exact.floats() ** 2).sum())
        found.setdefault("gradient", []).append(float(np.sqrt(total) / ulp(np.sqrt(size), "float64")))
    return {name: (pair[0], pair[1]) for name, pair in found.items() if len(pair) == 2}


def odd_constants(recordings: tuple[Recording, Recording]) -> list[tuple[set[str], list[tuple[float, str]]]]:
    """The written numbers that only one side has, of each side: (how it is read, [(number, place)])."""
    sides: list[dict[tuple[str, Any], tuple[float, str]]] = []
    for recording in recordings:
        held: dict[tuple[str, Any], tuple[float, str]] = {}
        for place in sorted(recording.needed()):
            operation = recording.operations[place]
            c = operation.number
            if c is not None:
                held.setdefault(read(abs(c), READINGS[0]), (c, operation.place))
        sides.append(held)
    mine, theirs = sides
    return [
        ({in_words(v[0]) for k, v in own.items() if k not in other}, [v for k, v in own.items() if k not in other])
        for own, other in ((mine, theirs), (theirs, mine))
    ]


def in_a_sentence(formula: Formula, sides: tuple[Side, Side]) -> str:
    """What the exact values say, for the report."""
    one, two = (side.name for side in sides)
    if formula.verdict == "no statement":
        return f"The exact value: no statement ({formula.why}); the measured spread decides."
    if formula.verdict == "the same":
        loss, gradient = formula.ulps["loss"], formula.ulps.get("gradient", (0.0, 0.0))
        return (
            f"The same formula: {formula.why}; all differences are rounding. In float64 {one} is {loss[0]:.2g} ulp "
            f"from the exact loss and {gradient[0]:.2g} from the exact gradient, {two} {loss[1]:.2g} and "
            f"{gradient[1]:.2g}."
        )
    assert formula.recordings is not None
    listed = []
    for side, (_, numbers) in zip(sides, odd_constants(formula.recordings), strict=True):
        for value, place in numbers[:4]:
            listed.append(f"{side.name} {value:.10g} ({place})")
    odd = f" Numbers that only one side has: {'; '.join(listed)}." if listed else ""
    return f"Another formula: {formula.why}.{odd}"


def is_one(sides: tuple[Side, Side], here: Where, changed: tuple[Recording, Recording]) -> bool:
    """Whether two recordings, one of them changed, are one formula."""
    return _read(sides, here, changed, READINGS[0], hold=False).verdict == "the same"
