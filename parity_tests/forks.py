"""Python processes that begin with both frameworks imported: forks of one that has imported them once for all.

A command spends seconds on importing the frameworks, most of them more than on what a page asks of it. A fork is
``python [-P] [-W error] (-c CODE | -m MODULE) ...`` for what it runs: folder, environment, streams, ``__main__``,
warnings and end are its own. Nothing of ours is imported before the fork, so what a script forgets to import is missing
here too. What depends on how a process starts needs one of its own: a variable that a library reads when it is loaded,
a signal during imports, a framework that is missing.
"""

import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Forks:
    """The process that is forked, one fork at a time."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def run(self, folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        """What ``subprocess.run`` gives for Python with these arguments, in that folder and environment."""
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place, "out"), Path(place, "err")
            asked = {"arguments": arguments, "folder": str(folder), "environment": environment}
            print(
                json.dumps({**asked, "streams": [os.devnull, str(out), str(err)]}), file=self._process.stdin, flush=True
            )
            status = self._process.stdout.readline()
            if not status:
                raise RuntimeError(f"the process that is forked ended with status {self._process.wait()}")
            return subprocess.CompletedProcess(
                [sys.executable, *arguments], int(status), out.read_text("utf-8"), err.read_text("utf-8")
            )


@contextmanager
def forks() -> Iterator[Forks]:
    """A process that is forked until the block ends; a warning while it imports the frameworks ends it."""
    command = [sys.executable, "-P", "-W", "error", __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Forks(process)


def serve() -> None:
    """Import the frameworks; then for every line that comes a fork, and a line with the status it ended with."""
    import jax  # noqa: F401
    import optax  # noqa: F401
    import torch  # noqa: F401

    gc.freeze()  # or the first collection of every fork would copy what they share
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(**json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def become(arguments: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    """Be the process that is asked for."""
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    safe, strict = ([option] == arguments[:1] for option in ("-P", "-W"))
    kind, what, *rest = arguments[1 * safe + 2 * strict :]
    if not strict:
        warnings.filters.remove(("error", None, Warning, None, 0))
        warnings.simplefilter("ignore", ImportWarning, append=True)  # as it is: only such a call makes the change seen
    if not safe:
        sys.path.insert(0, "" if kind == "-c" else folder)
    sys.argv = [kind, *rest]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(sys.modules["__main__"]))


if __name__ == "__main__":
    serve()
