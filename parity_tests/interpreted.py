"""The GPU's kernel by Triton's interpreter: ``python -m parity_tests.interpreted TWIN`` prints sums as JSON.

It runs in a process of its own, because TRITON_INTERPRET has to be set before Triton is imported. jax_triton, which
there is with a GPU only, is stood in for by a call that hands the kernel the same arguments.
"""

import importlib
import json
import os
import sys
import types

import jax
import numpy as np
import torch

from logreg_parity import Dataset, Parameters
from logreg_parity.solvers import kernels
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import round_dataset
from parity_tests.cases import CASES, Case

NAMES = ("published", "soft", "correlated", "weighted", "saturated", "one-row", "scaled")
FAR = Case(Dataset([[20.0], [60.0]], [1, 1], "far on the right side"), Parameters(np.array([1.0]), 0.0))
PROBLEMS = {name: CASES[name] for name in NAMES} | {"far": FAR}  # where log(1 + exp(-z)) has lost its digits
PRECISIONS = (("float64", "float64"), ("float32", "float64"), ("float32", "float32"))  # of X, of the arithmetic


def triton_call(*arguments, kernel, out_type, grid, num_warps, **constants):
    """``jax_triton.triton_call`` by way of PyTorch: arrays, then scalars, then what comes out."""
    arrays = [argument for argument in arguments if isinstance(argument, jax.Array)]
    scalars = arguments[len(arrays) :]

    def call(*arrays):
        out = torch.empty(out_type.shape, dtype=torch.float64)
        kernel[grid](*(torch.from_numpy(np.array(array)) for array in arrays), *scalars, out, **constants)
        return out.numpy()

    return jax.pure_callback(call, out_type, *arrays)


def passes(fits, device="cpu"):
    """By problem and precision: value and gradient of one fused pass at its start."""
    for name, (dataset, start) in PROBLEMS.items():
        for dtype, arithmetic in PRECISIONS:
            packed = fits.pack(round_dataset(dataset, dtype), dtype=dtype, device=device, kernel="fused")
            value, gradient, _ = packed.sums(flatten(start), arithmetic=arithmetic)
            yield name, dtype, arithmetic, float(value), gradient.tolist()


if __name__ == "__main__":
    os.environ["TRITON_INTERPRET"] = "1"
    sys.modules["jax_triton"] = types.SimpleNamespace(triton_call=triton_call)
    kernel = importlib.import_module("logreg_parity.solvers.kernels.gpu")
    kernel.TILE, kernel.FEWEST_ROWS, kernel.PROGRAMS = 64, 1, 3  # several programs, and tiles for each
    fits = importlib.import_module(f"{sys.argv[1]}.speed.fit")
    fits.processors = lambda: None  # as for a GPU
    kernels.find_spec = lambda name: name  # jax_triton among them
    print(json.dumps(list(passes(fits))))
