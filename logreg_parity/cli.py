"""The command line: ``logreg-parity``.

Nothing heavy is imported before a command runs: the twins bring their frameworks only when they are loaded.
"""

import argparse
import sys
from pathlib import Path

from . import __version__

DATA = ("published", "lesson", "bernoulli", "soft")
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
  logreg-parity --data patients.csv --label outcome --standardize --out outcome/
  logreg-parity --twins logreg_torch my.module --dtype float64"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    options = parser().parse_args(argv)
    from .truth.oracle import OracleError

    try:
        return _compare(options)
    except (ValueError, OSError, OracleError) as error:
        print(f"logreg-parity: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("logreg-parity: interrupted; nothing was written", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("logreg-parity", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter)
    top.add_argument("--version", action="version", version=f"logreg-parity {__version__}")
    top.add_argument("command", nargs="?", choices=["compare"], default="compare", help="compare (the default)")
    data = top.add_argument_group("data")
    data.add_argument(
        "--data",
        metavar="NAME|FILE",
        default="published",
        help="published (the default), lesson, bernoulli, soft, or a .csv or .npz file",
    )
    data.add_argument("--label", metavar="COLUMN", help="the label's column in the file, with two values")
    data.add_argument("--weight", metavar="COLUMN", help="a column of row weights in the file")
    data.add_argument("--standardize", action="store_true", help="give every feature mean 0 and deviation 1")
    data.add_argument("--seed", type=int, default=0, metavar="K", help="of made data, start and mini-batches (0)")
    run = top.add_argument_group("training")
    run.add_argument("--steps", type=_positive(int), default=5000, metavar="T", help="gradient steps (5000)")
    run.add_argument(
        "--step-size",
        type=_positive(float),
        metavar="H",
        help="default: the lesson's for its data (1e-4 a row), else 1 / the largest curvature there can be",
    )
    run.add_argument(
        "--reduction", choices=("sum", "mean"), help="of the losses; default: sum, as in the lesson; mean for a file"
    )
    run.add_argument("--l2", type=_not_negative, default=0.0, metavar="L", help="penalty L/2 |w|^2 (0)")
    run.add_argument("--batch-size", type=_positive(int), metavar="B", help="mini-batches of B rows (all rows)")
    run.add_argument("--record", choices=("before", "after"), default="after", help="loss of the update (after)")
    judge = top.add_argument_group("judgement")
    judge.add_argument(
        "--twins",
        nargs="+",
        metavar="MODULE",
        default=["logreg_torch", "logreg_jax"],
        help="modules to judge (logreg_torch logreg_jax); logreg_parity.truth.reference is one more",
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
        type=_positive(int),
        metavar="K",
        help="steps of the exact run (as many as take some 15 seconds)",
    )
    judge.add_argument("--out", type=Path, default=Path("results"), metavar="FOLDER", help="for the report (results/)")
    return top


def _compare(options: argparse.Namespace) -> int:
    from rich.console import Console

    from .judge.compare import compare
    from .judge.report import summary, tables, write_report
    from .judge.twin import load_twin

    console, progress = Console(), Console(stderr=True)
    dataset, start, setting = _problem(options)
    twins = {name: load_twin(name) for name in dict.fromkeys(options.twins)}
    comparison = compare(
        twins,
        dataset,
        start,
        setting,
        dtypes=list(dict.fromkeys(options.dtype)),
        devices=_devices(options.device, twins),
        exact_steps=options.exact_steps,
        notify=lambda message: progress.print(f"· {message}", style="dim", highlight=False),
    )
    console.print(f"data: {dataset.source}", highlight=False)
    console.print(tables(comparison))
    console.print(f"\n{summary(comparison)}\n", highlight=False)
    written = write_report(comparison, options.out)
    console.print(f"Written: {', '.join(str(path) for path in written)}", highlight=False, soft_wrap=True)
    return EXIT_STATUS[comparison.verdict]


def _problem(options: argparse.Namespace):
    """The data set, the start and the setting that the options ask for."""
    import numpy as np

    from .data.dataset import Parameters
    from .data.generator import initial_parameters, lesson, published_2021
    from .data.tables import load_table
    from .judge.quantities import Setting
    from .truth.bounds import largest_curvature

    made = options.data in DATA
    if made and (options.label or options.weight):
        raise ValueError(f"--label and --weight are for files; --data is {options.data}: leave them out")
    if made:
        start = initial_parameters(seed=options.seed)
        if options.data == "published":
            dataset, start = published_2021()
        else:
            dataset = lesson(labels="rounded" if options.data == "lesson" else options.data, seed=options.seed)
    else:
        if not Path(options.data).suffix:
            raise ValueError(f"--data is {options.data!r}; give {', '.join(DATA)}, or a .csv or .npz file")
        if options.label is None:
            raise ValueError(f"--data is the file {options.data}; say which column is the label with --label COLUMN")
        dataset = load_table(options.data, options.label, weight=options.weight)
        start = Parameters(np.zeros(dataset.n_features), 0.0)
    if options.standardize:
        dataset = dataset.standardized()
    reduction = options.reduction or ("sum" if made else "mean")
    step_size = options.step_size
    if step_size is None and made and not options.standardize:
        step_size = 1e-4 if reduction == "sum" else 1e-4 * dataset.n_rows
    if step_size is None:
        step_size = float(f"{1 / largest_curvature(dataset, l2=options.l2, reduction=reduction):.3g}")
    setting = Setting(options.steps, step_size, options.l2, reduction, options.record, options.batch_size, options.seed)
    return dataset, start, setting


def _devices(names: list[str] | None, twins: dict) -> list[str] | None:
    """The devices by name; "auto" is cuda where all twins see it."""
    if names is None:
        return None
    cuda = all("cuda" in twin.devices() for twin in twins.values())
    return list(dict.fromkeys("cuda" if name == "auto" and cuda else name.replace("auto", "cpu") for name in names))


def _positive(kind):
    def number(text: str):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} came; give a number above 0")
        return value

    number.__name__ = "number"
    return number


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} came; give 0 or a number above it")
    return value
