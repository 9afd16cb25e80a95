"""Logistic regression in PyTorch: the twin of ``logreg_jax``, file for file and definition for definition.

These names are what the judge asks of a twin (``logreg_parity.twins``). The lesson is in ``workshop.py``;
then read ``model.py``, ``loss.py``, ``gradient.py``, ``sgd.py``, ``train.py``, each beside its sibling.
"""

from typing import Any

from .convert import devices, versions
from .evaluation import evaluate
from .speed.fit import fit, infer
from .train import train

__all__ = ["LogisticRegressionClassifier", "devices", "evaluate", "fit", "infer", "train", "versions"]


def __getattr__(name: str) -> Any:
    """The estimator, loaded when it is asked for: scikit-learn is an extra."""
    if name != "LogisticRegressionClassifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .speed.estimator import LogisticRegressionClassifier

    return LogisticRegressionClassifier
