"""The command for a GPU, on a CPU that pretends to be one: every part runs, what fails is told and stops nothing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import cuda, cuda_parts

ON = {"size": "tiny", "device": "cpu"}
QUICK = ("explain", "gradient", "ladder", "optimum", "ports", "devices", "memory")
LONG = ("compare", "passport", "tests", "digests")  # what their programs' own tests look at


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_part_runs_and_tells_what_it_found(tmp_path, name):
    found = cuda._in_process(name, "tiny", "cpu", tmp_path, 300.0)
    assert (found["status"], found["why"]) == ("done", "")
    assert found == json.loads((tmp_path / f"{name}.json").read_text()) and found["machine"]["device"] == "cpu"
    assert all(len({len(row) for row in rows}) == 1 and len(rows) > 1 for rows in found["tables"].values())
    assert not [cell for rows in found["tables"].values() for row in rows for cell in row if "Error" in cell]


def test_every_part_is_tried():
    assert {*QUICK, *LONG} == set(cuda.PARTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_a_long_part_runs_too(tmp_path, monkeypatch, name):
    """With its programs stood in for: they are called with options that they have."""
    asked = []

    def command(*arguments, **_):
        asked.append(arguments)
        line = [sys.executable, "-m", "logreg_parity", *arguments, "--help"]
        assert subprocess.run(line, capture_output=True).returncode == 0
        return "one\n\nall is well\n\nWritten: nothing\n"

    monkeypatch.setattr(cuda_parts, "command", command)
    found = cuda.run_part(name, "tiny", "cpu", tmp_path)
    assert found["status"] == "done" and found["tables"], found["why"]
    assert asked or name == "tests"


def planted(error):
    def run(size, device, folder):
        yield {"Before": [("said",), ("yes",)]}
        raise error

    return cuda_parts.Part(run, 9.0)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ZeroDivisionError("planted"), "failed", "ZeroDivisionError: planted"),
        (cuda.FailedError("logreg-parity ends with status 1"), "failed", "status 1"),
        (NotImplementedError("no exact engine"), "left out", "no exact engine"),
    ],
)
def test_a_part_that_fails_keeps_what_it_had_and_its_traceback(tmp_path, monkeypatch, error, status, words):
    monkeypatch.setitem(cuda.PARTS, "memory", planted(error))
    found = cuda.run_part("memory", **ON, folder=tmp_path)
    assert found["status"] == status and words in found["why"] and "Before" in found["tables"]
    assert ("Traceback" in found["why"]) == isinstance(error, ZeroDivisionError)
    assert words in cuda.page([found]) and "| yes |" in cuda.page([found])


def test_the_next_part_runs_after_one_that_failed_or_had_no_time(tmp_path, monkeypatch, capsys):
    ends = {"compare": "failed", "explain": "done"}

    def stood_in(name, size, device, folder, seconds):
        status = ends[name] if seconds > 0 else "out of time"
        return cuda.nothing(name, size, device) | {"status": status}

    monkeypatch.setattr(cuda, "_in_process", stood_in)
    run = ["compare", "explain", "--device", "cpu", "--size", "tiny", "--out", str(tmp_path)]
    assert cuda.main(run) == 1
    assert capsys.readouterr().out.split()[:4] == ["compare", "failed", "explain", "done"]
    assert "| explain | done |" in (tmp_path / "results.md").read_text()
    assert cuda.main([*run, "--minutes", "0"]) == 1 and "out of time" in capsys.readouterr().out
    assert cuda.main(run[1:]) == 0


@pytest.mark.slow
def test_a_process_that_dies_or_takes_too_long_is_told(tmp_path):
    late = cuda._in_process("ladder", "tiny", "cpu", tmp_path, 0.5)
    assert late["status"] == "out of time" and "it took more than" in late["why"]
    dead = cuda._in_process("nothing", "tiny", "cpu", tmp_path, 60.0)
    assert dead["status"] == "failed" and "invalid choice" in dead["why"]


@pytest.mark.slow
def test_what_a_part_has_started_does_not_outlive_it(tmp_path):
    """Or it would hold the GPU while the next part is measured."""
    sleeper = "import sys; from subprocess import *; p = Popen(['sleep', '99'], stderr=DEVNULL)"
    sleeper += "; print(p.pid, file=open(sys.argv[1], 'w')); p.wait()"
    status, _ = cuda.ended([sys.executable, "-c", sleeper, str(tmp_path / "pid")], dict(os.environ), 3.0)
    pid, patience = (tmp_path / "pid").read_text().strip(), 100
    while runs(pid) and patience:  # a signal that is sent takes a moment to end a process
        time.sleep(0.1)
        patience -= 1
    assert status is None and patience


def runs(pid: str) -> bool:
    """Whether there is such a process, and it is not dead yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "no cuda device"), (["speed", "--device", "cpu"], "no part speed"), (["--size", "huge"], "invalid choice")],
)
def test_what_cannot_be_run_is_refused(capsys, monkeypatch, arguments, words):
    monkeypatch.setattr("logreg_torch.devices", lambda: ("cpu",))
    with pytest.raises(SystemExit) as ended:
        cuda.main(arguments)
    assert ended.value.code == 2 and words in capsys.readouterr().err


def test_the_docs_say_what_the_results_say(tmp_path, monkeypatch):
    page = cuda.PAGE.read_text(encoding="utf-8")
    said = page.partition(cuda.START)[2].partition(cuda.END)[0]
    assert said.strip() == cuda.sentence(cuda.RESULTS)
    about = {"device": "cuda", "size": "full", "machine": {"date": "2026-11-29T00:00:00", "device": "Card"}}
    for part, status in (("compare", "done"), ("ladder", "failed")):
        (tmp_path / f"{part}.json").write_text(json.dumps(about | {"part": part, "status": status}))
    told = cuda.sentence(tmp_path)
    assert "Card" in told and told.index("compare") < told.index("ladder") and told != said.strip()
    monkeypatch.setattr(cuda, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(cuda, "RESULTS", tmp_path)
    cuda.PAGE.write_text(page, encoding="utf-8")
    cuda.main(["--write-docs"])
    assert cuda.PAGE.read_text(encoding="utf-8") == page.replace(said.strip(), told)
