"""Certified cases fitted with whatever is installed: right digits, seconds, and who calls a separable case converged.

Every candidate runs at its default settings, but for the penalty, of which there is none.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from rich.text import Text

from ..data.certified import Certified
from ..data.dataset import Dataset
from ..show import Grid
from ..truth.reference import flatten, with_ones
from ..twins import load

REPEATS = 3  # of a fit; the quickest counts, for the first one may compile


class FitAnswer(NamedTuple):
    """What a candidate hands back: parameters (k,) and standard errors (k,) or None, bias last; and what it says."""

    parameters: np.ndarray
    errors: np.ndarray | None
    said: str


class FitScore(NamedTuple):
    """Right digits of coefficients and standard errors (NaN where there are none), seconds, what is said of the fit.

    said: "converged", "warned", "proved" (that there is no optimum), or "refused: " and why, in the candidate's words.
    """

    case: str
    candidate: str
    coefficients: float
    errors: float
    seconds: float
    said: str


def _twin(module: str, dataset: Dataset) -> FitAnswer:
    twin = load(module)
    fit = twin.fit(dataset)
    if fit.status != "converged":
        return FitAnswer(flatten(fit.parameters), None, "proved" if fit.status == "no finite optimum" else "warned")
    found = twin.infer(dataset, fit=fit, profile=False)
    return FitAnswer(found.estimate.value, found.standard_error.value, "converged")


def _scikit_learn(solver: str, dataset: Dataset) -> FitAnswer:
    made = load("sklearn.linear_model").LogisticRegression(C=np.inf, solver=solver)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made.fit(dataset.X, dataset.y, sample_weight=dataset.sample_weight)
    return FitAnswer(np.append(made.coef_, made.intercept_), None, _words(not said))


def _logit(dataset: Dataset) -> FitAnswer:
    if dataset.sample_weight is not None:
        raise ValueError("it has no row weights")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = load("statsmodels.api").Logit(dataset.y, with_ones(dataset.X)).fit(disp=0)
    return FitAnswer(found.params, found.bse, _words(found.mle_retvals["converged"] and not said))


def _glm(dataset: Dataset) -> FitAnswer:
    api = load("statsmodels.api")
    family, weight = api.families.Binomial(), dataset.sample_weight
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = api.GLM(dataset.y, with_ones(dataset.X), family=family, freq_weights=weight).fit()
    return FitAnswer(found.params, found.bse, _words(found.converged and not said))


def _glum(dataset: Dataset) -> FitAnswer:
    made = load("glum").GeneralizedLinearRegressor(family="binomial", alpha=0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made.fit(dataset.X, dataset.y, sample_weight=dataset.sample_weight)
    return FitAnswer(np.append(made.coef_, made.intercept_), None, _words(not said))


def _words(converged: bool) -> str:
    return "converged" if converged else "warned"


CANDIDATES: dict[str, tuple[str, Callable[[Dataset], FitAnswer]]] = {
    "logreg_torch": ("torch", partial(_twin, "logreg_torch")),
    "logreg_jax": ("jax", partial(_twin, "logreg_jax")),
    "sklearn lbfgs": ("sklearn", partial(_scikit_learn, "lbfgs")),
    "sklearn newton-cholesky": ("sklearn", partial(_scikit_learn, "newton-cholesky")),
    "statsmodels Logit": ("statsmodels", _logit),
    "statsmodels GLM": ("statsmodels", _glm),
    "glum": ("glum", _glum),
}
"""By name: what has to be installed, and the fit."""


def installed() -> tuple[str, ...]:
    """The candidates that can run here."""
    found = []
    for name, (package, _) in CANDIDATES.items():
        try:
            load(package)
        except ModuleNotFoundError:
            continue
        found.append(name)
    return tuple(found)


def score(dataset: Dataset, known: Certified, candidate: str) -> FitScore:
    """One fit of one case, in the best of REPEATS times."""
    fit, best = CANDIDATES[candidate][1], np.inf
    for _ in range(REPEATS):
        start = perf_counter()
        try:
            answer = fit(dataset)
        except Exception as error:  # of whatever kind: the packages have their own, and what they say is the result
            return FitScore(known.name, candidate, np.nan, np.nan, np.nan, "refused: " + str(error).split("\n")[0])
        best = min(best, perf_counter() - start)
    if known.status != "finite":
        return FitScore(known.name, candidate, np.nan, np.nan, best, answer.said)
    errors = np.nan if answer.errors is None else known.digits(answer.errors, "standard_errors")
    return FitScore(known.name, candidate, known.digits(answer.parameters), errors, best, answer.said)


def tables(scores: Sequence[FitScore], known: Sequence[Certified]) -> list[Grid]:
    """Right digits, milliseconds, and what is said of cases without an optimum: a row a case, a column a candidate."""
    at = {(row.case, row.candidate): row for row in scores}
    candidates = list(dict.fromkeys(row.candidate for row in scores))
    finite = {case.name: case.name for case in known if case.status == "finite"}
    others = {case.name: f"{case.name}, {case.status}" for case in known if case.status != "finite"}
    wanted: tuple[tuple[str, dict[str, str], Callable[[FitScore], str | Text]], ...] = (
        ("right digits of the worst coefficient / standard error", finite, _digits),
        ("milliseconds, standard errors included", finite, _milliseconds),
        ("what is said where there is no optimum", others, _verdict),
    )
    made = []
    for title, cases, cell in wanted:
        whole = Grid(title, "", *(name.replace(" ", "\n", 1) for name in candidates))
        for case, label in cases.items():
            whole.add_row(label, *(cell(at[case, candidate]) for candidate in candidates))
        made += [whole] if cases else []
    return made


def _digits(row: FitScore) -> str:
    return " / ".join("–" if np.isnan(x) else f"{max(x, 0):.1f}" for x in (row.coefficients, row.errors))


def _milliseconds(row: FitScore) -> str:
    return "–" if np.isnan(row.seconds) else f"{1e3 * row.seconds:.1f}"


def _verdict(row: FitScore) -> Text:
    word = row.said.partition(":")[0]
    style = {"converged": "bold red", "proved": "green"}.get(word, "yellow")
    return Text(word, style)


def as_rows(scores: Sequence[FitScore]) -> list[dict[str, Any]]:
    """For JSON."""
    return [row._asdict() for row in scores]
