"""The fit: the optimum by the fastest way there is, with a proof of how near it is.

Read beside ``logreg_jax/speed/fit.py``. The solvers are ``logreg_parity.solvers``, which knows no framework; the passes
over the data, in which the time goes, are ``blocked.py``; and L-BFGS is the framework's own.
"""

from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.solve import solve as _solve

from .blocked import pack, sums
from .lbfgs import lbfgs


def fit(
    dataset,
    *,
    l2=0.0,
    reduction="mean",
    solver="auto",
    tolerance=1e-8,
    max_iterations=1000,
    dtype="float64",
    device="cpu",
    intercept=True,
    kernel="auto",
    checkpoint=None,
):
    """The optimum of the objective on a Dataset or a Stream, as a Fit: ``pack``, then ``solve``.

    dtype: how X is held, "float64", or "float32", which halves memory and time and is the same data if X has float32
    values; the last passes compute in float64 either way. intercept: whether the model has a bias. kernel: what reads
    X, "plain", "fused" or "auto", as ``pack`` has it. The other options are those of ``solve``.
    """
    options = {"l2": l2, "reduction": reduction, "solver": solver, "checkpoint": checkpoint}
    blocks = pack(dataset, dtype=dtype, device=device, intercept=intercept, kernel=kernel)
    return solve(blocks, tolerance=tolerance, max_iterations=max_iterations, **options)


def solve(blocks, *, l2=0.0, reduction="mean", solver="auto", tolerance=1e-8, max_iterations=1000, checkpoint=None):
    """The optimum on packed data, as a Fit.

    solver: newton, lbfgs, progressive, or auto, which picks by the sizes. tolerance: the gradient's 2-norm relative
    to that at θ = 0, and the proved gap relative to the objective. checkpoint: a file that keeps the state, from which
    a killed run goes on. See ``logreg_parity.solvers.solve``.
    """
    objective = Objective(blocks, sums, l2=l2, reduction=reduction)
    options = {"solver": solver, "tolerance": tolerance, "max_iterations": max_iterations, "checkpoint": checkpoint}
    return _solve(objective, {"lbfgs": lbfgs}, **options)
