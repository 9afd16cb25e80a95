"""From probabilities to decisions: counts, areas, and their pictures. y (N,) in {0, 1} and p (N,) everywhere."""

import numpy as np
from matplotlib.figure import Figure

from ..judge.figures import COLOURS, GREY

DASHES = ("-", "--", ":", "-.")


def confusion(y: np.ndarray, p: np.ndarray, threshold: float) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, true negatives; p at the threshold counts as class 1."""
    said, is_one = p >= threshold, y == 1
    counts = (said & is_one, said & ~is_one, ~said & is_one, ~said & ~is_one)
    return tuple(int(np.sum(which)) for which in counts)  # type: ignore[return-value]


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """The share of pairs, one of each class, where class 1 has the larger p; equal ones count half."""
    ones, zeros = np.sort(p[y == 1]), np.sort(p[y == 0])
    below = np.searchsorted(zeros, ones, "left") + np.searchsorted(zeros, ones, "right")
    return float(below.sum() / (2 * len(ones) * len(zeros)))


def points(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positives, true positives and rows said to be 1, each (K,), for every threshold from above all p down."""
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))  # rows of equal p come in together
    tp = np.append(0, np.cumsum(y[order])[last])
    said = np.append(0, last + 1)
    return said - tp, tp, said


def roc_and_precision(y: np.ndarray, p: np.ndarray) -> Figure:
    """The ROC curve, and precision over recall, side by side, each with what a coin would do."""
    fp, tp, said = points(y, p)
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(fp / fp[-1], tp / tp[-1], color=COLOURS[0], linewidth=2)
    left.plot([0, 1], [0, 1], ":", color=GREY)
    left.set(title=f"ROC, area {auc(y, p):.3f}", xlabel="share of class 0 alarmed", ylabel="share of class 1 found")
    right.plot(tp[1:] / tp[-1], tp[1:] / said[1:], color=COLOURS[1], linewidth=2)
    right.axhline(y.mean(), linestyle=":", color=GREY)
    right.set(title="Precision and recall", xlabel="recall: found of class 1", ylabel="precision: right of alarms")
    for axis in (left, right):
        axis.set(xlim=(0, 1), ylim=(0, 1.02))
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def bins(y: np.ndarray, p: np.ndarray, count: int = 8) -> np.ndarray:
    """Mean p and share of class 1 (count, 2) of bins with equally many rows, by p."""
    parts = np.array_split(np.argsort(p, kind="stable"), count)
    return np.array([[p[part].mean(), y[part].mean()] for part in parts])


def calibration(y: np.ndarray, forecasts: dict[str, np.ndarray]) -> Figure:
    """What was said against what came, bin by bin, on axes of powers of ten; on the dotted line it is honest."""
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axis = figure.subplots()
    for (name, p), colour, dash in zip(forecasts.items(), COLOURS, DASHES, strict=False):
        said, came = bins(y, p).T
        axis.plot(said[came > 0], came[came > 0], "o" + dash, color=colour, label=name)
    axis.plot([1e-6, 1], [1e-6, 1], ":", color=GREY)
    axis.set(xscale="log", yscale="log", xlim=(1e-4, 1), ylim=(1e-4, 1))
    axis.set(title="Calibration", xlabel="mean of p in the bin", ylabel="share of class 1 in the bin")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return figure
