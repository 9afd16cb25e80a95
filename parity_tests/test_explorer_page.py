"""The explorer in a browser: every control, the address, the keyboard, screen readers, bad input, the languages."""

import re

import pytest

from logreg_parity.teach.explore.page import Tab, page
from parity_tests.browser import REQUIRED, Explorer

# -- every control ----------------------------------------------------------------------------------------------------

INPUTS = {  # field: what the setting is before, what is typed or chosen, what the setting is then
    "data": ({}, "bernoulli", "bernoulli"),
    "n": ({}, "50", 50),
    "seed": ({}, "4", 4),
    "tw": ({}, "-1.5", -1.5),
    "tw2": ({"data": "plane"}, "3", 3),
    "tb": ({}, "0.25", 0.25),
    "noise": ({}, "normal", "normal"),
    "level": ({}, "3", 3),
    "edit": ({}, True, True),
    "form": ({}, "textbook", "textbook"),
    "reduction": ({}, "sum", "sum"),
    "precision": ({}, "float64", "float64"),
    "l2": ({}, "0.1", 0.1),
    "optimizer": ({}, "adam", "adam"),
    "lr": ({}, "0.02", 0.02),
    "threshold": ({}, "0.7", 0.7),
    "by": ({}, "sm", "sm"),
    "view": ({}, "20", 20),
    "overlay": ({}, False, False),
    "lang": ({}, "zh", "zh"),
}


def hash_of(setting):
    return "&".join(f"{name}={value}" for name, value in setting.items())


def enter(explorer, selector, value):
    """Do what a person does with an input of that kind."""
    element = explorer.tab.locator(selector).first
    kind = element.evaluate("(e) => e.type")
    if kind == "checkbox":
        element.set_checked(value)
    elif kind == "select-one":
        element.select_option(value)
    else:
        element.fill(value)
        element.press("Enter")
    explorer.settle()


def test_there_is_a_check_for_every_input(explorer):
    fields = explorer.ask("[...document.querySelectorAll('[data-field]')].map((e) => e.dataset.field)")
    assert set(fields) == set(INPUTS)


@pytest.mark.parametrize("field", INPUTS)
def test_an_input_changes_the_setting_and_the_address(explorer, field):
    before, value, wanted = INPUTS[field]
    explorer.open(hash_of(before))
    enter(explorer, f"[data-field={field}]:not([type=range])", value)
    assert explorer.setting(field) == wanted
    assert f"{field}=" in explorer.ask("logreg.link()")
    assert explorer.tab.locator("#message").is_hidden()


@pytest.mark.parametrize(
    ("field", "place", "value"), [("lr", "-2", 0.01), ("l2", "-1", 0.1), ("l2", "-6.5", 0), ("threshold", "0.2", 0.2)]
)
def test_sliders(explorer, field, place, value):
    explorer.open("l2=0.5")
    explorer.tab.locator(f"[type=range][data-field={field}]").fill(place)
    assert explorer.setting(field) == value


def test_the_point_moves_by_slider_number_and_shape(explorer):
    explorer.tab.locator("[type=range][data-theta='0']").fill("1.5")
    explorer.tab.locator("[type=range][data-theta='-1']").fill("-3")
    assert explorer.ask("logreg.session.theta") == [1.5, -3]
    enter(explorer, "[data-field=by]", "sm")
    enter(explorer, "[type=number][data-shape=midpoint]", "-1")
    assert explorer.ask("logreg.session.theta") == [1.5, 1.5]
    enter(explorer, "[type=number][data-shape=slope]", "-2")
    assert explorer.ask("logreg.session.theta") == [-2, -2]
    assert "falls" in explorer.text("#about") and "to the right" in explorer.text("#about")


def test_two_features_have_three_sliders(explorer):
    explorer.open("data=plane")
    for j, value in (("0", "1"), ("1", "-2"), ("-1", "0.5")):
        explorer.tab.locator(f"[type=range][data-theta='{j}']").fill(value)
    assert explorer.ask("logreg.session.theta") == [1, -2, 0.5]


