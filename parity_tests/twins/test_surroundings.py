"""What the program around has chosen changes no result, and is as it was afterwards; from several threads too."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import pytest
import torch

from logreg_parity import gaussian
from logreg_parity.data.dataset import Parameters
from logreg_parity.explain.trace import record
from logreg_parity.twins import Setting
from logreg_torch.convert import one_thread

ROOT = Path(__file__).parents[2]
DATASET, START = gaussian(60, 3, seed=1), Parameters(np.array([0.5, -0.25, 1]), 0.125)
SETTING = Setting(steps=4, learning_rate=0.5, momentum=0.5, batch_size=7, l2=0.25)


def results(twin, dtype="float32"):
    """The bits of a run by each engine, of a trace, of one point looked at, and of a fit by the twin's own solver."""
    name, found = twin.__name__, []
    for engine in ("eager", "fast"):
        run = twin.train(DATASET, START, steps=4, learning_rate=0.5, dtype=dtype, engine=engine)
        found += [run.losses, run.weights, run.biases]
    seen = twin.evaluate(DATASET, START, dtype=dtype, l2=0.25)
    trace = record(name, twin, DATASET, START, SETTING, dtype=dtype)
    fit = twin.fit(DATASET, l2=1e-3, solver="lbfgs", max_iterations=30)
    found += [*seen[:3], *seen.gradient, *seen[4:], trace.points, trace.gradients, *fit.parameters, fit.gap]
    return b"".join(np.asarray(part).tobytes() for part in found)


def state():
    """What the program around sees of its own choices, and the random numbers that it would draw next."""
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.mkldnn.matmul.fp32_precision,
        torch.are_deterministic_algorithms_enabled(),
        torch.get_rng_state().numpy().tobytes(),
        np.random.get_state()[1].tobytes(),
        jax.config.jax_enable_x64,
        jax.config.jax_default_matmul_precision,
        jax.config.jax_numpy_dtype_promotion,
        jax.config.jax_numpy_rank_promotion,
    )


@contextmanager
def chosen(choose, value, before):
    """A choice for the whole process, and back."""
    choose(value)
    try:
        yield
    finally:
        choose(before)


def for_all(name, value, before):
    return lambda: chosen(lambda given: jax.config.update(name, given), value, before)


TORCH = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference mode": torch.inference_mode,
    "default dtype": lambda: chosen(torch.set_default_dtype, torch.float64, torch.float32),
    "default device": lambda: torch.device("meta"),
    "products": lambda: chosen(torch.set_float32_matmul_precision, "medium", "highest"),
    "deterministic": lambda: chosen(torch.use_deterministic_algorithms, True, False),
    "threads": lambda: chosen(torch.set_num_threads, 3, torch.get_num_threads()),
}
JAX = {
    "x64": lambda: jax.enable_x64(True),
    "x64 for all": for_all("jax_enable_x64", True, False),
    "products": lambda: jax.default_matmul_precision("bfloat16"),
    "strict promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "no broadcasting": lambda: jax.numpy_rank_promotion("raise"),
    "no transfers": lambda: jax.transfer_guard("disallow"),
}


@pytest.mark.parametrize(
    ("name", "around"), [("logreg_torch", key) for key in TORCH] + [("logreg_jax", key) for key in JAX]
)
def test_the_surroundings_change_nothing(twins, name, around):
    twin, table = twins[name], {"logreg_torch": TORCH, "logreg_jax": JAX}[name]
    without = results(twin)
    with table[around]():
        before = state()
        within = results(twin)
        assert state() == before
    assert within == without


def test_random_numbers_change_nothing_and_are_not_drawn(twin):
    without = results(twin)
    np.random.seed(7)
    torch.manual_seed(7)
    before = state()
    assert results(twin) == without and state() == before


def test_the_check_sees_a_choice_that_is_not_undone(twins, monkeypatch):
    """As autocast was, before it was switched off."""
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: False)
    without = results(twins["logreg_torch"])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert results(twins["logreg_torch"]) != without


def test_four_threads_at_once_compute_the_same_and_leave_nothing(twin):
    without = results(twin)
    with chosen(torch.set_num_threads, 2, torch.get_num_threads()):
        before = state()
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: results(twin), range(8)))
        with ThreadPoolExecutor(1) as fresh:
            assert fresh.submit(torch.get_num_threads).result() == 2
        assert state() == before
    assert set(found) == {without}


def test_a_thread_that_met_the_one_of_others_leaves_the_number_of_the_process():
    """Its first question comes while another thread is within, so that it begins with that one's 1."""
    with chosen(torch.set_num_threads, 2, torch.get_num_threads()):
        with ThreadPoolExecutor(1) as late:
            with one_thread():
                assert late.submit(torch.get_num_threads).result() == 1
            late.submit(inside, one_thread).result()
        with ThreadPoolExecutor(1) as fresh:
            assert fresh.submit(torch.get_num_threads).result() == 2


def inside(context):
    with context():
        return torch.get_num_threads()


def test_gradients_are_taken_within_no_grad():
    from logreg_torch.gradient import hessian, value_and_grad
    from logreg_torch.model import LogisticRegression

    model, X, y = LogisticRegression(torch.ones(2), torch.tensor(0.0)), torch.ones(3, 2), torch.ones(3)
    wanted = [*value_and_grad(model, X, y)[1], hessian(model, X, y)]
    with torch.no_grad():
        found = [*value_and_grad(model, X, y)[1], hessian(model, X, y)]
        assert not torch.is_grad_enabled()
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


FORKED = """
import os, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from logreg_parity import gaussian
from logreg_parity.data.dataset import Parameters
import {twin} as twin
data, start = gaussian(40000, 4, seed=1), Parameters(np.zeros(4), 0.0)
{first}
child = os.fork()
if child == 0:
    try:
        run = twin.train(data, start, steps=1, learning_rate=0.5)
        fit = twin.fit(data, l2=1e-3, solver="newton")
        print(fit.status, flush=True)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("twin", "first", "said"),
    [
        ("logreg_torch", "twin.fit(data); twin.train(data, start, steps=1, learning_rate=0.5)", "converged"),
        (
            "logreg_jax",
            "import jax; jax.numpy.ones(3).sum()",
            "this process was forked from one in which JAX had begun",
        ),
    ],
    ids=["torch", "jax"],
)
def test_after_a_fork_there_is_a_result_or_an_error_and_no_waiting(twin, first, said):
    code = FORKED.format(twin=twin, first=first)
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.stdout.startswith(said), run.stderr
