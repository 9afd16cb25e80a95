"""``logreg-parity fit``: the optimum by each twin, how near it is proved to be, and whether the twins agree."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .problem import add_data, fraction, not_negative, positive, two_or_more

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from rich.console import Console

    from ..data.history import Fit
    from ..data.inference import Inference
    from ..data.multiclass import MulticlassDataset
    from ..solvers.ranks import Ranks
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
  logreg-parity fit --data bernoulli --kernel exact
  logreg-parity fit --data iris.csv --label species --reference setosa --inference
  logreg-parity fit --stream X.npy y.npy --l2 1e-6 --checkpoint state/
  torchrun --nproc-per-node 2 -m logreg_parity fit --stream shards/ --l2 1e-6 --checkpoint state/"""

DISAGREE = "The tables DISAGREE: numbers lie further apart than is proved of each. One of the proofs is wrong."


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
        help="instead of --data: X.npy y.npy, an .npz with X and y, or a folder of shards, read block by block",
    )
    group.add_argument(
        "--keep",
        type=not_negative,
        default=0.0,
        metavar="GIB",
        help="of packed rows of a stream that a process keeps between passes, the same bits (0: it reads them anew)",
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
    group.add_argument(
        "--reference", metavar="CLASS", help="of a label with more than two values: whose row is 0 (rows sum to zero)"
    )
    group.add_argument("--twins", nargs="+", metavar="MODULE", default=["logreg_torch", "logreg_jax"])
    group.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="X is held in (float64)")
    group.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda or auto (cpu)")
    group.add_argument(
        "--kernel",
        choices=("auto", "plain", "fused", "exact", "exact-fused"),
        default="auto",
        help="what reads X: the framework's products; a kernel, for which a CPU needs numba; or exact "
        "arithmetic, the same bits by everybody, by the framework or a kernel (auto: plain on a CPU)",
    )
    group.add_argument("--out", type=Path, metavar="FILE", help="write the fits there too, as JSON")
    group.add_argument(
        "--ranks",
        choices=("auto", "torch", "jax"),
        default="auto",
        help="in a job of several processes, whose runtime carries the sums (auto: jax where it is the only twin)",
    )
    group.add_argument(
        "--patience", type=positive(float), default=600.0, metavar="S", help="seconds to wait for another rank (600)"
    )
    return top


def run(options: argparse.Namespace) -> int:
    """Fit, print, write; the exit status. In a job of several processes rank 0 prints and writes for all."""
    from ..solvers.ranks import ToldError

    ranks = _ranks(options)
    try:
        return _fit(options, ranks)
    except ToldError:
        if ranks.rank:  # rank 0 says it
            return 2
        raise


def _fit(options: argparse.Namespace, ranks: "Ranks") -> int:
    from ..data.files import check_file, check_folder
    from ..data.multiclass import MulticlassDataset
    from ..judge.fits import check_fit, exit_status, report
    from ..show import screen
    from ..solvers.ranks import named
    from ..truth.exact import fit_digest
    from ..truth.reference import flatten

    def prepared() -> tuple[dict[str, dict[str, Any]], Any]:
        if options.out and ranks.rank == 0:
            check_file("--out", options.out)
        if options.checkpoint and ranks.rank == 0:
            check_folder("--checkpoint", options.checkpoint, tuple(f"{name}.npz" for name in options.twins))
        functions = _functions(options)
        if options.keep and not options.stream:
            raise ValueError(f"--keep {options.keep:g} is of a stream; give --stream, or leave it out")
        dataset = _stream(options) if options.stream else two_or_more(options)[0]
        if isinstance(dataset, MulticlassDataset):
            return functions, dataset
        if options.reference:
            raise ValueError("--reference is for a label of more than two values; leave it out")
        if options.checkpoint and ranks.rank == 0:
            options.checkpoint.mkdir(parents=True, exist_ok=True)
        return functions, dataset

    functions, dataset = ranks.together("the twins and the data", prepared)
    if isinstance(dataset, MulticlassDataset):
        return _of_classes(options, dataset)
    names = ("l2", "reduction", "solver", "tolerance", "dtype", "device", "intercept", "kernel")
    settings = {name: getattr(options, name) for name in names}
    settings |= {"digits": options.digits} if options.digits is not None else {}
    fits, inferences = {}, {}
    for name, function in functions["fit"].items():
        kept = {"checkpoint": options.checkpoint / f"{name}.npz"} if options.checkpoint else {}
        asked = {word: value for word, value in settings.items() if (word, value) != ("kernel", "auto")}
        asked |= {"ranks": ranks} if ranks.size > 1 else {}
        asked |= {"keep": options.keep} if options.keep else {}
        fits[name] = check_fit(name, function(dataset, **asked, **kept), dataset)
    for name, function in functions.get("infer", {}).items():
        if fits[name].status == "converged":
            level = 0.95 if options.level is None else options.level
            inferences[name] = function(dataset, level=level, fit=fits[name], **settings)
    ranks.agree({f"the fit of {name}": named(*flatten(fit.parameters), fit.objective) for name, fit in fits.items()})
    if ranks.rank:
        return exit_status(fits)
    console = screen()
    console.print(f"data: {dataset.source}\n\n{report(fits, dataset)}\n", soft_wrap=True)
    if options.kernel.startswith("exact"):
        console.print("".join(f"sha256 {fit_digest(fit)} {name}\n" for name, fit in fits.items()), soft_wrap=True)
    return _concluded(console, options, dataset, settings, fits, inferences)


