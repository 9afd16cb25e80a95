"""Who may import whom: the stem knows no framework, and a twin only its own."""

import json
import subprocess
import sys

import pytest

from logreg_parity.cli import COMMANDS

STEM = [
    "logreg_parity",
    "logreg_parity.cli.compare",
    "logreg_parity.cli.explain",
    "logreg_parity.cli.museum",
    "logreg_parity.cli.explore",
    "logreg_parity.cli.record",
    "logreg_parity.cli.optimizers",
    "logreg_parity.cli.passport",
    "logreg_parity.judge.compare",
    "logreg_parity.judge.explain",
    "logreg_parity.judge.figures",
    "logreg_parity.judge.museum.score",
    "logreg_parity.judge.optimizers",
    "logreg_parity.judge.passport",
    "logreg_parity.judge.report",
    "logreg_parity.judge.twin",
    "logreg_parity.teach.explore.page",
    "logreg_parity.teach.explore.recordings",
    "logreg_parity.truth.optimum",
    "logreg_parity.truth.reference",
]


def loaded(*names: str) -> set[str]:
    """The top-level packages in a fresh interpreter after importing these modules."""
    code = f"import importlib, json, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    code += "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


@pytest.mark.parametrize(
    ("modules", "foreign"),
    [
        (STEM, {"torch", "jax", "optax", "logreg_torch", "logreg_jax"}),
        (
            ["logreg_torch", "logreg_torch.workshop", "logreg_torch.optimizers", "logreg_torch.probes"],
            {"jax", "optax", "logreg_jax"},
        ),
        (
            ["logreg_jax", "logreg_jax.workshop", "logreg_jax.optimizers", "logreg_jax.probes"],
            {"torch", "logreg_torch"},
        ),
        (["logreg_parity.data.tables", "logreg_parity.data.generator"], {"gmpy2", "scipy", "matplotlib", "rich"}),
    ],
    ids=["stem", "torch", "jax", "data"],
)
def test_nothing_foreign_is_imported(modules, foreign):
    assert not loaded(*modules) & {*foreign, "parity_tests", "benchmarks"}


def test_the_check_sees_a_framework():
    assert "torch" in loaded("logreg_torch") and "jax" in loaded("logreg_jax")


def test_help_imports_nothing_heavy():
    """So that --help answers at once; what is heavy comes when a command runs."""
    commands = [f"logreg_parity.cli.{name}" for name in COMMANDS]
    assert not loaded(*commands) & {"gmpy2", "matplotlib", "rich", "scipy", "torch", "jax"}
