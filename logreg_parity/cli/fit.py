"""``logreg-parity fit``: the optimum by each twin, how near it is proved to be, and whether the twins agree."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .problem import add_data, data, fraction, not_negative, positive

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..solvers.stream import Stream

DESCRIPTION = """\
Find the optimum with each twin and print where it is, why the solver stopped, how far above
the minimum the objective is at most (the proved gap), and how often the data were read.
Then say whether the twins lie within the distances from the optimum that are proved."""

EPILOG = """\
exit status: 0 every fit converged and they agree, or each proves that there is no optimum;
1 fits disagree; 2 the input or an option is wrong; 3 some fit ended without a proof.

examples:
  logreg-parity fit --data bernoulli
  logreg-parity fit --data cars.csv --label gearbox --solver newton --out fit.json
  logreg-parity fit --data cars.csv --label gearbox --inference
  logreg-parity fit --stream X.npy y.npy --l2 1e-6 --checkpoint state/"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity fit", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    add_data(top)
    group = top.add_argument_group("fit")
    group.add_argument("--l2", type=not_negative, default=0.0, metavar="L", help="penalty L/2 |w|^2 (0)")
    group.add_argument("--reduction", choices=("sum", "mean"), default="mean", help="of the losses (mean)")
    group.add_argument("--no-intercept", dest="intercept", action="store_false", help="a model without a bias")
    group.add_argument("--solver", default="auto", metavar="NAME", help="newton, lbfgs, progressive or auto (auto)")
    group.add_argument(
        "--tolerance", type=positive(float), default=1e-8, metavar="E", help="of gradient and gap, relative (1e-8)"
    )
    group.add_argument(
        "--stream",
        nargs="+",
        metavar="FILE",
        help="instead of --data: X.npy y.npy, or an .npz with X and y, read block by block and never held",
    )
    group.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="keep the state there, a file a twin; a killed fit goes on"
    )
    group.add_argument(
        "--inference",
        action="store_true",
        help="standard errors, z, p, profile intervals, odds ratios, likelihood ratio, each with its proved digits",
    )
    group.add_argument("--digits", type=int, metavar="D", help="of every parameter to prove, up to 15, by intervals")
    group.add_argument("--level", type=fraction, metavar="P", help="of the intervals of --inference (0.95)")
    group.add_argument("--twins", nargs="+", metavar="MODULE", default=["logreg_torch", "logreg_jax"])
    group.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="X is held in (float64)")
    group.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda or auto (cpu)")
    group.add_argument(
        "--kernel",
        choices=("auto", "plain", "fused"),
        default="auto",
        help="what reads X: the framework's products or a kernel, for which a CPU needs numba (auto: plain on a CPU)",
    )
    group.add_argument("--out", type=Path, metavar="FILE", help="write the fits there too, as JSON")
    return top


def run(options: argparse.Namespace) -> int:
    """Fit, print, write; the exit status."""
    from ..data.dataset import Dataset
    from ..data.files import check_file, check_folder
    from ..judge.fits import check_fit, exit_status, report, tables_agree, verdict, write
    from ..show import screen
    from ..truth.infinite import runaway
    from ..truth.reference import flatten
    from ..truth.ulp import round_dataset

    if options.out:
        check_file("--out", options.out)
    if options.checkpoint:
        check_folder("--checkpoint", options.checkpoint, tuple(f"{name}.npz" for name in options.twins))
    functions = _functions(options)
    dataset = _stream(options) if options.stream else data(options)[0]
    if options.checkpoint:
        options.checkpoint.mkdir(parents=True, exist_ok=True)
    names = ("l2", "reduction", "solver", "tolerance", "dtype", "device", "intercept", "kernel")
    settings = {name: getattr(options, name) for name in names}
    settings |= {"digits": options.digits} if options.digits is not None else {}
    fits, inferences = {}, {}
    for name, function in functions["fit"].items():
        kept = {"checkpoint": options.checkpoint / f"{name}.npz"} if options.checkpoint else {}
        asked = {word: value for word, value in settings.items() if (word, value) != ("kernel", "auto")}
        fits[name] = check_fit(name, function(dataset, **asked, **kept), dataset)
    for name, function in functions.get("infer", {}).items():
        if fits[name].status == "converged":
            inferences[name] = function(
                dataset, level=0.95 if options.level is None else options.level, fit=fits[name], **settings
            )
    console = screen()
    console.print(f"data: {dataset.source}\n\n{report(fits, dataset)}\n", soft_wrap=True)
    agreed = tables_agree(inferences)
    for name, inference in list(inferences.items())[: 1 if agreed else None]:
        others = " and ".join(other for other in inferences if agreed and other != name)
        own = f"{name}{others and f', and {others} within what is proved of each number'}"
        console.print(f"{own}:\n{inference}\n", soft_wrap=True)
    console.print(verdict(fits), soft_wrap=True)
    gone = [fit for fit in fits.values() if fit.status == "no finite optimum"]
    if gone and isinstance(dataset, Dataset):
        rows, proposal = round_dataset(dataset, options.dtype), flatten(gone[0].parameters)
        what = runaway(rows, l2=options.l2, intercept=options.intercept, proposal=proposal)
        console.print(f"{what or ''}", soft_wrap=True)
    if not agreed:
        words = "The tables DISAGREE: numbers lie further apart than is proved of each. One of the proofs is wrong."
        console.print(words, soft_wrap=True)
    if options.out:
        write(fits, dataset, settings, options.out, inferences)
        console.print(f"Written: {options.out}", soft_wrap=True)
    return exit_status(fits) if agreed else 1


def _functions(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What the options ask of each twin. Raises ValueError for a twin that lacks it, and where it makes no sense."""
    from ..twins import load_twin

    if options.inference and options.l2:
        raise ValueError(
            f"--inference is asked for with --l2 {options.l2:g}: a penalty pulls the estimates away from those of the "
            "likelihood, and the curvature there is no covariance; leave --l2 out"
        )
    if options.level is not None and not options.inference:
        raise ValueError(f"--level {options.level:g} is of intervals, which nobody asked for; give --inference too")
    if options.inference and options.stream:
        raise ValueError("--inference is not for a stream, of which no copy is kept; leave one of them out")
    wanted = ("fit", "infer") if options.inference else ("fit",)
    functions = {what: {name: getattr(load_twin(name), what, None) for name in options.twins} for what in wanted}
    for what, by_twin in functions.items():
        without = [name for name, function in by_twin.items() if function is None]
        if without:
            raise ValueError(f"{', '.join(without)} has no function {what}(dataset, ...); leave it out of --twins")
    return functions


def _stream(options: argparse.Namespace) -> "Stream":
    """The rows of the files. Raises ValueError for more than two files, and for options that a stream does not take."""
    from ..solvers.stream import open_stream

    if len(options.stream) > 2:
        raise ValueError(f"--stream names {len(options.stream)} files; give X.npy y.npy, or one .npz")
    given = [f"--{name}" for name in ("label", "weight", "standardize") if getattr(options, name)]
    if given or options.data != "published":
        raise ValueError(f"{', '.join(given) or '--data'} is not for a stream; leave it out, or leave --stream out")
    return open_stream(*options.stream)
