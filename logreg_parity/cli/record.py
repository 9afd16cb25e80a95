"""``logreg-parity record``: one run of one twin, step by step, in a file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .problem import add_problem, positive, problem_of_two_or_more

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..data.dataset import Parameters
    from ..data.multiclass import MulticlassDataset
    from ..twins import Setting

DESCRIPTION = """\
Run one twin and store every step of it: parameters, gradients, losses, and at some
steps the logits, losses and residuals of every row. logreg-parity explain holds two
such files side by side, wherever they were made."""

EPILOG = """\
exit status: 0 the file is written; 2 the input or an option is wrong.

examples:
  logreg-parity record --twin logreg_jax --out jax.npz
  logreg-parity record --twin my_model --dtype float64 --steps 500 --out mine.npz"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity record", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    add_problem(top)
    run = top.add_argument_group("the run")
    run.add_argument("--twin", metavar="MODULE", required=True, help="logreg_torch, logreg_jax, or a module of yours")
    dtypes = ("float64", "float32", "bfloat16", "float16")
    run.add_argument("--dtype", choices=dtypes, default="float32", help="(float32)")
    run.add_argument("--device", metavar="NAME", default="cpu", help="cpu or cuda (cpu)")
    run.add_argument("--engine", metavar="NAME", help="eager, fast or exact (the twin's default, eager)")
    run.add_argument("--out", type=Path, required=True, metavar="FILE", help="the trace, an .npz file")
    run.add_argument(
        "--detail",
        type=positive(int),
        nargs="+",
        metavar="K",
        help="steps at which the numbers of every row are stored too (the first three and the last)",
    )
    return top


def run(options: argparse.Namespace) -> int:
    """Run, write; the exit status."""
    from ..data.dataset import Dataset
    from ..data.files import check_file
    from ..explain.trace import record
    from ..show import screen
    from ..twins import OnEngine, load_twin

    check_file("--out", options.out)
    dataset, start, setting = problem_of_two_or_more(options)
    if not isinstance(dataset, Dataset):
        return _of_classes(options, dataset, start, setting)
    twin = load_twin(options.twin)
    if options.engine:
        twin = OnEngine(options.twin, twin, options.engine)
    if options.device not in twin.devices():
        raise ValueError(f"--device is {options.device!r}; {options.twin} sees {', '.join(twin.devices())}")
    place = {"dtype": options.dtype, "device": options.device}
    trace = record(options.twin, twin, dataset, start, setting, **place, detail=options.detail)
    trace.save(options.out)
    without = "" if trace.dataset is not None else ", without the data set, which is too large: explain cannot read it"
    stopped = "" if trace.stop_reason is None else f"; {trace.stop_reason}"
    said = f"{options.out} ({trace.steps} steps of {options.twin} in {options.dtype}{without}){stopped}"
    screen().print(f"Written: {said}", soft_wrap=True)
    return 0


def _of_classes(
    options: argparse.Namespace, dataset: "MulticlassDataset", start: "Parameters", setting: "Setting"
) -> int:
    """The same for K classes."""
    from ..explain.multiclass import record_multiclass
    from ..show import screen

    if options.engine or options.detail or options.device != "cpu" or options.dtype not in ("float64", "float32"):
        words = "--engine, --detail, --device and formats below float32 are not for a label of more than two values"
        raise ValueError(f"{words}; leave them out")
    trace = record_multiclass(options.twin, dataset, start, setting, options.dtype)
    trace.save(options.out)
    said = f"{options.out} ({len(trace.losses)} steps of {options.twin} in {options.dtype})"
    screen().print(f"Written: {said}", soft_wrap=True)
    return 0
