"""All pairs of ports: ``python -m parity_tests.ports.table [NAME ...]`` holds each to its module, right and wrong.

A right port has to be within, and one formula with the module, proved; a wrong one has to be OUTSIDE, parted at the
operation that the pair names, with a cause, and the one that the pair names. A line is printed when a pair is done.
"""

import sys
import time
from typing import NamedTuple

import torch

from logreg_parity import check
from parity_tests.ports.further import FURTHER
from parity_tests.ports.reported import REPORTED


class Pair(NamedTuple):
    """A module and its two ports, whatever they were written for."""

    module: tuple
    right: tuple
    wrong: tuple
    batch: dict
    operation: str
    cause: str
    params: dict | None = None


class Found(NamedTuple):
    """What came of a pair."""

    same: bool  # the right port is within, and one formula with the module
    outside: bool  # the wrong one is found
    localised: bool
    cause: bool


def tried(pair: Pair) -> tuple[Found, str]:
    """What came of both ports, and the words on the wrong one."""
    right, report = (
        check(pair.module, port, pair.batch, pair.params, samples=4, steps=1) for port in (pair.right, pair.wrong)
    )
    named = bool(report.cause) and not report.cause.startswith("The cause is not one")
    found = Found(
        (right.verdict, right.formula) == ("within", "the same"),
        report.verdict == "OUTSIDE",
        bool(report.parting) and pair.operation in " ".join(report.parting),
        named and pair.cause in report.cause,
    )
    return found, "\n  ".join([*report.parting, report.cause])


def pairs() -> dict[str, Pair]:
    """Every pair by name; those with libraries where flax and its like are installed."""
    found = {}
    for name, pair in (REPORTED | FURTHER).items():
        ports = ((pair.port(fault), None) for fault in (False, True))
        found[name] = Pair((pair.model, pair.loss), *ports, pair.batch, pair.operation, pair.cause)
    try:
        from parity_tests.ports.given import GIVEN
    except ImportError as error:
        print(f"left out, the pairs with libraries: {error}")
        return found
    for name, make in GIVEN.items():
        p = make()
        ports = ((port, p.jax_params) for port in (p.right, p.wrong))
        found[name] = Pair((p.torch_model, p.torch_loss), *ports, p.batch, p.operation, p.cause, p.params)
    return found


def main(names: list[str]) -> None:
    """Print a line for each pair, what was said where something is amiss, and the sums."""
    torch.set_num_threads(1)
    every, done = pairs(), []
    for name in names or every:
        begun = time.process_time()
        found, words = tried(every[name])
        done.append(found)
        said = "".join(f"{word if yes else 'NOT ' + word:16}" for word, yes in found._asdict().items())
        print(f"{name:34}{said}{time.process_time() - begun:6.1f} s of processor time")
        if not all(found):
            print(f"  {words}")
        sums = ", ".join(f"{sum(getattr(f, word) for f in done)} {word}" for word in Found._fields)
        print(f"{len(done)} of {len(names or every)}: {sums}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
