"""Line beside line: which lines of two definitions belong together, and where two of them differ."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import zip_longest
from typing import Literal, NamedTuple

Kind = Literal["equal", "spelling", "differs"]

WORD = re.compile(r"\w+|\s+|[^\w\s]")
FRAMEWORK = re.compile(
    r"\b(?:logreg_(?:torch|jax)|PyTorch|JAX|torch|jax|jnp|Tensor|Array|(?:a )?tensors?|(?:an )?arrays?)\b"
)

ALIKE = 0.45  # the share of words from which on two lines are taken for one line in two wordings


class AlignedRow(NamedTuple):
    """A line of PyTorch's side and one of JAX's, counted from 0; None where a side has none."""

    lines: tuple[int | None, int | None]
    kind: Kind


def align(torch: Sequence[str], jax: Sequence[str]) -> list[AlignedRow]:
    """All lines of both sides in their order, in rows: those that belong together, and those that replace each other.

    Of all ways to put lines together, the one with the largest sum of likenesses (Needleman and Wunsch 1970, with
    gaps for nothing). What lies between is put side by side from the top.
    """
    rows: list[AlignedRow] = []
    for i, j in [*_together(torch, jax), (len(torch), len(jax))]:
        above = zip_longest(range(_next(rows, 0), i), range(_next(rows, 1), j))
        rows.extend(AlignedRow((one, other), "differs") for one, other in above)
        if i < len(torch):
            rows.append(AlignedRow((i, j), kind(torch[i], jax[j])))
    return rows


def _together(torch: Sequence[str], jax: Sequence[str]) -> list[tuple[int, int]]:
    n, m = len(torch), len(jax)
    best = [[0.0] * (m + 1) for _ in range(n + 1)]  # of what lies from line i and line j on
    for i in reversed(range(n)):
        for j in reversed(range(m)):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness(torch[i], jax[j]) + best[i + 1][j + 1])
    pairs, i, j = [], 0, 0
    while i < n and j < m:
        if best[i][j] > max(best[i + 1][j], best[i][j + 1]):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _next(rows: list[AlignedRow], side: int) -> int:
    """The first line of a side that stands in no row yet."""
    return next((line + 1 for row in reversed(rows) if (line := row.lines[side]) is not None), 0)


def kind(torch: str, jax: str) -> Kind:
    """Whether two lines are equal, or would be with the same indentation and the same name for the framework."""
    if torch == jax:
        return "equal"
    one, other = (FRAMEWORK.sub("·", line.strip()) for line in (torch, jax))
    return "spelling" if one == other else "differs"


@cache
def likeness(torch: str, jax: str) -> float:
    """How much speaks for putting two lines beside each other; 0 where nothing does.

    An equal line counts for more than all that are merely alike, so that as many equal lines as can be stand beside
    each other; a blank line for next to nothing, so that it pulls nothing else out of place.
    """
    if not (torch.strip() and jax.strip()):
        return 0.01 if torch == jax else 0.0
    if torch == jax:
        return 1000.0
    one, other = (Counter(re.findall(r"\w+|[^\w\s]", FRAMEWORK.sub("·", line))) for line in (torch, jax))
    share = 2 * (one & other).total() / (one.total() + other.total())
    return share if share >= ALIKE else 0.0


def marks(torch: str, jax: str) -> tuple[list[bool], list[bool]]:
    """For every character of two lines, whether its word is not in the other line at that place; indentation is not."""
    one, other = WORD.findall(torch), WORD.findall(jax)
    left, right = [True] * len(one), [True] * len(other)
    for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        left[block.a : block.a + block.size] = [False] * block.size
        right[block.b : block.b + block.size] = [False] * block.size
    return _spread(one, left), _spread(other, right)


def _spread(words: list[str], marked: list[bool]) -> list[bool]:
    indentation = bool(words) and words[0].isspace()
    return [mark and not (indentation and k == 0) for k, mark in enumerate(marked) for _ in words[k]]
