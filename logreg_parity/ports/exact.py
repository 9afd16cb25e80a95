"""The exact value of a recorded program: every number of it enclosed in a ball, to some 256 binary places.

A number is an integer times 2^-F, with a radius in the same unit: an enclosure, so what is said of it is proved, as
long as the rules are right. Movements and sums run the framework's own operation on pieces of the integers that float64
holds exactly, products on pairs of them; functions are Arb's. Decisions (masks, an order) are those of the float64 run.

Rules can be wrong as programs can, so every operation is held to its own float64 value before anything is said. What
has no rule ends in ``NoStatement``.

Constants are read as what a person means by them: 0.7071067811865476 as √(1/2), 0.1 as 1/10. The reading is a choice:
``READINGS`` are tried one after the other.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import flint
import numpy as np

from .recording import RecordedOperation, Recording

READINGS = ("as decimals and simple fractions", "as stored", "float32 constants as their decimals")
SIMPLE = 10_000  # the largest denominator of a simple fraction
UP = 1 + 2.0**-30  # makes up for what a radius loses in float64
DOUBT = 2.0**-20  # an operation farther from its own float64 value than this part of it has a wrong rule


class NoStatement(Exception):  # noqa: N818  # it is an answer
    """Why the exact value is not known."""


class Enclosures(NamedTuple):
    """Numbers enclosed: mid ± rad, both in units of 2^-bits."""

    mid: np.ndarray  # Python's integers
    rad: np.ndarray  # float64
    bits: int

    def floats(self) -> np.ndarray:
        """The middles as float64."""
        return _each(lambda m: _float(m, self.bits), self.mid).astype(np.float64)


def exactly(values: np.ndarray, bits: int) -> Enclosures:
    """Floats as they are stored; what lies beyond the last place is rounded into the radius."""
    values = np.asarray(values, dtype=np.float64)
    mid = _each(lambda x: _fixed(Fraction(x), bits) if math.isfinite(x) else _infinite(x, bits), values)
    whole = _each(lambda x: float(not math.isfinite(x) or (Fraction(x) * 2**bits).denominator == 1), values)
    return Enclosures(mid, 1.0 - whole.astype(np.float64), bits)


def _each(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    out = np.frompyfunc(function, len(arrays), 1)(*(np.asarray(a, dtype=object) for a in arrays))
    return np.asarray(out, dtype=object)


def _fixed(x: Fraction, bits: int) -> int:
    return (x.numerator << bits) // x.denominator


def _float(mid: int, bits: int) -> float:
    shift = max(0, mid.bit_length() - 64)
    try:
        return math.ldexp(float(mid >> shift), shift - bits)
    except OverflowError:
        return math.inf if mid > 0 else -math.inf


def _infinite(x: float, bits: int) -> int:
    """A number so large that exp(-x) is 0 here: what a mask of -inf is for."""
    return 0 if math.isnan(x) else (1 if x > 0 else -1) << (bits + 80)


# ---- constants


@lru_cache(maxsize=4096)
def read(c: float, reading: str) -> tuple[str, Fraction]:
    """("" , the number), ("sqrt", its square), ("sqrt over pi", its square times π), ("root of root", x⁴)"""
    c = float(c)
    if not math.isfinite(c) or c == int(c) or reading == READINGS[1]:
        return "", Fraction(c if math.isfinite(c) else 0)
    if reading == READINGS[2] and float(np.float32(c)) == c:
        return "", Fraction(str(np.float32(c)))
    simple = Fraction(c).limit_denominator(SIMPLE)
    if simple and abs(float(simple) - c) <= 2 * math.ulp(c):
        return "", simple
    decimal = Fraction(repr(c))
    if len(str(decimal.numerator).strip("-0")) <= 9:
        return "", decimal
    for word, factor in (("sqrt", 1.0), ("sqrt over pi", math.pi)):
        square = Fraction(c * c * factor).limit_denominator(1000)
        if square > 0 and abs(math.sqrt(float(square) / factor) - abs(c)) <= 2 * math.ulp(c):
            return word, square
    power = Fraction(c**4).limit_denominator(1000)  # what attention scales query and key with, both
    if power > 0 and abs(math.sqrt(math.sqrt(float(power))) - abs(c)) <= 2 * math.ulp(c):
        return "root of root", power
    return "", Fraction(c)


def in_words(c: float, reading: str = READINGS[0]) -> str:
    """How a constant is read, where that is not as it is stored."""
    word, number = read(c, reading)
    sign = "-" if c < 0 else ""
    forms = {"": "{}", "sqrt": "{}√({})", "sqrt over pi": "{}√({}/π)", "root of root": "{}√√({})"}
    return forms[word].format(*([sign, number] if word else [number]))


def constants(values: np.ndarray, bits: int, reading: str) -> Enclosures:
    """Numbers that are written in a program, as they are read."""
    values = np.asarray(values, dtype=np.float64)
    if len(np.unique(values)) > 64:  # a table, not something written down
        return exactly(values, bits)

    def one(c: float) -> tuple[int, float]:
        if not math.isfinite(c):
            return _infinite(c, bits), 0.0
        word, number = read(c, reading)
        if not word:
            return _fixed(number, bits), float((number * 2**bits).denominator != 1)
        flint.ctx.prec = bits + 80
        root = flint.arb(flint.fmpq(number.numerator, number.denominator))
        root = (root / flint.arb.pi() if word == "sqrt over pi" else root).sqrt()
        root = root.sqrt() if word == "root of root" else root
        return _ball_out(root if c > 0 else -root, bits)

    values = np.where(np.isnan(values), 0.0, values)  # what is chosen against: a result of it would be NaN too
    pairs = {c: one(c) for c in set(values.ravel().tolist())}
    return Enclosures(_each(lambda c: pairs[c][0], values), _each(lambda c: pairs[c][1], values).astype(float), bits)


# ---- movements, sums and products, by pieces of the integers


def _pieces(mid: np.ndarray, width: int) -> list[np.ndarray]:
    length = max((int(m).bit_length() for m in mid.ravel()), default=1) + 1
    count, mask, left, found = -(-length // width), (1 << width) - 1, mid, []
    for k in range(count):
        found.append(_each(lambda m, k=k: float(m if k == count - 1 else m & mask), left).astype(np.float64))
        left = _each(lambda m: m >> width, left)
    return found


def _whole(x: np.ndarray, shift: int) -> np.ndarray:
    return _each(lambda m: int(m) << shift, np.asarray(x))


def _moved(apply: Callable, given: Sequence[Enclosures], bits: int) -> Enclosures:
    start, places = 1, []
    for x in given:
        places.append(np.arange(start, start + x.mid.size, dtype=np.float64).reshape(x.mid.shape))
        start += x.mid.size
    taken = np.asarray(apply(places))
    if not np.isfinite(taken).all() or (taken != np.rint(taken)).any() or (taken.size and taken.max() >= start):
        raise NoStatement("an index out of range")
    taken = taken.astype(np.int64)
    mid = np.concatenate([np.zeros(1, dtype=object), *(x.mid.ravel() for x in given)])
    rad = np.concatenate([np.zeros(1), *(x.rad.ravel() for x in given)])
    return Enclosures(np.asarray(mid[taken], dtype=object), np.asarray(rad[taken]), bits)


def _added(apply: Callable, given: Sequence[Enclosures], bits: int) -> Enclosures:
    terms = float(np.max(apply([np.ones(x.mid.shape) for x in given]), initial=1.0))
    width = 52 - max(1, math.ceil(math.log2(terms + 1)))
    pieces = [_pieces(x.mid, width) for x in given]
    length = max(map(len, pieces))
    pieces = [p + [np.zeros_like(p[0])] * (length - len(p)) for p in pieces]
    mid = sum((_whole(apply([p[k] for p in pieces]), width * k) for k in range(length)), start=0)
    rad = np.asarray(apply([x.rad for x in given])) * UP
    return Enclosures(np.asarray(mid, dtype=object), rad, bits)


def _multiplied(apply: Callable, a: Enclosures, b: Enclosures) -> Enclosures:
    terms = float(np.max(apply([np.ones(a.mid.shape), np.ones(b.mid.shape)]), initial=1.0))
    width = (52 - math.ceil(math.log2(terms + 1))) // 2
    mid: Any = 0
    for i, x in enumerate(_pieces(a.mid, width)):
        for j, y in enumerate(_pieces(b.mid, width)):
            mid = mid + _whole(apply([x, y]), width * (i + j))
    rad = apply([np.abs(a.floats()), b.rad]) + apply([a.rad, np.abs(b.floats())])
    rad = (rad + np.ldexp(apply([a.rad, b.rad]), -a.bits)) * UP + 1
    return Enclosures(_each(lambda m: m >> a.bits, mid), np.asarray(rad), a.bits)


# ---- functions, number by number


def _ball(mid: int, rad: float, bits: int) -> flint.arb:
    middle = flint.arb((int(mid), -bits))
    return flint.arb(middle, flint.arb(rad) * flint.arb((1, -bits))) if rad else middle


def _ball_out(ball: flint.arb, bits: int) -> tuple[int, float]:
    if not ball.is_finite():
        raise NoStatement("a function at a point where it has no finite value, or too few digits")
    mantissa, exponent = ball.mid().man_exp()
    shift = int(exponent) + bits
    mid = int(mantissa) << shift if shift >= 0 else int(mantissa) >> -shift
    return mid, float((ball.rad() * flint.arb((1, bits))).upper()) * UP + (shift < 0)


def _zeta_derivative(n: flint.arb, x: flint.arb) -> flint.arb:
    """polygamma(n, x) = (-1)^(n+1) n! ζ(n + 1, x)."""
    k = int(float(n))
    if k == 0:
        return x.digamma()
    return (-1) ** (k + 1) * flint.arb(math.factorial(k)) * flint.arb(k + 1).zeta(x)


def _power(x: flint.arb, y: flint.arb) -> flint.arb:
    if y.is_integer():
        return x ** flint.fmpz(int(float(y)))
    return flint.arb(0) if x.is_zero() else x**y


FUNCTIONS: dict[str, Callable[..., flint.arb]] = {
    "exp": lambda x: x.exp(),
    "exp2": lambda x: (x * flint.arb.const_log2()).exp(),
    "log": lambda x: x.log(),
    "log2": lambda x: x.log() / flint.arb.const_log2(),
    "log10": lambda x: x.log() / flint.arb.const_log10(),
    "log1p": lambda x: x.log1p(),
    "expm1": lambda x: x.expm1(),
    "sqrt": lambda x: x.sqrt() if not x.is_zero() else x,
    "rsqrt": lambda x: x.rsqrt(),
    "cbrt": lambda x: x.root(3) if x > 0 else -((-x).root(3)),
    "tanh": lambda x: x.tanh(),
    "logistic": lambda x: 1 / (1 + (-x).exp()),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: x.erfc(),
    "erfinv": lambda x: x.erfinv(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tan": lambda x: x.tan(),
    "asin": lambda x: x.asin(),
    "acos": lambda x: x.acos(),
    "atan": lambda x: x.atan(),
    "atan2": lambda y, x: flint.arb.atan2(y, x),
    "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(),
    "asinh": lambda x: x.asinh(),
    "acosh": lambda x: x.acosh(),
    "atanh": lambda x: x.atanh(),
    "lgamma": lambda x: abs(x.gamma()).log() if x < 0 else x.lgamma(),
    "digamma": lambda x: x.digamma(),
    "polygamma": _zeta_derivative,
    "zeta": lambda s, q: s.zeta(q),
    "pow": _power,
}


def _by_arb(function: Callable, given: Sequence[Enclosures], bits: int) -> Enclosures:
    def one(*parts: Any) -> tuple[int, float]:
        half = len(parts) // 2
        balls = [_ball(m, r, bits) for m, r in zip(parts[:half], parts[half:], strict=True)]
        return _ball_out(function(*balls), bits)

    largest = max((int(m).bit_length() for x in given for m in x.mid.ravel()), default=1)
    flint.ctx.prec = min(max(bits, largest), 4 * bits) + 64
    arrays = np.broadcast_arrays(*(x.mid for x in given), *(x.rad.astype(object) for x in given))
    found = [one(*parts) for parts in zip(*(a.ravel().tolist() for a in arrays), strict=True)]
    mid, rad = np.empty(len(found), dtype=object), np.array([r for _, r in found], dtype=np.float64)
    mid[:] = [m for m, _ in found]
    return Enclosures(mid.reshape(arrays[0].shape), rad.reshape(arrays[0].shape), bits)


def _times(a: Enclosures, b: Enclosures) -> Enclosures:
    rad = np.abs(a.floats()) * b.rad + a.rad * np.abs(b.floats()) + np.ldexp(a.rad * b.rad, -a.bits)
    return Enclosures(_each(lambda x, y: (x * y) >> a.bits, a.mid, b.mid), np.where(rad > 0, rad * UP, 0.0) + 1, a.bits)


def _over(a: Enclosures, b: Enclosures) -> Enclosures:
    size = np.abs(b.floats())
    least = size - np.ldexp(b.rad, -a.bits)
    if (least <= 0).any():
        raise NoStatement("a division by 0, or by what has too few digits")
    rad = (np.abs(a.floats()) * b.rad + size * a.rad) / (size * least) * UP + 1
    return Enclosures(_each(lambda x, y: (x << a.bits) // y, a.mid, b.mid), rad, a.bits)


def _pick(mask: np.ndarray, a: Enclosures, b: Enclosures) -> Enclosures:
    return Enclosures(np.where(mask, a.mid, b.mid), np.where(mask, a.rad, b.rad), a.bits)


def _extreme(x: Enclosures, axes: tuple[int, ...], keep: bool, largest: bool) -> Enclosures:
    rest = [axis for axis in range(x.mid.ndim) if axis not in axes]
    shape = [x.mid.shape[axis] for axis in rest]
    mid, rad = (part.transpose(*rest, *axes).reshape(*shape, -1) for part in (x.mid, x.rad))
    best = mid.max(-1) if largest else mid.min(-1)
    if keep:
        best = np.asarray(best, dtype=object).reshape([1 if k in axes else n for k, n in enumerate(x.mid.shape)])
    widest = np.asarray(rad.max(-1)).reshape(np.shape(best))  # the largest of balls lies within the widest radius
    return Enclosures(np.asarray(best, dtype=object), widest, x.bits)


def _neg(a: Enclosures) -> Enclosures:
    return a._replace(mid=_each(lambda m: -m, a.mid))


def _arithmetic(word: str, x: list[Enclosures], options: dict[str, Any], bits: int) -> Enclosures | None:
    if word in ("add", "sub"):
        other = x[1].mid if word == "add" else _neg(x[1]).mid
        return Enclosures(np.asarray(x[0].mid + other, dtype=object), (x[0].rad + x[1].rad) * UP, bits)
    if word == "mul":
        return _times(x[0], x[1])
    if word == "square":
        return _times(x[0], x[0])
    if word == "div":
        return _over(x[0], x[1])
    if word == "reciprocal":
        return _over(exactly(np.ones(x[0].mid.shape), bits), x[0])
    if word == "neg":
        return _neg(x[0])
    if word == "abs":
        return x[0]._replace(mid=_each(abs, x[0].mid))
    if word in ("maximum", "minimum"):
        mid = np.maximum(x[0].mid, x[1].mid) if word == "maximum" else np.minimum(x[0].mid, x[1].mid)
        return Enclosures(np.asarray(mid, dtype=object), np.maximum(x[0].rad, x[1].rad), bits)
    if word in ("reduce_max", "reduce_min"):
        return _extreme(x[0], options["axes"], options["keep"], word == "reduce_max")
    if word == "select":
        return _pick(options["mask"], x[0], x[1])
    if word == "cast":
        return x[0]
    if word in ("sign", "sgn"):
        return exactly(_each(lambda m: (m > 0) - (m < 0), x[0].mid).astype(np.float64), bits)
    if word == "integer_pow":
        return _by_arb(lambda b: b ** flint.fmpz(options["exponent"]), x, bits)
    if word in ("floor", "ceil", "round", "trunc"):
        return exactly(getattr(np, word)(x[0].floats()), bits)
    if word == "xlogy":
        return _by_arb(lambda a, b: a if a.is_zero() else a * b.log(), x, bits)
    return None


def operate(operation: RecordedOperation, given: list[Enclosures], bits: int) -> Enclosures:
    """One operation on enclosures. Raises NoStatement where it has no rule."""
    word, apply = operation.word, operation.apply
    if word in ("move", "sum", "product"):
        assert apply is not None
        if word == "move":
            return _moved(apply, given, bits)
        return _added(apply, given, bits) if word == "sum" else _multiplied(apply, given[0], given[1])
    found = _arithmetic(word, given, operation.options, bits)
    if found is not None:
        return found
    if word in FUNCTIONS:
        return _by_arb(FUNCTIONS[word], given, bits)
    raise NoStatement(f"the operation {operation.name} ({operation.place}) has no rule")


def evaluate(
    recording: Recording, leaves: dict[int, Enclosures], bits: int, reading: str, *, hold: bool = True
) -> dict[int, Enclosures]:
    """Every operation that a result depends on, enclosed.

    Args:
        recording: the program.
        leaves: the parameters and what else is shared with another program, by their place.
        bits: binary places.
        reading: of the constants, one of READINGS.
        hold: whether every operation is held to its own float64 value; a changed recording has none.

    Returns:
        The values by place.

    Raises:
        NoStatement: where an operation has no rule, or is not what its own float64 value says.
    """
    found = dict(leaves)
    for place in sorted(recording.needed() - leaves.keys()):
        operation = recording.operations[place]
        if operation.word == "input":
            found[place] = exactly(operation.value, bits)
        elif operation.word == "constant":
            found[place] = constants(operation.value, bits, reading)
        else:
            given = [found[source] for source in operation.inputs]
            found[place] = operate(operation, given, bits)
            if hold:
                _hold_to_itself(operation, found[place], recording, bits)
    return found


def _hold_to_itself(operation: RecordedOperation, made: Enclosures, recording: Recording, bits: int) -> None:
    """Raises NoStatement where the rule is not what the framework computes, at the framework's own inputs."""
    if made.mid.shape != operation.value.shape:
        raise NoStatement(f"the rule for {operation.name} gives {made.mid.shape}, not {operation.value.shape}")
    if _near(made.floats(), operation.value, 0.0):
        return
    inputs = [recording.operations[source].value for source in operation.inputs]
    size = max((float(np.abs(x[np.isfinite(x)]).max(initial=0)) for x in inputs), default=0.0)
    try:
        again = operate(operation, [exactly(x, bits) for x in inputs], bits)
    except NoStatement:
        return
    if not _near(again.floats(), operation.value, size):
        raise NoStatement(f"the rule for {operation.name} ({operation.place}) and its float64 value do not agree")


