"""Whose fault a crash is: a user's own code is named with its line and status 2, ours has 70, Ctrl-C 130."""

import gc
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from logreg_parity import twins
from logreg_parity.cli import COMMANDS, main
from logreg_parity.data.files import write_whole
from logreg_parity.ports.files import first_side, second_side
from logreg_parity.users import UserError, of_user, place

ROOT = Path(__file__).parents[2]
RIGHT = """
from logreg_parity.truth import reference
from logreg_parity.truth.reference import *
"""
TRAIN = """
def train(dataset, start, **options):
    made = reference.train(dataset, start, **options)
    return {answer}
"""
EVALUATE = """
def evaluate(dataset, parameters, **options):
    made = reference.evaluate(dataset, parameters, **options)
    return {answer}
"""
REPLACED = "__import__('dataclasses').replace(made, {})"


def raising(function: str, line: str) -> str:
    """A module whose function stands from line 5 on, and raises in line 7."""
    return f"{RIGHT}\ndef {function}(*arguments, **options):\n    answer = None\n    {line}\n    return answer\n"


def trains(change: str) -> str:
    return RIGHT + TRAIN.format(answer=REPLACED.format(change))


def evaluates(change: str) -> str:
    return RIGHT + EVALUATE.format(answer=f"made._replace({change})")


