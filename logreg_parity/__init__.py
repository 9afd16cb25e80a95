"""Verified twins: logistic regression in PyTorch and in JAX, and a judge that belongs to neither.

One way through: ``data`` (what goes in and comes back) -> ``truth`` (what is right) -> ``judge`` (how far each twin is
from it, and from the other), ``explain`` (why two runs part), ``ports`` (anybody's two programs) -> ``museum`` ->
``teach`` -> ``cli``. Beside them, on data and truth alone: ``machine``, ``optimizers``, ``solvers``. Nothing here
imports torch or jax.

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

Of K classes (``data/multiclass.py``) y is a whole number from 0 to K - 1, W (K, D), b (K,), Z = XWᵀ + b (N, K), and
ℓ = softplus(-m), m = z_y - log Σ exp(z_k) over the other classes; the penalty is (l2 / 2) ‖W‖².

The intercept is never penalised. ``"sum"`` is the workshop's loss, ``"mean"`` the modern default; between the
two lies a factor Σ ω in the step size. float64 proves that two programs mean the same; float32 and below
certify how precisely they say it.
"""

import importlib
from typing import Any

from ._version import __version__

_HOMES = {
    "Certified": "data.certified",
    "Dataset": "data.dataset",
    "Evaluation": "data.history",
    "ForeignProgram": "ports.programs",
    "History": "data.history",
    "MulticlassDataset": "data.multiclass",
    "Parameters": "data.dataset",
    "Setting": "twins",
    "certified": "data.certified",
    "check": "ports.check",
    "gaussian": "data.generator",
    "grade": "teach.grade",
    "initial_parameters": "data.generator",
    "lesson": "data.generator",
    "lesson_datasets": "data.generator",
    "load_classes": "data.tables",
    "load_table": "data.tables",
    "published_2021": "data.generator",
}
"""Where the public names live. A name is loaded when it is asked for, so that what is small stays quick to import."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
