"""One run by every backend at hand in exact arithmetic, and the hash of what each computed.

NumPy, numba, both frameworks in every way they can run the same code (``speed/engines.py``) on every device they see, C
where there is a compiler, JavaScript where there is node. What is missing is left out, and said.
"""

import ctypes
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters, batches
from ..data.history import Fit, Recorder
from ..truth import exact
from ..truth.exact import ExactMeans, ExactRows, ExactRule, ExactSums
from ..truth.reference import flatten
from ..truth.ulp import round_parameters
from ..twins import Setting, load_part, load_twin

HERE = Path(__file__).parent
SLOW = 3  # steps of a way that takes milliseconds for each operation
FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX"}
BACKENDS = ("numpy", "numba", "torch", "jax", "c", "node")


class HashBackend(NamedTuple):
    """A way to compute: its name, and what makes its means, or its fit; None where it is not there, with the reason."""

    name: str
    make: Callable[[], Any] | None
    reason: str = ""
    steps: int | None = None  # how many it takes at most


class RunHash(NamedTuple):
    """What one backend computed in one format, or why it did not."""

    backend: str
    dtype: str
    steps: int
    points: str  # SHA-256
    losses: str
    same: bool | None  # as NumPy's of as many steps; None where nothing was computed
    reason: str = ""


class _Fields(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("features", "blocks", "rows", "each", "single")),
        *((name, ctypes.c_void_p) for name in ("columns", "up", "down", "top", "largest", "penalty")),
    ]


def backends(names: Sequence[str]) -> Iterator[HashBackend]:
    """Those of these names that there could be, in the order of BACKENDS."""
    if "numpy" in names:
        yield HashBackend(f"NumPy {np.__version__}", lambda: exact.IN_NUMPY)
    if "numba" in names:
        there = find_spec("numba") is not None
        label = f"numba {version('numba')}" if there else "numba"
        yield HashBackend(label, _in_numba if there else None, "numba is not installed")
    for name, label in FRAMEWORKS.items():
        if name in names:
            yield from _of_framework(name, label)
    if "c" in names:
        found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        for flags in ("-O2", "-O3 -march=native"):
            make = (lambda flags=flags: in_c(str(found), flags.split())) if found else None
            yield HashBackend(f"C, {Path(found or 'cc').name} {flags}", make, "there is no C compiler")
    if "node" in names:
        found = shutil.which("node")
        yield HashBackend("JavaScript, node", (lambda: in_node(str(found))) if found else None, "there is no node")


def _in_numba() -> ExactMeans:
    from ..truth.exact_numba import IN_NUMBA

    return IN_NUMBA


def _of_framework(name: str, label: str) -> Iterator[HashBackend]:
    try:
        engines, twin = load_part(f"logreg_{name}", "speed.engines"), load_twin(f"logreg_{name}")
    except ImportError:
        yield HashBackend(label, None, f"{name} is not installed")
        return
    for device in twin.devices():
        for way in engines.WAYS:
            where = f"{label} {version(name)}, {way}, on {device}"
            compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
            if way == "torch.compile" and device == "cpu" and not compiler:
                yield HashBackend(where, None, "there is no C++ compiler")
                continue
            make = lambda device=device, way=way: engines.exact(device, way)  # noqa: E731
            yield HashBackend(where, make, steps=SLOW if way == "op by op" else None)


def run_hashes(
    dataset: Dataset,
    start: Parameters,
    setting: Setting,
    *,
    dtypes: Sequence[str],
    names: Sequence[str] = BACKENDS,
    notify: Callable[[str], None] = lambda message: None,
) -> Iterator[RunHash]:
    """Run a setting by every backend and hash all points and losses.

    Args:
        dataset: N rows of D features.
        start: from where, weight (D,) and bias ().
        setting: the run.
        dtypes: "float64", "float32".
        names: of BACKENDS.
        notify: is told what happens next.

    Yields:
        NumPy's hash first in each format, then that of each backend as it comes.

    Raises:
        ValueError: for what ``truth.exact.descend`` refuses.
    """
    for dtype in dtypes:

        def run(means: ExactMeans, most: int | None, dtype: str = dtype) -> tuple[int, str, str]:
            steps = min(setting.steps, most or setting.steps)
            taken = replace(setting, steps=steps)
            rows = setting.batch_size and batches(dataset.n_rows, setting.batch_size, steps, seed=setting.seed)
            begin = round_parameters(start, dtype)
            begin = Parameters(begin.weight.astype(dtype), np.dtype(dtype).type(begin.bias))
            recorder = Recorder(begin, taken, keep=range(steps + 1), name="hash", engine="exact")
            history = exact.descend(means, dataset, rows or None, recorder, dtype)
            points = np.column_stack([history.weights, history.biases])
            return steps, exact.digest(points, dtype), exact.digest(history.losses, dtype)

        yield from _lines(backends(names), dtype, run, exact.IN_NUMPY, notify)


