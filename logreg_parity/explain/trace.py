"""A trace: one run of one twin, step by step, in one file that can be looked at on any machine.

An .npz without pickles: a JSON header (what ran, where, on which data) and arrays. ``explain.py`` holds two of them
side by side.

A twin's ``train`` hands back points and recorded losses, not gradients. Those, and what a step looks like inside,
come from its ``evaluate`` at the stored points on the step's own rows: the same function of the same numbers. The
residuals are p - y, subtracted in float64 from the twin's probabilities.
"""

import io
import json
import platform
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from .._version import __version__
from ..data.archive import read_arrays
from ..data.dataset import Dataset, Parameters
from ..data.files import write_whole
from ..judge.problem import check_given, rounded_inputs
from ..truth.reference import flatten
from ..truth.ulp import format_of
from ..twins import Program, Setting, Twin

FORMAT = "logreg-parity trace"
FORMAT_VERSION = 1
LARGEST_STORED = 2**20
"""A data set of up to so many features in all (N D numbers, 8 MiB) travels with the trace."""


@dataclass(frozen=True)
class Ran:
    """What ran."""

    twin: str
    dtype: str
    device: str
    versions: dict[str, str]  # of what the twin computes with
    python: str
    platform: str
    date: str
    logreg_parity: str


@dataclass(frozen=True, eq=False)
class Trace:
    """S steps of a run: all that were asked for, or as many as were taken before it stopped.

    Step t leads from point t - 1 to point t. Arrays by row of a mini-batch are padded with NaN to the longest one.
    """

    ran: Ran
    setting: Setting
    source: str
    sha256: str  # of the data set before it is rounded to the dtype; Dataset.sha256
    dataset: Dataset | None  # None where it is larger than LARGEST_STORED
    start: Parameters  # before it is rounded
    stop_reason: str | None
    points: np.ndarray  # (S + 1, D + 1), the bias last
    gradients: np.ndarray  # (S, D + 1), at the point before each step
    before: np.ndarray  # (S,), the objective there
    losses: np.ndarray  # (S,), as the run recorded them
    detail: np.ndarray  # (K,), the steps of which there is more:
    logits: np.ndarray  # (K, B)
    row_losses: np.ndarray  # (K, B)
    residuals: np.ndarray  # (K, B)

    @property
    def engine(self) -> str:
        """By whose arithmetic it ran: that of the bounds."""
        return self.ran.versions.get("engine", "eager")

    @property
    def steps(self) -> int:
        """S."""
        return len(self.losses)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        data = self.dataset
        header = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "ran": asdict(self.ran),
            "setting": asdict(self.setting),
            "source": self.source,
            "sha256": self.sha256,
            "names": None if data is None else [data.feature_names, data.class_names],
            "stop_reason": self.stop_reason,
        }
        arrays = {name: getattr(self, name) for name in ARRAYS} | {"start": flatten(self.start)}
        if data is not None:
            arrays |= {name: getattr(data, name) for name in DATA if getattr(data, name) is not None}
        file = io.BytesIO()
        np.savez(file, header=np.array(json.dumps(header)), **arrays)
        write_whole(path, file.getvalue())

    @staticmethod
    def load(path: Path) -> "Trace":
        """Read a file. Raises ValueError where it is no trace of this version, damaged, or does not fit together."""
        arrays = _read(path)
        try:
            return _from_file(arrays)
        except Exception as error:  # what does not fit together fails in many ways: KeyError, TypeError, RecursionError
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{path} is not a whole trace: {reason}; record it again") from error


ARRAYS = ("points", "gradients", "before", "losses", "detail", "logits", "row_losses", "residuals")
DATA = ("X", "y", "sample_weight")


def record(
    name: str,
    twin: Twin,
    dataset: Dataset,
    start: Parameters,
    setting: Setting,
    *,
    dtype: str,
    device: str = "cpu",
    detail: Collection[int] | None = None,
) -> Trace:
    """Run a twin once.

    Args:
        name: of the twin, for the trace.
        twin: any module with the functions of ``twins.Twin``.
        dataset: N rows of D features; the twin gets them rounded once.
        start: from where, weight (D,) and bias ().
        setting: the run.
        dtype: the format.
        device: where the twin computes.
        detail: steps whose logits, row losses and residuals are kept; None: the first 3 and the last.

    Raises:
        ValueError: for a step of detail that is none of the run's, and for what ``judge.problem.rounded_inputs`` and
            ``twins.Program`` refuse.
    """
    if detail is not None and not all(1 <= step <= setting.steps for step in detail):
        raise ValueError(f"detail is asked of the steps {sorted(detail)}; give steps from 1 to {setting.steps}")
    given = rounded_inputs(dataset, start, setting, dtype)
    check_given(given, dataset, start, setting, dtype)
    data, begin, rounded, rows = given
    program = Program(name, twin, dtype, device)
    history = program.train(data, begin, rounded, batches=rows, keep=range(setting.steps + 1))
    points = np.column_stack([history.weights, history.biases]).astype(np.float64)
    steps = len(points) - 1
    wanted = sorted({1, 2, 3, steps} if detail is None else detail)
    kept = [step for step in wanted if step <= steps]
    gradients, before = np.full((steps, points.shape[1]), np.nan), np.full(steps, np.nan)
    inside = np.full((3, len(kept), setting.batch_size or dataset.n_rows), np.nan)
    for t in np.flatnonzero(np.isfinite(points[:-1]).all(axis=1)).tolist():
        batch = data if rows is None else data.take(rows[t])
        at = program.evaluate(batch, Parameters(points[t, :-1], points[t, -1]), rounded)
        gradients[t], before[t] = flatten(at.gradient), at.objective
        if t + 1 in kept:
            residuals = np.asarray(at.probabilities, np.float64) - batch.y
            inside[:, kept.index(t + 1), : batch.n_rows] = at.logits, at.losses, residuals
    return Trace(
        _what_ran(program, history.engine),
        setting,
        dataset.source,
        dataset.sha256,
        dataset if dataset.X.size <= LARGEST_STORED else None,
        start,
        history.stop_reason,
        points,
        gradients,
        before,
        np.asarray(history.losses, np.float64),
        np.array(kept, np.int64),
        *inside,
    )


