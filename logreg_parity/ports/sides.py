"""The two sides of a check: two programs, asked for the same quantities in the same layout.

A ``Side`` speaks the names and shapes of the first program, whatever its framework, and says in a message whose fault a
crash is. Every array is float64, which holds all narrower numbers exactly.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..truth.ulp import round_to
from ..twins import load_part
from ..users import last_line, place
from .arrays import UnfitError, arrays_in, map_arrays
from .exact import NoStatement
from .mapping import Layout, Point
from .recording import Recording

FRAMEWORKS = {"PyTorch": "torch", "JAX": "jax"}
N_DIRECTIONS = 2
KINDS = ("slope", "Hessian-vector product")

Move = Callable[[np.ndarray], np.ndarray]


class Where(NamedTuple):
    """A point and a batch, and the state of the first program (running averages), which stays as it is."""

    point: Point
    batch: Any
    state: Point = {}  # noqa: RUF012  # never written to

    def moved(self, move: Move) -> "Where":
        """Every parameter, and every array of the batch that is not of whole numbers (a label, a mask), moved."""
        point = {name: move(array) for name, array in self.point.items()}
        return Where(point, map_arrays(lambda name, x: x if _whole(x) else move(x), self.batch), self.state)

    def rounded(self, dtype: str) -> "Where":
        """Every number rounded once, by our own code. Raises UnfitError where one is too large for the format."""
        try:
            point = {name: _rounded(array, dtype) for name, array in self.point.items()}
            batch = map_arrays(lambda name, x: _rounded(x, dtype) if x.dtype.kind == "f" else x, self.batch)
            return Where(point, batch, self.state)
        except ValueError as error:
            raise UnfitError(f"the parameters or the batch do not fit {dtype}: {error}; scale them") from error


def _rounded(x: np.ndarray, dtype: str) -> np.ndarray:
    """The very array where it is in the format already: a large one is not held twice."""
    rounded = round_to(x, dtype)
    return x if np.array_equal(rounded, x) else rounded


def _whole(x: np.ndarray) -> bool:
    return x.dtype.kind != "f" or bool((x == np.rint(x)).all())


class Plan(NamedTuple):
    """What is asked at every point beside loss and gradient."""

    directions: list[Point]  # of +1 and -1, as int8
    rate: float
    steps: int

    @property
    def stages(self) -> list[str]:
        """What is asked, one part after the other, so that no more is held than one part needs."""
        numbers = range(1, len(self.directions) + 1)
        products = [f"{kind} {k}" for kind in KINDS for k in numbers]
        return ["gradient", *products, *(["steps"] if self.steps else [])]


def load_foreign(side: str) -> Any:
    """The twin's module that asks somebody else's model. Raises UnfitError where its framework is not there."""
    package = FRAMEWORKS[side]
    try:
        return load_part(f"logreg_{package}", "bridge.foreign")
    except ImportError as error:
        raise UnfitError(f"the {side} side cannot run: {error}; install it (pip install {package})") from error


class Side:
    """One program; ``gaps`` says why a quantity could not be had. Without a layout its names are those of the point."""

    def __init__(
        self,
        name: str,
        foreign: Any,
        model: Any,
        loss: Any,
        layout: Layout | None,
        device: str,
        narrow: str = "float32",
    ):
        self.name, self.foreign, self.model, self.objective = name, foreign, model, loss
        self.layout, self.device = layout, device
        self.narrow = narrow  # the format beside float64
        self.project = False  # the loss is a sum of all outputs, each times a number of its own
        self.gaps: dict[str, str] = {}
        self.models: dict[str, Any] = {}

    def prepare(self, where: Where, coarse: Where, exact: bool) -> None:
        """Begin with what takes time before the first answer, in the order in which it will be asked."""
        if not hasattr(self.foreign.Foreign, "prepare"):
            return
        for what in ("gradient", *KINDS):
            for dtype, there in (("float64", where), (self.narrow, coarse)):
                self._model(dtype, there).prepare(*self._in(there), what)
        if exact:
            self._model("float64", where).prepare(*self._in(where), "recording")

    def stop(self) -> None:
        """What was begun and is not asked for any more."""
        for model in self.models.values():
            if hasattr(model, "stop"):
                model.stop()

    def observe(self, where: Where, plan: Plan, stage: str, dtype: str) -> dict[str, np.ndarray]:
        """Every quantity of a stage by name: the loss, gradients and the state after; a product; or steps."""
        if stage == "steps":
            with self._blamed(f"{plan.steps} training steps in {dtype}"):
                return {f"step {k}": flat(there) for k, there in enumerate(self._walk(where, plan, dtype), 1)}
        if stage != "gradient":
            kind, _, k = stage.rpartition(" ")
            found = self._if_there_is_one(kind, where, plan.directions[int(k) - 1], dtype)
            return {} if found is None else {stage: found}
        value, gradient = self._gradient(where, dtype)
        seen = {"loss": np.asarray(value)}
        if self.project:
            seen = {f"output {k}": out for k, out in enumerate(self.outputs(where, dtype).values(), 1)} | seen
        seen |= {f"gradient of {name}": part for name, part in gradient.items()}
        return seen | {f"{name} after a pass": array for name, array in self.state_after(where, dtype).items()}

    def loss(self, where: Where, layout: Layout | None = None) -> float:
        """The loss alone, in float64; in another layout, where one is given."""
        with self._blamed("loss in float64"):
            return float(self._model("float64", where).value_and_grad(*self._in(where, layout))[0])

    def value_and_grad(self, where: Where) -> tuple[float, Point]:
        """The loss and its gradient, in float64."""
        return self._gradient(where, "float64")

    def loss_twice(self, where: Where) -> list[float]:
        """The loss in float64, two times."""
        with self._blamed("loss in float64"):
            return self._model("float64", where).loss_twice(*self._in(where))

    def outputs(self, where: Where, dtype: str) -> Point:
        """All numbers that the program gives, by their place in it."""
        with self._blamed(f"loss, or its outputs, in {dtype}"):
            return self._model(dtype, where).outputs(*self._in(where))

    def state_after(self, where: Where, dtype: str) -> Point:
        """What a pass leaves of the state, by its name in the first program."""
        if not where.state or (self.layout is not None and not where.state.keys() & self.layout.places.keys()):
            return {}
        with self._blamed(f"state after a pass in {dtype}"):
            after = self._model(dtype, where).state_after(*self._in(where))
        if self.layout is None:
            return after
        own = {
            place.leaf: next((name for name in after if _ends_alike(name, place.leaf)), None)
            for name, place in self.layout.every()
            if name in where.state
        }
        return self.layout.to_torch({leaf: after[name] for leaf, name in own.items() if name is not None})

    def record(self, where: Where) -> Recording:
        """Every operation of the loss and its gradient, in float64. Raises NoStatement where it cannot be had."""
        if not hasattr(self.foreign, "record"):
            raise NoStatement(f"{self.name} does not say what it computes")
        try:
            return self.foreign.record(self._model("float64", where), *self._in(where))
        except Exception as error:
            raise NoStatement(f"{self.name} could not be followed: {last_line(error)}") from error

    @property
    def notes(self) -> list[str]:
        """What the program's numbers had done to them, in words."""
        return [note for model in self.models.values() for note in model.notes]

    def _gradient(self, where: Where, dtype: str) -> tuple[float, Point]:
        with self._blamed(f"loss and gradient in {dtype}"):
            value, gradient = self._model(dtype, where).value_and_grad(*self._in(where))
        return float(value), self._out(gradient)

    def _walk(self, where: Where, plan: Plan, dtype: str) -> Iterator[Point]:
        """The points after each step down the gradient, which is taken in the format."""
        for _ in range(plan.steps):
            _, gradient = self._gradient(where, dtype)
            if not gradient:  # NumPy has none
                return
            here = {name: _step(x, gradient[name], plan.rate, dtype) for name, x in where.point.items()}
            where = where._replace(point=here)
            yield here

    def _if_there_is_one(self, kind: str, where: Where, direction: Point, dtype: str) -> np.ndarray | None:
        """None where the framework has no such derivative of this model: the check goes on without it, and says so."""
        if kind in self.gaps:
            return None
        model, (along, _) = self._model(dtype, where), self._in(where._replace(point=direction))
        try:
            if kind == "slope":
                return np.asarray(model.slope(*self._in(where), along), dtype=np.float64)
            return flat(self._out(model.hessian_vector_product(*self._in(where), along)))
        except Exception as error:  # what a framework raises here is its own, and any of it means the same
            self.gaps[kind] = last_line(error)
            return None

    def _model(self, dtype: str, where: Where) -> Any:
        """The model in that format, made once: what a framework compiles for it is worth keeping."""
        if dtype not in self.models:
            state = where.state if self.layout is None else self.layout.to_jax(where.state)
            options = {"dtype": dtype, "device": self.device, "state": state, "narrow": self.narrow}
            self.models[dtype] = self.foreign.Foreign(self.model, self.objective, where.batch, **options)
        self.models[dtype].project = self.project
        return self.models[dtype]

    def _in(self, where: Where, layout: Layout | None = None) -> tuple[Point, Any]:
        layout = layout or self.layout
        return (where.point if layout is None else layout.to_jax(where.point)), where.batch

    def _out(self, point: Point) -> Point:
        return point if self.layout is None else self.layout.to_torch(point)

    @contextmanager
    def _blamed(self, what: str) -> Iterator[None]:
        """Raises UnfitError that names this side and what it was asked for."""
        try:
            yield
        except (UnfitError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # sys.exit too
            raise UnfitError(
                f"the {self.name} side failed at its {what}{place(error)}: {last_line(error)}. Run it by itself on "
                f"this batch; shapes follow params (torch's nn.Linear keeps its weight as (out, in)), and numbers "
                f"that the model makes itself must follow the dtype of its inputs"
            ) from error


def _step(x: np.ndarray, gradient: np.ndarray, rate: float, dtype: str) -> np.ndarray:
    if dtype in ("float64", "float32"):
        with np.errstate(over="ignore", invalid="ignore"):
            return (x.astype(dtype) - np.asarray(rate, dtype) * gradient.astype(dtype)).astype(np.float64)
    moved = x - rate * gradient
    return np.where(np.isfinite(moved), round_to(np.nan_to_num(moved), dtype), moved)


def _ends_alike(name: str, other: str) -> bool:
    return f".{name}".endswith(f".{other}") or f".{other}".endswith(f".{name}")


def flat(point: Point) -> np.ndarray:
    """All numbers of a point in one row, in the order of its names."""
    return np.concatenate([array.ravel() for array in point.values()])


def place_in(point: Point, k: int) -> str:
    """Which number of ``flat(point)`` the k-th is: "fc.weight[0, 3]"."""
    for name, array in point.items():
        if k < array.size:
            return name + index(array.shape, k)
        k -= array.size
    raise AssertionError("a position beyond the last number")


def index(shape: tuple[int, ...], k: int) -> str:
    """The place of the k-th number of an array of that shape."""
    return f"[{', '.join(str(int(i)) for i in np.unravel_index(k, shape))}]" if shape else ""


def longest_axis(where: Where) -> int:
    """The most terms that a sum over one axis of anything given can have."""
    arrays = [*where.point.values(), *(array for _, array in arrays_in(where.batch))]
    return max((max(array.shape, default=1) for array in arrays), default=1)
