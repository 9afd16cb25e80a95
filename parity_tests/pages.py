"""Pages that a reader follows: their blocks of code, the files they name, and what they show of an output."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CARS = ROOT / "logreg_parity" / "data" / "references" / "data" / "mtcars_am.csv"
NUMBER = re.compile(r"<?[-+−]?\b\d[\d.]*(e[-+]?\d+)?", re.ASCII)
VERDICT = re.compile(r"within|OUTSIDE|no promise|created by \S+|inherited|noticed|passes it|FLAGS IT|not exact")
BY_CHANCE = re.compile(  # true of one machine's last bits, perhaps not of another's
    r"the same to the last bit|at most # ulp apart|Twins closer to each other than [^.]* little\. "
)


class Block(NamedTuple):
    """A fenced block, and the paragraph before it."""

    before: str
    language: str
    body: str


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [Block(page[: m.start()].rstrip().rpartition("\n\n")[2], m[1], m[2]) for m in found]


def named_file(block: Block) -> str | None:
    """The file that the paragraph before a block says it is: the first one in backticks."""
    name = re.search(r"`(\w+\.(?:py|toml))`", block.before)
    return name[1] if name and block.language in ("python", "toml") else None


def outputs(block: Block) -> list[tuple[str, str]]:
    """Of a console block every command, and what is shown below it."""
    parts = re.split(r"^\$ (.*)\n", block.body, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def prepare(folder: Path, pages: list[str]) -> None:
    """The files that pages name, and the table of cars, in the reader's folder."""
    (folder / "cars.csv").write_text(CARS.read_text().replace("am,", "gearbox,", 1))
    for block in (block for page in pages for block in blocks(page)):
        if name := named_file(block):
            (folder / name).write_text(block.body)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Python with these arguments, in the reader's folder."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "COLUMNS": "100"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=folder, env=environment)


def run_command(folder: Path, command: str) -> subprocess.CompletedProcess:
    """A command that begins with logreg-parity."""
    return run(folder, "-m", "logreg_parity", *shlex.split(command)[1:])


def skeleton(text: str) -> str:
    """What does not differ from machine to machine: the words, and of a table's row its name and verdict.

    The cells of a row are the machine's, and so is how wide they make a table's rule.
    """
    lines = []
    for line in re.sub("─+", "─", text).splitlines():
        name, *rest = re.split(r" {2,}", line.strip())
        lines.append(" ".join([name, *VERDICT.findall(" ".join(rest))]) if line.startswith("  ") else line.strip())
    return BY_CHANCE.sub("", NUMBER.sub("#", " ".join(" ".join(lines).split())))


def shows(text: str, printed: str) -> bool:
    """Whether a text is a print, or pieces of it in their order with ``...`` on a line where something is left out."""
    pieces = [skeleton(piece) for piece in re.split(r"^\.\.\.$", text, flags=re.MULTILINE)]
    in_order = ".*".join(re.escape(piece) for piece in pieces)
    return re.fullmatch(in_order, skeleton(printed), re.DOTALL) is not None
