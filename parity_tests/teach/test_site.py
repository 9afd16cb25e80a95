"""The site, built as a draft with few modules in its reference: a build follows every link and stops at a wrong one.

The workflow ``site`` builds the whole of it.
"""

import functools
import http.server
import importlib.util
import re
import threading

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from docs import website
from parity_tests.browser import REQUIRED

pytestmark = pytest.mark.slow

SHOWN = ("logreg_parity/__init__.py", "logreg_parity/truth/reference.py", "logreg_torch/loss.py", "logreg_jax/loss.py")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    missing = [
        name for name in ("mkdocs", "material", "mkdocstrings_handlers.python", "latex2mathml") if not _has(name)
    ]
    if missing:
        (pytest.fail if REQUIRED else pytest.skip)(f"{', '.join(missing)}: install the group dev of pyproject.toml")
    out = tmp_path_factory.mktemp("made") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(website, "modules", lambda: [website.ROOT / name for name in SHOWN])
        website.build(website.Options(out, draft=True, repository="somebody/twins"))
    return out


def _has(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def read(site, page: str) -> str:
    return (site / page).read_text(encoding="utf-8")


def test_every_page_is_there_in_its_language(site):
    for lang in website.LANGUAGES:
        for page in website.pages(lang).values():
            assert not page.endswith(".md") or "reference/" in page or (site / website.address(page, lang)).exists(), (
                page
            )
    assert len(list(site.glob("zh/lessons/[0-9]*.html"))) == len(list(site.glob("lessons/[0-9]*.html"))) == 12
    assert 'lang="zh"' in read(site, "zh/index.html") and "三个问题" in read(site, "zh/lessons/01_the_curve.html")


PLANTED = {
    '<a href="nowhere.html">': "index.html links to nowhere.html",
    '<a href="#no-such-heading">': "index.html links to #no-such-heading",
    '<img src="docs/none.png">': "index.html links to docs/none.png",
    '<script src="https://example.org/x.js">': "index.html loads https://example.org/x.js",
    '<link rel="stylesheet" href="//example.org/x.css">': "index.html loads //example.org/x.css",
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_wrong_link_is_found(tmp_path, planted):
    (tmp_path / "index.html").write_text(planted)
    assert website.broken(tmp_path) == [PLANTED[planted]]


def test_a_link_to_no_file_stops_the_build(tmp_path):
    stage = website.Stage(tmp_path, "en", None)
    with pytest.raises(ValueError, match="and there is no such file"):
        stage.write("docs/check.md", "[x](gone.md)")


def test_links_lead_to_where_their_targets_stand_in_the_site(tmp_path):
    for lang, source, text, wanted in (
        ("en", "README.md", "[a](docs/check.md#x)", "[a](docs/check.md#x)"),
        ("en", "docs/check.md", "[a](../logreg_torch/loss.py)", "[a](../reference/logreg_torch/loss.md)"),
        ("en", "README.md", '<img src="docs/explorer.png">', '<img src="docs/explorer.png">'),
        (
            "zh",
            "README.zh-CN.md",
            "[a](README.md) [b](lessons/01_the_curve.py)",
            "[a](../index.html) [b](lessons/01_the",
        ),
        ("zh", "README.zh-CN.md", "[a](docs/check.md#x)", "[a](../docs/check.html#x)"),
    ):
        stage = website.Stage(tmp_path, lang, None)
        stage.write(source, text)
        assert wanted in (tmp_path / stage.pages[lang][source]).read_text(encoding="utf-8")
    assert (tmp_path / "docs" / "explorer.png").exists()


def test_a_link_to_a_folder_leads_to_a_page_of_its_files(tmp_path):
    stage = website.Stage(tmp_path, "en", None)
    stage.write("docs/check.md", "[a](../benchmarks/benchopt/solvers)")
    assert "(../benchmarks/benchopt/solvers/index.md)" in (tmp_path / "docs" / "check.md").read_text()
    listed = (tmp_path / "benchmarks" / "benchopt" / "solvers" / "index.md").read_text(encoding="utf-8")
    assert "## [logreg_jax.py](logreg_jax.py)\n\n````python" in listed
    assert (tmp_path / "benchmarks" / "benchopt" / "solvers" / "logreg_jax.py").exists()


def test_formulas_are_drawn_and_docstrings_have_their_indices(site):
    assert "<math" in read(site, "lessons/01_the_curve.html") and "arithmatex" not in read(
        site, "lessons/01_the_curve.html"
    )
    assert website._indices("γ_{D+1} 2^-20 <code>a_{b}</code>") == "γ<sub>D+1</sub> 2<sup>-20</sup> <code>a_{b}</code>"


def test_docstrings_hold_no_tags():
    """A tag in a docstring would be one in the reference's page, and swallow what follows."""
    tags = re.compile(r"<(script|style|textarea|title)>")
    for path in website.ROOT.glob("logreg_*/**/*.py"):
        for docstring in re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL):
            assert not tags.search(re.sub(r"``.*?``", "", docstring)), path


def test_the_answers_are_folded_away(site):
    page = read(site, "lessons/04_numbers.html")
    assert len(re.findall(r"<details>\s*<summary>", page)) == 3 and "markdown=" not in page


def test_notebooks_for_colab_and_binder(site):
    for folder in ("notebooks", "notebooks/zh"):
        assert len(list((site / folder).glob("*.ipynb"))) == 12
    assert "%pip install" in read(site, "notebooks/01_the_curve.ipynb")
    page = read(site, "zh/lessons/01_the_curve.html")
    colab = "https://colab.research.google.com/github/somebody/twins/blob/gh-pages/notebooks/zh/01_the_curve.ipynb"
    assert colab in page and "https://mybinder.org/v2/gh/somebody/twins/gh-pages?urlpath=lab/tree/notebooks/zh/" in page
    assert "git+https://github.com/somebody/twins" in read(site, "binder/requirements.txt")


def test_outputs_of_a_lesson(tmp_path):
    stage = website.Stage(tmp_path, "en", None)
    outputs = [
        new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "interactive(...)"}),
        new_output("execute_result", {"text/plain": "<function curve>"}),
        new_output("execute_result", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}),
        new_output("stream", text="0.1 < 0.2\n"),
    ]
    cells = [
        new_markdown_cell("# 4. A title\n\nWords."),
        new_code_cell("%matplotlib inline\ncurve(1, 2)", outputs=outputs),
    ]
    page = website.lesson_page(stage, "lessons/04_numbers.py", new_notebook(cells=cells))
    assert page.startswith("# 4. A title\n\n[Notebook with its outputs](site:notebooks/04_numbers.ipynb)")
    assert "````python\ncurve(1, 2)\n````" in page and "(site:explorer.html)" in page and "<function" not in page
    assert "![What is drawn by curve(1, 2)](site:lessons/04_numbers_1_2.png)" in page
    assert (tmp_path / "lessons" / "04_numbers_1_2.png").exists() and "````text\n0.1 < 0.2\n````" in page


