"""The offline verifier's tree: hashing in blocks, and naming what does not fit.

Source: design.md 4.9; RFC 6962 section 2.1. Shares no code with the writer: Python's library alone.
Stored hashes stand in post-order, a leaf's and then those of the nodes that it completes.
"""

import hashlib
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

BLOCK: Final = 1024  # entries hashed at a time; a power of two
_LEAF: Final = hashlib.sha256(b"\x00")
_NODE: Final = hashlib.sha256(b"\x01")


class Broken(Exception):
    """What is wrong: kind, first bad index (-1 where there is none), a sentence."""

    def __init__(self, kind: str, index: int, sentence: str) -> None:
        super().__init__(sentence)
        self.kind, self.index, self.sentence = kind, index, sentence


class Part(NamedTuple):
    """Entries in a row, the stored hashes for them in post-order, and what is wrong after them."""

    first: int
    entries: list[bytes]
    hashes: list[bytes]
    after: Broken | None


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    state = _LEAF.copy()
    state.update(entry)
    return state.digest()


def node_hash(pair: bytes) -> bytes:
    """SHA-256(0x01 || left || right), both given as one."""
    state = _NODE.copy()
    state.update(pair)
    return state.digest()


def node_count(size: int) -> int:
    """How many hashes are stored for ``size`` entries; entry i's own is number node_count(i)."""
    return 2 * size - size.bit_count()


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    levels = [leaves]
    while len(levels[-1]) > 1:
        row = iter(levels[-1])
        levels.append([node_hash(left + right) for left, right in zip(row, row, strict=False)])
    return levels


def _post_order(size: int) -> list[tuple[int, int]]:
    order: list[tuple[int, int]] = []
    for leaf in range(size):
        level, index = 0, leaf
        order.append((0, leaf))
        while index & 1:
            level, index = level + 1, index >> 1
            order.append((level, index))
    return order


def _picker(size: int) -> Callable[[list[bytes]], Sequence[bytes]]:
    """Picks the nodes of ``size`` leaves out of all levels strung together, in post-order."""
    starts, width = [0], size
    while width > 1:
        starts.append(starts[-1] + width)
        width >>= 1
    places = [starts[level] + index for level, index in _post_order(size)]
    return itemgetter(*places) if len(places) > 1 else lambda flat: flat[:1]


class Tree:
    """The tree over what was read so far; memory for one block and the peaks before it."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        self._levels: list[list[bytes]] = [[]]
        self._pick = _picker(BLOCK)

    def add(self, part: Part) -> None:
        """Take in at most BLOCK entries that begin a block. Raises Broken at the first bad one."""
        self._levels = _levels([leaf_hash(entry) for entry in part.entries])
        count = len(part.entries)
        pick = self._pick if count == BLOCK else _picker(count)
        nodes = list(pick([node for row in self._levels for node in row]))
        peaks = list(self._peaks)
        if count == BLOCK:
            nodes += self._merge(peaks, part.first // BLOCK)
        if part.hashes[: len(nodes)] != nodes:
            raise _diagnose(part, self._levels[0], nodes)
        self._before, self._peaks, self._start = self._peaks, peaks, part.first
        self.size = part.first + count

    def _merge(self, peaks: list[bytes], blocks: int) -> list[bytes]:
        made = []
        node = self._levels[-1][0]
        while blocks & 1:
            node = node_hash(peaks.pop() + node)
            made.append(node)
            blocks >>= 1
        peaks.append(node)
        return made

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` entries; ``size`` lies in the block taken in last."""
        if size == 0:
            return hashlib.sha256(b"").digest()
        inside, peaks = size - self._start, list(self._before)
        if inside == BLOCK:
            peaks, inside = list(self._peaks), 0
        done = 0
        while done < inside:
            level = (inside - done).bit_length() - 1
            peaks.append(self._levels[level][done >> level])
            done += 1 << level
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop() + root)
        return root


def _diagnose(part: Part, leaves: list[bytes], nodes: list[bytes]) -> Broken:
    """Name the first entry of a block whose hashes are not those that are stored."""
    stored = [part.hashes[node_count(i)] for i in range(BLOCK) if node_count(i) < len(part.hashes)]
    for i, leaf in enumerate(leaves):
        index = part.first + i
        if i >= len(stored):
            return Broken("missing", index, f"the stored hash of entry {index} is missing")
        if leaf == stored[i]:
            continue
        moved, next_hash = stored[i] in leaves[i + 1 : i + 2], stored[i + 1 : i + 2]
        if moved and [leaf] == next_hash:
            return Broken("modified", index, f"entries {index} and {index + 1} were swapped")
        if moved:
            return Broken("modified", index, f"an entry was inserted at {index}")
        if [leaf] == next_hash:
            return Broken("missing", index, f"entry {index} is missing: it was removed")
        if leaf in stored:
            return Broken("modified", index, f"another entry was put in the place of {index}")
        return Broken(
            "modified", index, f"the entry was modified, or its stored hash was ({index})"
        )
    wrong = next(i for i, node in enumerate(nodes) if part.hashes[i : i + 1] != [node])
    index = part.first + sum(1 for i in range(1, len(leaves)) if node_count(i) <= wrong)
    return Broken(
        "modified", index, f"a stored tree node that entry {index} completes was modified"
    )
