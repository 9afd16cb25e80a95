"""How time is taken: warmed up, interleaved, with garbage collection off, and only of work that is finished.

A candidate is a function without arguments that returns when its work is done: on a GPU it waits for the device, in
JAX for the result. Nothing here can check that, and a candidate that does not wait looks a thousand times too fast.
"""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from statistics import quantiles
from time import perf_counter, process_time, sleep
from typing import NamedTuple

import numpy as np
import torch

from logreg_parity.solvers.blocks import processors

Candidate = Callable[[], object]


class Timing(NamedTuple):
    """Seconds. ``first`` is the very first call, which compiles where there is a compiler; the rest come after it."""

    first: float
    best: float
    q1: float
    median: float
    q3: float
    repeats: int

    @classmethod
    def of(cls, first: float, seconds: list[float]) -> "Timing":
        """Of the seconds of the calls after the first."""
        q1, median, q3 = spread(seconds)
        return cls(first, min(seconds), q1, median, q3, len(seconds))


def spread(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; all the same for one value."""
    if len(values) == 1:
        return (values[0],) * 3
    q1, median, q3 = quantiles(values, n=4, method="inclusive")
    return q1, median, q3


def shown(timing: dict, unit: float = 1.0) -> str:
    """The median in units of so many seconds, and half the distance of the quartiles beside it."""
    half = (timing["q3"] - timing["q1"]) / (2 * timing["median"])
    return f"{digits(timing['median'] / unit)} ±{100 * half:.0f} %"


def digits(x: float) -> str:
    """Three digits as people write them, without an exponent."""
    return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"


def seconds(candidate: Candidate, calls: int = 1) -> float:
    """One call, on the average of so many, in the context ``candidate.within()`` where it has one: it is not timed."""
    with getattr(candidate, "within", nullcontext)():
        start = perf_counter()
        for _ in range(calls):
            candidate()
        return (perf_counter() - start) / calls


def settle() -> None:
    """Wait, a second at most, until no thread of this process works.

    Those of the candidate before may spin for a tenth of a second (OpenBLAS's do), on a core that the next one needs.
    """
    for _ in range(200):
        start, before = perf_counter(), process_time()
        sleep(0.005)
        if process_time() - before < 0.1 * (perf_counter() - start):
            return


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """So that no collection falls into one candidate's time and not into the other's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _in_turn(candidates: dict[str, Candidate], rounds: int, budget: float) -> Iterator[tuple[str, Candidate]]:
    """Every candidate once in every round; no new round once the budget is spent, but at least two."""
    start = perf_counter()
    for done in range(rounds):
        if done >= 2 and perf_counter() - start > budget:
            return
        for name, candidate in candidates.items():
            settle()
            yield name, candidate


def interleaved(candidates: dict[str, Candidate], *, rounds: int, budget: float, turn: float) -> dict[str, Timing]:
    """Every candidate once in every round, so that a slow minute of the machine falls on all of them.

    budget: seconds for all rounds after the first calls; the rounds stop there, after at least two. turn: seconds that
    a candidate's turn takes at least, by as many calls and one before them that is not timed, so that a short one does
    not pay for caches it lost to others.
    """
    with without_garbage_collection():
        first = {name: seconds(candidate) for name, candidate in candidates.items()}
        calls = {name: 1 + int(turn / seconds(candidate)) for name, candidate in candidates.items()}
        taken: dict[str, list[float]] = {name: [] for name in candidates}
        for name, candidate in _in_turn(candidates, rounds, budget):
            if calls[name] > 1:
                candidate()
            taken[name].append(seconds(candidate, calls[name]))
    return {name: Timing.of(first[name], taken[name]) for name in candidates}


def reading(X: np.ndarray) -> Candidate:
    """The probe: one reading of X, a sum by PyTorch, a share a processor, in threads as the one-pass gradient has."""
    pool = ThreadPoolExecutor(processors(), initializer=torch.set_num_threads, initargs=(1,))
    shares = torch.from_numpy(X).flatten().chunk(processors())
    return lambda: list(pool.map(torch.sum, shares))


class Paired(NamedTuple):
    """A candidate between two probes: its timing, and the quartiles of faster neighbouring probe / candidate."""

    timing: Timing
    fraction: tuple[float, float, float]


def paired(
    probe: Candidate, candidates: dict[str, Candidate], *, rounds: int, budget: float, turn: float
) -> dict[str, Paired]:
    """Every candidate as a fraction of a probe taken directly before and after it; interleaved, a turn warming it up.

    The bandwidth of a shared machine drifts by a factor of two within minutes; neighbours in time share it. turn: as in
    ``interleaved``, for the probe too: its threads cost a short call that comes after it more than the call takes.
    """
    probe()
    with without_garbage_collection():
        first = {name: seconds(candidate) for name, candidate in candidates.items()}
        readings = 1 + int(turn / seconds(probe))
        calls = {name: 1 + int(turn / seconds(candidate)) for name, candidate in candidates.items()}
        taken: dict[str, list[float]] = {name: [] for name in candidates}
        fractions: dict[str, list[float]] = {name: [] for name in candidates}
        for name, candidate in _in_turn(candidates, rounds, budget):
            seconds(candidate, calls[name])
            before, own, after = seconds(probe, readings), seconds(candidate, calls[name]), seconds(probe, readings)
            taken[name].append(own)
            fractions[name].append(min(before, after) / own)
    return {name: Paired(Timing.of(first[name], taken[name]), spread(fractions[name])) for name in candidates}
