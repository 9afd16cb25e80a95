"""``torch.optim`` in optax's words: which optax expression is the same mathematics, setting by setting.

``translate`` gives two Python expressions, which the twins evaluate (``logreg_torch.bridge.optimizers``,
``logreg_jax.bridge.optimizers``), so what the table prints is the code that runs. "Exact" is a claim about the
formulas; ``measure`` holds it against what rounding can explain (``logreg_parity.optimizers.rules``).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.generator import gaussian, initial_parameters
from ..truth import oracle
from ..twins import check_whole, load_part
from .rules import RULES, exact_walk, rounding_bound
from .undetermined import Undetermined, first_undetermined, why_not


class Translation(NamedTuple):
    """The same optimiser twice, as Python expressions. Where ``exact`` is false, optax's is the nearest there is."""

    torch: str
    optax: str
    exact: bool
    note: str


class RuleRow(NamedTuple):
    """A row of the table: a torch optimiser with settings, and what one would write by the name alone in optax."""

    title: str
    name: str
    settings: dict[str, Any]
    namesake: str


ROWS = (
    RuleRow("SGD", "sgd", {"lr": 0.5}, "optax.sgd(0.5)"),
    RuleRow("SGD, momentum", "sgd", {"lr": 0.1, "momentum": 0.9}, "optax.sgd(0.1, momentum=0.9)"),
    RuleRow("SGD, dampening", "sgd", {"lr": 0.5, "momentum": 0.9, "dampening": 0.1}, "optax.sgd(0.5, momentum=0.9)"),
    RuleRow(
        "SGD, Nesterov",
        "sgd",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        "optax.sgd(0.1, momentum=0.9, nesterov=True)",
    ),
    RuleRow("SGD, weight decay", "sgd", {"lr": 0.5, "weight_decay": 0.01}, "optax.sgd(0.5)"),
    RuleRow("Adam", "adam", {"lr": 0.1}, "optax.adam(0.1)"),
    RuleRow("AdamW", "adamw", {"lr": 0.1}, "optax.adamw(0.1)"),
    RuleRow("AMSGrad", "adam", {"lr": 0.1, "amsgrad": True}, "optax.amsgrad(0.1)"),
    RuleRow("RMSprop", "rmsprop", {"lr": 0.01}, "optax.rmsprop(0.01)"),
    RuleRow("RMSprop, centred", "rmsprop", {"lr": 0.01, "centered": True}, "optax.rmsprop(0.01, centered=True)"),
    RuleRow("RMSprop, momentum", "rmsprop", {"lr": 0.001, "momentum": 0.9}, "optax.rmsprop(0.001, momentum=0.9)"),
    RuleRow("Adagrad", "adagrad", {"lr": 0.1}, "optax.adagrad(0.1)"),
    RuleRow("Adamax", "adamax", {"lr": 0.1}, "optax.adamax(0.1)"),
    RuleRow("Adadelta", "adadelta", {"lr": 1.0}, "optax.adadelta(1.0)"),
    RuleRow("NAdam", "nadam", {"lr": 0.1}, "optax.nadam(0.1)"),
    RuleRow("NAdam, no schedule", "nadam", {"lr": 0.1, "momentum_decay": 1e6}, "optax.nadam(0.1)"),
    RuleRow("RAdam", "radam", {"lr": 0.1}, "optax.radam(0.1)"),
    RuleRow("Rprop", "rprop", {"lr": 0.01}, "optax.rprop(0.01)"),
    RuleRow("L-BFGS", "lbfgs", {"lr": 0.1, "max_iter": 1}, "optax.lbfgs(0.1)"),
)


def translate(name: str, **settings: Any) -> Translation:
    """A torch optimiser in both frameworks' words.

    Args:
        name: torch's, in small letters, such as "adamw".
        settings: torch's, by torch's names; its defaults where they are left out.

    Raises:
        ValueError: for a name or a setting the table does not have, and for values that are not numbers.
    """
    if name not in _TABLE:
        raise ValueError(f"the optimiser is {name!r}; give one of {', '.join(_TABLE)}")
    class_name, defaults, in_optax = _TABLE[name]
    unknown = sorted(set(settings) - set(defaults))
    if unknown:
        raise ValueError(f"{name} has no translated setting {', '.join(unknown)}; give some of {', '.join(defaults)}")
    for key, value in settings.items():
        for part in value if isinstance(value, tuple) else (value,):
            if not isinstance(part, int | float):
                raise ValueError(f"{key} is {value!r}; give a number, or a tuple of numbers")
    optax, exact, note = in_optax(**{**defaults, **settings})
    return Translation(_code(f"torch.optim.{class_name}", _Code("parameters"), **settings), optax, exact, note)


