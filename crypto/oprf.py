"""Oblivious PRF: whoever blinds learns F(k, x) for its x; whoever holds k learns nothing.

Source: design.md 2.2.2;
RFC 9497, modes OPRF (0) and VOPRF (1). With A the generator, k the key, B = k·A:
    blind       P = H1(x), C = b·P                         client → server   C
    evaluate    D = k·C, DLEQ proof of log_A B = log_C D   server → client   D [, (c, s)]
    finalize    N = b⁻¹·D, F = Hash(len(x) x len(N) N "Finalize")
A batch has one proof, over M = Σ d_i·C_i and Z = Σ d_i·D_i; the server computes Z = k·M.
Trusts: VOPRF, nobody: the proof is verified against the pinned B. OPRF, the server for its key.
Learns: the server, how many elements; the client, F of its inputs and nothing of others.
Not protected: inputs that can be guessed, once the server evaluates guesses. Count and limit.

Every function is a step: bytes in, state and bytes out. An ``executor`` spreads a step over
cores: threads (libsodium releases the GIL), or a ``spawn`` pool of processes of our own, which
scales better in bulk and to which the step's secrets are then piped. Elements and scalars are
encodings of fixed width (32 and 32 bytes on ristretto255; 33 and 32 on P-256).
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, partial
from itertools import chain
from typing import Final, TypeVar

from crypto.errors import InvalidElement, InvalidInput, InvalidKey, ProofError
from crypto.group import RISTRETTO255, Group
from crypto.p256 import P256
from crypto.rng import Rng

MAX_INPUT_BYTES: Final = (1 << 16) - 1
MAX_BATCH: Final = (1 << 16) - 1
"""The RFC numbers the elements of a proof with two bytes."""

_CHUNK: Final = 128

T = TypeVar("T")


class Mode(IntEnum):
    """RFC 9497, section 3.1."""

    OPRF = 0
    VOPRF = 1


@dataclass(frozen=True)
class Suite:
    """A group, a hash and a mode; ``context`` separates it from every other. Section 3.1."""

    identifier: str
    mode: Mode
    group: Group
    hash_name: str

    @cached_property
    def context(self) -> bytes:
        """``OPRFV1-`` || mode || ``-`` || identifier."""
        return b"OPRFV1-" + bytes([self.mode]) + b"-" + self.identifier.encode()

    @property
    def proof_bytes(self) -> int:
        """Length of a proof: two scalars."""
        return 2 * self.group.scalar_bytes

    def hash_to_group(self, messages: Sequence[bytes]) -> list[bytes]:
        """H1 of the RFC for each message, as encoded elements."""
        return self.group.hash_to_group_each(messages, b"HashToGroup-" + self.context)

    def hash_to_scalar(self, message: bytes) -> bytes:
        """HashToScalar of the RFC with its usual tag."""
        return self.group.hash_to_scalar(message, b"HashToScalar-" + self.context)


RISTRETTO255_SHA512: Final = "ristretto255-SHA512"
P256_SHA256: Final = "P256-SHA256"

_GROUPS: Final[dict[str, tuple[Group, str]]] = {
    RISTRETTO255_SHA512: (RISTRETTO255, "sha512"),
    P256_SHA256: (P256, "sha256"),
}


def suite(identifier: str = RISTRETTO255_SHA512, *, mode: Mode = Mode.VOPRF) -> Suite:
    """Return the suite of this name. Raises InvalidInput for a name that is not in the table."""
    if identifier not in _GROUPS:
        known = ", ".join(_GROUPS)
        raise InvalidInput(f"no OPRF suite is called {identifier!r}; there are {known}")
    group, hash_name = _GROUPS[identifier]
    return Suite(identifier, mode, group, hash_name)


class PublicKey:
    """B = k·A, to be pinned."""

    def __init__(self, suite: Suite, data: bytes) -> None:
        """Raise InvalidKey unless ``data`` encodes an element other than the identity."""
        try:
            self._data = suite.group.decode_element(data)
        except InvalidElement as error:
            raise InvalidKey(f"OPRF public key: {error}") from None
        self.suite = suite

    def to_bytes(self) -> bytes:
        """Return the encoded element."""
        return self._data

    def __repr__(self) -> str:
        return f"oprf.PublicKey({self.suite.identifier}, {self._data.hex()[:16]})"


class PrivateKey:
    """k. Never prints; ``wipe`` overwrites the bytes that this object holds."""

    def __init__(self, suite: Suite, data: bytes) -> None:
        """Raise InvalidInput unless ``data`` encodes a scalar other than zero."""
        scalar = suite.group.decode_scalar(data)
        if not any(scalar):
            raise InvalidInput("an OPRF key is not zero")
        self.suite = suite
        self._data = bytearray(scalar)
        self._public = PublicKey(suite, suite.group.mul_base(scalar))

    @classmethod
    def generate(cls, suite: Suite, *, rng: Rng) -> "PrivateKey":
        """Return a new uniform key."""
        return cls(suite, suite.group.random_scalar(rng=rng))

    @property
    def public_key(self) -> PublicKey:
        """B = k·A."""
        return self._public

    def to_bytes(self) -> bytes:
        """Return the encoded scalar, to be sealed or written with mode 0600; nothing else."""
        return bytes(self._data)

    def wipe(self) -> None:
        """Overwrite the scalar; every later use raises InvalidInput."""
        self._data = bytearray()

    def __repr__(self) -> str:
        return f"oprf.PrivateKey(secret, {self.suite.identifier})"

    def __reduce__(self) -> str:
        raise TypeError("an OPRF key is not pickled")


def derive_key(suite: Suite, seed: bytes, info: bytes) -> PrivateKey:
    """DeriveKeyPair of section 3.2.1: the same 32-byte seed and info give the same key."""
    if len(seed) != 32 or len(info) > MAX_INPUT_BYTES:
        raise InvalidInput("a key is derived from a seed of 32 bytes and at most 65535 of info")
    tag = b"DeriveKeyPair" + suite.context
    for counter in range(256):
        message = seed + _prefixed(info) + bytes([counter])
        scalar = suite.group.hash_to_scalar(message, tag)
        if any(scalar):
            return PrivateKey(suite, scalar)
    raise InvalidInput("no key can be derived from this seed")


class Blinds:
    """The client's state between ``blind`` and ``finalize``: inputs, blinds, blinded elements.

    Used once. Never prints; ``finalize`` and ``wipe`` overwrite the blinds.
    """

    def __init__(self, inputs: Sequence[bytes], scalars: bytes, elements: list[bytes]) -> None:
        self.inputs = tuple(inputs)
        self.elements = elements
        self._scalars = bytearray(scalars)

    def scalars(self) -> list[bytes]:
        """Return the blinds, in the order of the inputs. Raises InvalidInput once wiped."""
        size = len(self._scalars) // max(1, len(self.inputs))
        if self.inputs and not size:
            raise InvalidInput("these blinds have been used")
        return [bytes(self._scalars[i * size : (i + 1) * size]) for i in range(len(self.inputs))]

    def wipe(self) -> None:
        """Overwrite the blinds and forget the inputs' order of use."""
        self._scalars[:] = bytes(len(self._scalars))
        self._scalars = bytearray()

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        return f"oprf.Blinds({len(self.inputs)} secret)"

    def __reduce__(self) -> str:
        raise TypeError("blinds are not pickled")


