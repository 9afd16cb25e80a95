"""The lessons' pictures: plain functions from numbers to figures, so that a slider has only to call one."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..data.dataset import Dataset, Parameters
from ..data.generator import lesson
from ..judge.figures import CLASS_COLOURS, CLASS_MARKS, COLOURS, GREY, legend_below
from ..truth import reference

GRID = np.linspace(-10, 10, 1000)
SQUARE = np.linspace(-5, 5, 101)
"""The values that a slider of the lessons takes, for w and for b."""
SQUARE_SIZE = (5.6, 5.0)


def curve(w: float, b: float) -> Figure:
    """The logistic curve σ(w x + b) on [-10, 10], its midpoint, and its slope there."""
    figure, axis = _panel(f"σ(w x + b) with w = {w:.1f}, b = {b:.1f}: {midpoint_words(w, b)}")
    _midpoint_line(axis, w, b)
    axis.plot(GRID, reference.sigmoid(w * GRID + b), color=COLOURS[0], linewidth=2)
    axis.set(xlabel="x", ylabel="probability of class 1", xlim=(-10, 10), ylim=(-0.05, 1.05))
    return figure


def midpoint_words(w: float, b: float) -> str:
    """Where the curve passes one half, and which way."""
    if w == 0:
        return "flat"
    return f"{'rising' if w > 0 else 'falling'} through ½ at x = −b/w = {0 - b / w:.2f}"


def fit(w: float, b: float, seed: int = 0) -> Figure:
    """The lesson's data of that seed under the curve; the summed loss and its slopes in the title."""
    dataset, point = lesson(seed=seed), Parameters(np.array([w]), b)
    value, slope = reference.value_and_grad(point, dataset.X, dataset.y, reduction="sum")
    slopes = f"slopes {slope.weight[0]:.4g} by w and {slope.bias:.4g} by b"
    figure, axis = _panel(f"w = {w:.1f}, b = {b:.1f}: loss {value:.5g}, {slopes}")
    _scatter(axis, dataset)
    _midpoint_line(axis, w, b)
    axis.plot(GRID, reference.sigmoid(w * GRID + b), color=COLOURS[0], linewidth=2)
    axis.set(xlabel="x", ylabel="y and its probability", xlim=(-6, 6), ylim=(-0.05, 1.05))
    return figure


def curves(dataset: Dataset, points: dict[str, Parameters]) -> Figure:
    """The data, and one curve a named point."""
    figure, axis = _panel("The data and the curves")
    _scatter(axis, dataset)
    for (name, point), colour, dash in zip(points.items(), COLOURS, ("-", "--", ":", "-.", "-"), strict=False):
        p = reference.sigmoid(GRID * float(point.weight[0]) + float(point.bias))
        axis.plot(GRID, p, dash, color=colour, linewidth=2, label=name)
    axis.set(xlabel="x", ylabel="y and its probability", xlim=(-6, 6), ylim=(-0.05, 1.05))
    axis.legend(frameon=False, loc="center right")
    return figure


def estimates(points: np.ndarray, truth: Parameters) -> Figure:
    """Estimates (K, 2) of w and b from K draws, their median, and the truth behind the draws."""
    figure, axis = _panel(f"Where {len(points)} honest draws put the optimum")
    axis.plot(*points.T, "o", color=COLOURS[1], alpha=0.35, markeredgewidth=0, label="the optimum of one draw")
    axis.plot(*np.median(points, axis=0), "D", color=COLOURS[0], markersize=9, label="their median")
    axis.plot(truth.weight[0], truth.bias, "k+", markersize=16, markeredgewidth=2, label="the truth")
    axis.set(xlabel="w", ylabel="b")
    axis.legend(frameon=False)
    return figure


