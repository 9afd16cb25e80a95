"""Several processes share a stream: the bits of one, and nobody waits for a rank that has given up.

Ranks are threads here wherever it does not matter what carries the bytes; ``test_jobs.py`` starts processes.
"""

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from logreg_parity.data.dataset import Parameters
from logreg_parity.data.generator import gaussian
from logreg_parity.solvers import ranks as module
from logreg_parity.solvers.checkpoint import Checkpoint
from logreg_parity.solvers.descent import train_stream
from logreg_parity.solvers.ranks import ALONE, Job, Ranks, ToldError, find_job, join
from logreg_parity.solvers.stream import Stream
from logreg_parity.truth import momentum
from logreg_parity.truth.bounds import trajectory
from logreg_parity.truth.ulp import round_dataset
from logreg_parity.twins import Program, Setting, load_twin
from parity_tests.conftest import TWINS

DATASET = gaussian(3000, 3, seed=1)
ROWS = 200  # 15 blocks: for no number of ranks but 3, 5 and 15 do all have as many
THETA = np.array([0.3, -0.7, 0.1, 0.2])


def stream(dataset=DATASET, rows=ROWS) -> Stream:
    return Stream(dataset.X, dataset.y, "in memory", rows)


def in_ranks(size, work):
    """What work(ranks) gives in each of so many threads, or the error that it has raised."""
    meet, sent = threading.Barrier(size), [None] * size

    def run(rank):
        def exchange(own):
            sent[rank] = own
            meet.wait(20)
            found = np.stack(sent)
            meet.wait(20)
            return found

        try:
            return work(Ranks(rank, size, exchange))
        except Exception as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


def bits(*arrays):
    return b"".join(np.asarray(array, np.float64).tobytes() for array in arrays)


def everything(twin, **options):
    """The bits of a pass, of Newton's fit and of a progressive one, by some ranks."""
    fits = importlib.import_module(f"{twin.__name__}.speed.fit")

    def work(ranks):
        packed = fits.pack(stream(), ranks=ranks, **options)
        sums = packed.sums(THETA, arithmetic=options["dtype"], hessian=True)
        found = [fits.solve(packed, l2=1e-3, solver=solver) for solver in ("newton", "progressive")]
        ends = [part for fit in found for part in (*fit.parameters, fit.objective, fit.gap, fit.distance)]
        assert [fit.status for fit in found] == ["converged"] * 2
        return bits(*sums, packed.signed_sum, packed.largest, packed.dataset.X, *ends), packed.identity

    return work


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_number_of_ranks_has_the_bits_of_one(twin, dtype):
    (alone,) = in_ranks(1, everything(twin, dtype=dtype))
    for size in (2, 3, 4, 8):
        assert in_ranks(size, everything(twin, dtype=dtype)) == [alone] * size


def test_what_ranks_keep_changes_no_bit(twin):
    """The first has room for two of its blocks, the others for all of theirs."""
    (alone,) = in_ranks(1, everything(twin, dtype="float64"))
    room = [2.5 * ROWS * 4 * 8 / 2**30, 1.0, 1.0]
    shared = in_ranks(3, lambda ranks: everything(twin, dtype="float64", keep=room[ranks.rank])(ranks))
    assert shared == [alone] * 3


def test_one_rank_has_the_bits_of_none_and_the_order_of_a_sum_matters(twin):
    """The same tree as without ranks; rank by rank the sums are others, or the test above shows nothing."""
    fits = importlib.import_module(f"{twin.__name__}.speed.fit")
    (alone,) = in_ranks(1, lambda ranks: fits.pack(stream(), ranks=ranks).sums(THETA))
    assert bits(alone.gradient) == bits(fits.pack(stream()).sums(THETA).gradient)
    parts = [fits.pack(stream(DATASET.take(slice(k, k + ROWS)))).sums(THETA).gradient for k in range(0, 3000, ROWS)]
    plain = {bits(sum(sum(parts[k] for k in own) for own in Ranks(0, n, None).shares(15))) for n in (1, 2, 4, 8)}
    assert len(plain | {bits(alone.gradient)}) > 2


