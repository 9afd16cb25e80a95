"""What the estimators have of scikit-learn, an extra: its checks, and its conventions on labels and predictions."""

from typing import Any

import numpy as np

from ..truth.multiclass import margins
from ..truth.reference import sigmoid, softplus

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"the estimator needs {error.name}; pip install 'logreg-parity[sklearn]'") from error

__all__ = ["ByMargins", "ConvergenceWarning", "check_is_fitted", "labels_and_weights", "validate_data"]


def labels_and_weights(
    y: Any, sample_weight: Any, class_weight: dict | str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The classes (K,) in sorting order, their numbers (N,) and the row weights (N,), or None for ones.

    Args:
        y: labels (N,), of any kind that can be sorted.
        sample_weight: a number a row, one for all, or None.
        class_weight: a factor by class, "balanced", or None.

    Raises:
        ValueError: for labels that are no classes, a single class, and what scikit-learn refuses of class weights.
    """
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) == 1:
        raise ValueError("y has 1 class; give rows of two or more")
    weight = None if sample_weight is None else np.broadcast_to(np.asarray(sample_weight, float), len(y))
    if class_weight is not None:
        share = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=weight)
        weight = share[codes] if weight is None else weight * share[codes]
    return classes, codes, weight


class ByMargins(ClassifierMixin, BaseEstimator):
    """What an estimator with ``coef_``, ``intercept_`` and ``classes_`` says of rows: each class by its own margin."""

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray

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
