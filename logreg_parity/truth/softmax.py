"""The softmax loss of K classes: its exact value at given logits, and how far a correct program may be from it.

A row's loss is ℓ = softplus(-m), m = z_y - L, L = a + log S, S = Σ exp(t_k), t_k = z_k - a over the other classes, a
the largest of their logits. Its gradient by z_y is -σ(-m), by another logit σ(-m) exp(z_k - L). With u, γ and τ of
``bounds.py``, and A = FUNCTION_ULPS for exp and log as for the others:

    of S, relative      η = (1 + γ_K) (Σ exp(t_k) (e^{u|t_k|} (1 + γ_{2A}) - 1) + Kτ) / S + γ_K
    of L                ΔL = 2η + γ_{2A} log S + u |L|
    of m                Δm = ΔL + u (|m| + ΔL)
    of ℓ                γ_{2A} ℓ + (1 + γ_{2A}) σ(-m) e^{Δm} Δm + 4τ
    of a slope          σ(-m) s_k ((1 + γ_{4A+6}) e^{Δm + ΔL + η + u (|t_k| + |z_k - L|)} - 1) + 4τ

for log softplus and log σ have slopes of at most 1, η stays below 1/2, and exp(z_k - L) may come by either of two ways,
as that or as exp(t_k) / S. Of the loss that is 2A u, some ulp, and what the logits' own size costs in L: no more.
"""

from typing import NamedTuple

import numpy as np
from flint import arb

from . import reference
from .bounds import ENLARGED, FUNCTION_ULPS
from .oracle import as_balls, middle, precision
from .ulp import format_of

BITS = 4096  # Arb's exponents have no end, and a difference of float64 logits is exact


class SoftmaxRows(NamedTuple):
    """Of N rows the losses (N,) and their gradient by the logits (N, K)."""

    losses: np.ndarray
    slopes: np.ndarray


def exact_softmax(Z: np.ndarray, y: np.ndarray) -> SoftmaxRows:
    """The exact values, as numbers of ``gmpy2.mpfr``.

    Args:
        Z: logits (N, K), K at least 2, in float64.
        y: classes (N,).
    """
    losses, slopes = [], []
    with precision(BITS):
        for z, own in zip(as_balls(Z), y.tolist(), strict=True):
            powers = np.array([(x - z[own]).exp() for x in z], dtype=object)
            powers[own] = arb(0)
            total = powers.sum()  # exp(-m)
            slope = powers / (1 + total)
            slope[own] = -total / (1 + total)
            losses.append(total.log1p())
            slopes.append(slope)
        return SoftmaxRows(middle(np.array(losses, dtype=object)), middle(np.array(slopes, dtype=object)))


def softmax_bounds(Z: np.ndarray, y: np.ndarray, dtype: str) -> SoftmaxRows:
    """How far losses and slopes may be from exact, in float64.

    Args:
        Z: logits (N, K), in numbers of the format.
        y: classes (N,).
        dtype: the format that a program computes in.
    """
    u, tau = format_of(dtype).unit_roundoff, format_of(dtype).smallest_normal
    N, K = Z.shape
    function, rows = _gamma(2 * FUNCTION_ULPS, u), np.arange(N)
    others = Z.astype(np.float64)
    others[rows, y] = -np.inf
    largest = others.max(axis=1, keepdims=True)
    t = others - largest
    powers = np.exp(t)
    reach = np.where(powers > 0, np.abs(t), 0.0)
    S = powers.sum(axis=1)
    off = (powers * (np.exp(u * reach) * (1 + function) - 1)).sum(axis=1) + K * tau
    eta = (1 + _gamma(K, u)) * off / S + _gamma(K, u)
    L = largest[:, 0] + np.log(S)
    of_L = 2 * eta + function * np.log(S) + u * np.abs(L)
    m = Z[rows, y] - L
    of_m = ENLARGED * (of_L + u * (np.abs(m) + of_L))
    sigma, loss = reference.sigmoid(-m), reference.softplus(-m)
    with np.errstate(over="ignore", invalid="ignore"):
        of_loss = function * loss + (1 + function) * sigma * np.exp(of_m) * of_m + 4 * tau
        way = u * (
            np.where(np.isfinite(t), np.abs(t), 0) + np.where(np.isfinite(others), np.abs(others - L[:, None]), 0)
        )
        share = (1 + _gamma(4 * FUNCTION_ULPS + 6, u)) * np.exp((of_m + of_L + eta)[:, None] + way) - 1
        size = np.exp(others - L[:, None])
        size[rows, y] = 1.0
        of_slope = sigma[:, None] * size * share + 4 * tau
    return SoftmaxRows(ENLARGED * of_loss, ENLARGED * of_slope)


def _gamma(k: int, u: float) -> float:
    return k * u / (1 - k * u) if k * u < 1 else np.inf
