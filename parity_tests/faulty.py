"""``python -m parity_tests.faulty RANK PASS SIGNAL fit ...``: the command, in which that rank ends itself in that pass.

SIGNAL is the name of one, or "write": then rank 0 is killed while it writes the checkpoint of that pass.
"""

import os
import signal
import sys

from logreg_parity.cli import main
from logreg_parity.data import files
from logreg_parity.solvers.streamed import Streamed

rank, at, what, *arguments = sys.argv[1:]
passes, sums, put = [], Streamed.sums, files._Staged.put


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL if what == "write" else getattr(signal, what))


def dying(self, *given, **options):
    passes.append(given)
    if what != "write" and len(passes) == int(at):
        end()
    return sums(self, *given, **options)


def unfinished(self):
    if what == "write" and len(passes) == int(at):
        end()
    put(self)


if os.environ["RANK"] == rank:
    Streamed.sums, files._Staged.put = dying, unfinished  # type: ignore[method-assign]
sys.exit(main(arguments))
