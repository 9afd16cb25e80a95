"""What exact arithmetic costs: a step, and a gradient of many rows, over the same by the framework's own products.

``python -m benchmarks.exact`` prints the table of docs/exact.md. Both run on one thread and are timed by the processor,
in turns within one process, and the least of all turns counts: so another program beside them changes a ratio little.
"""

import argparse
import gc
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter, process_time

import jax
import jax.numpy as jnp
import numpy as np
import torch

from logreg_jax.speed import engines as jax_engines
from logreg_jax.speed.exact_objective import gradient as jax_gradient
from logreg_parity import gaussian
from logreg_parity.data.dataset import Dataset
from logreg_parity.truth.exact import DTYPES, ExactRows, ExactRule, SignedRows
from logreg_parity.truth.exact_numba import IN_NUMBA
from logreg_torch.speed import engines as torch_engines

SHAPES = ((100, 1), (1000, 20))
MANY = (10**6, 28)
STEPS = {"JAX": 2000, "numba": 2000, "PyTorch": 50}
RATE = 0.1

Pair = tuple[str, Callable[[], object], Callable[[], object]]


def steps_of_jax(dataset: Dataset, dtype: str, by: str = "JAX") -> Pair:
    """So many steps in one compiled loop: exact, JAX's or numba's, and JAX's fast ones."""
    n, rows, theta, exact = _ready(dataset, dtype)
    means = jax_engines.exact("cpu") if by == "JAX" else IN_NUMBA
    given = jax.tree.map(means.put, (theta, theta, rows, theta))
    engine = jax_engines.fast(dataset, dtype, "cpu")
    counts, start = np.full(STEPS[by], n, dtype), jnp.zeros(len(theta), dtype)
    return (
        f"{by}, a step of {n:,} × {len(theta) - 1}",
        lambda: jax.block_until_ready(means.walk(*given, exact, STEPS[by])),
        lambda: jax_engines.walk(start, engine.rows, counts, RATE, 0.0).block_until_ready(),
    )


def steps_of_torch(dataset: Dataset, dtype: str, way: str) -> Pair:
    """A step after the other, exact and by plain products; both eager, or both compiled."""
    n, rows, theta, exact = _ready(dataset, dtype)
    means = torch_engines.exact("cpu", way)
    given = [means.put(theta), means.put(theta), rows.mapped(means.put), means.put(theta)]
    columns, start = torch.tensor(rows.columns[:, 0]), torch.zeros(len(theta), dtype=getattr(torch, dtype))
    step = torch_engines.WAYS[way](_plain_step)

    @torch.no_grad()
    def plain() -> None:
        here = start
        for _ in range(STEPS["PyTorch"]):
            here = step(here, columns)

    words = f"PyTorch, {way}, a step of {n:,} × {len(theta) - 1}"
    return words, lambda: means.walk(*given, exact, STEPS["PyTorch"]), plain


def _plain_step(theta: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    r = torch.sigmoid(theta @ columns)
    return theta - RATE * (columns @ r / columns.shape[1])


def gradients_of_jax(dataset: Dataset, dtype: str) -> Iterator[Pair]:
    """One gradient of many rows: exact, block by block, by JAX and by numba, and by two products of all of X."""
    n, rows, theta, rule = _ready(dataset, dtype)
    given = jax.tree.map(jnp.asarray, (theta, rows, theta))
    exact = jax.jit(partial(jax_gradient, dtype=dtype))
    columns = given[1].columns.reshape(len(theta), -1)[:, :n] + 0

    @jax.jit
    def plain(theta: jax.Array, columns: jax.Array) -> jax.Array:
        return columns @ jax.nn.sigmoid(theta @ columns) / n

    start, words = jnp.zeros(len(theta), dtype), f"a gradient of {n:,} × {len(theta) - 1}"
    twice = lambda: plain(start, columns).block_until_ready()  # noqa: E731
    yield f"JAX, {words}", lambda: exact(*given).block_until_ready(), twice
    yield f"numba, {words}", lambda: IN_NUMBA.walk(theta, theta, rows, theta, rule, 1), twice


def _ready(dataset: Dataset, dtype: str) -> tuple[int, ExactRows, np.ndarray, ExactRule]:
    rows = SignedRows.of(dataset, dtype).whole("mean")
    return dataset.n_rows, rows, np.zeros(dataset.n_features + 1), ExactRule(RATE, 0.0, False, dtype)


def pairs(many: bool, compiled: bool) -> Iterator[tuple[str, Pair]]:
    """Every row of the table with its dtype."""
    for dtype in DTYPES:
        for shape in SHAPES:
            dataset = gaussian(*shape)
            yield dtype, steps_of_jax(dataset, dtype)
            yield dtype, steps_of_jax(dataset, dtype, "numba")
            for way in ("eager", "torch.compile") if compiled else ("eager",):
                yield dtype, steps_of_torch(dataset, dtype, way)
        if many:
            yield from ((dtype, pair) for pair in gradients_of_jax(gaussian(*MANY), dtype))


def least(one: Callable[[], object], other: Callable[[], object], seconds: float) -> tuple[float, float]:
    """The least processor time of either, in turns for so many seconds, and at least three each."""
    one(), other()
    best, end, turns = [float("inf")] * 2, perf_counter() + seconds, 0
    gc.disable()
    while turns < 3 or perf_counter() < end:
        for k, call in enumerate((one, other)):
            begun = process_time()
            call()
            best[k] = min(best[k], process_time() - begun)
        turns += 1
    gc.enable()
    return best[0], best[1]


def main() -> None:
    """Measure and print."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--seconds", type=float, default=3.0, help="for a row (3)")
    top.add_argument("--no-many", action="store_true", help="without the million rows, which take a GB of memory")
    top.add_argument("--no-compile", action="store_true", help="without torch.compile, which needs a C++ compiler")
    options = top.parse_args()
    torch.set_num_threads(1)
    jax.config.update("jax_enable_x64", True)
    for dtype, (words, exact, plain) in pairs(not options.no_many, not options.no_compile):
        of_exact, of_plain = least(exact, plain, options.seconds)
        steps = 1 if "gradient" in words else STEPS[words.split(",")[0]]
        micro = [1e6 * time / steps for time in (of_exact, of_plain)]
        print(f"{dtype}  {words:45} {micro[0]:11.2f} µs  {micro[1]:11.2f} µs  {of_exact / of_plain:5.2f}", flush=True)


if __name__ == "__main__":
    main()
