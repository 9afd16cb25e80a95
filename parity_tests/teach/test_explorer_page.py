"""The explorer in a browser: every control, the address, the keyboard, screen readers, bad input, the languages."""

import re

import pytest

from parity_tests.browser import Explorer

pytestmark = pytest.mark.slow

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
    "standard": ({}, True, True),
    "degree": ({"data": "xor"}, "2", 2),
    "test": ({}, "0.3", 0.3),
    "batch": ({}, "10", 10),
    "at": ({}, "1.5", 1.5),
    "at2": ({"data": "plane"}, "-2", -2),
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


def test_there_is_a_check_for_every_input(explorer):
    fields = explorer.ask("[...document.querySelectorAll('[data-field]')].map((e) => e.dataset.field)")
    assert set(fields) == set(INPUTS)


@pytest.mark.parametrize("field", INPUTS)
def test_an_input_changes_the_setting_and_the_address(explorer, field):
    before, value, wanted = INPUTS[field]
    explorer.open(hash_of(before))
    explorer.enter(f"[data-field={field}]:not([type=range])", value)
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
    explorer.enter("[data-field=by]", "sm")
    explorer.enter("[type=number][data-shape=midpoint]", "-1")
    assert explorer.ask("logreg.session.theta") == [1.5, 1.5]
    explorer.enter("[type=number][data-shape=slope]", "-2")
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
    explorer.enter("[data-field=form]", "logits")
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
    explorer.enter("#edit-x0", "3.25")
    explorer.enter("#edit-y", "0")
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


def opened(explorer, table):
    """The page with a table opened in it."""
    explorer.tab.locator("#file").set_input_files({"name": "t.csv", "mimeType": "text/csv", "buffer": table.encode()})
    explorer.wait("logreg.session.setting.data === 'points'")
    explorer.settle()


@pytest.mark.parametrize("between", [",", ";", "\t", " "])
def test_a_table_is_opened(explorer, between):
    opened(explorer, "a,b,y\n1,2,0\n3,4,1\n0,1,1\n".replace(",", between))
    assert explorer.setting("points") == [[1, 2, 0], [3, 4, 1], [0, 1, 1]]
    assert explorer.setting("names") == ["a", "b"] and explorer.setting("classes") == ["y = 0", "y = 1"]


CARS = "weight;horse power;am\n2.6;110;1\n3.2;175;0\n5.4;215;0\n1.6;52;1\n3.4;123;1\n"


def test_a_table_keeps_its_names_and_has_axes_of_its_own(explorer):
    opened(explorer, CARS)
    assert explorer.text("#legend-one") == "am = 1"
    assert "horse power larger by 1" in explorer.text("#formula")
    ranges = explorer.ask("logreg.page.plots.curve.ranges")
    assert [low < least and most < high for (low, high), least, most in zip(ranges, (1.6, 52), (5.4, 215), strict=True)]
    assert all(
        low > least - (most - least) for (low, _), least, most in zip(ranges, (1.6, 52), (5.4, 215), strict=True)
    )
    assert explorer.tab.locator("#legend-true").is_hidden() and explorer.tab.locator("#legend-truth").is_hidden()
    explorer.open(explorer.ask("logreg.link()").split("#")[1])
    assert explorer.setting("names") == ["weight", "horse power"]
    explorer.enter("[data-field=data]", "lesson")
    assert explorer.setting("names") is None and explorer.text("#legend-one") == "class 1"


def test_a_standardised_table_is_plotted_in_its_own_units(explorer):
    """The curve of a standardised feature passes one half where the text and the slider say, in the table's units."""
    opened(explorer, "weight,am\n2,1\n3,1\n4,0\n7,0\n")
    explorer.enter("[data-field=standard]", True)
    explorer.enter("[data-theta='0'][type=number]", "-2")
    explorer.enter("[data-theta='-1'][type=number]", "1")
    (mean,), (deviation,) = explorer.ask("[logreg.session.all.lens.mean, logreg.session.all.lens.deviation]")
    assert mean == 4 and deviation**2 == 3.5
    midpoint = mean + deviation / 2
    assert f"weight = m − s b / w = {midpoint:.4g}" in explorer.text("#about")
    explorer.enter("[data-field=at]", repr(midpoint))
    assert "= 0.5\n" in explorer.text("#formula") + "\n" and "weight larger by 1.871" in explorer.text("#formula")
    explorer.enter("[data-field=by]", "sm")
    explorer.enter("[type=number][data-shape=midpoint]", "4")
    assert explorer.ask("logreg.session.theta") == [-2, 0]


