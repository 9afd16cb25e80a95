"""Files that are whole or not there, several together or none; and whether they can be, asked before the work."""

import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

WRITTEN: list[str] = []
"""What this process has written, in its order: an interrupted command says it."""

STANDARD = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
"""Names of what is open already: such a file is written to, not put in the place of."""


def write_whole(path: Path, content: bytes | str) -> None:
    """Write beside the file, then rename into its place: no reader ever sees half of it, and a failure leaves the old.

    Where a link stands, the file it leads to is replaced, and keeps its mode; a device or a pipe is written to.

    Args:
        path: the file, in a folder that exists.
        content: bytes, or text, which is written as UTF-8.

    Raises:
        OSError: with this path, where it cannot be written.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, bytes | str]) -> None:
    """Write several files as ``write_whole`` does, all of them or none.

    They are all there, beside their places, before the first is renamed; where a rename fails, those before it are
    undone.

    Args:
        files: the contents by path.

    Raises:
        OSError: with the path that cannot be written.
    """
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    staged: list[_Staged] = []
    try:
        for path, content in contents.items():
            if not _is_open_end(path):
                with _named(path):
                    staged.append(_Staged.beside(path))
                    staged[-1].write(content)
        for path, content in contents.items():
            if _is_open_end(path):
                with _named(path):
                    _pour(path, content)
        for one in staged if len(staged) > 1 else ():
            with _named(one.path):
                one.keep_old()
        for one in staged:
            with _named(one.path):
                one.put()
        WRITTEN.extend(map(str, contents))
    except BaseException:
        for one in reversed(staged):
            with suppress(OSError):
                one.undo()
        raise
    finally:
        for one in staged:
            one.clear()
    for folder in {one.target.parent for one in staged}:
        _sync_folder(folder)


def write_folder(folder: Path, files: Mapping[str, bytes | str]) -> list[Path]:
    """Write files into a folder, all of them or none; a folder that is not there yet appears with all of them in it.

    Args:
        folder: it is made where it is missing, and so are those above it.
        files: the contents by name.

    Returns:
        The paths.

    Raises:
        OSError: with the path that cannot be written.
    """
    paths = [folder / name for name in files]
    if os.path.lexists(folder):
        write_together(dict(zip(paths, files.values(), strict=True)))
        return paths
    with _named(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = folder.parent / _name()
        made.mkdir()
    before = len(WRITTEN)
    try:
        write_together({made / name: content for name, content in files.items()})
        with _named(folder):
            made.rename(folder)
        WRITTEN[before:] = map(str, paths)
    except BaseException as error:
        del WRITTEN[before:]
        shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError) and str(made) in str(error.filename):  # the user knows no such folder
            raise OSError(error.errno, error.strerror, str(error.filename).replace(str(made), str(folder))) from error
        raise
    _sync_folder(folder.parent)
    return paths


def check_file(option: str, path: str | Path) -> None:
    """Whether a file can be written there, found out by writing beside it.

    Args:
        option: what the user named it with, "--out" for one.
        path: the file.

    Raises:
        ValueError: where it cannot, with the reason.
    """
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"{option} is a {type(path).__name__}; give the name of a file")
    path = Path(path)
    with _refused(option, path):
        if path.is_dir():
            raise ValueError(f"{option} is {path}, a folder; give the name of a file in it")
        if _is_open_end(path):
            _check_writable(path)
            return
        target = _resolved(path)
        if not target.parent.is_dir():
            raise ValueError(f"{option} is {path}; give a file in a folder that exists")
        if os.path.lexists(target):
            _check_writable(target)
        _try_out(target.parent)


def check_folder(option: str, folder: Path, names: tuple[str, ...] = ()) -> None:
    """Whether a folder is there or can be made, and files of these names can be written in it.

    Args:
        option: what the user named it with.
        folder: where the files are to stand.
        names: of the files.

    Raises:
        ValueError: where they cannot, with the reason.
    """
    with _refused(option, folder):
        if os.path.lexists(folder) and not folder.is_dir():
            raise ValueError(f"{option} is {folder}, a file; give a folder")
        above = Path(os.path.abspath(folder))
        while not os.path.lexists(above):
            above = above.parent
        if not above.is_dir():
            raise ValueError(f"{option} is {folder}, but {above} is a file; give a folder")
        for name in names if folder.is_dir() else ():
            check_file(option, folder / name)
        _try_out(above)


@dataclass
class _Staged:
    """A file that is written beside its place, and what stood there before."""

    path: Path  # as the user wrote it
    target: Path  # without links
    new: Path
    mode: int | None  # of the file that is there
    old: Path | None = None
    put_there: bool = False

    @classmethod
    def beside(cls, path: Path) -> "_Staged":
        target, mode = _resolved(path), None
        if target.is_dir():
            raise IsADirectoryError(21, "is a folder", str(path))
        if os.path.lexists(target):
            _check_writable(target)
            mode = stat.S_IMODE(target.stat().st_mode)
        return cls(path, target, target.parent / _name(), mode)

    def write(self, content: bytes) -> None:
        # Only a name that nobody knows beforehand, and only where nothing stands: no link can be planted there.
        file = os.open(self.new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if self.mode is not None:
            self.new.chmod(self.mode)

    def keep_old(self) -> None:
        """Hold on to what stands there, until all are in their places."""
        if self.mode is None:
            return
        kept = self.target.parent / _name()
        try:
            kept.hardlink_to(self.target)
        except OSError:  # a file system without links
            shutil.copy2(self.target, kept)
        self.old = kept

    def put(self) -> None:
        self.put_there = True  # first: an interrupt may come between the two
        os.replace(self.new, self.target)

    def undo(self) -> None:
        if not self.put_there:
            return
        if self.old is not None:
            os.replace(self.old, self.target)
        elif self.mode is None:
            self.target.unlink(missing_ok=True)

    def clear(self) -> None:
        for left in (self.new, self.old):
            if left is not None:
                left.unlink(missing_ok=True)


def _name() -> str:
    return f".logreg-parity-{secrets.token_hex(8)}"


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_open_end(path: Path) -> bool:
    """Whether bytes are sent there, to a device, a pipe or what is open already, and not kept."""
    if os.path.abspath(path).startswith(STANDARD):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _pour(path: Path, content: bytes) -> None:
    """Send all of it, after what the process has printed."""
    sys.stdout.flush()
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(file, left) :]
    finally:
        os.close(file)


def _check_writable(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "it may not be written", str(path))


def _try_out(folder: Path) -> None:
    """Make a file there and remove it. Raises OSError where that fails."""
    trial = folder / _name()
    os.close(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    trial.unlink()


def _sync_folder(folder: Path) -> None:
    """That the names are kept too, where a folder can be told to."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error within names the user's path and not the file beside it."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error}); make room, or name another place"
        raise OSError(error.errno or 5, reason, str(path)) from error


@contextmanager
def _refused(option: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{option} is {path}, which cannot be written ({reason}); name another place") from error
