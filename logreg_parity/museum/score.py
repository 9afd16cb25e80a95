"""What the judge makes of the exhibits and the correct rewrites, beside common comparisons at their defaults."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..explain.parting import Explanation, explain
from ..explain.trace import record
from ..judge.compare import Comparison, compare
from ..judge.problem import Run
from ..truth.reference import flatten
from ..twins import Setting, Twin, load
from .by_hand import ByHand
from .exhibit import BATCHED, DATASET, MEAN, START, SUM
from .faults import EXHIBITS, Exhibit
from .loops import HeavyBall
from .rewrites import REWRITES

DTYPES = ("float64", "float32")
USUAL = ("start: loss", "start: gradient", "end: parameters")
"""What most people compare."""


def rejects(module: str, name: str, pair: tuple[np.ndarray, np.ndarray]) -> bool | None:
    """Whether a comparison at its defaults rejects a pair.

    Args:
        module: the library's name.
        name: of its function, which answers, or raises AssertionError.
        pair: two arrays, the actual and the wanted one.

    Returns:
        None where the library is not installed.
    """
    try:
        check: Callable = getattr(load(module), name)
    except ImportError:
        return None
    try:
        return check(*pair) is not None and not check(*pair)
    except AssertionError:
        return True


DEFAULTS = (
    ("numpy", "allclose"),
    ("numpy.testing", "assert_allclose"),
    ("torch.testing", "assert_close"),
    ("chex", "assert_trees_all_close"),
)
TOOLS = ("compare", "compare, the usual three", "explain", *(".".join(tool) for tool in DEFAULTS))


class Trial(NamedTuple):
    """A program beside one that is right: what every tool says."""

    program: str
    dtype: str
    comparison: Comparison
    explanation: Explanation
    rejected: dict[str, bool | None]  # by tool; None where it is not installed
    same: bool  # whether no number of the two differs

    def explained(self, exhibit: Exhibit) -> bool:
        """Whether the microscope names the program, the stage and the cause."""
        e = self.explanation
        return (e.culprits, e.stage) == ((self.program,), exhibit.stage) and exhibit.cause in e.cause


def trial(
    program: Twin,
    setting: Setting,
    dtype: str = "float64",
    *,
    right: Twin | None = None,
    name: str | None = None,
    dataset: Dataset = DATASET,
    start: Parameters = START,
) -> Trial:
    """Run a program beside one that is right, and let every tool look at both.

    Args:
        program: a twin.
        setting: the run.
        dtype: the format.
        right: the program that is right; None takes ``ByHand``, or with momentum ``HeavyBall``.
        name: of the program; None takes that of its class.
        dataset: N rows of D features.
        start: from where, weight (D,) and bias ().
    """
    name = name or type(program).__name__
    twins: dict[str, Twin] = {"right": right or (HeavyBall() if setting.momentum else ByHand()), name: program}
    comparison = compare(twins, dataset, start, setting, dtypes=[dtype])
    outside = {row.quantity for row in comparison.rows if row.verdict == "OUTSIDE"}
    one, other = (record(key, twin, dataset, start, setting, dtype=dtype) for key, twin in twins.items())
    explanation = explain(one, other, ("right", name))
    wanted, actual = (_usual(run) for run in comparison.runs["cpu", dtype].values())
    pairs = list(zip(actual, wanted, strict=True))
    rejected = {
        "compare": bool(outside),
        "compare, the usual three": not outside.isdisjoint(USUAL),
        "explain": explanation.verdict == "part",
        **{".".join(tool): _any([rejects(*tool, pair) for pair in pairs]) for tool in DEFAULTS},
    }
    same = all(row.error == 0 for row in comparison.rows if len(row.subject) == 2)
    return Trial(name, dtype, comparison, explanation, rejected, same)


def _any(answers: list[bool | None]) -> bool | None:
    return None if None in answers else any(answers)


def _usual(run: Run) -> tuple[np.ndarray, ...]:
    return np.asarray(run.start.objective), flatten(run.start.gradient), run.points[-1]


class Score(NamedTuple):
    """Of one tool in one format."""

    tool: str
    dtype: str
    killed: int | None  # of the faults; None where the tool is not installed
    faults: int  # that there are in this format: float32 numbers are none in float32
    explained: int | None  # of the faults, with the right stage and cause; None where the tool names none
    alarms: int | None  # of the correct rewrites
    rewrites: int


def score(dtypes: tuple[str, ...] = DTYPES) -> Iterator[Score]:
    """Every tool, over all exhibits and all correct rewrites, the latter in three settings.

    Args:
        dtypes: formats; a fault that is none in a format is not counted there.
    """
    for dtype in dtypes:
        shown = [(trial(e.program, e.setting, dtype), e) for e in EXHIBITS.values()]
        shown = [(made, exhibit) for made, exhibit in shown if not made.same]
        rewritten = [trial(p, setting, dtype) for p in REWRITES.values() for setting in (SUM, MEAN, BATCHED)]
        explained = sum(made.explained(exhibit) for made, exhibit in shown)
        for tool in TOOLS:
            killed = _count([made.rejected[tool] for made, _ in shown])
            alarms = _count([made.rejected[tool] for made in rewritten])
            named = explained if tool == "explain" else None
            yield Score(tool, dtype, killed, len(shown), named, alarms, len(rewritten))


def _count(answers: list[bool | None]) -> int | None:
    return None if None in answers else sum(map(bool, answers))
