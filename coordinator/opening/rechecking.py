"""RecheckService: the coordinator relays a re-check, and cannot read what comes out.

Source: design.md 2.6.15; docs/adr/0016-re-check.md.
Trusts: the registrar's pinned key for the permit, which names holders and reviewer.
Learns: that a case is re-checked, and by whom. Flips and results are sealed to the reviewer.
Steps are stored as they come: a repeat of the call goes on from there, also after a kill.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from coordinator.case.issued import Issued
from coordinator.case.journal import Journal, require_determined
from coordinator.case.rechecks import Rechecks
from coordinator.case.state import Setback
from coordinator.case.store import CaseRow
from coordinator.opening import context
from coordinator.opening.relay import OpeningFailed, Output, Relay, Run
from hedui.v1 import common_pb2, recheck_pb2_grpc
from hedui.v1 import recheck_pb2 as pb
from model.documents.opening import RecheckPermit
from model.documents.signed import Signed
from model.explanations import EXPLANATIONS
from model.federation import Federation
from model.reasons import Reason
from runtime.disclosure import seal_reveals
from runtime.documents import reviewer_of
from runtime.errors import Refusal
from runtime.refusing import Refusals
from runtime.transport.guard import current_caller, ensure_time
from runtime.transport.server import AddService, offer
from runtime.transport.turns import Turns
from runtime.transport.wire import signed_from_wire

ReadCase = Callable[[CaseRow], Issued]
"""What the registrar issued for a case; raises Refusal."""


@dataclass(frozen=True)
class Kept:
    """What the coordinator keeps of cases, of their re-checks, and of what it refused."""

    journal: Journal
    rechecks: Rechecks
    refusals: Refusals


class RecheckService(recheck_pb2_grpc.RecheckServiceServicer):
    """The reviewer's door to the holders."""

    def __init__(
        self,
        *,
        kept: Kept,
        relay: Relay,
        issued_of: ReadCase,
        policy_bytes: Callable[[str], bytes],
        federation: Federation,
    ) -> None:
        """``policy_bytes`` gives the exact bytes of a policy by digest, hex."""
        self._journal: Final = kept.journal
        self._rechecks: Final = kept.rechecks
        self._refusals: Final = kept.refusals
        self._relay: Final = relay
        self._issued_of: Final = issued_of
        self._policy_bytes: Final = policy_bytes
        self._federation: Final = federation
        self._turns: Final = Turns("this case's re-check is under way")

    def offered(self) -> AddService:
        """Return what registers it with a server."""
        return offer(recheck_pb2_grpc.add_RecheckServiceServicer_to_server, self)

    def Recheck(self, request: pb.RecheckRequest, context: Any) -> pb.RecheckReply:
        """Relay what is left to relay, and hand over what came out."""
        who, about = {"reviewer": current_caller().name}, dict[str, str]()
        with self._refusals.ledgered("recheck.refused", committed=who, clear=about):
            signed = signed_from_wire(request.permit)
            about["permit"] = signed.digest
            with self._turns.take(request.case_id):
                reply = self._recheck(request, signed)
        ensure_time()
        return reply

    def _recheck(self, request: pb.RecheckRequest, signed: Signed) -> pb.RecheckReply:
        case = require_determined(self._journal.case(request.case_id))
        run, permit = self._run(case, signed)
        message = request.permit.SerializeToString(deterministic=True)
        self._rechecks.received(case, permit, signed.digest, message)
        output = self._output(run)
        self._rechecks.returned(case.case_id, permit=signed.digest, manifest=permit.manifest)
        return self._reply(case, run, permit, output)

    def _run(self, case: CaseRow, signed: Signed) -> tuple[Run, RecheckPermit]:
        """What is to be relayed: this case, its answers, a permit in the caller's name."""
        issued = self._issued_of(case)
        answers = context.answer_set(issued.digest, self._journal.tickets(case.case_id))
        first = signed_from_wire(common_pb2.SignedDocument.FromString(case.permit))
        permit = context.check_recheck_permit(signed, first, issued, answers, self._federation)
        if permit.reviewer != current_caller().name:
            raise Refusal(Reason.PERMIT_MISMATCH, "the re-check is another reviewer's")
        if permit.determined != self._rechecks.determined_leaf(case):
            raise Refusal(Reason.PERMIT_MISMATCH, "the re-check is of another determination")
        run = Run(case.case_id, issued, answers, permit, signed, permit.reviewer, first)
        return run, permit

    def _output(self, run: Run) -> Output:
        """What comes out. Raises Refusal; a failure for good is kept and told again."""
        row = self._rechecks.get(run.case_id)
        if row is not None and row.failed:
            raise Refusal(Reason(row.failed))
        try:
            return self._relay.run(run)
        except OpeningFailed as failed:
            about = {"permit": failed.permit, "manifest": run.issued.digest}
            about |= {"holder": failed.who} if failed.who else {}
            self._rechecks.failed(run.case_id, failed.reason, reason=str(failed.cause), **about)
            raise _told(failed) from None
        except Setback as fault:
            raise _told(fault) from None

    def _reply(
        self, case: CaseRow, run: Run, permit: RecheckPermit, output: Output
    ) -> pb.RecheckReply:
        return pb.RecheckReply(
            mask=output.mask,
            flips=output.flips,
            results=output.results,
            reveals=seal_reveals(
                self._rechecks.bits_reveal(case),
                run.issued.reveals["programmes"],
                reviewer=reviewer_of(permit, self._federation),
                permit=run.signed.digest,
            ),
            policy=self._policy_bytes(run.issued.manifest.policy),
        )


def _told(fault: Setback) -> Refusal:
    """What the reviewer is told: which holder, and what happened."""
    return Refusal(fault.reason, f"key holder {fault.who}: {EXPLANATIONS[fault.reason].happened}")
