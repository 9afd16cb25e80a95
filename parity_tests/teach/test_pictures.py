"""The lessons' pictures: plain functions of numbers, and what they draw is what they are given."""

import numpy as np
import pytest

from logreg_parity import Parameters, lesson
from logreg_parity.judge.figures import png
from logreg_parity.teach import pictures
from logreg_parity.truth import reference

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
