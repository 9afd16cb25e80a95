"""Your own data: a CSV, NPZ or Parquet file, or a data frame, becomes a ``Dataset``, or an error says why not.

Nothing is dropped, filled in or coerced: what a file leaves open is for its owner to decide.
"""

import csv
import hashlib
import io
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..users import shortly
from .archive import read_arrays
from .columns import Columns, Place, cells_of, fields
from .dataset import Dataset
from .multiclass import MOST_CLASSES, MulticlassDataset


def load_table(path: str | Path, label: str, *, weight: str | None = None, positive: Any = None) -> Dataset:
    """The table in a file: ``label`` names the column of y, ``weight`` that of ω, and all others make X.

    path: a .csv file in UTF-8 with a header, its cells separated by commas (or semicolons or tabs, where the
    header holds no other of these); an .npz file of arrays (N,), and (N, K) for columns NAME1 ... NAMEK; or a
    .parquet file, where pyarrow is installed.
    label: a column of two values, numbers or texts; where all are numbers, 1 and 1.0 are the same.
    positive: the value of class 1; by default the larger number, or the text later in sorting order.

    Raises ValueError for all that is no such table, with the line in a CSV file, or the row in NPZ, from 0.
    """
    return _table(Dataset, path, label, weight, positive, 2)


def load_classes(path: str | Path, label: str, *, weight: str | None = None) -> MulticlassDataset:
    """The same with a label of two to 20 values, in sorting order: the classes from 0 on.

    Args:
        path: as in ``load_table``, which says what is refused.
        label: the column of the classes, numbers or texts.
        weight: that of ω, or None.
    """
    return _table(MulticlassDataset, path, label, weight, None, MOST_CLASSES)


def load_two_or_more(path: str | Path, label: str, *, weight: str | None = None) -> Dataset | MulticlassDataset:
    """What ``load_table`` gives of a label of two values, and ``load_classes`` of one with more; arguments are theirs.

    Args:
        path, label, weight: those of ``load_classes``.
    """

    def made(**of: Any) -> Dataset | MulticlassDataset:
        return (Dataset if len(of["class_names"]) == 2 else MulticlassDataset)(**of)

    return _table(made, path, label, weight, None, MOST_CLASSES)


def _table(make: Any, path: str | Path, label: str, weight: str | None, positive: Any, classes: int) -> Any:
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"the path is {shortly(path)}; give that of a {KINDS} file")
    why, path = unreadable(str(path)), Path(path)
    try:
        if why:
            raise ValueError(f"this {why}")
        read = READERS.get(path.suffix.lower())
        if not path.is_file():
            raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'missing'}; name a {KINDS}")
        if read is None:
            raise ValueError(f"the ending {path.suffix!r} is unknown; save the table as {KINDS}")
        content = path.read_bytes()
        source = f"{path.name}, sha256 {hashlib.sha256(content).hexdigest()[:12]}…"
        return make(**fields(*read(content), source, label, weight, positive, classes))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def unreadable(path: str) -> str:
    """What to do about a path of which it is known that no table is read from it; nothing of any other."""
    if path == "-":
        return "is no file, and standard input is not read, since both twins read the table; save it as a .csv"
    if re.match(r"\w+://", path):
        return "is an address, and nothing is fetched; download the file and name it"
    return next((hint for endings, hint in HINTS.items() if path.lower().endswith(endings)), "")


