"""The fit as an estimator of scikit-learn.

Read beside ``logreg_torch/speed/estimator.py``; what both are is ``logreg_parity.solvers.estimator``.
"""

from logreg_parity.solvers.estimator import TwinClassifier

from .. import softmax
from .fit import fit, infer


class LogisticRegressionClassifier(TwinClassifier):
    """Logistic regression in JAX for scikit-learn, with a proof of how near the optimum it is.

    ``fit_`` is the Fit: the status with its reason, the proved gap, how far each parameter is from the optimum at most.
    ``summary()`` is the table of estimates, standard errors, z, p and Wald intervals, where C is inf; of more
    than two classes beside the mean of all, as ``coef_`` is.

    Args:
        C: 1 / l2 of the summed losses' penalty ‖w‖² / 2C, above 0; inf for none.
        fit_intercept: whether there is a bias, which is not penalised.
        class_weight: a factor of the row weights by class, "balanced", or None.
        tol: what the gradient and the proved gap may be, relative (``fit`` says to what).
        max_iter: points at most.
        solver: "newton", "lbfgs", "progressive" or "auto"; of more than two classes "newton" or "auto".
        dtype: "float64" or "float32", in which X is held.
        device: "cpu", "cuda" or "auto".
    """

    _of_two, _of_more = (fit, infer), (softmax.fit, softmax.infer)
