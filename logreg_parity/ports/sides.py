"""The two sides of a check: a torch module and a JAX function, asked for the same quantities in the same layout.

A ``Side`` speaks torch names and shapes, whatever its framework, and says in a message whose fault a crash is. Every
array is float64, which holds all narrower numbers exactly.
"""

from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..truth.ulp import round_to
from ..twins import load_part
from ..users import last_line, place
from .arrays import UnfitError, arrays_in, map_arrays
from .mapping import Layout, Point

FRAMEWORKS = {"PyTorch": "torch", "JAX": "jax"}
N_DIRECTIONS = 2


class Where(NamedTuple):
    """A point and a batch."""

    point: Point
    batch: Any

    def moved(self, move) -> "Where":
        """Every parameter, and every array of the batch that is not of whole numbers (a label, a mask), moved."""
        point = {name: move(array) for name, array in self.point.items()}
        return Where(point, map_arrays(lambda name, x: x if _whole(x) else move(x), self.batch))

    def rounded(self, dtype: str) -> "Where":
        """Every number rounded once, by our own code. Raises UnfitError where one is too large for the format."""
        try:
            point = {name: round_to(array, dtype) for name, array in self.point.items()}
            return Where(
                point, map_arrays(lambda name, x: round_to(x, dtype) if x.dtype.kind == "f" else x, self.batch)
            )
        except ValueError as error:
            raise UnfitError(f"the parameters or the batch do not fit {dtype}: {error}; scale them") from error


def _whole(x: np.ndarray) -> bool:
    return x.dtype.kind != "f" or bool((x == np.rint(x)).all())


class Plan(NamedTuple):
    """What is asked at every point beside loss and gradient."""

    directions: list[Point]
    rate: float
    steps: int


def load_foreign(side: str) -> Any:
    """The twin's module that asks somebody else's model. Raises UnfitError where its framework is not there."""
    package = FRAMEWORKS[side]
    try:
        return load_part(f"logreg_{package}", "bridge.foreign")
    except ImportError as error:
        raise UnfitError(f"the {side} side cannot run: {error}; install it (pip install {package})") from error


class Side:
    """One framework's model and loss; ``gaps`` says why a quantity could not be had."""

    def __init__(self, name: str, foreign: Any, model: Any, loss: Any, layout: Layout, device: str):
        self.name, self.foreign, self.model, self.objective = name, foreign, model, loss
        self.layout, self.device = layout, device
        self.gaps: dict[str, str] = {}
        self.models: dict[str, Any] = {}

    def observe(self, where: Where, plan: Plan, dtype: str) -> dict[str, np.ndarray]:
        """Every quantity by name: the loss, gradients, slopes, Hessian-vector products and steps."""
        value, gradient = self._gradient(where, dtype)
        seen = {"loss": np.asarray(value), **{f"gradient of {name}": part for name, part in gradient.items()}}
        for kind in ("slope", "Hessian-vector product"):
            for k, direction in enumerate(plan.directions, 1):
                found = self._if_there_is_one(kind, where, direction, dtype)
                if found is not None:
                    seen[f"{kind} {k}"] = found
        with self._blamed(f"{plan.steps} training steps in {dtype}"):
            points = self._model(dtype, where).walk(*self._in(where), rate=plan.rate, steps=plan.steps)
        return seen | {f"step {k}": flat(self._out(there)) for k, there in enumerate(points, 1)}

    def loss(self, where: Where, layout: Layout | None = None) -> float:
        """The loss alone, in float64; in another layout, where one is given."""
        with self._blamed("loss in float64"):
            return float(self._model("float64", where).value_and_grad(*self._in(where, layout))[0])

    def loss_twice(self, where: Where) -> list[float]:
        """The loss in float64, two times."""
        with self._blamed("loss in float64"):
            return self._model("float64", where).loss_twice(*self._in(where))

    def _gradient(self, where: Where, dtype: str) -> tuple[float, Point]:
        with self._blamed(f"loss and gradient in {dtype}"):
            value, gradient = self._model(dtype, where).value_and_grad(*self._in(where))
        return float(value), self._out(gradient)

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
            options = {"dtype": dtype, "device": self.device}
            self.models[dtype] = self.foreign.Foreign(self.model, self.objective, where.batch, **options)
        return self.models[dtype]

    def _in(self, where: Where, layout: Layout | None = None) -> tuple[Point, Any]:
        return ((layout or self.layout).to_jax(where.point) if self.name == "JAX" else where.point), where.batch

    def _out(self, point: Point) -> Point:
        return self.layout.to_torch(point) if self.name == "JAX" else point

    @contextmanager
    def _blamed(self, what: str):
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
