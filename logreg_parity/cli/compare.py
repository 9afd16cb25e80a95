"""``logreg-parity compare``, the main job; also what ``logreg-parity`` alone does."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from .._version import __version__
from . import COMMANDS
from .beside import beside
from .problem import add_language, add_problem, positive, problem_of_two_or_more

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..judge.compare import Comparison

STEPS_FOR_TWO = 2000  # from here on a second process saves more time than it takes to import the frameworks once more
EXIT_STATUS = {"within": 0, "OUTSIDE": 1, "no promise": 3}

DESCRIPTION = """\
Train twin logistic regressions on the same data and say, with proof, how far each
number is from the other twin and from the exact value.

Without options: the data set of the lesson published in 2021, in float32 and float64,
on every device that all twins see. Prints a table and writes results/."""

EPILOG = """\
exit status: 0 every number is within its bound; 1 some number is outside;
2 the input or an option is wrong; 3 nothing is outside, but for some number
no bound can be promised.

examples:
  logreg-parity
  logreg-parity --data bernoulli --seed 7 --steps 2000
  logreg-parity --data cars.csv --label gearbox --standardize --out cars/
  logreg-parity --twins logreg_torch my_model --dtype float64"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    commands = "\n".join(f"  {name:12}{what}" for name, what in COMMANDS.items())
    epilog = f"{EPILOG}\n\ncommands (each has its own --help):\n{commands}"
    top = argparse.ArgumentParser("logreg-parity", description=DESCRIPTION, epilog=epilog, formatter_class=formatter)
    top.add_argument("--version", action="version", version=f"logreg-parity {__version__}")
    add_problem(top)
    judge = top.add_argument_group("judgement")
    judge.add_argument(
        "--twins",
        nargs="+",
        metavar="MODULE",
        default=["logreg_torch", "logreg_jax"],
        help="modules to judge (logreg_torch logreg_jax); logreg_parity.truth.reference is one more",
    )
    judge.add_argument(
        "--engine",
        nargs="+",
        metavar="NAME",
        help="loops to train with, each judged apart: eager, fast, exact (the twin's default, eager)",
    )
    judge.add_argument(
        "--dtype",
        nargs="+",
        choices=("float64", "float32", "bfloat16", "float16"),
        default=["float32", "float64"],
        help="one or more (float32 float64)",
    )
    judge.add_argument(
        "--device", nargs="+", metavar="NAME", help="cpu, cuda, or auto; default: all that all twins see"
    )
    judge.add_argument(
        "--exact-steps",
        type=positive(int),
        metavar="K",
        help="steps of the exact run (as many as take a few seconds)",
    )
    add_language(judge)
    judge.add_argument("--out", type=Path, default=Path("results"), metavar="FOLDER", help="for the report (results/)")
    return top


def run(options: argparse.Namespace) -> int:
    """Compare, print, write; the exit status."""
    from ..data.dataset import Dataset
    from ..data.files import check_folder
    from ..judge.report import FILES, summary, tables, write_report
    from ..language import speaking
    from ..show import screen
    from ..solvers.blocks import processors

    check_folder("--out", options.out, FILES)
    console, progress = screen(), screen(stderr=True)
    given, dtypes = problem_of_two_or_more(options), list(dict.fromkeys(options.dtype))
    dataset, _, setting = given
    if not isinstance(dataset, Dataset):
        return _of_classes(options, given, dtypes)

    def say(message: str) -> None:
        progress.print(f"· {message}", style="dim")

    with ExitStack() as stack:
        others = None
        if len(dtypes) > 1 and setting.steps >= STEPS_FOR_TWO and processors() > 1 and not hasattr(sys, "frozen"):
            half = (len(dtypes) + 1) // 2
            dtypes, apart = dtypes[:half], dtypes[half:]
            say(f"a second process for {' and '.join(apart)}")
            others = stack.enter_context(beside(_compared, options, given, apart))
        comparison = _compared(options, given, dtypes, say)
        if others is not None:
            comparison = comparison.joined(others())
    say("the optimum")
    console.print(f"data: {dataset.source}")
    with speaking(options.lang):
        console.print(tables(comparison))
        console.print(f"\n{summary(comparison)}\n")
    written = write_report(comparison, options.out)
    console.print(f"Written: {', '.join(str(path) for path in written)}", soft_wrap=True)
    return EXIT_STATUS[comparison.verdict]


def _of_classes(options: argparse.Namespace, given: tuple, dtypes: Sequence[str]) -> int:
    """The same for K classes: every step of every twin, and comparison.json."""
    from ..data.files import write_folder
    from ..judge.multiclass import as_rows, compare_multiclass, summary, table
    from ..language import speaking
    from ..show import as_json, screen

    if options.engine or options.device:
        raise ValueError("--engine and --device are not for a label of more than two values; leave them out")
    dataset, start, setting = given
    found = compare_multiclass(list(dict.fromkeys(options.twins)), dataset, start, setting, dtypes=dtypes)
    console = screen()
    console.print(f"data: {dataset.source}, {dataset.n_classes} classes\n{setting.steps} steps")
    console.print(table(found))
    with speaking(options.lang):
        console.print(f"{summary(found, dataset, setting)}\n")
    content = {"data": dataset.source, "sha256": dataset.sha256, "verdict": found.verdict, "rows": as_rows(found)}
    written = write_folder(options.out, {"comparison.json": as_json(content)})
    console.print(f"Written: {', '.join(map(str, written))}", soft_wrap=True)
    return EXIT_STATUS[found.verdict]


def _compared(
    options: argparse.Namespace, given: tuple, dtypes: Sequence[str], say: Callable = lambda message: None
) -> "Comparison":
    """The comparison in these formats."""
    from ..judge.compare import compare
    from ..twins import OnEngine, load_twin

    twins = {name: load_twin(name) for name in dict.fromkeys(options.twins)}
    if options.engine:
        twins = {f"{name} {e}": OnEngine(name, twin, e) for name, twin in twins.items() for e in options.engine}
    devices, steps = _devices(options.device, twins), options.exact_steps
    return compare(twins, *given, dtypes=dtypes, devices=devices, exact_steps=steps, notify=say)


def _devices(names: list[str] | None, twins: dict) -> list[str] | None:
    """The devices by name; "auto" is cuda where all twins see it."""
    if names is None:
        return None
    cuda = all("cuda" in twin.devices() for twin in twins.values())
    return list(dict.fromkeys("cuda" if name == "auto" and cuda else name.replace("auto", "cpu") for name in names))
