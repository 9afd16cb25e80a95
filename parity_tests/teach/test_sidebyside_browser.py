"""The page with both twins side by side, in a browser: filters, language, links, widths, and nothing sent out."""

import pytest

from logreg_parity.teach.sidebyside import page
from parity_tests.browser import REQUIRED

pytestmark = pytest.mark.slow

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def visit(chromium, tmp_path):
    """Open the page; afterwards nothing was asked of any other place, and nothing complained."""
    path, seen, contexts = tmp_path / "page.html", [], []
    path.write_text(page(), "utf-8")

    def open_page(viewport=WIDE, locale="en-US", unfolded=True):
        contexts.append(chromium.new_context(viewport=viewport, locale=locale))
        tab = contexts[-1].new_page()
        tab.on("request", lambda request: seen.append(request.url))
        tab.on("console", lambda message: seen.append(message.text))
        tab.on("pageerror", lambda error: seen.append(str(error)))
        tab.goto(path.as_uri())
        if unfolded:
            tab.evaluate("document.querySelectorAll('details').forEach((file) => { file.open = true; })")
        return tab

    yield open_page
    assert seen == [path.as_uri()] * len(contexts)
    for context in contexts:
        context.close()


def visible(tab, selector: str) -> int:
    return tab.locator(selector).filter(visible=True).count()


def test_the_filter_leaves_what_differs_and_what_has_a_note(visit):
    tab = visit()
    notes = visible(tab, ".notes li")
    assert visible(tab, ".block[data-kind=equal] .line") and not visible(tab, ".skipped")
    tab.get_by_role("radio", name="only differences", exact=True).check()
    assert not visible(tab, ".block[data-kind=equal]:not(:has(.number)) .line")
    assert not visible(tab, "article[data-kind=equal]:not(:has(.number))")
    assert visible(tab, ".block[data-kind=spelling] .line") and visible(tab, ".skipped")
    tab.get_by_role("radio", name="only differences beyond spelling").check()
    assert not visible(tab, ".block[data-kind=spelling]:not(:has(.number)) .line")
    assert visible(tab, ".block[data-kind=differs] .line") == tab.locator(".block[data-kind=differs] .line").count()
    assert visible(tab, ".notes li") == notes > 0
    assert visible(tab, ".line .number") == tab.locator(".line .number").count()


@pytest.mark.parametrize(("locale", "first", "other"), [("en-US", "en", "中文"), ("zh-CN", "zh", "English")])
def test_the_language_is_the_readers_until_another_is_chosen(visit, locale, first, other):
    tab, second = visit(locale=locale), {"en": "zh", "zh": "en"}[first]
    for language, step in ((first, None), (second, other)):
        if step:
            tab.get_by_role("radio", name=step).check()
        assert tab.evaluate("document.documentElement.lang") == language
        hidden = {"en": "zh", "zh": "en"}[language]
        assert visible(tab, f"h1 [lang={language}]") and visible(tab, f".notes [lang={language}]")
        assert not visible(tab, f"body [lang={hidden}]")


def test_beyond_the_lesson_files_are_folded_until_a_link_leads_into_them(visit):
    tab = visit(unfolded=False)
    assert visible(tab, "section#sbs-train-py article") and not visible(tab, "details article")
    tab.locator("nav a[href^='#sbs-speed-']").last.click()
    assert visible(tab, "details[open]") == 1 and visible(tab, "details[open] article")
    assert tab.evaluate("document.body.scrollHeight") < 35_000


def test_a_note_is_reached_and_left_by_keyboard(visit):
    tab = visit()
    focused = "document.activeElement.id"
    tab.locator("#sbs-at-zero_grad").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate(focused) == "sbs-note-zero_grad"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.evaluate(focused) == "sbs-at-zero_grad"


def test_lines_of_a_row_stand_at_one_height(visit):
    tab = visit()
    heights = """() => [...document.querySelectorAll(".block")].map(block => ["torch", "jax"].map(side =>
        [...block.querySelectorAll(`.${side} > .line, .${side} > .gap`)].map(line =>
            Math.round(line.getBoundingClientRect().top))))"""
    assert all(torch == jax for torch, jax in tab.evaluate(heights))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_audit_finds_nothing(visit, locale, scheme):
    """In either language, light and dark; of the articles, which are all made alike, in the first three."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing = "axe-playwright-python is not installed; install the group dev of pyproject.toml"
        (pytest.fail if REQUIRED else pytest.skip)(missing)
    tab = visit(NARROW if scheme == "dark" else WIDE, locale)
    tab.emulate_media(color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('article').forEach((article, k) => { if (k > 2) article.remove(); })")
    violations = Axe().run(tab).response["violations"]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in violations] == []


WIDTHS = [1920, 1440, 1024, 760, 390]


@pytest.mark.parametrize("viewport", [{"width": width, "height": 900} for width in WIDTHS], ids=map(str, WIDTHS))
def test_nothing_is_wider_than_the_screen(visit, viewport):
    assert visit(viewport).evaluate("document.documentElement.scrollWidth") == viewport["width"]


def test_on_a_phone_equal_lines_are_shown_once_and_others_say_whose_they_are(visit):
    tab = visit(NARROW)
    assert not visible(tab, ".block[data-kind=equal] .side.jax") and visible(tab, ".block[data-kind=equal] .side.torch")
    assert visible(tab, ".block[data-kind=differs] .jax .who")
