"""Which requesters a letter lets ask, and what a requester closes: its own grant, never the letter.

Source: design.md 8. A letter names the coordinators that may ask; where the federation has one, it
need not. Each closes its own grant when its application has ended; with the last grant the letter
ends. Nobody is told why: all closings look alike.
"""

from model.documents.authorization import Authorization
from model.federation import Federation
from model.reasons import Reason
from registrar.authorizations import desk, store
from registrar.authorizations.checking import require_in_force
from registrar.authorizations.store import AuthorizationRow
from registrar.authorizations.vault import open_letter
from registrar.office import Office, record
from runtime.errors import Refusal
from runtime.storage.store import Connection
from runtime.storage.writer import Tx


def granted(terms: Authorization, federation: Federation) -> list[str]:
    """The requesters that a letter names and that are members; unnamed, the only one there is."""
    named = [federation.requester(name) for name in terms.requesters or [""]]
    return [requester.name for requester in named if requester is not None]


def require_granted(
    conn: Connection, number: str, requester: str, office: Office
) -> AuthorizationRow:
    """The row of a letter that is in force, and not closed by this requester. Raises Refusal."""
    row = require_in_force(store.get(conn, number), office.today())
    if requester in store.closed_grants(conn, number):
        raise Refusal(Reason.AUTHORIZATION_ENDED)
    return row


def close(office: Office, number: str, requester: str) -> None:
    """End one requester's grant, its tickets with it; the last one ends the letter."""
    row = desk.find(office, number)
    if row.state in desk.OVER:
        return
    letter = open_letter(office, row)
    everybody = set(granted(letter.terms, office.federation))
    salted = office.salted()
    fields = {"authorization": salted.commit("authorization", number), "requester": requester}
    reveals = salted.seal(letter.key, owner=number)

    def write(tx: Tx) -> bool:
        closed = store.closed_grants(tx.conn, number)
        if everybody <= closed | {requester}:
            return True
        if requester not in closed:
            entry = record(tx, "grant.ended", {**fields, **desk.given_by(row)}, reveals)
            store.close_grant(tx.conn, number, requester, entry)
            office.issued.revoke(tx.conn, number, requester)
        return False

    if office.parts.writer.run(write):
        desk.end(office, number, "ended")
