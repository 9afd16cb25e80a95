"""Logistic regression in PyTorch: the twin of ``logreg_jax``, file for file and definition for definition.

These names are what the judge asks of a twin (``logreg_parity.twins``). The lesson is in ``workshop.py``;
then read ``model.py``, ``loss.py``, ``gradient.py``, ``sgd.py``, ``train.py``, each beside its sibling.
"""

from .convert import devices, one_thread, versions
from .evaluation import evaluate
from .speed.fit import fit
from .train import train

__all__ = ["devices", "evaluate", "fit", "one_thread", "train", "versions"]
