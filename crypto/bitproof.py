"""Proof that ElGamal ciphertexts hold the prefixes of bit strings: batched, one for all bits.

Source: the bit proof of Groth and Kohlweiss (Eurocrypt 2015, section 2.2: f = b x + a, and
f (x - f) has no x² term exactly for bits), batched over all bits with random weights as in
Bootle et al. (Esorics 2015, section 5), linked to the ciphertexts by one proof of a
representation (Okamoto 1992). Fiat and Shamir throughout; soundness by discrete logarithms.
Trusts: nobody. H is hashed, so nobody knows its logarithm.
Learns: the verifier, that every bit is one. Zero knowledge in the random oracle model.

Notation. Row of a slot: E_i = (R_i, S_i) encrypts P_i, S_i - y R_i = P_i Y, i = 0 … ℓ-1, under
Y = y G; P_ℓ = 0; the claim is b_i = P_i - 2 P_(i+1) ∈ {0, 1}. Over all rows:
    A = α G + t H;   λ from all E and A;   C1, C0 commit to the x¹ and x⁰ parts of Σ λ f (x - f);
    x from C1, C0;   F = P x + α, f_i = F_i - 2 F_(i+1);   ρ from all F;
    proof of y, α* = Σ ρ α and t* = Σ ρ t with Y = y G, Σ ρ A = α* G + t* H and
    (Σ ρ F) Y - x Σ ρ S = α* Y - y (x Σ ρ R).
Wire: A and F of each bit; C1, C0, z, e, r1, r2, r3. 64 bytes a bit and 224.
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
FIXED_BYTES = 224
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
    count, hashed = len(statement.firsts), _Transcript(statement)
    masks = [GROUP.random_scalar(rng=rng) for _ in range(count)]
    blinds = [GROUP.random_scalar(rng=rng) for _ in range(count)]
    hidden = _bases(masks)
    blinded = GROUP.mul_each(blinds, [BASE_H] * count)
    commits = [GROUP.add(a, b) for a, b in zip(hidden, blinded, strict=True)]
    weight = hashed.challenge(*commits)
    linear, constant, blind_1, blind_0 = _quadratic(statement, witness, masks, weight, rng)
    x = hashed.challenge(linear, constant)
    responses = [
        _mul_add(x, GROUP.scalar_from_int(p), a)
        for p, a in zip(witness.prefixes, masks, strict=True)
    ]
    z = _mul_add(x, blind_1, blind_0)
    link = _prove_link(hashed, statement, witness, (masks, blinds), x, (responses, z), rng)
    return b"".join((*commits, *responses, linear, constant, z, *link))


def verify(statement: Statement, proof: bytes) -> None:
    """Raise ProofError unless every row holds the prefixes of a bit string.

    Elements of the statement must not be the identity; whether they are elements at all is
    checked here, by multiplying them.
    """
    count, hashed = len(statement.firsts), _Transcript(statement)
    try:
        commits, responses, (linear, constant), (z, *link) = _parse(proof, count)
        weight = hashed.challenge(*commits)
        x = hashed.challenge(linear, constant)
        _check_quadratic(statement, responses, weight, x, linear, constant, z)
        _check_link(hashed, statement, commits, responses, x, z, link)
    except InvalidInput as error:
        raise ProofError(f"a bit proof does not verify: {error}") from None


def _parse(
    proof: bytes, count: int
) -> tuple[list[bytes], list[bytes], tuple[bytes, bytes], list[bytes]]:
    if len(proof) != proof_bytes(count):
        raise InvalidInput("wrong length")
    parts = [proof[at : at + 32] for at in range(0, len(proof), 32)]
    commits, responses, rest = parts[:count], parts[count : 2 * count], parts[2 * count :]
    for scalar in (*responses, *rest[2:]):
        GROUP.decode_scalar(scalar)
    linear, constant = (GROUP.decode_element(element) for element in rest[:2])
    return commits, responses, (linear, constant), rest[2:]


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


def _check_quadratic(
    statement: Statement,
    responses: Sequence[bytes],
    weight: bytes,
    x: bytes,
    linear: bytes,
    constant: bytes,
    z: bytes,
) -> None:
    # Public numbers: Python's integers serve.
    (at, step), power, total = _ints([x, weight]), 1, 0
    values = _ints(responses)
    for index, value in enumerate(values):
        last = (index + 1) % statement.row_bits == 0
        f = value - (0 if last else 2 * values[index + 1])
        power = power * step % _ORDER
        total = (total + power * f * (at - f)) % _ORDER
    left = GROUP.add(GROUP.mul(x, linear), constant)
    if left != _commit(GROUP.scalar_from_int(total), z):
        raise InvalidInput("not bits")


# --- F belongs to the ciphertexts ---------------------------------------------------------------


def _prove_link(
    hashed: _Transcript,
    statement: Statement,
    witness: Witness,
    openings: tuple[Sequence[bytes], Sequence[bytes]],
    x: bytes,
    sent: tuple[Sequence[bytes], bytes],
    rng: Rng,
) -> tuple[bytes, bytes, bytes, bytes]:
    responses, z = sent
    weights = _powers(hashed.challenge(*responses, z), len(responses))
    mask, blind = (_inner(weights, values) for values in openings)
    first = GROUP.mul_base(GROUP.scalar_mul(x, _inner(weights, witness.randomness)))  # x Σ ρ R
    n1, n2, n3 = (GROUP.random_scalar(rng=rng) for _ in range(3))
    nonces = (
        GROUP.mul_base(n1),
        _commit(n2, n3),
        GROUP.sub(GROUP.mul(n2, statement.public), GROUP.mul(n1, first)),
    )
    e = hashed.challenge(*nonces)
    return e, _mul_add(e, witness.secret, n1), _mul_add(e, mask, n2), _mul_add(e, blind, n3)


def _check_link(
    hashed: _Transcript,
    statement: Statement,
    commits: Sequence[bytes],
    responses: Sequence[bytes],
    x: bytes,
    z: bytes,
    link: Sequence[bytes],
) -> None:
    e, r1, r2, r3 = link
    public = statement.public
    weights = _powers(hashed.challenge(*responses, z), len(responses))
    scaled = [GROUP.scalar_mul(x, w) for w in weights]
    first = GROUP.sum(GROUP.mul_each(scaled, statement.firsts))
    claim = GROUP.sum(GROUP.mul_each(scaled, statement.seconds))
    claim = GROUP.sub(GROUP.mul(_inner(weights, responses), public), claim)
    opening = GROUP.sum(GROUP.mul_each(weights, commits))
    shown = GROUP.sub(GROUP.mul(r2, public), GROUP.mul(r1, first))
    nonces = (
        GROUP.sub(GROUP.mul_base(r1), GROUP.mul(e, public)),
        GROUP.sub(_commit(r2, r3), GROUP.mul(e, opening)),
        GROUP.sub(shown, GROUP.mul(e, claim)),
    )
    if hashed.challenge(*nonces) != e:
        raise InvalidInput("not the ciphertexts'")


# --- scalars ------------------------------------------------------------------------------------


def _bases(scalars: Iterable[bytes]) -> list[bytes]:
    return [GROUP.mul_base(s) for s in scalars]


def _commit(value: bytes, blind: bytes) -> bytes:
    return GROUP.add(GROUP.mul_base(value), GROUP.mul(blind, BASE_H))


def _mul_add(a: bytes, b: bytes, c: bytes) -> bytes:
    return GROUP.scalar_add(GROUP.scalar_mul(a, b), c)


def _inner(weights: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    total = GROUP.scalar_from_int(0)
    for weight, value in zip(weights, values, strict=True):
        total = _mul_add(weight, value, total)
    return total


def _powers(base: bytes, count: int) -> list[bytes]:
    """Return base¹ … base^count."""
    powers = [base]
    while len(powers) < count:
        powers.append(GROUP.scalar_mul(powers[-1], base))
    return powers


def _ints(scalars: Iterable[bytes]) -> list[int]:
    return [GROUP.scalar_to_int(s) for s in scalars]
