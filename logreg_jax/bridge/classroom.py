"""What the grader of the lessons asks of a framework: its arrays, its derivative, and the lesson's own functions.

Read beside ``logreg_torch/bridge/classroom.py``; ``logreg_parity.teach`` loads it by name for a function that speaks
JAX.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ..convert import arithmetic, from_numpy, to_numpy
from ..workshop import logistic_loss, logistic_model
from .probes import slope

__all__ = ["float64", "from_numpy", "logistic_loss", "logistic_model", "slope", "to_numpy"]


@contextmanager
def float64() -> Iterator[None]:
    """Within it every new number is float64 unless the code says otherwise."""
    with arithmetic("float64"):
        yield
