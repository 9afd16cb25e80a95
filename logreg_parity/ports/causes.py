"""Why two sides of a check differ: one small detector a cause, tried in a fixed order; the first that fits wins.

"Fits" means within what rounding can do, as everywhere here. A detector returns a sentence with its evidence, or None.
``Case`` is what can be asked of the two sides.
"""

from collections.abc import Iterator
from itertools import combinations, islice, pairwise, permutations

import numpy as np

from ..truth.ulp import format_of, round_to
from .arrays import arrays_in
from .mapping import Layout
from .measured import Seen, bound_narrow, distance
from .report import Measured, Row
from .sides import Where, flat


class Case:
    """Two sides that differ: the quantities t of the first and j of the second in float64, and the rows outside."""

    def __init__(self, measured: Measured, rows: tuple[Row, ...]):
        self.m, self.rows = measured, rows
        self.t, self.j = (spread.float64 for spread in measured.spreads)
        self.outside = [row.quantity for row in rows if row.verdict == "OUTSIDE" and row.dtype == "float64"]
        self.gradients = [name for name in self.t if name.startswith("gradient")]
        self.off = [name for name in self.gradients if name in self.outside]
        self.loss_is_off = any(name == "loss" or name.startswith("output") for name in self.outside)
        self.one, self.two = (side.name for side in measured.sides)
        self.narrow = measured.sides[0].narrow

    def fits(self, quantity: str, candidate: np.ndarray, factor: float = 1.0) -> bool:
        """Whether the second's quantity is the candidate, which is some factor times the first's."""
        return distance(self.j[quantity], candidate) <= max(1.0, abs(factor)) * self.m.bound(quantity)

    def is_scaled(self, quantities: list[str], factor: float) -> bool:
        """Whether the second's quantities are the factor times the first's."""
        return bool(quantities) and all(self.fits(name, factor * self.t[name], factor) for name in quantities)

    def sides(self) -> Iterator[tuple[str, Seen, str, Seen]]:
        """(name, quantities) of each side, then of the other."""
        names = [side.name for side in self.m.sides]
        yield names[0], self.t, names[1], self.j
        yield names[1], self.j, names[0], self.t


def factors(c: Case) -> dict[float, str]:
    """What a factor would mean: a sign, a half, and the sizes there are in the batch."""
    words = {-1.0: "the other sign", 2.0: "a factor 2 too many or missing", 0.5: "a factor 1/2 too many or missing"}
    sizes: dict[int, str] = {}
    for name, array in arrays_in(c.m.here.batch):
        for axis, n in enumerate(array.shape):
            sizes.setdefault(n, f"the length of {name} along axis {axis}")
        sizes.setdefault(array.size, f"the numbers in {name}")
    for n, what in sizes.items():
        if n > 2:
            words |= {float(n): f"{n} is {what}, a sum in {c.two} where {c.one} takes a mean"}
            words |= {1 / n: f"1 / {n}, and {n} is {what}: a mean in {c.two} where {c.one} takes a sum"}
            words |= {n / (n - 1): f"N / (N - 1) with N = {n}, {what}", (n - 1) / n: f"(N - 1) / N, N = {n}, {what}"}
    return words


def parts(c: Case) -> str:
    """The parts of the gradient that are off."""
    names = ", ".join(name.removeprefix("gradient of ") for name in c.off)
    return "whole gradient" if len(c.off) == len(c.gradients) else f"gradient of {names}"


def orders(layout: Layout, two: str) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """(with what, the orders that are other) of everything that would fit the shapes of the second side too."""
    turned: dict[str, np.ndarray] = {}
    single = {name: places[0] for name, places in layout.places.items() if len(places) == 1}
    for name, place in single.items():
        plain = np.arange(int(np.prod(place.shape))).reshape(place.shape)
        for axes in permutations(range(plain.ndim)):
            other = plain.transpose(axes)
            if other.shape == place.order.shape and not np.array_equal(other, place.order):
                turned.setdefault(name, other)
                come = "untransposed" if axes == tuple(range(plain.ndim)) else f"with its axes in the order {axes}"
                come = "transposed" if axes == (1, 0) else come
                yield f"once {name} comes to {two}'s {place.leaf} {come}", {name: other}
    if len(turned) > 1:
        yield f"once {', '.join(turned)} come transposed, all of them", turned
    for (one, a), (other_name, b) in combinations(single.items(), 2):
        if a.shape == b.shape and a.order.shape == b.order.shape:
            yield f"once {one} and {other_name} change places", {one: b.order, other_name: a.order}


