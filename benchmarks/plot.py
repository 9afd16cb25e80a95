"""The figures of the benchmarks."""

from matplotlib.figure import Figure

from .timing import digits

COLOURS = {"PyTorch": "#c1440e", "JAX": "#1f5fa8", "": "#7a7a7a"}
"""Apart for the colour-blind too; what is neither twin is grey."""


def colour(candidate: str) -> str:
    """By the framework that the name begins with."""
    return next(shade for name, shade in COLOURS.items() if candidate.startswith(name))


def bars(names: list[str], values: list[float], label: str) -> Figure:
    """Horizontal bars on a logarithmic scale, each with its value."""
    figure = Figure(figsize=(8, 0.6 + 0.32 * len(names)), layout="constrained")
    axis = figure.subplots()
    drawn = axis.barh(names, values, color=[colour(name) for name in names])
    axis.bar_label(drawn, labels=[f" {digits(value)}" for value in values])
    axis.set_xscale("log")
    axis.set_xlabel(label)
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def lines(series: dict[str, tuple[list[float], list[float]]], x: str, y: str, *, log_y: bool = True) -> Figure:
    """One line a candidate over a logarithmic x."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axis = figure.subplots()
    marks = "osD^vP*X<>"
    for number, (name, points) in enumerate(series.items()):
        axis.plot(*points, marker=marks[number % len(marks)], color=colour(name), alpha=0.85, label=name)
    axis.set_xscale("log")
    if log_y:
        axis.set_yscale("log")
    axis.set(xlabel=x, ylabel=y)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize="small")
    return figure


def grouped_bars(groups: dict[str, dict[str, float]], label: str, title: str, *, logarithmic: bool = False) -> Figure:
    """Bars by candidate, one shade a case; a case that a candidate lacks has no bar."""
    cases = list(dict.fromkeys(case for group in groups.values() for case in group))
    figure = Figure(figsize=(8, 0.9 + 0.16 * len(groups) * (len(cases) + 1)), layout="constrained")
    axis = figure.subplots()
    thickness = 0.8 / len(cases)
    for number, case in enumerate(cases):
        heights = [position + (number - (len(cases) - 1) / 2) * thickness for position in range(len(groups))]
        values = [group.get(case, float("nan")) for group in groups.values()]
        shades = [colour(name) for name in groups]
        drawn = axis.barh(heights, values, thickness, color=shades, alpha=1 - 0.6 * number / len(cases), label=case)
        axis.bar_label(drawn, fmt=lambda value: "" if value != value else f" {value:.2g}", fontsize="x-small")
    axis.set_yticks(range(len(groups)), list(groups))
    axis.invert_yaxis()
    if logarithmic:
        axis.set_xscale("log")
    axis.set_xlabel(label)
    axis.margins(x=0.1)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize="small", title=title)
    return figure