def fit_hashes(
    dataset: Dataset,
    fit_by: Callable[[Callable[..., ExactSums]], Callable[..., Fit]],
    *,
    l2: float,
    reduction: str,
    dtypes: Sequence[str],
    names: Sequence[str] = BACKENDS,
    notify: Callable[[str], None] = lambda message: None,
) -> Iterator[RunHash]:
    """Fit by every backend that has the passes, with kernel "exact", and hash the parameters and the objective.

    Args:
        dataset: N rows of D features.
        fit_by: makes ``fit`` of what adds up one block, ``solvers.solve.fit_by``.
        l2, reduction: those of ``fit``.
        dtypes: what X is held in.
        names: of BACKENDS.
        notify: is told what happens next.

    Yields:
        NumPy's hash first for each dtype, then that of each backend as it comes; steps are the fit's iterations.

    Raises:
        ValueError: for what ``fit`` refuses.
    """
    for dtype in dtypes:

        def run(fit: Callable[..., Fit], _most: int | None, dtype: str = dtype) -> tuple[int, str, str]:
            found = fit(dataset, l2=l2, reduction=reduction, dtype=dtype, kernel="exact")
            parts = flatten(found.parameters), np.array([found.objective])
            return found.iterations, exact.digest(parts[0], "float64"), exact.digest(parts[1], "float64")

        yield from _lines(_fits(names, fit_by), dtype, run, fit_by(exact.add_exactly), notify)


def _lines(
    found: Iterator[HashBackend],
    dtype: str,
    run: Callable[[Any, int | None], tuple[int, str, str]],
    in_numpy: Any,
    notify: Callable[[str], None],
) -> Iterator[RunHash]:
    """The line of every backend, held to NumPy's answer; of one that is not there or does not run the reason.

    run: the steps and digests by what a backend makes, in as many steps as it takes at most.
    """
    wanted: dict[int | None, tuple[int, str, str]] = {}
    for backend in found:
        if backend.make is None:
            yield RunHash(backend.name, dtype, 0, "", "", None, backend.reason)
            continue
        notify(f"{backend.name}, {dtype}")
        if backend.steps not in wanted:
            wanted[backend.steps] = run(in_numpy, backend.steps)
        try:
            own = run(backend.make(), backend.steps)
        except (OSError, subprocess.CalledProcessError) as error:
            yield RunHash(backend.name, dtype, 0, "", "", None, f"it does not run: {error}")
            continue
        yield RunHash(backend.name, dtype, *own, own == wanted[backend.steps])


def _fits(names: Sequence[str], fit_by: Callable[..., Callable[..., Fit]]) -> Iterator[HashBackend]:
    """``fit`` by those of these names that there could be, in the order of BACKENDS."""
    for name in (name for name in BACKENDS if name in names):
        if name not in FRAMEWORKS:
            for backend in backends((name,)):
                make = None if backend.make is None else partial(lambda given: fit_by(given().add), backend.make)
                yield backend._replace(make=make)
            continue
        try:
            twin, passes = load_twin(f"logreg_{name}"), load_part(f"logreg_{name}", "speed.fit")
        except ImportError:
            yield HashBackend(FRAMEWORKS[name], None, f"{name} is not installed")
            continue
        for device in twin.devices():
            where = f"{FRAMEWORKS[name]} {version(name)}, on {device}"
            yield HashBackend(where, partial(partial, passes.fit, device=device))


