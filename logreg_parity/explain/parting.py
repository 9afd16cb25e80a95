"""Why two runs part: the first step and stage at which they differ by more than rounding, whose fault it is, and why.

``explain(a, b)`` walks both traces together. A step is judged from where each run stands (``microscope.py``), so an
error that an earlier step made is never charged to a later one. Where every step of both is within its bound, the
runs are as close as their trajectory bounds say; where those are infinite, nothing can be promised.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..truth.momentum import trajectory
from ..truth.ulp import format_of, ulp
from .causes import UNKNOWN, find_cause
from .microscope import Difference, Look, TracedRun, differences, surely_within
from .trace import Trace, check_comparable

Verdict = Literal["agree", "part", "no promise"]


class PartingRow(NamedTuple):
    """A stage at the step where the runs part."""

    difference: Difference
    created_by: tuple[str, ...]  # the runs that are off here from their own inputs


@dataclass(frozen=True, eq=False)
class Explanation:
    """What became of two runs of one problem."""

    names: tuple[str, str]
    steps: int  # that both took
    verdict: Verdict
    step: int | None  # at which they part
    stage: str | None
    culprits: tuple[str, ...]  # the runs that are off in that stage from their own inputs
    cause: str
    rows: tuple[PartingRow, ...]
    ulps: float  # the largest distance between two points, in ulps of their size in the coarser format
    alike: bool = False  # whether the runs agree where they part from what is right


def explain(a: Trace, b: Trace, names: tuple[str, str] = ("A", "B")) -> Explanation:
    """Compare two runs, step by step and stage by stage.

    Args:
        a: a run.
        b: another of the same problem, of any twin, in any format, from any machine.
        names: what to call them.

    Raises:
        ValueError: where they are not of one problem, or neither trace holds its data set.
    """
    check_comparable(a, b)
    for name, trace in zip(names, (a, b), strict=True):
        if trace.steps < trace.setting.steps and trace.stop_reason is None:
            taken = f"{name} holds {trace.steps} steps of the {trace.setting.steps} that were asked for"
            raise ValueError(f"{taken}, and no reason why it stopped; record it again")
    dataset = a.dataset or b.dataset
    if dataset is None:
        raise ValueError("neither trace holds its data set, which was too large; record both on fewer rows or features")
    with np.errstate(over="ignore", invalid="ignore"):  # a run that is lost is a finding, not a failure
        sides = {name: TracedRun(trace, dataset) for name, trace in zip(names, (a, b), strict=True)}
        looks = _first_parting(*sides.values())
        if looks is not None:
            return _parting(names, looks, _apart(a, b))
        coarse = min(sides.values(), key=lambda side: format_of(side.dtype).precision)
        promised = a.steps == b.steps and _promised(coarse)
    verdict: Verdict = "agree" if promised else "no promise"
    return Explanation(names, min(a.steps, b.steps), verdict, None, None, (), _words(promised), (), _apart(a, b))


def _first_parting(one: TracedRun, other: TracedRun) -> tuple[Look, Look] | None:
    """Both runs at the first step at which they differ by more than is allowed, or one is off by itself."""
    coarse, fine = sorted((one, other), key=lambda side: format_of(side.dtype).precision)
    detail = set(np.intersect1d(one.trace.detail, other.trace.detail).tolist())
    for step in range(1, min(one.trace.steps, other.trace.steps) + 1):
        look = Look(coarse, step)
        astray = one.astray[step - 1] or other.astray[step - 1]
        if step > 1 and step not in detail and not astray and surely_within(look, fine):
            continue
        looks = (look, Look(fine, step)) if coarse is one else (Look(fine, step), look)
        if any(difference.outside for difference in differences(*looks)):
            return looks
    return None


def _parting(names: tuple[str, str], looks: tuple[Look, Look], ulps: float) -> Explanation:
    rows = []
    for difference in differences(*looks):
        created = (name for name, look in zip(names, looks, strict=True) if look.creates(difference.stage))
        rows.append(PartingRow(difference, tuple(created)))
    first = next(row for row in rows if row.difference.outside)
    stage, by_name = first.difference.stage, dict(zip(names, looks, strict=True))
    causes = [find_cause(by_name[name], stage) for name in first.created_by] or [UNKNOWN]
    cause = " ".join(dict.fromkeys(causes)) + _advice(looks, stage)
    step = looks[0].step
    alike = first.difference.alike
    return Explanation(names, step, "part", step, stage, first.created_by, cause, tuple(rows), ulps, alike)


def _advice(looks: tuple[Look, Look], stage: str) -> str:
    if stage in ("start", "update", "recorded loss") or all("logits" in look.values for look in looks):
        return ""
    return f" The numbers of every row were not stored here: record both with --detail {looks[0].step} to look inside."


def _promised(side: TracedRun) -> bool:
    """Whether the distance to the exact run is bounded to the end; then so is the other run's, at a known distance."""
    points, trace = side.trace.points, side.trace
    if not np.isfinite(points).all():
        return False
    walked = points[:, :-1], points[:, -1]
    limits = trajectory(
        side.dataset, *walked, side.setting, dtype=side.dtype, batches=side.batches, engine=trace.engine
    )
    return bool(np.isfinite(limits.parameters).all() and trace.stop_reason is None)


def _words(promised: bool) -> str:
    if promised:
        return "Plain rounding: no step of either run leaves its bound, so every difference is one rounding explains."
    return (
        "No step of either run leaves its bound, but rounding errors may grow without limit on the way: the step size "
        "is past the edge of stability, or the format is too coarse. A difference would prove nothing."
    )


def _apart(a: Trace, b: Trace) -> float:
    """The largest distance between the points of both, in ulps of their size in the coarser format."""
    coarse = min(a.ran.dtype, b.ran.dtype, key=lambda dtype: format_of(dtype).precision)
    n = min(a.steps, b.steps) + 1
    size = np.linalg.norm(a.points[:n], axis=1)
    distance = np.linalg.norm(a.points[:n] - b.points[:n], axis=1)
    known = np.isfinite(size) & np.isfinite(distance)
    return float((distance[known] / ulp(size[known], coarse)).max())