def held(seen: dict[str, np.ndarray], names: list[str], dtype: str) -> bool:
    """Whether all these quantities are numbers of a format."""
    every = [np.ravel(seen[name]) for name in names]
    if not any(values.any() for values in every):
        return False
    parts = ([values[:1000] for values in every], every)  # of large ones a few are enough to say no
    return all(_are_of(np.concatenate(part), dtype) for part in parts)


def _are_of(values: np.ndarray, dtype: str) -> bool:
    finite = np.isfinite(values).all() and np.abs(values).max(initial=0) <= format_of(dtype).largest
    return bool(finite and np.array_equal(round_to(values, dtype), values))


def is_that_of_rounded(c: Case, k: int, dtype: str) -> bool:
    """Whether the other side gives this side's loss where its parameters, its batch or both are rounded."""
    other, here, loss = c.m.sides[1 - k], c.m.here, (c.t, c.j)[k]["loss"]
    rounded = here.rounded(dtype)
    for there in (here._replace(point=rounded.point), here._replace(batch=rounded.batch), rounded):
        if abs(other.loss(there) - loss) <= c.m.bound("loss"):
            return True
    return False


def whose(c: Case) -> str:
    """Finite differences of the loss, on which both agree, along the difference of the gradients: whose is right."""
    apart = {name: c.j[f"gradient of {name}"] - c.t[f"gradient of {name}"] for name in c.m.here.point}
    along = {name: part / np.linalg.norm(flat(apart)) for name, part in apart.items()}
    slopes = [sum(float((seen[f"gradient of {n}"] * v).sum()) for n, v in along.items()) for seen in (c.t, c.j)]
    measured, doubt = _finite_difference(c, along)
    errors = [abs(slope - measured) for slope in slopes]
    if not min(errors) + doubt < max(errors) - doubt:
        return " Finite differences of the loss do not say whose is wrong."
    return (
        f" It is wrong on the {c.m.sides[int(np.argmax(errors))].name} side{_orders(c, along, slopes)}: along the "
        f"difference the loss rises by "
        f"{measured:.7g} (finite differences), {c.one}'s gradient says {slopes[0]:.7g}, {c.two}'s {slopes[1]:.7g}."
    )


def _orders(c: Case, along: dict[str, np.ndarray], slopes: list[float]) -> str:
    """How fast the remainder of Taylor's formula falls with each gradient: its order is 2 with the right one, else 1.

    It needs no step size: the median over four of them is taken.
    """
    here, start = c.m.here, float(c.t["loss"])
    size = max(1.0, float(np.linalg.norm(flat(here.point))))
    steps = [size * 2.0**-k for k in range(4, 14, 3)]
    ends = [c.m.sides[0].loss(here._replace(point={n: x + h * along[n] for n, x in here.point.items()})) for h in steps]
    said = []
    for side, slope in zip(c.m.sides, slopes, strict=True):
        rests = [abs(end - start - h * slope) for end, h in zip(ends, steps, strict=True)]
        falls = [np.log2(a / b) / 3 for a, b in pairwise(rests) if a and b]
        said.append(f"{np.median(falls):.1f} with {side.name}'s gradient" if falls else f"? with {side.name}'s")
    return f" (Taylor's remainder falls with order {' and '.join(said)}; 2 is right)"


def _finite_difference(c: Case, along: dict[str, np.ndarray]) -> tuple[float, float]:
    """The slope of the loss along a unit vector by central differences, and what doubling the step changes in it."""

    def slope(step: float) -> float:
        ends = ({n: x + s * along[n] for n, x in c.m.here.point.items()} for s in (step, -step))
        ahead, behind = (c.m.sides[0].loss(Where(end, c.m.here.batch)) for end in ends)
        return (ahead - behind) / (2 * step)

    step = format_of("float64").unit_roundoff ** (1 / 3) * max(1.0, float(np.linalg.norm(flat(c.m.here.point))))
    return slope(step), abs(slope(step) - slope(2 * step))


