"""scikit-learn's surface over a twin's fit: all of both estimators but whose fit it is. scikit-learn is an extra."""

import warnings
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from ..data.dataset import Dataset
from ..data.history import Fit
from ..data.inference import Inference
from ..data.multiclass import MulticlassDataset
from ..truth.infinite import runaway
from ..truth.multiclass import margins
from ..truth.reference import flatten, sigmoid, softplus
from ..twins import check_name

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"the estimator needs {error.name}; pip install 'logreg-parity[sklearn]'") from error


class TwinClassifier(ClassifierMixin, BaseEstimator):
    """The base: a twin's class adds its ``_fit``, ``_infer`` and ``_fit_classes``, and says what the arguments are."""

    _fit: ClassVar[Any]
    _infer: ClassVar[Any]
    _fit_classes: ClassVar[Any]

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
        check_classification_targets(y)
        self.classes_, code = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("y has 1 class; give rows of two or more")
        weight = None if sample_weight is None else np.broadcast_to(np.asarray(sample_weight, float), len(y))
        if self.class_weight is not None:
            share = compute_class_weight(self.class_weight, classes=self.classes_, y=y, sample_weight=weight)
            weight = share[code] if weight is None else weight * share[code]
        features, names = tuple(getattr(self, "feature_names_in_", ())), tuple(map(str, self.classes_))
        kind, two = "the data given to fit(X, y)", len(names) == 2
        words = {"tolerance": self.tol, "max_iterations": self.max_iter, "l2": 1 / self.C, "reduction": "sum"}
        where = {"dtype": self.dtype, "device": self.device, "intercept": self.fit_intercept}
        make: Any = Dataset if two else MulticlassDataset
        data = make(X, code, kind, features, names, weight)
        if two:
            self.fit_: Fit = type(self)._fit(data, solver=self.solver, **words, **where)
        else:
            check_name("solver", self.solver, ("auto", "newton"), "K classes are fitted by newton, or auto")
            self.fit_ = type(self)._fit_classes(data, **words, **where)
        if self.fit_.status != "converged":
            said = f"{self.fit_.status}: {self.fit_.reason}"
            if two and self.fit_.status == "no finite optimum":
                proposal = flatten(self.fit_.parameters)
                said += f". {runaway(data, l2=1 / self.C, intercept=self.fit_intercept, proposal=proposal) or ''}"
            warnings.warn(said, ConvergenceWarning, stacklevel=2)
        self.inference_: Inference | None = None
        if two and np.isinf(self.C) and self.fit_.status == "converged":
            with suppress(ValueError):  # where nothing is proved of the curvature, there is no table
                self.inference_ = type(self)._infer(data, profile=False, fit=self.fit_, **where)
        self.coef_, self.intercept_ = (
            np.atleast_2d(self.fit_.parameters.weight),
            np.atleast_1d(self.fit_.parameters.bias),
        )
        self.n_iter_ = np.array([max(1, self.fit_.iterations)])
        return self

    def summary(self) -> str:
        """The table of the Inference, or the reason why there is none."""
        check_is_fitted(self)
        why = "none are proved" if len(self.classes_) == 2 else "there are none of more than two classes"
        if np.isfinite(self.C):
            why = "a penalty pulls the estimates away from those of the likelihood; fit with C=inf"
        return f"{self.fit_.status}: {self.fit_.reason}\n{self.inference_ or f'no standard errors: {why}'}"

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits, of two classes (N,): above 0 the second is the more probable one; of K classes (N, K)."""
        check_is_fitted(self)
        Z = validate_data(self, X, reset=False, dtype=np.float64) @ self.coef_.T + self.intercept_
        return Z[:, 0] if len(self.classes_) == 2 else Z

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (N, K) of ``classes_``, each from its own margin, so that small ones have digits."""
        return sigmoid(self._margins(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Their logarithms (N, K), with digits where a probability rounds to 0 or 1."""
        return -softplus(-self._margins(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable of ``classes_`` (N,)."""
        best = self._margins(X).argmax(axis=1)
        return self.classes_[best]

    def _margins(self, X: Any) -> np.ndarray:
        z = self.decision_function(X)
        return np.column_stack([-z, z]) if z.ndim == 1 else margins(z)
