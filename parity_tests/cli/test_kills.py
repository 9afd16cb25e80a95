"""A killed command leaves files that are whole, old or not there: the cheap ones of ``parity_tests/kills.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from logreg_parity.cli import COMMANDS
from parity_tests import kills

CHEAP = ("explain", "grade", "train_stream", "shard")


def test_every_command_that_writes_is_killed():
    writing = COMMANDS.keys() - {"museum", "hash", "ranks"}
    assert {name.split()[0] for name in kills.COMMANDS} - {"train_stream"} == writing


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a run is a fork")
def test_a_killed_command_leaves_whole_files_and_the_next_one_runs():
    """In a process of its own, in which nothing has been computed."""
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.kills", "4", *CHEAP],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.count("status -9")) == (0, 16), done.stdout + done.stderr
