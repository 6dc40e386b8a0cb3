"""Erasure: a letter that is over is destroyed, by a clerk who asks and a checker who does it.

Source: design.md 4.6: destroying data key and salts is the erasure; the tree stays whole.
Trusts: whoever keeps copies of the database to destroy them in time: a copy together with the
key-encryption key still opens the letter.
Learns: the ledger's reader, that a letter whose end is entry ``ended`` was erased, and why.
What stays: number, dates, size of the household, and what clerk and checker signed. Their
commitments are opened with the process's own key, so that the erasure itself can be shown.
"""

from datetime import date, timedelta

from model.documents.authorization import Erasure
from model.documents.signed import Signed
from model.fields import parse_time
from model.reasons import Reason
from model.roles import Role
from registrar.authorizations import store
from registrar.authorizations.checking import require_over
from registrar.authorizations.desk import find
from registrar.authorizations.store import AuthorizationRow, ErasureRow
from registrar.authorizations.vault import seal_signed
from registrar.office import Office, record
from runtime.errors import Refusal
from runtime.storage.store import destroy_reveals
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller


def erase(office: Office, signed: Signed, caller: Caller) -> AuthorizationRow:
    """Ask for an erasure (clerk), or carry it out (checker). Raises Refusal."""
    wanted = office.open_by_caller(signed, Erasure, caller)
    if wanted.person != caller.name:
        raise Refusal(
            Reason.SIGNATURE_INVALID, "the erasure names a different person than its signer"
        )
    row = _erasable(office, wanted)
    if caller.role is Role.CLERK:
        return _ask(office, row, wanted, signed)
    with office.parts.database.erasing():
        return _carry_out(office, row, wanted, signed)


def _erasable(office: Office, wanted: Erasure) -> AuthorizationRow:
    """The letter if it is over, its end in the ledger, and its time of keeping past."""
    row, today = find(office, wanted.number), office.today()
    expired = require_over(row, today) == "expired"
    changed = office.day_of(parse_time(row.changed_at))
    ended = date.fromisoformat(row.valid_to) if expired else changed
    kept_until = ended + timedelta(days=office.limits.retention_days)
    if wanted.reason == "retention-over" and today <= kept_until:
        raise Refusal(
            Reason.RETENTION_NOT_OVER,
            f"its records are kept until {kept_until} ({office.limits.retention_days} days from "
            "its end); to erase it earlier, clerk and checker must both give another reason",
        )
    if expired and row.changed_at[:10] <= row.valid_to:
        raise Refusal(
            Reason.AUTHORIZATION_IN_FORCE,
            "it has run out, but the ledger does not say so yet; ask again in an hour",
        )
    return row


def _ask(
    office: Office, row: AuthorizationRow, wanted: Erasure, signed: Signed
) -> AuthorizationRow:
    salted = office.salted()
    fields = {
        "authorization": salted.commit("authorization", row.number),
        "clerk": salted.commit("clerk", wanted.person),
        "reason": wanted.reason,
    }
    reveals = salted.seal(office.parts.kek)
    sealed = seal_signed(office, office.parts.kek, signed, "erasure-asked", row.number)
    asked = ErasureRow(row.number, wanted.reason, wanted.person, sealed)

    def write(tx: Tx) -> None:
        _unchanged(tx, row)
        record(tx, "erasure.asked", fields, reveals)
        store.ask_erasure(tx.conn, asked)

    office.parts.writer.run(write)
    return row


def _carry_out(
    office: Office, row: AuthorizationRow, wanted: Erasure, signed: Signed
) -> AuthorizationRow:
    with office.parts.database.read() as conn:
        asked = store.erasure(conn, row.number)
    if asked is None or asked.reason != wanted.reason:
        raise Refusal(Reason.ERASURE_NOT_ASKED)
    salted = office.salted()
    fields = {
        "authorization": salted.commit("authorization", row.number),
        "clerk": salted.commit("clerk", asked.clerk),
        "checker": salted.commit("checker", wanted.person),
    }
    clear = {"reason": wanted.reason, "ended": row.entry}
    reveals = salted.seal(office.parts.kek)
    done = seal_signed(office, office.parts.kek, signed, "erasure-done", row.number)

    def write(tx: Tx) -> None:
        _unchanged(tx, row)
        if store.erasure(tx.conn, row.number) != asked:
            raise Refusal(Reason.ERASURE_NOT_ASKED)
        entry = record(tx, "authorization.erased", {**fields, **clear}, reveals)
        store.erase(tx.conn, row.number, done, entry, tx.now)
        office.issued.erase(tx.conn, row.number)
        destroy_reveals(tx.conn, row.number)

    office.parts.writer.run(write)
    return find(office, row.number)


def _unchanged(tx: Tx, row: AuthorizationRow) -> None:
    if store.get(tx.conn, row.number) != row:
        raise Refusal(
            Reason.AUTHORIZATION_MISMATCH, "the authorization has changed in the meantime"
        )
