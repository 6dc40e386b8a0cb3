"""``hedui budget propose | approve | list``: how many people a department may enrol."""

from collections.abc import Callable
from typing import Annotated

import typer

from desk.client import budgets
from desk.client.acting import Acting
from desk.client.budgets import Budget
from desk.command import Json, group, print_table
from desk.session import acting
from hedui.v1 import registrar_pb2 as pb
from model.messages import N_, pgettext
from model.messages import gettext as _

Departments = Annotated[list[str], typer.Argument(help="Departments.")]
Total = Annotated[
    int, typer.Option("--total", min=1, help="Evaluations allowed in all, to begin with.")
]
Daily = Annotated[
    int, typer.Option("--daily", min=0, help="Evaluations allowed a day once the total is used up.")
]
Epoch = Annotated[int, typer.Option("--epoch", min=1, help="Epoch of the PRF key.")]

COLUMNS = {
    "department": N_("Department"),
    "epoch": N_("Epoch"),
    "total": N_("Total"),
    "daily": N_("Daily"),
    "used": N_("Used"),
    "state": N_("State"),
}

app = group("Enrolment budgets: one registrar officer proposes, another approves.")


@app.command()
def propose(
    context: typer.Context, departments: Departments, total: Total, daily: Daily, epoch: Epoch = 1
) -> None:
    """Propose a budget for each department (registrar officer)."""
    _each(context, budgets.propose, [Budget(d, total, daily, epoch) for d in departments])


@app.command()
def approve(
    context: typer.Context, departments: Departments, total: Total, daily: Daily, epoch: Epoch = 1
) -> None:
    """Approve what another officer has proposed; the numbers must be the same."""
    _each(context, budgets.approve, [Budget(d, total, daily, epoch) for d in departments])


def _each(
    context: typer.Context, act: Callable[[Acting, Budget], pb.BudgetReply], asked: list[Budget]
) -> None:
    with acting(context) as person:
        replies = [act(person, budget) for budget in asked]
    for budget, reply in zip(asked, replies, strict=True):
        typer.echo(
            _(
                "{department}, epoch {epoch}: {state}, {total} in all, then {daily} a day",
                department=budget.department,
                epoch=budget.epoch,
                state=pgettext("budget", reply.state),
                total=budget.total,
                daily=budget.daily,
            )
        )


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List budgets in force, how much of each is used, and open proposals."""
    with acting(context) as person:
        found = budgets.budgets(person)
    rows = [{name: getattr(row, name) for name in COLUMNS} for row in found]
    print_table(rows, COLUMNS, as_json=as_json, empty=N_("no budgets"))