def test_more_ranks_than_blocks(twin):
    fits = importlib.import_module(f"{twin.__name__}.speed.fit")
    few = [in_ranks(n, lambda r: bits(*fits.fit(stream(rows=1500), l2=1e-3, ranks=r).parameters)) for n in (1, 3)]
    assert few == [few[0], few[0] * 3]


@pytest.mark.parametrize("count", [1, 2, 7, 15, 64, 1001])
def test_the_shares_are_all_blocks_and_powers_of_two_hand_on_one_sum_each(count):
    for size in (1, 2, 3, 4, 7, 8):
        shares = Ranks(0, size, None).shares(count)
        assert [k for share in shares for k in share] == list(range(count))
        nodes = [module._nodes(count, share) for share in shares]
        assert [[k for node in some for k in node] for some in nodes] == [list(share) for share in shares]
        if size in (1, 2, 4, 8) and count >= size:
            assert [len(some) for some in nodes] == [1] * size


def test_what_one_rank_finds_wrong_every_rank_says(twin):
    X = np.array(DATASET.X)
    X[2500, 1] = np.nan
    bad = Stream(X, DATASET.y, "with a hole", ROWS)
    errors = in_ranks(3, lambda ranks: twin.fit(bad, l2=1e-3, ranks=ranks))
    assert {(type(error), str(error)) for error in errors} == {
        (ToldError, "rank 2: row 2500 of X is not finite; drop the row or fill it in")
    }


def test_a_crash_is_told_and_the_rank_itself_raises_it():
    def work(ranks):
        return ranks.gathered("numbers", lambda: [1.0 / (1 - ranks.rank)], [1, 1, 1], 1)

    errors = in_ranks(3, work)
    assert [type(error) for error in errors] == [ToldError, ZeroDivisionError, ToldError]
    assert str(errors[0]) == "rank 1: ZeroDivisionError: float division by zero"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"l2": 1e-2}, r"rank 1 is of another run than rank 0 \(l2 0.01 there, 0.001 here\)"),
        ({"solver": "progressive"}, r"\(solver progressive there, newton here\)"),
        ({"dtype": "float32"}, r"\(dtype float32 there, float64 here\)"),
        ({"tolerance": 1e-6}, r"\(tolerance 1e-06 there, 1e-08 here\)"),
        ({"rows": 300}, r"\(rows_per_block 300 there, 200 here\)"),
        ({"row": 0}, r"\(X \(2999, 3\) float64 there, \(3000, 3\) float64 here; y "),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_rank_of_another_run_is_named(twin, change, words):
    def work(ranks):
        options = {"l2": 1e-3, "solver": "newton", **(change if ranks.rank == 1 else {})}
        rows, first = options.pop("rows", ROWS), options.pop("row", -1) + 1
        return twin.fit(stream(DATASET.take(slice(first, None)), rows), ranks=ranks, **options)

    errors = in_ranks(3, work)
    assert {type(error) for error in errors} == {ToldError} and len(set(map(str, errors))) == 1
    with pytest.raises(ToldError, match=words):
        raise errors[0]


def test_another_version_is_named(monkeypatch):
    """And another release of what carries the bytes."""
    versions = [{"torch": "2.13"}, {"torch": "2.13"}, {"torch": "2.12"}]
    errors = in_ranks(3, lambda own: Ranks(own.rank, 3, own._exchange, versions=versions[own.rank]).agree({}))
    told = "rank 2 is of another run than rank 0 (torch 2.12 there, 2.13 here); give every rank the same command"
    assert [str(error) for error in errors] == [told] * 3


def test_ranks_that_come_apart_are_named(twin):
    """As on processors that round differently: one of three has another point, and the other two say so."""
    fits = importlib.import_module(f"{twin.__name__}.speed.fit")

    def work(ranks):
        packed = fits.pack(stream(), ranks=ranks)
        return packed.sums(np.nextafter(THETA, 1) if ranks.rank == 2 else THETA)

    for error in in_ranks(3, work):
        assert str(error).startswith("rank 2 came apart from the others: a pass at ")