UNKNOWN = "The cause is not one this tool knows; the numbers above are the evidence."
TRIES = 200  # other orders of the parameters that are asked for, at most


def find_cause(measured: Measured, rows: tuple[Row, ...]) -> str:
    """The first cause that explains the difference, in words; where none does, that, and where to look."""
    case = Case(measured, rows)
    with np.errstate(all="ignore"):
        return next(filter(None, (detector(case) for detector in DETECTORS)), UNKNOWN + _size(case)) + _hint(case)


def unequal_parameters(c: Case) -> str | None:
    """The second program's own parameters are not the first's."""
    names = [name.removeprefix("parameter ") for name in c.outside if name.startswith("parameter ")]
    if not names:
        return None
    rest = [name for name in c.outside if not name.startswith("parameter ")]
    also = f"; at equal parameters {', '.join(rest[:3])} differ too" if rest else "; at equal parameters all agrees"
    listed = ", ".join(names)
    return (
        f"The sides do not stand at the same point: {c.two}'s own parameters differ from {c.one}'s in {listed}{also}."
    )


def not_finite(c: Case) -> str | None:
    """An overflow, a logarithm of 0, 0 times infinity."""
    for dtype, quantities in (("float64", "float64"), (c.narrow, "narrow")):
        for row in c.rows:
            if row.dtype != dtype or row.verdict != "OUTSIDE" or np.isfinite(row.error):
                continue
            lost = [
                side.name
                for side, spread in zip(c.m.sides, c.m.spreads, strict=True)
                if not np.isfinite(getattr(spread, quantities).get(row.quantity, 0.0)).all()
            ]
            return (
                f"The {row.quantity} of {' and of '.join(lost)} is not finite in {dtype}: an overflow, a logarithm "
                f"of 0, or 0 times infinity."
            )
    return None


def no_part_in_it(c: Case) -> str | None:
    """A parameter that one side's loss does not see, or whose gradient is cut."""
    for name, own, other, theirs in c.sides():
        blind = [n for n in c.off if not own[n].any() and theirs[n].any()]
        if not blind:
            continue
        if len(blind) == len(c.gradients):
            return f"The {name} loss does not depend on any parameter: every gradient is exactly 0."
        listed = ", ".join(n.removeprefix("gradient of ") for n in blind)
        at_zero = all(not c.m.here.point[n.removeprefix("gradient of ")].any() for n in blind)
        if c.loss_is_off:
            what = "it is left out there (a missing bias, for one)"
        elif at_zero:
            what = "it is left out there, which the loss does not show as it is 0 here, or its gradient is cut"
        else:
            what = "the losses agree, so its gradient is cut there (detach, stop_gradient)"
        return f"The gradient of {listed} is exactly 0 on the {name} side and not on the {other} side: {what}."
    return None


def rows_cut(c: Case) -> str | None:
    """Rows of a table that have a gradient on one side alone."""
    if c.loss_is_off or not c.off:
        return None
    for name, own, other, theirs in c.sides():
        for n in c.off:
            mine, wanted = own[n], theirs[n]
            if mine.ndim < 2:
                continue
            cut = ~mine.any(axis=tuple(range(1, mine.ndim))) & wanted.any(axis=tuple(range(1, mine.ndim)))
            if cut.any() and distance(mine[~cut], wanted[~cut]) <= c.m.bound(n):
                rows = ", ".join(map(str, np.flatnonzero(cut)[:5]))
                return (
                    f"Row {rows} of {n.removeprefix('gradient of ')} has no gradient on the {name} side and one on the "
                    f"{other} side, all other rows agree: rows that are left out there (padding_idx, a mask)."
                )
    return None


def known_factor(c: Case) -> str | None:
    """A half, a sign, a sum for a mean."""
    for factor, meaning in factors(c).items():
        if c.loss_is_off and c.is_scaled(["loss", *c.gradients], factor):
            return f"{c.two}'s loss and its whole gradient are {factor:.6g} times {c.one}'s: {meaning}."
        if not c.loss_is_off and c.is_scaled(c.off, factor):
            return f"The losses agree, but {c.two}'s {parts(c)} is {factor:.6g} times {c.one}'s: {meaning}.{whose(c)}"
    return None


