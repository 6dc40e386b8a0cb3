"""Proof that ElGamal ciphertexts hold the prefixes of bit strings: batched, one for all bits.

Source: Schnorr's proof for each ciphertext, with one nonce for the key that they share; the bit
proof of Groth and Kohlweiss (Eurocrypt 2015, section 2.2: f = b x + a, and f (x - f) has no x²
term exactly for bits), batched over all bits with random weights as in Bootle et al. (Esorics
2015, section 5). Fiat and Shamir throughout; the verifier batches the equations with weights
of its own (small-exponent test of Bellare, Garay and Rabin 1998, here with whole scalars).
Trusts: nobody. H is hashed, so nobody knows its logarithm.
Learns: the verifier, that every bit is one. Zero knowledge in the random oracle model.

Notation. Row of a slot: E_i = (R_i, S_i) encrypts P_i, S_i - y R_i = P_i Y, i = 0 … ℓ-1, under
Y = y G; P_ℓ = 0; the claim is b_i = P_i - 2 P_(i+1) ∈ {0, 1}. Over all rows:
    W = w G, D_i = α_i Y + w R_i;   λ from all E, W and D;
    C1, C0 commit to the x¹ and x⁰ parts of Σ λ f (x - f);   x from C1, C0;
    F_i = P_i x + α_i, f_i = F_i - 2 F_(i+1), v = y x + w, z opens x C1 + C0.
Checked: v G = x Y + W;   F_i Y + v R_i = x S_i + D_i for every i;
    x C1 + C0 = (Σ λ f (x - f)) G + z H.
Wire: D of each bit, F of each bit, W, C1, C0, v, z. 64 bytes a bit and 160.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crypto.errors import InvalidInput, ProofError
from crypto.group import RISTRETTO255 as GROUP
from crypto.labels import Label, digest
from crypto.rng import Rng

_DST = b"hedui-bit-proof-v1"
_ORDER = GROUP.order
BASE_H = GROUP.hash_to_group(b"second base", _DST)
FIXED_BYTES = 160
BYTES_PER_BIT = 64


@dataclass(frozen=True)
class Statement:
    """Rows of ciphertexts, flat: ``rows`` rows of ``row_bits`` pairs (R, S), P_0 first.

    ``context`` binds session and party.
    """

    public: bytes
    firsts: Sequence[bytes]
    seconds: Sequence[bytes]
    row_bits: int
    context: bytes


@dataclass(frozen=True, repr=False)
class Witness:
    """The secret key y, each ciphertext's randomness s and prefix P, all as scalars."""

    secret: bytes
    randomness: Sequence[bytes]
    prefixes: Sequence[int]


@dataclass(frozen=True, repr=False)
class Weighed:
    """The verifier's weight k_i of each equation, with k_i R_i and k_i S_i.

    The weights are secret, uniform, and drawn after the proof came; the comparison's masker has
    these products at hand, because its terms are scaled by the same numbers.
    """

    weights: Sequence[bytes]
    firsts: Sequence[bytes]
    seconds: Sequence[bytes]


@dataclass(frozen=True)
class _Proof:
    """A proof, parsed; scalars are reduced, elements not yet looked at."""

    commits: Sequence[bytes]
    responses: Sequence[bytes]
    key_commit: bytes
    linear: bytes
    constant: bytes
    key_response: bytes
    opening: bytes


class _Transcript:
    """Challenges, each over everything before it."""

    def __init__(self, statement: Statement) -> None:
        rows = statement.row_bits.to_bytes(4, "big")
        self._state = digest(
            Label.BIT_PROOF,
            statement.context,
            rows,
            statement.public,
            b"".join(statement.firsts),
            b"".join(statement.seconds),
        )

    def challenge(self, *parts: bytes) -> bytes:
        self._state = digest(Label.BIT_PROOF, self._state, *parts)
        return GROUP.hash_to_scalar(self._state, _DST)


def proof_bytes(bits: int) -> int:
    """Width of a proof over ``bits`` bits in all."""
    return FIXED_BYTES + BYTES_PER_BIT * bits


def prove(statement: Statement, witness: Witness, *, rng: Rng) -> bytes:
    """Return the proof; ``proof_bytes`` wide."""
    hashed = _Transcript(statement)
    masks = GROUP.random_scalars(len(statement.firsts), rng=rng)
    nonce = GROUP.random_scalar(rng=rng)
    commits, key_commit = _commits(witness, masks, nonce), GROUP.mul_base(nonce)
    weight = hashed.challenge(key_commit, *commits)
    linear, constant, blind_1, blind_0 = _quadratic(statement, witness, masks, weight, rng)
    x = hashed.challenge(linear, constant)
    responses = [
        _mul_add(x, GROUP.scalar_from_int(p), a)
        for p, a in zip(witness.prefixes, masks, strict=True)
    ]
    key_response, opening = _mul_add(x, witness.secret, nonce), _mul_add(x, blind_1, blind_0)
    tail = (key_commit, linear, constant, key_response, opening)
    return b"".join((*commits, *responses, *tail))


