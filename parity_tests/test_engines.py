"""The engines take the steps of the eager loop: the judge certifies every point of each, and the books are the same.

PyTorch's compiled engine is tried with few steps a graph and on few problems: each shape costs it seconds.
"""

import importlib
import inspect

import numpy as np
import pytest

from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.data.dataset import batch_index, batches
from logreg_parity.judge.compare import compare
from logreg_parity.judge.quantities import Setting
from logreg_parity.judge.twin import OnEngine, load_twin
from logreg_parity.truth import reference
from logreg_parity.truth.bounds import PointBounds, largest_curvature
from parity_tests.cases import CASES
from parity_tests.conftest import TWINS

QUICK = [(name, engine) for name in TWINS for engine in ("inplace", "compiled") if (name, engine) != (TWINS[0], "compiled")]
FAST = [*QUICK, (TWINS[0], "compiled")]
DATASET = gaussian(30, 2, seed=1)
START = Parameters(np.array([0.5, -1.0]), 0.25)
OPTIONS = {"steps": 6, "learning_rate": 0.125}


@pytest.fixture(autouse=True)
def few_steps_a_graph(monkeypatch):
    for module in ("walks", "engines"):
        monkeypatch.setattr(f"logreg_torch.{module}.STEPS_A_GRAPH", 3)


def judged(engines, case, dtype, **setting):
    """The rows that are not within their bounds, every engine held to the exact run and to every other."""
    options = {name: setting[name] for name in ("l2", "reduction") if name in setting}
    rate = 0.5 / largest_curvature(CASES[case].dataset, **options)
    subjects = {f"{name} {engine}": OnEngine(name, load_twin(name), engine) for name, engine in engines}
    comparison = compare(subjects, *CASES[case], Setting(20, rate, **setting), dtypes=[dtype], devices=["cpu"])
    return [row for row in comparison.rows if row.verdict != "within"]


BATCHED = {"batch_size": 7, "l2": 0.125, "reduction": "sum", "record": "before"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("setting", [{}, {"batch_size": 7, "l2": 0.125}, BATCHED], ids=["rows", "batches", "sum"])
@pytest.mark.parametrize("case", ["published", "correlated", "weighted", "soft", "saturated"])
def test_every_engine_walks_the_certified_path(case, setting, dtype):
    assert not judged([*QUICK, *((name, "eager") for name in TWINS)], case, dtype, **setting)


@pytest.mark.parametrize(("case", "setting"), [("published", {}), ("soft", BATCHED)], ids=["rows", "batches"])
def test_so_does_what_torch_compiles(case, setting):
    assert not judged([("logreg_torch", "compiled")], case, "float32", **setting)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("case", ["published", "weighted"])
def test_half_precision_never_leaves_its_bound(case, dtype):
    assert not [row for row in judged(QUICK, case, dtype) if row.verdict == "OUTSIDE"]
