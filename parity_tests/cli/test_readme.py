"""The README in both languages and the pages of docs/: what they tell a reader to do works and prints what they show.

A page is followed from top to bottom in a copy of examples/. What the README quotes from a page of docs/ is run there.
"""

import ast
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from logreg_parity.cli import COMMANDS
from parity_tests.conftest import TWINS
from parity_tests.pages import EXAMPLES, ROOT, Block, blocks, follow, named_file, outputs, prepare, shows

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
PAGES = {"README.md": README, **DOCS}
LINKED = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/*.md", "lessons/*.md", "benchmarks/*.md")
    for path in sorted(ROOT.glob(pattern))
}
PAIRS = {name: (LINKED[name], LINKED[name.replace(".md", ".zh-CN.md")]) for name in ("README.md", "docs/glossary.md")}
LINES = 130  # a README is a door

ELSEWHERE = (  # what takes long, or another test looks at: test_museum, test_sweep, test_check_cli, test_hashes
    "logreg-parity museum --score",
    "logreg-parity museum --pairs",
    "logreg-parity passport sweep",
    "logreg-parity check",
    "logreg-parity hash",
)


def pieces(text: str) -> list[str]:
    """What stands between the dots."""
    return re.split(r"^\.\.\.\n", text, flags=re.MULTILINE)


def is_quoted(block: Block) -> bool:
    """Whether a block is one of docs/, or pieces of it in their order."""
    pattern = re.compile(".*".join(re.escape(piece) for piece in pieces(block.body)), re.DOTALL)
    return any(pattern.fullmatch(other.body) for page in DOCS.values() for other in blocks(page))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if blocks(page)])
def test_a_page_shows_what_the_reader_will_see(tmp_path, start, name):
    prepare(tmp_path)
    page = [block for block in blocks(PAGES[name]) if name != "README.md" or not is_quoted(block)]
    for step in follow(tmp_path, page, ELSEWHERE, start):
        assert not step.fault, step.fault


def test_what_the_readme_quotes_is_followed_elsewhere():
    """Or a command of the README would be run nowhere."""
    commands = {command for page in DOCS.values() for block in blocks(page) for command, _ in outputs(block)}
    quoted = [block for block in blocks(README) if block.language == "console" and is_quoted(block)]
    assert quoted and all(command in commands for block in quoted for command, _ in outputs(block))


NAMED = [(page, block) for page in DOCS.values() for block in blocks(page) if named_file(block)]


@pytest.mark.parametrize("block", [block for _, block in NAMED], ids=named_file)
def test_examples_hold_what_the_pages_show(block):
    assert (EXAMPLES / named_file(block)).read_text(encoding="utf-8") == block.body


def test_every_example_belongs_to_a_page():
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert {name for name in files if not any(name in page for page in DOCS.values())} == set()
    assert files >= {"cars.csv", "batch.npz", *(named_file(block) for _, block in NAMED)}


def test_the_batch_is_what_its_code_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(next(block.body for block in blocks(DOCS["check.md"]) if "savez" in block.body), {})
    with np.load("batch.npz") as made, np.load(EXAMPLES / "batch.npz") as kept:
        assert {name: made[name].tobytes() for name in made} == {name: kept[name].tobytes() for name in kept}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_files_that_the_help_names_are_there(command):
    module = importlib.import_module(f"logreg_parity.cli.{command}")
    named = re.findall(r"--data (\S+\.\w+)|--twins? (?:logreg_torch )?(my_\w+)", getattr(module, "EPILOG", ""))
    assert all((EXAMPLES / (table or f"{model}.py")).exists() for table, model in named)


SIDE_BY_SIDE = [b.body for b in blocks(DOCS["twins.md"]) if b.language == "python" and "import" not in b.body]


@pytest.mark.parametrize("number", range(len(SIDE_BY_SIDE)))
def test_the_code_side_by_side_is_the_code(number):
    shown = bare(SIDE_BY_SIDE[number])
    twins = [bare("\n".join(path.read_text() for path in (ROOT / twin).glob("*.py"))) for twin in TWINS]
    assert shown and any(shown.items() <= twin.items() for twin in twins)


def bare(source: str) -> dict[str, str]:
    """The functions and fields of some code by name: their statements, without types, docstrings and decorators."""
    found = {}
    for top in ast.parse(source).body:
        for node in top.body if isinstance(top, ast.ClassDef) else [top]:
            if isinstance(node, ast.AnnAssign):
                found[f"{getattr(top, 'name', '')}.{ast.unparse(node)}"] = ""
            if isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
                body = node.body[1:] if ast.get_docstring(node) else node.body
                found[f"{getattr(top, 'name', '')}.{node.name}"] = "\n".join([str(names), *map(ast.unparse, body)])
    return found


def test_code_that_is_not_the_twins_is_seen():
    block = next(block for block in SIDE_BY_SIDE if "value.backward()" in block)
    assert bare(block) != bare(block.replace("value.backward()", "value.backwards()"))


def prose(page: str) -> str:
    """A page without its blocks."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)


def headings(page: str) -> list[tuple[str, str]]:
    """Level and name of every heading."""
    return re.findall(r"^(#+) (.*)$", prose(page), re.MULTILINE)


def anchors(page: str) -> list[str]:
    """Of every heading, as GitHub makes them."""
    return [re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for _, name in headings(page)]


def links(page: str) -> list[str]:
    """Where all links and pictures lead."""
    return re.findall(r"\]\(([^)]+)\)", prose(page))


def dead(page: str, folder: Path) -> list[str]:
    """The links of a page in a folder that lead to no file, or to no heading of a page."""
    lost = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        if target.startswith("http"):
            continue
        if path and not (folder / path).exists():
            lost.append(target)
        elif anchor:
            there = (folder / path).read_text(encoding="utf-8") if path else page
            lost += [] if anchor in anchors(there) else [target]
    return lost


@pytest.mark.parametrize("name", LINKED)
def test_every_link_leads_somewhere(name):
    assert dead(LINKED[name], (ROOT / name).parent) == []


def test_a_link_that_leads_nowhere_is_seen():
    page = "# Here\n[a](#here) [b](docs/glossary.md#ulp) [c](#there) [d](docs/none.md) [e](docs/glossary.md#ulps)"
    assert dead(page, ROOT) == ["#there", "docs/none.md", "docs/glossary.md#ulps"]


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"(?:^\$ |`)make (\w+)", README, re.MULTILINE)
    assert targets and all(f"\n{target}:" in makefile for target in targets)


def place(target: str, folder: Path) -> tuple[str, int | None]:
    """Where a link leads, in no language: the file, and which of its headings."""
    path, _, anchor = target.partition("#")
    number = anchors((folder / path).read_text(encoding="utf-8")).index(anchor) if anchor else None
    return path.replace(".zh-CN.md", ".md"), number


def shape(page: str, folder: Path) -> dict[str, object]:
    """What two languages of a page have in common."""
    return {
        "headings": [level for level, _ in headings(page)],
        "blocks": [(block.language, block.body) for block in blocks(page)],
        "links": sorted(map(str, (place(target, folder) for target in links(page)))),
        "tables": [line.count("|") for line in prose(page).splitlines() if line.startswith("|")],
        "lists": [line[:2] for line in prose(page).splitlines() if line.startswith("- ")],
        "tags": re.findall(r"</?\w+>", prose(page)),
        "code": [sorted(set(re.findall(r"`[^`\n]+`", section))) for section in prose(page).split("\n#")],
    }


@pytest.mark.parametrize("part", shape(README, ROOT))
@pytest.mark.parametrize("name", PAIRS)
def test_both_languages_say_the_same(name, part):
    english, chinese = (shape(page, (ROOT / name).parent)[part] for page in PAIRS[name])
    assert chinese == english


@pytest.mark.parametrize("name", PAIRS)
def test_each_language_leads_to_the_other(name):
    own = Path(name).name
    english, chinese = PAIRS[name]
    assert own.replace(".md", ".zh-CN.md") in links(english) and own in links(chinese)


@pytest.mark.parametrize("page", PAIRS["README.md"], ids=["en", "zh"])
def test_the_readme_is_a_door(page):
    assert len(page.splitlines()) <= LINES


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("headings", "## More", "### More"),
        ("blocks", "--l2 0.01", "--l2 0.1"),
        ("links", "(docs/check.md)", "(docs/museum.md)"),
        ("links", "(docs/glossary.md#bound)", "(docs/glossary.md#ulp)"),
        ("lists", "- Data larger", "Data larger"),
        ("tags", "## More", "<br>"),
        ("code", "`gradcheck`", "`check_grads`"),
    ],
)
def test_a_planted_difference_between_the_languages_is_seen(part, old, new):
    assert old in README and shape(README.replace(old, new, 1), ROOT)[part] != shape(README, ROOT)[part]


TABLE = "          ulps   verdict\n ──────────\n  loss   1.5   within\n  gradient   2e-9   within\n"
PRINTED = f"two rows\n\n{TABLE}\nThey agree.\n"


@pytest.mark.parametrize(
    ("shown", "is_shown"),
    [
        (PRINTED, True),
        (PRINTED.replace("1.5", "<0.7"), True),
        ("...\n  gradient   3   within\n...\n", True),
        (PRINTED.replace("loss   1.5   within", "loss   1.5   OUTSIDE"), False),
        (PRINTED.replace("  loss   1.5   within\n", ""), False),
        (PRINTED.replace("They agree", "They differ"), False),
        ("  gradient   3   within\n...\n  loss   1   within\n...\n", False),
        ("", False),
    ],
    ids=["same", "another number", "a piece", "verdict", "row left out", "word", "order", "nothing"],
)
def test_what_is_shown_and_not_printed_is_seen(shown, is_shown):
    assert shows(shown, PRINTED) == is_shown


TABLE = """\
float64: who notices

                start         optimum
 ─────────────────────────────────────
  logreg_torch  1.15 (2 %)    within
  logreg_jax    1.65 (<1 %)   within
"""


def test_what_a_machine_decides_may_differ():
    assert shows(TABLE, TABLE.replace("1.15 (2 %)", "0.83 (<1 %)").replace("─" * 37, "─" * 40))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.65 (<1 %)   within", "1.65 (<1 %)   OUTSIDE"),
        ("  logreg_jax    1.65 (<1 %)   within\n", ""),
        ("logreg_jax", "logreg_numpy"),
        ("who notices", "who sees"),
    ],
    ids=["verdict", "row", "name", "words"],
)
def test_what_it_does_not_decide_may_not(old, new):
    assert old in TABLE and not shows(TABLE, TABLE.replace(old, new))
