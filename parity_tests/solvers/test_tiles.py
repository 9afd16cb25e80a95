"""Tiles: every row in its lane, zeros in the others, and blocks of both layouts hold the same rows and weights."""

import numpy as np
import pytest

from logreg_parity import Dataset, gaussian
from logreg_parity.solvers.blocks import BlockPlace, Blocks
from logreg_parity.solvers.tiles import LINE, TILE, aligned, fill, rows_in
from parity_tests.cases import CASES

COUNTS = [1, 2, 3, TILE - 1, TILE, TILE + 1, 2 * TILE, 5 * TILE + 7]
TILED, PLAIN = BlockPlace(np.asarray, None, 2, fused=True), BlockPlace(np.asarray, None, 2)


def lanes(tiles):
    """What is in tiles (T, ..., L), lane after lane: (..., L T)."""
    return np.moveaxis(tiles, 0, -1).reshape(*tiles.shape[1:-1], -1)


def filled(X, sign, numbers, lane_count=TILE):
    """Tiles of rows (R, D) with so many numbers."""
    tiles = np.zeros((-(-len(X) // lane_count), numbers, lane_count), "float32")
    fill(tiles, X, sign)
    return tiles


@pytest.mark.parametrize("rows", COUNTS)
@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_every_row_has_its_lane_and_the_rest_are_zeros(rows, one, intercept):
    X, sign = np.arange(1.0, 3 * rows + 1).reshape(rows, 3), 1.0 - 2 * (np.arange(rows) % 3 == 0)
    found = lanes(filled(X, sign, 3 + intercept, rows if one else TILE))
    expected = np.hstack([X, np.ones((rows, int(intercept)))]).T * sign
    assert np.array_equal(found[:, :rows], expected) and not found[:, rows:].any()


@pytest.mark.parametrize("rows", COUNTS)
def test_rows_in_some_of_the_tiles_are_counted(rows):
    marks = filled(np.zeros((rows, 0)), np.ones(rows), 1)
    assert all(rows_in(len(marks), rows, step) == marks[::step].sum() for step in range(1, len(marks) + 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_aligned_begins_with_a_line_and_overlaps_nothing(dtype):
    shapes = [(k, 3) for k in range(1, 40)]
    found = aligned(shapes, np.dtype(dtype))
    assert all(array.ctypes.data % LINE == 0 and not array.any() for array in found)
    for mark, array in enumerate(found):
        array[:] = mark
    assert [array.shape for array in found] == shapes
    assert all((array == mark).all() for mark, array in enumerate(found))


@pytest.mark.parametrize("name", ["correlated", "weighted", "soft", "one-row"])
@pytest.mark.parametrize("intercept", [False, True])
def test_both_layouts_hold_the_same(name, intercept):
    dataset = CASES[name].dataset
    tiled, plain = (Blocks.of(dataset, "float32", place, intercept=intercept) for place in (TILED, PLAIN))
    for ours, theirs in zip(tiled.blocks, plain.blocks, strict=True):
        assert ours.rows == theirs.rows and np.array_equal(lanes(ours.X)[:, : ours.rows], theirs.X)
        assert ours.X.dtype == theirs.X.dtype == "float32" and theirs.X.shape[1] == ours.rows
        assert ours.X.shape == (-(-ours.rows // TILE), len(theirs.X), TILE)
        assert (ours.weight is None) == (theirs.weight is None)
        assert theirs.weight is None or np.array_equal(lanes(ours.weight)[: ours.rows], theirs.weight)
    largest = np.append(abs(dataset.X).max(axis=0).astype("float32"), np.ones(int(intercept)))
    assert np.array_equal(tiled.largest, largest) and np.array_equal(plain.largest, largest)
    assert tiled.weights == plain.weights
    n, size = tiled.longest_sum, tiled.largest * tiled.total_weight
    assert (abs(tiled.signed_sum - plain.signed_sum) <= n * np.finfo(float).eps * size).all()


@pytest.mark.parametrize("rows", [1, 64, 100, 500, 999])
@pytest.mark.parametrize("place", [TILED, PLAIN], ids=["tiled", "plain"])
def test_a_sample_is_spread_and_its_rows_keep_their_weights(place, rows):
    number = np.arange(1.0, 2001)
    dataset = Dataset(number[:, None], np.ones(2000), "numbers", sample_weight=2 * number)
    sample = Blocks.of(dataset, "float64", place._replace(workers=1)).sample(rows)
    (block,) = sample.blocks
    assert block.X.flags.c_contiguous and block.weight.flags.c_contiguous
    X, weight = (lanes(part) if place.in_tiles else part for part in block[:2])
    held = X[0] != 0
    assert np.array_equal(weight, -2 * X[0]) and sample.total_weight == weight.sum()
    assert rows <= sample.n_rows == block.rows == held.sum() == len({*X[0][held]}) <= max(2 * rows, TILE)
    gaps = np.diff(np.sort(-X[0][held]), prepend=0)
    assert gaps.max() <= 2 * 2000 / sample.n_rows


def test_a_sample_in_tiles_is_at_least_as_large_as_asked():
    packed = Blocks.of(gaussian(1500, 2), "float64", TILED._replace(workers=1))
    assert all(rows <= packed.sample(rows).n_rows <= 1500 for rows in range(1, 1500))
