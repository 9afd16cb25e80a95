"""Twins of K classes on two axes: each to the truth, step by step, and to each other.

A step is judged from the point it began at, which is exact, a number of the format: the loss and the point it led to
must be those of the rows (``truth/multiclass.py``) to within what rounding can do. With L no smaller than the largest
curvature, half the largest eigenvalue of Σ ω x̃x̃ᵀ / Σ ω and l2 (the Hessian of a row's loss by the logits is at most
1/2), two points are no further apart after a step than a = max(1, ηL - 1) times what they were. So a run whose steps
are off by b_t at most ends within B_T of the exact one, B_t = a B_{t-1} + b_t, and two runs within the sum of theirs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Parameters
from ..data.history import History
from ..data.multiclass import MulticlassDataset
from ..language import say, sentences
from ..show import Grid, Verdict, share, worst
from ..truth.bounds import ENLARGED
from ..truth.multiclass import MulticlassPoint, MulticlassRows
from ..truth.multiclass_infinite import runaway_classes
from ..truth.ulp import format_of, round_setting
from ..twins import Setting, load_part, load_twin
from .report import what_runs_off


class StepErrors(NamedTuple):
    """Of the T steps of a run: how far losses and points are off, and the bounds; and B_T for the last point."""

    loss: np.ndarray  # (T,)
    loss_bound: np.ndarray  # (T,)
    update: np.ndarray  # (T, K, D + 1)
    update_bound: np.ndarray  # (T, K, D + 1)
    reach: float


class MulticlassRow(NamedTuple):
    """One quantity of one twin, or of two: where its share of the bound is largest."""

    dtype: str
    quantity: str
    subject: tuple[str, ...]
    share: float
    where: str
    error: float
    bound: float
    verdict: Verdict


class Judge:
    """What the rows say of a step in a format.

    Args:
        dataset: N rows of K classes.
        setting: of the run; all rows at every step, without momentum.
        dtype: "float64" or "float32".

    Raises:
        ValueError: for a setting with momentum or mini-batches.
    """

    def __init__(self, dataset: MulticlassDataset, setting: Setting, dtype: str):
        if setting.momentum or setting.batch_size:
            raise ValueError("momentum and mini-batches are judged for two classes only; leave them out for K classes")
        weight = dataset.sample_weight
        held = None if weight is None else weight.astype(dtype).astype(np.float64)
        self.dtype, self.dataset = dtype, replace(dataset, X=dataset.X.astype(dtype), sample_weight=held)
        self.setting, self._u = round_setting(setting, dtype), format_of(dtype).unit_roundoff
        words: Any = {"l2": self.setting.l2, "reduction": setting.reduction}
        self.rows = MulticlassRows(self.dataset, **words, scaled=False, pinned=False)
        weighted = self.rows.X * self.rows.weight[:, None]
        curvature = np.linalg.eigvalsh(weighted.T @ self.rows.X)[-1] / 2 + self.setting.l2
        if setting.reduction == "mean":
            curvature = np.linalg.eigvalsh(weighted.T @ self.rows.X)[-1] / (2 * self.rows.total) + self.setting.l2
        self.spread = max(1.0, float(ENLARGED * curvature) * self.setting.learning_rate - 1)

    def loss(self, point: MulticlassPoint) -> tuple[float, float]:
        """The objective of the setting at a point, and how far a twin's may be from it."""
        scale, n = self.rows.scale, len(self.rows.X)
        own = self.rows.value_error(point.theta, point.losses, longest_sum=n + 12, roundoff=self._u)
        return scale * point.value, scale * (own + point.value_error + 4 * self._u * point.value)

    def step(self, point: MulticlassPoint) -> tuple[np.ndarray, np.ndarray]:
        """Where a step leads from a point, (K, D + 1) both, and how far a twin's may be from it."""
        rate, theta = self.setting.learning_rate * self.rows.scale, point.theta
        own = self.rows.slope_error(theta, point.slopes, longest_sum=len(self.rows.X) + 12, roundoff=self._u)
        own = own + point.error + 6 * self._u * (self.rows.penalty * np.abs(theta) + np.abs(point.gradient))
        there = theta - rate * point.gradient
        rounded = 2 * self._u * np.abs(there) + 2 * format_of(self.dtype).smallest_normal
        return there, ENLARGED * (rate * own + rounded)

    def errors(self, history: History) -> StepErrors:
        """Every step of a run that kept all its points."""
        with np.errstate(all="ignore"):  # a run that diverges is OUTSIDE
            return self._errors(history)

    def _errors(self, history: History) -> StepErrors:
        points = [self.rows.at(theta) for theta in thetas(history)]
        seen = {"before": points[:-1], "after": points[1:], "none": []}[history.record]
        pairs = [self.loss(point) for point in seen]
        loss, loss_bound = np.array(pairs).reshape(-1, 2).T
        steps = [self.step(point) for point in points[:-1]]
        update, bound = (np.array([step[part] for step in steps]) for part in (0, 1))
        update = np.abs(np.array([point.theta for point in points[1:]]) - update)
        reach = 0.0
        for allowed in bound:
            reach = self.spread * reach + float(np.linalg.norm(allowed))
        return StepErrors(np.abs(history.losses - loss), loss_bound, update, bound, reach)


class MulticlassComparison(NamedTuple):
    """All rows, and the runs by (dtype, twin)."""

    rows: list[MulticlassRow]
    runs: dict[tuple[str, str], History]

    @property
    def verdict(self) -> Verdict:
        """The worst of all rows."""
        return worst([row.verdict for row in self.rows])


