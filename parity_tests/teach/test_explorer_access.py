"""The explorer for everybody: bad input, keyboard, screen reader, an audit, every width, and what the presets say."""

import re

import pytest

from parity_tests.browser import REQUIRED, Explorer

pytestmark = pytest.mark.slow

# -- every control ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("w=abc", "“w” came as “abc”"),
        ("w=1e999", "“w” came as “1e999”"),
        ("n=1e9", "“n” came as “1e9”; give 2 … 2000"),
        ("seed=-1", "“seed”"),
        ("seed=1.5", "“seed”"),
        ("steps=100000", "“steps”"),
        ("form=magic", "give logits, textbook"),
        ("nonsense", "“nonsense”, which this page does not know"),
        ("data=points", "holds none"),
        ("names=a", "“names” goes with points by hand"),
        ("data=points&points=1,0;2,1&names=a,b", "needs 1 names"),
        ("data=points&points=1,0;2,1&classes=a", "needs 2 names"),
        ("degree=4", "“degree”"),
        ("test=0.15", "“test”"),
        ("batch=-1", "“batch”"),
        ("guide=9", "“guide”"),
        ("rest=1,x", "“rest”"),
        ("data=points&points=1,2;3", "“points”"),
        ("data=points&points=1,0;2,5", "“points”"),
        ("w=%E0%A4%A", "“w”"),
        ("hide=everything", "“hide”"),
    ],
)
def test_a_broken_address_is_told_and_nothing_of_it_taken(explorer, fragment, words):
    explorer.open("w=1&b=2")
    explorer.ask("(fragment) => { location.hash = 'lr=0.25&' + fragment; }", fragment)
    explorer.tab.locator("#message").wait_for()
    assert words in explorer.text("#message") and "Nothing was changed" in explorer.text("#message")
    assert explorer.ask("logreg.session.theta") == [1, 2] and explorer.setting("lr") == 0.5
    explorer.tab.locator("#message button").click()
    explorer.settle()
    assert explorer.tab.locator("#message").is_hidden()


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ("[data-field=n]", "100000"),
        ("[data-theta='0'][type=number]", "1e300"),
        ("[data-field=seed]", ""),
        ("[type=number][data-field=lr]", "-1"),
    ],
)
def test_an_absurd_entry_is_told_and_taken_back(explorer, selector, text):
    before = explorer.ask("logreg.session.setting")
    explorer.enter(selector, text)
    assert explorer.tab.locator("#message").is_visible()
    assert explorer.ask("logreg.session.setting") == before
    assert explorer.tab.locator(selector).first.input_value() not in ("", text)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "0 rows"),
        ("x,y\n1,0\n2", "Row 2"),
        ("1,0\n2,7\n", "label"),
        ("a,b\nc,d\n1,2", "Row 1"),
        ("1,2,3,4\n1,2,3,4", "x1, x2, y"),
        ("1,0\n1e9,1", "million"),
        ("\x00\x01PNG", "rows"),
    ],
)
def test_an_unreadable_table_is_told_and_not_taken(explorer, table, words):
    explorer.tab.locator("#file").set_input_files({"name": "t.csv", "mimeType": "text/csv", "buffer": table.encode()})
    explorer.tab.locator("#message").wait_for()
    assert words in explorer.text("#message")
    assert explorer.setting("data") == "lesson"


# -- by keyboard, by ear ----------------------------------------------------------------------------------------------


