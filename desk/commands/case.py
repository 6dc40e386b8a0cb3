"""``hedui case list | show | decide | countersign | erase``.

Source: design.md 2.7.2.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.cases import case_table, print_case
from desk.client import cases
from desk.command import Json, group, local, print_json, print_table
from desk.session import acting
from model.messages import N_, pgettext
from model.messages import gettext as _
from model.roles import Role

_SHORT = 8


class Choice(StrEnum):
    """What an officer may decide."""

    GRANTED = "granted"
    REFUSED = "refused"


CaseId = Annotated[str, typer.Argument(help="The case's id, or its first digits.")]
State = Annotated[str, typer.Option("--state", help="Only cases in this state.")]
Programme = Annotated[str, typer.Argument(help="The programme that you decide on.")]
Chosen = Annotated[Choice, typer.Argument(help="granted or refused: your decision, signed.")]
Why = Annotated[str, typer.Option("--reason", help="Your reason, in your own words.")]
WhyErase = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="retention-over; or, before then: requested, registered-in-error, ordered.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Erase without asking.")]
DraftFile = Annotated[
    Path, typer.Argument(help="The officer's draft, made with `hedui verify … --draft`.")
]

app = group("Cases: list, show, decide, countersign, erase.")


@app.command("list")
def list_all(context: typer.Context, state: State = "", as_json: Json = False) -> None:
    """List cases, oldest first."""
    with acting(context) as person:
        rows = [case_table(case) for case in cases.all_cases(person, state)]
    for row in rows:
        row["short"] = row["case_id"][:_SHORT]
        row["result"] = _result(row["programmes"], str) or row["reason"]
        row["opened"] = local(row["opened_at"])
    columns = {
        "short": N_("case"),
        "authorization": N_("authorization"),
        "state": N_("state"),
        "result": N_("result"),
        "opened": N_("opened"),
    }
    shown = rows if as_json else [row | _said(row) for row in rows]
    print_table(shown, columns, as_json=as_json, empty=N_("no cases"))


def _result(programmes: list[dict[str, Any]], say: Callable[[str], str]) -> str:
    return ", ".join(f"{each['programme']}: {say(each['outcome'])}" for each in programmes)


def _said(row: dict[str, Any]) -> dict[str, str]:
    """State and result in the reader's language."""
    result = _result(row["programmes"], lambda outcome: pgettext("outcome", outcome))
    return {"state": pgettext("case", row["state"]), "result": result or row["reason"]}


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
    """Make and sign the decision on a determined case. The determination is only advice."""
    with acting(context) as person:
        case = cases.decide(person, case_id, programme, decision.value, reason)
    if as_json:
        print_json(case_table(case))
    else:
        typer.echo(
            _(
                "{number}: {programme} {decision}; the case is now {state}.",
                number=case.authorization,
                programme=programme,
                decision=pgettext("decision", decision.value),
                state=pgettext("case", case.state),
            )
        )


@app.command()
def countersign(context: typer.Context, file: DraftFile) -> None:
    """Add a checker's signature to an officer's request for another query, in the same file."""
    with acting(context) as person:
        request = cases.countersign(person, file)
    typer.echo(
        _(
            "{file}: you have signed that {officer} may query {number} again for {programmes}, "
            "because: {again}",
            file=file,
            officer=request.officer,
            number=request.authorization,
            programmes=", ".join(request.programmes),
            again=request.again,
        )
    )


@app.command()
def erase(
    context: typer.Context, case_id: CaseId, reason: WhyErase = "retention-over", yes: Yes = False
) -> None:
    """Permanently erase a case that has ended: an officer asks, then a checker does it."""
    with acting(context) as person:
        checker = person.member.role is Role.CHECKER
        # A checker lists no cases: the officer says which, by its whole id.
        number = case_id if checker else cases.find_case(person, case_id).case_id
        if checker and not yes:
            asked = _("Nobody will ever be able to read {number} again. Erase it?", number=number)
            typer.confirm(asked, abort=True)
        reply = cases.erase(person, number, reason)
    if checker:
        said = _(
            "{number}: {state}, ledger entry {index}",
            number=reply.case_id,
            state=pgettext("case", reply.state),
            index=reply.ledger_entry,
        )
    else:
        said = _("{number}: asked for; a checker runs `hedui case erase {number}`", number=number)
    typer.echo(said)
