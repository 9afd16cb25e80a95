"""A half-written file never stands: not in the place of a good one, not beside it, not among others of its report."""

import ast
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from logreg_parity.data import files
from logreg_parity.data.files import check_file, check_folder, write_folder, write_together, write_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="links, modes and pipes as POSIX has them")
ROOT = Path(__file__).parents[2]


def below(folder) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, and its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_text_and_bytes_are_written(tmp_path):
    write_whole(tmp_path / "text", "σ(z)")
    write_whole(tmp_path / "bytes", b"\x00\xff")
    assert below(tmp_path) == {"bytes": b"\x00\xff", "text": "σ(z)".encode()}


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_mode_of_a_file_stays(tmp_path, mode):
    path = tmp_path / "report"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_that_the_process_gives(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "report", "new")
        write_folder(tmp_path / "out", {"a": "new"})
    finally:
        os.umask(before)
    made = (tmp_path / "report", tmp_path / "out" / "a")
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o666 & ~mask] * 2
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~mask


@posix
@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing yet"])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path, there):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "report", tmp_path / "report"
    if there:
        target.write_text("old")
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    assert set(below(tmp_path)) == {"far/report", "report"}


@posix
@pytest.mark.parametrize("write", [write_whole, lambda path, text: write_together({path: text})])
def test_a_pipe_is_written_to_and_stays(tmp_path, write):
    pipe, heard = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write(pipe, "through")
    reader.join()
    assert heard == [b"through"] and stat.S_ISFIFO(pipe.stat().st_mode)


