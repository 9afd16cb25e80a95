"""A stream in many files: a folder of shards, each of them one block, with a manifest that knows every one by a digest.

A shard is X-00000.npy (R, D) and y-00000.npy (R,), as NumPy reads them; or rows-00000.npz with arrays X and y, not
compressed; or rows-00000.parquet with columns x1, x2, ..., y. All have as many rows, the last at most as many. So a fit
of the folder has the bits of one of the same rows in a single file, cut into blocks of as many.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..data.files import write_together, write_whole
from ..data.tables import parquet
from ..show import as_json
from ..twins import check_name
from ..users import shortly
from .stream import Rows, Stream, open_file, open_member

MANIFEST = "manifest.json"
FORMAT = {"format": "logreg-parity shards", "version": 1}
KINDS = {"npy": ("X-{:05}.npy", "y-{:05}.npy"), "npz": ("rows-{:05}.npz",) * 2, "parquet": ("rows-{:05}.parquet",) * 2}
"""The files that have X and y of a shard, by the kind of the shards."""
AGAIN = "write the shards again"


@dataclass(frozen=True)
class InColumns:
    """Columns of one type in a Parquet file, that can be sliced as rows (N, D), or (N,) for the labels."""

    path: Path
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        """A copy of these rows, made column by column from the row groups that have them.

        Raises ValueError for what pyarrow cannot read, and for cells without a value.
        """
        first, last, _ = rows.indices(self.shape[0])
        found = np.empty((last - first, len(self.names)), self.dtype)
        with parquet(str(self.path)) as module, module.ParquetFile(self.path, page_checksum_verification=True) as file:
            about = file.metadata
            if about.num_rows != self.shape[0] or not set(self.names) <= set(file.schema_arrow.names):
                raise ValueError(f"{self.path} has changed while it was read; start again, with nobody writing to it")
            begins = np.cumsum([0, *(about.row_group(k).num_rows for k in range(about.num_row_groups))])
            groups = [k for k in range(about.num_row_groups) if begins[k] < last and first < begins[k + 1]]
            own = slice(first - begins[groups[0]], last - begins[groups[0]]) if groups else rows
            for j, name in enumerate(self.names):
                cells = file.read_row_groups(groups, [name], use_threads=False).column(0)[own]
                if cells.null_count:
                    row = first + int(np.argmax(cells.is_null().to_numpy()))
                    raise ValueError(f"row {row} of {self.path} has no {name}; drop the row or fill it in")
                found[:, j] = cells.to_numpy()
        return found.reshape(last - first, *self.shape[1:])


@dataclass(frozen=True)
class Sharded:
    """Rows in several files that can be sliced as those of one."""

    parts: tuple[Rows, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D) or (N,)."""
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.parts[0].dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        """A copy of these rows. Raises ValueError where a file has changed since it was opened."""
        first, last, _ = rows.indices(self.shape[0])
        found, begin = [], 0
        for part in self.parts:
            if begin < last and first < begin + part.shape[0]:
                found.append(part[max(first - begin, 0) : last - begin])
            begin += part.shape[0]
        return found[0] if len(found) == 1 else np.concatenate(found)