def train(name: str, dataset: MulticlassDataset, start: Parameters, setting: Setting, dtype: str) -> History:
    """A twin's run of K classes with all its points. Raises ValueError for a twin without a ``softmax.train``."""
    load_twin(name)
    try:
        function = load_part(name, "softmax").train
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name} has no softmax.train for K classes; leave it out of --twins") from error
    words = {name: getattr(setting, name) for name in ("steps", "learning_rate", "l2", "reduction", "record")}
    return function(dataset, start, **words, dtype=dtype, keep=range(setting.steps + 1))


def thetas(history: History) -> np.ndarray:
    """The points (S, K, D + 1) that a run of K classes has kept, in float64."""
    return np.concatenate([history.weights, history.biases[..., None]], axis=-1).astype(np.float64)


def compare_multiclass(
    twins: Sequence[str],
    dataset: MulticlassDataset,
    start: Parameters,
    setting: Setting,
    *,
    dtypes: Sequence[str] = ("float32", "float64"),
) -> MulticlassComparison:
    """Train every twin and judge every step.

    Args:
        twins: names of modules with a ``softmax.train``.
        dataset: N rows of K classes.
        start: weight (K, D) and bias (K,).
        setting: of the run.
        dtypes: float32 and float64, or one of them.

    Returns:
        The MulticlassComparison.

    Raises:
        ValueError: for other formats, a twin without ``softmax.train``, and what a Judge refuses.
    """
    if unknown := [dtype for dtype in dtypes if dtype not in ("float32", "float64")]:
        raise ValueError(f"dtype is {unknown[0]}; K classes are judged in float32 and float64")
    rows: list[MulticlassRow] = []
    runs: dict[tuple[str, str], History] = {}
    for dtype in dtypes:
        judge = Judge(dataset, setting, dtype)
        found = {name: train(name, judge.dataset, start, judge.setting, dtype) for name in twins}
        rows += _judged(judge, found)
        runs |= {(dtype, name): history for name, history in found.items()}
    return MulticlassComparison(rows, runs)


def _judged(judge: Judge, found: dict[str, History]) -> Iterator[MulticlassRow]:
    errors = {name: judge.errors(history) for name, history in found.items()}
    for name, e in errors.items():
        yield _row(judge.dtype, "loss", (name,), e.loss, e.loss_bound)
        yield _row(judge.dtype, "update", (name,), e.update, e.update_bound)
    for a, b in combinations(errors, 2):
        x, y = thetas(found[a]), thetas(found[b])
        apart = np.linalg.norm(x[-1] - y[-1]) if x.shape == y.shape else np.inf
        allowed = ENLARGED * (errors[a].reach + errors[b].reach)
        allowed = allowed if allowed < np.linalg.norm(x[-1]) else np.inf  # as large as the point: it promises nothing
        yield _row(judge.dtype, "parameters", (a, b), np.array([apart]), np.array([allowed]), f"step {len(x) - 1}")


def _row(
    dtype: str, quantity: str, subject: tuple[str, ...], error: np.ndarray, bound: np.ndarray, where: str = ""
) -> MulticlassRow:
    part = np.where(np.isfinite(error), error / bound, np.inf).reshape(len(error), -1)
    step = int(part.max(axis=1).argmax()) if part.size else 0
    place = int(part[step].argmax()) if part.size else 0
    most = float(part.max(initial=0.0))
    off, allowed = (float(x.reshape(len(error), -1)[step, place]) if part.size else 0.0 for x in (error, bound))
    verdict: Verdict = "OUTSIDE" if most > 1 else "within" if np.isfinite(allowed) else "no promise"
    return MulticlassRow(dtype, quantity, subject, most, where or f"step {step + 1}", off, allowed, verdict)


def summary(comparison: MulticlassComparison, dataset: MulticlassDataset, setting: Setting) -> str:
    """The verdict, and what becomes of the coefficients where the classes are proved to have no optimum."""
    outside = [row for row in comparison.rows if row.verdict == "OUTSIDE"]
    said = say("Every number is within its bound.")
    if outside:
        said = say(
            "{count} numbers are OUTSIDE their bounds: logreg-parity record and explain say why.", count=len(outside)
        )
    elif comparison.verdict == "no promise":
        said = say("For some number no bound can be promised.")
    gone = None if setting.l2 else runaway_classes(dataset)
    if gone is None:
        return said
    return sentences(
        said,
        say(
            "The classes are {status}, proved: no finite optimum exists, the loss falls for ever and the parameters "
            "grow with every further step.",
            status=say(gone.status),
        ),
        say("A penalty (--l2) would give it one."),
        what_runs_off(gone),
        say("Firth's penalty has a finite optimum too: brmultinom of brglm2 in R."),
    )


def table(comparison: MulticlassComparison) -> Grid:
    """The rows, for a terminal."""
    grid = Grid(
        "", "format", "of", "quantity", "off by", "allowed", "share", "where", "verdict", left=("of", "quantity")
    )
    for row in comparison.rows:
        numbers = (f"{row.error:.2e}", f"{row.bound:.2e}", share(row.share), row.where, row.verdict)
        grid.add_row(row.dtype, " and ".join(row.subject), row.quantity, *numbers)
    return grid


def as_rows(comparison: MulticlassComparison) -> list[dict[str, Any]]:
    """The rows, for JSON."""
    return [row._asdict() for row in comparison.rows]
