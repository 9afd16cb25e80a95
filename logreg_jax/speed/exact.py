"""Exact arithmetic in JAX: the same bits as from everybody else who follows ``logreg_parity.truth.exact``.

Read beside ``logreg_torch/speed/exact.py``. Only +, -, ×, ÷, comparisons and integers are used; sums over rows are
those of integers, which have no order. XLA melts a product and a sum after it into one rounding (an fma) where it can:
``rounded`` keeps it from it. Numbers are float64 throughout, features alone may be held in float32.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax

from logreg_parity.truth import exact as constants


def bits(x: Array) -> Array:
    """The 64 bits of float64 numbers, as int64."""
    return lax.bitcast_convert_type(x, jnp.int64)


def number(b: Array) -> Array:
    """The float64 numbers of these bits."""
    return lax.bitcast_convert_type(b, jnp.float64)


def rounded(product: Array, x: Array, dtype: str = "float64") -> Array:
    """The product, rounded before anything is added to it: no compiler can know that x != x is 0, as x may be NaN.

    What is to be a float32 number does without: products of two of them are exact, and within σ and softplus no
    product changes it (``docs/exact.md``).

    Args:
        product: of float64 numbers.
        x: what it was made of, in a shape that goes with it.
        dtype: "float64" or "float32", for what the product is needed.
    """
    if dtype == "float32":
        return product
    return number(bits(product) ^ (x != x).astype(jnp.int64))


def kept(x: Array, dtype: str) -> Array:
    """Numbers as the format stores them, in float64: float32 rounds, and has no subnormal numbers.

    Args:
        x: float64 numbers.
        dtype: "float64" or "float32".
    """
    if dtype == "float64":
        return x
    b = lax.bitcast_convert_type(x.astype(jnp.float32), jnp.int32) ^ (x != x).astype(
        jnp.int32
    )  # else XLA may drop both
    single = lax.bitcast_convert_type(b, jnp.float32).astype(jnp.float64)
    return jnp.where(jnp.abs(x) < constants.LEAST[dtype], 0.0, single)


def stored(x: Array, dtype: str) -> Array:
    """Numbers of a point or a gradient, as the format stores them; below LEAST they are 0.

    Args:
        x: float64 numbers.
        dtype: "float64" or "float32".
    """
    return jnp.where(jnp.abs(x) < constants.LEAST[dtype], 0.0, kept(x, dtype))


def exp_minus_abs(t: Array, dtype: str) -> Array:
    """exp(-|t|), as exp(r) 2^k with |r| ≤ log 2 / 2; beyond |t| = 707 what it is there.

    Args:
        t: any shape.
        dtype: "float64" or "float32", what its users are to be.
    """
    x = jnp.maximum(-jnp.abs(t), constants.LOWEST)
    k = lax.round(x * constants.PER_LOG2, lax.RoundingMethod.TO_NEAREST_EVEN)
    r = (x - k * constants.LOG2_HIGH) - k * constants.LOG2_LOW  # both products are exact: an fma changes nothing
    q = jnp.full_like(r, constants.EXP[-1])
    for c in constants.EXP[-2::-1]:
        q = rounded(q * r, t, dtype) + c
    return (1 + (r + rounded(r * r * q, t, dtype))) * number(bits(k + constants.SHIFT) << 52)


def sigmoid(t: Array, dtype: str) -> Array:
    """σ(t), as the format stores it.

    Args:
        t: any shape.
        dtype: "float64" or "float32".
    """
    e = exp_minus_abs(t, dtype)
    return kept(jnp.where(t >= 0, 1.0, e) / (1 + e), dtype)


def softplus(t: Array, dtype: str) -> Array:
    """log(1 + exp(t)) = max(t, 0) + log(1 + e), e = exp(-|t|), as the format stores it.

    Args:
        t: any shape.
        dtype: "float64" or "float32".
    """
    e = exp_minus_abs(t, dtype)
    big = e > constants.SQRT2_MINUS_1
    f = jnp.where(big, (e - 1) * 0.5, e)
    s = f / (2 + f)
    u = s * s
    p = jnp.full_like(s, constants.LOG[-1])
    for c in constants.LOG[-2::-1]:
        p = rounded(p * u, t, dtype) + c
    log = f - rounded(s * (f - rounded(u * p, t, dtype)), t, dtype)  # log(1 + f)
    return kept(jnp.maximum(t, 0.0) + (jnp.where(big, constants.LOG2, 0.0) + log), dtype)


def counted(products: Array, top: Array) -> Array:
    """Sums of numbers (..., K, B) over B, as integers (..., K) that count top 2^-51.

    Args:
        products: none above top.
        top: powers of two (...,).
    """
    M = 3 * top[..., None]
    return bits(products + M[..., None]).sum(-1) - bits(M) * products.shape[-1]  # what overflows comes back


def joined(counts: Array, top: Array) -> Array:
    """The numbers that integers (..., K) of K blocks count, all K added and rounded once.

    Args:
        counts: what ``counted`` gave.
        top: powers of two (...,).
    """
    high, low = (counts >> 32).sum(-1), (counts & constants.LOW).sum(-1)
    return (high.astype(jnp.float64) * 2.0**32 + low.astype(jnp.float64)) * (top * constants.UNIT)


@jax.custom_vjp
def total(terms: Array) -> Array:
    """The sum of numbers (..., K, B) that are not negative, in units of the largest of them."""
    b = jnp.maximum((bits(terms) & constants.MAGNITUDE).max(axis=(-2, -1)), constants.LEAST_POWER)
    above = number((b & constants.EXPONENT) + (1 << 52))  # a power of two
    top = jnp.where(b < constants.EXPONENT, above, jnp.nan)  # as integers have no NaN
    return joined(counted(terms, top), top)


total.defvjp(lambda terms: (total(terms), terms), lambda terms, slope: (jnp.broadcast_to(slope, terms.shape),))
