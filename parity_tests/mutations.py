"""Files with a fault in them, for any reader: it gives what is right or refuses; it never crashes, never guesses."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def mutated(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many spoiled versions of a file, each with the name of what was done to it; the same for the same seed."""
    chance = random.Random(seed)
    while count:
        name = chance.choice(list(KINDS))
        spoiled = KINDS[name](bytearray(content), chance)
        if spoiled != content:
            count -= 1
            yield name, bytes(spoiled)


def _part(content: bytearray, chance: random.Random) -> slice:
    """A piece of it, mostly short."""
    first = chance.randrange(len(content))
    return slice(first, first + chance.choice((1, 1, 2, 4, 8, 64, len(content))))


def _flip(content: bytearray, chance: random.Random) -> bytes:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def _set(content: bytearray, chance: random.Random) -> bytes:
    content[chance.randrange(len(content))] = chance.choice((0, 255, chance.randrange(256), *b'0,;"\n\r.-e x'))
    return content


def _filled(content: bytearray, chance: random.Random) -> bytes:
    part = _part(content, chance)
    content[part] = bytes([chance.choice((0, 255))]) * len(content[part])
    return content


def _cut(content: bytearray, chance: random.Random) -> bytes:
    del content[_part(content, chance)]
    return content


def _twice(content: bytearray, chance: random.Random) -> bytes:
    part = _part(content, chance)
    content[part.stop : part.stop] = content[part]
    return content


def _more(content: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    content[at:at] = chance.randbytes(chance.choice((1, 2, 16)))
    return content


def _short(content: bytearray, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _swapped(content: bytearray, chance: random.Random) -> bytes:
    one, other = sorted(chance.sample(range(len(content)), 2))
    length = chance.choice((1, 2, 8))
    content[one : one + length], content[other : other + length] = (
        content[other : other + length],
        content[one : one + length],
    )
    return content


KINDS: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "a bit flipped": _flip,
    "a byte set": _set,
    "a piece filled": _filled,
    "a piece cut out": _cut,
    "a piece twice": _twice,
    "bytes more": _more,
    "the end missing": _short,
    "two pieces swapped": _swapped,
}


def survey(
    path: Path,
    content: bytes,
    read: Callable[[Path], Any],
    right: Callable[[Any, bytes], bool],
    *,
    count: int,
    seed: int,
    refusals: tuple[type[Exception], ...] = (ValueError, OSError),
) -> dict[str, int]:
    """Let a reader read the spoiled versions of a file.

    Args:
        path: where each is put.
        content: the whole file.
        read: the reader.
        right: whether what was read is what these bytes hold.
        count: how many.
        seed: of the chance.
        refusals: the errors that the reader may say.

    Returns:
        How many were read and were right, and how many refused.

    Raises:
        AssertionError: for an answer that is wrong, and for any other error, with the bytes.
    """
    counts = {"right": 0, "refused": 0}
    for name, spoiled in mutated(content, count, seed):
        path.write_bytes(spoiled)
        try:
            found = read(path)
        except refusals:
            counts["refused"] += 1
            continue
        except Exception as error:
            raise AssertionError(f"{name}: the reader crashes on {spoiled!r}") from error
        assert right(found, spoiled), f"{name}: read without a word, and wrong: {spoiled!r}"
        counts["right"] += 1
    return counts
