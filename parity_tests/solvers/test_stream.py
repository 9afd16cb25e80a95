"""Data larger than memory: what is read block by block leads where the same rows in memory lead."""

import importlib
import os
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from benchmarks.scale import Repeated
from logreg_parity.data.dataset import Dataset, Parameters
from logreg_parity.data.generator import gaussian
from logreg_parity.solvers import checkpoint, streamed
from logreg_parity.solvers.checkpoint import Checkpoint
from logreg_parity.solvers.descent import train_stream
from logreg_parity.solvers.stream import Stream, digest, open_stream
from logreg_parity.truth.recount import recount
from logreg_parity.twins import load_twin
from parity_tests.conftest import TWINS

DATASET = gaussian(5000, 3, seed=1)
START = Parameters(np.zeros(3), 0.0)
ROWS = 700  # 8 blocks, the last one short


@pytest.fixture(params=["npz", "npy"])
def stream(request, tmp_path):
    """The data set in files."""
    if request.param == "npz":
        np.savez(tmp_path / "rows.npz", X=DATASET.X, y=DATASET.y)
        return open_stream(tmp_path / "rows.npz", rows_per_block=ROWS)
    np.save(tmp_path / "X.npy", DATASET.X)
    np.save(tmp_path / "y.npy", DATASET.y)
    return open_stream(tmp_path / "X.npy", tmp_path / "y.npy", rows_per_block=ROWS)


@pytest.fixture
def fits(twin):
    """What a twin makes of packed data."""
    return importlib.import_module(f"{twin.__name__}.speed.fit")


def test_a_file_gives_the_rows_that_were_written(stream):
    X, y = (np.concatenate(arrays) for arrays in zip(*stream, strict=True))
    assert np.array_equal(X, DATASET.X) and np.array_equal(y, DATASET.y) and stream.n_blocks == 8


def test_a_stream_has_the_optimum_of_its_rows(stream, twin):
    read, held = (twin.fit(data, l2=1e-3) for data in (stream, DATASET))
    apart = np.abs(np.append(*read.parameters) - np.append(*held.parameters))
    assert read.status == held.status == "converged"
    assert (apart <= read.distance + held.distance).all()


def test_a_sample_proves_no_more_than_it_knows(twin, fits, monkeypatch):
    """The rows that are kept bend the objective more than the others: each counts as one row and no more."""
    monkeypatch.setattr(streamed, "SAMPLE_NUMBERS", 3 * 100)
    rows = Dataset(DATASET.X * np.where(np.arange(5000) % 50 == 0, 4, 1)[:, None], DATASET.y, "every 50th row is long")
    packed = fits.pack(Stream(rows.X, rows.y, rows.source, ROWS))
    early = fits.solve(packed, l2=1e-3, tolerance=0.3)
    best = twin.fit(rows, l2=1e-3)
    assert packed.dataset.n_rows == 100 and early.status == "converged"
    assert 0 < early.objective - best.objective <= early.gap


