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
from typing import Final

from google.protobuf.message import DecodeError

from crypto.errors import CryptoError
from crypto.labels import Label
from crypto.sealing import SealingKey, SealingPublicKey
from crypto.signing import SigningKey, VerifyKey
from hedui.v1 import common_pb2 as pb
from model.documents.opening import HolderHeader, Step
from model.documents.signed import DocumentError, sign
from model.federation import Federation, Member
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.transport.wire import signed_from_wire, signed_to_wire

ALL_HOLDERS: Final = "all-holders"
"""Recipient of the mask: every holder of the permit reads and verifies it."""

BITS_BYTES: Final = 256
"""Payload of flips and results: one byte a slot, 0 or 1, in layout order, then zeros."""

OUTPUT_PAD: Final = 4096
"""``pad_to`` of what comes out, flips and results: for the coordinator, or for a reviewer."""


def make(
    step: Step,
    payload: bytes,
    *,
    permit: str,
    sender: str,
    recipient: str,
    ciphertext: str,
    previous: str,
    key: SigningKey,
) -> pb.HolderMessage:
    """Return the signed message of one step.

    Args:
        step: Which message of the protocol this is.
        payload: What it carries; the layouts stand in model.opening_messages.
        permit: Digest of the permit's body, hex.
        sender: Our own process name.
        recipient: The recipient's process name, ``ALL_HOLDERS`` for the mask.
        ciphertext: Digest of C, hex (model.documents.opening.ciphertext_digest).
        previous: ``digest_of`` the message before it; ``permit`` for the mask.
        key: Our own signing key.
    """
    header = HolderHeader(
        permit=permit,
        step=step,
        sender=sender,
        recipient=recipient,
        ciphertext=ciphertext,
        previous=previous,
        payload=hashlib.sha256(payload).hexdigest(),
    )
    return pb.HolderMessage(header=signed_to_wire(sign(header, key, sender)), payload=payload)


def verify(
    message: pb.HolderMessage,
    *,
    federation: Federation,
    permit: str,
    step: Step,
    sender: str,
    recipient: str,
    ciphertext: str,
    previous: str | None,
) -> HolderHeader:
    """Return the header of a message that is exactly what is expected here.

    ``previous`` may be None only for whoever cannot see the message before it; that caller
    compares two headers with one another. Raises Refusal(message_invalid).
    """
    header = _open_header(message, federation, sender)
    found = (header.permit, header.step, header.sender, header.recipient, header.ciphertext)
    if found != (permit, step, sender, recipient, ciphertext):
        raise _invalid(f"a {step} message for another permit, step, party or ciphertext")
    if previous is not None and header.previous != previous:
        raise _invalid(f"a {step} message that does not follow the one before it")
    if hashlib.sha256(message.payload).hexdigest() != header.payload:
        raise _invalid(f"a {step} message whose payload is not the signed one")
    return header


def digest_of(message: pb.HolderMessage) -> str:
    """Digest of a message's header, hex: what the next message names as ``previous``."""
    return hashlib.sha256(message.header.body).hexdigest()


def seal(message: pb.HolderMessage, *, recipient: Member, pad_to: int) -> pb.SealedMessage:
    """Seal a message of ``make`` to its recipient's pinned key.

    Args:
        message: Signed by us; its header names the recipient.
        recipient: The member of that name.
        pad_to: Bytes; fixed per step, layout and key size, so that length says nothing.
    """
    header = HolderHeader.decode(message.header.body)
    if header.recipient != recipient.name:
        raise _invalid("a message is sealed to nobody but its recipient")
    sealed = SealingPublicKey(bytes.fromhex(recipient.seal_key)).seal(
        message.SerializeToString(deterministic=True),
        label=Label.HOLDER_SEAL,
        aad_parts=_bound_to(header.permit, header.step, header.sender, header.recipient),
        pad_to=pad_to,
    )
    return pb.SealedMessage(sealed=sealed, sender=header.sender, recipient=header.recipient)


def unseal(
    sealed: pb.SealedMessage,
    *,
    key: SealingKey,
    permit: str,
    step: Step,
    sender: str,
    recipient: str,
    pad_to: int,
) -> pb.HolderMessage:
    """Open a sealed message; ``verify`` it before use. Raises Refusal(message_invalid)."""
    check_address(sealed, sender=sender, recipient=recipient)
    try:
        data = key.open(
            sealed.sealed,
            label=Label.HOLDER_SEAL,
            aad_parts=_bound_to(permit, step, sender, recipient),
            pad_to=pad_to,
        )
        return pb.HolderMessage.FromString(data)
    except (CryptoError, DecodeError):
        raise _invalid(f"a sealed {step} message that does not open") from None


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


def _open_header(message: pb.HolderMessage, federation: Federation, sender: str) -> HolderHeader:
    member = federation.member(sender)
    if member is None or message.header.signer != sender:
        raise _invalid("a message signed by somebody else than its sender")
    try:
        key = VerifyKey(bytes.fromhex(member.verify_key))
        return signed_from_wire(message.header).open(HolderHeader, key)
    except (CryptoError, DocumentError):
        raise _invalid("a message whose signature does not verify") from None


def _bound_to(permit: str, step: str, sender: str, recipient: str) -> list[bytes]:
    return [bytes.fromhex(permit), step.encode(), sender.encode(), recipient.encode()]


def _invalid(detail: str) -> Refusal:
    return Refusal(Reason.MESSAGE_INVALID, detail)
