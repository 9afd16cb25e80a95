"""Data larger than memory: rows in files, or behind anything that can be sliced, read one block at a time.

``Stream`` is to streaming what ``Dataset`` is to everything else. A block is read into memory of its own, so that what
is resident is one block and not what was read so far.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from ..data.dataset import plain_array
from ..data.tables import unreadable
from .ranks import Ranks

BLOCK_BYTES = 2**26
"""64 MiB of features to a block: long enough to stream at full speed, short enough to hold several."""


class Rows(Protocol):
    """What rows can be sliced from: an array, a memory map, or an object that makes its rows when asked."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D) or (N,)."""
        ...

    @property
    def dtype(self) -> Any:
        """Of the numbers."""
        ...

    def __getitem__(self, rows: slice, /) -> Any:
        """These rows."""
        ...


@dataclass(frozen=True)
class Mapped:
    """An array in a file of so many bytes, which rows can be read from."""

    path: Path
    offset: int  # bytes before the first number
    shape: tuple[int, ...]
    dtype: np.dtype
    size: int

    def __getitem__(self, rows: slice) -> np.ndarray:
        """A copy of these rows. Raises ValueError where the file is shorter or longer than when it was opened."""
        if self.path.stat().st_size != self.size:
            raise ValueError(f"{self.path} has changed while it was read; start again, with nobody writing to it")
        first, last, _ = rows.indices(self.shape[0])
        width = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        count = (last - first) * width // self.dtype.itemsize
        read = np.fromfile(self.path, self.dtype, count, offset=self.offset + first * width)
        if len(read) != count:
            raise ValueError(f"{self.path} has changed while it was read; start again, with nobody writing to it")
        return read.reshape(last - first, *self.shape[1:])