def _near(a: np.ndarray, b: np.ndarray, size: float) -> bool:
    good = np.isfinite(b) & (np.abs(b) < 1e300)
    apart = np.abs(a[good] - b[good]).max(initial=0)
    return bool(apart <= DOUBT * max(size, float(np.abs(b[good]).max(initial=0))))


class FunctionError(NamedTuple):
    """How far a framework's own function is from its exact value, at its own input.

    Args:
        name: of the function.
        ulps: of its value there.
        error: relative.
        at: the input or inputs.
    """

    name: str
    ulps: float
    error: float
    at: tuple[float, ...]


ORDINARY = 64  # ulps: what no good library's function exceeds, argument reductions included
SAMPLED = 256  # numbers of an array that are asked, at most


def worst_function(recording: Recording) -> FunctionError | None:
    """The function of the framework that is farthest off, if any is beyond the ordinary."""
    worst = None
    for place in sorted(recording.needed()):
        operation = recording.operations[place]
        if operation.word not in FUNCTIONS or operation.word == "pow":
            continue
        inputs = np.broadcast_arrays(*(recording.operations[k].value for k in operation.inputs), operation.value)
        flat = [x.ravel()[:SAMPLED] for x in inputs]
        flint.ctx.prec = 200
        for *given, value in zip(*flat, strict=True):
            exact = FUNCTIONS[operation.word](*map(flint.arb, map(float, given)))
            if not exact.is_finite() or not math.isfinite(value) or not value:
                continue
            off = abs(float(exact - flint.arb(float(value))))
            size = max(abs(float(exact)), 1e-300)
            ulps = off / math.ulp(size)
            if ulps > ORDINARY and (worst is None or ulps > worst.ulps):
                worst = FunctionError(operation.word, ulps, off / size, tuple(map(float, given)))
    return worst


def lost_digits(recording: Recording, values: dict[int, Enclosures]) -> tuple[RecordedOperation, float] | None:
    """The operation that most multiplies the error of what it is made of, and how often."""
    errors: dict[int, float] = {}
    worst: tuple[RecordedOperation, float] | None = None
    for place in sorted(recording.needed()):
        operation = recording.operations[place]
        if not operation.is_real:
            continue
        exact = values[place]
        off = exact._replace(mid=exact.mid - exactly(operation.value, exact.bits).mid).floats()
        size = float(np.abs(exact.floats()).max(initial=0)) or 1.0
        errors[place] = float(np.abs(off).max(initial=0)) / size
        before = max([errors.get(source, 0.0) for source in operation.inputs] + [2.0**-53])
        if operation.inputs and errors[place] / before > (worst[1] if worst else 100):
            worst = (operation, errors[place] / before)
    return worst
