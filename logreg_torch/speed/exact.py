"""Exact arithmetic in PyTorch: the same bits as from everybody else who follows ``logreg_parity.truth.exact``.

Read beside ``logreg_jax/speed/exact.py``. Only +, -, ×, ÷, comparisons and integers are used; sums over rows are those
of integers, which have no order. On a GPU Triton melts a product and a sum after it into one rounding (an fma) where it
can: ``rounded`` keeps it from it. Numbers are float64 throughout, features alone may be held in float32.
"""

from math import nextafter
from typing import Any

import torch
from torch import Tensor

from logreg_parity.truth import exact as constants

_NUMBERS = constants.PER_LOG2, constants.LOG2_HIGH, constants.LOG2_LOW, 0.0, 1.0, constants.SHIFT, 52, *constants.EXP
_TENSORS = tuple(torch.tensor(n, dtype=torch.float64 if isinstance(n, float) else torch.int64) for n in _NUMBERS)


def _constants() -> tuple:
    """As tensors, since of a number PyTorch makes one at every use; a compiler takes numbers."""
    return _NUMBERS if torch.compiler.is_compiling() else _TENSORS


def bits(x: Tensor) -> Tensor:
    """The 64 bits of float64 numbers, as int64."""
    return x.view(torch.int64)


def number(b: Tensor) -> Tensor:
    """The float64 numbers of these bits."""
    return b.view(torch.float64)


def rounded(product: Tensor, x: Tensor, dtype: str = "float64") -> Tensor:
    """The product, rounded before anything is added to it: no compiler can know that x != x is 0, as x may be NaN.

    What is to be a float32 number does without: products of two of them are exact, and within σ and softplus no
    product changes it (``docs/exact.md``).

    Args:
        product: of float64 numbers.
        x: what it was made of, in a shape that goes with it.
        dtype: "float64" or "float32", for what the product is needed.
    """
    if dtype == "float32" or not product.is_cuda:  # compiled for a CPU, a product stays one
        return product
    return number(bits(product) ^ (x != x).long())


def kept(x: Tensor, dtype: str) -> Tensor:
    """Numbers as the format stores them, in float64: float32 rounds, and has no subnormal numbers.

    Args:
        x: float64 numbers.
        dtype: "float64" or "float32".
    """
    if dtype == "float64":
        return x
    return torch.hardshrink(x, nextafter(constants.LEAST[dtype], -1)).float().double()


def stored(x: Tensor, dtype: str) -> Tensor:
    """Numbers of a point or a gradient, as the format stores them; below LEAST they are 0.

    Args:
        x: float64 numbers.
        dtype: "float64" or "float32".
    """
    small = nextafter(constants.LEAST[dtype], -1)
    return torch.hardshrink(x, small) if dtype == "float64" else kept(x, dtype)


def exp_minus_abs(t: Tensor, dtype: str) -> Tensor:
    """exp(-|t|), as exp(r) 2^k with |r| ≤ log 2 / 2; beyond |t| = 707 what it is there.

    Args:
        t: any shape.
        dtype: "float64" or "float32", what its users are to be.
    """
    per_log2, high, low, _, one, shift, places, *coefficients, last = _constants()
    x = torch.abs(t).clamp_(max=-constants.LOWEST)
    k = torch.mul(x, per_log2).round_()  # x and k without their signs
    r = torch.mul(k, high).sub_(x).add_(k * low)  # both products are exact: an fma changes nothing
    q = r * last
    for c in coefficients[:0:-1]:
        q = rounded(q, t, dtype).add_(c).mul_(r)
    q = rounded(q, t, dtype).add_(coefficients[0])
    q = rounded(torch.mul(r, r).mul_(q), t, dtype).add_(r).add_(one)
    return q.mul_(number(bits(shift - k).bitwise_left_shift_(places)))


def sigmoid(t: Tensor, dtype: str) -> Tensor:
    """σ(t), as the format stores it.

    Args:
        t: any shape.
        dtype: "float64" or "float32".
    """
    e, (_, _, _, zero, one, *_) = exp_minus_abs(t, dtype), _constants()
    return kept(torch.where(t >= zero, one, e).div_(e.add_(one)), dtype)


def softplus(t: Tensor, dtype: str) -> Tensor:
    """log(1 + exp(t)) = max(t, 0) + log(1 + e), e = exp(-|t|), as the format stores it.

    Args:
        t: any shape.
        dtype: "float64" or "float32".
    """
    e = exp_minus_abs(t, dtype)
    big = e > constants.SQRT2_MINUS_1
    f = torch.where(big, (e - 1) * 0.5, e)
    s = f / (2 + f)
    u = s * s
    p = torch.full_like(s, constants.LOG[-1])
    for c in constants.LOG[-2::-1]:
        p = rounded(p * u, t, dtype) + c
    log = f - rounded(s * (f - rounded(u * p, t, dtype)), t, dtype)  # log(1 + f)
    return kept(torch.clamp(t, min=0.0) + (big.double() * constants.LOG2 + log), dtype)


def counted(products: Tensor, top: Tensor) -> Tensor:
    """Sums of numbers (..., K, B) over B, as integers (..., K) that count top 2^-51.

    Args:
        products: none above top.
        top: powers of two (...,).
    """
    M = 3 * top[..., None]
    return bits(products + M[..., None]).sum(-1) - bits(M) * products.shape[-1]  # what overflows comes back


def joined(counts: Tensor, top: Tensor) -> Tensor:
    """The numbers that integers (..., K) of K blocks count, all K added and rounded once.

    Args:
        counts: what ``counted`` gave.
        top: powers of two (...,).
    """
    high, low = (counts >> 32).sum(-1), (counts & constants.LOW).sum(-1)
    return (high.double() * 2.0**32 + low.double()) * (top * constants.UNIT)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, terms: Tensor) -> Tensor:
        ctx.shape = terms.shape
        b = (bits(terms) & constants.MAGNITUDE).amax(dim=(-2, -1)).clamp(min=constants.LEAST_POWER)
        above = number((b & constants.EXPONENT) + (1 << 52))  # a power of two
        top = torch.where(b < constants.EXPONENT, above, torch.nan)  # as integers have no NaN
        return joined(counted(terms, top), top)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope[..., None, None].expand(ctx.shape)


def total(terms: Tensor) -> Tensor:
    """The sum of numbers (..., K, B) that are not negative, in units of the largest of them."""
    return _Total.apply(terms)
