"""Fits of the same data by several twins: do they agree, as far as each is proved to be right?"""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..data.files import write_whole
from ..data.history import Fit
from ..data.inference import Inference
from ..data.multiclass import MulticlassDataset
from ..show import as_json, shown
from ..users import UserError, shortly

PROVED = ("converged", "no finite optimum")
WRONG = "wrong sums"


class Source(Protocol):
    """What was fitted: a Dataset, or a Stream of rows."""

    @property
    def source(self) -> str: ...
    @property
    def feature_names(self) -> tuple[str, ...]: ...


def check_fit(name: str, fit: Any, dataset: Source) -> Fit:
    """What a twin's ``fit`` returned. Raises UserError where it is no Fit of these data."""
    K = (dataset.n_classes,) if isinstance(dataset, MulticlassDataset) else ()
    if not isinstance(fit, Fit):
        raise UserError(f"{name}.fit returned {shortly(fit)}; return a logreg_parity.data.history.Fit")
    d = len(dataset.feature_names)
    for field, value, wanted in (
        ("parameters.weight", fit.parameters.weight, (*K, d)),
        ("parameters.bias", fit.parameters.bias, K),
        ("distance", fit.distance, (*K, d + 1)),
    ):
        if np.shape(value) != wanted:
            raise UserError(f"{name}.fit: {field} has shape {np.shape(value)}; it must be {wanted}")
    return fit


def agree(fits: dict[str, Fit]) -> bool:
    """Whether every two fits lie no further apart, in each parameter, than both are from the optimum at most.

    A fit without a proof may be anywhere; a twin that found an optimum where another proved that there is none
    disagrees with it, and one whose sums are not those of the rows agrees with nothing.
    """
    if any(fit.status == WRONG for fit in fits.values()):
        return False
    if len({fit.status for fit in fits.values() if fit.status in PROVED}) > 1:
        return False
    points = [(_point(fit), fit.distance) for fit in fits.values() if fit.status == "converged"]
    return all((np.abs(a - b) <= p + q).all() for a, p in points for b, q in points)


def exit_status(fits: dict[str, Fit]) -> int:
    """0 all is proved and agrees, 1 fits disagree or one's sums are wrong, 3 some fit has no proof."""
    if not agree(fits):
        return 1
    return 0 if all(fit.status in PROVED for fit in fits.values()) else 3


def report(fits: dict[str, Fit], dataset: Source) -> str:
    """A few lines a fit, for a terminal."""
    return "\n\n".join(f"{name}: {_lines(fit, dataset)}" for name, fit in fits.items())


def verdict(fits: dict[str, Fit]) -> str:
    """One sentence."""
    wrong = [name for name, fit in fits.items() if fit.status == WRONG]
    if wrong:
        return f"The fit of {' and '.join(wrong)} is WRONG: its passes do not add up the rows that came."
    if not agree(fits):
        return "The fits DISAGREE: they lie further apart than is proved of each. One of the proofs is wrong."
    unproved = [name for name, fit in fits.items() if fit.status not in PROVED]
    if unproved:
        return f"Nothing is proved of the fit of {' and '.join(unproved)}: see the reason above."
    if all(fit.status == "no finite optimum" for fit in fits.values()):
        return "There is no finite optimum."
    apart = [np.abs(_point(a) - _point(b)).max() for a in fits.values() for b in fits.values()]
    return f"The fits agree: they are at most {max(apart):.1e} apart, which is within what is proved of each."


def tables_agree(inferences: dict[str, Inference]) -> bool:
    """Whether every two numbers of the same name lie no further apart than both are from exact at most."""
    every = [inference.proved for inference in inferences.values()]
    return all((abs(a[q].value - b[q].value) <= a[q].bound + b[q].bound).all() for a in every for b in every for q in a)


def write(
    fits: dict[str, Fit], dataset: Source, settings: dict, path: Path, inferences: dict[str, Inference] | None = None
) -> None:
    """As JSON, whole or not at all; what is infinite, because nothing is proved, is null, and so is a stream's hash."""

    rows: dict[str, dict] = {}
    for name, fit in fits.items():
        parameters = {"weight": fit.parameters.weight, "bias": fit.parameters.bias}
        rows[name] = {**asdict(fit), "parameters": parameters}
    for name, inference in (inferences or {}).items():
        numbers = {
            quantity: {"value": number.value.tolist(), "bound": number.bound.tolist()}
            for quantity, number in inference.proved.items()
        }
        rows[name]["inference"] = {"level": inference.level, "names": inference.names, **numbers}
    content = {
        "data": dataset.source,
        "sha256": getattr(dataset, "sha256", None),
        "settings": settings,
        "agree": agree(fits),
    }
    write_whole(path, as_json({**content, "fits": rows}))


def _lines(fit: Fit, dataset: Source) -> str:
    lines = [f"{fit.status} ({fit.reason})"]
    width = max(12, *map(len, [*map(shown, dataset.feature_names), "bias"]))
    if fit.status == "converged":
        of_classes = dataset.class_names if isinstance(dataset, MulticlassDataset) else [None]
        names = [*map(shown, dataset.feature_names), "bias"]
        for title, values, distances in zip(
            of_classes, np.atleast_2d(_point(fit)), np.atleast_2d(fit.distance), strict=True
        ):
            lines += [] if title is None else [f"  class {shown(title)}:"]
            for name, value, distance in zip(names, values, distances, strict=True):
                lines.append(f"  {name:{width}} {value: .15g}  (within {distance:.1e})")
        lines.append(f"  {'objective':{width}} {fit.objective: .15g}  (at most {fit.gap:.1e} above the minimum)")
    lines.append(f"  {fit.solver}: {fit.iterations} points, X read {fit.passes:.3g} times")
    return "\n".join(lines)


def _point(fit: Fit) -> np.ndarray:
    """(D + 1,), or of K classes (K, D + 1), the bias last."""
    weight, bias = (np.asarray(part, np.float64) for part in fit.parameters)
    return np.concatenate([weight, bias[..., None]], axis=-1)
