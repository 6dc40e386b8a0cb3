"""Proof of plaintext knowledge: whoever sends (1 + m n) h_s^r knows m and r.

Source: design.md 2.4.6, 2.6.1;
Schnorr's protocol for c = (1+n)^m h_s^r mod n² (Damgård, Jurik and Nielsen 2010,
section 5, with the second base in a group of hidden order: Fujisaki and Okamoto 1997; Damgård
and Fujisaki 2002), made non-interactive by Fiat and Shamir. The challenge covers key,
ciphertext and context, so a proof serves one ciphertext of one sender in one manifest or permit.
Learns: the verifier, nothing; the response to r is within 2^-128 of independent of it.
Not protected: knowledge is of m, and of r up to the two-torsion of the group (ADR 0010).
"""

from dataclasses import dataclass

from crypto import integers, paillier
from crypto.errors import InvalidInput, ProofError
from crypto.labels import Label, digest
from crypto.paillier import CHALLENGE_BITS, STATISTICAL_BITS, Encryption, PublicKey
from crypto.rng import Rng, random_below, random_bits

_CHALLENGE_BYTES = CHALLENGE_BITS // 8


@dataclass(frozen=True)
class _Kind:
    """How long r is, and how powers of h_s by a secret exponent are computed."""

    name: bytes
    response_bits: int
    constant_time: bool


def proof_bytes(key: PublicKey) -> int:
    """Width of an answer's proof: challenge, response mod n, response to r."""
    return _width(key, _answer(key))


def prove(
    key: PublicKey, encryption: Encryption, plaintext: int, *, context: bytes, rng: Rng
) -> bytes:
    """Prove an answer: knowledge of m and r of n/2 bits.

    Args:
        encryption: Ciphertext and r, from ``paillier.encrypt`` or a pool.
        plaintext: m in [0, n).
        context: Kind, manifest's digest and sender, by the caller's label; see ``labels.digest``.
    """
    return _prove(key, _answer(key), encryption, plaintext, context, rng)


def prove_mask(
    key: PublicKey, encryption: Encryption, plaintext: int, *, context: bytes, rng: Rng
) -> bytes:
    """Prove a mask: knowledge of m and r of |n| + 128 bits; in constant time, as its making."""
    return _prove(key, _mask(key), encryption, plaintext, context, rng)


def verify(key: PublicKey, ciphertext: int, proof: bytes, *, context: bytes) -> None:
    """Raise ProofError unless ``proof`` shows knowledge of an answer's plaintext."""
    _verify(key, _answer(key), ciphertext, proof, context)


def verify_mask(key: PublicKey, ciphertext: int, proof: bytes, *, context: bytes) -> None:
    """Raise ProofError unless ``proof`` shows knowledge of a mask's plaintext."""
    _verify(key, _mask(key), ciphertext, proof, context)


def _answer(key: PublicKey) -> _Kind:
    return _Kind(b"answer", key.short_bits + CHALLENGE_BITS + STATISTICAL_BITS, False)


def _mask(key: PublicKey) -> _Kind:
    return _Kind(b"mask", key.uniform_bits + CHALLENGE_BITS + STATISTICAL_BITS, True)


def _width(key: PublicKey, kind: _Kind) -> int:
    return _CHALLENGE_BYTES + key.plaintext_bytes + -(-kind.response_bits // 8)


def _prove(
    key: PublicKey, kind: _Kind, made: Encryption, plaintext: int, context: bytes, rng: Rng
) -> bytes:
    while True:
        u, v = random_below(key.n, rng=rng), random_bits(kind.response_bits, rng=rng)
        commitment = (1 + u * key.n) * _power(key, kind, v) % key.n2
        e = _challenge(key, kind, made.ciphertext, commitment, context)
        response = v + e * made.r
        # An overflow, once in 2^128 times, starts afresh: responses keep one width and law.
        if response.bit_length() <= kind.response_bits:
            break
    parts = (
        integers.encode(e, _CHALLENGE_BYTES),
        integers.encode((u + e * plaintext) % key.n, key.plaintext_bytes),
        integers.encode(response, -(-kind.response_bits // 8)),
    )
    return b"".join(parts)


def _verify(key: PublicKey, kind: _Kind, ciphertext: int, proof: bytes, context: bytes) -> None:
    paillier.check_ciphertext(key, ciphertext)
    e, for_m, for_r = _decode(key, kind, proof)
    commitment = (1 + for_m * key.n) * key.table.power(for_r) % key.n2
    commitment = commitment * integers.public_pow(ciphertext, -e, key.n2) % key.n2
    if _challenge(key, kind, ciphertext, commitment, context) != e:
        raise ProofError("a proof of plaintext knowledge does not verify")


def _decode(key: PublicKey, kind: _Kind, proof: bytes) -> tuple[int, int, int]:
    try:
        e, for_m, for_r = integers.split(
            proof, _CHALLENGE_BYTES, key.plaintext_bytes, -(-kind.response_bits // 8)
        )
        return (
            int.from_bytes(e, "big"),
            integers.decode(for_m, len(for_m), below=key.n),
            integers.decode(for_r, len(for_r), below=1 << kind.response_bits),
        )
    except InvalidInput as error:
        raise ProofError(f"not a proof of plaintext knowledge: {error}") from None


def _power(key: PublicKey, kind: _Kind, exponent: int) -> int:
    if kind.constant_time:
        bits = kind.response_bits
        return integers.secret_pow(key.h_s, exponent, key.n2, exponent_bits=bits)
    return key.table.power(exponent)


def _challenge(
    key: PublicKey, kind: _Kind, ciphertext: int, commitment: int, context: bytes
) -> int:
    hashed = digest(
        Label.PLAINTEXT_PROOF,
        kind.name,
        key.fingerprint,
        context,
        paillier.encode_ciphertext(key, ciphertext),
        integers.encode(commitment, key.ciphertext_bytes),
    )
    return int.from_bytes(hashed[:_CHALLENGE_BYTES], "big")
