"""Files that are whole or not there, and what stands in them as JSON."""

import json
import math
import os
from pathlib import Path

import numpy as np


def write_whole(path: Path, content: bytes | str) -> None:
    """Write beside the file, then rename into its place: no reader ever sees half of it, and a failure leaves the old.

    Text is written as UTF-8. Raises OSError where the folder does not take it.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def as_json(content) -> str:
    """Dictionaries and sequences, NumPy's too, as JSON. A number that is not finite is null: JSON has no infinity."""
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
