"""Jobs of processes, on this machine: the command in each of them, and what the others do when one ends."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from logreg_parity.cli import main
from logreg_parity.cli import ranks as command
from logreg_parity.data.generator import gaussian
from logreg_parity.solvers import blocks
from logreg_parity.solvers.jobs import ends, free_port, run_job, started
from logreg_parity.solvers.ranks import named
from logreg_parity.solvers.shards import open_shards, write_shards
from logreg_parity.solvers.stream import Stream
from parity_tests.solvers.test_ranks import everything, in_ranks, threads_of_a_rank

ROOT = Path(__file__).parents[2]
DATASET = gaussian(2000, 3, seed=1)
LIMIT = 300  # seconds, after which a job counts as one that hangs
RUNTIME = {"logreg_torch": "torch", "logreg_jax": "jax"}


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
    ended = run_job(["-m", "logreg_parity", *fit(name)], 2, LIMIT)
    assert [end.status for end in ended] == [0, 0], ended[0].err
    assert "The fits agree" in ended[0].out and ended[1].out == ""
    own = twins[name].fit(open_shards("shards"), l2=1e-3, solver="newton")
    found = written()
    assert found["parameters"] == {"weight": own.parameters.weight.tolist(), "bias": float(own.parameters.bias)}
    assert (found["objective"], found["gap"], found["distance"]) == (own.objective, own.gap, own.distance.tolist())


IN_A_JOB = """
import importlib, sys
from logreg_parity.solvers import blocks, ranks

runtime, name = sys.argv[1:]
own = ranks.join(runtime)
from logreg_parity.twins import load_twin
from parity_tests.solvers.test_ranks import everything

for dtype in ("float64", "float32"):
    for threads in (1, 2):
        blocks.BLOCK_BYTES, blocks.BLOCK_ROWS, blocks.WHOLE_BYTES = 0, 50, 0
        importlib.import_module(f"{name}.speed.fit").processors = lambda: own.local * threads
        print(dtype, ranks.named(*everything(load_twin(name), dtype=dtype)(own)))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
def test_eight_processes_of_one_and_two_threads_have_the_bits_of_one(twins, name, monkeypatch):
    """Value, gradient, Hessian and both solvers, in both formats: all in one job, which takes its time to start."""
    threads_of_a_rank(monkeypatch, 1)
    alone = {dtype: in_ranks(1, everything(twins[name], dtype=dtype))[0] for dtype in ("float64", "float32")}
    blocks.threads.cache_clear()
    ended = run_job(["-c", IN_A_JOB, RUNTIME[name], name], 8, LIMIT)
    wanted = "".join(f"{dtype} {named(*found)}\n" * 2 for dtype, found in alone.items())
    assert [(end.status, end.out) for end in ended] == [(0, wanted)] * 8, ended[0].err


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a rank is a fork")
def test_whoever_dies_is_named_and_the_fit_goes_on_to_the_same_bits():
    """Of each twin's job rank 0, another rank, and rank 0 while it writes the checkpoint: a sample of all deaths."""
    command = [sys.executable, "-m", "parity_tests.deaths", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert (done.returncode, done.stdout.count("told in")) == (0, 6), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
def test_nobody_waits_for_ever_for_a_rank_that_is_stopped(name):
    command = ["-m", "parity_tests.faulty", "1", "3", "SIGSTOP", *fit(name, "--patience", "20")]
    with started(command, 2) as ranks:
        (end,) = ends(ranks[:1], LIMIT)
    assert end.status != 0 and "rank 0: rank 1 no longer answers" in end.err


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
def test_a_slow_rank_is_waited_for(name):
    """It stands still for longer than any sign of life may fail to come, and none takes it for dead."""
    ended = run_job(["-m", "parity_tests.faulty", "1", "3", "slow", *fit(name)], 2, LIMIT)
    assert [end.status for end in ended] == [0, 0], ended[0].err


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
def test_a_rank_that_is_interrupted_is_named_by_the_others():
    """JAX's own end would wait for the others, which wait for it, and then abort them."""
    ended = run_job(["-m", "parity_tests.faulty", "1", "3", "SIGINT", *fit("logreg_jax")], 2, LIMIT)
    assert [end.status for end in ended] == [2, 130] and "rank 0: rank 1 no longer answers" in ended[0].err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="children are found in /proc")
@pytest.mark.usefixtures("shards")
def test_what_jax_meets_at_is_killed_and_every_rank_says_so():
    """JAX would abort all of them, in words of its own."""
    ended = run_job(["-m", "parity_tests.faulty", "0", "3", "coordinator", *fit("logreg_jax")], 2, LIMIT)
    assert [end.status for end in ended] == [2, 2] and max(end.seconds for end in ended) < 2
    assert "rank 0: the process that this rank has started for all to meet at no longer answers" in ended[0].err
    assert "rank 1: rank 0 no longer answers, or the process that it has started" in ended[1].err


