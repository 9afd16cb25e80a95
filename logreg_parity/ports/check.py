"""``check``: anybody's two programs, at the same parameters on the same batch.

``programs.py`` reads what is given, ``mapping.py`` maps the parameters, ``sides.py`` asks both, ``measured.py``
measures what rounding can do, ``causes.py`` says why they differ, ``report.py`` prints it. There is no tolerance.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..data.dataset import real_numbers
from ..show import Verdict
from ..truth.ulp import FORMATS, format_of, round_to, ulp
from ..twins import check_learning_rate, check_seed, check_whole
from ..users import shortly
from .alternatives import confusion, moved_state
from .arrays import UnfitError, as_arrays, map_arrays
from .causes import UNKNOWN, find_cause
from .edits import other_constant, other_way
from .exact import lost_digits, worst_function
from .formula import Formula, compare, followed, in_a_sentence
from .inferred import proposals
from .localise import localise
from .mapping import Layout, Point, as_mapping, build_tree, check_leaves, read_layout
from .measured import bound_float64, bound_narrow, distance, least, measure, promises
from .programs import ForeignProgram, as_program, with_names
from .recording import RecordedOperation
from .report import Measured, Outcome, Report, Row
from .sides import N_DIRECTIONS, Plan, Side, Where, flat, index, longest_axis, place_in

MOST = 10_000
"""Steps, and samples: each is a call of both programs, and of more nobody waits for the end."""
LARGE = 1_000_000
"""Parameters from which on fewer points, directions and steps are asked, where nothing is said of them."""


def check(
    first: Any,
    second: Any,
    batch: Any,
    params: Mapping[str, Any] | None = None,
    *,
    torch_loss: Callable[[Any, Any], Any] | None = None,
    jax_params: Any = None,
    steps: int | None = None,
    learning_rate: float | None = None,
    samples: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    exact: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Whether two programs are the same function, to what rounding allows.

    A program is a ``torch.nn.Module``; a JAX function of (params, batch); either with what belongs to it,
    (module, loss) or (function, params); or a ``ForeignProgram``, for NumPy, names and devices. The parameters of the
    first, as they are now, are the point; it is left as it was. Loss and gradient are judged first, then slopes and
    Hessian products, then steps; where one part is outside, what comes after it is not asked.

    Args:
        first: the original, most often a ``torch.nn.Module``. It needs parameters of its own.
        second: the port, most often a JAX function.
        batch: arrays in dicts, lists and tuples. Floats are cast to each format, whole numbers stay as they are.
        params: from names in the first to places in the second (``mapping.py``). Without it names are paths; where the
            second has a tree of its own, the mapping is inferred (``inferred.py``) and reported.
        torch_loss: ``torch_loss(first, batch)``, one number; without it ``first(batch)`` is the loss.
        jax_params: the tree of the second, where it is more than dicts and lists. Its values are compared too, unless
            its leaves are ``jax.ShapeDtypeStruct``; all else is judged at the parameters of the first.
        steps: of plain gradient descent, each of which is compared; by itself 3.
        learning_rate: of those; by itself a power of 2 that moves the parameters by about 1 %.
        samples: neighbouring points at which rounding is measured, per format; at least 4, and by itself 16. A large
            model (``LARGE``) is asked by itself at 4 points, for one slope, one Hessian product and no steps.
        seed: of those points, and of the directions of slopes and Hessian-vector products.
        device: "cpu" or "cuda", for both sides.
        exact: whether both are evaluated exactly too, where they hold no more than ``recording.LARGEST`` numbers.
        say: told what is being done, in a few words.

    Returns:
        What was found; ``print(report)`` shows it.

    Raises:
        ValueError: for input that cannot be checked. The message names the side, the quantity and the remedy.
    """
    _check_numbers(steps, samples, seed, learning_rate)
    if not callable(say):
        raise UnfitError(f"say is {shortly(say)}; give a function of a text, print for one")
    one, two = with_names(*_programs(first, second, torch_loss, jax_params))
    sides, here, unequal = _sides(one, two, batch, params, device)
    coarse = here.rounded(sides[0].narrow)  # refuses what the format cannot hold, before anything runs
    restless = one.foreign.restless(one.model)
    _project(sides, here, restless)
    for side in sides:
        side.prepare(here, coarse, exact)
    large = sum(array.size for array in here.point.values()) > LARGE
    for side in sides:
        _check_same_twice(side, here, restless)
    samples = samples or (4 if large else 16)
    plan = plan_for(sides[0], here, (0 if large else 3) if steps is None else steps, learning_rate, seed, large)
    measured, rows, notes = _measured(sides, here, coarse, plan, samples, seed, restless, unequal, say)
    say("exact value")
    formula = compare(sides, here) if exact else Formula("no statement", "it was not asked for")
    moved = list(_moved(formula, measured))
    rows = (*rows, *(row for row, _ in moved))
    outside = [row for row in rows if row.verdict == "OUTSIDE"]
    unsure = any(row.verdict == "no promise" for row in rows)
    verdict: Outcome = "OUTSIDE" if outside else "no promise" if unsure else "within"
    say("cause")
    cause = (moved[0][1] if moved else find_cause(measured, rows)) if outside else ""
    parting: tuple[str, ...] = ()
    if verdict != "within" and (kink := _kink(measured, rows)):
        verdict, cause = "no promise", kink
    elif outside and formula.verdict == "the same" and (why := _only_rounding(formula, measured, outside)):
        verdict, cause = why
    elif outside:
        if exact and formula.recordings is None:
            formula = followed(formula, sides, here)
        partings = localise(formula, sides)
        parting = tuple(part.words for part in partings if part is not None)
        known = not cause.startswith(UNKNOWN)
        proved = other_constant(formula, sides, here)
        proved = proved or ("" if known else confusion(formula, partings) or other_way(formula, sides, partings))
        cause = f"{proved} {cause.removeprefix(UNKNOWN).strip()}".strip() if proved else cause
    layout = sides[1].layout
    assert layout is not None
    return Report(
        verdict=verdict,
        rows=rows,
        first=outside[0] if outside else None,
        cause=cause,
        notes=(*_mixed(one, sides[0].narrow), *_notes(measured), *notes, *_casts(formula, sides)),
        places=layout.leaves,
        setting={
            "steps": plan.steps,
            "learning_rate": plan.rate,
            "samples": samples,
            "seed": seed,
            "device": device,
        },
        narrow=sides[0].narrow,
        versions={**one.foreign.versions(), **two.foreign.versions()},
        names=(one.name, two.name),
        formula=formula.verdict,
        exactly=in_a_sentence(formula, sides),
        parting=parting,
        mapping=as_mapping(layout),
    )


