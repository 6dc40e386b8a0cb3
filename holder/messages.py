"""Messages of key holders: signed headers, and sealing where the coordinator must not read.

Source: design.md 2.6.12. The coordinator relays every message, so each one is signed by the
holder's pinned key over permit, step, sender, recipient, C, the header before it and its
payload, and is sealed with HPKE, with the same associated data, wherever the recipient alone may
read it. The chain of headers, by ``previous``:

    permit → mask → share (of each holder) ; the masker's share → bits → terms → flips
                                                                        terms → results

``share-proof`` follows the sender's own share. The coordinator sees neither shares, bits nor
terms, so it checks that flips and results name the same header before them.
Trusts: the keys pinned in the federation file. Learns: a relay, step, sender, recipient, size.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from crypto.errors import CryptoError
from crypto.labels import Label
from crypto.sealing import HPKE_OVERHEAD, SealingKey, SealingPublicKey
from crypto.signing import SigningKey, VerifyKey
from hedui.v1 import common_pb2 as pb
from model.documents.opening import HolderHeader, Step
from model.documents.signed import DocumentError, sign
from model.federation import Federation
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.transport.wire import signed_from_wire, signed_to_wire

ALL_HOLDERS: Final = "all-holders"
"""Recipient of the mask: every holder of the permit reads and verifies it."""

BITS_BYTES: Final = 256
"""Payload of flips and results: one byte a slot, 0 or 1, in layout order, then zeros."""

PAD_STEP: Final = 4096
"""Sealed messages are padded to a multiple of this many bytes, so that length says nothing."""

_ONE_STEP: Final[frozenset[Step]] = frozenset({"share", "share-proof", "flips", "results"})
"""Messages that fit one ``PAD_STEP`` up to keys of 8192 bits. The width of encrypted bits and
terms follows from the layout alone."""

_SEALED_OVERHEAD: Final = HPKE_OVERHEAD + 4
"""What sealing adds to a padded message: encapsulation, tag, length."""


@dataclass(frozen=True)
class Link:
    """One message's place in the chain: what its header says of all but the payload."""

    step: Step
    sender: str
    recipient: str
    """A member's name; ``ALL_HOLDERS`` for the mask, which alone is not sealed."""
    permit: str
    """Digest of the permit's body, hex."""
    ciphertext: str
    """Digest of C, hex (model.documents.opening.ciphertext_digest)."""
    previous: str | None
    """Digest of the header before it; the permit's for the mask. None only for whoever receives
    flips or results, and cannot see the message before them: that caller compares the two."""


@dataclass(frozen=True)
class Sent:
    """A message of ours: what leaves, and the digest of its header, hex."""

    message: pb.SealedMessage
    digest: str


@dataclass(frozen=True)
class Received:
    """A message that is exactly what was expected: verified header, its digest, the payload."""

    header: HolderHeader
    digest: str
    payload: bytes


def mask_link(permit: str, masker: str, ciphertext: str) -> Link:
    """The place of the mask: first of the chain, and read by everybody."""
    return Link("mask", masker, ALL_HOLDERS, permit, ciphertext, previous=permit)


def sign_message(link: Link, payload: bytes, *, key: SigningKey) -> pb.HolderMessage:
    """Return the signed message of one step, not sealed: the mask leaves like this.

    Args:
        payload: What it carries; the layouts stand in docs/cryptography.md.
        key: The sender's.
    """
    if link.previous is None:
        raise ValueError("a message that is sent follows one that its sender knows")
    header = HolderHeader(**vars(link), payload=hashlib.sha256(payload).hexdigest())
    return pb.HolderMessage(header=signed_to_wire(sign(header, key, link.sender)), payload=payload)


def send(link: Link, payload: bytes, *, key: SigningKey, federation: Federation) -> Sent:
    """Sign a message, and seal it to its recipient's pinned key.

    Raises Refusal(message_invalid) for a recipient who is no member.
    """
    recipient = federation.member(link.recipient)
    if recipient is None:
        raise _invalid(f"a {link.step} message for nobody who is a member")
    message = sign_message(link, payload, key=key)
    sealed = SealingPublicKey(bytes.fromhex(recipient.seal_key)).seal(
        message.SerializeToString(deterministic=True),
        label=Label.HOLDER_SEAL,
        aad_parts=_bound_to(link),
        pad_to=_pad_to(link.step, message.ByteSize()),
    )
    out = pb.SealedMessage(sealed=sealed, sender=link.sender, recipient=link.recipient)
    return Sent(out, digest_of(message))


