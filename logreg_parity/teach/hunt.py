"""The bug hunt: exhibits of the museum with their names covered, and the evidence against them."""

import numpy as np
from rich.console import Group

from .. import show
from ..explain.report import table
from ..judge.problem import Run
from ..museum.by_hand import ByHand
from ..museum.faults import EXHIBITS
from ..museum.score import Trial, trial
from ..truth.reference import flatten

HUNTED = 35  # the first of them: later ones would change the suspects, and the solution, of lesson 11


def suspects(seed: int) -> dict[str, ByHand]:
    """Three faulty programs, called A, B and C; the class of each still bears its name."""
    chosen = np.random.RandomState(seed).permutation(HUNTED)[:3]
    return {letter: list(EXHIBITS.values())[k].program for letter, k in zip("ABC", chosen, strict=True)}


def evidence(letter: str, program: ByHand) -> Group:
    """What a port test sees of it, and what the microscope sees, in two tables that do not name it."""
    setting = EXHIBITS[type(program).__name__].setting
    covered = type(letter, (type(program),), {})  # the same program under another name
    made = trial(covered(), setting)
    words = f"{letter}: the {setting.reduction} of {made.comparison.dataset.n_rows} losses, l2 = {setting.l2:g}"
    return Group(words, _port_test(letter, made), table(made.explanation))


def _port_test(letter: str, made: Trial) -> show.Grid:
    """The usual numbers of the correct program, those of the other, and their quotient."""
    top = show.Grid("", "", "correct", letter, "quotient")
    right, wrong = (_numbers(run) for run in made.comparison.runs["cpu", made.dtype].values())
    for name, value in right.items():
        top.add_row(name, f"{value:.9g}", f"{wrong[name]:.9g}", f"{wrong[name] / value:.6g}")
    return top


def _numbers(run: Run) -> dict[str, float]:
    slopes = flatten(run.start.gradient)
    parts = [f"w{j + 1}" for j in range(len(slopes) - 1)] + ["b"]
    return {
        "loss at the start": float(run.start.objective),
        **{f"slope by {part}": float(slope) for part, slope in zip(parts, slopes, strict=True)},
        **{f"{part} after step 1": float(value) for part, value in zip(parts, run.points[1], strict=True)},
        "first recorded loss": float(run.losses[0]),
        "last recorded loss": float(run.losses[-1]),
    }
