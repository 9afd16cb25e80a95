"""Where a run of K classes leaves what its rows say, and why: the first step, the stage, and the fault that makes it.

A trace is a run with its data in one .npz file without pickles. A cause is named only where it leads, from the point at
which the step began, to the point that the run has, within what rounding allows (``judge/multiclass.py``).
"""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.archive import read_arrays
from ..data.dataset import Parameters
from ..data.files import write_whole
from ..data.history import History
from ..data.multiclass import MulticlassDataset
from ..judge.multiclass import Judge, thetas, train
from ..truth.multiclass import MulticlassPoint
from ..truth.ulp import format_of
from ..twins import Setting

FORMAT = "logreg-parity multiclass trace 1"
NAIVE = "the loss is log Σ exp(z) - z_y, which loses its digits where a row is confident"
FACTORS = {0.5: "half", 2.0: "twice", -1.0: "minus"}


@dataclass(frozen=True, eq=False)
class MulticlassTrace:
    """A run of K classes with all its points (T + 1, K, D + 1), and the problem that it is of."""

    twin: str
    dtype: str
    dataset: MulticlassDataset
    setting: Setting
    points: np.ndarray
    losses: np.ndarray  # (T,)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        data = self.dataset
        header = {
            "format": FORMAT,
            "twin": self.twin,
            "dtype": self.dtype,
            "setting": asdict(self.setting),
            "source": data.source,
            "names": [data.feature_names, data.class_names],
        }
        arrays: dict[str, Any] = {"X": data.X, "y": data.y, "points": self.points, "losses": self.losses}
        if data.sample_weight is not None:
            arrays["sample_weight"] = data.sample_weight
        file = io.BytesIO()
        np.savez(file, header=np.array(json.dumps(header)), **arrays)
        write_whole(path, file.getvalue())

    @staticmethod
    def load(path: Path) -> "MulticlassTrace | None":
        """Read a file; None where it is a trace of another kind. Raises ValueError where it does not fit together."""
        try:
            arrays = read_arrays(path.read_bytes())
            header = json.loads(str(arrays["header"]))
            if header["format"] != FORMAT:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # and the reader of the other kind says what is wrong
        try:
            features, classes = map(tuple, header["names"])
            weight = arrays.get("sample_weight")
            data = MulticlassDataset(arrays["X"], arrays["y"], header["source"], features, classes, weight)
            setting = Setting(**header["setting"])
            points, losses = arrays["points"], arrays["losses"]
            shape = (len(losses) + 1, data.n_classes, data.n_features + 1)
            if points.shape != shape or losses.ndim != 1:
                raise ValueError(f"points have shape {points.shape}, where {shape} is wanted")
            return MulticlassTrace(header["twin"], header["dtype"], data, setting, points, losses)
        except Exception as error:
            raise ValueError(f"{path} is not a whole trace: {error}; record it again") from error

    @property
    def history(self) -> History:
        """The run."""
        steps = np.arange(len(self.points))
        return History(self.losses, self.setting.record, steps, self.points[..., :-1], self.points[..., -1])


class MulticlassExplanation(NamedTuple):
    """verdict: "agree", "part" or "no promise"; step, stage ("update" or "loss"), whose error it is, and its cause."""

    verdict: str
    step: int | None
    stage: str
    of: tuple[str, ...]
    cause: str


def record_multiclass(
    name: str, dataset: MulticlassDataset, start: Parameters, setting: Setting, dtype: str
) -> MulticlassTrace:
    """A twin's run as a trace.

    Args:
        name: of a module with a ``softmax.train``.
        dataset, start, setting, dtype: those of ``judge.multiclass.compare_multiclass``.
    """
    judge = Judge(dataset, setting, dtype)
    if setting.record == "none":
        raise ValueError("record is 'none'; give 'before' or 'after', for a trace without losses explains nothing")
    history = train(name, judge.dataset, start, judge.setting, dtype)
    return MulticlassTrace(name, dtype, judge.dataset, judge.setting, thetas(history), history.losses)


