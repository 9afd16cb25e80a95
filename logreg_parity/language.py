"""What people read in their own language: the grader's words, and the main job's table and closing paragraph.

The English text stands in the code and is its own key; the other languages are gettext catalogues in ``locale/``.
``python -m logreg_parity.language`` gathers new texts into the catalogues and compiles them (it needs Babel).
"""

import gettext
import locale
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
DOMAIN, FOLDER = "logreg_parity", Path(__file__).parent / "locale"
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def language() -> str:
    """The language at hand: that of ``speaking``, else of LOGREG_LANG, else of the locale; English for any other.

    Raises ValueError where LOGREG_LANG names a language that there is not.
    """
    if spoken := _spoken.get():
        return spoken
    if asked := os.environ.get("LOGREG_LANG"):
        return known(asked, "LOGREG_LANG")
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    code = next(filter(None, names), None) or locale.getlocale()[0] or "en"
    return "zh" if code.lower().startswith(("zh", "chinese")) else "en"


def known(code: str, what: str = "the language") -> str:
    """The language of a code like zh, zh-CN or en_GB.UTF-8. Raises ValueError for one that there is not."""
    if not isinstance(code, str):
        raise ValueError(f"{what} is {code!r}; give {' or '.join(LANGUAGES)}")
    short = code.lower()[:2]
    if short not in LANGUAGES or code[2:3].isalnum():
        raise ValueError(f"{what} is {code!r}; give {' or '.join(LANGUAGES)}")
    return short


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Within it everything is said in that language; None changes nothing. Raises ValueError as ``known`` does."""
    token = _spoken.set(_spoken.get() if code is None else known(code))
    try:
        yield
    finally:
        _spoken.reset(token)


def say(template: str, **values: Any) -> str:
    """A text in the language at hand, with its {fields} filled in."""
    return _catalogue(language()).gettext(template).format(**values)


class Words:
    """A text that is said in the language of the moment when it is shown; fields may be such texts themselves."""

    def __init__(self, template: str, **values: Any):
        self.template, self.values = template, values

    def __str__(self) -> str:
        return say(self.template, **self.values)

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)


def sentences(*parts: Any) -> str:
    """Several texts one after another; Chinese has no space between sentences."""
    return ("" if language() == "zh" else " ").join(filter(None, map(str, parts)))


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, FOLDER, [code], fallback=code == "en")


def main() -> None:
    """Bring every catalogue up to date with the code, and compile it: after a text has changed."""
    for code in LANGUAGES[1:]:
        path = FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"
        text, compiled, missing = updated(path, code)
        path.write_bytes(text)
        path.with_suffix(".mo").write_bytes(compiled)
        print(f"{path}: {len(missing)} texts are not translated", *missing, sep="\n  ")


def updated(path: Path, code: str) -> tuple[bytes, bytes, list[str]]:
    """A catalogue with the texts that the code has now, the same compiled, and what it does not translate."""
    from babel.messages import catalog, extract, mofile, pofile

    spoken, day = (
        {"say": None, "Words": None},
        datetime(2026, 1, 1, tzinfo=UTC),
    )  # a date would change the file every day
    places = [("judge/report.py", "python"), ("judge/multiclass.py", "python"), ("teach/*.py", "python")]
    template = catalog.Catalog(project=DOMAIN, fuzzy=False, creation_date=day)
    for name, _, message, _, _ in extract.extract_from_dir(Path(__file__).parent, places, keywords=spoken):
        template.add(message, locations=[(name, 0)])
    with path.open("rb") as file:
        found = pofile.read_po(file, locale=code)
    found.update(template, no_fuzzy_matching=True)
    found.obsolete.clear()
    found.creation_date = found.revision_date = day
    found.fuzzy, found.version, found.msgid_bugs_address = False, "1", ""
    found.last_translator = found.language_team = ""
    found.header_comment = f"# What {DOMAIN} says, in the language {code}."
    text, compiled = BytesIO(), BytesIO()
    pofile.write_po(text, found, width=118, sort_by_file=True, include_lineno=False)
    mofile.write_mo(compiled, found)
    missing = [str(message.id) for message in found if message.id and not message.string]
    return text.getvalue(), compiled.getvalue(), missing


if __name__ == "__main__":
    main()
