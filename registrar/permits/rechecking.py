"""Re-check permits: once per case, after its determination is ledgered, before it ends.

Source: design.md 2.6.15; docs/adr/0016-re-check.md.
Trusts: the coordinator's pinned log key for what its ledger holds; of a forked log,
reconciliation learns by the head that is written down here.
Learns: that a case was determined, never how: the entry holds commitments alone.
"""

from dataclasses import dataclass
from datetime import timedelta

from crypto.errors import CryptoError
from crypto.labels import Label, digest
from crypto.sealing import AtRestKey
from crypto.signing import VerifyKey
from hedui.v1 import common_pb2
from ledger import checkpoint, merkle
from ledger import event as ledger_event
from ledger.checkpoint import Checkpoint, origin_of
from ledger.errors import NoteError
from ledger.event import Entry
from ledger.note import Verifier
from ledger.signer import Receipt, verify_receipt
from model.documents.opening import Permit, RecheckPermit, Skip
from model.documents.query import Manifest
from model.documents.signed import Signed
from model.federation import Federation, Process
from model.fields import format_time, parse_time
from model.reasons import Reason
from model.suite import SUITE
from registrar.authorizations.grants import require_granted
from registrar.manifests import permit_store
from registrar.manifests.issuing import open_manifest_letter
from registrar.manifests.permit_store import PermitRow
from registrar.manifests.store import ManifestRow
from registrar.office import Office, record
from registrar.permits.asking import Question, ask_holders
from registrar.permits.issuing import find_manifest
from runtime.documents import require_requester
from runtime.errors import Refusal
from runtime.storage.writer import Tx


@dataclass(frozen=True)
class Determined:
    """A proven ``case.determined`` of a coordinator's ledger; digests in hex."""

    requester: str
    """The coordinator whose ledger it is."""
    manifest: str
    permit: str
    leaf: str
    index: int
    head: Checkpoint


@dataclass(frozen=True)
class Recheck:
    """What a reviewer is given."""

    manifest: Signed
    first: Signed
    permit: Signed


def read_determined(receipt: common_pb2.LedgerReceipt, federation: Federation) -> Determined:
    """Verify that a determination stands in some coordinator's ledger. Raises Refusal."""
    try:
        entry = ledger_event.decode(receipt.leaf)
        leaf = merkle.leaf_hash(receipt.leaf)
        claim = Receipt(receipt.index, leaf, tuple(receipt.path), receipt.checkpoint)
        requester = _writer_of(receipt.checkpoint, federation)
        head = verify_receipt(claim, _log_of(requester, federation))
    except (CryptoError, NoteError):
        raise Refusal(Reason.PROOF_INVALID, "the ledger receipt does not verify") from None
    if entry.event != "case.determined":
        raise Refusal(Reason.CASE_NOT_DETERMINED, f"the entry is a {entry.event}")
    manifest, permit = _text(entry, "manifest"), _text(entry, "permit")
    return Determined(requester.name, manifest, permit, leaf.hex(), receipt.index, head)


def issue_recheck(office: Office, determined: Determined, reviewer: str) -> Recheck:
    """Return the re-check permit of a case; the same question gets the same. Raises Refusal."""
    row = find_manifest(office, determined.manifest)
    # What another coordinator determines of this manifest is nothing: its ledger is its own.
    require_requester(row.requester, determined.requester, office.federation)
    key = open_manifest_letter(office, row).key
    first = _first(office, determined)
    question = _question(determined, reviewer)
    manifest, signed = Manifest.decode(row.body), Signed(row.body, row.signature, office.parts.name)
    with office.parts.database.read() as conn:
        there = permit_store.get(conn, row.digest, "re-check")
    if there is not None:
        return Recheck(signed, first, _same(office, there, question))
    if office.parts.clock.now() >= parse_time(manifest.expires_at):
        raise Refusal(Reason.MANIFEST_EXPIRED)
    before = Permit.decode(first.body)
    asked = Question(signed, manifest, "re-check", before.answers, before, reviewer)
    holders, skips = ask_holders(office, asked)
    permit = _permit(office, before, first.digest, determined, reviewer, holders, skips)
    return Recheck(signed, first, _store(office, row, key, permit, determined, question))