def other_layout(c: Case) -> str | None:
    """A weight that has to be transposed, or two that have each other's place."""
    if not c.loss_is_off:
        return None
    side = c.m.sides[1]
    if side.layout is None:
        return None
    for words, other in islice(orders(side.layout, side.name), TRIES):
        if abs(side.loss(c.m.here, side.layout.with_orders(other)) - c.t["loss"]) <= c.m.bound("loss"):
            return f"The losses agree {words}: change params, or the {c.two} function."
    return None


def penalty(c: Case) -> str | None:
    """A multiple of the parameters in the gradient: a penalty, a weight decay."""
    every = list(c.m.here.point)
    matrices = [name for name in every if c.m.here.point[name].ndim > 1]
    for which, names in (("all parameters", every), ("the parameters that are no vectors", matrices)):
        w = {name: c.m.here.point[name] if name in names else 0.0 * c.m.here.point[name] for name in every}
        square = float(flat(w) @ flat(w))
        if not c.off or not square:
            continue
        difference = {name: c.j[f"gradient of {name}"] - c.t[f"gradient of {name}"] for name in every}
        strength = float(flat(w) @ flat(difference)) / square
        slack = sum(c.m.bound(name) for name in c.gradients)  # what the strength may be off by, times the length of w
        if any(distance(difference[n], strength * w[n]) > c.m.bound(f"gradient of {n}") + slack for n in every):
            continue
        more, less = (c.two, c.one) if strength > 0 else (c.one, c.two)
        size = f"{abs(strength):.6g}"
        in_loss = float(c.j["loss"] - c.t["loss"])
        if abs(in_loss - strength * square / 2) <= c.m.bound("loss") + slack * np.sqrt(square):
            return f"{more}'s loss has a penalty ({size} / 2) ‖w‖² over {which} that {less}'s does not."
        if not c.loss_is_off:
            return f"The losses agree, but {more}'s gradient has {size} w more, over {which}: a weight decay."
    return None


def lower_precision(c: Case) -> str | None:
    """A side that works in a narrower format than the float64 of the run."""
    for k, (name, own, _, theirs) in enumerate(c.sides()):
        seen = [n for n in ("loss", *c.gradients) if n in c.outside]
        for narrow in ("bfloat16", "float16", "float32"):
            if seen and held(own, seen, narrow) and not held(theirs, seen, narrow):
                return (
                    f"The {name} side gives {narrow} numbers in a float64 run: something casts, or has a fixed dtype."
                )
        for narrow in ("bfloat16", "float16", "float32"):
            if c.loss_is_off and is_that_of_rounded(c, k, narrow):
                return f"The {name} loss is that of parameters or inputs rounded to {narrow}: something casts them."
    return None


def constant_factor(c: Case) -> str | None:
    """Some factor, the same for the loss and every number of the gradient, or for the parts of it that are off."""
    names = ["loss", *c.gradients] if c.loss_is_off else c.off
    if not names or sum(np.size(c.t[name]) for name in names) < 2:
        return None
    t, j = (np.concatenate([np.ravel(seen[name]) for name in names]) for seen in (c.t, c.j))
    if not t.any():
        return None
    factor = float(t @ j / (t @ t))
    slack = max(1.0, abs(factor)) * sum(c.m.bound(name) for name in names)
    if distance(j, factor * t) > slack:
        return None
    times = f"{factor:.6g}" if abs(factor - 1) > 1e-3 else f"{factor:.15g}"
    if c.loss_is_off:
        return f"{c.two}'s loss and its whole gradient are {times} times {c.one}'s: a constant factor."
    return f"The losses agree, but {c.two}'s {parts(c)} is {times} times {c.one}'s: a constant factor.{whose(c)}"


def equal_in_the_narrow(c: Case) -> str | None:
    """A difference that the narrow format could not show: a constant in it, or one that differs in its last digits."""
    a, b = c.m.spreads
    if not c.outside or any(n not in a.narrow or n not in b.narrow for n in c.outside):
        return None
    if any(distance(c.t[n], c.j[n]) > bound_narrow(n, a, b, c.m.samples, 1, c.narrow) for n in c.outside):
        return None
    return (
        f"The sides agree as far as {c.narrow} can tell, and not in float64: a number on one side is {c.narrow} (a "
        f"table, a constant, a cast), or a small constant differs (an epsilon)."
    )


