"""The four formats against NumPy's own casts and spacings, and against the bits of the numbers themselves."""

import numpy as np
import pytest

from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.truth.ulp import FORMATS, format_of, round_dataset, round_parameters, round_to, ulp, ulp_distance

# p, least and largest exponent: IEEE 754-2019, table 3.5; bfloat16 is float32 without its last 16 bits.
STANDARD = {
    "float64": (53, -1022, 1023),
    "float32": (24, -126, 127),
    "bfloat16": (8, -126, 127),
    "float16": (11, -14, 15),
}
INTEGERS = {"float64": np.uint64, "float32": np.uint32, "bfloat16": np.uint16, "float16": np.uint16}
all_formats = pytest.mark.parametrize("dtype", STANDARD)
both_signs = pytest.mark.parametrize("sign", [1, -1], ids=["positive", "negative"])
numpy_formats = pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])


def from_bits(bits, dtype):
    """The numbers of these bit patterns, as float64, which holds each of them exactly."""
    bits = np.asarray(bits, dtype=np.uint64).astype(INTEGERS[dtype])
    numbers = (bits.astype(np.uint32) << 16).view(np.float32) if dtype == "bfloat16" else bits.view(dtype)
    return numbers.astype(np.float64)


def largest_bits(dtype):
    """The bits of the largest finite number: its distance from zero, as positive numbers count up in bits."""
    p, least, largest = STANDARD[dtype]
    return (largest - least + 2) * 2 ** (p - 1) - 1


def largest_number(dtype):
    """(2 - 2^(1 - p)) 2^largest, by the definition."""
    p, _, largest = STANDARD[dtype]
    return (2 - 2.0 ** (1 - p)) * 2.0**largest


def random_bits(dtype, count=50_000, seed=0):
    """Bit patterns of positive finite numbers, all exponents alike."""
    return np.random.RandomState(seed).randint(0, largest_bits(dtype) + 1, size=count, dtype=np.uint64)


def assert_same(x, got, wanted):
    """Equal, with zeros of the same sign."""
    differ = (got != wanted) | (np.signbit(got) != np.signbit(wanted))
    assert not differ.any(), f"at {x[differ][:3]!r}: got {got[differ][:3]!r}, wanted {wanted[differ][:3]!r}"


