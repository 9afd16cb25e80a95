"""Slips of the hand in ``truth/`` and ``judge/``, one by one: does a test notice?

``python parity_tests/slips.py --sample 60 --out slips.jsonl``: of all mutants as mutation testers make them (another
comparison, sign, number, or branch) a random sample, the same for the same seed. Each is planted in a process of its
own while it imports the module; no file is changed. First the quick tests run once without a slip, and it is kept which
functions each of them enters and how long it takes. Then those that enter the function of a slip run, the quickest
first, until one fails. What is known is kept in the files, a line each, and a second run goes on from there.
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
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
ROOMS = ("truth", "judge")
DRAWN = "judge/figures.py"  # pictures, which people look at
TESTS = [
    f"parity_tests/{room}" for room in (*ROOMS, "explain", "solvers", "twins/test_exact.py", "twins/test_softmax.py")
]
QUICK = "not logreg_jax"  # whose compiler takes most of the time; a twin is enough to see a slip in what both share
ENOUGH = 20.0  # seconds of tests for a slip, as long as they take without it
LIMIT = 30 * ENOUGH  # who hangs is noticed
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
    function: str  # the innermost one around it, as ``_entered`` names it; "" outside of all

    @property
    def name(self) -> str:
        """For people and the file of results."""
        return f"{self.file}:{self.line} #{self.number} {self.change}"


class _Changer(ast.NodeTransformer):
    """Counts the changes there are, and makes the one of that number."""

    def __init__(self, number: int = -1):
        self.number, self.found, self._function = number, list[tuple[int, str, str]](), ""

    def _here(self, node: ast.AST, change: str) -> bool:
        self.found.append((getattr(node, "lineno", 0), change, self._function))
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
            around, self._function = self._function, node.name
            node.body = [self.visit(each) for each in node.body]
            self._function = around
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


class Test(NamedTuple):
    """One that passes without a slip."""

    name: str
    seconds: float
    enters: list[str]  # of the rooms: files, and file:function


class Measuring:
    """A plugin of pytest that notes of every test which functions of the rooms it enters, and how long it takes."""

    def __init__(self, out: Path):
        self._out, self._folders = out, tuple(str(ROOT / "logreg_parity" / room) for room in ROOMS)

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool:
        from _pytest.runner import runtestprotocol

        enters, begun = set[str](), time.perf_counter()

        def entered(frame: Any, event: str, argument: Any) -> None:
            code = frame.f_code
            if code.co_filename.startswith(self._folders):
                file = str(Path(code.co_filename).relative_to(ROOT / "logreg_parity"))
                enters.update((file, f"{file}:{code.co_name}"))

        sys.settrace(entered)
        try:
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
        finally:
            sys.settrace(None)
        if all(report.passed for report in reports):
            test = Test(item.nodeid, time.perf_counter() - begun, sorted(enters))
            with self._out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(test) + "\n")
        return True


def measured(out: Path) -> list[Test]:
    """All quick tests, from the file; where there is none they run once, in a process of their own."""
    if not out.exists():
        started = out.with_suffix(".part")
        started.unlink(missing_ok=True)
        _in_a_child(lambda: str(_pytest(TESTS, [], Measuring(started))), 100 * LIMIT)
        started.rename(out)
    return [Test(*line) for line in map(json.loads, out.read_text(encoding="utf-8").splitlines())]


def tests_of(slip: Slip, tests: list[Test]) -> list[str]:
    """Those that enter its function, or any of its file where it is outside of all, the quickest first."""
    where = f"{slip.file}:{slip.function}"
    able = [test for test in tests if where in test.enters or (not slip.function and slip.file in test.enters)]
    able.sort(key=lambda test: test.seconds)
    return [test.name for test, spent in zip(able, accumulate(t.seconds for t in able), strict=True) if spent <= ENOUGH]


def noticed(slip: Slip, tests: list[Test]) -> str:
    """The test that fails with the slip, "time" where it does not end, or ""."""
    names = tests_of(slip, tests)
    return _in_a_child(lambda: _tested(slip, names), LIMIT) if names else ""


def _in_a_child(work: Callable[[], str], limit: float) -> str:
    """What a process of its own answers."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os.write(write, work().encode()[:4000])
        os._exit(0)
    os.close(write)
    deadline = time.monotonic() + limit
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "time"
        time.sleep(0.05)
    with os.fdopen(read) as answer:
        return (answer.read() or "the process ended").removeprefix("-")


def _tested(slip: Slip, tests: list[str]) -> str:
    """In a child: the first test that fails, or "-"; where the process itself ends, nothing is written."""
    sys.meta_path.insert(0, _Planter(slip))

    class Watch:
        failed = ""

        def pytest_runtest_logreport(self, report: Any) -> None:
            self.failed = self.failed or (report.nodeid if report.failed else "")

        def pytest_collectreport(self, report: Any) -> None:
            self.failed = self.failed or (f"import of {report.nodeid}" if report.failed else "")

    watch = Watch()
    status = _pytest(tests, ["-x"], watch)
    if status == 4:  # there is no such test
        return "the tests are not those that were measured"
    return "-" if status == 0 else watch.failed or f"pytest ended with {status}"


def _pytest(tests: list[str], options: list[str], plugin: object) -> int:
    import pytest

    # plain asserts: to rewrite those of a plugin, pytest imports this package by itself
    usual = ["-q", "--assert=plain", "-p", "no:cacheprovider", "-m", "not slow", "-k", QUICK]
    return pytest.main([*usual, *options, *tests], plugins=[plugin])


def run(files: list[str], sample: int, seed: int, out: Path) -> Iterator[dict]:
    """Every slip of the sample with the test that noticed it; those in the file are not planted again."""
    known = {}
    if out.exists():
        known = {line["slip"]: line for line in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    tests = measured(out.with_suffix(".tests"))
    every = [slip for slip in slips() if slip.file in (files or [slip.file])]
    random.Random(seed).shuffle(every)
    every = [slip for slip in every if slip.file != DRAWN]
    for slip in every[:sample]:
        if slip.name not in known:
            known[slip.name] = {"slip": slip.name, "noticed": noticed(slip, tests)}
            assert not known[slip.name]["noticed"].startswith("the tests are not"), (
                f"remove {out.with_suffix('.tests')}"
            )
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known[slip.name]) + "\n")
        yield known[slip.name]


def main(arguments: list[str]) -> int:
    """Plant, print, count; 1 where fewer than nine of ten are noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", default=[], metavar="ROOM/FILE", help="such as truth/bounds.py (all)")
    parser.add_argument("--sample", type=int, default=60, help="how many (60)")
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