def _read_csv(content: bytes) -> tuple[Columns, Place]:
    """The columns as (name, texts of N rows), and a function that says where in the file a row stands."""
    try:
        lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line} is not UTF-8 text; save the table as CSV in UTF-8") from error
    found = set(",;\t") & set(re.sub(r'"[^"]*("|$)', "", lines.readline()))
    lines.seek(0)
    reader = csv.reader(lines, delimiter=found.pop() if len(found) == 1 else ",", strict=True)
    rows, starts = [], [1]  # a quoted cell may span lines: a row is known by the line it starts on
    try:
        for row in reader:
            rows.append(row)
            starts.append(reader.line_num + 1)
    except csv.Error as error:
        raise ValueError(f"line {starts[-1]} is not CSV ({error}); check its quotes") from error
    if not rows or not any(name.strip() for name in rows[0]):
        raise ValueError("there is no header; name the columns in the first line")
    for row, line in zip(rows, starts, strict=False):
        if len(row) != len(rows[0]):
            came = f"line {line} has {len(row)} cells where the header has {len(rows[0])}"
            raise ValueError(f"{came}; give as many, quote cells that hold a separator, delete blank lines")
    columns = [(name, [row[j] for row in rows[1:]]) for j, name in enumerate(rows[0])]
    return columns, lambda row: f"line {starts[row + 1]}"


def _read_npz(content: bytes) -> tuple[Columns, Place]:
    """The same, but numbers stay arrays (N,), of any type that casts safely to float64."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError("this is no zip archive, as an NPZ file is; write it with numpy.savez")
    columns: list = []
    arrays = list(read_arrays(content).items())
    for name, array in arrays:
        if array.ndim not in (1, 2) or array.shape[1:] == (0,):
            raise ValueError(f"array {name!r} has shape {array.shape}; give (N,) or (N, K)")
        if array.dtype.kind != "U" and not np.can_cast(array.dtype, np.float64):
            raise ValueError(f"array {name!r} holds {array.dtype} values; save real numbers or text (str)")
        if len(array) != len(arrays[0][1]):
            came = f"array {arrays[0][0]!r} has shape {arrays[0][1].shape} and {name!r} {array.shape}"
            raise ValueError(f"{came}; give all arrays as many rows")
        names = [name] if array.ndim == 1 else [f"{name}{j + 1}" for j in range(array.shape[1])]
        cells = np.atleast_2d(array.T)  # (K, N)
        columns += zip(names, cells.tolist() if cells.dtype.kind == "U" else cells, strict=True)
    return columns, lambda row: f"row {row} (counted from 0)"


def _read_parquet(content: bytes) -> tuple[Columns, Place]:
    """The same of a Parquet file. Raises ValueError where pyarrow is missing, or cannot read it."""
    with parquet("this") as module:
        table = module.ParquetFile(io.BytesIO(content)).read()
    columns = [(name, cells_of(name, table.column(j))) for j, name in enumerate(table.column_names)]
    return columns, lambda row: f"row {row} (counted from 0)"


@contextmanager
def parquet(what: str) -> Iterator[Any]:
    """The module pyarrow.parquet. Raises ValueError where it is missing, or cannot read ``what`` within the block."""
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ValueError("Parquet is read by pyarrow, which is missing; pip install pyarrow") from error
    try:
        yield pyarrow.parquet
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{what} is no Parquet file ({error}); write it anew") from error


READERS = {".csv": _read_csv, ".npz": _read_npz, ".parquet": _read_parquet}
KINDS = ".csv, .npz or .parquet"
HINTS = {
    (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"): "is compressed; unpack it and name the table inside",
    (".xlsx", ".xls", ".ods"): "is a spreadsheet; save the sheet as CSV in UTF-8",
    (
        ".tsv",
        ".tab",
        ".txt",
    ): "may be CSV by another name; rename it to .csv, where tabs and semicolons separate as well",
    (".pq",): "may be Parquet by another name; rename it to .parquet",
    (".feather", ".arrow", ".orc", ".h5", ".hdf5"): "is no kind that is read; save the table as .parquet",
    (".npy",): "is one array; numpy.savez(path, X=..., y=...) writes an .npz, and fit --stream reads X.npy y.npy",
    (".pkl", ".pickle"): "may run anybody's code when it is read, so it is not; save the table as .csv",
    (".json", ".jsonl", ".db", ".sqlite"): "is no table of columns; save it as .csv",
}
