"""Issuing: from one officer's signed request to a manifest and one ticket per department.

Source: design.md 2.3.6 to 2.3.9, 2.3.16.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from crypto.commit import Reveal
from crypto.rng import shuffled
from crypto.sealing import open_at_rest, seal_at_rest
from model.documents.query import Commitments, Manifest, OfficerRequest, Ticket
from model.documents.signed import Signed
from model.fields import format_time, parse_time
from model.opening import REVEALED_FIELDS
from model.reasons import Reason
from model.roles import Role
from model.suite import SUITE
from registrar.authorizations import store as authorizations
from registrar.authorizations.checking import require_all_signed
from registrar.authorizations.grants import require_granted
from registrar.authorizations.vault import Letter, open_letter, seal_signed, unseal_signed
from registrar.manifests import store
from registrar.manifests.scope import Scope, derive_scope
from registrar.manifests.store import ManifestRow, TicketRow
from registrar.office import Office, record
from runtime.documents import require_requester
from runtime.errors import Refusal
from runtime.storage.salting import decode_reveals, encode_reveals
from runtime.storage.writer import Tx


@dataclass(frozen=True)
class Issued:
    """What goes to the coordinator."""

    manifest: Signed
    tickets: list[Signed]
    reveals: list[Reveal]


@dataclass(frozen=True)
class _Asked:
    """The officer's request as parsed and as signed, and the checker's for a further query."""

    request: OfficerRequest
    signed: Signed
    countersigned: Signed | None


class _Raced(Exception):
    """Another request was served meanwhile; look again."""


def issue(office: Office, signed: Signed, countersigned: Signed | None, *, caller: str) -> Issued:
    """Issue for one request; the same request gets what it got. Raises Refusal.

    Args:
        signed: The officer's request; it names the requester, which must be ``caller``.
        countersigned: The same by a checker, for a further manifest.
        caller: The process that calls.
    """
    request, officer = office.open_by_person(signed, OfficerRequest, Role.OFFICER)
    if request.officer != officer.name:
        raise Refusal(Reason.SIGNATURE_INVALID, "the request names a different officer")
    requester = require_requester(request.requester, caller, office.federation)
    if requester not in office.federation.acts_through(officer.organisation):
        raise Refusal(Reason.WRONG_REQUESTER, f"{officer.name} does not act through {caller}")
    letter = _letter_in_force(office, request.authorization, caller)
    while True:
        with office.parts.database.read() as conn:
            stored = store.by_request(conn, signed.digest)
            sequence = store.count(conn, request.authorization) + 1
            nonce_used = store.nonce_is_used(conn, request.nonce)
        if stored is not None:
            return stored_reply(office, letter, stored)
        if nonce_used:
            raise Refusal(Reason.MALFORMED, "the nonce was used in another request")
        _check_fresh(office, request)
        _check_again(office, signed, request, countersigned, sequence)
        policy = office.policies.approved(request.policy)
        scope = derive_scope(letter.terms, request, policy, office.federation, requester)
        try:
            # Beside a first request nobody looked at it, so it is not kept.
            asked = _Asked(request, signed, countersigned if sequence > 1 else None)
            return _write(office, letter, asked, scope, sequence)
        except _Raced:
            continue


def open_manifest_letter(office: Office, row: ManifestRow) -> Letter:
    """The letter behind a manifest if it is in force. Raises Refusal."""
    return _letter_in_force(office, row.number, office.requester_name(row.requester))


def all_reveals(letter: Letter, row: ManifestRow) -> list[Reveal]:
    """The reveals of every commitment in a manifest."""
    return decode_reveals(open_at_rest(letter.key, row.reveals, aad=_reveals_aad(row.digest)))


def shown_reveals(letter: Letter, row: ManifestRow) -> list[Reveal]:
    """The reveals of a manifest that its coordinator may see."""
    return [reveal for reveal in all_reveals(letter, row) if reveal.field in REVEALED_FIELDS]


def stored_reply(office: Office, letter: Letter, row: ManifestRow) -> Issued:
    """What was issued for a request that comes again."""
    with office.parts.database.read() as conn:
        rows = store.tickets(conn, row.digest)
    tickets = [unseal_signed(letter.key, t.sealed, "ticket", t.query) for t in rows]
    manifest = Signed(row.body, row.signature, office.parts.name)
    return Issued(manifest, tickets, shown_reveals(letter, row))


def _letter_in_force(office: Office, number: str, requester: str) -> Letter:
    with office.parts.database.read() as conn:
        row = authorizations.get(conn, number)
        if row is not None and row.state == "draft":
            # The most specific reason: a draft that can never come into force says why.
            require_all_signed(open_letter(office, row).terms)
        row = require_granted(conn, number, requester, office)
    return open_letter(office, row)


def _check_fresh(office: Office, request: OfficerRequest) -> None:
    now, at = office.parts.clock.now(), parse_time(request.at)
    oldest = now - timedelta(seconds=office.limits.request_max_age_s)
    newest = now + timedelta(seconds=office.limits.request_max_ahead_s)
    if not oldest <= at <= newest:
        raise Refusal(
            Reason.MALFORMED,
            f"the request was signed at {request.at}, which is not within the last "
            f"{office.limits.request_max_age_s} s: sign it again, and check the clock",
        )


def _check_again(
    office: Office,
    signed: Signed,
    request: OfficerRequest,
    countersigned: Signed | None,
    sequence: int,
) -> None:
    """A further manifest needs a reason that officer and checker signed."""
    if sequence == 1:
        return
    if sequence > office.limits.max_manifests:
        raise Refusal(
            Reason.MANIFEST_LIMIT,
            f"this authorization has had its {office.limits.max_manifests} queries",
        )
    if not request.again or countersigned is None:
        raise Refusal(Reason.MANIFEST_LIMIT)
    if countersigned.body != signed.body:
        raise Refusal(Reason.MANIFEST_LIMIT, "the checker signed a different request")
    _, checker = office.open_by_person(countersigned, OfficerRequest, Role.CHECKER)
    if checker.name == request.officer:
        raise Refusal(Reason.SAME_PERSON, "the officer and the checker are the same person")


def _write(office: Office, letter: Letter, asked: _Asked, scope: Scope, sequence: int) -> Issued:
    reveals, manifest = _manifest(office, letter, asked.request, scope, sequence)
    signed_manifest = office.sign(manifest)
    digest = signed_manifest.digest
    row = _manifest_row(office, letter, asked, scope, signed_manifest, reveals)
    tickets = _tickets(office, letter, digest, scope, manifest)
    _store(office, letter, row, tickets, scope, asked)
    shown = [reveal for reveal in reveals if reveal.field in REVEALED_FIELDS]
    return Issued(signed_manifest, tickets, shown)


def _manifest_row(
    office: Office,
    letter: Letter,
    asked: _Asked,
    scope: Scope,
    manifest: Signed,
    reveals: list[Reveal],
) -> ManifestRow:
    digest, counter = manifest.digest, b""
    sealed_reveals = seal_at_rest(
        letter.key, encode_reveals(reveals), aad=_reveals_aad(digest), rng=office.parts.rng
    )
    if asked.countersigned is not None:
        counter = seal_signed(office, letter.key, asked.countersigned, "countersigned", digest)
    return ManifestRow(
        digest=digest,
        number=asked.request.authorization,
        sequence=Manifest.decode(manifest.body).sequence,
        request=asked.signed.digest,
        nonce=asked.request.nonce,
        body=manifest.body,
        signature=manifest.signature,
        reveals=sealed_reveals,
        asked=seal_signed(office, letter.key, asked.signed, "asked", digest),
        countersigned=counter,
        requester=scope.requester,
    )


def _manifest(
    office: Office, letter: Letter, request: OfficerRequest, scope: Scope, sequence: int
) -> tuple[list[Reveal], Manifest]:
    salted, now = office.salted(), office.parts.clock.now()
    roster = [[member.person, member.relation] for member in letter.terms.members]
    commitments = Commitments(
        authorization=salted.commit("authorization", request.authorization),
        roster=salted.commit("roster", roster),
        officer=salted.commit("officer", request.officer),
        members=salted.commit("members", scope.members),
        reference_date=salted.commit("reference_date", scope.reference_date),
        region=salted.commit("region", scope.region),
        programmes=salted.commit("programmes", list(scope.programmes)),
    )
    manifest = Manifest(
        suite=SUITE,
        federation=office.federation.digest,
        requester=scope.requester,
        sequence=sequence,
        nonce=office.parts.rng(32).hex(),
        commitments=commitments,
        departments=scope.departments,
        policy=request.policy,
        level=request.level,
        purpose=letter.terms.purpose,
        issued_at=format_time(now),
        expires_at=format_time(_manifest_end(office, letter, now)),
    )
    return salted.reveals, manifest


def _manifest_end(office: Office, letter: Letter, now: datetime) -> datetime:
    """The manifest's life, but never past the letter's last local day."""
    by_setting = now + timedelta(seconds=office.limits.manifest_life_s)
    day_after = datetime.fromisoformat(letter.terms.valid_to) + timedelta(days=1)
    midnight = datetime.combine(day_after.date(), time.min, tzinfo=now.tzinfo)
    by_letter = midnight - timedelta(minutes=office.limits.utc_offset_minutes)
    return min(by_setting, by_letter)


def _tickets(
    office: Office, letter: Letter, digest: str, scope: Scope, manifest: Manifest
) -> list[Signed]:
    now = office.parts.clock.now()
    life = timedelta(seconds=office.limits.ticket_life_s)
    end = min(now + life, parse_time(manifest.expires_at))
    return [
        office.sign(_ticket(office, letter, digest, department, names, end))
        for department, names in scope.resources.items()
    ]


def _ticket(
    office: Office,
    letter: Letter,
    digest: str,
    department: str,
    resources: tuple[str, ...],
    end: datetime,
) -> Ticket:
    process = office.federation.department(department)
    epoch = max((key.epoch for key in process.prf_keys), default=0) if process else 0
    pseudonyms = office.keys.pseudonyms(department, epoch, letter.persons)
    return Ticket(
        suite=SUITE,
        query=office.parts.rng(16).hex(),
        manifest=digest,
        department=department,
        epoch=epoch,
        # In random order: the place in the roster is nobody's business there.
        pseudonyms=[p.hex() for p in shuffled(pseudonyms, rng=office.parts.rng)],
        resources=list(resources),
        expires_at=format_time(end),
    )


def _ticket_row(
    office: Office, letter: Letter, digest: str, position: int, signed: Signed
) -> TicketRow:
    ticket = Ticket.decode(signed.body)
    return TicketRow(
        query=ticket.query,
        manifest=digest,
        number=letter.row.number,
        department=ticket.department,
        position=position,
        sealed=seal_signed(office, letter.key, signed, "ticket", ticket.query),
        expires_at=ticket.expires_at,
        revoked=0,
    )


def _store(
    office: Office,
    letter: Letter,
    row: ManifestRow,
    tickets: list[Signed],
    scope: Scope,
    asked: _Asked,
) -> None:
    salted = office.salted()
    rows = [_ticket_row(office, letter, row.digest, i, t) for i, t in enumerate(tickets)]
    terms = [Ticket.decode(ticket.body).terms_digest for ticket in tickets]
    # Salts of the ledger's own: nobody joins it with the manifests that departments hold.
    fields = {
        "manifest": row.digest,
        "authorization": salted.commit("authorization", row.number),
        "officer": salted.commit("officer", asked.request.officer),
        "sequence": salted.commit("sequence", row.sequence),
        "departments": salted.commit("departments", scope.departments),
        # Whose pseudonyms the tickets hold, and what the officer signed: for a reviewer's sample.
        "terms": salted.commit("terms", terms),
        "request": salted.commit("request", row.request),
        "requester": row.requester,
    }
    # Random numbers, which the coordinator's ledger names too: a ticket that nobody issued shows.
    queries = [ticket.query for ticket in rows]
    reveals = salted.seal(letter.key, owner=row.number)

    def write(tx: Tx) -> None:
        given = require_granted(tx.conn, row.number, row.requester, office).entry
        raced = store.count(tx.conn, row.number) + 1 != row.sequence
        if raced or store.nonce_is_used(tx.conn, row.nonce):
            raise _Raced
        store.add_manifest(tx.conn, row, rows)
        record(tx, "manifest.issued", {**fields, "given": given, "tickets": queries}, reveals)

    office.parts.writer.run(write)


def _reveals_aad(digest: str) -> list[bytes]:
    return [b"manifest-openings", digest.encode()]