def _measured(
    sides: tuple[Side, Side],
    here: Where,
    coarse: Where,
    plan: Plan,
    samples: int,
    seed: int,
    restless: list[str],
    rows: list[Row],
    say: Callable[[str], None],
) -> tuple[Measured, tuple[Row, ...], list[str]]:
    """One stage after the other, until one is outside: what was measured, the rows, and notes.

    Of a stage that passes no more is kept than causes are made of; ``rows`` has what was judged before the first.
    """
    kept: Measured | None = None
    notes: list[str] = []
    for stage, rest in ((stage, plan.stages[k + 1 :]) for k, stage in enumerate(plan.stages)):
        a, b = measure(sides, here, coarse, plan, stage, samples=samples, seed=seed, say=say)
        whole = (a, b) if kept is None else (kept.spreads[0].joined(a), kept.spreads[1].joined(b))
        measured = Measured(sides, here, plan, whole, samples, restless)
        rows += rows_of(measured, a.float64)
        notes += _contradictions(measured, a.float64)
        if any(row.verdict == "OUTSIDE" for row in rows):
            if kept is not None:
                for side, spread in zip(sides, whole, strict=True):  # what causes are made of
                    spread.float64.update(side.observe(here, plan, "gradient", "float64"))
            kept = measured
            for side in sides:
                side.stop()
            if rest:
                notes.append(f"Not asked, as the two differ before: {', '.join(rest)}.")
            break
        slopes = any(each.startswith("slope") for each in rest)
        kept = measured._replace(spreads=(whole[0].reduced(slopes), whole[1].reduced(slopes)))
        del measured, whole, a, b  # before the next stage makes its own
    assert kept is not None
    if (narrow := sides[0].narrow) != "float32":
        blind = [row for row in rows if row.dtype == narrow and row.verdict == "no promise"]
        rows = [row for row in rows if row not in blind]
        if blind:
            names = ", ".join(dict.fromkeys(row.quantity for row in blind))
            notes.append(f"In {narrow} rounding alone can be as large as the {names}: judged in float64 only.")
    order = {"float64": 0}
    return kept, tuple(sorted(rows, key=lambda row: order.get(row.dtype, 1))), notes


