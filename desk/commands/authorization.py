"""``hedui authorization …``: letters, by clerk and checker.

Source: design.md 2.1.4, 2.3.2.
"""

from typing import Annotated

import typer
from rich.cells import set_cell_size

from desk.client import authorizations
from desk.command import Json, group, print_json, print_table
from desk.session import acting
from hedui.v1 import registrar_pb2 as pb
from model.documents.authorization import Authorization, HouseholdMember
from model.messages import N_, pgettext
from model.messages import gettext as _
from model.roles import Role

Number = Annotated[str, typer.Argument(help="The authorization's number.")]
Numbers = Annotated[list[str], typer.Argument(help="Numbers of authorizations.")]
Why = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="retention-over; or, before then: requested, registered-in-error, ordered.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm without asking.")]

app = group("Authorization letters: confirm, revoke, list, show, erase.")


@app.command()
def confirm(context: typer.Context, numbers: Numbers, yes: Yes = False) -> None:
    """Show each letter's terms and put it into force (checker; not the clerk who registered it)."""
    with acting(context) as person:
        for number in numbers:
            letter = authorizations.read(person, number)
            for line in describe(letter.terms):
                typer.echo(line)
            if not yes:
                typer.confirm(_("Confirm {number} as shown above?", number=number), abort=True)
            typer.echo(changed(authorizations.confirm(person, letter)))


@app.command()
def revoke(context: typer.Context, numbers: Numbers) -> None:
    """Withdraw authorizations: from now on their unused tickets are refused (clerk, checker)."""
    with acting(context) as person:
        for number in numbers:
            typer.echo(changed(authorizations.revoke(person, number)))


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List numbers and states, without names (clerk, checker)."""
    columns = {
        "number": N_("Number"),
        "state": N_("State"),
        "members": N_("Members"),
        "valid_to": N_("Valid until"),
    }
    with acting(context) as person:
        rows = [
            {name: getattr(row, name) for name in columns}
            for row in authorizations.authorizations(person)
        ]
    if not as_json:
        rows = [row | {"state": pgettext("letter", row["state"])} for row in rows]
    print_table(rows, columns, as_json=as_json, empty=N_("no authorizations"))


@app.command()
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show one letter in full; the ledger records that you read it (clerk, checker)."""
    with acting(context) as person:
        found = authorizations.read(person, number)
    if as_json:
        print_json(found.terms.model_dump() | {"state": found.state, "digest": found.digest})
        return
    for line in describe(found.terms):
        typer.echo(line)
    typer.echo(_fact(_("state"), pgettext("letter", found.state)))


@app.command()
def erase(
    context: typer.Context, numbers: Numbers, reason: Why = "retention-over", yes: Yes = False
) -> None:
    """Permanently erase letters that have ended: a clerk asks, then a checker does it."""
    with acting(context) as person:
        checker = person.member.role is Role.CHECKER
        for number in numbers:
            if checker and not yes:
                asked = _(
                    "Nobody will ever be able to read {number} again. Erase it?", number=number
                )
                typer.confirm(asked, abort=True)
            reply = authorizations.erase(person, number, reason)
            if checker:
                typer.echo(changed(reply))
            else:
                state = pgettext("letter", reply.state)
                typer.echo(
                    _(
                        "{number}: {state}; a checker must now erase it",
                        number=reply.number,
                        state=state,
                    )
                )


def changed(reply: pb.AuthorizationReply) -> str:
    """What has become of a letter, and where that stands in the registrar's ledger."""
    return _(
        "{number}: {state}, ledger entry {index}",
        number=reply.number,
        state=pgettext("letter", reply.state),
        index=reply.receipt.index,
    )


def describe(terms: Authorization) -> list[str]:
    """The terms of a letter, one fact a line."""
    valid = _("{first} to {last}", first=terms.valid_from, last=terms.valid_to)
    return [
        _fact(_("number"), terms.number),
        _fact(_("programmes"), ", ".join(terms.programmes)),
        _fact(_("purpose, level"), f"{terms.purpose}, {terms.level}"),
        _fact(_("region"), terms.region),
        _fact(_("reference date"), terms.reference_date),
        _fact(_("valid"), valid),
        _fact(_("evidence"), f"{terms.evidence_file} (SHA-256 {terms.evidence_sha256})"),
        _fact(_("clerk"), terms.clerk),
        _fact(_("one-source rules"), ", ".join(terms.single_department_rules) or _("none")),
        *(
            _fact(_("member {n}", n=position), _member(member))
            for position, member in enumerate(terms.members, 1)
        ),
        *(
            _fact(_("grant"), f"{grant.department}: {', '.join(grant.resources)}")
            for grant in terms.grants
        ),
    ]


def _member(member: HouseholdMember) -> str:
    by = _("guardian {person}", person=member.guardian) if member.guardian else member.signed
    return _(
        "{person}, {relation}, signed: {by}", person=member.person, relation=member.relation, by=by
    )


def _fact(label: str, value: str) -> str:
    # By cells, not characters: a Chinese one takes two.
    return f"{set_cell_size(label, 17)}{value}"
