"""``hedui authorize`` and ``hedui authorization …``: letters, by clerk and checker.

Source: design.md 2.1.4, 2.3.2.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.command import Json, options, print_table

if TYPE_CHECKING:
    from desk.client.acting import Acting
    from model.documents.authorization import Authorization

Letters = Annotated[list[Path], typer.Argument(help="Letters as TOML.")]
Number = Annotated[str, typer.Argument(help="The authorization's number.")]
Numbers = Annotated[list[str], typer.Argument(help="Numbers of authorizations.")]
Why = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="retention-over; or, before that time: requested, registered-in-error, ordered.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm without asking.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("authorize")(authorize)
    group = typer.Typer(
        help="Authorization letters: confirm, revoke, list, show, erase.", no_args_is_help=True
    )
    group.command("confirm")(confirm)
    group.command("revoke")(revoke)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("erase")(erase)
    app.add_typer(group, name="authorization")


def authorize(context: typer.Context, files: Letters) -> None:
    """Register letters (clerk). They come into force once a checker confirms them."""
    from desk.client.acting import act
    from desk.commands.letter import read_letter
    from hedui.v1.registrar_pb2 import RegisterAuthorizationRequest
    from model.documents.signed import sign
    from runtime.transport.wire import signed_to_wire

    with act(options(context)) as acting:
        # All letters are read before the first is sent.
        letters = [read_letter(path, clerk=acting.identity.name) for path in files]
        for path, letter in zip(files, letters, strict=True):
            signed = sign(letter, acting.identity.sign_key, acting.identity.name)
            request = RegisterAuthorizationRequest(authorization=signed_to_wire(signed))
            reply = _call(acting, "RegisterAuthorization", request, source=path)
            typer.echo(f"{reply.number}: {reply.state}, ledger entry {reply.receipt.index}")


def confirm(context: typer.Context, numbers: Numbers, yes: Yes = False) -> None:
    """Show each letter's terms and put it into force (checker, another person than the clerk)."""
    from desk.client.acting import act

    with act(options(context)) as acting:
        for number in numbers:
            _confirm(acting, number, yes=yes)


def _confirm(acting: "Acting", number: str, *, yes: bool) -> None:
    from hedui.v1.registrar_pb2 import ConfirmAuthorizationRequest
    from model.documents.authorization import AuthorizationCheck
    from model.documents.signed import sign
    from runtime.transport.wire import signed_to_wire

    terms, digest, _ = _read(acting, number)
    for line in describe(terms):
        typer.echo(line)
    if not yes:
        typer.confirm(f"Confirm {number} as it stands here?", abort=True)
    name = acting.identity.name
    check = AuthorizationCheck(number=number, authorization=digest, checker=name)
    signed = sign(check, acting.identity.sign_key, name)
    request = ConfirmAuthorizationRequest(check=signed_to_wire(signed))
    reply = _call(acting, "ConfirmAuthorization", request, source=number)
    typer.echo(f"{reply.number}: {reply.state}, ledger entry {reply.receipt.index}")


def revoke(context: typer.Context, numbers: Numbers) -> None:
    """Withdraw authorizations: their unspent tickets are refused from now on (clerk, checker)."""
    from desk.client.acting import act
    from hedui.v1.registrar_pb2 import RevokeAuthorizationRequest

    with act(options(context)) as acting:
        for number in numbers:
            request = RevokeAuthorizationRequest(number=number)
            reply = _call(acting, "RevokeAuthorization", request, source=number)
            typer.echo(f"{reply.number}: {reply.state}, ledger entry {reply.receipt.index}")


def erase(
    context: typer.Context, numbers: Numbers, reason: Why = "retention-over", yes: Yes = False
) -> None:
    """Destroy letters that are over, for ever: a clerk asks, then a checker does it."""
    from desk.client.acting import act
    from model.roles import Role

    with act(options(context)) as acting:
        checker = acting.member.role is Role.CHECKER
        for number in numbers:
            if checker and not yes:
                typer.confirm(f"Nobody can read {number} again after this. Erase it?", abort=True)
            reply = _erase(acting, number, reason)
            done = f"ledger entry {reply.receipt.index}" if checker else "a checker is to erase it"
            typer.echo(f"{reply.number}: {reply.state}, {done}")


