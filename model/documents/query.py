"""Documents of a query: the officer's request, manifest, ticket, revocation list, answer.

Source: design.md 2.3.6, 2.3.9, 2.3.13.
"""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from crypto import jcs
from crypto.labels import Label, digest
from model.documents.authorization import AuthorizationNumber, Level, Purpose
from model.documents.signed import Document
from model.fields import Date, Hex16, Hex32, HexData, Name, Strict, Time
from model.limits import (
    MAX_DEPARTMENTS,
    MAX_MEMBERS,
    MAX_PROGRAMMES,
    MAX_RESOURCES,
    MAX_REVOCATION_PAGES,
    MAX_REVOKED_A_PAGE,
)
from model.suite import Suite

NOT_STATED: Final = "not stated"
Requester = Name | None
"""Name of the coordinator that may ask. Absent only in documents from before wire version 2, when a
federation had one: ``Federation.requester`` reads it."""


class OfficerRequest(Document):
    """What an officer signs to open a case. A checker signs the same for a second manifest."""

    LABEL: ClassVar[Label] = Label.OFFICER_REQUEST

    requester: Requester = None
    """Through which coordinator the officer asks; nobody else gets a manifest for it."""
    authorization: AuthorizationNumber
    programmes: Annotated[list[Name], Field(min_length=1, max_length=MAX_PROGRAMMES)]
    policy: Hex32
    level: Level
    officer: Name
    again: Annotated[str, StringConstraints(max_length=400)] = ""
    """The reason for a second manifest; empty for the first."""
    nonce: Hex16
    at: Time


class Commitments(Strict):
    """Salted commitments, each opened only to those who need it (crypto.commit)."""

    authorization: Hex32
    roster: Hex32
    officer: Hex32
    members: Hex32
    reference_date: Hex32
    region: Hex32
    programmes: Hex32


class Manifest(Document):
    """One per case, signed by the registrar, everything in it derived from the authorization."""

    LABEL: ClassVar[Label] = Label.MANIFEST

    suite: Suite
    federation: Hex32
    """Digest of the federation file under which it was issued."""
    requester: Requester = None
    """The one coordinator that may ask, have opened and read under this manifest."""
    sequence: Annotated[int, Field(ge=1, le=1_000_000)]
    nonce: Hex32
    commitments: Commitments
    departments: Annotated[list[Name], Field(min_length=1, max_length=MAX_DEPARTMENTS)]
    """Ordered; answers and products follow this order."""
    policy: Hex32
    level: Level
    purpose: Purpose
    issued_at: Time
    expires_at: Time


class Ticket(Document):
    """For one department: all members' pseudonyms, in random order."""

    LABEL: ClassVar[Label] = Label.TICKET

    suite: Suite
    query: Hex16
    """Random; the query id in every ledger and on every screen."""
    manifest: Hex32
    department: Name
    epoch: Annotated[int, Field(ge=1, le=65535)]
    pseudonyms: Annotated[list[Hex32], Field(min_length=1, max_length=MAX_MEMBERS)]
    resources: Annotated[list[Name], Field(min_length=1, max_length=MAX_RESOURCES)]
    expires_at: Time

    @property
    def terms_digest(self) -> str:
        """Digest of everything but the expiry, hex: what a renewal leaves as it is."""
        terms = self.model_dump(exclude={"expires_at"})
        return digest(Label.TICKET_TERMS, jcs.encode(terms)).hex()


class RevocationList(Document):
    """One page of the tickets of one requester at one department that a node must not answer.

    Revoked, not expired, and of a manifest without an opening permit: an answer to any other could
    be opened by nobody. All pages of one number, and nothing less, are a list.
    """

    LABEL: ClassVar[Label] = Label.REVOCATION_LIST

    department: Name
    requester: Name
    number: Annotated[int, Field(ge=1)]
    page: Annotated[int, Field(ge=1, le=MAX_REVOCATION_PAGES)]
    pages: Annotated[int, Field(ge=1, le=MAX_REVOCATION_PAGES)]
    issued_at: Time
    queries: Annotated[list[Hex16], Field(max_length=MAX_REVOKED_A_PAGE)]


Stated = Date | Literal["not stated"]
"""A day, or that the department stated none: as long as a day, so that no length tells which."""


class Coverage(Strict):
    """First and last day of the time that a resource's data cover completely, as it is stated."""

    first: Stated
    last: Stated

    @model_validator(mode="after")
    def _both(self) -> "Coverage":
        if (self.first == NOT_STATED) != (self.last == NOT_STATED) or self.first > self.last:
            raise ValueError("coverage has a first and a last day, in this order, or neither")
        return self


class Answer(Document):
    """A department's answer to one ticket: a ciphertext under the joint key."""

    LABEL: ClassVar[Label] = Label.ANSWER

    query: Hex16
    manifest: Hex32
    department: Name
    ciphertext: HexData
    """Fixed width, 2|n| bits."""
    proof: HexData
    """Proof of plaintext knowledge, bound to manifest and department."""
    data_dates: dict[Name, Date]
    """Per resource: the date of the department's data. The resource's own, never a row's."""
    coverage: dict[Name, Coverage] | None = None
    """Per resource that is dated: the time that its data cover. None before answers stated it."""
    answered_at: Time

    @model_validator(mode="after")
    def _covers_what_it_dates(self) -> "Answer":
        if self.coverage is not None and set(self.coverage) != set(self.data_dates):
            raise ValueError("coverage is stated of exactly the resources that are dated")
        return self