def test_a_rank_that_asks_for_a_hessian_alone_is_named(twin):
    """The lengths differ, and nobody waits."""
    fits = importlib.import_module(f"{twin.__name__}.speed.fit")
    wide = gaussian(400, 60, seed=1)

    def work(ranks):
        packed = fits.pack(stream(wide, 100), ranks=ranks)
        return packed.sums(np.zeros(61), hessian=ranks.rank == 1)

    for error in in_ranks(3, work):
        assert "rank 1 came apart" in str(error) and "with a Hessian" in str(error)


def test_long_rows_go_in_two_parts():
    def work(ranks):
        own = np.arange(5000.0) + ranks.rank
        return ranks.gathered("numbers", lambda: np.tile(own, (ranks.rank, 1)), [0, 1, 2], 5000)

    for found in in_ranks(3, work):
        assert np.array_equal(found, np.arange(5000.0) + np.array([[1], [2], [2]]))


class KilledError(Exception):
    """In place of the signal."""


def test_a_killed_fit_goes_on_to_the_same_bits_with_another_number_of_ranks(twin, tmp_path, monkeypatch):
    whole, block, read = twin.fit(stream(), l2=1e-3, solver="newton"), Stream.block, []

    def dying(self, k):
        read.append(k)
        if k == 12 and read.count(12) == 4:
            raise KilledError
        return block(self, k)

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "block", dying)
        ends = in_ranks(2, lambda ranks: twin.fit(stream(), l2=1e-3, ranks=ranks, checkpoint=tmp_path / "state.npz"))
    assert [type(end) for end in ends] == [ToldError, KilledError]
    counts = np.load(tmp_path / "state.npz")["counts"]
    resumed = in_ranks(3, lambda ranks: twin.fit(stream(), l2=1e-3, ranks=ranks, checkpoint=tmp_path / "state.npz"))
    assert 0 < counts[0] < whole.iterations
    assert {bits(*fit.parameters) for fit in resumed} == {bits(*whole.parameters)}


def test_rank_0_alone_looks_at_the_checkpoint(twin, tmp_path):
    """The others have another folder, as on machines that share no disk."""

    def work(ranks):
        return bits(*twin.fit(stream(), l2=1e-3, ranks=ranks, checkpoint=tmp_path / str(ranks.rank)).parameters)

    first = in_ranks(2, work)
    (tmp_path / "1").write_text("nonsense")
    assert in_ranks(2, work) == first
    (tmp_path / "0").write_text("nonsense")
    assert {str(error)[:8] for error in in_ranks(2, work)} == {"rank 0: "}


