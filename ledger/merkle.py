"""Merkle trees as in RFC 6962: hashing, and proofs as in RFC 9162.

Source: design.md 4.1; RFC 6962 section 2.1; RFC 9162 sections 2.1.3 and 2.1.4.
Trusts: SHA-256. The prefixes 0x00 (leaf) and 0x01 (node) are the RFC's domain separation.
Learns: whoever sees a proof learns sibling hashes, so entries must carry salted commitments.

Nodes are numbered in post-order: a leaf, then every node that it completes. So appending only
ever adds numbers at the end, and the nodes of a log of n entries are 0 .. node_count(n) - 1.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NewType

from crypto.errors import InvalidInput, ProofError

HASH_BYTES = 32
MAX_SIZE = 1 << 62

NodeGetter = Callable[[Sequence[int]], Sequence[bytes]]
"""Takes node numbers, returns their hashes in the same order."""
Root = NewType("Root", bytes)
"""Root hash of a log, 32 bytes. Hex in JSON and in entries; base64 in notes alone, by C2SP."""
EMPTY_ROOT = Root(hashlib.sha256(b"").digest())


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry), 32 bytes. RFC 6962, 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 32 bytes. RFC 6962, 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def node_count(size: int) -> int:
    """How many nodes (leaves included) a log of ``size`` entries has stored."""
    return 2 * size - size.bit_count()


def node_number(level: int, index: int) -> int:
    """Post-order number of the perfect subtree ``index`` of ``2^level`` leaves."""
    last = ((index + 1) << level) - 1
    return 2 * last - last.bit_count() + level


@dataclass(frozen=True)
class Frontier:
    """What must be remembered to append: the roots of the perfect subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def root(self) -> Root:
        """Root of the tree of ``size`` leaves; of the empty string for none."""
        return fold(self.peaks) if self.peaks else EMPTY_ROOT

    def extend(self, leaves: Iterable[bytes]) -> tuple["Frontier", list[bytes]]:
        """Append leaf hashes: return the new frontier and the new nodes in post-order."""
        size, peaks, added = self.size, list(self.peaks), []
        for node in leaves:
            added.append(node)
            completed = size
            while completed & 1:
                node = node_hash(peaks.pop(), node)
                added.append(node)
                completed >>= 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks)), added


def frontier_numbers(size: int) -> list[int]:
    """Numbers of the nodes that make the frontier of ``size`` leaves, largest subtree first."""
    return _cover(0, size)


def root(size: int, nodes: NodeGetter) -> Root:
    """Root of the first ``size`` leaves of a log that holds at least as many."""
    return fold(nodes(_cover(0, size))) if size else EMPTY_ROOT


def inclusion(index: int, size: int, nodes: NodeGetter) -> list[bytes]:
    """Sibling hashes of leaf ``index`` in the tree of ``size``, leaf to root. RFC 9162, 2.1.3.1.

    Raises InvalidInput unless ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise InvalidInput(f"there is no entry {index} in a log of {size}")
    low, high, ranges = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return _hashes(ranges[::-1], nodes)


def consistency(old: int, new: int, nodes: NodeGetter) -> list[bytes]:
    """Proof that the tree of ``old`` leaves is a prefix of that of ``new``. RFC 9162, 2.1.4.1.

    Raises InvalidInput unless ``0 < old <= new``; for equal sizes the proof is empty.
    """
    if not 0 < old <= new:
        raise InvalidInput(f"no consistency proof leads from size {old} to size {new}")
    low, high, ranges = 0, new, []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    # The old tree's own root is left out where it is one perfect subtree: the verifier has it.
    if low:
        ranges.append((low, high))
    return _hashes(ranges[::-1], nodes)


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: Root
) -> None:
    """Raise ProofError unless ``leaf`` is entry ``index`` of the tree. RFC 9162, 2.1.3.2.

    Args:
        leaf: Leaf hash, 32 bytes: SHA-256(0x00 || entry).
        index: Zero-based; below ``size``.
        size: Number of leaves of the tree.
        path: Sibling hashes, leaf to root, 32 bytes each.
        expected: Root of the tree, from a checkpoint whose signature is already verified.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError("inclusion proof does not verify")
    _check_hashes((leaf, expected, *path))
    here, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("inclusion proof does not verify")
        if here & 1 or here == last:
            result = node_hash(sibling, result)
            here, last = _climb(here, last)
        else:
            result = node_hash(result, sibling)
        here, last = here >> 1, last >> 1
    if last or result != expected:
        raise ProofError("inclusion proof does not verify")


def verify_consistency(
    old: int, new: int, old_root: Root, new_root: Root, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the tree of ``new`` extends that of ``old``. RFC 9162, 2.1.4.2.

    Args:
        old, new: Sizes, ``0 < old <= new``; from the empty tree there is nothing to prove.
        old_root, new_root: 32 bytes each, from checkpoints whose signatures are verified.
        proof: Hashes, 32 bytes each; empty if the sizes are equal.
    """
    _check_hashes(proof)
    if not 0 < old <= new <= MAX_SIZE:
        raise ProofError("consistency proof does not verify")
    if old == new:
        if proof or old_root != new_root:
            raise ProofError("consistency proof does not verify")
        return
    if _roots(old, new, old_root, proof) != (old_root, new_root):
        raise ProofError("consistency proof does not verify")


def fold(hashes: Sequence[bytes]) -> Root:
    """Root over subtree roots given left to right, none larger than its left neighbour."""
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return Root(result)


def _roots(old: int, new: int, old_root: Root, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not proof:
        raise ProofError("consistency proof does not verify")
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofError("consistency proof does not verify")
        if here & 1 or here == last:
            first, second = node_hash(step, first), node_hash(step, second)
            here, last = _climb(here, last)
        else:
            second = node_hash(second, step)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofError("consistency proof does not verify")
    return first, second


def _climb(here: int, last: int) -> tuple[int, int]:
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last


def _split(width: int) -> int:
    """Largest power of two below ``width`` (at least 2)."""
    return 1 << (width - 1).bit_length() - 1


def _cover(low: int, high: int) -> list[int]:
    """Numbers of the perfect subtrees that make up leaves ``low .. high - 1``, left to right."""
    numbers = []
    while low < high:
        level = (high - low).bit_length() - 1
        numbers.append(node_number(level, low >> level))
        low += 1 << level
    return numbers


def _hashes(ranges: Sequence[tuple[int, int]], nodes: NodeGetter) -> list[bytes]:
    covers = [_cover(low, high) for low, high in ranges]
    fetched = iter(nodes([number for cover in covers for number in cover]))
    return [fold([next(fetched) for _ in cover]) for cover in covers]


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise ProofError("a hash in the proof is not 32 bytes long")
