"""The processor: its name, its instruction sets, and the blocks that were measured to suit it.

Into which blocks X is cut decides in which order its rows are added, and so the last digits of a fit. Nothing but the
user's word changes it: ``logreg-parity passport tune``, which keeps what it measured in the user's cache folder, a file
for each kind of processor, or the variable LOGREG_BLOCKS, which comes first.
"""

import json
import os
import platform
import re
from functools import cache
from pathlib import Path

VARIABLE = "LOGREG_BLOCKS"
USUAL = "usual"
FORMAT = {"format": "logreg-parity blocks", "version": 1}
SETS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")
VECTORS = {"sse4_2": "sse4", "avx": "avx", "avx2": "avx2", "avx512f": "avx512", "asimd": "asimd", "sve": "sve"}
"""Those that say how long vectors are, from short to long, and what they are called in the name of a file."""


def name() -> str:
    """Of the processor; Linux keeps it in a file, and ``platform.processor()`` is empty there."""
    return _cpu_info("model name") or platform.processor() or platform.machine()


@cache
def instruction_sets() -> str:
    """Those of SETS that the processor has."""
    return " ".join(known for known in SETS if known in _cpu_info("flags", "Features").split())


@cache
def kind(processor: str, sets: str) -> str:
    """Name and longest vectors, for the name of a file or a folder: makers give one name to many processors."""
    longest = [VECTORS[known] for known in sets.split() if known in VECTORS][-1:]
    name = re.sub(r"\((r|tm)\)|\bprocessor\b", " ", processor.lower())  # they tell nothing apart
    return re.sub(r"[^a-z0-9]+", "-", " ".join([name, *longest])).strip("-")


def blocks_file() -> Path:
    """Where the blocks for this kind of processor are kept: in the cache folder that the XDG specification names."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # Path.home() may raise
    return Path(folder) / "logreg-parity" / f"blocks-{kind(name(), instruction_sets())}.json"


def named_blocks(twin: str) -> int | None:
    """The bytes of a block of X that the user has named for a twin's products, by the variable or by having measured.

    Args:
        twin: its module.

    Returns:
        Bytes, or None where nothing is named.

    Raises:
        ValueError: for a variable or a file that names no number of bytes.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        return kept_blocks(blocks_file()).get(twin)
    if given == USUAL:
        return None
    if not (given.isascii() and given.isdigit() and int(given)):
        raise ValueError(f"{VARIABLE} is {given!r}; set it to the bytes of a block, as 2097152, or to {USUAL!r}")
    return int(given)


@cache
def kept_blocks(path: Path) -> dict[str, int]:
    """The bytes of a block by twin, from a file; none where there is no file. A process reads it once and keeps to it.

    Args:
        path: of the file.

    Raises:
        ValueError: for a file that is not what ``passport tune`` writes.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if {field: content.get(field) for field in FORMAT} != FORMAT:
            raise ValueError(f"it says {content.get('format')!r}, version {content.get('version')!r}")
        wrong = [size for size in content["blocks"].values() if type(size) is not int or size < 1]
        if wrong:
            raise ValueError(f"the bytes of a block are {wrong[0]!r}")
        return content["blocks"]
    except (ValueError, AttributeError, KeyError) as error:
        what = f"{path} does not say how large blocks are ({error})"
        raise ValueError(f"{what}; run logreg-parity passport tune again, or delete it") from error


@cache  # read once: a fit asks too, and its processor stays
def _cpu_info(*fields: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(fields)), "")