def test_the_curve_moves_where_the_text_says(explorer):
    """A larger b: to the left if w > 0, to the right if w < 0."""
    for w, word, larger in ((2, "rises", -1), (-2, "falls", 1)):
        midpoints = []
        for b in (1, 2):
            explorer.open(f"w={w}&b={b}")
            assert word in explorer.text("#about")
            midpoints.append(float(re.search(r"/ w = (−?\d+(\.\d+)?)", explorer.text("#about"))[1].replace("−", "-")))
        assert (midpoints[1] - midpoints[0]) * larger > 0
        assert f"larger b moves it to the {'left' if larger < 0 else 'right'}" in explorer.text("#about")


def test_steps_play_pause_reset(explorer):
    tab = explorer.tab
    for count, total in ((1, 1), (5, 6), (25, 31), (100, 131)):
        tab.locator(f"[data-steps='{count}']").click()
        explorer.settle()
        assert explorer.setting("steps") == total == explorer.ask("logreg.session.run.path.length - 1")
    tab.locator("[data-steps='5']").click()
    tab.locator("#play").click()
    explorer.wait("logreg.session.setting.steps > 160")
    tab.locator("#play").click()
    explorer.settle()
    taken = explorer.setting("steps")
    explorer.settle()
    assert explorer.setting("steps") == taken
    tab.locator("#reset").click()
    explorer.settle()
    assert explorer.setting("steps") == 0 and explorer.ask("logreg.session.theta") == [0, 0]


def test_a_run_that_breaks_says_where(explorer):
    explorer.open("form=textbook&reduction=sum&lr=0.01&w=2.9&b=1.75&steps=20")
    assert re.search(r"stopped at step \d+: the loss is NaN", explorer.text("#step-count"))
    assert explorer.tab.locator("#legend-nan").is_visible()
    assert explorer.text("#numbers dd >> nth=0") == "NaN"
    enter(explorer, "[data-field=form]", "logits")
    assert explorer.text("#numbers dd >> nth=0") != "NaN"
    assert explorer.tab.locator("#legend-nan").is_hidden()


def test_dragging_the_marker_and_the_curve(explorer):
    def drag(canvas, start, end):
        box = explorer.tab.locator(canvas).bounding_box()
        mouse = explorer.tab.mouse
        mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
        mouse.down()
        mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=3)
        mouse.up()
        explorer.settle()
        return explorer.ask("logreg.session.theta")

    w, b = drag("#surface", (0.5, 0.5), (0.8, 0.7))
    assert w > 1 and b < -1
    moved = drag("#curve", (0.5, 0.45), (0.4, 0.45))
    assert moved[0] == w and moved[1] != b
    turned = drag("#curve", (0.7, 0.12), (0.9, 0.2))
    assert turned[0] != w
    explorer.open("data=plane&w=1&w2=1")
    assert drag("#curve", (0.5, 0.45), (0.6, 0.45))[2] != 0


def test_points_are_added_moved_and_removed(explorer):
    explorer.open("edit=1&n=20")
    box = explorer.tab.locator("#curve").bounding_box()
    explorer.tab.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.15 * box["height"])
    explorer.settle()
    rows = explorer.setting("points")
    assert len(rows) == 21 and rows[20][1] == 1 and explorer.setting("data") == "points"
    enter(explorer, "#edit-x0", "3.25")
    enter(explorer, "#edit-y", "0")
    assert explorer.setting("points")[20] == [3.25, 0]
    at = explorer.ask("[logreg.page.plots.curve.x(3.25), logreg.page.plots.curve.y(0)]")
    explorer.tab.mouse.move(box["x"] + at[0], box["y"] + at[1])
    explorer.tab.mouse.down()
    explorer.tab.mouse.move(box["x"] + at[0] + 40, box["y"] + at[1], steps=2)
    explorer.tab.mouse.up()
    explorer.settle()
    assert explorer.setting("points")[20][0] > 3.5 and len(explorer.setting("points")) == 21
    explorer.tab.mouse.dblclick(box["x"] + at[0] + 40, box["y"] + at[1])
    explorer.settle()
    assert len(explorer.setting("points")) == 20
    explorer.tab.locator("#edit-add").click()
    explorer.tab.locator("#edit-remove").click()
    explorer.settle()
    assert len(explorer.setting("points")) == 20


