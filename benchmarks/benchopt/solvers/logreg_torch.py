"""The PyTorch twin as a solver of benchopt's ``benchmark_logreg_l2``: Σ log(1 + exp(-y x·w)) + lmbd / 2 ‖w‖².

Copying and packing X are timed, as they are for every solver there that copies X in its ``fit``; compiling is not.
benchopt runs a solver again and again with more iterations. It could lower a tolerance instead, but it takes several
tolerances that lead to one point, as they do where convergence is quadratic, for the end.
"""

import numpy as np
from benchopt import BaseSolver
from scipy.sparse import issparse

from logreg_parity import Dataset
from logreg_torch import fit

TOLERANCE = 1e-12  # far below what benchopt takes for progress


class Solver(BaseSolver):
    """The points of the solver that ``logreg_torch.fit`` picks for the sizes."""

    name = "logreg-torch"
    sampling_strategy = "iteration"

    def skip(self, X, y, lmbd, fit_intercept=False):
        """Sparse X."""
        return (True, "X is sparse; logreg_torch takes dense arrays") if issparse(X) else (False, None)

    def set_objective(self, X, y, lmbd, fit_intercept=False):
        """X (N, D), y (N,) in {-1, 1}."""
        self.X, self.y, self.lmbd, self.fit_intercept = X, y, lmbd, fit_intercept

    def warm_up(self):
        """Compile for these shapes, start the threads."""
        self.run(1000)

    def run(self, iterations):
        """So many points of the solver, or fewer where it is done; 0 asks for w = 0."""
        self.w = np.zeros(self.X.shape[1] + self.fit_intercept)
        if iterations > 0:
            options = {"l2": self.lmbd, "reduction": "sum", "intercept": self.fit_intercept, "tolerance": TOLERANCE}
            dataset = Dataset(self.X, self.y > 0, "benchopt")
            weight, bias = fit(dataset, max_iterations=iterations, **options).parameters
            self.w = np.append(weight, [bias] * self.fit_intercept)

    def get_result(self):
        """As the objective takes it."""
        return {"beta": self.w}
