"""Who may import whom: the stem knows no framework, and a twin only its own."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from logreg_parity.cli import COMMANDS

ROOT = Path(__file__).parents[2]


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
    ("names", "own", "foreign"),
    [
        (modules("logreg_parity"), "numpy", {"torch", "jax", "optax", "logreg_torch", "logreg_jax"}),
        (modules("logreg_torch"), "torch", {"jax", "optax", "logreg_jax"}),
        (modules("logreg_jax"), "jax", {"torch", "logreg_torch"}),
        (
            ["logreg_parity.data.tables", "logreg_parity.data.generator"],
            "numpy",
            {"gmpy2", "flint", "scipy", "matplotlib", "rich"},
        ),
    ],
    ids=["stem", "torch", "jax", "data"],
)
def test_nothing_foreign_is_imported(names, own, foreign):
    """What is their own is seen."""
    seen = loaded(*names)
    assert own in seen and not seen & {*foreign, "parity_tests", "benchmarks"}


def test_help_imports_nothing_heavy():
    """So that --help answers at once; what is heavy comes when a command runs."""
    commands = [f"logreg_parity.cli.{name}" for name in COMMANDS]
    assert not loaded(*commands) & {"gmpy2", "flint", "matplotlib", "rich", "scipy", "torch", "jax"}


ROOMS = ["data", "truth", "judge", "explain", "ports", "machine", "optimizers", "solvers", "museum", "teach", "cli"]
"""In the order in which one room may build on another."""
GROUND = ("__init__", "_version", "language", "processor", "show", "twins", "users")
"""Files that every room may use; they use none."""
ON_TRUTH = ("machine", "optimizers", "solvers")
"""Rooms that use data and truth alone."""


@cache
def imported(source: str, module: str) -> set[str]:
    """The modules of the stem that a module imports, at once or later; what only types need is left out."""
    tree = ast.parse(source)
    types = {id(n) for block in ast.walk(tree) if _is_for_types(block) for n in ast.walk(block)}
    package = module.split(".")[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in types:
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *(node.module.split(".") if node.module else [])])
            names = {f"{target}.{alias.name}" for alias in node.names}
            found |= {name if name in STEM else target for name in names}
    return found & STEM.keys()


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


STEM = {
    name: (ROOT / name.replace(".", "/") / "__init__.py")
    if (ROOT / name.replace(".", "/")).is_dir()
    else (ROOT / name.replace(".", "/")).with_suffix(".py")
    for name in modules("logreg_parity")
}


def room(module: str) -> str:
    """The room of a module of the stem, or the file that belongs to none."""
    return [*module.split("."), "__init__"][1]


def wrong_arrow(module: str, target: str) -> bool:
    """Whether a module imports what stands after it in the list of rooms, or what its room may not use."""
    here, there = room(module), room(target)
    if there in GROUND or here == there:
        return False
    if here in GROUND:
        return True
    return ROOMS.index(there) > ROOMS.index(here) or (here in ON_TRUTH and there not in ("data", "truth"))


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Some modules that import one another in a circle; none where there is no circle."""
    left = dict(arrows)
    while free := [module for module, targets in left.items() if not targets & left.keys()]:
        for module in free:
            del left[module]
    return sorted(left)


def arrows(changed: dict[str, str] | None = None) -> dict[str, set[str]]:
    """What each module of the stem imports, some sources changed; a package's own ``__init__`` is no arrow."""
    sources = {name: path.read_text(encoding="utf-8") for name, path in STEM.items()} | (changed or {})
    own = {name: name if path.name != "__init__.py" else f"{name}.__init__" for name, path in STEM.items()}
    return {name: imported(sources[name], own[name]) - {name} for name in STEM}


def test_one_way_through_the_rooms():
    assert [(m, t) for m, targets in arrows().items() for t in targets if wrong_arrow(m, t)] == []


def test_no_circle():
    assert circle(arrows()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("logreg_parity.teach.hunt", "from ..cli.explain import run"),
        ("logreg_parity.data.tables", "def f():\n    from ..judge import compare"),
        ("logreg_parity.solvers.solve", "from ..judge.problem import Problem"),
        ("logreg_parity.show", "from .data.files import write_whole"),
    ],
    ids=["teach to cli", "late", "solvers to judge", "ground"],
)
def test_a_planted_arrow_is_seen(module, line):
    changed = arrows({module: STEM[module].read_text(encoding="utf-8") + f"\n{line}\n"})
    assert [m for m, targets in changed.items() for t in targets if wrong_arrow(m, t)] == [module]


def test_a_planted_circle_is_seen():
    module = "logreg_parity.data.dataset"
    changed = STEM[module].read_text(encoding="utf-8") + "\nfrom .generator import lesson\n"
    assert {module, "logreg_parity.data.generator"} <= set(circle(arrows({module: changed})))


def class_names(sources: dict[str, str]) -> list[str]:
    """The public classes of some modules, each as often as it is defined."""
    trees = map(ast.parse, sources.values())
    named = (node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return [name for name in named if not name.startswith("_")]


def twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def test_a_name_of_a_class_means_one_thing():
    sources = {name: path.read_text(encoding="utf-8") for name, path in STEM.items()}
    assert twice(class_names(sources)) == set()
    sources["planted"] = "class Dataset: ..."
    assert twice(class_names(sources)) == {"Dataset"}
