"""One hash on one processor and on two: how many threads there are changes no bit of a result."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from logreg_parity.data.dataset import Parameters
from logreg_parity.data.generator import gaussian
from logreg_parity.explain.trace import record
from logreg_parity.solvers.checkpoint import Checkpoint
from logreg_parity.solvers.descent import train_stream
from logreg_parity.solvers.stream import Stream
from logreg_parity.twins import Setting, load_part, load_twin

KERNELS = {"logreg_torch": ("plain", "fused"), "logreg_jax": ("plain",)}  # on a CPU the latter is one for both
LONG, WIDE = (40_000, 5), (3_000, 220)  # each enough for the frameworks to share out: sums over rows, products


def digest(*arrays) -> str:
    """SHA-256 of the bytes of numbers, and of tuples of them."""
    flat = [part for array in arrays for part in (array if isinstance(array, tuple) else (array,))]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in flat)).hexdigest()


def results(name: str, folder: Path, left: Path | None) -> dict[str, str]:
    """What one twin computes, by name: a hash each. It leaves half a run in the folder, and ends one left elsewhere."""
    twin, found = load_twin(name), {}
    fits = load_part(name, "speed.fit")
    for (rows, columns), dtype in ((LONG, "float64"), (LONG, "float32"), (WIDE, "float64")):
        dataset = gaussian(rows, columns, seed=1)
        start = Parameters(np.full(columns, 0.1), 0.25)
        batches = [np.random.RandomState(k).permutation(rows)[: rows * 4 // 5] for k in range(2)]
        what = f"{name} {rows} x {columns} {dtype}"
        found[f"{what}, evaluate"] = digest(*twin.evaluate(dataset, start, dtype=dtype))
        for engine, kind, chosen in (("eager", "all", None), ("eager", "batches", batches), ("fast", "all", None)):
            run = twin.train(dataset, start, steps=2, learning_rate=0.5, batches=chosen, dtype=dtype, engine=engine)
            found[f"{what}, train, {engine}, {kind}"] = digest(run.losses, run.parameters)
        for kernel in KERNELS[name]:
            packed = fits.pack(dataset, dtype=dtype, kernel=kernel)
            for arithmetic in ("float64", dtype)[: 1 if dtype == "float64" else 2]:
                sums = packed.sums(np.append(*start), arithmetic=arithmetic, hessian=True)
                found[f"{what}, {kernel} sums in {arithmetic}"] = digest(*sums)
        if (rows, columns) == LONG and dtype == "float64":
            for solver in ("newton", "progressive", "lbfgs"):
                fit = twin.fit(dataset, l2=1e-3, solver=solver, tolerance=1e-6)
                found[f"{what}, fit, {solver}"] = digest(fit.parameters, fit.gap)
            setting = Setting(steps=2, learning_rate=0.5)
            trace = record(name, twin, dataset, start, setting, dtype="float32", device="cpu", detail=[1])
            found[f"{what}, record"] = digest(trace.losses, trace.points, trace.gradients)
            stream, run = Stream(dataset.X, dataset.y, "made", rows // 2), {"learning_rate": 0.5, "dtype": "float64"}
            whole = train_stream(twin, stream, start, epochs=4, **run)
            found[f"{what}, train_stream"] = digest(whole.losses, whole.parameters)
            _stop_after(5, twin, stream, start, run, folder / f"{name}.npz")
            state = (folder if left is None else left) / f"{name}.npz"
            resumed = train_stream(twin, stream, start, epochs=4, checkpoint=state, **run)
            found[f"{what}, train_stream, resumed"] = digest(resumed.losses, resumed.parameters)
    return found


def _stop_after(steps, twin, stream, start, run, path):
    """Keep the state of a run of four epochs after so many steps."""
    save, saved = Checkpoint.save, []

    def dying(self, state, *, now=False):
        save(self, state, now=True)
        saved.append(state)
        if len(saved) == steps:
            raise InterruptedError

    Checkpoint.save = dying
    try:
        train_stream(twin, stream, start, epochs=4, checkpoint=path, **run)
    except InterruptedError:
        pass
    finally:
        Checkpoint.save = save


def on(processors: int, name: str, folder: Path, left: Path | None = None) -> dict[str, str]:
    """The results in a process of its own that may use so many processors, and has as many threads."""
    folder.mkdir(exist_ok=True)
    code = "import os, sys; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])]); "
    code += "from parity_tests.twins.test_processors import main; main(*sys.argv[2:])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(processors), name, str(folder), str(left or "")],
        env={**os.environ, "OMP_NUM_THREADS": str(processors)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main(name: str, folder: str, left: str):
    """What the other process does."""
    print(json.dumps(results(name, Path(folder), Path(left) if left else None)))


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="there are no two processors here, or no process can be kept to one",
)
@pytest.mark.parametrize("name", KERNELS)
def test_one_hash_on_one_processor_and_on_two(tmp_path, name):
    """The second process goes on with half a run that the first has left, and ends where a whole run ends."""
    one = on(1, name, tmp_path / "one")
    two = on(2, name, tmp_path / "two", left=tmp_path / "one")
    assert {what: (seen, two[what]) for what, seen in one.items() if seen != two[what]} == {}
    ends = {what: seen for what, seen in two.items() if "train_stream" in what}
    assert len(ends) == 2 and len(set(ends.values())) == 1 and len(one) == len(two) > 20
