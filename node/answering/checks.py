"""What a node checks of a query before it looks at its own data.

Source: design.md 2.4.1. Everything follows from signed documents, the clock, and what this node's
own admin approved; nothing depends on whom the query is about.
Trusts: the federation file's keys; the registrar for what the household authorized.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crypto.commit import Reveal
from model.documents.query import Manifest, Ticket
from model.documents.signed import Signed
from model.federation import Federation, Process
from model.fields import parse_time
from model.opening import CaseTerms, MismatchError, case_terms
from model.reasons import Reason
from runtime.documents import (
    PolicyLookup,
    open_manifest,
    open_revocations,
    open_signed,
    require_requester,
)
from runtime.errors import Refusal

NO_QUERY = "0" * 32
NO_MANIFEST = "0" * 64


@dataclass(frozen=True)
class Query:
    """What a coordinator brings; nothing in it has been checked."""

    manifest: Signed
    ticket: Signed
    revocations: Sequence[Signed]
    """The pages of one list."""
    reveals: Mapping[str, Reveal]


@dataclass
class Trace:
    """What is known of a query while it is checked: for the ledger entry of a refusal."""

    requester: str
    """The process that asks, by its certificate."""
    known: dict[str, str] = field(
        default_factory=lambda: {"query": NO_QUERY, "manifest": NO_MANIFEST}
    )
    """Fields of the entry: always all, so that its size tells nothing."""
    revocations: int = 0

    def __post_init__(self) -> None:
        self.known["requester"] = self.requester


@dataclass(frozen=True)
class Question:
    """A query whose papers hold."""

    manifest: Manifest
    manifest_digest: str
    ticket: Ticket
    terms: CaseTerms
    resources: tuple[str, ...]
    """Those that this department's measures need, sorted."""


@dataclass(frozen=True)
class Examiner:
    """Checks papers for one department."""

    federation: Federation
    member: Process
    policy_of: PolicyLookup
    revocation_max_age: timedelta
    clock_skew: timedelta

    def examine(self, papers: Query, trace: Trace, *, now: datetime, seen: int) -> Question:
        """Return the question. Raises Refusal with the first reason that applies.

        Args:
            trace: Says who asks; the rest is filled in as soon as signatures hold.
            now: The present.
            seen: Number of the newest revocation list that this requester has brought.
        """
        manifest = open_manifest(papers.manifest, self.federation, now)
        trace.known["manifest"] = papers.manifest.digest
        require_requester(manifest.requester, trace.requester, self.federation)
        ticket = self._ticket(papers, manifest, now)
        trace.known["query"] = ticket.query
        self._check_revocations(papers.revocations, ticket, trace, now=now, seen=seen)
        policy = self.policy_of(manifest.policy)
        try:
            terms = case_terms(manifest, papers.reveals, policy)
        except MismatchError as error:
            raise Refusal(Reason.MANIFEST_MISMATCH, str(error)) from None
        return self._question(manifest, ticket, terms)

    def _ticket(self, papers: Query, manifest: Manifest, now: datetime) -> Ticket:
        ticket = open_signed(papers.ticket, Ticket, self.federation.registrar)
        if ticket.manifest != papers.manifest.digest:
            raise Refusal(Reason.TICKET_MISMATCH, "the ticket is for another manifest")
        if ticket.department != self.member.department:
            raise Refusal(Reason.TICKET_MISMATCH, "the ticket is for another department")
        if ticket.department not in manifest.departments:
            raise Refusal(Reason.TICKET_MISMATCH, "the manifest does not ask this department")
        if parse_time(ticket.expires_at) > parse_time(manifest.expires_at):
            raise Refusal(Reason.TICKET_MISMATCH, "the ticket outlives its manifest")
        if now >= parse_time(ticket.expires_at):
            raise Refusal(Reason.TICKET_EXPIRED)
        return ticket

    def _check_revocations(
        self, pages: Sequence[Signed], ticket: Ticket, trace: Trace, *, now: datetime, seen: int
    ) -> None:
        revoked = open_revocations(pages, self.member.department, trace.requester, self.federation)
        if not now - self.revocation_max_age <= revoked.issued_at <= now + self.clock_skew:
            raise Refusal(Reason.REVOCATIONS_STALE, "the revocation list is not of the present")
        if revoked.number < seen:
            raise Refusal(Reason.REVOCATIONS_STALE, "a newer revocation list has been seen here")
        trace.revocations = revoked.number
        if ticket.query in revoked.queries:
            raise Refusal(Reason.TICKET_REVOKED)

    def _question(self, manifest: Manifest, ticket: Ticket, terms: CaseTerms) -> Question:
        if ticket.epoch != self.member.newest_epoch:
            raise Refusal(Reason.EPOCH_UNKNOWN)
        if len(set(ticket.pseudonyms)) != terms.inputs.members or (
            len(ticket.pseudonyms) != terms.inputs.members
        ):
            raise Refusal(Reason.TICKET_MISMATCH, "the ticket is not for the whole household")
        resources = terms.layout.resources_of(self.member.department)
        if not set(resources) <= set(ticket.resources):
            raise Refusal(Reason.RESOURCE_NOT_GRANTED)
        return Question(manifest, ticket.manifest, ticket, terms, resources)
