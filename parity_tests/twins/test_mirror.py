"""The twins mirror each other: the same files, and in them the same definitions in the same order.

Names with a leading underscore are where the frameworks differ (an ``autograd.Function`` is a class, a custom
derivative in JAX a function) and may differ. So may how a model is called: ``forward`` in PyTorch is ``__call__`` in
JAX, and a NamedTuple needs no ``__init__``.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def files(package: str) -> list[str]:
    """Every file of a twin, subfolders included."""
    return sorted(path.relative_to(ROOT / package).as_posix() for path in (ROOT / package).rglob("*.py"))


FILES = files("logreg_torch")
SAME = {"forward": "__call__"}
OWN = ("__init__",)
FRAMEWORKS = ("PyTorch", "torch", "JAX", "jax", "tensors", "arrays", "a tensor", "an array")


def outline(source: str) -> list[tuple]:
    """(name, arguments with their defaults, first docstring line) of every public definition, methods included."""
    entries = []

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.Assign):
                entries.extend((prefix + ast.unparse(target), "=", "") for target in node.targets)
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name in OWN:
                continue
            name = SAME.get(node.name, node.name)
            if name.startswith("_") and not name.startswith("__"):
                continue
            line = (ast.get_docstring(node) or "").split("\n")[0]
            arguments = ast.unparse(node.args) if isinstance(node, ast.FunctionDef) else ""
            entries.append((prefix + name, arguments, line))
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{name}.")

    tree = ast.parse(source)
    visit(tree.body, "")
    module_line = (ast.get_docstring(tree) or "").split("\n")[0]
    return [("module", "", neutral(module_line)), *((n, neutral(a), neutral(d)) for n, a, d in entries)]


def neutral(text: str) -> str:
    """The text without the framework's name and its word for an array."""
    for word in FRAMEWORKS:
        text = text.replace(word, "…")
    return text


def read(package: str, name: str) -> str:
    return (ROOT / package / name).read_text(encoding="utf-8")


def test_the_twins_have_the_same_files():
    assert files("logreg_jax") == FILES
    assert {"model.py", "speed/rows.py", "bridge/probes.py"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_same_definitions_in_the_same_order(name):
    assert outline(read("logreg_torch", name)) == outline(read("logreg_jax", name))


@pytest.mark.parametrize("name", FILES)
def test_every_public_definition_has_a_docstring(name):
    missing = [entry[0] for entry in outline(read("logreg_torch", name)) if entry[1] != "=" and not entry[2]]
    assert not missing


@pytest.mark.parametrize("package", ["logreg_torch", "logreg_jax"])
def test_files_fit_on_two_screens(package):
    long = {name: len(read(package, name).splitlines()) for name in files(package)}
    assert max(long.values()) <= 120, long


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def hessian(", "def curvature("),
        ("(model, X, y, **options)", "(model, y, X, **options)"),
        ('loss="stable"', 'loss="textbook"'),
        ("The second derivative", "The curvature"),
        ("def value_and_grad(", "def _value_and_grad("),
    ],
    ids=["name", "argument order", "default", "docstring", "missing"],
)
def test_a_broken_mirror_is_seen(old, new):
    source = read("logreg_torch", "gradient.py")
    assert old in source and outline(source) != outline(source.replace(old, new))
