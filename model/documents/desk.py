"""Documents of the desk: the officer's decision, and what asks for a case's erasure."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import StringConstraints

from crypto.labels import Label
from model.documents.authorization import ErasureReason
from model.documents.signed import Document
from model.fields import Hex16, Name, Time

MAX_REASON: Final = 400
"""Characters of a reason that a person gives."""


class Decision(Document):
    """An officer's decision on a determined case. The determination is advice; this decides."""

    LABEL: ClassVar[Label] = Label.DECISION

    case: Hex16
    programme: Name
    decision: Literal["granted", "refused"]
    reason: Annotated[str, StringConstraints(max_length=MAX_REASON, pattern=r"\S")]
    officer: Name
    at: Time


class CaseErasure(Document):
    """Ask for, or carry out, the erasure of a case; officer and checker each sign one."""

    LABEL: ClassVar[Label] = Label.CASE_ERASURE

    case: Hex16
    reason: ErasureReason
    """Any but ``retention-over`` erases before the retention period ends."""
    person: Name