class Measurement(NamedTuple):
    """A row measured: the largest distance on the way, relative to the longest point of torch's walk.

    ``bound`` is that of the two distances to the exact walk, in the same unit; where there is no rule by hand it and
    they are NaN. ``share`` is the largest part of its bound that the distance of a coordinate takes, at any step,
    between the twins or from one of them to the exact walk; within means at most 1. ``undetermined`` has, by format,
    the first move of torch's walk that rounding would decide (``optimizers.undetermined``), where the rule is such a
    ratio.
    """

    row: RuleRow
    translation: Translation
    same_name: float
    translated: float
    torch_to_exact: float
    optax_to_exact: float
    bound: float
    share: float
    undetermined: dict[str, Undetermined | None]


def problem() -> tuple[Dataset, Parameters]:
    """What the table is measured on: 200 x 5 from the generator, from a drawn start."""
    return gaussian(200, 5, seed=0), initial_parameters(5, seed=0)


MOST = 10_000
"""Steps, each of which is taken exactly too: minutes a rule."""


def measure(row: RuleRow, *, steps: int = 100) -> Measurement:
    """Both twins and the exact walk through ``problem()``, in float64.

    Args:
        row: of the table.
        steps: how many to take.

    Raises:
        ImportError: where a framework is not installed.
        ValueError: for more than MOST steps.
    """
    check_whole("steps", steps, most=MOST)
    torch, jax = (load_part(f"logreg_{framework}", "bridge.optimizers") for framework in ("torch", "jax"))
    case, translation = problem(), translate(row.name, **row.settings)
    ours = torch.walk(*case, translation.torch, steps=steps)
    theirs = jax.walk(*case, translation.optax, steps=steps)
    namesake = jax.walk(*case, row.namesake, steps=steps)
    size = np.linalg.norm(ours, axis=1).max()

    def farthest(gap: np.ndarray) -> float:
        return float(np.linalg.norm(gap, axis=1).max() / size)

    errors = (np.nan, np.nan, np.nan, np.nan)
    if row.name in RULES:
        exact, bound = (f(*case, RULES[row.name], steps=steps, **row.settings) for f in (exact_walk, rounding_bound))
        gaps = oracle.distance(ours, exact), oracle.distance(theirs, exact), np.abs(ours - theirs) / 2
        share = float(np.max([gap[1:] / bound[1:] for gap in gaps]))
        errors = (farthest(gaps[0]), farthest(gaps[1]), farthest(bound), share)
    undetermined = {}
    if why_not(row.name, row.settings) is None:
        for dtype in ("float64", "float32"):
            undetermined[dtype] = first_undetermined(case[0], ours, row.name, dtype=dtype, **row.settings)
    return Measurement(row, translation, farthest(ours - namesake), farthest(ours - theirs), *errors, undetermined)


Words = tuple[str, bool, str]
"""The expression, whether it is exact, and a note, as in a Translation."""


