"""What the judge makes of the exhibits and the correct rewrites, beside NumPy's comparisons at their defaults."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ...data.dataset import Dataset, Parameters
from ...data.generator import gaussian, initial_parameters
from ...truth.bounds import largest_curvature
from ...truth.reference import flatten
from ..compare import Comparison, compare
from ..explain import Explanation, explain
from ..quantities import Run, Setting
from ..trace import record
from ..twin import Twin
from .by_hand import ByHand
from .faults import EXHIBITS, Exhibit
from .problem import BATCHED, DATASET, MEAN, START, SUM
from .rewrites import REWRITES

DTYPES = ("float64", "float32")
USUAL = ("start: loss", "start: gradient", "end: parameters")
"""What most people compare."""


def _raises(check: Callable[..., None], *arguments) -> bool:
    try:
        check(*arguments)
    except AssertionError:
        return True
    return False


DEFAULTS: dict[str, Callable[[np.ndarray, np.ndarray], bool]] = {
    "numpy.allclose": lambda a, b: not np.allclose(a, b),
    "numpy.testing.assert_allclose": lambda a, b: _raises(np.testing.assert_allclose, a, b),
}
"""Whether a tool at its defaults rejects a pair of arrays."""

TOOLS = ("compare", "compare, the usual three", "explain", *DEFAULTS)


class Trial(NamedTuple):
    """A program beside one that is right: what every tool says."""

    program: str
    dtype: str
    comparison: Comparison
    explanation: Explanation
    rejected: dict[str, bool]  # by tool
    same: bool  # whether no number of the two differs

    def explained(self, exhibit: Exhibit) -> bool:
        """Whether the microscope names the program, the stage and the cause."""
        e = self.explanation
        return (e.culprits, e.stage) == ((self.program,), exhibit.stage) and exhibit.cause in e.cause


def trial(
    program: ByHand,
    setting: Setting,
    dtype: str = "float64",
    *,
    right: ByHand | None = None,
    dataset: Dataset = DATASET,
    start: Parameters = START,
) -> Trial:
    """Run both, and let every tool look at them. The right program is ``ByHand`` unless another is given."""
    name = type(program).__name__
    twins: dict[str, Twin] = {"right": right or ByHand(), name: program}
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
        **{tool: any(rejects(*pair) for pair in pairs) for tool, rejects in DEFAULTS.items()},
    }
    same = all(row.error == 0 for row in comparison.rows if len(row.subject) == 2)
    return Trial(name, dtype, comparison, explanation, rejected, same)


def _usual(run: Run) -> tuple[np.ndarray, ...]:
    return np.asarray(run.start.objective), flatten(run.start.gradient), run.points[-1]


class Score(NamedTuple):
    """Of one tool in one format."""

    tool: str
    dtype: str
    killed: int  # of the faults
    faults: int  # that there are in this format: float32 numbers are none in float32
    explained: int | None  # of the faults, with the right stage and cause; None where the tool names none
    alarms: int  # of the correct rewrites
    rewrites: int


def score(dtypes: tuple[str, ...] = DTYPES) -> Iterator[Score]:
    """Every tool, over all exhibits and all correct rewrites, the latter in three settings."""
    for dtype in dtypes:
        shown = [(trial(e.program, e.setting, dtype), e) for e in EXHIBITS.values()]
        shown = [(made, exhibit) for made, exhibit in shown if not made.same]
        rewritten = [trial(p, setting, dtype) for p in REWRITES.values() for setting in (SUM, MEAN, BATCHED)]
        explained = sum(made.explained(exhibit) for made, exhibit in shown)
        for tool in TOOLS:
            killed = sum(made.rejected[tool] for made, _ in shown)
            alarms = sum(made.rejected[tool] for made in rewritten)
            named = explained if tool == "explain" else None
            yield Score(tool, dtype, killed, len(shown), named, alarms, len(rewritten))


def random_pair(seed: int) -> Trial:
    """Two correct programs on a random problem: shape, scale, correlation, setting and format from the seed."""
    random = np.random.RandomState(seed)

    def draw(*choices):
        return choices[random.randint(len(choices))]

    programs = [ByHand(), *REWRITES.values()]
    one, other = (programs[k] for k in random.permutation(len(programs))[:2])
    n, d, correlation, scale = random.randint(2, 61), random.randint(1, 7), random.uniform(-0.9, 0.9), draw(0.1, 1, 10)
    dataset = gaussian(n, d, correlation=correlation, scale=scale, seed=random.randint(2**31))
    start = initial_parameters(d, seed=random.randint(2**31))
    l2, reduction = draw(0.0, 0.25), draw("sum", "mean")
    rate = 1 / largest_curvature(dataset, l2=l2, reduction=reduction)
    setting = Setting(20, rate, l2, reduction, draw("before", "after"), draw(None, n // 2), seed)
    return trial(other, setting, draw(*DTYPES), right=one, dataset=dataset, start=start)
