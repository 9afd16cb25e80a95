"""A fork is for what it runs what a process of its own is."""

import os

import pytest

from parity_tests.pages import own_process

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")]

OURS = "[name for name in sys.modules if name.partition('.')[0] in ('logreg_parity', 'logreg_torch', 'parity_tests')]"
WARNED = "import warnings\ntry: warnings.warn('a')"
RUNS = {
    "where it looks for modules": ["-c", "import sys; print(sys.path)"],
    "and as a safe one": ["-P", "-c", "import sys; print(sys.path)"],
    "and as a module": ["-m", "shown"],
    "and as a safe module": ["-P", "-m", "site"],
    "its arguments": ["-c", "import sys; print(sys.argv)", "-P", "two words"],
    "its folder and environment": ["-c", "import os; print(os.getcwd(), sorted(os.environ.items()))"],
    "its streams": ["-c", "import os, sys; print(1); os.write(2, b'two'); print(sys.stdin.read() == '')"],
    "its main module": [
        "-c",
        "import sys; here = 1; print(__name__, sys.modules['__main__'].here, 'serve' in globals())",
    ],
    "nothing of ours": ["-c", f"import sys; print({OURS})"],
    "a status": ["-c", "raise SystemExit(7)"],
    "a status in words": ["-c", "raise SystemExit('no')"],
    "a signal": ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"],
    "what it leaves for its end": ["-c", "import atexit; atexit.register(print, 'the end'); print('first')"],
    "a warning": ["-c", "import warnings; warnings.warn('a warning')"],
    "an error for a warning": [
        "-W",
        "error",
        "-c",
        "import warnings\ntry: warnings.warn('a')\nexcept UserWarning: print(1)",
    ],
    "deprecated in main": ["-c", "import warnings; warnings.warn('old', DeprecationWarning)"],
    "imports that are not waited for": ["-c", "import warnings; warnings.warn('no module', ImportWarning)"],
    "a thread": ["-c", "import os; print(len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 1)"],
}


@pytest.mark.parametrize("name", RUNS)
def test_a_fork_is_as_a_process_of_its_own(tmp_path, start, name):
    (tmp_path / "shown.py").write_text("import sys\nprint(sys.path, sys.argv, __name__, __file__)\n")
    environment = {**os.environ, "ONE_MORE": "ö"}
    fork, own = (run(tmp_path, environment, *RUNS[name]) for run in (start, own_process))
    assert (fork.returncode, fork.stdout, fork.stderr) == (own.returncode, own.stdout, own.stderr)


def test_an_error_that_nobody_catches_is_told(tmp_path, start):
    done = start(tmp_path, dict(os.environ), "-c", "1 / 0")
    assert done.returncode == 1 and done.stderr.endswith(
        'File "<string>", line 1, in <module>\nZeroDivisionError: division by zero\n'
    )