def verify(statement: Statement, proof: bytes, weighed: Weighed) -> None:
    """Raise ProofError unless every row holds the prefixes of a bit string.

    Elements of the statement must not be the identity; whether they are elements at all was
    checked where ``weighed`` was made, by multiplying them.
    """
    hashed = _Transcript(statement)
    try:
        sent = _parse(proof, len(statement.firsts))
        weight = hashed.challenge(sent.key_commit, *sent.commits)
        x = hashed.challenge(sent.linear, sent.constant)
        _check_quadratic(statement, sent, weight, x)
        _check_key(statement, sent, x)
        _check_equations(statement, sent, x, weighed)
    except InvalidInput as error:
        raise ProofError(f"a bit proof does not verify: {error}") from None


def _parse(proof: bytes, count: int) -> _Proof:
    if len(proof) != proof_bytes(count):
        raise InvalidInput("wrong length")
    parts = [proof[at : at + 32] for at in range(0, len(proof), 32)]
    commits, responses, tail = parts[:count], parts[count : 2 * count], parts[2 * count :]
    for scalar in (*responses, *tail[3:]):
        GROUP.decode_scalar(scalar)
    return _Proof(commits, responses, *map(GROUP.decode_element, tail[:3]), *tail[3:])


# --- Σ λ f (x - f) has no x² term ---------------------------------------------------------------


def _quadratic(
    statement: Statement, witness: Witness, masks: Sequence[bytes], weight: bytes, rng: Rng
) -> tuple[bytes, bytes, bytes, bytes]:
    """Return C1, C0 and their blinds: q1 = Σ λ a (1 - 2b), q0 = -Σ λ a²."""
    linear = constant = GROUP.scalar_from_int(0)
    power = GROUP.scalar_from_int(1)
    for index, mask in enumerate(masks):
        last = (index + 1) % statement.row_bits == 0
        above = (
            (GROUP.scalar_from_int(0), 0)
            if last
            else (masks[index + 1], witness.prefixes[index + 1])
        )
        a = GROUP.scalar_sub(mask, GROUP.scalar_add(above[0], above[0]))
        sign = GROUP.scalar_from_int(1 - 2 * (witness.prefixes[index] - 2 * above[1]))
        power = GROUP.scalar_mul(power, weight)
        weighted = GROUP.scalar_mul(power, a)
        linear = _mul_add(weighted, sign, linear)
        constant = GROUP.scalar_sub(constant, GROUP.scalar_mul(weighted, a))
    blind_1, blind_0 = GROUP.random_scalar(rng=rng), GROUP.random_scalar(rng=rng)
    return _commit(linear, blind_1), _commit(constant, blind_0), blind_1, blind_0


def _check_quadratic(statement: Statement, sent: _Proof, weight: bytes, x: bytes) -> None:
    # Public numbers: Python's integers serve.
    (at, step), power, total = _ints([x, weight]), 1, 0
    values = _ints(sent.responses)
    for index, value in enumerate(values):
        last = (index + 1) % statement.row_bits == 0
        f = value - (0 if last else 2 * values[index + 1])
        power = power * step % _ORDER
        total = (total + power * f * (at - f)) % _ORDER
    left = GROUP.add(GROUP.mul(x, sent.linear), sent.constant)
    if left != _commit(GROUP.scalar_from_int(total), sent.opening):
        raise InvalidInput("not bits")


# --- F belongs to the ciphertexts ---------------------------------------------------------------


def _commits(witness: Witness, masks: Sequence[bytes], nonce: bytes) -> list[bytes]:
    """D_i = α_i Y + w R_i, as one multiple of G each: the prover knows both logarithms."""
    return [
        GROUP.mul_base(_mul_add(mask, witness.secret, GROUP.scalar_mul(nonce, s)))
        for mask, s in zip(masks, witness.randomness, strict=True)
    ]


def _check_key(statement: Statement, sent: _Proof, x: bytes) -> None:
    left = GROUP.sub(GROUP.mul_base(sent.key_response), GROUP.mul(x, statement.public))
    if left != sent.key_commit:
        raise InvalidInput("not the key's")


def _check_equations(statement: Statement, sent: _Proof, x: bytes, weighed: Weighed) -> None:
    """All equations at once: Σ k (F Y + v R - x S) = Σ k D.

    A false one is hidden by the weights with chance 1 / order, whatever the prover knows: they
    are drawn afterwards. So whether this raises says nothing about them.
    """
    expected = GROUP.sum(GROUP.mul_each(weighed.weights, sent.commits))
    plaintexts = GROUP.mul(_inner(weighed.weights, sent.responses), statement.public)
    key = GROUP.mul(sent.key_response, GROUP.sum(weighed.firsts))
    shown = GROUP.sub(GROUP.add(plaintexts, key), GROUP.mul(x, GROUP.sum(weighed.seconds)))
    if shown != expected:
        raise InvalidInput("not the ciphertexts'")


# --- scalars ------------------------------------------------------------------------------------


def _commit(value: bytes, blind: bytes) -> bytes:
    return GROUP.add(GROUP.mul_base(value), GROUP.mul(blind, BASE_H))


def _mul_add(a: bytes, b: bytes, c: bytes) -> bytes:
    return GROUP.scalar_add(GROUP.scalar_mul(a, b), c)


def _inner(weights: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    total = GROUP.scalar_from_int(0)
    for weight, value in zip(weights, values, strict=True):
        total = _mul_add(weight, value, total)
    return total


def _ints(scalars: Iterable[bytes]) -> list[int]:
    return [GROUP.scalar_to_int(s) for s in scalars]
