"""ManifestService: what the coordinator needs for a case. Thin; what is refused is ledgered."""

from typing import Any

from hedui.v1 import common_pb2, registrar_pb2_grpc
from hedui.v1 import registrar_pb2 as pb
from model.documents.query import OfficerRequest
from model.documents.signed import DocumentError, Signed
from model.limits import DIGEST_BYTES, MAX_DEPARTMENTS
from model.reasons import Reason
from registrar.authorizations import desk
from registrar.manifests import tickets
from registrar.manifests.issuing import Issued, issue
from registrar.office import Office
from registrar.permits.issuing import find_manifest, issue_permit
from runtime.errors import Refusal
from runtime.transport.guard import ensure_time
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
        renewed = tickets.renew(self._office, signed_from_wire(request.ticket))
        return pb.RenewTicketReply(ticket=signed_to_wire(renewed))

    def GetRevocationList(
        self, request: pb.GetRevocationListRequest, context: Any
    ) -> pb.GetRevocationListReply:
        """The newest list."""
        revocations = tickets.revocation_list(self._office)
        return pb.GetRevocationListReply(revocations=signed_to_wire(revocations))

    def IssuePermit(self, request: pb.IssuePermitRequest, context: Any) -> pb.IssuePermitReply:
        """One permit per manifest and kind."""
        manifest, answers = _digest(request.manifest), _digest(request.answers)
        if len(request.silent) > MAX_DEPARTMENTS:
            raise Refusal(Reason.MALFORMED, "more silent departments than there can be")
        about = {"manifest": manifest}
        with self._office.parts.refusals.ledgered("permit.refused", clear=about):
            if request.kind != "rules":
                raise Refusal(Reason.MALFORMED, 'kind: only "rules" is opened for a coordinator')
            row = find_manifest(self._office, manifest)
            with self._turns.take(manifest):
                permit = issue_permit(self._office, row, answers, list(request.silent))
        return pb.IssuePermitReply(permit=signed_to_wire(permit))

    def CloseApplication(
        self, request: pb.CloseApplicationRequest, context: Any
    ) -> common_pb2.Empty:
        """The application ended; nobody learns here why."""
        row = find_manifest(self._office, _digest(request.manifest))
        desk.end(self._office, row.number, "ended")
        return common_pb2.Empty()

    def _issue(self, request: pb.IssueManifestRequest) -> Issued:
        who: dict[str, str] = {}
        with self._office.parts.refusals.ledgered("manifest.refused", committed=who):
            signed, counter = signed_from_wire(request.request), None
            who.update(_named(signed))
            if request.HasField("countersigned"):
                counter = signed_from_wire(request.countersigned)
            return issue(self._office, signed, counter)


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
