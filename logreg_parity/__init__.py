"""Verified twins: logistic regression in PyTorch and in JAX, and a judge that belongs to neither.

Four rooms, one way through: ``data`` (what goes in) -> ``truth`` (what is right) -> ``judge`` (how far each twin
is from it, and from the other) -> ``teach``. Nothing here imports torch or jax.

Shapes and conventions, stated once for the whole repository:

    N rows, D features, B rows in a mini-batch, T steps
    X (N, D)                       features, one row an example
    y (N,)                         labels in {0, 1}, or in [0, 1] where they are soft
    ω (N,)                         row weights, all 1 unless given: ω = 2 means the row stands twice
    w (D,), b ()                   weight and bias (the intercept); θ = (w, b)
    z = Xw + b (N,)                logits
    p = σ(z) = 1 / (1 + exp(-z))   probability of class 1
    r = p - y                      residual, the derivative of the loss by the logit

    per-example loss, in nats      ℓ = y softplus(-z) + (1 - y) softplus(z),   softplus(t) = log(1 + exp(t))
                                   which for y in {0, 1} is softplus((1 - 2y) z)
    objective, reduction="mean"    f = Σ ω ℓ / Σ ω + (l2 / 2) ‖w‖²
    objective, reduction="sum"     f = Σ ω ℓ       + (l2 / 2) ‖w‖²

The intercept is never penalised. ``"sum"`` is the workshop's loss, ``"mean"`` the modern default; between the
two lies a factor Σ ω in the step size. float64 proves that two programs mean the same; float32 and below
certify how precisely they say it.
"""

from .data.dataset import Dataset, Parameters
from .data.generator import gaussian, initial_parameters, lesson, lesson_datasets, published_2021
from .data.history import Evaluation, History
from .data.tables import load_table
from .ports.check import check
from .teach.grade import grade

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "Evaluation",
    "History",
    "Parameters",
    "check",
    "gaussian",
    "grade",
    "initial_parameters",
    "lesson",
    "lesson_datasets",
    "load_table",
    "published_2021",
]