def test_a_longer_stream_takes_no_more_memory(fits, monkeypatch):
    """Through 5 and through 80 blocks NumPy holds the same at most, but for a few that JAX has not let go of yet."""
    monkeypatch.setattr(streamed, "SAMPLE_NUMBERS", 300)
    peaks = []
    for n_blocks in (5, 5, 80):  # the first one pays for what is imported and compiled
        rows = (Repeated(array, 5000 * n_blocks) for array in (DATASET.X, DATASET.y))
        stream = Stream(*rows, "one block again and again", 5000)
        tracemalloc.start()
        packed = fits.pack(stream)
        fits.solve(packed, l2=1e-3, max_iterations=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 75 * DATASET.X.nbytes / 5


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_blocks_that_are_kept_are_read_once_and_change_no_bit(stream, fits, monkeypatch, dtype):
    """Of 8 blocks as many as the GiB reach: the last one is short."""
    bits, packed_bytes, block = set(), 700 * 4 * np.dtype(dtype).itemsize, Stream.block
    for keep, kept in {0.0: 0, 2.9 * packed_bytes / 2**30: 2, 3 * packed_bytes / 2**30: 3, 1.0: 8}.items():
        packed, read = fits.pack(stream, dtype=dtype, keep=keep), []

        def counted(self, k, read=read):
            read.append(k)
            return block(self, k)

        with monkeypatch.context() as patch:
            patch.setattr(Stream, "block", counted)
            sums = packed.sums(np.array([0.3, -0.7, 0.1, 0.2]), hessian=True)
        fit = fits.solve(packed, l2=1e-3)
        bits.add(b"".join(np.asarray(part).tobytes() for part in (*sums, *fit.parameters, fit.distance)))
        assert read == list(range(kept, 8)) and fit.status == "converged"
    assert len(bits) == 1


def test_rows_that_change_after_they_were_kept_prove_nothing(twin, fits):
    """The proof reads the rows themselves once more, and they are not those that were added up."""
    X = np.array(DATASET.X)
    packed = fits.pack(Stream(X, DATASET.y, "an array", ROWS), keep=1.0)
    X[:50] += 1
    assert fits.solve(packed, l2=1e-3).status == "wrong sums"


@pytest.mark.parametrize("keep", [-1.0, np.nan, "all", None])
def test_what_is_to_be_kept_is_a_number_of_gib(stream, twin, keep):
    with pytest.raises(ValueError, match=f"keep is {keep!r}; give GiB, or 0 for none"):
        twin.fit(stream, keep=keep)


def test_a_data_set_is_kept_anyway(twin):
    with pytest.raises(ValueError, match=r"keep is 1.0, and the data set is no stream: it is kept"):
        twin.fit(DATASET, keep=1.0)


def test_a_pass_holds_a_block_once_as_it_came_and_once_packed(monkeypatch):
    """Nothing of the block before, and no copy in float64 but of the labels and their signs.

    By PyTorch: when JAX lets go of a block is its own affair.
    """
    fits = importlib.import_module("logreg_torch.speed.fit")
    monkeypatch.setattr(streamed, "SAMPLE_NUMBERS", 300)
    X, y = np.ones((20_000, 50), np.float32), np.resize(DATASET.y, 20_000).astype(np.float32)
    rows = Stream(Repeated(X, 100_000), Repeated(y, 100_000), "one block again and again", 20_000)
    fits.pack(rows, dtype="float32")  # pays for what is imported and compiled
    tracemalloc.start()
    fits.pack(rows, dtype="float32").sums(np.zeros(51))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    as_it_came, packed, labels = 4 * 50, 4 * 51, 4 + 3 * 8
    assert peak < 20_000 * (as_it_came + packed + labels) + 2**20


def test_one_class_is_seen_where_the_stream_has_no_other(twin):
    rows = Stream(DATASET.X, np.ones(5000), "one class", ROWS)
    assert twin.fit(rows).status == "no finite optimum"


@pytest.mark.parametrize("name", [*TWINS, "logreg_parity.truth.reference"])
def test_every_block_is_a_mini_batch(stream, name):
    """Of any twin, one of a user's own among them; in every epoch, the third and those after it too."""
    twin = load_twin(name)
    read = train_stream(twin, stream, START, epochs=5, learning_rate=0.5)
    batches = [np.arange(k * ROWS, min((k + 1) * ROWS, 5000)) for k in range(8)] * 5
    held = twin.train(DATASET, START, steps=40, learning_rate=0.5, batches=batches, record="before", dtype="float32")
    assert np.array_equal(read.losses, held.losses)
    assert np.array_equal(read.parameters.weight, held.parameters.weight)


def test_a_loss_of_a_stream_that_is_not_finite_ends_the_run(twin):
    """A penalty so large that every step makes the weights ten times larger."""
    rows = Stream(DATASET.X, DATASET.y, "few blocks", 2000)
    history = train_stream(twin, rows, Parameters(np.ones(3), 0.0), epochs=30, learning_rate=11.0, l2=1.0)
    assert 7 < len(history.losses) < 90 and not np.isfinite(history.losses[-1])
    assert history.stop_reason == f"the loss of step {len(history.losses)} is inf; give a smaller step size"


class KilledError(Exception):
    """In place of the signal."""


@contextmanager
def killed_after(count: int, monkeypatch):
    """Let a run die while it reads its count-th block."""
    read, block = [], Stream.block

    def dying(self, k):
        read.append(k)
        if len(read) == count:
            raise KilledError
        return block(self, k)

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "block", dying)
        yield


@pytest.mark.parametrize("blocks", [12, 37])
def test_a_killed_fit_goes_on_to_the_same_bits(stream, twin, tmp_path, monkeypatch, blocks):
    whole = twin.fit(stream, l2=1e-3, solver="newton")
    with killed_after(blocks, monkeypatch), pytest.raises(KilledError):
        twin.fit(stream, l2=1e-3, checkpoint=tmp_path / "state.npz")
    resumed = twin.fit(stream, l2=1e-3, checkpoint=tmp_path / "state.npz")
    assert resumed.parameters.weight.tobytes() == whole.parameters.weight.tobytes()
    assert resumed.parameters.bias == whole.parameters.bias


@pytest.fixture
def eager_checkpoints(monkeypatch):
    """Every state is written, however soon."""
    monkeypatch.setattr(Checkpoint, "due", True)


