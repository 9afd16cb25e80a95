"""The lessons' pictures draw what they are given; no figure is cut off, and no picture of docs/ is stale."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from docs import pictures as of_docs
from logreg_parity import Parameters, lesson
from logreg_parity.judge import figures
from logreg_parity.judge.compare import compare
from logreg_parity.judge.figures import CLASS_COLOURS, png
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import DATASET, START, SUM
from logreg_parity.museum.faults import EXHIBITS
from logreg_parity.teach import pictures
from logreg_parity.teach.explore.page import WEB
from logreg_parity.truth import reference
from parity_tests.pages import ROOT

pytestmark = pytest.mark.slow

KNOBS = [(0.0, 0.0), (2.0, 1.0), (-2.0, -1.0), (5.0, -5.0), (-5.0, 5.0), (-0.1, -5.0), (0.0, 3.0)]


def line(figure, number):
    return figure.axes[0].lines[number].get_xydata().T


@pytest.mark.parametrize(("w", "b"), KNOBS)
def test_the_curve(w, b):
    figure = pictures.curve(w, b)
    x, p = line(figure, -1)
    assert np.array_equal(x, np.linspace(-10, 10, 1000)) and np.array_equal(p, reference.sigmoid(w * x + b))
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("w", "b", "words"),
    [
        (2.0, -1.0, "rising through ½ at x = −b/w = 0.50"),  # a negative b moves it right where w > 0
        (-2.0, -1.0, "falling through ½ at x = −b/w = −0.50"),  # and left where w < 0
        (2.0, 0.0, "rising through ½ at x = −b/w = 0.00"),
        (0.0, 3.0, "flat"),
    ],
)
def test_the_words_on_the_midpoint_are_true_for_both_signs(w, b, words):
    assert pictures.curve(w, b).axes[0].get_title().endswith(words)


def test_the_midpoint_line_stands_where_the_curve_is_one_half():
    x, _ = line(pictures.curve(-4.0, 3.0), 1)
    assert set(x) == {0.75} and reference.sigmoid(-4.0 * 0.75 + 3.0) == 0.5


@pytest.mark.parametrize(("w", "b"), KNOBS)
def test_the_fit_shows_the_loss_of_its_curve(w, b):
    figure, data = pictures.fit(w, b, seed=3), lesson(seed=3)
    value, slope = reference.value_and_grad(Parameters(np.array([w]), b), data.X, data.y, reduction="sum")
    title = figure.axes[0].get_title().replace("−", "-")
    assert f"loss {value:.5g}, slopes {slope.weight[0]:.4g} by w and {slope.bias:.4g} by b" in title
    assert np.array_equal(figure.axes[0].collections[0].get_offsets(), np.column_stack([data.X, data.y]))


def test_the_cliff_counts_what_is_no_number():
    values = np.ones((101, 101))
    values[:10], values[:, :5] = np.nan, np.inf
    texts = [text.get_text() for text in pictures.cliff(values).legends[0].get_texts()]
    assert texts == [f"infinite: {505 / 102.01:.0f} %", f"NaN: {960 / 102.01:.0f} %"]


def test_a_loss_that_ends_is_marked():
    z = np.array([0.0, 1.0, 2.0])
    figure = pictures.losses({"whole": z, "ends": np.array([0.0, 1.0, np.inf])}, z)
    assert line(figure, 2).tolist() == [[1.0], [1.0]] and len(figure.axes[0].lines) == 3


def test_regions_hold_rows_and_probabilities_the_same_way_round():
    """A boundary at x1 = 1 must be drawn upright."""
    X = np.array([[0.0, 0.0], [2.0, 1.0]])
    figure = pictures.regions(lambda rows: rows[:, 0] - 1, X, np.array([0, 1]))
    boundary = figure.axes[0].collections[1].get_paths()[0].vertices
    assert np.ptp(boundary[:, 0]) < np.ptp(boundary[:, 1]) / 100


@pytest.mark.parametrize("name", ["estimates", "curves", "runs"])
def test_the_others_draw_what_they_are_given(name):
    point = Parameters(np.array([2.0]), 1.0)
    figure, wanted = {
        "estimates": (pictures.estimates(np.array([[1.0, 2.0], [3.0, 4.0]]), point), [[1, 3], [2, 4]]),
        "curves": (pictures.curves(lesson(), {"it": point}), [pictures.GRID, reference.sigmoid(2 * pictures.GRID + 1)]),
        "runs": (pictures.runs({"it": np.array([3.0, 2.0])}, "a run"), [[1, 2], [3, 2]]),
    }[name]
    assert np.array_equal(line(figure, 0), np.array(wanted)) and png(figure)


# -- all figures ------------------------------------------------------------------------------------------------------


def whole(figure):
    """Whether legends, titles and labels lie within a figure once it is drawn."""
    png(figure)
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    boxes = [part.get_window_extent() for part in (*legends, *figure.texts)]
    boxes += [axis.get_tightbbox() for axis in figure.axes if axis.get_visible()]
    return all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)


@pytest.mark.parametrize("columns", [1, 5, 9])
@pytest.mark.parametrize("width", [4.0, 7.2])
def test_a_legend_below_fits_into_its_figure(columns, width):
    figure = figures.Figure(figsize=(width, 4), layout="constrained")
    axis = figure.subplots()
    for number in range(columns):
        axis.plot([0, 1], label=f"a quantity of number {number}")
    figures.legend_below(figure, axis)
    assert whole(figure) and len(figure.legends) == 1


@pytest.fixture(scope="module")
def comparison():
    """A short run of two programs by hand, one of them wrong."""
    programs = {"right": ByHand(), "wrong": EXHIBITS["FactorTwo"].program}
    return compare(programs, DATASET, START, SUM, dtypes=["float64"])


@pytest.mark.parametrize("panels", [1, 2, 3, 4, 8])
def test_the_judges_figures_are_whole_and_named(comparison, panels):
    """With one place to compare and with many: at most three panels a row."""
    ((place, runs),) = comparison.runs.items()
    many = replace(comparison, runs={place: runs} | {(f"cuda:{k}", "float64"): runs for k in range(1, panels)})
    for name in ("fit", "loss", "difference", "axes"):
        figure = getattr(figures, name)(many)
        assert whole(figure), name
        assert figure.get_suptitle() and figure.get_size_inches()[0] <= 16, name
        assert all(axis.get_xlabel() for axis in figure.axes if axis.get_visible()), name


def test_one_pair_of_class_colours_everywhere():
    """The explorer's light colours are those of the figures."""
    style = (WEB / "style.css").read_text(encoding="utf-8")
    assert re.search(r"--zero: (#\w+); --one: (#\w+);", style).groups() == tuple(c.lower() for c in CLASS_COLOURS)
    X = np.array([[0.0, 0.0], [2.0, 1.0]])
    drawn = pictures.regions(lambda rows: rows[:, 0] - 1, X, np.array([0, 1])).axes[0].lines
    assert [to_hex(mark.get_color()).upper() for mark in drawn] == list(CLASS_COLOURS)


@pytest.mark.parametrize("name", of_docs.SOURCES)
def test_no_picture_of_docs_is_stale(name):
    told = f"docs/{name}.png shows what no longer is; make it again with: python docs/pictures.py {name}"
    assert of_docs.made_from(name) == of_docs.fingerprint(name), told


def test_every_picture_of_docs_is_made_by_the_command():
    assert {path.stem for path in (ROOT / "docs").glob("*.png")} == set(of_docs.SOURCES)