@pytest.mark.parametrize(
    ("given", "job"),
    [
        ({}, None),
        ({"WORLD_SIZE": "4"}, None),
        (
            {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "7"},
            Job(3, 4, 2, "a", 7, 0),
        ),
        ({"WORLD_SIZE": "2", "RANK": "1", "TORCHELASTIC_RESTART_COUNT": "2"}, Job(1, 2, 2, "127.0.0.1", 29500, 2)),
        (
            {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
            Job(0, 2, 2, "127.0.0.1", 29500, 0),
        ),
        (
            {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_NTASKS_PER_NODE": "2", "MASTER_ADDR": "n1"},
            Job(5, 8, 2, "n1", 29500, 0),
        ),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_NTASKS_PER_NODE": "2"}, "no MASTER_ADDR"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK is 2 and WORLD_SIZE is 2"),
        ({"WORLD_SIZE": "2", "RANK": "one"}, "RANK is 'one'"),
    ],
)
def test_the_launcher_says_who_we_are(given, job):
    if isinstance(job, str):
        with pytest.raises(ValueError, match=job):
            find_job(given)
    else:
        assert find_job(given) == job


def test_ranks_without_a_job_or_a_stream_are_refused(twin, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(ValueError, match="was not started in a job; start it by torchrun"):
        twin.fit(stream(), ranks="torch")
    with pytest.raises(ValueError, match="give torch or jax"):
        join("mpi")
    with pytest.raises(ValueError, match="ranks share a stream, and the data set is none"):
        twin.fit(DATASET, ranks="torch")


START = Parameters(np.zeros(3), 0.0)
DESCENT = {"epochs": 2, "learning_rate": 0.5, "l2": 1e-3, "blocks_per_step": 4}


def points(history):
    return bits(history.losses, history.weights, history.biases)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [*TWINS, "logreg_parity.truth.reference"])
def test_mini_batches_that_ranks_share_have_the_bits_of_one(name, dtype):
    """Of 15 blocks every step has four, the last of an epoch three; and the steps are those of SGD, to rounding."""
    own = load_twin(name)
    alone = train_stream(own, stream(), START, dtype=dtype, **DESCENT)
    for size in (1, 2, 3, 8):
        shared = in_ranks(
            size, lambda ranks: points(train_stream(own, stream(), START, dtype=dtype, ranks=ranks, **DESCENT))
        )
        assert shared == [points(alone)] * size
    rows = [np.arange(k, min(k + 4 * ROWS, 3000)) for k in range(0, 3000, 4 * ROWS)] * 2
    setting = Setting(steps=8, learning_rate=0.5, l2=1e-3, batch_size=4 * ROWS, reduction="mean", record="before")
    seen = round_dataset(DATASET, dtype)
    plain = Program(name, own, dtype).train(seen, START, setting, batches=rows, keep=range(9))
    bound = trajectory(seen, plain.weights, plain.biases, setting, dtype=dtype, batches=rows)
    assert (np.abs(alone.losses - plain.losses) <= 2 * bound.losses).all()  # neither is further from exact steps
    assert np.linalg.norm(alone.parameters.weight - plain.parameters.weight) <= 2 * bound.parameters[-1] < 1e-3


FEW = gaussian(200, 3, seed=1)
BATCHES = [np.random.RandomState(seed).permutation(200)[: 37 - seed] for seed in range(12)]  # slices of unequal lengths
WALK = {"steps": 12, "learning_rate": 0.5, "l2": 1e-3, "keep": range(13)}
WALKS = {
    "plain": {"batches": BATCHES, "record": "after"},
    "momentum": {"batches": BATCHES, "momentum": 0.5, "record": "before"},
    "Nesterov, a sum": {
        "batches": BATCHES,
        "momentum": 0.5,
        "nesterov": True,
        "reduction": "sum",
        "learning_rate": 1e-2,
    },
    "all rows, no losses": {"momentum": 0.5, "record": "none"},
    "five rows a step": {"batches": [rows[:5] for rows in BATCHES]},
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WALKS)
def test_steps_that_ranks_share_have_the_bits_of_one(twin, name, dtype):
    """And are those of the loop, to rounding."""
    words = {**WALK, **WALKS[name], "dtype": dtype}
    alone = twin.train(FEW, START, **words, ranks=ALONE)
    for size in (2, 3, 8):
        assert (
            in_ranks(size, lambda ranks: points(twin.train(FEW, START, **words, ranks=ranks))) == [points(alone)] * size
        )
    plain, batches, seen = twin.train(FEW, START, **words), words.pop("batches", None), round_dataset(FEW, dtype)
    setting = Setting(**{word: value for word, value in words.items() if word not in ("keep", "dtype")})
    setting = replace(
        setting, **{word: float(np.dtype(dtype).type(getattr(setting, word))) for word in ("learning_rate", "l2")}
    )
    bound = momentum.trajectory(seen, plain.weights, plain.biases, setting, dtype=dtype, batches=batches)
    assert (np.abs(alone.losses - plain.losses) <= 2 * bound.losses[: len(plain.losses)]).all()
    apart = np.column_stack([alone.weights - plain.weights, alone.biases - plain.biases])
    assert (np.linalg.norm(apart, axis=1) <= 2 * bound.parameters).all() and bound.parameters[-1] < 1e-3


def test_rows_of_no_weight_and_losses_that_are_not_finite_are_those_of_the_loop(twin):
    """Of the first slice no row counts; and a step so large that the second loss overflows."""
    data = replace(FEW, sample_weight=np.arange(200) // 30 * 1.0)
    run = {"steps": 3, "learning_rate": 0.5, "dtype": "float64", "keep": range(4)}
    alone, plain = (twin.train(data, START, **run, ranks=ranks) for ranks in (ALONE, None))
    shared = in_ranks(3, lambda ranks: points(twin.train(data, START, **run, ranks=ranks)))
    setting = Setting(steps=3, learning_rate=0.5)
    bound = trajectory(data, plain.weights, plain.biases, setting, dtype="float64")
    assert shared == [points(alone)] * 3 and (np.abs(alone.losses - plain.losses) <= 2 * bound.losses).all()
    large = {"steps": 9, "learning_rate": 1e300, "dtype": "float64"}
    found, loop = (twin.train(FEW, START, **large, l2=1.0, ranks=ranks) for ranks in (ALONE, None))
    assert found.stop_reason == loop.stop_reason is not None and len(found.losses) == len(loop.losses)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"momentum": 0.75}, r"rank 1 is of another run than rank 0 \(momentum 0.75 there, 0.5 here\)"),
        ({"dataset": gaussian(200, 3, seed=2)}, r"rank 1 is of another run than rank 0 \(data \w+ there, \w+ here\)"),
        ({"start": Parameters(np.ones(3), 0.0)}, r"\(start \w+ there, \w+ here\)"),
        (
            {"batches": BATCHES[:2] + BATCHES[3:] + BATCHES[:1]},
            r"rank 1 came apart from the others: step 3 of rows \w+ at",
        ),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_rank_of_another_descent_is_named(twin, change, words):
    def work(ranks):
        run = {"dataset": FEW, "start": START, **WALK, **WALKS["momentum"], **(change if ranks.rank == 1 else {})}
        return twin.train(**run, ranks=ranks)

    errors = in_ranks(3, work)
    assert {type(error) for error in errors} == {ToldError}
    with pytest.raises(ToldError, match=words):
        raise errors[0]


