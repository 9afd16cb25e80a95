"""The explorer as one file: a template, a style sheet, texts, recorded runs and scripts, put together.

The scripts in ``web/`` are plain JavaScript modules. They become one by leaving out their import and export lines, in
an order in which nothing is used at loading time before it is there; names are unique over all of them, which the
browser checks. Nothing is fetched when the page is opened: its own policy forbids it.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ...data.dataset import Dataset
from ...truth import exact

WEB = Path(__file__).parent / "web"
SCRIPTS = (
    "random", "data", "numerics", "features", "descent", "optimum", "infinite", "setting", "session", "text", "plot",
    "curve", "formula", "surface", "ground", "history", "recorded", "fingerprint", "story", "guide", "presets", "code",
    "panels", "controls", "pointer", "tabs", "main",
)  # fmt: skip
EXACT = Path(exact.__file__).parents[1] / "machine" / "exact.mjs"  # exact arithmetic, which node runs too
LANGUAGES = ("en", "zh")
MOST_ROWS = 2000  # as in web/data.js

_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


class Tab(NamedTuple):
    """A further view beside the explorer: a name of small letters, a title a language, and an HTML fragment.

    The fragment may bring a style element; its class names must not be the page's. Where it holds a data-language,
    that follows the page's language.
    """

    name: str
    titles: dict[str, str]
    html: str


def page(*, dataset: Dataset | None = None, tabs: Iterable[Tab] = ()) -> str:
    """The page, HTML. dataset: what it shows first in place of the lesson's, of one or two features."""
    tabs = list(tabs)
    texts = {language: json.loads(_read(f"text.{language}.json")) for language in LANGUAGES}
    for tab in tabs:
        for language in LANGUAGES:
            texts[language][f"tab.{tab.name}"] = tab.titles[language]
    parts = {
        "/* STYLE */": _read("style.css"),
        "<!-- TABS -->": "\n    ".join(_button(tab) for tab in tabs),
        "<!-- PANELS -->": "\n".join(_panel(tab) for tab in tabs),
        "/* TEXTS */": _json(texts),
        "/* RECORDINGS */": _json(json.loads(_read("recordings.json"))),
        "/* INITIAL */": _json({} if dataset is None else initial_setting(dataset)),
        "/* EXACT */": _json({**exact.CONSTANTS, "EXP": exact.EXP, "LOG": exact.LOG}),
        "/* SCRIPT */": "\n".join([_plain(EXACT.read_text(encoding="utf-8")), *map(_script, SCRIPTS)]),
    }
    pattern = re.compile("|".join(map(re.escape, parts)))
    return pattern.sub(lambda place: parts[place[0]], _read("page.html"))


def initial_setting(dataset: Dataset) -> dict[str, Any]:
    """The setting that shows a data set. Raises ValueError where the page cannot."""
    if dataset.n_features > 2:
        raise ValueError(f"the data has {dataset.n_features} features; the explorer shows one or two")
    if dataset.sample_weight is not None:
        raise ValueError("the data has row weights, which the explorer does not know; leave them out")
    if not 2 <= dataset.n_rows <= MOST_ROWS:
        raise ValueError(f"the data has {dataset.n_rows} rows; the explorer shows from 2 to {MOST_ROWS}")
    if abs(dataset.X).max() > 1e6:
        raise ValueError("a feature goes beyond a million; standardise the data for the explorer")
    rows = [[*map(float, x), float(y)] for x, y in zip(dataset.X, dataset.y, strict=True)]
    named = {} if dataset.class_names == ("0", "1") else {"classes": [*map(_name, dataset.class_names)]}
    return {"data": "points", "points": rows, "names": [*map(_name, dataset.feature_names)], **named}


def _name(text: str) -> str:
    """A name that fits beside an axis and into an address, as tidyName of web/data.js makes it."""
    return re.sub(r"[,;\s]+", " ", text).strip()[:24] or "?"


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _script(name: str) -> str:
    return _plain(_read(f"{name}.js"))


def _plain(module: str) -> str:
    """A module without its import and export lines."""
    return _EXPORT.sub("", _IMPORT.sub("", module))


def _button(tab: Tab) -> str:
    return (
        f'<button role="tab" id="tab-{tab.name}" aria-controls="panel-{tab.name}" data-tab="{tab.name}" '
        f'data-t="tab.{tab.name}"></button>'
    )


def _panel(tab: Tab) -> str:
    return (
        f'<section class="further" id="panel-{tab.name}" role="tabpanel" aria-labelledby="tab-{tab.name}" '
        f'tabindex="-1" hidden>\n{tab.html}\n</section>'
    )
