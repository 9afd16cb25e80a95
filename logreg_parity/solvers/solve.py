"""From data to a Fit: one solver's points, looked at one by one until one is proved good enough."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..data.dataset import Dataset, no_dataset
from ..data.files import check_file
from ..data.history import Fit
from ..data.inference import Inference
from ..truth.exact import ExactSums, add_exactly
from ..truth.refined import refined
from ..twins import Reduction, check_flag, check_name, check_number, check_whole
from . import kernels
from .blocks import BlockPlace, Blocks, Sums
from .checkpoint import Checkpoint
from .exact import ExactBlocks
from .inference import check_no_penalty, checked, infer, to_digits
from .newton import newton, newton_exactly
from .objective import Objective, Point
from .progressive import progressive
from .ranks import ALONE, Ranks, join
from .stop import Stop
from .stream import Stream
from .streamed import Streamed
from .threads import one_blas_thread

Solver = Callable[[Objective, np.ndarray, float], Iterator[Point]]

NEWTON_WORK = 2 * 10**6  # N (D + 1)²: above it Newton takes longer than progressive, at 10⁴ × 20 half as long again
SMALL_WORK = 10**7  # N (D + 1)²: up to it a Hessian takes a millisecond or two
PATIENCE = 100  # points of the twin's own solver on small data, of which Newton's method takes some twenty
ALL_DIGITS = 1e-8  # a tolerance that asks for as many as there are


class Fitter:
    """The fit of one twin: the solvers, on its passes over the data.

    Args:
        place: from a device's name to the twin's passes there.
        lbfgs: the twin's own solver, beside newton and progressive.
    """

    def __init__(self, place: Callable[[str], BlockPlace], lbfgs: Solver):
        self._place, self._lbfgs = place, lbfgs

    def fit(
        self,
        dataset: Dataset | Stream,
        *,
        l2: float = 0.0,
        reduction: str = "mean",
        solver: str = "auto",
        tolerance: float = 1e-8,
        max_iterations: int = 1000,
        dtype: str = "float64",
        device: str = "cpu",
        intercept: bool = True,
        kernel: str = "auto",
        checkpoint: Path | str | None = None,
        digits: int | None = None,
        ranks: str | Ranks | None = None,
        keep: float = 0.0,
    ) -> Fit:
        """The optimum, and how near it is proved to be: ``pack``, then ``solve``, which say what the arguments are.

        digits: how many decimal digits of every parameter are to be proved, 1 to 15. A last step in interval
        arithmetic proves as many as float64 holds; it takes as long as a hundred passes. ValueError for a stream.
        """
        words: dict[str, Any] = {"dtype": dtype, "device": device, "intercept": intercept, "kernel": kernel}
        with ExitStack() as stack:
            entered = isinstance(dataset, Dataset)
            if entered:  # once, and not for packing and for solving
                stack.enter_context(one_blas_thread)
                stack.enter_context(self._place(device).within())
            blocks = self._packed(dataset, **words, ranks=ranks, keep=keep, entered=entered)
            rows = None if digits is None else checked(blocks, digits)
            fit = self.solve(
                blocks,
                l2=l2,
                reduction=reduction,
                solver=solver,
                tolerance=tolerance,
                max_iterations=max_iterations,
                checkpoint=checkpoint,
            )
            if rows is None or digits is None or fit.status != "converged":
                return fit
            objective, kind = Objective(blocks, l2=l2, reduction=reduction), cast(Reduction, reduction)
            found = refined(rows, fit.parameters, l2=l2, reduction=kind, intercept=intercept)
            return to_digits(objective, rows, fit, digits, found)

    def infer(
        self, dataset: Dataset, *, level: float = 0.95, profile: bool = True, fit: Fit | None = None, **options: Any
    ) -> Inference:
        """Standard errors, tests, intervals at the optimum of the likelihood, each with the bound that is proved of it.

        Args:
            dataset: N rows of D features; row weights count as frequencies.
            level: of the intervals.
            profile: whether profile intervals are wanted too, which take some 20 passes an end.
            fit: the fit of these data with these options, where it is there already.
            options: those of ``fit``; with ``digits`` the standard errors have as many too.

        Returns:
            The Inference, and in it the Fit.

        Raises:
            ValueError: for a penalty, data that are streamed, a fit that has not converged, and what ``fit`` refuses.
        """
        check_no_penalty(options.get("l2"))
        names = ("dtype", "device", "intercept", "kernel")
        blocks = self.pack(dataset, **{name: options[name] for name in names if name in options})
        if isinstance(blocks, Streamed):
            raise ValueError("the rows are a stream, of which no copy is kept; give a Dataset for standard errors")
        digits = options.pop("digits", None)
        if fit is None:
            fit = self.solve(blocks, **{name: value for name, value in options.items() if name not in names})
        return infer(blocks, fit, level=level, profile=profile, digits=digits)

    def pack(
        self,
        dataset: Dataset | Stream,
        *,
        dtype: str = "float64",
        device: str = "cpu",
        intercept: bool = True,
        kernel: str = "auto",
        ranks: str | Ranks | None = None,
        keep: float = 0.0,
    ) -> Blocks | Streamed:
        """The data on a device, ready for passes.

        Args:
            dataset: N rows of D features; of a Stream no copy is kept but what ``keep`` allows.
            dtype: how X is held: "float64", or "float32", which halves memory and time and is the same data if X has
                float32 values; the last passes of a fit compute in float64 either way.
            device: "cpu", "cuda" or "auto".
            intercept: whether the model has a bias; without one the bias of every point and gradient is 0.
            kernel: what reads the blocks: "plain", the framework's products; "fused", a kernel; "exact", whose sums
                have the same bits whoever adds them (``docs/exact.md``), or "exact-fused", a CPU's kernel with those
                bits; or "auto", on a CPU the first.
            ranks: the processes that share a Stream: "torch" or "jax", whose runtime carries the sums of a job that
                torchrun, mpirun, srun or a person has started; or what ``ranks.join`` gave. Every rank makes the same
                calls and has the same result, to the bits of one process; rank 0 writes. None: one process.
            keep: GiB of a Stream's packed rows that this process keeps on the device: the first of its blocks, as far
                as that reaches, are read and packed once and not at every pass. It changes no bit.

        Returns:
            Blocks, the one copy of X there is, or Streamed.

        Raises:
            ValueError: for names that are not known, a kernel that is not installed, what ``Blocks.of`` refuses, ranks
                of other settings or data, and ranks or ``keep`` without a Stream.
            ConnectionError: where a rank is gone.
        """
        words: dict[str, Any] = {"dtype": dtype, "device": device, "intercept": intercept, "kernel": kernel}
        return self._packed(dataset, **words, ranks=ranks, keep=keep)

    def _packed(
        self,
        dataset: Dataset | Stream,
        *,
        dtype: str,
        device: str,
        intercept: bool,
        kernel: str,
        ranks: str | Ranks | None,
        keep: float,
        entered: bool = False,
    ) -> Blocks | Streamed:
        """The same; entered: whether the caller is within the place."""
        if not isinstance(dataset, Dataset | Stream):
            raise ValueError(f"{no_dataset(dataset)}, or a Stream")
        check_flag("intercept", intercept)
        check_number("keep", keep, lambda value: value >= 0, "give GiB, or 0 for none")
        if ranks is not None and not isinstance(dataset, Stream):
            raise ValueError("ranks share a stream, and the data set is none; give a Stream, or leave ranks out")
        if keep and not isinstance(dataset, Stream):
            raise ValueError(f"keep is {keep}, and the data set is no stream: it is kept whole; leave keep out")
        shared = join(ranks)  # before a device is asked for: JAX has to know of the others first
        place = kernels.choose(kernel, self._place(device)._replace(entered=entered))
        exactly = kernel.startswith("exact")
        if isinstance(dataset, Stream):
            if exactly:
                raise ValueError(
                    f"kernel is {kernel!r}, which keeps all rows, and the rows are a stream; give a Dataset"
                )
            if place.workers is not None:  # the ranks of a machine have its processors in common
                place = place._replace(workers=max(1, place.workers // shared.local))
            return Streamed(dataset, dtype, place, intercept=intercept, ranks=shared, keep=keep)
        return (ExactBlocks if exactly else Blocks).of(dataset, dtype, place, intercept=intercept)

    def solve(
        self,
        blocks: Blocks | Streamed,
        *,
        l2: float = 0.0,
        reduction: str = "mean",
        solver: str = "auto",
        tolerance: float = 1e-8,
        max_iterations: int = 1000,
        checkpoint: Path | str | None = None,
    ) -> Fit:
        """Run a solver from θ = 0 until the gradient and the proved gap are small.

        Args:
            blocks: packed data.
            l2: of the penalty (l2 / 2) ‖w‖².
            reduction: "mean" or "sum", of the losses.
            solver: newton, lbfgs, progressive, or auto, which picks by the sizes. Rows that are packed for exact sums
                need newton, which then goes on to where only rounding is left, whatever the tolerance: the point has
                the same bits whoever computes it.
            tolerance: what the gradient's 2-norm may be, relative to that at θ = 0, and the proved gap, relative to
                the objective; both with every column scaled to about 1.
            max_iterations: points at most.
            checkpoint: a file that keeps the point after every step; where it is there, the run goes on from it, to the
                same bits. It needs the solver newton, for which the point is all there is to know, and which auto then
                is.

        Returns:
            The last point, with what is proved of it. On small data, of at most SMALL_WORK, Newton's method goes on
            where the twin's own solver finds no further point, takes PATIENCE of them, or its gradient is as small as
            asked and nothing is proved; and with a tolerance of ALL_DIGITS or less a converged fit is carried on to
            where only rounding is left. A solver that ends without a proof otherwise hands over to nothing: the Fit
            says why.

        Raises:
            ValueError: for a checkpoint of another fit, an unknown solver, and a number that makes no sense.
        """
        with ExitStack() as stack:
            stack.enter_context(one_blas_thread)
            if isinstance(blocks, Blocks) and not blocks.place.entered:  # once, and not at every pass
                stack.enter_context(blocks.place.within())
                blocks = replace(blocks, place=blocks.place._replace(entered=True))
            return self._solved(blocks, l2, reduction, solver, tolerance, max_iterations, checkpoint)

    def _solved(
        self,
        blocks: Blocks | Streamed,
        l2: float,
        reduction: str,
        solver: str,
        tolerance: float,
        max_iterations: int,
        checkpoint: Path | str | None,
    ) -> Fit:
        objective = Objective(blocks, l2=l2, reduction=reduction)
        solvers = {"newton": newton, "progressive": progressive, "lbfgs": self._lbfgs}
        check_name("solver", solver, ("auto", *solvers), f"give auto, {', '.join(solvers)}")
        check_number("tolerance", tolerance, lambda value: 0 < value < 1, "give a number between 0 and 1")
        check_whole("max_iterations", max_iterations)
        ranks = blocks.ranks if isinstance(blocks, Streamed) else ALONE
        if checkpoint is not None:
            wanted = () if ranks.rank else (checkpoint,)
            ranks.together("the name of the checkpoint", lambda: [*map(partial(check_file, "checkpoint"), wanted)])
        objective = objective.scaled()
        k = len(objective.unit)
        work = blocks.n_rows * k**2
        exactly = isinstance(blocks, ExactBlocks)
        name = solver if solver != "auto" else "newton" if checkpoint or exactly else choose(blocks.n_rows, k)
        if exactly and name != "newton":
            raise ValueError(
                f"solver is {solver!r}, whose steps are not exact; with kernel='exact' give newton or auto"
            )
        asked = {"tolerance": tolerance, "max_iterations": max_iterations, "checkpoint": checkpoint is not None}
        ranks.agree({"solver": name, "l2": l2, "reduction": reduction, **asked})
        stop = Stop(objective, tolerance)
        state = {"theta": np.zeros(k), "counts": np.zeros(2)}
        kept = None if checkpoint is None else _kept(checkpoint, name, objective)
        if kept is not None:
            state = ranks.state(kept.load) or state
        begin = state["theta"] * objective.unit
        points = newton_exactly(objective, begin) if exactly else solvers[name](objective, begin, stop.target)
        points = _then_newton(objective, points, stop.target) if work <= SMALL_WORK and name == "lbfgs" else points
        stop.iterations, objective.passes = int(state["counts"][0]), float(state["counts"][1])
        if not stop.one_class():
            for here in points:
                if kept is not None:
                    counts = np.array([stop.iterations, objective.passes])
                    own = {"theta": here.theta / objective.unit, "counts": counts}
                    ranks.by_first("the checkpoint", partial(kept.save, own, now=True))
                last = stop(here) and not (exactly and stop.status == "converged")
                if last or stop.iterations >= max_iterations:
                    break
        last_digits = not exactly and work <= SMALL_WORK and tolerance <= ALL_DIGITS
        return stop.fit(name, max_iterations - stop.iterations if last_digits else 0)


def _no_sums(*given: Any, **options: Any) -> Sums:
    raise ValueError("NumPy fits by exact passes only; give kernel='exact'")


IN_NUMPY = BlockPlace(np.asarray, _no_sums, exact=add_exactly)


def fit_by(add: Callable[..., ExactSums]) -> Callable[..., Fit]:
    """``fit`` with kernel "exact" by passes in NumPy's arrays.

    Args:
        add: what ``truth.exact.add_exactly`` does.

    Returns:
        The function.
    """
    return Fitter(lambda device: IN_NUMPY._replace(exact=add), newton).fit


fit_in_numpy = fit_by(add_exactly)


def _then_newton(objective: Objective, points: Iterator[Point], target: float) -> Iterator[Point]:
    """A solver's points until the gradient is as small as asked or there is no further one in time, then Newton's."""
    here = None
    for here in islice(points, PATIENCE):
        yield here
        if np.linalg.norm(here.gradient) <= target:
            break
    if here is not None and np.isfinite(here.gradient).all():
        yield from newton(objective, here.theta)


def _kept(path: Path | str, name: str, objective: Objective) -> Checkpoint:
    """Where the state of the fit is kept. Raises ValueError for a solver that has more state than a point."""
    if name != "newton":
        raise ValueError(f"solver is {name!r}, which remembers more than a checkpoint keeps; give newton or auto")
    blocks = objective.blocks
    run = {
        "solver": name,
        "twin": blocks.place.twin,
        "kernel": "exact" if isinstance(blocks, ExactBlocks) else "fused" if blocks.place.fused else "plain",
        "device": "cpu" if blocks.place.workers else "cuda",
        "blocks": blocks.place.cut,
        "l2": objective.l2,
        "dtype": blocks.dtype,
        "intercept": blocks.intercept,
    }
    return Checkpoint(path, {**run, **blocks.identity}, {"theta": objective.unit.shape, "counts": (2,)})


def choose(n: int, k: int) -> str:
    """The solver that "auto" stands for, by the sizes N and D + 1.

    Newton where its Hessians cost next to nothing, L-BFGS where a sample of 10 rows a parameter is most of the data,
    progressive between them.
    """
    if 20 * k > n and k > 100:
        return "lbfgs"
    return "newton" if n * k * k <= NEWTON_WORK else "progressive"
