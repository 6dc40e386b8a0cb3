"""Renewal of tickets, and the list of revoked ones."""

from datetime import timedelta
from typing import Final

from model.documents.query import Manifest, RevocationList, Ticket
from model.documents.signed import Signed
from model.fields import format_time, parse_time
from model.reasons import Reason
from registrar.authorizations import store as authorizations
from registrar.authorizations.checking import require_in_force
from registrar.manifests import permit_store, store
from registrar.manifests.store import TicketRow
from registrar.office import Office, record
from runtime.documents import open_signed
from runtime.errors import Refusal
from runtime.storage.writer import Tx

MAX_REVOKED: Final = 1600


def renew(office: Office, signed: Signed) -> Signed:
    """Sign an unspent ticket again; only its expiry changes. Raises Refusal."""
    ticket = open_signed(signed, Ticket, office.parts.member)
    manifest = _renewable(office, ticket)
    now = office.parts.clock.now()
    end = min(now + timedelta(seconds=office.limits.ticket_life_s), parse_time(manifest.expires_at))
    if now >= end:
        raise Refusal(Reason.MANIFEST_EXPIRED)
    # Never back: a ticket that lives longer already stays as it is.
    later = max(end, parse_time(ticket.expires_at))
    renewed = ticket.model_copy(update={"expires_at": format_time(later)})
    _record(office, renewed)
    return office.sign(renewed)


def revocation_list(office: Office) -> Signed:
    """A newly numbered list of revoked tickets that have not expired."""
    now = format_time(office.parts.clock.now())

    def write(tx: Tx) -> tuple[int, list[str]]:
        queries = store.revoked_queries(tx.conn, now, MAX_REVOKED + 1)
        if len(queries) > MAX_REVOKED:
            # A list that leaves one out would let a revoked ticket pass.
            raise Refusal(Reason.OVERLOADED, "more revoked tickets than one list holds")
        return store.next_number(tx.conn, "revocations"), queries

    number, queries = office.parts.writer.run(write)
    return office.sign(RevocationList(number=number, issued_at=now, queries=queries))


def _renewable(office: Office, ticket: Ticket) -> Manifest:
    with office.parts.database.read() as conn:
        row = store.ticket(conn, ticket.query)
        manifest = store.manifest(conn, row.manifest) if row else None
        letter = authorizations.get(conn, row.number) if row else None
        opened = permit_store.of_manifest(conn, row.manifest) if row else []
    if row is None or manifest is None:
        raise Refusal(Reason.TICKET_MISMATCH, "the registrar has issued no such ticket")
    _check_unspent(row, opened)
    require_in_force(letter, office.today())
    return Manifest.decode(manifest.body)


def _check_unspent(row: TicketRow, opened: list[permit_store.PermitRow]) -> None:
    if row.revoked:
        raise Refusal(Reason.TICKET_REVOKED)
    if opened:
        # The set of answers is fixed; a later answer could never be opened.
        raise Refusal(Reason.MANIFEST_SPENT, "this manifest has its opening permit already")


def _record(office: Office, renewed: Ticket) -> None:
    def write(tx: Tx) -> None:
        row = store.ticket(tx.conn, renewed.query)
        if row is None or row.revoked:
            raise Refusal(Reason.TICKET_REVOKED)
        store.extend(tx.conn, renewed.query, renewed.expires_at)
        fields = {"query": renewed.query, "manifest": renewed.manifest}
        record(tx, "ticket.renewed", fields)

    office.parts.writer.run(write)
