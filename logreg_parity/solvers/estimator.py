"""scikit-learn's surface over a twin's fit: all of both estimators but whose fit it is. scikit-learn is an extra."""

import warnings
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from ..data.dataset import Dataset
from ..data.history import Fit
from ..data.inference import Inference
from ..truth.infinite import runaway
from ..truth.reference import flatten, sigmoid, softplus

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"the estimator needs {error.name}; pip install 'logreg-parity[sklearn]'") from error


class TwinClassifier(ClassifierMixin, BaseEstimator):
    """The base: a twin's class adds its ``_fit`` and ``_infer``, and says what the arguments are."""

    _fit: ClassVar[Any]
    _infer: ClassVar[Any]

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TwinClassifier":
        """The optimum of Σ ω ℓ + ‖w‖² / 2C; a ConvergenceWarning says why none is proved, where none is."""
        if not self.C > 0:
            raise ValueError(f"C is {self.C}; give a number above 0, or inf for a fit without a penalty")
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        self.classes_, code = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            count = "1 class" if len(self.classes_) == 1 else f"{len(self.classes_)} classes"
            raise ValueError(f"y has {count}; give rows of two. Only binary classification is supported.")
        weight = None if sample_weight is None else np.broadcast_to(np.asarray(sample_weight, float), len(y))
        if self.class_weight is not None:
            share = compute_class_weight(self.class_weight, classes=self.classes_, y=y, sample_weight=weight)
            weight = share[code] if weight is None else weight * share[code]
        names, (zero, one) = tuple(getattr(self, "feature_names_in_", ())), map(str, self.classes_)
        data = Dataset(X, code, "the data given to fit(X, y)", names, (zero, one), weight)
        words = {"tolerance": self.tol, "max_iterations": self.max_iter, "solver": self.solver}
        where = {"dtype": self.dtype, "device": self.device, "intercept": self.fit_intercept}
        self.fit_: Fit = type(self)._fit(data, l2=1 / self.C, reduction="sum", **words, **where)
        if self.fit_.status != "converged":
            said = f"{self.fit_.status}: {self.fit_.reason}"
            if self.fit_.status == "no finite optimum":
                proposal = flatten(self.fit_.parameters)
                said += f". {runaway(data, l2=1 / self.C, intercept=self.fit_intercept, proposal=proposal) or ''}"
            warnings.warn(said, ConvergenceWarning, stacklevel=2)
        self.inference_: Inference | None = None
        if np.isinf(self.C) and self.fit_.status == "converged":
            with suppress(ValueError):  # where nothing is proved of the curvature, there is no table
                self.inference_ = type(self)._infer(data, profile=False, fit=self.fit_, **where)
        self.coef_, self.intercept_ = self.fit_.parameters.weight[None], np.atleast_1d(self.fit_.parameters.bias)
        self.n_iter_ = np.array([max(1, self.fit_.iterations)])
        return self

    def summary(self) -> str:
        """The table of the Inference, or the reason why there is none."""
        check_is_fitted(self)
        if np.isfinite(self.C):
            why = "a penalty pulls the estimates away from those of the likelihood; fit with C=inf"
            return f"{self.fit_.status}: {self.fit_.reason}\nno standard errors: {why}"
        return f"{self.fit_.status}: {self.fit_.reason}\n{self.inference_ or 'no standard errors: none are proved'}"

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits (N,): above 0 the second of ``classes_`` is the more probable one."""
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=np.float64) @ self.coef_[0] + self.intercept_[0]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (N, 2) of ``classes_``, each from its own side of the logit, so that small ones have digits."""
        z = self.decision_function(X)
        return np.column_stack([sigmoid(-z), sigmoid(z)])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Their logarithms (N, 2), with digits where a probability rounds to 0 or 1."""
        z = self.decision_function(X)
        return np.column_stack([-softplus(z), -softplus(-z)])

    def predict(self, X: Any) -> np.ndarray:
        """The more probable of ``classes_`` (N,)."""
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]