def _writer_of(note: bytes, federation: Federation) -> Process:
    """The coordinator whose log a checkpoint, not verified yet, claims to be of."""
    origin = checkpoint.unverified(note)[0].origin
    for requester in federation.requesters:
        if origin_of(federation.name, requester.name) == origin:
            return requester
    raise Refusal(Reason.PROOF_INVALID, "the receipt is of no coordinator's ledger")


def _log_of(requester: Process, federation: Federation) -> Verifier:
    key = VerifyKey(bytes.fromhex(requester.verify_key))
    return Verifier(origin_of(federation.name, requester.name), key)


def _text(entry: Entry, field: str) -> str:
    value = entry.fields.get(field)
    return value if isinstance(value, str) else ""


def _first(office: Office, determined: Determined) -> Signed:
    """The permit under which the determination was drawn: exactly the one signed here."""
    with office.parts.database.read() as conn:
        row = permit_store.get(conn, determined.manifest, "rules")
    signed = None if row is None else Signed(row.body, row.signature, office.parts.name)
    if signed is None or signed.digest != determined.permit:
        raise Refusal(
            Reason.PERMIT_MISMATCH, "the determination is not under the permit of its manifest"
        )
    return signed


def _question(determined: Determined, reviewer: str) -> str:
    return digest(Label.RECHECK_PERMIT, bytes.fromhex(determined.leaf), reviewer.encode()).hex()


def _same(office: Office, row: PermitRow, question: str) -> Signed:
    if row.question != question:
        raise Refusal(Reason.PERMIT_SECOND, "this case has already had its re-check")
    return Signed(row.body, row.signature, office.parts.name)


def _permit(
    office: Office,
    first: Permit,
    first_digest: str,
    determined: Determined,
    reviewer: str,
    holders: list[str],
    skips: list[Skip],
) -> RecheckPermit:
    now = office.parts.clock.now()
    return RecheckPermit(
        suite=SUITE,
        permit=office.parts.rng(16).hex(),
        manifest=first.manifest,
        requester=first.requester,
        kind="re-check",
        answers=first.answers,
        answering=first.answering,
        silent=first.silent,
        holders=holders,
        skips=skips,
        issued_at=format_time(now),
        expires_at=format_time(now + timedelta(seconds=office.limits.permit_life_s)),
        first=first_digest,
        determined=determined.leaf,
        reviewer=reviewer,
    )


def _store(
    office: Office,
    row: ManifestRow,
    key: AtRestKey,
    permit: RecheckPermit,
    determined: Determined,
    question: str,
) -> Signed:
    signed, salted = office.sign(permit), office.salted()
    requester = office.requester_name(row.requester)
    stored = PermitRow(row.digest, permit.kind, question, signed.body, signed.signature)
    fields = {
        "permit": signed.digest,
        "manifest": row.digest,
        "first": permit.first,
        "holders": list(permit.holders),
        "skipped": [f"{skip.holder}:{skip.reason}" for skip in permit.skips],
        "reviewer": salted.commit("reviewer", permit.reviewer),
        # Reconciliation looks there, and finds a log that was shown differently to us.
        "entry": determined.index,
        **determined.head.fields(),
        "requester": requester,
    }
    reveals = salted.seal(key, owner=row.number)

    def write(tx: Tx) -> Signed:
        # The holders took their time: the application may have ended meanwhile.
        require_granted(tx.conn, row.number, requester, office)
        there = permit_store.get(tx.conn, row.digest, permit.kind)
        if there is not None:
            return _same(office, there, question)
        permit_store.add(tx.conn, stored)
        record(tx, "recheck.issued", fields, reveals)
        return signed

    return office.parts.writer.run(write)
