"""One round of asking: every department that has not answered, side by side, with stored ids.

Source: design.md 2.7.5.
The ledger says that a ticket is sent before it is. A department is asked again with the same
ticket, so that it gives the same answer; calls are never hedged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.asking.answers import check_answer
from coordinator.asking.revocations import Revocations
from coordinator.case import store
from coordinator.case.issued import Issued, check_renewed, expires_soon
from coordinator.case.journal import Arrived, Journal
from coordinator.case.state import Setback, TicketState, setbacks
from coordinator.settings import CoordinatorSettings
from hedui.v1 import common_pb2, node_pb2, registrar_pb2
from hedui.v1.node_pb2_grpc import QueryServiceStub
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.documents.query import Ticket
from model.documents.signed import Signed
from model.federation import Federation
from model.reasons import Reason
from runtime.clock import Clock
from runtime.documents import open_signed
from runtime.errors import Refusal
from runtime.transport.channel import Dialer, Pending
from runtime.transport.wire import reveals_to_wire, signed_from_wire, signed_to_wire


@dataclass(frozen=True)
class _Sent:
    row: store.TicketRow
    ticket: Ticket
    pending: Pending


class Asking:
    """Asks the departments of a case until each has answered or refused."""

    def __init__(
        self,
        *,
        journal: Journal,
        dialer: Dialer,
        federation: Federation,
        revocations: Revocations,
        settings: CoordinatorSettings,
        clock: Clock,
    ) -> None:
        self._journal: Final = journal
        self._dialer: Final = dialer
        self._federation: Final = federation
        self._key: Final = federation.joint_key.key.public
        self._revocations: Final = revocations
        self._settings: Final = settings
        self._clock: Final = clock

    def round(self, case_id: str, issued: Issued) -> None:
        """Ask whoever has not answered; return when all have.

        Raises Setback: final where a department refused for good, waiting otherwise.
        """
        rows = [r for r in self._journal.tickets(case_id) if r.state is not TicketState.ANSWERED]
        _raise_final(rows)
        # A department whose list cannot be had keeps the case waiting, as its answer would.
        lists = {row.department: self._revocations.current(row.department) for row in rows}
        faults: list[Setback] = []
        for sent in self._send(case_id, issued, rows, lists, faults):
            try:
                self._receive(case_id, sent)
            except Setback as fault:
                faults.append(fault)
                self._journal.not_answered(case_id, issued.digest, sent.row, fault)
        _raise_worst(faults)

    def _send(
        self,
        case_id: str,
        issued: Issued,
        rows: Sequence[store.TicketRow],
        lists: Mapping[str, Sequence[Signed]],
        faults: list[Setback],
    ) -> list[_Sent]:
        current = []
        for row in rows:
            try:
                current.append((row, *self._renew(case_id, row)))
            except Setback as fault:
                faults.append(fault)
                self._journal.not_answered(case_id, issued.digest, row, fault)
        self._journal.sending(case_id, issued.digest, [row for row, _, _ in current])
        self._dialer.prepare(self._process(row.department) for row, _, _ in current)
        return [
            _Sent(row, ticket, self._begin(issued, row.department, message, lists[row.department]))
            for row, ticket, message in current
        ]

    def _begin(
        self,
        issued: Issued,
        department: str,
        ticket: common_pb2.SignedDocument,
        revocations: Sequence[Signed],
    ) -> Pending:
        request = node_pb2.AnswerRequest(
            manifest=signed_to_wire(issued.signed),
            ticket=ticket,
            revocations=[signed_to_wire(page) for page in revocations],
            reveals=reveals_to_wire(list(issued.reveals.values())),
        )
        return self._dialer.begin(
            self._process(department),
            QueryServiceStub,
            "Answer",
            request,
            timeout_s=self._settings.call_timeout_s,
        )

    def _receive(self, case_id: str, sent: _Sent) -> None:
        """Verify and store one answer. Raises Setback."""
        who = sent.row.department
        with setbacks(who):
            reply = sent.pending.result()
        try:
            answer, signed, head = check_answer(
                reply, sent.ticket, federation=self._federation, key=self._key
            )
        except Refusal as bad:
            # The same ticket would get the same answer: asking again cannot mend it.
            raise Setback(bad.reason, waits=False, who=who) from None
        message = reply.answer.SerializeToString(deterministic=True)
        self._journal.answered(case_id, Arrived(answer, message, signed.digest, head))

    def _renew(
        self, case_id: str, row: store.TicketRow
    ) -> tuple[Ticket, common_pb2.SignedDocument]:
        """The row's ticket, renewed by the registrar where it would expire. Raises Setback."""
        message = common_pb2.SignedDocument.FromString(row.ticket)
        ticket = open_signed(signed_from_wire(message), Ticket, self._federation.registrar)
        now, margin_s = self._clock.now(), self._settings.ticket_margin_s
        if not expires_soon(ticket, now=now, margin_s=margin_s):
            return ticket, message
        registrar = self._federation.registrar.name
        request = registrar_pb2.RenewTicketRequest(ticket=message)
        timeout_s = self._settings.call_timeout_s
        with setbacks(registrar):
            reply = self._dialer.call(
                registrar, ManifestServiceStub, "RenewTicket", request, timeout_s=timeout_s
            )
        ticket = check_renewed(ticket, signed_from_wire(reply.ticket), self._federation)
        self._journal.renewed(
            case_id, row.department, reply.ticket.SerializeToString(deterministic=True)
        )
        return ticket, reply.ticket

    def _process(self, department: str) -> str:
        member = self._federation.department(department)
        if member is None:
            raise Refusal(Reason.MANIFEST_MISMATCH, f"no member serves {department}")
        return member.name


def _raise_final(rows: Sequence[store.TicketRow]) -> None:
    """A refusal that was stored before a restart still ends the case."""
    for row in rows:
        if row.state is TicketState.REFUSED:
            raise Setback(Reason(row.reason), waits=False, who=row.department)


def _raise_worst(faults: Sequence[Setback]) -> None:
    for fault in sorted(faults, key=lambda each: each.waits):
        raise fault
