"""A stream in many files: a folder of shards, each of them one block, with a manifest that knows every one by a digest.

A shard is X-00000.npy (R, D) and y-00000.npy (R,), as NumPy reads them; all have as many rows, but the last, which may
have fewer. So a fit of the folder has the bits of one of the same rows in a single file, cut into blocks of as many.
"""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..data.files import write_whole
from ..show import as_json
from .stream import Mapped, Stream, open_file

MANIFEST = "manifest.json"
FORMAT = {"format": "logreg-parity shards", "version": 1}


@dataclass(frozen=True)
class Sharded:
    """Rows in several files, all of as many rows but the last, that can be sliced as those of one."""

    parts: tuple[Mapped, ...]
    rows_per_part: int

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
        among = range(first // self.rows_per_part, -(-last // self.rows_per_part))
        begins = [k * self.rows_per_part for k in among]
        found = [self.parts[k][max(first - b, 0) : last - b] for k, b in zip(among, begins, strict=True)]
        return found[0] if len(found) == 1 else np.concatenate(found)


def write_shards(stream: Stream, folder: Path) -> list[Path]:
    """Write every block of a stream as a shard, and then the manifest, without which nobody opens the folder.

    Args:
        stream: N rows of D features; its blocks are the shards.
        folder: a new one, or one without a manifest.

    Returns:
        The files.

    Raises:
        ValueError: for a folder of shards, and rows that a stream refuses.
        OSError: where a file cannot be written.
    """
    if (folder / MANIFEST).exists():
        raise ValueError(f"{folder} has shards already; name another folder, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    shards, written = [], []
    for k in range(stream.n_blocks):
        X, y = stream.block(k)
        names = {"X": f"X-{k:05}.npy", "y": f"y-{k:05}.npy"}
        for name, array in (("X", X), ("y", y)):
            file = BytesIO()
            np.save(file, array, allow_pickle=False)
            write_whole(folder / names[name], file.getvalue())
            written.append(folder / names[name])
        first, last = stream.span(range(k, k + 1))
        shards.append({**names, "first": first, "rows": last - first, "digest": stream.digest(k)})
    content = {**FORMAT, "rows": stream.n_rows, "features": stream.n_features, "shards": shards}
    write_whole(folder / MANIFEST, as_json(content))
    return [*written, folder / MANIFEST]


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
    shards = _manifest(folder)
    arrays = {}
    for name, shape in (("X", 2), ("y", 1)):
        parts = [open_file(folder / shard[name]) for shard in shards]
        for shard, part in zip(shards, parts, strict=True):
            alike = (len(part.shape), *part.shape[1:], part.dtype) == (shape, *parts[0].shape[1:], parts[0].dtype)
            if not alike or part.shape[0] != shard["rows"]:
                raise ValueError(
                    f"{part.path} holds {part.shape} {part.dtype}, where the manifest and the first shard want "
                    f"{(shard['rows'], *parts[0].shape[1:])} {parts[0].dtype}; write the shards again"
                )
        arrays[name] = Sharded(tuple(parts), shards[0]["rows"])
    digests = {k: shard["digest"] for k, shard in enumerate(shards)}
    return Stream(arrays["X"], arrays["y"], str(folder), shards[0]["rows"], digests)


def _manifest(folder: Path) -> list[dict[str, Any]]:
    """What a manifest says of every shard. Raises ValueError for what is none."""
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
        wrong = wrong or _contradiction(shards, content["rows"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = str(error) or type(error).__name__
    if wrong:
        raise ValueError(f"{path} is no manifest of shards ({wrong}); write it with logreg-parity shard")
    return shards


def _contradiction(shards: list[dict[str, Any]], rows: int) -> str:
    """In what the shards do not follow one another; "" if in nothing."""
    size, first = shards[0]["rows"] if shards else 0, 0
    for k, shard in enumerate(shards):
        own, last = shard["rows"], k == len(shards) - 1
        if (shard["X"], shard["y"]) != (f"X-{k:05}.npy", f"y-{k:05}.npy") or shard["first"] != first:
            return f"shard {k} is {shard['X']} and {shard['y']} from row {shard['first']} on, wanted row {first}"
        if not (isinstance(own, int) and 0 < own <= size and (last or own == size)):
            return f"shard {k} has {own} rows, wanted {size}"
        if not (isinstance(shard["digest"], str) and len(shard["digest"]) == 16):
            return f"shard {k} has the digest {shard['digest']!r}"
        first += own
    return "" if shards and first == rows else f"the shards have {first} rows, and {rows!r} are counted"
