"""Compare twins with each other and with the exact value, in units of the error that is allowed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import oracle
from ..truth.optimum import Optimum, find_optimum
from ..truth.ulp import ulp
from .quantities import Problem, Quantity, Run, Setting
from .twin import Twin

EXACT_WORK = 2_000_000
"""How many products of the exact trajectory (steps × rows × features and intercept) are computed unless more are
asked for: a few seconds a format."""

Verdict = Literal["within", "no promise", "OUTSIDE"]


class Row(NamedTuple):
    """One quantity: how far off it is at most, in ulps and as a share of its bound.

    error and bound are those of one place, where the share is largest; the ulps may be largest elsewhere.
    """

    device: str
    dtype: str
    quantity: str
    subject: tuple[str, ...]  # one twin, held to the exact value, or two, held to each other
    ulps: float  # the largest error, in ulps of the quantity's natural size
    share: float  # the largest error / bound
    where: str  # "" for a single number, "[17]" for row or coordinate 17 of the data, "step 4210"
    error: float  # absolute
    bound: float  # absolute; infinite where nothing can be promised
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Comparison:
    """All rows, and what they were made from."""

    dataset: Dataset
    start: Parameters
    setting: Setting
    versions: dict[str, dict[str, str]]  # of each twin
    rows: list[Row]
    runs: dict[tuple[str, str], dict[str, Run]]  # by (device, dtype), then by twin
    exact: dict[str, oracle.ExactTrajectory]  # by dtype

    @cached_property
    def optimum(self) -> Optimum:
        """Where more steps would lead, with its proof."""
        return find_optimum(self.dataset, l2=self.setting.l2, reduction=self.setting.reduction)

    def joined(self, other: "Comparison") -> "Comparison":
        """This one and another of the same twins and the same run, in other formats."""
        rows, runs, exact = self.rows + other.rows, self.runs | other.runs, self.exact | other.exact
        return replace(self, rows=rows, runs=runs, exact=exact)

    @property
    def verdict(self) -> Verdict:
        """The worst of all rows."""
        return max((row.verdict for row in self.rows), key=["within", "no promise", "OUTSIDE"].index)


def compare(
    twins: dict[str, Twin],
    dataset: Dataset,
    start: Parameters,
    setting: Setting,
    *,
    dtypes: Sequence[str] = ("float32", "float64"),
    devices: Sequence[str] | None = None,
    exact_steps: int | None = None,
    notify: Callable[[str], None] = lambda message: None,
) -> Comparison:
    """Train every twin in every dtype on every device, and judge all it computes on the way.

    devices: None takes those that all twins see; ValueError for one that some twin does not. exact_steps: how far
    the exact trajectory is computed; None takes as many steps as EXACT_WORK allows, and beyond the last of them
    the twins are held to each other only. notify is told what happens next.
    """
    shared = set.intersection(*(set(twin.devices()) for twin in twins.values()))
    devices = sorted(shared) if devices is None else list(devices)
    if not shared.issuperset(devices):
        seen = ", ".join(sorted(shared))
        raise ValueError(f"device is {', '.join(devices)}; all twins see {seen}: give one of them")
    if exact_steps is None:
        work_per_step = (setting.batch_size or dataset.n_rows) * (dataset.n_features + 1)
        exact_steps = max(1, EXACT_WORK // work_per_step)
    exact_steps = min(exact_steps, setting.steps)
    rows: list[Row] = []
    runs: dict[tuple[str, str], dict[str, Run]] = {}
    exact = {}
    for dtype in dtypes:
        notify(f"exact run for {dtype} inputs, {exact_steps} steps")
        problem = Problem(dataset, start, setting, dtype, exact_steps=exact_steps)
        exact[dtype] = problem.exact_run
        for device in devices:
            runs[device, dtype] = {}
            for name, twin in twins.items():
                notify(f"{name} on {device} in {dtype}")
                runs[device, dtype][name] = problem.run(name, twin, device)
            rows += _rows(problem, runs[device, dtype], device)
    versions = {name: twin.versions() for name, twin in twins.items()}
    return Comparison(dataset, start, setting, versions, rows, runs, exact)


def _rows(problem: Problem, runs: dict[str, Run], device: str) -> Iterator[Row]:
    """Each twin against the oracle, then each pair of twins; their bounds add up."""
    measured = {name: {q.name: q for q in problem.quantities(run)} for name, run in runs.items()}
    for quantity in dict.fromkeys(name for of_twin in measured.values() for name in of_twin):
        present = {name: of_twin[quantity] for name, of_twin in measured.items() if quantity in of_twin}
        for name, q in present.items():
            if q.exact is not None:
                known = slice(len(q.exact))
                yield _row(device, problem.dtype, (name,), q, oracle.distance(q.values[known], q.exact), q.bound[known])
        for (name, a), (other, b) in combinations(present.items(), 2):
            difference = np.abs(np.asarray(a.values, np.float64) - np.asarray(b.values, np.float64))
            yield _row(device, problem.dtype, (name, other), a, difference, a.bound + b.bound)


def _row(device: str, dtype: str, subject: tuple[str, ...], quantity: Quantity, error, bound) -> Row:
    error = np.where(np.isnan(error), np.inf, error)
    if error.ndim == 2:
        error = np.linalg.norm(error, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(error > 0, error / bound, 0.0)
    share = np.where(np.isnan(share), 0.0, share)  # ∞ / ∞: a run that is lost where nothing was promised
    worst = int(np.argmax(share) if share.any() else np.argmax(error))
    where = "" if len(error) == 1 else f"[{worst}]"
    if quantity.first_step is not None:
        where = f"step {worst + quantity.first_step}"
    verdict: Verdict = "within" if np.isfinite(bound).all() else "no promise"
    if (error > bound).any():
        verdict = "OUTSIDE"
    return Row(
        device=device,
        dtype=dtype,
        quantity=quantity.name,
        subject=subject,
        ulps=float((error / ulp(quantity.size[: len(error)], dtype)).max()),
        share=float(share[worst]),
        where=where,
        error=float(error[worst]),
        bound=float(bound[worst]),
        verdict=verdict,
    )
