"""CaseService: what officers call. Thin: it checks who signed, writes, and wakes a worker.

Trusts: the officer's pinned key. An officer acts under the own name only.
Learns: what the officer asks, and shows what the coordinator knows.
"""

from collections.abc import Callable
from typing import Any

from coordinator.case import store
from coordinator.case.erasing import Erasures
from coordinator.case.issued import officer_request
from coordinator.case.items import item_views
from coordinator.case.journal import Journal
from coordinator.case.state import CaseState
from coordinator.case.store import CaseRow
from coordinator.case.views import case_view
from crypto.errors import CryptoError
from hedui.v1 import common_pb2, coordinator_pb2_grpc
from hedui.v1 import coordinator_pb2 as pb
from model.documents.desk import CaseErasure, Decision
from model.documents.query import OfficerRequest
from model.documents.signed import Signed
from model.federation import Member
from model.reasons import Reason
from model.roles import Role
from runtime.documents import open_signed, require_requester
from runtime.errors import Refusal
from runtime.policy_service import Policies
from runtime.process import Parts
from runtime.storage.paging import check_state, page_of
from runtime.transport.guard import current_caller
from runtime.transport.server import AddService, offer
from runtime.transport.wire import signed_from_wire


class CaseService(coordinator_pb2_grpc.CaseServiceServicer):
    """Open, show, list, decide, erase."""

    def __init__(
        self,
        *,
        parts: Parts,
        journal: Journal,
        policies: Policies,
        wake: Callable[[str], None],
        erasures: Erasures,
    ) -> None:
        """``wake`` has a worker take up a case now."""
        self._name = parts.name
        self._federation = parts.federation
        self._refusals = parts.refusals
        self._journal = journal
        self._policies = policies
        self._wake = wake
        self._erasures = erasures

    def offered(self) -> AddService:
        """Return what registers it with a server."""
        return offer(coordinator_pb2_grpc.add_CaseServiceServicer_to_server, self)

    def OpenCase(self, request: pb.OpenCaseRequest, context: Any) -> pb.Case:
        """Store the case and return it; the work is done by the workers."""
        caller = current_caller().member
        with self._refusals.ledgered("request.refused", committed={"officer": caller.name}):
            signed = signed_from_wire(request.request)
            wanted = open_signed(signed, OfficerRequest, caller)
            if wanted.officer != caller.name:
                raise Refusal(Reason.SIGNATURE_INVALID, "the request names a different officer")
            require_requester(wanted.requester, self._name, self._federation)
            self._policies.approved(wanted.policy)
            second = self._countersigned(request, signed)
            message = request.request.SerializeToString(deterministic=True)
            case = self._journal.open_case(wanted, signed.digest, message, second)
        self._wake(case.case_id)
        return self._view(case)

    def GetCase(self, request: pb.GetCaseRequest, context: Any) -> pb.Case:
        """One case."""
        return self._view(self._case(request.case_id))

    def ListCases(self, request: pb.ListCasesRequest, context: Any) -> pb.ListCasesReply:
        """A page of cases, in the order of opening."""
        check_state(request.state, sorted(CaseState))
        if request.office or request.officer:
            raise Refusal(Reason.MALFORMED, "cases are not kept by office or officer yet")
        rows, after = self._journal.cases(page_of(request), *store.listed(request))
        return pb.ListCasesReply(cases=[self._view(row) for row in rows], next=after)

    def DecideCase(self, request: pb.DecideCaseRequest, context: Any) -> pb.Case:
        """Store the officer's decision; the last programme's closes the case."""
        caller, about = current_caller().member, dict[str, str]()
        who = {"officer": caller.name}
        with self._refusals.ledgered("request.refused", committed=who, clear=about):
            decision = open_signed(signed_from_wire(request.decision), Decision, caller)
            if decision.officer != caller.name:
                raise Refusal(Reason.SIGNATURE_INVALID, "the decision names a different officer")
            case = self._case(decision.case)
            about["case"] = case.case_id
            message = request.decision.SerializeToString(deterministic=True)
            if not self._repeated(case, decision):
                self._decide(case, decision, message)
        return self._view(self._case(decision.case))

    def EraseCase(self, request: pb.EraseCaseRequest, context: Any) -> pb.EraseCaseReply:
        """Ask for a case's erasure, or carry it out. Refusals are ledgered."""
        caller, about = current_caller(), dict[str, str]()
        who = {"person": caller.name}
        with self._refusals.ledgered("case.erasure_refused", committed=who, clear=about):
            wanted = open_signed(signed_from_wire(request.erasure), CaseErasure, caller.member)
            about["case"] = wanted.case
            if wanted.person != caller.name:
                raise Refusal(Reason.SIGNATURE_INVALID, "the erasure names a different person")
            message = request.erasure.SerializeToString(deterministic=True)
            entry = self._erasures.erase(wanted, message, caller.role)
        case = self._case(wanted.case)
        return pb.EraseCaseReply(case_id=case.case_id, state=case.state, ledger_entry=entry)

    def _decide(self, case: CaseRow, decision: Decision, message: bytes) -> None:
        if case.state is CaseState.ERASED:
            raise Refusal(Reason.CASE_ERASED)
        if case.state is CaseState.CLOSED:
            raise Refusal(Reason.CASE_CLOSED)
        if case.state is not CaseState.DETERMINED:
            raise Refusal(Reason.CASE_NOT_DETERMINED)
        programmes = set(officer_request(case).programmes)
        if decision.programme not in programmes:
            raise Refusal(Reason.PROGRAMME_NOT_GRANTED, "the case is not about this programme")
        decided = set(self._journal.decisions(case)) | {decision.programme}
        self._journal.decided(case, decision, message, last=decided == programmes)
        self._wake(case.case_id)

    def _repeated(self, case: CaseRow, decision: Decision) -> bool:
        """Whether this decision was signed before. Raises Refusal for another on the programme."""
        stored = self._journal.decisions(case).get(decision.programme)
        if stored is None:
            return False
        before = Decision.decode(common_pb2.SignedDocument.FromString(stored).body)
        if before.decision != decision.decision:
            raise Refusal(
                Reason.CASE_CLOSED, "a different decision has already been made on this programme"
            )
        if before.reason != decision.reason:
            raise Refusal(
                Reason.CASE_CLOSED,
                "this programme has already been decided, and the reason was signed",
            )
        return True

    def _countersigned(self, request: pb.OpenCaseRequest, signed: Signed) -> bytes:
        """The checker's signature over the same bytes, or b"" where there is none."""
        if not request.HasField("countersigned"):
            return b""
        second = signed_from_wire(request.countersigned)
        open_signed(second, OfficerRequest, self._checker(second.signer))
        if second.body != signed.body:
            raise Refusal(Reason.SIGNATURE_INVALID, "the checker signed a different request")
        return request.countersigned.SerializeToString(deterministic=True)

    def _checker(self, name: str) -> Member:
        member = self._federation.member(name)
        if member is None or member.role is not Role.CHECKER:
            raise Refusal(Reason.SIGNATURE_INVALID, "the countersignature is not a checker's")
        return member

    def _case(self, case_id: str) -> CaseRow:
        case = self._journal.case(case_id)
        if case is None:
            raise Refusal(Reason.CASE_UNKNOWN)
        return case

    def _view(self, case: CaseRow) -> pb.Case:
        try:
            return case_view(case, self._journal.progress(case.case_id), self._items(case))
        except CryptoError:
            raise Refusal(Reason.INTERNAL) from None

    def _items(self, case: CaseRow) -> list[pb.Item]:
        if not case.request:
            return []
        request = officer_request(case)
        policy = self._policies.known(request.policy)
        decided = self._journal.decided_programmes(case.case_id)
        return item_views(case, request.programmes, policy, decided)
