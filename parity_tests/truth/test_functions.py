"""σ and softplus in each twin, with their derivatives: a few ulp from exact at every finite logit, both labels.

These are what ``bounds.FUNCTION_ULPS`` promises. Every float16 and every bfloat16 number is looked at; of float32
and float64 a fixed sample, denser where the functions bend.
"""

import importlib

import gmpy2
import jax
import numpy as np
import pytest
import torch

from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import FUNCTION_ULPS
from logreg_parity.truth.ulp import format_of, round_to, ulp

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]

TORCH, JAX = importlib.import_module("logreg_torch.loss"), importlib.import_module("logreg_jax.loss")


def every_number(dtype: str) -> np.ndarray:
    """All numbers of a 16-bit format up to 2^29, where the oracle ends."""
    bits = np.arange(2**16, dtype=np.uint32)
    values = bits.astype(np.uint16).view(np.float16) if dtype == "float16" else (bits << 16).view(np.float32)
    values = values[np.isfinite(values)].astype(np.float64)
    return np.unique(values[np.abs(values) <= oracle.LARGEST_LOGIT])


def sample(dtype: str) -> np.ndarray:
    """Logits of both signs from 2^-40 to 10 000, the places where an exponential ends, and zero."""
    random = np.random.RandomState(0)
    size = 2.0 ** random.uniform(-40, np.log2(1e4), 6000)
    special = [0, 0.5, 1, np.log(2), 16.6355, 17, 20, 36.7, 40, 87.3, 88.7, 90, 103.9, 709.7, 710, 745.1, 746, 1e4]
    z = np.concatenate([size, special])
    return np.unique(round_to(np.concatenate([z, -z]), dtype))


LOGITS = {dtype: sample(dtype) for dtype in ("float64", "float32")}
LOGITS |= {dtype: every_number(dtype) for dtype in ("float16", "bfloat16")}


def torch_derivatives(function, z: np.ndarray, dtype: str) -> list[np.ndarray]:
    """The function and its first two derivatives, elementwise, by autograd."""
    z = torch.tensor(z, dtype=getattr(torch, dtype), requires_grad=True)
    values = [function(z)]
    for _ in range(2):
        values += torch.autograd.grad(values[-1].sum(), z, create_graph=True)
    return [value.detach().double().numpy() for value in values]


def jax_derivatives(function, z: np.ndarray, dtype: str) -> list[np.ndarray]:
    """The function and its first two derivatives, elementwise, jitted."""
    with jax.enable_x64(dtype == "float64"):
        slope = jax.vmap(jax.grad(function))
        stages = (jax.vmap(function), slope, jax.vmap(jax.grad(jax.grad(function))))
        z = jax.numpy.asarray(z.astype(jax.dtypes.canonicalize_dtype(dtype)))
        return [np.asarray(jax.jit(stage)(z)).astype(np.float64) for stage in stages]


FRAMEWORKS = {"torch": (TORCH, torch_derivatives), "jax": (JAX, jax_derivatives)}


def exact_derivatives(sign: int, z: np.ndarray) -> list[np.ndarray]:
    """softplus(s z), s σ(s z) and σ(z) σ(-z), exactly."""
    with gmpy2.context(precision=128):
        t = sign * oracle.as_exact(z)
        return [oracle.softplus(t), sign * oracle.sigmoid(t), oracle.sigmoid(t) * oracle.sigmoid(-t)]


# A product of two functions, each A ulp off, that is rounded once: γ_{4A+1} relative, at most 2 (4A + 1) / 2 ulp.
ALLOWED_ULPS = (FUNCTION_ULPS, FUNCTION_ULPS, 4 * FUNCTION_ULPS + 1)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("dtype", list(LOGITS))
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_loss_and_two_derivatives(framework, dtype, label):
    module, derivatives = FRAMEWORKS[framework]
    z, tau = LOGITS[dtype], format_of(dtype).smallest_normal
    computed = derivatives(lambda t: module.stable_loss(t, label), z, dtype)
    for value, exact, ulps in zip(computed, exact_derivatives(1 - 2 * label, z), ALLOWED_ULPS, strict=True):
        size = np.abs(exact).astype(np.float64)
        allowed = np.where(size >= tau, ulps * ulp(np.minimum(size, format_of(dtype).largest), dtype), tau)
        error = oracle.distance(value, exact)
        worst = np.argmax(error / allowed)
        assert error[worst] <= allowed[worst], (z[worst], value[worst], exact[worst])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_textbook_form_is_the_same_where_it_is_finite_and_fails_where_it_must(framework):
    module, derivatives = FRAMEWORKS[framework]
    z = np.array([-200.0, -2.0, 0.0, 2.0, 200.0])
    value, slope, _ = derivatives(lambda t: module.textbook_loss(t, 1), z, "float32")
    assert np.isfinite(value).tolist() == [False, True, True, True, False]
    assert np.isfinite(slope).tolist() == [False, True, True, True, False]
