"""What an opening is about: the answers in order, their digest, and what holders are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.asking.issued import Issued
from coordinator.cases.state import TicketState
from coordinator.cases.store import TicketRow
from hedui.v1 import common_pb2, holder_pb2
from model.documents.opening import Permit, answer_set_digest
from model.documents.signed import Signed
from model.federation import Federation
from model.opening import MismatchError, check_holders, check_split
from model.reasons import Reason
from runtime.documents import open_signed
from runtime.errors import Refusal
from runtime.wire import openings_to_wire, signed_to_wire

KIND = "rules"


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
    said = (permit.manifest, permit.kind, permit.answers, tuple(permit.answering))
    if said != (issued.digest, KIND, answers.digest, answers.answering):
        raise Refusal(Reason.PERMIT_MISMATCH)
    try:
        check_split(issued.manifest, permit)
        names = [holder.name for holder in federation.holders]
        check_holders(issued.manifest, permit, names, federation.joint_key.threshold)
    except MismatchError as error:
        raise Refusal(Reason.PERMIT_MISMATCH, str(error)) from None
    return permit


def context_message(
    issued: Issued, permit: Signed, answers: AnswerSet
) -> holder_pb2.OpeningContext:
    """What every holder checks for itself."""
    return holder_pb2.OpeningContext(
        manifest=signed_to_wire(issued.signed),
        permit=signed_to_wire(permit),
        openings=openings_to_wire(list(issued.openings.values())),
        answers=answers.messages,
    )