def test_a_table_is_opened(explorer):
    explorer.tab.locator("#file").set_input_files(
        {"name": "t.csv", "mimeType": "text/csv", "buffer": b"a,b,y\n1,2,0\n3,4,1\n0,1,1\n"}
    )
    explorer.wait("logreg.session.setting.data === 'points'")
    explorer.settle()
    assert explorer.setting("points") == [[1, 2, 0], [3, 4, 1], [0, 1, 1]]


# -- the address ------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "data": "plane", "n": 40, "tw": 1.5, "tw2": 0.5, "tb": -1, "seed": 4294967295, "w": 0.1, "w2": -2, "b": 1e-7,
    "threshold": 0.25, "form": "epsilon", "reduction": "sum", "precision": "float64", "l2": 0.001, "optimizer": "adam",
    "lr": 1e-3, "steps": 30, "pace": 25, "view": 10, "overlay": 0, "lang": "zh", "tab": "code", "hide": "loss,honesty",
}  # fmt: skip


@pytest.mark.parametrize(
    "setting",
    [
        EVERYTHING,
        {"points": "-1.5,0;2,1;3,0.25", "data": "points"},
        {"noise": "normal", "level": 2, "by": "sm", "edit": 1},
    ],
    ids=["everything", "points", "rest"],
)
def test_the_address_brings_back_the_same_page(explorer, setting):
    explorer.open(hash_of(setting))
    link, state = explorer.ask("logreg.link()"), "[logreg.session.setting, logreg.session.theta, logreg.session.here]"
    shown = explorer.ask(state)
    assert all(f"{name}=" in link for name in setting)
    explorer.open(link.split("#")[1])
    assert explorer.ask(state) == shown
    assert explorer.ask("logreg.link()") == link


def test_the_address_is_written_as_the_page_changes(explorer):
    explorer.tab.locator("[data-steps='25']").click()
    explorer.wait("location.hash.includes('steps=25')")
    explorer.ask("location.hash = 'w=3'")
    explorer.wait("logreg.session.setting.w === 3")


def test_groups_can_be_hidden(explorer):
    groups = explorer.ask("[...new Set([...document.querySelectorAll('[data-group]')].map((e) => e.dataset.group))]")
    explorer.open("hide=" + ",".join(groups))
    assert not any(explorer.tab.locator(f"[data-group={group}] >> nth=0").is_visible() for group in groups)
    assert explorer.tab.locator("#curve").is_visible()


def test_copying_the_link(chromium, explorer_file):
    explorer = Explorer(chromium, explorer_file, "w=2", permissions=["clipboard-read", "clipboard-write"])
    explorer.tab.locator("#share").click()
    explorer.wait("document.getElementById('share').textContent === 'Copied'")
    assert explorer.ask("navigator.clipboard.readText()").endswith("#w=2")
    explorer.context.close()


# -- bad input --------------------------------------------------------------------------------------------------------


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
    enter(explorer, selector, text)
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
    for _ in range(80):
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
    assert tab.locator("#panel-code").is_visible() and tab.locator("#panel-explore").is_hidden()


def test_a_screen_reader_is_told_the_state(explorer):
    explorer.tab.locator("[data-steps='5']").click()
    explorer.wait("document.getElementById('spoken').textContent.startsWith('Step 5.')")
    assert "on the right side" in explorer.tab.locator("#spoken").text_content()
    assert "rises" in explorer.tab.locator("#curve").get_attribute("aria-label")


