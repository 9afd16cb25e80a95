"""The elementwise functions that both frameworks have, and their derivatives: ``logreg-parity passport functions``.

Read beside ``logreg_jax/bridge/functions.py``; ``logreg_parity.machine.functions`` has their exact values. What takes
two arguments has the second fixed here, for both frameworks the same.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn import functional

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
    function = FUNCTIONS[name]
    with arithmetic(dtype):
        given = from_numpy(x, dtype, device).requires_grad_(derivative)
        value = function(given)
        out = torch.autograd.grad(value.sum(), given)[0] if derivative else value
        return to_numpy(out).astype(np.float64)


FUNCTIONS: dict[str, Callable] = {
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "sinc": torch.sinc,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "rsqrt": torch.rsqrt,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "asinh": torch.asinh,
    "acosh": torch.acosh,
    "atanh": torch.atanh,
    "sigmoid": torch.sigmoid,
    "logit": torch.logit,
    "log_sigmoid": functional.logsigmoid,
    "softplus": functional.softplus,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "elu": functional.elu,
    "selu": functional.selu,
    "celu": functional.celu,
    "mish": functional.mish,
    "softsign": functional.softsign,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "erfinv": torch.erfinv,
    "ndtr": torch.special.ndtr,
    "log_ndtr": torch.special.log_ndtr,
    "ndtri": torch.special.ndtri,
    "lgamma": torch.lgamma,
    "digamma": torch.digamma,
    "trigamma": partial(torch.polygamma, 1),
    "tetragamma": partial(torch.polygamma, 2),
    "zeta(3, x)": lambda x: torch.special.zeta(torch.full_like(x, 3.0), x),
    "i0": torch.special.i0,
    "i0e": torch.special.i0e,
    "i1": torch.special.i1,
    "i1e": torch.special.i1e,
    "gammainc(2.5, x)": lambda x: torch.special.gammainc(torch.full_like(x, 2.5), x),
    "gammaincc(2.5, x)": lambda x: torch.special.gammaincc(torch.full_like(x, 2.5), x),
    "xlogy(1.5, x)": lambda x: torch.special.xlogy(torch.full_like(x, 1.5), x),
    "xlog1py(1.5, x)": lambda x: torch.special.xlog1py(torch.full_like(x, 1.5), x),
    "entr": torch.special.entr,
    "logaddexp(x, 1.5)": lambda x: torch.logaddexp(x, torch.full_like(x, 1.5)),
    "logaddexp2(x, 1.5)": lambda x: torch.logaddexp2(x, torch.full_like(x, 1.5)),
    "atan2(x, 1.5)": lambda x: torch.atan2(x, torch.full_like(x, 1.5)),
    "hypot(x, 1.5)": lambda x: torch.hypot(x, torch.full_like(x, 1.5)),
    "pow(x, 1.5)": lambda x: torch.pow(x, 1.5),
    "pow(1.5, x)": lambda x: torch.pow(1.5, x),
}
