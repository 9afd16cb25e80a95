"""The options that name a problem: a data set, a start, and the training run on it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..data.dataset import Dataset, Parameters
    from ..twins import Setting

from ..language import LANGUAGES

DATA = ("published", "lesson", "bernoulli", "soft")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a data set to a command."""
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        metavar="NAME|FILE",
        default="published",
        help="published (the default), lesson, bernoulli, soft, or a .csv, .npz or .parquet file",
    )
    data.add_argument(
        "--label", metavar="COLUMN", help="the label's column, of two values; for compare, record and fit up to 20"
    )
    data.add_argument("--weight", metavar="COLUMN", help="a column of row weights in the file")
    data.add_argument("--standardize", action="store_true", help="give every feature mean 0 and deviation 1")
    data.add_argument("--seed", type=seed, default=0, metavar="K", help="of made data, start and mini-batches (0)")


def add_problem(parser: argparse.ArgumentParser) -> None:
    """Add these and the options of training to a command."""
    add_data(parser)
    training = parser.add_argument_group("training")
    training.add_argument("--steps", type=positive(int), default=5000, metavar="T", help="gradient steps (5000)")
    training.add_argument(
        "--step-size",
        type=positive(float),
        metavar="H",
        help="default: the lesson's for made data (1e-4 down the sum), else 1 / the largest curvature there can be",
    )
    training.add_argument("--momentum", type=fraction, default=0.0, metavar="M", help="of torch.optim.SGD (0)")
    training.add_argument("--nesterov", action="store_true", help="Nesterov's form of the momentum")
    training.add_argument(
        "--reduction", choices=("sum", "mean"), help="of the losses; default: sum, as in the lesson; mean for a file"
    )
    training.add_argument("--l2", type=not_negative, default=0.0, metavar="L", help="penalty L/2 |w|^2 (0)")
    training.add_argument("--batch-size", type=positive(int), metavar="B", help="mini-batches of B rows (all rows)")
    training.add_argument("--record", choices=("before", "after"), default="after", help="loss of the update (after)")


def add_language(parser: argparse._ActionsContainer) -> None:
    """Add the option for the language of what is said; for a parser or a group of options."""
    parser.add_argument("--lang", choices=LANGUAGES, help="of what is said; default: LOGREG_LANG, else the locale's")


def data(options: argparse.Namespace) -> tuple[Dataset, Parameters]:
    """The data set that the options ask for and the start that belongs to it. ValueError where they make no sense."""
    return _data(options, _load_two)


def two_or_more(options: argparse.Namespace) -> tuple[Any, Parameters]:
    """The same, and a MulticlassDataset where the label of a file has more than two values."""
    from ..data.tables import load_two_or_more

    return _data(options, load_two_or_more)


def _load_two(path: str, label: str, *, weight: str | None) -> Dataset:
    from ..data.tables import load_table

    return load_table(path, label, weight=weight)


def _data(options: argparse.Namespace, load: Callable) -> tuple[Any, Parameters]:
    import numpy as np

    from ..data.dataset import Parameters
    from ..data.generator import initial_parameters, lesson, published_2021
    from ..data.multiclass import MulticlassDataset
    from ..data.tables import KINDS, unreadable

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
        if why := unreadable(options.data):
            raise ValueError(f"{options.data} {why}")
        if not Path(options.data).suffix:
            raise ValueError(f"--data is {options.data!r}; give {', '.join(DATA)}, or a {KINDS} file")
        if options.label is None:
            raise ValueError(f"--data is the file {options.data}; say which column is the label with --label COLUMN")
        dataset = load(options.data, options.label, weight=options.weight)
        start = Parameters(np.zeros(dataset.n_features), 0.0)
        if isinstance(dataset, MulticlassDataset):
            start = Parameters(np.zeros((dataset.n_classes, dataset.n_features)), np.zeros(dataset.n_classes))
    return dataset.standardized() if options.standardize else dataset, start


def problem(options: argparse.Namespace) -> tuple[Dataset, Parameters, Setting]:
    """The data set, the start and the setting that the options ask for. Raises ValueError where they make no sense."""
    return _problem(options, *data(options))


def problem_of_two_or_more(options: argparse.Namespace) -> tuple[Any, Parameters, Setting]:
    """The same, and a MulticlassDataset where the label of a file has more than two values."""
    return _problem(options, *two_or_more(options))


def _problem(options: argparse.Namespace, dataset: Any, start: Parameters) -> tuple[Any, Parameters, Setting]:
    from ..data.dataset import Dataset
    from ..truth.bounds import largest_curvature
    from ..truth.columns import extreme
    from ..twins import Reduction, Setting

    if beyond := extreme(dataset):
        raise ValueError(f"{'; '.join(beyond)}, or give --standardize")
    made = options.data in DATA
    reduction: Reduction = options.reduction or ("sum" if made else "mean")
    step_size = options.step_size
    if step_size is None and made and not options.standardize:
        step_size = 1e-4 if reduction == "sum" else 1e-4 * dataset.n_rows
    if step_size is None:
        rows = dataset if isinstance(dataset, Dataset) else dataset.one_against_the_rest
        curvature = largest_curvature(rows, l2=options.l2, reduction=reduction)
        share = 1 if rows is dataset else 2  # of K classes a logit bends by 1/2 at most, of two by 1/4
        step_size = float(f"{1 / (share * curvature):.3g}")
    if options.nesterov and not options.momentum:
        raise ValueError("--nesterov is asked for without --momentum; give a momentum, --momentum 0.9 for one")
    setting = Setting(
        steps=options.steps,
        learning_rate=step_size,
        momentum=options.momentum,
        nesterov=options.nesterov,
        batch_size=options.batch_size,
        seed=options.seed,
        reduction=reduction,
        l2=options.l2,
        record=options.record,
    )
    return dataset, start, setting


def positive(kind: type) -> Callable[[str], float]:
    """A number above 0, of that kind."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} came; give a number above 0")
        return value

    return number


def seed(text: str) -> int:
    """A whole number that a generator of random numbers takes."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} came; give a whole number from 0 to {2**32 - 1}")
    return int(text)


def not_negative(text: str) -> float:
    """0 or a number above it."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} came; give 0 or a number above it")
    return value


def fraction(text: str) -> float:
    """A number from 0 to less than 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} came; give a number from 0 to less than 1")
    return value
