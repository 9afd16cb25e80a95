"""Code as HTML: a line in its colours, with the words marked that its sibling does not have."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from pygments.lexers.python import PythonLexer
from pygments.token import Token

COLOURS = {
    Token.Keyword: "k",
    Token.Operator.Word: "k",
    Token.Literal.String: "s",
    Token.Literal.Number: "n",
    Token.Comment: "c",
    Token.Name.Function: "f",
    Token.Name.Class: "f",
    Token.Name.Decorator: "a",
}


def colours(lines: Sequence[str]) -> list[list[str]]:
    """The class of every character of every line, "" where it has none."""
    tokens = PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(lines))
    characters = [(character, colour) for token, text in tokens for character in text for colour in (_colour(token),)]
    coloured: list[list[str]] = [[]]
    for character, colour in characters:
        coloured.append([]) if character == "\n" else coloured[-1].append(colour)
    return coloured


def markup(line: str, colours: Sequence[str], marked: Sequence[bool]) -> str:
    """A line as HTML: ``<span class=colour>`` around what has a colour, ``<mark>`` around what is marked."""
    runs = groupby(zip(line, colours, marked, strict=True), key=lambda character: character[1:])
    return "".join(_run("".join(character for character, *_ in run), *look) for look, run in runs)


def _run(text: str, colour: str, marked: bool) -> str:
    html = escape(text, quote=False)
    html = f'<span class="{colour}">{html}</span>' if colour and text.strip() else html
    return f"<mark>{html}</mark>" if marked else html


def _colour(token: Any) -> str:
    while token is not None and token not in COLOURS:
        token = token.parent
    return COLOURS.get(token, "")
