"""A proof that does not trust the prover: sums over the wrong rows give no proof, whatever optimum they lead to."""

import numpy as np
import pytest

import logreg_torch
from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.judge.fits import agree, exit_status, verdict
from logreg_parity.solvers import blocks
from logreg_parity.solvers.blocks import Blocks, Sums
from logreg_parity.solvers.stream import Stream
from logreg_parity.solvers.streamed import Streamed
from logreg_parity.truth import oracle
from logreg_parity.truth.recount import recount
from logreg_parity.truth.reference import flatten
from parity_tests.cases import CASES
from parity_tests.certified import OVERLAP, SEPARATED

DATA = gaussian(900, 3, seed=2)
WEIGHTED = Dataset(DATA.X, DATA.y, "weighted", sample_weight=np.random.RandomState(1).uniform(1e-3, 3, 900))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """So that a small data set has many blocks."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**11)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 2**11)


def stream(dataset: Dataset = DATA) -> Stream:
    return Stream(dataset.X, dataset.y, "in memory", 200)


def patched(cls: type, name: str, change: object) -> object:
    """A fault: how to plant it."""
    return lambda monkeypatch: monkeypatch.setattr(cls, name, change)


def without_last_block(packed, theta, sums=Blocks.sums, **options):
    return sums(blocks.replace(packed, blocks=packed.blocks[:-1]), theta, **options)


def first_block_twice(packed, theta, sums=Blocks.sums, **options):
    return sums(blocks.replace(packed, blocks=packed.blocks + packed.blocks[:1]), theta, **options)


def value_too_small(packed, theta, sums=Blocks.sums, **options):
    value, *rest = sums(packed, theta, **options)
    return Sums(value * (1 - 1e-9), *rest)


def one_slope_off(packed, theta, sums=Blocks.sums, **options):
    value, slope, hessian = sums(packed, theta, **options)
    return Sums(value, slope + 1e-9 * np.arange(len(slope)), hessian)


def first_block_for_fourth(read: Stream, k: int, block=Stream.block) -> tuple[np.ndarray, np.ndarray]:
    return block(read, 0 if k == 3 else k)


FAULTS = {
    "last block dropped": (patched(Blocks, "sums", without_last_block), DATA),
    "a block twice": (patched(Blocks, "sums", first_block_twice), DATA),
    "value too small": (patched(Blocks, "sums", value_too_small), DATA),
    "a slope off": (patched(Blocks, "sums", one_slope_off), DATA),
    "total weight N": (patched(Blocks, "total_weight", property(lambda packed: float(packed.n_rows))), WEIGHTED),
    "total weight less one": (patched(Blocks, "total_weight", property(lambda p: sum(p.weights) - 1)), DATA),
    "one row less": (patched(Blocks, "n_rows", property(lambda packed: sum(packed.rows) - 1)), DATA),
    "tail of a stream dropped": (
        patched(Stream, "n_blocks", property(lambda s: -(-s.n_rows // s.rows_per_block) - 1)),
        stream(),
    ),
    "a block of a stream twice": (patched(Stream, "block", first_block_for_fourth), stream()),
    "wrong weight of a stream": (patched(Streamed, "total_weight", property(lambda p: p.n_rows + 1.0)), stream()),
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", FAULTS)
def test_sums_over_other_rows_prove_nothing(monkeypatch, name, reduction):
    plant, data = FAULTS[name]
    right = logreg_torch.fit(data, l2=0.25, reduction=reduction)
    plant(monkeypatch)
    fit = logreg_torch.fit(data, l2=0.25, reduction=reduction)
    fits = {"right": right, "planted": fit}
    assert right.status == "converged"
    assert (fit.status, fit.gap, np.isinf(fit.distance).all()) == ("wrong sums", np.inf, True)
    assert not agree(fits) and exit_status(fits) == exit_status({"planted": fit}) == 1
    assert "The fit of planted is WRONG" in verdict(fits) and "do not use this fit" in fit.reason


def test_an_optimum_is_not_denied_on_some_of_the_rows(monkeypatch):
    """The blocks but the last are separable, and the data are not: without it there would be a false proof."""
    y = np.concatenate([SEPARATED.y, OVERLAP.y])
    data = Dataset(np.concatenate([SEPARATED.X, OVERLAP.X]), y, "the second part overlaps")
    assert logreg_torch.fit(data).status == "converged"

    def some(packed, theta, sums=Blocks.sums, **options):
        rows = packed.dataset.take(slice(SEPARATED.n_rows))
        return sums(Blocks.of(rows, packed.dtype, packed.place), theta, **options)

    monkeypatch.setattr(Blocks, "sums", some)
    assert logreg_torch.fit(data, solver="newton").status == "wrong sums"


def test_one_class_is_not_claimed_where_another_is(monkeypatch):
    monkeypatch.setattr(Blocks, "labels", property(lambda packed: (1.0, 1.0)))
    assert logreg_torch.fit(DATA).status == "wrong sums"


def test_the_proof_takes_one_reading_of_a_stream():
    class Counted:
        def __init__(self, array):
            self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, 0

        def __getitem__(self, rows):
            self.read += len(self.array[rows])
            return self.array[rows]

    X = Counted(DATA.X)
    fit = logreg_torch.fit(Stream(X, DATA.y, "counted", 200), l2=0.25)
    before = X.read
    recount(Stream(X, DATA.y, "counted", 200), np.zeros(4))
    assert fit.status == "converged" and X.read - before == DATA.n_rows


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", ["published", "soft", "correlated", "weighted", "rare", "saturated"])
def test_a_recount_is_within_its_error_of_exact(name, reduction):
    dataset, at = CASES[name]
    own = recount(dataset, flatten(at), l2=0.125, reduction=reduction)
    exact = oracle.evaluate(dataset, at, l2=0.125, reduction=reduction)
    scale = own.total_weight if reduction == "sum" else 1.0
    off = oracle.distance(scale * own.gradient, flatten(exact.gradient))
    ulps = 2 * np.spacing(np.abs(scale * own.gradient))  # of the product with the scale
    assert (off <= scale * own.error + ulps).all()
    assert abs(float(exact.objective) - scale * own.value) <= scale * own.value_error + 2 * np.spacing(
        own.value * scale
    )
    assert own.error.max() <= 2.0**-40 * own.largest.max() or name == "saturated"  # and it is one that proves something


def test_what_is_added_up_does_not_round_more_with_more_rows():
    few, many = gaussian(500, 2, seed=1), gaussian(40_000, 2, seed=1)
    errors = [(own.error / own.largest).max() for own in (recount(d, np.ones(3)) for d in (few, many))]
    assert errors[1] <= 2 * errors[0]


@pytest.mark.parametrize("theta", [np.array([0.5, -1.0, 2.0]), np.array([0.5, -1.0, 2.0, 0.25])])
def test_weights_rows_and_intercept_are_those_that_came(theta):
    own = recount(WEIGHTED, theta)
    assert own.rows == 900 and own.labels == (0, 1) and own.least_weight == WEIGHTED.sample_weight.min()
    assert np.array_equal(own.largest, np.append(np.abs(DATA.X).max(axis=0), 1)[: len(theta)])
    point = Parameters(theta[:3], theta[3:].sum())
    off = oracle.distance(own.gradient, flatten(oracle.evaluate(WEIGHTED, point).gradient)[: len(theta)])
    assert (off <= own.error).all()
