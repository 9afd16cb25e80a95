"""Packed data of a stream: a pass reads, packs and drops one block after the other, but for those that may be kept.

Nothing of a block outlives its turn: while the next is read, neither its rows nor what was packed of them is held.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from ..data.dataset import Dataset
from .blocks import BlockPlace, Blocks, Packed, Sums, halvings, pack
from .ranks import ALONE, Ranks, named
from .stream import Stream

SAMPLE_NUMBERS = 2**22
"""Of X, 32 MiB: as many rows, spread over the stream, stay in memory for subsamples and certificates."""


class Streamed:
    """A Stream with the surface of ``Blocks``: what is resident is one block and a sample, however long the stream is.

    The first pass is made here, for what ``Blocks`` knows from packing. dataset: the sample. ranks: who share the
    blocks, which changes no bit; each reads its own. keep: GiB of packed blocks that this rank keeps from its first
    pass on, from the first of its blocks as far as that reaches; the others are read at every pass, and that changes no
    bit either. Raises ValueError as ``pack`` and ``Stream`` do, for data that change between two passes, and for ranks
    of different streams.
    """

    def __init__(
        self,
        stream: Stream,
        dtype: str,
        place: BlockPlace,
        *,
        intercept: bool = True,
        ranks: Ranks = ALONE,
        keep: float = 0.0,
    ):
        self.stream, self.dtype, self.place, self.intercept, self.ranks = stream, dtype, place, intercept, ranks
        self._kept: dict[int, Packed] = {}
        what = {"twin": place.twin, "dtype": dtype, "intercept": intercept, "blocks": place.cut}
        ranks.agree({**stream.identity, **what})
        step, size = -(-stream.n_rows * stream.n_features // SAMPLE_NUMBERS), stream.n_features + intercept
        sample, ends = [np.empty((0, stream.n_features + 1))], [np.zeros(size), np.array([0.0, -1.0, 0.0])]
        left = keep * 2**30

        def first(k: int) -> Sums:
            nonlocal left
            X, y = stream.block(k)
            begin, _ = stream.span(range(k, k + 1))
            rows = slice(-begin % step, None, step)
            sample.append(np.column_stack([X[rows], y[rows]]).astype(np.float64))
            packed = self._pack(X, y)
            left -= packed.n_bytes
            if left >= 0:
                self._kept[k] = packed
            about = np.array([packed.longest_sum, -float(y.min()), float(y.max())])
            ends[:] = np.maximum(ends[0], packed.largest), np.maximum(ends[1], about)
            return Sums(0.0, packed.signed_sum, None)

        self.signed_sum = ranks.add("the first pass", self._each(first), stream.n_blocks, size).gradient
        every = ranks.gathered("the largest", lambda: np.concatenate(ends), [1] * ranks.size, size + 3).max(axis=0)
        self.largest, (longest, least, most) = every[:size], every[size:]
        self.longest_sum, self.labels = int(longest) + halvings(stream.n_blocks), (-least, most)
        counts = [
            len(range(-begin % step, end - begin, step))
            for begin, end in map(stream.span, ranks.shares(stream.n_blocks))
        ]
        rows = ranks.gathered("the sample", lambda: np.concatenate(sample), counts, stream.n_features + 1)
        self.dataset = Dataset(rows[:, :-1], rows[:, -1], f"every {step}th row of {stream.source}")
        stream.share_digests(ranks)

    @property
    def n_rows(self) -> int:
        """N."""
        return self.stream.n_rows

    @property
    def total_weight(self) -> float:
        """N: the rows of a stream have no weights."""
        return float(self.n_rows)

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint is told of the data: the digest of every block, by its rows."""
        stream = self.stream
        return {**stream.identity, **{stream.rows(k): found for k, found in enumerate(stream.digests)}}

    def sample(self, rows: int) -> Blocks:
        """At least so many rows of the sample, or all of it."""
        whole = Blocks.of(self.dataset, self.dtype, self.place, intercept=self.intercept)
        return whole.sample(min(rows, self.dataset.n_rows))

    def sums(self, theta: np.ndarray, *, arithmetic: str = "float64", hessian: bool = False) -> Sums:
        """The sums over all rows, block by block, added in one order: two passes agree to the last bit."""

        def own(k: int) -> Sums:
            packed = self._kept[k] if k in self._kept else self._pack(*self.stream.block(k))
            return packed.sums(theta, arithmetic=arithmetic, hessian=hessian)

        what = f"a pass at {named(theta)} in {arithmetic}{' with a Hessian' * hessian}" if self.ranks.size > 1 else ""
        return self.ranks.add(what, self._each(own), self.stream.n_blocks, len(theta), hessian=hessian)

    def _pack(self, X: np.ndarray, y: np.ndarray) -> Packed:
        return pack(X, y.astype(np.float64), None, self.dtype, self.place, intercept=self.intercept)

    def _each(self, make: Callable[[int], Sums]) -> Iterator[Sums]:
        """What is made of every block of this rank, in their order."""
        silent = True if self.ranks.rank else None
        share = self.ranks.share(self.stream.n_blocks)
        return map(make, tqdm(share, "pass", unit="block", disable=silent, delay=1, leave=False))
