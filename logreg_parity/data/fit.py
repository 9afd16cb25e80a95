"""What a solver hands back: where it stopped, why, and what is proved of that point."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .dataset import Parameters

Status = Literal["converged", "no finite optimum", "not converged", "diverged"]


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit of the data as they are held, that is with X rounded to ``dtype``.

    status: "converged", the gradient is as small as asked and the gap is proved; "no finite optimum", proved;
    "not converged" and "diverged": neither, and ``reason`` says what to do. objective, gradient_norm (the 2-norm of
    the gradient) and gap are those of the objective at ``parameters``, by float64 arithmetic; gap: the objective is
    no further above its minimum, distance (D + 1,): no parameter is further from the optimum, the bias last; both
    infinite where nothing is proved. passes: how often X was read, parts of it counted as parts.
    """

    parameters: Parameters
    status: Status
    reason: str
    solver: str
    dtype: str
    objective: float
    gradient_norm: float
    gap: float
    distance: np.ndarray
    iterations: int
    passes: float