def test_ranks_share_steps_of_the_loop_only(twin):
    with pytest.raises(ValueError, match="engine is 'fast', and ranks share the steps of 'eager' only"):
        twin.train(FEW, START, **WALK, engine="fast", ranks=ALONE)
    with pytest.raises(ValueError, match="dtype is 'bfloat16'; give float64 or float32"):
        twin.train(FEW, START, **WALK, dtype="bfloat16", ranks=ALONE)


def test_half_a_descent_goes_on_with_another_number_of_ranks(twin, tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint, "due", True)
    whole, block, read = train_stream(twin, stream(), START, **DESCENT), Stream.block, []
    kept = {**DESCENT, "checkpoint": tmp_path / "state.npz"}

    def dying(self, k):
        read.append(k)
        if k == 5 and read.count(5) == 2:
            raise KilledError
        return block(self, k)

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "block", dying)
        ends = in_ranks(2, lambda ranks: train_stream(twin, stream(), START, ranks=ranks, **kept))
    assert sorted(type(end).__name__ for end in ends) == ["KilledError", "ToldError"]
    assert len(np.load(tmp_path / "state.npz")["losses"]) == 5
    resumed = in_ranks(3, lambda ranks: points(train_stream(twin, stream(), START, ranks=ranks, **kept)))
    assert [found[: len(bits(whole.losses))] for found in resumed] == [bits(whole.losses)] * 3
    X = np.array(DATASET.X)
    X[1500] += 1
    for error in in_ranks(
        2, lambda ranks: train_stream(twin, Stream(X, DATASET.y, "", ROWS), START, ranks=ranks, **kept)
    ):
        assert "is the checkpoint of another run (rows 1400 to 1599 " in str(error)
