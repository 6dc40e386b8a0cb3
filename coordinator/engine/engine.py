"""What a case does next. Each step reads what is stored, so any of them can be taken again.

Source: design.md 2.6.8, 2.7.3, 2.7.5, 5.13.
opened: have the manifest issued. asking: ask whoever has not answered. opening: permit, relay,
bits, determination. closed: tell the registrar that the application ended. A case that waits
is taken up again with the same ids; a kill between two steps loses nothing.
"""

from dataclasses import dataclass
from typing import Final

from coordinator.asking.asking import Asking
from coordinator.case.issued import Issued, officer_request, parse_issued, read_issued
from coordinator.case.journal import Journal
from coordinator.case.state import RUNNING, CaseState, Setback, setbacks
from coordinator.case.store import CaseRow
from coordinator.determination.drawing import draw
from coordinator.opening.opening import Opening
from coordinator.opening.relay import OpeningFailed
from coordinator.settings import CoordinatorSettings
from hedui.v1 import common_pb2, registrar_pb2
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.federation import Federation
from model.reasons import Reason
from runtime.clock import Clock
from runtime.documents import PolicyLookup
from runtime.errors import Refusal
from runtime.logging import Log
from runtime.storage.faults import LedgerUnavailable
from runtime.transport.channel import Dialer
from runtime.transport.wire import signed_from_wire

_INCONCLUSIVE: Final = frozenset({Reason.MANIFEST_EXPIRED, Reason.HOLDER_FAILED})
"""Reasons that are nobody's refusal: the case was allowed and did not come to an end."""


@dataclass(frozen=True)
class Engine:
    """Takes cases forward. One object for all worker threads; no case in two at a time."""

    journal: Journal
    asking: Asking
    opening: Opening
    dialer: Dialer
    federation: Federation
    policy_of: PolicyLookup
    settings: CoordinatorSettings
    clock: Clock
    log: Log

    def advance(self, case_id: str) -> bool:
        """Take a case as far as it goes. True where it waits and is to be taken up again."""
        try:
            return self._advance(case_id)
        except LedgerUnavailable:
            return True

    def _advance(self, case_id: str) -> bool:
        case = self.journal.case(case_id)
        while case is not None and _has_work(case):
            try:
                self._step(case)
            except Setback as fault:
                if fault.waits:
                    self.journal.waits(case, fault.reason)
                    return True
                self._end(case, fault)
            except LedgerUnavailable:
                raise
            except Refusal as refusal:
                self._end(case, Setback(refusal.reason, waits=False))
            except Exception as error:
                # A mistake of ours: the officer sees that the case waits, the log says where.
                self.log.fault("case.failed", error, case_id=case_id)
                self.journal.waits(case, Reason.INTERNAL)
                return True
            case = self.journal.case(case_id)
        return False

    def _step(self, case: CaseRow) -> None:
        if case.state is CaseState.OPENED:
            self._issue(case)
        elif case.state is CaseState.ASKING:
            self.asking.round(case.case_id, self.issued(case))
            self.journal.complete(case.case_id)
        elif case.state is CaseState.OPENING:
            self._open(case)
        else:
            self._tell(case)

    def _issue(self, case: CaseRow) -> None:
        """Relay the officer's request; the same request brings the same manifest."""
        request = registrar_pb2.IssueManifestRequest(
            request=common_pb2.SignedDocument.FromString(case.request)
        )
        if case.countersigned:
            request.countersigned.ParseFromString(case.countersigned)
        reply = self._registrar("IssueManifest", request)
        issued = self._read(case, reply)
        tickets = [
            (name, issued.queries[name], message.SerializeToString(deterministic=True))
            for name, message in zip(issued.tickets, reply.tickets, strict=True)
        ]
        kept = reply.SerializeToString(deterministic=True)
        self.journal.issued(case, issued.digest, kept, tickets)
        self.log.info("case.asking", case_id=case.case_id)

    def _open(self, case: CaseRow) -> None:
        issued = self.issued(case)
        permit, digest, bits = self.opening.open(case, issued)
        self.journal.determined(
            case,
            manifest=issued.digest,
            permit=digest,
            document=draw(issued.terms, bits, silent=permit.silent),
            bits="".join(map(str, bits)),
        )
        self.log.info("case.determined", case_id=case.case_id)

    def _tell(self, case: CaseRow) -> None:
        """The registrar records that the application ended, never why: all closings look alike."""
        manifest = signed_from_wire(parse_issued(case.manifest).manifest)
        request = registrar_pb2.CloseApplicationRequest(manifest=bytes.fromhex(manifest.digest))
        try:
            self._registrar("CloseApplication", request)
        except Setback as fault:
            if fault.waits:
                raise
            # Revoked or past its end: it has ended by itself.
            self.log.warning("case.close_refused", case_id=case.case_id, reason=str(fault.reason))
        self.journal.told(case.case_id)

    def issued(self, case: CaseRow) -> Issued:
        """What the registrar issued for a case, checked again. Raises Refusal."""
        return self._read(case, parse_issued(case.manifest))

    def _read(self, case: CaseRow, reply: registrar_pb2.IssueManifestReply) -> Issued:
        return read_issued(
            reply,
            officer_request(case),
            policy_of=self.policy_of,
            federation=self.federation,
            now=self.clock.now(),
        )

    def _registrar(self, method: str, request: object) -> registrar_pb2.IssueManifestReply:
        registrar = self.federation.registrar.name
        timeout_s = self.settings.call_timeout_s
        with setbacks(registrar):
            reply: registrar_pb2.IssueManifestReply = self.dialer.call(
                registrar, ManifestServiceStub, method, request, timeout_s=timeout_s
            )
        return reply

    def _end(self, case: CaseRow, fault: Setback) -> None:
        if case.state not in RUNNING:
            raise fault
        manifest = _manifest_digest(case)
        failed = None
        state = CaseState.REFUSED
        if isinstance(fault, OpeningFailed):
            failed = {"permit": fault.permit, "reason": str(fault.cause)}
            failed |= {"holder": fault.who} if fault.who else {}
            state = CaseState.INCONCLUSIVE
        elif fault.reason in _INCONCLUSIVE:
            state = CaseState.INCONCLUSIVE
        # Only the registrar's sentence: a department's refusal is its code and nothing else.
        detail = fault.detail if fault.who == self.federation.registrar.name else ""
        self.journal.end(case, state, fault.reason, manifest=manifest, detail=detail, failed=failed)
        self.log.info(f"case.{state}", case_id=case.case_id, reason=str(fault.reason))


def _manifest_digest(case: CaseRow) -> str:
    if not case.manifest:
        return ""
    return signed_from_wire(parse_issued(case.manifest).manifest).digest


def _has_work(case: CaseRow) -> bool:
    return case.state in RUNNING or (case.state is CaseState.CLOSED and not case.told)
