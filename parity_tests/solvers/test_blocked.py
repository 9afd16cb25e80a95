"""The one-pass gradient of both twins: right for any cut into blocks, weights and labels, and no row lost."""

import importlib
from itertools import accumulate

import numpy as np
import pytest
import torch

from logreg_parity import Dataset, gaussian
from logreg_parity.solvers import blocks
from logreg_parity.solvers.blocks import BlockPlace, Blocks, Sums, add_up, ahead, halvings
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.stream import Stream
from logreg_parity.solvers.tiles import LINE
from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.recount import recount
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import round_dataset, round_parameters
from parity_tests.cases import CASES
from parity_tests.conftest import TWINS

NAMES = ("published", "soft", "correlated", "weighted", "saturated", "one-row", "scaled")
HARD_LABELS = ("published", "correlated", "weighted", "saturated")
CUTS = {"one block": 2**21, "several blocks": 900, "a row a block": 8}  # bytes; 900 leaves remainders


@pytest.fixture(params=TWINS)
def pack(request):
    return importlib.import_module(f"{request.param}.speed.fit").pack


@pytest.fixture(params=CUTS, ids=CUTS)
def cut(request, monkeypatch):
    """Data sets are cut into blocks of that size, which two threads share."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", CUTS[request.param])
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", CUTS[request.param])
    for twin in TWINS:
        monkeypatch.setattr(f"{twin}.speed.fit.processors", lambda: 2)
    return request.param


def errors(pack, dataset, point, *, dtype="float64", l2=0.0, reduction="mean"):
    """Value, gradient and Hessian of one float64 pass less the exact ones, and the bounds of the first two."""
    objective = Objective(pack(dataset, dtype=dtype), l2=l2, reduction=reduction)
    here = objective.at(flatten(point), hessian=True)
    exact = oracle.evaluate(round_dataset(dataset, dtype), point, l2=l2, reduction=reduction)
    value, gradient = (objective.scale * part for part in (here.value, here.gradient))
    limit = objective.scale * objective.gradient_error(here)
    return here, value, oracle.distance(gradient, flatten(exact.gradient)), limit, exact


@pytest.mark.parametrize("name", NAMES)
def test_float64(pack, cut, name):
    dataset, point = CASES[name]
    here, value, gradient, limit, exact = errors(pack, dataset, point, l2=0.375)
    bounds = PointBounds(dataset, point, dtype="float64", l2=0.375)
    assert (gradient <= limit).all()
    assert oracle.distance(value, exact.objective) <= bounds.objective
    difference = oracle.distance(here.hessian, oracle.hessian(dataset, point, l2=0.375))
    assert (difference <= bounds.hessian).all()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_reductions_and_penalties(pack, cut, reduction):
    dataset, point = CASES["weighted"]
    _, value, gradient, limit, exact = errors(pack, dataset, point, l2=2.5, reduction=reduction)
    bounds = PointBounds(dataset, point, dtype="float64", l2=2.5, reduction=reduction)
    assert (gradient <= limit).all() and oracle.distance(value, exact.objective) <= bounds.objective


@pytest.mark.parametrize("name", HARD_LABELS)
def test_float32(pack, cut, name):
    """The bound is that of any order of float32 additions; sums of blocks in float64 do better."""
    dataset, point = round_dataset(CASES[name].dataset, "float32"), round_parameters(CASES[name].start, "float32")
    packed = pack(dataset, dtype="float32")
    value, gradient = Objective(packed, l2=0.5).value_and_grad(point, "float32")
    bounds = PointBounds(dataset, point, dtype="float32", l2=0.5)
    exact = oracle.evaluate(dataset, point, l2=0.5)
    assert (oracle.distance(flatten(gradient), flatten(exact.gradient)) <= bounds.gradient).all()
    assert oracle.distance(value, exact.objective) <= bounds.objective


@pytest.mark.parametrize("name", NAMES)
def test_float32_rows_with_float64_arithmetic(pack, cut, name):
    """Off by no more than float64 is, from the exact gradient of the rounded data."""
    rounded = round_dataset(CASES[name].dataset, "float32")
    _, _, gradient, limit, _ = errors(pack, rounded, CASES[name].start, dtype="float32")
    assert (gradient <= limit).all()


def test_a_lost_row_is_seen(pack, monkeypatch):
    """The bound is far below what a single row of eighty contributes."""
    whole = blocks._signed_rows

    def short(*arguments, **options):
        yield from ((X[1:], sign[1:], weight) for X, sign, weight in whole(*arguments, **options))

    monkeypatch.setattr(blocks, "_signed_rows", short)
    _, _, gradient, limit, _ = errors(pack, *CASES["correlated"])
    assert (gradient > limit).any()


def test_no_row_is_lost_around_the_size_of_a_block(pack, monkeypatch):
    """One row less and one more than blocks of 64 hold, one to three of them: the sums are those of the rows."""
    for name in ("WHOLE_BYTES", "BLOCK_BYTES"):
        monkeypatch.setattr(blocks, name, 64 * 3 * 8)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    at = np.array([0.5, -1.0, 0.25])
    for rows in (63, 64, 65, 127, 129, 191, 193):
        dataset = gaussian(rows, 2, seed=rows)
        objective = Objective(pack(dataset))
        here, own = objective.at(at), recount(dataset, at)
        assert (len(objective.blocks.blocks) > 1) == (rows > 64)
        assert objective.contradiction(here, own) == ""
        assert objective.contradiction(here, recount(dataset.take(np.arange(rows - 1)), at)) != ""


def test_the_gradient_at_zero_is_known_from_packing(pack, cut):
    dataset, _ = CASES["weighted"]
    objective = Objective(pack(dataset))
    here = objective.at(np.zeros(4))
    assert (np.abs(objective.gradient_at_zero - here.gradient) <= 2 * objective.gradient_error(here)).all()


def test_a_pass_gives_the_same_bits_again(pack, cut):
    dataset, point = CASES["correlated"]
    packed = pack(dataset)
    first, second = (packed.sums(flatten(point)) for _ in range(2))
    assert first.value == second.value and np.array_equal(first.gradient, second.gradient)


@pytest.mark.parametrize("rows", [1, 10, 39, 40, 79, 80, 500])
def test_samples_are_at_least_as_large_as_asked_and_no_larger_than_all(cut, rows):
    dataset = gaussian(80, 5)
    packed = Blocks.of(dataset, "float64", BlockPlace(np.asarray, None, 2))
    sample = packed.sample(rows)
    held = np.concatenate([block.X for block in sample.blocks], axis=1)
    everything = np.concatenate([block.X for block in packed.blocks], axis=1)
    assert min(rows, 80) <= sample.n_rows == held.shape[1] == sample.total_weight <= 80
    assert {tuple(row) for row in held.T} <= {tuple(row) for row in everything.T}


@pytest.mark.parametrize("rows", [2, 3, 7, 40])
def test_a_sampled_row_keeps_its_weight(rows):
    number = np.arange(1.0, 41)
    dataset = Dataset(number[:, None], np.ones(40), "numbers", sample_weight=2 * number)
    sample = Blocks.of(dataset, "float64", BlockPlace(np.asarray, None, 1)).sample(rows)
    ((X, weight, _),) = sample.blocks
    assert np.array_equal(weight, -2 * X[0]) and sample.total_weight == weight.sum()
    assert rows <= sample.n_rows == len({*X[0]}) < 2 * rows and X.flags.c_contiguous


@pytest.mark.parametrize("name", ["correlated", "soft"])
def test_a_sample_keeps_its_digits(pack, name):
    """It is made between passes, where JAX makes float32 of float64 unless it is told not to."""
    packed = pack(CASES[name].dataset)
    sample = packed.sample(10)
    assert sample.n_rows < packed.n_rows
    assert {np.asarray(block.X).dtype.name for block in sample.blocks} == {"float64"}


def test_torch_counts_its_threads_as_before_a_pass_even_after_a_failure(cut):
    pack = importlib.import_module("logreg_torch.speed.fit").pack
    seen, before = [], torch.get_num_threads()
    packed = pack(CASES["correlated"].dataset)
    torch.set_num_threads(3)
    try:
        packed.sums(np.zeros(len(packed.largest)))
        seen.append(torch.get_num_threads())
        with pytest.raises(RuntimeError):
            packed.sums(np.zeros(1))
        seen.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert seen == [3, 3]


@pytest.mark.parametrize(("size", "rows", "most"), [(2**10, 1, 63), (2**10, 200, 200), (2**20, 200, 1000)])
def test_a_block_is_the_larger_of_its_two_sizes(monkeypatch, size, rows, most):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)
    packed = Blocks.of(gaussian(1000, 3, seed=0), "float32", BlockPlace(np.asarray, None, 1))  # 16 bytes a row
    assert most / 2 <= packed.rows[0] <= most + 1


def test_a_block_in_tiles_is_twice_as_large_and_no_tile_of_it_is_nearly_empty(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**11 + 16)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)
    plain, tiled = (BlockPlace(np.asarray, None, 1, fused=fused) for fused in (False, True))
    assert Blocks.of(gaussian(4 * 129, 3, seed=0), "float32", plain).rows == 4 * (129,)  # 16 bytes a row
    assert Blocks.of(gaussian(3 * 256, 3, seed=0), "float32", tiled).rows == 4 * (192,)


@pytest.mark.parametrize("kernel", ["plain", "fused"])
@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.slow), "float32"])
def test_bits_do_not_depend_on_the_number_of_workers(pack, monkeypatch, dtype, kernel):
    """Those of a pass and of a fit, in memory and streamed; of 13 blocks, which no number of workers shares equally."""
    assert len({bits_with(workers, pack, monkeypatch, dtype, kernel) for workers in (1, 2, 3)}) == 1


def bits_with(workers, pack, monkeypatch, dtype, kernel):
    """The bits of passes and fits when so many workers share the blocks, each of some 50 rows."""
    for name, value in {"BLOCK_BYTES": 0, "BLOCK_ROWS": 50, "WHOLE_BYTES": 0}.items():
        monkeypatch.setattr(blocks, name, value)
    for twin in TWINS:
        monkeypatch.setattr(f"{twin}.speed.fit.processors", lambda: workers)
    monkeypatch.setattr(blocks, "processors", lambda: workers)
    blocks.threads.cache_clear()
    rows, found = gaussian(640, 3, seed=1), []
    for data in (rows, Stream(rows.X, rows.y, "made", 250)):
        packed = pack(data, dtype=dtype, kernel=kernel)
        found += packed.sums(np.array([0.5, -0.25, 1, 2]), hessian=True)
        for solver in ("newton", "progressive"):
            fit = pack.__self__.solve(packed, l2=1e-3, solver=solver)
            found += [*fit.parameters, fit.objective, fit.gap]
    blocks.threads.cache_clear()
    return b"".join(np.asarray(part).tobytes() for part in found)


@pytest.mark.parametrize(
    ("name", "by_workers"),
    [
        ("_shares", lambda parts, depth: [parts[first::2] for first in range(2)] if depth else [parts]),
        ("_block_count", lambda rows, size, number, place: 3 * place.workers),
    ],
    ids=["dealt in turn", "cut for the workers"],
)
def test_bits_that_depend_on_the_workers_are_seen(monkeypatch, name, by_workers):
    pack = importlib.import_module("logreg_torch.speed.fit").pack
    monkeypatch.setattr(blocks, name, by_workers)
    assert len({bits_with(workers, pack, monkeypatch, "float64", "plain") for workers in (1, 2)}) == 2


@pytest.mark.parametrize(("count", "depth"), [(1, 0), (2, 1), (5, 3), (8, 3), (13, 4)])
def test_sums_are_added_as_halves_of_halves(count, depth):
    """Whatever lies below some depth is added by itself first, and the shape of the whole stays the same."""
    shape = add_up((Sums(Shape(str(k)), Shape("-"), None) for k in range(count)), count)
    assert {2: "(0+1)", 5: "((0+1)+(2+(3+4)))"}.get(count, shape.value.text) == shape.value.text
    assert max(accumulate({"(": 1, ")": -1}.get(c, 0) for c in shape.value.text)) == depth == halvings(count)
    for cut in range(5):
        parts = blocks._shares([Sums(Shape(str(k)), Shape("-"), None) for k in range(count)], cut)
        joined = add_up((add_up(iter(part), len(part)) for part in parts), count, cut)
        assert joined.value.text == shape.value.text


class Shape:
    """A number that remembers how it came about."""

    def __init__(self, text):
        self.text = text

    def __add__(self, other):
        return Shape(f"({self.text}+{other.text})")


@pytest.mark.parametrize("count", [1, 3, 9])
def test_parts_are_asked_for_ahead_and_come_in_order(count):
    asked, came = [], []
    for part in ahead((asked.append(k) or k for k in range(8)), blocks.AHEAD // count):
        came.append((part, len(asked)))
    assert came == [(k, min(8, k + count + 1)) for k in range(8)]


def test_on_a_cpu_blocks_lie_in_one_piece_and_begin_with_lines(cut):
    packed = Blocks.of(gaussian(81, 2, seed=0), "float32", BlockPlace(np.asarray, None, 2))
    assert {id(block.X.base) for block in packed.blocks} == {id(packed.blocks[0].X.base)}
    assert all(block.X.ctypes.data % LINE == 0 for block in packed.blocks)


def test_on_a_gpu_blocks_are_large(monkeypatch):
    monkeypatch.setattr(blocks, "DEVICE_BLOCK_BYTES", 2**13)
    packed = Blocks.of(gaussian(1000, 3, seed=0), "float32", BlockPlace(np.asarray, None, None))  # 16 bytes a row
    assert packed.rows == (500, 500)


def test_the_data_set_is_not_touched_through_the_blocks(pack):
    dataset = CASES["weighted"].dataset
    before = dataset.sha256
    Objective(pack(dataset)).value_and_grad(CASES["weighted"].start)
    assert dataset.sha256 == before


def test_too_little_memory_is_explained():
    def full(_):
        raise MemoryError

    with pytest.raises(ValueError, match=r"packing X takes .* GiB .* dtype='float32'"):
        Blocks.of(gaussian(80, 5), "float64", BlockPlace(full, None))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "double"])
def test_other_dtypes_are_refused(pack, dtype):
    with pytest.raises(ValueError, match=r"a fit takes float64 or float32"):
        pack(gaussian(8, 2), dtype=dtype)


def test_values_beyond_float32_are_refused(pack):
    with pytest.raises(ValueError, match="too large for float32"):
        pack(Dataset([[1e39], [0.0]], [0, 1], "large"), dtype="float32")


@pytest.mark.parametrize(
    ("option", "words"), [({"l2": -1.0}, "l2 is -1"), ({"reduction": "max"}, "reduction is 'max'")]
)
def test_impossible_options_are_refused(pack, option, words):
    with pytest.raises(ValueError, match=words):
        Objective(pack(gaussian(8, 2)), **option)