def explain_multiclass(
    first: MulticlassTrace, second: MulticlassTrace, names: tuple[str, str]
) -> MulticlassExplanation:
    """Which of two runs leaves what the rows say, at which step and stage, and why.

    Args:
        first, second: traces of one problem.
        names: what the runs are called.

    Raises:
        ValueError: for traces of different problems.
    """
    a, b = first.dataset, second.dataset
    alike = a.sha256 == b.sha256 and first.setting == second.setting and (first.points[0] == second.points[0]).all()
    if a.source != b.source or a.X.shape != b.X.shape or (first.dtype == second.dtype and not alike):
        raise ValueError("the traces are of different data, settings or starts; record both of one problem")
    looks = [_look(trace) for trace in (first, second)]
    faults = [(*look, name) for look, name in zip(looks, names, strict=True) if look is not None]
    if not faults:
        return MulticlassExplanation("agree", None, "", (), "every step of both runs is within its bound")
    step = min(fault[0] for fault in faults)
    at = [fault for fault in faults if fault[0] == step]
    causes = list(dict.fromkeys(fault[2] for fault in at))
    stage = "update" if any(fault[1] == "update" for fault in at) else "loss"
    return MulticlassExplanation("part", step, stage, tuple(fault[3] for fault in at), "; ".join(causes))


def verdict(explanation: MulticlassExplanation) -> str:
    """One sentence."""
    e = explanation
    if e.step is None:
        return f"The runs agree: {e.cause}."
    return f"The runs part at step {e.step}, in the {e.stage}: {' and '.join(e.of)} makes the error. Cause: {e.cause}."


def _look(trace: MulticlassTrace) -> tuple[int, str, str] | None:
    """The first step that is outside, its stage and its cause."""
    judge = Judge(trace.dataset, trace.setting, trace.dtype)
    errors = judge.errors(trace.history)
    outside = {
        "update": ~(errors.update <= errors.update_bound).all(axis=(1, 2)),
        "loss": ~(errors.loss <= errors.loss_bound),
    }
    steps = {stage: int(np.argmax(bad)) for stage, bad in outside.items() if bad.any()}
    if not steps:
        return None
    step = min(steps.values())
    late = trace.setting.record == "after"  # the loss of a step is then that of the point it led to
    if steps.get("update") == step:
        here, there = (judge.rows.at(theta) for theta in trace.points[step : step + 2])
        return step + 1, "update", _cause_of_update(judge, here, there.theta)
    point = judge.rows.at(trace.points[step + late])
    return step + 1, "loss", _cause_of_loss(judge, point, float(trace.losses[step]))


def _cause_of_update(judge: Judge, here: MulticlassPoint, there: np.ndarray) -> str:
    """The fault that leads to the same point; or by which factor the step is off, or that none is known."""
    wanted, bound = judge.step(here)
    if not np.isfinite(there).all():
        return "a parameter is not finite"
    for words, slope in _wrong_slopes(judge, here).items():
        found = here.theta - judge.setting.learning_rate * judge.rows.scale * slope
        if (np.abs(found - there) <= bound * max(1.0, float(np.abs(slope).max() / np.abs(here.gradient).max()))).all():
            return words
    rate, rows = judge.setting.learning_rate * judge.rows.scale, judge.rows
    lost = 4 * format_of(judge.dtype).unit_roundoff * (rows.weight @ np.abs(rows.X)) / float(rows.total)
    if (np.abs(there - wanted) <= bound + rate * lost).all():
        return f"{NAIVE}: a slope is p - 1 or p, off by what 1 is rounded to"
    moved, meant = there - here.theta, wanted - here.theta
    factor = float((moved * meant).sum() / (meant * meant).sum())
    if (np.abs(moved - factor * meant) <= bound * max(1, abs(factor))).all():
        return f"the step is {FACTORS.get(round(factor, 6), f'{factor:.6g} times')} what it should be"
    return "no known cause reproduces it"


