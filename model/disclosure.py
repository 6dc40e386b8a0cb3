"""What is disclosed to a reviewer: a drawn entry by the registrar, an answer by its node.

Both travel sealed to the reviewer's pinned key (HPKE), bound to grant or sample by the
associated data. Only shapes here: nothing in them is believed before the reviewer's tool has held
it against exported ledgers and pinned keys.
Learns: the reviewer, persons and letter of a drawn entry; of a disclosed answer, what this
department contributed to each rule.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, ValidationError

from crypto import jcs
from crypto.commit import Reveal
from crypto.errors import CryptoError, InvalidInput
from crypto.labels import Label
from crypto.sealing import SealingKey, SealingPublicKey
from model.documents.signed import DocumentError, Signed
from model.fields import Hex16, Hex32, HexData, Name, Strict
from model.limits import (
    MAX_DEPARTMENTS,
    MAX_DOCUMENT_BYTES,
    MAX_MEMBERS,
    MAX_MESSAGE_BYTES,
    MAX_POLICY_BYTES,
)
from model.mistakes import explain

MAX_DISCLOSURE_BYTES: Final = MAX_MESSAGE_BYTES * 3 // 4
MAX_OFFICERS: Final = 500
"""Entries of one page."""
_MAX_REVEALS: Final = 64


class SignedText(Strict):
    """A signed document as text: its canonical JSON, the signature in hex, the signer."""

    body: Annotated[str, StringConstraints(max_length=MAX_DOCUMENT_BYTES)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    signer: Name

    @classmethod
    def of(cls, signed: Signed) -> Self:
        """From a document as it travels."""
        body, signature = signed.body.decode(), signed.signature.hex()
        return cls(body=body, signature=signature, signer=signed.signer)

    @property
    def signed(self) -> Signed:
        """As a document that can be verified."""
        return Signed(self.body.encode(), bytes.fromhex(self.signature), self.signer)


class RevealedField(Strict):
    """The reveal of one commitment."""

    field: Annotated[str, StringConstraints(max_length=64)]
    value: Any
    salt: Hex32

    @classmethod
    def of(cls, reveal: Reveal) -> Self:
        """From a reveal as it is kept."""
        return cls(field=reveal.field, value=reveal.value, salt=reveal.salt.hex())

    @property
    def reveal(self) -> Reveal:
        """As a reveal that can be held against a commitment."""
        return Reveal(self.field, self.value, bytes.fromhex(self.salt))


RevealedFields = Annotated[list[RevealedField], Field(max_length=_MAX_REVEALS)]


class DisclosedTicket(Strict):
    """One department's ticket, and the proof of whose pseudonyms stand in it."""

    ticket: SignedText
    evaluated: Annotated[list[HexData], Field(min_length=1, max_length=MAX_MEMBERS)]
    """k·H1(x) for each member in the letter's order; k is the department's PRF key."""
    proof: HexData
    """DLEQ proof (RFC 9497, 2.2.1) that k is the pinned key's."""


class Opened(Strict):
    """Base: canonical JSON with a bound."""

    def encode(self) -> bytes:
        """Canonical JSON. Raises InvalidInput beyond the bound."""
        body = jcs.encode(self.model_dump())
        if len(body) > MAX_DISCLOSURE_BYTES:
            raise InvalidInput(
                f"what is to be disclosed has more than {MAX_DISCLOSURE_BYTES} bytes"
            )
        return body

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Parse canonical bytes. Raises DocumentError."""
        try:
            return cls.model_validate(jcs.decode(body, max_bytes=MAX_DISCLOSURE_BYTES))
        except ValidationError as error:
            raise DocumentError(f"{cls.__name__}: {explain(error, cls)}") from None
        except InvalidInput as error:
            raise DocumentError(f"{cls.__name__}: {error}") from None


class EntryDisclosure(Opened):
    """Everything behind one ``manifest.issued`` entry."""

    format: Literal["hedui-sample/1"]
    letter: SignedText
    check: SignedText
    request: SignedText
    countersigned: SignedText | None
    """The checker's, for a further query of the same authorization."""
    manifest: SignedText
    manifest_openings: RevealedFields
    issued_openings: RevealedFields
    """Of the drawn entry's own commitments."""
    given_openings: RevealedFields
    """Of those of the entry that put the authorization into force."""
    tickets: Annotated[list[DisclosedTicket], Field(min_length=1, max_length=MAX_DEPARTMENTS)]
    policy: Annotated[str, StringConstraints(max_length=MAX_POLICY_BYTES)]
    """The policy's exact text."""


