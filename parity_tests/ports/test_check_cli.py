"""``logreg-parity check`` and the pytest fixture: files in, a table, words, a report and a status out."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from logreg_parity.cli import main
from parity_tests.pages import ROOT, blocks, prepare

pytestmark = pytest.mark.slow

TORCH = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2), loss

def loss(model, batch):
    return torch.nn.functional.cross_entropy(model(batch["x"]), batch["y"])

def alone():
    return torch.nn.Linear(3, 2)

def broken():
    raise RuntimeError("no weights file")
"""
JAX = """
import jax, jax.numpy as jnp

def build():
    return loss

def loss(params, batch):
    z = batch["x"] @ params["w"] + params["b"]
    return -jnp.take_along_axis(jax.nn.log_softmax(z), batch["y"][:, None], axis=1).mean()

def doubled():
    return (lambda params, batch: 2 * loss(params, batch)), {
        "w": jax.ShapeDtypeStruct((3, 2), jnp.float32), "b": jax.ShapeDtypeStruct((2,), jnp.float32)}
"""
MAPPING = {"weight": {"path": "w", "transpose": True}, "bias": "b"}
TOML = 'bias = "b"\n[weight]\npath = "w"\ntranspose = true\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    rng = np.random.RandomState(0)
    np.savez(tmp_path / "batch.npz", x=rng.randn(5, 3), y=rng.randint(0, 2, 5))
    np.save(tmp_path / "one.npy", rng.randn(5))
    files = {"my_torch.py": TORCH, "my_jax.py": JAX, "map.json": json.dumps(MAPPING), "map.toml": TOML, "bad.json": "{"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments) -> int:
    given = [argument for argument in arguments if not argument.startswith("--params=")]
    params = next((argument for argument in arguments if argument.startswith("--params=")), "--params=map.json")
    return main(["check", *given, params, "--steps", "1"])


@pytest.mark.parametrize(("mapping", "jax", "status"), [("map.toml", "build", 0), ("map.json", "doubled", 1)])
def test_the_command_says_and_writes_it(folder, mapping, jax, status, capsys):
    done = run("my_torch.py:build", f"my_jax.py:{jax}", "--data", "batch.npz", f"--params={mapping}", "--out", "out")
    printed = " ".join(capsys.readouterr().out.split())
    report = json.loads((folder / "out" / "check.json").read_text())
    assert done == status
    assert report["verdict"] == ("OUTSIDE" if status else "within")
    assert "Written: out/check.json, out/check.md" in printed and " ".join(report["cause"].split()) in printed
    assert ("2 times PyTorch's" in printed) == bool(status)
    assert report["how_sure"] in (folder / "out" / "check.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nothing.py:build", "my_jax.py:build", "--data", "batch.npz"],
            "the PyTorch side is 'nothing.py:build'; give",
        ),
        (["my_torch.py:built", "my_jax.py:build", "--data", "batch.npz"], "has no function 'built'"),
        (["my_torch.py:broken", "my_jax.py:build", "--data", "batch.npz"], "PyTorch side: my_torch.py:broken fails"),
        (["my_torch.py:build", "my_torch.py:broken", "--data", "batch.npz"], "the JAX side: my_torch.py:broken fails"),
        (["my_torch.py:build", "my_jax.py:build", "--data", "one.npy"], "one array; give an .npz"),
        (["my_torch.py:build", "my_jax.py:build", "--data", "map.json"], "no .npz"),
        (["my_torch.py:build", "my_jax.py:build", "--data", "absent.npz"], "absent.npz"),
        (["my_torch.py:build", "my_jax.py:build", "--data", "batch.npz", "--params=bad.json"], "not JSON"),
        (["my_torch.py:build", "my_jax.py:build", "--data", "batch.npz", "--params=map.txt"], "a .json or a .toml"),
        (["my_torch.py:alone", "my_jax.py:build", "--data", "batch.npz"], "the PyTorch side failed"),
        (["my_torch.py:build", "my_jax.py:build", "--data", "batch.npz", "--out", "map.json"], "a file; give a folder"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_bad_input_has_status_2_and_leaves_no_report(folder, arguments, words, capsys):
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err
    assert not (folder / "check").exists()


USER_TEST = """
import numpy as np
import torch

def loss(params, batch):
    return factor * (batch["x"] @ params["weight"].T + params["bias"]).mean()

def test_parity(assert_parity):
    batch = {"x": np.ones((4, 3))}
    options = {"torch_loss": lambda model, batch: model(batch["x"]).mean(), "samples": 4, "steps": 1}
    assert_parity(torch.nn.Linear(3, 1), loss, batch, **options)

def test_no_batch(assert_parity):
    assert_parity(torch.nn.Linear(3, 1), loss, {"x": np.array([np.nan])})
"""


@pytest.mark.parametrize("factor", [1, 4])
def test_the_fixture_fails_with_the_explanation(pytester, factor):
    pytester.makepyfile(f"factor = {factor}\n{USER_TEST}")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")  # here it would import the frameworks again
    done.assert_outcomes(passed=1 if factor == 1 else 0, failed=1 if factor == 1 else 2)
    done.stdout.fnmatch_lines(["*cannot be held together: batch?'x'? holds 1 values*"])
    if factor == 4:
        done.stdout.fnmatch_lines(
            ["PyTorch to JAX: OUTSIDE", "*gradient of weight*", "JAX's loss and its whole gradient*"]
        )


@pytest.mark.parametrize("second", ["build", "doubled"])
def test_a_run_without_a_file_of_tests(folder, pytester, second):
    files = ["--parity-data", folder / "batch.npz", "--parity-map", folder / "map.json"]
    sides = ["--parity", f"{folder}/my_torch.py:build", f"{folder}/my_jax.py:{second}"]
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *sides, *files)
    done.assert_outcomes(**({"passed": 1} if second == "build" else {"failed": 1}))
    if second == "doubled":
        done.stdout.fnmatch_lines(["PyTorch to JAX: OUTSIDE", "*2 times PyTorch's*"])


def test_parity_without_a_batch_is_refused(pytester):
    done = pytester.runpytest_inprocess("--parity", "a.py:build", "b.py:build")
    done.stderr.fnmatch_lines(["*give the batch, an .npz*"])


PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
SHOWN = [block.body for block in blocks(PAGE) if block.language == "console"]


def test_the_page_shows_what_the_command_says(tmp_path, monkeypatch):
    """Digits differ from machine to machine; statuses, quantities and causes do not."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    faults = ("tanh approximation of GELU", "32 times", "number changed", "with N - 1", "exactly 0 on the JAX side")
    for block, cause in zip(SHOWN, ("", *faults), strict=True):
        assert main(shlex.split(block.split("\n")[0])[2:]) == (1 if cause else 0)
        report = json.loads(Path("check/check.json").read_text())
        shown = [line.split("  ")[1] for line in block.splitlines() if line.endswith("   within")]
        assert cause in report["cause"] and cause in " ".join(block.split())
        assert not shown or shown == list(dict.fromkeys(row["quantity"] for row in report["rows"]))
