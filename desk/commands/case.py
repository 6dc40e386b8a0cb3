"""``hedui case list | show | decide | countersign | erase``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from desk.cases import case_table, print_case
from desk.client import cases
from desk.command import Json, group, local, print_json, print_table
from desk.session import acting
from model.roles import Role

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

app = group("Cases (案件): list, show, decide, erase.")


@app.command("list")
def list_all(context: typer.Context, state: State = "", as_json: Json = False) -> None:
    """List cases, oldest first."""
    with acting(context) as person:
        rows = [case_table(case) for case in cases.all_cases(person, state)]
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


@app.command()
def show(context: typer.Context, case_id: CaseId, as_json: Json = False) -> None:
    """Show one case in full: rules, departments, reasons, ledger entry."""
    with acting(context) as person:
        case = cases.find_case(person, case_id)
    if as_json:
        print_json(case_table(case))
    else:
        print_case(case)


@app.command()
def decide(
    context: typer.Context,
    case_id: CaseId,
    programme: Programme,
    decision: Chosen,
    reason: Why,
    as_json: Json = False,
) -> None:
    """Decide on a determined case and sign it. The determination is advice; this decides."""
    with acting(context) as person:
        case = cases.decide(person, case_id, programme, decision.value, reason)
    if as_json:
        print_json(case_table(case))
    else:
        typer.echo(f"{case.authorization}: {programme} {decision.value}; the case is {case.state}.")


@app.command()
def countersign(context: typer.Context, file: DraftFile) -> None:
    """As a checker, sign an officer's request for a second query, into the same file."""
    with acting(context) as person:
        request = cases.countersign(person, file)
    typer.echo(
        f"{file}: you have signed that {request.officer} may query {request.authorization} again "
        f"for {', '.join(request.programmes)}, because: {request.again}"
    )


@app.command()
def erase(
    context: typer.Context, case_id: CaseId, reason: WhyErase = "retention-over", yes: Yes = False
) -> None:
    """Destroy a case that is over, for ever: an officer asks, then a checker does it."""
    with acting(context) as person:
        checker = person.member.role is Role.CHECKER
        # A checker lists no cases: the officer says which, by its whole id.
        number = case_id if checker else cases.find_case(person, case_id).case_id
        if checker and not yes:
            typer.confirm(f"Nobody can read case {number} again after this. Erase it?", abort=True)
        reply = cases.erase(person, number, reason)
    if checker:
        typer.echo(f"{reply.case_id}: {reply.state}, ledger entry {reply.ledger_entry}")
    else:
        typer.echo(f"{reply.case_id}: asked for; a checker runs `hedui case erase {number}`")
