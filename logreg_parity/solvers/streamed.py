"""Packed data that are not kept: every pass reads, packs and drops one block of a stream after the other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from ..data.dataset import Dataset
from .blocks import BlockPlace, Blocks, Sums, halvings
from .ranks import ALONE, Ranks, named
from .stream import Stream

SAMPLE_NUMBERS = 2**22
"""Of X, 32 MiB: as many rows, spread over the stream, stay in memory for subsamples and certificates."""


class Streamed:
    """A Stream with the surface of ``Blocks``: what is resident is one block and a sample, however long the stream is.

    The first pass is made here, for what ``Blocks`` knows from packing. dataset: the sample. ranks: who share the
    blocks, which changes no bit; each reads its own. Raises ValueError as ``Blocks`` and ``Stream`` do, for data that
    change between two passes, and for ranks of different streams.
    """

    def __init__(self, stream: Stream, dtype: str, place: BlockPlace, *, intercept: bool = True, ranks: Ranks = ALONE):
        self.stream, self.dtype, self.place, self.intercept, self.ranks = stream, dtype, place, intercept, ranks
        what = {"twin": place.twin, "dtype": dtype, "intercept": intercept, "blocks": place.cut}
        ranks.agree({**stream.identity, **what})
        step, size = -(-stream.n_rows * stream.n_features // SAMPLE_NUMBERS), stream.n_features + intercept
        sample, ends = [np.empty((0, stream.n_features + 1))], [np.zeros(size), np.array([0.0, -1.0, 0.0])]

        def packed() -> Iterator[Sums]:
            for first, part in self._datasets():
                blocks = self._packed(part)
                rows = slice(-first % step, None, step)
                sample.append(np.column_stack([part.X[rows], part.y[rows]]))
                about = np.array([blocks.longest_sum, -part.y.min(), part.y.max()])
                ends[:] = np.maximum(ends[0], blocks.largest), np.maximum(ends[1], about)
                yield Sums(0.0, blocks.signed_sum, None)

        self.signed_sum = ranks.add("the first pass", packed(), stream.n_blocks, size).gradient
        every = ranks.gathered("the largest", lambda: np.concatenate(ends), [1] * ranks.size, size + 3).max(axis=0)
        self.largest, (longest, least, most) = every[:size], every[size:]
        self.longest_sum, self.labels = int(longest) + halvings(stream.n_blocks), (-least, most)
        kept = [
            len(range(-first % step, last - first, step))
            for first, last in map(stream.span, ranks.shares(stream.n_blocks))
        ]
        rows = ranks.gathered("the sample", lambda: np.concatenate(sample), kept, stream.n_features + 1)
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
        return self._packed(self.dataset).sample(min(rows, self.dataset.n_rows))

    def sums(self, theta: np.ndarray, *, arithmetic: str = "float64", hessian: bool = False) -> Sums:
        """The sums over all rows, block by block, added in one order: two passes agree to the last bit."""
        packed = (self._packed(dataset) for _, dataset in self._datasets())
        parts = (blocks.sums(theta, arithmetic=arithmetic, hessian=hessian) for blocks in packed)
        what = f"a pass at {named(theta)} in {arithmetic}{' with a Hessian' * hessian}" if self.ranks.size > 1 else ""
        return self.ranks.add(what, parts, self.stream.n_blocks, len(theta), hessian=hessian)

    def _packed(self, dataset: Dataset) -> Blocks:
        return Blocks.of(dataset, self.dtype, self.place, intercept=self.intercept)

    def _datasets(self) -> Iterator[tuple[int, Dataset]]:
        """Of every block of this rank the number of its first row, and its rows."""
        silent = True if self.ranks.rank else None
        share = self.ranks.share(self.stream.n_blocks)
        for k in tqdm(share, "pass", unit="block", disable=silent, delay=1, leave=False):
            yield k * self.stream.rows_per_block, Dataset(*self.stream.block(k), self.stream.source)
