"""What a twin hands back: one point looked at, and one training run. NumPy arrays only."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from .dataset import Parameters

Record = Literal["before", "after"]
"""Whether the loss of a step is that before its update or after it."""


class Evaluation(NamedTuple):
    """Everything a twin computes at one point θ."""

    logits: np.ndarray  # (N,)
    losses: np.ndarray  # (N,), per example, without row weights and penalty
    objective: float
    gradient: Parameters  # of the objective
    probabilities: np.ndarray  # (N,), of class 1
    classes: np.ndarray  # (N,), 0 or 1


@dataclass(frozen=True, eq=False)
class History:
    """One training run of T steps.

    losses: the objective at every step, before or after the update as ``record`` says; of the step's own batch.
    steps: which points are kept, 0 being the start and t the point after step t; weights and biases: those points.
    stop_reason: None where all steps asked for were taken, else why the run stopped early, in words.
    """

    losses: np.ndarray  # (T,)
    record: Record
    steps: np.ndarray  # (K,), increasing
    weights: np.ndarray  # (K, D)
    biases: np.ndarray  # (K,)
    stop_reason: str | None = None

    @property
    def parameters(self) -> Parameters:
        """The last point."""
        return Parameters(self.weights[-1], self.biases[-1])


class Recorder:
    """Keeps the books of a run for the loop that makes it, and says when to stop.

    record: whether the loss of a step is taken "before" or "after" the update; keep: the steps whose points are
    kept (the start and the end always are). A progress bar shows on runs of over a second in a terminal.
    """

    def __init__(self, start: Parameters, *, steps: int, record: Record, keep: Collection[int] | None, name: str):
        if steps < 1:
            raise ValueError(f"steps is {steps}; give at least 1")
        if record not in ("before", "after"):
            raise ValueError(f"record is {record!r}; give 'before' or 'after' (the update)")
        self._record, self._last, self._name = record, steps, name
        self._keep = {steps} if keep is None else {steps, *keep}
        self._points = [(0, start)]
        self._losses: list[float] = []
        self._stop_reason: str | None = None

    def steps(self, batches: Iterable[np.ndarray] | None) -> Iterator[tuple[int, np.ndarray | None]]:
        """(1, rows), (2, rows), ... until the last step or a loss that is not finite; rows is None for all rows."""
        rows = iter(batches) if batches is not None else None
        for step in tqdm(range(1, self._last + 1), self._name, unit="step", disable=None, delay=1, leave=False):
            chosen = None if rows is None else next(rows, None)
            if rows is not None and chosen is None:
                raise ValueError(f"batches end after {step - 1} of {self._last} steps; give the rows of every step")
            yield step, chosen
            if self._stop_reason:
                return

    def add(self, step: int, loss: float, parameters: Parameters) -> None:
        """Book one step: its loss, and the point it led to."""
        self._losses.append(loss)
        if not np.isfinite(loss):
            self._stop_reason = (
                f"the loss {self._record} the update is {loss} at step {step}: the form of the loss overflows "
                f"there, or the step size is too large"
            )
        if step in self._keep or self._stop_reason:
            self._points.append((step, parameters))

    def history(self) -> History:
        """The run so far."""
        steps, points = zip(*self._points, strict=True)
        weights, biases = (np.array(part) for part in zip(*points, strict=True))
        return History(np.array(self._losses), self._record, np.array(steps), weights, biases, self._stop_reason)
