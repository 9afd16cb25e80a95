"""Floating-point formats: the spacing of their numbers, rounding into them, and distance counted in it.

u is the unit roundoff, 2^-p for a significand of p bits: a correctly rounded operation is off by at most a
relative u. An ulp is the distance between neighbouring numbers of the format at a given magnitude.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..data.dataset import Dataset, Parameters
from ..twins import Setting


class Format(NamedTuple):
    """A binary floating-point format of p bits whose normal numbers are 2^min_exponent ... < 2^(max_exponent + 1)."""

    name: str
    precision: int  # p, the implicit leading bit counted
    min_exponent: int
    max_exponent: int

    @property
    def unit_roundoff(self) -> float:
        """u = 2^-p."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """Below it results lose bits one by one, or, where subnormals are flushed, all at once."""
        return 2.0**self.min_exponent

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.max_exponent


FORMATS = {
    format.name: format
    for format in (
        Format("float64", 53, -1022, 1023),
        Format("float32", 24, -126, 127),
        Format("bfloat16", 8, -126, 127),
        Format("float16", 11, -14, 15),
    )
}


def format_of(dtype: str) -> Format:
    """The format of that name; ValueError names those there are."""
    if dtype not in FORMATS:
        raise ValueError(f"dtype is {dtype!r}; give one of {', '.join(FORMATS)}")
    return FORMATS[dtype]


def ulp(x: ArrayLike, dtype: str) -> np.ndarray:
    """The spacing of a format's numbers at |x|: 2^(⌊log2 |x|⌋ - p + 1), never below the smallest spacing.

    Args:
        x: numbers, of any shape.
        dtype: the format's name.

    Raises:
        ValueError: for a format that is not known.
    """
    format = format_of(dtype)
    _, exponent = np.frexp(np.asarray(x, dtype=np.float64))
    exponent = np.where(np.asarray(x) == 0, format.min_exponent, exponent - 1)
    return np.ldexp(1.0, np.maximum(exponent, format.min_exponent) - format.precision + 1)


def round_to(x: ArrayLike, dtype: str) -> np.ndarray:
    """x rounded once, to nearest with ties to even, into a format.

    Casts in libraries may round twice, by way of float32; numbers that are in the format already pass every cast
    unchanged.

    Args:
        x: numbers, of any shape.
        dtype: the format's name.

    Returns:
        The rounded numbers as float64, which holds them exactly.

    Raises:
        ValueError: where a number is too large for the format, or the format is not known.
    """
    x = np.asarray(x, dtype=np.float64)
    spacing = ulp(x, dtype)
    rounded = np.rint(x / spacing) * spacing  # both products are by a power of two: exact
    largest = format_of(dtype).largest
    if (np.abs(rounded) > largest).any():
        raise ValueError(f"{np.nanmax(np.abs(x)):g} is too large for {dtype}, whose largest number is {largest:g}")
    return rounded


def is_held(x: ArrayLike, dtype: str) -> np.ndarray:
    """Whether each number is one of a format, in spacing and range; what is not finite is one of every format.

    Args:
        x: numbers, of any shape.
        dtype: the format's name.

    Raises:
        ValueError: for a format that is not known.
    """
    x = np.asarray(x, dtype=np.float64)
    whole = np.where(np.isfinite(x), x, 0)
    spacing = ulp(whole, dtype)
    return (np.rint(whole / spacing) * spacing == whole) & (np.abs(whole) <= format_of(dtype).largest)


def round_dataset(dataset: Dataset, dtype: str) -> Dataset:
    """The data set a program of that precision sees: every feature, label and row weight rounded once."""
    weight = dataset.sample_weight
    return replace(
        dataset,
        X=round_to(dataset.X, dtype),
        y=round_to(dataset.y, dtype),
        sample_weight=None if weight is None else round_to(weight, dtype),
        source=f"{dataset.source}, rounded to {dtype}",
    )


def round_parameters(parameters: Parameters, dtype: str) -> Parameters:
    """The point a program of that precision starts from."""
    return Parameters(round_to(parameters.weight, dtype), float(round_to(parameters.bias, dtype)))


def round_setting(setting: Setting, dtype: str) -> Setting:
    """The setting a program of that precision runs: step size, momentum and penalty rounded once.

    Raises ValueError where one of them is then no longer what a Setting takes, such as a step size of 0.
    """
    rate, momentum, l2 = (float(round_to(x, dtype)) for x in (setting.learning_rate, setting.momentum, setting.l2))
    try:
        return replace(setting, learning_rate=rate, momentum=momentum, l2=l2)
    except ValueError as error:
        raise ValueError(f"rounded to {dtype}, {error}") from error


def ulp_distance(a: ArrayLike, b: ArrayLike, dtype: str) -> np.ndarray:
    """How many steps from number to neighbouring number lead from a to b, both in a format.

    Args:
        a: numbers of the format, of any shape.
        b: numbers of the format, of a shape that goes with it.
        dtype: the format's name.

    Returns:
        Whole numbers (uint64).

    Raises:
        ValueError: for values the format does not hold.
    """
    a, b = _index(a, dtype), _index(b, dtype)
    with np.errstate(over="ignore"):  # the difference of two int64 wraps, and as uint64 it is right again
        return (np.maximum(a, b) - np.minimum(a, b)).astype(np.uint64)


def _index(x: ArrayLike, dtype: str) -> np.ndarray:
    """The position of x among the format's numbers, counted from zero."""
    x = np.asarray(x, dtype=np.float64)
    if not np.array_equal(round_to(x, dtype), x):
        raise ValueError(f"a value is not a {dtype} number; round it first (round_to)")
    format, magnitude = format_of(dtype), np.abs(x)
    spacing = ulp(x, dtype)
    exponent = np.frexp(spacing)[1].astype(np.int64) - 1 - (format.min_exponent - format.precision + 1)
    index = (magnitude / spacing).astype(np.int64) + exponent * 2 ** (format.precision - 1)
    return np.where(np.signbit(x), -index, index)
