"""The figures of the benchmarks."""

from itertools import cycle

from matplotlib.figure import Figure

from logreg_parity.judge.figures import legend_below

from .timing import digits

COLOURS = {"PyTorch": "#c1440e", "JAX": "#1f5fa8", "": "#7a7a7a"}
"""Apart for the colour-blind too; what is neither twin is grey."""


def colour(candidate: str) -> str:
    """By the framework that the name begins with."""
    return next(shade for name, shade in COLOURS.items() if candidate.startswith(name))


def bars(names: list[str], values: list[float], label: str, title: str) -> Figure:
    """Horizontal bars on a logarithmic scale, each with its value."""
    figure = Figure(figsize=(8, 1.1 + 0.32 * len(names)), layout="constrained")
    figure.suptitle(title, fontsize=11)
    axis = figure.subplots()
    drawn = axis.barh(names, values, color=[colour(name) for name in names])
    axis.bar_label(drawn, labels=[f" {digits(value)}" for value in values])
    axis.set_xscale("log")
    axis.set_xlabel(label)
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def lines(panels: dict[str, dict[str, tuple[list[float], list[float]]]], x: str, title: str) -> Figure:
    """One panel a quantity, by the label of its y, one line a candidate; axes of a decade and more are logarithmic."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (y, series) in zip(axes, panels.items(), strict=True):
        for (name, points), mark in zip(series.items(), cycle("osD^vP*X<>")):
            axis.plot(*points, marker=mark, color=colour(name), alpha=0.85, label=name)
        axis.set(xlabel=x, ylabel=y)
        across, up = (sorted({value for points in series.values() for value in points[k]}) for k in (0, 1))
        if across and across[-1] < 10 * across[0]:
            axis.set_xticks(across)
        else:
            axis.set_xscale("log")
        if up and up[-1] < 10 * up[0]:
            axis.set_ylim(bottom=0)
        else:
            axis.set_yscale("log")
        axis.spines[["top", "right"]].set_visible(False)
    legend_below(figure, axes[0], fontsize="small")
    return figure


def grouped_bars(groups: dict[str, dict[str, float]], label: str, title: str, *, logarithmic: bool = False) -> Figure:
    """Bars by candidate, one panel a case, at most four beside each other; a case that a candidate lacks has no bar."""
    cases = list(dict.fromkeys(case for group in groups.values() for case in group))
    across = min(4, len(cases))
    down = -(-len(cases) // across)
    figure = Figure(figsize=(10, 0.9 + down * (0.5 + 0.22 * len(groups))), layout="constrained")
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, case in zip(axes, cases, strict=False):
        values = [group.get(case, float("nan")) for group in groups.values()]
        drawn = axis.barh(range(len(groups)), values, 0.75, color=[colour(name) for name in groups])
        axis.bar_label(drawn, fmt=lambda value: "" if value != value else f" {value:.2g}", fontsize="x-small")
        axis.set_title(case, fontsize="small")
    for axis in axes[len(cases) :]:
        axis.set_visible(False)
    for axis in axes[len(cases) - across : len(cases)]:
        axis.tick_params(labelbottom=True)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize="small")
        axis.margins(x=0.28)
    axes[0].set_yticks(range(len(groups)), list(groups))
    axes[0].invert_yaxis()
    if logarithmic:
        axes[0].set_xscale("log")
    figure.supxlabel(label, fontsize="medium")
    return figure