@posix
@pytest.mark.parametrize("kept", [True, False], ids=["a file", "a pipe"])
def test_what_is_open_already_is_added_to(tmp_path, kept):
    """/dev/stdout is a link, to a file where the shell has redirected it: neither is replaced."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); print('printed')\n"
    code += "from pathlib import Path; from logreg_parity.data.files import check_file, write_whole\n"
    code += "check_file('--out', Path('/dev/stdout')); write_whole(Path('/dev/stdout'), 'written\\n')"
    with (tmp_path / "out").open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=file if kept else subprocess.PIPE, stderr=subprocess.PIPE, check=False
        )
    said = (tmp_path / "out").read_bytes() if kept else done.stdout
    assert (said, done.stderr) == (b"printed\nwritten\n", b"")


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_that_takes_nothing_is_named():
    with pytest.raises(OSError, match=r"cannot be written .*No space left") as error:
        write_whole(Path("/dev/full"), "new")
    assert error.value.filename == "/dev/full"


@posix
def test_the_name_beside_it_cannot_be_foreseen(tmp_path, monkeypatch):
    """Another name every time, and where a link stands in its place nothing is written through it."""
    names = {files._name() for _ in range(1000)}
    assert len(names) == 1000 and all(len(name) >= 30 for name in names)
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".planted").symlink_to(tmp_path / "victim")
    monkeypatch.setattr(files, "_name", lambda: ".planted")
    with pytest.raises(OSError, match="cannot be written"):
        write_whole(tmp_path / "report", "new")
    assert (tmp_path / "victim").read_text() == "mine" and not (tmp_path / "report").exists()


def test_threads_never_see_half_a_file(tmp_path):
    path, contents = tmp_path / "report", [bytes([k]) * 20_000 for k in range(4)]
    write_whole(path, contents[0])
    torn, done = [], threading.Event()

    def read():
        while not done.is_set():
            if (seen := path.read_bytes()) not in contents:
                torn.append(seen)

    def write(content):
        for _ in range(15):
            write_whole(path, content)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert torn == [] and set(below(tmp_path)) == {"report"}


CALLS = ("open", "fsync", "replace", "rename", "close")
"""What writing asks of the system, and what may fail or be interrupted there."""


class Stop(BaseException):
    """Ctrl-C, or whatever ends a process that still cleans up."""


def stopping(monkeypatch, at: int, error: BaseException) -> list[str]:
    """From now on the call number ``at`` of those above raises; the list tells all that came until then."""
    made: list[str] = []
    for name in CALLS:
        real = getattr(os, name)

        def call(*given, real=real, name=name, **words):
            if str(given[0]).startswith("/proc/"):
                return real(*given, **words)
            made.append(name)
            if len(made) == at:
                raise error
            return real(*given, **words)

        monkeypatch.setattr(os, name, call)
    return made


NEW = {"a.json": b"new a", "b.md": b"new b" * 9000, "c.png": b"new c"}
OLD = {"a.json": b"old a", "b.md": b"old b", "note": b"mine"}
WAYS = {
    "one file": (lambda folder: write_whole(folder / "a.json", NEW["a.json"]), OLD, OLD | {"a.json": b"new a"}),
    "one new file": (lambda folder: write_whole(folder / "c.png", NEW["c.png"]), OLD, OLD | {"c.png": b"new c"}),
    "three files": (lambda folder: write_folder(folder, NEW), OLD, OLD | NEW),
    "a new folder": (lambda folder: write_folder(folder, NEW), {}, NEW),
    "two folders": (lambda folder: write_folder(folder / "x" / "y", NEW), OLD, OLD | {f"x/y/{k}": NEW[k] for k in NEW}),
}


@posix
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Stop(), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("way", WAYS)
def test_whatever_call_fails_all_is_old_or_all_is_new(tmp_path, monkeypatch, way, error):
    """Every call in turn, until one way through fails at none."""
    write, old, new = WAYS[way]
    for at in range(1, 60):
        folder = tmp_path / str(at)
        for name, content in old.items():
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        files.WRITTEN.clear()
        with monkeypatch.context() as patched:
            made = stopping(patched, at, error)
            raised = None
            try:
                write(folder)
            except (OSError, Stop, KeyboardInterrupt) as came:
                raised = came
        if len(made) < at:
            assert below(folder) == new and at > 4
            return
        assert below(folder) == (new if files.WRITTEN else old), (at, made)  # and it is known which
        assert isinstance(raised, type(error)) if not files.WRITTEN else not isinstance(raised, OSError)
        assert not isinstance(raised, OSError) or ".logreg-parity-" not in str(raised)
        assert not list(tmp_path.rglob(".logreg-parity-*")), (at, made)
    raise AssertionError("writing never ends")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 15))
def test_a_kill_leaves_whole_files(tmp_path, at):
    """A process that ends at that very call, without a chance to clean up: old or new, each file is whole."""
    folders = {"there": tmp_path / "there", "new": tmp_path / "new"}
    folders["there"].mkdir()
    for name, content in OLD.items():
        (folders["there"] / name).write_bytes(content)
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from logreg_parity.data.files import write_folder
made = []
for name in {CALLS!r}:
    def call(*given, real=getattr(os, name), **words):
        made.append(name)
        os._exit(9) if len(made) == {at} else None
        return real(*given, **words)
    setattr(os, name, call)
write_folder(Path(sys.argv[1]), {NEW!r})
"""
    for kind, folder in folders.items():
        done = subprocess.run([sys.executable, "-I", "-c", code, str(folder)], capture_output=True, check=False)
        assert done.returncode in (0, 9), done.stderr
        left = {name: content for name, content in below(folder).items() if not name.startswith(".logreg-parity-")}
        if kind == "new":
            assert left in ({}, NEW)
        assert all(content in (OLD.get(name), NEW.get(name)) for name, content in left.items())
        assert kind == "new" or set(left) >= set(OLD)


def test_an_error_names_the_users_path(tmp_path):
    with pytest.raises(OSError, match=r"cannot be written .*; make room, or name another place") as error:
        write_whole(tmp_path / "nowhere" / "report", "new")
    assert error.value.filename == str(tmp_path / "nowhere" / "report")
    with pytest.raises(OSError, match="cannot be written") as error:
        write_whole(tmp_path, "new")
    assert error.value.filename == str(tmp_path)


