"""HTML from Python: an element with its attributes escaped, and the page's texts in every language."""

import re
import tomllib
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from .notes import LANGUAGES

VOID = ("input", "meta")


def element(name: str, /, *children: str, **attributes: object) -> str:
    """``<name attributes>children</name>``; the children are HTML already.

    ``class_`` is class, ``data_kind`` data-kind. An attribute that is True stands without a value, None not at all.
    """
    shown = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    written = "".join(f" {key}" if value is True else f' {key}="{escape(str(value))}"' for key, value in shown.items())
    return f"<{name}{written}>" + ("" if name in VOID else f"{''.join(children)}</{name}>")


def inline(text: str) -> str:
    """A text as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def both(texts: Sequence[str]) -> str:
    """A text in every language; the style shows the one that ``data-language`` names."""
    return "".join(element("span", inline(text), lang=lang) for lang, text in zip(LANGUAGES, texts, strict=True))


def say(name: str, /, **values: object) -> str:
    """A text of ``words.toml`` in every language, with values filled in."""
    return both([text.format(**values) for text in WORDS[name]])


def identity(*parts: str) -> str:
    """An id that begins as no other page's does."""
    return "-".join(("sbs", *(re.sub(r"\W+", "-", part) for part in parts)))


WORDS: dict[str, list[str]] = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))
