"""Set intersection between two parties, on the OPRF: exact, one-sided, streamed.

Source: design.md 11.5; Jarecki-Liu 2009 and RFC 9497 (intersection: F(k, y) against F(k, x)); De
Cristofaro, Gasti and Tsudik 2012 (cardinality: one blind for all, and the sender shuffles). With
sender (set Y, key k) and receiver (set X), H1 the OPRF's hash to the group, T the label and
session:
    tags           sender → receiver    t = SHA-256(T, F(k, y))[:16], sorted     16 bytes each
    request        receiver → sender    b_i·H1(x_i)                              32
    reply          sender → receiver    k·b_i·H1(x_i) [, DLEQ proof]             32 [+ 64 a batch]
For the cardinality alone b is the same for all, t is over k·H1(y) without y, and the replies
come after the last request, shuffled, so that the receiver can count and not attribute.
Trusts: both to follow the protocol with their true sets. In mode VOPRF the sender also proves
one key. A pair of unequal items has equal tags with probability 2^-128: exact in practice.
Learns: the receiver, |Y| and the intersection (or its size only); the sender, |X|.
Not protected: a receiver who asks for guesses learns them, so the sender must limit |X| and
sessions under one key. A receiver who breaks the rule of one blind can attribute a small
cardinality; do not offer it to one who gains by that. Sizes show, unless the caller pads.

No process calls it yet. Silent certification (design.md 11) will: the tokens of a day's list, for
claimants who agreed, meet those of one source's recipients, under a key fresh for that list.

A session is any bytes that both sides name: parties, purpose, a nonce. Reusing a key over
sessions is allowed and keeps ``prepare``'s work; tags of two sessions cannot be compared.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from itertools import pairwise
from typing import Final

from crypto import oprf
from crypto.errors import InvalidElement, InvalidInput
from crypto.labels import Label, digest
from crypto.oprf import Blinds, PrivateKey, PublicKey, Suite
from crypto.rng import Rng, shuffled

TAG_BYTES: Final = 16
BATCH: Final = 4096
"""Items in one message: 128 KiB of elements, 64 KiB of tags."""


class Prepared:
    """The sender's set under its key, computed once and usable in many sessions. Never prints."""

    def __init__(self, label: Label, suite: Suite, values: list[bytes]) -> None:
        self._label, self._suite, self._values = label, suite, values

    def tags(self, session: bytes, *, batch: int = BATCH) -> Iterator[bytes]:
        """Yield the messages of this session: sorted tags, 16 bytes each, ``batch`` a message."""
        tags = sorted(_tag(self._label, self._suite, session, value) for value in self._values)
        for at in range(0, len(tags), batch):
            yield b"".join(tags[at : at + batch])

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"psi.Prepared({self._suite.identifier}, secret)"


class Tags:
    """The receiver's copy of the sender's tags, sorted and searched by bisection."""

    def __init__(self) -> None:
        self._tags: list[bytes] = []

    def add(self, message: bytes) -> None:
        """Take the next message. Raises InvalidInput unless all tags so far strictly ascend."""
        if not message or len(message) % TAG_BYTES:
            raise InvalidInput(f"a message of tags is a multiple of {TAG_BYTES} bytes, and some")
        tags = [message[at : at + TAG_BYTES] for at in range(0, len(message), TAG_BYTES)]
        if any(a >= b for a, b in pairwise(self._tags[-1:] + tags)):
            raise InvalidInput("tags are out of order or repeated")
        self._tags += tags

    def __len__(self) -> int:
        return len(self._tags)

    def __contains__(self, tag: bytes) -> bool:
        at = bisect_left(self._tags, tag)
        return at < len(self._tags) and self._tags[at] == tag

    def __repr__(self) -> str:
        return f"psi.Tags({len(self)})"


def prepare(
    key: PrivateKey, items: Sequence[bytes], *, executor: Executor | None = None
) -> Prepared:
    """Return the sender's set for the intersection: F(k, y) for each distinct item."""
    values = oprf.evaluate(key, list(dict.fromkeys(items)), executor=executor)
    return Prepared(Label.PSI_TAG, key.suite, values)


def request(
    suite: Suite, items: Sequence[bytes], *, rng: Rng, executor: Executor | None = None
) -> tuple[Blinds, bytes]:
    """Return (state to keep, request) for one batch of the receiver's items, at most 65535."""
    blinds, elements = oprf.blind(suite, items, rng=rng, executor=executor)
    return blinds, b"".join(elements)


def reply(key: PrivateKey, message: bytes, *, rng: Rng, executor: Executor | None = None) -> bytes:
    """Return the sender's reply to one request: elements in the same order, then the proof.

    Raises InvalidElement or InvalidInput for a request that is malformed; nothing is evaluated.
    """
    elements = _split(message, key.suite.group.element_bytes)
    evaluated, proof = oprf.blind_evaluate(key, elements, rng=rng, executor=executor)
    return b"".join(evaluated) + proof