class _Code(str):
    """Text that stands in an expression as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def _code(function: str, *arguments: Any, **settings: Any) -> str:
    """The call as Python text; settings that are None are left to the function."""
    words = [repr(argument) for argument in arguments]
    words += [f"{name}={value!r}" for name, value in settings.items() if value is not None]
    return f"{function}({', '.join(words)})"


def _optax(name: str, *arguments: Any, **settings: Any) -> _Code:
    return _Code(_code(f"optax.{name}", *arguments, **settings))


def _scheduled(name: str, *arguments: Any, **settings: Any) -> _Code:
    """With settings that are functions of n = 0, 1, ..., the number of steps taken so far."""
    return _Code(_code(f"optax.inject_hyperparams(optax.{name})", *arguments, **settings))


def _coupled(weight_decay: float, core: _Code) -> _Code:
    """Weight decay as torch means it: added to the gradient before anything else sees it."""
    return _optax("chain", _optax("add_decayed_weights", weight_decay), core) if weight_decay else core


def _sgd(lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool) -> Words:
    core = _optax("sgd", lr, momentum=momentum or None, nesterov=nesterov or None)
    note = "optax.sgd has no weight decay: add it to the gradient first" if weight_decay else "the same formula"
    if momentum and dampening:
        damped = _optax("scale_by_schedule", _Code(f"lambda n: 1 - {dampening!r} * (n > 0)"))
        core = _optax("chain", damped, core)
        note = "optax has no dampening: scale every gradient but the first, as torch does"
    return _coupled(weight_decay, core), True, note


def _adam(lr: float, betas: tuple[float, float], eps: float, weight_decay: float, amsgrad: bool) -> Words:
    b1, b2 = betas
    if not amsgrad:
        return _coupled(weight_decay, _optax("adam", lr, b1=b1, b2=b2, eps=eps)), True, "the same formula"
    root = f"(1 - {b2!r} ** (n + 1)) ** 0.5"
    rate, small = _Code(f"lambda n: {lr!r} * {root}"), _Code(f"lambda n: {eps!r} * {root}")
    core = _scheduled("amsgrad", rate, b1=b1, b2=b2, eps=small, bias_correction_nu=False)
    note = "torch corrects the bias after the maximum, optax before: leave it out there, scale step and eps instead"
    return _coupled(weight_decay, core), True, note


def _adamw(lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> Words:
    b1, b2 = betas
    note = "the default weight_decay is 1e-2 in torch and 1e-4 in optax"
    return _optax("adamw", lr, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay), True, note


def _rmsprop(lr: float, alpha: float, eps: float, weight_decay: float, momentum: float, centered: bool) -> Words:
    core = _optax(
        "rmsprop",
        lr,
        decay=alpha,
        eps=eps,
        eps_in_sqrt=False,
        centered=centered or None,
        momentum=momentum or None,
    )
    return _coupled(weight_decay, core), True, "torch: alpha 0.99, eps outside the root; optax: decay 0.9, eps inside"


def _adagrad(lr: float, lr_decay: float, weight_decay: float, initial_accumulator_value: float, eps: float) -> Words:
    rate = f"{lr!r} / (n + 2) ** 0.5" + (f" / (1 + n * {lr_decay!r})" if lr_decay else "")
    core = _scheduled(
        "rmsprop",
        _Code(f"lambda n: {rate}"),
        decay=_Code("lambda n: (n + 1.0) / (n + 2.0)"),  # JAX divides int32 by int32 in float32, with x64 on too
        eps=_Code(f"lambda n: {eps!r} / (n + 2) ** 0.5"),
        initial_scale=float(initial_accumulator_value),
        eps_in_sqrt=False,
    )
    note = "optax.adagrad has eps inside the root and starts at 0.1: take the running mean, which is the sum / (n + 2)"
    return _coupled(weight_decay, core), True, note


def _adamax(lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> Words:
    core = _optax("adamax", lr, b1=betas[0], b2=betas[1], eps=eps)
    return _coupled(weight_decay, core), True, "the same formula"


def _adadelta(lr: float, rho: float, eps: float, weight_decay: float) -> Words:
    return _coupled(weight_decay, _optax("adadelta", lr, rho=rho, eps=eps)), True, "the same formula"


def _nadam(lr: float, betas: tuple[float, float], eps: float, weight_decay: float, momentum_decay: float) -> Words:
    core = _coupled(weight_decay, _optax("nadam", lr, b1=betas[0], b2=betas[1], eps=eps))
    if 0.96**momentum_decay < 2.0**-60:
        return core, True, "a momentum_decay this large switches torch's momentum schedule off; optax has none"
    note = (
        "torch warms the look-ahead's momentum up by a schedule of its own (momentum_decay); optax has one b1 for both"
    )
    return core, False, note


def _radam(lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> Words:
    b1, b2 = betas
    small = _Code(f"lambda n: {eps!r} / (1 - {b2!r} ** (n + 1)) ** 0.5")
    core = _scheduled("radam", lr, b1=b1, b2=b2, eps=small)
    return _coupled(weight_decay, core), True, "torch adds eps before the bias correction, optax after: schedule eps"


def _rprop(lr: float, etas: tuple[float, float], step_sizes: tuple[float, float]) -> Words:
    core = _optax(
        "rprop", lr, eta_minus=etas[0], eta_plus=etas[1], min_step_size=step_sizes[0], max_step_size=step_sizes[1]
    )
    return core, False, "optax makes each move one gradient late, its first step none, and has scaled the next by then"


def _lbfgs(lr: float, max_iter: int, tolerance_grad: float, tolerance_change: float, history_size: int) -> Words:
    core = _optax("lbfgs", lr, memory_size=history_size, linesearch=_Code("None"))
    note = (
        "the same iteration at first, but torch scales its first step by another norm, takes max_iter iterations a "
        "step, drops pairs of small curvature and stops by tolerances; optax searches a line unless told not to"
    )
    return core, False, note


_TABLE: dict[str, tuple[str, dict[str, Any], Callable[..., Words]]] = {
    "sgd": ("SGD", RULES["sgd"].defaults, _sgd),
    "adam": ("Adam", RULES["adam"].defaults, _adam),
    "adamw": ("AdamW", RULES["adamw"].defaults, _adamw),
    "rmsprop": ("RMSprop", RULES["rmsprop"].defaults, _rmsprop),
    "adagrad": ("Adagrad", RULES["adagrad"].defaults, _adagrad),
    "adamax": ("Adamax", RULES["adamax"].defaults, _adamax),
    "adadelta": ("Adadelta", RULES["adadelta"].defaults, _adadelta),
    "nadam": ("NAdam", RULES["nadam"].defaults, _nadam),
    "radam": ("RAdam", RULES["radam"].defaults, _radam),
    "rprop": ("Rprop", {"lr": 1e-2, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50)}, _rprop),
    "lbfgs": (
        "LBFGS",
        {"lr": 1, "max_iter": 20, "tolerance_grad": 1e-7, "tolerance_change": 1e-9, "history_size": 100},
        _lbfgs,
    ),
}