def _check_numbers(steps: Any, samples: Any, seed: Any, learning_rate: Any) -> None:
    """Raises UnfitError where one is out of its range, before anything runs."""
    try:
        if steps is not None:
            check_whole("steps", steps, most=MOST)
        if samples is not None:
            check_whole("samples", samples, least=4, most=MOST)
        check_seed(seed)
        if learning_rate is not None:
            check_learning_rate(learning_rate)
            check_learning_rate(float(round_to(learning_rate, "float32")))
    except ValueError as error:
        raise UnfitError(str(error)) from error


def _programs(first: Any, second: Any, loss: Any, tree: Any) -> tuple[ForeignProgram, ForeignProgram]:
    """Both programs, with what is given beside them."""
    if loss is not None:
        first = (first, loss)
    if tree is not None:
        second = (second, tree)
    return as_program(first, "first"), as_program(second, "second")


def _sides(
    one: ForeignProgram, two: ForeignProgram, batch: Any, params: Mapping[str, Any] | None, device: str
) -> tuple[tuple[Side, Side], Where, list[Row]]:
    """The sides, the point they are asked at, and the parameters judged, where the second has some of its own."""
    if one.model is None:
        raise UnfitError(
            f"the first program, {one.name}, has no parameters beside it; give (function, params), or a torch.nn.Module"
        )
    here = Where(_point(one), as_arrays(batch), one.foreign.state_of(one.model))
    leaves = None if two.model is None else two.foreign.point_of(two.model)
    if params is None and leaves is not None:
        layout = _inferred(one, two, here, leaves, device)
    else:
        layout = read_layout(params, here.point, here.state)
    if leaves is not None:
        check_leaves(layout, leaves)
    tree = build_tree(layout) if two.model is None else two.model
    narrow = min(one.foreign.formats_of(one.model), key=_precision)
    narrow = narrow if _precision(narrow) < _precision("float32") else "float32"
    sides = (
        Side(one.name, one.foreign, one.model, one.loss, None, one.device or device, narrow),
        Side(two.name, two.foreign, tree, two.loss, layout, two.device or device, narrow),
    )
    return sides, here, [] if leaves is None else list(_unequal(layout, {**here.point, **here.state}, leaves, sides))


def _precision(name: str) -> int:
    return format_of(name).precision if name in FORMATS else 99