def test_the_formula_and_the_odds(explorer):
    explorer.open("w=2&b=-1&at=1.5")
    lines = explorer.tab.locator("#formula p").all_inner_texts()
    assert lines[0] == "z = w · x + b" and lines[1].strip() == "= 2 · 1.5 − 1 = 2"
    assert lines[2:] == [
        "p = σ(z) = 1 / (1 + exp(−2)) = 0.8808",
        "odds p / (1 − p) = exp(2) = 7.389",
        "x larger by 1: the odds are multiplied by exp(2) = 7.389",
    ]


def test_rows_set_aside_are_counted_by_themselves(explorer):
    explorer.open("data=bernoulli&test=0.2&steps=50")
    assert explorer.ask("[logreg.session.data.y.length, logreg.session.aside.y.length]") == [80, 20]
    assert "of 80 on" in explorer.text("#confusion caption") and "of 20 on" in explorer.text("#confusion-aside")
    assert explorer.ask("logreg.session.asideLosses.length") == 51
    assert explorer.tab.locator("#legend-test").is_visible() and explorer.tab.locator("#legend-part").is_hidden()


@pytest.mark.parametrize(("locale", "language"), [("zh-CN", "zh"), ("zh-TW", "zh"), ("en-GB", "en"), ("de-DE", "en")])
def test_the_browsers_language_is_spoken_unless_the_link_says_otherwise(chromium, explorer_file, locale, language):
    explorer = Explorer(chromium, explorer_file, locale=locale)
    assert explorer.setting("lang") == language and "lang" not in explorer.ask("logreg.link()")
    explorer.open("lang=en")
    assert explorer.ask("document.title") == "Logistic regression, to play with"
    explorer.open("lang=zh")
    assert explorer.ask("document.title") == "动手玩逻辑回归"
    explorer.context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tabs_are_one_line_each(chromium, explorer_file, language):
    explorer = Explorer(chromium, explorer_file, f"lang={language}", viewport={"width": 390, "height": 844})
    heights = explorer.ask("[...document.querySelectorAll('[role=tab]')].map((tab) => tab.getClientRects()[0].height)")
    assert len(set(heights)) == 1 and heights[0] < 45
    explorer.context.close()


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ("sgd", " 2 / λ is"),
        ("momentum", "2 (1 + μ) / λ is"),
        ("nesterov", "2 (1 + μ) / ((1 + 2 μ) λ) is"),
        ("adam", "Adam"),
    ],
)
def test_the_edge_is_written_as_it_is_computed(explorer, optimizer, words):
    explorer.open(f"data=bernoulli&optimizer={optimizer}")
    assert words in explorer.text("#edge")


def test_printed_in_light_colours_without_controls(chromium, explorer_file):
    explorer = Explorer(chromium, explorer_file, "data=bernoulli&steps=20&guide=4", color_scheme="dark")
    explorer.tab.emulate_media(media="print")
    explorer.settle()
    assert not any(explorer.tab.locator(name).is_visible() for name in (".controls", "#play", "#share", "#guide-next"))
    assert all(explorer.tab.locator(name).is_visible() for name in ("#curve", "#surface", "#formula", "#honesty"))
    corner = "(id) => [...document.getElementById(id).getContext('2d').getImageData(70, 30, 1, 1).data]"
    assert explorer.ask("getComputedStyle(document.body).getPropertyValue('--panel')").strip() == "#ffffff"
    assert min(explorer.ask(corner, "surface")[:3]) > 100
    explorer.context.close()


# -- the address ------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "data": "plane", "n": 40, "tw": 1.5, "tw2": 0.5, "tb": -1, "seed": 4294967295, "w": 0.1, "w2": -2, "b": 1e-7,
    "threshold": 0.25, "form": "epsilon", "reduction": "sum", "precision": "float64", "l2": 0.001, "optimizer": "adam",
    "lr": 1e-3, "steps": 30, "pace": 25, "view": 10, "overlay": 0, "degree": 3, "test": 0.3, "batch": 7,
    "standard": 1, "rest": "0.5,-1,2,0,1,0.25,3", "at": 0.5, "at2": -0.25, "guide": 8,
    "lang": "zh", "tab": "code", "hide": "loss,honesty",
}  # fmt: skip


@pytest.mark.parametrize(
    "setting",
    [
        EVERYTHING,
        {"points": "-1.5,0;2,1;3,0.25", "data": "points", "names": "weight", "classes": "no,yes"},
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
