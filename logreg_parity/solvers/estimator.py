"""scikit-learn's surface over a twin's fit: all of both estimators but whose fit it is. scikit-learn is an extra."""

import warnings
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from ..data.multiclass import classified
from ..truth.multiclass_infinite import what_runs_off
from .conventions import ByMargins, ConvergenceWarning, check_is_fitted, labels_and_weights, validate_data


class TwinClassifier(ByMargins):
    """The base: a twin's class adds ``fit`` and ``infer`` of two classes and of more, and says what arguments are."""

    _of_two: ClassVar[tuple[Any, Any]]
    _of_more: ClassVar[tuple[Any, Any]]

    def __init__(
        self,
        C: float = 1.0,
        *,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        tol: float = 1e-8,
        max_iter: int = 1000,
        solver: str = "auto",
        dtype: str = "float64",
        device: str = "cpu",
    ):
        self.C, self.fit_intercept, self.class_weight = C, fit_intercept, class_weight
        self.tol, self.max_iter, self.solver, self.dtype, self.device = tol, max_iter, solver, dtype, device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TwinClassifier":
        """The optimum of Σ ω ℓ + ‖w‖² / 2C; a ConvergenceWarning says why none is proved, where none is."""
        if not self.C > 0:
            raise ValueError(f"C is {self.C}; give a number above 0, or inf for a fit without a penalty")
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        self.classes_, codes, weight = labels_and_weights(y, sample_weight, self.class_weight)
        names = tuple(getattr(self, "feature_names_in_", ()))
        data = classified(X, codes, "the data given to fit(X, y)", names, tuple(map(str, self.classes_)), weight)
        fit, infer = self._of_two if len(self.classes_) == 2 else self._of_more
        where = {"dtype": self.dtype, "device": self.device, "intercept": self.fit_intercept}
        asked = {"solver": self.solver, "tolerance": self.tol, "max_iterations": self.max_iter, **where}
        self.fit_, self.inference_ = fit(data, l2=1 / self.C, reduction="sum", **asked), None
        if self.fit_.status == "no finite optimum":
            gone = what_runs_off(data, self.fit_.parameters, l2=1 / self.C, intercept=self.fit_intercept)
            warnings.warn(f"{self.fit_.status}: {self.fit_.reason}. {gone or ''}", ConvergenceWarning, stacklevel=2)
        elif self.fit_.status != "converged":
            warnings.warn(f"{self.fit_.status}: {self.fit_.reason}", ConvergenceWarning, stacklevel=2)
        elif np.isinf(self.C):
            with suppress(ValueError):  # where nothing is proved of the curvature, there is no table
                self.inference_ = infer(data, profile=False, fit=self.fit_, **where)
        weight, bias = self.fit_.parameters
        self.coef_, self.intercept_ = np.atleast_2d(weight), np.atleast_1d(bias)
        self.n_iter_ = np.array([max(1, self.fit_.iterations)])
        return self

    def summary(self) -> str:
        """The table of the Inference, or the reason why there is none."""
        check_is_fitted(self)
        why = "none are proved"
        if np.isfinite(self.C):
            why = "a penalty pulls the estimates away from those of the likelihood; fit with C=inf"
        return f"{self.fit_.status}: {self.fit_.reason}\n{self.inference_ or f'no standard errors: {why}'}"
