"""Documents of an opening: permits, acceptance, header of a holder's message.

Source: design.md 2.6.6, 2.6.7, 2.6.15.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from crypto.labels import Label, digest
from model.documents.query import Requester
from model.documents.signed import Document
from model.fields import Hex16, Hex32, Name, Strict, Time
from model.limits import MAX_DEPARTMENTS
from model.suite import Suite

Kind = Literal["rules", "re-check"]
"""``rules``: the opening that a determination rests on. ``re-check``: once more, for a reviewer."""
HolderRole = Literal["masker", "evaluator", "sharer"]
Step = Literal["mask", "share", "bits", "terms", "flips", "results", "share-proof"]


class Skip(Strict):
    """A holder that comes earlier in the order and did not accept."""

    holder: Name
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z_]{3,40}$")]


class OpeningPermit(Document):
    """What permits of either kind have: this answer set may be opened by these holders."""

    suite: Suite | None = None
    """None in a permit from before permits named it."""
    permit: Hex16
    manifest: Hex32
    requester: Requester = None
    """The manifest's: who relays, and whose key the bits of a first opening are sealed to."""
    kind: Kind
    answers: Hex32
    """Digest of the answer set, see ``answer_set_digest``."""
    answering: Annotated[list[Name], Field(min_length=1, max_length=MAX_DEPARTMENTS)]
    silent: Annotated[list[Name], Field(max_length=MAX_DEPARTMENTS)]
    holders: Annotated[list[Name], Field(min_length=2, max_length=16)]
    """t names: masker, evaluator, then those who only send a share."""
    skips: Annotated[list[Skip], Field(max_length=16)]
    issued_at: Time
    expires_at: Time

    @property
    def masker(self) -> str:
        """First of the holders."""
        return self.holders[0]

    @property
    def evaluator(self) -> str:
        """Second of the holders."""
        return self.holders[1]


class Permit(OpeningPermit):
    """Signed by the registrar: the opening whose bits the coordinator alone learns."""

    LABEL: ClassVar[Label] = Label.PERMIT

    kind: Literal["rules"]


class RecheckPermit(OpeningPermit):
    """Signed by the registrar: the same answers once more, by other holders, for a reviewer.

    A label of its own: neither kind is ever read as the other.
    """

    LABEL: ClassVar[Label] = Label.RECHECK_PERMIT

    kind: Literal["re-check"]
    first: Hex32
    """Digest of the permit under which the determination was drawn."""
    determined: Hex32
    """Leaf hash of the coordinator's ``case.determined``, whose bits are compared."""
    reviewer: Name
    """Who alone can read what comes out."""


class Acceptance(Document):
    """A holder's word to the registrar that it will take part."""

    LABEL: ClassVar[Label] = Label.ACCEPTANCE

    holder: Name
    role: HolderRole
    manifest: Hex32
    kind: Kind
    answers: Hex32


class HolderHeader(Document):
    """What a holder signs for every message; the payload is bound by its digest."""

    LABEL: ClassVar[Label] = Label.HOLDER_MESSAGE

    permit: Hex32
    """Digest of the permit."""
    step: Step
    sender: Name
    recipient: Name
    ciphertext: Hex32
    """Digest of C, the masked product."""
    previous: Hex32
    """Digest of the header before it in the permit's chain; of the permit for the first."""
    payload: Hex32
    """SHA-256 of the payload."""


def answer_set_digest(manifest: str, answers: Sequence[bytes | None]) -> str:
    """Digest of an answer set, hex.

    Args:
        manifest: Digest of the manifest, hex.
        answers: Per department in the manifest's order: the exact body of its signed answer,
            or None where it is silent.
    """
    parts = [b"" if a is None else hashlib.sha256(a).digest() for a in answers]
    return digest(Label.ANSWER_SET, bytes.fromhex(manifest), *parts).hex()


def holder_order(nonce: str, federation: str, holders: Sequence[str]) -> list[str]:
    """All holders in the order that the manifest's nonce and the federation's digest fix."""
    seed = (bytes.fromhex(nonce), bytes.fromhex(federation))
    return sorted(holders, key=lambda h: digest(Label.HOLDER_ORDER, *seed, h.encode()))


def recheck_order(order: Sequence[str], first: OpeningPermit) -> list[str]:
    """The order of holders for a re-check: whoever masked or evaluated before comes last.

    The masker last of all: together with the coordinator it is the one that could have bent a
    bit to a question of its own.
    """
    before = (first.evaluator, first.masker)
    return [h for h in order if h not in before] + [h for h in before if h in order]


def in_roles(holders: Sequence[str], beside: Collection[str] = ()) -> list[str]:
    """Holders in the order in which they accepted, masker first.

    Args:
        beside: Those in the organisation of whoever reads what comes out. None of them masks: the
            first two change places. Masker and reader together could ask each bit as a question
            of their own, which is why the coordinator's organisation holds no share.
    """
    first, second, *rest = holders
    return [second, first, *rest] if first in beside else [first, second, *rest]


def ciphertext_digest(ciphertext: bytes) -> str:
    """Digest by which messages name C, hex; ``ciphertext`` has its fixed width."""
    return digest(Label.CIPHERTEXT, ciphertext).hex()
