"""Real tables whose logistic regression is known to 20 digits, proved by interval arithmetic, or proved to have none.

``references/`` holds a file a case, and the tables that may be copied; the others are read from the packages that ship
them. Compare with ``Certified.coefficients``: the exact fit of the numbers as float64 holds them. Printed standard
errors are often wrong from the fourth digit on, because programs take the covariance one step before the last.
"""

import importlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .dataset import Dataset

FOLDER = Path(__file__).parent / "references"


@dataclass(frozen=True)
class Certified:
    """What is proved of a case: numbers as exact fractions of their printed digits, the bias last.

    status: "finite", and all numbers are there; or "separable" or "quasi-separable", and only ``direction`` is. The
    deviances and the log-likelihood of grouped trials are those of the single trials.
    """

    name: str
    title: str
    source: str
    licence: str
    names: tuple[str, ...]
    status: str
    coefficients: tuple[Fraction, ...] = ()
    standard_errors: tuple[Fraction, ...] = ()
    log_likelihood: Fraction | None = None
    direction: tuple[Fraction, ...] = ()

    def digits(self, found: ArrayLike, what: str = "coefficients") -> float:
        """How many decimal digits of the worst are right: -log10 of the largest relative error.

        Args:
            found: numbers (k,), the bias last.
            what: "coefficients" or "standard_errors".

        Raises:
            ValueError: for a case that has no optimum, and as many numbers as it does not have.
        """
        exact, numbers = getattr(self, what), np.asarray(found, dtype=float)
        if not exact:
            raise ValueError(f"{self.name} is {self.status}: there are no {what.replace('_', ' ')} to compare with")
        if numbers.shape != (len(exact),):
            raise ValueError(f"numbers have shape {numbers.shape}; give ({len(exact)},): {', '.join(self.names)}")
        if not np.isfinite(numbers).all():
            return -math.inf
        return right_digits(numbers.tolist(), exact)


def right_digits(found: Sequence[float], exact: Sequence[Fraction]) -> float:
    """-log10 of the largest relative error of float64 numbers, exactly; 17 where they are the nearest there are."""
    errors = [abs(Fraction(a) - b) / abs(b) for a, b in zip(found, exact, strict=True)]
    nearest = all(float(b) == a for a, b in zip(found, exact, strict=True))
    return 17.0 if nearest else -math.log10(max(errors))


def certified_names() -> tuple[str, ...]:
    """The names of all cases."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def certified(name: str) -> tuple[Dataset, Certified]:
    """A table, and what is proved of its fit.

    Args:
        name: one of ``certified_names()``.

    Returns:
        The Dataset, grouped trials as two weighted rows each, which is exact; and the Certified.

    Raises:
        ValueError: for another name, and for a table of a package that is not installed.
    """
    if name not in certified_names():
        raise ValueError(f"there is no certified case {name!r}; give one of {', '.join(certified_names())}")
    case = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    dataset = _dataset(case)
    separation, fit = case.get("separation"), case.get("fit", {})
    exact = case.get("fit_float64_inputs", {}).get("coef", ())
    known = Certified(
        name=name,
        title=case["title"],
        source=case["source"],
        licence=case["data"]["licence"],
        names=(*dataset.feature_names, "bias"),
        status=separation["status"] if separation else "finite",
        coefficients=_bias_last(exact),
        standard_errors=_bias_last(fit.get("se", ())),
        log_likelihood=Fraction(fit["loglik"]) if fit else None,
        direction=_bias_last(separation["direction"] if separation else ()),
    )
    return dataset, known


def _dataset(case: dict) -> Dataset:
    weight: np.ndarray | None
    model, column = case["model"], _columns(case["data"], case["name"])
    names, response, source = model["columns"][1:], model["response"], f"certified({case['name']!r})"
    X = np.column_stack([_feature(column, name) for name in names])
    if " / " in response:
        hits, trials = (column(part) for part in response.split(" / "))
        X, y, weight = np.concatenate([X, X]), np.repeat([1.0, 0.0], len(X)), np.concatenate([hits, trials - hits])
    else:
        y = _label(column, response)
        weight = column("freq") if model["weights"] == "freq" else None
    kept = column("species") > 0 if response == "species==2" else slice(None)
    weight = None if weight is None else weight[kept]
    return Dataset(X[kept], y[kept], source, tuple(names), sample_weight=weight)


def _label(column: Callable[[str], np.ndarray], response: str) -> np.ndarray:
    for sign, holds in (("==", np.equal), (" > ", np.greater)):
        if sign in response:
            name, number = response.split(sign)
            return holds(column(name), float(number)).astype(float)
    return column(response)


def _feature(column: Callable[[str], np.ndarray], name: str) -> np.ndarray:
    if name.startswith("race") and name != "race":  # a dummy: race2 is 1 where race is 2
        return (column("race") == float(name[4:])).astype(float)
    return column(name)


def _columns(data: dict, name: str) -> Callable[[str], np.ndarray]:
    """From a column's name to its numbers."""
    if data.get("csv"):
        header, *lines = (FOLDER / data["csv"]).read_text(encoding="utf-8").split()
        rows = [line.split(",") for line in lines]
        if patch := data.get("patch"):
            rows[patch["row"]][header.split(",").index(patch["column"])] = str(patch["value"])
        table = dict(zip(header.split(","), zip(*rows, strict=True), strict=True))
        return lambda column: np.array(table[column], dtype=float)
    package, table_name = data["loader"].split(": ")
    try:
        if package == "statsmodels":
            frame = importlib.import_module(f"statsmodels.datasets.{table_name}").load_pandas().data
        else:
            frame = importlib.import_module(package).data(table_name)
    except ModuleNotFoundError as error:
        why = f"the table of {name} is not ours to copy, and {error.name}, which ships it, is missing"
        raise ValueError(f"{why}; pip install {package}") from error
    return lambda column: np.asarray(frame[column], dtype=float)


def _bias_last(printed: Sequence[str]) -> tuple[Fraction, ...]:
    return tuple(Fraction(text) for text in (*printed[1:], *printed[:1]))