def blind(
    suite: Suite, inputs: Sequence[bytes], *, rng: Rng, executor: Executor | None = None
) -> tuple[Blinds, list[bytes]]:
    """Round 1 of sections 3.3.1 and 3.3.2: return (state to keep, elements to send).

    Args:
        inputs: At most 65535, each of at most 65535 bytes.
        executor: Threads or processes to spread the work over; see the top.

    Raises InvalidInput, for an input too long or one that hashes to the identity too.
    """
    _check_batch(len(inputs))
    scalars = suite.group.random_scalars(len(inputs), rng=rng)
    return blind_with(suite, inputs, scalars, executor=executor)


def blind_with(
    suite: Suite,
    inputs: Sequence[bytes],
    scalars: Sequence[bytes],
    *,
    executor: Executor | None = None,
) -> tuple[Blinds, list[bytes]]:
    """``blind`` with the blinds handed in: for published vectors, and nothing else."""
    pairs = list(zip(inputs, scalars, strict=True))
    elements = _spread(partial(_blind_part, suite), pairs, executor)
    return Blinds(inputs, b"".join(scalars), elements), list(elements)


def blind_evaluate(
    key: PrivateKey, elements: Sequence[bytes], *, rng: Rng, executor: Executor | None = None
) -> tuple[list[bytes], bytes]:
    """Return (evaluated elements, proof); the proof is empty in mode OPRF. Section 3.3.2.

    Args:
        elements: Blinded elements as they arrived, 1 to 65535; each is decoded strictly.
        rng: Asked for one scalar, for the proof.

    Raises InvalidElement if any of them is not canonical or is the identity; then none is
    evaluated.
    """
    scalar = key.suite.group.random_scalar(rng=rng)
    return blind_evaluate_with(key, elements, scalar, executor=executor)


def blind_evaluate_with(
    key: PrivateKey, elements: Sequence[bytes], nonce: bytes, *, executor: Executor | None = None
) -> tuple[list[bytes], bytes]:
    """``blind_evaluate`` with the proof's r handed in: for published vectors, nothing else."""
    group, secret = key.suite.group, key.to_bytes()
    _check_batch(len(elements))
    evaluated = _spread(partial(group.decode_mul_all, secret), elements, executor)
    if key.suite.mode is Mode.OPRF or not elements:
        return evaluated, b""
    return evaluated, _prove(key, elements, evaluated, nonce, executor)


