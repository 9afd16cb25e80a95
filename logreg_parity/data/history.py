"""What a twin or a solver hands back: one point looked at, one training run, one fit. NumPy arrays only."""

from array import array
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from ..twins import Record, Setting, check_whole
from ..users import shortly
from .dataset import Parameters, check_memory, step_rows


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

    losses: the objective at every step, before or after the update as ``record`` says, of the step's own batch; empty
    where record is "none". steps: which points are kept, 0 being the start and t the point after step t; weights and
    biases: those points. stop_reason: None where all steps asked for were taken, else why the run stopped early, in
    words. engine: the name of the loop that took the steps.
    """

    losses: np.ndarray  # (T,), or (0,)
    record: Record
    steps: np.ndarray  # (K,), increasing
    weights: np.ndarray  # (K, D)
    biases: np.ndarray  # (K,)
    stop_reason: str | None = None
    engine: str = "eager"

    @property
    def parameters(self) -> Parameters:
        """The last point."""
        return Parameters(self.weights[-1], self.biases[-1])


class Recorder:
    """Keeps the books of a run for the loop that makes it, and says when to stop.

    A progress bar shows on runs of over a second in a terminal.

    Args:
        start: where the run begins.
        setting: the run: how many steps there are, and which loss of each is booked.
        keep: the steps whose points are kept; the start and the end always are.
        name: of the twin, for the progress bar.
        engine: of the loop, for the History.
        silent: whether there is no progress bar in a terminal either.
    """

    def __init__(
        self,
        start: Parameters,
        setting: Setting,
        *,
        keep: Collection[int] | None,
        name: str,
        engine: str = "eager",
        silent: bool = False,
    ):
        if not isinstance(keep, Collection | None):
            raise ValueError(f"keep is {shortly(keep)}; give the steps whose points are kept, or None")
        for step in () if isinstance(keep, range) else keep or ():
            check_whole("a step to keep", step, least=0)
        if keep:
            check_memory(len(keep) * (start.weight.size + 30), f"a run of which {len(keep)} points are kept")
        self.start, self.setting = start, setting
        self._record, self._last, self._name, self._engine = setting.record, setting.steps, name, engine
        self._silent = True if silent else None  # None: in a terminal there is one
        self._awaited = deque(step for step in sorted({self._last, *(() if keep is None else keep)}) if step > 0)
        self._points = [(0, start)]
        self._losses = array("d")
        self._stop_reason: str | None = None

    def steps(self, batches: Iterable[np.ndarray] | None, n_rows: int) -> Iterator[tuple[int, np.ndarray | None]]:
        """(1, rows), (2, rows), ... until the last step or a loss that is not finite; rows is None for all rows.

        Args:
            batches: the rows (B,) of each step, or None.
            n_rows: N.

        Raises:
            ValueError: for batches that end before the steps, and what ``dataset.row_numbers`` refuses.
        """
        rows = repeat(None) if batches is None else step_rows(batches, self._last, n_rows)
        steps = tqdm(range(1, self._last + 1), self._name, unit="step", disable=self._silent, delay=1, leave=False)
        for step, chosen in zip(steps, rows, strict=False):
            yield step, chosen
            if self._stop_reason:
                return

    def chunks(self, size: int) -> Iterator[range]:
        """The steps 1, 2, ... in ranges of ``size``, the last one shorter, until the last or one that is not finite."""
        with tqdm(total=self._last, desc=self._name, unit="step", disable=None, delay=1, leave=False) as bar:
            for first in range(1, self._last + 1, size):
                chunk = range(first, min(first + size, self._last + 1))
                yield chunk
                bar.update(len(chunk))
                if self._stop_reason:
                    return

    def add(self, step: int, loss: float | None, parameters: Parameters) -> None:
        """Book one step: its loss (None where none is recorded), and the point it led to."""
        if loss is not None:
            self._losses.append(loss)
        if not np.isfinite(np.append(*parameters) if loss is None else loss).all():
            self._stop_reason = self._reason(step, loss)
        if self._due(step):
            self._points.append((step, parameters))

    def extend(self, chunk: range, losses: np.ndarray | None, points: np.ndarray) -> None:
        """Book the steps of a chunk (C,): their losses (C,) and points (C, D + 1), the bias last, as ``add`` would.

        Both may be longer than the chunk. What follows the first step that is not finite is dropped.
        """
        taken = len(chunk)
        finite = np.isfinite(points[:taken] if losses is None else losses[:taken])
        if not finite.all():
            taken = int(np.argmin(finite.reshape(taken, -1).all(axis=1))) + 1
            self._stop_reason = self._reason(chunk[taken - 1], None if losses is None else float(losses[taken - 1]))
        if losses is not None:
            self._losses.frombytes(np.asarray(losses[:taken], np.float64).tobytes())
        for step in self._due(chunk[taken - 1]):
            point = points[step - chunk.start]
            self._points.append((step, Parameters(point[:-1], point[-1])))

    def _due(self, last: int) -> list[int]:
        """The steps whose points are to be kept until the last one taken, which is kept where it ends the run."""
        due = []
        while self._awaited and self._awaited[0] <= last:
            due.append(self._awaited.popleft())
        return [*due, last] if self._stop_reason and last not in due else due

    def _reason(self, step: int, loss: float | None) -> str:
        came = "a parameter is not finite" if loss is None else f"the loss {self._record} the update is {loss}"
        return f"{came} at step {step}: the form of the loss overflows there, or the step size is too large"

    def history(self) -> History:
        """The run so far."""
        steps, points = zip(*self._points, strict=True)
        weights, biases = (np.array(part) for part in zip(*points, strict=True))
        losses = np.array(self._losses)
        return History(losses, self._record, np.array(steps), weights, biases, self._stop_reason, self._engine)


Status = Literal["converged", "no finite optimum", "not converged", "diverged", "wrong sums"]


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit of the data as they are held, that is with X rounded to ``dtype``.

    status: "converged", the gradient is as small as asked and the gap is proved; "no finite optimum", proved;
    "not converged" and "diverged": neither, and ``reason`` says what to do; "wrong sums": the passes over the data do
    not add up what its rows say (``truth/recount.py``), so that no number of the fit is to be trusted. objective,
    gradient_norm (the 2-norm of the gradient) and gap are those of the objective at ``parameters``, where something is
    proved from the rows themselves; gap: the objective is no further above its minimum, distance (D + 1,): no parameter
    is further from the optimum, the bias last; both infinite where nothing is proved. Without an intercept the bias is
    0, and so is its distance. passes: how often X was read, parts of it counted as parts, and once for the proof.
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
