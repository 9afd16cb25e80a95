"""A Comparison as pictures: the data with the fitted curves, the loss curves, and the difference under its bound."""

import io
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..show import shown
from ..truth import oracle, reference
from .compare import Comparison, placements
from .problem import Run

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00")  # Okabe and Ito: told apart by the colour-blind
DASHES = ((0, ()), (0, (4, 3)), (0, (1, 2)), (0, (6, 2, 1, 2)), (0, (2, 1)))
GREY = "#8a8a8a"
CLASS_COLOURS = ("#0072B2", "#D55E00")  # of y = 0 and y = 1, wherever classes are drawn, the explorer's page included
CLASS_MARKS = "os"
MOST_ACROSS = 3  # panels beside each other


def png(figure: Figure) -> bytes:
    """The picture's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def fit(comparison: Comparison) -> Figure:
    """The data and every twin's probabilities: as curves over one feature, else row by row along the logit."""
    c, runs = comparison, comparison.runs[list(comparison.runs)[-1]]
    figure, (axis,) = _panels(1, c, "The data and the fitted probabilities")
    if c.dataset.n_features == 1:
        x = c.dataset.X[:, 0]
        _curves_over_feature(axis, c, runs)
    else:
        first = next(iter(runs.values())).points[-1]
        x = c.dataset.X @ first[:-1] + first[-1]
        axis.set_xlabel(f"logit Xw + b of {next(iter(runs))}")
        for number, (name, run) in enumerate(runs.items()):
            z = c.dataset.X @ run.points[-1, :-1] + run.points[-1, -1]
            marker = {"marker": "os^Dv"[number % 5], "s": 60 / (1 + number), "linewidths": 1.2}
            axis.scatter(
                x, reference.sigmoid(z), label=name, facecolors="none", edgecolors=_style(number)["color"], **marker
            )
    axis.scatter(x, c.dataset.y, s=18, alpha=0.3, color="black", linewidths=0, label="data")
    zero, one = map(shown, c.dataset.class_names)
    axis.set_ylabel("probability of class 1" if one == "1" else f"probability of {one}")
    if (zero, one) != ("0", "1"):
        axis.set_yticks([0, 0.5, 1], [zero, "0.5", one])
    axis.legend(frameon=False, loc="center right")
    return figure


def _curves_over_feature(axis: Axes, c: Comparison, runs: dict[str, Run]) -> None:
    """Every twin's curve, the curve of the exact optimum, and where the first twin's passes one half."""
    x = np.linspace(c.dataset.X.min(), c.dataset.X.max(), 1000)
    for number, (name, run) in enumerate(runs.items()):
        w, b = run.points[-1]
        axis.plot(x, reference.sigmoid(w * x + b), label=name, **_style(number))
    if c.optimum.parameters is not None:
        (w,), b = c.optimum.parameters
        axis.plot(x, reference.sigmoid(w * x + b), color=GREY, linewidth=1, label="exact optimum")
    w, b = next(iter(runs.values())).points[-1]
    if x[0] < -b / w < x[-1]:
        axis.axvline(-b / w, color=GREY, linewidth=0.8, linestyle=":")
        text = f"midpoint −b/w = {-b / w:.3g}".replace("-", "−")
        axis.annotate(text, (-b / w, 0.12), (8, -4), textcoords="offset points", color="#555555")
    axis.set_xlabel(shown(c.dataset.feature_names[0]))


def loss(comparison: Comparison) -> Figure:
    """The loss at every step: each twin, the exact run, and the lowest loss there is."""
    c = comparison
    figure, axes = _panels(1, c, f"The loss {c.setting.record} every update")
    axis, place = axes[0], list(c.runs)[-1]
    steps = np.arange(1, c.setting.steps + 1)
    for number, (name, run) in enumerate(c.runs[place].items()):
        axis.plot(steps, run.losses, label=f"{name}, {place[1]}", **_style(number))
    if c.optimum.value is not None and c.optimum.value > 0:
        axis.axhline(c.optimum.value, color=GREY, linewidth=1, label="loss at the exact optimum")
    axis.set(xlabel="step", ylabel=f"loss ({c.setting.reduction}), nats", ylim=(0, None))
    axis.legend(frameon=False)
    return figure


