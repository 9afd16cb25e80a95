"""What one program does that the other does not: operations are changed, one at a time, until the losses agree.

A change puts another number into an operation, leaves it out, lets two operations change places, or slices of one
array, or takes a mask from the other program. It is named only where the exact losses then agree to 2^-200, which
chance does not bring about.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations, islice, permutations, product
from typing import NamedTuple

import numpy as np

from .exact import READINGS, SIMPLE, Enclosures, NoStatement, constants, operate
from .formula import AGREE, Formula, is_one, odd_constants, places_of
from .localise import Parting
from .recording import RecordedOperation, Recording
from .sides import Side, Where

Given = dict[int, Enclosures]
Members = list[tuple[int, Callable[[int], int]]]  # places, and what stands there of a number
Change = Callable[[int], Given]  # of a number in units of the last place
TRIES = 8  # pairs of numbers that are exchanged, at most, and as many that are left out
WORK = 1_000_000  # numbers of a program that are computed again, at most: a few seconds
CLEAR = 150  # binary places to which a number that was solved for has to be a short one
TURNS = 14  # of the secant method
FEW = 4  # slices of one array whose orders are all tried
VERBS = {"add": "adds", "mul": "multiplies by", "sub": "subtracts", "div": "divides by", "pow": "raises to the power"}
NOT_ELEMENTWISE = ("move", "sum", "product", "select", "reduce_max", "reduce_min")


class Edit(NamedTuple):
    """A change of one program.

    Args:
        words: of the two, MINE for its name and OTHER for that of the other.
        given: values in the place of those that it computes.
        rules: operations in the place of those that it runs.
        written: whether it takes a number away that is written in the program.
    """

    words: str
    given: Given
    rules: dict[int, RecordedOperation] = {}  # noqa: RUF012  # never written to
    written: bool = False


NO_MASK = Edit("", {})


class _Program:
    """One program, its exact values, and its loss after a change."""

    def __init__(self, name: str, recording: Recording, values: Given, parting: Parting | None = None):
        self.name, self.operations, self.values = name, recording.operations, values
        apart = () if parting is None else parting.apart
        beside = (k for place in apart for k in (place, *self.operations[place].inputs) if self.operations[k].inputs)
        self.apart = tuple(
            dict.fromkeys(beside)
        )  # what they are made of has its numbers in the other program by chance
        end = recording.results["loss"]
        assert end is not None
        self.end, self.bits, self.work = end, values[end].bits, WORK
        self.order = sorted(recording.needed({"loss"}))
        self.users: dict[int, list[int]] = {place: [] for place in self.order}
        for place in self.order:
            for source in self.operations[place].inputs:
                self.users[source].append(place)

    def loss(self, edit: Edit) -> Enclosures | None:
        """The loss after the change; None where there is none, and where enough was tried."""
        found = dict(edit.given)
        for place in self.order:
            operation = edit.rules.get(place, self.operations[place])
            changed = place in edit.rules or any(source in found for source in operation.inputs)
            if place in edit.given or not changed:
                continue
            self.work -= operation.size
            if self.work < 0:
                return None
            try:
                inputs = [found[k] if k in found else self.values[k] for k in operation.inputs]
                found[place] = operate(operation, inputs, self.bits)
            except (NoStatement, ArithmeticError, ValueError):  # where a function has no value
                return None
        return found.get(self.end)

    def shape(self, place: int) -> tuple[int, ...]:
        """Of a value."""
        return self.values[place].mid.shape

    def full(self, x: int, shape: tuple[int, ...]) -> Enclosures:
        """A number, in units of the last place, everywhere."""
        return Enclosures(np.full(shape, x, dtype=object), np.ones(shape), self.bits)

    def taken(self, root: int, numbers: np.ndarray) -> Enclosures:
        """Numbers of a value by their flat positions in it."""
        value = self.values[root]
        return Enclosures(np.asarray(value.mid.ravel()[numbers], dtype=object), value.rad.ravel()[numbers], self.bits)

    def elementwise(self, place: int) -> bool:
        """Whether each number is made of those at its own place."""
        o = self.operations[place]
        return bool(o.inputs) and o.is_real and o.word not in NOT_ELEMENTWISE

    def does(self, place: int, kept: int = 0) -> str:
        """What an operation does to its input of that number, in words."""
        o = self.operations[place]
        number = self.operations[o.inputs[1 - kept]].number if len(o.inputs) == 2 else None
        if number is not None and o.word in VERBS and (kept == 0 or o.word in ("add", "mul")):
            return f"{VERBS[o.word]} {number:.10g} in {self.title(place)}"
        return f"has {self.title(place)}"

    def title(self, place: int) -> str:
        """What an operation is called, and where it stands."""
        o = self.operations[place]
        whole = o.title.removeprefix("aten.").partition(".")[0]
        return f"{o.name if whole in ('', o.name) else f'the {o.name} of {whole}'} ({o.place})"


@np.errstate(all="ignore")
def other_constant(formula: Formula, sides: tuple[Side, Side], here: Where) -> str:
    """The number that one side has in the place of another, or of none, proved: with it the two are one formula.

    Args:
        formula: of ``compare``.
        sides: the two.
        here: the point and the batch.

    Returns:
        That in words; "" where no number is it.
    """
    if formula.verdict != "another" or formula.recordings is None or formula.values is None:
        return ""
    names = [side.name for side in sides]
    given = zip(names, formula.recordings, formula.values, strict=True)
    one, two = programs = [_Program(*each) for each in given]
    odd = [numbers for _, numbers in odd_constants(formula.recordings)]
    proved = f"loss and gradients of the two agree to 2^-{AGREE}."

    def holds(k: int, a: float, b: float) -> bool:
        """Whether the k-th program with b for a is the other; its loss is asked first."""
        made = programs[k].loss(Edit("", _with_number(programs[k], a, b)))
        if made is not None and not _are_one(made, programs[1 - k].values[programs[1 - k].end]):
            return False
        assert formula.recordings is not None
        changed = [*formula.recordings]
        changed[k] = _with_constant(changed[k], a, b)
        return is_one(sides, here, (changed[0], changed[1]))

    for (a, place), (b, other) in islice(product(*odd), TRIES):
        if holds(0, a, b):
            words = f"{two.name} has {b:.10g} ({other}) where {one.name} has {a:.10g} ({place})"
            return f"{words}: with that number changed, {proved}"
    left_out = ((k, a, b) for k in (0, 1) for a in odd[k] for b in (0.0, 1.0) if a[0] != b)
    for k, (a, place), b in islice(left_out, TRIES):
        if holds(k, a, b):
            words = f"{names[k]} has {a:.10g} ({place}), and {names[1 - k]} has not"
            return f"{words}: with {b:g} in its place, {proved}"
    return ""


def _with_constant(recording: Recording, a: float, b: float) -> Recording:
    """The recording with a written number, and its negative, changed everywhere."""
    operations = list(recording.operations)
    for place, operation in enumerate(operations):
        c = operation.number
        if c is not None and abs(c) == abs(a):
            operations[place] = replace(operation, value=np.full_like(operation.value, b if c == a else -b))
    return replace(recording, operations=operations)


def _with_number(p: _Program, a: float, b: float) -> Given:
    """The same of the values that make the loss."""
    found: Given = {}
    for place in p.order:
        c = p.operations[place].number
        if c is not None and abs(c) == abs(a):
            value = np.full_like(p.operations[place].value, b if c == a else -b)
            found[place] = constants(value, p.bits, READINGS[0])
    return found


@np.errstate(all="ignore")
def other_way(formula: Formula, sides: tuple[Side, Side], partings: tuple[Parting | None, Parting | None]) -> str:
    """What one program does otherwise, in words; "" where no change that is known makes the losses one.

    Args:
        formula: with the values of both.
        sides: the two, for their names.
        partings: where each parts from the other.
    """
    if formula.recordings is None or formula.values is None or formula.agree.get("loss", AGREE) >= AGREE:
        return ""
    names = [side.name for side in sides]
    one, two = map(_Program, names, formula.recordings, formula.values, partings)
    without: dict[str, list[tuple[Edit, Enclosures]]] = {one.name: [], two.name: []}
    for kind in (_left_out, _exchanged, _sliced, _regrouped, _masked):
        for mine, other in ((one, two), (two, one)):
            for edit in kind(mine, other):
                made = mine.loss(edit)
                if made is not None and _are_one(made, other.values[other.end]):
                    return _said(edit.words, mine, other)
                if made is not None and kind is _left_out:
                    without[mine.name].append((edit, made))
    for mine, other in ((one, two), (two, one)):
        for mask, (words, change, start) in product((NO_MASK, *islice(_masked(mine, other), FEW)), _unknowns(mine)):
            number = _solved(mine, other, mask, change, start)
            if number is not None:
                also = f"{mask.words}, and " if mask.words else ""
                return _said(also + words.replace("NUMBER", number), mine, other)
    for (a, made), (b, theirs) in product(*without.values()):
        if (a.written or b.written) and _are_one(made, theirs):
            return f"{_named(a.words, one, two)}; {_named(b.words, two, one)}: without both {_AGREE}"
    return ""


_AGREE = f"the losses agree to 2^-{AGREE}."


def _named(words: str, mine: _Program, other: _Program) -> str:
    return words.replace("MINE", mine.name).replace("OTHER", other.name)


def _said(words: str, mine: _Program, other: _Program) -> str:
    return f"{_named(words, mine, other)}: with that changed {_AGREE}"


def _are_one(a: Enclosures, b: Enclosures) -> bool:
    places = places_of(a, b)
    return places is not None and places >= AGREE


# ---- the kinds of changes


def _left_out(p: _Program, other: _Program) -> Iterator[Edit]:
    """An operation that gives what it was given."""
    for place in p.apart:
        o = p.operations[place]
        for k, source in enumerate(o.inputs):
            if p.shape(source) == p.shape(place) and (p.elementwise(place) or o.word == "move"):
                written = any(p.operations[s].word == "constant" for s in o.inputs if s != source)
                words = f"MINE {p.does(place, k)}, and OTHER does not"
                yield Edit(words, {place: p.values[source]}, written=written)


def _exchanged(p: _Program, other: _Program) -> Iterator[Edit]:
    """Two elementwise operations, one after the other, the other way round."""
    for place in filter(p.elementwise, p.apart):
        o = p.operations[place]
        inner = [k for k, s in enumerate(o.inputs) if p.shape(s) == p.shape(place) and p.operations[s].inputs]
        for after, k in product(filter(p.elementwise, p.users[place]), inner[:1]):
            q = p.operations[after]
            if q.inputs.count(place) != 1 or p.shape(after) != p.shape(place):
                continue
            try:
                first = operate(q, [p.values[o.inputs[k] if s == place else s] for s in q.inputs], p.bits)
                made = operate(o, [first if i == k else p.values[s] for i, s in enumerate(o.inputs)], p.bits)
            except NoStatement:
                continue
            words = f"MINE {p.does(place, k)} and then {p.does(after, q.inputs.index(place))}, OTHER the second first"
            yield Edit(words, {after: made})


def _places_taken(p: _Program) -> Iterator[tuple[int, int, np.ndarray]]:
    """(move, what it is a part of, the flat positions of its numbers there) of every chain of moves of one array."""
    taken: dict[int, tuple[int, np.ndarray]] = {}
    for place in p.order:
        o = p.operations[place]
        if o.word != "move" or len(o.inputs) != 1 or o.apply is None:
            continue
        source = o.inputs[0]
        shape = p.shape(source)
        start = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
        root, numbers = taken.get(source, (source, start))
        moved = np.asarray(o.apply([numbers]))
        if moved.size and moved.min() >= 1:  # else zeros come to it from elsewhere
            taken[place] = root, moved
            yield place, root, moved.astype(np.int64) - 1


def _sliced(p: _Program, other: _Program) -> Iterator[Edit]:
    """The slices of one array in another order; every second number where they are halves, and the reverse."""
    slices: dict[int, dict[bytes, list[tuple[int, np.ndarray]]]] = {}
    for place, root, numbers in _places_taken(p):
        if numbers.size < p.values[root].mid.size and any(p.operations[k].word != "move" for k in p.users[place]):
            slices.setdefault(root, {}).setdefault(numbers.tobytes(), []).append((place, numbers))
    families: dict[tuple, list[tuple[int, list[list[tuple[int, np.ndarray]]]]]] = {}
    near = {*p.apart, *(source for place in p.apart for source in p.operations[place].inputs)}
    for root, members in slices.items():
        parts = sorted(members.values(), key=lambda part: part[0][1].min())
        every = np.sort(np.concatenate([part[0][1].ravel() for part in parts]))
        whole = np.array_equal(every, np.arange(p.values[root].mid.size))
        if 1 < len(parts) <= FEW and whole and any(place in near for part in parts for place, _ in part):
            o = p.operations[parts[0][0][0]]
            families.setdefault((o.line, o.module, len(parts), p.shape(root)), []).append((root, parts))
    for (_, _, n, shape), found in families.items():
        where = p.operations[found[0][1][0][0][0]].place
        for order in islice(permutations(range(n)), 1, None):
            gets = [[parts[k][0][1] for k in order] for _, parts in found]
            words = f"OTHER takes the {n} slices at {where} in the order {order} of MINE's"
            yield Edit(words, _rearranged(p, found, gets))
        every = np.arange(int(np.prod(shape))).reshape(shape)
        for axis in (axis for axis, length in enumerate(shape) if length % n == 0 and length > n):
            halves = [part.ravel() for part in np.split(every, n, axis)]
            turns = [np.take(every, range(k, shape[axis], n), axis).ravel() for k in range(n)]
            ways = (("neighbours in turn", "one block after the other", halves, turns),
                    ("one block after the other", "neighbours in turn", turns, halves))  # fmt: skip
            for theirs, mine, has, taken in ways:
                if all(np.array_equal(part[0][1].ravel(), own) for part, own in zip(found[0][1], has, strict=True)):
                    words = f"OTHER splits axis {axis} at {where} {theirs}, MINE {mine}"
                    yield Edit(words, _rearranged(p, found, [taken] * len(found)))


def _rearranged(p: _Program, found: list, gets: list[list[np.ndarray]]) -> Given:
    """Other positions for the parts of each array."""
    given: Given = {}
    for (root, parts), taken in zip(found, gets, strict=True):
        for part, numbers in zip(parts, taken, strict=True):
            given |= {place: p.taken(root, numbers.reshape(p.shape(place))) for place, _ in part}
    return given


def _regrouped(p: _Program, other: _Program) -> Iterator[Edit]:
    """An axis taken apart, or two made one, with the other of the two running faster: heads, groups."""
    ways: dict[tuple[int, int], dict[str, dict[int, RecordedOperation]]] = {}
    for place in p.order:
        o = p.operations[place]
        if o.word != "move" or len(o.inputs) != 1 or o.apply is None:
            continue
        plain = np.arange(1.0, 1 + p.values[o.inputs[0]].mid.size)
        if not np.array_equal(np.ravel(o.apply([plain.reshape(p.shape(o.inputs[0]))])), plain):
            continue
        short, long = ([n for n in p.shape(k) if n > 1] for k in (o.inputs[0], place))
        for word, fine, coarse in (("apart", long, short), ("into one", short, long)):
            k = next((k for k, (m, n) in enumerate(zip(fine, coarse, strict=False)) if m != n), len(fine))
            if k + 1 < len(fine) and k < len(coarse) and fine[k] * fine[k + 1] == coarse[k]:
                a, b = fine[k : k + 2]
                split = (int(np.prod(fine[:k])), *((b, a) if word == "apart" else (a, b)), -1)
                turned = _turning(split, p.shape(place))
                ways.setdefault((a, b), {}).setdefault(word, {})[place] = replace(o, apply=turned)
    for (a, b), found in ways.items():
        for words in (*([word] for word in found), list(found)):
            rules = {place: o for word in words for place, o in found[word].items()}
            where = p.operations[min(rules)].place
            way = f"MINE takes {a * b} {' and '.join(words)} as {a} blocks of {b}, OTHER every {a}th together"
            yield Edit(f"At {where} {way}", {}, rules)


def _turning(split: tuple[int, ...], shape: tuple[int, ...]) -> Callable:
    """A move that lets the second of two axes run slower."""
    return lambda arrays: np.ravel(arrays[0]).reshape(split).swapaxes(1, 2).reshape(shape)


def _masked(p: _Program, other: _Program) -> Iterator[Edit]:
    """A choice by a mask of the other program, or by its reverse."""
    theirs: dict[bytes, np.ndarray] = {}
    for place in other.order:
        mask = np.squeeze(other.operations[place].options.get("mask", np.zeros((), bool)))
        theirs |= {each.tobytes(): each for each in (mask, ~mask) if mask.ndim}
    for place in p.order:
        o = p.operations[place]
        if o.word != "select":
            continue
        own = np.asarray(o.options["mask"])
        for mask in islice(theirs.values(), 2 * TRIES):
            try:
                new = np.broadcast_to(mask, np.squeeze(own).shape).reshape(own.shape)
            except ValueError:
                continue
            if not np.array_equal(new, own):
                words = f"OTHER has another mask in {p.title(place)}: {new.sum()} of {new.size}, MINE {own.sum()}"
                yield Edit(words, {}, {place: replace(o, options={**o.options, "mask": new})})


# ---- numbers that are solved for


def _unknowns(p: _Program) -> Iterator[tuple[str, Change, int]]:
    """(words, what comes of a number, where to start) for each number that may be another one."""
    for place in filter(p.elementwise, p.apart):
        o = p.operations[place]
        for k, source in enumerate(o.inputs):
            held = p.operations[source]
            if held.word != "constant" and held.size > 1:
                continue
            has = "a number that it computes" if held.word != "constant" else "numbers"
            has = has if held.number is None else f"{held.number:.10g}"
            words = f"OTHER has NUMBER where MINE has {has} in {p.title(place)}"
            yield words, partial(_with_operand, p, place, k), _start(p, source)
    for c, members in _tied(p):
        words = f"OTHER has NUMBER where MINE has {c:.10g} ({p.operations[members[0][0]].place}) and what is made of it"
        yield words, partial(_with_numbers, p, members), _start(p, members[0][0])
    for place in islice((k for k in p.apart if p.elementwise(k) or p.operations[k].word == "product"), TRIES):
        words = f"At {p.operations[place].place} OTHER has NUMBER times MINE's numbers, a scale that only one applies"
        yield words, partial(_scaled, p, place), 1 << p.bits


def _start(p: _Program, place: int) -> int:
    return int(p.values[place].mid.ravel()[0])


def _scaled(p: _Program, place: int, x: int) -> Given:
    mid = np.frompyfunc(lambda m: (m * x) >> p.bits, 1, 1)(p.values[place].mid)
    return {place: p.values[place]._replace(mid=np.asarray(mid, dtype=object))}


def _with_numbers(p: _Program, members: Members, x: int) -> Given:
    return {k: p.full(made(x), p.shape(k)) for k, made in members}


def _with_operand(p: _Program, place: int, k: int, x: int) -> Given:
    o = p.operations[place]
    inputs = [p.full(x, p.shape(s)) if i == k else p.values[s] for i, s in enumerate(o.inputs)]
    return {place: operate(o, inputs, p.bits)}


def _tied(p: _Program) -> Iterator[tuple[float, Members]]:
    """A number where it stands, or at some of these places, and what is made of it: a part of it, or of 1 less it."""
    numbers = {k: p.operations[k].number for k in p.order}
    held = {k: c for k, c in numbers.items() if c and p.users[k]}
    one = 1 << p.bits
    for c in islice(dict.fromkeys(held.values()), TRIES):
        own = [k for k, v in held.items() if v == c]
        made: Members = []
        for k, v in held.items():
            n, m = (_whole_part(whole, v) if v != c else 0 for whole in (c, 1 - c))
            if m and (m <= n or not n):
                made.append((k, partial(_of_rest, one, m)))
            elif n > 1:
                made.append((k, partial(_of_whole, n)))
        for some in (s for n in range(len(own), 0, -1) for s in combinations(own, n)) if len(own) < FEW else (own,):
            if made or len(some) > 1:
                yield c, [*((k, partial(_of_whole, 1)) for k in some), *made]


def _of_whole(n: int, x: int) -> int:
    return x // n


def _of_rest(one: int, m: int, x: int) -> int:
    return (one - x) // m


def _whole_part(whole: float, part: float) -> int:
    """How often a number goes into another, where it does so in whole; else 0."""
    n = round(whole / part)
    return n if 1 <= n <= 4096 and abs(whole / n - part) < 2.0**-52 * abs(whole) + 2.0**-53 else 0


def _solved(mine: _Program, other: _Program, mask: Edit, change: Change, start: int) -> str | None:
    """The number with which the losses are one, by the secant method, where it is one that a person would write."""
    bits, target = mine.bits, other.values[other.end]
    wanted = int(target.mid.ravel()[0])

    def apart(x: int) -> int | None:
        try:
            made = mine.loss(mask._replace(given=change(x)))
        except NoStatement:
            return None
        return None if made is None else int(made.mid.ravel()[0]) - wanted

    a, b = start, start + max(abs(start) >> 20, 1 << (bits - 40))
    before, now = apart(a), apart(b)
    for turn in range(TURNS):
        if before is None or now is None or now == before:
            return None
        if now.bit_length() <= abs(wanted).bit_length() - AGREE:
            return _short(b, bits)
        a, b = b, b - now * (b - a) // (now - before)
        if abs(b) >> (bits + 20) or (turn > 5 and abs(now) > abs(before)):
            return None
        before, now = now, apart(b)
    return None


def _short(x: int, bits: int) -> str | None:
    """A number as a person writes it: a simple fraction, a decimal or a root of one; None where it is none."""
    value, sign = abs(Fraction(x, 1 << bits)), "-" if x < 0 else ""
    if value < Fraction(1, 1 << CLEAR):
        return "0"
    for form, power in (("{}", 1), ("√({})", 2), ("√√({})", 4)):
        raised = value**power
        decimal = Fraction(f"{float(raised):.9g}")
        for q in (decimal, raised.limit_denominator(SIMPLE)):
            if q and abs(raised - q) <= raised / (1 << CLEAR):
                short = f"{float(q):.9g}" if Fraction(f"{float(q):.9g}") == q else str(q)
                return sign + form.format(short)
    return None
