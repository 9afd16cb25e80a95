"""The PyTorch twin as a solver of benchopt's ``benchmark_logreg_l2``: Σ log(1 + exp(-y x·w)) + lmbd / 2 ‖w‖².

Copying and packing X are timed, as they are for every solver there that copies X in its ``fit``; compiling is not.
"""

import numpy as np
from benchopt import BaseSolver
from scipy.sparse import issparse

from logreg_parity import Dataset
from logreg_torch import fit


class Solver(BaseSolver):
    """The fit of ``logreg_torch`` at ever smaller tolerances."""

    name = "logreg-torch"
    sampling_strategy = "tolerance"

    def skip(self, X, y, lmbd, fit_intercept=False):
        """Sparse X."""
        return (True, "X is sparse; logreg_torch takes dense arrays") if issparse(X) else (False, None)

    def set_objective(self, X, y, lmbd, fit_intercept=False):
        """X (N, D), y (N,) in {-1, 1}."""
        self.X, self.y, self.lmbd, self.fit_intercept = X, y, lmbd, fit_intercept

    def warm_up(self):
        """Compile for these shapes, start the threads."""
        self.run(1e-6)

    def run(self, tolerance):
        """To a gradient of tolerance times that at w = 0; w = 0 where that is asked for."""
        self.w = np.zeros(self.X.shape[1] + self.fit_intercept)
        if tolerance < 1:
            options = {"l2": self.lmbd, "reduction": "sum", "intercept": self.fit_intercept}
            dataset = Dataset(self.X, self.y > 0, "benchopt")
            weight, bias = fit(dataset, tolerance=tolerance, **options).parameters
            self.w = np.append(weight, [bias] * self.fit_intercept)

    def get_result(self):
        """As the objective takes it."""
        return {"beta": self.w}
