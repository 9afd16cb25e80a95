"""Two sides of a check that differ, and what can be asked of them: the tools of ``diagnosis.py``."""

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from ..truth.ulp import format_of, round_to
from .arrays import arrays_in
from .findings import Measured, Row
from .mapping import Layout
from .measured import distance
from .sides import Where, flat


class Case:
    """Two sides that differ: the quantities t of PyTorch and j of JAX in float64, and the rows outside."""

    def __init__(self, measured: Measured, rows: tuple[Row, ...]):
        self.m, self.rows = measured, rows
        self.t, self.j = (spread.float64 for spread in measured.spreads)
        self.outside = [row.quantity for row in rows if row.verdict == "OUTSIDE" and row.dtype == "float64"]
        self.gradients = [name for name in self.t if name.startswith("gradient")]
        self.off = [name for name in self.gradients if name in self.outside]
        self.loss_is_off = "loss" in self.outside

    def fits(self, quantity: str, candidate: np.ndarray, factor: float = 1.0) -> bool:
        """Whether JAX's quantity is the candidate, which is some factor times PyTorch's."""
        return distance(self.j[quantity], candidate) <= max(1.0, abs(factor)) * self.m.bound(quantity)

    def is_scaled(self, quantities: list[str], factor: float) -> bool:
        """Whether JAX's quantities are the factor times PyTorch's."""
        return bool(quantities) and all(self.fits(name, factor * self.t[name], factor) for name in quantities)

    def sides(self) -> Iterator[tuple[str, dict, str, dict]]:
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
            words |= {float(n): f"{n} is {what}, a sum in JAX where PyTorch takes a mean"}
            words |= {1 / n: f"1 / {n}, and {n} is {what}: a mean in JAX where PyTorch takes a sum"}
            words |= {n / (n - 1): f"N / (N - 1) with N = {n}, {what}", (n - 1) / n: f"(N - 1) / N, N = {n}, {what}"}
    return words


def parts(c: Case) -> str:
    """The parts of the gradient that are off."""
    names = ", ".join(name.removeprefix("gradient of ") for name in c.off)
    return "whole gradient" if len(c.off) == len(c.gradients) else f"gradient of {names}"


def orders(layout: Layout) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """(with what, the orders that are other) of everything that would fit the JAX shapes too."""
    turned: dict[str, np.ndarray] = {}
    for name, place in layout.places.items():
        plain = np.arange(place.order.size).reshape(place.shape)
        for axes in permutations(range(plain.ndim)):
            other = plain.transpose(axes)
            if other.shape == place.order.shape and not np.array_equal(other, place.order):
                turned.setdefault(name, other)
                come = "untransposed" if axes == tuple(range(plain.ndim)) else f"with its axes in the order {axes}"
                come = "transposed" if axes == (1, 0) else come
                yield f"once {name} comes to JAX's {place.leaf} {come}", {name: other}
    if len(turned) > 1:
        yield f"once {', '.join(turned)} come transposed, all of them", turned
    for (one, a), (two, b) in combinations(layout.places.items(), 2):
        if a.shape == b.shape and a.order.shape == b.order.shape:
            yield f"once {one} and {two} change places", {one: b.order, two: a.order}


def held(seen: dict[str, np.ndarray], names: list[str], dtype: str) -> bool:
    """Whether all these quantities are numbers of a format."""
    values = np.concatenate([np.ravel(seen[name]) for name in names])
    finite = np.isfinite(values).all() and np.abs(values).max() <= format_of(dtype).largest
    return bool(finite and values.any() and np.array_equal(round_to(values, dtype), values))


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
        f" It is wrong on the {c.m.sides[int(np.argmax(errors))].name} side: along the difference the loss rises by "
        f"{measured:.7g} (finite differences), PyTorch's gradient says {slopes[0]:.7g}, JAX's {slopes[1]:.7g}."
    )


def _finite_difference(c: Case, along: dict[str, np.ndarray]) -> tuple[float, float]:
    """The slope of the loss along a unit vector by central differences, and what doubling the step changes in it."""

    def slope(step: float) -> float:
        ends = ({n: x + s * along[n] for n, x in c.m.here.point.items()} for s in (step, -step))
        ahead, behind = (c.m.sides[0].loss(Where(end, c.m.here.batch)) for end in ends)
        return (ahead - behind) / (2 * step)

    step = format_of("float64").unit_roundoff ** (1 / 3) * max(1.0, float(np.linalg.norm(flat(c.m.here.point))))
    return slope(step), abs(slope(step) - slope(2 * step))
