"""The opening that a determination rests on: its permit, the relay, and in the end the bits.

Source: design.md 2.6.6. The permit names the holders and is never asked for again with other
contents.
Learns: the bits, flips XOR results; both are sealed to the coordinator alone.
"""

from typing import Final

from coordinator.case.issued import Issued
from coordinator.case.journal import Journal
from coordinator.case.state import Setback, setbacks
from coordinator.case.store import CaseRow
from coordinator.opening import context
from coordinator.opening.context import AnswerSet
from coordinator.opening.relay import Output, Relay, Run
from coordinator.settings import CoordinatorSettings
from crypto.errors import InvalidKey
from crypto.sealing import SealingKey
from hedui.v1 import common_pb2, registrar_pb2
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from holder.bits import Outcome, Recipient, read_bits
from model.documents.opening import Permit
from model.documents.signed import Signed
from model.federation import Federation
from runtime.errors import Refusal
from runtime.site.identity import Identity
from runtime.transport.channel import Dialer
from runtime.transport.wire import signed_from_wire


class Opening:
    """Takes a case from its answers to its bits."""

    def __init__(
        self,
        *,
        journal: Journal,
        relay: Relay,
        dialer: Dialer,
        federation: Federation,
        identity: Identity,
        settings: CoordinatorSettings,
    ) -> None:
        if identity.seal_key is None:
            raise InvalidKey("the coordinator has no sealing key")
        self._journal: Final = journal
        self._relay: Final = relay
        self._dialer: Final = dialer
        self._federation: Final = federation
        self._name: Final = identity.name
        self._seal_key: Final[SealingKey] = identity.seal_key
        self._settings: Final = settings

    def open(self, case: CaseRow, issued: Issued) -> tuple[Permit, str, list[int]]:
        """Return the permit, its digest, and the bits in slot order.

        Raises OpeningFailed, naming the holder; or Setback: the registrar refuses, or somebody
        cannot be reached and the permit lasts.
        """
        answers = context.answer_set(issued.digest, self._journal.tickets(case.case_id))
        permit, signed = self._permit(case, issued, answers)
        run = Run(case.case_id, issued, answers, permit, signed, self._name)
        output = self._relay.run(run)
        try:
            return permit, signed.digest, self._bits(run, output)
        except Refusal as bad:
            fault = Setback(bad.reason, waits=False, who=permit.evaluator)
            raise self._relay.judged(run, fault) from None

    def _permit(self, case: CaseRow, issued: Issued, answers: AnswerSet) -> tuple[Permit, Signed]:
        """The stored permit, or the registrar's."""
        if case.permit:
            message = common_pb2.SignedDocument.FromString(case.permit)
            signed = signed_from_wire(message)
            return context.check_permit(signed, issued, answers, self._federation), signed
        request = registrar_pb2.IssuePermitRequest(
            manifest=bytes.fromhex(issued.digest),
            kind="rules",
            answers=bytes.fromhex(answers.digest),
            silent=answers.silent,
        )
        registrar = self._federation.registrar.name
        timeout_s = self._settings.holder_timeout_s
        with setbacks(registrar):
            reply = self._dialer.call(
                registrar, ManifestServiceStub, "IssuePermit", request, timeout_s=timeout_s
            )
        signed = signed_from_wire(reply.permit)
        permit = context.check_permit(signed, issued, answers, self._federation)
        message = reply.permit.SerializeToString(deterministic=True)
        self._journal.permitted(case.case_id, permit, signed.digest, message)
        return permit, signed

    def _bits(self, run: Run, output: Output) -> list[int]:
        return read_bits(
            Outcome(output.flips, output.results),
            run.permit,
            output.header,
            count=len(run.issued.terms.layout.slots),
            to=Recipient(self._name, self._seal_key, self._federation),
        )
