"""One permit per manifest and kind: never a second with other contents, none after revocation.

Source: design.md 2.6.6, 2.6.18.
"""

from collections.abc import Sequence
from datetime import timedelta

from crypto import jcs
from crypto.labels import Label, digest
from model.documents.opening import Permit, Skip
from model.documents.query import Manifest
from model.documents.signed import Signed
from model.fields import format_time, parse_time
from model.policy import InputError, compile_policy, require_minimum
from model.reasons import Reason
from model.suite import SUITE
from registrar.authorizations.grants import require_granted
from registrar.manifests import permit_store
from registrar.manifests import store as manifests
from registrar.manifests.issuing import open_manifest_letter, shown_reveals
from registrar.manifests.store import ManifestRow
from registrar.office import Office, record
from registrar.permits.asking import Question, ask_holders
from runtime.errors import Refusal
from runtime.storage.writer import Tx


def find_manifest(office: Office, manifest: str) -> ManifestRow:
    """The row of a manifest by digest, hex. Raises Refusal(manifest_unknown)."""
    with office.parts.database.read() as conn:
        row = manifests.manifest(conn, manifest)
    if row is None:
        raise Refusal(Reason.MANIFEST_UNKNOWN)
    return row


def issue_permit(office: Office, row: ManifestRow, answers: str, silent: Sequence[str]) -> Signed:
    """Return the permit of a manifest; the same question gets the same. Raises Refusal."""
    letter = open_manifest_letter(office, row)
    manifest = Manifest.decode(row.body)
    silent = _in_order(manifest, silent)
    question = _question_digest(answers, silent)
    stored = _stored(office, row.digest, question)
    if stored is not None:
        return stored
    if office.parts.clock.now() >= parse_time(manifest.expires_at):
        raise Refusal(Reason.MANIFEST_EXPIRED)
    answering = _answering(manifest, silent)
    programmes = {o.field: o.value for o in shown_reveals(letter, row)}["programmes"]
    _check_minimum(office, manifest, programmes, answering)
    signed_manifest = Signed(row.body, row.signature, office.parts.name)
    holders, skips = ask_holders(office, Question(signed_manifest, manifest, "rules", answers))
    permit = _permit(office, row, answers, answering, silent, holders, skips)
    return _store(office, row, permit, question)


def _question_digest(answers: str, silent: Sequence[str]) -> str:
    return digest(Label.PERMIT, bytes.fromhex(answers), jcs.encode(list(silent))).hex()


def _stored(office: Office, manifest: str, question: str) -> Signed | None:
    with office.parts.database.read() as conn:
        row = permit_store.get(conn, manifest, "rules")
    return None if row is None else _same(office, row, question)


def _same(office: Office, row: permit_store.PermitRow, question: str) -> Signed:
    if row.question != question:
        raise Refusal(Reason.PERMIT_SECOND)
    return Signed(row.body, row.signature, office.parts.name)


def _in_order(manifest: Manifest, silent: Sequence[str]) -> list[str]:
    """Silent departments in the manifest's order. Raises Refusal(answer_set_invalid)."""
    if len(set(silent)) != len(silent) or not set(silent) <= set(manifest.departments):
        raise Refusal(
            Reason.ANSWER_SET_INVALID, "a silent department is repeated or not of this manifest"
        )
    return [d for d in manifest.departments if d in silent]


def _answering(manifest: Manifest, silent: Sequence[str]) -> list[str]:
    # Calling a department silent isolates the others. It takes officer, checker and a waiting
    # time (closing as incomplete); until a request can carry these, nobody is called silent.
    if silent:
        raise Refusal(
            Reason.TOO_FEW_DEPARTMENTS, "every department of the manifest has to answer first"
        )
    return list(manifest.departments)


def _check_minimum(
    office: Office, manifest: Manifest, programmes: object, answering: Sequence[str]
) -> None:
    policy = office.policies.approved(manifest.policy)
    if not isinstance(programmes, list):
        raise Refusal(Reason.MANIFEST_MISMATCH)
    try:
        require_minimum(compile_policy(policy, programmes), answering)
    except InputError as error:
        raise Refusal(Reason.TOO_FEW_DEPARTMENTS, str(error)) from None


def _permit(
    office: Office,
    row: ManifestRow,
    answers: str,
    answering: list[str],
    silent: Sequence[str],
    holders: list[str],
    skips: list[Skip],
) -> Permit:
    now = office.parts.clock.now()
    return Permit(
        suite=SUITE,
        permit=office.parts.rng(16).hex(),
        manifest=row.digest,
        requester=Manifest.decode(row.body).requester,
        kind="rules",
        answers=answers,
        answering=answering,
        silent=list(silent),
        holders=holders,
        skips=skips,
        issued_at=format_time(now),
        expires_at=format_time(now + timedelta(seconds=office.limits.permit_life_s)),
    )


def _store(office: Office, row: ManifestRow, permit: Permit, question: str) -> Signed:
    signed = office.sign(permit)
    requester = office.requester_name(row.requester)
    stored = permit_store.PermitRow(
        row.digest, permit.kind, question, signed.body, signed.signature
    )
    fields = {
        "permit": signed.digest,
        "manifest": row.digest,
        "answers": permit.answers,
        "holders": list(permit.holders),
        # Reconciliation alarms where one of these had answered.
        "silent": list(permit.silent),
        "skipped": [f"{skip.holder}:{skip.reason}" for skip in permit.skips],
        "requester": requester,
    }

    def write(tx: Tx) -> Signed:
        # The holders took their time: the letter may have been withdrawn meanwhile.
        require_granted(tx.conn, row.number, requester, office)
        there = permit_store.get(tx.conn, row.digest, permit.kind)
        if there is not None:
            return _same(office, there, question)
        permit_store.add(tx.conn, stored)
        record(tx, "permit.issued", fields)
        return signed

    return office.parts.writer.run(write)
