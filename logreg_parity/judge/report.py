"""A Comparison as a terminal table, as Markdown, as JSON, and in plain words."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Group
from rich.text import Text

from ..data.files import write_folder
from ..language import Words, say, sentences, speaking
from ..show import STYLES, Grid, as_json, cell, number, ran_on, shown, worst
from ..truth.columns import dependent
from ..truth.infinite import Runaway, told
from ..truth.separation import counted_rows
from .compare import FORMAT, Comparison, ComparisonRow, half_of_the_digits, placements
from .problem import CHANCE, STEPS_TOGETHER, TOGETHER

AS_DATA = (
    *(Words("within"), Words("no promise"), Words("OUTSIDE"), Words("separable"), Words("quasi-separable")),
    *(Words("start: logits"), Words("start: row losses"), Words("start: loss"), Words("start: gradient")),
    *(Words("every point"), Words("every loss"), Words("sum"), Words("mean"), Words("format"), Words("not held")),
    *(Words("every step"), Words("start: logits, root mean square"), Words("every step, root mean square")),
    *(Words("start: probabilities"), Words("start: classes"), Words("saturated: logits"), Words("saturated: loss")),
    *(Words("saturated: row losses"), Words("saturated: gradient"), Words("saturated: probabilities")),
    *(Words("saturated: classes"), Words("every loss, at its own point")),
    *(Words("{names} to +infinity"), Words("{names} to -infinity"), Words("{names} anywhere")),
    *(Words("end: parameters"), Words("end: probabilities"), Words("end: classes"), Words("same"), Words("differ")),
)
"""Texts that come to ``say`` as data; here the catalogues find them."""

NAMED = 40  # parameters that are told one by one
FIGURES = ("fit", "loss", "difference", "axes")
FILES = ("comparison.json", "comparison.md", *(f"{name}.png" for name in FIGURES))


def tables(comparison: Comparison) -> Group:
    """One table a device and dtype, for a terminal: every cell an error in ulps and its share of the bound."""
    return Group(*(_table(comparison, *place) for place in comparison.runs))


def _table(comparison: Comparison, device: str, dtype: str) -> Grid:
    title = say(
        "{dtype} on {device}: largest error in ulps (and its largest share of the bound)", dtype=dtype, device=device
    )
    headings = [say("twin to twin")] if len(comparison.versions) > 1 else []
    headings += [say("{name}\nto exact", name=name) for name in comparison.versions]
    made = Grid(title, "", *headings, say("verdict"), left=(say("verdict"),))
    for quantity, rows in _by_quantity(comparison.rows, device, dtype).items():
        alone = {row.subject[0]: row for row in rows if len(row.subject) == 1}
        pairs = [row for row in rows if len(row.subject) > 1]
        told = quantity.startswith("end: ")  # other rows are left out of a table by a twin that is within
        absent = say("not computed") if told else say("within")
        cells = []
        if len(comparison.versions) > 1:
            cells.append(_cell(max(pairs, key=lambda row: row.share)) if pairs else absent if told else "")
        cells += [_cell(alone[name]) if name in alone else absent for name in comparison.versions]
        verdict = worst([row.verdict for row in rows])
        made.add_row(say(quantity), *cells, Text(say(verdict), STYLES[verdict]))
    return made


def _by_quantity(rows: list[ComparisonRow], device: str, dtype: str) -> dict[str, list[ComparisonRow]]:
    grouped: dict[str, list[ComparisonRow]] = {}
    for row in rows:
        if (row.device, row.dtype) == (device, dtype):
            grouped.setdefault(row.quantity, []).append(row)
    return grouped


def _cell(row: ComparisonRow) -> str:
    """``cell`` in the language at hand."""
    return say(cell(row)).replace("(no bound)", say("(no bound)"))


def summary(comparison: Comparison) -> str:
    """What a newcomer should take from it, in one paragraph of plain words, in the language at hand."""
    return sentences(_what_ran(comparison), *_how_far(comparison), _where_it_leads(comparison))


def _what_ran(c: Comparison) -> str:
    s, momentum = c.setting, ""
    if s.momentum:
        nesterov = say(" with Nesterov momentum {size:g}", size=s.momentum)
        momentum = nesterov if s.nesterov else say(" with momentum {size:g}", size=s.momentum)
    return say(
        "{twins} took the same {steps} steps of {rate:g}{momentum} down the {reduction} of the same losses "
        "({rows} rows, {features}, {batches}).",
        twins=_and(c.versions),
        steps=s.steps,
        rate=s.learning_rate,
        momentum=momentum,
        reduction=say(s.reduction),
        rows=c.dataset.n_rows,
        features=say("1 feature") if c.dataset.n_features == 1 else say("{n} features", n=c.dataset.n_features),
        batches=say("all rows at every step")
        if s.batch_size is None
        else say("mini-batches of {n} rows", n=s.batch_size),
    )


def _how_far(c: Comparison) -> list[str]:
    if c.verdict == "OUTSIDE":
        return _what_is_outside(c)
    if c.verdict == "no promise":
        if hidden := _what_is_hidden(c):
            return hidden
        return [
            say(
                "Nothing contradicts that they compute the same function, but part of it cannot be promised: there "
                "rounding errors may grow without limit (the step size is past the edge of stability, or the format "
                "is too coarse for this many rows), and a difference would prove nothing. Take smaller steps or a "
                "wider format."
            )
        ]
    fitted = [row for row in c.rows if row.quantity == "end: parameters"]
    text = [say("Every difference is one that rounding alone explains.")]
    pairs = {row.dtype: row.ulps for row in sorted(fitted, key=lambda row: row.ulps) if len(row.subject) > 1}
    exact = {row.dtype: row.ulps for row in sorted(fitted, key=lambda row: row.ulps) if len(row.subject) == 1}
    for dtype, ulps in pairs.items():
        apart = say("the same to the last bit") if ulps == 0 else say("at most {ulps} ulp apart", ulps=number(ulps))
        said = say("In {dtype} the fitted parameters are {apart}", dtype=dtype, apart=apart)
        if dtype in exact:
            said += say(", and at most {ulps} ulp from the exact run", ulps=number(exact[dtype]))
        text.append(said + say("."))
    if any(ulps < exact.get(dtype, 0) / 2 for dtype, ulps in pairs.items()):
        text.append(say("Twins closer to each other than to the truth are why agreement alone proves little."))
    return text


def _what_is_hidden(c: Comparison) -> list[str]:
    """Where a bound hides too much, and where an error is one that rounding seldom makes."""
    wide = [row for row in c.rows if row.unseen and row.unseen > len(row.subject) * half_of_the_digits(row.dtype)]
    seldom = [row for row in c.rows if row.likely is not None and row.likely < row.error <= row.bound]
    said = []
    if seldom:
        row = max(seldom, key=lambda row: row.error / (row.likely or np.inf))
        said.append(
            say(
                "Look at {quantity} in {dtype}: {twins}: off by {error:.3g}, within the certain bound of {bound:.3g}; "
                "independent roundings stay within {likely:.3g}, but with a chance of {chance:g}.",
                quantity=say(row.quantity),
                dtype=row.dtype,
                twins=_and(row.subject),
                error=row.error,
                bound=row.bound,
                likely=row.likely or 0.0,
                chance=CHANCE,
            )
        )
    if wide:
        row = max(wide, key=lambda row: row.unseen or 0.0)
        said.append(
            say(
                "With so many rows in {dtype} even the likely bound of {quantity} is {share:.2g} % of the quantity: "
                "nothing below is seen. Judge fewer rows, or a wider format.",
                dtype=row.dtype,
                quantity=say(row.quantity),
                share=100 * (row.unseen or 0.0),
            )
        )
    return said


def _what_is_outside(c: Comparison) -> list[str]:
    outside = [row for row in c.rows if row.verdict == "OUTSIDE"]
    first = next((row for row in outside if len(row.subject) == 1), outside[0])
    quantities = dict.fromkeys(row.quantity for row in outside)
    stops = {name: run.stop_reason for runs in c.runs.values() for name, run in runs.items() if run.stop_reason}
    strange = say(
        "{twin} computes in another format: {place} is no {dtype} number ({device}).",
        twin=first.subject[0],
        place=first.where,
        dtype=first.dtype,
        device=first.device,
    )
    found = say(
        "More than unavoidable rounding is at work: {twins} {are} by {error:.3g} in {quantity}{where}",
        twins=_and(first.subject),
        are=say("is off the exact value") if len(first.subject) == 1 else say("differ"),
        error=first.error,
        quantity=say(first.quantity),
        where=say(" at {place}", place=first.where) if first.where else "",
    )
    allowed = say(
        ", where {bound:.3g} is allowed ({dtype}, {device}).", bound=first.bound, dtype=first.dtype, device=first.device
    )
    together = say(
        "Each number is within its certain bound; of all together independent roundings leave this one with a chance "
        "of {chance:g}, and the judge's own plain sums do not: a lower precision, perhaps.",
        chance=CHANCE,
    )
    return [
        strange if first.quantity == FORMAT else found + allowed,
        *([together] if first.quantity in (TOGETHER, STEPS_TOGETHER) else []),
        say("That is the first quantity to leave its bound, so look there first."),
        say("Outside in all: {quantities}.", quantities=", ".join(map(say, quantities))),
        *(say("{name} stopped early: {reason}.", name=name, reason=reason) for name, reason in stops.items()),
    ]


def _where_it_leads(c: Comparison) -> str:
    best, runs = c.optimum, c.runs[list(c.runs)[-1]]
    run = next(iter(runs.values()))
    if run.end is None:
        return say("The run did not reach its last step.")
    stopped = say("this run stopped at {point}", point=_point(run.points[-1]))
    if best.status == "finite" and best.parameters is not None:
        exact = np.append(best.parameters.weight, best.parameters.bias)
        return say(
            "A finite optimum exists, proved, at {point}{value}; {stopped} (loss {loss:.6g}), {far:.3g} away: what is "
            "missing is steps, not digits.",
            point=_point(exact),
            value="" if best.value is None else say(" (loss {loss:.6g})", loss=best.value),
            stopped=stopped,
            loss=run.losses[-1],
            far=np.linalg.norm(run.points[-1] - exact),
        )
    if best.status in ("separable", "quasi-separable"):
        return sentences(
            say(
                "The classes are {status}, proved: no finite optimum exists, the loss falls for ever and the "
                "parameters grow with every further step; {stopped}.",
                status=say(best.status),
                stopped=stopped,
            ),
            "" if c.setting.l2 else say("A penalty (--l2) would give it one."),
            what_runs_off(_gone(c)),
            say("Firth's penalty has a finite optimum too: firthmodels in Python, logistf or brglm2 in R."),
        )
    if best.status == "not unique":
        names = [shown(name) for name, _ in dependent(counted_rows(c.dataset))]
        return sentences(
            say(
                "The features are linearly dependent, so the optimum is a whole line or plane of points; {stopped}.",
                stopped=stopped,
            ),
            say("Leave out {names}, and it is one point.", names=_and(names)),
        )
    if c.too_large_for_an_optimum:
        return say(
            "Whether a finite optimum exists was not looked for: so many rows and features take exact arithmetic "
            "minutes; {stopped}.",
            stopped=stopped,
        )
    return say("Whether a finite optimum exists could not be proved either way; {stopped}.", stopped=stopped)


def _gone(c: Comparison) -> Runaway | None:
    rows = counted_rows(c.dataset)
    return told(rows, (*rows.feature_names, "bias"), c.optimum, l2=c.setting.l2)


def what_runs_off(gone: Runaway | None) -> str:
    """Which coefficients run off, which way and along which exact direction, and the limits of the others."""
    if gone is None or len(gone.names) > NAMED:
        return ""
    named = [(shown(name), *of) for name, *of in zip(gone.names, gone.goes, gone.limits, gone.direction, strict=True)]
    kinds = {"+inf": "{names} to +infinity", "-inf": "{names} to -infinity", "any": "{names} anywhere"}
    parts = [
        say(words, names=", ".join(name for name, goes, *_ in named if goes == kind))
        for kind, words in kinds.items()
        if any(goes == kind for _, goes, *_ in named)
    ]
    parts += [
        say("{name} to {limit:.9g}", name=name, limit=limit) for name, goes, limit, _ in named if goes == "finite"
    ]
    way = ", ".join(f"{name} {step}" for name, _, _, step in named if step)
    return say("Along the exact direction {way} the parameters go: {parts}.", way=way, parts="; ".join(parts))


def _and(names: Iterable[str]) -> str:
    return say(" and ").join(names)


def _point(theta: np.ndarray) -> str:
    if len(theta) == 2:
        return f"w = {theta[0]:.6g}, b = {theta[1]:.6g}"
    if len(theta) <= 6:
        return f"w = ({', '.join(f'{w:.4g}' for w in theta[:-1])}), b = {theta[-1]:.4g}"
    return f"‖w‖ = {np.linalg.norm(theta[:-1]):.4g}, b = {theta[-1]:.4g}"


def markdown(comparison: Comparison) -> str:
    """The report as a page: what ran, the words, the rows in full, and the figures beside it; always in English."""
    c = comparison
    with speaking("en"):
        words = summary(c)
    lines = [
        f"# Parity of {' and '.join(c.versions)}: {c.verdict}",
        "",
        words,
        "",
        f"- data: {c.dataset.source} (SHA-256 {c.dataset.sha256[:16]}…)",
        f"- start: {_point(np.append(c.start.weight, c.start.bias))}",
        f"- setting: {', '.join(f'{name} {value}' for name, value in asdict(c.setting).items())}",
        *(f"- {name}: {_versions(versions)}" for name, versions in c.versions.items()),
        f"- {ran_on()}",
        "",
        "ulps and share are the largest of the quantity, in ulps of its natural size and of its bound; error and bound "
        "are those of the place where the share is largest; likely is the bound there that independent roundings leave "
        f"with a chance of {CHANCE:g}. float32 products are full float32 on every device (no "
        "TF32).",
        "",
        "| device | dtype | quantity | of | ulps | share of the bound | where | error | likely | bound | verdict |",
        "|---|---|---|---|--:|--:|---|--:|--:|--:|---|",
    ]
    for row in c.rows:
        subject = f"{row.subject[0]}, exact run" if len(row.subject) == 1 else ", ".join(row.subject)
        lines.append(
            f"| {row.device} | {row.dtype} | {row.quantity} | {subject} | {number(row.ulps)} | {row.share:.2g} | "
            f"{row.where} | {row.error:.3g} | {'' if row.likely is None else f'{row.likely:.3g}'} | {row.bound:.3g} | "
            f"{row.verdict} |"
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
    """Everything as JSON, in English. An infinite bound or error is null: JSON has no infinity."""
    c = comparison
    with speaking("en"):
        words = summary(c)
    best = c.optimum
    content = {
        "versions": c.versions,
        "verdict": c.verdict,
        "summary": words,
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
    """Write comparison.json, comparison.md and the figures, all of them or none."""
    from . import figures  # matplotlib takes longer to import than most comparisons take to write

    pictures = [figures.png(getattr(figures, name)(comparison)) for name in FIGURES]
    return write_folder(folder, dict(zip(FILES, (to_json(comparison), markdown(comparison), *pictures), strict=True)))
