"""The twins' source, cut into definitions, each beside its sibling.

Public definitions are paired by name, as ``parity_tests/twins/test_mirror.py`` demands. Private ones are where the
frameworks differ: they are paired where their names begin with the same word (``_Sigmoid`` and ``_sigmoid_jvp``), and
stand alone otherwise.
"""

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

TWINS = ("logreg_torch", "logreg_jax")
MODULE = "module"
READING_ORDER = ("workshop.py", "model.py", "loss.py", "gradient.py", "sgd.py", "train.py")
"""The lesson; then by name, and the folders last."""


class Definition(NamedTuple):
    """A stretch of a file: one definition at its top level, or MODULE, what stands before the first."""

    name: str
    first: int  # its first line in the file, counted from 1
    lines: tuple[str, ...]


class Pair(NamedTuple):
    """A definition in both twins; None on the side that has none."""

    torch: Definition | None
    jax: Definition | None

    @property
    def names(self) -> tuple[str, ...]:
        """The one name, or the two where they differ."""
        return tuple(dict.fromkeys(side.name for side in self if side))


def find_folder(package: str) -> Path:
    """Where a package lies, found without running it. Raises ValueError where it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"the package {package} is not installed; its source is what this page shows: install it")
    return Path(spec.submodule_search_locations[0])


def read_twins(torch: Path, jax: Path) -> dict[str, list[Pair]]:
    """The pairs of every file, by its name, in reading order.

    Raises ValueError where a file or a public definition is in one twin only.
    """
    torch_files, jax_files = (
        {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")} for folder in (torch, jax)
    )
    if torch_files != jax_files:
        alone = ", ".join(sorted(torch_files ^ jax_files))
        raise ValueError(f"only one of {torch} and {jax} has {alone}; the twins have the same files: add or remove it")
    files = sorted(torch_files, key=_reading_order)
    return {
        name: pair(cut((torch / name).read_text("utf-8")), cut((jax / name).read_text("utf-8")), name) for name in files
    }


def _reading_order(file: str) -> tuple:
    return (READING_ORDER.index(file) if file in READING_ORDER else len(READING_ORDER), "/" in file, file)


def cut(source: str) -> list[Definition]:
    """All lines of a file, in stretches; blank lines between two of them are left out."""
    lines = source.splitlines()
    named = [(_first_line(node, lines), _name(node)) for node in ast.parse(source).body if _name(node)]
    starts = [(1, MODULE), *named]
    ends = [first for first, _ in named] + [len(lines) + 1]
    stretches = (
        Definition(name, first, tuple("\n".join(lines[first - 1 : end - 1]).rstrip().splitlines()))
        for (first, name), end in zip(starts, ends, strict=True)
    )
    return [stretch for stretch in stretches if stretch.lines]


def pair(torch: list[Definition], jax: list[Definition], file: str) -> list[Pair]:
    """Both sides' definitions in PyTorch's order; what only JAX has comes after what it follows there."""
    left, right = ({definition.name: definition for definition in side} for side in (torch, jax))
    _check_mirror(torch, jax, file)
    partner = {name: name for name in left if name in right}
    for name in (name for name in left if name not in right):
        others = (other for other in right if other not in partner.values() and _word(other) == _word(name))
        partner[name] = next(others, "")
    pairs = [Pair(left[name], right.get(partner[name])) for name in left]
    for before, alone in zip([None, *jax], jax, strict=False):
        if alone.name not in partner.values():
            place = next((k + 1 for k, made in enumerate(pairs) if before and made.jax == before), 0)
            pairs.insert(place, Pair(None, alone))
    return pairs


def _check_mirror(torch: list[Definition], jax: list[Definition], file: str) -> None:
    left, right = ([definition.name for definition in side] for side in (torch, jax))
    for package, names in zip(TWINS, (left, right), strict=True):
        for name in (name for k, name in enumerate(names) if name in names[:k]):
            raise ValueError(f"{package}/{file} defines {name} twice; one would hide the other: give it another name")
    for name in (name for name in [*left, *right] if not name.startswith("_") and (name in left) != (name in right)):
        has, lacks = TWINS if name in left else TWINS[::-1]
        raise ValueError(f"{has}/{file} defines {name}, {lacks}/{file} does not; the twins define the same: mend one")


def _name(node: ast.stmt) -> str:
    """The name that a statement defines, or nothing."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name
        case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target):
            return ast.unparse(target)
    return ""


def _first_line(node: ast.stmt, lines: list[str]) -> int:
    """Where it begins, its decorators and the comment above it included."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return first


def _word(name: str) -> str:
    return name.strip("_").split("_")[0].lower()
