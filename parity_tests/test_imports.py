"""Who may import whom: the stem knows no framework, and a twin only its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from logreg_parity.cli import COMMANDS

ROOT = Path(__file__).parent.parent


def modules(package: str) -> list[str]:
    """Every module of a package of this repository, but the one that runs the command line."""
    files = (path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / package).rglob("*.py")))
    return [".".join(path.parts).removesuffix(".__init__") for path in files if path.name != "__main__"]


def loaded(*names: str) -> set[str]:
    """The top-level packages in a fresh interpreter after importing these modules."""
    code = f"import importlib, json, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    code += "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


@pytest.mark.parametrize(
    ("names", "foreign"),
    [
        (modules("logreg_parity"), {"torch", "jax", "optax", "logreg_torch", "logreg_jax"}),
        (modules("logreg_torch"), {"jax", "optax", "logreg_jax"}),
        (modules("logreg_jax"), {"torch", "logreg_torch"}),
        (
            ["logreg_parity.data.tables", "logreg_parity.data.generator"],
            {"gmpy2", "flint", "scipy", "matplotlib", "rich"},
        ),
    ],
    ids=["stem", "torch", "jax", "data"],
)
def test_nothing_foreign_is_imported(names, foreign):
    assert not loaded(*names) & {*foreign, "parity_tests", "benchmarks"}


def test_the_check_sees_a_framework():
    assert "torch" in loaded("logreg_torch") and "jax" in loaded("logreg_jax")


def test_help_imports_nothing_heavy():
    """So that --help answers at once; what is heavy comes when a command runs."""
    commands = [f"logreg_parity.cli.{name}" for name in COMMANDS]
    assert not loaded(*commands) & {"gmpy2", "flint", "matplotlib", "rich", "scipy", "torch", "jax"}