def bfloat16_by_bits(x):
    """float32 values to bfloat16, half to even, on the upper 16 bits of the pattern."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)


# -- formats and spacing -------------------------------------------------------------------------------------


@all_formats
def test_format(dtype):
    p, least, largest = STANDARD[dtype]
    format = format_of(dtype)
    assert list(FORMATS) == list(STANDARD)
    assert tuple(format) == (dtype, p, least, largest)
    assert (format.unit_roundoff, format.smallest_normal) == (2.0**-p, 2.0**least)
    assert format.largest == largest_number(dtype) == from_bits(largest_bits(dtype), dtype)


def test_unknown_format_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="'float8'; give one of float64, float32, bfloat16, float16"):
        format_of("float8")


SPACINGS = [  # the number, and log2 of the spacing there, by the format's p and least exponent
    ("1", lambda p, e: 1.0, lambda p, e: 1 - p),
    ("-1", lambda p, e: -1.0, lambda p, e: 1 - p),
    ("below 1", lambda p, e: 1 - 2.0**-p, lambda p, e: -p),
    ("above 1", lambda p, e: 1 + 2.0 ** (1 - p), lambda p, e: 1 - p),
    ("1024", lambda p, e: 1024.0, lambda p, e: 11 - p),
    ("below 1024", lambda p, e: 1024 - 2.0 ** (10 - p), lambda p, e: 10 - p),
    ("0", lambda p, e: 0.0, lambda p, e: e - p + 1),
    ("-0", lambda p, e: -0.0, lambda p, e: e - p + 1),
    ("smallest", lambda p, e: 2.0 ** (e - p + 1), lambda p, e: e - p + 1),
    ("largest subnormal", lambda p, e: 2.0**e - 2.0 ** (e - p + 1), lambda p, e: e - p + 1),
    ("smallest normal", lambda p, e: 2.0**e, lambda p, e: e - p + 1),
    ("second binade", lambda p, e: 2.0 ** (e + 1), lambda p, e: e - p + 2),
    ("below the smallest", lambda p, e: 2.0**-1074, lambda p, e: e - p + 1),
]


@all_formats
@pytest.mark.parametrize("case", SPACINGS, ids=[name for name, *_ in SPACINGS])
def test_ulp(dtype, case):
    p, least, _ = STANDARD[dtype]
    _, number, exponent = case
    x = number(p, least)
    assert ulp(x, dtype) == np.ldexp(1.0, exponent(p, least)), f"ulp({x!r}, {dtype!r}) is {ulp(x, dtype)!r}"


@all_formats
def test_ulp_of_every_binade(dtype):
    p, least, largest = STANDARD[dtype]
    exponents = np.arange(least, largest + 1)
    assert_same(exponents, ulp(np.ldexp(1.0, exponents), dtype), np.ldexp(1.0, exponents - p + 1))


@numpy_formats
def test_ulp_is_numpys_spacing(dtype):
    bits = random_bits(dtype)
    x = from_bits(bits[bits < largest_bits(dtype)], dtype)
    assert_same(x, ulp(x, dtype), np.spacing(x.astype(dtype)).astype(np.float64))


# -- rounding ------------------------------------------------------------------------------------------------


def numbers_and_places_between(dtype, count):
    """Numbers of the format (all, where it has fewer than ``count``), midpoints and their neighbours."""
    bits = np.arange(largest_bits(dtype)) if largest_bits(dtype) < count else random_bits(dtype, count) - 1
    low, high = from_bits(bits, dtype), from_bits(bits + 1, dtype)
    middle = low / 2 + high / 2  # exact: a midpoint has one bit more than its neighbours
    return np.concatenate([low, high, middle, np.nextafter(middle, low), np.nextafter(middle, high)])


@both_signs
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_round_to_is_numpys_cast(dtype, sign):
    x = sign * numbers_and_places_between(dtype, 40_000)
    assert_same(x, round_to(x, dtype), x.astype(dtype).astype(np.float64))


def test_round_to_is_numpys_cast_at_random_magnitudes():
    random = np.random.RandomState(1)
    x = random.standard_normal(40_000) * 2.0 ** random.randint(-160, 120, 40_000)
    assert_same(x, round_to(x, "float32"), x.astype(np.float32).astype(np.float64))


def test_round_to_float64_changes_nothing():
    x = from_bits(random_bits("float64"), "float64")
    assert_same(x, round_to(x, "float64"), x)
    assert_same(x, round_to(-x, "float64"), -x)


@both_signs
@pytest.mark.parametrize("low", [None, 0x7FFF, 0x8000, 0x8001], ids=["any", "below tie", "tie", "above tie"])
def test_round_to_bfloat16_by_bits(low, sign):
    bits = random_bits("float32")
    bits = bits if low is None else bits & ~np.uint64(0xFFFF) | np.uint64(low)
    x = sign * from_bits(bits[bits < 0x7F7F8000], "float32")  # from there on values round to 2^128
    assert_same(x, round_to(x, "bfloat16"), bfloat16_by_bits(x))


@pytest.mark.parametrize(
    ("dtype", "x", "once", "twice"),
    [
        ("bfloat16", 1 + 2.0**-8 + 2.0**-30, 1 + 2.0**-7, 1.0),
        ("bfloat16", 1 + 2.0**-8 - 2.0**-30 + 2.0**-7, 1 + 2.0**-7, 1 + 2.0**-6),
        ("float16", 1 + 2.0**-11 + 2.0**-30, 1 + 2.0**-10, 1.0),
        ("float16", -1 - 2.0**-11 - 2.0**-30, -1 - 2.0**-10, -1.0),
    ],
)
def test_rounding_once_is_not_rounding_twice(dtype, x, once, twice):
    assert round_to(x, dtype) == once
    assert round_to(round_to(x, "float32"), dtype) == twice


@both_signs
@all_formats
def test_largest_number_stays_and_so_does_all_below_the_tie(dtype, sign):
    p, _, most = STANDARD[dtype]
    tie = np.nextafter((2 - 2.0**-p) * 2.0**most, 0) if dtype != "float64" else largest_number(dtype)
    x = sign * np.array([largest_number(dtype), tie])
    assert_same(x, round_to(x, dtype), sign * np.full(2, largest_number(dtype)))


@both_signs
@pytest.mark.parametrize(
    ("dtype", "x"),
    [
        ("float16", 65520.0),  # the tie between 65504 and 2^16
        ("float16", [1.0, 1e300]),
        ("float16", [np.nan, 1e300]),
        ("bfloat16", (2 - 2.0**-8) * 2.0**127),
        ("float32", (2 - 2.0**-24) * 2.0**127),
        ("float64", np.inf),
    ],
)
def test_too_large_raises(dtype, x, sign):
    with pytest.raises(ValueError, match=f"too large for {dtype}, whose largest number is"):
        round_to(sign * np.asarray(x), dtype)


@all_formats
def test_data_set_and_parameters_are_rounded_in_every_part(dtype):
    third = np.array([1 / 3, 2 / 3])
    given = Dataset(third[:, None], third, "thirds", sample_weight=third)
    rounded, point = round_dataset(given, dtype), round_parameters(Parameters(third, 1 / 3), dtype)
    for part in (rounded.X[:, 0], rounded.y, rounded.sample_weight, point.weight):
        assert np.array_equal(part, round_to(third, dtype))
    assert point.bias == round_to(1 / 3, dtype) and type(point.bias) is float
    assert (dtype == "float64") == (rounded.sha256 == given.sha256)


# -- distance ------------------------------------------------------------------------------------------------


@numpy_formats
def test_neighbours_are_one_apart(dtype):
    x = from_bits(random_bits(dtype), dtype)[1:]
    x = x[x < largest_number(dtype)]
    up = np.nextafter(x.astype(dtype), np.array(np.inf, dtype)).astype(np.float64)
    for a, b in ((x, up), (up, x), (-x, -up)):
        assert_same(a, ulp_distance(a, b, dtype), np.ones(len(x)))


@all_formats
def test_neighbours_are_one_apart_where_the_spacing_changes(dtype):
    p, least, largest = STANDARD[dtype]
    bits = np.arange(0, largest - least + 1) * 2 ** (p - 1) + 2 ** (p - 1)  # 2^least, 2^(least + 1), ...
    power, below = from_bits(bits, dtype), from_bits(bits - 1, dtype)
    assert np.array_equal(power, np.ldexp(1.0, np.arange(least, largest + 1)))
    assert_same(power, ulp_distance(below, power, dtype), np.ones(len(bits)))


@all_formats
def test_distance_counts_bit_patterns(dtype):
    a, b = random_bits(dtype, seed=3), random_bits(dtype, seed=4)
    apart = ulp_distance(from_bits(a, dtype), from_bits(b, dtype), dtype)
    assert_same(a, apart, np.maximum(a, b) - np.minimum(a, b))
    assert_same(a, ulp_distance(from_bits(b, dtype), from_bits(a, dtype), dtype), apart)
    assert_same(a, ulp_distance(-from_bits(a, dtype), from_bits(b, dtype), dtype), a + b)


@all_formats
@pytest.mark.parametrize("form", [np.float64, lambda x: np.array([x])], ids=["scalar", "array"])
@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ("-smallest", "smallest", lambda top: 2),
        ("0", "smallest", lambda top: 1),
        ("-0", "0", lambda top: 0),
        ("largest", "largest", lambda top: 0),
        ("0", "largest", lambda top: top),
        ("-largest", "largest", lambda top: 2 * top),
        ("largest", "-largest", lambda top: 2 * top),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_distance_at_the_ends(dtype, form, a, b, apart):
    numbers = {"0": 0.0, "smallest": from_bits(1, dtype)[()], "largest": largest_number(dtype)}
    a, b = (form(-numbers[name[1:]] if name[0] == "-" else numbers[name]) for name in (a, b))
    assert int(np.squeeze(ulp_distance(a, b, dtype))) == apart(largest_bits(dtype)), f"a = {a!r}, b = {b!r}"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_distances_add_up_over_all_numbers(dtype):
    positive = from_bits(np.arange(largest_bits(dtype) + 1), dtype)
    numbers = np.unique(np.concatenate([-positive, positive]))
    steps = ulp_distance(numbers[:-1], numbers[1:], dtype)
    assert_same(numbers[1:], steps, np.ones(len(numbers) - 1))
    assert ulp_distance(numbers[:1], numbers[-1:], dtype)[0] == len(numbers) - 1 == 2 * largest_bits(dtype)


@pytest.mark.parametrize("swap", [False, True], ids=["first", "second"])
@pytest.mark.parametrize(
    ("dtype", "x", "message"),
    [
        ("float16", 0.1, "not a float16 number"),
        ("bfloat16", 1 + 2.0**-8, "not a bfloat16 number"),
        ("float32", 1 + 2.0**-24, "not a float32 number"),
        ("float32", 2.0**-150, "not a float32 number"),
        ("float64", np.nan, "not a float64 number"),
        ("float64", np.inf, "too large for float64"),
        ("float16", [1.0, 0.1], "not a float16 number"),
    ],
)
def test_distance_of_what_the_format_does_not_hold_raises(dtype, x, message, swap):
    with pytest.raises(ValueError, match=message):
        ulp_distance(*((1.0, x) if swap else (x, 1.0)), dtype)