@pytest.mark.usefixtures("eager_checkpoints")
def test_a_killed_descent_goes_on_to_the_same_bits(stream, twin, tmp_path, monkeypatch):
    options = {"epochs": 3, "learning_rate": 0.5}
    whole = train_stream(twin, stream, START, **options)
    with killed_after(14, monkeypatch), pytest.raises(KilledError):
        train_stream(twin, stream, START, checkpoint=tmp_path / "state.npz", **options)
    begun = dict(np.load(tmp_path / "state.npz"))
    resumed = train_stream(twin, stream, START, checkpoint=tmp_path / "state.npz", **options)
    assert 0 < len(begun["losses"]) < len(whole.losses)
    assert resumed.losses.tobytes() == whole.losses.tobytes()
    assert resumed.parameters.weight.tobytes() == whole.parameters.weight.tobytes()


def test_descent_has_the_same_bits_on_any_number_of_threads(twin):
    """PyTorch sums 40 000 losses by as many threads as it has, and JAX has no such switch."""
    rows, seen, before = gaussian(40000, 3, seed=1), set(), torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        history = train_stream(twin, Stream(rows.X, rows.y, "made", 40000), START, epochs=3, learning_rate=0.5)
        seen.add(history.losses.tobytes() + history.weights.tobytes())
    torch.set_num_threads(before)
    assert len(seen) == 1


def test_the_last_digits_of_a_streamed_fit_are_those_of_all_rows(twin, monkeypatch):
    """And not of the sample that is kept of them."""
    monkeypatch.setattr(streamed, "SAMPLE_NUMBERS", 100)
    rows = gaussian(400, 2, seed=1)
    fit, held = twin.fit(Stream(rows.X, rows.y, "made", 50)), twin.fit(rows)
    apart = np.abs(np.append(*fit.parameters) - np.append(*held.parameters))
    assert (apart <= fit.distance + held.distance).all()
    off = [one.gap + recount(rows, np.append(*one.parameters)).value_error for one in (fit, held)]
    assert abs(fit.objective - held.objective) <= sum(off)


def test_a_checkpoint_of_another_run_is_refused(stream, twin, tmp_path):
    twin.fit(stream, l2=1e-3, checkpoint=tmp_path / "state.npz")
    kept = (tmp_path / "state.npz").read_bytes()
    with pytest.raises(ValueError, match=r"another run \(l2 0.001 there, 0.002 here\)"):
        twin.fit(stream, l2=2e-3, checkpoint=tmp_path / "state.npz")
    assert (tmp_path / "state.npz").read_bytes() == kept


def test_half_a_checkpoint_is_refused(stream, twin, tmp_path):
    twin.fit(stream, l2=1e-3, checkpoint=tmp_path / "state.npz")
    whole = (tmp_path / "state.npz").read_bytes()
    (tmp_path / "state.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is no checkpoint"):
        twin.fit(stream, l2=1e-3, checkpoint=tmp_path / "state.npz")


def test_a_checkpoint_needs_newton(stream, twin, tmp_path):
    with pytest.raises(ValueError, match="give newton or auto"):
        twin.fit(stream, solver="lbfgs", checkpoint=tmp_path / "state.npz")


def test_data_that_change_while_they_are_read_are_refused(stream):
    rows = iter(stream)
    next(rows)
    with stream.X.path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match="has changed while it was read"):
        next(rows)


