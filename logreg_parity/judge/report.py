"""A Comparison as a terminal table, as Markdown, as JSON, and in plain words."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..data.files import write_whole
from ..show import STYLES, as_json, cell, number, ran_on, worst
from .compare import Comparison, ComparisonRow, placements

FIGURES = ("fit", "loss", "difference", "axes")


def tables(comparison: Comparison) -> Group:
    """One table a device and dtype, for a terminal: every cell an error in ulps and its share of the bound."""
    return Group(*(_table(comparison, *place) for place in comparison.runs))


def _table(comparison: Comparison, device: str, dtype: str) -> Table:
    title = f"\n{dtype} on {device}: largest error in ulps (and its largest share of the bound)"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("")
    if len(comparison.versions) > 1:
        table.add_column("twin to twin", justify="right")
    for name in comparison.versions:
        table.add_column(f"{name}\nto exact", justify="right")
    table.add_column("verdict")
    for quantity, rows in _by_quantity(comparison.rows, device, dtype).items():
        alone = {row.subject[0]: row for row in rows if len(row.subject) == 1}
        pairs = [row for row in rows if len(row.subject) > 1]
        cells = [cell(max(pairs, key=lambda row: row.share))] if pairs else []
        cells += [cell(alone[name]) if name in alone else "not computed" for name in comparison.versions]
        verdict = worst([row.verdict for row in rows])
        table.add_row(quantity, *cells, Text(verdict, STYLES[verdict]))
    return table


def _by_quantity(rows: list[ComparisonRow], device: str, dtype: str) -> dict[str, list[ComparisonRow]]:
    grouped: dict[str, list[ComparisonRow]] = {}
    for row in rows:
        if (row.device, row.dtype) == (device, dtype):
            grouped.setdefault(row.quantity, []).append(row)
    return grouped


def summary(comparison: Comparison) -> str:
    """What a newcomer should take from it, in one paragraph of plain words."""
    return " ".join([_what_ran(comparison), _how_far(comparison), _where_it_leads(comparison)])


def _what_ran(c: Comparison) -> str:
    names, s = " and ".join(c.versions), c.setting
    rows = "all rows at every step" if s.batch_size is None else f"mini-batches of {s.batch_size} rows"
    features = "1 feature" if c.dataset.n_features == 1 else f"{c.dataset.n_features} features"
    with_momentum = f" with {'Nesterov ' if s.nesterov else ''}momentum {s.momentum:g}" if s.momentum else ""
    return (
        f"{names} took the same {s.steps} steps of {s.learning_rate:g}{with_momentum} down the {s.reduction} of the "
        f"same losses ({c.dataset.n_rows} rows, {features}, {rows})."
    )


def _how_far(c: Comparison) -> str:
    if c.verdict == "OUTSIDE":
        return _what_is_outside(c)
    if c.verdict == "no promise":
        return (
            "Nothing contradicts that they compute the same function, but part of it cannot be promised: there "
            "rounding errors may grow without limit (the step size is past the edge of stability, or the format "
            "is too coarse for this many rows), and a difference would prove nothing. Take smaller steps or a "
            "wider format."
        )
    fitted = [row for row in c.rows if row.quantity == "end: parameters"]
    text = "Every difference is one that rounding alone explains."
    pairs = {row.dtype: row.ulps for row in sorted(fitted, key=lambda row: row.ulps) if len(row.subject) > 1}
    exact = {row.dtype: row.ulps for row in sorted(fitted, key=lambda row: row.ulps) if len(row.subject) == 1}
    for dtype, ulps in pairs.items():
        apart = "the same to the last bit" if ulps == 0 else f"at most {number(ulps)} ulp apart"
        text += f" In {dtype} the fitted parameters are {apart}"
        text += f", and at most {number(exact[dtype])} ulp from the exact run." if dtype in exact else "."
    if any(ulps < exact.get(dtype, 0) / 2 for dtype, ulps in pairs.items()):
        text += " Twins closer to each other than to the truth are why agreement alone proves little."
    return text


def _what_is_outside(c: Comparison) -> str:
    outside = [row for row in c.rows if row.verdict == "OUTSIDE"]
    first = next((row for row in outside if len(row.subject) == 1), outside[0])
    away = "is off the exact value" if len(first.subject) == 1 else "differ"
    where = f" at {first.where}" if first.where else ""
    quantities = ", ".join(dict.fromkeys(row.quantity for row in outside))
    stops = {name: run.stop_reason for runs in c.runs.values() for name, run in runs.items() if run.stop_reason}
    return (
        f"More than unavoidable rounding is at work: {' and '.join(first.subject)} {away} by {first.error:.3g} in "
        f"{first.quantity}{where}, where {first.bound:.3g} is allowed ({first.dtype}, {first.device}). That is the "
        f"first quantity to leave its bound, so look there first. Outside in all: {quantities}."
    ) + "".join(f" {name} stopped early: {reason}." for name, reason in stops.items())


def _where_it_leads(c: Comparison) -> str:
    best, runs = c.optimum, c.runs[list(c.runs)[-1]]
    run = next(iter(runs.values()))
    if run.end is None:
        return "The run did not reach its last step."
    stopped = f"this run stopped at {_point(run.points[-1])}"
    if best.status == "finite" and best.parameters is not None:
        exact = np.append(best.parameters.weight, best.parameters.bias)
        far = np.linalg.norm(run.points[-1] - exact)
        value = "" if best.value is None else f" (loss {best.value:.6g})"
        return (
            f"A finite optimum exists, proved, at {_point(exact)}{value}; {stopped} (loss {run.losses[-1]:.6g}), "
            f"{far:.3g} away: what is missing is steps, not digits."
        )
    if best.status in ("separable", "quasi-separable"):
        cure = "" if c.setting.l2 else " A penalty (--l2) would give it one."
        return (
            f"The classes are {best.status}, proved: no finite optimum exists, the loss falls for ever and the "
            f"parameters grow with every further step; {stopped}.{cure}"
        )
    if best.status == "not unique":
        return f"The features are linearly dependent, so the optimum is a whole line or plane of points; {stopped}."
    return f"Whether a finite optimum exists could not be proved either way; {stopped}."


def _point(theta: np.ndarray) -> str:
    if len(theta) == 2:
        return f"w = {theta[0]:.6g}, b = {theta[1]:.6g}"
    if len(theta) <= 6:
        return f"w = ({', '.join(f'{w:.4g}' for w in theta[:-1])}), b = {theta[-1]:.4g}"
    return f"‖w‖ = {np.linalg.norm(theta[:-1]):.4g}, b = {theta[-1]:.4g}"


def markdown(comparison: Comparison) -> str:
    """The report as a page: what ran, the words, the rows in full, and the figures beside it."""
    c = comparison
    lines = [
        f"# Parity of {' and '.join(c.versions)}: {c.verdict}",
        "",
        summary(c),
        "",
        f"- data: {c.dataset.source} (SHA-256 {c.dataset.sha256[:16]}…)",
        f"- start: {_point(np.append(c.start.weight, c.start.bias))}",
        f"- setting: {', '.join(f'{name} {value}' for name, value in asdict(c.setting).items())}",
        *(f"- {name}: {_versions(versions)}" for name, versions in c.versions.items()),
        f"- {ran_on()}",
        "",
        "ulps and share are the largest of the quantity, in ulps of its natural size and of its bound; error and bound "
        "are those of the place where the share is largest. float32 products are full float32 on every device (no "
        "TF32).",
        "",
        "| device | dtype | quantity | of | ulps | share of the bound | where | error | bound | verdict |",
        "|---|---|---|---|--:|--:|---|--:|--:|---|",
    ]
    for row in c.rows:
        subject = f"{row.subject[0]}, exact run" if len(row.subject) == 1 else ", ".join(row.subject)
        lines.append(
            f"| {row.device} | {row.dtype} | {row.quantity} | {subject} | {number(row.ulps)} | {row.share:.2g} | "
            f"{row.where} | {row.error:.3g} | {row.bound:.3g} | {row.verdict} |"
        )
    lines += ["", "| device | dtype | quantity | twins apart, ulps | off the exact value, ulps | the twins |"]
    lines += ["|---|---|---|--:|--:|---|"]
    lines += [
        f"| {p.device} | {p.dtype} | {p.quantity} | {number(p.apart)} | {number(p.off)} | {p.words} |"
        for p in placements(c)
    ]
    figures = [f"![{name}]({name}.png)" for name in FIGURES]
    return "\n".join([*lines, "", *figures, ""])


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def to_json(comparison: Comparison) -> str:
    """Everything as JSON. An infinite bound or error is null: JSON has no infinity."""
    c = comparison
    best = c.optimum
    content = {
        "versions": c.versions,
        "verdict": c.verdict,
        "summary": summary(c),
        "data": {
            "source": c.dataset.source,
            "sha256": c.dataset.sha256,
            "rows": c.dataset.n_rows,
            "features": c.dataset.feature_names,
            "classes": c.dataset.class_names,
        },
        "start": {"weight": c.start.weight, "bias": c.start.bias},
        "setting": asdict(c.setting),
        "optimum": {
            "status": best.status,
            "weight": None if best.parameters is None else best.parameters.weight,
            "bias": None if best.parameters is None else best.parameters.bias,
            "value": best.value,
        },
        "fits": [
            {
                "device": device,
                "dtype": dtype,
                "twin": name,
                "weight": run.points[-1, :-1],
                "bias": run.points[-1, -1],
                "loss": run.losses[-1],
                "stop_reason": run.stop_reason,
            }
            for (device, dtype), runs in c.runs.items()
            for name, run in runs.items()
        ],
        "rows": [row._asdict() for row in c.rows],
        "axes": [placement._asdict() for placement in placements(c)],
    }
    return as_json(content)


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write comparison.json, comparison.md and the figures; all are made before the first is written."""
    from . import figures  # matplotlib takes longer to import than most comparisons take to write

    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str | bytes] = {
        "comparison.json": to_json(comparison),
        "comparison.md": markdown(comparison),
        **{f"{name}.png": figures.png(getattr(figures, name)(comparison)) for name in FIGURES},
    }
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]