@dataclass(frozen=True, eq=False)
class Stream:
    """N rows of D features with their labels, read block by block.

    X (N, D) and y (N,): whatever ``Rows`` describes; ``open_stream`` gives those in files. rows_per_block: by default
    as many as fill BLOCK_BYTES. known: digests of blocks by number, where they were written down before. Raises
    ValueError for shapes that do not fit, and while reading for values that are
    not finite and labels outside [0, 1], with the row.
    """

    X: Rows
    y: Rows
    source: str
    rows_per_block: int = 0
    known: Mapping[int, str] = field(default_factory=dict, repr=False)
    _digests: dict[int, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.X.shape) != 2 or tuple(self.y.shape) != (self.X.shape[0],):
            raise ValueError(f"X has shape {self.X.shape} and y has shape {self.y.shape}; give X (N, D) and y (N,)")
        if 0 in self.X.shape:
            raise ValueError(f"X has shape {self.X.shape}; give at least one row and one feature")
        if self.rows_per_block < 0:
            raise ValueError(f"rows_per_block is {self.rows_per_block}; give a number of rows above 0")
        if self.rows_per_block == 0:
            row = np.dtype(self.X.dtype).itemsize * self.n_features
            object.__setattr__(self, "rows_per_block", min(self.n_rows, max(1, BLOCK_BYTES // row)))

    @property
    def n_rows(self) -> int:
        """N."""
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        """D."""
        return int(self.X.shape[1])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """x1, x2, ..., as those of a Dataset without names."""
        return tuple(f"x{j + 1}" for j in range(self.n_features))

    @property
    def n_blocks(self) -> int:
        """How many blocks; the last may be short."""
        return -(-self.n_rows // self.rows_per_block)

    def block(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Features (B, D) and labels (B,) of block k = 0, 1, ...

        Raises ValueError for rows that are not what they were when they were first read.
        """
        first, last = self.span(range(k, k + 1))
        rows = slice(first, last)
        X, y = (plain_array(a[rows], f"{name}, from row {first} on: ") for name, a in (("X", self.X), ("y", self.y)))
        _check(X, y, first)
        found = digest(X, y)
        if self.known.get(k, found) != found:
            raise ValueError(f"{self.rows(k)} of {self.source} are not what the manifest says; write the shards again")
        if self._digests.setdefault(k, found) != found:
            raise ValueError(
                f"{self.rows(k)} of {self.source} have changed since they were first read; start again, with nobody "
                f"writing to them"
            )
        return X, y

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All blocks in order."""
        return (self.block(k) for k in range(self.n_blocks))

    def rows(self, k: int) -> str:
        """In words, which rows block k holds."""
        first, last = self.span(range(k, k + 1))
        return f"rows {first} to {last - 1}"

    def span(self, blocks: range) -> tuple[int, int]:
        """The first row of some blocks, and the first one after them."""
        first, last = (min(k * self.rows_per_block, self.n_rows) for k in (blocks.start, blocks.stop))
        return first, last

    def digest(self, k: int) -> str:
        """The digest of block k, which is read where it has not been."""
        if k not in self._digests:
            self.block(k)
        return self._digests[k]

    @property
    def digests(self) -> list[str]:
        """Those of the blocks from the first on, as far as they have been read."""
        return [self._digests[k] for k in range(self.n_blocks) if k in self._digests]

    def share_digests(self, ranks: Ranks) -> None:
        """Let every rank know the digests of the blocks that any of them has read."""

        def own() -> np.ndarray:
            known = (self._digests.get(k, "0") for k in range(self.n_blocks))
            return np.array([int(found, 16) for found in known], np.uint64).view(np.float64)

        rows = ranks.gathered("the digests", own, [1] * ranks.size, self.n_blocks).view(np.uint64)
        self._digests.update((k, f"{int(found):016x}") for k, found in enumerate(rows.max(axis=0)) if found)

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint is told of the data beside the digests: neither where they are nor how old."""
        arrays = {"X": self.X, "y": self.y}
        about = {name: f"{tuple(array.shape)} {np.dtype(array.dtype)}" for name, array in arrays.items()}
        return {**about, "rows_per_block": self.rows_per_block}


_WEIGHTS = np.random.RandomState(18).randint(0, 2**63, 2**10, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def digest(*arrays: np.ndarray) -> str:
    """What the contents of arrays are known by: 16 hexadecimal digits.

    Every 8 KiB, which stay in the nearest cache, are first multiplied, word by word, with fixed odd numbers and summed
    modulo 2^64, which costs a fiftieth of a pass where SHA-256 costs a twelfth; that takes the sums and what is left.
    So a change by accident is missed once in 2^64 times, and that of a single word never; one that is made on purpose
    could be hidden.
    """
    found = sha256()
    for array in arrays:
        found.update(f"{array.shape} {array.dtype}".encode())
        numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        whole = len(numbers) // _WEIGHTS.nbytes * _WEIGHTS.nbytes
        words = numbers[:whole].view(np.uint64).reshape(-1, len(_WEIGHTS))
        found.update(np.einsum("ij,j->i", words, _WEIGHTS).tobytes())
        found.update(numbers[whole:].tobytes())
    return found.hexdigest()[:16]


def open_stream(X: str | Path, y: str | Path | None = None, *, rows_per_block: int = 0) -> Stream:
    """Rows from files: X.npy and y.npy, or one .npz with arrays X and y that is not compressed.

    Raises ValueError for files that are no such arrays, compressed archives and Fortran order, and OSError where a
    file cannot be read.
    """
    for path in filter(None, (X, y)):
        if str(path).lower().endswith(".parquet"):
            raise ValueError(f"{path} is a table; write it as shards with logreg-parity shard, and give their folder")
        if not str(path).lower().endswith((".npy", ".npz")) and (why := unreadable(str(path))):
            raise ValueError(f"{path} {why}; a stream is read from X.npy y.npy, or from an .npz with X and y")
    if y is None:
        features, labels = open_member(Path(X), "X"), open_member(Path(X), "y")
        return Stream(features, labels, str(X), rows_per_block)
    return Stream(open_file(Path(X)), open_file(Path(y)), f"{X}, {y}", rows_per_block)


def open_file(path: Path) -> Mapped:
    """The array of a .npy file. Raises ValueError for what is none, and OSError where it cannot be read."""
    with path.open("rb") as file:
        return _mapped(path, file, str(path))


def open_member(path: Path, name: str, *, check_sum: bool = True) -> Mapped:
    """An array of an .npz that is not compressed.

    Args:
        path: the archive.
        name: of the array.
        check_sum: whether it is read once, to be held to the checksum that the archive keeps.

    Raises:
        ValueError: for what is no such archive, has no such array, or another than its checksum says.
        OSError: where it cannot be read.
    """
    with path.open("rb"):
        pass  # an OSError here is of the file, one below of what it holds
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # of a damaged archive: BadZipFile, NotImplementedError, UnicodeDecodeError, ...
        raise ValueError(f"{path} is no .npz archive ({error}); give one with X and y, or X.npy and y.npy") from error
    with archive, path.open("rb") as file:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        if name not in entries:
            raise ValueError(f"{path} has {', '.join(entries) or 'nothing'} and no {name}; give arrays X and y")
        if entries[name].compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{path} is compressed and cannot be mapped; write it with numpy.savez, or use .npy files")
        if check_sum:
            _check_sum(archive, entries[name], f"{name} in {path}")
        # The local header has 30 bytes, then a name and an extra field whose lengths it gives (APPNOTE.TXT, 4.3.7).
        file.seek(entries[name].header_offset + 26)
        lengths = np.frombuffer(file.read(4), "<u2")
        file.seek(int(lengths.sum()), 1)
        return _mapped(path, file, f"{name} in {path}", file.tell() + entries[name].file_size)


def _check_sum(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, what: str) -> None:
    """Read a member once: ValueError where its checksum is not the one that the archive keeps."""
    try:
        with archive.open(entry) as member:
            while member.read(2**20):
                pass
    except Exception as error:  # a damaged archive fails in many ways: BadZipFile, NotImplementedError, EOFError, ...
        raise ValueError(f"{what} is damaged ({error}); write it again with numpy.savez") from error


def _mapped(path: Path, file: BinaryIO, what: str, end: int | None = None) -> Mapped:
    """The array that begins here and ends where the file does, or at ``end``."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except ValueError as error:
        raise ValueError(f"{what} is no .npy array ({error}); write it with numpy.save") from error
    if fortran and len(shape) > 1:
        raise ValueError(f"{what} is in Fortran order, column by column; write numpy.ascontiguousarray of it")
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise ValueError(f"{what} holds {dtype}; give real numbers of at most 64 bits")
    begin, size = file.tell(), path.stat().st_size
    wanted, there = prod(shape) * dtype.itemsize, (size if end is None else end) - begin
    if wanted != there:
        raise ValueError(f"{what} has {there} bytes where {shape} {dtype} take {wanted}; write the whole file again")
    return Mapped(path, begin, shape, dtype, size)


def _check(X: np.ndarray, y: np.ndarray, first: int) -> None:
    for name, values in (("X", X), ("y", y)):
        wrong = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if wrong.any():
            raise ValueError(f"row {first + int(wrong.argmax())} of {name} is not finite; drop the row or fill it in")
    outside = (y < 0) | (y > 1)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(f"the label of row {first + row} is {y[row]:g}; give 0 and 1, or values between them")