def intersect(
    public: PublicKey,
    session: bytes,
    tags: Tags,
    blinds: Blinds,
    message: bytes,
    *,
    executor: Executor | None = None,
) -> list[bytes]:
    """Return those items of the batch that the sender has too, in the batch's order.

    Args:
        public: The sender's key; pinned in mode VOPRF, in mode OPRF it names the suite.
        tags: All tags of the session.
        blinds: The state of ``request``; used up.
        message: The reply to it.

    Raises InvalidInput or InvalidElement for a malformed reply, ProofError for a wrong key.
    """
    suite, size = public.suite, public.suite.group.element_bytes * len(blinds)
    evaluated = _split(message[:size], suite.group.element_bytes)
    outputs = oprf.finalize(public, blinds, evaluated, message[size:], executor=executor)
    return [
        item
        for item, value in zip(blinds.inputs, outputs, strict=True)
        if _tag(Label.PSI_TAG, suite, session, value) in tags
    ]


def prepare_cardinality(
    key: PrivateKey, items: Sequence[bytes], *, executor: Executor | None = None
) -> Prepared:
    """Return the sender's set for the cardinality: k·H1(y) for each distinct item."""
    points = oprf.hash_inputs(key.suite, list(dict.fromkeys(items)), executor=executor)
    values = oprf.mul_all(key.suite, key.to_bytes(), points, executor=executor)
    return Prepared(Label.PSI_CARDINALITY_TAG, key.suite, values)


class Mask:
    """The receiver's one blind for a session of cardinality. Never prints."""

    def __init__(self, suite: Suite, *, rng: Rng) -> None:
        self.suite = suite
        self._scalar = bytearray(suite.group.random_scalar(rng=rng))

    def scalar(self) -> bytes:
        """Return b. Raises InvalidInput once wiped."""
        if not any(self._scalar):
            raise InvalidInput("this mask has been used")
        return bytes(self._scalar)

    def wipe(self) -> None:
        """Overwrite b."""
        self._scalar[:] = bytes(len(self._scalar))

    def __repr__(self) -> str:
        return f"psi.Mask(secret, {self.suite.identifier})"

    def __reduce__(self) -> str:
        raise TypeError("a mask is not pickled")


def request_cardinality(
    mask: Mask, items: Sequence[bytes], *, executor: Executor | None = None
) -> bytes:
    """Return the request for one batch. Items must differ over the whole session."""
    points = oprf.hash_inputs(mask.suite, items, executor=executor)
    return b"".join(oprf.mul_all(mask.suite, mask.scalar(), points, executor=executor))


class Shuffle:
    """The sender's state of a session of cardinality: what it evaluated, until all is in."""

    def __init__(self, key: PrivateKey, *, least: int, most: int) -> None:
        """Bound the receiver's set: a set of one item would turn the count into membership."""
        self._key, self._least, self._most = key, least, most
        self._seen: set[bytes] = set()
        self._evaluated: list[bytes] = []

    def take(self, message: bytes, *, executor: Executor | None = None) -> None:
        """Take one request. Raises InvalidInput or InvalidElement, and keeps nothing of it.

        A repeated element is refused: repeats would number the items behind the shuffle.
        """
        elements = _split(message, self._key.suite.group.element_bytes)
        distinct = set(elements)
        if len(distinct) < len(elements) or not distinct.isdisjoint(self._seen):
            raise InvalidInput("an element came twice in a session of cardinality")
        if len(self._seen) + len(elements) > self._most:
            raise InvalidInput(f"a session of cardinality takes at most {self._most} elements")
        suite, secret = self._key.suite, self._key.to_bytes()
        self._evaluated += oprf.decode_mul_all(suite, secret, elements, executor=executor)
        self._seen |= distinct

    def release(self, *, rng: Rng, batch: int = BATCH) -> Iterator[bytes]:
        """Return the replies, shuffled over the whole session; the state is then empty.

        Raises InvalidInput where fewer elements came than the least that was agreed.
        """
        if len(self._evaluated) < self._least:
            raise InvalidInput(f"a session of cardinality takes at least {self._least} elements")
        mixed = shuffled(self._evaluated, rng=rng)
        self._evaluated, self._least = [], self._most + 1
        return (b"".join(mixed[at : at + batch]) for at in range(0, len(mixed), batch))

    def __repr__(self) -> str:
        return "psi.Shuffle(secret)"


def count(
    mask: Mask, session: bytes, tags: Tags, message: bytes, *, executor: Executor | None = None
) -> int:
    """Return how many elements of one reply are in the sender's set; add up over the replies."""
    suite = mask.suite
    inverse = suite.group.scalar_invert(mask.scalar())
    elements = _split(message, suite.group.element_bytes)
    issued = oprf.decode_mul_all(suite, inverse, elements, executor=executor)
    label = Label.PSI_CARDINALITY_TAG
    return sum(_tag(label, suite, session, value) in tags for value in issued)


def _tag(label: Label, suite: Suite, session: bytes, value: bytes) -> bytes:
    return digest(label, suite.context, session, value)[:TAG_BYTES]


def _split(message: bytes, size: int) -> list[bytes]:
    if len(message) % size:
        raise InvalidElement(f"a message of elements is a multiple of {size} bytes")
    return [message[at : at + size] for at in range(0, len(message), size)]
