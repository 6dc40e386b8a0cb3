"""What a malicious evaluator tries in a comparison, against weakened copies and against ours.

Tests design.md 2.6.4, 1.9.
"""

import secrets

import pytest

from crypto import bitproof
from crypto import comparison as compare
from crypto.comparison import Comparison
from crypto.errors import ProofError
from crypto.group import RISTRETTO255 as GROUP
from crypto.packing import Layout
from crypto.rng import Rng, system_rng

BITS = 8


def respond_without_fresh_zero(
    agreed: Comparison, masks: list[int], request: bytes, rng: Rng
) -> list[tuple[bytes, bytes]]:
    """A masker that sends k·(E − c) and forgets Enc(0; k'): terms (k R, k (S − c Y))."""
    statement, _ = compare._parse_request(agreed, request)
    places, constants = compare._tests(agreed, masks, [0] * len(masks), rng)
    terms = []
    for place, constant in zip(places, constants, strict=True):
        k = GROUP.random_scalar(rng=rng)
        shifted = GROUP.sub(statement.seconds[place], GROUP.mul(constant, statement.public))
        terms.append((GROUP.mul(k, statement.firsts[place]), GROUP.mul(k, shifted)))
    secrets.SystemRandom().shuffle(terms)
    return terms


def recover_low_bits(
    terms: list[tuple[bytes, bytes]], randomness: list[bytes], secret: bytes
) -> int:
    """The evaluator knows each s and y: k G = K / s, and T − y K = k (P − c) Y is a small multiple
    of k Y. So every place with r_i = 1 shows its c = ⌊r/2^i⌋ − 1, whatever the order."""
    found = 0
    for first, second in terms:
        for i, s in enumerate(randomness):
            unit = GROUP.mul(GROUP.scalar_mul(GROUP.scalar_invert(s), secret), first)  # k Y
            rest = GROUP.sub(second, GROUP.mul(secret, first))  # k (P - c) Y, with P = 0
            for c in range(1 << (BITS - i)):
                if GROUP.mul(GROUP.scalar_from_int(-c), unit) == rest and rest != GROUP.identity:
                    found = max(found, (c + 1) << i)
    return found


def malicious_request(agreed: Comparison) -> tuple[bytes, list[bytes], bytes]:
    """An ordinary request for z = 0, its randomness kept."""
    secret = GROUP.random_scalar(rng=system_rng)
    randomness = [GROUP.random_scalar(rng=system_rng) for _ in range(agreed.bits)]
    statement = compare._encrypt(agreed, secret, [0] * agreed.bits, randomness)
    pairs = zip(statement.firsts, statement.seconds, strict=True)
    return statement.public + b"".join(a + b for a, b in pairs), randomness, secret


def test_terms_without_a_fresh_zero_give_the_mask_away() -> None:
    agreed = Comparison(Layout(BITS, 1), b"permit", bit_proofs=False)
    request, randomness, secret = malicious_request(agreed)
    mask = 0b10110101
    terms = respond_without_fresh_zero(agreed, [mask], request, system_rng)
    assert recover_low_bits(terms, randomness, secret) == mask


def test_our_terms_do_not() -> None:
    """The same attack on the real masker's terms; their T is given in full, not as a hash."""
    agreed = Comparison(Layout(BITS, 1), b"permit", bit_proofs=False)
    request, randomness, secret = malicious_request(agreed)
    mask = 0b10110101
    statement, _ = compare._parse_request(agreed, request)
    full: list[bytes] = []

    def keep(element: bytes) -> bytes:
        full.append(element)
        return bytes(compare.TAG_BYTES)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "_tag", keep)
        places, constants = compare._tests(agreed, [mask], [0], system_rng)
        scaled = compare._scale(statement, places, system_rng)
        made = compare._blind(statement, scaled, constants, system_rng)
    terms = [(term[:32], second) for term, second in zip(made, full, strict=True)]
    assert len(terms) == BITS + 1
    assert recover_low_bits(terms, randomness, secret) == 0


def forged(agreed: Comparison, prefixes: list[int]) -> tuple[bytes, bytes]:
    """Encrypt arbitrary numbers, with the honest prover's proof for them if one is due."""
    secret = GROUP.random_scalar(rng=system_rng)
    randomness = [GROUP.random_scalar(rng=system_rng) for _ in prefixes]
    statement = compare._encrypt(agreed, secret, prefixes, randomness)
    pairs = zip(statement.firsts, statement.seconds, strict=True)
    message = statement.public + b"".join(a + b for a, b in pairs)
    if agreed.bit_proofs:
        witness = bitproof.Witness(secret, randomness, prefixes)
        message += bitproof.prove(statement, witness, rng=system_rng)
    return secret, message


def zeros(agreed: Comparison, secret: bytes, message: bytes) -> int:
    terms = [message[at : at + 48] for at in range(0, len(message), 48)]
    return sum(compare._tag(GROUP.mul(secret, term[:32])) == term[32:] for term in terms)