def finalize(
    public: PublicKey,
    blinds: Blinds,
    evaluated: Sequence[bytes],
    proof: bytes,
    *,
    executor: Executor | None = None,
) -> list[bytes]:
    """Return F(k, x) for each input, in order; the blinds are used up. Sections 3.3.1, 3.3.2.

    Args:
        public: The pinned key; in mode OPRF it only names the suite.
        evaluated: Elements as they arrived, one for each input.
        proof: Two scalars in mode VOPRF, empty in mode OPRF.

    Raises InvalidElement or InvalidInput for what does not decode, ProofError where the server
    did not use the pinned key. Then nothing is unblinded.
    """
    suite = public.suite
    if len(evaluated) != len(blinds):
        raise InvalidInput(f"{len(evaluated)} evaluated elements for {len(blinds)} inputs")
    if suite.mode is Mode.VOPRF and evaluated:
        verify_proof(public, blinds.elements, evaluated, proof, executor=executor)
    elif proof:
        raise InvalidInput("a proof came along where there is none to check")
    outputs = _unblind(suite, blinds, evaluated, executor)
    blinds.wipe()
    return outputs


def evaluate(
    key: PrivateKey, inputs: Sequence[bytes], *, executor: Executor | None = None
) -> list[bytes]:
    """Return F(k, x) for inputs that the holder of the key knows. Section 3.3.1, Evaluate."""
    return _spread(partial(_evaluate_part, key.suite, key.to_bytes()), inputs, executor)


def prove_evaluation(
    key: PrivateKey, inputs: Sequence[bytes], *, rng: Rng
) -> tuple[list[bytes], bytes]:
    """Return (k·H1(x) for each input, DLEQ proof), for whoever may know the inputs: an audit.

    Section 3.3.2 with every blind 1. Raises InvalidInput unless there is an input, and the mode
    is VOPRF.
    """
    if key.suite.mode is not Mode.VOPRF or not inputs:
        raise InvalidInput("an evaluation is proved in mode VOPRF, and of one input at least")
    return blind_evaluate(key, hash_inputs(key.suite, inputs), rng=rng)


def verify_evaluation(
    public: PublicKey, inputs: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes
) -> list[bytes]:
    """Return F(k, x) for each input, given what ``prove_evaluation`` returned for them.

    Raises ProofError unless the pinned key was used for exactly these inputs in this order,
    InvalidElement or InvalidInput for what does not decode.
    """
    suite = public.suite
    verify_proof(public, hash_inputs(suite, inputs), evaluated, proof)
    return [_output(suite, x, n) for x, n in zip(inputs, evaluated, strict=True)]


def hash_inputs(
    suite: Suite, inputs: Sequence[bytes], *, executor: Executor | None = None
) -> list[bytes]:
    """Return H1(x) for each input, for protocols that use the group directly (crypto.psi)."""
    return _spread(partial(_hash_inputs, suite), inputs, executor)


def mul_all(
    suite: Suite, scalar: bytes, elements: Sequence[bytes], *, executor: Executor | None = None
) -> list[bytes]:
    """Return scalar·element for each, on all cores; elements of our own."""
    return _spread(partial(suite.group.mul_all, scalar), elements, executor)


def decode_mul_all(
    suite: Suite, scalar: bytes, data: Sequence[bytes], *, executor: Executor | None = None
) -> list[bytes]:
    """``mul_all`` of what arrived; raises InvalidElement for the identity and bad encodings."""
    return _spread(partial(suite.group.decode_mul_all, scalar), data, executor)


def verify_proof(
    public: PublicKey,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    proof: bytes,
    *,
    executor: Executor | None = None,
) -> None:
    """Raise ProofError unless log_A B = log_{C_i} D_i for every i. Section 2.2.2."""
    suite, group = public.suite, public.suite.group
    challenge, response = _decode_proof(suite, proof)
    if not blinded or len(blinded) != len(evaluated):
        raise ProofError("a proof needs as many evaluated elements as blinded ones, and some")
    if any(len(element) != group.element_bytes for element in chain(blinded, evaluated)):
        raise InvalidElement(f"an element of {group.name} is {group.element_bytes} bytes")
    weights = _weights(public, blinded, evaluated)
    m = _weighted_sum(group, weights, blinded, executor)
    z = _weighted_sum(group, weights, evaluated, executor)
    t2 = group.add(group.mul_base(response), group.mul(challenge, public.to_bytes()))
    t3 = group.add(group.mul(response, m), group.mul(challenge, z))
    if not hmac.compare_digest(_challenge(public, m, z, t2, t3), challenge):
        raise ProofError("the evaluation was not made with the pinned OPRF key")


