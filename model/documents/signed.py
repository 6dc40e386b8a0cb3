"""What every signed document shares: canonical bytes, parsing, signing, verification.

Source: design.md 2.0.5.
A document's bytes are canonical JSON (RFC 8785) of its fields; its signature is Ed25519 over
the document's own label and these bytes, length-prefixed. Parsing is strict and re-encodes.
A key that came into a document later is None where the document does not have it, and then
stands in no byte of it: what was signed before keeps its digest.
"""

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar

from pydantic import ValidationError

from crypto import jcs
from crypto.errors import InvalidInput, SignatureError
from crypto.labels import Label
from crypto.signing import SigningKey, VerifyKey
from model.fields import Strict
from model.limits import MAX_DOCUMENT_BYTES
from model.mistakes import explain


class DocumentError(ValueError):
    """A document that is not well formed; the message names the field, never its value."""


class Document(Strict):
    """Base of all documents; a subclass sets ``LABEL``."""

    LABEL: ClassVar[Label]

    def encode(self) -> bytes:
        """Canonical JSON."""
        return jcs.encode(self.model_dump(exclude_none=True))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Parse canonical bytes. Raises DocumentError."""
        try:
            table = jcs.decode(body, max_bytes=MAX_DOCUMENT_BYTES)
            if isinstance(table, dict) and None in table.values():
                raise DocumentError(f"{cls.__name__}: a key without a value is left out")
            return cls.model_validate(table)
        except ValidationError as error:
            raise DocumentError(f"{cls.__name__}: {explain(error, cls)}") from None
        except InvalidInput as error:
            raise DocumentError(f"{cls.__name__}: {error}") from None

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, hex. What other documents name it by."""
        return hashlib.sha256(self.encode()).hexdigest()


D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Signed:
    """A document as it travels: exact body, signature, the signer's name."""

    body: bytes
    signature: bytes
    signer: str

    @property
    def digest(self) -> str:
        """SHA-256 of the body, hex."""
        return hashlib.sha256(self.body).hexdigest()

    def open(self, kind: type[D], key: VerifyKey) -> D:
        """Verify, then parse. Raises SignatureError or DocumentError.

        Args:
            kind: The document that is expected; its label is part of what was signed.
            key: The signer's key, pinned in the federation file; the caller has checked that
                ``signer`` is the member who may sign this kind.
        """
        if len(self.body) > MAX_DOCUMENT_BYTES:
            raise SignatureError("document too large")
        key.verify(self.signature, kind.LABEL, self.body)
        return kind.decode(self.body)


def sign(document: Document, key: SigningKey, signer: str) -> Signed:
    """Sign the canonical bytes of a document under its own label."""
    body = document.encode()
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DocumentError(f"{type(document).__name__}: larger than {MAX_DOCUMENT_BYTES} bytes")
    return Signed(body, key.sign(document.LABEL, body), signer)
