"""The line of a learner's function that a fault points at."""

import inspect
import re
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from .frameworks import parts_of


class Line(NamedTuple):
    """Its number in the file or cell, counted from 1, and what stands there."""

    number: int
    text: str


def line_with(function: Callable, clue: str) -> Line | None:
    """The last line of the function, or of what it calls in the same file, that the pattern matches; None if none does.

    Comments and docstrings do not count.
    """
    for part in _own(function):
        found = [Line(number, text) for number, text in _lines(part) if re.search(clue, text.split("#")[0])]
        if found:
            return Line(found[-1].number, found[-1].text.strip())
    return None


def line_of(function: Callable, error: BaseException) -> Line | None:
    """The last line of the learner's own source on the way to an exception; None if it is not known."""
    files, found, trace = {_code(part).co_filename for part in _own(function)}, None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            found = trace
        trace = trace.tb_next
    if found is None:
        return None
    code = found.tb_frame.f_code
    texts = dict(_lines_of(code))
    return Line(found.tb_lineno, texts[found.tb_lineno].strip()) if found.tb_lineno in texts else None


def _own(function: Any) -> Iterator[Any]:
    """The function, and those that it reaches in its own module or notebook, each once."""
    waiting: list[Any] = [function]
    seen: set[int] = set()
    home: dict[str, Any] = {}
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        part = inspect.unwrap(part) if callable(part) else part
        if not inspect.isfunction(part):
            waiting += parts_of(part) if callable(part) and not inspect.isclass(part) else []
            continue
        home = home or part.__globals__
        if part.__globals__ is home:
            yield part
            waiting += [inner for inner in parts_of(part) if callable(inner)]


def _code(function: Any) -> CodeType:
    return function.__code__


def _lines(function: Any) -> list[tuple[int, str]]:
    """Numbered, without the docstring."""
    documented = function.__doc__ or ""
    inside = {text.strip().strip('"') for text in documented.splitlines()}
    return [(n, text) for n, text in _lines_of(_code(function)) if text.strip().strip('"') not in inside or not text]


def _lines_of(code: CodeType) -> list[tuple[int, str]]:
    try:
        texts, first = inspect.getsourcelines(code)
    except (OSError, TypeError):  # typed at a prompt, or made by exec
        return []
    return list(enumerate(texts, start=max(first, 1)))