def _ranks(options: argparse.Namespace) -> "Ranks":
    """The processes of the job that this one was started in. Raises ValueError where they have nothing to share."""
    from ..solvers.ranks import ALONE, find_job, join

    job = find_job()
    if options.ranks == "auto" and (job is None or job.size == 1):
        return ALONE
    if not options.stream:
        raise ValueError("ranks share the rows of a stream; give --stream, or start one process alone")
    runtime = "jax" if options.twins == ["logreg_jax"] else "torch"
    return join(runtime if options.ranks == "auto" else options.ranks, patience=options.patience)


def _of_classes(options: argparse.Namespace, dataset: "MulticlassDataset") -> int:
    """The same for K classes. Raises ValueError for what is there for two only."""
    from ..data.multiclass import SUM_TO_ZERO
    from ..judge.fits import check_fit, report
    from ..show import screen
    from ..twins import load_part, load_twin

    two = {"--checkpoint": options.checkpoint, "--solver": options.solver not in ("auto", "newton")}
    if given := [name for name, value in (two | {"--kernel": options.kernel != "auto"}).items() if value]:
        raise ValueError(
            f"{', '.join(given)} is for a label of two values, and this has {dataset.n_classes}, which Newton's method "
            "fits in one go by the framework's own products; leave it out"
        )
    if options.reference and options.reference not in dataset.class_names:
        there = ", ".join(map(repr, dataset.class_names))
        raise ValueError(f"--reference is {options.reference!r}; give a class of the label, one of {there}")
    fits, inferences = {}, {}
    names = ("l2", "reduction", "tolerance", "dtype", "device", "intercept", "digits")
    settings = {name: getattr(options, name) for name in names} | {"identified": options.reference or SUM_TO_ZERO}
    for name in options.twins:
        load_twin(name)
        try:
            module = load_part(name, "softmax")
            function, inferring = module.fit, module.infer if options.inference else None
        except (ImportError, AttributeError) as error:
            lacks = "softmax.infer" if options.inference else "softmax.fit"
            raise ValueError(f"{name} has no {lacks} for K classes; leave it out of --twins") from error
        asked = {word: value for word, value in settings.items() if (word, value) != ("digits", None)}
        fits[name] = check_fit(name, function(dataset, **asked), dataset)
        if inferring is not None and fits[name].status == "converged":
            level = 0.95 if options.level is None else options.level
            inferences[name] = inferring(dataset, level=level, fit=fits[name], **asked)
    console, how = screen(), f"beside class {options.reference!r}" if options.reference else "rows sum to zero"
    console.print(f"data: {dataset.source}; {how}\n\n{report(fits, dataset)}\n", soft_wrap=True)
    return _concluded(console, options, dataset, settings, fits, inferences)


def _concluded(
    console: "Console",
    options: argparse.Namespace,
    dataset: Any,
    settings: dict[str, Any],
    fits: dict[str, "Fit"],
    inferences: dict[str, "Inference"],
) -> int:
    """Print the tables, one where the twins agree, the verdict and what runs off, and write all; the exit status."""
    from ..data.dataset import Dataset
    from ..data.multiclass import SUM_TO_ZERO, MulticlassDataset
    from ..judge.fits import exit_status, tables_agree, verdict, write
    from ..truth.multiclass_infinite import what_runs_off
    from ..truth.ulp import round_dataset

    agreed = tables_agree(inferences)
    for name, inference in list(inferences.items())[: 1 if agreed else None]:
        others = " and ".join(other for other in inferences if agreed and other != name)
        own = f"{name}{others and f', and {others} within what is proved of each number'}"
        console.print(f"{own}:\n{inference}\n", soft_wrap=True)
    console.print(verdict(fits), soft_wrap=True)
    gone = [fit.parameters for fit in fits.values() if fit.status == "no finite optimum"]
    if gone and isinstance(dataset, Dataset | MulticlassDataset):  # of a stream no rows are kept
        rows = round_dataset(dataset, options.dtype) if isinstance(dataset, Dataset) else dataset
        how = {"intercept": options.intercept, "identified": options.reference or SUM_TO_ZERO}
        console.print(f"{what_runs_off(rows, gone[0], l2=options.l2, **how) or ''}", soft_wrap=True)
    if not agreed:
        console.print(DISAGREE, soft_wrap=True)
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
    from ..solvers.shards import open_shards
    from ..solvers.stream import open_stream

    if len(options.stream) > 2:
        count = len(options.stream)
        raise ValueError(f"--stream names {count} files; give X.npy y.npy, one .npz, or a folder of shards")
    given = [f"--{name}" for name in ("label", "weight", "standardize") if getattr(options, name)]
    if given or options.data != "published":
        raise ValueError(f"{', '.join(given) or '--data'} is not for a stream; leave it out, or leave --stream out")
    if len(options.stream) == 1 and Path(options.stream[0]).is_dir():
        return open_shards(options.stream[0])
    return open_stream(*options.stream)
