"""Pages that a reader follows: their blocks of code, the files they name, and what they show of an output.

``python parity_tests/pages.py PAGE ...`` follows pages where it is called, with the package that this Python finds: CI
does so in an empty folder with the wheel alone, which is why nothing here needs more than the standard library.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
NUMBER = re.compile(r"<?[-+−]?\b\d[\d.]*(e[-+]?\d+)?", re.ASCII)
VERDICT = re.compile(r"within|OUTSIDE|no promise|created by \S+|inherited|noticed|passes it|FLAGS IT|not exact")
BY_CHANCE = re.compile(  # true of one machine's last bits, perhaps not of another's
    r"the same to the last bit|at most # ulp apart|Twins closer to each other than [^.]* little\. "
)
STATUS = {  # the pages say so: a fault, or a refusal, is what they show
    "--twins logreg_torch my_model": 1,
    "explain torch.npz mine.npz": 1,
    "explain jax.npz mine.npz": 1,
    "my_jax.py:summed": 1,
    "my_jax.py:tanh_gelu": 1,
    "--stream X.npy y.npy --l2 1e-3": 2,
}


class Block(NamedTuple):
    """A fenced block, and the paragraph before it."""

    before: str
    language: str
    body: str


class Step(NamedTuple):
    """A command or script of a page, what was to be seen of it, and what became of it."""

    what: str
    shown: str
    done: subprocess.CompletedProcess[str]

    @property
    def fault(self) -> str:
        """What is not as the page says, if anything."""
        status = next((status for words, status in STATUS.items() if words in self.what), 0)
        if self.done.returncode != status:
            return f"{self.what}\nends with {self.done.returncode}\n{self.done.stderr}"
        printed = self.done.stderr if status == 2 else self.done.stdout
        if shows(self.shown, printed):
            return ""
        return f"{self.what}\nprints\n{printed}\nand the page shows\n{self.shown}"


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [Block(page[: m.start()].rstrip().rpartition("\n\n")[2], m[1], m[2]) for m in found]


def named_file(block: Block) -> str | None:
    """The file of examples/ that the paragraph before a block says it is: the first one in backticks."""
    name = re.search(r"`(\w+\.(?:py|toml))`", block.before)
    return name[1] if name and block.language in ("python", "toml") else None


def outputs(block: Block) -> list[tuple[str, str]]:
    """Of a console block every command, and what is shown below it."""
    parts = re.split(r"^\$ (.*)\n", block.body, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def prepare(folder: Path) -> None:
    """The reader's folder: a copy of examples/."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)


def own_process(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, in that folder and environment."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=folder, env=environment)


def follow(
    folder: Path,
    page: list[Block],
    without: Iterable[str] = (),
    start: Callable[..., subprocess.CompletedProcess[str]] = own_process,
) -> Iterator[Step]:
    """Every command of logreg-parity and every script of a page, but for commands that begin like ``without``.

    They run in the reader's folder, a command as the installed program, which does not look for modules there. Where a
    browser would open, ``true`` does.
    """
    environment = {**os.environ, "COLUMNS": "100", "BROWSER": "true"}
    for number, block in enumerate(page):
        if block.language == "console":
            for command, shown in outputs(block):
                if command.startswith("logreg-parity") and not command.startswith(tuple(without)):
                    arguments = shlex.split(command)[1:]
                    yield Step(command, shown, start(folder, environment, "-P", "-m", "logreg_parity", *arguments))
        if block.language == "python" and "import" in block.body and not named_file(block):
            after = page[number + 1 : number + 2]
            shown = after[0].body if after and after[0].language == "text" else "...\n"
            yield Step(block.body, shown, start(folder, environment, "-W", "error", "-c", block.body))


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


def main(names: list[str]) -> int:
    """Follow these pages in the folder at hand; 1 where one is not as it says."""
    prepare(Path.cwd())
    faults = 0
    for name in names:
        for step in follow(Path.cwd(), blocks((ROOT / name).read_text(encoding="utf-8"))):
            print(f"{'NOT AS SHOWN' if step.fault else 'as shown'}  {name}: {step.what.splitlines()[0]}")
            if step.fault:
                faults += 1
                print(step.fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
