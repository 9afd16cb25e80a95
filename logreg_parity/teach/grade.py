"""``grade("logistic_loss", my_function)``: whether a learner's function is right, or which usual mistake it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..language import Words
    from .source import Line


@dataclass(frozen=True)
class Grade:
    """What became of one exercise; true if it is passed.

    said: the texts, in the language of the moment when they are shown. cause: the first of them where the exercise is
    not passed, in English and with its fields open, the same for everybody who makes the mistake. line: where in the
    learner's source it is, if that is known. framework and share: of an answer that passed, what it speaks, and the
    largest part of its bound that it used.
    """

    exercise: str
    passed: bool
    said: tuple[Words, ...] = field(repr=False)
    cause: str | None = None
    line: Line | None = None
    framework: str | None = None
    share: float | None = None

    def __bool__(self) -> bool:
        return self.passed

    @property
    def words(self) -> str:
        """What is to be said, in the language at hand."""
        from ..language import Words, sentences

        seen = [Words("Line {number}: {text}", **self.line._asdict())] if self.line else []
        return sentences(*self.said, *seen)

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "exercise": self.exercise,
            "passed": self.passed,
            "words": self.words,
            "cause": self.cause,
            "line": self.line._asdict() if self.line else None,
            "framework": self.framework,
            "share": self.share,
        }

    def _ipython_display_(self) -> None:
        """Nothing: the words are printed already."""


def grade(exercise: str, function: Callable, *, lang: str | None = None, quiet: bool = False) -> Grade:
    """Print, and return, whether a function does what the exercise of that name asks.

    Args:
        exercise: its name, one of ``teach.examine.NAMES``.
        function: written in PyTorch, JAX or NumPy; it is called with arrays of its own framework, in float64, and held
            to the exact values within derived bounds (``teach/allowed.py``). A stub is not written yet.
        lang: "en" or "zh"; by default that of LOGREG_LANG, else the locale's.
        quiet: print nothing.

    Raises:
        ValueError: for an exercise or a language that there is not, and for a function that speaks two frameworks.
    """
    from ..language import speaking
    from .examine import NotYet, examine

    with speaking(lang):
        try:
            praise = examine(exercise, function)
        except NotYet as found:
            given = Grade(exercise, False, found.words, found.cause, found.line)
        else:
            given = Grade(exercise, True, praise.words, framework=praise.framework, share=praise.share)
        if not quiet:
            print(f"{exercise}: {given.words}")
    return given