def test_the_tab_key_reaches_every_control(explorer):
    reached = set()
    for _ in range(120):
        explorer.tab.keyboard.press("Tab")
        reached.add(explorer.ask("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    wanted = explorer.ask("""[...document.querySelectorAll('*')].flatMap((e, k) =>
      e.matches('button, input, select, [tabindex="0"]') && e.checkVisibility() && e.tabIndex === 0 ? [k] : [])""")
    assert len(wanted) > 25 and set(wanted) <= reached


def test_everything_by_keyboard(explorer):
    explorer.open("precision=float64")
    tab = explorer.tab
    tab.locator("[type=range][data-theta='0']").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert round(explorer.ask("logreg.session.theta[0]"), 6) == 0.3
    tab.locator("#surface").focus()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Shift+ArrowLeft")
    assert explorer.ask("logreg.session.theta") == [-0.7, 0.1]
    tab.locator("[data-steps='25']").focus()
    tab.keyboard.press("Enter")
    explorer.settle()
    assert explorer.setting("steps") == 25
    tab.locator("#play").focus()
    tab.keyboard.press("Space")
    explorer.wait("logreg.session.setting.steps > 50")
    tab.keyboard.press("Space")
    tab.locator("#tab-explore").focus()
    tab.keyboard.press("ArrowRight")
    explorer.settle()
    assert tab.locator("#panel-code").is_visible() and tab.locator("#panel-explore").is_hidden()


def test_a_screen_reader_is_told_the_state(explorer):
    explorer.tab.locator("[data-steps='5']").click()
    explorer.wait("document.getElementById('spoken').textContent.startsWith('Step 5.')")
    assert "on the right side" in explorer.tab.locator("#spoken").text_content()
    assert "rises" in explorer.tab.locator("#curve").get_attribute("aria-label")


AUDITED = {
    "lesson": "steps=20",
    "guide, rows set aside": "guide=8&data=circles&degree=2&test=0.3&batch=20&steps=20&form=textbook",
    "editing": "edit=1&seed=3&standard=1&by=sm",
    "code": "tab=code",
    "two frameworks": "tab=twins",
    "message": "w=abc",
}
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", AUDITED)
def test_the_audit_finds_nothing(chromium, explorer_file, view, language, scheme):
    """Every tab in both languages, light and dark; dark ones on a phone."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing = "axe-playwright-python is not installed; install the group dev of pyproject.toml"
        (pytest.fail if REQUIRED else pytest.skip)(missing)
    options = {"color_scheme": scheme, "locale": language} | (PHONE if scheme == "dark" else {})
    explorer = Explorer(chromium, explorer_file, AUDITED[view], **options)
    explorer.ask(
        "document.querySelectorAll('.further[hidden]').forEach((panel) => panel.replaceChildren())"
    )  # its size
    violations = Axe().run(explorer.tab).response["violations"]
    explorer.context.close()
    assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in violations] == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [1920, 1440, 1024, 760, 390])
def test_nothing_sticks_out_sideways(chromium, explorer_file, width, language):
    explorer = Explorer(chromium, explorer_file, locale=language, viewport={"width": width, "height": 900})
    for fragment in (
        "guide=5",
        "data=moons&degree=3&test=0.3&steps=20",
        "edit=1&standard=1&w=2",
        "tab=code",
        "tab=twins",
        "w=x",
    ):
        explorer.open(fragment)
        assert explorer.ask("document.documentElement.scrollWidth") <= width, fragment
    assert explorer.complaints == []
    explorer.context.close()


def test_reduced_motion_plays_in_few_frames(chromium, explorer_file):
    explorer = Explorer(chromium, explorer_file, reduced_motion="reduce")
    frames = """new Promise((resolve) => {
      const seen = new Set();
      document.getElementById('play').click();
      const watch = () => {
        seen.add(logreg.session.run.state.t);
        if (logreg.session.run.state.t >= 50) resolve(seen.size); else requestAnimationFrame(watch);
      };
      watch();
    })"""
    assert explorer.ask(frames) <= 4
    explorer.context.close()


# -- what it says -----------------------------------------------------------------------------------------------------


def test_every_preset_in_both_languages(explorer):
    names = explorer.ask("[...document.getElementById('preset').options].map((o) => o.value)")
    for language in ("en", "zh"):
        explorer.enter("[data-field=lang]", language)
        for name in names[:-1]:
            explorer.tab.locator("#preset").select_option(name)
            explorer.ask("logreg.update()")
            assert explorer.text("#preset-why").strip() and explorer.text("#honesty").strip()
            assert explorer.tab.locator("#preset").input_value() == name
    assert explorer.ask("document.documentElement.lang") == "zh-Hans"
    explorer.tab.locator("[type=range][data-field=lr]").fill("-2.5")
    explorer.settle()
    assert explorer.tab.locator("#preset").input_value() == "own"


