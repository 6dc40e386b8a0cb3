"""``hedui case list | show | decide | countersign | erase``.

Source: design.md 2.7.2.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import Json, options, print_table

if TYPE_CHECKING:
    from desk.client.acting import Acting
    from hedui.v1 import coordinator_pb2 as pb

_ID_CHARS = 32
_SHORT = 8


class Choice(StrEnum):
    """What an officer may decide."""

    GRANTED = "granted"
    REFUSED = "refused"


CaseId = Annotated[str, typer.Argument(help="The case's id, or its beginning.")]
State = Annotated[str, typer.Option("--state", help="Only cases in this state.")]
Programme = Annotated[str, typer.Argument(help="The programme that is decided on.")]
Chosen = Annotated[Choice, typer.Argument(help="granted or refused: your decision, signed.")]
Why = Annotated[str, typer.Option("--reason", help="Your reason, in your words.")]
WhyErase = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="retention-over; or, before that time: requested, registered-in-error, ordered.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Erase without asking.")]
DraftFile = Annotated[Path, typer.Argument(help="The officer's draft: `hedui verify … --draft`.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="Cases (案件): list, show, decide, erase.", no_args_is_help=True)
    group.command("list")(show_all)
    group.command("show")(show)
    group.command("decide")(decide)
    group.command("countersign")(countersign)
    group.command("erase")(erase)
    app.add_typer(group, name="case")


def show_all(context: typer.Context, state: State = "", as_json: Json = False) -> None:
    """List cases, oldest first."""
    from desk.client.acting import act
    from desk.commands.looking import local
    from desk.commands.requesting import all_cases
    from desk.commands.showing import case_table

    with act(options(context)) as acting:
        rows = [case_table(case) for case in all_cases(acting, state)]
    for row in rows:
        found = [f"{p['programme']}: {p['outcome']}" for p in row["programmes"]]
        row["short"] = row["case_id"][:_SHORT]
        row["result"] = ", ".join(found) or row["reason"]
        row["opened"] = local(row["opened_at"])
    columns = {
        "short": "case",
        "authorization": "authorization",
        "state": "state",
        "result": "result",
        "opened": "opened",
    }
    print_table(rows, columns, as_json=as_json, empty="no case")


def show(context: typer.Context, case_id: CaseId, as_json: Json = False) -> None:
    """Show one case in full: rules, departments, reasons, ledger entry."""
    import json

    from desk.client.acting import act
    from desk.commands.showing import case_table, print_case

    with act(options(context)) as acting:
        case = _find(acting, case_id)
    if as_json:
        sys.stdout.write(json.dumps(case_table(case), ensure_ascii=False, indent=2) + "\n")
        return
    print_case(case)


def decide(
    context: typer.Context,
    case_id: CaseId,
    programme: Programme,
    decision: Chosen,
    reason: Why,
    as_json: Json = False,
) -> None:
    """Decide on a determined case and sign it. The determination is advice; this decides."""
    import json

    from desk.client.acting import act
    from desk.commands.showing import case_table
    from hedui.v1.coordinator_pb2 import DecideCaseRequest
    from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
    from model.documents.desk import MAX_REASON, Decision
    from model.documents.signed import sign
    from model.fields import format_time
    from runtime.errors import SettingsError
    from runtime.transport.wire import signed_to_wire

    if not reason.strip() or len(reason) > MAX_REASON:
        raise SettingsError(
            f"--reason: 1 to {MAX_REASON} characters; the decision is signed with it"
        )
    with act(options(context)) as acting:
        found = _find(acting, case_id)
        known = [each.programme for each in found.programmes]
        if known and programme not in known:
            raise SettingsError(
                f'the case is not about programme "{programme}" (known: {", ".join(known)})'
            )
        document = Decision(
            case=found.case_id,
            programme=programme,
            decision=decision.value,
            reason=reason,
            officer=acting.identity.name,
            at=format_time(acting.clock.now()),
        )
        signed = sign(document, acting.identity.sign_key, acting.identity.name)
        request = DecideCaseRequest(decision=signed_to_wire(signed))
        process = acting.federation.coordinator.name
        case = acting.call(process, CaseServiceStub, "DecideCase", request)
    if as_json:
        sys.stdout.write(json.dumps(case_table(case), ensure_ascii=False, indent=2) + "\n")
        return
    typer.echo(f"{case.authorization}: {programme} {decision.value}; the case is {case.state}.")


def countersign(context: typer.Context, file: DraftFile) -> None:
    """As a checker, sign an officer's request for a second query, into the same file."""
    from desk.client.acting import act
    from desk.commands import requesting

    with act(options(context)) as acting:
        request = requesting.countersign(acting, file)
    typer.echo(
        f"{file}: you have signed that {request.officer} may query {request.authorization} again "
        f"for {', '.join(request.programmes)}, because: {request.again}"
    )


def erase(
    context: typer.Context, case_id: CaseId, reason: WhyErase = "retention-over", yes: Yes = False
) -> None:
    """Destroy a case that is over, for ever: an officer asks, then a checker does it."""
    from desk.client.acting import act
    from model.roles import Role

    with act(options(context)) as acting:
        checker = acting.member.role is Role.CHECKER
        # A checker lists no cases: the officer says which, by its whole id.
        number = case_id if checker else _find(acting, case_id).case_id
        if checker and not yes:
            typer.confirm(f"Nobody can read case {number} again after this. Erase it?", abort=True)
        reply = _erase(acting, number, reason)
    if checker:
        typer.echo(f"{reply.case_id}: {reply.state}, ledger entry {reply.ledger_entry}")
    else:
        typer.echo(f"{reply.case_id}: asked for; a checker runs `hedui case erase {number}`")


def _erase(acting: "Acting", number: str, reason: str) -> "pb.EraseCaseReply":
    from typing import get_args

    from pydantic import ValidationError

    from hedui.v1.coordinator_pb2 import EraseCaseRequest
    from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
    from model.documents.authorization import ErasureReason
    from model.documents.desk import CaseErasure
    from model.documents.signed import sign
    from runtime.errors import SettingsError
    from runtime.transport.wire import signed_to_wire

    name = acting.identity.name
    try:
        table = {"case": number, "reason": reason, "person": name}
        wanted = CaseErasure.model_validate(table)
    except ValidationError:
        raise SettingsError(
            f'"{number}" with the reason "{reason}": the case is its whole id, 32 hex digits, the '
            f"reason one of {', '.join(get_args(ErasureReason))}"
        ) from None
    signed = sign(wanted, acting.identity.sign_key, name)
    request = EraseCaseRequest(erasure=signed_to_wire(signed))
    process = acting.federation.coordinator.name
    reply: pb.EraseCaseReply = acting.call(process, CaseServiceStub, "EraseCase", request)
    return reply


def _find(acting: "Acting", case_id: str) -> "pb.Case":
    """The case of this id, or the only one that begins so. Raises SettingsError."""
    from desk.commands.requesting import all_cases, get_case
    from runtime.errors import SettingsError

    if len(case_id) == _ID_CHARS:
        return get_case(acting, case_id)
    found = [case for case in all_cases(acting) if case.case_id.startswith(case_id)]
    if len(found) != 1:
        raise SettingsError(f'{len(found)} cases begin with "{case_id}"; see `hedui case list`')
    return found[0]
