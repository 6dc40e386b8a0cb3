"""``hedui authorization …``: letters, by clerk and checker."""

from typing import Annotated

import typer

from desk.client import authorizations
from desk.command import Json, group, print_json, print_table
from desk.session import acting
from hedui.v1 import registrar_pb2 as pb
from model.documents.authorization import Authorization
from model.roles import Role

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

app = group("Authorization letters: confirm, revoke, list, show, erase.")


@app.command()
def confirm(context: typer.Context, numbers: Numbers, yes: Yes = False) -> None:
    """Show each letter's terms and put it into force (checker, another person than the clerk)."""
    with acting(context) as person:
        for number in numbers:
            letter = authorizations.read(person, number)
            for line in describe(letter.terms):
                typer.echo(line)
            if not yes:
                typer.confirm(f"Confirm {number} as it stands here?", abort=True)
            _print(authorizations.confirm(person, letter))


@app.command()
def revoke(context: typer.Context, numbers: Numbers) -> None:
    """Withdraw authorizations: their unspent tickets are refused from now on (clerk, checker)."""
    with acting(context) as person:
        for number in numbers:
            _print(authorizations.revoke(person, number))


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List numbers and states, without names (clerk, checker)."""
    columns = {"number": "Number", "state": "State", "members": "Members", "valid_to": "Valid to"}
    with acting(context) as person:
        rows = [
            {name: getattr(row, name) for name in columns}
            for row in authorizations.authorizations(person)
        ]
    print_table(rows, columns, as_json=as_json, empty="no authorizations")


@app.command()
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show one letter in full; that it was read stands in the ledger (clerk, checker)."""
    with acting(context) as person:
        found = authorizations.read(person, number)
    if as_json:
        print_json(found.terms.model_dump() | {"state": found.state, "digest": found.digest})
        return
    for line in [*describe(found.terms), f"state            {found.state}"]:
        typer.echo(line)


@app.command()
def erase(
    context: typer.Context, numbers: Numbers, reason: Why = "retention-over", yes: Yes = False
) -> None:
    """Destroy letters that are over, for ever: a clerk asks, then a checker does it."""
    with acting(context) as person:
        checker = person.member.role is Role.CHECKER
        for number in numbers:
            if checker and not yes:
                typer.confirm(f"Nobody can read {number} again after this. Erase it?", abort=True)
            reply = authorizations.erase(person, number, reason)
            done = f"ledger entry {reply.receipt.index}" if checker else "a checker is to erase it"
            typer.echo(f"{reply.number}: {reply.state}, {done}")


def _print(reply: pb.AuthorizationReply) -> None:
    typer.echo(f"{reply.number}: {reply.state}, ledger entry {reply.receipt.index}")


def describe(terms: Authorization) -> list[str]:
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
