"""Which blocks suit a processor is the user's word: who has named some has them, and nobody else, and no run mixes two.

No test measures: a file is planted, or the seconds.
"""

import importlib
import json

import numpy as np
import pytest

from logreg_parity import gaussian, processor, show
from logreg_parity.cli import main
from logreg_parity.solvers import blocks, kernels, tune
from logreg_parity.solvers.blocks import Blocks
from logreg_parity.solvers.ranks import ToldError
from logreg_parity.solvers.stream import Stream
from parity_tests.conftest import TWINS
from parity_tests.solvers.test_ranks import in_ranks

DATASET = gaussian(1000, 3, seed=1)  # 32 bytes a row with the bias
SMALL = 3200  # bytes: 100 rows


@pytest.fixture(autouse=True)
def cut(monkeypatch):
    """Data as small as these are cut too."""
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)


@pytest.fixture(params=TWINS)
def fits(request):
    return importlib.import_module(f"{request.param}.speed.fit")


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Writes what the user has measured, and gives the file."""
    monkeypatch.delenv("LOGREG_BLOCKS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = processor.blocks_file()

    def keep(content):
        tune.save(path, {name: {size: 1.0} for name, size in content.items()})
        return path

    yield keep
    processor.kept_blocks.cache_clear()


def longest(packed: Blocks) -> int:
    """Rows of the longest block."""
    return max(packed.rows)


def test_the_variable_names_the_blocks(fits, monkeypatch):
    monkeypatch.setenv("LOGREG_BLOCKS", str(SMALL))
    assert longest(fits.pack(DATASET)) == 100 and longest(fits.pack(DATASET, dtype="float32")) == 167
    monkeypatch.setenv("LOGREG_BLOCKS", "usual")
    assert longest(fits.pack(DATASET)) == 500  # two blocks, one for each worker


def test_a_kept_measurement_names_the_blocks_of_its_twin(kept):
    kept({"logreg_torch": SMALL})
    found = {name: longest(importlib.import_module(f"{name}.speed.fit").pack(DATASET)) for name in TWINS}
    assert found == {"logreg_torch": 100, "logreg_jax": 500}
    kept({"logreg_jax": 2 * SMALL})  # beside the other
    found = {name: longest(importlib.import_module(f"{name}.speed.fit").pack(DATASET)) for name in TWINS}
    assert found == {"logreg_torch": 100, "logreg_jax": 167}


@pytest.mark.parametrize("given", ["usual", "6400"])
def test_the_variable_comes_before_the_file(kept, fits, monkeypatch, given):
    kept(dict.fromkeys(TWINS, SMALL))
    monkeypatch.setenv("LOGREG_BLOCKS", given)
    assert longest(fits.pack(DATASET)) == {"usual": 500, "6400": 167}[given]


@pytest.mark.parametrize("features", [1, 3, 40, 600])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_usual_size_by_name_is_the_usual_one(fits, monkeypatch, features, dtype):
    """Also where a row is long, and rows decide."""
    dataset, found = gaussian(3000, features, seed=1), []
    for given in ("usual", str(blocks.BLOCK_BYTES)):
        monkeypatch.setenv("LOGREG_BLOCKS", given)
        found.append(fits.pack(dataset, dtype=dtype).rows)
    assert found[0] == found[1]


def test_wide_rows_have_blocks_of_some(fits, monkeypatch):
    """A row of 4808 bytes: as many as of 4 KiB, but not more than usually are the least, and one at least."""
    wide = gaussian(320, 600, seed=1)
    for given, rows, usual in ((2**17, 32, 512), (100, 1, 512), (2**17, 27, 10)):
        monkeypatch.setattr(blocks, "BLOCK_ROWS", usual)
        monkeypatch.setenv("LOGREG_BLOCKS", str(given))
        assert rows * 0.8 < longest(fits.pack(wide)) <= rows


def test_a_kernel_and_exact_sums_have_their_own(fits, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("LOGREG_BLOCKS", "64")
    assert longest(fits.pack(DATASET, kernel="fused")) == 500 and longest(fits.pack(DATASET)) == 2
    assert fits.place("cpu")._replace(workers=None).named is None
    assert kernels.choose("plain", fits.place("cpu")._replace(workers=None)).named is None  # on a GPU


@pytest.mark.parametrize("given", ["", "many", "-1", "0", "2e6", "²"])
def test_a_variable_that_names_no_bytes_is_refused(fits, monkeypatch, given):
    monkeypatch.setenv("LOGREG_BLOCKS", given)
    with pytest.raises(ValueError, match=r"LOGREG_BLOCKS is .*; set it to the bytes of a block"):
        fits.pack(DATASET)


@pytest.mark.parametrize(
    "content",
    [
        "half a fi",
        "[]",
        "{}",
        '{"format": "logreg-parity blocks", "version": 2, "blocks": {}}',
        '{"format": "logreg-parity blocks", "version": 1}',
        '{"format": "logreg-parity blocks", "version": 1, "blocks": {"logreg_torch": 0}}',
        '{"format": "logreg-parity blocks", "version": 1, "blocks": {"logreg_torch": true}}',
    ],
)
def test_a_file_that_names_no_bytes_is_refused(kept, fits, content):
    path = kept({})
    path.write_text(content)
    processor.kept_blocks.cache_clear()
    with pytest.raises(ValueError, match=r"does not say how large blocks are .* tune again, or delete it"):
        fits.pack(DATASET)


def test_a_process_keeps_to_what_it_read_first(kept, fits):
    """A file that changes under it would cut one run in two ways."""
    path = kept(dict.fromkeys(TWINS, SMALL))
    assert longest(fits.pack(DATASET)) == 100
    path.unlink()
    assert longest(fits.pack(DATASET)) == 100


@pytest.mark.parametrize("given", ["usual", str(SMALL), "64"])
def test_named_blocks_have_the_same_bits_on_any_number_of_threads(fits, monkeypatch, given):
    monkeypatch.setenv("LOGREG_BLOCKS", given)
    found = []
    for workers in (1, 2, 3):
        monkeypatch.setattr(f"{fits.__name__}.processors", lambda count=workers: count)
        fit = fits.fit(DATASET, l2=1e-3, solver="newton")
        found.append((fit.parameters.weight.tobytes(), fit.objective, fit.gap))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_checkpoint_of_other_blocks_is_refused_and_says_how_to_go_on(fits, monkeypatch, tmp_path, streamed):
    rows = Stream(DATASET.X, DATASET.y, "in memory", 500) if streamed else DATASET
    options = {"l2": 1e-3, "checkpoint": tmp_path / "state.npz", "solver": "newton"}
    monkeypatch.setenv("LOGREG_BLOCKS", str(SMALL))
    first = fits.fit(rows, **options)
    monkeypatch.setenv("LOGREG_BLOCKS", "usual")
    with pytest.raises(ValueError, match=r"blocks LOGREG_BLOCKS=3200 there, LOGREG_BLOCKS=2097152 here"):
        fits.fit(rows, **options)
    monkeypatch.setenv("LOGREG_BLOCKS", str(SMALL))
    assert fits.fit(rows, **options).parameters.weight.tobytes() == first.parameters.weight.tobytes()


def test_a_rank_of_other_blocks_is_named(fits, monkeypatch):
    def work(ranks):
        monkeypatch.setattr(kernels, "named_blocks", lambda twin: sizes.pop())
        return fits.fit(Stream(DATASET.X, DATASET.y, "in memory", 100), l2=1e-3, ranks=ranks)

    sizes = [SMALL, SMALL, None]
    for error in in_ranks(3, work):
        assert isinstance(error, ToldError) and "blocks LOGREG_BLOCKS=" in str(error)


def test_every_report_says_what_is_kept(kept, monkeypatch):
    assert show.machine()["blocks"] == {}
    kept({"logreg_torch": SMALL})
    assert show.machine()["blocks"] == {"logreg_torch": SMALL}
    monkeypatch.setenv("LOGREG_BLOCKS", "usual")
    assert show.machine()["blocks"] == {} and show.machine()["switches"]["LOGREG_BLOCKS"] == "usual"


USUAL = blocks.BLOCK_BYTES
HALF, TWICE = USUAL // 2, 2 * USUAL


@pytest.mark.parametrize(
    ("half", "twice", "kept"),
    [
        ([[1.0] * 12, [1.0] * 12], [[1.0] * 12, [1.0] * 12], USUAL),
        ([[0.9] * 12, [0.9] * 12], [[0.8] * 12, [1.0] * 12], TWICE),  # 0.9 and 0.89
        ([[0.8] * 12, [0.9] * 12], [[0.8] * 12, [1.0] * 12], HALF),
        ([[0.5] * 12, [1.1] * 10 + [0.9] * 2], [[1.0] * 12, [1.0] * 12], USUAL),  # slower in one case, in ten rounds
        ([[0.5] * 12, [1.1] * 9 + [0.9] * 3], [[1.0] * 12, [1.0] * 12], HALF),  # in nine
        ([[0.5] * 9 + [2.5] * 3, [1.0] * 12], [[1.0] * 12, [1.0] * 12], USUAL),  # in nine rounds
        ([[0.5] * 10 + [2.5] * 2, [1.0] * 12], [[1.0] * 12, [1.0] * 12], HALF),
    ],
)
def test_another_size_is_kept_only_where_it_is_surely_faster(half, twice, kept):
    """Seconds of twelve rounds of two cases; the usual size takes a second, and in the end a minute."""
    slower = np.array([1.0] * 11 + [60.0])
    seconds = zip(half, twice, strict=True)
    measured = [
        {size: (slower * of).tolist() for size, of in ((HALF, h), (USUAL, 1.0), (TWICE, t))} for h, t in seconds
    ]
    found = tune.choice(measured)
    assert next(iter(found)) == kept and found[USUAL] == 1 and found.keys() == {HALF, USUAL, TWICE}


def test_the_command_keeps_what_it_measures(kept, monkeypatch, capsys):
    """With seconds that are planted: 4 MiB are the best in one twin, the usual 2 MiB in the other."""
    best = {"logreg_torch": 2**22, "logreg_jax": USUAL}

    def planted(place, features, dtype, arithmetic, x_bytes):
        assert x_bytes == 128 * 2**20
        return {size: [1.0 + (size != best[place.twin])] * tune.ROUNDS for size in tune.SIZES}

    monkeypatch.setattr(tune, "_seconds", planted)
    path = kept({})
    assert main(["passport", "tune"]) == 0
    told = capsys.readouterr()
    assert f"Kept: 4 MiB for logreg_torch, 2 MiB for logreg_jax. Written: {path}" in told.out
    assert json.loads(path.read_text())["blocks"] == best and processor.kept_blocks(path) == best
    assert told.err.count("features") == 6


def test_what_is_measured_is_a_pass_of_every_size(fits):
    """Small data, whose times mean nothing: every size has as many as there are rounds."""
    seconds = tune._seconds(fits.place("cpu"), 5, "float32", "float64", 2**16)
    assert seconds.keys() == set(tune.SIZES) and {len(of) for of in seconds.values()} == {tune.ROUNDS}


def test_a_twin_without_passes_is_told():
    with pytest.raises(ValueError, match="has no passes to measure"):
        tune.tune("logreg_parity.truth.reference", 1, print)


def test_the_kind_of_a_processor():
    """Two of one name and another width of vectors have two names of files."""
    assert processor.kind("AMD EPYC", "sse4_2 avx avx2 fma") == "amd-epyc-avx2"
    assert processor.kind("AMD EPYC", "sse4_2 avx avx2 fma avx512f avx512_bf16") == "amd-epyc-avx512"
    assert processor.kind("Intel(R) Xeon(R) @ 2.20GHz", "") == "intel-xeon-2-20ghz"