@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", ["logreg_torch", pytest.param("logreg_jax", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("rank", "words"),
    [(1, "nobody answers at 127.0.0.1:.* start rank 0"), (0, "rank 0: rank 1 did not come to 127.0.0.1:.* in 1 s")],
    ids=["rank 0", "rank 1"],
)
def test_a_rank_that_is_not_there_is_said(name, rank, words, monkeypatch):
    variables = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, str(value))
    command = [sys.executable, "-m", "logreg_parity", *fit(name, "--patience", "1")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 2 and re.search(words, done.stderr), done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize(
    ("names", "rank"), [([*RUNTIME], 1), (["logreg_jax"], 0)], ids=["PyTorch's runtime", "JAX's, rank 0"]
)
def test_torchrun_restarts_a_job_whose_rank_was_killed(tmp_path, names, rank):
    """The fault is planted in the first attempt alone."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    asked = ["--twins", *names, "--ranks", "auto", "--checkpoint", "state"]
    code = f"""
import os, sys, runpy
fault = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
sys.argv[1:] = {[str(rank), "5", "SIGKILL"]} * fault + {[*fit("logreg_torch"), *asked]}
runpy.run_module("parity_tests.faulty" if fault else "logreg_parity", run_name="__main__", alter_sys=True)
"""
    (tmp_path / "job.py").write_text(code)
    done = subprocess.run(
        [sys.executable, *torchrun, "job.py"], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0 and "The fits agree" in done.stdout, done.stderr[-3000:]
    alone = ["--stream", "shards", "--l2", "1e-3", "--solver", "newton", "--out", "one.json", "--twins", *names]
    assert main(["fit", *alone]) == 0
    one, two = fits("one.json"), fits()
    assert one == {name: {**found, "passes": one[name]["passes"]} for name, found in two.items()}


def same_as_alone(ended, twins, name):
    """Whether the fit that a job has written is that of one process, to the last bit."""
    assert [status for status, _ in ended] == [0] * len(ended), ended
    own, found = twins[name].fit(open_shards("shards"), l2=1e-3, solver="newton"), written()
    assert found["parameters"] == {"weight": own.parameters.weight.tolist(), "bias": float(own.parameters.bias)}
    assert (found["objective"], found["distance"]) == (own.objective, own.distance.tolist())
    assert sum(said.count("The fits agree") for _, said in ended) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
@pytest.mark.parametrize("launcher", ["mpirun --allow-run-as-root --oversubscribe", "srun"], ids=["mpirun", "srun"])
def test_other_launchers_start_the_same_job(twins, name, launcher, monkeypatch):
    program, *options = launcher.split()
    there = {"mpirun": "mpirun --version", "srun": "sinfo"}[program].split()
    if shutil.which(there[0]) is None or subprocess.run(there, capture_output=True, check=False).returncode:
        pytest.skip(f"there is no {program} here, or nothing that it could start processes by")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(free_port()))
    command = [program, *options, "-n", "2", sys.executable, "-m", "logreg_parity", *fit(name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    same_as_alone([(done.returncode, done.stdout + done.stderr)], twins, name)


@pytest.mark.slow
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
def test_two_agents_of_torchrun_meet_as_two_machines_do(twins, name):
    meet = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d"]
    command = [sys.executable, "-m", "torch.distributed.run", *meet, f"--rdzv-endpoint=localhost:{free_port()}"]
    command += ["-m", "logreg_parity", *fit(name, "--ranks", "auto")]
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        agents = [stack.enter_context(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)) for _ in "ab"]
        for agent in agents:
            stack.callback(agent.kill)
        said = ["".join(agent.communicate(timeout=LIMIT)) for agent in agents]
        same_as_alone([(agent.returncode, text) for agent, text in zip(agents, said, strict=True)], twins, name)


@pytest.mark.cuda
@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize("name", RUNTIME)
def test_two_gpus_have_the_bits_of_one(twins, name):
    """JAX gathers by NCCL; each of its processes sees its own device alone."""
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    code = """
import os, runpy
if "logreg_jax" in os.sys.argv:
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["RANK"]
runpy.run_module("logreg_parity", run_name="__main__", alter_sys=True)
"""
    ended = run_job(["-c", code, *fit(name, "--device", "cuda")], 2, LIMIT)
    assert [end.status for end in ended] == [0, 0], ended[0].err
    own = twins[name].fit(open_shards("shards"), l2=1e-3, solver="newton", device="cuda")
    assert written()["parameters"]["weight"] == own.parameters.weight.tolist()


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
