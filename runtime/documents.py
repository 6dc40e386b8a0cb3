"""Signed documents as they arrive: verified under the pinned key, parsed, or refused.

Every process uses this, so that a signature is checked in one way. Each function raises
``Refusal`` with the reason that the caller is told.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from crypto import knowledge, paillier
from crypto.errors import CryptoError, ProofError, SignatureError
from crypto.signing import VerifyKey
from model.documents.opening import OpeningPermit, Permit, RecheckPermit
from model.documents.query import Answer, Manifest
from model.documents.signed import Document, DocumentError, Signed
from model.federation import Federation, Member
from model.fields import parse_time
from model.opening import answer_context
from model.policy.parsing import Policy
from model.reasons import Reason
from model.roles import Role
from runtime.errors import Refusal

D = TypeVar("D", bound=Document)

PolicyLookup = Callable[[str], Policy]
"""An approved policy by its digest (hex); raises Refusal(policy_unknown)."""


def open_answer(signed: Signed, department: str, manifest: str, federation: Federation) -> Answer:
    """Verify one answer under its department's pinned key. Raises Refusal."""
    node = federation.department(department)
    if node is None:
        raise Refusal(Reason.ANSWER_SET_INVALID, f"no member serves {department}")
    answer = open_signed(signed, Answer, node)
    if answer.department != department or answer.manifest != manifest:
        raise Refusal(Reason.ANSWER_SET_INVALID, "an answer stands in another's place")
    return answer


def check_ciphertext(
    answer: Answer, department: str, manifest: str, key: paillier.PublicKey
) -> int:
    """Check ciphertext and proof of one answer; return the ciphertext. Raises Refusal."""
    try:
        ciphertext = paillier.decode_ciphertext(key, bytes.fromhex(answer.ciphertext))
        context = answer_context(manifest, department)
        knowledge.verify(key, ciphertext, bytes.fromhex(answer.proof), context=context)
    except CryptoError as error:
        raise refuse_proof(department, error) from None
    return ciphertext


def refuse_proof(whose: str, error: CryptoError) -> Refusal:
    """The refusal of a ciphertext or proof that was not taken."""
    if isinstance(error, ProofError):
        return Refusal(Reason.PROOF_INVALID, f"{whose}: the proof does not verify")
    return Refusal(Reason.ANSWER_SET_INVALID, f"{whose}: {error}")


def open_signed(signed: Signed, kind: type[D], signer: Member) -> D:
    """Verify a document under the key of the process that alone may sign it. Raises Refusal."""
    if signed.signer != signer.name:
        raise Refusal(Reason.SIGNATURE_INVALID, f"{kind.__name__}: signed by another member")
    try:
        return signed.open(kind, VerifyKey(bytes.fromhex(signer.verify_key)))
    except SignatureError:
        raise Refusal(Reason.SIGNATURE_INVALID, f"{kind.__name__}: bad signature") from None
    except DocumentError as error:
        raise Refusal(Reason.MALFORMED, str(error)) from None


def open_manifest(signed: Signed, federation: Federation, now: datetime) -> Manifest:
    """Verify and parse a manifest. Raises Refusal."""
    manifest = open_signed(signed, Manifest, federation.registrar)
    if manifest.federation != federation.digest:
        raise Refusal(Reason.MANIFEST_MISMATCH, "the manifest is of another federation file")
    if now >= parse_time(manifest.expires_at):
        raise Refusal(Reason.MANIFEST_EXPIRED)
    return manifest


def open_permit(signed: Signed, manifest: Signed, federation: Federation, now: datetime) -> Permit:
    """Verify and parse a permit of this manifest. Raises Refusal."""
    permit = open_signed(signed, Permit, federation.registrar)
    _check_permit(permit, manifest, now)
    return permit


def open_recheck(
    signed: Signed, manifest: Signed, federation: Federation, now: datetime
) -> RecheckPermit:
    """Verify and parse a re-check permit of this manifest, for a reviewer. Raises Refusal."""
    permit = open_signed(signed, RecheckPermit, federation.registrar)
    _check_permit(permit, manifest, now)
    reviewer_of(permit, federation)
    return permit


def open_first_permit(signed: Signed, federation: Federation) -> Permit:
    """The permit that a re-check names; it may have expired since. Raises Refusal."""
    return open_signed(signed, Permit, federation.registrar)


def reviewer_of(permit: RecheckPermit, federation: Federation) -> Member:
    """The reviewer who alone can read what comes out. Raises Refusal(permit_mismatch)."""
    member = federation.member(permit.reviewer)
    if member is None or member.role is not Role.REVIEWER:
        raise Refusal(Reason.PERMIT_MISMATCH, "the re-check is for nobody who is a reviewer")
    return member


def _check_permit(permit: OpeningPermit, manifest: Signed, now: datetime) -> None:
    if permit.manifest != manifest.digest:
        raise Refusal(Reason.PERMIT_MISMATCH, "the permit is for another manifest")
    if now >= parse_time(permit.expires_at):
        raise Refusal(Reason.PERMIT_EXPIRED)
