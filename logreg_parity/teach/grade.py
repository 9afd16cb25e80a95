"""``grade("logistic_loss", my_function)``: whether a learner's function is right, or which usual mistake it makes."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grade:
    """What became of one exercise; true if it is passed."""

    exercise: str
    passed: bool
    words: str = field(repr=False)

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Nothing: the words are printed already."""


def grade(exercise: str, function: Callable) -> Grade:
    """Print, and return, whether a function does what the exercise of that name asks.

    function: written in PyTorch, JAX or NumPy; it is called with arrays of its own framework, in float64, and held
    to the exact values within derived bounds (``teach/allowed.py``). One that is still a stub is not written yet.
    Raises ValueError for an exercise that there is not, and for a function that speaks two frameworks.
    """
    from .examine import NotYet, examine

    try:
        passed, words = True, examine(exercise, function)
    except NotYet as mistake:
        passed, words = False, str(mistake)
    print(f"{exercise}: {words}")
    return Grade(exercise, passed, words)
