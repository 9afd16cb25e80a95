"""Where one framework is missing its half says so, and the other works: in interpreters that do not find it."""

import subprocess
import sys

import pytest

from logreg_parity.twins import load_twin

pytestmark = pytest.mark.slow

WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    def find_spec(name, *where):
        return None if name.split(".")[0] in {gone} else PathFinder.find_spec(name, *where)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
BELONGS = {"torch": ("torch",), "jax": ("jax", "jaxlib", "optax")}
OTHER = {"torch": "jax", "jax": "torch"}
LOSS = """
from logreg_parity import grade

def loss(params, model, x, y):
    return y.at[0].set(0).sum()  # only JAX's arrays know this: NumPy is tried first, then PyTorch

grade("logistic_loss", loss)
"""


def run(folder, gone: str, code: str) -> subprocess.CompletedProcess:
    """A program in an interpreter that finds no package of a framework."""
    program = WITHOUT.replace("{gone}", repr(BELONGS[gone])) + code
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder)


def command(folder, gone: str, *arguments: str) -> subprocess.CompletedProcess:
    """A command of ours in such an interpreter."""
    return run(folder, gone, f"from logreg_parity.cli import main\nsys.exit(main({list(arguments)!r}))")


@pytest.mark.parametrize("gone", BELONGS)
def test_the_other_half_works(tmp_path, gone):
    twin = f"logreg_{OTHER[gone]}"
    done = command(tmp_path, gone, "record", "--twin", twin, "--steps", "5", "--out", "a.npz")
    assert done.returncode == 0, done.stderr
    assert f"5 steps of {twin}" in done.stdout


@pytest.mark.parametrize(
    ("gone", "arguments"), [("torch", ["--steps", "5"]), ("jax", ["--steps", "5"]), ("jax", ["optimizers"])]
)
def test_what_needs_the_missing_half_says_so(tmp_path, gone, arguments):
    done = command(tmp_path, gone, *arguments)
    assert done.returncode == 2
    assert f"pip install {gone}" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("gone", BELONGS)
def test_a_function_that_names_no_framework_is_tried_in_those_there_are(tmp_path, gone):
    done = run(tmp_path, gone, LOSS)
    assert done.returncode == 0, done.stderr
    assert "logistic_loss: " in done.stdout


def test_what_a_users_twin_misses_is_named(tmp_path, monkeypatch):
    (tmp_path / "wants_a_package.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="pip install no_such_package, or name only twins that do without"):
        load_twin("wants_a_package")
