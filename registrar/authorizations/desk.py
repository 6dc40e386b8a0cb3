"""Registering, confirming, revoking, reading: what clerk and checker do with a letter.

Source: design.md 2.3.2, 2.3.3, 2.3.4, 2.3.5.
"""

from model.documents.authorization import Authorization, AuthorizationCheck
from model.documents.signed import Signed
from model.reasons import Reason
from registrar.authorizations import store
from registrar.authorizations.checking import check_terms, require_all_signed, state_on
from registrar.authorizations.store import AuthorizationRow
from registrar.authorizations.vault import Letter, new_data_key, open_letter, seal_signed
from registrar.office import Office, record
from runtime.errors import Refusal
from runtime.storage.salting import SealedReveals
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller


def find(office: Office, number: str) -> AuthorizationRow:
    """The row of a letter. Raises Refusal(authorization_unknown)."""
    with office.parts.database.read() as conn:
        row = store.get(conn, number)
    if row is None:
        raise Refusal(Reason.AUTHORIZATION_UNKNOWN)
    return row


def register(office: Office, signed: Signed, caller: Caller) -> AuthorizationRow:
    """Store a letter that its clerk signed; the same letter again changes nothing."""
    terms = office.open_by_caller(signed, Authorization, caller)
    if terms.clerk != caller.name:
        raise Refusal(
            Reason.SIGNATURE_INVALID, "the letter names a different clerk than its signer"
        )
    check_terms(terms, office.federation)
    key, wrapped = new_data_key(office, terms.number)
    letter = seal_signed(office, key, signed, "letter", terms.number)
    salted = office.salted()
    fields = {
        "authorization": salted.commit("authorization", terms.number),
        "clerk": salted.commit("clerk", caller.name),
    }
    reveals = salted.seal(key, owner=terms.number)

    def write(tx: Tx) -> AuthorizationRow:
        there = store.get(tx.conn, terms.number)
        if there is not None:
            if there.digest != signed.digest:
                raise Refusal(Reason.AUTHORIZATION_EXISTS)
            return there
        entry = record(tx, "authorization.registered", fields, reveals)
        row = AuthorizationRow(
            number=terms.number,
            digest=signed.digest,
            state="draft",
            members=len(terms.members),
            valid_from=terms.valid_from,
            valid_to=terms.valid_to,
            data_key=wrapped,
            letter=letter,
            confirmation=b"",
            entry=entry,
            changed_at=tx.now,
        )
        store.add(tx.conn, row)
        return row

    return office.parts.writer.run(write)


def confirm(office: Office, signed: Signed, caller: Caller) -> AuthorizationRow:
    """Put a letter into force; another person than its clerk does. Raises Refusal."""
    check = office.open_by_caller(signed, AuthorizationCheck, caller)
    letter = open_letter(office, find(office, check.number))
    _check_confirmation(office, letter, check, caller)
    if letter.confirmation is not None:
        return letter.row
    return _put_into_force(office, letter, signed, caller)


def _check_confirmation(
    office: Office, letter: Letter, check: AuthorizationCheck, caller: Caller
) -> None:
    if check.checker != caller.name:
        raise Refusal(
            Reason.SIGNATURE_INVALID, "the check names a different checker than its signer"
        )
    if caller.name == letter.terms.clerk:
        raise Refusal(Reason.SAME_PERSON)
    if check.authorization != letter.signed.digest:
        raise Refusal(Reason.AUTHORIZATION_MISMATCH)
    state = state_on(letter.row, office.today())
    if state in _FINAL:
        raise Refusal(_FINAL[state])
    if letter.terms.valid_to < office.today().isoformat():
        raise Refusal(Reason.AUTHORIZATION_EXPIRED)
    require_all_signed(letter.terms)


_FINAL = {
    "revoked": Reason.AUTHORIZATION_REVOKED,
    "ended": Reason.AUTHORIZATION_ENDED,
    "expired": Reason.AUTHORIZATION_EXPIRED,
}
OVER = ("revoked", "ended", "erased")
"""States in which a letter gives nobody anything any more."""


