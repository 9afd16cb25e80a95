"""``check``: anybody's torch module against anybody's JAX function, at the same parameters on the same batch.

``layout.py`` maps the parameters, ``sides.py`` asks both frameworks, ``spread.py`` measures what rounding alone can
do, ``diagnosis.py`` says why two sides differ, ``check_report.py`` prints it. There is no tolerance to give.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..show import Verdict
from ..truth.ulp import round_to, ulp
from ..twins import check_learning_rate, check_seed, check_whole
from .arrays import UnfitError, as_arrays
from .causes import find_cause
from .mapping import Layout, Point, build_tree, check_leaves, read_layout
from .measured import bound_float32, distance, measure, promises
from .report import Measured, Report, Row
from .sides import FRAMEWORKS, N_DIRECTIONS, Plan, Side, Where, flat, index, load_foreign, longest_axis, place_in

MOST = 10_000
"""Steps, and samples: each is a call of both programs, and of more nobody waits for the end."""


def check(
    torch_model: Any,
    jax_loss: Callable[[Any, Any], Any],
    batch: Any,
    params: Mapping[str, Any] | None = None,
    *,
    torch_loss: Callable[[Any, Any], Any] | None = None,
    jax_params: Any = None,
    steps: int = 3,
    learning_rate: float | None = None,
    samples: int = 16,
    seed: int = 0,
    device: str = "cpu",
) -> Report:
    """Whether a torch module and a JAX function are the same function, to what rounding allows.

    Args:
        torch_model: a ``torch.nn.Module``; its parameters as they are now are the point. It is left as it was.
        jax_loss: ``jax_loss(params, batch)``, one number.
        batch: arrays in dicts, lists and tuples. Floats are cast to each format, whole numbers stay as they are.
        params: from torch names to places in the JAX tree (``layout.py``); without it, names are paths.
        torch_loss: ``torch_loss(torch_model, batch)``, one number; without it ``torch_model(batch)`` is the loss.
        jax_params: the JAX tree, where it is more than dicts and lists. Its values are compared too, unless its leaves
            are ``jax.ShapeDtypeStruct``; all else is judged at the torch parameters.
        steps: of plain gradient descent, each of which is compared.
        learning_rate: of those; by itself a power of 2 that moves the parameters by about 1 %.
        samples: neighbouring points at which rounding is measured, per format; at least 4.
        seed: of those points, and of the directions of slopes and Hessian-vector products.
        device: "cpu" or "cuda", for both sides.

    Raises:
        ValueError: for input that cannot be checked. The message names the side, the quantity and the remedy.
    """
    _check_numbers(steps, samples, seed, learning_rate)
    if not callable(jax_loss):
        raise UnfitError(f"jax_loss is a {type(jax_loss).__name__}; give a function of (params, batch)")
    torch, jax = (load_foreign(name) for name in FRAMEWORKS)
    here = Where(_point(torch, torch_model), as_arrays(batch))
    layout = read_layout(params, here.point)
    leaves = None if jax_params is None else jax.point_of(jax_params)
    if leaves is not None:
        check_leaves(layout, leaves)
    tree = build_tree(layout) if jax_params is None else jax_params
    sides = (
        Side("PyTorch", torch, torch_model, torch_loss, layout, device),
        Side("JAX", jax, tree, jax_loss, layout, device),
    )
    here.rounded("float32")  # refuses what float32 cannot hold, before anything runs
    restless = torch.restless(torch_model)
    for side in sides:
        _check_same_twice(side, here, restless)
    plan = plan_for(sides[0], here, steps, learning_rate, seed)
    spreads = tuple(measure(side, here, plan, samples=samples, seed=seed) for side in sides)
    measured = Measured(sides, here, plan, (spreads[0], spreads[1]), samples, restless)
    rows = tuple(rows_of(measured, {} if leaves is None else _unequal(layout, here.point, leaves)))
    outside = [row for row in rows if row.verdict == "OUTSIDE"]
    unsure = any(row.verdict == "no promise" for row in rows)
    return Report(
        verdict="OUTSIDE" if outside else "no promise" if unsure else "within",
        rows=rows,
        first=outside[0] if outside else None,
        cause=find_cause(measured, rows) if outside else "",
        notes=tuple(_notes(measured)),
        places={name: place.leaf for name, place in layout.places.items()},
        setting={"steps": steps, "learning_rate": plan.rate, "samples": samples, "seed": seed, "device": device},
        versions={**torch.versions(), **jax.versions()},
    )


def _check_numbers(steps: Any, samples: Any, seed: Any, learning_rate: Any) -> None:
    """Raises UnfitError where one is out of its range, before anything runs."""
    try:
        check_whole("steps", steps, most=MOST)
        check_whole("samples", samples, least=4, most=MOST)
        check_seed(seed)
        if learning_rate is not None:
            check_learning_rate(learning_rate)
            check_learning_rate(float(round_to(learning_rate, "float32")))
    except ValueError as error:
        raise UnfitError(str(error)) from error


def _point(torch: Any, model: Any) -> Point:
    point = {name: np.asarray(array, dtype=np.float64) for name, array in torch.point_of(model).items()}
    if not point:
        raise UnfitError("the PyTorch model has no parameters; give one that has, or there is nothing to differentiate")
    lost = [name for name, array in point.items() if not np.isfinite(array).all()]
    if lost:
        raise UnfitError(f"the PyTorch parameters {', '.join(lost)} are not finite; give a model before it diverges")
    return point


def _check_same_twice(side: Side, here: Where, restless: list[str]) -> None:
    """A float64 loss that comes out differently by more than float32 could round it is drawn, not rounded."""
    one, two = side.loss_twice(here)
    if abs(one - two) > ulp(one, "float32"):
        parts = f" (in training: {', '.join(restless)})" if restless and side.name == "PyTorch" else ""
        cure = (
            f"call model.eval(), or take the chance out{parts}" if side.name == "PyTorch" else "draw with a fixed key"
        )
        raise UnfitError(
            f"the {side.name} loss is {one:.6g}, then {two:.6g}, at the same point: chance is in it; {cure}"
        )


def plan_for(side: Side, here: Where, steps: int, rate: float | None, seed: int) -> Plan:
    """Directions of +1 and -1, which every format holds; a rate that every format holds."""
    rng = np.random.RandomState(seed)
    directions = [
        {name: np.where(rng.random_sample(array.shape) < 0.5, -1.0, 1.0) for name, array in here.point.items()}
        for _ in range(N_DIRECTIONS)
    ]
    if rate is None:
        seen = side.observe(here, Plan([], 0.0, 0), "float64")
        slope = np.linalg.norm([np.linalg.norm(g) for name, g in seen.items() if name.startswith("gradient")])
        length = max(1.0, float(np.linalg.norm(flat(here.point))))
        rate = 2.0 ** np.round(np.log2(0.01 * length / slope)) if np.isfinite(slope) and slope > 0 else 1.0
    return Plan(directions, float(round_to(rate, "float32")), steps)


def _unequal(layout: Layout, point: Point, leaves: Point) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Torch's and JAX's values of every parameter, both in the coarser of their formats; none for shapes alone."""
    with_values = {name: leaf for name, leaf in leaves.items() if not np.ma.isMaskedArray(leaf)}
    known = {name: place for name, place in layout.places.items() if place.leaf in with_values}
    narrow = any(leaf.dtype == np.float32 for leaf in with_values.values())
    theirs = Layout(known).to_torch({name: np.asarray(leaf, dtype=np.float64) for name, leaf in with_values.items()})
    as_both = (lambda x: round_to(x, "float32")) if narrow else (lambda x: x)
    return {name: (as_both(point[name]), as_both(theirs[name])) for name in known}


