"""Proofs of plaintext knowledge: bound to ciphertext, kind, context and key.

Tests design.md 2.4.6, 2.6.1.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import knowledge, paillier
from crypto.errors import InvalidCiphertext, ProofError
from crypto.fixedbase import FixedBase
from crypto.rng import system_rng
from tests.support.smallkeys import small

KEY = small().joint.public
OTHER = small(other=True).joint.public
CONTEXT = b"manifest 1, node a"
PLAINTEXT = 31337
MADE = paillier.encrypt(KEY, PLAINTEXT, rng=system_rng)
PROOF = knowledge.prove(KEY, MADE, PLAINTEXT, context=CONTEXT, rng=system_rng)
MASK = paillier.encrypt_uniform(KEY, PLAINTEXT, rng=system_rng)
MASK_PROOF = knowledge.prove_mask(KEY, MASK, PLAINTEXT, context=CONTEXT, rng=system_rng)


def test_proofs_verify_and_have_one_width() -> None:
    assert len(PROOF) == knowledge.proof_bytes(KEY)
    # A mask's r is n/2 + 128 bits longer than an answer's.
    assert len(MASK_PROOF) == len(PROOF) + (KEY.bits - KEY.short_bits + 128) // 8
    knowledge.verify(KEY, MADE.ciphertext, PROOF, context=CONTEXT)
    knowledge.verify_mask(KEY, MASK.ciphertext, MASK_PROOF, context=CONTEXT)


def test_masks_and_their_proofs_never_go_through_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table is not constant-time; what a holder keeps secret is raised to by other code."""

    def used(*_: object) -> int:
        raise AssertionError("the table was used")

    monkeypatch.setattr(FixedBase, "power", used)
    mask = paillier.encrypt_uniform(KEY, PLAINTEXT, rng=system_rng)
    knowledge.prove_mask(KEY, mask, PLAINTEXT, context=CONTEXT, rng=system_rng)
    with pytest.raises(AssertionError, match="table"):
        paillier.encrypt(KEY, PLAINTEXT, rng=system_rng)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, KEY.n - 1), st.binary(max_size=40))
def test_every_plaintext_and_context_is_proved(plaintext: int, context: bytes) -> None:
    made = paillier.encrypt(KEY, plaintext, rng=system_rng)
    proof = knowledge.prove(KEY, made, plaintext, context=context, rng=system_rng)
    knowledge.verify(KEY, made.ciphertext, proof, context=context)


def test_an_answer_made_from_the_pool_is_proved() -> None:
    pool = paillier.RandomiserPool(KEY, capacity=1)
    pool.prepare(1, rng=system_rng)
    made = pool.encrypt(9, rng=system_rng)
    proof = knowledge.prove(KEY, made, 9, context=CONTEXT, rng=system_rng)
    knowledge.verify(KEY, made.ciphertext, proof, context=CONTEXT)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


REFUSED = {
    "another context": (MADE.ciphertext, PROOF, b"manifest 1, node b"),
    "another ciphertext": (MASK.ciphertext, PROOF, CONTEXT),
    "challenge changed": (MADE.ciphertext, flip(PROOF, 0), CONTEXT),
    "response for m changed": (MADE.ciphertext, flip(PROOF, 40), CONTEXT),
    "response for r changed": (MADE.ciphertext, flip(PROOF, len(PROOF) - 1), CONTEXT),
    "response for m not reduced": (
        MADE.ciphertext,
        PROOF[:16] + b"\xff" * KEY.plaintext_bytes + PROOF[16 + KEY.plaintext_bytes :],
        CONTEXT,
    ),
    "cut short": (MADE.ciphertext, PROOF[:-1], CONTEXT),
    "too long": (MADE.ciphertext, PROOF + b"\0", CONTEXT),
    "empty": (MADE.ciphertext, b"", CONTEXT),
    "all zero": (MADE.ciphertext, bytes(len(PROOF)), CONTEXT),
    "a mask's proof": (MASK.ciphertext, MASK_PROOF, CONTEXT),
}


@pytest.mark.parametrize(("c", "proof", "context"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_proofs_are_refused(c: int, proof: bytes, context: bytes) -> None:
    with pytest.raises(ProofError):
        knowledge.verify(KEY, c, proof, context=context)


def test_a_response_that_is_not_reduced_is_refused() -> None:
    """Otherwise a proof would have a second encoding: the same response, plus n."""
    start, end = 16, 16 + KEY.plaintext_bytes
    for _ in range(200):
        proof = knowledge.prove(KEY, MADE, PLAINTEXT, context=CONTEXT, rng=system_rng)
        larger = int.from_bytes(proof[start:end], "big") + KEY.n
        if larger.bit_length() <= 8 * KEY.plaintext_bytes:
            break
    else:
        pytest.fail("no response left room for n")
    twin = proof[:start] + larger.to_bytes(KEY.plaintext_bytes, "big") + proof[end:]
    with pytest.raises(ProofError, match="not a proof"):
        knowledge.verify(KEY, MADE.ciphertext, twin, context=CONTEXT)


def test_a_proof_under_another_key_is_refused() -> None:
    made = paillier.encrypt(OTHER, 1, rng=system_rng)
    proof = knowledge.prove(OTHER, made, 1, context=CONTEXT, rng=system_rng)
    with pytest.raises(ProofError):
        knowledge.verify(KEY, made.ciphertext % KEY.n2, proof, context=CONTEXT)


def test_a_prover_who_knows_another_plaintext_fails() -> None:
    proof = knowledge.prove(KEY, MADE, PLAINTEXT + 1, context=CONTEXT, rng=system_rng)
    with pytest.raises(ProofError):
        knowledge.verify(KEY, MADE.ciphertext, proof, context=CONTEXT)


@pytest.mark.parametrize("ciphertext", [0, KEY.n, 3 * KEY.n, KEY.n2])
def test_what_is_no_ciphertext_is_refused_before_the_proof(ciphertext: int) -> None:
    with pytest.raises(InvalidCiphertext):
        knowledge.verify(KEY, ciphertext, PROOF, context=CONTEXT)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=len(PROOF), max_size=len(PROOF)))
def test_any_bytes_of_the_right_width_are_refused(proof: bytes) -> None:
    with pytest.raises(ProofError):
        knowledge.verify(KEY, MADE.ciphertext, proof, context=CONTEXT)


def test_nonces_hide_r_by_challenge_plus_128_bits() -> None:
    asked: list[int] = []

    def counting(count: int) -> bytes:
        asked.append(count)
        return system_rng(count)

    knowledge.prove(KEY, MADE, PLAINTEXT, context=CONTEXT, rng=counting)
    assert 8 * asked[-1] == KEY.short_bits + 256
    knowledge.prove_mask(KEY, MASK, PLAINTEXT, context=CONTEXT, rng=counting)
    assert 8 * asked[-1] == KEY.uniform_bits + 256