AUDITED = {
    "light": ("", {}),
    "dark": ("data=bernoulli&steps=20", {"color_scheme": "dark"}),
    "chinese phone": ("lang=zh&edit=1", {"viewport": {"width": 390, "height": 844}}),
    "two features": ("data=plane&form=textbook&l2=0.1", {"color_scheme": "dark"}),
    "code": ("tab=code", {}),
    "message": ("w=abc", {"color_scheme": "dark"}),
}


@pytest.mark.parametrize("view", AUDITED)
def test_the_audit_finds_nothing(chromium, explorer_file, view):
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        (pytest.fail if REQUIRED else pytest.skip)("axe-playwright-python is not installed; install the test extra")
    fragment, options = AUDITED[view]
    explorer = Explorer(chromium, explorer_file, fragment, **options)
    violations = Axe().run(explorer.tab).response["violations"]
    explorer.context.close()
    assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in violations] == []


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_nothing_sticks_out_sideways(chromium, explorer_file, width):
    for fragment in ("", "lang=zh", "data=plane", "edit=1", "tab=code"):
        explorer = Explorer(chromium, explorer_file, fragment, viewport={"width": width, "height": 900})
        assert explorer.ask("document.documentElement.scrollWidth") <= width, fragment
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
        enter(explorer, "[data-field=lang]", language)
        for name in names[:-1]:
            explorer.tab.locator("#preset").select_option(name)
            explorer.ask("logreg.update()")
            assert explorer.text("#preset-why").strip() and explorer.text("#honesty").strip()
            assert explorer.tab.locator("#preset").input_value() == name
    assert explorer.ask("document.documentElement.lang") == "zh-Hans"
    explorer.tab.locator("[type=range][data-field=lr]").fill("-2.5")
    assert explorer.tab.locator("#preset").input_value() == "own"


CLAIMS = {
    "published": "logreg.session.theta.map((x) => x.toFixed(3)).join() === '2.526,1.409'",
    "slow": "Math.hypot(...logreg.session.theta.map((x, j) => x - logreg.session.run.path[0][j])) < 0.1",
    "cliff": "logreg.session.run.stopped !== null",
    "separable": "logreg.session.optimum.status === 'infinite'",
    "penalty": "logreg.session.optimum.status === 'finite' && logreg.session.bare.status === 'infinite'",
    "honest": "Math.hypot(...logreg.session.optimum.theta.map((x, j) => x - [2, 1][j])) < 1",
    "soft": "Math.hypot(...logreg.session.optimum.theta.map((x, j) => x - [2, 1][j])) < 1e-6",
    "edge": "logreg.session.run.losses.slice(-10).some((f, k, all) => k > 0 && f > all[k - 1])",
    "momentum": "logreg.session.run.path.some(([w]) => w > logreg.session.optimum.theta[0] + 1)",
    "plane": "logreg.session.theta.length === 3",
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
    explorer.open("seed=3&l2=0.01")
    assert "brings it there from infinity" in explorer.text("#honesty")


def test_recorded_runs_lie_over_the_page_where_they_are_of_its_setting(explorer):
    assert explorer.tab.locator("#recorded").is_visible()
    explorer.open("steps=300")
    far = re.fullmatch(r"at most ([\d.]+) and ([\d.]+) ulp from this page’s run", explorer.text("#recorded-far"))
    assert far and all(float(text) < 100 for text in far.groups())
    explorer.open("lr=0.4")
    assert explorer.tab.locator("#recorded").is_hidden()


def test_a_further_tab(chromium, tmp_path):
    path = tmp_path / "explorer.html"
    tab = Tab("twins", {"en": "Two frameworks", "zh": "两个框架"}, "<p class='tw-x'>side by side</p>")
    path.write_text(page(tabs=[tab]), encoding="utf-8")
    explorer = Explorer(chromium, path)
    explorer.tab.get_by_role("tab", name="Two frameworks").click()
    explorer.settle()
    assert explorer.tab.get_by_text("side by side").is_visible() and explorer.tab.locator("#panel-explore").is_hidden()
    assert explorer.ask("logreg.link()").endswith("#tab=twins")
    assert explorer.complaints == []
    explorer.context.close()