AT_IMPORT = {
    "it raises": (RIGHT + "1 / 0\n", "the module '{name}' fails in {name}.py, line 4, in <module> (ZeroDivisionError"),
    "it exits": ("import sys\nsys.exit(3)\n", "fails in {name}.py, line 2, in <module> (SystemExit: 3); mend it there"),
    "it exits well": ("raise SystemExit\n", "fails in {name}.py, line 1, in <module> (SystemExit)"),
    "it cannot be parsed": ("x = 1\ndef train(:\n", "fails in {name}.py, line 2 (SyntaxError: invalid syntax)"),
    "it is badly indented": ("def f():\nreturn 1\n", "fails in {name}.py, line 2 (IndentationError"),
    "it is no text": ("\0", "(SyntaxError: source code"),
    "it has no such name": ("undefined\n", "line 1, in <module> (NameError: name 'undefined' is not defined)"),
    "it imports what is missing": (
        "import numpie\n",
        "cannot be imported in {name}.py, line 1, in <module> (No module",
    ),
    "it imports no such name": ("from numpy import arry\n", "cannot be imported in {name}.py, line 1, in <module>"),
    "it raises with many lines": (
        "raise RuntimeError('first\\nsecond')\n",
        "line 1, in <module> (RuntimeError: first); mend it there",
    ),
    "it calls itself": ("def f():\n    f()\nf()\n", "line 2, in f (RecursionError"),
    "it lacks functions": ("x = 1\n", "lacks devices, versions, evaluate, train; give it the functions of"),
}
CALLED = {
    "train raises": (
        raising("train", "answer = 1 / 0"),
        "{name}.train fails in {name}.py, line 7, in train (ZeroDivisionError",
    ),
    "train exits": (raising("train", "import sys; sys.exit(3)"), "line 7, in train (SystemExit: 3); mend it there"),
    "train exits with 0": (raising("train", "raise SystemExit(0)"), "line 7, in train (SystemExit: 0)"),
    "train asserts": (raising("train", "assert answer"), "line 7, in train (AssertionError); mend"),
    "train wants memory": (raising("train", "raise MemoryError"), "line 7, in train (MemoryError); mend it there"),
    "train says ValueError": (raising("train", "raise ValueError('mine')"), "line 7, in train (ValueError: mine)"),
    "a library of theirs raises": (
        raising("train", "import json; json.loads('{')"),
        "{name}.train fails in {name}.py, line 7, in train (JSONDecodeError",
    ),
    "our own function refuses theirs": (
        raising("train", "reference.train(*arguments, steps=0, learning_rate=1)"),
        "{name}.train fails in {name}.py, line 7, in train (ValueError: steps is 0; give at least 1)",
    ),
    "train takes no arguments": (RIGHT + "def train(): ...\n", "{name}.train takes no steps"),
    "train returns None": (raising("train", "pass"), "{name}.train returned None, without steps; return a"),
    "train returns a list": (raising("train", "answer = [1]"), "{name}.train returned [1], without steps"),
    "weights too wide": (
        trains("weights=np.ones((5, 2))"),
        "{name}.train: weights has shape (5, 2); it must be (5, 1)",
    ),
    "weights of all steps": (trains("weights=made.weights[:2]"), "weights has shape (2, 1); it must be (5, 1)"),
    "biases in a column": (trains("biases=made.biases[:, None]"), "biases has shape (5, 1); it must be (5,)"),
    "a loss too many": (trains("losses=np.ones(5)"), "losses has shape (5,); it must be (4,)"),
    "no losses": (trains("losses=None"), "losses holds object values; it must be real numbers"),
    "losses as texts": (trains("losses=['a'] * 4"), "losses holds <U1 values; it must be real numbers"),
    "losses of several lengths": (trains("losses=[[1], [2, 3]]"), "{name}.train: losses fails"),
    "complex points": (trains("weights=made.weights + 0j"), "weights holds complex128 values"),
    "steps that fall": (trains("steps=made.steps[::-1]"), "it must rise from 0 to 4 at most"),
    "steps too many": (trains("steps=made.steps + made.steps"), "it must rise from 0 to 4 at most"),
    "steps as fractions": (trains("steps=made.steps / 2"), "it must rise from 0 to 4 at most"),
    "no steps": (trains("steps=np.array([0])"), "it must rise from 0 to 4 at most"),
    "it stops without a word": (
        trains("steps=made.steps[:3], weights=made.weights[:3], biases=made.biases[:3], losses=made.losses[:2]"),
        "{name}.train took 2 of 4 steps; take all, or say why not in stop_reason",
    ),
    "a point is not kept": (
        trains("steps=made.steps[[0, 2, 4]], weights=made.weights[::2], biases=made.biases[::2]"),
        "{name}.train did not keep the point of step 1, which was asked for; keep it",
    ),
    "evaluate raises": (
        raising("evaluate", "answer.x"),
        "{name}.evaluate fails in {name}.py, line 7, in evaluate (Att",
    ),
    "evaluate exits": (raising("evaluate", "raise SystemExit(1)"), "line 7, in evaluate (SystemExit: 1)"),
    "evaluate returns None": (raising("evaluate", "pass"), "{name}.evaluate returned None, without logits; return a"),
    "evaluate returns a number": (raising("evaluate", "answer = 0.5"), "{name}.evaluate returned 0.5, without logits"),
    "logits in a column": (evaluates("logits=made.logits[:, None]"), "logits has shape (100, 1); it must be (100,)"),
    "losses already summed": (evaluates("losses=made.losses.sum()"), "losses has shape (); it must be (100,)"),
    "an objective of each row": (evaluates("objective=made.losses"), "objective has shape (100,); it must be ()"),
    "a gradient in a vector": (evaluates("gradient=np.ones(2)"), "without gradient.weight"),
    "a gradient too long": (
        evaluates("gradient=made.gradient._replace(weight=np.ones(2))"),
        "gradient.weight has shape (2,); it must be (1,)",
    ),
    "a bias in a list": (evaluates("gradient=made.gradient._replace(bias=[0.0])"), "gradient.bias has shape (1,)"),
    "probabilities of both classes": (evaluates("probabilities=np.ones((100, 2))"), "probabilities has shape (100, 2)"),
    "classes by name": (
        evaluates("classes=np.array(['a'] * 100)"),
        "classes holds <U1 values; it must be real numbers",
    ),
    "devices raises": (raising("devices", "1 / 0"), "{name}.devices fails in {name}.py, line 7, in devices (ZeroDiv"),
    "devices returns None": (raising("devices", "pass"), "{name}.devices returned None; return the names of devices"),
    "devices returns a text": (raising("devices", "answer = 'cpu'"), "{name}.devices returned 'cpu'; return the names"),
    "no devices": (raising("devices", "answer = ()"), "{name}.devices returned (); return the names"),
    "versions returns None": (raising("versions", "pass"), "{name}.versions returned None; return a dict of texts"),
    "versions of numbers": (raising("versions", "answer = {'it': 2}"), "{name}.versions returned {{'it': 2}}; return"),
    "versions exits": (raising("versions", "raise SystemExit(0)"), "line 7, in versions (SystemExit: 0)"),
}
ROUNDS = iter(range(10**6))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module into the working folder, which Python does not search by itself; its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(content: str) -> str:
        name = f"my_model_{next(ROUNDS)}"
        Path(f"{name}.py").write_bytes(content.encode())
        return name

    yield write
    for name in [name for name in sys.modules if name.startswith("my_model_")]:
        del sys.modules[name]


