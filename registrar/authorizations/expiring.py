"""Letters that ran out: the ledger says that they ended, as it does of every other ending.

Source: design.md 2.3.4.
Without such an entry nobody who reads the ledgers could see a query under an authorization that
was over. The letter's state does not change: its date says that it expired, as before.
"""

from typing import Final

from model.fields import in_utc
from registrar.authorizations import store
from registrar.authorizations.vault import open_letter
from registrar.office import Office, record
from runtime.storage.writer import Tx

EVERY_S: Final = 3600.0
_AT_ONCE: Final = 200


def record_expired(office: Office) -> None:
    """Write ``authorization.ended`` for letters whose last day is over, each once.

    A few hundred in a turn; the rest in the next.
    """
    # Both days, so that the moment of the entry, in UTC, always lies after the letter's last day.
    today = min(office.today(), in_utc(office.parts.clock.now()).date()).isoformat()
    with office.parts.database.read() as conn:
        rows = store.run_out(conn, today, _AT_ONCE)
    for row in rows:
        _record(office, row)


def _record(office: Office, row: store.AuthorizationRow) -> None:
    salted = office.salted()
    fields = {"authorization": salted.commit("authorization", row.number), "given": row.entry}
    reveals = salted.seal(open_letter(office, row).key, owner=row.number)

    def write(tx: Tx) -> None:
        if store.get(tx.conn, row.number) == row:
            entry = record(tx, "authorization.ended", fields, reveals)
            store.note_expiry(tx.conn, row.number, entry, tx.now)

    office.parts.writer.run(write)
