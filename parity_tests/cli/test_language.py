"""The languages: every text is translated with all its fields, the catalogue is compiled, and people get their own."""

import re
import string

import numpy as np
import pytest
from babel.messages import pofile

from logreg_parity import grade, language
from logreg_parity.language import FOLDER, LANGUAGES, Words, say, speaking

CATALOGUES = {code: FOLDER / code / "LC_MESSAGES" / "logreg_parity.po" for code in LANGUAGES[1:]}


def fields(template: str) -> list[str]:
    return sorted(f"{name}!{form}" for _, name, form, _ in string.Formatter().parse(template) if name)


def messages(code: str):
    with CATALOGUES[code].open("rb") as file:
        return [(message.id, message.string) for message in pofile.read_po(file) if message.id]


@pytest.mark.parametrize("code", CATALOGUES)
def test_the_catalogue_is_what_the_code_says(code):
    """Nothing is missing, nothing is left over, and what is read at run time is what the translator wrote."""
    text, compiled, missing = language.updated(CATALOGUES[code], code)
    assert missing == []
    assert text == CATALOGUES[code].read_bytes(), "run python -m logreg_parity.language"
    assert compiled == CATALOGUES[code].with_suffix(".mo").read_bytes(), "run python -m logreg_parity.language"


@pytest.mark.parametrize("code", CATALOGUES)
def test_a_translation_has_the_fields_of_its_text(code):
    assert [pair for pair in messages(code) if fields(pair[0]) != fields(pair[1])] == []


@pytest.mark.parametrize("code", CATALOGUES)
def test_a_translation_has_the_digits_and_the_calls_of_its_text(code):
    def parts(text):
        return sorted(filter(str.isdigit, text)), sorted(re.findall(r"\w+\(", text))

    assert [pair for pair in messages(code) if parts(pair[0]) != parts(pair[1])] == []


def test_a_new_text_is_noticed(tmp_path):
    path = tmp_path / "logreg_parity.po"
    kept = CATALOGUES["zh"].read_text(encoding="utf-8").rstrip().split("\n\n")
    path.write_text("\n\n".join(kept[:-1]) + "\n", encoding="utf-8")
    assert len(language.updated(path, "zh")[2]) == 1


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "en_GB"}, "zh"),
        ({"LOGREG_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LOGREG_LANG": "zh-CN"}, "zh"),
    ],
)
def test_who_gets_which_language(monkeypatch, variables, code):
    for name in ("LOGREG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language.language() == code


@pytest.mark.parametrize("code", ["fr", "english", "z"])
def test_a_language_that_there_is_not_is_refused(monkeypatch, code):
    monkeypatch.setenv("LOGREG_LANG", code)
    with pytest.raises(ValueError, match=f"LOGREG_LANG is '{code}'; give en or zh"):
        say("verdict")


def test_words_wait_for_their_language():
    words = Words("{what} has shape {shape}, and {right} is right:", what=Words("it"), shape=(8, 1), right=(8,))
    assert str(words) == "it has shape (8, 1), and (8,) is right:"
    with speaking("zh"):
        assert str(words) == "结果的形状是 (8, 1)，应当是 (8,)："
    assert str(words).startswith("it")


def test_a_grade_speaks_chinese(capsys):
    given = grade("logistic", lambda x: 1 / (1 + np.exp(x)), lang="zh")
    assert capsys.readouterr().out.startswith("logistic: 指数里的符号错了：σ(x) = 1 / (1 + exp(-x)) 是上升的")
    assert given.words.startswith("a sign is wrong in the exponent") and given.cause.startswith("a sign is wrong")
