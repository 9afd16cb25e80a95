"""Where the frameworks' own functions lose digits, as strict expected failures: a release that mends one announces it.

Each test demands what the twins' own functions deliver (``test_functions.py``): a few ulp from the exact value. They
are why the twins have a loss of their own. When one of these begins to pass, read its reason again.
"""

import warnings

import gmpy2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import FUNCTION_ULPS
from logreg_parity.truth.ulp import ulp

BCE = functional.binary_cross_entropy_with_logits


def lacking(reason: str):
    """A test that fails today, for this reason; one that passes is reported as a failure."""
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)


def assert_accurate(value, exact, dtype: str) -> None:
    """Within FUNCTION_ULPS of the exact value."""
    error = float(oracle.distance(float(value), exact))
    assert error <= FUNCTION_ULPS * ulp(float(exact), dtype), f"{float(value)!r} for {float(exact)!r}"


def exact(function, z: float):
    """softplus or σ at z, exactly."""
    with gmpy2.context(precision=128):
        return function(oracle.as_exact(z))


def exact_curvature(z: float):
    """σ(z) σ(-z), exactly."""
    with gmpy2.context(precision=128):
        return exact(oracle.sigmoid, z) * exact(oracle.sigmoid, -z)


def torch_logit(z: float, dtype=torch.float32):
    return torch.tensor(z, dtype=dtype, requires_grad=True)


@lacking("BCEWithLogits adds z to softplus(-z): at y = 0 the small loss of a sure, right answer loses its digits")
@pytest.mark.parametrize("z", [-5.0, -10.0, -17.0])
def test_torch_loss_of_a_sure_right_answer(z):
    assert_accurate(BCE(torch_logit(z), torch.tensor(0.0)).detach(), exact(oracle.softplus, z), "float32")


@lacking("its gradient is p - y: at y = 1 the small residual of a sure, right answer loses its digits")
@pytest.mark.parametrize("z", [10.0, 17.0])
def test_torch_gradient_of_a_sure_right_answer(z):
    (slope,) = torch.autograd.grad(BCE(t := torch_logit(z), torch.tensor(1.0)), t)
    assert_accurate(-slope, exact(oracle.sigmoid, -z), "float32")


@lacking("so turning signs and labels around changes the loss, which no rounding of the mathematics would")
def test_torch_loss_is_symmetric():
    z = torch.linspace(-8, 8, 101)
    assert torch.equal(BCE(z, torch.zeros(101), reduction="none"), BCE(-z, torch.ones(101), reduction="none"))


@lacking("F.softplus becomes the identity above its threshold of 20, which in float64 is too low")
def test_torch_softplus_above_its_threshold():
    assert_accurate(
        functional.softplus(torch.tensor(20.0015, dtype=torch.float64)), exact(oracle.softplus, 20.0015), "float64"
    )


@lacking("binary_cross_entropy clamps the logarithm, so its gradient vanishes where the model is surely wrong")
def test_torch_gradient_of_probabilities_where_the_model_is_wrong():
    (slope,) = torch.autograd.grad(
        functional.binary_cross_entropy(torch.sigmoid(t := torch_logit(-50.0)), torch.tensor(1.0)), t
    )
    assert_accurate(-slope, exact(oracle.sigmoid, 50.0), "float32")


@lacking("torch.sigmoid differentiates itself as p (1 - p), and 1 - p is rounded")
def test_torch_derivative_of_sigmoid():
    (slope,) = torch.autograd.grad(torch.sigmoid(t := torch_logit(15.0)), t)
    assert_accurate(slope, exact_curvature(15.0), "float32")


@lacking("jax.nn.sigmoid differentiates itself as p (1 - p), and 1 - p is rounded")
def test_jax_derivative_of_sigmoid():
    assert_accurate(jax.grad(jax.nn.sigmoid)(15.0), exact_curvature(15.0), "float32")


@lacking("and with it the second derivative of softplus, which is every Hessian")
def test_jax_second_derivative_of_softplus():
    assert_accurate(jax.grad(jax.grad(jax.nn.softplus))(15.0), exact_curvature(15.0), "float32")


@lacking("the derivative of jax.nn.softplus is exp(z - softplus(z)), whose exponent is rounded")
def test_jax_derivative_of_softplus():
    slope = jax.vmap(jax.grad(jax.nn.softplus))(jnp.linspace(-10, -7, 301))
    for z, value in zip(np.linspace(-10, -7, 301, dtype=np.float32), slope, strict=True):
        assert_accurate(value, exact(oracle.sigmoid, float(z)), "float32")


@lacking("without its 64-bit switch JAX makes float32 of a float64 array and says nothing")
def test_jax_says_when_it_drops_digits():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        array = jnp.array(np.array([0.1]))
    assert array.dtype == np.float64 or said


@lacking("JAX on the CPU flushes results below the smallest normal number to zero")
def test_jax_keeps_subnormal_results():
    if jax.default_backend() != "cpu":
        pytest.fail("this is about the CPU")
    assert float(jnp.exp(jnp.float32(-90.0))) > 0


class Square(torch.autograd.Function):
    """x² with both derivatives, as the documentation of ``autograd.Function`` has them."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * 2 * x

    jvp = backward


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@lacking("forward mode twice through a function with its own jvp is 0 without a word, so the twins' have none")
def test_torch_second_forward_derivative_of_a_custom_function():
    one = torch.tensor(1.0, dtype=torch.float64)

    def slope(x):
        return torch.func.jvp(Square.apply, (x,), (one,))[1]

    assert slope(one) == 2
    assert torch.func.jvp(slope, (one,), (one,))[1] == 2