def refused(capsys, name: str, words: str, *arguments: str) -> None:
    """The command has status 2, says these words on one line, and writes nothing."""
    before = sorted(path.name for path in Path().iterdir())
    status, said = main(list(arguments)), capsys.readouterr()
    assert status == 2, said
    last = said.err.strip().splitlines()[-1]
    assert (
        last.startswith("logreg-parity: ")
        and words.replace("{{", "{").replace("}}", "}").replace("{name}", name) in last
    )
    assert "Traceback" not in said.err and sorted(path.name for path in Path().iterdir()) == before


QUICK = ["--steps", "4", "--dtype", "float64"]


@pytest.mark.parametrize(("content", "words"), {**AT_IMPORT, **CALLED}.values(), ids={**AT_IMPORT, **CALLED})
def test_a_fault_of_the_users_module_has_status_2_and_its_line(module, capsys, content, words):
    name = module(content)
    refused(capsys, name, words, "record", "--twin", name, *QUICK, "--out", "run.npz")


OF_COMPARE = ["it exits", "train raises", "train exits with 0", "evaluate exits", "devices returns None", "no steps"]


@pytest.mark.parametrize("case", [*OF_COMPARE, "versions exits", "a loss too many", "evaluate returns None"])
def test_no_fault_of_the_users_module_is_a_verdict(module, capsys, case):
    content, words = {**AT_IMPORT, **CALLED}[case]
    name = module(content)
    refused(capsys, name, words, "--twins", "logreg_parity.truth.reference", name, *QUICK, "--out", "out")


FITS = {
    "fit raises": (raising("fit", "1 / 0"), "{name}.fit fails in {name}.py, line 7, in fit (ZeroDivisionError"),
    "fit exits": (raising("fit", "raise SystemExit(3)"), "line 7, in fit (SystemExit: 3); mend it there"),
    "fit returns None": (raising("fit", "pass"), "{name}.fit returned None; return a logreg_parity.data.history.Fit"),
    "fit returns a point": (raising("fit", "answer = (1, 2)"), "{name}.fit returned (1, 2); return a"),
    "there is no fit": (RIGHT, "{name} has no function fit(dataset, ...); leave it out of --twins"),
}


@pytest.mark.parametrize(("content", "words"), FITS.values(), ids=FITS)
def test_a_fault_of_the_users_fit(module, capsys, content, words):
    name = module(content)
    refused(capsys, name, words, "fit", "--twins", name, "--out", "fit.json")


def test_a_right_module_in_the_working_folder_is_found_and_runs(module, capsys):
    """Python looks there for a script of yours, not for an installed command."""
    name = module(RIGHT)
    assert main(["record", "--twin", name, *QUICK, "--out", "run.npz"]) == 0
    assert f"4 steps of {name}" in capsys.readouterr().out


