"""``logreg-parity hash``: every backend at hand has the same bits, and one that has others is found."""

import json
import shutil
import subprocess
import sys

import pytest

from logreg_parity.cli import main
from logreg_parity.truth import exact
from parity_tests.pages import ROOT
from parity_tests.twins.test_exact import PUBLISHED

WAYS = (
    "NumPy",
    "eager",
    "torch.compile",
    "jit,",
    "unfused",
    "unsimplified",
    "op by op",
)  # seven; C twice and node: ten
FIT = ["--fit", "--data", "soft", "--l2", "0.01"]
FEW = ["--steps", "20", "--backends", "numpy", "numba", "c", "node"]
HERE = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("node")), reason="there is no C compiler (cc), or no node"
)
MINI = "--data soft --batch-size 7 --momentum 0.9 --nesterov --l2 0.1 --reduction mean"
SETTINGS = {"published": "", "soft labels, mini-batches": MINI}


def asked(capsys, *options):
    status = main(["hash", *options])
    return status, capsys.readouterr().out


@HERE
@pytest.mark.parametrize("setting", SETTINGS)
def test_numba_c_and_javascript_have_the_bits_of_numpy(setting, capsys):
    status, said = asked(capsys, *FEW, *SETTINGS[setting].split())
    assert status == 0 and "one hash: 10 runs, the same bits." in said and "left out" not in said


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("c++"), reason="torch.compile needs a C++ compiler (c++)")
def test_every_way_of_both_frameworks_has_them():
    """In a process of its own: torch.compile imports what warns."""
    options = ["--steps", "6", "--backends", "numpy", "torch", "jax", "--dtype", "float64", "--json"]
    done = subprocess.run([sys.executable, "-m", "logreg_parity", "hash", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    names = [row["backend"] for row in found["backends"]]
    assert found["one hash"] and all(row["same"] for row in found["backends"])
    assert all(any(way in name for name in names) for way in WAYS)


def test_the_digest_is_that_of_the_published_page(capsys):
    status, said = asked(capsys, "--backends", "numpy", "--json")
    digest = json.loads(said)["digest"]
    assert status == 0 and {dtype: (d["points"][:16], d["losses"][:16]) for dtype, d in digest.items()} == PUBLISHED
    page = (ROOT / "docs" / "exact.md").read_text(encoding="utf-8")
    assert all(part in page for parts in PUBLISHED.values() for part in parts)


@HERE
def test_other_bits_are_found(monkeypatch, capsys):
    monkeypatch.setattr(exact, "CONSTANTS", {name: x * (1 + 2.0**-52) for name, x in exact.CONSTANTS.items()})
    status, said = asked(capsys, *FEW)
    assert status == 1 and "Not one hash" in said and said.count("OTHER BITS") == 4  # float32 does not see it
    status, said = asked(capsys, *FIT, "--dtype", "float64", "--backends", "numpy", "numba", "c", "node")
    assert status == 1 and said.count("OTHER BITS") == 4


def test_what_is_missing_is_left_out_and_said(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    status, said = asked(capsys, *FEW)
    assert status == 0 and "left out: there is no node" in said and "left out: there is no C compiler" in said


def test_a_digest_knows_one_nan():
    assert exact.digest([float("nan"), 1.0], "float32") == exact.digest([-float("nan"), 1.0], "float32")
    assert exact.digest([0.0], "float64") != exact.digest([-0.0], "float64")


@HERE
def test_a_fit_has_one_hash_too(capsys):
    status, said = asked(capsys, *FIT, "--backends", "numpy", "numba", "torch", "c", "node")
    assert status == 0 and "one hash: 12 fits, the same bits." in said and "parameters        objective" in said


def test_a_fit_has_no_use_for_the_options_of_a_run(capsys):
    assert main(["hash", "--fit", "--steps", "3"]) == 2 and "--steps is for a run" in capsys.readouterr().err