def test_a_block_that_changes_is_named_and_one_that_is_touched_goes_on(stream):
    list(stream)
    status = os.stat(stream.X.path)
    os.utime(stream.X.path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert len(list(stream)) == 8
    with stream.X.path.open("r+b") as file:
        file.seek(stream.X.offset + 3000 * 24)
        file.write(np.float64(0.125).tobytes())
    with pytest.raises(ValueError, match=r"rows 2800 to 3499 of .* have changed since they were first read"):
        list(stream)


@pytest.mark.usefixtures("eager_checkpoints")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": Parameters(np.ones(3), 0.0)}, r"start \w+ there, \w+ here"),
        ({"learning_rate": 0.25}, "learning_rate 0.5 there, 0.25 here"),
        ({"l2": 0.5}, "l2 0.0 there, 0.5 here"),
        ({"dtype": "float64"}, "dtype float32 there, float64 here"),
        ({"epochs": 4}, "epochs 3 there, 4 here"),
        ({"row": 1500}, r"rows 1400 to 2099 \w+ there, \w+ here"),
        ({"rows_per_block": 500}, "rows_per_block 700 there, 500 here"),
        ({"as": "float32"}, r"X \(5000, 3\) float64 there, \(5000, 3\) float32 here"),
        ({"version": 1}, "version 1 there, 4 here"),
        ({"copied": True}, None),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_half_a_descent_goes_on_with_its_own_run_only(twin, tmp_path, monkeypatch, change, words):
    run = {"epochs": 3, "learning_rate": 0.5, "checkpoint": tmp_path / "state.npz"}
    monkeypatch.setitem(checkpoint.FORMAT, "version", change.get("version", 4))
    with killed_after(14, monkeypatch), pytest.raises(KilledError):
        train_stream(twin, Stream(DATASET.X, DATASET.y, "made", ROWS), START, **run)
    monkeypatch.setitem(checkpoint.FORMAT, "version", 4)
    X = np.array(DATASET.X, dtype=change.get("as", "float64"))
    X[change.get("row", 0)] += 1 if "row" in change else 0
    again = Stream(X, np.array(DATASET.y), "elsewhere", change.get("rows_per_block", ROWS))
    run |= {name: value for name, value in change.items() if name in ("learning_rate", "l2", "dtype", "epochs")}
    if words is None:
        assert len(train_stream(twin, again, START, **run).losses) == 24
    else:
        with pytest.raises(ValueError, match=rf"checkpoint of another run \({words}"):
            train_stream(twin, again, change.get("start", START), **run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel": "fused"}, "kernel plain there, fused here"),
        ({"dtype": "float32"}, "dtype float64 there, float32 here"),
        ({"intercept": False}, "intercept True there, False here"),
        ({"row": 800}, r"rows 700 to 1399 \w+ there, \w+ here"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_fit_goes_on_with_its_own_run_only(twin, tmp_path, change, words):
    """The state is that of a fit that has ended: the data and the setting are looked at before it is used."""
    options = {"l2": 1e-3, "checkpoint": tmp_path / "state.npz"}
    twin.fit(Stream(DATASET.X, DATASET.y, "made", ROWS), **options)
    X = np.array(DATASET.X)
    X[change.get("row", 0)] += 1 if "row" in change else 0
    again = Stream(X, DATASET.y, "elsewhere", ROWS)
    with pytest.raises(ValueError, match=rf"checkpoint of another run \({words}"):
        twin.fit(again, **options, **{name: value for name, value in change.items() if name != "row"})


def test_every_change_of_a_word_is_in_the_digest():
    numbers = np.arange(2**13 + 5, dtype=np.float64)
    seen = {digest(numbers), digest(numbers.astype(np.float32)), digest(numbers[None]), digest(numbers, numbers)}
    for place in (0, 1, 4095, 4096, 8191, 8192, 8196):
        changed = numbers.copy()
        changed[place] = np.nextafter(changed[place], np.inf)
        seen.add(digest(changed))
    swapped = numbers.copy()
    swapped[[7, 8]] = swapped[[8, 7]]
    assert len(seen | {digest(swapped)}) == 12


def test_data_that_change_between_passes_are_refused(fits):
    X = np.array(DATASET.X)
    packed = fits.pack(Stream(X, DATASET.y, "an array", ROWS))
    X[0, 0] += 1
    with pytest.raises(ValueError, match="rows 0 to 699 of an array have changed since they were first read"):
        fits.solve(packed)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((4, 2)), np.zeros(3), "give X"),
        (np.zeros((0, 2)), np.zeros(0), "at least one row"),
        (np.full((4, 2), np.nan), np.zeros(4), "row 0 of X is not finite"),
        (np.zeros((4, 2)), np.array([0, 1, 2, 1]), "the label of row 2 is 2"),
    ],
    ids=["shapes", "empty", "nan", "labels"],
)
def test_rows_that_make_no_sense_are_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        list(Stream(X, y, "made"))


def test_files_that_cannot_be_mapped_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "small.npz", X=DATASET.X, y=DATASET.y)
    np.savez(tmp_path / "unnamed.npz", DATASET.X)
    np.save(tmp_path / "columns.npy", np.asfortranarray(DATASET.X))
    (tmp_path / "text.npy").write_text("no array")
    for name, message in {
        "small.npz": "is compressed",
        "unnamed.npz": "has arr_0 and no X",
        "text.npy": "is no .npz archive",
    }.items():
        with pytest.raises(ValueError, match=message):
            open_stream(tmp_path / name)
    for name, message in {"columns.npy": "Fortran order", "text.npy": "is no .npy array"}.items():
        with pytest.raises(ValueError, match=message):
            open_stream(tmp_path / name, tmp_path / name)


def test_two_runs_on_one_checkpoint_are_told(stream, twin, tmp_path, monkeypatch):
    """The second writes while the first is at work; the first sees it before it would write over it."""
    block, other = Stream.block, []

    def interrupted(self, k):
        if (tmp_path / "state.npz").exists() and not other:
            other.append(tmp_path)
            with monkeypatch.context() as patch:
                patch.setattr(Stream, "block", block)
                (tmp_path / "state.npz").unlink()
                twin.fit(stream, l2=2e-3, checkpoint=tmp_path / "state.npz")
        return block(self, k)

    monkeypatch.setattr(Stream, "block", interrupted)
    with pytest.raises(ValueError, match=r"state.npz is written by another run at this time; name another file"):
        twin.fit(stream, l2=1e-3, checkpoint=tmp_path / "state.npz")
