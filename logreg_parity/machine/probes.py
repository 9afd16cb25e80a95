"""What a backend does with numbers, found by asking it: the questions of a passport.

A twin that has a module ``probes`` (``logreg_torch.bridge.probes``) can be asked. A function of PROBES hands its
operations numbers for which two ways to compute have two different exact answers, and its docstring derives which is
which; or it asks the same thing twice, in another place, batch or number of threads, and compares bits; or it measures
against the oracle. Nothing here is a tolerance, or an expectation of what a framework does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import gmpy2
import numpy as np

from ..data.dataset import Dataset, Parameters
from ..truth import oracle
from ..truth.ulp import format_of, round_to, ulp
from ..twins import Twin

TERMS = 1000  # in the sums whose order is looked at
ROWS = 100_000  # where threads share the work
BATCHES = (1, 2, 7, 64)
POINTS = 4000  # of the sample on which functions are held to the oracle


@dataclass(frozen=True)
class Bench:
    """One way to compute: a twin's probes in a dtype, on a device, in a mode ("eager", "jit")."""

    twin: Twin
    probes: Any  # compute, identity, threads, describe and MODES, as in logreg_torch.bridge.probes
    dtype: str
    device: str = "cpu"
    mode: str = "eager"

    def __call__(self, operation: str, *arrays: Any) -> np.ndarray:
        """One operation; float64 holds the result exactly."""
        got = self.probes.compute(operation, *arrays, dtype=self.dtype, device=self.device, mode=self.mode)
        return np.asarray(got, dtype=np.float64)

    @property
    def precision(self) -> int:
        """The bits of a significand."""
        return format_of(self.dtype).precision


def bits_of_matrix_products(bench: Bench) -> int:
    """How many bits of a factor a matrix product sees: 24 is full float32, 11 TF32, 8 bfloat16.

    The diagonal matrix of 1 + 2^-k times the identity is itself. A unit of b bits rounds 1 + 2^-b to 1 (the tie goes
    to even), and keeps every larger step. It is 256 x 256, since small products may take another road. Factors
    split into several parts of low precision (3xTF32) pass too.
    """
    return _bits(bench, np.eye(256))


def bits_of_matrix_vector_products(bench: Bench) -> int:
    """The same for the diagonal matrix times a vector of ones, the shape of X @ w."""
    return _bits(bench, np.ones(256))


def _bits(bench: Bench, factor: np.ndarray) -> int:
    x = np.ones(256)
    x[: bench.precision - 1] += 2.0 ** -np.arange(1, bench.precision)
    product = bench("matmul", np.diag(x), factor)
    kept = (product if product.ndim == 1 else np.diag(product)) == x
    return 1 + int(np.argmin(np.append(kept[: bench.precision - 1], False)))


def product_then_sum(bench: Bench) -> str:
    """Whether a b + c rounds once (fused) or twice.

    With ε = 2^(1 - p), (1 + ε)(1 - ε) = 1 - ε² rounds to 1, so two roundings leave 0 of the sum with -1, one -ε².
    """
    epsilon = 2.0 ** (1 - bench.precision)
    got = bench("product_sum", *(np.full(64, x) for x in (1 + epsilon, 1 - epsilon, -1.0)))
    return _which(got, {"two roundings": 0.0, "fused": -(epsilon**2)})


def subnormal_results(bench: Bench) -> str:
    """Half the smallest normal number is a subnormal one, and exact; 0 where it is flushed."""
    tau = format_of(bench.dtype).smallest_normal
    return _which(bench("scale", np.full(64, tau), 0.5), {"kept": tau / 2, "flushed": 0.0})


def subnormal_inputs(bench: Bench) -> str:
    """Four times half the smallest normal number is normal, and exact; 0 where the input is read as 0."""
    tau = format_of(bench.dtype).smallest_normal
    return _which(bench("scale", np.full(64, tau / 2), 4.0), {"kept": 2 * tau, "flushed": 0.0})


def sum_with_a_constant(bench: Bench) -> str:
    """(x + 3) - 3 is 0 for x = 2^-p-3, which the sum rounds away; x where the compiler simplifies real numbers."""
    x = 2.0 ** (-bench.precision - 3)
    return _which(bench("there_and_back", np.full(64, x)), {"as written": 0.0, "simplified": x})


