"""A call in a second process: its result, its error, its end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from logreg_parity.cli.beside import beside

pytestmark = pytest.mark.slow

signals = pytest.mark.skipif(sys.platform == "win32", reason="signals are handed on by POSIX systems only")


def dies_elsewhere(here: int) -> int:
    if os.getpid() != here:
        os._exit(9)
    return here


def test_the_result_comes_from_another_process():
    with beside(os.getpid) as result:
        assert result() not in (os.getpid(), None)


def test_what_it_raises_is_raised_here():
    with beside(int, "twelve") as result, pytest.raises(ValueError, match="twelve") as error:
        result()
    assert "It happened in a second process" in error.value.__notes__[0]


def test_where_it_dies_the_function_is_called_here(capsys):
    with beside(dies_elsewhere, os.getpid()) as result:
        assert result() == os.getpid()
    assert "ended with status 9" in capsys.readouterr().err


def test_what_it_prints_is_no_part_of_the_answer(capfd):
    with beside(print, "hello") as result:
        assert result() is None
    assert capfd.readouterr() == ("", "hello\n")


def test_ctrl_c_is_for_the_first_process():
    with beside(signal.getsignal, signal.SIGINT) as result:
        assert result() == signal.SIG_IGN


@signals
def test_it_ends_with_the_block(monkeypatch):
    started, start = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[0])
    with pytest.raises(RuntimeError), beside(time.sleep, 10):
        raise RuntimeError
    assert started[0].returncode == -signal.SIGKILL


@signals
def test_an_interrupt_ends_both_without_a_traceback():
    arguments = ["--twins", "logreg_parity.truth.reference", "--steps", "1000000"]
    code = f"""
from logreg_parity.cli import main
from logreg_parity.solvers import blocks
blocks.processors = lambda: 2
raise SystemExit(main({arguments!r}))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        lines = [process.stderr.readline(), process.stderr.readline()]
        os.killpg(process.pid, signal.SIGINT)
        lines += process.stderr.readlines()  # it ends when no process has it any more
    assert process.returncode == 130
    assert "a second process for float64" in lines[0] and lines[2:] == [
        "logreg-parity: interrupted; nothing was written\n"
    ]