class Granted(Opened):
    """What the registrar seals: a disclosed entry, byte for byte, and the grant that names it."""

    grant: SignedText
    opened: Annotated[str, StringConstraints(max_length=MAX_DISCLOSURE_BYTES)]

    @property
    def digest(self) -> str:
        """SHA-256 of what was opened, hex."""
        return hashlib.sha256(self.opened.encode()).hexdigest()


class AnswerDisclosure(Opened):
    """What a node's stored answer was made from."""

    format: Literal["hedui-answer/1"]
    query: Hex16
    answer: SignedText
    plaintext: HexData
    """Σ y_j · 2^(w·j) mod n, big-endian, |n| bits; empty where values were not wanted."""
    randomness: HexData
    """The exponent r of h_s, big-endian, |n| / 2 bits; empty likewise."""
    ticket: RevealedField
    """Of the commitment in ``query.answered`` to the ticket that was answered."""


class OfficerOf(Strict):
    """Who asked for the manifest of one entry: the reveal of its ``officer``."""

    entry: Annotated[int, Field(ge=0)]
    name: Name
    salt: Hex32

    @property
    def reveal(self) -> Reveal:
        """As a reveal that can be held against the entry's commitment."""
        return Reveal("officer", self.name, bytes.fromhex(self.salt))


class OfficersDisclosure(Opened):
    """Who asked, for one page of the registrar's ledger."""

    format: Literal["hedui-officers/1"]
    officers: Annotated[list[OfficerOf], Field(max_length=MAX_OFFICERS)]


def seal_disclosure(
    opened: Opened, key: SealingPublicKey, label: Label, parts: Sequence[bytes]
) -> bytes:
    """Seal to a reviewer's pinned key, bound to ``parts``. Raises InvalidInput beyond the bound."""
    return key.seal(opened.encode(), label=label, aad_parts=parts)


def sample_parts(sample: str, entry: int, reviewer: str) -> list[bytes]:
    """What an opened entry is bound to: the sample's id, the entry, who drew it."""
    return [sample.encode(), str(entry).encode(), reviewer.encode()]


def officers_parts(first: int, reviewer: str) -> list[bytes]:
    """What a page of officers is bound to: its first entry, for whom."""
    return [str(first).encode(), reviewer.encode()]


def answer_parts(grant: str, query: str, reviewer: str) -> list[bytes]:
    """What an opened answer is bound to: the grant's digest, the query, for whom."""
    return [grant.encode(), query.encode(), reviewer.encode()]


def open_granted(sealed: bytes, key: SealingKey, parts: Sequence[bytes]) -> Granted:
    """Open what the registrar sealed. Raises DocumentError."""
    return Granted.decode(_open(sealed, key, Label.SAMPLE_SEAL, parts))


def open_officers_of(sealed: bytes, key: SealingKey, parts: Sequence[bytes]) -> OfficersDisclosure:
    """Open a page of officers. Raises DocumentError."""
    return OfficersDisclosure.decode(_open(sealed, key, Label.OFFICERS_SEAL, parts))


def open_answer_of(sealed: bytes, key: SealingKey, parts: Sequence[bytes]) -> AnswerDisclosure:
    """Open what a node sealed. Raises DocumentError."""
    return AnswerDisclosure.decode(_open(sealed, key, Label.ANSWER_DISCLOSURE_SEAL, parts))


def _open(sealed: bytes, key: SealingKey, label: Label, parts: Sequence[bytes]) -> bytes:
    try:
        return key.open(sealed, label=label, aad_parts=parts)
    except CryptoError as error:
        raise DocumentError(str(error)) from None