def rows_of(m: Measured, values: dict[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[Row]:
    """Every quantity judged: the values of parameters, where there are two; then float64, then float32."""
    names = tuple(side.name for side in m.sides)
    for name, (ours, theirs) in values.items():
        yield _row("float64", f"parameter {name}", names, ours, theirs, 0.0, 0.0, index)
    a, b = m.spreads
    common = [name for name in a.float64 if name in b.float64]
    for name in common:
        scale = _scale(name, a.float64, b.float64)
        yield _row("float64", name, names, a.float64[name], b.float64[name], m.bound(name), scale, _locator(m, name))
    terms = longest_axis(m.here)
    for name in common:
        for side, own, other in ((m.sides[0], a, b), (m.sides[1], b, a)):
            if name not in own.float32 or name not in other.float32:
                continue
            limit = bound_float32(name, own, other, m.samples, terms)
            judges = (own.in_float64[name], other.in_float64[name])
            farther = max(judges, key=lambda judge: distance(own.float32[name], judge))
            scale = _scale(name, own.in_float64, other.in_float64)
            yield _row("float32", name, (side.name,), own.float32[name], farther, limit, scale, _locator(m, name))


def _row(dtype, quantity, of, values, other, bound, scale, locate) -> Row:
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.ravel(values - other))
    error, size = distance(values, other), max(distance(values, np.zeros(1)), distance(other, np.zeros(1)))
    where = locate(np.shape(values), int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))) if error else ""
    clear = bound == 0 or (promises(bound, scale) if dtype == "float64" else bound < scale)
    verdict: Verdict = "OUTSIDE" if not error <= bound or np.isinf(error) else "within" if clear else "no promise"
    return Row(dtype, quantity, of, error, bound, size, where, verdict)


def _scale(name: str, a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    """The whole that a quantity is a part of: the gradient for its parts and slopes, else the quantity itself."""
    kind = "gradient of" if name.startswith(("gradient", "slope")) else name
    return max(
        float(np.sqrt(sum(distance(value, np.zeros(1)) ** 2 for n, value in seen.items() if n.startswith(kind))))
        for seen in (a, b)
    )


def _locator(m: Measured, name: str) -> Callable[[tuple[int, ...], int], str]:
    if name.startswith(("Hessian", "step")):
        return lambda shape, k: place_in(m.here.point, k)
    return index


def _notes(m: Measured) -> Iterator[str]:
    for side in m.sides:
        for kind, reason in side.gaps.items():
            yield f"No {kind} was compared: {side.name} has none of this model ({reason})."
    if m.restless:
        yield (
            f"The PyTorch model is in training mode: {', '.join(m.restless)}. If the JAX function is written for "
            f"evaluation (running averages, no dropout), call model.eval() first."
        )
    if any(np.isinf(a) for spread in m.spreads for a in spread.rounding.values()):
        yield "Some float32 results are not finite; there the float64 bound rests on the response to one ulp alone."