def receive(
    link: Link,
    arrived: pb.HolderMessage | pb.SealedMessage,
    *,
    federation: Federation,
    key: SealingKey | None = None,
) -> Received:
    """Return a message that is exactly what ``link`` says. Raises Refusal(message_invalid).

    Args:
        key: The recipient's own; None where the message is the mask, which nobody seals.
    """
    message = arrived
    if isinstance(message, pb.SealedMessage):
        message = _unseal(link, message, key)
    elif link.recipient != ALL_HOLDERS:
        raise _invalid(f"a {link.step} message that is not sealed")
    header = _verify(link, message, federation)
    return Received(header, digest_of(message), message.payload)


def digest_of(message: pb.HolderMessage) -> str:
    """Digest of a message's header, hex: what the next message names as ``previous``."""
    return hashlib.sha256(message.header.body).hexdigest()


def check_address(sealed: pb.SealedMessage, *, sender: str, recipient: str) -> None:
    """Raise Refusal(message_invalid) unless the outside of a sealed message names these two."""
    if (sealed.sender, sealed.recipient) != (sender, recipient) or not sealed.sealed:
        raise _invalid("a sealed message of another sender or for another recipient")


def encode_bits(bits: Sequence[int]) -> bytes:
    """Payload of flips and results; raises ValueError for a bit that is not 0 or 1."""
    if len(bits) > BITS_BYTES or any(type(b) is not int or b not in (0, 1) for b in bits):
        raise ValueError(f"at most {BITS_BYTES} bits, each 0 or 1")
    return bytes(bits).ljust(BITS_BYTES, b"\0")


def decode_bits(payload: bytes, count: int) -> list[int]:
    """The ``count`` bits of such a payload. Raises Refusal(message_invalid)."""
    bits, rest = payload[:count], payload[count:]
    if len(payload) != BITS_BYTES or any(b > 1 for b in bits) or any(rest):
        raise _invalid("a payload that is not one bit a slot")
    return list(bits)


def _unseal(link: Link, sealed: pb.SealedMessage, key: SealingKey | None) -> pb.HolderMessage:
    check_address(sealed, sender=link.sender, recipient=link.recipient)
    if key is None:
        raise _invalid(f"a sealed {link.step} message for somebody who opens none")
    try:
        data = key.open(
            sealed.sealed,
            label=Label.HOLDER_SEAL,
            aad_parts=_bound_to(link),
            pad_to=_pad_to(link.step, len(sealed.sealed) - _SEALED_OVERHEAD),
        )
        return pb.HolderMessage.FromString(data)
    except (CryptoError, DecodeError):
        raise _invalid(f"a sealed {link.step} message that does not open") from None


def _verify(link: Link, message: pb.HolderMessage, federation: Federation) -> HolderHeader:
    header = _open_header(message, federation, link.sender)
    found = (header.permit, header.step, header.sender, header.recipient, header.ciphertext)
    if found != (link.permit, link.step, link.sender, link.recipient, link.ciphertext):
        raise _invalid(f"a {link.step} message for another permit, step, party or ciphertext")
    if link.previous is not None and header.previous != link.previous:
        raise _invalid(f"a {link.step} message that does not follow the one before it")
    if hashlib.sha256(message.payload).hexdigest() != header.payload:
        raise _invalid(f"a {link.step} message whose payload is not the signed one")
    return header


def _open_header(message: pb.HolderMessage, federation: Federation, sender: str) -> HolderHeader:
    member = federation.member(sender)
    if member is None or message.header.signer != sender:
        raise _invalid("a message signed by somebody else than its sender")
    try:
        key = VerifyKey(bytes.fromhex(member.verify_key))
        return signed_from_wire(message.header).open(HolderHeader, key)
    except (CryptoError, DocumentError):
        raise _invalid("a message whose signature does not verify") from None


def _pad_to(step: Step, size: int) -> int:
    """``pad_to`` of a message of ``size`` bytes: one ``PAD_STEP``, or as many as it takes."""
    return PAD_STEP if step in _ONE_STEP else -(-size // PAD_STEP) * PAD_STEP


def _bound_to(link: Link) -> list[bytes]:
    names = (link.step, link.sender, link.recipient)
    return [bytes.fromhex(link.permit), *(name.encode() for name in names)]


def _invalid(detail: str) -> Refusal:
    return Refusal(Reason.MESSAGE_INVALID, detail)