def _inferred(one: ForeignProgram, two: ForeignProgram, here: Where, leaves: Point, device: str) -> Layout:
    """The likeliest mapping, or where several fit, the first at which the losses agree as far as float32 tells."""
    likeliest: Layout | None = None
    first = Side(one.name, one.foreign, one.model, one.loss, None, one.device or device)
    second = Side(two.name, two.foreign, two.model, two.loss, None, two.device or device)
    wanted: list[np.ndarray] = []
    tied = one.foreign.tied(one.model)
    proposed = proposals(here.point, here.state, leaves, tied)
    layouts = (read_layout(mapping, here.point, here.state) for mapping in proposed)
    for k, layout in enumerate(layouts):
        likeliest = likeliest or layout
        if k == 1:
            wanted = list(first.outputs(here, "float64").values())
            if _alike(wanted, second, here, likeliest):
                return likeliest
        if k and _alike(wanted, second, here, layout):
            return layout
    assert likeliest is not None
    return likeliest


def _alike(wanted: list[np.ndarray], second: Side, here: Where, layout: Layout) -> bool:
    """Whether the outputs agree, one by one, to half of float32's digits."""
    if here.state:  # which a program is made with
        second.models.clear()
    second.layout = layout
    found = list(second.outputs(here, "float64").values())
    if [a.shape for a in wanted] != [b.shape for b in found]:
        return False
    near = 2.0**-12
    return all(
        distance(a, b) <= near * max(distance(a, 0 * a), distance(b, 0 * b)) for a, b in zip(wanted, found, strict=True)
    )


def _point(one: ForeignProgram) -> Point:
    try:
        point = {
            name: real_numbers(a, name or "the tree", finite=False)
            for name, a in one.foreign.point_of(one.model).items()
        }
    except UnfitError:
        raise
    except ValueError as error:  # what is no number, or a shape without numbers
        raise UnfitError(f"the {one.name} parameters are no numbers: {error}") from error
    if not point:
        raise UnfitError(
            f"the {one.name} model has no parameters; give one that has, or there is nothing to differentiate"
        )
    lost = [name for name, array in point.items() if not np.isfinite(array).all()]
    if lost:
        raise UnfitError(f"the {one.name} parameters {', '.join(lost)} are not finite; give a model before it diverges")
    return point


def _project(sides: tuple[Side, Side], here: Where, restless: list[str]) -> None:
    """Where both programs give more than one number, their outputs are summed to one, each times a number of its own.

    Raises UnfitError where they give outputs of different shapes, and where chance is in the first.
    """
    one = _shapes(sides[0], here)
    if one == [()]:
        _check_same_twice(sides[0], here, restless)
    try:
        two = _shapes(sides[1], here)
    except UnfitError:
        if one != [()]:
            sides[0].loss(here)  # says what is wrong with the first
        raise
    for side in sides:
        side.project = [()] not in (one, two)
    if [()] not in (one, two) and one != two:
        raise UnfitError(
            f"{sides[0].name} gives outputs of shapes {one}, {sides[1].name} of {two}; return the same from both"
        )


def _shapes(side: Side, here: Where) -> list[tuple[int, ...]]:
    return [out.shape for out in side.outputs(here, "float64").values()]


def _check_same_twice(side: Side, here: Where, restless: list[str]) -> None:
    """A float64 loss that comes out differently by more than float32 could round it is drawn, not rounded."""
    one, two = side.loss_twice(here)
    if abs(one - two) > ulp(one, "float32"):
        parts = f" (in training: {', '.join(restless)})" if restless and side.layout is None else ""
        cure = f"call model.eval(), or take the chance out{parts}" if side.layout is None else "draw with a fixed key"
        raise UnfitError(
            f"the {side.name} loss is {one:.6g}, then {two:.6g}, at the same point: chance is in it; {cure}"
        )


def plan_for(side: Side, here: Where, steps: int, rate: float | None, seed: int, large: bool = False) -> Plan:
    """Directions of +1 and -1, which every format holds; a rate that every format holds."""
    rng = np.random.RandomState(seed)
    directions = [
        {name: np.where(rng.random_sample(x.shape) < 0.5, -1, 1).astype(np.int8) for name, x in here.point.items()}
        for _ in range(1 if large else N_DIRECTIONS)
    ]
    if rate is None:
        slope = np.linalg.norm([np.linalg.norm(part) for part in side.value_and_grad(here)[1].values()])
        length = max(1.0, float(np.linalg.norm(flat(here.point))))
        rate = 2.0 ** np.round(np.log2(0.01 * length / slope)) if np.isfinite(slope) and slope > 0 else 1.0
    return Plan(directions, float(round_to(rate, side.narrow)), steps)


