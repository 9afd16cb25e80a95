"""Slips of the hand in ``truth/`` and ``judge/``, one by one: does a test notice?

``python parity_tests/slips.py --sample 40 --out slips.jsonl``: of all mutants as mutation testers make them (another
comparison, sign, number, or branch) a random sample, the same for the same seed. Each is planted in a process of its
own while it imports the module; no file is changed. The quick tests of the module and of the judge's edge, but those of
the frameworks, run until one fails, which counts where it passes without the slip. What is known is kept in the file, a
line each, and a second run goes on from there.
"""

import argparse
import ast
import importlib.util
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
ROOMS = ("truth", "judge")
EDGE = "parity_tests/judge/test_edge.py"
QUICK = "not logreg_torch and not logreg_jax"
LIMIT = 1800  # seconds; who hangs is noticed
SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {"any": "all", "all": "any", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum"}
NAMES |= {"argmax": "argmin", "argmin": "argmax", "fmin": "fmax"}


class Slip(NamedTuple):
    """A mutant: the number of its change among those of the file, where it is, and what it does."""

    file: str
    number: int
    line: int
    change: str

    @property
    def name(self) -> str:
        """For people and the file of results."""
        return f"{self.file}:{self.line} #{self.number} {self.change}"


class _Changer(ast.NodeTransformer):
    """Counts the changes there are, and makes the one of that number."""

    def __init__(self, number: int = -1):
        self.number, self.found = number, list[tuple[int, str]]()

    def _here(self, node: ast.AST, change: str) -> bool:
        self.found.append((getattr(node, "lineno", 0), change))
        return len(self.found) - 1 == self.number

    def _swapped(self, node: ast.AST, op: Any) -> Any:
        if type(op) not in SWAPS:
            return op
        other = SWAPS[type(op)]
        return other() if self._here(node, f"{type(op).__name__} to {other.__name__}") else op

    def visit(self, node: Any) -> Any:
        if isinstance(node, ast.AnnAssign):  # a type is no program
            node.value = self.visit(node.value) if node.value else None
            return node
        if isinstance(node, ast.FunctionDef):
            node.body = [self.visit(each) for each in node.body]
            return node
        if isinstance(node, ast.Compare):
            node.ops = [self._swapped(node, op) for op in node.ops]
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
            node.op = self._swapped(node, node.op)
        unary = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert)
        if unary and self._here(node, f"without {type(node.op).__name__}"):
            return self.visit(node.operand)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
            other = not node.value if type(node.value) is bool else node.value + 1
            if self._here(node, f"{node.value} to {other}"):
                return ast.copy_location(ast.Constant(other), node)
        for field in ("id", "attr"):
            if (old := getattr(node, field, None)) in NAMES and self._here(node, f"{old} to {NAMES[old]}"):
                setattr(node, field, NAMES[old])
        if isinstance(node, ast.If | ast.IfExp) and self._here(node, "the condition the other way"):
            node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        return self.generic_visit(node)


def slips() -> list[Slip]:
    """All there are."""
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / "logreg_parity" / room).glob("*.py")):
            changer = _Changer()
            changer.visit(ast.parse(path.read_text(encoding="utf-8")))
            found += [Slip(f"{room}/{path.name}", k, *each) for k, each in enumerate(changer.found)]
    return found


def planted(slip: Slip) -> ast.Module:
    """The module with the slip."""
    tree = ast.parse((ROOT / "logreg_parity" / slip.file).read_text(encoding="utf-8"))
    return ast.fix_missing_locations(_Changer(slip.number).visit(tree))


class _Planter(SourceFileLoader):
    """Gives the import of one module its slip."""

    def __init__(self, slip: Slip):
        path = ROOT / "logreg_parity" / slip.file
        super().__init__("logreg_parity." + slip.file.removesuffix(".py").replace("/", "."), str(path))
        self._slip = slip

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_code(self, fullname: str) -> object:
        return compile(planted(self._slip), self.path, "exec")


def tests_of(slip: Slip) -> list[str]:
    """Those that are named after the module, and those of the judge's edge; not those that read a source."""
    stem = slip.file.removesuffix(".py").split("/")[1]
    every = (str(path.relative_to(ROOT)) for path in sorted((ROOT / "parity_tests").rglob("test_*.py")))
    return [*(test for test in every if stem in Path(test).stem and test != EDGE), EDGE]


def noticed(slip: Slip) -> str:
    """The test that failed with the slip and does not without, "time" where it did not end, or ""."""
    tests, left_out = tests_of(slip), list[str]()
    while True:
        failed = _first_failure(slip, tests, left_out)
        if "::" not in failed or not _first_failure(None, [failed], []):
            return failed
        left_out.append(failed)  # it hangs on something else


def _first_failure(slip: Slip | None, tests: list[str], left_out: list[str]) -> str:
    """Of a run in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os.write(write, _tested(slip, tests, left_out).encode()[:4000])
        os._exit(0)
    os.close(write)
    deadline = time.monotonic() + LIMIT
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "time"
        time.sleep(0.05)
    with os.fdopen(read) as answer:
        return (answer.read() or "the process ended").removeprefix("-")


def _tested(slip: Slip | None, tests: list[str], left_out: list[str]) -> str:
    """In a child: the first test that fails, or "-"; where the process itself ends, nothing is written."""
    import pytest

    if slip is not None:
        sys.meta_path.insert(0, _Planter(slip))

    class Watch:
        failed = ""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            self.failed = self.failed or (report.nodeid if report.failed else "")

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            self.failed = self.failed or (f"import of {report.nodeid}" if report.failed else "")

    watch = Watch()
    # plain asserts: to rewrite those of a plugin, pytest imports this package by itself
    options = [
        "-x",
        "-q",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "-k",
        QUICK,
        *(f"--deselect={test}" for test in left_out),
    ]
    status = pytest.main([*options, *tests], plugins=[watch])
    return "-" if status == 0 else watch.failed or f"pytest ended with {status}"


def run(files: list[str], sample: int, seed: int, out: Path) -> Iterator[dict]:
    """Every slip of the sample with the test that noticed it; those in the file are not planted again."""
    known = {}
    if out.exists():
        known = {line["slip"]: line for line in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    every = [slip for slip in slips() if not files or slip.file in files]
    random.Random(seed).shuffle(every)
    for slip in every[:sample]:
        if slip.name not in known:
            known[slip.name] = {"slip": slip.name, "noticed": noticed(slip)}
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known[slip.name]) + "\n")
        yield known[slip.name]


def main(arguments: list[str]) -> int:
    """Plant, print, count; 1 where fewer than nine of ten are noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", default=[], metavar="ROOM/FILE", help="such as truth/bounds.py (all)")
    parser.add_argument("--sample", type=int, default=40, help="how many (40)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (0)")
    parser.add_argument("--out", type=Path, default=Path("slips.jsonl"), help="what is known (slips.jsonl)")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    import jax  # noqa: F401 - once, for all children
    import scipy.stats  # noqa: F401
    import torch  # noqa: F401

    found = []
    for each in run(options.files, options.sample, options.seed, options.out):
        found.append(each)
        print(f"{each['slip']}: {each['noticed'] or 'NOT NOTICED'}", flush=True)
    count = sum(bool(each["noticed"]) for each in found)
    print(f"Of {len(found)} slips {count} are noticed.")
    return 0 if 10 * count >= 9 * len(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
