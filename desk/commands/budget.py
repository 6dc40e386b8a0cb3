"""``hedui budget propose | approve | list``: how many people a department may enrol."""

from typing import Annotated, Any

import typer

from desk.command import Json, Options, options, print_table

Departments = Annotated[list[str], typer.Argument(help="Departments.")]
Total = Annotated[int, typer.Option("--total", min=1, help="Evaluations in all, to begin with.")]
Daily = Annotated[
    int, typer.Option("--daily", min=0, help="Evaluations a day once the total is used.")
]
Epoch = Annotated[int, typer.Option("--epoch", min=1, help="Epoch of the PRF key.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        help="Enrolment budgets: one registrar officer proposes, another approves.",
        no_args_is_help=True,
    )
    group.command("propose")(propose)
    group.command("approve")(approve)
    group.command("list")(list_all)
    app.add_typer(group, name="budget")


def propose(
    context: typer.Context, departments: Departments, total: Total, daily: Daily, epoch: Epoch = 1
) -> None:
    """Propose a budget for each department (registrar officer)."""
    from hedui.v1.registrar_pb2 import ProposeBudgetRequest

    requests = [
        ProposeBudgetRequest(department=d, epoch=epoch, total=total, daily=daily)
        for d in departments
    ]
    _each(options(context), "ProposeBudget", requests)


def approve(
    context: typer.Context, departments: Departments, total: Total, daily: Daily, epoch: Epoch = 1
) -> None:
    """Approve what another officer proposed; the numbers must be the same."""
    from hedui.v1.registrar_pb2 import ApproveBudgetRequest

    requests = [
        ApproveBudgetRequest(department=d, epoch=epoch, total=total, daily=daily)
        for d in departments
    ]
    _each(options(context), "ApproveBudget", requests)


def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List budgets in force, what is used of them, and open proposals."""
    from hedui.v1.registrar_pb2 import ListBudgetsRequest

    [reply] = _calls(options(context), "ListBudgets", [ListBudgetsRequest()])
    names = ("department", "epoch", "total", "daily", "used", "state")
    rows = [{name: getattr(row, name) for name in names} for row in reply.budgets]
    columns = {name: name.capitalize() for name in names}
    print_table(rows, columns, as_json=as_json, empty="no budgets")


def _each(given: Options, method: str, requests: list[Any]) -> None:
    for request, reply in zip(requests, _calls(given, method, requests), strict=True):
        typer.echo(
            f"{request.department}, epoch {request.epoch}: {reply.state}, "
            f"{request.total} in all, {request.daily} a day"
        )


def _calls(given: Options, method: str, requests: list[Any]) -> list[Any]:
    from desk.client.acting import act
    from hedui.v1.registrar_pb2_grpc import BudgetServiceStub

    with act(given) as acting:
        registrar = acting.federation.registrar.name
        return [acting.call(registrar, BudgetServiceStub, method, r) for r in requests]
