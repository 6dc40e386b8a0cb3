"""Between the wire's messages and the model's values. No logic, only shapes and bounds.

Source: design.md 3.5.
"""

from collections.abc import Sequence

from crypto import jcs
from crypto.commit import Reveal
from crypto.errors import InvalidInput
from hedui.v1 import common_pb2 as pb
from model.documents.signed import Signed
from model.limits import MAX_DOCUMENT_BYTES, SALT_BYTES
from model.reasons import Reason
from runtime.errors import Refusal

MAX_OPENING_BYTES = 16 * 1024


def signed_from_wire(message: pb.SignedDocument) -> Signed:
    """Take a signed document, unverified. Raises Refusal(malformed) beyond its bounds."""
    if len(message.body) > MAX_DOCUMENT_BYTES or len(message.signature) != 64:
        raise Refusal(Reason.MALFORMED, "signed document: body too large or signature not 64 bytes")
    return Signed(message.body, message.signature, message.signer)


def signed_to_wire(signed: Signed) -> pb.SignedDocument:
    """The same, outward."""
    return pb.SignedDocument(body=signed.body, signature=signed.signature, signer=signed.signer)


def reveals_from_wire(messages: Sequence[pb.Reveal]) -> dict[str, Reveal]:
    """Openings by field, unverified. Raises Refusal(malformed) for a repeated or bad one."""
    reveals: dict[str, Reveal] = {}
    for message in messages:
        if message.field in reveals or len(message.salt) != SALT_BYTES:
            raise Refusal(Reason.MALFORMED, f"reveal {message.field[:40]!r}: repeated or bad salt")
        try:
            value = jcs.decode(message.value, max_bytes=MAX_OPENING_BYTES)
        except InvalidInput as error:
            raise Refusal(Reason.MALFORMED, f"reveal {message.field[:40]!r}: {error}") from None
        reveals[message.field] = Reveal(message.field, value, message.salt)
    return reveals


def reveals_to_wire(reveals: Sequence[Reveal]) -> list[pb.Reveal]:
    """The same, outward."""
    return [pb.Reveal(field=o.field, value=jcs.encode(o.value), salt=o.salt) for o in reveals]
