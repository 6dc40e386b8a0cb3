"""The registrar's own round of the holders: who will take part, in the order that is fixed.

Source: design.md 2.6.7.
Trusts: nobody's word but a holder's signature. The coordinator has no say in who takes part.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hedui.v1 import holder_pb2, holder_pb2_grpc
from model.documents.opening import (
    Acceptance,
    HolderRole,
    Kind,
    OpeningPermit,
    Skip,
    holder_order,
    in_roles,
    recheck_order,
)
from model.documents.query import Manifest
from model.documents.signed import Signed
from model.opening import another_pair
from model.reasons import Reason
from registrar.office import Office
from runtime.documents import open_signed
from runtime.errors import (
    CallError,
    Refusal,
    SettingsError,
)
from runtime.failed_calls import judge
from runtime.transport.guard import current_call
from runtime.transport.wire import signed_from_wire, signed_to_wire


@dataclass(frozen=True)
class Question:
    """What is to be opened; ``answers`` is the digest of the answer set, hex.

    ``first`` is the permit that a re-check repeats, ``reviewer`` who alone reads what comes out.
    """

    signed: Signed
    manifest: Manifest
    kind: Kind
    answers: str
    first: OpeningPermit | None = None
    reviewer: str = ""


def ask_holders(office: Office, question: Question) -> tuple[list[str], list[Skip]]:
    """Return the t holders who accepted, masker first, and those skipped before the last.

    Raises Refusal(holders_unavailable) where fewer than t accept, or of a re-check no other pair.
    """
    accepted: list[str] = []
    skips: list[Skip] = []
    wanted = office.federation.joint_key.threshold
    beside = office.federation.holders_beside(question.reviewer)
    for holder in order_of(office, question):
        if len(accepted) == wanted:
            break
        _require_another_pair(question, [*accepted, holder], skips)
        role = _role(accepted, holder, beside)
        reason = _ask(office, question, holder, role)
        if reason is None:
            accepted.append(holder)
        else:
            skips.append(Skip(holder=holder, reason=str(reason)))
    if len(accepted) < wanted:
        raise Refusal(Reason.HOLDERS_UNAVAILABLE, _explain(wanted, accepted, skips))
    return in_roles(accepted, beside), skips


def _role(accepted: Sequence[str], holder: str, beside: Collection[str]) -> HolderRole:
    """What the next holder is asked to be; as ``in_roles`` will have it."""
    if len(accepted) >= 2:
        return "sharer"
    masks = holder not in beside if not accepted else accepted[0] in beside
    return "masker" if masks else "evaluator"


def order_of(office: Office, question: Question) -> list[str]:
    """All holders in the order that the manifest fixes; of a re-check, the first pair last."""
    names = [holder.name for holder in office.federation.holders]
    order = holder_order(question.manifest.nonce, office.federation.digest, names)
    return order if question.first is None else recheck_order(order, question.first)


def _require_another_pair(
    question: Question, holders: Sequence[str], skips: Sequence[Skip]
) -> None:
    # Before the last is asked: who accepts in vain would ledger what never comes.
    if question.first is None or len(holders) != 2 or another_pair(holders, question.first):
        return
    raise Refusal(
        Reason.HOLDERS_UNAVAILABLE,
        "a re-check needs another masker or evaluator than the first opening, and no further key "
        f"holder accepts; skipped: {_skipped(skips) or 'none, there are no others'}",
    )


def _ask(office: Office, question: Question, holder: str, role: HolderRole) -> Reason | None:
    """None if the holder accepts, else why it is skipped."""
    request = holder_pb2.AcceptRequest(
        manifest=signed_to_wire(question.signed),
        kind=question.kind,
        answers=bytes.fromhex(question.answers),
        role=role,
    )
    timeout_s = min(float(office.limits.accept_timeout_s), current_call().time_left_s())
    if timeout_s <= 0:
        raise Refusal(Reason.DEADLINE)
    try:
        reply = office.parts.dialer.call(
            holder, holder_pb2_grpc.HolderServiceStub, "Accept", request, timeout_s=timeout_s
        )
        _check_acceptance(office, question, holder, role, signed_from_wire(reply.acceptance))
    except Refusal as refusal:
        return refusal.reason
    except (CallError, SettingsError) as error:
        return judge(error).reason
    return None


def _check_acceptance(
    office: Office, question: Question, holder: str, role: HolderRole, signed: Signed
) -> None:
    acceptance = open_signed(signed, Acceptance, office.parts.dialer.peer(holder))
    expected = Acceptance(
        holder=holder,
        role=role,
        manifest=question.signed.digest,
        kind=question.kind,
        answers=question.answers,
    )
    if acceptance != expected:
        raise Refusal(Reason.MESSAGE_INVALID)


def _explain(wanted: int, accepted: Sequence[str], skips: Sequence[Skip]) -> str:
    count = len(accepted)
    return f"{wanted} key holders are needed and {count} accept; skipped: {_skipped(skips)}"


def _skipped(skips: Sequence[Skip]) -> str:
    return ", ".join(f"{skip.holder} ({skip.reason})" for skip in skips)