def test_the_working_folder_comes_last_and_once(module, monkeypatch):
    name = module("here = 1\n")
    Path("json.py").write_text("raise AssertionError('not this one')")
    assert twins.load(name).here == 1 and twins.load("json").__name__ == "json"
    assert sys.path[-1] == os.getcwd() and sys.path.count(os.getcwd()) == 1
    with pytest.raises(ModuleNotFoundError, match="my_model_nowhere"):
        twins.load("my_model_nowhere")
    assert sys.path.count(os.getcwd()) == 1


@pytest.mark.parametrize("name", ["my_model.py", "./my_model", "models/mine.py", "", ".", "mine:train", "my-model"])
def test_what_is_no_name_of_a_module_is_refused(name, capsys, tmp_path):
    assert main(["record", "--twin", name, "--out", str(tmp_path / "run.npz")]) == 2
    assert "is no name of a module; give one like my_model, for my_model.py" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["record --twin my_own --out a.npz", "--twins my_own --out a", "passport --twins my_own"]
)
def test_the_installed_command_finds_it(tmp_path, start, command):
    """As a console script starts: the working folder is on no path."""
    (tmp_path / "my_own.py").write_text(RIGHT)
    more = [] if "passport" in command else QUICK
    done = start(tmp_path, dict(os.environ), "-P", "-m", "logreg_parity", *command.split(), *more)
    assert done.returncode == (2 if "passport" in command else 0), done.stderr
    assert "passport" not in command or "my_own cannot be asked" in done.stderr


BUILDERS = {
    "it raises": (
        "def build():\n    raise RuntimeError('no weights file')\n",
        "line 2, in build (RuntimeError: no wei",
    ),
    "it exits": ("def build():\n    raise SystemExit(0)\n", "line 2, in build (SystemExit: 0); mend it there"),
    "it exits with 1": ("import sys\ndef build():\n    sys.exit(1)\n", "line 3, in build (SystemExit: 1)"),
    "the file exits": ("raise SystemExit(3)\n", "line 1, in <module> (SystemExit: 3)"),
    "it cannot be parsed": ("def build(\n", "line 1 (SyntaxError: '(' was never closed)"),
    "it lacks a package": ("import numpie\n", "line 1, in <module> (ModuleNotFoundError: No module named 'numpie')"),
    "it returns None": ("def build():\n    pass\n", "returned None; return what it builds"),
    "it takes arguments": (
        "def build(path):\n    pass\n",
        "(TypeError: build() missing 1 required positional argument",
    ),
    "a helper beside it raises": (
        "import helper\ndef build():\n    return helper.make()\n",
        "line 3, in build (OSError",
    ),
    "there is no such function": ("x = 1\n", "has no function 'build'; give one that it has"),
    "it is no function": ("build = 3\n", "has no function 'build'; give one that it has"),
}


@pytest.mark.parametrize(("content", "words"), BUILDERS.values(), ids=BUILDERS)
@pytest.mark.parametrize("side", [first_side, second_side], ids=["torch", "jax"])
def test_a_builder_that_fails_is_named_with_its_line(tmp_path, monkeypatch, side, content, words):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(content)
    Path("helper.py").write_text("def make():\n    raise OSError('gone')\n")
    sys.modules.pop("helper", None)
    with pytest.raises(ValueError, match=r"the (PyTorch|JAX) side: mine\.py") as error:
        side("mine.py:build")
    assert words in str(error.value)


def test_ctrl_c_is_nobodys_fault():
    with pytest.raises(KeyboardInterrupt), of_user("mine"):
        raise KeyboardInterrupt


def test_an_error_from_a_library_alone_has_no_line_of_the_users():
    with pytest.raises(
        UserError, match=r"^mine fails in .*test_whose_fault\.py, line \d+, in \w+ \(LinAlgError: "
    ) as said:
        with_fault()
    error = said.value.__cause__
    error.__traceback__ = error.__traceback__.tb_next.tb_next  # the lines of this file
    assert place(error) == ""


