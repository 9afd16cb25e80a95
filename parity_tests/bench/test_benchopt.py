"""The solver files run inside benchopt, on the objective of its logistic regression, and reach the optimum."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from logreg_parity import Dataset
from logreg_parity.truth.optimum import find_optimum
from parity_tests.twins.test_mirror import outline

pytestmark = pytest.mark.slow

pandas = pytest.importorskip("pandas", reason="benchopt is not installed; install logreg-parity[benchopt]")
pytest.importorskip("benchopt", reason="benchopt is not installed; install logreg-parity[benchopt]")

ROOT = Path(__file__).parents[2]
SOLVERS = ROOT / "benchmarks" / "benchopt" / "solvers"
TOLERANCE = float(re.search(r"^TOLERANCE = (\S+)", (SOLVERS / "logreg_torch.py").read_text(), re.MULTILINE)[1])
NAMES = ("logreg-torch", "logreg-jax")
OBJECTIVE = """\
import numpy as np
from benchopt import BaseObjective
from logreg_parity import Dataset, Parameters
from logreg_parity.truth import oracle


class Objective(BaseObjective):
    name = "logreg"
    parameters = {"lmbd": [1.0, 0.01], "fit_intercept": [False, True]}

    def set_data(self, X, y):
        self.X, self.y = X, y

    def get_one_result(self):
        return {"beta": np.zeros(self.X.shape[1] + self.fit_intercept)}

    def evaluate_result(self, beta):
        beta, bias = (beta[:-1], beta[-1]) if self.fit_intercept else (beta, 0.0)
        value = np.log1p(np.exp(-self.y * (self.X @ beta + bias))).sum() + self.lmbd / 2 * beta @ beta
        data, point = Dataset(self.X, self.y > 0, "benchopt"), Parameters(beta, bias)
        exact = oracle.evaluate(data, point, l2=self.lmbd, reduction="sum").objective
        return {"value": value, "exact": float(exact)}

    def get_objective(self):
        return {"X": self.X, "y": self.y, "lmbd": self.lmbd, "fit_intercept": self.fit_intercept}
"""
DATASET = """\
import numpy as np
from benchopt import BaseDataset


class Dataset(BaseDataset):
    name = "{name}"

    def get_data(self):
        data = np.load({path!r})
        return {{"X": {X}, "y": data["y"]}}
"""


def simulated():
    """X (60, 4) and y in {-1, 1}, not separable."""
    random = np.random.RandomState(1)
    X = random.standard_normal((60, 4))
    return X, np.sign(X @ [1, -1, 0.5, 2] + 1 + random.logistic(size=60))


@pytest.fixture(scope="module")
def printed_and_rows(tmp_path_factory):
    """What benchopt says, and its table of results: both solver files, one with a fault in it, dense and sparse X."""
    folder = tmp_path_factory.mktemp("benchopt")
    bench = folder / "benchmark"
    for name in ("solvers", "datasets"):
        (bench / name).mkdir(parents=True)
    X, y = simulated()
    np.savez(folder / "data.npz", X=X, y=y)
    path = str(folder / "data.npz")
    (bench / "objective.py").write_text(OBJECTIVE)
    (bench / "datasets" / "dense.py").write_text(DATASET.format(name="dense", path=path, X='data["X"]'))
    sparse = DATASET.format(name="sparse", path=path, X='__import__("scipy.sparse").sparse.csr_array(data["X"])')
    (bench / "datasets" / "sparse.py").write_text(sparse)
    right = (SOLVERS / "logreg_torch.py").read_text()
    (bench / "solvers" / "faulty.py").write_text(right.replace("logreg-torch", "faulty").replace('"sum"', '"mean"'))
    solvers = [part for name in ("logreg_torch", "logreg_jax") for part in ("-s", str(SOLVERS / f"{name}.py"))]
    command = ["run", str(bench), *solvers, "-s", "faulty", "--no-plot", "--output", str(folder / "out.parquet")]
    run = subprocess.run(
        [sys.executable, "-m", "benchopt", *command],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout, pandas.read_parquet(folder / "out.parquet")


def optimum(lmbd, fit_intercept):
    """The exact minimum. Without an intercept: half that of the rows and their mirror images."""
    X, y = simulated()
    if fit_intercept:
        return find_optimum(Dataset(X, y > 0, "simulated"), l2=lmbd, reduction="sum").value
    both = Dataset(np.vstack([X, -X]), np.append(y > 0, y < 0), "simulated and mirrored")
    return find_optimum(both, l2=2 * lmbd, reduction="sum").value / 2


def last(rows, solver, lmbd, fit_intercept):
    chosen = rows[
        (rows["solver_name"] == solver) & (rows["p_obj_lmbd"] == lmbd) & (rows["p_obj_fit_intercept"] == fit_intercept)
    ]
    return chosen.sort_values("stop_val").iloc[-1]


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("lmbd", [1.0, 0.01])
@pytest.mark.parametrize("solver", NAMES)
def test_a_solver_reaches_the_optimum(printed_and_rows, solver, lmbd, fit_intercept):
    """Within the gap that the solver file asks for; both values are rounded to a float."""
    row, least = last(printed_and_rows[1], solver, lmbd, fit_intercept), optimum(lmbd, fit_intercept)
    rounding = np.spacing(least)
    assert -rounding <= row["objective_exact"] - least <= TOLERANCE * least + rounding


def test_a_wrong_penalty_is_seen(printed_and_rows):
    row, least = last(printed_and_rows[1], "faulty", 1.0, False), optimum(1.0, False)
    assert row["objective_exact"] - least > 2.0**-20 * least


def test_the_curve_begins_at_zero(printed_and_rows):
    """benchopt asks for no precision at all first."""
    first = printed_and_rows[1].sort_values("stop_val").iloc[0]
    assert abs(first["objective_exact"] - 60 * np.log(2)) <= 60 * np.spacing(np.log(2))


def test_sparse_data_are_skipped_with_a_reason(printed_and_rows):
    for name in ("logreg_torch", "logreg_jax"):
        assert f"X is sparse; {name} takes dense arrays" in printed_and_rows[0]


def test_the_solver_files_mirror_each_other():
    one, other = (outline((SOLVERS / f"{name}.py").read_text()) for name in ("logreg_torch", "logreg_jax"))
    assert one == other and len(one) > 5
