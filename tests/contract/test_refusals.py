"""Every way in which a service says no: one ledger entry, one log line, the right status."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from hedui.v1 import coordinator_pb2, holder_pb2, node_pb2, policy_pb2, recheck_pb2, registrar_pb2
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from hedui.v1.holder_pb2_grpc import HolderServiceStub
from hedui.v1.node_pb2_grpc import AnswerAuditServiceStub, QueryServiceStub
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from hedui.v1.recheck_pb2_grpc import RecheckPermitServiceStub, RecheckServiceStub
from hedui.v1.registrar_pb2_grpc import (
    AuthorizationServiceStub,
    BudgetServiceStub,
    EnrolmentServiceStub,
    ManifestServiceStub,
    SampleServiceStub,
)
from ledger.events import EVENTS
from model.reasons import Reason
from runtime.errors import Refused
from runtime.site.endpoints import Endpoints
from runtime.site.identity import Identity, load_person
from runtime.transport.channel import Dialer
from runtime.transport.status import status_of
from tests.support.county import County, make_county

SERVED = ("registrar", "coordinator", "bank")


@dataclass
class Statuses(grpc.UnaryUnaryClientInterceptor):
    """What gRPC itself says of each call."""

    seen: list[grpc.StatusCode]

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Look, and change nothing."""
        call = continuation(details, request)
        self.seen.append(call.code())
        return call


@dataclass
class Callers:
    """The county, and everybody's channels to it."""

    county: County
    statuses: Statuses
    stack: ExitStack

    def dialer(self, name: str) -> Dialer:
        """As one process or person."""
        dialer = Dialer(
            federation=self.county.federation,
            identity=self._identity(name),
            endpoints=Endpoints(self.county.home),
            clock=self.county.clock,
            extra_interceptors=[self.statuses],
        )
        return self.stack.enter_context(dialer)

    def _identity(self, name: str) -> Identity:
        if name in self.county.services:
            return self.county.services[name].parts.identity
        return load_person(self.county.home, name)[1]

    def lines(self, process: str) -> list[dict[str, Any]]:
        """Its log's lines about calls that failed."""
        log = self.county.home / process / "log" / f"{process}.jsonl"
        lines = map(json.loads, log.read_text().splitlines())
        return [line for line in lines if line["event"] in ("call.refused", "call.failed")]


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    county = make_county(tmp_path_factory.mktemp("refusals") / "home")
    with ExitStack() as stack:
        stack.callback(county.stop)
        for name in SERVED:
            county.start(name)
        yield Callers(county, Statuses([]), stack)


@dataclass(frozen=True)
class Case:
    """Who calls what, and what must follow."""

    caller: str
    process: str
    stub: Any
    method: str
    request: Any
    event: str
    reason: Reason


