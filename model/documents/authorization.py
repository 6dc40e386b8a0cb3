"""The authorization letter (授权书), the checker's confirmation, and what asks for its erasure.

Source: design.md 2.3.1.
"""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from crypto.labels import Label
from model.documents.signed import Document
from model.fields import Date, Hex32, Name, Strict, Text
from model.limits import (
    MAX_DEPARTMENTS,
    MAX_MEMBERS,
    MAX_PROGRAMMES,
    MAX_REQUESTERS,
    MAX_RESOURCES,
)

AuthorizationNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{2,39}$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""A rule or ratio as a policy names it; the same pattern as model.policy.schema.Identifier."""
Level = Literal["verdict", "totals"]
Purpose = Name
"""What is asked for. The federation file pins which purposes each requester may ask for."""
PURPOSE: Final = "social-assistance"


class HouseholdMember(Strict):
    """One member of the household."""

    person: Annotated[str, StringConstraints(min_length=3, max_length=80)]
    """Typed identifier in normal form, ``resident:…``; model.identifiers checks it."""
    relation: Literal["head", "spouse", "child", "parent", "grandparent", "grandchild", "other"]
    signed: Literal["self", "guardian", "missing"]
    """Who signed for this member. ``missing`` is stored and never comes into force."""
    guardian: Annotated[str, StringConstraints(max_length=80)] = ""
    """Typed identifier of the guardian where one signed."""


class Grant(Strict):
    """One department and the resources that it may be asked for."""

    department: Name
    resources: Annotated[list[Name], Field(min_length=1, max_length=MAX_RESOURCES)]


class Authorization(Document):
    """The whole letter, signed by the clerk. Terms never change once given."""

    LABEL: ClassVar[Label] = Label.AUTHORIZATION

    number: AuthorizationNumber
    programmes: Annotated[list[Name], Field(min_length=1, max_length=MAX_PROGRAMMES)]
    purpose: Purpose
    requesters: Annotated[list[Name], Field(min_length=1, max_length=MAX_REQUESTERS)] | None = None
    """The coordinators that may ask. Absent: the only one that the federation has."""
    level: Level
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    members: Annotated[list[HouseholdMember], Field(min_length=1, max_length=MAX_MEMBERS)]
    grants: Annotated[list[Grant], Field(min_length=1, max_length=MAX_DEPARTMENTS)]
    single_department_rules: Annotated[list[RuleName], Field(max_length=64)]
    """Rules whose bit is one department's fact; the household was told which."""
    reference_date: Date
    """The day windows are counted back from."""
    valid_from: Date
    valid_to: Date
    evidence_file: Text
    evidence_sha256: Hex32
    clerk: Name


class AuthorizationCheck(Document):
    """The checker's confirmation; it names the digest of what the clerk registered."""

    LABEL: ClassVar[Label] = Label.AUTHORIZATION_CHECK

    number: AuthorizationNumber
    authorization: Hex32
    checker: Name


ErasureReason = Literal["retention-over", "requested", "registered-in-error", "ordered"]
"""A closed list: a free sentence could name the person whom nobody shall find again."""


class Erasure(Document):
    """Ask for, or carry out, the erasure of a letter; clerk and checker each sign one."""

    LABEL: ClassVar[Label] = Label.ERASURE

    number: AuthorizationNumber
    reason: ErasureReason
    """Any but ``retention-over`` erases before the retention period ends."""
    person: Name
