"""Packed data that are not kept: every pass reads, packs and drops one block of a stream after the other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from ..data.dataset import Dataset
from .blocks import BlockPlace, Blocks, Sums, add_up, halvings
from .stream import Stream

SAMPLE_NUMBERS = 2**22
"""Of X, 32 MiB: as many rows, spread over the stream, stay in memory for subsamples and certificates."""


class Streamed:
    """A Stream with the surface of ``Blocks``: what is resident is one block and a sample, however long the stream is.

    The first pass is made here, for what ``Blocks`` knows from packing. dataset: the sample. Raises ValueError as
    ``Blocks`` and ``Stream`` do, and for data that change between two passes.
    """

    def __init__(self, stream: Stream, dtype: str, place: BlockPlace, *, intercept: bool = True):
        self.stream, self.dtype, self.place, self.intercept = stream, dtype, place, intercept
        step = -(-stream.n_rows * stream.n_features // SAMPLE_NUMBERS)
        sample, sums, largest, self.longest_sum, self.labels = [], [], [], 0, (1.0, 0.0)
        for first, part in self._datasets():
            packed = self._packed(part)
            sums.append(packed.signed_sum)
            largest.append(packed.largest)
            self.longest_sum = max(self.longest_sum, packed.longest_sum + halvings(stream.n_blocks))
            self.labels = min(self.labels[0], part.y.min()), max(self.labels[1], part.y.max())
            rows = slice(-first % step, None, step)
            sample.append((part.X[rows].copy(), part.y[rows].copy()))  # a view would keep its whole block
        self.signed_sum, self.largest = np.sum(sums, axis=0), np.max(largest, axis=0)
        X, y = (np.concatenate(arrays) for arrays in zip(*sample, strict=True))
        self.dataset = Dataset(X, y, f"every {step}th row of {stream.source}")

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
        return add_up(parts, self.stream.n_blocks)

    def _packed(self, dataset: Dataset) -> Blocks:
        return Blocks.of(dataset, self.dtype, self.place, intercept=self.intercept)

    def _datasets(self) -> Iterator[tuple[int, Dataset]]:
        """Of every block the number of its first row, and its rows."""
        blocks = tqdm(self.stream, "pass", self.stream.n_blocks, unit="block", disable=None, delay=1, leave=False)
        for k, (X, y) in enumerate(blocks):
            yield k * self.stream.rows_per_block, Dataset(X, y, self.stream.source)
