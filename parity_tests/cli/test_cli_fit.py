"""``logreg-parity fit``: what is printed, written and returned."""

import json

import numpy as np
import pytest

import logreg_torch
from logreg_parity import gaussian
from logreg_parity.cli import main

DEPENDENT = "a,b,y\n" + "".join(f"{x},{2 * x},{label}\n" for x, label in enumerate("0100110110101"))
FAULTY = """
from dataclasses import replace

import logreg_torch
from logreg_torch import devices, evaluate, train, versions


def fit(dataset, **options):
    right = logreg_torch.fit(dataset, **options)
    weight = 1.0001 * right.parameters.weight
    return replace(right, parameters=right.parameters._replace(weight=weight))
"""


def run(tmp_path, *arguments):
    status = main(["fit", *arguments, "--out", str(tmp_path / "fit.json")])
    written = tmp_path / "fit.json"
    return status, json.loads(written.read_text()) if written.exists() else {}


@pytest.mark.parametrize("name", ["published", "bernoulli", "soft"])
def test_made_data(tmp_path, name, capsys):
    status, report = run(tmp_path, "--data", name)
    printed = capsys.readouterr().out
    assert status == 0 and report["agree"] and "The fits agree" in printed
    assert {fit["status"] for fit in report["fits"].values()} == {"converged"}
    assert f"{report['fits']['logreg_torch']['objective']:.15g}" in printed


def test_separable_data_have_no_optimum(tmp_path, capsys):
    (tmp_path / "table.csv").write_text("x,y\n1,0\n2,0\n3,1\n4,1\n")
    status, report = run(tmp_path, "--data", str(tmp_path / "table.csv"), "--label", "y")
    assert status == 0 and "There is no finite optimum." in capsys.readouterr().out
    assert report["fits"]["logreg_jax"]["gap"] is None


def test_options_reach_the_fit(tmp_path):
    options = ["--solver", "lbfgs", "--l2", "0.5", "--reduction", "sum", "--tolerance", "1e-5", "--dtype", "float32"]
    options += ["--no-intercept", "--kernel", "fused"]
    _, report = run(tmp_path, *options)
    wanted = {"solver": "lbfgs", "l2": 0.5, "reduction": "sum", "tolerance": 1e-5, "dtype": "float32", "device": "cpu"}
    wanted |= {"intercept": False, "kernel": "fused"}
    assert report["settings"] == wanted
    assert {fit["solver"] for fit in report["fits"].values()} == {"lbfgs"}


def test_dependent_columns_end_without_a_proof(tmp_path, capsys):
    (tmp_path / "table.csv").write_text(DEPENDENT)
    status, _ = run(tmp_path, "--data", str(tmp_path / "table.csv"), "--label", "y")
    assert status == 3 and "'b' is 2 'a': leave one of them out" in capsys.readouterr().out


def test_a_stream_is_fitted_and_its_checkpoint_kept(tmp_path):
    rows = gaussian(500, 2, seed=1)
    np.savez(tmp_path / "rows.npz", X=rows.X, y=rows.y)
    options = ["--stream", str(tmp_path / "rows.npz"), "--checkpoint", str(tmp_path / "state"), "--l2"]
    status, report = run(tmp_path, *options, "0.01")
    held = logreg_torch.fit(rows, l2=0.01)
    found = report["fits"]["logreg_torch"]
    apart = np.abs(found["parameters"]["weight"] - held.parameters.weight)
    assert status == 0 and report["sha256"] is None
    assert (apart <= np.array(found["distance"])[:2] + held.distance[:2]).all()
    assert {path.name for path in (tmp_path / "state").iterdir()} == {"logreg_torch.npz", "logreg_jax.npz"}
    assert main(["fit", *options, "0.02"]) == 2  # the checkpoint is of another fit


def test_a_wrong_twin_is_seen(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_fit.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    status, report = run(tmp_path, "--twins", "logreg_torch", "my_fit")
    assert status == 1 and not report["agree"] and "DISAGREE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--twins", "logreg_parity.truth.reference"], "has no function fit"),
        (["--solver", "sgd"], "solver is 'sgd'"),
        (["--device", "tpu"], "device is 'tpu'"),
        (["--tolerance", "2"], "tolerance is 2"),
        (["--stream", "a", "b", "c"], "--stream names 3 files"),
        (["--stream", "a.npz", "--label", "y"], "--label is not for a stream"),
        (["--stream", "a.npz", "--data", "soft"], "--data is not for a stream"),
        (["--stream", "missing.npz"], "missing.npz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_explained(tmp_path, arguments, words, capsys):
    status, report = run(tmp_path, *arguments)
    assert status == 2 and report == {} and words in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_seen_before_anything_runs(tmp_path, capsys):
    assert main(["fit", "--out", str(tmp_path / "no" / "fit.json")]) == 2
    assert "a folder that exists" in capsys.readouterr().err
