"""The sweep: every finite float32 number through the functions, and a search for the worst float64 numbers.

The reference of the float32 sweep is computed in float64 from the same number, which float64 holds exactly. With e =
exp(-|z|), every function is a few operations of numbers of one sign: given exp and log1p within one ulp (2u, u =
2^-53), e/(1 + e)² is within 10u of exact, and all others within less. A float32 ulp is more than 2^-24 of its number,
so the reference is off by less than 16 · 2^-53 · 2^24 = 2^-25 ulp. ``test_sweep.py`` holds it to MPFR, to 16u.
The reference of the float64 search is MPFR.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..data.files import write_whole
from ..truth import oracle
from ..truth.ulp import format_of, ulp
from .maxima import FORMAT, Maximum, load
from .passport import load_backend
from .probes import Bench, exact_functions

FUNCTIONS = (
    "sigmoid",
    "sigmoid_apart",
    "framework_softplus",
    "framework_log_sigmoid",
    "loss",
    "loss_slope",
    "loss_curvature",
)
INFINITY = 0x7F800000  # the bits of the first positive float32 that is not finite
BLOCK = 2**18  # magnitudes at a time, with both signs
BENDS = (2.0**-24, 104.0)  # sampling is dense between them: below, the functions are linear; above, they vanish
BRANCHES = (np.log(2) / 2, np.log(2), 1.0, 16.6, 20.0, 33.3, 36.7, 37.4, 708.4, 709.8, 744.4, 745.1)
"""Where exponentials reduce their argument, implementations change their formula, and results leave the format."""
CLIMBS, PARENTS, CHILDREN = 30, 25, 32


Compute = Callable[[str, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SweepPlace:
    """A twin that can be asked, in one mode, and what a row says of it."""

    bench: Bench
    framework: str
    version: str
    device: str

    def __call__(self, function: str, z: np.ndarray) -> np.ndarray:
        """The values (N,) of a function at logits z (N,), in float64; of the loss, with label 0."""
        return self.bench(function, z, np.zeros_like(z)) if function.startswith("loss") else self.bench(function, z)


class Worst:
    """The worst of one function in one place so far."""

    def __init__(self) -> None:
        self.inputs, self.largest, self.at = 0, 0.0, 0.0
        self.subnormal, self.flushed, self.below = 0, 0, 0.0

    def add(self, z: np.ndarray, got: np.ndarray, exact: "Exact") -> np.ndarray:
        """Look at more inputs.

        Args:
            z: logits (N,).
            got: the values that came (N,).
            exact: those that are right.

        Returns:
            The errors (N,) in ulps, 0 where the exact value is below the normal numbers.
        """
        distance = exact.distance(got)
        error = distance / exact.ulp
        error[exact.small] = 0
        worst = int(np.argmax(error))
        self.inputs += len(z)
        if error[worst] > self.largest:
            self.largest, self.at = float(error[worst]), float(z[worst])
        if len(exact.small):
            self.below = max(self.below, float(distance[exact.small].max() / exact.tau))
        self.subnormal += len(exact.subnormal)
        self.flushed += int(np.count_nonzero(got[exact.subnormal] == 0))
        return error


class Exact:
    """The exact values (N,) of a function, and what an error is measured in."""

    def __init__(self, values: np.ndarray, dtype: str) -> None:
        format = format_of(dtype)
        self.values, self.tau, size = values, format.smallest_normal, np.abs(values).astype(np.float64)
        self.small = np.flatnonzero(size < self.tau)  # where an ulp says nothing
        self.subnormal = self.small[size[self.small] >= ulp(0.0, dtype)]
        self.ulp = ulp(size, dtype)

    def distance(self, got: np.ndarray) -> np.ndarray:
        """|got - exact| (N,), inf where what came is not finite."""
        if self.values.dtype == object:
            return oracle.distance(got, self.values)
        return np.nan_to_num(np.abs(got - self.values), nan=np.inf, posinf=np.inf)


def places(twins: list[str], functions: list[str], dtype: str, device: str = "cpu") -> list[SweepPlace]:
    """Each twin in the last of its MODES, the one it trains in.

    Args:
        twins: names of their modules.
        functions: some of FUNCTIONS.
        dtype: the format that they compute in.
        device: where they compute.

    Raises:
        ValueError: where a twin lacks a function or the probes, or does not see the device.
    """
    found = []
    for name in twins:
        twin, probes = load_backend(name, device)
        unknown = set(functions).difference(FUNCTIONS) or set(functions).difference(probes.OPERATIONS)
        if unknown:
            raise ValueError(
                f"{name} has no function {min(unknown)!r} to be swept; give some of {', '.join(FUNCTIONS)}"
            )
        framework, version = next(iter(twin.versions().items()))
        bench = Bench(twin, probes, dtype, device, probes.MODES[-1])
        found.append(SweepPlace(bench, framework, version, probes.describe(device)))
    return found


def sweep(at: list[SweepPlace], functions: list[str], sample: int | None = None) -> list[Maximum]:
    """The worst of every function in every place over finite float32 numbers.

    Args:
        at: the places.
        functions: some of FUNCTIONS.
        sample: over about so many numbers; None looks at all of them.
    """
    blocks, total = every_float32() if sample is None else sampled_float32(sample)
    worst = {(place, function): Worst() for place in at for function in functions}
    with tqdm(total=total, desc="float32", unit="input", unit_scale=True, disable=None, leave=False) as bar:
        for z in blocks:
            look(worst, z)
            bar.update(len(z))
    kind = "exhaustive" if sample is None else "sampled"
    return [_row(place, function, so_far, kind) for (place, function), so_far in worst.items()]


def look(worst: dict[tuple[SweepPlace, str], Worst], z: np.ndarray) -> None:
    """Add the float32 numbers z (N,) to each."""
    values = near_exact(z)
    exact = {function: Exact(values[function], "float32") for _, function in worst}
    for (place, function), so_far in worst.items():
        so_far.add(z, place(function, z), exact[function])


def every_float32() -> tuple[Iterator[np.ndarray], int]:
    """All finite float32 numbers in blocks, and how many they are."""

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, INFINITY, BLOCK):
            yield _signed(np.arange(start, min(start + BLOCK, INFINITY), dtype=np.uint32))

    return blocks(), 2 * INFINITY


def sampled_float32(count: int) -> tuple[Iterator[np.ndarray], int]:
    """About ``count`` of them, one at random in each of as many equal shares: 7/8 where the functions bend."""
    random = np.random.RandomState(0)
    low, high = np.array(BENDS, np.float32).view(np.uint32).tolist()
    parts = []
    for start, stop, share in ((0, INFINITY, 1 / 8), (low, high, 7 / 8)):
        edges = np.linspace(start, stop, max(2, ceil(count * share / 2) + 1)).astype(np.int64)
        parts.append(edges[:-1] + (random.random_sample(len(edges) - 1) * np.diff(edges)).astype(np.int64))
    bits = np.unique(np.concatenate(parts)).astype(np.uint32)
    return (_signed(bits[k : k + BLOCK]) for k in range(0, len(bits), BLOCK)), 2 * len(bits)


def _signed(bits: np.ndarray) -> np.ndarray:
    magnitudes = bits.view(np.float32)
    return np.concatenate([magnitudes, -magnitudes])


def near_exact(z: np.ndarray) -> dict[str, np.ndarray]:
    """The functions at float32 logits z (N,), in float64, to a relative 16 · 2^-53 (see above); label 0."""
    z = z.astype(np.float64)
    e = np.exp(-np.abs(z))
    bend, high, low = np.log1p(e), 1 / (1 + e), e / (1 + e)
    sigmoid, softplus = np.where(z >= 0, high, low), np.maximum(z, 0) + bend
    return {
        "sigmoid": sigmoid,
        "sigmoid_apart": sigmoid,
        "framework_softplus": softplus,
        "framework_log_sigmoid": np.minimum(z, 0) - bend,
        "loss": softplus,
        "loss_slope": sigmoid,
        "loss_curvature": high * low,
    }


def search(at: list[SweepPlace], functions: list[str]) -> list[Maximum]:
    """The worst of every function in every place that climbing finds in float64, from a fixed sample."""
    start = starting_points()
    exact = exact_functions(start, np.zeros_like(start))
    rows = []
    for place in at:
        for function in tqdm(functions, f"float64, {place.framework}", disable=None, leave=False):
            rows.append(_row(place, function, climb(place, function, start, exact[function]), "searched"))
    return rows


def starting_points(count: int = 20_000) -> np.ndarray:
    """Float64 logits of both signs, their logarithms evenly spread from 2^-60 to 2^10, and thick around BRANCHES."""
    random = np.random.RandomState(0)
    spread = 2.0 ** (-60 + 70 * (np.arange(count // 2) + random.random_sample(count // 2)) / (count // 2))
    near = np.outer(BRANCHES, 1 + np.append(0.0, 2.0 ** -np.arange(4, 53)))
    z = np.concatenate([spread, near.ravel(), (2 * np.array(BRANCHES)[:, None] - near).ravel()])
    return np.concatenate([z, -z])


def climb(place: Compute, function: str, start: np.ndarray, exact: np.ndarray) -> Worst:
    """From the worst points, look beside them at distances of 2^-4 to 2^-52 of their size, again and again.

    Args:
        place: computes a function at logits.
        function: one of FUNCTIONS.
        start: logits (K,) to begin from.
        exact: the function there (K,), in MPFR numbers.
    """
    worst, random = Worst(), np.random.RandomState(1)
    z, error = start, worst.add(start, place(function, start), Exact(exact, "float64"))
    for _ in range(CLIMBS):
        best = np.argsort(error)[-PARENTS:]
        parents, errors = z[best], error[best]
        shape = (len(parents), CHILDREN)
        steps = 2.0 ** -random.uniform(4, 52, shape) * random.choice([-1, 1], shape)
        children = (parents[:, None] * (1 + steps)).ravel()
        values = exact_functions(children, np.zeros_like(children))[function]
        found = worst.add(children, place(function, children), Exact(values, "float64"))
        z, error = np.concatenate([parents, children]), np.concatenate([errors, found])
    return worst


def _row(place: SweepPlace, function: str, worst: Worst, kind: str) -> Maximum:
    largest = ceil(worst.largest * 1e6) / 1e6 if np.isfinite(worst.largest) else worst.largest
    bench, date = place.bench, datetime.now(UTC).date().isoformat()
    where = (place.framework, place.version, bench.mode, place.device, instructions(), bench.dtype)
    found = (worst.inputs, largest, worst.at, worst.subnormal, worst.flushed, worst.below)
    return Maximum(function, *where, kind, *found, date, "logreg-parity passport sweep")


def instructions() -> str:
    """The widest instruction set that NumPy finds in this processor."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return (simd.get("found") or simd["baseline"])[-1]


def save(rows: Iterable[Maximum], path: Path) -> None:
    """Write rows beside those the file has, in the place of those of the same key; whole or not at all."""
    kept = {row.key: row for row in (load(path) if path.exists() else [])} | {row.key: row for row in rows}
    lines = ",\n".join(json.dumps(row._asdict()) for _, row in sorted(kept.items()))
    write_whole(path, f'{{"format": "{FORMAT}", "rows": [\n{lines}\n]}}\n')