def writes(source: str) -> list[str]:
    """The calls by which a module would write a file itself."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = []
    for call in calls:
        name = ast.unparse(call.func).rpartition(".")[2]
        modes = [ast.literal_eval(a) for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        modes += [w.value.value for w in call.keywords if w.arg == "mode" and isinstance(w.value, ast.Constant)]
        if name in ("write_text", "write_bytes", "tofile", "save_to_file") or (
            name == "open" and any(re.fullmatch("[rbt+]*[wax][rbt+]*|r[bt]*[+][bt]*", mode) for mode in modes)
        ):
            found.append(ast.unparse(call))
    return found


OWN = {"logreg_parity/data/files.py", "logreg_parity/language.py", "logreg_parity/solvers/jobs.py"}
"""The one writer; the tool that makes the catalogues of a checkout; what the processes of a job say, until it ends."""


def test_every_file_is_written_by_the_one_writer():
    """What is proved of it above holds for every command."""
    modules = [
        path for package in ("logreg_parity", "logreg_torch", "logreg_jax") for path in (ROOT / package).rglob("*.py")
    ]
    found = {str(path.relative_to(ROOT)): writes(path.read_text(encoding="utf-8")) for path in modules}
    assert {name: calls for name, calls in found.items() if calls and name not in OWN} == {}
    planted = "P.write_text('x')\nwith open('p', 'w') as f: ...\nP.open(mode='ab')\nopen('p', 'rb')"
    assert len(writes(planted)) == 3


def test_what_was_written_is_known(tmp_path):
    files.WRITTEN.clear()
    write_whole(tmp_path / "a", "new")
    write_folder(tmp_path / "out", {"b": "new", "c": "new"})
    with pytest.raises(OSError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "d", "new")
    assert [str(tmp_path / name) for name in ("a", "out/b", "out/c")] == files.WRITTEN


LONG = 300 * "a"
REFUSED_FILES = {
    "a folder": ("folder", "a folder; give the name of a file in it"),
    "the working folder": (".", "a folder; give the name of a file in it"),
    "a folder that is not there": ("nowhere/report", "give a file in a folder that exists"),
    "below a file": ("file/report", "give a file in a folder that exists"),
    "a name too long": (LONG, "cannot be written (File name too long); name another place"),
    "a circle of links": ("circle", "cannot be written"),
    "a link into nowhere": ("lost", "give a file in a folder that exists"),
}
REFUSED_FOLDERS = {
    "a file": ("file", "a file; give a folder"),
    "below a file": ("file/out/deep", "is a file; give a folder"),
    "a name too long": (LONG, "cannot be written (File name too long); name another place"),
    "a link into nowhere": ("lost", "a file; give a folder"),
    "a folder in the place of a file": ("above", "a folder; give the name of a file in it"),
}


@pytest.fixture
def places(tmp_path, monkeypatch):
    for name in ("folder", "above/report.json"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_text("a file")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere" / "report")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@posix
@pytest.mark.parametrize(("name", "words"), REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_where_no_file_can_be_written_is_said(places, name, words):
    before = below(places)
    with pytest.raises(ValueError, match="--out is ") as error:
        check_file("--out", Path(name))
    assert words in str(error.value) and below(places) == before


@posix
@pytest.mark.parametrize(("name", "words"), REFUSED_FOLDERS.values(), ids=REFUSED_FOLDERS)
def test_where_no_folder_can_be_is_said(places, name, words):
    with pytest.raises(ValueError, match="--out is ") as error:
        check_folder("--out", Path(name), ("report.json",))
    assert words in str(error.value)


@posix
def test_a_place_that_takes_no_file_is_said(places, monkeypatch):
    """As a full disk, or a file system that is only read: asked by writing, for rights alone do not tell."""
    monkeypatch.setattr(files, "_try_out", lambda folder: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    for check, name in ((check_file, "report"), (check_folder, "out")):
        with pytest.raises(ValueError, match=rf"--out is {name}, which cannot be written \(Read-only file system\); "):
            check("--out", Path(name))


@posix
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "report"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # whoever runs this as root may write all
    with pytest.raises(ValueError, match=r"--out is .*, which cannot be written"):
        check_file("--out", path)
    with pytest.raises(PermissionError, match="cannot be written"):
        write_whole(path, "new")
    assert path.read_text() == "old"


@posix
def test_where_it_can_be_written_nothing_is_left(places):
    before = below(places)
    check_file("--out", Path("report"))
    check_file("--out", Path("file"))
    check_file("--out", Path(os.devnull))
    check_folder("--out", Path("out/deep"), ("report.json",))
    check_folder("--out", Path("folder"), ("report.json",))
    assert below(places) == before and not (places / "out").exists()
