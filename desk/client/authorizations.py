"""Authorization letters at the registrar: signed by clerk and checker, on their own machines.

Source: design.md 2.1.4, 2.3.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from desk.client.acting import Acting, pages
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import AuthorizationServiceStub
from model.documents.authorization import (
    Authorization,
    AuthorizationCheck,
    Erasure,
    ErasureReason,
)
from model.documents.signed import sign
from model.federation import Person
from model.messages import gettext as _
from model.roles import Role
from runtime.documents import open_signed
from runtime.errors import Refused, SettingsError
from runtime.transport.wire import signed_from_wire, signed_to_wire


@dataclass(frozen=True)
class Registered:
    """A letter that the registrar shows: its terms as a clerk signed them, digest (hex), state."""

    terms: Authorization
    digest: str
    state: str


def register(
    acting: Acting, letter: Authorization, *, source: object = ""
) -> pb.AuthorizationReply:
    """Register a clerk's letter; it comes into force once a checker confirms it.

    Raises CallError; what is refused names ``source``, the file, or the number.
    """
    signed = sign(letter, acting.identity.sign_key, acting.identity.name)
    request = pb.RegisterAuthorizationRequest(authorization=signed_to_wire(signed))
    return _call(acting, "RegisterAuthorization", request, source or letter.number)  # type: ignore[no-any-return]


def read(acting: Acting, number: str) -> Registered:
    """One letter in full; that it was read stands in the registrar's ledger.

    Raises CallError; SettingsError unless it is this letter, as a clerk signed it.
    """
    reply = _call(acting, "GetAuthorization", pb.GetAuthorizationRequest(number=number), number)
    signed = signed_from_wire(reply.authorization)
    clerk = acting.federation.member(signed.signer)
    if not isinstance(clerk, Person) or clerk.role is not Role.CLERK:
        raise SettingsError(
            _("{number}: the registrar shows a letter that no clerk has signed", number=number)
        )
    terms = open_signed(signed, Authorization, clerk)
    if terms.number != number:
        raise SettingsError(
            _(
                "{number}: the registrar shows a different letter, {other}",
                number=number,
                other=terms.number,
            )
        )
    return Registered(terms, signed.digest, reply.state)


def confirm(acting: Acting, letter: Registered) -> pb.AuthorizationReply:
    """Put a letter into force, as a checker who has read exactly these terms. Raises CallError."""
    name, number = acting.identity.name, letter.terms.number
    check = AuthorizationCheck(number=number, authorization=letter.digest, checker=name)
    signed = sign(check, acting.identity.sign_key, name)
    request = pb.ConfirmAuthorizationRequest(check=signed_to_wire(signed))
    return _call(acting, "ConfirmAuthorization", request, number)  # type: ignore[no-any-return]


def revoke(acting: Acting, number: str) -> pb.AuthorizationReply:
    """Withdraw an authorization: its unspent tickets are refused from now on. Raises CallError."""
    request = pb.RevokeAuthorizationRequest(number=number)
    return _call(acting, "RevokeAuthorization", request, number)  # type: ignore[no-any-return]


def erase(acting: Acting, number: str, reason: str) -> pb.AuthorizationReply:
    """Sign that a letter is to be destroyed: a clerk asks, then a checker does it.

    Raises CallError; SettingsError for a number or a reason that is none.
    """
    name = acting.identity.name
    try:
        table = {"number": number, "reason": reason, "person": name}
        wanted = Erasure.model_validate(table)
    except ValidationError:
        raise SettingsError(
            _(
                '"{number}" with the reason "{reason}": a number consists of letters, digits and '
                "hyphens; the reason is one of {reasons}",
                number=number,
                reason=reason,
                reasons=", ".join(get_args(ErasureReason)),
            )
        ) from None
    signed = sign(wanted, acting.identity.sign_key, name)
    request = pb.EraseAuthorizationRequest(erasure=signed_to_wire(signed))
    return _call(acting, "EraseAuthorization", request, number)  # type: ignore[no-any-return]


def authorizations(acting: Acting) -> Iterator[pb.AuthorizationRow]:
    """Numbers and states of all letters, without names, page by page. Raises CallError."""

    def ask(request: object) -> Any:
        return _call(acting, "ListAuthorizations", request)

    for page in pages(ask, pb.ListAuthorizationsRequest()):
        yield from page.authorizations


def _call(acting: Acting, method: str, request: object, source: object = "") -> Any:
    """Call the registrar; a refusal names ``source``: the file or number that it is about."""
    registrar = acting.federation.registrar.name
    try:
        return acting.call(registrar, AuthorizationServiceStub, method, request)
    except Refused as refused:
        raise refused.about(source) if source else refused from None