def losses(curves: dict[str, np.ndarray], z: np.ndarray) -> Figure:
    """Forms of one loss over the logit z (K,), by name; a form that is not finite ends where it ends."""
    figure, axis = _panel("The loss of a row with y = 0, in float32, however it is written")
    for (name, values), colour, dash in zip(curves.items(), COLOURS, ("-", "--", ":", "-.", "-"), strict=False):
        axis.plot(z, np.where(np.isfinite(values), values, np.nan), dash, color=colour, linewidth=2, label=name)
        if not np.isfinite(values).all():
            last = int(np.argmin(np.isfinite(values))) - 1
            axis.plot(z[last], values[last], "X", color=colour, markersize=11)
            axis.annotate("ends here", (z[last], values[last]), (-8, 8), textcoords="offset points", ha="right")
    axis.set(xlabel="logit z", ylabel="loss, nats")
    axis.legend(frameon=False)
    return figure


def cliff(values: np.ndarray) -> Figure:
    """Where a loss over the slider square, values (b, w), is finite, infinite or NaN."""
    figure, axis = _panel("The slider square: where the textbook's loss is a number", SQUARE_SIZE)
    kinds = np.where(np.isnan(values), 2, np.where(np.isinf(values), 1, np.nan))
    finite = np.where(np.isfinite(values), values, np.nan)
    axis.contourf(SQUARE, SQUARE, finite, 14, cmap="Greys", alpha=0.7)
    for kind, name, colour in ((1, "infinite", COLOURS[4]), (2, "NaN", COLOURS[0])):
        shown = np.where(kinds == kind, 1.0, np.nan)
        axis.contourf(SQUARE, SQUARE, np.nan_to_num(shown), [0.5, 1.5], colors=[colour])
        axis.fill_between([], [], color=colour, label=f"{name}: {100 * np.mean(kinds == kind):.0f} %")
    axis.set(xlabel="w", ylabel="b", aspect="equal")
    legend_below(figure, axis)
    return figure


def runs(losses: dict[str, np.ndarray], title: str) -> Figure:
    """Loss curves by name."""
    figure, axis = _panel(title)
    for (name, values), colour, dash in zip(losses.items(), COLOURS, ("-", "--", ":", "-.", "-"), strict=False):
        axis.plot(np.arange(1, len(values) + 1), values, dash, color=colour, linewidth=2, label=name)
    axis.set(xlabel="step", ylabel="loss, nats", ylim=(0, None))
    axis.legend(frameon=False)
    return figure


def regions(logits: Callable[[np.ndarray], np.ndarray], X: np.ndarray, y: np.ndarray) -> Figure:
    """Rows X (N, 2) by class, over the probability that a function from rows to logits gives to class 1."""
    figure, axis = _panel("Probability of class 1, and the line of one half", SQUARE_SIZE)
    side = np.linspace(-np.abs(X).max() - 0.3, np.abs(X).max() + 0.3, 200)
    rows = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    p = reference.sigmoid(logits(rows)).reshape(len(side), -1)
    shades = axis.contourf(side, side, p, np.linspace(0, 1, 11), cmap="Greys", alpha=0.6)
    axis.contour(side, side, p, [0.5], colors="black", linewidths=1.5)
    for label, (marker, colour) in enumerate(zip(CLASS_MARKS, CLASS_COLOURS, strict=True)):
        axis.plot(*X[y == label].T, marker, color=colour, markersize=5, label=f"y = {label}")
    figure.colorbar(shades, ax=axis, label="p")
    axis.set(xlabel="x1", ylabel="x2", aspect="equal")
    legend_below(figure, axis)
    return figure


def _panel(title: str, size: tuple[float, float] = (7.2, 4.0)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    axis.set_title(title.replace("-", "−"), fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def _scatter(axis: Axes, dataset: Dataset) -> None:
    axis.scatter(dataset.X[:, 0], dataset.y, s=22, alpha=0.3, color="black", linewidths=0, label="data")


def _midpoint_line(axis: Axes, w: float, b: float) -> None:
    axis.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    if w != 0 and abs(b / w) < 10:
        axis.axvline(-b / w, color=GREY, linewidth=0.8, linestyle=":")
