"""Whose fault a crash is: what a user's own code raises becomes a message that names the line in it."""

import functools
import os
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from numbers import Real
from pathlib import Path
from typing import Any

OURS = ("logreg_parity", "logreg_torch", "logreg_jax")
"""Packages in which a crash is a fault of ours."""


class UserError(ValueError):
    """Somebody's own module, twin or builder fails, or answers with what is no answer; the message says where."""


@contextmanager
def of_user(what: str, *, file: str | None = None, passing: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Whatever a user's own code raises within, ``sys.exit`` included, becomes a UserError that names the line.

    Args:
        what: whose code it is, as the message begins: "my_model.train".
        file: the user's, where it is known; else the deepest line that is in no library is named.
        passing: errors that stay as they are, beside Ctrl-C and what is a UserError already.

    Raises:
        UserError: with the place and the last line of the error.
    """
    as_they_are: tuple[type[BaseException], ...] = (UserError, KeyboardInterrupt, GeneratorExit, *passing)
    try:
        yield
    except as_they_are:
        raise
    except BaseException as error:
        raise UserError(f"{what} fails{place(error, file)} ({last_line(error)}); mend it there") from error


def last_line(error: BaseException) -> str:
    """The error as a traceback ends with it, and of a message of many lines the first."""
    text = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().split("\n")[0]
    return f"{type(error).__name__}: {text[:300]}".rstrip(": ")


def place(error: BaseException, file: str | None = None) -> str:
    """Where in a user's code it was raised: " in FILE, line 3, in train"; nothing where no line is the user's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" in {_from_here(error.filename)}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if file and os.path.realpath(frame.filename) == os.path.realpath(file)]
    own = own or [frame for frame in frames if not _in_library(frame.filename)]
    if not own:
        return f" in {_from_here(file)}" if file else ""
    return f" in {_from_here(own[-1].filename)}, line {own[-1].lineno}, in {own[-1].name}"


def _in_library(file: str) -> bool:
    """Whether its lines are nobody's own: Python's, an installed package's, ours, or made as it ran."""
    return file.startswith(("<", *_libraries())) or not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


@functools.cache
def _libraries() -> tuple[str, ...]:
    here = Path(__file__).parent.parent
    paths = (sysconfig.get_path("stdlib"), *(here / name for name in OURS))
    return tuple(f"{path}{os.sep}" for path in paths)


def _from_here(file: str) -> str:
    with suppress(ValueError, OSError):
        return str(Path(file).relative_to(Path.cwd()))
    return file


def shortly(value: Any) -> str:
    """A value as a message shows it: on one line, and no longer than that."""
    text = " ".join((str(value) if isinstance(value, Real) else repr(value)).split())
    return text if len(text) <= 80 else f"{text[:60]}... (a {type(value).__name__})"