def _erase(acting: "Acting", number: str, reason: str) -> Any:
    from typing import get_args

    from pydantic import ValidationError

    from hedui.v1.registrar_pb2 import EraseAuthorizationRequest
    from model.documents.authorization import Erasure, ErasureReason
    from model.documents.signed import sign
    from runtime.errors import SettingsError
    from runtime.transport.wire import signed_to_wire

    name = acting.identity.name
    try:
        table = {"number": number, "reason": reason, "person": name}
        wanted = Erasure.model_validate(table)
    except ValidationError:
        raise SettingsError(
            f'"{number}" with the reason "{reason}": the number is letters, digits and hyphens, '
            f"the reason one of {', '.join(get_args(ErasureReason))}"
        ) from None
    signed = sign(wanted, acting.identity.sign_key, name)
    request = EraseAuthorizationRequest(erasure=signed_to_wire(signed))
    return _call(acting, "EraseAuthorization", request, source=number)


def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List numbers and states, without names (clerk, checker)."""
    from desk.client.acting import act
    from hedui.v1.registrar_pb2 import ListAuthorizationsRequest

    rows: list[dict[str, object]] = []
    with act(options(context)) as acting:
        after = ""
        while True:
            request = ListAuthorizationsRequest(after=after, limit=500)
            page = _call(acting, "ListAuthorizations", request).authorizations
            rows += [
                {
                    "number": row.number,
                    "state": row.state,
                    "members": row.members,
                    "valid_to": row.valid_to,
                }
                for row in page
            ]
            if len(page) < 500:
                break
            after = page[-1].number
    columns = {"number": "Number", "state": "State", "members": "Members", "valid_to": "Valid to"}
    print_table(rows, columns, as_json=as_json, empty="no authorizations")


def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show one letter in full; that it was read stands in the ledger (clerk, checker)."""
    import json

    from desk.client.acting import act

    with act(options(context)) as acting:
        terms, digest, state = _read(acting, number)
    if as_json:
        table = terms.model_dump() | {"state": state, "digest": digest}
        typer.echo(json.dumps(table, ensure_ascii=False, indent=2))
        return
    for line in [*describe(terms), f"state            {state}"]:
        typer.echo(line)


def describe(terms: "Authorization") -> list[str]:
    """The terms of a letter, one fact a line."""
    lines = [
        f"number           {terms.number}",
        f"programmes       {', '.join(terms.programmes)}",
        f"purpose, level   {terms.purpose}, {terms.level}",
        f"region           {terms.region}",
        f"reference date   {terms.reference_date}",
        f"valid            {terms.valid_from} to {terms.valid_to}",
        f"evidence         {terms.evidence_file} (SHA-256 {terms.evidence_sha256})",
        f"clerk            {terms.clerk}",
        f"single rules     {', '.join(terms.single_department_rules) or 'none'}",
    ]
    for position, member in enumerate(terms.members, 1):
        by = f"guardian {member.guardian}" if member.guardian else member.signed
        lines.append(f"member {position:<9} {member.person}, {member.relation}, signed: {by}")
    for grant in terms.grants:
        lines.append(f"grant            {grant.department}: {', '.join(grant.resources)}")
    return lines


def _read(acting: "Acting", number: str) -> "tuple[Authorization, str, str]":
    """Terms, digest and state. Raises unless it is this letter, as a clerk signed it."""
    from hedui.v1.registrar_pb2 import GetAuthorizationRequest
    from model.documents.authorization import Authorization
    from model.federation import Person
    from model.roles import Role
    from runtime.documents import open_signed
    from runtime.errors import SettingsError
    from runtime.transport.wire import signed_from_wire

    reply = _call(acting, "GetAuthorization", GetAuthorizationRequest(number=number), source=number)
    signed = signed_from_wire(reply.authorization)
    clerk = acting.federation.member(signed.signer)
    if not isinstance(clerk, Person) or clerk.role is not Role.CLERK:
        raise SettingsError(f"{number}: the registrar shows a letter that no clerk signed")
    terms = open_signed(signed, Authorization, clerk)
    if terms.number != number:
        raise SettingsError(f"{number}: the registrar shows another letter, {terms.number}")
    return terms, signed.digest, reply.state


def _call(acting: "Acting", method: str, request: object, *, source: object = "") -> Any:
    """Call the registrar; a refusal names ``source``: the file or number that it is about."""
    from hedui.v1.registrar_pb2_grpc import AuthorizationServiceStub
    from runtime.errors import Refused

    registrar = acting.federation.registrar.name
    try:
        return acting.call(registrar, AuthorizationServiceStub, method, request)
    except Refused as refused:
        raise refused.about(source) if source else refused from None
