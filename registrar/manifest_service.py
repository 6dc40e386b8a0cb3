"""ManifestService: what the coordinator needs for a case. Thin; what is refused is ledgered."""

from typing import Any

from hedui.v1 import common_pb2, registrar_pb2_grpc
from hedui.v1 import registrar_pb2 as pb
from model.documents.query import OfficerRequest
from model.documents.signed import DocumentError, Signed
from model.limits import DIGEST_BYTES, MAX_DEPARTMENTS
from model.reasons import Reason
from registrar.authorizations import grants
from registrar.manifests import tickets
from registrar.manifests.issuing import Issued, issue
from registrar.manifests.store import ManifestRow
from registrar.office import Office
from registrar.permits.issuing import find_manifest, issue_permit
from runtime.documents import require_requester
from runtime.errors import Refusal
from runtime.transport.guard import current_caller, ensure_time
from runtime.transport.turns import Turns
from runtime.transport.wire import reveals_to_wire, signed_from_wire, signed_to_wire


class ManifestService(registrar_pb2_grpc.ManifestServiceServicer):
    """The coordinator's door."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._turns = Turns("this manifest's permit is being drawn up")

    def IssueManifest(
        self, request: pb.IssueManifestRequest, context: Any
    ) -> pb.IssueManifestReply:
        """A manifest and its tickets."""
        issued = self._issue(request)
        # The coordinator asks again with the same request if nobody waits any more.
        ensure_time()
        return pb.IssueManifestReply(
            manifest=signed_to_wire(issued.manifest),
            tickets=[signed_to_wire(ticket) for ticket in issued.tickets],
            reveals=reveals_to_wire(issued.reveals),
        )

    def RenewTicket(self, request: pb.RenewTicketRequest, context: Any) -> pb.RenewTicketReply:
        """A later expiry."""
        renewed = tickets.renew(
            self._office, signed_from_wire(request.ticket), caller=current_caller().name
        )
        return pb.RenewTicketReply(ticket=signed_to_wire(renewed))

    def GetRevocationList(
        self, request: pb.GetRevocationListRequest, context: Any
    ) -> pb.GetRevocationListReply:
        """The caller's newest list for one department."""
        requester = current_caller().name
        pages = tickets.revocation_list(self._office, request.department, requester)
        return pb.GetRevocationListReply(pages=[signed_to_wire(page) for page in pages])

    def IssuePermit(self, request: pb.IssuePermitRequest, context: Any) -> pb.IssuePermitReply:
        """One permit per manifest and kind."""
        manifest, answers = _digest(request.manifest), _digest(request.answers)
        if len(request.silent) > MAX_DEPARTMENTS:
            raise Refusal(Reason.MALFORMED, "more silent departments than there can be")
        about = {"manifest": manifest, "requester": current_caller().name}
        with self._office.parts.refusals.ledgered("permit.refused", clear=about):
            if request.kind != "rules":
                raise Refusal(Reason.MALFORMED, 'kind: only "rules" is opened for a coordinator')
            row = self._own_manifest(manifest)
            with self._turns.take(manifest):
                permit = issue_permit(self._office, row, answers, list(request.silent))
        return pb.IssuePermitReply(permit=signed_to_wire(permit))

    def CloseApplication(
        self, request: pb.CloseApplicationRequest, context: Any
    ) -> common_pb2.Empty:
        """The caller's application ended; nobody learns here why."""
        row = self._own_manifest(_digest(request.manifest))
        grants.close(self._office, row.number, current_caller().name)
        return common_pb2.Empty()

    def _own_manifest(self, manifest: str) -> ManifestRow:
        """The row of a manifest that the caller may use. Raises Refusal."""
        row = find_manifest(self._office, manifest)
        require_requester(row.requester, current_caller().name, self._office.federation)
        return row

    def _issue(self, request: pb.IssueManifestRequest) -> Issued:
        who: dict[str, str] = {}
        clear = {"requester": current_caller().name}
        with self._office.parts.refusals.ledgered("manifest.refused", committed=who, clear=clear):
            signed, counter = signed_from_wire(request.request), None
            who.update(_named(signed))
            if request.HasField("countersigned"):
                counter = signed_from_wire(request.countersigned)
            return issue(self._office, signed, counter, caller=current_caller().name)


def _named(signed: Signed) -> dict[str, str]:
    """Authorization and officer that a request names, unverified, for the refusal's entry."""
    try:
        request = OfficerRequest.decode(signed.body)
    except DocumentError:
        return {"officer": signed.signer[:80]}
    return {"authorization": request.authorization, "officer": request.officer}


def _digest(data: bytes) -> str:
    if len(data) != DIGEST_BYTES:
        raise Refusal(Reason.MALFORMED, f"a digest is {DIGEST_BYTES} bytes")
    return data.hex()