def _what_ran(p: Program, engine: str) -> Ran:
    now, versions = datetime.now(UTC).isoformat(timespec="seconds"), p.twin.versions()
    versions = versions if engine == "eager" else {**versions, "engine": engine}
    python = platform.python_version()
    return Ran(p.name, p.dtype, p.device, versions, python, platform.platform(), now, __version__)


def _read(path: Path) -> dict[str, np.ndarray]:
    content = path.read_bytes()
    try:
        return read_arrays(content)
    except ValueError as error:
        came = f"{path} cannot be read ({error})"
        raise ValueError(f"{came}; give a whole file that `logreg-parity record` has written") from error


def _from_file(arrays: dict[str, np.ndarray]) -> Trace:
    header = json.loads(str(arrays["header"])) if "header" in arrays else {}
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"it has no header that says {FORMAT!r}")
    if header["version"] != FORMAT_VERSION:
        raise ValueError(f"its format has version {header['version']}, this program reads {FORMAT_VERSION}")
    setting, ran = Setting(**header["setting"]), Ran(**header["ran"])
    format_of(ran.dtype)
    dataset = None
    if header["names"] is not None:
        features, classes = header["names"]
        X, y, weight = arrays["X"], arrays["y"], arrays.get("sample_weight")
        dataset = Dataset(X, y, header["source"], tuple(features), tuple(classes), weight)
        if dataset.sha256 != header["sha256"]:
            raise ValueError("its data set does not have the SHA-256 that the header names")
    _check(arrays, setting, dataset, header["stop_reason"])
    start = Parameters(arrays["start"][:-1], float(arrays["start"][-1]))
    rest = (arrays[name] for name in ARRAYS)
    return Trace(ran, setting, header["source"], header["sha256"], dataset, start, header["stop_reason"], *rest)


def _check(arrays: dict[str, np.ndarray], setting: Setting, dataset: Dataset | None, stop_reason: str | None) -> None:
    """ValueError where an array has the wrong shape or type."""
    steps = len(arrays["losses"]) if arrays["losses"].ndim else 0
    if steps == 0 or steps > setting.steps or (steps < setting.steps and stop_reason is None):
        raise ValueError(f"it holds {steps} steps of the {setting.steps} that were asked for")
    d = arrays["start"].size if dataset is None else dataset.n_features + 1
    k = arrays["detail"].size
    rows = setting.batch_size or (arrays["logits"].shape[-1] if dataset is None else dataset.n_rows)
    shapes = {"start": (d,), "points": (steps + 1, d), "gradients": (steps, d), "before": (steps,), "losses": (steps,)}
    shapes |= {"detail": (k,), "logits": (k, rows), "row_losses": (k, rows), "residuals": (k, rows)}
    for name, shape in shapes.items():
        kind = np.int64 if name == "detail" else np.float64
        if arrays[name].shape != shape or arrays[name].dtype != kind:
            came = f"array {name!r} has shape {arrays[name].shape} and type {arrays[name].dtype}"
            raise ValueError(f"{came}, wanted {shape} and {np.dtype(kind)}")
    if k and (arrays["detail"].min() < 1 or arrays["detail"].max() > steps or (np.diff(arrays["detail"]) < 1).any()):
        raise ValueError(f"array 'detail' is {arrays['detail'].tolist()}, wanted rising steps from 1 to {steps}")


def check_comparable(a: Trace, b: Trace) -> None:
    """ValueError, with what differs, unless both ran the same problem; where and in which format does not matter."""
    pairs = {"the data (SHA-256)": (a.sha256[:12], b.sha256[:12])}
    pairs["the start"] = (flatten(a.start).tolist(), flatten(b.start).tolist())
    pairs |= {name: (value, getattr(b.setting, name)) for name, value in asdict(a.setting).items()}
    different = [f"{name} ({one} and {other})" for name, (one, other) in pairs.items() if one != other]
    if different:
        raise ValueError(f"the two traces are of different problems: {'; '.join(different)}; record both with the same")
