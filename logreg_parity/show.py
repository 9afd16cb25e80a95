"""One style for what people read, and one header for what programs read.

Numbers, shares and verdicts look the same in every table and page, and every JSON file says in the same words on what
its results depend.
"""

import json
import math
import os
import platform
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from ._version import __version__

if TYPE_CHECKING:
    from rich.table import Table

Verdict = Literal["within", "no promise", "OUTSIDE"]
STYLES: dict[Verdict, str] = {"within": "green", "no promise": "yellow", "OUTSIDE": "bold red"}
"""How a terminal shows a verdict; from the best to the worst."""

SETS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")
SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "XLA_FLAGS",
)
"""Variables that change which instructions or how many threads the libraries use, and with them the last digits."""


class Judged(Protocol):
    """A row of a report: how far off a quantity is, and how far it may be."""

    @property
    def quantity(self) -> str: ...
    @property
    def error(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def ulps(self) -> float: ...
    @property
    def share(self) -> float: ...


def cell(row: Judged) -> str:
    """An error in ulps, and in brackets its share of the bound."""
    if row.quantity == "end: classes":
        return "same" if row.error == 0 else "differ"
    if row.quantity == "format":
        return "not held"
    if math.isinf(row.bound):
        return f"{number(row.ulps)}   (no bound)"
    return f"{number(row.ulps)} {f'({share(row.share)})':>7}"


def table(title: str, *columns: str, left: Collection[str] = ()) -> "Table":
    """An empty table for a terminal: the first column to the left, and numbers to the right in those not ``left``.

    Args:
        title: printed above, in bold; or nothing.
        columns: the headings.
        left: those further ones whose cells are words.
    """
    from rich import box
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for place, heading in enumerate(columns):
        justify: Literal["left", "right"] = "left" if place == 0 or heading in left else "right"
        made.add_column(heading, justify=justify, overflow="fold")
    return made


def share(part: float) -> str:
    """A part of the bound in percent, a multiple of it as such."""
    if part > 10:
        return f"{number(part)} ×"
    return "0 %" if part == 0 else "<1 %" if part < 0.01 else f"{100 * part:.0f} %"


def number(x: float) -> str:
    """Three digits, as people write them."""
    return f"{x:.2f}" if x < 10 else f"{x:.0f}" if x < 1e5 else f"{x:.1e}"


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of some verdicts."""
    return max(verdicts, key=list(STYLES).index)


def machine(device: str = "cpu") -> dict[str, Any]:
    """On what a result depends: processor, instruction sets, libraries and their threads, switches, versions, date."""
    from threadpoolctl import threadpool_info

    return {
        "platform": platform.platform(),
        "processor": processor(),
        "instruction sets": " ".join(name for name in SETS if name in _cpu_info("flags", "Features").split()),
        "cores": os.cpu_count(),
        "device": device,
        "libraries": {
            f"{library['internal_api']} {library['version'] or ''}".strip(): f"{library.get('architecture', '')}"
            f" {library['num_threads']} threads".strip()
            for library in threadpool_info()
        },
        "switches": {name: os.environ[name] for name in SWITCHES if name in os.environ},
        "python": platform.python_version(),
        "numpy": np.__version__,
        "logreg_parity": __version__,
        "date": now(),
    }


def processor() -> str:
    """Its name; Linux keeps it in a file, and ``platform.processor()`` is empty there."""
    return _cpu_info("model name") or platform.processor() or platform.machine()


def now() -> str:
    """The date and time, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def ran_on() -> str:
    """One line of a page: what ran, where."""
    return f"logreg-parity {__version__}, Python {platform.python_version()}, {platform.platform()}, {processor()}"


def as_json(content: dict[str, Any]) -> str:
    """A report as JSON, the machine first. A number that is not finite is null: JSON has no infinity."""
    whole = content if "machine" in content else {"machine": machine(), **content}
    return json.dumps(_plain(whole), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _cpu_info(*fields: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(fields)), "")


def _plain(value: Any) -> Any:
    """The same in Python's own types."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
