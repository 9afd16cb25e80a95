"""Logistic regression in PyTorch: the twin of ``logreg_jax``, file for file and definition for definition.

These names are what the judge asks of a twin (``logreg_parity.twins``). The lesson is in ``workshop.py``;
then read ``model.py``, ``loss.py``, ``gradient.py``, ``sgd.py``, ``train.py``, each beside its sibling.
"""

import importlib
from typing import Any

from .convert import devices, versions
from .evaluation import evaluate
from .train import train

__all__ = ["LogisticRegressionClassifier", "devices", "evaluate", "fit", "infer", "train", "versions"]

_LATER = {"LogisticRegressionClassifier": "estimator", "fit": "fit", "infer": "fit"}


def __getattr__(name: str) -> Any:
    """What is loaded when it is asked for: the solvers take a moment, and the estimator's scikit-learn is an extra."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".speed.{_LATER[name]}", __name__), name)