def wrong_derivative(c: Case) -> str | None:
    """The losses agree and the gradients do not."""
    if c.loss_is_off or not c.off:
        return None
    return f"The losses agree and the {parts(c)} does not: a derivative is wrong.{whose(c)}"


def other_state(c: Case) -> str | None:
    """A pass that leaves another state behind: the momentum of a running average, for one."""
    off = [name for name in c.outside if name.endswith("after a pass")]
    if not off or len(off) < len(c.outside):
        return None
    name = off[0].removesuffix(" after a pass")
    before = c.m.here.state.get(name)
    moved = [seen[off[0]] - before for seen in (c.t, c.j)] if before is not None else []
    if moved and moved[0].any():
        factor = float((moved[0] * moved[1]).sum() / (moved[0] ** 2).sum())
        if distance(moved[1], factor * moved[0]) <= max(1.0, abs(factor)) * c.m.bound(off[0]):
            return (
                f"All agrees but the state after a pass: {c.two} moves {name} {factor:.6g} times as far as {c.one} "
                f"does, another momentum (PyTorch's 0.1 is 0.9 elsewhere), or the variance with N for N - 1."
            )
    return f"All agrees but the state after a pass: {', '.join(n.removesuffix(' after a pass') for n in off)}."


def later_derivative(c: Case) -> str | None:
    """Loss and gradient agree, and what is made of them does not."""
    if c.loss_is_off or c.off or not c.outside:
        return None
    if c.outside[0].startswith("slope"):
        return (
            "Loss and gradient agree, and the derivative by forward mode does not: a forward rule of its own is wrong."
        )
    if c.outside[0].startswith("Hessian"):
        return (
            "Loss and gradient agree, and the derivative of the gradient does not: a derivative given by hand whose "
            "own derivative is wrong, or something cut from it (detach, stop_gradient)."
        )
    return "Loss, gradient and Hessian agree at the start, and the steps part: the functions differ away from there."


def bad_narrow(c: Case) -> str | None:
    """All is equal in float64, and one side's own format is worse than it has to be."""
    if c.outside:
        return None
    row = next(row for row in c.rows if row.verdict == "OUTSIDE")
    k = [side.name for side in c.m.sides].index(row.of[0])
    short = ("bfloat16", "float16") if c.narrow == "float32" else ()
    if any(held(c.m.spreads[k].narrow, [row.quantity], dtype) for dtype in short):
        return f"In float64 all is equal; in float32 the {row.of[0]} side gives numbers of 16 bits: a cast in between."
    mine, other = c.m.spreads[k].rounding[row.quantity], c.m.spreads[1 - k].rounding[row.quantity]
    return (
        f"In float64 all is equal; in {c.narrow} the {row.quantity} of {row.of[0]} is off by {mine:.3g}, that of the "
        f"other side by {other:.3g} (root mean square): products in TF32 or 16 bits, or a formula that loses digits."
    )


def _size(c: Case) -> str:
    """Where to look for a loss that is off by little: other formulas are off by more than a hundredth as a rule."""
    size = abs(float(c.t["loss"]))
    apart = abs(float(c.j["loss"] - c.t["loss"])) / size if size else np.inf
    if not c.loss_is_off or not apart < 0.01:
        return ""
    return f" The losses differ by {apart:.2g} of their size: too much for rounding, little for another formula."


def _hint(c: Case) -> str:
    """What a model in training mode suggests."""
    if c.m.restless and c.outside:
        return f" The {c.one} model is in training mode ({', '.join(c.m.restless)}): try model.eval()."
    return ""


DETECTORS = (
    unequal_parameters,
    not_finite,
    no_part_in_it,
    rows_cut,
    known_factor,
    other_layout,
    penalty,
    lower_precision,
    equal_in_the_narrow,
    constant_factor,
    wrong_derivative,
    other_state,
    later_derivative,
    bad_narrow,
)
