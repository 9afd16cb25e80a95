"""``python -m parity_tests.faulty RANK PASS SIGNAL fit ...``: the command, in which that rank ends itself in that pass.

Passes count from 1, the one that every fit of a stream begins with; a rank is in one once it has read its first block.
SIGNAL is the name of one; or "write": then rank 0 is killed while it writes the checkpoint after that pass; or "slow":
then the process stands still in that pass for so long that its signs of life are missed, and goes on; or "coordinator":
then what it has started for all to meet at is killed, and it goes on.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from logreg_parity.cli import main
from logreg_parity.data import files
from logreg_parity.solvers.ranks import Ranks
from logreg_parity.solvers.stream import Stream

PASSES: list[int] = []
"""One entry a pass that this process has begun."""
STILL = 12  # seconds: longer than SILENT, and than JAX's coordinator would bear by the 10 s that were set once


def plant(rank: int, at: int, what: str) -> None:
    """Count the passes of this process; as that rank, end in that one."""
    mine, size = (int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
    block, put = Stream.block, files._Staged.put

    def end() -> None:
        if what == "slow":
            subprocess.Popen(["/bin/sh", "-c", f"sleep {STILL}; kill -CONT {os.getpid()}"])
            os.kill(os.getpid(), signal.SIGSTOP)
        elif what == "coordinator":
            (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)
            time.sleep(STILL)
        else:
            os.kill(os.getpid(), signal.SIGKILL if what == "write" else getattr(signal, what))

    def read(self, k):
        found = block(self, k)
        if k == Ranks(mine, size, lambda sent: sent).share(self.n_blocks).start:
            PASSES.append(k)
            if mine == rank and what != "write" and len(PASSES) == at:
                end()
        return found

    def unfinished(self):
        if mine == rank and what == "write" and len(PASSES) == at:
            end()
        put(self)

    Stream.block, files._Staged.put = read, unfinished  # type: ignore[method-assign]


if __name__ == "__main__":
    plant(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    sys.exit(main(sys.argv[4:]))
