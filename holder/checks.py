"""What a key holder checks for itself before it takes part in an opening.

Source: design.md 2.6.9, 2.6.10. Nothing is believed because the coordinator relays it: every
document is verified under the key that the federation file pins, and limits follow from approved
policy and manifest alone.
Trusts: the federation file, the registrar's signature, the policy that its own admin approved.
Learns: that a case is opened, household size, reference date, region, programmes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crypto.commit import Reveal
from model.documents.opening import OpeningPermit, answer_set_digest
from model.documents.query import Manifest
from model.documents.signed import Signed
from model.federation import Federation
from model.opening import (
    CaseTerms,
    Holders,
    MismatchError,
    case_terms,
    check_holders,
    check_recheck,
    check_split,
)
from model.policy.compiling import require_minimum
from model.policy.errors import InputError
from model.reasons import Reason
from runtime.documents import (
    PolicyLookup,
    check_ciphertext,
    open_answer,
    open_first_permit,
    open_manifest,
    open_permit,
    open_recheck,
    require_requester,
)
from runtime.errors import Refusal


@dataclass(frozen=True)
class Shown:
    """What the relay of an opening shows; nothing in it has been checked."""

    manifest: Signed
    permit: Signed
    first: Signed | None
    """For a re-check alone: the permit of the determination. Whether it is there decides which
    kind of permit is expected, and under which label it must be signed."""
    reveals: Mapping[str, Reveal]
    answers: Sequence[Signed]


@dataclass(frozen=True)
class Context:
    """An opening that has been checked."""

    manifest: Manifest
    manifest_digest: str
    permit: OpeningPermit
    permit_digest: str
    recipient: str
    """Who alone can read what comes out: the requester; of a re-check, its reviewer."""
    requester: str
    """The manifest's coordinator, which alone may relay."""
    first: str
    """Of a re-check: digest of the permit that it repeats; else empty."""
    terms: CaseTerms
    answers: tuple[int, ...]
    """Ciphertexts, one per answering department, in the manifest's order."""


def check_context(
    shown: Shown, *, policy_of: PolicyLookup, federation: Federation, now: datetime, caller: str
) -> Context:
    """Check everything that design.md 2.6.10 asks of a holder. Raises Refusal with its reason.

    Args:
        caller: The process that relays, by its certificate: the manifest's requester alone may.
    """
    manifest, permit, first = shown.manifest, shown.permit, shown.first
    claims = open_manifest(manifest, federation, now)
    requester = require_requester(claims.requester, caller, federation)
    policy = policy_of(claims.policy)
    try:
        terms = case_terms(claims, shown.reveals, policy)
        allowed, reviewer = _allowed(claims, shown, federation, now)
        check_split(claims, allowed)
    except MismatchError as error:
        raise Refusal(Reason.PERMIT_MISMATCH, str(error)) from None
    try:
        require_minimum(terms.layout, allowed.answering)
    except InputError as error:
        raise Refusal(Reason.TOO_FEW_DEPARTMENTS, str(error)) from None
    ciphertexts = check_answers(claims, manifest.digest, allowed, shown.answers, federation)
    return Context(
        manifest=claims,
        manifest_digest=manifest.digest,
        permit=allowed,
        permit_digest=permit.digest,
        recipient=reviewer or requester.name,
        requester=requester.name,
        first=first.digest if first is not None else "",
        terms=terms,
        answers=ciphertexts,
    )


def _allowed(
    claims: Manifest, shown: Shown, federation: Federation, now: datetime
) -> tuple[OpeningPermit, str]:
    """The permit, its holders being those that its kind demands; and a re-check's reviewer."""
    if shown.first is None:
        allowed = open_permit(shown.permit, shown.manifest, federation, now)
        check_holders(claims, allowed, Holders.of(federation))
        return allowed, ""
    again = open_recheck(shown.permit, shown.manifest, federation, now)
    before = open_first_permit(shown.first, federation)
    holders = Holders.of(federation, reviewer=again.reviewer)
    check_recheck(claims, again, before, shown.first.digest, holders)
    return again, again.reviewer


def check_answers(
    manifest: Manifest,
    manifest_digest: str,
    permit: OpeningPermit,
    answers: Sequence[Signed],
    federation: Federation,
) -> tuple[int, ...]:
    """Exactly one sound answer per answering department, and the digest that the permit names."""
    if len(answers) != len(permit.answering):
        raise Refusal(Reason.ANSWER_SET_INVALID, "not one answer per answering department")
    bodies: dict[str, bytes] = {}
    key = federation.joint_key.key.public
    found = []
    for department, signed in zip(permit.answering, answers, strict=True):
        answer = open_answer(signed, department, manifest_digest, federation)
        found.append(check_ciphertext(answer, department, manifest_digest, key))
        bodies[department] = signed.body
    ordered = [bodies.get(d) for d in manifest.departments]
    if answer_set_digest(manifest_digest, ordered) != permit.answers:
        raise Refusal(Reason.ANSWER_SET_INVALID, "the answers are not those of the permit")
    return tuple(found)
