"""Named columns, of a file or of a data frame, become what a ``Dataset`` is made of, or an error that names the cell.

Nothing is dropped, filled in or coerced: what a table leaves open is for its owner to decide.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

# float() alone would also take 1_000 and the digits of other scripts.
NUMBER = re.compile(r"[+-]?(nan|inf(inity)?|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)", re.ASCII | re.IGNORECASE)
Columns = list[tuple[str, Any]]  # name, and texts or an array (N,)
Place = Callable[[int], str]  # where in the file a row stands
INTEGER_LIMIT = 2**53  # from here on several integers share one float64


def of_frame(frame: Any, label: Any, weight: Any, positive: Any, classes: int = 2) -> dict[str, Any]:
    """What a Dataset of a data frame is made of; ``Dataset.from_frame`` says what it takes, ``fields`` the rest."""
    columns = getattr(frame, "column_names", getattr(frame, "columns", None))  # pyarrow's name for it, everybody's
    if columns is None or not hasattr(frame, "__getitem__"):
        raise ValueError(f"the frame is a {type(frame).__name__}; give a table of pandas, polars or pyarrow")
    names = [str(name) for name in columns]
    found = [
        (text, cells_of(text, frame[name])) for text, name in zip(names, columns, strict=True) if names.count(text) < 2
    ]
    package = type(frame).__module__.partition(".")[0]
    source = f"a {package}.{type(frame).__name__} of {len(frame)} rows"
    whole = found if len(found) == len(names) else [(text, np.empty(0)) for text in names]  # a name is there twice
    texts = (str(label), None if weight is None else str(weight))
    return fields(whole, lambda row: f"row {row} (counted from 0)", source, *texts, positive, classes)


def fields(
    columns: Columns, place: Place, source: str, label: str, weight: str | None, positive: Any, classes: int = 2
) -> dict[str, Any]:
    """What a Dataset of these columns is made of; where the label may have more classes than 2, a MulticlassDataset.

    Raises ValueError for columns that are no table of numbers with a label of so many values, and says where.
    """
    _check_columns(columns, label, weight)
    cells = dict(columns)
    features = {name: _numbers(name, cells[name], place) for name in cells if name not in (label, weight)}
    if not features:
        raise ValueError("no feature column is left; give at least one besides label and weight")
    y, class_names = _labels(label, cells[label], place, positive, classes)
    sample_weight = None if weight is None else _numbers(weight, cells[weight], place)
    source += f", label={label!r}"
    source += "" if weight is None else f", weight={weight!r}"
    source += "" if positive is None else f", positive={class_names[1]!r}"
    X = np.column_stack([*features.values()])
    return {
        "X": X,
        "y": np.asarray(y),
        "source": source,
        "feature_names": tuple(features),
        "class_names": class_names,
        "sample_weight": sample_weight,
    }


def cells_of(name: str, column: Any) -> Any:
    """A column of a data frame as an array (N,) of numbers, or its texts; ValueError where it is neither."""
    missing = np.asarray(next(getattr(column, ask) for ask in ("isna", "is_null") if hasattr(column, ask))())
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(f"row {row} (counted from 0), column {name!r} is missing; fill it in, or drop row or column")
    values = np.asarray(column.to_numpy())
    if values.ndim == 1 and values.dtype.kind in "OUT":
        cells = values.tolist()
        if all(isinstance(cell, str) for cell in cells):
            return cells
        if all(isinstance(cell, bool | np.bool_) for cell in cells):
            return np.array(cells, dtype=bool)
    if values.ndim != 1 or values.dtype.kind not in "biuf" or not np.can_cast(values.dtype, np.float64):
        kind = getattr(column, "dtype", getattr(column, "type", values.dtype))
        raise ValueError(f"column {name!r} holds {kind}; give numbers, or two texts for the label")
    return values


def _check_columns(columns: Columns, label: str, weight: str | None) -> None:
    names = [name for name, _ in columns]
    seen: set[str] = set()
    for j, name in enumerate(names):
        if not name.strip() or name in seen:
            what = f"repeats the name {name!r}" if name.strip() else "has an empty name"
            raise ValueError(f"column {j + 1} {what}; give every column a name of its own")
        seen.add(name)
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


def _labels(name: str, cells: Any, place: Place, positive: Any, most: int) -> tuple[list[int], tuple[str, ...]]:
    """y (N,), the number of a row's class, and the texts of the classes, two or as many as there may be at most."""
    texts = [str(cell) for cell in (cells if isinstance(cells, list) else cells.tolist())]
    for row, text in enumerate(texts):
        if text.strip().lower() in ("", "nan"):
            raise ValueError(f"{place(row)}, column {name!r} is {text.strip() or 'empty'}; give a label")
    numeric = all(NUMBER.fullmatch(text.strip()) for text in texts)
    texts = [text.strip() for text in texts] if numeric else texts
    values = _numbers(name, texts, place).tolist() if numeric else texts
    classes = dict(zip(values[::-1], texts[::-1], strict=True))  # each value with the text it has first
    continuous = numeric and len(classes) > 2 and (len(classes) > 20 or any(v % 1 for v in classes))
    if not 2 <= len(classes) <= most or continuous:
        wanted = "give one of two classes" if most == 2 else f"give one of 2 to {most} classes"
        remedy = "it looks continuous: cut it at a threshold" if continuous else wanted
        raise ValueError(f"label {name!r} has {len(classes)} value(s), {sorted(classes)[:5]}; {remedy}")
    order = sorted(classes)
    if positive is not None:
        first = float(positive) if numeric and NUMBER.fullmatch(str(positive).strip()) else str(positive)
        if first not in classes:
            raise ValueError(f"positive is {positive!r}; give one of {[classes[value] for value in order]}")
        order = order if first == order[1] else order[::-1]
    number = {value: k for k, value in enumerate(order)}
    return [number[value] for value in values], tuple(classes[value] for value in order)
