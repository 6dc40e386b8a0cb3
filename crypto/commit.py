"""Salted commitments to single fields, so that a ledger and a manifest hold no personal data.

Source: design.md 2.0.4, 4.5; hash commitment; hiding and binding with SHA-256 as a random oracle.
Trusts: 32 random bytes of salt per field and use, never derived, never used twice.
Learns: whoever sees a commitment, nothing, however few values the field may take; whoever is
shown the reveal, that one field.
Not protected: a salt that is kept. Destroying it erases the value.
"""

import dataclasses
import hmac
from typing import Final

from crypto import jcs
from crypto.errors import InvalidInput, ProofError
from crypto.labels import Label, digest
from crypto.rng import Rng

SALT_BYTES: Final = 32


@dataclasses.dataclass(frozen=True)
class Reveal:
    """What turns a commitment back into a statement: field name, value, salt (32 bytes).

    Neither value nor salt prints.
    """

    field: str
    value: jcs.Json = dataclasses.field(repr=False)
    salt: bytes = dataclasses.field(repr=False)

    def commitment(self) -> bytes:
        """Return the commitment that this reveals, 32 bytes."""
        return commit(self.field, self.value, self.salt)


def new_salt(*, rng: Rng) -> bytes:
    """Return 32 random bytes."""
    return rng(SALT_BYTES)


def commit(field: str, value: jcs.Json, salt: bytes) -> bytes:
    """Return SHA-256 over label, field name, canonical JSON of the value, and salt.

    Raises InvalidInput for a salt that is not 32 bytes, and for a value that has no canonical
    form (a float, say).
    """
    if len(salt) != SALT_BYTES:
        raise InvalidInput(f"a salt is {SALT_BYTES} bytes, not {len(salt)}")
    return digest(Label.COMMITMENT, field.encode(), jcs.encode(value), salt)


def verify_reveal(commitment: bytes, reveal: Reveal) -> None:
    """Raise ProofError unless ``reveal`` is what ``commitment`` commits to."""
    try:
        expected = reveal.commitment()
    except InvalidInput:
        raise ProofError(f"the reveal of {reveal.field!r} is malformed") from None
    if not hmac.compare_digest(expected, commitment):
        raise ProofError(f"the reveal of {reveal.field!r} does not match its commitment")
