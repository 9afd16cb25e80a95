"""Compare twins with each other and with the exact value, in units of the error that is allowed.

Two axes: how far the twins are from each other, and how far from the exact value. Agreement is not accuracy.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..show import Verdict, duration, worst
from ..truth import oracle
from ..truth.optimum import Optimum, find_optimum
from ..truth.ulp import format_of, is_held, ulp
from ..twins import Setting, Twin
from .problem import OWN_LOSS, OWN_STEP, STEPS_TOGETHER, TOGETHER, Problem, Quantity, Run

EXACT_WORK = 2_000_000
"""How many products of the exact trajectory (steps × rows × features and intercept) are computed unless more are
asked for: a few seconds a format."""


SUMS = ("start: loss", "start: gradient")
"""What is summed over all rows: even their likely bound grows with N, and may hide any fault."""

FORMAT = "format"
"""The quantity of a row that says that a twin gives a number which the format does not hold."""


SAMPLE_WORK = 10**5
"""Products of the step by which the time of an exact run is foretold: a twentieth of the least that is."""

LONG = 20.0
"""Seconds: what takes longer is said before it starts."""


OPTIMUM_WORK = 2 * 10**7
"""Up to so many N (D + 1)² the optimum is proved in exact arithmetic, which does about a million a second."""


class ComparisonRow(NamedTuple):
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
    likely: float | None = None  # of the same place: the bound that is left with a chance of CHANCE only
    unseen: float | None = None  # the likely bound as a share of the quantity: no fault below it is seen


@dataclass(frozen=True, eq=False)
class Comparison:
    """All rows, and what they were made from."""

    dataset: Dataset
    start: Parameters
    setting: Setting
    versions: dict[str, dict[str, str]]  # of each twin
    rows: list[ComparisonRow]
    runs: dict[tuple[str, str], dict[str, Run]]  # by (device, dtype), then by twin
    exact: dict[str, oracle.ExactTrajectory]  # by dtype

    @cached_property
    def optimum(self) -> Optimum:
        """Where more steps would lead, with its proof; undecided where exact arithmetic would take minutes."""
        if self.too_large_for_an_optimum:
            return Optimum("undecided")
        return find_optimum(self.dataset, l2=self.setting.l2, reduction=self.setting.reduction)

    @property
    def too_large_for_an_optimum(self) -> bool:
        """Whether the optimum is not looked for."""
        k = self.dataset.n_features + 1
        return max(self.dataset.n_rows, k) * k**2 > OPTIMUM_WORK

    def joined(self, other: "Comparison") -> "Comparison":
        """This one and another of the same twins and the same run, in other formats."""
        rows, runs, exact = self.rows + other.rows, self.runs | other.runs, self.exact | other.exact
        return replace(self, rows=rows, runs=runs, exact=exact)

    @property
    def verdict(self) -> Verdict:
        """The worst of all rows."""
        return worst([row.verdict for row in self.rows])


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

    Args:
        twins: by name.
        dataset: N rows of D features; each format gets them rounded once.
        start: from where, weight (D,) and bias ().
        setting: the run.
        dtypes: formats.
        devices: None takes those that all twins see.
        exact_steps: how far the exact run is computed, and beyond the last of them the twins are held to each other
            only; None takes as many as EXACT_WORK allows.
        notify: is told what happens next.

    Raises:
        ValueError: for a device that some twin does not see, an argument that some twin does not take, numbers that are
            too large for a format, and results of a wrong shape.
        OracleError: where the exact run cannot be computed.
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
    long = _how_long(dataset, start, setting, exact_steps)
    rows: list[ComparisonRow] = []
    runs: dict[tuple[str, str], dict[str, Run]] = {}
    exact = {}
    for dtype in dtypes:
        notify(f"exact run for {dtype} inputs, {exact_steps} steps{long}")
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


def _how_long(dataset: Dataset, start: Parameters, setting: Setting, steps: int) -> str:
    """How long the exact run takes here, where that is long, measured by one step on some rows; and what to do."""
    n, batch = dataset.n_rows, setting.batch_size
    wanted = 2 * n + (n * (steps + 1) if batch is None else 2 * batch * steps)  # the start and the end; then every step
    if wanted * (dataset.n_features + 1) <= 2 * EXACT_WORK:
        return ""
    rows = min(n, max(1, SAMPLE_WORK // (dataset.n_features + 1)))
    sample, taken = dataset.take(slice(rows)), []
    for _ in range(2):  # the first has more to do
        begun = perf_counter()
        oracle.trajectory(sample, start, replace(setting, steps=1, batch_size=None))
        taken.append(perf_counter() - begun)
    seconds = min(taken) / (2 * rows) * wanted  # of which it looks at two points
    if seconds < LONG:
        return ""
    shorter = "fewer steps (--exact-steps) or rows" if steps > 1 else "fewer rows or features"
    return f": some {duration(seconds)} here; {shorter} take less"


def _rows(problem: Problem, runs: dict[str, Run], device: str) -> Iterator[ComparisonRow]:
    """What is said of the runs of one format on one device."""
    quantities = {name: list(problem.quantities(run)) for name, run in runs.items()}
    return judged(problem.dtype, quantities, device)


def judged(dtype: str, quantities: dict[str, list[Quantity]], device: str) -> Iterator[ComparisonRow]:
    """Each twin against its format and the exact values, then each pair of twins; their bounds add up.

    Args:
        dtype: the format.
        quantities: of each twin, by its name.
        device: where they computed.
    """
    measured = {name: {q.name: q for q in of_twin} for name, of_twin in quantities.items()}
    for name, of_twin in measured.items():
        yield from _strangers(device, dtype, name, of_twin.values())
    for quantity in dict.fromkeys(name for of_twin in measured.values() for name in of_twin):
        present = {name: of_twin[quantity] for name, of_twin in measured.items() if quantity in of_twin}
        for name, q in present.items():
            if q.exact is not None:
                known = slice(len(q.exact))
                yield _row(device, dtype, (name,), q, oracle.distance(q.values[known], q.exact), q.bound[known])
        for (name, a), (other, b) in combinations(present.items(), 2):
            difference = np.abs(np.asarray(a.values, np.float64) - np.asarray(b.values, np.float64))
            yield _row(device, dtype, (name, other), a, difference, a.bound + b.bound)


def _strangers(device: str, dtype: str, name: str, quantities: Iterable[Quantity]) -> Iterator[ComparisonRow]:
    """A row, if any, for the first number that the format does not hold: the twin computes in another one."""
    for quantity in quantities:
        if quantity.name in (OWN_STEP, OWN_LOSS, STEPS_TOGETHER, TOGETHER):  # which are distances
            continue
        values = np.asarray(quantity.values, np.float64)
        held = is_held(values, dtype)
        if not held.all():
            place = int(np.argmin(held.reshape(len(values), -1).all(axis=1)))
            where = f"{quantity.name} {_where(quantity, place)}".rstrip()
            yield ComparisonRow(device, dtype, FORMAT, (name,), np.nan, np.inf, where, np.nan, 0.0, "OUTSIDE")
            return


def _where(quantity: Quantity, place: int) -> str:
    if quantity.first_step is not None:
        return f"step {place + quantity.first_step}"
    return "" if len(quantity.values) == 1 else f"[{place}]"


def _row(
    device: str, dtype: str, subject: tuple[str, ...], quantity: Quantity, error: np.ndarray, bound: np.ndarray
) -> ComparisonRow:
    error, bound = (np.where(np.isnan(numbers), np.inf, numbers) for numbers in (error, bound))
    if error.ndim == 2:
        error = np.linalg.norm(error, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(error > 0, error / bound, 0.0)
    share = np.where(np.isnan(share), np.inf, share)  # ∞ / ∞: a run that is lost where nothing was promised
    worst = int(np.argmax(share) if share.any() else np.argmax(error))
    places, sizes = slice(len(error)), np.asarray(quantity.size[: len(error)], np.float64)
    likely, unseen = None, None
    if quantity.likely is not None:
        seldom = (1 if len(subject) == 1 else 2) * quantity.likely[places]
        likely = float(seldom[worst])
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = seldom / sizes
        unseen = float(np.max(shares[sizes > 0], initial=0.0)) if quantity.name in SUMS else None
    verdict: Verdict = "within" if np.isfinite(bound).all() else "no promise"
    if unseen is not None and unseen > len(subject) * half_of_the_digits(dtype):
        verdict = "no promise"
    if likely is not None and (error > seldom).any():
        verdict = "no promise"
    if (error > bound).any():
        verdict = "OUTSIDE"
    return ComparisonRow(
        device=device,
        dtype=dtype,
        quantity=quantity.name,
        subject=subject,
        ulps=float(np.max(np.nan_to_num(error / ulp(quantity.size[: len(error)], dtype), nan=np.inf, posinf=np.inf))),
        share=float(share[worst]),
        where=_where(quantity, worst),
        error=float(error[worst]),
        bound=float(bound[worst]),
        verdict=verdict,
        likely=likely,
        unseen=unseen,
    )


def half_of_the_digits(dtype: str) -> float:
    """√u: a bound of a larger share of a quantity leaves less than half of the format's digits to be judged."""
    return float(np.sqrt(format_of(dtype).unit_roundoff))


