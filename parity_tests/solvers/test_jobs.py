"""Jobs of processes, on this machine: the command in each of them, and what the others do when one ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from logreg_parity.cli import main
from logreg_parity.cli import ranks as command
from logreg_parity.data.generator import gaussian
from logreg_parity.solvers.jobs import ends, run_job, started
from logreg_parity.solvers.shards import open_shards, write_shards
from logreg_parity.solvers.stream import Stream

DATASET = gaussian(2000, 3, seed=1)
RUNTIME = {"logreg_torch": "torch", "logreg_jax": "jax"}
NAMED = {"torch": 2 + 5, "jax": 15 + 5}  # seconds until a death is told, and some more on a machine with other work


@pytest.fixture
def shards(tmp_path, monkeypatch):
    """Ten shards, in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    write_shards(Stream(DATASET.X, DATASET.y, "made", 200), tmp_path / "shards")
    return tmp_path / "shards"


def fit(twin, *more):
    own = ["--stream", "shards", "--l2", "1e-3", "--solver", "newton", "--twins", twin, "--ranks", RUNTIME[twin]]
    return ["fit", *own, "--out", "fit.json", *more]


def fits(name="fit.json"):
    return json.loads(Path(name).read_text())["fits"]


def written():
    (found,) = fits().values()
    return found


@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", ["logreg_torch", pytest.param("logreg_jax", marks=pytest.mark.slow)])
def test_two_processes_have_the_bits_of_one_and_rank_0_prints(twins, name):
    ended = run_job(["-m", "logreg_parity", *fit(name)], 2, 120)
    assert [end.status for end in ended] == [0, 0], ended[0].err
    assert "The fits agree" in ended[0].out and ended[1].out == ""
    own = twins[name].fit(open_shards("shards"), l2=1e-3, solver="newton")
    found = written()
    assert found["parameters"] == {"weight": own.parameters.weight.tolist(), "bias": float(own.parameters.bias)}
    assert (found["objective"], found["gap"], found["distance"]) == (own.objective, own.gap, own.distance.tolist())


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize(("name", "rank"), [("logreg_torch", 0), ("logreg_jax", 1)])
def test_a_rank_that_is_killed_is_named_and_the_fit_goes_on_without(twins, name, rank):
    command = fit(name, "--checkpoint", "state")
    ended = run_job(["-m", "parity_tests.faulty", str(rank), "4", "SIGKILL", *command], 2, 90)
    other = ended[1 - rank]
    assert ended[rank].status == -signal.SIGKILL and other.status != 0 and other.seconds < NAMED[RUNTIME[name]]
    assert f"rank {1 - rank}: rank {rank} no longer answers, so the job cannot go on" in other.err
    assert np.load(f"state/{name}.npz")["counts"][0] == 2  # and its third point: the pass that was cut short is lost
    own = twins[name].fit(open_shards("shards"), l2=1e-3, solver="newton")
    assert main([*command, "--ranks", "auto"]) == 0
    assert written()["parameters"]["weight"] == own.parameters.weight.tolist()


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
def test_jax_ends_the_others_when_its_coordinator_is_killed():
    ended = run_job(["-m", "parity_tests.faulty", "0", "3", "SIGKILL", *fit("logreg_jax")], 2, 90)
    assert ended[0].status == -signal.SIGKILL and ended[1].status != 0 and ended[1].seconds < NAMED["jax"]


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
def test_a_kill_while_the_checkpoint_is_written_leaves_the_one_before():
    command = fit("logreg_torch", "--checkpoint", "state")
    ended = run_job(["-m", "parity_tests.faulty", "0", "3", "write", *command], 2, 90)
    assert ended[0].status == -signal.SIGKILL and "rank 0 no longer answers" in ended[1].err
    assert np.load("state/logreg_torch.npz")["counts"][0] == 1


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
def test_nobody_waits_for_ever_for_a_rank_that_is_stopped(name):
    command = ["-m", "parity_tests.faulty", "1", "3", "SIGSTOP", *fit(name, "--patience", "4")]
    with started(command, 2) as ranks:
        (end,) = ends(ranks[:1], 90)
    assert end.status != 0 and "rank 0: rank 1 no longer answers" in end.err


@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", ["logreg_torch", pytest.param("logreg_jax", marks=pytest.mark.slow)])
def test_a_rank_0_that_is_not_there_is_said(name, monkeypatch):
    for variable, value in {"RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 9}.items():
        monkeypatch.setenv(variable, str(value))
    command = [sys.executable, "-m", "logreg_parity", *fit(name, "--patience", "1")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "nobody answers at 127.0.0.1:" in done.stderr and "start rank 0" in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
def test_torchrun_restarts_a_job_whose_rank_was_killed(tmp_path):
    """The fault is planted in the first attempt alone; both twins in one job."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    both = ["--twins", "logreg_torch", "logreg_jax", "--ranks", "auto", "--checkpoint", "state"]
    code = f"""
import os, sys, runpy
fault = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
sys.argv[1:] = {["1", "4", "SIGKILL"]} * fault + {[*fit("logreg_torch"), *both]}
runpy.run_module("parity_tests.faulty" if fault else "logreg_parity", run_name="__main__", alter_sys=True)
"""
    (tmp_path / "job.py").write_text(code)
    done = subprocess.run(
        [sys.executable, *torchrun, "job.py"], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0 and "The fits agree" in done.stdout, done.stderr[-3000:]
    assert main(["fit", "--stream", "shards", "--l2", "1e-3", "--solver", "newton", "--out", "one.json"]) == 0
    one, two = fits("one.json"), fits()
    assert one == {name: {**found, "passes": one[name]["passes"]} for name, found in two.items()}


@pytest.mark.slow
def test_the_command_compares_jobs_of_several_sizes(capsys, monkeypatch):
    """What a job has written is changed once: its last digit is told."""
    assert main(["ranks", "--processes", "1", "2", "--twins", "logreg_torch"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "process" in line]
    assert [line[:3] for line in lines[:2]] == [["logreg_torch", "1", "process"], ["logreg_torch", "2", "processes"]]
    assert lines[0][3] == lines[1][3]
    fit = {"parameters": {"weight": [1.0], "bias": 0.5}, "distance": [1e-9, 1e-9], "status": "converged"}
    fit |= {"objective": 1.0, "gradient_norm": 0.0, "gap": 0.0, "passes": 1, "exit status": 0}
    ends = {1: fit, 2: {**fit, "objective": 1.0 + 2**-52}}
    monkeypatch.setattr(command, "_fit", lambda options, size, file: ends[size])
    assert main(["ranks", "--twins", "logreg_torch"]) == 1
    assert "Not the same bits: logreg_torch depends on the number of processes." in capsys.readouterr().out