def _prove(
    key: PrivateKey,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    nonce: bytes,
    executor: Executor | None,
) -> bytes:
    # Section 2.2.1: c = H(B, M, Z, r·A, r·M), s = r - c·k.
    group, public, secret = key.suite.group, key.public_key, key.to_bytes()
    m = _weighted_sum(group, _weights(public, blinded, evaluated), blinded, executor)
    z = group.mul(secret, m)
    challenge = _challenge(public, m, z, group.mul_base(nonce), group.mul(nonce, m))
    return challenge + group.scalar_sub(nonce, group.scalar_mul(challenge, secret))


def _weights(
    public: PublicKey, blinded: Sequence[bytes], evaluated: Sequence[bytes]
) -> list[bytes]:
    # d_i of ComputeComposites: one hash of the key, then one of each pair.
    suite = public.suite
    tag = _prefixed(b"Seed-" + suite.context)
    seed = hashlib.new(suite.hash_name, _prefixed(public.to_bytes()) + tag).digest()
    head = _prefixed(seed)
    return [
        suite.hash_to_scalar(
            head + index.to_bytes(2, "big") + _prefixed(c) + _prefixed(d) + b"Composite"
        )
        for index, (c, d) in enumerate(zip(blinded, evaluated, strict=True))
    ]


def _weighted_sum(
    group: Group, weights: Sequence[bytes], elements: Sequence[bytes], executor: Executor | None
) -> bytes:
    pairs = list(zip(weights, elements, strict=True))
    return group.sum(_spread(partial(_weighted_part, group), pairs, executor))


def _weighted_part(group: Group, part: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    return [group.sum(group.decode_mul_each([w for w, _ in part], [e for _, e in part]))]


def _challenge(public: PublicKey, m: bytes, z: bytes, t2: bytes, t3: bytes) -> bytes:
    parts = (public.to_bytes(), m, z, t2, t3)
    return public.suite.hash_to_scalar(b"".join(map(_prefixed, parts)) + b"Challenge")


def _decode_proof(suite: Suite, proof: bytes) -> tuple[bytes, bytes]:
    if type(proof) is not bytes or len(proof) != suite.proof_bytes:
        raise InvalidInput(f"a proof of {suite.identifier} is {suite.proof_bytes} bytes")
    size = suite.group.scalar_bytes
    return suite.group.decode_scalar(proof[:size]), suite.group.decode_scalar(proof[size:])


def _unblind(
    suite: Suite, blinds: Blinds, elements: Sequence[bytes], executor: Executor | None
) -> list[bytes]:
    items = list(zip(blinds.inputs, blinds.scalars(), elements, strict=True))
    return _spread(partial(_unblind_part, suite), items, executor)


def _blind_part(suite: Suite, part: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    points = _hash_inputs(suite, [value for value, _ in part])
    return suite.group.mul_each([scalar for _, scalar in part], points)


def _evaluate_part(suite: Suite, secret: bytes, part: Sequence[bytes]) -> list[bytes]:
    issued = suite.group.mul_all(secret, _hash_inputs(suite, part))
    return [_output(suite, x, n) for x, n in zip(part, issued, strict=True)]


def _unblind_part(suite: Suite, part: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    inverses = suite.group.scalar_invert_each([scalar for _, scalar, _ in part])
    issued = suite.group.decode_mul_each(inverses, [element for _, _, element in part])
    return [_output(suite, x, n) for (x, _, _), n in zip(part, issued, strict=True)]


def _hash_inputs(suite: Suite, values: Sequence[bytes]) -> list[bytes]:
    if any(len(value) > MAX_INPUT_BYTES for value in values):
        raise InvalidInput(f"an OPRF input is at most {MAX_INPUT_BYTES} bytes")
    elements = suite.hash_to_group(values)
    if not all(map(any, elements)):
        raise InvalidInput("an OPRF input hashes to the identity")
    return elements


def _output(suite: Suite, value: bytes, issued: bytes) -> bytes:
    message = _prefixed(value) + _prefixed(issued) + b"Finalize"
    return hashlib.new(suite.hash_name, message).digest()


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _check_batch(count: int) -> None:
    if count > MAX_BATCH:
        raise InvalidInput(f"{count} elements in one batch; at most {MAX_BATCH} are taken")


S = TypeVar("S")


def _spread(
    work: Callable[[Sequence[S]], list[T]], items: Sequence[S], executor: Executor | None
) -> list[T]:
    # Chunks keep their order. A chunk is long enough to hide the cost of handing it over.
    if executor is None:
        return work(items) if items else []
    chunks = [items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK)]
    return list(chain.from_iterable(executor.map(work, chunks)))
