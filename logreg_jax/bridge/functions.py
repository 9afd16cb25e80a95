"""The elementwise functions that both frameworks have, and their derivatives: ``logreg-parity passport functions``.

Read beside ``logreg_torch/bridge/functions.py``; ``logreg_parity.machine.functions`` has their exact values. What takes
two arguments has the second fixed here, for both frameworks the same.
"""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from ..convert import arithmetic, from_numpy, to_numpy


def computed(name: str, x: np.ndarray, dtype: str, device: str, derivative: bool = False) -> np.ndarray:
    """One of FUNCTIONS, or its derivative, at numbers (N,) of the dtype; float64 holds the results exactly.

    Args:
        name: the name of one.
        x: numbers (N,).
        dtype, device: by name.
        derivative: whether that is asked for.

    Raises:
        KeyError: for another name.
    """
    with arithmetic(dtype):
        return to_numpy(_compiled(name, derivative)(from_numpy(x, dtype, device))).astype(np.float64)


@cache
def _compiled(name: str, derivative: bool) -> Callable:
    function = FUNCTIONS[name]
    return jax.jit(jax.grad(lambda x: function(x).sum()) if derivative else function)


FUNCTIONS: dict[str, Callable] = {
    "exp": jnp.exp,
    "exp2": jnp.exp2,
    "expm1": jnp.expm1,
    "log": jnp.log,
    "log2": jnp.log2,
    "log10": jnp.log10,
    "log1p": jnp.log1p,
    "sqrt": jnp.sqrt,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tan": jnp.tan,
    "sinh": jnp.sinh,
    "cosh": jnp.cosh,
    "tanh": jnp.tanh,
    "sinc": jnp.sinc,
    "reciprocal": jnp.reciprocal,
    "square": jnp.square,
    "rsqrt": jax.lax.rsqrt,
    "asin": jnp.arcsin,
    "acos": jnp.arccos,
    "atan": jnp.arctan,
    "asinh": jnp.arcsinh,
    "acosh": jnp.arccosh,
    "atanh": jnp.arctanh,
    "sigmoid": jax.nn.sigmoid,
    "logit": jax.scipy.special.logit,
    "log_sigmoid": jax.nn.log_sigmoid,
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": jax.nn.gelu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "celu": jax.nn.celu,
    "mish": jax.nn.mish,
    "softsign": jax.nn.soft_sign,
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "erfinv": jax.scipy.special.erfinv,
    "ndtr": jax.scipy.special.ndtr,
    "log_ndtr": jax.scipy.special.log_ndtr,
    "ndtri": jax.scipy.special.ndtri,
    "lgamma": jax.scipy.special.gammaln,
    "digamma": jax.scipy.special.digamma,
    "trigamma": partial(jax.scipy.special.polygamma, 1),
    "tetragamma": partial(jax.scipy.special.polygamma, 2),
    "zeta(3, x)": lambda x: jax.scipy.special.zeta(jnp.full_like(x, 3.0), x),
    "i0": jax.scipy.special.i0,
    "i0e": jax.scipy.special.i0e,
    "i1": jax.scipy.special.i1,
    "i1e": jax.scipy.special.i1e,
    "gammainc(2.5, x)": lambda x: jax.scipy.special.gammainc(jnp.full_like(x, 2.5), x),
    "gammaincc(2.5, x)": lambda x: jax.scipy.special.gammaincc(jnp.full_like(x, 2.5), x),
    "xlogy(1.5, x)": lambda x: jax.scipy.special.xlogy(jnp.full_like(x, 1.5), x),
    "xlog1py(1.5, x)": lambda x: jax.scipy.special.xlog1py(jnp.full_like(x, 1.5), x),
    "entr": jax.scipy.special.entr,
    "logaddexp(x, 1.5)": lambda x: jnp.logaddexp(x, jnp.full_like(x, 1.5)),
    "logaddexp2(x, 1.5)": lambda x: jnp.logaddexp2(x, jnp.full_like(x, 1.5)),
    "atan2(x, 1.5)": lambda x: jnp.arctan2(x, jnp.full_like(x, 1.5)),
    "hypot(x, 1.5)": lambda x: jnp.hypot(x, jnp.full_like(x, 1.5)),
    "pow(x, 1.5)": lambda x: jnp.power(x, 1.5),
    "pow(1.5, x)": lambda x: jnp.power(1.5, x),
}
