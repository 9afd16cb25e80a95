"""Every command that writes, killed again and again: it leaves what is whole, old or not there.

``python -m parity_tests.kills [COUNT] [COMMAND ...]``: so many kills of each. A moment is counted in what the process
does, and not by a clock: in all events of Python's audit hooks (PEP 578), of which most are imports, opened files and
compiled code, or in those alone that touch a file being written. A run is a fork of this process, in which no
framework has computed yet, so that none has to be imported once more.
"""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from logreg_parity import gaussian

ROOT = Path(__file__).parents[1]
MARK = ".logreg-parity-"  # in the names of files that are not whole yet
OLD = b"what stood there before\n"
CHECK = "my_torch.py:build my_jax.py:build --data batch.npz --params map.toml --steps 1"
COMMANDS = {
    "compare": ("compare --steps 3 --dtype float64 --out out", "out"),
    "fit": ("fit --data bernoulli --out fit.json --checkpoint state", "fit.json"),
    "record": ("record --twin logreg_jax --steps 3 --out run.npz", "run.npz"),
    "explain": ("explain a.npz b.npz --json why.json", "why.json"),
    "check": (f"check {CHECK} --out report --write-map map.json", "report map.json"),
    "grade": ("grade homework.py --out grades", "grades"),
    "gradients": ("gradients --dtype float64 --out gradients.json", "gradients.json"),
    "optimizers": ("optimizers --steps 2 --json optimizers.json", "optimizers.json"),
    "bench": ("bench gradient --size tiny --out bench", "bench"),
    "explore": ("explore --no-open --out page.html", "page.html"),
    "passport": ("passport --twins logreg_torch --out pass", "pass"),
    "passport sweep": ("passport sweep --twins logreg_torch --functions sigmoid --sample 9 --out m.json", "m.json"),
    "passport tune": ("passport tune --twins logreg_torch --mib 1 --out blocks.json", "blocks.json"),
    "scoreboard": ("scoreboard --cases iris_setosa --candidates logreg_torch --out score.json", "score.json"),
    "shard": ("shard X.npy y.npy --rows 20 --out shards", "shards"),
    "sidebyside": ("sidebyside --no-open --out twins.html", "twins.html"),
    "train_stream": ("", "state.npz"),
}
"""By name: the command, or nothing where it is a function, and where it writes beside what it keeps for itself."""
ADDING = ("passport sweep", "passport tune", "train_stream", "bench", "shard")
"""They go on with what stands there: what is none of theirs is refused."""
ONCE = ("shard",)
"""What is whole there is refused."""


def prepare(folder: Path) -> None:
    """What the commands read."""
    for path in (ROOT / "examples").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    (folder / "homework.py").write_text("import numpy as np\n\n\ndef logistic(z):\n    return 1 / (1 + np.exp(-z))\n")
    rows = gaussian(50, 2, seed=1)
    np.save(folder / "X.npy", rows.X)
    np.save(folder / "y.npy", rows.y)
    for name in ("a", "b"):
        assert run(f"record --twin logreg_parity.truth.reference --steps 3 --out {name}.npz", folder).status == 0


class Run:
    """How a run ended: its status, and how many events there were, all of them and those of files being written."""

    def __init__(self, status: int, counted: dict[str, int]):
        self.status, self.counted = status, counted


def run(command: str, folder: Path, kind: str = "all", at: int = 0) -> Run:
    """Run a command in a fork, in that folder; event number ``at`` of that kind is its last, if any."""
    told = folder / ".told"
    told.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        status = 70
        try:
            with (folder / ".said").open("w") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            os.chdir(folder)
            counted = {"all": 0, "files": 0}

            def hear(event: str, given: tuple) -> None:
                counted["all"] += 1
                counted["files"] += any(MARK in str(one) for one in given if isinstance(one, str | os.PathLike))
                if counted[kind] == at and event != "os.kill":
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(hear)
            status = work(command)
            told.write_text(json.dumps(counted))
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Run(status, json.loads(told.read_text()) if told.exists() else {})


