"""The README in both languages and the pages of docs/: what they tell a reader to do works and prints what they show.

A page is followed from top to bottom in a folder of its own. What the README quotes from a page of docs/ is run there.
"""

import ast
import re
from pathlib import Path

import pytest

from parity_tests.conftest import TWINS
from parity_tests.pages import ROOT, Block, blocks, named_file, outputs, prepare, run, run_command, shows

README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
PAGES = {"README.md": README, **DOCS}
LINKED = {**PAGES, "README.zh-CN.md": CHINESE}

STATUS = {  # the pages say so: a fault, or a refusal, is what they show
    "--twins logreg_torch my_model": 1,
    "explain torch.npz mine.npz": 1,
    "explain jax.npz mine.npz": 1,
    "--stream X.npy y.npy --l2 1e-3": 2,
}
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


def follow(folder: Path, page: list[Block]):
    """Every command and script, what was to be seen of it, and what was."""
    for number, block in enumerate(page):
        if block.language == "console":
            for command, shown in outputs(block):
                if command.startswith("logreg-parity") and not command.startswith(ELSEWHERE):
                    yield command, shown, run_command(folder, command)
        if block.language == "python" and "import" in block.body and not named_file(block):
            after = page[number + 1 : number + 2]
            shown = after[0].body if after and after[0].language == "text" else "...\n"
            yield block.body, shown, run(folder, "-W", "error", "-c", block.body)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_the_reader_will_see(tmp_path, name):
    prepare(tmp_path, [PAGES[name]])
    page = [block for block in blocks(PAGES[name]) if name != "README.md" or not is_quoted(block)]
    for what, shown, done in follow(tmp_path, page):
        status = next((status for words, status in STATUS.items() if words in what), 0)
        assert done.returncode == status, f"{what}\n{done.stderr}"
        printed = done.stderr if status == 2 else done.stdout
        assert shows(shown, printed), f"{what}\nprints\n{printed}\nand the page shows\n{shown}"


SIDE_BY_SIDE = [b.body for b in blocks(README) if b.language == "python" and "import" not in b.body]


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
                found[f"{top.name}.{ast.unparse(node)}"] = ""
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
    return ["#" + re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for _, name in headings(page)]


def links(page: str) -> list[str]:
    """Where all links and pictures lead."""
    return re.findall(r"\]\(([^)]+)\)", prose(page))


@pytest.mark.parametrize("name", LINKED)
def test_every_link_leads_somewhere(name):
    folder = ROOT if name.startswith("README") else ROOT / "docs"
    for target in links(LINKED[name]):
        path, _, anchor = target.partition("#")
        assert target.startswith("http") or (folder / path).exists(), target
        assert not anchor or path or f"#{anchor}" in anchors(LINKED[name]), target


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"(?:^\$ |`)make (\w+)", README, re.MULTILINE)
    assert targets and all(f"\n{target}:" in makefile for target in targets)


def shape(page: str) -> dict[str, object]:
    """What two languages of a page have in common."""
    places = {anchor: f"heading {number}" for number, anchor in enumerate(anchors(page))}
    targets = sorted(places.get(target, target) for target in links(page) if not target.startswith("README"))
    return {
        "headings": [level for level, _ in headings(page)],
        "blocks": [(block.language, block.body) for block in blocks(page)],
        "links": targets,
        "tables": [line.count("|") for line in prose(page).splitlines() if line.startswith("|")],
        "lists": [line[:2] for line in prose(page).splitlines() if line.startswith("- ")],
        "tags": re.findall(r"</?\w+>", prose(page)),
        "code": [sorted(set(re.findall(r"`[^`\n]+`", section))) for section in prose(page).split("\n#")],
    }


@pytest.mark.parametrize("part", shape(README))
def test_both_languages_say_the_same(part):
    assert shape(CHINESE)[part] == shape(README)[part]


def test_each_language_leads_to_the_other():
    assert "README.zh-CN.md" in links(README) and "README.md" in links(CHINESE)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("headings", "## Your data", "### Your data"),
        ("blocks", "--steps 300", "--steps 30"),
        ("links", "(docs/check.md)", "(docs/museum.md)"),
        ("lists", "- **The bound**", "**The bound**"),
        ("tags", "<td>", ""),
        ("code", "`--nesterov`", "`--momentum`"),
    ],
)
def test_a_planted_difference_between_the_languages_is_seen(part, old, new):
    assert shape(README.replace(old, new, 1))[part] != shape(README)[part]


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