def difference(comparison: Comparison) -> Figure:
    """The distance between the twins, and of each from the exact run, step by step, under the certified bound."""
    c = comparison
    figure, axes = _panels(len(c.runs), c, "How far apart: every step, and the bound it had to stay under")
    for axis, ((device, dtype), runs) in zip(axes, c.runs.items(), strict=True):
        exact = np.column_stack([c.exact[dtype].weights, c.exact[dtype].biases])
        for number, (name, run) in enumerate(runs.items()):
            known = run.points[: len(exact)]
            distance = np.linalg.norm(oracle.distance(known, exact), axis=1)
            _curve(axis, distance, label=f"{name} to the exact run", **{**_style(number), "linewidth": 1})
        for (name, a), (other, b) in combinations(runs.items(), 2):
            apart = np.linalg.norm(a.points - b.points, axis=1)
            label = "between the twins (gaps: none)" if len(runs) == 2 else f"{name} to {other}"
            _curve(axis, apart, label=label, color="black", linewidth=0.8)
        limit = np.max([run.bounds.parameters for run in runs.values()], axis=0)
        _curve(axis, limit, label="the bound of one twin", color=GREY, linewidth=2)
        axis.set(title=f"{dtype} on {device}", xlabel="step", yscale="log")
    for axis in axes[::MOST_ACROSS]:
        axis.set_ylabel("distance of the parameters, 2-norm")
    legend_below(figure, axes[0])
    return figure


def axes(comparison: Comparison) -> Figure:
    """Every quantity by its distance between the twins and from the exact value; what is wrong in another colour."""
    figure, panels = _panels(len(comparison.runs), comparison, "Two axes: agreement is not accuracy")
    placed = placements(comparison)
    lengths = [length for p in placed for length in (p.apart, p.off) if np.isfinite(length)]
    edge = 10 * max([10, *lengths])  # where a run that is lost stands too
    for axis, (device, dtype) in zip(panels, comparison.runs, strict=True):
        here = [p for p in placed if (p.device, p.dtype) == (device, dtype)]
        for p, marker in zip(here, "osD^v<>pP", strict=False):
            colour = COLOURS[0] if "wrong" in p.words or "none" in p.words else COLOURS[1]
            point = min(p.apart, edge), min(p.off, edge)
            axis.plot(*point, marker, color=colour, alpha=0.7, markersize=8, label=p.quantity, clip_on=False)
        axis.plot([0, edge], [0, edge], color=GREY, linewidth=0.8, linestyle=":")
        axis.axvline(1, color=GREY, linewidth=0.8)
        axis.axhline(1, color=GREY, linewidth=0.8)
        axis.set_xscale("symlog", linthresh=1)
        axis.set_yscale("symlog", linthresh=1)
        axis.set(title=f"{dtype} on {device}", xlabel="twin to twin, ulps", xlim=(-0.1, edge), ylim=(-0.1, edge))
    for axis in panels[::MOST_ACROSS]:
        axis.set_ylabel("worst twin to the exact value, ulps")
    legend_below(figure, panels[0])
    return figure


def legend_below(figure: Figure, axis: Axes, **style: Any) -> None:
    """The legend of a panel below all panels, in as many columns as the figure has room for."""
    handles, labels = axis.get_legend_handles_labels()
    for columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, **style)
        if legend.get_window_extent().width <= figure.bbox.width or columns == 1:
            return
        legend.remove()


def _panels(count: int, comparison: Comparison, title: str) -> tuple[Figure, np.ndarray]:
    across = min(count, MOST_ACROSS)
    down = -(-count // MOST_ACROSS)
    figure = Figure(figsize=(7.2 if count == 1 else 5.2 * across, 4.4 * down), layout="constrained")
    figure.suptitle(f"{title}\n{comparison.dataset.source}", fontsize=11)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes[:count]


def _style(number: int) -> dict[str, Any]:
    """Later twins are dashed, so that the earlier ones show beneath where they coincide."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 2}


def _curve(axis: Axes, values: np.ndarray, **style: Any) -> None:
    """Zeros and infinities have no place on a logarithmic axis: they leave a gap."""
    axis.plot(np.where((values > 0) & np.isfinite(values), values, np.nan), **style)
