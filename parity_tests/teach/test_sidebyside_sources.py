"""The twins' source cut, paired and aligned for the side-by-side page; a note whose line is gone is refused."""

import shutil
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from logreg_parity.teach.sidebyside.alignment import align, kind, marks
from logreg_parity.teach.sidebyside.notes import load_notes, parse, place
from logreg_parity.teach.sidebyside.sources import READING_ORDER, TWINS, cut, find_folder, pair, read_twins

ROOT = Path(__file__).parents[2]


@pytest.fixture
def twins():
    return read_twins(*(ROOT / package for package in TWINS))


@pytest.fixture
def copies(tmp_path):
    """Both twins' sources, to be spoiled."""
    return [Path(shutil.copytree(ROOT / package, tmp_path / package)) for package in TWINS]


def replace(path: Path, old: str, new: str) -> None:
    source = path.read_text("utf-8")
    assert old in source
    path.write_text(source.replace(old, new), "utf-8")


def test_the_reading_order_names_files_there_are(twins):
    assert list(twins)[: len(READING_ORDER)] == list(READING_ORDER)


def test_equal_lines_stand_side_by_side(twins):
    """As many of them as can be: never fewer than difflib finds."""
    for one in (one for pairs in twins.values() for one in pairs):
        sides = [list(side.lines) if side else [] for side in one]
        rows = align(*sides)
        for side in (0, 1):
            assert [row.lines[side] for row in rows if row.lines[side] is not None] == list(range(len(sides[side])))
        texts = [tuple(None if k is None else side[k] for k, side in zip(r.lines, sides, strict=True)) for r in rows]
        assert [row.kind == "equal" for row in rows] == [left == right for left, right in texts]
        blocks = SequenceMatcher(None, *sides, autojunk=False).get_matching_blocks()
        matched = [line for block in blocks for line in sides[0][block.a : block.a + block.size] if line.strip()]
        assert sum(left == right and bool(left.strip()) for left, right in texts) >= len(matched)


def test_lines_that_replace_each_other_share_a_row():
    torch, jax = (
        ["def f(x):", "    a = one(x)", "    return a"],
        ["@jit", "def f(x):", "    if 2 > 1: pass", "    return a"],
    )
    assert [row.lines for row in align(torch, jax)] == [(None, 0), (0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("torch", "jax", "wanted"),
    [
        ("x = a", "x = a", "equal"),
        ("x = torch.exp(a)", "x = jnp.exp(a)", "spelling"),
        ("    x = a", "x = a", "spelling"),
        ('"""A tensor, as a tensor."""', '"""A tensor, as an array."""', "spelling"),
        ("def f(x: Tensor):", "def f(x: Array):", "spelling"),
        ("x = torch.exp(a)", "x = jnp.log(a)", "differs"),
        ("torchvision", "jaxlib", "differs"),
    ],
)
def test_kinds_of_difference(torch, jax, wanted):
    assert kind(torch, jax) == wanted


def test_the_words_that_differ_are_marked_and_indentation_is_not():
    left, right = marks("    p = torch.exp(z)", "p = jnp.exp(-z)")
    assert "".join("^" if mark else "." for mark in left) == "........^^^^^......."
    assert "".join("^" if mark else "." for mark in right) == "....^^^.....^.."


def test_private_definitions_are_paired_by_their_first_word():
    torch = cut("import torch\nclass _Exp: ...\ndef exp(): ...\ndef _only(): ...")
    jax = cut("import jax\ndef exp(): ...\ndef _exp_jvp(): ...\ndef _alone(): ...")
    names = [one.names for one in pair(torch, jax, "x.py")]
    assert names == [("module",), ("_Exp", "_exp_jvp"), ("_alone",), ("exp",), ("_only",)]


def test_decorators_and_comments_belong_to_what_follows_them():
    made = cut('"""Doc."""\n\nimport a\n\n# Why.\n@b\ndef f(): ...\n\n\nX: int = 1\n')
    assert [(part.name, part.first, len(part.lines)) for part in made] == [("module", 1, 3), ("f", 5, 3), ("X", 10, 1)]


def test_a_renamed_definition_is_refused(copies):
    for folder in copies:
        replace(folder / "sgd.py", "def sgd_step(", "def sgd_stride(")
    with pytest.raises(
        ValueError,
        match=r"note \w+ explains sgd_step in sgd\.py, .* not there \(module, Optimizer, sgd, _rule, sgd_stride",
    ):
        place(load_notes(), read_twins(*copies))


def test_a_changed_line_is_refused(copies):
    replace(copies[0] / "sgd.py", "optimizer.zero_grad()", "model.zero_grad()")
    with pytest.raises(ValueError, match=r"note zero_grad .*'optimizer.zero_grad\(\)' in sgd_step of sgd\.py"):
        place(load_notes(), read_twins(*copies))


def test_a_line_in_the_wrong_twin_is_refused(twins):
    table = {"file": "sgd.py", "definition": "sgd_step", "jax": "zero_grad", "en": ["a", "b"], "zh": ["c", "d"]}
    with pytest.raises(ValueError, match="note wrong explains the line with 'zero_grad'"):
        place(parse({"wrong": table}), twins)


def test_a_note_of_a_file_that_is_gone_is_refused(copies):
    for folder in copies:
        (folder / "sgd.py").unlink()
    with pytest.raises(ValueError, match="no such file"):
        place(load_notes(), read_twins(*copies))


@pytest.mark.parametrize(
    "change", [{"zh": None}, {"torch": None}, {"fr": ["a", "b"]}, {"file": None}], ids=["zh", "line", "fr", "file"]
)
def test_an_unfinished_note_is_refused(change):
    table = {"file": "sgd.py", "definition": "sgd_step", "torch": "step", "en": ["a", "b"], "zh": ["c", "d"], **change}
    with pytest.raises(ValueError, match="note unfinished has"):
        parse({"unfinished": {key: value for key, value in table.items() if value is not None}})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda torch: replace(torch / "loss.py", "def aggregate(", "def reduce_all("), "loss.py defines reduce_all"),
        (lambda torch: (torch / "loss.py").rename(torch / "losses.py"), "has loss.py, losses.py"),
        (lambda torch: replace(torch / "loss.py", "def stable_loss(", "def softplus("), "defines softplus twice"),
    ],
    ids=["definition", "file", "twice"],
)
def test_twins_that_do_not_mirror_each_other_are_refused(copies, spoil, words):
    spoil(copies[0])
    with pytest.raises(ValueError, match=words):
        read_twins(*copies)


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no_such_twin is not installed"):
        find_folder("no_such_twin")
