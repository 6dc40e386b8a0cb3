"""What an opening is about: the answers in order, their digest, and what holders are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.case.issued import Issued
from coordinator.case.state import TicketState
from coordinator.case.store import TicketRow
from hedui.v1 import common_pb2, holder_pb2
from model.documents.opening import OpeningPermit, Permit, RecheckPermit, answer_set_digest
from model.documents.signed import Signed
from model.federation import Federation
from model.opening import Holders, MismatchError, check_holders, check_recheck, check_split
from model.reasons import Reason
from runtime.documents import open_signed, reviewer_of
from runtime.errors import Refusal
from runtime.transport.wire import reveals_to_wire, signed_to_wire


@dataclass(frozen=True)
class AnswerSet:
    """Exactly one verified answer per answering department, in the manifest's order."""

    answering: tuple[str, ...]
    silent: tuple[str, ...]
    messages: tuple[common_pb2.SignedDocument, ...]
    digest: str


def answer_set(manifest: str, rows: Sequence[TicketRow]) -> AnswerSet:
    """Gather the stored answers; ``rows`` in the manifest's order."""
    there = [row for row in rows if row.state is TicketState.ANSWERED]
    bodies: list[bytes | None] = []
    messages = []
    for row in rows:
        if row.state is TicketState.ANSWERED:
            message = common_pb2.SignedDocument.FromString(row.answer)
            messages.append(message)
            bodies.append(message.body)
        else:
            bodies.append(None)
    return AnswerSet(
        answering=tuple(row.department for row in there),
        silent=tuple(row.department for row in rows if row.state is not TicketState.ANSWERED),
        messages=tuple(messages),
        digest=answer_set_digest(manifest, bodies),
    )


def check_permit(
    signed: Signed, issued: Issued, answers: AnswerSet, federation: Federation
) -> Permit:
    """Open a permit that is for exactly these answers. Raises Refusal(permit_mismatch).

    Its expiry is looked at when it is used, not here: an expired one still says who was named.
    """
    permit = open_signed(signed, Permit, federation.registrar)
    try:
        _check_about(permit, issued, answers)
        check_holders(issued.manifest, permit, Holders.of(federation))
    except MismatchError as error:
        raise Refusal(Reason.PERMIT_MISMATCH, str(error)) from None
    return permit


def check_recheck_permit(
    signed: Signed, first: Signed, issued: Issued, answers: AnswerSet, federation: Federation
) -> RecheckPermit:
    """Open a re-check permit that is for exactly what ``first`` opened. Raises Refusal.

    Args:
        first: The permit of this case's determination, which was checked when it came.
    """
    permit = open_signed(signed, RecheckPermit, federation.registrar)
    before = open_signed(first, Permit, federation.registrar)
    reviewer_of(permit, federation)
    holders = Holders.of(federation, reviewer=permit.reviewer)
    try:
        _check_about(permit, issued, answers)
        check_recheck(issued.manifest, permit, before, first.digest, holders)
    except MismatchError as error:
        raise Refusal(Reason.PERMIT_MISMATCH, str(error)) from None
    return permit


def _check_about(permit: OpeningPermit, issued: Issued, answers: AnswerSet) -> None:
    said = (permit.manifest, permit.answers, tuple(permit.answering))
    if said != (issued.digest, answers.digest, answers.answering):
        raise MismatchError("the permit is not for this manifest and these answers")
    check_split(issued.manifest, permit)


def context_message(
    issued: Issued, permit: Signed, answers: AnswerSet, first: Signed | None = None
) -> holder_pb2.OpeningContext:
    """What every holder checks for itself; with ``first``, for a re-check."""
    return holder_pb2.OpeningContext(
        manifest=signed_to_wire(issued.signed),
        permit=signed_to_wire(permit),
        reveals=reveals_to_wire(list(issued.reveals.values())),
        answers=answers.messages,
        first=None if first is None else signed_to_wire(first),
    )
