"""A data set cut into blocks that stay in cache, so that one gradient reads X once and not twice.

A row enters a block as the signed row s = (1 - 2y)(x, 1): its loss is softplus(s·θ), its gradient σ(s·θ) s, and no
label is needed. A soft label is two rows, of weight ω y and ω (1 - y). Block b of K holds rows b, b + K, b + 2K, ...:
every block is a sample spread over the whole data set, which is what the solvers take their subsamples from. Without an
intercept s = (1 - 2y) x, and whatever has D + 1 numbers here has D.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..data.dataset import Dataset
from ..processor import VARIABLE
from .tiles import TILE, aligned, fill, rows_in

BLOCK_BYTES = 2**21  # of X: below, dispatch costs more; above, cache misses
BLOCK_ROWS = 2**9  # or of so many rows where that is more: products with fewer are slow, float64 copies of more too
ROW_BYTES = 2**12  # of a row from which on it is more; smaller blocks, where the user names some, have fewer rows too
DEVICE_BLOCK_BYTES = 2**29  # on a GPU, which shares a block among its cores, and reads 100 MiB while it is told to
WIDEST = 2**10  # parameters of the GPU's kernel; with more, a tile has too few rows to be read at full speed
AHEAD = 2**20  # numbers of sums that wait to be added: to wait for each block takes a sixth longer
WHOLE_BYTES = 3 * 2**20  # handing less to other threads costs more than they save
DTYPES = ("float64", "float32")


class Sums(NamedTuple):
    """Sums over rows, in float64: losses (), gradient (D + 1,), the bias last, and Hessian (D + 1, D + 1) or None."""

    value: Any
    gradient: Any
    hessian: Any

    @classmethod
    def of(cls, numbers: np.ndarray, k: int) -> "Sums":
        """From one array, one message from a device: gradient (k,), value, and Hessian (k²,) where asked for."""
        return cls(numbers[k], numbers[:k], numbers[k + 1 :].reshape(k, k) if len(numbers) > k + 1 else None)

    def plus(self, other: "Sums") -> "Sums":
        """The sums over both."""
        return Sums(*(None if one is None else one + more for one, more in zip(self, other, strict=True)))


def add_up(parts: Iterator[Sums], count: int, depth: float = math.inf) -> Sums:
    """The sum of so many parts, in their order, as halves of halves: ``count`` alone says what is added to what.

    So the sum is the same to the last bit whoever computes the parts. depth: how often the whole is halved; a part is
    then what lies below.
    """
    if count == 1 or depth == 0:
        return next(parts)
    half = count // 2
    return add_up(parts, half, depth - 1).plus(add_up(parts, count - half, depth - 1))


def ahead(parts: Iterable[Any], size: int) -> Iterator[Any]:
    """The same parts, each handed on when more were asked for: a framework computes those meanwhile.

    size: numbers in a part, of which AHEAD may wait.
    """
    waiting: deque[Any] = deque()
    for part in parts:
        waiting.append(part)
        if len(waiting) > max(1, AHEAD // size):
            yield waiting.popleft()
    yield from waiting


class Block(NamedTuple):
    """Some signed rows, on a device: X (D + 1, R), weight (R,) in float64, or None where all are 1, and rows, R.

    For the CPU's kernel X is (T, D + 1, TILE) and weight (T, TILE): see ``tiles.py``.
    """

    X: Any
    weight: Any
    rows: int


class BlockPlace(NamedTuple):
    """Where the blocks of a data set are, and what adds them up there: all that a twin brings to a fit but L-BFGS.

    put brings an array there. add(share, theta, hessian, fused) gives the Sums of some blocks at theta (D + 1,), in the
    arithmetic of theta, on a GPU by its kernel where ``fused``; one thread computes a block, and ``add_up`` adds them.
    workers: how many threads share the blocks, which changes no bit, None where the device shares each among its cores.
    within: a context for putting and adding. twin: whose passes they are. launcher: what has to be installed for the
    kernel of a GPU. fused: whether a kernel takes the place of the framework's products, where there is one for them.
    exact: what ``truth.exact.add_exactly`` does, for ``solvers/exact.py``. named: the bytes of a block for the
    framework's products on a CPU, where the user has named them (``processor.py``). entered: whether the caller is
    ``within``.
    """

    put: Callable[[np.ndarray], Any]
    add: Callable[..., Sums]
    workers: int | None = 1
    within: Callable[[], AbstractContextManager] = nullcontext
    twin: str = ""
    launcher: str = ""
    fused: bool = False
    exact: Callable[..., Any] | None = None
    named: int | None = None
    entered: bool = False

    @property
    def cut(self) -> str:
        """How large a CPU's blocks are, for checkpoints and ranks, which refuse others, and how to have the same."""
        return f"{VARIABLE}={self.named or BLOCK_BYTES}"

    @property
    def in_tiles(self) -> bool:
        """Whether the CPU's kernel reads X: then a block is in many tiles."""
        return self.fused and self.workers is not None

    @property
    def float64_is_free(self) -> bool:
        """Whether float64 arithmetic on float32 rows takes little longer: the CPU's kernel waits for memory."""
        return self.in_tiles

    def rooms(self, rows: list[int], size: int, number: np.dtype) -> Iterable[np.ndarray]:
        """Zeros (T, D + 1, L) for block after block of so many rows: on a CPU, where they stay, in one piece."""
        shapes = [(-(-n // TILE), size, TILE) if self.in_tiles else (1, size, n) for n in rows]
        return (aligned([shape], number)[0] for shape in shapes) if self.workers is None else aligned(shapes, number)

    def block(self, X: np.ndarray, weight: np.ndarray | None, rows: int) -> Block:
        """The block of these arrays, put there."""
        with self.here():
            return Block(self.put(X), None if weight is None else self.put(weight), rows)

    def here(self) -> AbstractContextManager:
        """What the caller's thread has to enter for putting and adding: nothing where no framework does."""
        return nullcontext() if self.entered or self.in_tiles else self.within()

    def elsewhere(self, part: Callable[[Sequence[Block]], Sums], share: Sequence[Block]) -> Sums:
        """A part of a pass, by another thread."""
        with self._replace(entered=False).here():
            return part(share)

    def has_kernel(self, parameters: int, *, hessian: bool) -> bool:
        """Whether the GPU's kernel does a pass: it makes no Hessian, and takes WIDEST."""
        return self.fused and not hessian and parameters <= WIDEST


@dataclass(frozen=True, eq=False)
class Packed:
    """Signed rows on a device: the device's own copy, made a block at a time.

    rows and weights: how many rows of those that came each block stands for, and Σ ω of it. signed_sum: Σ ω s (D + 1,),
    twice the gradient of the sum at θ = 0; largest: max |x̃| (D + 1,) of every column; intercept: whether the model has
    a bias.
    """

    dtype: str
    place: BlockPlace
    intercept: bool
    blocks: tuple[Block, ...]
    rows: tuple[int, ...]
    weights: tuple[float, ...]
    signed_sum: np.ndarray
    largest: np.ndarray

    @property
    def n_rows(self) -> int:
        """N."""
        return sum(self.rows)

    @property
    def total_weight(self) -> float:
        """Σ ω."""
        return self.weights[0] if len(self.weights) == 1 else math.fsum(self.weights)

    @property
    def longest_sum(self) -> int:
        """The most additions a term of a sum goes through: those of the longest block, then those of ``add_up``."""
        return max(block.rows for block in self.blocks) + halvings(len(self.blocks))

    @property
    def n_bytes(self) -> int:
        """What the blocks hold."""
        return sum(part.nbytes for block in self.blocks for part in (block.X, block.weight) if part is not None)

    def sums(self, theta: np.ndarray, *, arithmetic: str = "float64", hessian: bool = False) -> Sums:
        """The sums over all rows at theta (D + 1,), in NumPy: one pass, in that arithmetic.

        Each worker has its share of the blocks; one of them is the caller. How many there are changes no bit.
        """
        place, workers = self.place, self.place.workers or 1
        fused = place.has_kernel(len(theta), hessian=hessian)
        part = partial(place.add, theta=theta.astype(arithmetic), hessian=hessian, fused=fused)
        if len(self.blocks) == 1:
            with place.here():
                return part(self.blocks)
        depth = halvings(workers) + (2 if workers & (workers - 1) else 0)  # more shares where one each would be unequal
        shares = _shares(self.blocks, depth)
        with place.here():
            if len(shares) == 1:
                return part(shares[0])
            others = threads().map(partial(place.elsewhere, part), shares[1:])
            return add_up(chain([part(shares[0])], others), len(self.blocks), depth)


def pack(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    dtype: str,
    place: BlockPlace,
    *,
    intercept: bool = True,
) -> Packed:
    """Pack rows in the type they came in: nothing is held but what is packed.

    Args:
        X: features (N, D), which float64 holds and which are finite.
        y: labels (N,) in [0, 1], in float64.
        weight: ω (N,), or None for all 1.
        dtype: "float64" or "float32".
        place: where to.
        intercept: whether the model has a bias.

    Raises:
        ValueError: for another dtype, for values beyond it, and for nothing to fit.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; a fit takes {' or '.join(DTYPES)}")
    n, features = X.shape
    if features + intercept == 0:
        raise ValueError("the data set has no features and the model no intercept; give one of them")
    size, number = features + intercept, np.dtype(dtype)
    count = min(_block_count(n, size, number, place), n)
    rows = tuple(len(range(block, n, count)) for block in range(count))
    hard = bool(((y == 0) | (y == 1)).all())
    signed = [n if hard else 2 * n for n in rows]
    held = slice(None) if place.in_tiles else 0
    blocks, weights, total, largest = [], [], np.zeros(()), np.zeros(())
    try:
        rooms = place.rooms(signed, size, number)
        for tiles, (part, sign, w) in zip(rooms, _signed_rows(X, y, weight, count, hard=hard), strict=True):
            fill(tiles, part, sign)
            share = None if w is None else _weight_tiles(w, tiles)
            blocks.append(place.block(tiles[held], None if share is None else share[held], len(part)))
            weights.append(float(len(part) if w is None else w.sum()))
            if share is None:
                total = total + tiles.sum(axis=2, dtype=np.float64).sum(axis=0)
            else:  # no product of BLAS, whose threads would decide in which order it is added
                total = total + np.einsum("tkl,tl->k", tiles, share)
            largest = np.maximum(largest, _largest(tiles))
    except MemoryError as error:
        taken = sum(signed) * size * number.itemsize
        raise ValueError(
            f"packing X takes {taken / 2**30:.3g} GiB beside the data set, and there is not as much memory; "
            f"give dtype='float32', which takes half of float64, or fewer rows"
        ) from error
    if not np.isfinite(largest).all():
        raise ValueError(f"X holds values too large for {dtype}; scale the features, or give dtype='float64'")
    ends = np.asarray(total), np.asarray(largest, dtype=np.float64)
    return Packed(dtype, place, intercept, tuple(blocks), rows, tuple(weights), *ends)


@dataclass(frozen=True, eq=False)
class Blocks(Packed):
    """A data set that is packed."""

    dataset: Dataset

    @classmethod
    def of(cls, dataset: Dataset, dtype: str, place: BlockPlace, *, intercept: bool = True) -> "Blocks":
        """Pack a data set. Raises ValueError as ``pack`` does."""
        packed = pack(dataset.X, dataset.y, dataset.sample_weight, dtype, place, intercept=intercept)
        return cls(**vars(packed), dataset=dataset)

    @property
    def labels(self) -> tuple[float, float]:
        """The least and the largest label of the rows whose weight is not zero."""
        y, weight = self.dataset.y, self.dataset.sample_weight
        counted = y if weight is None else y[weight > 0]
        return counted.min(), counted.max()

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint is told of the data."""
        return {"data": self.dataset.sha256[:16]}

    def sample(self, rows: int) -> "Blocks":
        """At least so many rows, spread over the data set: the first blocks, part of one of them, or packed anew."""
        X, weight, held = self.blocks[0]
        step = self.rows[0] // rows
        if step < 2:
            first = slice(-(-rows // self.rows[-1]))
            return replace(self, blocks=self.blocks[first], rows=self.rows[first], weights=self.weights[first])
        if self.place.workers is None or held != self.rows[0]:  # far away, or two rows for each soft label
            spread = self.dataset.take(slice(None, None, self.n_rows // rows))
            return Blocks.of(spread, self.dtype, self.place, intercept=self.intercept)
        tiles, few = (len(X), np.s_[::step]) if self.place.in_tiles else (held, np.s_[..., ::step])
        X, weight = np.asarray(X)[few].copy(), None if weight is None else np.asarray(weight)[few].copy()
        part = self.place.block(X, weight, rows_in(tiles, held, step))
        total = float(part.rows if weight is None else weight.sum())
        return replace(self, blocks=(part,), rows=(part.rows,), weights=(total,))


def halvings(count: int) -> int:
    """How often ``add_up`` halves so many parts until each is alone."""
    return (count - 1).bit_length()


def _shares(blocks: Sequence[Block], depth: int) -> list[Sequence[Block]]:
    """The blocks, halved so often, or until each is alone: the parts of ``add_up`` with that depth."""
    if len(blocks) == 1 or depth == 0:
        return [blocks]
    half = len(blocks) // 2
    return _shares(blocks[:half], depth - 1) + _shares(blocks[half:], depth - 1)


@cache
def threads() -> ThreadPoolExecutor:
    """The workers' threads."""
    return ThreadPoolExecutor(processors())


if hasattr(os, "register_at_fork"):  # the threads stay with the parent
    os.register_at_fork(after_in_child=threads.cache_clear)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _block_count(rows: int, size: int, number: np.dtype, place: BlockPlace) -> int:
    """Into how many blocks the rows of so many numbers are cut: by their bytes alone, whoever computes.

    It is an even number, and where there are more a multiple of a larger power of two: workers have equal shares.
    """
    row = size * number.itemsize
    if place.workers is None:
        return -(-rows * row // DEVICE_BLOCK_BYTES)
    if rows * row <= WHOLE_BYTES:
        return 1
    size, least = place.named or BLOCK_BYTES, BLOCK_ROWS
    if place.named is not None:
        least = max(1, min(least, size // ROW_BYTES))
    most = max(size // row, least)
    if place.in_tiles:  # of which one is in cache, however many a block has: as many full ones as fill two blocks
        most = 2 * most // TILE * TILE or most
    least = -(-rows // most)
    unit = 2 ** max(1, least.bit_length() - 3)
    return -(-least // unit) * unit


def _signed_rows(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, count: int, *, hard: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Of block after block the rows (R, D), their signs (R,), and their weights (R,) or None."""
    for block in range(count):
        part, label = X[block::count], y[block::count]
        own = None if weight is None else weight[block::count]
        if hard:
            yield part, 1 - 2 * label, own
        else:
            share = np.concatenate([label, 1 - label])
            sign = np.repeat([-1.0, 1.0], len(label))
            yield np.concatenate([part, part]), sign, share if own is None else share * np.tile(own, 2)


def _weight_tiles(weight: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """Weights (R,) in the lanes of their rows, (T, L), zeros in the others."""
    count, _, lanes = tiles.shape
    (found,) = aligned([(count, 1, lanes)], weight.dtype)
    fill(found, weight[:, None], np.ones(len(weight)))
    return found[:, 0]


def _largest(tiles: np.ndarray) -> np.ndarray:
    """max |x̃| (D + 1,) of tiles (T, D + 1, L), by no copy of them: of many tiles first over those, else over lanes."""
    first, then = (0, 1) if len(tiles) > 1 else (2, 0)
    return np.maximum(tiles.max(axis=first).max(axis=then), -tiles.min(axis=first).min(axis=then))