def _unequal(layout: Layout, point: Point, leaves: Point, sides: tuple[Side, Side]) -> Iterator[Row]:
    """Both sides' values of every leaf judged, both in the coarser of their formats; none for shapes alone."""
    with_values = {name: leaf for name, leaf in leaves.items() if not np.ma.isMaskedArray(leaf)}
    narrow = any(leaf.dtype == np.float32 for leaf in with_values.values())
    as_both = (lambda x: round_to(x, "float32")) if narrow else (lambda x: x)
    if layout.only_moves:  # one after the other: large ones are not copied all at once
        alone = (Layout({name: places}) for name, places in layout.places.items())
        pairs = ((n, point[n], x) for each in alone for n, x in each.to_torch(with_values).items())
    else:
        ours = layout.to_jax(point)
        pairs = ((name, ours[name], leaf) for name, leaf in with_values.items())
    of = tuple(side.name for side in sides)
    for name, one, two in pairs:
        values = as_both(one), as_both(np.asarray(two, np.float64))
        yield _row("float64", f"parameter {name}", of, *values, 0.0, 0.0, index)


def rows_of(m: Measured, names: Collection[str] | None = None) -> Iterator[Row]:
    """Quantities judged: in float64, then in the narrow format.

    Args:
        m: what was measured.
        names: the quantities; all.
    """
    of = tuple(side.name for side in m.sides)
    a, b = m.spreads
    asked = a.float64 if names is None else names
    common = [name for name in asked if a.has(name) and b.has(name) and not _contradicts(m, name)]
    for name in common:
        scale = _scale(name, a.float64, b.float64)
        yield _row("float64", name, of, a.float64[name], b.float64[name], m.bound(name), scale, _locator(m, name))
    terms, narrow = longest_axis(m.here), m.sides[0].narrow
    for name in common:
        for side, own, other in ((m.sides[0], a, b), (m.sides[1], b, a)):
            limit = bound_narrow(name, own, other, m.samples, terms, narrow)
            judges = (own.in_float64[name], other.in_float64[name])
            farther = max(judges, key=lambda judge: distance(own.narrow[name], judge))
            scale = _scale(name, own.float64 | own.in_float64, other.float64 | other.in_float64)
            yield _row(narrow, name, (side.name,), own.narrow[name], farther, limit, scale, _locator(m, name))


def _contradicts(m: Measured, name: str) -> str:
    """The side whose slope is not what its own gradient says; "" for any other quantity, and where there is none.

    A framework may cut in reverse mode what it keeps in forward mode; against the other side that says nothing.
    """
    if not name.startswith("slope"):
        return ""
    along = m.plan.directions[int(name.removeprefix("slope ")) - 1]
    for side, spread in zip(m.sides, m.spreads, strict=True):
        gradient = {n: spread.float64[f"gradient of {n}"] for n in along if f"gradient of {n}" in spread.float64}
        if not spread.has(name) or len(gradient) < len(along):
            continue
        slope = sum(float((gradient[n] * along[n]).sum()) for n in along)
        bound = partial(bound_float64, spreads=[spread], samples=m.samples, narrow=side.narrow)
        parts = (np.sqrt(along[n].size) * bound(f"gradient of {n}") for n in along)
        if abs(slope - float(spread.float64[name])) > bound(name) + sum(parts):
            return side.name
    return ""