def _put_into_force(
    office: Office, letter: Letter, signed: Signed, caller: Caller
) -> AuthorizationRow:
    number, today = letter.row.number, office.today().isoformat()
    live = [
        office.keys.live_tag(programme, person)
        for programme in letter.terms.programmes
        for person in letter.persons
    ]
    protected = [office.keys.protection_tag(person) for person in letter.persons]
    sealed = seal_signed(office, letter.key, signed, "confirmation", number)
    fields, reveals = _given(office, letter, caller)

    def write(tx: Tx) -> AuthorizationRow:
        now = store.get(tx.conn, number)
        if now is None or now.state != "draft":
            raise Refusal(
                Reason.AUTHORIZATION_MISMATCH, "the authorization has changed in the meantime"
            )
        if store.is_protected(tx.conn, protected):
            raise Refusal(Reason.PERSON_PROTECTED)
        if store.conflicts(tx.conn, number, live, today):
            raise Refusal(Reason.AUTHORIZATION_CONFLICT)
        entry = record(tx, "authorization.given", fields, reveals)
        store.confirm(tx.conn, number, sealed, entry, tx.now)
        store.add_tags(tx.conn, number, live)
        return _there(tx, number)

    return office.parts.writer.run(write)


def _given(office: Office, letter: Letter, caller: Caller) -> tuple[dict[str, str], SealedReveals]:
    """The fields of authorization.given, every one a commitment, and their reveals."""
    terms, salted = letter.terms, office.salted()
    fields = {
        "authorization": salted.commit("authorization", terms.number),
        "roster": salted.commit("roster", [member.person for member in terms.members]),
        "evidence": salted.commit("evidence", terms.evidence_sha256),
        "clerk": salted.commit("clerk", terms.clerk),
        "checker": salted.commit("checker", caller.name),
        # All its terms, so that nobody can sign others afterwards and show those to a reviewer.
        "letter": salted.commit("letter", letter.signed.digest),
    }
    return fields, salted.seal(letter.key, owner=terms.number)


def end(office: Office, number: str, state: str) -> AuthorizationRow:
    """End a letter, ``revoked`` or ``ended``; its tickets are revoked with it.

    The ledger says that it ended, not why. A letter that has ended already stays as it is.
    """
    row = find(office, number)
    if row.state in OVER:
        return row
    letter = open_letter(office, row)
    salted = office.salted()
    fields = {"authorization": salted.commit("authorization", number)}
    reveals = salted.seal(letter.key, owner=number)

    def write(tx: Tx) -> AuthorizationRow:
        now = _there(tx, number)
        if now.state in OVER:
            return now
        entry = record(tx, "authorization.ended", {**fields, **given_by(now)}, reveals)
        store.finish(tx.conn, number, state, entry, tx.now)
        office.issued.revoke(tx.conn, number, "")
        return _there(tx, number)

    return office.parts.writer.run(write)


def given_by(row: AuthorizationRow) -> dict[str, int]:
    """Which entry of this ledger gave a letter: a number, the same for every way of ending.

    Empty for a draft, and where an entry about its expiry has said so already.
    """
    noted = row.changed_at[:10] > row.valid_to
    return {"given": row.entry} if row.state == "in-force" and not noted else {}


def read(office: Office, number: str, caller: Caller) -> Letter:
    """One letter in full; that it was read is ledgered before it is shown."""
    letter = open_letter(office, find(office, number))
    salted = office.salted()
    fields = {
        "authorization": salted.commit("authorization", number),
        "reader": salted.commit("reader", caller.name),
    }
    reveals = salted.seal(letter.key, owner=number)
    office.parts.writer.run(lambda tx: record(tx, "authorization.read", fields, reveals))
    return letter


def _there(tx: Tx, number: str) -> AuthorizationRow:
    row = store.get(tx.conn, number)
    if row is None:
        raise Refusal(Reason.AUTHORIZATION_UNKNOWN)
    return row