def write_shards(stream: Stream, folder: Path, kind: str = "npy") -> list[Path]:
    """Write every block of a stream as a shard, and then the manifest, without which nobody opens the folder.

    Args:
        stream: N rows of D features; its blocks are the shards.
        folder: a new one, or one without a manifest.
        kind: "npy", "npz" or "parquet", for which pyarrow is needed.

    Returns:
        The files.

    Raises:
        ValueError: for a folder of shards, another kind, pyarrow that is missing, and rows that a stream refuses.
        OSError: where a file cannot be written.
    """
    check_name("kind", kind, tuple(KINDS), f"give {', '.join(KINDS)}")
    if (folder / MANIFEST).exists():
        raise ValueError(f"{folder} has shards already; name another folder, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Any]] = []
    written: list[Path] = []
    for k in range(stream.n_blocks):
        (X, y), (first, last) = stream.block(k), stream.span(range(k, k + 1))
        names = [name.format(k) for name in KINDS[kind]]
        files = {folder / name: content for name, content in _files(names, {"X": X, "y": y}).items()}
        write_together(files)
        written += files
        shards.append({"X": names[0], "y": names[1], "first": first, "rows": last - first, "digest": stream.digest(k)})
    content = {**FORMAT, "kind": kind, "rows": stream.n_rows, "features": stream.n_features, "shards": shards}
    write_whole(folder / MANIFEST, as_json(content))
    return [*written, folder / MANIFEST]


def _files(names: list[str], arrays: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The contents of the files of a shard by name, of X (R, D) and y (R,)."""
    found = {}
    for name in dict.fromkeys(names):
        file = BytesIO()
        if name.endswith(".npy"):
            np.save(file, arrays["X" if name == names[0] else "y"], allow_pickle=False)
        elif name.endswith(".npz"):
            np.savez(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        else:
            _save_columns(file, **arrays)
        found[name] = file.getvalue()
    return found


def _save_columns(file: BytesIO, X: np.ndarray, y: np.ndarray) -> None:
    """X (R, D) as columns x1, x2, ..., and y (R,), with a checksum of every page."""
    with parquet("a shard") as module:
        import pyarrow

        columns = map(np.ascontiguousarray, X.T)
        table = pyarrow.table(dict(zip(_names(X.shape[1]), columns, strict=True)) | {"y": y})
        words = {"row_group_size": len(y), "use_dictionary": False, "write_page_checksum": True}
        module.write_table(table, file, **words)


def open_shards(folder: Path | str) -> Stream:
    """The rows of a folder that ``write_shards`` wrote, one block a shard.

    Args:
        folder: with the manifest.

    Returns:
        The Stream. Each shard is compared with its digest when it is read.

    Raises:
        ValueError: for what is no such manifest, and shards that are short, too many or too few.
        OSError: where a file cannot be read.
    """
    folder = Path(folder)
    shards, width = _manifest(folder)
    arrays = {}
    for name in "Xy":
        parts = [_open(folder / shard[name], name, width) for shard in shards]
        for shard, part in zip(shards, parts, strict=True):
            wanted = (shard["rows"], width) if name == "X" else (shard["rows"],)
            if (part.shape, part.dtype) != (wanted, parts[0].dtype):
                raise ValueError(
                    f"{folder / shard[name]} holds {part.shape} {part.dtype}, where the manifest and the first shard "
                    f"want {wanted} {parts[0].dtype}; {AGAIN}"
                )
        arrays[name] = Sharded(tuple(parts))
    digests = {k: shard["digest"] for k, shard in enumerate(shards)}
    return Stream(arrays["X"], arrays["y"], str(folder), shards[0]["rows"], digests)


def _open(path: Path, name: str, width: int) -> Rows:
    """X or y of one shard: opened, and not read. Raises as ``open_shards``."""
    if path.suffix == ".npy":
        return open_file(path)
    if path.suffix == ".npz":
        return open_member(path, name, check_sum=False)  # a block is held to its digest when it is read
    rows, columns = _columns(path)
    if sorted(one for one, _ in columns) != sorted((*_names(width), "y")):
        raise ValueError(
            f"{path} has columns {shortly([one for one, _ in columns])}, wanted x1 to x{width} and y; {AGAIN}"
        )
    names = _names(width) if name == "X" else ("y",)
    types = {kind for one, kind in columns if one in names}
    if len(types) > 1 or not all(isinstance(kind, np.dtype) for kind in types):
        raise ValueError(f"{path} holds {' and '.join(map(str, types))} in {name}, wanted numbers of one type; {AGAIN}")
    return InColumns(path, names, (rows, width) if name == "X" else (rows,), np.dtype(types.pop()))


def open_tables(paths: Sequence[Path | str], label: str = "y", *, rows_per_block: int = 0) -> Stream:
    """The rows of Parquet files, of one after the other.

    Args:
        paths: of files that have the same columns, each of numbers.
        label: which column is y; the others are X, in the order of the first file.
        rows_per_block: as ``Stream`` takes it.

    Returns:
        The Stream; of a file those row groups are decoded, column by column, that have rows of a block.

    Raises:
        ValueError: for pyarrow that is missing, and what are no such files.
        OSError: where a file cannot be read.
    """
    tables = [(Path(path), *_columns(Path(path))) for path in paths]
    names = [name for name, _ in tables[0][2]]
    features = tuple(name for name in names if name != label)
    if len(set(names)) < len(names) or not 0 < len(features) < len(names):
        raise ValueError(
            f"{paths[0]} has columns {shortly(names)}; give each its own name, one is {label!r}, the label"
        )
    for path, _, columns in tables:
        if sorted(name for name, _ in columns) != sorted(names):
            came = shortly([name for name, _ in columns])
            raise ValueError(f"{path} has columns {came}, and {paths[0]} {shortly(names)}; give tables of the same")
        for name, kind in columns:
            if not isinstance(kind, np.dtype):
                raise ValueError(f"{path} holds {kind} in column {name!r}; give numbers, or drop the column")

    def whole(chosen: tuple[str, ...], *width: int) -> Sharded:
        dtype = np.result_type(*(kind for _, _, columns in tables for name, kind in columns if name in chosen))
        return Sharded(tuple(InColumns(path, chosen, (rows, *width), dtype) for path, rows, _ in tables))

    return Stream(whole(features, len(features)), whole((label,)), ", ".join(map(str, paths)), rows_per_block)


def _columns(path: Path) -> tuple[int, list[tuple[str, np.dtype | str]]]:
    """How many rows a Parquet file has, and of every column the name and the type, in words where it is no number's."""
    with path.open("rb"):
        pass  # an OSError here is of the file, one below of what it holds
    with parquet(str(path)) as module, module.ParquetFile(path) as file:
        from pyarrow import types

        known = (types.is_integer, types.is_floating, types.is_boolean)
        kinds = [(one.name, one.type, any(is_one(one.type) for is_one in known)) for one in file.schema_arrow]
        found = [(name, np.dtype(kind.to_pandas_dtype()) if number else str(kind)) for name, kind, number in kinds]
        return file.metadata.num_rows, found


def _names(width: int) -> tuple[str, ...]:
    return tuple(f"x{j + 1}" for j in range(width))


def _manifest(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """What a manifest says of every shard, and how many features they have. Raises ValueError for what is none."""
    path = folder / MANIFEST
    if not path.exists():
        raise ValueError(
            f"{folder} has no {MANIFEST}: it is no folder of shards, or was not written to its end; write it with "
            f"logreg-parity shard"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        about = {name: content[name] for name in FORMAT}
        wrong = "" if about == FORMAT else f"it is {about}, wanted {FORMAT}"
        shards = [{"X": "", "y": "", "first": 0, "rows": 0, "digest": "", **shard} for shard in content["shards"]]
        wrong = wrong or _contradiction(shards, content["rows"], KINDS[content["kind"]])
        if not (isinstance(content["features"], int) and content["features"] > 0):
            wrong = wrong or f"it has {content['features']!r} features"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = str(error) or type(error).__name__
    if wrong:
        raise ValueError(f"{path} is no manifest of shards ({wrong}); write it with logreg-parity shard")
    return shards, content["features"]


def _contradiction(shards: list[dict[str, Any]], rows: int, names: tuple[str, ...]) -> str:
    """In what the shards, files of such names, do not follow one another; "" if in nothing."""
    size, first = shards[0]["rows"] if shards else 0, 0
    for k, shard in enumerate(shards):
        own, last = shard["rows"], k == len(shards) - 1
        if [shard["X"], shard["y"]] != [name.format(k) for name in names] or shard["first"] != first:
            return f"shard {k} is {shard['X']} and {shard['y']} from row {shard['first']} on, wanted row {first}"
        if not (isinstance(own, int) and 0 < own <= size and (last or own == size)):
            return f"shard {k} has {own} rows, wanted {size}"
        if not (isinstance(shard["digest"], str) and len(shard["digest"]) == 16):
            return f"shard {k} has the digest {shard['digest']!r}"
        first += own
    return "" if shards and first == rows else f"the shards have {first} rows, and {rows!r} are counted"