def with_fault():
    with of_user("mine"):
        np.linalg.inv(np.zeros((1, 1)))


# -- ours --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ZeroDivisionError("a fault"), 70, "a fault of logreg-parity and not of your input. Please report the lines"),
        (AssertionError(), 70, "AssertionError"),
        (KeyError("x"), 70, "logreg-parity 0."),
        (ModuleNotFoundError("No module named 'x'", name="x"), 70, "ModuleNotFoundError"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 2, "museum needs torch, which is missing; pip"),
        (MemoryError(), 2, "there is not enough memory (no more is to be had); give fewer rows or steps"),
        (ValueError("wrong; do this"), 2, "logreg-parity: wrong; do this\n"),
        (UserError("mine fails"), 2, "logreg-parity: mine fails\n"),
        (OSError(28, "No space left on device", "out/a"), 2, "logreg-parity: out/a: No space left on device\n"),
        (KeyboardInterrupt(), 130, "logreg-parity: interrupted; nothing was written\n"),
    ],
    ids=repr,
)
def test_every_end_has_its_status(monkeypatch, capsys, error, status, words):
    def fail(options):
        raise error

    monkeypatch.setattr("logreg_parity.cli.museum.run", fail)
    assert main(["museum"]) == status
    said = capsys.readouterr().err
    assert words in said and ("Traceback" in said) == (status == 70)


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def test_an_interrupt_says_what_was_written(monkeypatch, capsys, tmp_path):
    def half(options):
        write_whole(tmp_path / "first", "whole")
        raise KeyboardInterrupt

    monkeypatch.setattr("logreg_parity.cli.museum.run", half)
    assert main(["museum"]) == 130
    assert capsys.readouterr().err == f"logreg-parity: interrupted; {tmp_path / 'first'} written before, nothing else\n"


