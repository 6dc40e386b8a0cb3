"""The sample grant: the registrar's word that a reviewer drew this entry and may look behind it."""

from typing import Annotated, ClassVar

from pydantic import Field

from crypto.labels import Label
from model.documents.signed import Document
from model.fields import Hex16, Hex32, Name, Time
from model.limits import MAX_DEPARTMENTS


class SampleGrant(Document):
    """Signed by the registrar when it opens a drawn entry; nodes open answers against it."""

    LABEL: ClassVar[Label] = Label.SAMPLE_GRANT

    sample: Hex16
    entry: Annotated[int, Field(ge=0)]
    """Index of ``manifest.issued`` in the registrar's ledger."""
    reviewer: Name
    manifest: Hex32
    queries: Annotated[list[Hex16], Field(min_length=1, max_length=MAX_DEPARTMENTS)]
    opened: Hex32
    """SHA-256 of what the registrar opened with it: it cannot later say that it was another."""
    issued_at: Time
    expires_at: Time