# -- in a browser ------------------------------------------------------------------------------------------------------

LOOKED_AT = [
    ("light", (1920, 1024), ("index.html", "lessons/03_loss.html")),
    ("dark", (390,), ("docs/check.html", "zh/lessons/07_decisions.html")),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def served(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("scheme", "widths", "pages"), LOOKED_AT, ids=["light", "dark"])
def test_looked_at_in_a_browser(chromium, served, scheme, widths, pages):
    """Nothing sticks out sideways, nothing complains, nothing leaves, and axe finds nothing."""
    Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
    context = chromium.new_context(color_scheme=scheme)
    tab, complaints, requests = context.new_page(), [], []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    for page in pages:
        tab.goto(served + page)
        for width in widths:
            tab.set_viewport_size({"width": width, "height": 900})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, (page, width)
        violations = Axe().run(tab).response["violations"]
        assert [(page, v["id"], v["nodes"][0]["html"][:120]) for v in violations] == []
    assert complaints == [] and [url for url in requests if not url.startswith((served, "data:", "blob:"))] == []
    context.close()


def test_the_search_answers(chromium, served):
    context = chromium.new_context()
    tab = context.new_page()
    for page, word in (("index.html", "separable"), ("zh/index.html", "曲线")):
        tab.goto(served + page)
        field = tab.locator("input.md-search__input")
        field.fill(word)
        field.press("End")  # the search listens to keys: a field that is filled without one may never be looked at
        tab.locator(".md-search-result__item").first.wait_for(state="attached", timeout=120_000)
    context.close()
