"""What an evaluator tries with the order of terms and with the key of its proof.

Tests design.md 2.6.4.
"""

import pytest

from crypto import bitproof
from crypto import comparison as compare
from crypto.comparison import Comparison
from crypto.errors import ProofError
from crypto.group import RISTRETTO255 as GROUP
from crypto.packing import Layout
from crypto.rng import system_rng

BITS = 8
RUNS = 60


def places_of_zeros(agreed: Comparison, masked: int, mask: int) -> list[int]:
    """Where the zero term stands in the masker's reply, for each run in which there is one."""
    found = []
    for _ in range(RUNS):
        state, request = compare.evaluator_start(agreed, [masked], rng=system_rng)
        reply = compare.masker_respond(agreed, [mask], request, rng=system_rng).message
        terms = [reply[at : at + 48] for at in range(0, len(reply), 48)]
        shared = GROUP.mul_all(state.secret, [term[:32] for term in terms])
        found += [
            i
            for i, (k, term) in enumerate(zip(shared, terms, strict=True))
            if compare._tag(k) == term[32:]
        ]
    return found


def test_terms_in_order_tell_where_mask_and_number_part() -> None:
    """A masker that does not shuffle: z and r differ at place 5 first, and term 5 is the zero."""
    agreed = Comparison(Layout(BITS, 1), b"permit", bit_proofs=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "shuffled", lambda items, *, rng: list(items))
        assert set(places_of_zeros(agreed, 0b10010101, 0b10110101)) == {5}


def test_the_maskers_terms_stand_in_an_order_of_their_own() -> None:
    agreed = Comparison(Layout(BITS, 1), b"permit", bit_proofs=False)
    places = places_of_zeros(agreed, 0b10010101, 0b10110101)
    assert len(set(places)) > 3  # of 9; fewer once in 10^9 times


def proof_for_another_key(agreed: Comparison) -> tuple[bitproof.Statement, bytes]:
    """Ciphertexts of no prefixes, and a proof that they are some under a key that is not Y's.

    S_i = P_i Y + y' R_i decrypts, under the y of Y, to P_i + (y' - y) s_i / y: a number of the
    prover's choice, since s_i is. The responses are an honest prover's, and v = y' x + w.
    """
    secret, other = (GROUP.random_scalar(rng=system_rng) for _ in range(2))
    prefixes = [181 >> i for i in range(BITS)]
    randomness = [GROUP.random_scalar(rng=system_rng) for _ in prefixes]
    seconds = [
        GROUP.scalar_add(
            GROUP.scalar_mul(GROUP.scalar_from_int(p), secret), GROUP.scalar_mul(s, other)
        )
        for p, s in zip(prefixes, randomness, strict=True)
    ]
    statement = bitproof.Statement(
        public=GROUP.mul_base(secret),
        firsts=[GROUP.mul_base(s) for s in randomness],
        seconds=[GROUP.mul_base(s) for s in seconds],
        row_bits=BITS,
        context=agreed.context,
    )
    witness = bitproof.Witness(secret, randomness, prefixes)
    proof = bitproof.prove(statement, witness, rng=system_rng)
    return statement, moved(statement, proof, GROUP.scalar_sub(other, secret))


def moved(statement: bitproof.Statement, proof: bytes, shift: bytes) -> bytes:
    """The proof with v + x (y' - y) for v; no challenge covers v."""
    sent = bitproof._parse(proof, BITS)
    hashed = bitproof._Transcript(statement)
    hashed.challenge(sent.key_commit, *sent.commits)
    x = hashed.challenge(sent.linear, sent.constant)
    response = GROUP.scalar_add(sent.key_response, GROUP.scalar_mul(x, shift))
    return proof[:-64] + response + proof[-32:]


def weighed(statement: bitproof.Statement) -> bitproof.Weighed:
    weights = [GROUP.random_scalar(rng=system_rng) for _ in statement.firsts]
    firsts, seconds = (
        GROUP.mul_each(weights, list(part)) for part in (statement.firsts, statement.seconds)
    )
    return bitproof.Weighed(weights, firsts, seconds)


def test_without_the_keys_equation_a_proof_for_another_key_passes() -> None:
    statement, proof = proof_for_another_key(Comparison(Layout(BITS, 1), b"permit"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bitproof, "_check_key", lambda *_: None)
        bitproof.verify(statement, proof, weighed(statement))


def test_a_proof_for_another_key_than_the_ciphertexts_is_refused() -> None:
    agreed = Comparison(Layout(BITS, 1), b"permit")
    statement, proof = proof_for_another_key(agreed)
    with pytest.raises(ProofError):
        bitproof.verify(statement, proof, weighed(statement))
    pairs = zip(statement.firsts, statement.seconds, strict=True)
    message = statement.public + b"".join(a + b for a, b in pairs) + proof
    with pytest.raises(ProofError):
        compare.masker_respond(agreed, [181], message, rng=system_rng)
