"""A Comparison as pictures: the data with the fitted curves, the loss curves, and the difference under its bound."""

import io
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure

from ..truth import oracle, reference
from .compare import Comparison

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00")  # Okabe and Ito: told apart by the colour-blind
DASHES = ((0, ()), (0, (4, 3)), (0, (1, 2)), (0, (6, 2, 1, 2)), (0, (2, 1)))
GREY = "#8a8a8a"


def png(figure: Figure) -> bytes:
    """The picture's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def fit(comparison: Comparison) -> Figure:
    """The data and every twin's probability curve; with several features, along each twin's own logit."""
    c = comparison
    figure, axes = _panels(1, c, "The data and the fitted curves")
    axis, place = axes[0], list(c.runs)[-1]
    x_label = c.dataset.feature_names[0]
    for number, (name, run) in enumerate(c.runs[place].items()):
        theta = run.points[-1]
        if c.dataset.n_features == 1:
            x = np.linspace(c.dataset.X.min(), c.dataset.X.max(), 1000)
            axis.plot(x, reference.sigmoid(theta[0] * x + theta[1]), label=name, **_style(number))
            points = c.dataset.X[:, 0]
        else:
            points, x_label = c.dataset.X @ theta[:-1] + theta[-1], f"logit Xw + b of {next(iter(c.versions))}"
            x = np.linspace(points.min(), points.max(), 1000)
            if number:
                continue
            axis.plot(x, reference.sigmoid(x), label="probability", color=COLOURS[0])
    best = c.optimum.parameters
    if c.dataset.n_features == 1 and best is not None:
        p = reference.sigmoid(best.weight[0] * x + best.bias)
        axis.plot(x, p, color=GREY, linewidth=1, label="exact optimum")
    if c.dataset.n_features == 1:
        first = next(iter(c.runs[place].values())).points[-1]
        points = c.dataset.X[:, 0]
        if points.min() < -first[1] / first[0] < points.max():
            axis.axvline(-first[1] / first[0], color=GREY, linewidth=0.8, linestyle=":")
            axis.annotate(
                f"midpoint −b/w = {-first[1] / first[0]:.3g}".replace("-", "−"),
                (-first[1] / first[0], 0.5),
                (8, -4),
                textcoords="offset points",
                color="#555555",
            )
    axis.scatter(points, c.dataset.y, s=18, alpha=0.3, color="black", linewidths=0, label="data")
    zero, one = c.dataset.class_names
    axis.set(xlabel=x_label, ylabel=f"probability of {one}" if one != "1" else "probability of class 1")
    if (zero, one) != ("0", "1"):
        axis.set_yticks([0, 0.5, 1], [zero, "0.5", one])
    axis.legend(frameon=False, loc="center right")
    return figure


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
    axes[0].set_ylabel("distance of the parameters, 2-norm")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
    return figure


def _panels(count: int, comparison: Comparison, title: str):
    figure = Figure(figsize=(7.2 if count == 1 else 5.2 * count, 4.4), layout="constrained")
    figure.suptitle(f"{title}\n{comparison.dataset.source}", fontsize=11)
    axes = np.atleast_1d(figure.subplots(1, count, sharex=count > 1))
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _style(number: int) -> dict:
    """Later twins are dashed, so that the earlier ones show beneath where they coincide."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 2}


def _curve(axis, values: np.ndarray, **style) -> None:
    """Zeros and infinities have no place on a logarithmic axis: they leave a gap."""
    axis.plot(np.where((values > 0) & np.isfinite(values), values, np.nan), **style)