def _row(
    dtype: str,
    quantity: str,
    of: tuple[str, ...],
    values: np.ndarray,
    other: np.ndarray,
    bound: float,
    scale: float,
    locate: Callable[[tuple[int, ...], int], str],
) -> Row:
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.ravel(values - other))
    error, size = distance(values, other), max(distance(values, np.zeros(1)), distance(other, np.zeros(1)))
    where = locate(np.shape(values), int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))) if error else ""
    zero = bound <= 2 * least(dtype, values)
    clear = zero or (promises(bound, scale) if dtype == "float64" else bound < scale)
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


def _moved(formula: Formula, m: Measured) -> Iterator[tuple[Row, str]]:
    """Buffers that the second program moves otherwise without returning them: (row, words)."""
    one, two = (side.name for side in m.sides)
    after = {n.removesuffix(" after a pass"): x for n, x in m.spreads[0].float64.items() if n.endswith("after a pass")}
    alone = {n: x for n, x in after.items() if f"{n} after a pass" not in m.spreads[1].float64}
    for found in moved_state(formula, m.here.state, alone):
        new, other = found.values
        bound = m.spreads[0].response.get(f"{found.name} after a pass", 0.0)
        quantity = f"{found.name} after a pass"
        size = max(distance(new, 0 * new), distance(other, 0 * other))
        yield (
            Row("float64", quantity, (one, two), distance(new, other), bound, size, "", "OUTSIDE"),
            f"{two} moves {found.name} {found.factor:.6g} times as far as {one} does in a pass ({found.where}): "
            f"another momentum, or 1 less it (PyTorch's 0.1 is 0.9 elsewhere). The loss of this pass does not show it.",
        )


JUDGED = ("loss", "output", "gradient", "step")
"""Quantities that the exact values of loss and gradient speak of."""


def _only_rounding(formula: Formula, m: Measured, outside: list[Row]) -> tuple[Outcome, str] | None:
    """What is said in the place of OUTSIDE where the formulas are one: whose function is off, or who loses digits.

    None where the difference is none of float64, or of something the exact values do not speak of, or a cast's.
    """
    assert formula.recordings is not None and formula.values is not None
    if any(row.dtype != "float64" or row.quantity.startswith("parameter") for row in outside):
        return None
    if any(_narrows(operation) for recording in formula.recordings for operation in recording.operations):
        return None
    found = [(worst_function(r), side.name) for r, side in zip(formula.recordings, m.sides, strict=True)]
    off = [f"{name}'s {f.name}{f.at} is {f.error:.2g} off ({f.ulps:.0f} ulp)" for f, name in found if f]
    exact = [name for f, name in found if not f]
    if off:
        good = f", {exact[0]}'s functions are exact to rounding" if exact else ""
        return "library", f"{'; '.join(off)}{good}: the port is right, the library is not."
    if not all(row.quantity.startswith(JUDGED) for row in outside):
        return None
    words = []
    for recording, values, side in zip(formula.recordings, formula.values, m.sides, strict=True):
        if lost := lost_digits(recording, values):
            words.append(f"{side.name} loses digits in {lost[0].title} ({lost[0].place}), a factor {lost[1]:.2g}.")
    return "no promise", " ".join(["The formulas are one; the difference in float64 is rounding.", *words])


def _casts(formula: Formula, sides: tuple[Side, Side]) -> Iterator[str]:
    """Where a program leaves float64 on its own account."""
    for side, recording in zip(sides, formula.recordings or (), strict=False):
        operations = (recording.operations[place] for place in sorted(recording.needed()))
        found = {f"{o.options['dtype']} ({o.place})": None for o in operations if _narrows(o)}
        if found:
            yield f"In the float64 run {side.name} casts to {', '.join(list(found)[:5])}."


def _narrows(operation: RecordedOperation) -> bool:
    return operation.word == "cast" and operation.options.get("dtype") in ("float32", "float16", "bfloat16")


STEP = 2.0**-20  # of the largest number of an array: far above rounding, far below anything a model is made for


