"""Files that are whole or not there."""

import os
from pathlib import Path


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
