"""Where one framework is missing its half says so, and the other works: in interpreters that do not find it."""

import json
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
ASKED = {
    "torch": {"record": "record --twin logreg_jax --steps 5 --out a.npz", "compare": "--steps 5"},
    "jax": {
        "record": "record --twin logreg_torch --steps 5 --out a.npz",
        "compare": "--steps 5",
        "optimizers": "optimizers",
    },
}
"""What is asked for without a framework."""
ASK = """
import io, json
from contextlib import redirect_stderr, redirect_stdout
from logreg_parity import grade
from logreg_parity.cli import main

def loss(params, model, x, y):
    return y.at[0].set(0).sum()  # only JAX's arrays know this: NumPy is tried first, then PyTorch

def seen(call):
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = call()
    return status, out.getvalue(), err.getvalue()

answers = {name: seen(lambda: main(words.split())) for name, words in ASKED.items()}
answers["grade"] = seen(lambda: bool(grade("logistic_loss", loss)))
print(json.dumps(answers))
"""


@pytest.fixture(scope="module", params=BELONGS)
def gone(request):
    """A framework that an interpreter does not find."""
    return request.param


@pytest.fixture(scope="module")
def answers(gone, tmp_path_factory):
    """By what is asked for: status, what is printed, and what is said of an error; and the files that are left."""
    folder = tmp_path_factory.mktemp(gone)
    program = WITHOUT.replace("{gone}", repr(BELONGS[gone])) + f"ASKED = {ASKED[gone]!r}" + ASK
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "files": [path.name for path in folder.iterdir()]}


def test_the_other_half_works(gone, answers):
    status, printed, said = answers["record"]
    assert status == 0, said
    assert f"5 steps of logreg_{'jax' if gone == 'torch' else 'torch'}" in printed


def test_what_needs_the_missing_half_says_so(gone, answers):
    for name in ASKED[gone].keys() - {"record"}:
        status, _, said = answers[name]
        assert status == 2, name
        assert f"pip install {gone}" in said and "Traceback" not in said
    assert answers["files"] == ["a.npz"]


def test_a_function_that_names_no_framework_is_tried_in_those_there_are(answers):
    _, printed, said = answers["grade"]
    assert "logistic_loss: " in printed and not said


def test_what_a_users_twin_misses_is_named(tmp_path, monkeypatch):
    (tmp_path / "wants_a_package.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="pip install no_such_package, or name only twins that do without"):
        load_twin("wants_a_package")