def _kink(m: Measured, rows: tuple[Row, ...]) -> str:
    """Words where the sides differ at this very point and agree a little beside it; "" where they do not.

    At a kink (a tie under max, the absolute value of 0) every convention for the derivative is right.
    """
    off = [row for row in rows if row.verdict != "within"]
    if any(row.quantity == "loss" or row.quantity.startswith(("output", "parameter")) for row in off):
        return ""
    if not any(row.quantity.startswith("gradient") for row in off):
        return ""
    rng = np.random.RandomState(1)

    def beside(x: np.ndarray) -> np.ndarray:
        size = np.abs(x).max(initial=0) or 1.0
        return x + STEP * size * (1 + rng.random_sample(x.shape)) * rng.choice([-1, 1], x.shape)

    there = Where(
        {name: beside(x) for name, x in m.here.point.items()},
        map_arrays(lambda name, x: beside(x) if x.dtype.kind == "f" else x, m.here.batch),
        m.here.state,
    )
    plan = Plan([], 0.0, 0)
    try:
        spreads = measure(m.sides, there, there.rounded(m.sides[0].narrow), plan, samples=4, seed=0)
    except UnfitError:
        return ""
    moved = Measured(m.sides, there, plan, (spreads[0], spreads[1]), 4, m.restless)
    if any(row.verdict != "within" for row in rows_of(moved)):
        return ""
    names = ", ".join(dict.fromkeys(row.quantity for row in off if row.quantity.startswith("gradient")))
    lost = [
        s.name
        for s, at in zip(m.sides, m.spreads, strict=True)
        if not all(map(np.all, map(np.isfinite, at.float64.values())))
    ]
    nan = f" The gradient of {' and of '.join(lost)} is NaN there, which training does not survive." if lost else ""
    return (
        f"The point is on a kink: the losses agree, the {names} does not, and with every number moved by some 1e-6 of "
        f"its array's largest all of them agree. At a kink (a tie under max, abs or a norm at 0) each convention for "
        f"the derivative is right.{nan} To have it judged, move the numbers that stand on it."
    )


def _mixed(one: ForeignProgram, narrow: str) -> Iterator[str]:
    """That the parameters are not all kept in one format, where that is so."""
    formats = sorted({name for name in one.foreign.formats_of(one.model) if name in FORMATS}, key=_precision)
    if len(formats) > 1:
        yield (
            f"The {one.name} model keeps its parameters in {' and '.join(formats)}: all of them are judged in float64 "
            f"and, rounded to it, in {narrow}."
        )


def _notes(m: Measured) -> Iterator[str]:
    for side in m.sides:
        for kind, reason in side.gaps.items():
            yield f"No {kind} was compared: {side.name} has none of this model ({reason})."
        yield from side.notes
    one, two = (side.name for side in m.sides)
    changed = [name for name in m.spreads[0].float64 if name.endswith("after a pass")]
    if alone := [name for name in changed if name not in m.spreads[1].float64]:
        yield (
            f"A pass changes the {one} model's {', '.join(n.removesuffix(' after a pass') for n in alone)}, and {two} "
            f"returns no such state, so it was not compared: return (loss, new state), and map these buffers too."
        )
    if m.restless:
        yield (
            f"The {one} model is in training mode: {', '.join(m.restless)}. If the {two} function is written for "
            f"evaluation (running averages, no dropout), call model.eval() first."
        )
    if any(np.isinf(a) for spread in m.spreads for a in spread.rounding.values()):
        yield (
            f"Some {m.sides[0].narrow} results are not finite; there the float64 bound rests on the response to one "
            f"ulp alone."
        )


def _contradictions(m: Measured, names: Collection[str]) -> Iterator[str]:
    for name in names:
        if side_name := _contradicts(m, name):
            yield (
                f"{side_name}'s {name} contradicts its own gradient: forward and reverse mode differ there (a cut that "
                f"only one of them knows), so it was not held against the other side's."
            )
