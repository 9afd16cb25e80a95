"""The twins mirror each other: the same files, and in them the same definitions in the same order.

Names with a leading underscore are where the frameworks differ (an ``autograd.Function`` is a class, a custom
derivative in JAX a function) and may differ. So may how a model is called: ``forward`` in PyTorch is ``__call__`` in
JAX, and a NamedTuple needs no ``__init__``. A gradient is a class of its own in PyTorch, in JAX a model by nature.
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
BY_NATURE = ("Gradient",)
FRAMEWORKS = ("PyTorch", "torch", "JAX", "jax", "Tensor", "Array", "tensors", "arrays", "a tensor", "an array")


def outline(source: str) -> list[tuple]:
    """(name, arguments with types and defaults, first docstring line) of every public definition, methods included."""
    entries = []

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.Assign):
                targets = [ast.unparse(target) for target in node.targets]
                entries.extend((prefix + name, "=", "") for name in targets if not name.startswith("_"))
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
    entries = [entry if entry[0] not in BY_NATURE else (entry[0], "=", "") for entry in entries]
    return [("module", "", neutral(module_line)), *((n, neutral(a), neutral(d)) for n, a, d in entries)]


def neutral(text: str) -> str:
    """The text without the framework's name and its word for an array."""
    for word in FRAMEWORKS:
        text = text.replace(word, "…")
    return text


def code_lines(source: str) -> list[str]:
    """The lines of a file without docstrings and blank lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            text = node.body[0]
            lines[text.lineno - 1 : text.end_lineno] = [""] * (text.end_lineno - text.lineno + 1)
    return [line for line in lines if line.strip()]


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


def unexplained(source: str) -> list[str]:
    """The arguments of public functions with two or more of them that no line under "Args:" begins with."""
    found = []

    def visit(body):
        for node in body:
            if getattr(node, "name", "_").startswith("_"):
                continue
            if isinstance(node, ast.ClassDef):
                visit(node.body)
            elif isinstance(node, ast.FunctionDef):
                every = [*node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
                names = [argument.arg for argument in every if argument and argument.arg != "self"]
                lines = (ast.get_docstring(node) or "").partition("Args:")[2].splitlines()
                explained = {name for line in lines for name in line.partition(":")[0].strip().split(", ")}
                found.extend(f"{node.name}({name})" for name in names if len(names) > 1 and name not in explained)

    visit(ast.parse(source).body)
    return found


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("package", ["logreg_torch", "logreg_jax"])
def test_every_argument_has_a_line(package, name):
    assert unexplained(read(package, name)) == []


def test_an_argument_without_a_line_is_seen():
    source = read("logreg_torch", "sgd.py")
    assert unexplained(source.replace("learning_rate: η", "rate: η")) == ["sgd(learning_rate)"]


@pytest.mark.parametrize("package", ["logreg_torch", "logreg_jax"])
def test_the_code_of_a_file_fits_on_two_screens(package):
    """What is neither blank nor docstring."""
    long = {name: len(code_lines(read(package, name))) for name in files(package)}
    assert max(long.values()) <= 100, long


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def hessian(", "def curvature("),
        ("X: Tensor, y: Tensor, **terms", "y: Tensor, X: Tensor, **terms"),
        ('loss: Loss = "stable"', 'loss: Loss = "textbook"'),
        ("l2: float", "l2: int"),
        ("The second derivative", "The curvature"),
        ("def value_and_grad(", "def _value_and_grad("),
    ],
    ids=["name", "argument order", "default", "type", "docstring", "missing"],
)
def test_a_broken_mirror_is_seen(old, new):
    source = read("logreg_torch", "gradient.py")
    assert old in source and outline(source) != outline(source.replace(old, new))
