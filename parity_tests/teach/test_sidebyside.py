"""Both twins side by side: nothing of the source is missing, what is equal stands together, the notes hold."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from logreg_parity.cli import main
from logreg_parity.teach.sidebyside import fragment, page
from logreg_parity.teach.sidebyside.article import Article
from logreg_parity.teach.sidebyside.element import VOID, WORDS, inline
from logreg_parity.teach.sidebyside.notes import LANGUAGES, load_notes
from logreg_parity.teach.sidebyside.sources import TWINS, cut, pair

ROOT = Path(__file__).parents[2]
FILES = sorted(path.relative_to(ROOT / "logreg_torch").as_posix() for path in (ROOT / "logreg_torch").rglob("*.py"))
NOTES = {note.name: note for note in load_notes()}


class Reader(HTMLParser):
    """What a browser is told: elements that close in order, ids, links, and the lines of code in each article."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.ids, self.attributes, self.titles, self.blocks = [], [], [], {}, []
        self.lines: dict[tuple[str, str], list[tuple[int, str, list[str]]]] = {}  # by article and side
        self.article = self.side = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [attributes["id"]] if "id" in attributes else []
        classes = (attributes.get("class") or "").split()
        if tag == "article":
            self.article = attributes["id"]
            self.titles[self.article] = ""
        if "block" in classes:
            self.blocks.append({"rows": int(attributes["style"].removeprefix("--rows:")), "torch": 0, "jax": 0})
        if "side" in classes:
            self.side = classes[1]
        if {"line", "gap"} & set(classes):
            self.blocks[-1][self.side] += 1
        if "line" in classes:
            self.lines.setdefault((self.article, self.side), []).append((int(attributes["data-line"]), "", []))
        if tag == "a" and "line" in [name for _, name in self.open]:
            self.lines[self.article, self.side][-1][2].append(attributes["href"])
        if tag not in VOID:
            self.open.append((tag, next((name for name in ("line", "number") if name in classes), "")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tags, names = zip(*self.open, strict=True) if self.open else ((), ())
        if "line" in names and "number" not in names:
            number, text, links = self.lines[self.article, self.side][-1]
            self.lines[self.article, self.side][-1] = (number, text + data, links)
        elif "h3" in tags and "code" in tags:
            self.titles[self.article] += data


@pytest.fixture(scope="module")
def html():
    return page()


@pytest.fixture(scope="module")
def read(html):
    return Reader(html)


@pytest.fixture
def copies(tmp_path):
    """Both twins' sources, to be spoiled."""
    return [Path(shutil.copytree(ROOT / package, tmp_path / package)) for package in TWINS]


def replace(path: Path, old: str, new: str) -> None:
    source = path.read_text("utf-8")
    assert old in source
    path.write_text(source.replace(old, new), "utf-8")


def start_of_ids(file: str) -> str:
    """With what the ids of a file's articles begin."""
    return "-".join(["sbs", *re.findall(r"\w+", file), ""])


def public(package: str, file: str) -> list[str]:
    """The public definitions of a file, found without the page's own reader."""
    source = (ROOT / package / file).read_text("utf-8")
    found = re.findall(r"^(?:(?:async )?def |class )(\w+)[(:]|^(\w+)(?:: [^=\n]+)? = ", source, re.MULTILINE)
    return [name for pair in found for name in pair if name and not name.startswith("_")]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("package", TWINS)
def test_every_public_definition_appears_once(read, package, file):
    articles = [key for key in read.titles if key.startswith(start_of_ids(file))]
    shown = [read.titles[key] for key in articles if read.titles[key] and not read.titles[key].startswith("_")]
    assert shown == public(package, file)
    for key in articles:
        assert [value for tag, name, value in read.attributes if (name, value) == ("href", f"#{key}")], key


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("package", TWINS)
def test_every_line_of_the_source_appears_once(read, package, file):
    """Numbers and text, which also shows that nothing is lost to escaping; blank lines between definitions may go."""
    start, side = start_of_ids(file), package.removeprefix("logreg_")
    shown = sorted(
        line[:2]
        for (article, of), some in read.lines.items()
        if article.startswith(start) and of == side
        for line in some
    )
    source = list(enumerate((ROOT / package / file).read_text("utf-8").splitlines(), start=1))
    assert [line for line in shown if line[1].strip()] == [line for line in source if line[1].strip()]
    assert set(shown) <= set(source)


def test_both_columns_of_a_block_have_its_rows(read):
    assert all(block["torch"] == block["jax"] == block["rows"] for block in read.blocks)


@pytest.mark.parametrize("name", NOTES)
def test_a_note_stands_at_the_line_it_explains(read, name):
    note = NOTES[name]
    holders = [text for some in read.lines.values() for _, text, links in some if f"#sbs-note-{name}" in links]
    anchors = {anchor for anchor in note.anchors if anchor}
    assert holders and all(any(anchor in text for anchor in anchors) for text in holders)
    assert all(any(anchor in text for text in holders) for anchor in anchors)
    assert read.ids.count(f"sbs-note-{name}") == read.ids.count(f"sbs-at-{name}") == 1


@pytest.mark.parametrize("name", NOTES)
def test_a_note_says_the_same_in_both_languages(name):
    """The same code is named, and each language is written in its own script."""
    note = NOTES[name]
    english, chinese = ([note.question[k], note.answer[k]] for k in range(len(LANGUAGES)))
    codes = [set(re.findall(r"`[^`]+`", " ".join(texts))) for texts in (english, chinese)]
    assert codes[0] == codes[1]
    assert all(not re.search(r"[\u3000-\u9fff]", text) for text in english)
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in chinese)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_of_the_page_has_both_languages(name):
    english, chinese = WORDS[name]
    assert re.findall(r"{\w+}", english) == re.findall(r"{\w+}", chinese)
    assert english.isascii() or "⋯" in english
    assert re.search(r"[\u4e00-\u9fff]", chinese)


def test_all_that_is_said_is_on_the_page_in_both_languages(html):
    for note in NOTES.values():
        assert all(inline(text) in html for text in note.question + note.answer)


def test_the_page_loads_nothing_and_every_link_has_its_target(html, read):
    assert not [each for each in read.attributes if each[1] in ("src", "srcset", "action", "data", "poster")]
    links = [value for _, name, value in read.attributes if name == "href"]
    assert links and {link[:1] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(read.ids)
    assert len(set(read.ids)) == len(read.ids)
    written = "".join(re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", html, re.S))
    assert "color-scheme" in written and "navigator" in written
    assert not re.search(r"url\(|@import|fetch|import\(|https?:", written)


def test_code_is_escaped():
    source = "def f(x):\n    return \"<script>\" if x < 1 & 2 else '</pre>'\n"
    one, other = (cut(text) for text in (source, source.replace("1 &", "3 &")))
    html = Article("x.py", pair(one, other, "x.py")[-1], {}).html()
    assert "<script" not in html and html.count("</pre>") == html.count("<pre ")
    assert Reader(html).lines["sbs-x-py-f", "torch"][1][1] == source.splitlines()[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fragment_is_the_page_without_its_frame(read, language):
    part = fragment(language)
    assert Reader(part).lines == read.lines
    assert f'data-language="{language}"' in part
    assert all(name.startswith("sbs-") for name in Reader(part).ids)


def test_the_fragments_style_speaks_of_nothing_else():
    style = re.sub(r"/\*.*?\*/", "", re.search(r"<style>(.*?)</style>", fragment(), re.S)[1], flags=re.S)
    depth, outside = 0, ""
    for character in style:
        depth += (character == "{") - (character == "}")
        outside += character if depth == 0 and character != "}" else ""
    assert depth == 0 and outside.split() == [".sidebyside"]


def test_a_language_there_is_not_is_refused():
    with pytest.raises(ValueError, match="language is 'fr'; give one of en, zh"):
        fragment("fr")


def test_the_command_writes_the_page_and_opens_it(tmp_path, monkeypatch, capsys, html):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or len(opened) < 2)
    out = tmp_path / "new folder" / "twins.html"
    assert main(["sidebyside", "--out", str(out), "--no-open"]) == 0
    assert out.read_text("utf-8") == html and not opened
    assert main(["sidebyside", "--out", str(out)]) == 0
    assert opened == [out.as_uri()]
    assert "no browser" not in capsys.readouterr().out
    assert main(["sidebyside", "--out", str(out)]) == 0
    assert "no browser here" in capsys.readouterr().out


def test_the_command_explains_what_it_cannot_do(tmp_path, monkeypatch, capsys, copies):
    assert main(["sidebyside", "--out", str(tmp_path), "--no-open"]) == 2
    assert "a folder; give the name of a file" in capsys.readouterr().err
    replace(copies[0] / "sgd.py", "optimizer.zero_grad()", "pass")
    monkeypatch.setattr("logreg_parity.teach.sidebyside.document.find_folder", lambda package: tmp_path / package)
    assert main(["sidebyside", "--out", str(tmp_path / "x.html"), "--no-open"]) == 2
    assert "note zero_grad" in capsys.readouterr().err and not (tmp_path / "x.html").exists()