def work(command: str) -> int:
    """What the fork does; the status."""
    if command:
        from logreg_parity.cli import main

        return main(command.split())
    import logreg_jax
    from logreg_parity import Parameters
    from logreg_parity.solvers import checkpoint
    from logreg_parity.solvers.descent import train_stream
    from logreg_parity.solvers.stream import Stream

    checkpoint.monotonic = partial(next, count(step=60))  # every state is kept
    rows = gaussian(60, 2, seed=1)
    stream = Stream(rows.X, rows.y, "made", 10)
    train_stream(logreg_jax, stream, Parameters(np.zeros(2), 0.0), epochs=1, learning_rate=0.5, checkpoint="state.npz")
    return 0


def whole(path: Path) -> bool:
    """Whether a file can be read to its end, as what its name says it is."""
    content = path.read_bytes()
    with contextlib.suppress(ValueError):
        if path.suffix == ".json":
            return json.loads(content) is not None
        if path.suffix == ".npz":
            from logreg_parity.data.archive import read_arrays

            return len(read_arrays(content)) > 0
        if path.suffix == ".npy":
            return len(np.load(io.BytesIO(content))) > 0
        if path.suffix == ".png":
            return content.endswith(b"IEND\xaeB`\x82")
        return content.endswith(b"</html>\n" if path.suffix == ".html" else b"\n") and len(content) > len(OLD)
    return False


def files(folder: Path) -> dict[str, Path]:
    """What stands in a folder, files that are not whole yet left out."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path for name, path in found.items() if MARK not in name and not name.startswith((".told", ".said"))}


def besiege(name: str, kills: int, seed: int, folder: Path, say: Callable = lambda line: None) -> Iterator[str]:
    """Kill one command so often, half of the times while it writes and every second time over an old file; complaints.

    After the last kill the command runs once more in the same place.
    """
    command, outputs = COMMANDS[name]
    given = folder / "given"
    given.mkdir()
    prepare(given)
    shutil.copytree(given, folder / "right")
    right = run(command, folder / "right")
    made = files(folder / "right").keys() - files(given).keys()
    if right.status not in (0, 1, 3) or not all(any(m.startswith(o) for m in made) for o in outputs.split()):
        yield f"{name} ends with {right.status} and writes {sorted(made)}: {(folder / 'right' / '.said').read_text()}"
        return
    chance = random.Random(seed)
    for kill in range(kills):
        kind = "files" if kill % 2 == 0 else "all"
        at = chance.randint(1, right.counted[kind])
        place = folder / str(kill)
        shutil.copytree(given, place)
        for path in made if kill % 4 < 2 and name not in ADDING else ():
            if not path.endswith(".npz"):  # as is the old state of a fit
                (place / path).parent.mkdir(exist_ok=True)
                (place / path).write_bytes(OLD)
        before = {path: there.read_bytes() for path, there in files(place).items()}
        ended = run(command, place, kind, at)
        after = files(place)
        torn = [path for path, there in after.items() if there.read_bytes() != before.get(path) and not whole(there)]
        gone = before.keys() - after.keys()
        say(f"{name}: event {at} of {right.counted[kind]} ({kind}), status {ended.status}")
        if ended.status not in (-signal.SIGKILL, right.status) or torn or gone:
            yield f"{name}, killed at event {at} ({kind}): status {ended.status}, torn {torn}, gone {gone}"
    again = run(command, place)
    left = files(place)
    bad = [path for path in made if path not in left or not whole(left[path]) or left[path].read_bytes() == OLD]
    refused = name in ONCE and again.status == 2
    if (again.status != right.status and not refused) or bad:
        yield f"{name} once more: {again.status}, not {right.status}; {bad}: {(place / '.said').read_text()}"


def main(arguments: list[str]) -> int:
    """Every command, or those named; 1 if one leaves what it must not."""
    times = int(arguments[0]) if arguments else 4
    complaints = []
    for seed, name in enumerate(arguments[1:] or COMMANDS):
        with tempfile.TemporaryDirectory() as folder:
            for complaint in besiege(name, times, seed, Path(folder), lambda line: print(line, flush=True)):
                complaints.append(complaint)
                print(f"  {complaint}", flush=True)
    print(f"{len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    import matplotlib.pyplot  # noqa: F401

    import logreg_jax  # noqa: F401
    import logreg_torch  # noqa: F401

    sys.exit(main(sys.argv[1:]))
