"""RecheckPermitService: the reviewer's door. Thin; what is refused is ledgered."""

from typing import Any

from hedui.v1 import recheck_pb2 as pb
from hedui.v1 import recheck_pb2_grpc
from registrar.office import Office
from registrar.permits.rechecking import issue_recheck, read_determined
from runtime.transport.guard import current_caller
from runtime.transport.turns import Turns
from runtime.transport.wire import signed_to_wire


class RecheckPermitService(recheck_pb2_grpc.RecheckPermitServiceServicer):
    """Draws re-check permits for reviewers."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._turns = Turns("this case's re-check is being drawn up")

    def IssueRecheck(self, request: pb.IssueRecheckRequest, context: Any) -> pb.IssueRecheckReply:
        """One re-check permit per manifest."""
        reviewer, about = current_caller().name, dict[str, str]()
        who = {"reviewer": reviewer}
        with self._office.parts.refusals.ledgered("recheck.refused", committed=who, clear=about):
            determined = read_determined(request.determined, self._office.federation)
            about["manifest"] = determined.manifest
            with self._turns.take(determined.manifest):
                found = issue_recheck(self._office, determined, reviewer)
        return pb.IssueRecheckReply(
            manifest=signed_to_wire(found.manifest),
            first=signed_to_wire(found.first),
            permit=signed_to_wire(found.permit),
        )
