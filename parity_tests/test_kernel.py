"""The GPU's kernel, by Triton's interpreter and on a GPU: within the bounds of the passes that the frameworks make."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from logreg_parity.data.dataset import Parameters
from logreg_parity.solvers.kernel import launch
from logreg_parity.truth import oracle
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.ulp import round_dataset
from parity_tests.conftest import TWINS
from parity_tests.interpreted import PRECISIONS, PROBLEMS, passes

ROOT = Path(__file__).parent.parent


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


@pytest.mark.parametrize("twin", TWINS)
def test_every_pass_is_within_its_bounds(twin):
    found = interpreted(twin)
    assert len(found) == len(PROBLEMS) * len(PRECISIONS) and wrong(found) == []


@pytest.mark.parametrize("twin", TWINS)
def test_so_is_every_pass_where_the_kernel_runs(twin, device):
    assert wrong(passes(importlib.import_module(f"{twin}.blocked"), device)) == []


@pytest.mark.parametrize("k", [1, 2, 29, 101, 1024])
@pytest.mark.parametrize("n", [1, 10**3, 10**6])
def test_the_programs_cover_a_block_and_are_no_more_than_it_has_tiles(k, n):
    programs, warps, constants = launch(k, n, weighted=False)
    assert constants["FEATURES"] >= k and constants["FEATURES"] * constants["ROWS"] == 1024 * warps
    assert (programs - 1) * constants["ROWS"] < n
