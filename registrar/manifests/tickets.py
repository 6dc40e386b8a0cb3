"""Renewal of tickets, and the list of revoked ones.

Source: design.md 2.3.10, 2.3.13.
"""

from datetime import timedelta
from typing import Final

from model.documents.query import Manifest, RevocationList, Ticket
from model.documents.signed import Signed
from model.fields import format_time, parse_time
from model.limits import MAX_REVOCATION_PAGES, MAX_REVOKED_A_PAGE
from model.reasons import Reason
from registrar.authorizations.grants import require_granted
from registrar.manifests import permit_store, store
from registrar.manifests.store import TicketRow
from registrar.office import Office, record
from runtime.documents import open_signed, require_requester
from runtime.errors import Refusal
from runtime.storage.writer import Tx

MAX_REVOKED: Final = MAX_REVOCATION_PAGES * MAX_REVOKED_A_PAGE
"""Of one requester at one department; 51,200 within the life of a ticket."""


def renew(office: Office, signed: Signed, *, caller: str) -> Signed:
    """Sign an unspent ticket of the caller's again; only its expiry changes. Raises Refusal."""
    ticket = open_signed(signed, Ticket, office.parts.member)
    manifest = _renewable(office, ticket, caller)
    now = office.parts.clock.now()
    end = min(now + timedelta(seconds=office.limits.ticket_life_s), parse_time(manifest.expires_at))
    if now >= end:
        raise Refusal(Reason.MANIFEST_EXPIRED)
    # Never back: a ticket that lives longer already stays as it is.
    later = max(end, parse_time(ticket.expires_at))
    renewed = ticket.model_copy(update={"expires_at": format_time(later)})
    _record(office, renewed)
    return office.sign(renewed)


def revocation_list(office: Office, department: str, requester: str) -> list[Signed]:
    """A newly numbered list of a requester's tickets that a department must not answer, by page.

    Raises Refusal: wrong_department, and overloaded where one list would not hold all.
    """
    if office.federation.department(department) is None:
        raise Refusal(Reason.WRONG_DEPARTMENT, "no member serves this department")
    now = format_time(office.parts.clock.now())

    def write(tx: Tx) -> tuple[int, list[str]]:
        queries = store.revoked_queries(
            tx.conn, department, requester, now=now, limit=MAX_REVOKED + 1
        )
        if len(queries) > MAX_REVOKED:
            # A list that leaves one out would let a revoked ticket pass.
            raise Refusal(Reason.OVERLOADED, "more revoked tickets than one list holds")
        return store.next_number(tx.conn, "revocations"), queries

    number, queries = office.parts.writer.run(write)
    starts = range(0, max(len(queries), 1), MAX_REVOKED_A_PAGE)
    return [
        office.sign(
            RevocationList(
                department=department,
                requester=requester,
                number=number,
                page=page,
                pages=len(starts),
                issued_at=now,
                queries=queries[start : start + MAX_REVOKED_A_PAGE],
            )
        )
        for page, start in enumerate(starts, 1)
    ]


def _renewable(office: Office, ticket: Ticket, caller: str) -> Manifest:
    with office.parts.database.read() as conn:
        row = store.ticket(conn, ticket.query)
        manifest = store.manifest(conn, row.manifest) if row else None
        opened = permit_store.of_manifest(conn, row.manifest) if row else []
    if row is None or manifest is None:
        raise Refusal(Reason.TICKET_MISMATCH, "the registrar has issued no such ticket")
    require_requester(manifest.requester, caller, office.federation)
    _check_unspent(row, opened)
    with office.parts.database.read() as conn:
        require_granted(conn, row.number, caller, office)
    return Manifest.decode(manifest.body)


def _check_unspent(row: TicketRow, opened: list[permit_store.PermitRow]) -> None:
    if row.revoked:
        raise Refusal(Reason.TICKET_REVOKED)
    if opened:
        # The set of answers is fixed; a later answer could never be opened.
        raise Refusal(Reason.MANIFEST_SPENT, "this manifest already has its opening permit")


def _record(office: Office, renewed: Ticket) -> None:
    def write(tx: Tx) -> None:
        row = store.ticket(tx.conn, renewed.query)
        if row is None or row.revoked:
            raise Refusal(Reason.TICKET_REVOKED)
        store.extend(tx.conn, renewed.query, renewed.expires_at)
        fields = {"query": renewed.query, "manifest": renewed.manifest}
        record(tx, "ticket.renewed", fields)

    office.parts.writer.run(write)
