"""The command line: ``logreg-parity [COMMAND] ...``, one module a command.

A command's module has ``parser()`` and ``run(options)``, the exit status. Nothing heavy is imported before a command
runs: the twins bring their frameworks only when they are loaded.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader
from types import FrameType

COMMANDS = {
    "compare": "train twins on the same data and judge every number (the default)",
    "fit": "the optimum by each twin, with a proof of how near it is",
    "shard": "rows in files as a folder of shards, for many processes to share",
    "ranks": "one fit by one process and by several: the same bits?",
    "scoreboard": "certified fits: right digits of both twins and of what else is installed",
    "record": "run one twin and store every step",
    "explain": "say where two stored runs part, and why",
    "check": "your own torch module against your own JAX function",
    "grade": "what learners handed in: exercises of the lessons, one file or a class",
    "museum": "faults people make, what the judge says of each, and its own score",
    "gradients": "every way to a gradient against the exact one, and what gradient checkers notice",
    "optimizers": "torch.optim in optax's words, and how far apart the two walk",
    "bench": "measure steps, gradients, solvers, devices, growth",
    "explore": "a page to play with: data, curve, loss surface, every step",
    "hash": "one run in exact arithmetic by every backend at hand: the same bits?",
    "passport": "what the backends of this machine do with numbers",
    "sidebyside": "both twins' source on one page, differences marked and explained",
}

FRAMEWORKS = ("torch", "jax", "jaxlib", "optax")
"""What a command may find missing. A twin that misses it is told apart before (``twins.load_twin``)."""


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: what stands behind the command's name; None for that of this process.

    Returns:
        The exit status: that of the command, 2 for input that is wrong, 70 for a fault of ours, 130 for Ctrl-C.
    """
    try:
        with _interruptible(last=argv is None) as interrupts:
            try:
                return _run(list(sys.argv[1:] if argv is None else argv))
            except Exception as error:
                if interrupts:  # what a library made of it, in the middle of an import for one
                    raise KeyboardInterrupt from error
                return _failed(error)
    except KeyboardInterrupt:
        return _interrupted()


def _run(arguments: list[str]) -> int:
    from ..data.files import WRITTEN

    WRITTEN.clear()
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "compare"
    if name not in COMMANDS:
        print(f"logreg-parity: there is no command {name!r}; give {' or '.join(COMMANDS)}", file=sys.stderr)
        return 2
    command = importlib.import_module(f".{name}", __package__)
    try:
        return command.run(command.parser().parse_args(arguments))
    except ModuleNotFoundError as error:
        if error.name not in FRAMEWORKS:
            raise
        raise ValueError(f"{name} needs {error.name}, which is missing; pip install {error.name}") from error


def _failed(error: Exception) -> int:
    """Say whose fault it is; the exit status."""
    from ..show import shown
    from ..truth.oracle import OracleError

    if isinstance(error, OSError) and error.filename is not None:
        print(f"logreg-parity: {shown(f'{error.filename}: {error.strerror}')}", file=sys.stderr)
    elif isinstance(error, ValueError | OSError | OracleError):
        print(f"logreg-parity: {shown(str(error), chr(10))}", file=sys.stderr)
    elif isinstance(error, MemoryError):
        why = str(error).rstrip(".") or "no more is to be had"
        print(f"logreg-parity: there is not enough memory ({why}); give fewer rows or steps", file=sys.stderr)
    else:
        return _our_fault(error)
    return 2


def _our_fault(error: Exception) -> int:
    import platform
    import traceback

    from .._version import __version__

    traceback.print_exception(error)
    about = f"logreg-parity {__version__}, Python {platform.python_version()}, {platform.platform()}"
    print(
        f"logreg-parity: this is a fault of logreg-parity and not of your input. Please report the lines above, the "
        f"command, and: {about}",
        file=sys.stderr,
    )
    return 70


def _interrupted() -> int:
    """One line: what was written, and that nothing else was; the exit status."""
    from ..data.files import WRITTEN

    written = ", ".join(dict.fromkeys(WRITTEN))
    what = f"{written} written before, nothing else" if written else "nothing was written"
    print(f"logreg-parity: interrupted; {what}", file=sys.stderr)
    return 130


def _in_extension(frame: FrameType | None) -> bool:
    """Whether a compiled module is being set up: an exception there ends the process (nanobind), so it has to wait."""
    while frame is not None:
        called = frame.f_code.co_name in ("create_module", "exec_module")
        if called and isinstance(frame.f_locals.get("self"), ExtensionFileLoader):
            return True
        frame = frame.f_back
    return False


@contextmanager
def _interruptible(*, last: bool) -> Iterator[list[int]]:
    """A list that holds every Ctrl-C within; of a caller's own handler, and in another thread, it knows nothing.

    last: whether the process ends with what is within; after a Ctrl-C a second one then does not break its end.
    """
    import _thread  # which takes no lock that the interrupted code may hold
    import os
    import signal
    import threading
    import time

    seen: list[int] = []

    def again(number: int) -> None:
        time.sleep(0.05)
        os.kill(os.getpid(), number)

    def note(number: int, frame: FrameType | None) -> None:
        if not seen and _in_extension(frame):
            _thread.start_new_thread(again, (number,))
            return
        seen.append(number)
        if len(seen) == 1:
            raise KeyboardInterrupt
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one leaves the end of the first alone, a third does not

    def unraisable(fault: "sys.UnraisableHookArgs") -> None:
        """A Ctrl-C that came in a finalizer or a callback, from where nothing can be raised, comes once more."""
        if seen and fault.exc_type is KeyboardInterrupt:
            _thread.start_new_thread(again, (seen.pop(),))
        else:
            before(fault)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield seen
        return
    before, sys.unraisablehook = sys.unraisablehook, unraisable
    signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        sys.unraisablehook = before
        signal.signal(signal.SIGINT, signal.SIG_IGN if last and seen else signal.default_int_handler)
