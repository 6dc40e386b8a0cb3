"""Comparing a masked number with its mask, slot by slot, in one exchange.

Source: Damgård, Geisler and Krøigaard 2007/2009 (zero tests under a homomorphic encryption) with
Veugen's correction for equality (2012); the zero tests on prefixes are those of Lin and Tzeng
2005; design.md 2.6.4. Encryption is exponential ElGamal on ristretto255, key new per permit.

z < r on ℓ bits exactly when at one place i, r_i = 1 and ⌊z/2^i⌋ = ⌊r/2^i⌋ − 1; z ≥ r exactly when
z = r, or at one place i, r_i = 0 and ⌊z/2^i⌋ = ⌊r/2^i⌋ + 1; never at two places. The evaluator
encrypts each prefix ⌊z/2^i⌋; the masker subtracts its constant c_i (a random scalar where the
place does not count), and returns each difference times k, re-randomised, in random order. By
a coin δ it asks z < r or z ≥ r; zero found is [z < r] ⊕ δ.

    R = s G, S = (s + P) Y;   K = k R + k' G, T = k (S − c Y) + k' Y;   zero iff T = y K.

The plaintext stands on base Y, not G, which is as hiding (S is uniform under DDH) and lets the
masker compute (k' − k c) Y at once. Of T it sends a 16-byte hash: only equality is asked.

Learns: the masker, nothing; the evaluator, [z < r] ⊕ δ, a coin; who has both parts, the bit.
Not protected: without bit proofs an evaluator may encrypt other numbers than prefixes and see how
many of ℓ + 1 guesses hold, up to log₂(ℓ + 2) bits a slot. A masker that computes another
predicate of z than it should. See docs/threat-model.md.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from crypto import bitproof
from crypto.errors import InvalidElement, InvalidInput
from crypto.group import RISTRETTO255 as GROUP
from crypto.labels import Label, digest
from crypto.packing import Layout
from crypto.rng import Rng, random_bits, shuffled

ELEMENT_BYTES = 32
TAG_BYTES = 16
TERM_BYTES = ELEMENT_BYTES + TAG_BYTES


@dataclass(frozen=True)
class Comparison:
    """What both sides must agree on.

    ``layout`` gives ℓ and the number of slots; ``bit_proofs`` is the policy's setting;
    ``context`` is the permit's digest with step and parties, bound into the proofs.
    """

    layout: Layout
    context: bytes
    bit_proofs: bool = True

    @property
    def bits(self) -> int:
        """ℓ."""
        return self.layout.value_bits

    @property
    def slots(self) -> int:
        """How many numbers are compared."""
        return self.layout.slots

    @property
    def request_bytes(self) -> int:
        """Width of the evaluator's message."""
        count = self.bits * self.slots
        proof = bitproof.proof_bytes(count) if self.bit_proofs else 0
        return ELEMENT_BYTES + 2 * ELEMENT_BYTES * count + proof

    @property
    def reply_bytes(self) -> int:
        """Width of the masker's message."""
        return TERM_BYTES * (self.bits + 1) * self.slots


