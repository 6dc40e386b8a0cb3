"""Randomness: the one module that reads the operating system's.

Source: design.md 3.8.
Everything else takes an ``Rng`` by keyword, so that a test can see that fresh randomness is
asked for; production code hands in ``system_rng`` and nothing else.
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Rng = Callable[[int], bytes]
"""Takes a count of bytes, returns that many uniform bytes."""


def system_rng(count: int) -> bytes:
    """Return ``count`` bytes from the operating system's generator."""
    return os.urandom(count)


def random_bits(bits: int, *, rng: Rng) -> int:
    """Return a uniform integer in ``[0, 2^bits)``."""
    return int.from_bytes(rng((bits + 7) // 8), "big") & ((1 << bits) - 1)


def random_below(bound: int, *, rng: Rng) -> int:
    """Return a uniform integer in ``[0, bound)``, by rejection; ``bound`` is at least 1."""
    if bound < 1:
        raise ValueError(f"bound must be at least 1, not {bound}")
    while True:
        value = random_bits((bound - 1).bit_length(), rng=rng)
        if value < bound:
            return value


def shuffled(items: Sequence[T], *, rng: Rng) -> list[T]:
    """Return the items in uniformly random order (Fisher-Yates)."""
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        other = random_below(last + 1, rng=rng)
        result[last], result[other] = result[other], result[last]
    return result