_R, _C, _B, _NOBODYS = "registrar", "coordinator", "bank", bytes(32)
REFUSED = {
    "a letter that is no document": Case(
        "clara", _R, AuthorizationServiceStub, "RegisterAuthorization",
        registrar_pb2.RegisterAuthorizationRequest(),
        "authorization.refused", Reason.MALFORMED),
    "a letter that nobody knows": Case(
        "clara", _R, AuthorizationServiceStub, "RevokeAuthorization",
        registrar_pb2.RevokeAuthorizationRequest(number="330212-2026-000009"),
        "authorization.refused", Reason.AUTHORIZATION_UNKNOWN),
    "a budget of no department": Case(
        "rita", _R, BudgetServiceStub, "ProposeBudget",
        registrar_pb2.ProposeBudgetRequest(department="nowhere", total=1),
        "budget.refused", Reason.MALFORMED),
    "a batch of another department": Case(
        _B, _R, EnrolmentServiceStub, "Evaluate",
        registrar_pb2.EvaluateRequest(department="tax", epoch=1),
        "enrolment.refused", Reason.WRONG_DEPARTMENT),
    "a request for a manifest that is no document": Case(
        _C, _R, ManifestServiceStub, "IssueManifest", registrar_pb2.IssueManifestRequest(),
        "manifest.refused", Reason.MALFORMED),
    "a permit for no manifest": Case(
        _C, _R, ManifestServiceStub, "IssuePermit",
        registrar_pb2.IssuePermitRequest(manifest=_NOBODYS, answers=_NOBODYS, kind="rules"),
        "permit.refused", Reason.MANIFEST_UNKNOWN),
    "a re-check of nothing": Case(
        "rosa", _R, RecheckPermitServiceStub, "IssueRecheck", recheck_pb2.IssueRecheckRequest(),
        "recheck.refused", Reason.PROOF_INVALID),
    "a sample beyond all entries": Case(
        "rosa", _R, SampleServiceStub, "DrawSample",
        registrar_pb2.DrawSampleRequest(entries=[1 << 60], of=1),
        "sample.refused", Reason.MALFORMED),
    "a case that is no document": Case(
        "olga", _C, CaseServiceStub, "OpenCase", coordinator_pb2.OpenCaseRequest(),
        "request.refused", Reason.MALFORMED),
    "a decision that is no document": Case(
        "olga", _C, CaseServiceStub, "DecideCase", coordinator_pb2.DecideCaseRequest(),
        "request.refused", Reason.MALFORMED),
    "an erasure that is no document": Case(
        "olga", _C, CaseServiceStub, "EraseCase", coordinator_pb2.EraseCaseRequest(),
        "case.erasure_refused", Reason.MALFORMED),
    "a re-check without a permit": Case(
        "rosa", _C, RecheckServiceStub, "Recheck", recheck_pb2.RecheckRequest(),
        "recheck.refused", Reason.MALFORMED),
    "a query without papers": Case(
        _C, _B, QueryServiceStub, "Answer", node_pb2.AnswerRequest(),
        "query.refused", Reason.MALFORMED),
    "an answer without a grant": Case(
        "rosa", _B, AnswerAuditServiceStub, "DiscloseAnswer", node_pb2.DiscloseAnswerRequest(),
        "sample.refused", Reason.MALFORMED),
    "an opening without papers": Case(
        _C, _B, HolderServiceStub, "Mask", holder_pb2.MaskRequest(),
        "opening.refused", Reason.MALFORMED),
    "a step of no opening": Case(
        _C, _B, HolderServiceStub, "Compare", holder_pb2.CompareRequest(permit=_NOBODYS),
        "opening.refused", Reason.STEP_OUT_OF_ORDER),
    "a step of what is no permit": Case(
        _C, _B, HolderServiceStub, "ProveShare", holder_pb2.ProveShareRequest(permit=b"short"),
        "opening.refused", Reason.MALFORMED),
    "a holder that is asked without a manifest": Case(
        _R, _B, HolderServiceStub, "Accept", holder_pb2.AcceptRequest(),
        "opening.refused", Reason.MALFORMED),
    "a policy that is none": Case(
        "bert", _B, PolicyServiceStub, "ApprovePolicy",
        policy_pb2.ApprovePolicyRequest(policy=b"a." * 100 + b"a = 1"),
        "policy.refused", Reason.POLICY_INVALID),
    "a policy that is not in force": Case(
        "bert", _B, PolicyServiceStub, "WithdrawPolicy",
        policy_pb2.WithdrawPolicyRequest(digest=_NOBODYS),
        "policy.refused", Reason.POLICY_UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_no_is_one_entry_one_line_one_status(callers: Callers, case: Case) -> None:
    entries, lines = callers.county.ledger(case.process), callers.lines(case.process)
    callers.statuses.seen.clear()
    with pytest.raises(Refused) as caught:
        callers.dialer(case.caller).call(
            case.process, case.stub, case.method, case.request, timeout_s=30
        )
    assert caught.value.reason is case.reason
    assert callers.statuses.seen == [status_of(case.reason)]
    added = callers.county.ledger(case.process)[len(entries) :]
    assert [(e.event, e.fields["reason"]) for e in added] == [(case.event, str(case.reason))]
    (line,) = callers.lines(case.process)[len(lines) :]
    assert line["method"].endswith(f"/{case.method}")
    assert line["reason"] == str(case.reason)


# What ends otherwise than by a no of this process: counts, and what others said.
OTHERS = {"call.refused", "case.refused", "answer.refused"}


def test_every_event_of_a_refusal_has_its_row() -> None:
    refusals = {name for name in EVENTS if name.endswith("refused")}
    assert {case.event for case in REFUSED.values()} == refusals - OTHERS
