"""What an officer asked for, and what the registrar issued for it; checked before use.

Manifest, tickets, and the reveals of the manifest's commitments.

Trusts: the registrar's pinned key for who authorized what; nothing of the reply before it holds.
Learns: household size, reference date, region, programmes; pseudonyms that it cannot invert.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.protobuf.message import DecodeError

from coordinator.case.store import CaseRow
from crypto.commit import Reveal
from hedui.v1 import common_pb2
from hedui.v1 import registrar_pb2 as pb
from model.documents.query import Manifest, OfficerRequest, Ticket
from model.documents.signed import Signed
from model.federation import Federation
from model.fields import parse_time
from model.opening import CaseTerms, MismatchError, case_terms
from model.reasons import Reason
from runtime.documents import PolicyLookup, open_manifest, open_signed
from runtime.errors import Refusal
from runtime.transport.wire import reveals_from_wire, signed_from_wire


@dataclass(frozen=True)
class Issued:
    """A verified reply of IssueManifest. ``tickets`` by department, in the manifest's order."""

    manifest: Manifest
    signed: Signed
    tickets: Mapping[str, Signed]
    queries: Mapping[str, str]
    reveals: Mapping[str, Reveal]
    terms: CaseTerms

    @property
    def digest(self) -> str:
        """Digest of the manifest, hex."""
        return self.signed.digest


def officer_request(case: CaseRow) -> OfficerRequest:
    """The stored request of a case; its signature was verified when it came."""
    return OfficerRequest.decode(common_pb2.SignedDocument.FromString(case.request).body)


def read_issued(
    reply: pb.IssueManifestReply,
    request: OfficerRequest,
    *,
    policy_of: PolicyLookup,
    federation: Federation,
    now: datetime,
) -> Issued:
    """Check that the registrar's reply is whole, and is for this request. Raises Refusal."""
    signed = signed_from_wire(reply.manifest)
    manifest = open_manifest(signed, federation, now)
    reveals = reveals_from_wire(reply.reveals)
    try:
        terms = case_terms(manifest, reveals, policy_of(manifest.policy))
    except MismatchError as error:
        raise Refusal(Reason.MANIFEST_MISMATCH, str(error)) from None
    _check_request(manifest, terms, request)
    tickets = _tickets(reply, manifest, signed.digest, federation)
    return Issued(
        manifest=manifest,
        signed=signed,
        tickets={t.department: s for t, s in tickets},
        queries={t.department: t.query for t, _ in tickets},
        reveals=reveals,
        terms=terms,
    )


def parse_issued(message: bytes) -> pb.IssueManifestReply:
    """Parse a stored reply. Raises Refusal(internal): the database was changed by hand."""
    try:
        return pb.IssueManifestReply.FromString(message)
    except DecodeError:
        raise Refusal(Reason.INTERNAL, "a stored manifest cannot be read") from None


def _check_request(manifest: Manifest, terms: CaseTerms, request: OfficerRequest) -> None:
    asked = (request.policy, request.level, sorted(request.programmes))
    if (manifest.policy, manifest.level, sorted(terms.programmes)) != asked:
        raise Refusal(Reason.MANIFEST_MISMATCH, "the manifest is for another request")


def _tickets(
    reply: pb.IssueManifestReply, manifest: Manifest, digest: str, federation: Federation
) -> list[tuple[Ticket, Signed]]:
    found = []
    for message in reply.tickets:
        signed = signed_from_wire(message)
        found.append((open_signed(signed, Ticket, federation.registrar), signed))
    departments = [ticket.department for ticket, _ in found]
    if departments != list(manifest.departments):
        raise Refusal(Reason.TICKET_MISMATCH, "not one ticket per department, in order")
    if any(ticket.manifest != digest for ticket, _ in found):
        raise Refusal(Reason.TICKET_MISMATCH, "a ticket is for another manifest")
    return found


def expires_soon(ticket: Ticket, *, now: datetime, margin_s: int) -> bool:
    """Whether a ticket should be renewed before it is sent."""
    return now + timedelta(seconds=margin_s) >= parse_time(ticket.expires_at)


def check_renewed(old: Ticket, signed: Signed, federation: Federation) -> Ticket:
    """Open a renewed ticket. Raises Refusal unless nothing but its expiry has changed."""
    new = open_signed(signed, Ticket, federation.registrar)
    if new.model_copy(update={"expires_at": old.expires_at}) != old:
        raise Refusal(Reason.TICKET_MISMATCH, "a renewed ticket differs in more than its expiry")
    return new
