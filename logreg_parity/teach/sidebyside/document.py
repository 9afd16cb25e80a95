"""The page: every file, every definition, both twins in two columns, the notes beside them.

``page`` is a whole file, ``fragment`` a part of another page. All texts stand in it in every language, and
``data-language`` of the outermost element says which is seen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import count
from typing import get_args

from .alignment import Kind
from .article import FRAMEWORKS, Article
from .element import WORDS, both, element, identity, say
from .notes import LANGUAGES, load_notes, place
from .sources import READING_ORDER, TWINS, Pair, find_folder, read_twins


def page() -> str:
    """A self-contained HTML page. Raises ValueError where twins and notes do not fit together."""
    choices = _choices("language", "language", dict(zip(LANGUAGES, (["English"] * 2, ["中文"] * 2), strict=True)))
    heading = element("header", element("h1", say("title")), element("p", say("intro")), choices)
    head = (
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", WORDS["title"][0]),
        element("style", _read("page.css"), _read("fragment.css")),
    )
    body = element("body", element("main", heading, _content("en")), element("script", _read("page.js")))
    return f"<!doctype html>\n{element('html', element('head', *head), body, lang='en')}\n"


def fragment(language: str = "en", *, lesson: bool = False) -> str:
    """A ``style`` and a ``div`` to be put into another page; nothing in them is loaded from elsewhere, nothing runs.

    With ``lesson`` the lesson's files only.

    The style speaks of the class ``sidebyside`` only. Font and ``color-scheme`` are those of the page around; its
    headings begin with h2. ``data-language`` of the div may be changed at any time. Ids begin with ``sbs-``, and
    links inside change the address to ``#sbs-...`` unless the page around handles their clicks. Raises ValueError
    for a language there is not, and where twins and notes do not fit together.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language is {language!r}; give one of {', '.join(LANGUAGES)}")
    return element("style", _read("fragment.css")) + _content(language, lesson=lesson)


def _content(language: str, *, lesson: bool = False) -> str:
    articles = _articles(read_twins(*map(find_folder, TWINS)))
    if lesson:
        articles = {file: articles[file] for file in READING_ORDER}
    show = _choices("sbs-show", "show", {key: WORDS[key] for key in ("all", "differences", "ideas")})
    top = (_counts(articles), _contents(articles), show)
    sections = (_section(file, some) for file, some in articles.items())
    return element("div", *top, *sections, class_="sidebyside", data_language=language)


def _articles(twins: Mapping[str, Sequence[Pair]]) -> dict[str, list[Article]]:
    """The articles of every file, their notes numbered through the page."""
    placed, number = place(load_notes(), twins), count(1)
    return {
        file: [Article(file, pair, {next(number): note for note in placed.get((file, pair), ())}) for pair in pairs]
        for file, pairs in twins.items()
    }


def _counts(articles: Mapping[str, Sequence[Article]]) -> str:
    """How many lines are of each kind, which is the legend of the contents too."""
    kinds = Counter(row.kind for some in articles.values() for article in some for row in article.rows)
    counts = (element("li", say(f"count_{kind}", count=kinds[kind]), data_kind=kind) for kind in get_args(Kind))
    return element("ul", *counts, class_="counts")


def _contents(articles: Mapping[str, Sequence[Article]]) -> str:
    """The table of contents: files, and in them definitions."""
    heading = element("h2", say("contents"), id=identity("contents"), tabindex="-1")
    chapters = (
        element("li", _link(element("code", file), identity(file)), element("ul", *map(_entry, some)))
        for file, some in articles.items()
    )
    return element("nav", heading, element("ul", *chapters, class_="contents"), aria_labelledby=identity("contents"))


def _entry(article: Article) -> str:
    return element("li", _link(article.title, article.id), data_kind=article.kind)


def _link(text: str, target: str) -> str:
    return element("a", text, href=f"#{target}")


def _choices(name: str, legend: str, texts: Mapping[str, Sequence[str]]) -> str:
    """Radio buttons, the first one chosen."""
    labels = (
        element("label", element("input", type="radio", name=name, value=value, checked=first or None), both(text))
        for (value, text), first in zip(texts.items(), [True, *[False] * len(texts)], strict=False)
    )
    return element("fieldset", element("legend", say(legend)), *labels, class_=f"choices {legend}")


def _section(file: str, articles: Sequence[Article]) -> str:
    """A file; those beyond the lesson's are folded, and a link into one unfolds it."""
    back = element("a", "↑ ", say("top"), href=f"#{identity('contents')}", class_="top")
    sides = (
        element("span", element("b", framework), " ", element("code", f"{package}/{file}"), class_=f"name {side}")
        for package, (side, framework) in zip(TWINS, FRAMEWORKS.items(), strict=True)
    )
    heading = element("h2", element("code", file), back)
    names = element("div", *sides, class_="names", aria_hidden="true")
    content: tuple[str, ...] = (names, *(article.html() for article in articles))
    if file not in READING_ORDER:
        content = (element("details", element("summary", say("folded", count=len(articles))), *content),)
    return element("section", heading, *content, id=identity(file), tabindex="-1")


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
