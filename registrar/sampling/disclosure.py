"""Opening a drawn entry: everything a reviewer needs to judge it, sealed to this reviewer alone.

Source: design.md 4.13; docs/adr/0019-samples.md.
Trusts: the federation file for the reviewer's sealing key.
Learns: the reviewer, persons, letter, request, and pseudonyms of this household; nobody else.
Not protected: what a reviewer does with it. Every disclosure is ledgered, and so is every drawing.
"""

import hashlib

from crypto import oprf
from crypto.labels import Label
from crypto.sealing import SealingPublicKey
from model.disclosure import (
    DisclosedTicket,
    EntryDisclosure,
    Granted,
    RevealedField,
    SignedText,
    sample_parts,
    seal_disclosure,
)
from model.documents.query import Manifest, Ticket
from model.documents.sampling import SampleGrant
from model.documents.signed import Signed
from model.fields import format_time, parse_time
from model.pseudonym import oprf_input
from model.reasons import Reason
from registrar.authorizations import store as authorizations
from registrar.authorizations.vault import Letter, open_letter, unseal_signed
from registrar.manifests import store as manifests
from registrar.manifests.issuing import all_reveals
from registrar.office import Office, record
from registrar.sampling import store
from registrar.sampling.drawing import Issuance, find_issuance
from registrar.sampling.store import DrawnRow
from runtime.errors import Refusal
from runtime.storage.salting import unseal
from runtime.storage.store import policy_row, reveals_of
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller


def disclose_drawn(office: Office, sample: str, entry: int, caller: Caller) -> bytes:
    """Return one drawn entry, sealed to the caller; ledgered before. Raises Refusal."""
    drawn = _drawn(office, sample, entry, caller)
    issuance = find_issuance(office, entry)
    letter = open_letter(office, issuance.letter)
    opened, queries = _disclosure(office, issuance, letter)
    body = opened.encode().decode()
    grant = _grant(office, drawn, issuance, queries, body)
    _record(office, grant, issuance, caller)
    key = SealingPublicKey(bytes.fromhex(caller.member.seal_key))
    granted = Granted(grant=SignedText.of(grant), opened=body)
    return seal_disclosure(
        granted, key, Label.SAMPLE_SEAL, sample_parts(sample, entry, caller.name)
    )


def _drawn(office: Office, sample: str, entry: int, caller: Caller) -> DrawnRow:
    with office.parts.database.read() as conn:
        row = store.drawn(conn, sample, entry)
    if row is None or row.reviewer != caller.name:
        raise Refusal(Reason.SAMPLE_NOT_DRAWN)
    if office.parts.clock.now() >= parse_time(row.expires_at):
        raise Refusal(Reason.SAMPLE_EXPIRED)
    return row


def _disclosure(
    office: Office, issuance: Issuance, letter: Letter
) -> tuple[EntryDisclosure, list[str]]:
    row, key = issuance.manifest, letter.key
    with office.parts.database.read() as conn:
        tickets = manifests.tickets(conn, row.digest)
        policy = policy_row(conn, Manifest.decode(row.body).policy)
    if letter.confirmation is None or policy is None:
        raise Refusal(Reason.DATABASE_FAULT, "the check, or the policy, is not stored any more")
    counter = row.countersigned
    opened = EntryDisclosure(
        format="hedui-sample/1",
        letter=SignedText.of(letter.signed),
        check=SignedText.of(letter.confirmation),
        request=SignedText.of(unseal_signed(key, row.asked, "asked", row.digest)),
        countersigned=SignedText.of(unseal_signed(key, counter, "countersigned", row.digest))
        if counter
        else None,
        manifest=SignedText.of(Signed(row.body, row.signature, office.parts.name)),
        manifest_openings=[RevealedField.of(o) for o in all_reveals(letter, row)],
        issued_openings=_of_entry(office, letter, issuance.entry),
        given_openings=_of_entry(office, letter, issuance.given),
        tickets=[
            _ticket(office, letter, unseal_signed(key, t.sealed, "ticket", t.query))
            for t in tickets
        ],
        policy=policy.body.decode(),
    )
    return opened, [ticket.query for ticket in tickets]


def _of_entry(office: Office, letter: Letter, entry: int) -> list[RevealedField]:
    with office.parts.database.read() as conn:
        sealed = reveals_of(conn, entry)
    if sealed is None:
        raise Refusal(Reason.DATABASE_FAULT, f"the reveals of entry {entry} are not stored")
    return [RevealedField.of(reveal) for reveal in unseal(letter.key, sealed)]


def _ticket(office: Office, letter: Letter, signed: Signed) -> DisclosedTicket:
    """A ticket with the proof that its pseudonyms are the household's under the pinned key."""
    ticket = Ticket.decode(signed.body)
    key = office.keys.prf(ticket.department, ticket.epoch)
    inputs = [oprf_input(person) for person in letter.persons]
    evaluated, proof = oprf.prove_evaluation(key, inputs, rng=office.parts.rng)
    return DisclosedTicket(
        ticket=SignedText.of(signed), evaluated=[e.hex() for e in evaluated], proof=proof.hex()
    )


def _grant(
    office: Office, drawn: DrawnRow, issuance: Issuance, queries: list[str], body: str
) -> Signed:
    grant = SampleGrant(
        sample=drawn.sample,
        entry=drawn.entry,
        reviewer=drawn.reviewer,
        manifest=issuance.manifest.digest,
        queries=queries,
        opened=hashlib.sha256(body.encode()).hexdigest(),
        issued_at=format_time(office.parts.clock.now()),
        expires_at=drawn.expires_at,
    )
    return office.sign(grant)


def _record(office: Office, grant: Signed, issuance: Issuance, caller: Caller) -> None:
    said, salted = SampleGrant.decode(grant.body), office.salted()
    fields = {
        "sample": said.sample,
        "entry": said.entry,
        "manifest": said.manifest,
        "grant": grant.digest,
        "reviewer": salted.commit("reviewer", caller.name),
    }
    reveals = salted.seal(office.parts.kek)

    def write(tx: Tx) -> None:
        letter = authorizations.get(tx.conn, issuance.letter.number)
        if letter is None or letter.state == "erased":
            raise Refusal(Reason.AUTHORIZATION_ERASED)
        record(tx, "sample.opened", fields, reveals)

    office.parts.writer.run(write)
