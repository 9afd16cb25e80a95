"""Your own data: a CSV or NPZ file becomes a ``Dataset``, or an error that says which cell is in the way.

Nothing is dropped, filled in or coerced: what a file leaves open is for its owner to decide.
"""

import csv
import hashlib
import io
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .archives import read_npz
from .dataset import Dataset

# float() alone would also take 1_000 and the digits of other scripts.
NUMBER = re.compile(r"[+-]?(nan|inf(inity)?|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)", re.ASCII | re.IGNORECASE)
Columns = list[tuple[str, Any]]  # name, and texts or an array (N,)
Place = Callable[[int], str]  # where in the file a row stands
INTEGER_LIMIT = 2**53  # from here on several integers share one float64


def load_table(path: str | Path, label: str, *, weight: str | None = None, positive: Any = None) -> Dataset:
    """The table in a file: ``label`` names the column of y, ``weight`` that of ω, and all others make X.

    path: a .csv file in UTF-8 with a header, its cells separated by commas (or semicolons or tabs, where the
    header holds no other of these); or an .npz file of arrays (N,), and (N, K) for columns NAME1 ... NAMEK.
    label: a column of two values, numbers or texts; where all are numbers, 1 and 1.0 are the same.
    positive: the value of class 1; by default the larger number, or the text later in sorting order.

    Raises ValueError for all that is no such table, with the line in a CSV file, or the row in NPZ, from 0.
    """
    path = Path(path)
    try:
        read = {".csv": _read_csv, ".npz": _read_npz}.get(path.suffix.lower())
        if not path.is_file():
            raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'missing'}; name a .csv or .npz")
        if read is None:
            raise ValueError(f"the ending {path.suffix!r} is unknown; save the table as .csv or .npz")
        content = path.read_bytes()
        columns, place = read(content)
        _check_columns(columns, label, weight)
        cells = dict(columns)
        features = {name: _numbers(name, cells[name], place) for name in cells if name not in (label, weight)}
        if not features:
            raise ValueError("no feature column is left; give at least one besides label and weight")
        y, class_names = _labels(label, cells[label], place, positive)
        sample_weight = None if weight is None else _numbers(weight, cells[weight], place)
        source = f"{path.name}, sha256 {hashlib.sha256(content).hexdigest()[:12]}…, label={label!r}"
        source += "" if weight is None else f", weight={weight!r}"
        source += "" if positive is None else f", positive={class_names[1]!r}"
        X = np.column_stack([*features.values()])
        return Dataset(X, np.asarray(y), source, tuple(features), class_names, sample_weight)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


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
    try:
        arrays = [*read_npz(content).items()]
    except ValueError as error:
        raise ValueError(f"{error}; save numbers or text") from error
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


def _check_columns(columns: Columns, label: str, weight: str | None) -> None:
    names = [name for name, _ in columns]
    for j, name in enumerate(names):
        if not name.strip() or name in names[:j]:
            what = f"repeats the name {name!r}" if name.strip() else "has an empty name"
            raise ValueError(f"column {j + 1} {what}; give every column a name of its own")
    for role, wanted in (("label", label), ("weight", weight)):
        if wanted not in names and (role, wanted) != ("weight", None):
            raise ValueError(f"there is no {role} column {wanted!r}; give one of {names}")
    if label == weight:
        raise ValueError(f"column {label!r} is named as label and as weight; name two columns")
    if len(columns[0][1]) == 0:
        raise ValueError("the table has no rows; give at least one of each class")


def _numbers(name: str, cells: Any, place: Place) -> np.ndarray:
    """A column as float64 (N,)."""
    if isinstance(cells, list):
        return np.array([_number(name, text, place(row)) for row, text in enumerate(cells)])
    values = cells.astype(np.float64)
    for row in np.flatnonzero(~(np.abs(values) < INTEGER_LIMIT)):  # NaN too
        _number(name, str(cells[row]), place(int(row)))  # raises unless it is a large float
    return values


def _number(name: str, text: str, place: str) -> float:
    text = text.strip()
    value = float(text) if NUMBER.fullmatch(text) else None
    if value is None:
        what = f"{text!r}, not a number" if text else "empty"
    elif not math.isfinite(value):
        what = f"{text!r}, not finite"
    elif abs(value) >= INTEGER_LIMIT and text.lstrip("+-").isdigit():
        what = f"{text}, an integer too large for float64 to keep"
    else:
        return value
    raise ValueError(f"{place}, column {name!r} is {what}; write it like -2.5e3, or drop the row or column")


def _labels(name: str, cells: Any, place: Place, positive: Any) -> tuple[list[bool], tuple[str, str]]:
    """y (N,), true for class 1, and the texts of the two classes."""
    texts = [str(cell) for cell in (cells if isinstance(cells, list) else cells.tolist())]
    for row, text in enumerate(texts):
        if text.strip().lower() in ("", "nan"):
            raise ValueError(f"{place(row)}, column {name!r} is {text.strip() or 'empty'}; give a label")
    numeric = all(NUMBER.fullmatch(text.strip()) for text in texts)
    texts = [text.strip() for text in texts] if numeric else texts
    values = _numbers(name, texts, place).tolist() if numeric else texts
    classes = dict(zip(values[::-1], texts[::-1], strict=True))  # each value with the text it has first
    if len(classes) != 2:
        continuous = numeric and len(classes) > 2 and (len(classes) > 20 or any(v % 1 for v in classes))
        remedy = "it looks continuous: cut it at a threshold" if continuous else "give one of two classes"
        raise ValueError(f"label {name!r} has {len(classes)} value(s), {sorted(classes)[:5]}; {remedy}")
    zero, one = sorted(classes)
    if positive is not None:
        wanted = float(positive) if numeric and NUMBER.fullmatch(str(positive).strip()) else str(positive)
        if wanted not in classes:
            raise ValueError(f"positive is {positive!r}; give one of {[classes[zero], classes[one]]}")
        zero, one = (zero, one) if wanted == one else (one, zero)
    return [value == one for value in values], (classes[zero], classes[one])