@dataclass(frozen=True)
class EvaluatorState:
    """What the evaluator keeps between its two steps: its key and the bits z_ℓ. Never prints."""

    secret: bytes = field(repr=False)
    tops: tuple[int, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the secret key and a byte per slot; the caller seals it."""
        return self.secret + bytes(self.tops)

    @classmethod
    def from_bytes(cls, data: bytes, comparison: Comparison) -> "EvaluatorState":
        """Parse what ``to_bytes`` gave; raises InvalidInput."""
        if len(data) != 32 + comparison.slots or any(top > 1 for top in data[32:]):
            raise InvalidInput("not the state of this comparison")
        return cls(GROUP.decode_scalar(data[:32]), tuple(data[32:]))


@dataclass(frozen=True)
class MaskerReply:
    """The masker's message, and the flips f = δ ⊕ r_ℓ that it seals to the coordinator."""

    message: bytes
    flips: tuple[int, ...] = field(repr=False)


def evaluator_start(
    comparison: Comparison, masked: Sequence[int], *, rng: Rng
) -> tuple[EvaluatorState, bytes]:
    """Step 1: return the state to keep and the message to the masker.

    Args:
        masked: z_j from ``packing.unpack_masked``, one per slot.
    """
    _check_numbers(comparison, masked)
    low = (1 << comparison.bits) - 1
    secret = GROUP.random_scalar(rng=rng)
    prefixes = [(z & low) >> i for z in masked for i in range(comparison.bits)]
    randomness = GROUP.random_scalars(len(prefixes), rng=rng)
    statement = _encrypt(comparison, secret, prefixes, randomness)
    pairs = zip(statement.firsts, statement.seconds, strict=True)
    message = statement.public + b"".join(part for pair in pairs for part in pair)
    if comparison.bit_proofs:
        witness = bitproof.Witness(secret, randomness, prefixes)
        message += bitproof.prove(statement, witness, rng=rng)
    return EvaluatorState(secret, tuple(z >> comparison.bits & 1 for z in masked)), message


def masker_respond(
    comparison: Comparison, masks: Sequence[int], message: bytes, *, rng: Rng
) -> MaskerReply:
    """Step 2: return the terms and the flips.

    Called once per permit; a repeat must send the stored message, because two answers to one
    request with different coins are two chances to learn.

    Args:
        masks: r_j from ``packing.draw_masks``, one per slot.
    Raises:
        InvalidInput, InvalidElement: a message of another width, or no group elements.
        ProofError: the evaluator's ciphertexts are not shown to hold bits.
    """
    _check_numbers(comparison, masks)
    statement, proof = _parse_request(comparison, message)
    coins = [random_bits(1, rng=rng) for _ in masks]
    places, constants = _tests(comparison, masks, coins, rng)
    scaled = _scale(statement, places, rng)
    width = comparison.bits + 1
    if comparison.bit_proofs:
        bitproof.verify(statement, proof, _without_equality(scaled, width))
    terms = _blind(statement, scaled, constants, rng)
    rows = [shuffled(terms[at : at + width], rng=rng) for at in range(0, len(terms), width)]
    flips = tuple(coin ^ (r >> comparison.bits & 1) for coin, r in zip(coins, masks, strict=True))
    return MaskerReply(b"".join(term for row in rows for term in row), flips)


def evaluator_finish(comparison: Comparison, state: EvaluatorState, message: bytes) -> list[int]:
    """Step 3: return the blinded results z_ℓ ⊕ [zero found], one per slot.

    Raises InvalidInput for another width, an element that is none, or two zeros in a slot.
    """
    if len(message) != comparison.reply_bytes or len(state.tops) != comparison.slots:
        raise InvalidInput("terms of the wrong length")
    parts = [message[at : at + TERM_BYTES] for at in range(0, len(message), TERM_BYTES)]
    firsts = _refuse_identity([part[:ELEMENT_BYTES] for part in parts])
    # Every term is multiplied and compared, found or not.
    zeros = [
        int(hmac.compare_digest(_tag(shared), part[ELEMENT_BYTES:]))
        for shared, part in zip(GROUP.mul_all(state.secret, firsts), parts, strict=True)
    ]
    width = comparison.bits + 1
    found = [sum(zeros[at : at + width]) for at in range(0, len(zeros), width)]
    if any(count > 1 for count in found):
        raise InvalidInput("a slot with more than one zero term: no masker's honest reply")
    return [top ^ count for top, count in zip(state.tops, found, strict=True)]


def reveal(blinded: Sequence[int], flips: Sequence[int]) -> list[int]:
    """The coordinator's step: return the bits [x_j > T_j] from both parts."""
    if len(blinded) != len(flips) or any(bit not in (0, 1) for bit in (*blinded, *flips)):
        raise InvalidInput("blinded results and flips are one bit per slot each")
    return [b ^ f for b, f in zip(blinded, flips, strict=True)]


def _check_numbers(comparison: Comparison, numbers: Sequence[int]) -> None:
    if len(numbers) != comparison.slots:
        raise InvalidInput(f"{len(numbers)} numbers for {comparison.slots} slots")
    for number in numbers:
        if type(number) is not int or not 0 <= number < 1 << comparison.layout.slot_bits:
            raise InvalidInput("a number does not fit its slot")


def _encrypt(
    comparison: Comparison, secret: bytes, prefixes: Sequence[int], randomness: Sequence[bytes]
) -> bitproof.Statement:
    """Encrypt under one's own key: S = (P + s y) G, one fixed-base multiplication."""
    shared = [
        GROUP.scalar_mul(GROUP.scalar_add(s, GROUP.scalar_from_int(p)), secret)
        for p, s in zip(prefixes, randomness, strict=True)
    ]
    return bitproof.Statement(
        public=GROUP.mul_base(secret),
        firsts=[GROUP.mul_base(s) for s in randomness],
        seconds=[GROUP.mul_base(s) for s in shared],
        row_bits=comparison.bits,
        context=comparison.context,
    )


def _parse_request(comparison: Comparison, message: bytes) -> tuple[bitproof.Statement, bytes]:
    if len(message) != comparison.request_bytes:
        raise InvalidInput("encrypted bits of the wrong length")
    end = ELEMENT_BYTES * (1 + 2 * comparison.bits * comparison.slots)
    parts = [message[at : at + ELEMENT_BYTES] for at in range(0, end, ELEMENT_BYTES)]
    _refuse_identity(parts)
    statement = bitproof.Statement(
        parts[0], parts[1::2], parts[2::2], comparison.bits, comparison.context
    )
    return statement, message[end:]


def _refuse_identity(elements: list[bytes]) -> list[bytes]:
    # Whether the rest are canonical encodings is checked by libsodium as it multiplies them.
    if GROUP.identity in elements:
        raise InvalidElement("the identity is no element of an honest message")
    return elements


def _tests(
    comparison: Comparison, masks: Sequence[int], coins: Sequence[int], rng: Rng
) -> tuple[list[int], list[bytes]]:
    """Return, per term, which ciphertext is tested against which constant."""
    places, constants = [], []
    low = (1 << comparison.bits) - 1
    for slot, (mask, coin) in enumerate(zip(masks, coins, strict=True)):
        r, first = mask & low, slot * comparison.bits
        for i in range(comparison.bits):
            # coin 0: r_i = 1 and prefix one below; coin 1: r_i = 0 and prefix one above
            counts = (r >> i & 1) ^ coin
            places.append(first + i)
            constants.append(_constant((r >> i) + 2 * coin - 1, counts, rng))
        # equality belongs to z >= r alone
        places.append(first)
        constants.append(_constant(r, coin, rng))
    return places, constants


def _constant(value: int, counts: int, rng: Rng) -> bytes:
    # Both are made, whichever is taken.
    return (GROUP.random_scalar(rng=rng), GROUP.scalar_from_int(value))[counts]


def _scale(statement: bitproof.Statement, places: Sequence[int], rng: Rng) -> bitproof.Weighed:
    """Multiply the ciphertext of each place by a fresh scalar k."""
    scales = GROUP.random_scalars(len(places), rng=rng)
    return bitproof.Weighed(
        scales,
        GROUP.mul_each(scales, [statement.firsts[p] for p in places]),
        GROUP.mul_each(scales, [statement.seconds[p] for p in places]),
    )


def _without_equality(scaled: bitproof.Weighed, width: int) -> bitproof.Weighed:
    """Each ciphertext once: the last of a slot's ``width`` tests looks at its first again."""
    kept = [at for at in range(len(scaled.weights)) if at % width != width - 1]
    return bitproof.Weighed(
        [scaled.weights[at] for at in kept],
        [scaled.firsts[at] for at in kept],
        [scaled.seconds[at] for at in kept],
    )


def _blind(
    statement: bitproof.Statement, scaled: bitproof.Weighed, constants: Sequence[bytes], rng: Rng
) -> list[bytes]:
    """Return the terms: k (E - Enc(c; 0)) + Enc(0; k') with fresh k, k' each."""
    fresh = GROUP.random_scalars(len(constants), rng=rng)
    shifts = [
        GROUP.scalar_sub(k2, GROUP.scalar_mul(k, c))
        for k, c, k2 in zip(scaled.weights, constants, fresh, strict=True)
    ]
    shifted = GROUP.mul_each(shifts, [statement.public] * len(shifts))
    return [
        GROUP.add(first, GROUP.mul_base(k2)) + _tag(GROUP.add(second, shift))
        for first, k2, second, shift in zip(
            scaled.firsts, fresh, scaled.seconds, shifted, strict=True
        )
    ]


def _tag(element: bytes) -> bytes:
    return digest(Label.COMPARISON_TERM, element)[:TAG_BYTES]