def _wrong_slopes(judge: Judge, here: MulticlassPoint) -> dict[str, np.ndarray]:
    """Gradients (K, D + 1) of the mean that people compute, by what is wrong with them."""
    rows, K, n = judge.rows, judge.rows.K, len(judge.rows.X)
    total, theta, penalty = float(rows.total), here.theta, judge.setting.l2 / rows.scale
    slopes, p = here.slopes.astype(np.float64), here.probabilities.astype(np.float64)
    own = np.eye(K)[rows.y]
    weights = np.append(np.ones(theta.shape[1] - 1), 0.0)

    def mean(of_rows: np.ndarray, weight: np.ndarray = rows.weight, count: float = total) -> np.ndarray:
        return (of_rows * weight[:, None]).T @ rows.X / count + penalty * weights * theta

    shifted = np.eye(K)[(rows.y + 1) % K]
    logits = rows.X @ theta.T
    right, apart = here.gradient, 1 / (1 + np.exp(-logits)) - own
    keep = np.ones_like(theta)
    found = {
        "no step is taken": 0 * right,
        "the row weights do not count": mean(slopes, np.ones(n), n),
        "the weighted losses are divided by the number of rows, not by the sum of the weights": mean(slopes, count=n),
        "the mean is taken where the sum is meant": mean(slopes, count=total * total),
        "the sum is taken where the mean is meant": mean(slopes, count=1.0),
        "the penalty is left out": right - penalty * weights * theta,
        "the penalty is l2 ‖W‖², without the half": right + penalty * weights * theta,
        "the biases are penalised too": right + penalty * (1 - weights) * theta,
        "the penalty is multiplied by the number of rows": right + (n - 1) * penalty * weights * theta,
        "the penalty is divided by the number of rows": right + (1 / n - 1) * penalty * weights * theta,
        "the gradient climbs": -right,
        "the biases are not moved": right * weights,
        "the weights are not moved": right * (1 - weights),
        "the classes are counted from 1: each row is of the next class": mean(p - shifted),
        "each class has a sigmoid of its own, for one softmax": mean(apart),
    }
    for k, name in enumerate(judge.dataset.class_names):
        keep[k] = 0
        found[f"the row of class {name!r} is not moved"] = right * keep
        keep[k] = 1
    for i in range(n if n <= 2000 else 0):
        left = rows.weight.copy()
        left[i] = 0
        found[f"row {i} of those that count is left out"] = mean(slopes, left)
    different = np.abs(np.array(list(found.values())) - right).max(axis=(1, 2)) > 0
    return {words: slope for (words, slope), new in zip(found.items(), different, strict=True) if new}


def _cause_of_loss(judge: Judge, point: MulticlassPoint, loss: float) -> str:
    """The fault that gives the same loss; or by which factor it is off."""
    value, bound = judge.loss(point)
    rows, n = judge.rows, len(judge.rows.X)
    total, scale = float(rows.total), rows.scale
    penalty = scale * float((rows.penalty * point.theta**2).sum()) / 2
    losses = point.losses.astype(np.float64)
    data = value - penalty
    largest = np.abs(rows.X @ point.theta.T).max(axis=1)
    lost = scale * 4 * format_of(judge.dtype).unit_roundoff * float(rows.weight @ (1 + largest)) / total
    known: dict[str, float] = {
        "the penalty is left out": data,
        "the penalty is l2 ‖W‖², without the half": data + 2 * penalty,
        "the loss is in bits": data / np.log(2) + penalty,
        "the mean is taken where the sum is meant": data / total + penalty if scale != 1 else np.nan,
        "the sum is taken where the mean is meant": data * total + penalty if scale == 1 else np.nan,
        "the row weights do not count": float(losses.sum() / (n if scale == 1 else 1)) + penalty,
        "the log-likelihood is taken, without the minus": -data + penalty,
    }
    for words, other in known.items():
        if abs(other - loss) <= bound * max(1.0, abs(other / value)) and other != value:
            return words
    if abs(loss - value) <= bound + lost:
        return NAIVE
    return f"it is {loss / value:.9g} times what it should be; no known cause reproduces it"
