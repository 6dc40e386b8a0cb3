"""Proofs against the definition of RFC 6962 itself, written out naively here.

Tests design.md 4.1.
"""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import InvalidInput, ProofError
from ledger import merkle


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it stands there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


ENTRIES = [b"entry %d" % i for i in range(70)]
FRONTIER, NODES = merkle.Frontier().extend(merkle.leaf_hash(e) for e in ENTRIES)


def get(numbers: Sequence[int]) -> list[bytes]:
    return [NODES[number] for number in numbers]


@pytest.mark.parametrize("size", range(71))
def test_roots_are_those_of_the_definition(size: int) -> None:
    assert merkle.root(size, get) == mth(ENTRIES[:size])
    again, _ = merkle.Frontier().extend(merkle.leaf_hash(e) for e in ENTRIES[:size])
    assert again.root() == mth(ENTRIES[:size])
    assert list(again.peaks) == get(merkle.frontier_numbers(size))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_every_proof_verifies_and_proves_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion(index, size, get)
    leaf, root = merkle.leaf_hash(ENTRIES[index]), merkle.Root(mth(ENTRIES[:size]))
    merkle.verify_inclusion(leaf, index, size, path, root)
    other = data.draw(st.integers(0, 69).filter(lambda i: i != index))
    with pytest.raises(ProofError):
        merkle.verify_inclusion(leaf, other, size, path, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(ENTRIES[other]), index, size, path, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(leaf, index, size, [*path, bytes(32)], root)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_consistency_holds_and_a_changed_proof_does_not(one: int, two: int, flip: int) -> None:
    old, new = sorted((one, two))
    proof = merkle.consistency(old, new, get)
    roots = merkle.Root(mth(ENTRIES[:old])), merkle.Root(mth(ENTRIES[:new]))
    merkle.verify_consistency(old, new, *roots, proof)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, roots[0], merkle.Root(bytes(32)), proof)
    if proof:
        changed = bytearray(proof[flip % len(proof)])
        changed[0] ^= 1
        proof[flip % len(proof)] = bytes(changed)
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, *roots, proof)


ASKED_WRONGLY = {
    "beyond the end": lambda: merkle.inclusion(70, 70, get),
    "below zero": lambda: merkle.inclusion(-1, 70, get),
    "from nothing": lambda: merkle.consistency(0, 70, get),
    "backwards": lambda: merkle.consistency(7, 6, get),
}


@pytest.mark.parametrize("ask", ASKED_WRONGLY.values(), ids=ASKED_WRONGLY.keys())
def test_proofs_of_what_cannot_be_are_refused(ask) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput):
        ask()
