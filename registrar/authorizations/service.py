"""AuthorizationService: clerks and checkers, acting with their own certificates."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from hedui.v1 import registrar_pb2 as pb
from hedui.v1 import registrar_pb2_grpc
from hedui.v1.common_pb2 import SignedDocument
from model.documents.authorization import Authorization, AuthorizationCheck, Erasure
from model.documents.signed import DocumentError, Signed
from registrar.authorizations import desk, erasing, store
from registrar.authorizations.checking import state_on
from registrar.authorizations.store import AuthorizationRow
from registrar.office import Office
from runtime.storage.paging import check_state, page_of
from runtime.transport.guard import current_caller
from runtime.transport.wire import signed_from_wire, signed_to_wire

STATES: Final = ("draft", "in-force", "revoked", "ended", "expired", "erased")

T = TypeVar("T")


class AuthorizationService(registrar_pb2_grpc.AuthorizationServiceServicer):
    """Thin: each call does one thing of ``desk`` and ledgers what is refused."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def RegisterAuthorization(
        self, request: pb.RegisterAuthorizationRequest, context: Any
    ) -> pb.AuthorizationReply:
        """Store a letter; not in force yet."""
        signed, caller = self._signed(request.authorization), current_caller()
        number = _number(signed, Authorization)
        row = self._guarded(number, lambda: desk.register(self._office, signed, caller))
        return self._reply(row)

    def ConfirmAuthorization(
        self, request: pb.ConfirmAuthorizationRequest, context: Any
    ) -> pb.AuthorizationReply:
        """Put it into force."""
        signed, caller = self._signed(request.check), current_caller()
        number = _number(signed, AuthorizationCheck)
        row = self._guarded(number, lambda: desk.confirm(self._office, signed, caller))
        return self._reply(row)

    def RevokeAuthorization(
        self, request: pb.RevokeAuthorizationRequest, context: Any
    ) -> pb.AuthorizationReply:
        """Withdraw it: as easy as giving, one person is enough."""
        number = request.number
        row = self._guarded(number, lambda: desk.end(self._office, number, "revoked"))
        return self._reply(row)

    def EraseAuthorization(
        self, request: pb.EraseAuthorizationRequest, context: Any
    ) -> pb.AuthorizationReply:
        """Ask for its erasure, or carry it out."""
        signed, caller = self._signed(request.erasure), current_caller()
        number = _number(signed, Erasure)
        row = self._guarded(number, lambda: erasing.erase(self._office, signed, caller))
        return self._reply(row)

    def GetAuthorization(
        self, request: pb.GetAuthorizationRequest, context: Any
    ) -> pb.GetAuthorizationReply:
        """One letter in full."""
        caller = current_caller()
        letter = self._guarded(
            request.number, lambda: desk.read(self._office, request.number, caller)
        )
        check = signed_to_wire(letter.confirmation) if letter.confirmation else None
        return pb.GetAuthorizationReply(
            authorization=signed_to_wire(letter.signed),
            check=check,
            state=state_on(letter.row, self._office.today()),
        )

    def ListAuthorizations(
        self, request: pb.ListAuthorizationsRequest, context: Any
    ) -> pb.ListAuthorizationsReply:
        """Numbers and states, without names."""
        check_state(request.state, STATES)
        today, wanted = self._office.today(), page_of(request)
        with self._office.parts.database.read() as conn:
            rows, after = store.page(conn, wanted, *store.listed(request, today))
        return pb.ListAuthorizationsReply(
            authorizations=[
                pb.AuthorizationRow(
                    number=row.number,
                    state=state_on(row, today),
                    members=row.members,
                    valid_to=row.valid_to,
                )
                for row in rows
            ],
            next=after,
        )

    def _signed(self, message: SignedDocument) -> Signed:
        return self._guarded("", lambda: signed_from_wire(message))

    def _guarded(self, number: str, act: Callable[[], T]) -> T:
        """Act; a refusal is ledgered with the caller and the number as commitments."""
        who = {"authorization": number[:80], "person": current_caller().name}
        with self._office.parts.refusals.ledgered("authorization.refused", committed=who):
            return act()

    def _reply(self, row: AuthorizationRow) -> pb.AuthorizationReply:
        state = state_on(row, self._office.today())
        receipt = self._office.receipt(row.entry)
        return pb.AuthorizationReply(number=row.number, state=state, receipt=receipt)


def _number(
    signed: Signed, kind: type[Authorization] | type[AuthorizationCheck] | type[Erasure]
) -> str:
    """The number that a document names, for the ledger of refusals; "" where it has none."""
    try:
        return kind.decode(signed.body).number
    except DocumentError:
        return ""
