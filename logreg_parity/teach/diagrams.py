"""The model drawn in two ways: as a product of matrices, and as the smallest neural network there is."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from ..judge.figures import COLOURS, GREY

SIZE = (7.2, 3.0)


def matrix_view() -> Figure:
    """σ(Xw + b) = p: N rows times one column of D weights, one number added to every row, one bend for all."""
    figure, axis = _canvas("σ(Xw + b) = p for N rows at once")
    _text(axis, 0.35, 1.5, "σ", 26)
    _bracket(axis, 0.75, "(")
    _block(axis, 1.0, 3.0, "X", "N × D", COLOURS[0])
    _block(axis, 2.75, 1.2, "w", "D × 1", COLOURS[1], width=0.4)
    _text(axis, 3.55, 1.5, "+", 20)
    _block(axis, 3.85, 0.4, "b", "one number", COLOURS[2], width=0.4)
    _bracket(axis, 4.75, ")")
    _text(axis, 5.3, 1.5, "=", 20)
    _block(axis, 5.75, 3.0, "p", "N × 1", COLOURS[3], width=0.4)
    return figure


def neural_view() -> Figure:
    """Inputs, weights on the arrows, a sum, a bend: one neuron."""
    figure, axis = _canvas("The same as a network: one neuron")
    inputs = {"x₁": 2.5, "x₂": 1.5, "1": 0.5}
    for (name, height), weight in zip(inputs.items(), ("w₁", "w₂", "b"), strict=True):
        _node(axis, 0.8, height, name, GREY if name == "1" else COLOURS[0])
        _arrow(axis, (1.15, height), (2.85, 1.5 + 0.22 * (height - 1.5)), weight)
    _node(axis, 3.2, 1.5, "Σ", COLOURS[1])
    _arrow(axis, (3.55, 1.5), (4.65, 1.5), "z")
    _node(axis, 5.0, 1.5, "σ", COLOURS[2])
    _arrow(axis, (5.35, 1.5), (6.45, 1.5), "")
    _node(axis, 6.8, 1.5, "p", COLOURS[3])
    return figure


def _canvas(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axis = figure.subplots()
    axis.set(xlim=(0, 7.2), ylim=(-0.4, 3.4), aspect="equal", title=title)
    axis.axis("off")
    return figure, axis


def _text(axis: Axes, x: float, y: float, text: str, size: float) -> None:
    axis.text(x, y, text, fontsize=size, ha="center", va="center")


def _bracket(axis: Axes, x: float, text: str) -> None:
    axis.text(x, 1.5, text, fontsize=60, ha="center", va="center", color=GREY, fontweight="light")


def _block(axis: Axes, left: float, height: float, name: str, size: str, colour: str, width: float = 1.2) -> None:
    low = 1.5 - height / 2 + (0.15 if height == 3.0 else 0)
    tall = height - (0.3 if height == 3.0 else 0)
    axis.add_patch(Rectangle((left, low), width, tall, facecolor=colour, alpha=0.25, edgecolor=colour, linewidth=1.5))
    _text(axis, left + width / 2, 1.5, name, 16)
    axis.text(left + width / 2, low - 0.08, size, fontsize=9, ha="center", va="top", color="black")


def _node(axis: Axes, x: float, y: float, name: str, colour: str) -> None:
    axis.add_patch(Circle((x, y), 0.34, facecolor="white", edgecolor=colour, linewidth=2))
    _text(axis, x, y, name, 13)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], label: str) -> None:
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1.3})
    at = (0.5 * (start[0] + end[0]), 0.5 * (start[1] + end[1]) + 0.16)
    axis.text(*at, label, fontsize=11, ha="center", va="center")
