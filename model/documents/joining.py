"""The join request: what a member sends to the ceremony. It holds public keys only."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from crypto.labels import Label
from model.documents.signed import Document
from model.fields import Hex32, Name, Strict, Text
from model.limits import MAX_DEPARTMENTS


class OfferedPrfKey(Strict):
    """A public PRF key that the registrar offers for one department and epoch."""

    department: Name
    epoch: Annotated[int, Field(ge=1, le=65535)]
    suite: Literal["ristretto255-SHA512", "P256-SHA256"]
    public_key: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=256)]


class JoinRequest(Document):
    """Signed by the key that it offers, so that nobody offers another's."""

    LABEL: ClassVar[Label] = Label.JOIN_REQUEST

    federation: Name
    name: Name
    role: Name
    organisation: Text
    office: Text
    department: Name | Literal[""] = ""
    csr: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    """PEM of the certificate signing request."""
    verify_key: Hex32
    seal_key: Hex32
    cosign_key: Hex32 | Literal[""] = ""
    """Cosigns others' checkpoints; every process and every reviewer has one, others have none."""
    prf_keys: Annotated[
        list[OfferedPrfKey], Field(max_length=MAX_DEPARTMENTS, default_factory=list)
    ]
