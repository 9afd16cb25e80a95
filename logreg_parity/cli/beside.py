"""A call in a second process, beside what this one does."""

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast


@contextmanager
def beside(function: Callable, *arguments: Any) -> Iterator[Callable[[], Any]]:
    """Start function(*arguments) in a process of its own; what is handed out waits for the result.

    It raises what the function raised. Where the process ends without an answer (for want of memory, say), the function
    is called here instead. The process does not outlive the block. It is no fork, which among threads may never come
    back, and imports nothing but the function's module: ``multiprocessing`` would run the user's script once more.

    Args:
        function: one that a module has at its top.
        arguments: what can be pickled.
    """
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is for this process
    code += f"; sys.path[:] = {sys.path!r}; from {__name__} import answer; answer()"
    command = [sys.executable, "-P", "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        question, reply = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)

        def result() -> Any:
            try:
                value, error = pickle.load(reply)
            except (EOFError, pickle.UnpicklingError):
                print(f"The second process ended with status {process.wait()}; its part is done here.", file=sys.stderr)
                return function(*arguments)
            if error is not None:
                raise error
            return value

        try:
            with suppress(BrokenPipeError), question:
                pickle.dump((function, arguments), question)
            yield result
        finally:
            process.kill()


def answer() -> None:
    """What that process does: it reads the function and its arguments, and writes its result and its error."""
    os.environ["TQDM_POSITION"] = "1"  # its progress bars are a line below the first one's
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)  # what the function prints is no part of the answer
        function, arguments = pickle.load(sys.stdin.buffer)
        found: tuple[Any, Exception | None]
        try:
            found = function(*arguments), None
        except Exception as error:
            error.add_note(f"It happened in a second process:\n{traceback.format_exc()}")
            found = None, error
        pickle.dump(found, pipe)