def test_without_proofs_numbers_that_are_no_prefixes_gain_more_than_a_bit() -> None:
    """The evaluator guesses the constants of a mask of ones at every place at once; the number of
    zeros then tells how many of the places hold, where an honest request shows at most one."""
    agreed = Comparison(Layout(BITS, 1), b"permit", bit_proofs=False)
    mask = 0b11111111
    guesses = [(mask >> i) - 1 for i in range(BITS)]
    secret, request = forged(agreed, guesses)
    seen = set()
    for _ in range(40):
        reply = compare.masker_respond(agreed, [mask], request, rng=system_rng)
        seen.add(zeros(agreed, secret, reply.message))
    assert max(seen) == BITS


NOT_PREFIXES = {
    "guesses of every constant": [(0xFF >> i) - 1 for i in range(BITS)],
    "a bit of 2": [2] + [0] * (BITS - 1),
    "a bit of -1": [-1] + [0] * (BITS - 1),
    "a top bit of 3": [3 << (BITS - 1 - i) for i in range(BITS)][::-1],
    "prefixes in the wrong order": [0] * (BITS - 1) + [128],
}


@pytest.mark.parametrize("prefixes", NOT_PREFIXES.values(), ids=NOT_PREFIXES.keys())
def test_with_proofs_they_are_refused(prefixes: list[int]) -> None:
    agreed = Comparison(Layout(BITS, 1), b"permit")
    _, request = forged(agreed, prefixes)
    with pytest.raises(ProofError):
        compare.masker_respond(agreed, [181], request, rng=system_rng)


def test_one_bad_slot_among_good_ones_is_refused() -> None:
    agreed = Comparison(Layout(BITS, 3), b"permit")
    good = [200 >> i for i in range(BITS)]
    forged_slot = [2] + [0] * (BITS - 1)
    _, request = forged(agreed, good + good + good)
    compare.masker_respond(agreed, [1, 2, 3], request, rng=system_rng)
    _, request = forged(agreed, good + forged_slot + good)
    with pytest.raises(ProofError):
        compare.masker_respond(agreed, [1, 2, 3], request, rng=system_rng)


def lied_about(agreed: Comparison, said: list[int], put: list[int]) -> tuple[bytes, bytes]:
    """Ciphertexts of ``put`` under an honest proof for ``said``; returns message and secret."""
    secret = GROUP.random_scalar(rng=system_rng)
    randomness = [GROUP.random_scalar(rng=system_rng) for _ in put]
    statement = compare._encrypt(agreed, secret, put, randomness)
    pairs = zip(statement.firsts, statement.seconds, strict=True)
    witness = bitproof.Witness(secret, randomness, said)
    proof = bitproof.prove(statement, witness, rng=system_rng)
    return statement.public + b"".join(a + b for a, b in pairs) + proof, secret


def test_a_proof_about_other_numbers_than_the_ciphertexts_is_refused() -> None:
    agreed = Comparison(Layout(BITS, 1), b"permit")
    honest = [181 >> i for i in range(BITS)]
    message, _ = lied_about(agreed, honest, honest)
    compare.masker_respond(agreed, [181], message, rng=system_rng)
    for place in range(BITS):
        other = [p + (i == place) for i, p in enumerate(honest)]
        message, _ = lied_about(agreed, honest, other)
        with pytest.raises(ProofError):
            compare.masker_respond(agreed, [181], message, rng=system_rng)


def cancelling(agreed: Comparison) -> tuple[bitproof.Statement, bytes]:
    """Two ciphertexts that are no prefixes, whose false equations add up to a true one.

    The prover shifts two plaintexts by +1 and -1, and knows x, which the commitments do not
    depend on: nothing but the verifier's weights tells the equations apart.
    """
    honest = [181 >> i for i in range(BITS)]
    put = [honest[0] + 1, honest[1] - 1, *honest[2:]]
    message, _ = lied_about(agreed, honest, put)
    return compare._parse_request(agreed, message)


def weighed(statement: bitproof.Statement, weights: list[bytes]) -> bitproof.Weighed:
    firsts, seconds = (
        GROUP.mul_each(weights, list(part)) for part in (statement.firsts, statement.seconds)
    )
    return bitproof.Weighed(weights, firsts, seconds)


def test_equations_added_up_without_weights_let_errors_cancel() -> None:
    statement, proof = cancelling(Comparison(Layout(BITS, 1), b"permit"))
    ones = [GROUP.scalar_from_int(1)] * BITS
    bitproof.verify(statement, proof, weighed(statement, ones))


def test_the_maskers_own_weights_do_not() -> None:
    agreed = Comparison(Layout(BITS, 1), b"permit")
    statement, proof = cancelling(agreed)
    drawn = [GROUP.random_scalar(rng=system_rng) for _ in range(BITS)]
    with pytest.raises(ProofError):
        bitproof.verify(statement, proof, weighed(statement, drawn))
    pairs = zip(statement.firsts, statement.seconds, strict=True)
    message = statement.public + b"".join(a + b for a, b in pairs) + proof
    with pytest.raises(ProofError):
        compare.masker_respond(agreed, [181], message, rng=system_rng)
