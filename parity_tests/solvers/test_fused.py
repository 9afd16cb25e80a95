"""The kernels: within the bounds of the plain passes. The GPU's runs by Triton's interpreter, and on a GPU."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.solvers import blocks, kernels
from logreg_parity.solvers.blocks import WIDEST, Block, BlockPlace
from logreg_parity.solvers.kernels.cpu import TILES, add_share
from logreg_parity.solvers.kernels.gpu import FEWEST_ROWS, launch
from logreg_parity.solvers.objective import Objective
from logreg_parity.solvers.tiles import TILE, fill
from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import round_dataset
from logreg_torch.speed.fit import pack
from parity_tests.conftest import TWINS
from parity_tests.interpreted import NAMES, PRECISIONS, PROBLEMS, passes

pytestmark = [pytest.mark.slow, pytest.mark.everywhere]

ROOT = Path(__file__).parents[2]


def interpreted(twin):
    """What ``interpreted.py`` prints: for every pass the case, dtype, arithmetic, value and gradient."""
    command = [sys.executable, "-m", "parity_tests.interpreted", twin]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def wrong(passes):
    """The passes whose value or gradient is outside its bound, which is that of any order of additions."""
    found = []
    for name, dtype, arithmetic, value, gradient in passes:
        dataset, start = PROBLEMS[name]
        held, d = round_dataset(dataset, dtype), dataset.n_features
        point = Parameters(*(np.asarray(part, arithmetic).astype(float) for part in start))
        exact = oracle.evaluate(held, point, reduction="sum")
        bounds = PointBounds(held, point, dtype=arithmetic, reduction="sum")
        slope = Parameters(np.array(gradient[:d]), gradient[d])
        near = (oracle.distance(flatten(slope), flatten(exact.gradient)) <= bounds.gradient).all()
        if not near or oracle.distance(value, exact.objective) > bounds.objective:
            found.append((name, dtype, arithmetic))
    return found


@pytest.fixture(params=TWINS)
def fits(request):
    return importlib.import_module(f"{request.param}.speed.fit")


@pytest.mark.parametrize("twin", TWINS)
def test_the_gpu_kernel_is_within_its_bounds(twin):
    found = interpreted(twin)
    assert len(found) == len(PROBLEMS) * len(PRECISIONS) and wrong(found) == []


def test_so_is_the_kernel_of_the_device(fits, device):
    assert wrong(passes(fits, device)) == []


@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_tiles_join(fits, device, monkeypatch, arithmetic, weighted):
    """In one block so many rows that the product would overflow: a few rows again and again."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**30)
    monkeypatch.setattr(fits, "processors", lambda: 1)
    few, times = gaussian(101, 2, seed=3), TILE * 3 * TILES // 101
    few = Dataset(few.X.astype("float32"), few.y, few.source, sample_weight=np.arange(101) % 3 if weighted else None)
    many, point = few.take(np.tile(np.arange(101), times)), Parameters(np.array([0.125, -0.25]), 0.0)
    packed = fits.pack(many, dtype="float32", device=device, kernel="fused")
    value, gradient, _ = packed.sums(flatten(point), arithmetic=arithmetic)
    exact = oracle.evaluate(few, point, reduction="sum")
    bounds = PointBounds(many, point, dtype=arithmetic, reduction="sum")
    assert len(packed.blocks) == 1 and oracle.distance(value, times * exact.objective) <= bounds.objective
    assert (oracle.distance(gradient, times * flatten(exact.gradient)) <= bounds.gradient).all()


@pytest.mark.parametrize("k", [1, 2, 9, 17])
@pytest.mark.parametrize("rows", [1, 2, TILE, TILE + 3])
def test_the_cpu_kernel_reads_nothing_beyond_a_block(k, rows):
    """What lies behind the last tile is NaN here, and would stay so; a lane that holds no row counts nothing.

    A rounding for each addition, and four for exp, log and the root.
    """
    tiles, sign, weights = -(-rows // TILE), np.ones(rows), np.arange(1.0, rows + 1)
    X, weight_tiles = (np.full((tiles + 1, numbers, TILE), np.nan)[:tiles] for numbers in (k, 1))
    X[:], weight_tiles[:] = 0, 0
    fill(X, np.ones((rows, k)), sign)
    fill(weight_tiles, weights[:, None], sign)
    for share, total in ((None, rows), (weight_tiles[:, 0], weights.sum())):
        value, gradient, hessian = add_share([Block(X, share, rows)], np.zeros(k), True)
        assert np.array_equal(gradient, np.full(k, total / 2))
        assert (abs(hessian - total / 4) <= (rows + 4) * np.spacing(total)).all()
        assert abs(value - total * np.log(2)) <= (rows + 4) * np.spacing(total)


@pytest.mark.parametrize("rows", [3, 2**10], ids=["blocks of three rows", "one block"])
@pytest.mark.parametrize("name", NAMES)
def test_all_sums_of_the_cpu_kernel_are_within_their_bounds(monkeypatch, name, rows):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)
    dataset, point = PROBLEMS[name]
    found = Objective(pack(dataset, kernel="fused"), l2=0.375).at(flatten(point), hessian=True)
    exact = oracle.evaluate(dataset, point, l2=0.375)
    bounds = PointBounds(dataset, point, dtype="float64", l2=0.375)
    assert oracle.distance(found.value, exact.objective) <= bounds.objective
    assert (oracle.distance(found.gradient, flatten(exact.gradient)) <= bounds.gradient).all()
    assert (oracle.distance(found.hessian, oracle.hessian(dataset, point, l2=0.375)) <= bounds.hessian).all()