class Placement(NamedTuple):
    """Where one quantity stands on both axes, in ulps of its natural size, and what that means."""

    device: str
    dtype: str
    quantity: str
    apart: float  # the largest distance between two twins
    off: float  # the largest distance of a twin from the exact value
    words: str


def placements(comparison: Comparison) -> list[Placement]:
    """Every quantity for which both axes are known, in the order of the rows."""
    grouped: dict[tuple[str, str, str], list[ComparisonRow]] = {}
    for row in comparison.rows:
        grouped.setdefault((row.device, row.dtype, row.quantity), []).append(row)
    found = []
    for place, rows in grouped.items():
        alone, pairs = ([row for row in rows if len(row.subject) == n] for n in (1, 2))
        if alone and pairs:
            apart, off = max(row.ulps for row in pairs), max(row.ulps for row in alone)
            found.append(Placement(*place, apart, off, _words(alone, pairs, apart, off)))
    return found


def _words(alone: list[ComparisonRow], pairs: list[ComparisonRow], apart: float, off: float) -> str:
    """The twins agree where they are within one ulp, the least there is, or nearer to each other than to the truth."""
    wrong = [row.subject[0] for row in alone if row.verdict == "OUTSIDE"]
    if wrong and len(wrong) < len(alone):
        return f"differ, and {' and '.join(wrong)} is wrong"
    if wrong:
        alike = all(row.verdict != "OUTSIDE" for row in pairs)
        return "agree, and are wrong alike" if alike else "differ, and none is right"
    if any(row.verdict == "no promise" for row in (*alone, *pairs)):
        return "nothing promised"
    if apart <= max(1.0, off / 2):
        return "agree, and are right" if off <= 1 else "agree, and are off alike by rounding"
    return "differ, and are right but for rounding"