CLAIMS = {
    "published": "logreg.session.theta.map((x) => x.toFixed(3)).join() === '2.526,1.409'",
    "slow": "Math.hypot(...logreg.session.theta.map((x, j) => x - logreg.session.run.path[0][j])) < 0.1",
    "cliff": """(async () => {
      const begun = logreg.session.run.stopped;
      document.querySelector("[data-steps='25']").click();
      await logreg.settled();
      const stopped = logreg.session.run.stopped;
      logreg.change({ form: "logits", steps: 25 });
      await logreg.settled();
      return begun === null && Number.isNaN(stopped.value) && logreg.session.run.stopped === null;
    })()""",
    "separable": "logreg.session.optimum.status === 'infinite'",
    "penalty": "logreg.session.optimum.status === 'finite' && logreg.session.bare.status === 'infinite'",
    "honest": "Math.hypot(...logreg.session.optimum.theta.map((x, j) => x - [2, 1][j])) < 1",
    "soft": "Math.hypot(...logreg.session.optimum.theta.map((x, j) => x - [2, 1][j])) < 1e-6",
    "edge": """logreg.session.run.losses.slice(-10).some((f, k, all) => k > 0 && f > all[k - 1])
      && logreg.session.setting.lr > 2 / logreg.session.curvatureAtOptimum""",
    "momentum": """(({ run: { path }, optimum: { theta } }) => {
      const far = path.map((point) => Math.hypot(...point.map((x, j) => x - theta[j])));
      const past = path.findIndex(([w]) => w > theta[0] + 1);
      return past > 0 && far.at(-1) < Math.max(...far.slice(past)) / 2;
    })(logreg.session)""",
    "batches": """logreg.session.batchSize === 10 && logreg.session.data.y.length === 100
      && logreg.session.run.parts.slice(-50).some((f, k, all) => k > 0 && f > all[k - 1])
      && logreg.session.run.path.at(-1).join() !== logreg.session.run.path.at(-2).join()""",
    "plane": "logreg.session.theta.length === 3",
    "xor": """(({ made: { X, y } }) => y.filter((label, i) => label === Number(X[0][i] * X[1][i] > 0)).length > 160)(
      logreg.session) && /17\\d of 200/.test(document.getElementById("confusion").innerText)""",
    "circles": """/13\\d of 140/.test(document.getElementById("confusion").innerText)
      && logreg.session.aside.y.length === 60""",
    "moons": """logreg.session.optimum.status === 'finite' && logreg.session.bare.status === 'infinite'
      && logreg.session.theta.length === 10""",
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_preset_shows_what_its_comment_says(explorer, name):
    explorer.tab.locator("#preset").select_option(name)
    explorer.settle()
    assert explorer.ask(CLAIMS[name])


def test_the_honesty_line(explorer):
    assert "overlap" in explorer.text("#honesty") and "(12.97, 9.171)" in explorer.text("#honesty")
    explorer.open("seed=3")
    assert "separable" in explorer.text("#honesty") and "falls for ever" in explorer.text("#honesty")
    assert "direction w 8, b 5 the parameters go: w, b to +∞." in explorer.text("#honesty")
    explorer.open("data=points&points=1,2,0;2,4,1;3,6,0;4,8,1;5,10,1&lang=zh")
    assert "x₂ 等于 2 x₁：去掉其中一个。" in explorer.text("#honesty")
    explorer.open("seed=3&l2=0.01")
    assert "brings it there from infinity" in explorer.text("#honesty")


def test_recorded_runs_lie_over_the_page_where_they_are_of_its_setting(explorer):
    assert explorer.tab.locator("#recorded").is_visible()
    explorer.open("steps=300")
    far = re.fullmatch(r"at most ([\d.]+) and ([\d.]+) ulp from this page’s run", explorer.text("#recorded-far"))
    assert far and all(float(text) < 100 for text in far.groups())
    explorer.open("lr=0.4")
    assert explorer.tab.locator("#recorded").is_hidden()


def test_the_tab_of_two_frameworks(explorer):
    explorer.tab.get_by_role("tab", name="Two frameworks").click()
    explorer.settle()
    assert explorer.tab.get_by_text("def sgd_step").first.is_visible()
    assert explorer.tab.locator("#panel-explore").is_hidden()
    assert explorer.ask("logreg.link()").endswith("#tab=twins")
