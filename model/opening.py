"""What follows from manifest, reveals and policy: everything an opening's parties must agree on.

Pure. Node, key holders, registrar and coordinator all call this, so that a manifest means the
same to each of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto.commit import Reveal, verify_reveal
from crypto.errors import ProofError
from crypto.labels import Label, join
from model.documents.opening import (
    OpeningPermit,
    Permit,
    RecheckPermit,
    holder_order,
    in_roles,
    recheck_order,
)
from model.documents.query import Manifest
from model.federation import Federation
from model.policy.compiling import Inputs, Layout, check_inputs, compile_policy
from model.policy.errors import InputError
from model.policy.parsing import Policy

REVEALED_FIELDS = ("members", "reference_date", "region", "programmes")
"""What nodes, key holders and the coordinator are shown of the household."""


class MismatchError(ValueError):
    """Documents that do not belong together; the message names the field, never its value."""


@dataclass(frozen=True)
class CaseTerms:
    """The plain inputs of one manifest, checked, and the layout that follows from them."""

    layout: Layout
    inputs: Inputs
    programmes: tuple[str, ...]
    region: str


def case_terms(manifest: Manifest, reveals: Mapping[str, Reveal], policy: Policy) -> CaseTerms:
    """Check the reveals against the manifest and derive the layout.

    Args:
        manifest: Its signature is verified already.
        reveals: By field; exactly ``REVEALED_FIELDS``.
        policy: The policy whose digest the manifest names.

    Raises:
        MismatchError: a reveal is missing, superfluous or wrong, or policy and manifest differ.
    """
    values = _open(manifest, reveals)
    try:
        inputs = Inputs(values["members"], date.fromisoformat(values["reference_date"]))
        layout = compile_policy(policy, values["programmes"])
        check_inputs(policy, inputs)
    except (InputError, TypeError, ValueError) as error:
        raise MismatchError(f"the reveals do not fit the policy: {error}") from None
    if tuple(manifest.departments) != layout.departments:
        raise MismatchError("the manifest's departments are not those of the policy")
    return CaseTerms(layout, inputs, tuple(values["programmes"]), str(values["region"]))


def answer_context(manifest: str, department: str, kind: str = "rules") -> bytes:
    """What an answer's proof of plaintext knowledge is bound to; ``manifest`` is a hex digest."""
    return join(Label.ANSWER, (kind.encode(), bytes.fromhex(manifest), department.encode()))


def mask_context(permit: str, holder: str, kind: str = "rules") -> bytes:
    """What a mask's proof of plaintext knowledge is bound to; ``permit`` is a hex digest."""
    return join(Label.PERMIT, (kind.encode(), bytes.fromhex(permit), holder.encode()))


def share_context(permit: str, holder: str) -> bytes:
    """What a share's proof is bound to; ``permit`` is a hex digest."""
    return join(Label.PERMIT, (b"share", bytes.fromhex(permit), holder.encode()))


def _open(manifest: Manifest, reveals: Mapping[str, Reveal]) -> dict[str, Any]:
    if set(reveals) != set(REVEALED_FIELDS):
        raise MismatchError(f"reveals must be exactly {', '.join(REVEALED_FIELDS)}")
    for field in REVEALED_FIELDS:
        commitment = bytes.fromhex(getattr(manifest.commitments, field))
        try:
            verify_reveal(commitment, reveals[field])
        except ProofError as error:
            raise MismatchError(str(error)) from None
    return {field: reveals[field].value for field in REVEALED_FIELDS}


def check_split(manifest: Manifest, permit: OpeningPermit) -> None:
    """Raise MismatchError unless answering and silent are, in order, the manifest's departments."""
    answering, silent = set(permit.answering), set(permit.silent)
    if len(answering) != len(permit.answering) or len(silent) != len(permit.silent):
        raise MismatchError("a department stands twice in the permit")
    if answering & silent or answering | silent != set(manifest.departments):
        raise MismatchError("answering and silent are not together the manifest's departments")
    if permit.answering != [d for d in manifest.departments if d in answering]:
        raise MismatchError("the answering departments are not in the manifest's order")


@dataclass(frozen=True)
class Holders:
    """The federation's key holders."""

    names: Sequence[str]
    threshold: int
    """t; so many holders stand in a permit."""
    beside: Collection[str] = ()
    """Of a re-check: those in the reviewer's own organisation; they never mask."""

    @classmethod
    def of(cls, federation: Federation, *, reviewer: str = "") -> "Holders":
        """Those of this federation; of a re-check, as its reviewer has them."""
        beside = federation.holders_beside(reviewer) if reviewer else ()
        names = [holder.name for holder in federation.holders]
        return cls(names, federation.joint_key.threshold, beside)


def check_holders(manifest: Manifest, permit: Permit, holders: Holders) -> None:
    """Raise MismatchError unless the permit's holders follow the manifest's order of holders."""
    order = holder_order(manifest.nonce, manifest.federation, holders.names)
    _check_order(permit, order, holders.threshold)


def check_recheck(
    manifest: Manifest,
    permit: RecheckPermit,
    first: Permit,
    first_digest: str,
    holders: Holders,
) -> None:
    """Raise MismatchError unless ``permit`` opens what ``first`` opened, by another pair.

    Args:
        first: The permit of the determination; its signature is verified already.
        first_digest: Of its body, hex.
    """
    check_holders(manifest, first, holders)
    if permit.first != first_digest or _opens(permit) != _opens(first):
        raise MismatchError("the re-check is not of what the first permit opened")
    order = holder_order(manifest.nonce, manifest.federation, holders.names)
    _check_order(permit, recheck_order(order, first), holders.threshold, holders.beside)
    if not another_pair(permit.holders, first):
        raise MismatchError("masker and evaluator of the re-check are those of the first opening")


def another_pair(holders: Sequence[str], first: OpeningPermit) -> bool:
    """Whether the first two of ``holders`` are not, in either order, the first permit's."""
    return set(holders[:2]) != set(first.holders[:2])


def _opens(permit: OpeningPermit) -> tuple[object, ...]:
    return (permit.manifest, permit.answers, permit.answering, permit.silent)


def _check_order(
    permit: OpeningPermit, order: Sequence[str], threshold: int, beside: Collection[str] = ()
) -> None:
    skipped = {skip.holder for skip in permit.skips}
    expected = [h for h in order if h not in skipped][:threshold]
    if len(expected) != threshold or permit.holders != in_roles(expected, beside):
        raise MismatchError("masker, evaluator and skips do not follow the order of holders")