def in_c(compiler: str, flags: Sequence[str]) -> ExactMeans:
    """exact.c, compiled with these flags. CalledProcessError where the compiler fails."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "exact.so"
        source = [str(HERE / "exact.c"), "-o", str(library), "-lm"]
        command = [compiler, "-shared", "-fPIC", *flags, "-ffp-contract=off", *source]
        subprocess.run(command, check=True, capture_output=True)
        code = ctypes.CDLL(str(library))
    EXP, LOG, others = np.array(exact.EXP), np.array(exact.LOG), np.array([*exact.CONSTANTS.values()])

    def prepared(rows: ExactRows, penalty: np.ndarray, dtype: str) -> Any:
        each = rows.columns.ndim == 4
        parts = [_plain(part) for part in (rows.columns, rows.up, rows.down, rows.top, rows.largest, penalty)]
        code.constants(_at(EXP), len(EXP), _at(LOG), len(LOG), _at(others))
        fields = _Fields(*rows.columns.shape[-3:], each, dtype == "float32", *map(_at, parts))
        return fields, parts  # these stay as long as the fields do

    def walk(
        theta: np.ndarray, velocity: np.ndarray, rows: ExactRows, penalty: np.ndarray, rule: ExactRule, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        fields, _kept = prepared(rows, penalty, rule.dtype)
        points, here, speed = np.empty((steps + 1, len(theta))), theta.copy(), velocity.copy()
        numbers = ctypes.c_double(rule.learning_rate), ctypes.c_double(rule.momentum), int(rule.nesterov)
        code.walk(ctypes.byref(fields), steps, _at(here), _at(speed), *numbers, _at(points))
        return points, speed

    def objectives(points: np.ndarray, rows: ExactRows, penalty: np.ndarray, dtype: str) -> np.ndarray:
        fields, _kept = prepared(rows, penalty, dtype)
        values, here = np.empty(len(points)), np.ascontiguousarray(points)
        code.objectives(ctypes.byref(fields), len(here), _at(here), _at(values))
        return values

    def add(rows: ExactRows, theta: np.ndarray, tops: np.ndarray | None) -> ExactSums:
        fields, _kept = prepared(rows, np.zeros(len(theta)), "float64")
        losses, slopes = np.empty(rows.columns.shape[-2:]), np.empty(len(theta), np.int64)
        bends = None if tops is None else np.zeros(tops.shape, np.int64)
        given = theta.copy(), _plain(tops), losses, slopes, bends
        code.add(ctypes.byref(fields), *map(_at, given))
        return ExactSums(losses, slopes, bends)

    return ExactMeans(lambda part: part, lambda part: part, walk, objectives, add)


def in_node(node: str) -> ExactMeans:
    """exact.mjs, by node."""

    def ask(what: str, rows: ExactRows, penalty: np.ndarray, dtype: str, steps: int, **more: Any) -> np.ndarray:
        features, blocks, length = rows.columns.shape[-3:]
        names = ("theta", "velocity", "points", "tops")
        arrays: dict[str, Any] = {name: more.pop(name) for name in names if name in more}
        for name in ("columns", "up", "down", "top", "largest"):
            arrays[name] = getattr(rows, name)
        arrays["penalty"] = penalty
        constants = {**exact.CONSTANTS, "EXP": exact.EXP, "LOG": exact.LOG}
        parts = [[name, None if array is None else np.size(array)] for name, array in arrays.items()]
        sizes = {"features": int(features), "blocks": int(blocks), "rows": int(length)}
        each = rows.columns.ndim == 4
        head = {"what": what, "dtype": dtype, "steps": steps, "each": each, "parts": parts, "constants": constants}
        head |= sizes | more
        body = b"".join(np.asarray(a, "<f8").tobytes() for a in arrays.values() if a is not None)
        line = json.dumps(head).encode() + b"\n"
        done = subprocess.run([node, str(HERE / "exact_node.mjs")], input=line + body, check=True, capture_output=True)
        return np.frombuffer(done.stdout, "<f8")

    def walk(
        theta: np.ndarray, velocity: np.ndarray, rows: ExactRows, penalty: np.ndarray, rule: ExactRule, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        numbers = {"rate": rule.learning_rate, "momentum": rule.momentum, "nesterov": bool(rule.nesterov)}
        state = {"theta": theta, "velocity": velocity}
        found = ask("walk", rows, penalty, rule.dtype, steps, **state, **numbers)
        return found[: -len(theta)].reshape(steps + 1, -1), found[-len(theta) :]

    def objectives(points: np.ndarray, rows: ExactRows, penalty: np.ndarray, dtype: str) -> np.ndarray:
        return ask("objectives", rows, penalty, dtype, len(points), points=points)

    def add(rows: ExactRows, theta: np.ndarray, tops: np.ndarray | None) -> ExactSums:
        found = ask("add", rows, np.zeros(len(theta)), "float64", 1, theta=theta, tops=tops)
        losses = found[: rows.columns[0].size].reshape(1, -1)
        high, low = found[losses.size :].reshape(-1, 2).T.astype(np.int64)
        slopes, bends = np.split((high << 26) + low, [len(theta)])
        return ExactSums(losses, slopes, None if tops is None else bends.reshape(tops.shape))

    return ExactMeans(lambda part: part, lambda part: part, walk, objectives, add)


def _plain(part: np.ndarray | None) -> np.ndarray | None:
    return None if part is None else np.ascontiguousarray(part, np.float64)


def _at(part: np.ndarray | None) -> ctypes.c_void_p | None:
    return None if part is None else ctypes.c_void_p(part.ctypes.data)
