"""What a node tries that sees another's answer and does not know the plaintext.

Tests design.md 2.4.6.
"""

import pytest

from crypto import integers, knowledge, paillier, threshold
from crypto.errors import ProofError
from crypto.paillier import Encryption
from crypto.rng import system_rng
from tests.support.keys import as_signed
from tests.support.smallkeys import small

DEALT = small(2, 3)
KEY = DEALT.joint.public
VICTIM, ATTACKER = b"manifest 7, node a", b"manifest 7, node b"
SECRET = 123456
MADE = paillier.encrypt(KEY, SECRET, rng=system_rng)
PROOF = knowledge.prove(KEY, MADE, SECRET, context=VICTIM, rng=system_rng)


def opened(ciphertext: int) -> int:
    shares = {s.index: threshold.share(DEALT.joint, s, ciphertext) for s in DEALT.shares[:2]}
    plaintext = threshold.combine(DEALT.joint, ciphertext, shares).plaintext
    return as_signed(KEY, plaintext)


def test_without_proofs_the_inverse_cancels_the_victim() -> None:
    """Its sum with the victim's answer shows the others' answers alone."""
    inverse = integers.invert(MADE.ciphertext, KEY.n2)
    others = paillier.encrypt(KEY, 55, rng=system_rng).ciphertext
    assert opened(paillier.product(KEY, [MADE.ciphertext, inverse, others])) == 55


FRESH = paillier.encrypt(KEY, 0, rng=system_rng)
SHIFT = paillier.encrypt(KEY, 9, rng=system_rng)
INVERSE = integers.invert(MADE.ciphertext, KEY.n2)
MAULED = {
    "the victim's own": MADE.ciphertext,
    "its inverse": INVERSE,
    "its inverse, re-randomised": INVERSE * FRESH.ciphertext % KEY.n2,
    "a re-randomised copy": paillier.product(KEY, [MADE.ciphertext, FRESH.ciphertext]),
    "a copy plus nine": paillier.product(KEY, [MADE.ciphertext, SHIFT.ciphertext]),
    "twice the victim's": pow(MADE.ciphertext, 2, KEY.n2),
    "its negative": KEY.n2 - MADE.ciphertext,
}


@pytest.mark.parametrize("ciphertext", MAULED.values(), ids=MAULED.keys())
def test_no_proof_can_be_carried_over(ciphertext: int) -> None:
    """Neither as it is, nor adapted by what the attacker added, nor by negated responses."""
    e, for_m, for_r = PROOF[:16], PROOF[16 : 16 + KEY.plaintext_bytes], PROOF[-64:]
    challenge = int.from_bytes(e, "big")
    added = integers.encode(int.from_bytes(for_r, "big") + challenge * FRESH.r, len(for_r) + 1)
    negated = integers.encode(-int.from_bytes(for_m, "big") % KEY.n, len(for_m))
    tries = [PROOF, e + for_m + added[1:], e + negated + for_r]
    for proof in tries:
        with pytest.raises(ProofError):
            knowledge.verify(KEY, ciphertext, proof, context=ATTACKER)


def test_the_victims_proof_does_not_serve_another_sender_or_manifest() -> None:
    knowledge.verify(KEY, MADE.ciphertext, PROOF, context=VICTIM)
    for context in (ATTACKER, b"manifest 8, node a", b""):
        with pytest.raises(ProofError):
            knowledge.verify(KEY, MADE.ciphertext, PROOF, context=context)


def test_guessing_the_plaintext_without_r_proves_nothing() -> None:
    """A node that guesses the victim's value right still lacks r."""
    guess = Encryption(MADE.ciphertext, paillier.draw_exponent(KEY, rng=system_rng))
    proof = knowledge.prove(KEY, guess, SECRET, context=ATTACKER, rng=system_rng)
    with pytest.raises(ProofError):
        knowledge.verify(KEY, MADE.ciphertext, proof, context=ATTACKER)


def test_an_answers_proof_does_not_serve_as_a_masks() -> None:
    mask = paillier.encrypt_uniform(KEY, SECRET, rng=system_rng)
    width = len(knowledge.prove_mask(KEY, mask, SECRET, context=VICTIM, rng=system_rng))
    padded = PROOF + bytes(width - len(PROOF))
    with pytest.raises(ProofError):
        knowledge.verify_mask(KEY, MADE.ciphertext, padded, context=VICTIM)