def test_numbers_that_are_not_finite_are_not_lost():
    packed = pack(gaussian(20, 2), kernel="fused")
    for theta in ([np.nan, 0, 0], [np.inf, 0, 0]):
        assert not np.isfinite(packed.sums(np.array(theta)).value)


def test_only_a_fused_pass_asks_for_the_kernel(fits, monkeypatch):
    """And on a CPU it asks for nothing else: the twin has no part in it."""
    called, kernel_of_cpu, twin = [], add_share, fits.add_share

    def watched(name, own):
        return lambda *given, theta, **more: called.append((name, theta.dtype)) or own(*given, theta=theta, **more)

    monkeypatch.setattr("logreg_parity.solvers.kernels.cpu.add_share", watched("kernel", kernel_of_cpu))
    monkeypatch.setattr(fits, "add_share", watched("twin", twin))
    for kernel, name in (("auto", "twin"), ("plain", "twin"), ("fused", "kernel")):
        called.clear()
        packed = fits.pack(gaussian(20, 2), kernel=kernel)
        for hessian in (True, False):
            packed.sums(np.zeros(3), hessian=hessian)
        packed.sample(5).sums(np.zeros(3), arithmetic="float32")
        assert called == [(name, "float64"), (name, "float64"), (name, "float32")]


def test_the_kernel_of_a_cpu_is_the_same_for_both_twins():
    """Nothing of a framework is left in its place."""
    for twin in TWINS:
        place = importlib.import_module(f"{twin}.speed.fit").pack(gaussian(20, 2), kernel="fused").place
        assert (place.put, place.add) == (np.asarray, add_share)


@pytest.mark.parametrize(
    ("parameters", "hessian", "covered"), [(WIDEST, False, 1), (WIDEST + 1, False, 0), (2, True, 0)]
)
def test_the_gpu_kernel_has_a_widest_and_no_hessian(parameters, hessian, covered):
    assert BlockPlace(np.asarray, None, None, fused=True).has_kernel(parameters, hessian=hessian) == covered
    assert not BlockPlace(np.asarray, None, None).has_kernel(1, hessian=False)


def test_what_is_not_known_or_not_installed_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="kernel is 'fast'; give auto, plain, fused, exact, exact-fused"):
        pack(gaussian(8, 2), kernel="fast")
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs numba .* give kernel='plain'"):
        pack(gaussian(8, 2), kernel="fused")
    with pytest.raises(ValueError, match=r"needs numba .* give kernel='exact'"):
        pack(gaussian(8, 2), kernel="exact-fused")
    with pytest.raises(ValueError, match="computes on a CPU; give 'exact'"):
        kernels.choose("exact-fused", BlockPlace(np.asarray, None, None))
    assert not pack(gaussian(8, 2)).place.fused


def test_where_the_gpu_kernel_does_not_run_plain_products_do_and_it_is_said(fits, monkeypatch):
    nowhere = fits.place("cpu")._replace(workers=None)
    monkeypatch.setattr(kernels, "find_spec", lambda name: name)
    what = rf"{nowhere.twin} reads X by plain products, for the kernel does not run here: \S"
    with pytest.warns(UserWarning, match=what):
        assert not kernels.choose("auto", nowhere).fused
    monkeypatch.setattr(kernels, "_runs", lambda place: True)
    assert kernels.choose("auto", nowhere).fused and not kernels.choose("plain", nowhere).fused


@pytest.mark.parametrize("k", [1, 2, 29, 101, 1024])
@pytest.mark.parametrize("n", [1, 10**3, 10**6])
def test_the_programs_cover_a_block_and_are_no_more_than_it_has_tiles(k, n):
    programs, warps, constants = launch(k, n, weighted=False)
    assert constants["FEATURES"] >= k and constants["FEATURES"] * constants["ROWS"] == 1024 * warps
    assert (programs - 1) * constants["ROWS"] < n and constants["ROWS"] >= FEWEST_ROWS