def test_what_a_library_makes_of_an_interrupt_is_one_still(monkeypatch, capsys):
    def converted(options):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ImportError("initialisation failed") from error

    monkeypatch.setattr("logreg_parity.cli.museum.run", converted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        assert main(["museum"]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "logreg-parity: interrupted; nothing was written\n"


@pytest.mark.parametrize("where", ["finalizer", "callback"])
def test_an_interrupt_from_where_nothing_can_be_raised_comes_again(monkeypatch, capsys, where):
    """JAX frees its memory in a callback of the garbage collector; a Ctrl-C in the middle of that was lost."""
    fired = []

    def fire(*given):
        if not fired:
            fired.append(True)
            signal.raise_signal(signal.SIGINT)

    def unlucky(options):
        if where == "finalizer":
            type("Final", (), {"__del__": fire})()
        else:
            gc.callbacks.append(fire)
            gc.collect()
        for _ in range(500):
            time.sleep(0.01)
        return 0

    monkeypatch.setattr("logreg_parity.cli.museum.run", unlucky)
    before, hook = signal.signal(signal.SIGINT, signal.default_int_handler), sys.unraisablehook
    try:
        assert main(["museum"]) == 130 and fired
        assert sys.unraisablehook is hook
    finally:
        signal.signal(signal.SIGINT, before)
        gc.callbacks[:] = [callback for callback in gc.callbacks if callback is not fire]
    assert capsys.readouterr().err == "logreg-parity: interrupted; nothing was written\n"


@pytest.mark.parametrize("where", ["parser", "import"])
def test_an_interrupt_before_the_command_runs(monkeypatch, capsys, where):
    def stop(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module" if where == "import" else "logreg_parity.cli.museum.parser", stop)
    assert main(["museum"]) == 130
    assert capsys.readouterr().err == "logreg-parity: interrupted; nothing was written\n"


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform == "win32" or signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="SIGINT is not handed on here, or is ignored, as in a background job",
)
@pytest.mark.parametrize("seed", range(4))
def test_ctrl_c_at_a_random_import_is_one_line(tmp_path, seed):
    """-X importtime tells of every import: the signal comes after so many of them."""
    out, chance = tmp_path / "run.npz", random.Random(seed)
    command = [sys.executable, "-X", "importtime", "-m", "logreg_parity", "record", "--out", str(out), "--steps", "9"]
    with subprocess.Popen(
        [*command, "--twin", "logreg_jax" if seed % 2 else "logreg_torch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        lines, left = [], -1
        for line in process.stderr:
            lines.append(line)
            if left == -1 and "logreg_parity.data.files" in line:
                left = chance.randrange(1000)
            elif left > 0:
                left -= 1
            if left == 0:
                process.send_signal(signal.SIGINT)
                left = -2
    said = [line for line in lines if not line.startswith("import time:")]
    assert process.returncode == 130, "".join(said)
    assert said == ["logreg-parity: interrupted; nothing was written\n"] and not out.exists()


# -- outputs are looked at before the work -----------------------------------------------------------------------------

FILE, FOLDER = ("folder", "nowhere/x", "file/x", 300 * "a"), ("file", "file/x", 300 * "a")
OUTPUTS = {
    "compare": ("--out", FOLDER, []),
    "fit": ("--out", FILE, []),
    "fit, its state": ("--checkpoint", FOLDER, []),
    "record": ("--out", FILE, ["--twin", "logreg_torch"]),
    "explain": ("--json", FILE, ["file", "file"]),
    "check": ("--out", FOLDER, ["file:f", "file:f", "--data", "file"]),
    "check, its map": ("--write-map", FILE, ["file:f", "file:f", "--data", "file"]),
    "grade": ("--out", FOLDER, ["file"]),
    "gradients": ("--out", FILE, []),
    "optimizers": ("--json", FILE, []),
    "bench": ("--out", FOLDER, ["ladder", "--size", "tiny"]),
    "explore": ("--out", FILE, ["--no-open"]),
    "passport": ("--out", FOLDER, []),
    "passport sweep": ("--out", FILE, []),
    "scoreboard": ("--out", FILE, []),
    "shard": ("--out", FOLDER, ["file"]),
    "sidebyside": ("--out", ("folder", "file/x"), ["--no-open"]),
}


def test_every_command_that_writes_is_looked_at():
    silent = {"museum", "hash", "ranks"}
    assert {name.split(",")[0].split()[0] for name in OUTPUTS} == COMMANDS.keys() - silent


@pytest.mark.parametrize(
    ("command", "bad"), [(command, bad) for command, (_, places, _) in OUTPUTS.items() for bad in places]
)
def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path, monkeypatch, capsys, command, bad):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("no table")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(twins, "load", lambda name: pytest.fail("a twin is loaded for nothing"))
    option, _, more = OUTPUTS[command]
    first, *rest = command.split(",")[0].split()
    assert main([first, *rest, option, bad, *more]) == 2
    said = capsys.readouterr().err
    assert f"{option} is " in said and re.search(r"; (give|name) ", said)
    assert {path.name for path in tmp_path.rglob("*")} == {"folder", "file"}


@pytest.mark.parametrize(("command", "option"), [("compare", "--seed"), ("check", "--seed"), ("record", "--seed")])
@pytest.mark.parametrize("seed", ["-1", "4294967296", "0.5", "x"])
def test_a_seed_out_of_range_is_refused_by_the_parser(command, option, seed, capsys):
    needed = {"check": ["a.py:f", "b.py:f", "--data", "c.npz"], "record": ["--twin", "t", "--out", "o"]}
    with pytest.raises(SystemExit, match="2"):
        main([command, *needed.get(command, []), f"{option}={seed}"])
    assert "--seed" in capsys.readouterr().err