def division_by_a_constant(bench: Bench) -> str:
    """x / 1000 against the correctly rounded quotient, which NumPy has; a product with 1/1000 rounds twice."""
    x = _normal(bench, TERMS)
    wrong = np.mean(bench("thousandth", x) != x.astype(bench.dtype) / np.array(1000, bench.dtype))
    return "correctly rounded" if wrong == 0 else f"{_percent(wrong)} misrounded"


def depth_of_sum(bench: Bench) -> int:
    """The most additions that a term of a sum passes through (see _depth)."""
    return _depth(lambda terms: bench("total", terms))


def depth_of_logit(bench: Bench) -> int:
    """The same in X @ w, for X (8, 1000)."""
    X = np.ones((8, TERMS))
    return _depth(lambda terms: bench("matmul", X, terms)[0])


def depth_of_gradient(bench: Bench) -> int:
    """The same in r @ X, for X (1000, 8)."""
    X = np.ones((TERMS, 8))
    return _depth(lambda terms: bench("matmul", terms, X)[0])


def _depth(total: Callable) -> int:
    """The most additions that a term passes through, of four terms looked at.

    All terms are 1, but M at i and -M at j, M so large (2^100) that M + n = M even in float64. What is added to
    either before the two meet is lost, so the sum counts the terms outside the smallest partial sum that holds both.
    Partial sums that hold i are nested, and each is the smallest for some j: over all j the sum takes as many values
    as there are additions on the way of i (as FPRev finds the whole tree: Xie et al., 2025). Serial sums have
    n - 1, a balanced tree ⌈log2 n⌉, and 1 means that nothing is lost on the way: a sum rounded once at the end.
    """
    deepest = 0
    for i in (0, TERMS // 3, 2 * TERMS // 3, TERMS - 1):
        seen = set()
        for j in range(TERMS):
            if j != i:
                terms = np.ones(TERMS)
                terms[i], terms[j] = 2.0**100, -(2.0**100)
                seen.add(float(total(terms)))
        deepest = max(deepest, len(seen))
    return deepest


def position_in_the_vector(bench: Bench) -> str:
    """Whether σ and softplus of a number depend on where in the vector it stands: the vector is turned, and back."""
    z = _normal(bench, TERMS + 3)  # not a multiple of any vector's length: there is a tail
    moved = np.zeros(len(z), bool)
    for name in ("sigmoid", "softplus"):
        there = bench(name, z)
        for shift in range(1, 33):
            moved |= np.roll(bench(name, np.roll(z, shift)), -shift) != there
    return "no matter" if not moved.any() else f"{_percent(moved.mean())} differ"


def rows_in_batches(bench: Bench) -> str:
    """The share of the rows of X @ w (1000, 20) that come out the same in batches of BATCHES rows as all at once."""
    X, w = _normal(bench, (1000, 20)), _normal(bench, 20)
    whole = bench("matmul", X, w)
    same = (
        np.mean(np.concatenate([bench("matmul", X[k : k + size], w) for k in range(0, 1000, size)]) == whole)
        for size in BATCHES
    )
    return "/".join(f"{100 * share:.0f}" for share in same) + " % alike"


def repeated_calls(bench: Bench) -> str:
    """Whether three calls with the same numbers give the same bits."""
    first, *others = (_large_sums(bench) for _ in range(3))
    return "same bits" if all(np.array_equal(first, other) for other in others) else "DIFFER"


def number_of_threads(bench: Bench) -> str:
    """Whether sums have the same bits with one thread and with all (two, where one is all); the count is put back."""
    before = bench.probes.threads()
    if before is None:
        return "no switch"
    try:
        bench.probes.threads(1)
        alone = _large_sums(bench)
        bench.probes.threads(max(2, before))
        shared = _large_sums(bench)
    finally:
        bench.probes.threads(before)
    return "same bits" if np.array_equal(alone, shared) else "differ"


def _large_sums(bench: Bench) -> np.ndarray:
    """A sum, a product X @ w and its transpose's, each over enough numbers to be shared out."""
    X, r = _normal(bench, (ROWS, 5)), _normal(bench, ROWS)
    return np.concatenate([np.atleast_1d(bench("total", r)), bench("matmul", r, X), bench("matmul", X, X[0])])


def float64_unasked(bench: Bench) -> str:
    """What becomes of a float64 array that is handed over without a word: 1 + 2^-40 is 1 in float32."""
    got = bench.probes.identity(np.full(3, 1 + 2.0**-40), device=bench.device)
    return "stays" if got.dtype == np.float64 and (got == 1 + 2.0**-40).all() else f"becomes {got.dtype}"


def float64_in_the_twin(bench: Bench) -> str:
    """Whether a float64 call of the twin keeps the 40th bit of a logit, X = 1 + 2^-40 and w = 1."""
    dataset, at = Dataset(np.full((1, 1), 1 + 2.0**-40), np.ones(1), "a probe"), Parameters(np.ones(1), 0.0)
    (logit,) = bench.twin.evaluate(dataset, at, dtype="float64", device=bench.device).logits
    return "stays" if float(logit) == 1 + 2.0**-40 else "DEMOTED"


def ulps_of(function: str) -> Callable[[Bench], dict | str]:
    """The probe that holds a function to the oracle."""

    def ulps(bench: Bench) -> dict | str:
        """The largest and mean error in ulps on a fixed sample, and the logit of the largest."""
        z, y, exact = _sample(bench.dtype)
        value, size = exact[function], np.abs(exact[function]).astype(np.float64)
        normal = size >= format_of(bench.dtype).smallest_normal
        computed = bench(function, z, y) if function.startswith("loss") else bench(function, z)
        error = np.where(normal, oracle.distance(computed, value) / ulp(size, bench.dtype), 0)
        worst = int(np.argmax(error))
        if not np.isfinite(error[worst]):
            return f"not finite at {z[worst]:.2g}"
        return {"largest": float(error[worst]), "mean": float(error[normal].mean()), "at": float(z[worst])}

    return ulps


@cache
def _sample(dtype: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Logits of both signs up to where σ leaves the normal numbers, labels, and the exact values of the functions."""
    largest = -np.log(format_of(dtype).smallest_normal)
    random = np.random.RandomState(0)
    z = 2.0 ** random.uniform(-24, np.log2(largest), POINTS // 2)
    z = round_to(np.concatenate([z, -z]), dtype)
    y = random.randint(0, 2, len(z)).astype(np.float64)
    return z, y, exact_functions(z, y)


def exact_functions(z: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The functions of the probes at logits z (N,) and labels y (N,) of 0 and 1, exactly."""
    with gmpy2.context(precision=oracle.START_BITS):
        x, sign = oracle.as_exact(z), oracle.as_exact(1 - 2 * y)
        sigmoid, softplus = oracle.sigmoid(x), oracle.softplus(x)
        return {
            "sigmoid": sigmoid,
            "sigmoid_apart": sigmoid,
            "softplus": softplus,
            "framework_softplus": softplus,
            "framework_log_sigmoid": -oracle.softplus(-x),
            "loss": oracle.softplus(sign * x),
            "loss_slope": sign * oracle.sigmoid(sign * x),
            "loss_curvature": sigmoid * oracle.sigmoid(-x),
        }


def _normal(bench: Bench, shape: int | tuple[int, ...]) -> np.ndarray:
    return round_to(np.random.RandomState(0).standard_normal(shape), bench.dtype)


def _which(got: np.ndarray, answers: dict[str, float]) -> str:
    """The name of the answer; all names that occur where the elements disagree, and what came where it is none."""
    names = [name for name, value in answers.items() if (got == value).any()]
    known = np.isin(got, list(answers.values())).all()
    return " and ".join(names) if known else f"neither: {got[~np.isin(got, list(answers.values()))][0]:g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


PROBES: dict[str, Callable[[Bench], Any]] = {
    "bits of A @ B": bits_of_matrix_products,
    "bits of X @ w": bits_of_matrix_vector_products,
    "a b + c": product_then_sum,
    "subnormal results": subnormal_results,
    "subnormal inputs": subnormal_inputs,
    "(x + 3) - 3": sum_with_a_constant,
    "x / 1000": division_by_a_constant,
    "depth of a sum": depth_of_sum,
    "depth of X @ w": depth_of_logit,
    "depth of r @ X": depth_of_gradient,
    "place in vector": position_in_the_vector,
    f"by {'/'.join(map(str, BATCHES))} rows": rows_in_batches,
    "repeated calls": repeated_calls,
    "one thread or more": number_of_threads,
    "float64 unasked": float64_unasked,
    "float64 in twin": float64_in_the_twin,
    "ulps of σ": ulps_of("sigmoid"),
    "ulps of softplus": ulps_of("softplus"),
    "ulps of loss": ulps_of("loss"),
    "ulps of loss'": ulps_of("loss_slope"),
    "ulps of loss''": ulps_of("loss_curvature"),
}
